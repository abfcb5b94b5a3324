// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/memcg.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/machine/files.h"

#define MOUNT	  "/sys/fs/cgroup"
#define NAME	  "tdcost."
#define RETRIES	  100
#define RETRY_NS  20000000
#define ELSEWHERE "systemd-run --scope -p MemoryAccounting=yes runs a command in one"

/* ---- where this process is ---- */

bool memcg_own_path(const char *root, const char *field, char path[MEMCG_PATH])
{
	char text[4096], *at;

	if (file_text(root, "/proc/self/cgroup", text, sizeof(text)))
		return false;
	at = strstr(text, field);
	if (!at)
		return false;
	at += strlen(field);
	at[strcspn(at, "\n")] = '\0';
	snprintf(path, MEMCG_PATH, "%.*s", MEMCG_PATH - 1, at);
	return true;
}

/*
 * Charged is the next cgroup upwards that has the controller. The root one has no memory.current;
 * where there is one in the mount's root, a cgroup namespace hides what is above it.
 */
static bool charged_v2(const char *root, char dir[MEMCG_PATH])
{
	char path[MEMCG_PATH], file[2 * MEMCG_PATH];

	if (!memcg_own_path(root, "0::", path))
		return false;
	for (;;) {
		char *slash = strrchr(path, '/');

		snprintf(dir, MEMCG_PATH, "%s%.400s", MOUNT, strcmp(path, "/") ? path : "");
		snprintf(file, sizeof(file), "%s/memory.current", dir);
		if (file_exists(root, file))
			return true;
		if (!slash || !strcmp(path, "/"))
			return false;
		slash[slash == path] = '\0';
	}
}

/* Return: is the controller of cgroup v1, and which cgroup is charged? */
static bool of_v1(const char *root, char path[MEMCG_PATH])
{
	return memcg_own_path(root, ":memory:", path);
}

static bool kernel_uncharged(const char *root)
{
	char line[4096];

	return !file_text(root, "/proc/cmdline", line, sizeof(line)) &&
	       strstr(line, "cgroup.memory=") && strstr(line, "nokmem");
}

static int makeable(const char *root, struct reason *why)
{
	char controllers[256];

	if (file_text(root, MOUNT "/cgroup.controllers", controllers, sizeof(controllers)))
		return reason_set(
			why, -ENOTSUP,
			"this process is in the root memory cgroup, which charges "
			"nothing, and there is no cgroup v2 to make one in: mount it on " MOUNT
			", or run this in a memory cgroup");
	if (!word_in(controllers, "memory"))
		return reason_set(why, -ENOTSUP,
				  "no memory cgroup charges here: the controller is off "
				  "(cgroup_disable=memory), or of no use to this container");
	if (access(MOUNT, W_OK) && !*root)
		return reason_set(why, -ENOTSUP,
				  "this process is in the root memory cgroup, which charges "
				  "nothing, and may not make one below " MOUNT
				  ": run as root; " ELSEWHERE);
	return 0;
}

int memcg_supported(const char *root, struct reason *why)
{
	char path[MEMCG_PATH];

	if (kernel_uncharged(root))
		return reason_set(why, -ENOTSUP,
				  "this kernel charges nobody for what it allocates: boot it "
				  "without cgroup.memory=nokmem");
	if (of_v1(root, path)) {
		if (strcmp(path, "/"))
			return 0;
		return reason_set(why, -ENOTSUP,
				  "this process is in the root memory cgroup, which charges "
				  "nothing: run this in another one; " ELSEWHERE);
	}
	return charged_v2(root, path) ? 0 : makeable(root, why);
}

/* ---- a cgroup of its own ---- */

static int put(const char *dir, const char *file, const char *text)
{
	char path[2 * MEMCG_PATH];
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	err = n == (ssize_t)strlen(text) ? 0 : -errno;
	close(fd);
	return err;
}

static void mount_dir(char dir[MEMCG_PATH], const char *root)
{
	snprintf(dir, MEMCG_PATH, "%.200s%s", root, MOUNT);
}

