// SPDX-License-Identifier: GPL-2.0-or-later
/* store_open(): what it refuses, that it leaves what it refuses alone, and migrations. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "results/store/history.h"

static const enum store_mode modes[] = { STORE_READ, STORE_WRITE, STORE_CREATE };

static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

static void beside(const char *path, const char *end, char out[200])
{
	snprintf(out, 200, "%s%s", path, end);
}

/* One line that names the file. */
static void assert_words(const char *path, const char *words)
{
	if (!strstr(why.text, path) || !strstr(why.text, words) || strchr(why.text, '\n'))
		fail_msg("'%s' names neither %s nor '%s', or is no line", why.text, path, words);
}

/* Refused with @err in @mode, nothing changed and nothing left beside it. */
static void assert_refused(const char *path, enum store_mode mode, int err, const char *words)
{
	uint64_t was = fixture_digest(path);
	char wal[200], shm[200];
	struct store *s = (struct store *)1;

	memset(&why, 0, sizeof(why));
	assert_int_equal(store_open(&s, path, mode, &why), err);
	assert_null(s);
	assert_words(path, words);
	assert_true(fixture_digest(path) == was);
	beside(path, "-wal", wal);
	beside(path, "-shm", shm);
	assert_int_not_equal(access(wal, F_OK), 0);
	assert_int_not_equal(access(shm, F_OK), 0);
}

static void foreign_files_are_refused(void **state)
{
	static const char text[] = "this is a text, not a database, and long enough to be one\n";
	const struct fixture *f = *state;
	char random[8192];

	srand(1);
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (char)rand();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *path = in_dir(f, "foreign");

		fixture_write(path, text, sizeof(text));
		assert_refused(path, modes[i], -EINVAL, "not a database");
		fixture_write(path, "x", 1);
		assert_refused(path, modes[i], -EINVAL, "not a database");
		fixture_write(path, random, sizeof(random));
		assert_refused(path, modes[i], -EINVAL, "not a database");
		unlink(path);
		fixture_sql(path, "CREATE TABLE t (a); PRAGMA application_id = 7");
		assert_refused(path, modes[i], -EINVAL, "not one of tdcost");
		unlink(path);
		assert_refused(f->dir, modes[i], -EINVAL, "a directory");
		assert_refused("/dev/null", modes[i], -EINVAL, "not a plain file");
	}
}

static void what_is_not_there_is_not_made_by_reading(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		const char *path = in_dir(f, "none");

		assert_refused(path, modes[i], -ENOENT, "no such file");
		assert_int_not_equal(access(path, F_OK), 0);
		fixture_write(path, "", 0);
		assert_refused(path, modes[i], -ENOENT, "empty");
		unlink(path);
	}
	assert_refused(in_dir(f, "no/dir"), STORE_CREATE, -EACCES, "cannot be opened");
}

static void an_empty_file_counts_as_not_there(void **state)
{
	const struct fixture *f = *state;
	const char *path = in_dir(f, "empty?50%.db"); /* and its name means nothing to SQLite */
	struct store *s;

	fixture_write(path, "", 0);
	OK(store_open(&s, path, STORE_CREATE, &why));
	store_close(s);
	assert_int_equal(fixture_int(path, "PRAGMA application_id"), STORE_APPLICATION_ID);
	assert_int_equal(fixture_int(path, "PRAGMA user_version"), store_history.version);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	f->s = NULL;
	fixture_sql(f->path, "PRAGMA user_version = 99");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_refused(f->path, modes[i], -EPROTO, "(schema 99, this one knows 4)");
		assert_words(f->path, "update tdcost");
	}
}

