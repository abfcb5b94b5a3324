// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every call that reaches the disk fails once, or from then on: what store_put_round() said was
 * stored is there, nothing is half there, and the words say what happened.
 */
#include "tests/results/store/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/store/exchange.h"
#include "tests/results/store/fault_vfs.h"

#define ROUNDS	    4
#define INVOCATIONS 2
#define SAMPLES	    300 /* several pages, so that a round is several writes */

static const char uuid[] = "0a1b2c3d-run";

/* A failure, and what a person may be told of it: one of these errnos, with one of these words. */
static const struct fault_case {
	const char *name;
	enum fault_call call;
	int code;
	int errs[3];
	const char *words[3];
} cases[] = {
	{ "write", FAULT_WRITE, SQLITE_IOERR_WRITE, { -EIO }, { "the disk" } },
	{ "full", FAULT_WRITE, SQLITE_FULL, { -ENOSPC }, { "the disk is full" } },
	{ "sync", FAULT_SYNC, SQLITE_IOERR_FSYNC, { -EIO }, { "the disk" } },
	{ "truncate", FAULT_TRUNCATE, SQLITE_IOERR_TRUNCATE, { -EIO }, { "the disk" } },
	{ "shm", FAULT_SHM, SQLITE_IOERR_SHMMAP, { -EIO }, { "the disk" } },
	{ "shm-full", FAULT_SHM, SQLITE_IOERR_SHMSIZE, { -EIO }, { "the disk" } },
	{ "open", FAULT_OPEN, SQLITE_CANTOPEN, { -EACCES }, { "cannot be opened" } },
	{ "read",
	  FAULT_READ,
	  SQLITE_IOERR_READ,
	  { -EIO, -EINVAL, -EACCES },
	  { "the disk", "not a database", "cannot be" } },
	{ "lock", FAULT_LOCK, SQLITE_IOERR_LOCK, { -EIO }, { "the disk" } },
	{ "delete", FAULT_DELETE, SQLITE_IOERR_DELETE, { -EIO }, { "the disk" } },
};

struct outcome {
	int err;
	unsigned stored; /* rounds that were reported as stored */
	bool begun, done;
};

/* A whole run, by a program that stops at its first error. */
static struct outcome whole_run(const char *path)
{
	struct outcome o = { .err = 0 };
	struct store *s;
	int64_t boot;

	o.err = store_open(&s, path, STORE_CREATE, &why);
	if (o.err)
		return o;
	o.err = fixture_put_boot(s, "6.12.9", "boot-1", &boot);
	if (!o.err)
		o.err = fixture_begin(s, uuid, NULL, boot, 1);
	o.begun = !o.err;
	for (unsigned i = 0; !o.err && i < ROUNDS; i++) {
		o.err = fixture_put_round(s, uuid, boot, i, INVOCATIONS, SAMPLES);
		o.stored += !o.err;
	}
	if (!o.err)
		o.err = store_end_run(s, uuid, RUN_DONE, 2, &why);
	o.done = !o.err;
	store_close(s);
	return o;
}

static void remove_all(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char name[160];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

static void assert_words(const struct fault_case *c, unsigned k, const char *path, int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->errs); i++)
		if (c->errs[i] && err == c->errs[i] && strstr(why.text, c->words[i]) &&
		    strstr(why.text, path))
			return;
	fail_msg("%s %u: %d: %s", c->name, k, err, why.text);
}

