// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool readable(const char *dir, const char *name, char *path, size_t n)
{
	const char *here = dir[0] == '/' ? "" : "./";

	if (snprintf(path, n, "%s%s/%s.gp", here, dir, name) >= (int)n)
		return false;
	return access(path, R_OK) == 0;
}

/* An installed program finds its templates wherever its prefix was moved to. */
static bool beside_program(const char *name, char *path, size_t n)
{
	char exe[PATH_MAX], dir[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len <= 0)
		return false;
	exe[len] = '\0';
	snprintf(dir, sizeof(dir), "%s/../share/tdcost/plots", dirname(exe));
	return readable(dir, name, path, n);
}

int gnuplot_template(const char *name, char *path, size_t n, struct reason *why)
{
	const char *env = getenv("TDCOST_PLOT_DIR");

	if (env && *env && readable(env, name, path, n))
		return 0;
	if (beside_program(name, path, n) || readable(TDCOST_PLOT_DIR, name, path, n))
		return 0;
	return reason_set(why, -ENOENT,
			  "no template %s.gp; set TDCOST_PLOT_DIR to the folder that holds it",
			  name);
}

static bool plain_path(const char *path)
{
	return path[0] == '/' || (path[0] == '.' && path[1] == '/');
}

#define MAX_ENVIRONMENT 1024

/* Our environment in a UTF-8 locale: in another one gnuplot warns of the templates' encoding. */
static void utf8_environment(const char **env)
{
	size_t n = 0;

	for (char **at = environ; *at && n < MAX_ENVIRONMENT - 2; at++)
		if (strncmp(*at, "LC_ALL=", 7))
			env[n++] = *at;
	env[n++] = "LC_ALL=C.UTF-8";
	env[n] = NULL;
}

/* gnuplot itself would say "cannot open file" and not which. */
static int check_output(const char *output, struct reason *why)
{
	int fd = open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return reason_set(why, -errno,
				  "cannot write %s: %s; name another folder with --output", output,
				  strerror(errno));
	close(fd);
	return 0;
}

static int spawn(const char *const *argv, int err_fd, pid_t *pid)
{
	const char *env[MAX_ENVIRONMENT];
	posix_spawn_file_actions_t fa;
	int ret = posix_spawn_file_actions_init(&fa);

	utf8_environment(env);

	if (ret)
		return -ret;
	ret = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	if (!ret)
		ret = posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&fa, err_fd, 2);
	if (!ret)
		ret = posix_spawnp(pid, argv[0], &fa, NULL, (char *const *)argv,
				   (char *const *)env);
	posix_spawn_file_actions_destroy(&fa);
	return -ret;
}

/* To the end, also beyond @n: a full pipe would stop gnuplot. */
static void drain(int fd, char *said, size_t n)
{
	char buf[512];
	size_t at = 0;

	for (;;) {
		ssize_t got = read(fd, buf, sizeof(buf));
		size_t room;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		room = n - 1 - at;
		if ((size_t)got < room)
			room = (size_t)got;
		memcpy(said + at, buf, room);
		at += room;
	}
	said[at] = '\0';
}

/* gnuplot puts the line of the script and a caret first; the complaint is the line with words. */
static void first_complaint(const char *said, char *line, size_t n)
{
	const char *p = strstr(said, " line ");

	while (p && p > said && p[-1] != '\n')
		p--;
	if (!p)
		p = said + strspn(said, " \t\n^");
	snprintf(line, n, "%.*s", (int)strcspn(p, "\n"), p);
}

static int finish(pid_t pid, const char *said, struct reason *why)
{
	char line[400];
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return reason_set(why, -errno, "gnuplot: %s", strerror(errno));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !*said)
		return reason_set(why, -ENOENT,
				  "gnuplot does not start; apt-get install gnuplot-nox");
	first_complaint(said, line, sizeof(line));
	return reason_set(why, -EIO, "gnuplot: %s", *line ? line : "died without a word");
}

int gnuplot_run(const char *template, const char *data, const char *output, const char *format,
		char *said, size_t n, struct reason *why)
{
	/* -d: what a user's .gnuplot sets is no part of these pictures. */
	const char *const argv[] = { "gnuplot", "-d", "-c", template, data, output, format, NULL };
	int fd[2], ret;
	pid_t pid;

	said[0] = '\0';
	if (!plain_path(template) || !plain_path(data) || !plain_path(output))
		return reason_set(why, -EINVAL, "%s: not a path that begins with / or ./", output);
	ret = check_output(output, why);
	if (ret)
		return ret;
	if (pipe2(fd, O_CLOEXEC))
		return reason_set(why, -errno, "cannot start gnuplot: %s", strerror(errno));
	ret = spawn(argv, fd[1], &pid);
	close(fd[1]);
	if (ret == -ENOENT) {
		reason_set(why, ret, "gnuplot is missing; apt-get install gnuplot-nox");
	} else if (ret) {
		reason_set(why, ret, "cannot start gnuplot: %s", strerror(-ret));
	} else {
		drain(fd[0], said, n);
		ret = finish(pid, said, why);
	}
	close(fd[0]);
	return ret;
}