/* A newer tdcost died before its -wal went into the file: the header is old, the truth is new. */
static void a_newer_schema_in_the_wal_is_refused(void **state)
{
	struct fixture *f = *state;
	char from[200], to[200], copy[160];

	OK(sql_exec(f->s, "PRAGMA user_version = 99", &why));
	snprintf(copy, sizeof(copy), "%s", in_dir(f, "copy.db"));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct store *s;
		uint64_t was;

		fixture_copy(f->path, copy);
		beside(f->path, "-wal", from);
		beside(copy, "-wal", to);
		fixture_copy(from, to);
		was = fixture_digest(copy);
		assert_int_equal(store_open(&s, copy, modes[i], &why), -EPROTO);
		assert_words(copy, "schema 99");
		assert_true(fixture_digest(copy) == was);
	}
}

/* The rest runs as somebody whom permissions bind, which root is not. */
static void drop_root(void)
{
	if (!geteuid())
		assert_int_equal(seteuid(65534), 0);
}

static void regain_root(void)
{
	if (geteuid() != getuid())
		assert_int_equal(seteuid(getuid()), 0);
}

static int open_unprivileged(const char *path, enum store_mode mode)
{
	struct store_run_row *rows = NULL;
	struct store *s;
	int err;

	drop_root();
	err = store_open(&s, path, mode, &why);
	if (!err)
		err = store_runs(s, &rows, &why);
	if (err >= 0) {
		free(rows);
		store_close(s);
	}
	regain_root();
	return err;
}

