// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod_smoke [tdcost.ko [TESTS]]: does the module do what its header says? As root, in a lane.
 *
 * With the file it loads and unloads it, and tests that too (one that is loaded goes first);
 * without, the module is there already.
 * With a pattern behind it only the tests of that name: for machines that are wide, and slow for it.
 * What takes a second CPU is not asked of a machine that has one; a line says so. Ends with 0, or
 * with the number of tests that failed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/kmod/smoke.h"

#define MAX_TESTS 64

static struct CMUnitTest tests[MAX_TESTS];
static size_t n_tests;

static void add(const struct CMUnitTest *list)
{
	for (; list->name; list++) {
		assert_true(n_tests < MAX_TESTS);
		tests[n_tests++] = *list;
	}
}

static int load(void **unused)
{
	(void)unused;
	if (smoke_module)
		smoke_load("");
	return 0;
}

static int unload(void **unused)
{
	(void)unused;
	if (smoke_module)
		smoke_unload();
	return 0;
}

static int run(const char *name)
{
	int failed = _cmocka_run_group_tests(name, tests, n_tests, load, unload);

	n_tests = 0;
	memset(tests, 0, sizeof(tests));
	return failed;
}

/* These load the module themselves. */
static int run_loads(bool alone)
{
	add(smoke_load_tests);
	if (!alone)
		add(smoke_timeout_tests);
	add(smoke_leak_tests);
	return _cmocka_run_group_tests("loading", tests, n_tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct smoke_cpus online;
	bool alone;
	int failed;

	if (argc > 3) {
		fprintf(stderr,
			"kmod_smoke: too many arguments: write kmod_smoke [tdcost.ko [TESTS]]\n");
		return 2;
	}
	smoke_module = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (smoke_module && smoke_try_unload() == -EAGAIN) {
		fprintf(stderr, "kmod_smoke: the tdcost.ko that is loaded is in use\n");
		return 2;
	}
	smoke_online(&online);
	alone = online.n == 1;
	if (alone)
		printf("one CPU: what takes two is not asked\n");
	smoke_print_topology(&online);
	add(smoke_flush_tests);
	add(smoke_pages_tests);
	add(smoke_teardown_tests);
	add(smoke_topup_tests);
	add(smoke_pamt_tests);
	add(smoke_life_tests);
	add(alone ? smoke_lone_tests : smoke_stop_tests);
	if (!alone) {
		add(smoke_kick_tests);
		add(smoke_leave_tests);
		add(smoke_together_tests);
	}
	failed = run("loaded");
	if (smoke_module)
		failed += run_loads(alone);
	printf("kmod_smoke: %d failed\n", failed);
	return failed;
}
