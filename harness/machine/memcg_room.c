// SPDX-License-Identifier: GPL-2.0-or-later
/* What the memory cgroups above this process leave it, whichever version of cgroups they are of. */
#include <stdio.h>
#include <string.h>

#include "harness/machine/files.h"
#include "harness/machine/memcg.h"

/* Where a version keeps its cgroups and what it calls its files. */
static const struct version {
	const char *field; /* of /proc/self/cgroup */
	const char *mount, *limit, *used;
	const char *cache; /* in memory.stat: what is given back before anybody is killed */
} versions[] = {
	{ ":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	  "total_inactive_file" },
	{ "0::", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file" },
	{ "0::", "/sys/fs/cgroup/unified", "memory.max", "memory.current", "inactive_file" },
};

/* Return: is there a limit in @dir? "max" is none. */
static bool room_of(const char *root, const struct version *v, const char *dir, uint64_t *bytes)
{
	char path[2 * MEMCG_PATH];
	int64_t limit, used, cache;

	snprintf(path, sizeof(path), "%s/%s", dir, v->limit);
	if (file_number(root, path, &limit) || limit < 0)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, v->used);
	if (file_number(root, path, &used))
		return false;
	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	if (file_field_number(root, path, v->cache, &cache) || cache < 0 || cache > used)
		cache = 0;
	used -= cache;
	*bytes = used < limit ? (uint64_t)(limit - used) : 0;
	return true;
}

/* From the process's own cgroup upwards: a limit binds all that is below it. */
static void look_upwards(const char *root, const struct version *v, struct memcg_room *least)
{
	char path[MEMCG_PATH], dir[MEMCG_PATH];

	if (!memcg_own_path(root, v->field, path))
		return;
	for (;;) {
		char *slash = strrchr(path, '/');
		uint64_t bytes;

		snprintf(dir, sizeof(dir), "%s%.400s", v->mount, strcmp(path, "/") ? path : "");
		if (room_of(root, v, dir, &bytes) && bytes < least->bytes) {
			least->bytes = bytes;
			least->limit = v->limit;
			snprintf(least->dir, sizeof(least->dir), "%s", dir);
		}
		if (!slash || !strcmp(path, "/"))
			return;
		slash[slash == path] = '\0';
	}
}

void memcg_room(const char *root, struct memcg_room *least)
{
	*least = (struct memcg_room){ .bytes = UINT64_MAX };
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		look_upwards(root, &versions[i], least);
}
