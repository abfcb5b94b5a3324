// SPDX-License-Identifier: GPL-2.0-or-later
/* Merging: twice is once, the order does not matter, and what differs is refused. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "results/store/exchange.h"

static const char uuid[] = "0a1b2c3d-run";

/* Good for the next eight calls. */
static const char *in_dir(const struct fixture *f, const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", f->dir, name);
	return path;
}

static struct store *create(const char *path)
{
	struct store *s;

	OK(store_open(&s, path, STORE_CREATE, &why));
	return s;
}

/* The dump of what merging @paths in that order into a new file gives. */
static char *merged(const struct fixture *f, const char *const *paths, size_t n)
{
	static int no;
	char path[128], *dump;
	struct store *s;

	snprintf(path, sizeof(path), "%s/merged%d.db", f->dir, no++);
	s = create(path);
	for (size_t i = 0; i < n; i++)
		OK(store_merge(s, paths[i], NULL, &why));
	assert_int_equal(fixture_check(s), 0);
	dump = fixture_dump(s);
	store_close(s);
	return dump;
}

static void assert_same_text(const char *a, const char *b, const char *what)
{
	size_t i = 0, line = 0;

	for (; a[i] && a[i] == b[i]; i++)
		line = a[i] == '\n' ? i + 1 : line;
	if (a[i] != b[i])
		fail_msg("%s differs:\n%.200s\n%.200s", what, a + line, b + line);
}

/* ---- one run in two states ---- */

struct version {
	unsigned rounds;
	enum run_state state;
	int64_t ended;
};

static const struct state_case {
	struct version a, b;
	unsigned rounds;
	enum run_state state;
	int64_t ended;
} states[] = {
	{ { 2, RUN_OPEN, 0 }, { 4, RUN_DONE, 9 }, 4, RUN_DONE, 9 },
	{ { 4, RUN_OPEN, 0 }, { 2, RUN_INTERRUPTED, 7 }, 4, RUN_INTERRUPTED, 7 },
	{ { 3, RUN_INTERRUPTED, 5 }, { 3, RUN_FAILED, 6 }, 3, RUN_FAILED, 6 },
	{ { 3, RUN_INTERRUPTED, 6 }, { 3, RUN_FAILED, 5 }, 3, RUN_INTERRUPTED, 6 },
	{ { 2, RUN_FAILED, 99 }, { 4, RUN_DONE, 9 }, 4, RUN_DONE, 9 },
	{ { 0, RUN_OPEN, 0 }, { 1, RUN_OPEN, 0 }, 1, RUN_OPEN, 0 },
	{ { 2, RUN_DONE, 9 }, { 2, RUN_DONE, 9 }, 2, RUN_DONE, 9 },
};

static void make_version(const char *path, const struct version *v)
{
	struct store *s = create(path);

	OK(fixture_rich(s, uuid, v->rounds, v->state, v->ended));
	store_close(s);
}

static void the_state_that_knows_more_wins(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const struct state_case *c = &states[i];
		const char *a = in_dir(f, "a.db"), *b = in_dir(f, "b.db");
		const char *orders[][4] = { { a, b }, { b, a }, { a, b, b, a } };
		char *first = NULL, *dump;
		struct store_run_row *rows;
		struct store *s;

		remove(a);
		remove(b);
		make_version(a, &c->a);
		make_version(b, &c->b);
		for (size_t o = 0; o < ARRAY_SIZE(orders); o++) {
			dump = merged(f, orders[o], o == 2 ? 4 : 2);
			if (first)
				assert_same_text(first, dump, "another order");
			free(first);
			first = dump;
		}
		free(first);
		OK(store_open(&s, a, STORE_WRITE, &why));
		OK(store_merge(s, b, NULL, &why));
		assert_int_equal(OK(store_select(s, uuid, &rows, &why)), 1);
		if (rows[0].rounds != c->rounds || rows[0].state != c->state ||
		    rows[0].ended != c->ended)
			fail_msg("states[%zu]: %u rounds, %s, ended %lld", i, rows[0].rounds,
				 run_state_name(rows[0].state), (long long)rows[0].ended);
		free(rows);
		store_close(s);
	}
}

/* ---- two files ---- */

static void merging_twice_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const char *other = in_dir(f, "other.db");
	struct store *s = create(other);
	struct store_counts n;
	char *before, *after, *theirs;

	OK(fixture_rich(s, uuid, 3, RUN_DONE, 9));
	OK(fixture_rich(s, "second", 1, RUN_FAILED, 9));
	theirs = fixture_dump(s);
	store_close(s);
	OK(store_merge(f->s, other, &n, &why));
	assert_int_equal(n.runs, 2);
	assert_int_equal(n.rounds, 4);
	assert_int_equal(n.invocations, 8);
	assert_int_equal(n.samples, 4 * 700);
	before = fixture_dump(f->s);
	assert_same_text(theirs, before, "the merged file"); /* ours had the same boot */
	OK(store_merge(f->s, other, &n, &why));
	assert_int_equal(n.runs + n.grown + n.rounds, 0);
	assert_int_equal(n.same, 2);
	after = fixture_dump(f->s);
	assert_same_text(before, after, "merging again");
	OK(store_merge(f->s, f->path, &n, &why)); /* a file is equal to itself */
	assert_int_equal(n.same, 2);
	assert_int_equal(fixture_check(f->s), 0);
	free(before);
	free(after);
	free(theirs);
}