/* What the next program finds, with a disk that works again. */
static void assert_nothing_is_half(const struct fault_case *c, unsigned k, const char *path,
				   const struct outcome *o)
{
	struct store_run_row *rows;
	struct store *s;
	int n;

	if (access(path, F_OK) && !o->begun)
		return;
	/* What failed while it was made is as good as not there. */
	OK(store_open(&s, path, o->begun ? STORE_READ : STORE_CREATE, &why));
	if (fixture_check(s))
		fail_msg("%s %u: not sound", c->name, k);
	n = OK(store_runs(s, &rows, &why));
	if (n != 1 && o->begun)
		fail_msg("%s %u: the run is lost", c->name, k);
	/* A commit that was said to have failed may have reached the disk all the same: whole. */
	if (n && (rows[0].rounds < o->stored || rows[0].rounds > o->stored + 1 ||
		  rows[0].invocations != rows[0].rounds * INVOCATIONS ||
		  rows[0].samples != rows[0].invocations * (SAMPLES - SAMPLES / 4)))
		fail_msg("%s %u: %u rounds of %u, %u invocations", c->name, k, rows[0].rounds,
			 o->stored, rows[0].invocations);
	if (n && o->done && rows[0].state != RUN_DONE)
		fail_msg("%s %u: the end is lost", c->name, k);
	free(rows);
	store_close(s);
}

static int setup(void **state)
{
	struct fixture *f;

	fault_arm(FAULT_MAX, 0, 0, false);
	fixture_setup(state);
	f = *state;
	store_close(f->s);
	f->s = NULL;
	remove_all(f->path);
	return 0;
}

/* Return: how many calls there were to fail. */
static unsigned fail_each(struct fixture *f, const struct fault_case *c, bool stays)
{
	unsigned k = 0, hits, told = 0;

	do {
		struct outcome o;

		remove_all(f->path);
		fault_arm(c->call, ++k, c->code, stays);
		o = whole_run(f->path);
		hits = fault_hits();
		fault_arm(FAULT_MAX, 0, 0, false);
		if (o.err)
			assert_words(c, k, f->path, o.err);
		else if (!o.done)
			fail_msg("%s %u: neither done nor failed", c->name, k);
		told += !!o.err;
		assert_nothing_is_half(c, k, f->path, &o);
	} while (hits);
	print_message("%s%s: %u calls, %u of them were told\n", c->name, stays ? " for good" : "",
		      k - 1, told);
	return k - 1;
}

static void a_run_survives_every_failure(void **state)
{
	struct fixture *f = *state;
	unsigned calls[ARRAY_SIZE(cases)];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		calls[i] = fail_each(f, &cases[i], false);
		assert_true(fail_each(f, &cases[i], true) > 0 || !calls[i]);
	}
	/* Were these not reached, this would test nothing. */
	assert_true(calls[0] > 50 && calls[1] > 50 && calls[2] > ROUNDS);
	assert_true(calls[3] + calls[4] + calls[5] + calls[6] > 5);
}

/* The same for what changes a file that holds something already. */
static int merge(struct fixture *f, struct store *s)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/other.db", f->dir);
	return store_merge(s, path, NULL, &why);
}

static int import(struct fixture *f, struct store *s)
{
	char path[160];
	FILE *in;
	int err;

	snprintf(path, sizeof(path), "%s/other.jsonl", f->dir);
	in = fopen(path, "r");
	assert_non_null(in);
	err = store_import(s, in, path, NULL, &why);
	fclose(in);
	return err;
}

static int drop(struct fixture *f, struct store *s)
{
	(void)f;
	return store_remove(s, uuid, &why);
}

static const struct change {
	const char *name;
	int (*make)(struct fixture *f, struct store *s);
} changes[] = { { "merge", merge }, { "import", import }, { "remove", drop } };

static void make_others(struct fixture *f)
{
	static const char *const second[] = { "second" };
	char path[160];
	struct store *s;
	FILE *out;

	snprintf(path, sizeof(path), "%s/other.db", f->dir);
	OK(store_open(&s, path, STORE_CREATE, &why));
	OK(fixture_rich(s, second[0], 2, RUN_DONE, 9));
	snprintf(path, sizeof(path), "%s/other.jsonl", f->dir);
	out = fopen(path, "w");
	assert_non_null(out);
	OK(store_export(s, second, 1, STORE_JSONL, out, &why));
	assert_int_equal(fclose(out), 0);
	store_close(s);
	snprintf(path, sizeof(path), "%s/base.db", f->dir);
	OK(whole_run(path).err);
}

static char *dump_of(const char *path)
{
	struct store *s;
	char *dump;

	OK(store_open(&s, path, STORE_READ, &why));
	dump = fixture_dump(s);
	store_close(s);
	return dump;
}