static void read_only_is_enough_to_read(void **state)
{
	struct fixture *f = *state;

	OK(fixture_begin(f->s, "aaaaaaaa-1", NULL, f->boot, 1));
	store_close(f->s);
	f->s = NULL;
	for (int in_wal = 0; in_wal < 2; in_wal++) {
		uint64_t was;

		/* Shipped in DELETE mode first, then in the mode that writing leaves. */
		fixture_sql(f->path,
			    in_wal ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE");
		was = fixture_digest(f->path);
		chmod(f->path, 0444);
		chmod(f->dir, 0555);
		assert_int_equal(OK(open_unprivileged(f->path, STORE_READ)), 1);
		assert_int_equal(open_unprivileged(f->path, STORE_WRITE), -EACCES);
		assert_words(f->path, "--db");
		assert_int_equal(open_unprivileged(f->path, STORE_CREATE), -EACCES);
		chmod(f->path, 0666); /* the file may be written, but nothing beside it */
		assert_int_equal(open_unprivileged(f->path, STORE_WRITE), -EACCES);
		chmod(f->path, 0);
		assert_int_equal(open_unprivileged(f->path, STORE_READ), -EACCES);
		assert_int_equal(open_unprivileged(in_dir(f, "new.db"), STORE_CREATE), -EACCES);
		chmod(f->path, 0644);
		chmod(f->dir, 0755);
		assert_true(fixture_digest(f->path) == was);
	}
}

/* Declaring such a file immutable would hide the rounds that only its -wal holds. */
static void a_wal_that_cannot_be_read_is_not_passed_over(void **state)
{
	struct fixture *f = *state;
	char dir[160], copy[180], from[200], to[200];

	OK(fixture_begin(f->s, "aaaaaaaa-1", NULL, f->boot, 1));
	snprintf(dir, sizeof(dir), "%s", in_dir(f, "ro"));
	snprintf(copy, sizeof(copy), "%s/c.db", dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	fixture_copy(f->path, copy);
	beside(f->path, "-wal", from);
	beside(copy, "-wal", to);
	fixture_copy(from, to);
	chmod(dir, 0555);
	assert_int_equal(open_unprivileged(copy, STORE_READ), -EACCES);
	assert_words(copy, "-wal");
	chmod(dir, 0755);
	assert_int_equal(OK(open_unprivileged(copy, STORE_READ) < 0 ? chmod(dir, 0777) : 0), 0);
	assert_int_equal(OK(open_unprivileged(copy, STORE_READ)), 1);
}

static void reading_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct store *s;
	int64_t boot;

	OK(store_open(&s, f->path, STORE_READ, &why));
	assert_int_equal(fixture_put_boot(s, "6.1", "boot-2", &boot), -EACCES);
	assert_words(f->path, "cannot be written");
	store_close(s);
}

static void a_full_disk_keeps_finished_rounds(void **state)
{
	struct fixture *f = *state;
	unsigned rounds = 0;
	int err;

	OK(fixture_begin(f->s, "aaaaaaaa-1", NULL, f->boot, 1));
	OK(sql_exec(f->s, "PRAGMA max_page_count = 60", &why));
	while (!(err = fixture_put_round(f->s, "aaaaaaaa-1", f->boot, rounds, 3, 500)))
		rounds++;
	assert_int_equal(err, -ENOSPC);
	assert_words(f->path, "the disk is full; finished rounds are kept");
	assert_true(rounds > 0);
	assert_int_equal(fixture_check(f->s), 0);
	assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM sample"), rounds * 1500);
	/* And with room again it goes on. */
	OK(sql_exec(f->s, "PRAGMA max_page_count = 100000", &why));
	OK(fixture_put_round(f->s, "aaaaaaaa-1", f->boot, rounds, 3, 500));
}

/* No file of this process may grow beyond @bytes. */
static int with_limit(rlim_t bytes, const char *path)
{
	struct rlimit limit = { bytes, bytes };
	struct store *s;
	int64_t boot = 0;
	int err;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	err = store_open(&s, path, STORE_CREATE, &why);
	if (err)
		return err;
	err = fixture_put_boot(s, "6.12", "boot-1", &boot);
	err = err ?: fixture_begin(s, "aaaaaaaa-1", NULL, boot, 1);
	for (unsigned i = 0; !err && i < 1000; i++)
		err = fixture_put_round(s, "aaaaaaaa-1", boot, i, 1, 500);
	store_close(s);
	return err;
}

static void a_file_that_cannot_grow_is_a_full_disk(void **state)
{
	static const rlim_t limits[] = { 0, 4096, 32768, 300000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		char name[32];
		struct store *s;
		int status;
		pid_t pid;

		snprintf(name, sizeof(name), "limit%zu.db", i);
		pid = fork();
		if (!pid) {
			bool full = with_limit(limits[i], in_dir(f, name)) == -ENOSPC;

			full = full && strstr(why.text, "the disk is full");
			if (!full)
				fprintf(stderr, "limit %llu: %s\n", (unsigned long long)limits[i],
					why.text);
			_exit(full ? 0 : 1);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		OK(store_open(&s, in_dir(f, name), STORE_CREATE, &why));
		assert_int_equal(fixture_check(s), 0);
		store_close(s);
	}
}

/* ---- migrations: a program of tomorrow opens a file of today ---- */

/* From the first version on; files of this one are past the first three steps. */
static const char *const good_steps[] = {
	"SELECT 1",
	"SELECT 1",
	"SELECT 1",
	"ALTER TABLE run ADD COLUMN mood TEXT; UPDATE run SET mood = 'calm'",
	("CREATE TABLE extra (run INTEGER NOT NULL REFERENCES run, x INTEGER) STRICT;"
	 "INSERT INTO extra SELECT id, 42 FROM run"),
};
static const struct schema_history tomorrow = { schema_sql, 6, good_steps };

static const char *const bad_steps[] = {
	"SELECT 1",
	"SELECT 1",
	"SELECT 1",
	"ALTER TABLE run ADD COLUMN mood TEXT",
	"INSERT INTO no_such_table VALUES (1)",
};
static const struct schema_history failing = { schema_sql, 6, bad_steps };

static const char *const dangling_steps[] = {
	"SELECT 1",
	"SELECT 1",
	"SELECT 1",
	("PRAGMA defer_foreign_keys = ON; INSERT INTO run_cell SELECT 77, 0, hash, 0, 0, 'planned',"
	 " 'measured', NULL, '[]', '{}' FROM cell LIMIT 1"),
};
static const struct schema_history dangling = { schema_sql, 5, dangling_steps };

/* A column that a step adds comes without its comment, and before that of its neighbour. */
static void drop_comments(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (!strncmp(from, "--", 2))
			from += strcspn(from, "\n");
		if (*from != ' ' && *from != '\t' && *from != '\n')
			*to++ = *from;
	}
	*to = '\0';
}

/* The SQL of everything in a file, in the order of its names. The caller frees it. */
static char *schema_text(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	char *text;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT group_concat(sql, ';') FROM (SELECT sql FROM"
					    " sqlite_master ORDER BY name)",
					    -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(st, 0));
	assert_non_null(text);
	drop_comments(text);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return text;
}

/* Makes a file of today one of the first version. */
static const char *const back_to_1[] = {
	"DROP VIEW parts",
	"CREATE VIEW parts AS SELECT value FROM part",
	"DROP VIEW flat",
	("CREATE VIEW flat AS SELECT s.invocation, s.seq, s.ticks - b.overhead AS net_ticks"
	 " FROM sample s JOIN invocation i ON i.id = s.invocation JOIN boot b ON b.id = i.boot"),
	"ALTER TABLE invocation DROP COLUMN overhead",
	"ALTER TABLE calibration DROP COLUMN rounds",
	"ALTER TABLE calibration DROP COLUMN blocks",
	"ALTER TABLE calibration DROP COLUMN distance",
	"PRAGMA user_version = 1",
};

/* What the steps make of a file of the first version is what the schema says today. */
static void the_steps_lead_to_the_schema(void **state)
{
	struct fixture *f = *state;
	char *today = schema_text(f->path), *migrated;

	store_close(f->s);
	for (size_t i = 0; i < ARRAY_SIZE(back_to_1); i++)
		fixture_sql(f->path, back_to_1[i]);
	OK(store_open(&f->s, f->path, STORE_WRITE, &why));
	assert_int_equal(fixture_int(f->path, "PRAGMA user_version"), store_history.version);
	migrated = schema_text(f->path);
	assert_string_equal(migrated, today);
	free(migrated);
	free(today);
}

/* Its processes had no overhead of their own, so what was subtracted stays that of the boot. */
static void an_older_file_keeps_its_figures(void **state)
{
	static const char *const sums[] = {
		"SELECT count(*) FROM flat",
		"SELECT sum(net_ticks * (seq + 7)) FROM flat",
		"SELECT sum(net_ticks) FROM flat WHERE net_ticks = 980",
	};
	int64_t was[ARRAY_SIZE(sums)], is;
	struct fixture *f = *state;

	OK(fixture_begin(f->s, "aaaaaaaa-1", "old", f->boot, 1));
	OK(fixture_put_round(f->s, "aaaaaaaa-1", f->boot, 0, 2, 8));
	/* Were it to stay, figures would be those of another overhead than the boot's 20. */
	OK(sql_exec(f->s, "UPDATE invocation SET overhead = 500", &why));
	store_close(f->s);
	f->s = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(back_to_1); i++)
		fixture_sql(f->path, back_to_1[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		was[i] = fixture_int(f->path, sums[i]);
	assert_int_equal(was[0], 16);
	assert_int_equal(was[2], 2 * 980);
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		OK(store_open(&f->s, f->path, modes[m], &why));
		for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
			OK(sql_int(f->s, sums[i], NO_ARGS, &is, &why));
			assert_int_equal(is, was[i]);
		}
		assert_int_equal(fixture_check(f->s), 0);
		store_close(f->s);
		f->s = NULL;
	}
	assert_int_equal(
		fixture_int(f->path, "SELECT count(*) FROM invocation WHERE overhead IS NULL"), 2);
}

