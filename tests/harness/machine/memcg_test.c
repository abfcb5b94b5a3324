// SPDX-License-Identifier: GPL-2.0-or-later
/* A made-up /sys/fs/cgroup, into whose cgroups everybody may go, and a process that is killed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/machine/memcg.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CGROUP	      "/proc/self/cgroup"
#define MOUNT	      "/sys/fs/cgroup/"

static struct tree tree;
static bool closed; /* cgroup.procs of a new cgroup cannot be written to */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

/* A folder of a file system has not the files that one of cgroup2 is born with. */
int __wrap_open(const char *path, int flags, ...)
{
	if (strstr(path, "/tdcost.") && strstr(path, "cgroup.procs") && !closed)
		path = "/dev/null";
	return __real_open(path, flags, 0600);
}

static int make_tree(void **state)
{
	(void)state;
	closed = false;
	tree_make(&tree);
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

/* What /proc/self/cgroup says, and which other files there are. */
static const struct {
	const char *cgroup;
	struct tree_file file[2];
	const char *refused; /* in the reason; NULL: charged, or it can be had */
} places[] = {
	{ "0::/a\n", { { MOUNT "a/memory.current", "0\n" } }, NULL },
	{ "0::/a/b/c\n", { { MOUNT "a/memory.current", "0\n" } }, NULL },
	{ "0::/\n", { { MOUNT "memory.current", "0\n" } }, NULL },
	{ "0::/\n", { { MOUNT "cgroup.controllers", "cpu memory\n" } }, NULL },
	{ "0::/a\n", { { MOUNT "cgroup.controllers", "cpu memory\n" } }, NULL },
	{ "0::/\n", { { MOUNT "cgroup.controllers", "cpu\n" } }, "cgroup_disable=memory" },
	{ "0::/\n", { { NULL, NULL } }, "no cgroup v2" },
	{ "7:memory:/a\n0::/\n", { { NULL, NULL } }, NULL },
	{ "7:memory:/\n0::/\n", { { NULL, NULL } }, "root memory cgroup" },
	{ "0::/a\n",
	  { { MOUNT "a/memory.current", "0\n" },
	    { "/proc/cmdline", "quiet cgroup.memory=nosocket,nokmem\n" } },
	  "nokmem" },
};

static void who_is_charged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct reason why = { "" };
		int ret;

		remove_tree(NULL);
		make_tree(NULL);
		tree_write(&tree, CGROUP, places[i].cgroup);
		for (size_t f = 0; f < 2 && places[i].file[f].path; f++)
			tree_write_all(&tree, &places[i].file[f], 1);
		ret = memcg_supported(tree.root, &why);
		assert_int_equal(ret, places[i].refused ? -ENOTSUP : 0);
		if (ret && !strstr(why.text, places[i].refused))
			fail_msg("%zu: lacks '%s': %s", i, places[i].refused, why.text);
	}
}

static void who_is_charged_already_stays(void **state)
{
	struct memcg g = { .line = -1 };
	char want[128];

	(void)state;
	tree_write(&tree, CGROUP, "0::/a/b\n");
	tree_write(&tree, MOUNT "a/memory.current", "1\n");
	assert_int_equal(memcg_open(&g, tree.root, NULL), 0);
	snprintf(want, sizeof(want), "%s" MOUNT "a", tree.root);
	assert_string_equal(g.dir, want);
	assert_string_equal(g.from, "");
	assert_int_equal(g.line, -1);
	memcg_close(&g);
}

static void at_the_root(const char *subtree)
{
	tree_write(&tree, CGROUP, "0::/\n");
	tree_write(&tree, MOUNT "cgroup.controllers", "memory\n");
	tree_write(&tree, MOUNT "cgroup.subtree_control", subtree);
	tree_write(&tree, MOUNT "cgroup.procs", "");
}