/* Return: whether anything failed. */
static bool change_once(struct fixture *f, const struct change *change, const char *before,
			const char *after)
{
	char *dump;
	struct store *s;
	bool hit;
	int err;

	err = store_open(&s, f->path, STORE_WRITE, &why);
	if (!err)
		err = change->make(f, s);
	hit = fault_hits() > 0;
	store_close(s);
	fault_arm(FAULT_MAX, 0, 0, false);
	dump = dump_of(f->path);
	/* All or nothing; and all where it was said to have worked. */
	if (strcmp(dump, after) && (!err || strcmp(dump, before)))
		fail_msg("%s: %d: %s: the file is neither as before nor as after", change->name,
			 err, why.text);
	assert_true(hit || !err);
	free(dump);
	return hit;
}

/* What it does to the file when nothing fails. */
static char *changed(struct fixture *f, const struct change *change)
{
	struct store *s;
	char *dump;

	OK(store_open(&s, f->path, STORE_WRITE, &why));
	OK(change->make(f, s));
	dump = fixture_dump(s);
	store_close(s);
	return dump;
}

static void a_change_is_all_or_nothing(void **state)
{
	static const struct {
		enum fault_call call;
		int code;
	} faults[] = { { FAULT_WRITE, SQLITE_IOERR_WRITE },
		       { FAULT_WRITE, SQLITE_FULL },
		       { FAULT_SYNC, SQLITE_IOERR_FSYNC },
		       { FAULT_SHM, SQLITE_IOERR_SHMMAP } };
	struct fixture *f = *state;
	char base[160];

	make_others(f);
	snprintf(base, sizeof(base), "%s/base.db", f->dir);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char *before, *after;

		remove_all(f->path);
		fixture_copy(base, f->path);
		before = dump_of(f->path);
		after = changed(f, &changes[i]);
		assert_string_not_equal(before, after);
		for (size_t j = 0; j < ARRAY_SIZE(faults); j++) {
			unsigned k = 0;

			do {
				remove_all(f->path);
				fixture_copy(base, f->path);
				k++;
				fault_arm(faults[j].call, k, faults[j].code, k & 1);
			} while (change_once(f, &changes[i], before, after));
			assert_true(k > 2);
		}
		free(before);
		free(after);
	}
}

/* How many files there are in the folder, the database's companions left out. */
static int files_in(const struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	struct dirent *e;
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.' && !strstr(e->d_name, "-wal") &&
		     !strstr(e->d_name, "-shm");
	closedir(dir);
	return n;
}

/* It is there whole or not at all, and its parts are gone. */
static void an_archive_is_all_or_nothing(void **state)
{
	static const enum fault_call calls[] = { FAULT_OPEN, FAULT_WRITE, FAULT_SYNC, FAULT_READ };
	const char *uuids[] = { uuid };
	struct fixture *f = *state;
	char path[160];

	snprintf(path, sizeof(path), "%s/evidence.db", f->dir);
	OK(whole_run(f->path).err);
	OK(store_open(&f->s, f->path, STORE_READ, &why));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		unsigned k = 0, hits;

		do {
			struct store *s;
			int err;

			remove_all(path);
			fault_arm(calls[i], ++k, SQLITE_IOERR_WRITE, true);
			err = store_copy_evidence(f->s, uuids, 1, path, &why);
			hits = fault_hits();
			fault_arm(FAULT_MAX, 0, 0, false);
			if (access(path, F_OK) != (err ? -1 : 0))
				fail_msg("call %zu, %u: %d: %s", i, k, err, why.text);
			assert_true(hits || !err);
			if (err)
				continue;
			OK(store_open(&s, path, STORE_READ, &why));
			assert_int_equal(fixture_check(s), 0);
			store_close(s);
		} while (hits);
	}
	remove_all(path);
	assert_true(files_in(f) == 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_run_survives_every_failure),
		TEST(a_change_is_all_or_nothing),
		TEST(an_archive_is_all_or_nothing),
	};

	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
