/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem.h: memory to measure on, with the page size that was asked for and no other, between two
 * guard pages.
 */
#ifndef TDC_MACHINE_MEM_H
#define TDC_MACHINE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"

enum mem_backing {
	MEM_4K,		/* base pages, transparent huge pages refused */
	MEM_THP,	/* transparent huge pages of 2 MiB */
	MEM_HUGETLB_2M, /* hugetlbfs pool */
	MEM_HUGETLB_1G,
	MEM_BACKING_MAX
};

struct mem {
	char *base; /* first byte; on a boundary of the page (2 MiB at least), plus @offset */
	size_t bytes;
	char *guard[2]; /* 4 KiB before @base and 4 KiB behind its end, directly adjacent */
	enum mem_backing backing;
	size_t granted; /* bytes that the kernel really backs with pages of that size */
	void *map;	/* what mem_free() unmaps; belongs to this module */
	size_t map_bytes;
};

const char *mem_backing_name(enum mem_backing b); /* "4k", "thp", "hugetlb-2m", "hugetlb-1g" */
uint64_t mem_backing_page(enum mem_backing b);	  /* bytes of one page */

/**
 * mem_supported() - could @bytes be had with @backing now?
 * @root: prefix of /proc and /sys; "" for the live machine
 *
 * Ordinary memory must be available, and within the limits of this process's memory cgroups.
 * Return: 0; -ENOTSUP where the kernel or its settings say no; -ENOMEM where there is too
 * little; -EINVAL where @bytes is not a multiple of the page. @why then says what to type to get
 * it (`echo madvise > /sys/...`, `echo N > .../nr_hugepages`), or how much would fit.
 */
int mem_supported(const char *root, enum mem_backing backing, uint64_t bytes, struct reason *why);

/**
 * mem_alloc() - map, populate and verify
 * @offset: bytes between a boundary of 2 MiB and @base, a multiple of 4 KiB below 2 MiB (4 KiB and
 *	THP backings; 0 for hugetlb, which starts on a boundary of its page)
 * @place: called on the mapping before it is touched (NUMA placement); NULL for none. With THP and
 *	an offset the mapping is larger than the region: from boundary to boundary.
 *
 * Every byte is touched and is zero afterwards. @m->granted is read back from the kernel
 * (smaps), never assumed; a short grant is not an error here, the caller flags it. Guards are
 * filled with a pattern that mem_guard_check() knows.
 * Return: 0, -ENOMEM, -ENOTSUP, -EINVAL with @why. Free with mem_free().
 */
int mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
	      int (*place)(void *ctx, void *addr, size_t bytes, struct reason *why), void *ctx,
	      struct reason *why);
void mem_free(struct mem *m);

/* Read @m->granted anew, for a region that was given back in part and touched again. */
int mem_look_again(struct mem *m, struct reason *why);

/* Is any byte of the guards changed? Return: 0, -EFAULT with the offset in @why. */
int mem_guard_check(const struct mem *m, struct reason *why);

/* MemAvailable in bytes, 0 where unknown. */
uint64_t mem_available(const char *root);

#endif
