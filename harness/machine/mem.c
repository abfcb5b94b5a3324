// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One reservation of address space holds, in this order: nothing, a guard page, the region, a
 * guard page, nothing. The mapping of the region is its own, so that smaps accounts for it alone:
 * the guards carry MADV_DONTDUMP, which keeps the kernel from merging them with it.
 *
 * A THP region that starts off a boundary is the exception. The guards must touch it and it must
 * still be huge pages to its last byte, so its mapping reaches from boundary to boundary and the
 * guards lie inside.
 */
#include "harness/machine/mem.h"

#include <errno.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/core/units.h"
#include "harness/machine/files.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define BASE_PAGE ((size_t)4096)
#define BOUNDARY  ((size_t)2 << 20) /* what @offset counts from where pages are 4 KiB */

/* The mapping whose pages are to have the backing's size. */
struct span {
	char *at;
	size_t bytes;
};

static size_t alignment(enum mem_backing b)
{
	size_t page = (size_t)mem_backing_page(b);

	return page > BOUNDARY ? page : BOUNDARY;
}

static int check_offset(enum mem_backing b, size_t offset, struct reason *why)
{
	if (!offset)
		return 0;
	if (b == MEM_HUGETLB_2M || b == MEM_HUGETLB_1G)
		return reason_set(why, -EINVAL, "%s memory starts on a page boundary, offset is 0",
				  mem_backing_name(b));
	if (offset % BASE_PAGE || offset >= BOUNDARY)
		return reason_set(why, -EINVAL, "offset %zu is not a multiple of 4096 below %zu",
				  offset, BOUNDARY);
	return 0;
}

static int map_fixed(char *at, size_t bytes, int flags, struct reason *why)
{
	void *p = mmap(at, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1, 0);
	char text[32];

	if (p != MAP_FAILED)
		return 0;
	return reason_set(why, -errno, "cannot map %s: %s", size_format(bytes, text, sizeof(text)),
			  strerror(errno));
}

static int reserve(struct mem *m, size_t offset, struct reason *why)
{
	size_t align = alignment(m->backing);
	uintptr_t first;

	/* Room to align, for the offset, and for what rounding up to whole pages adds. */
	m->map_bytes = m->bytes + 3 * align;
	m->map = mmap(NULL, m->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return reason_set(why, -errno, "cannot reserve %zu bytes of address space: %s",
				  m->map_bytes, strerror(errno));
	}
	first = ((uintptr_t)m->map + BASE_PAGE + align - 1) / align * align;
	m->base = (char *)first + offset;
	m->guard[0] = m->base - BASE_PAGE;
	m->guard[1] = m->base + m->bytes;
	return 0;
}

static struct span span_of(const struct mem *m, size_t offset)
{
	if (m->backing != MEM_THP || !offset)
		return (struct span){ m->base, m->bytes };
	return (struct span){ m->base - offset, m->bytes + BOUNDARY };
}

static int map_span(const struct mem *m, struct span s, struct reason *why)
{
	static const int flags[] = {
		[MEM_4K] = 0,
		[MEM_THP] = 0,
		[MEM_HUGETLB_2M] = MAP_HUGETLB | MAP_HUGE_2MB,
		[MEM_HUGETLB_1G] = MAP_HUGETLB | MAP_HUGE_1GB,
	};
	int err = map_fixed(s.at, s.bytes, flags[m->backing], why);

	if (err)
		return err;
	/* A kernel without THP refuses to refuse them, which is as good. */
	if (m->backing == MEM_4K && madvise(s.at, s.bytes, MADV_NOHUGEPAGE) && errno != EINVAL)
		return reason_set(why, -errno, "madvise(MADV_NOHUGEPAGE): %s", strerror(errno));
	if (m->backing == MEM_THP && madvise(s.at, s.bytes, MADV_HUGEPAGE))
		return reason_set(why, errno == EINVAL ? -ENOTSUP : -errno,
				  "madvise(MADV_HUGEPAGE): %s", strerror(errno));
	return 0;
}

static int map_guards(const struct mem *m, struct reason *why)
{
	for (int i = 0; i < 2; i++) {
		int err = map_fixed(m->guard[i], BASE_PAGE, 0, why);

		if (err)
			return err;
		if (madvise(m->guard[i], BASE_PAGE, MADV_DONTDUMP))
			return reason_set(why, -errno, "madvise(MADV_DONTDUMP): %s",
					  strerror(errno));
	}
	return 0;
}

