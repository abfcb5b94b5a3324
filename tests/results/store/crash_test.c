// SPDX-License-Identifier: GPL-2.0-or-later
/* A writer that dies costs its open round and nothing else; two writers do not harm each other. */
#include "tests/results/store/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLS	    24
#define INVOCATIONS 3
#define SAMPLES	    400

/* Rounds that store_put_round() said were stored, seen by the parent whatever happens. */
static volatile unsigned *shared_counter(void)
{
	void *p = mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

/* A whole life of a run: @rounds of it, or until somebody kills us. */
static int write_run(const char *path, const char *uuid, unsigned rounds, volatile unsigned *stored)
{
	struct store *s;
	int64_t boot;
	int err;

	err = store_open(&s, path, STORE_CREATE, &why);
	if (err)
		return err;
	err = fixture_put_boot(s, "6.12.9", "boot-1", &boot);
	err = err ?: fixture_begin(s, uuid, NULL, boot, 1);
	for (unsigned i = 0; !err && i < rounds; i++) {
		err = fixture_put_round(s, uuid, boot, i, INVOCATIONS, SAMPLES);
		if (!err)
			*stored = i + 1;
	}
	err = err ?: store_end_run(s, uuid, RUN_DONE, 2, &why);
	store_close(s);
	return err;
}

static pid_t start(const char *path, const char *uuid, unsigned rounds, volatile unsigned *stored)
{
	pid_t pid = fork();

	if (!pid) {
		int err = write_run(path, uuid, rounds, stored);

		if (err)
			fprintf(stderr, "%s: %d: %s\n", uuid, err, why.text);
		_exit(err ? 1 : 0);
	}
	assert_true(pid > 0);
	return pid;
}

static void assert_whole_rounds(struct fixture *f, const char *uuid, unsigned at_least)
{
	struct store_run_row *rows;
	unsigned rounds;

	if (store_select(f->s, uuid, &rows, &why) != 1) {
		assert_int_equal(at_least, 0); /* it died before the run was there */
		return;
	}
	rounds = rows[0].rounds;
	assert_int_equal(rows[0].invocations, rounds * INVOCATIONS);
	assert_int_equal(rows[0].samples, rounds * INVOCATIONS * (SAMPLES - SAMPLES / 4));
	/* What was reported as stored is stored; the one after it may be. */
	assert_in_range(rounds, at_least, at_least + 1);
	free(rows);
}

static void a_killed_writer_costs_one_round(void **state)
{
	volatile unsigned *stored = shared_counter();
	struct fixture *f = *state;
	unsigned total = 0;

	srand((unsigned)getpid());
	for (int i = 0; i < KILLS; i++) {
		char uuid[37];
		int status;
		pid_t pid;

		store_new_uuid(uuid);
		*stored = 0;
		pid = start(f->path, uuid, UINT32_MAX, stored);
		/* Some die at once, most in the middle of their work, wherever that is. */
		if (i % 4)
			while (!*stored && !waitpid(pid, &status, WNOHANG))
				usleep(100);
		usleep((useconds_t)(rand() % 20000));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(fixture_check(f->s), 0);
		assert_whole_rounds(f, uuid, *stored);
		total += *stored;
	}
	assert_true(total >= KILLS / 2);
	munmap((void *)stored, sizeof(*stored));
}

/* As above, but nobody else has the file open, so the next one to open it must recover it. */
static void a_killed_writer_leaves_a_file_that_opens(void **state)
{
	volatile unsigned *stored = shared_counter();
	struct fixture *f = *state;

	store_close(f->s);
	f->s = NULL;
	for (int i = 0; i < 6; i++) {
		pid_t pid;
		char uuid[37];

		store_new_uuid(uuid);
		*stored = 0;
		pid = start(f->path, uuid, UINT32_MAX, stored);
		while (!*stored && !waitpid(pid, NULL, WNOHANG))
			usleep(100);
		usleep((useconds_t)(rand() % 20000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		OK(store_open(&f->s, f->path, i & 1 ? STORE_READ : STORE_WRITE, &why));
		assert_int_equal(fixture_check(f->s), 0);
		assert_whole_rounds(f, uuid, *stored);
		store_close(f->s);
		f->s = NULL;
	}
	munmap((void *)stored, sizeof(*stored));
}

/* Also the file itself is made by whoever comes first. */
static void two_runs_into_one_new_file_both_complete(void **state)
{
	static const char *const uuids[] = { "aaaa-run", "bbbb-run" };
	volatile unsigned *stored = shared_counter();
	struct fixture *f = *state;

	store_close(f->s);
	f->s = NULL;
	for (int i = 0; i < 5; i++) {
		const unsigned rounds = 30;
		struct store_run_row *rows;
		char path[128];
		pid_t pids[2];

		snprintf(path, sizeof(path), "%s/two%d.db", f->dir, i);
		for (int j = 0; j < 2; j++)
			pids[j] = start(path, uuids[j], rounds, stored);
		for (int j = 0; j < 2; j++) {
			int status;

			assert_int_equal(waitpid(pids[j], &status, 0), pids[j]);
			assert_int_equal(status, 0);
		}
		OK(store_open(&f->s, path, STORE_READ, &why));
		assert_int_equal(fixture_check(f->s), 0);
		assert_int_equal(OK(store_runs(f->s, &rows, &why)), 2);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(rows[j].rounds, rounds);
			assert_int_equal(rows[j].state, RUN_DONE);
		}
		free(rows);
		store_close(f->s);
		f->s = NULL;
	}
	munmap((void *)stored, sizeof(*stored));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_killed_writer_costs_one_round),
		TEST(a_killed_writer_leaves_a_file_that_opens),
		TEST(two_runs_into_one_new_file_both_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