static bool is_there(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static void text_of(const char *file, char *text, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s" MOUNT "%s", tree.root, file);
	f = fopen(path, "re");
	assert_non_null(f);
	text[fread(text, 1, n - 1, f)] = '\0';
	fclose(f);
}

static void one_of_its_own_is_removed_again(void **state)
{
	struct memcg g = { .line = -1 };
	char text[64];

	(void)state;
	at_the_root("cpu\n");
	assert_int_equal(memcg_open(&g, tree.root, NULL), 0);
	assert_true(is_there(g.dir));
	text_of("cgroup.subtree_control", text, sizeof(text));
	assert_non_null(strstr(text, "+memory"));
	memcg_close(&g);
	memcg_close(&g);
	assert_false(is_there(g.dir));
	/* Somebody may have come to rely on it. */
	text_of("cgroup.subtree_control", text, sizeof(text));
	assert_null(strstr(text, "-memory"));
	text_of("cgroup.procs", text, sizeof(text));
	assert_string_equal(text, "0");
}

static void a_controller_that_was_there_stays(void **state)
{
	struct memcg g = { .line = -1 };
	char text[64];

	(void)state;
	at_the_root("cpu memory\n");
	assert_int_equal(memcg_open(&g, tree.root, NULL), 0);
	memcg_close(&g);
	text_of("cgroup.subtree_control", text, sizeof(text));
	assert_string_equal(text, "cpu memory\n");
}

static void one_that_it_cannot_enter_is_removed(void **state)
{
	struct memcg g = { .line = -1 };
	struct reason why = { "" };

	(void)state;
	at_the_root("memory\n");
	closed = true;
	assert_int_equal(memcg_open(&g, tree.root, &why), -ENOENT);
	assert_non_null(strstr(why.text, "tdcost."));
	memcg_close(&g);
	assert_false(is_there(g.dir));
}

static void killed_it_leaves_none(void **state)
{
	const struct timespec ms = { 0, 1000000 };
	struct memcg g = { .line = -1 };
	char dir[256];
	pid_t pid;

	(void)state;
	at_the_root("memory\n");
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (!memcg_open(&g, tree.root, NULL))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(dir, sizeof(dir), "%s" MOUNT "tdcost.%d", tree.root, (int)pid);
	for (unsigned i = 0; i < 10000 && is_there(dir); i++)
		nanosleep(&ms, NULL);
	assert_false(is_there(dir));
}

/* Of a process that was killed together with its guard. */
static void what_is_left_of_others_is_removed(void **state)
{
	struct memcg g = { .line = -1 };
	char left[256], other[256];
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	at_the_root("memory\n");
	snprintf(left, sizeof(left), "%s" MOUNT "tdcost.%d", tree.root, (int)pid);
	snprintf(other, sizeof(other), "%s" MOUNT "tdcost.%d", tree.root, (int)getppid());
	assert_int_equal(mkdir(left, 0755), 0);
	assert_int_equal(mkdir(other, 0755), 0);
	assert_int_equal(memcg_open(&g, tree.root, NULL), 0);
	assert_false(is_there(left));
	assert_true(is_there(other));
	memcg_close(&g);
}

static void a_rise_is_told_where_the_kernel_tells(void **state)
{
	struct memcg_mark mark;
	struct memcg g = { .line = -1 };

	(void)state;
	tree_write(&tree, MOUNT "a/memory.current", "100\n");
	snprintf(g.dir, sizeof(g.dir), "%s" MOUNT "a", tree.root);
	memcg_mark(&g, &mark);
	assert_int_equal(memcg_rise(&mark), -1);
	tree_write(&tree, MOUNT "a/memory.peak", "500\n");
	memcg_mark(&g, &mark);
	assert_true(mark.since);
	tree_write(&tree, MOUNT "a/memory.peak", "700\n");
	assert_int_equal(memcg_rise(&mark), 600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_tree, remove_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_charged),
		TEST(who_is_charged_already_stays),
		TEST(one_of_its_own_is_removed_again),
		TEST(a_controller_that_was_there_stays),
		TEST(one_that_it_cannot_enter_is_removed),
		TEST(killed_it_leaves_none),
		TEST(what_is_left_of_others_is_removed),
		TEST(a_rise_is_told_where_the_kernel_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