/* Of a floor that was stored before version 4 nobody knows which comparisons it applies to. */
static void store_calibrations_of_version_3_have_no_design(void **state)
{
	struct fixture *f = *state;
	struct store_calibration_row *rows;

	OK(fixture_rich(f->s, "aaaaaaaa-1", 1, RUN_DONE, 9));
	store_close(f->s);
	f->s = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(back_to_1); i++)
		fixture_sql(f->path, back_to_1[i]);
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		OK(store_open(&f->s, f->path, modes[m], &why));
		assert_int_equal(OK(store_calibrations(f->s, NULL, NULL, &rows, &why)), 1);
		assert_true(rows[0].floor == 0.0123);
		assert_int_equal(rows[0].rounds + rows[0].blocks, 0);
		assert_int_equal(rows[0].distance_ms, 0);
		free(rows);
		assert_int_equal(fixture_check(f->s), 0);
		store_close(f->s);
		f->s = NULL;
	}
}

static void an_older_file_is_migrated(void **state)
{
	struct fixture *f = *state;

	OK(fixture_begin(f->s, "aaaaaaaa-1", "old", f->boot, 1));
	store_close(f->s);
	OK(store_open_as(&f->s, f->path, STORE_WRITE, &tomorrow, &why));
	assert_int_equal(fixture_int(f->path, "PRAGMA user_version"), 6);
	assert_int_equal(fixture_int(f->path, "SELECT mood = 'calm' FROM run"), 1);
	assert_int_equal(fixture_int(f->path, "SELECT x FROM extra"), 42);
	OK(fixture_put_round(f->s, "aaaaaaaa-1", f->boot, 0, 1, 8));
	/* A second time there is nothing to do; and the program of today knows its limits. */
	store_close(f->s);
	OK(store_open_as(&f->s, f->path, STORE_CREATE, &tomorrow, &why));
	store_close(f->s);
	f->s = NULL;
	assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM extra"), 1);
	assert_refused(f->path, STORE_WRITE, -EPROTO, "schema 6");
}