/* Those of processes that are no more, and whose guards are none either. */
static void remove_stale(const char *mount)
{
	char pattern[2 * MEMCG_PATH];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/" NAME "*", mount);
	if (glob(pattern, GLOB_ONLYDIR, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		pid_t pid = atoi(strrchr(g.gl_pathv[i], '/') + 1 + strlen(NAME));

		if (pid > 0 && kill(pid, 0) && errno == ESRCH)
			rmdir(g.gl_pathv[i]);
	}
	globfree(&g);
}

/*
 * A process that has just ended, or left, may still count. The controller stays on: somebody may
 * have come to rely on it meanwhile, whose limits would go with it.
 */
static void remove_cgroup(const struct memcg *g)
{
	const struct timespec t = { 0, RETRY_NS };

	for (unsigned i = 0; i < RETRIES && rmdir(g->dir) && errno == EBUSY; i++)
		nanosleep(&t, NULL);
}

/* Waits for the other end of @line to be gone. Keeps nothing else open that others wait for. */
static void __attribute__((noreturn)) guard_main(const struct memcg *g, int line)
{
	char nothing;

	setsid();
	prctl(PR_SET_NAME, "tdcost-guard");
	dup2(line, 0);
	close_range(1, ~0u, 0);
	while (read(0, &nothing, 1) < 0 && errno == EINTR)
		;
	remove_cgroup(g);
	_exit(0);
}

/* Started before the process moves, so that it stays outside. Signals are not for it. */
static int guard_start(struct memcg *g)
{
	sigset_t all, was;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	g->guard = fork();
	err = errno;
	if (!g->guard) {
		close(ends[1]);
		guard_main(g, ends[0]);
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	close(ends[0]);
	g->line = ends[1];
	return g->guard < 0 ? -err : 0;
}

static int enter_own(struct memcg *g, const char *root)
{
	char mount[MEMCG_PATH], own[MEMCG_PATH], control[256] = "";
	int ret;

	mount_dir(mount, root);
	remove_stale(mount);
	memcg_own_path(root, "0::", own);
	file_text(root, MOUNT "/cgroup.subtree_control", control, sizeof(control));
	ret = word_in(control, "memory") ? 0 : put(mount, "cgroup.subtree_control", "+memory");
	if (ret)
		return ret;
	snprintf(g->dir, sizeof(g->dir), "%.400s/" NAME "%d", mount, (int)getpid());
	snprintf(g->from, sizeof(g->from), "%.250s%.250s", mount, own);
	if (mkdir(g->dir, 0755) && errno != EEXIST)
		return -errno;
	ret = guard_start(g);
	return ret ? ret : put(g->dir, "cgroup.procs", "0");
}

int memcg_open(struct memcg *g, const char *root, struct reason *why)
{
	char path[MEMCG_PATH];
	int ret = memcg_supported(root, why);

	*g = (struct memcg){ .line = -1 };
	if (ret || of_v1(root, path))
		return ret;
	if (charged_v2(root, path)) {
		snprintf(g->dir, sizeof(g->dir), "%.100s%.400s", root, path);
		return 0;
	}
	ret = enter_own(g, root);
	return ret ? reason_set(why, ret, "cannot make a memory cgroup, %s: %s; " ELSEWHERE,
				*g->dir ? g->dir : MOUNT, strerror(-ret))
		   : 0;
}

/* The guard is the one who removes it, also here. */
void memcg_close(struct memcg *g)
{
	if (g->line < 0)
		return;
	put(g->from, "cgroup.procs", "0");
	close(g->line);
	g->line = -1;
	while (g->guard > 0 && waitpid(g->guard, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- what is charged ---- */

static int64_t number_of(int fd)
{
	char text[32];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	return strtoll(text, NULL, 10);
}

void memcg_mark(const struct memcg *g, struct memcg_mark *mark)
{
	char path[2 * MEMCG_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/memory.peak", g->dir);
	mark->peak = open(path, O_RDWR | O_CLOEXEC);
	mark->since = mark->peak >= 0 && write(mark->peak, "0\n", 2) == 2;
	if (mark->peak < 0)
		mark->peak = open(path, O_RDONLY | O_CLOEXEC);
	mark->before = number_of(mark->peak);
	snprintf(path, sizeof(path), "%s/memory.current", g->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	mark->current = number_of(fd);
	if (fd >= 0)
		close(fd);
}

int64_t memcg_rise(struct memcg_mark *mark)
{
	int64_t now = number_of(mark->peak);

	if (mark->peak >= 0)
		close(mark->peak);
	mark->peak = -1;
	if (now < 0 || mark->current < 0 || (!mark->since && now == mark->before))
		return -1;
	return now > mark->current ? now - mark->current : 0;
}
