// SPDX-License-Identifier: GPL-2.0-or-later
/* A made-up /sys, in which a CPU is as offline as its file says, and processes that are killed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPU(n)	      "/sys/devices/system/cpu/cpu" #n "/online"
#define NOTE	      "/run/tdcost.offline"
#define BOOT	      "/proc/sys/kernel/random/boot_id"

static struct tree tree;

static int make_machine(void **state)
{
	static const struct tree_file files[] = {
		{ CPU(0), "1\n" },  { CPU(1), "1\n" },	  { CPU(2), "0\n" },
		{ BOOT, "b007\n" }, { "/run/.keep", "" },
	};

	(void)state;
	tree_make(&tree);
	tree_write_all(&tree, files, ARRAY_SIZE(files));
	return 0;
}

static int remove_machine(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static char *in_tree(const char *path)
{
	static char full[256];

	snprintf(full, sizeof(full), "%s%s", tree.root, path);
	return full;
}

static int first_byte(const char *path)
{
	int fd = open(in_tree(path), O_RDONLY);
	char c = 0;

	if (fd < 0)
		return -1;
	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c;
}

static bool has_note(void)
{
	return !access(in_tree(NOTE), F_OK);
}

static struct hotplug *open_cpu(unsigned cpu)
{
	struct reason why = { "" };
	struct hotplug *h = NULL;

	if (hotplug_open(&h, tree.root, cpu, &why))
		fail_msg("%s", why.text);
	return h;
}

static void assert_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- which CPU ---- */

static void only_some_cpus_may_go(void **state)
{
	static const struct {
		unsigned cpu;
		const char *reason; /* NULL: it may */
	} cases[] = {
		{ 0, "CPU 0 is the boot CPU" },
		{ 1, NULL },
		{ 2, "CPU 2 is offline already; bring it online first" },
		{ 3, "CPU 3 cannot go offline: it is not there, or this kernel" },
		{ 4, "CPU 4 cannot be taken offline: Is a directory" },
	};

	(void)state;
	tree_write(&tree, CPU(4) "/file", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hotplug *h = NULL;
		struct reason why = { "" };
		int want = cases[i].reason ? -ENOTSUP : 0;

		assert_int_equal(hotplug_supported(tree.root, cases[i].cpu, &why), want);
		if (!want)
			continue;
		assert_non_null(strstr(why.text, cases[i].reason));
		assert_int_equal(hotplug_open(&h, tree.root, cases[i].cpu, NULL), -ENOTSUP);
		assert_null(h);
	}
	assert_false(has_note());
	assert_no_children();
}

/* ---- there and back ---- */

static void a_cpu_goes_and_comes_back(void **state)
{
	struct hotplug *h = open_cpu(1);

	(void)state;
	assert_int_equal(hotplug_is_online(h), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hotplug_set(h, false), 0);
		assert_int_equal(first_byte(CPU(1)), '0');
		assert_int_equal(hotplug_is_online(h), 0);
		assert_int_equal(hotplug_set(h, true), 0);
		assert_int_equal(first_byte(CPU(1)), '1');
		assert_int_equal(hotplug_is_online(h), 1);
	}
	hotplug_close(h);
	assert_no_children();
}

static void closing_brings_it_back(void **state)
{
	struct hotplug *h = open_cpu(1);

	(void)state;
	assert_int_equal(first_byte(NOTE), '1');
	assert_int_equal(hotplug_set(h, false), 0);
	hotplug_close(h);
	assert_int_equal(first_byte(CPU(1)), '1');
	assert_false(has_note());
	assert_no_children();
	hotplug_close(NULL);
}

static void one_process_at_a_time(void **state)
{
	struct hotplug *h = open_cpu(1), *other = NULL;
	struct reason why = { "" };

	(void)state;
	hotplug_set(h, false);
	tree_write(&tree, CPU(5), "1\n");
	assert_int_equal(hotplug_open(&other, tree.root, 5, &why), -EBUSY);
	assert_non_null(strstr(why.text, "another process takes CPUs offline now"));
	/* Nor does anybody bring back what a living process has taken. */
	assert_int_equal(hotplug_recover(tree.root, &why), 0);
	assert_int_equal(first_byte(CPU(1)), '0');
	hotplug_close(h);
	hotplug_close(open_cpu(5));
}

static void there_must_be_a_place_for_the_note(void **state)
{
	struct hotplug *h = NULL;
	struct reason why = { "" };

	(void)state;
	tree_unlink(&tree, "/run/.keep");
	assert_int_equal(rmdir(in_tree("/run")), 0);
	assert_int_equal(hotplug_open(&h, tree.root, 1, &why), -ENOENT);
	assert_non_null(strstr(why.text, NOTE));
	assert_int_equal(first_byte(CPU(1)), '1');
	assert_no_children();
}

/* Somebody may wait for the end of a file that this process had: the guard must not hold it. */
static void the_guard_keeps_no_files(void **state)
{
	struct pollfd p = { .events = POLLIN };
	int ends[2];
	struct hotplug *h;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	h = open_cpu(1);
	close(ends[1]);
	p.fd = ends[0];
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	close(ends[0]);
	hotplug_close(h);
}

/* ---- processes that are killed ---- */