static void an_older_file_is_read_without_writing(void **state)
{
	struct fixture *f = *state;
	struct store_run_row *rows;
	struct store *s;
	uint64_t was;
	int64_t x = 0;

	OK(fixture_begin(f->s, "aaaaaaaa-1", "old", f->boot, 1));
	store_close(f->s);
	f->s = NULL;
	was = fixture_digest(f->path);
	OK(store_open_as(&s, f->path, STORE_READ, &tomorrow, &why));
	assert_int_equal(OK(store_runs(s, &rows, &why)), 1);
	assert_string_equal(rows[0].label, "old");
	free(rows);
	assert_int_equal(sql_int(s, "SELECT x FROM extra", NO_ARGS, &x, &why), 1);
	assert_int_equal(x, 42);
	assert_int_equal(sql_exec(s, "DELETE FROM extra", &why), -EACCES);
	store_close(s);
	assert_true(fixture_digest(f->path) == was);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	static const struct {
		const struct schema_history *history;
		const char *words;
	} cases[] = { { &failing, "migration from schema 5" },
		      { &dangling, "would break its references" } };
	struct fixture *f = *state;
	struct store *s;

	OK(fixture_begin(f->s, "aaaaaaaa-1", "old", f->boot, 1));
	store_close(f->s);
	f->s = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t was = fixture_digest(f->path);

		assert_int_equal(store_open_as(&s, f->path, STORE_WRITE, cases[i].history, &why),
				 -EIO);
		assert_words(f->path, cases[i].words);
		assert_true(fixture_digest(f->path) == was);
	}
	OK(store_open(&s, f->path, STORE_WRITE, &why));
	assert_int_equal(fixture_check(s), 0);
	store_close(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(foreign_files_are_refused),
		TEST(what_is_not_there_is_not_made_by_reading),
		TEST(an_empty_file_counts_as_not_there),
		TEST(a_newer_schema_is_refused),
		TEST(a_newer_schema_in_the_wal_is_refused),
		TEST(read_only_is_enough_to_read),
		TEST(a_wal_that_cannot_be_read_is_not_passed_over),
		TEST(reading_cannot_write),
		TEST(a_full_disk_keeps_finished_rounds),
		TEST(a_file_that_cannot_grow_is_a_full_disk),
		TEST(the_steps_lead_to_the_schema),
		TEST(an_older_file_keeps_its_figures),
		TEST(store_calibrations_of_version_3_have_no_design),
		TEST(an_older_file_is_migrated),
		TEST(an_older_file_is_read_without_writing),
		TEST(a_migration_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