static void calibrations_of_one_boot_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	const char *a = in_dir(f, "a.db"), *b = in_dir(f, "b.db");
	const char *ab[] = { a, b }, *ba[] = { b, a };
	struct store *s = create(a);
	char *x, *y;

	OK(fixture_rich(s, uuid, 1, RUN_DONE, 9));
	store_close(s);
	s = create(b);
	OK(fixture_rich(s, "second", 1, RUN_DONE, 9));
	OK(sql_exec(s,
		    "UPDATE boot SET overhead = 22; UPDATE host SET name = 'new', memory = 1;"
		    "UPDATE flag SET fatal = 1, detail = 'worse'; DELETE FROM calibration",
		    &why));
	store_close(s);
	x = merged(f, ab, 2);
	y = merged(f, ba, 2);
	assert_same_text(x, y, "another order");
	assert_non_null(strstr(x, "|20\n"));
	assert_non_null(strstr(x, "|22\n"));
	assert_non_null(strstr(x, "|host|host-1|new|"));
	free(x);
	free(y);
}

/* What may differ in a run that went on in two places, and what becomes of it. */
static const struct {
	const char *a, *b; /* SQL for the one and the other file */
	const char *result;
} unions[] = {
	{ "UPDATE flag SET detail = 'x' WHERE invocation IS NULL",
	  "UPDATE flag SET detail = 'y' WHERE invocation IS NULL",
	  "|virtual-machine|NULL|NULL|0|x\n" },
	{ "UPDATE flag SET detail = NULL WHERE invocation IS NULL",
	  "UPDATE flag SET detail = 'y' WHERE invocation IS NULL",
	  "|virtual-machine|NULL|NULL|0|y\n" },
	{ "UPDATE flag SET detail = 'x', fatal = 1 WHERE invocation IS NULL",
	  "UPDATE flag SET detail = 'a' WHERE invocation IS NULL",
	  "|virtual-machine|NULL|NULL|1|a\n" },
	{ "DELETE FROM flag WHERE invocation IS NULL",
	  "UPDATE flag SET detail = 'a' WHERE invocation IS NULL",
	  "|virtual-machine|NULL|NULL|0|a\n" },
	{ "UPDATE run SET boot = NULL", "SELECT 1", "|open|boot-1|20\n" },
	{ "DELETE FROM calibration", "UPDATE calibration SET taken = 7", "|7|60|3|" },
	{ "DELETE FROM calibration", "UPDATE calibration SET rounds = NULL, blocks = NULL",
	  "|NULL|NULL|120000\n" },
};

static void what_may_differ_is_united(void **state)
{
	struct fixture *f = *state;
	const char *good = in_dir(f, "good.db"), *a = in_dir(f, "a.db"), *b = in_dir(f, "b.db");
	const char *ab[] = { a, b, a }, *ba[] = { b, a, b };
	struct store *s = create(good);

	OK(fixture_rich(s, uuid, 1, RUN_OPEN, 0));
	store_close(s);
	for (size_t i = 0; i < ARRAY_SIZE(unions); i++) {
		char *x, *y;

		fixture_copy(good, a);
		fixture_copy(good, b);
		fixture_sql(a, unions[i].a);
		fixture_sql(b, unions[i].b);
		x = merged(f, ab, 3);
		y = merged(f, ba, 3);
		assert_same_text(x, y, unions[i].a);
		if (!strstr(x, unions[i].result))
			fail_msg("%s: no %s in %.200s", unions[i].a, unions[i].result,
				 strstr(x, "|virtual") ?: "");
		free(x);
		free(y);
	}
}

