// SPDX-License-Identifier: GPL-2.0-or-later
/* Could this much memory be had, with pages of this size? Reads only, under any root. */
#include "harness/machine/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/core/units.h"
#include "harness/machine/files.h"
#include "harness/machine/memcg.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define THP	      "/sys/kernel/mm/transparent_hugepage/"

static const struct backing {
	const char *name;
	uint64_t page;
	const char *pool; /* hugetlb pool, NULL for ordinary memory */
} backings[] = {
	[MEM_4K] = { "4k", 4096, NULL },
	[MEM_THP] = { "thp", 2 << 20, NULL },
	[MEM_HUGETLB_2M] = { "hugetlb-2m", 2 << 20, "/sys/kernel/mm/hugepages/hugepages-2048kB" },
	[MEM_HUGETLB_1G] = { "hugetlb-1g", 1 << 30,
			     "/sys/kernel/mm/hugepages/hugepages-1048576kB" },
};
static_assert(ARRAY_SIZE(backings) == MEM_BACKING_MAX, "every backing has its page");

const char *mem_backing_name(enum mem_backing b)
{
	return (unsigned)b < MEM_BACKING_MAX ? backings[b].name : "?";
}

uint64_t mem_backing_page(enum mem_backing b)
{
	return (unsigned)b < MEM_BACKING_MAX ? backings[b].page : 0;
}

uint64_t mem_available(const char *root)
{
	int64_t kib;

	if (file_field_number(root, "/proc/meminfo", "MemAvailable", &kib) || kib < 0)
		return 0;
	return (uint64_t)kib << 10;
}

/* A machine driven out of memory kills something: leave a tenth, and 64 MiB at least. */
static uint64_t usable(uint64_t available)
{
	uint64_t keep = available / 10 > 64 << 20 ? available / 10 : 64 << 20;

	return available > keep ? available - keep : 0;
}

static int enough_memory(const char *root, enum mem_backing b, uint64_t bytes, struct reason *why)
{
	uint64_t page = backings[b].page, available = mem_available(root), fits;
	char want[32], have[32], whose[2 * MEMCG_PATH] = "the available memory is left free)";
	struct memcg_room room;

	memcg_room(root, &room);
	if (room.limit && (!available || room.bytes < available)) {
		available = room.bytes;
		snprintf(whose, sizeof(whose), "what %s of the cgroup %s leaves is kept): raise it",
			 room.limit, room.dir);
	} else if (!available) {
		return 0; /* a kernel that does not say is given the benefit of the doubt */
	}
	fits = usable(available) / page * page;
	if (bytes <= fits)
		return 0;
	return reason_set(why, -ENOMEM, "%s of %s pages do not fit: %s would (a tenth of %s",
			  size_format(bytes, want, sizeof(want)), backings[b].name,
			  /* Nobody types a size to the kilobyte. */
			  size_format(fits >> 20 ? fits >> 20 << 20 : fits, have, sizeof(have)),
			  whose);
}

/* The kernel's word for 2 MiB pages; "inherit" there, or an old kernel, means the global one. */
static int thp_mode(const char *root, char *buf, size_t n)
{
	int err = file_choice(root, THP "hugepages-2048kB/enabled", buf, n);

	if (!err && strcmp(buf, "inherit"))
		return 0;
	return file_choice(root, THP "enabled", buf, n);
}

static int thp_supported(const char *root, struct reason *why)
{
	char mode[32];

	if (thp_mode(root, mode, sizeof(mode)))
		return reason_set(why, -ENOTSUP,
				  "this kernel has no transparent huge pages (no " THP "enabled)");
	if (!strcmp(mode, "never"))
		return reason_set(why, -ENOTSUP,
				  "transparent huge pages are off: echo madvise > " THP "enabled");
	return 0;
}

static int64_t pool_number(const char *root, const char *pool, const char *file)
{
	char path[128];
	int64_t v;

	snprintf(path, sizeof(path), "%s/%s", pool, file);
	return file_number(root, path, &v) || v < 0 ? 0 : v;
}

static int pool_supported(const char *root, const struct backing *b, uint64_t bytes,
			  struct reason *why)
{
	int64_t need = (int64_t)(bytes / b->page), total, fits;
	char have[32];

	if (!file_exists(root, b->pool))
		return reason_set(why, -ENOTSUP, "this CPU or kernel has no %s pages (no %s)",
				  b->name, b->pool);
	total = pool_number(root, b->pool, "nr_hugepages");
	/* Reserved pages are free and promised; overcommitted ones are made when they are asked for. */
	fits = pool_number(root, b->pool, "free_hugepages") -
	       pool_number(root, b->pool, "resv_hugepages") +
	       pool_number(root, b->pool, "nr_overcommit_hugepages") -
	       pool_number(root, b->pool, "surplus_hugepages");
	if (fits < 0)
		fits = 0;
	if (need <= fits)
		return 0;
	size_format((uint64_t)fits * b->page, have, sizeof(have));
	return reason_set(why, total || fits ? -ENOMEM : -ENOTSUP,
			  "the %s pool has %s free: echo %lld > %s/nr_hugepages", b->name, have,
			  (long long)(total + need - fits), b->pool);
}

int mem_supported(const char *root, enum mem_backing backing, uint64_t bytes, struct reason *why)
{
	int err = 0;

	if ((unsigned)backing >= MEM_BACKING_MAX)
		return reason_set(why, -EINVAL, "no such backing: %d", (int)backing);
	if (!bytes || bytes % backings[backing].page)
		return reason_set(why, -EINVAL,
				  "%llu bytes are not a multiple of the page of %s, %llu bytes",
				  (unsigned long long)bytes, backings[backing].name,
				  (unsigned long long)backings[backing].page);
	if (backings[backing].pool)
		return pool_supported(root, &backings[backing], bytes, why);
	if (backing == MEM_THP)
		err = thp_supported(root, why);
	return err ? err : enough_memory(root, backing, bytes, why);
}