/* A process group with a process that has taken CPU 1 offline. */
static pid_t start_owner(void)
{
	int ends[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct hotplug *h = NULL;

		setpgid(0, 0);
		/* The test's own handler is not for it. */
		signal(SIGSEGV, SIG_DFL);
		if (hotplug_open(&h, tree.root, 1, NULL) || hotplug_set(h, false))
			_exit(1);
		(void)!write(ends[1], "r", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	assert_int_equal(first_byte(CPU(1)), '0');
	return pid;
}

/* Its only child. */
static pid_t guard_of(pid_t owner)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	pid_t found = -1;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char path[300], text[512] = "";
		int parent;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(text, sizeof(text), f) && strrchr(text, ')') &&
		    sscanf(strrchr(text, ')'), ") %*c %d", &parent) == 1 && parent == owner)
			found = atoi(e->d_name);
		fclose(f);
	}
	closedir(dir);
	assert_true(found > 0);
	return found;
}

static void assert_killed(pid_t pid, int sig)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == sig);
}

static void the_guard_outlives_every_signal(void **state)
{
	static const struct {
		int sig;
		bool group;
	} cases[] = {
		{ SIGKILL, false }, { SIGKILL, true }, { SIGINT, true },
		{ SIGTERM, true },  { SIGHUP, true },  { SIGSEGV, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		pid_t owner = start_owner();

		assert_true(has_note());
		assert_int_equal(kill(cases[i].group ? -owner : owner, cases[i].sig), 0);
		assert_killed(owner, cases[i].sig);
		/* Which waits for the guard. */
		if (hotplug_recover(tree.root, &why))
			fail_msg("case %zu: %s", i, why.text);
		assert_int_equal(first_byte(CPU(1)), '1');
		assert_false(has_note());
	}
}

static void what_nobody_could_bring_back_is_found_later(void **state)
{
	struct reason why = { "" };
	pid_t owner = start_owner();

	(void)state;
	assert_int_equal(kill(guard_of(owner), SIGKILL), 0);
	kill(owner, SIGKILL);
	assert_killed(owner, SIGKILL);
	assert_int_equal(first_byte(CPU(1)), '0');
	assert_true(has_note());
	assert_int_equal(hotplug_recover(tree.root, &why), 1);
	assert_non_null(strstr(why.text, "CPU 1 was left offline"));
	assert_int_equal(first_byte(CPU(1)), '1');
	assert_false(has_note());
	assert_int_equal(hotplug_recover(tree.root, &why), 0);
}

static void nobody_writes_over_a_note(void **state)
{
	struct hotplug *h;
	pid_t owner = start_owner();

	(void)state;
	assert_int_equal(kill(guard_of(owner), SIGKILL), 0);
	kill(owner, SIGKILL);
	assert_killed(owner, SIGKILL);
	tree_write(&tree, CPU(5), "1\n");
	h = open_cpu(5);
	assert_int_equal(first_byte(CPU(1)), '1');
	assert_int_equal(first_byte(NOTE), '5');
	hotplug_close(h);
}

static void a_killed_guard_is_no_reason_to_leave_it_offline(void **state)
{
	struct hotplug *h = open_cpu(1);

	(void)state;
	hotplug_set(h, false);
	assert_int_equal(kill(guard_of(getpid()), SIGKILL), 0);
	hotplug_close(h);
	assert_int_equal(first_byte(CPU(1)), '1');
	assert_false(has_note());
	assert_no_children();
}

static void notes_that_say_nothing_are_dropped(void **state)
{
	static const char *const notes[] = {
		"",	      "\n",	     "2 1 another-boot\n", "garbage\n",
		"0 1 b007\n", "-1 1 b007\n", "99 1 b007\n",	   "2 1\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		struct reason why = { "" };

		tree_write(&tree, NOTE, notes[i]);
		if (hotplug_recover(tree.root, &why))
			fail_msg("note %zu: %s", i, why.text);
		assert_int_equal(first_byte(CPU(2)), '0');
		assert_false(has_note());
	}
}

static void a_cpu_that_does_not_come_back_is_named(void **state)
{
	struct reason why = { "" };

	(void)state;
	/* Reads nothing that makes sense, takes no byte. */
	tree_unlink(&tree, CPU(2));
	assert_int_equal(symlink("/dev/full", in_tree(CPU(2))), 0);
	tree_write(&tree, NOTE, "2 1 b007\n");
	assert_int_equal(hotplug_recover(tree.root, &why), -ENOSPC);
	assert_non_null(strstr(why.text, "CPU 2"));
	assert_non_null(strstr(why.text, "echo 1 >/sys/devices/system/cpu/cpu2/online"));
	/* And stays known. */
	assert_true(has_note());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_machine, remove_machine)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(only_some_cpus_may_go),
		TEST(a_cpu_goes_and_comes_back),
		TEST(closing_brings_it_back),
		TEST(one_process_at_a_time),
		TEST(there_must_be_a_place_for_the_note),
		TEST(the_guard_keeps_no_files),
		TEST(the_guard_outlives_every_signal),
		TEST(what_nobody_could_bring_back_is_found_later),
		TEST(nobody_writes_over_a_note),
		TEST(a_killed_guard_is_no_reason_to_leave_it_offline),
		TEST(notes_that_say_nothing_are_dropped),
		TEST(a_cpu_that_does_not_come_back_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
