// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/region.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/core/units.h"
#include "harness/measure/design.h"

#define PAGE 4096ul

const struct level_info region_backing_levels[] = {
	[MEM_4K] = { "4k", "base pages", false },
	[MEM_THP] = { "thp", "transparent huge pages, near the kernel's direct map", false },
	[MEM_HUGETLB_2M] = { "hugetlb-2m", "the hugetlb pool of 2 MiB", false },
	[MEM_HUGETLB_1G] = { "hugetlb-1g", "the hugetlb pool of 1 GiB", false },
	{ "auto", "thp where the kernel grants it, otherwise 4k", true },
	{ NULL, NULL, false },
};

const struct level_info region_order_levels[] = {
	[REGION_SEQUENTIAL] = { "sequential", "ascending addresses", false },
	[REGION_SHUFFLED] = { "shuffled", "at random: a real TD's pages are scattered", false },
	{ NULL, NULL, false },
};

uint64_t region_llc_bytes(const struct machine *m)
{
	unsigned cpu = 0;

	topo_pick(m->topo, TOPO_ONE, &cpu, 1);
	return topo_llc_bytes(m->topo, cpu);
}

static uint64_t power_of_two_up_to(uint64_t v)
{
	uint64_t p = 1;

	while (p <= v / 2)
		p *= 2;
	return p;
}

int region_resolve(const struct machine *m, bool large, struct level *level, struct reason *why)
{
	uint64_t llc = region_llc_bytes(m);

	if (!llc)
		return reason_set(why, -ENOTSUP,
				  "the size of the LLC is not known; name one: -p region=128M");
	level->number = large ? 2 * power_of_two_up_to(2 * llc) : power_of_two_up_to(llc / 4);
	size_format(level->number, level->text, LEVEL_TEXT);
	return 0;
}

enum mem_backing region_backing(const struct machine *m, uint64_t bytes)
{
	return mem_supported(m->root, MEM_THP, bytes, NULL) == 0 ? MEM_THP : MEM_4K;
}

int region_calls_supported(const struct machine *m, const struct level *region,
			   const struct level *page, bool cached, uint64_t extra,
			   struct reason *why)
{
	uint64_t llc = region_llc_bytes(m);

	if (page->number % PAGE)
		return reason_set(why, -ENOTSUP, "page=%s is not a multiple of 4K", page->text);
	if (region->number % page->number)
		return reason_set(why, -ENOTSUP, "region=%s is not a multiple of page=%s",
				  region->text, page->text);
	if (cached && llc && region->number > llc / 2)
		return reason_set(
			why, -ENOTSUP,
			"lines of %s do not all stay in an LLC of %llu MiB; take half or less",
			region->text, (unsigned long long)(llc >> 20));
	if (extra > region->number / page->number)
		return reason_set(why, -ENOTSUP, "extra=%llu is more than the region's %llu calls",
				  (unsigned long long)extra,
				  (unsigned long long)(region->number / page->number));
	return 0;
}

int region_supported(const struct machine *m, enum mem_backing backing, uint64_t bytes,
		     struct reason *why)
{
	int ret = mem_supported(m->root, backing, bytes, why);

	if (ret == -EINVAL || (ret && (backing == MEM_HUGETLB_2M || backing == MEM_HUGETLB_1G)))
		return -ENOTSUP;
	return ret;
}

/* Where a region goes. */
struct place {
	const struct topo *topo;
	unsigned cpu;
};

static int place(void *of, void *addr, size_t bytes, struct reason *why)
{
	const struct place *at = of;

	return topo_bind_memory(at->topo, at->cpu, addr, bytes, why);
}

int region_alloc(struct mem *mem, struct bench_ctx *ctx, unsigned cpu, enum mem_backing backing,
		 size_t bytes, struct reason *why)
{
	struct place at = { ctx->machine->topo, cpu };
	size_t offset = 0;
	char detail[128];
	int ret;

	/* S4: where the pages lie is drawn anew; huge pages leave only their own boundaries. */
	if (backing == MEM_4K)
		offset = (seed_derive(ctx->seed, 0, 0, 5) % 512) * PAGE;
	ret = mem_alloc(mem, backing, bytes, offset, place, &at, why);
	if (ret)
		return ret;
	json_object_set_new(ctx->facts, "offset", json_integer((json_int_t)offset));
	json_object_set_new(ctx->facts, "granted", json_integer((json_int_t)mem->granted));
	if (mem->granted < mem->bytes) {
		snprintf(detail, sizeof(detail), "%zu of %zu MiB as %s", mem->granted >> 20,
			 mem->bytes >> 20, mem_backing_name(backing));
		ctx->flag(ctx, FLAG_HUGE_PAGES, -1, detail);
	}
	return 0;
}

uint32_t *region_order(size_t n, bool shuffled, uint64_t seed)
{
	uint32_t *order = malloc(n * sizeof(*order));

	if (!order)
		return NULL;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	if (shuffled)
		shuffle_u32(order, n, seed_derive(seed, n, 0, 4));
	return order;
}