static int populate(const struct mem *m, struct span s, struct reason *why)
{
	/*
	 * A pool that has its free pages on another NUMA node answers a touch with SIGBUS; asked
	 * this way it answers with an error. Kernels that do not know the advice say EINVAL.
	 */
	if (m->backing >= MEM_HUGETLB_2M && madvise(s.at, s.bytes, MADV_POPULATE_WRITE) &&
	    errno != EINVAL)
		return reason_set(why, -ENOMEM,
				  "the %s pool has no free pages on the NUMA node asked for: %s",
				  mem_backing_name(m->backing), strerror(errno));
	for (size_t i = 0; i < s.bytes; i += BASE_PAGE)
		*(volatile char *)(s.at + i) = 0;
	return 0;
}

/* What smaps says of one mapping, in bytes. */
struct vma {
	uintptr_t from, to;
	size_t page, rss, huge, hugetlb;
};

static void vma_field(struct vma *v, const char *line)
{
	static const struct {
		const char *name;
		size_t at;
	} fields[] = {
		{ "KernelPageSize:", offsetof(struct vma, page) },
		{ "Rss:", offsetof(struct vma, rss) },
		{ "AnonHugePages:", offsetof(struct vma, huge) },
		{ "Private_Hugetlb:", offsetof(struct vma, hugetlb) },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t n = strlen(fields[i].name);

		if (!strncmp(line, fields[i].name, n))
			*(size_t *)((char *)v + fields[i].at) = strtoull(line + n, NULL, 10) << 10;
	}
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes of @s within @v that have pages of the backing's size. */
static size_t vma_granted(const struct vma *v, struct span s, enum mem_backing b)
{
	uintptr_t from = (uintptr_t)s.at, to = from + s.bytes;
	size_t overlap;

	if (v->to <= from || v->from >= to)
		return 0;
	overlap = (v->to < to ? v->to : to) - (v->from > from ? v->from : from);
	if (b == MEM_THP)
		return smaller(v->huge, overlap);
	if (v->page != mem_backing_page(b))
		return 0;
	return smaller(b == MEM_4K ? v->rss - smaller(v->huge, v->rss) : v->hugetlb, overlap);
}

static int read_granted(struct mem *m, struct span s, struct reason *why)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct vma v = { 0 };
	char line[512];
	size_t granted = 0;

	if (!f)
		return reason_set(why, -errno, "/proc/self/smaps: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		unsigned long long from, to;

		if (sscanf(line, "%llx-%llx ", &from, &to) != 2) {
			vma_field(&v, line);
			continue;
		}
		granted += vma_granted(&v, s, m->backing);
		v = (struct vma){ .from = from, .to = to };
	}
	granted += vma_granted(&v, s, m->backing);
	fclose(f);
	/* What the mapping has beyond the region must not make up for what is missing in it. */
	granted = smaller(granted, s.bytes);
	m->granted = m->bytes - smaller(m->bytes, s.bytes - granted);
	return 0;
}

int mem_look_again(struct mem *m, struct reason *why)
{
	return read_granted(m, (struct span){ m->base, m->bytes }, why);
}

static unsigned char guard_byte(int guard, size_t i)
{
	return (unsigned char)(0xa5 ^ (guard ? 0xff : 0) ^ (i * 31));
}

static void fill_guards(const struct mem *m)
{
	for (int g = 0; g < 2; g++)
		for (size_t i = 0; i < BASE_PAGE; i++)
			m->guard[g][i] = (char)guard_byte(g, i);
}

int mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
	      int (*place)(void *ctx, void *addr, size_t bytes, struct reason *why), void *ctx,
	      struct reason *why)
{
	struct span s;
	int err;

	memset(m, 0, sizeof(*m));
	err = mem_supported("", backing, bytes, why);
	if (err)
		return err;
	err = check_offset(backing, offset, why);
	if (err)
		return err;
	m->backing = backing;
	m->bytes = bytes;
	err = reserve(m, offset, why);
	if (err)
		goto out;
	s = span_of(m, offset);
	err = map_span(m, s, why);
	/* Inside a huge-page mapping the guards are there already. */
	if (!err && s.at == m->base)
		err = map_guards(m, why);
	if (!err && place)
		err = place(ctx, s.at, s.bytes, why);
	if (!err)
		err = populate(m, s, why);
	if (err)
		goto out;
	fill_guards(m);
	err = read_granted(m, s, why);
out:
	if (err)
		mem_free(m);
	return err;
}

void mem_free(struct mem *m)
{
	if (m->map)
		munmap(m->map, m->map_bytes);
	memset(m, 0, sizeof(*m));
}

int mem_guard_check(const struct mem *m, struct reason *why)
{
	for (int g = 0; g < 2; g++) {
		for (size_t i = 0; i < BASE_PAGE; i++) {
			if ((unsigned char)m->guard[g][i] == guard_byte(g, i))
				continue;
			if (g)
				return reason_set(why, -EFAULT,
						  "wrote past the end: byte %zu behind it changed",
						  i);
			return reason_set(why, -EFAULT,
					  "wrote before the start: byte %zu before it changed",
					  BASE_PAGE - i);
		}
	}
	return 0;
}
