// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invocations that take a CPU offline and die of it, in a made-up /sys: when run_loop() returns the
 * CPU is back. It executes /proc/self/exe, which is this program: main() is the other end too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/machine/hotplug.h"
#include "harness/run/run.h"
#include "tests/harness/machine/tree.h"
#include "tests/harness/run/fake.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPU(n)	      "/sys/devices/system/cpu/cpu" #n "/online"
#define NOTE	      "/run/tdcost.offline"
#define ROOT	      "TDCOST_TEST_ROOT" /* how the other end learns of the tree */

/* ---- the benchmarks ---- */

/* The guard is the only child of this process. */
static void kill_guard(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[300], text[512] = "";
		int parent;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(text, sizeof(text), f) && strrchr(text, ')') &&
		    sscanf(strrchr(text, ')'), ") %*c %d", &parent) == 1 && parent == getpid())
			kill(atoi(e->d_name), SIGKILL);
		fclose(f);
	}
	if (dir)
		closedir(dir);
}

static int offline_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	int ret = hotplug_open((struct hotplug **)state, getenv(ROOT), 1, why);

	(void)ctx;
	return ret ? ret : hotplug_set(*state, false);
}

static uint64_t dying_sample(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	(void)arm;
	raise(SIGKILL);
	return reps;
}

static uint64_t dying_with_guard_sample(void *state, unsigned arm, unsigned reps)
{
	kill_guard();
	return dying_sample(state, arm, reps);
}

static void offline_teardown(void *state)
{
	hotplug_close(state);
}

/* Leaves a note of a CPU whose file takes nothing. */
static int littering_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct tree t;

	(void)ctx;
	(void)why;
	*state = NULL;
	snprintf(t.root, sizeof(t.root), "%s", getenv(ROOT));
	tree_write(&t, NOTE, "2 1 b007\n");
	return 0;
}

static const struct bench_info benches[] = {
	{ FAKE("polite"), .setup = offline_setup, .sample = fake_sample, .disruptive = "sulks" },
	{ FAKE("dying"), .setup = offline_setup, .sample = dying_sample, .disruptive = "sulks" },
	{ FAKE("dying-with-guard"), .setup = offline_setup, .sample = dying_with_guard_sample,
	  .disruptive = "sulks" },
	{ FAKE("littering"), .setup = littering_setup, .sample = fake_sample,
	  .disruptive = "sulks" },
};

static const struct bench_info *find(const char *name)
{
	static struct bench_info found;

	for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
		if (strcmp(benches[i].name, name))
			continue;
		found = benches[i];
		if (found.setup == offline_setup)
			found.teardown = offline_teardown;
		return &found;
	}
	return NULL;
}

/* ---- one run ---- */

static struct machine machine;
static struct tick_clock ruler;
static struct tree tree;
static volatile sig_atomic_t stop;

static int take_round(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why)
{
	(void)ctx;
	(void)inv;
	(void)n;
	(void)why;
	return 0;
}

static int run(const char *bench, struct reason *why)
{
	const struct run_sink sink = { take_round, NULL };
	struct run_config config = {
		.seed = 1,
		.rounds = 1,
		.slice_ns = 1000000,
		.min_blocks = 2,
		.max_blocks = 4,
		.cpu = -1,
		.clock = ruler,
		.stop = &stop,
	};
	struct plan plan = { .allow_disruptive = true };
	enum run_state state;
	unsigned rounds;
	int ret;

	assert_int_equal(plan_add(&plan, &machine, find(bench), NULL, 0, why), 0);
	ret = run_loop(&plan, &machine, &config, &sink, &state, &rounds, why);
	plan_free(&plan);
	return ret;
}

static int open_machine(void **state)
{
	static const struct tree_file files[] = {
		{ CPU(1), "1\n" },
		{ "/proc/sys/kernel/random/boot_id", "b007\n" },
		{ "/run/.keep", "" },
	};
	struct reason why = { "" };

	(void)state;
	stop = 0;
	tree_make(&tree);
	tree_write_all(&tree, files, ARRAY_SIZE(files));
	setenv(ROOT, tree.root, 1);
	machine = (struct machine){ .root = tree.root };
	cpu_detect(&machine.cpu);
	return topo_open(&machine.topo, NULL, &why) ||
	       clock_calibrate(&ruler, &machine.cpu, 20, &why);
}

static int close_machine(void **state)
{
	(void)state;
	topo_close(machine.topo);
	tree_remove(&tree);
	return 0;
}

static bool is_back(void)
{
	char path[160], c = 0;
	int fd;

	snprintf(path, sizeof(path), "%s" NOTE, tree.root);
	if (!access(path, F_OK))
		return false;
	snprintf(path, sizeof(path), "%s" CPU(1), tree.root);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c == '1';
}

/* ---- it is back ---- */

static void however_an_invocation_ends_its_cpu_is_back(void **state)
{
	static const struct {
		const char *bench;
		int ret;
	} cases[] = {
		{ "polite", 0 },
		{ "dying", -ECHILD },
		{ "dying-with-guard", -ECHILD },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		if (run(cases[i].bench, &why) != cases[i].ret)
			fail_msg("%s: %s", cases[i].bench, why.text);
		if (!is_back())
			fail_msg("%s left it offline", cases[i].bench);
		if (cases[i].ret)
			assert_non_null(strstr(why.text, "killed by signal 9"));
	}
}

static void a_cpu_that_stays_offline_ends_the_run(void **state)
{
	struct reason why = { "" };
	char path[160];

	(void)state;
	tree_write(&tree, CPU(2), "0\n");
	tree_unlink(&tree, CPU(2));
	snprintf(path, sizeof(path), "%s" CPU(2), tree.root);
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(run("littering", &why), -ENOSPC);
	assert_non_null(strstr(why.text, "CPU 2 was left offline"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_machine, close_machine)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(however_an_invocation_ends_its_cpu_is_back),
		TEST(a_cpu_that_stays_offline_ends_the_run),
	};

	if (argc == 2 && !strcmp(argv[1], RUN_CHILD_ARG))
		return run_child(RUN_CHILD_FD, find);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
