// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/published/published.h"

static bool readable(const char *dir, const char *name, char *path, size_t n)
{
	if (snprintf(path, n, "%s/%s", dir, name) >= (int)n)
		return false;
	return access(path, R_OK) == 0;
}

/* An installed program finds its data wherever its prefix was moved to. */
static bool beside_program(const char *name, char *path, size_t n)
{
	char exe[PATH_MAX], dir[PATH_MAX + 40];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len <= 0)
		return false;
	exe[len] = '\0';
	snprintf(dir, sizeof(dir), "%s/../share/tdcost/published", dirname(exe));
	return readable(dir, name, path, n);
}

int published_path(const char *name, char *path, size_t n, struct reason *why)
{
	const char *env = getenv("TDCOST_PUBLISHED_DIR");

	/* A folder that was asked for is the one, or an error. */
	if (env && *env)
		return readable(env, name, path, n)
			       ? 0
			       : reason_set(why, -ENOENT, "TDCOST_PUBLISHED_DIR: no file %s in %s",
					    name, env);
	if (beside_program(name, path, n) || readable(TDCOST_PUBLISHED_DIR, name, path, n))
		return 0;
	return reason_set(why, -ENOENT,
			  "no file %s; set TDCOST_PUBLISHED_DIR to the folder that holds it", name);
}

int published_load(struct published *out, struct reason *why)
{
	char path[PATH_MAX + 64];
	int ret = published_path("published.csv", path, sizeof(path), why);
	FILE *in;

	if (ret)
		return ret;
	in = fopen(path, "re");
	if (!in)
		return reason_set(why, -errno, "cannot read %s: %s", path, strerror(errno));
	ret = published_read(in, path, out, why);
	fclose(in);
	return ret;
}