/* What somebody did to one of the two files, and what is said of it. */
static const struct conflict {
	const char *sql;
	const char *words;
} conflicts[] = {
	{ "UPDATE sample SET ticks = ticks + 1 WHERE seq = 17 AND invocation = 3",
	  "run 0a1b2c3d-run: round 1, position 0: ticks is 1017" },
	{ "DELETE FROM sample WHERE seq = 699; UPDATE invocation SET samples = samples - 1 WHERE"
	  " position = 0",
	  "round 0, position 0: samples is 700" },
	{ "UPDATE part SET value = 7 WHERE seq = 2", "value is " },
	{ "DELETE FROM part WHERE seq = -1", "round 0, position 0: a value is in only one of " },
	{ "UPDATE flag SET detail = 'x' WHERE invocation = 1 AND code = 'steal'",
	  "detail is 3 ms" },
	{ "DELETE FROM flag WHERE invocation = 1", "a flag is in only one of " },
	{ "UPDATE invocation SET cpu = 9 WHERE id = 1", "cpu is 5" },
	{ "UPDATE invocation SET boot = 2", "round 0, position 0: is not in that round" },
	{ "DELETE FROM invocation WHERE position = 1", "round 0 has 2 invocations" },
	{ "UPDATE run SET seed = 5", "run 0a1b2c3d-run: seed is -2 in " },
	{ "UPDATE run SET label = NULL", "label is " },
	{ "UPDATE run SET boot = 2", "began in another boot" },
	{ "UPDATE run_cell SET reason = 'no' WHERE ord = 3", "reason is no 1G pages here" },
	{ "DELETE FROM run_cell WHERE ord = 3", "a cell of the plan is in only one of " },
	{ "UPDATE metric SET bytes_per = 1 WHERE name = 'time'",
	  "metric reset: bytes_per is 4096" },
	{ "UPDATE environment SET facts = '{\"kernel\":\"x\"}'", "not sound" },
	{ "UPDATE sample SET arm = 5 WHERE seq = 17", "not sound" },
	{ "UPDATE calibration SET floor = 0.5", "calibration " },
	{ "UPDATE calibration SET distance = 1", "distance is 120000" },
	{ "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'part'",
	  "not sound: damaged" },
	{ "PRAGMA user_version = 99", "newer tdcost" },
	{ "PRAGMA application_id = 1", "not one of tdcost" },
	{ "DROP VIEW flat; DROP VIEW parts; DROP VIEW cells; DROP VIEW runs; DROP TABLE "
	  "calibration",
	  "its tables are not those of tdcost" },
	{ "ALTER TABLE flag RENAME TO old; CREATE VIEW flag AS SELECT * FROM old",
	  "its tables are not those of tdcost" },
};

static void what_differs_is_refused(void **state)
{
	struct fixture *f = *state;
	const char *good = in_dir(f, "good.db"), *bad = in_dir(f, "bad.db");
	struct store *s = create(good);
	char *before, *after;

	OK(fixture_rich(s, uuid, 2, RUN_DONE, 9));
	store_close(s);
	OK(store_merge(f->s, good, NULL, &why));
	before = fixture_dump(f->s);
	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
		const struct conflict *c = &conflicts[i];
		int err;

		fixture_copy(good, bad);
		fixture_sql(bad, c->sql);
		err = store_merge(f->s, bad, NULL, &why);
		if (!err || !strstr(why.text, c->words) || !strstr(why.text, bad))
			fail_msg("%s: %d: %s", c->sql, err, err ? why.text : "taken");
		after = fixture_dump(f->s);
		assert_same_text(before, after, c->sql);
		free(after);
	}
	free(before);
	assert_int_equal(store_merge(f->s, in_dir(f, "none.db"), NULL, &why), -ENOENT);
}

/* ---- archives ---- */

static void an_archive_holds_its_runs_alone(void **state)
{
	struct fixture *f = *state;
	const char *path = in_dir(f, "evidence.db"), *uuids[] = { uuid };
	char wal[160], *all, *some, *again;
	struct store *s = create(in_dir(f, "one.db"));
	struct stat st;

	OK(fixture_rich(s, uuid, 3, RUN_DONE, 9));
	all = fixture_dump(s);
	store_close(s);
	OK(fixture_rich(f->s, "another", 2, RUN_DONE, 9));
	OK(store_merge(f->s, in_dir(f, "one.db"), NULL, &why));
	OK(store_copy_evidence(f->s, uuids, 1, path, &why));
	assert_int_equal(fixture_int(path, "SELECT count(*) FROM run"), 1);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(stat(wal, &st), -1);
	OK(store_open(&s, path, STORE_READ, &why));
	assert_int_equal(stat(wal, &st), -1);
	assert_int_equal(fixture_check(s), 0);
	some = fixture_dump(s);
	assert_same_text(all, some, "the archive");
	store_close(s);
	assert_int_equal(store_copy_evidence(f->s, uuids, 1, path, &why), -EEXIST);
	assert_non_null(strstr(why.text, path));
	uuids[0] = "nowhere";
	assert_int_equal(store_copy_evidence(f->s, uuids, 1, in_dir(f, "x.db"), &why), -ENOENT);
	assert_int_equal(stat(in_dir(f, "x.db"), &st), -1);
	uuids[0] = uuid;
	assert_true(store_copy_evidence(f->s, uuids, 1, in_dir(f, "no/x.db"), &why) < 0);
	assert_non_null(strstr(why.text, "no/x.db"));
	OK(store_open(&s, path, STORE_WRITE, &why)); /* and can be worked with as any other */
	OK(store_merge(s, f->path, NULL, &why));
	again = fixture_dump(s);
	free(all);
	all = fixture_dump(f->s);
	assert_same_text(all, again, "merging back");
	store_close(s);
	free(all);
	free(some);
	free(again);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_state_that_knows_more_wins),
		TEST(merging_twice_changes_nothing),
		TEST(calibrations_of_one_boot_are_kept_apart),
		TEST(what_may_differ_is_united),
		TEST(what_differs_is_refused),
		TEST(an_archive_holds_its_runs_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
