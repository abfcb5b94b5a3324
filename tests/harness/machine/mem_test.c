// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine/files.h"
#include "harness/machine/mem.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define K	      ((uint64_t)1 << 10)
#define M	      ((uint64_t)1 << 20)
#define G	      ((uint64_t)1 << 30)

#define THP_ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"
#define THP_2M	    "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled"
#define MEMINFO	    "/proc/meminfo"
#define POOL_2M	    "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static const struct support_case {
	const char *thp, *thp_2m, *meminfo; /* NULL: no such file */
	const char *nr, *free, *resv;	    /* the pool of 2 MiB pages */
	enum mem_backing backing;
	uint64_t bytes;
	int err;
	const char *says;
} support[] = {
	/* 1 GiB available: a tenth stays free */
	{ NULL, NULL, "MemFree: 1 kB\nMemAvailable: 1048576 kB\n", NULL, NULL, NULL, MEM_4K,
	  900 * M, 0, "" },
	{ NULL, NULL, "MemAvailable: 1048576 kB\n", NULL, NULL, NULL, MEM_4K, 950 * M, -ENOMEM,
	  "would" },
	{ NULL, NULL, "MemAvailable: 1048576 kB\n", NULL, NULL, NULL, MEM_4K, 4 * K, 0, "" },
	/* 128 MiB available: 64 MiB stay free */
	{ NULL, NULL, "MemAvailable: 131072 kB\n", NULL, NULL, NULL, MEM_4K, 64 * M, 0, "" },
	{ NULL, NULL, "MemAvailable: 131072 kB\n", NULL, NULL, NULL, MEM_4K, 64 * M + 4 * K,
	  -ENOMEM, "64M would" },
	{ NULL, NULL, "MemAvailable: 1024 kB\n", NULL, NULL, NULL, MEM_4K, 4 * K, -ENOMEM,
	  "0 would" },
	/* who does not say is believed */
	{ NULL, NULL, NULL, NULL, NULL, NULL, MEM_4K, 64 * G, 0, "" },
	{ NULL, NULL, NULL, NULL, NULL, NULL, MEM_4K, 4095, -EINVAL, "4096" },
	{ NULL, NULL, NULL, NULL, NULL, NULL, MEM_4K, 0, -EINVAL, "0 bytes" },
	{ "always [madvise] never\n", NULL, NULL, NULL, NULL, NULL, MEM_THP, 2 * M, 0, "" },
	{ "[always] madvise never\n", NULL, NULL, NULL, NULL, NULL, MEM_THP, 2 * M, 0, "" },
	{ "always madvise [never]\n", NULL, NULL, NULL, NULL, NULL, MEM_THP, 2 * M, -ENOTSUP,
	  "echo madvise > " THP_ENABLED },
	{ NULL, NULL, NULL, NULL, NULL, NULL, MEM_THP, 2 * M, -ENOTSUP, "no transparent" },
	{ "[always] madvise never\n", NULL, NULL, NULL, NULL, NULL, MEM_THP, 2 * M + 4 * K, -EINVAL,
	  "2097152" },
	{ "[always] madvise never\n", NULL, "MemAvailable: 131072 kB\n", NULL, NULL, NULL, MEM_THP,
	  66 * M, -ENOMEM, "64M would" },
	/* newer kernels have a switch for each size, which may inherit the global one */
	{ "always madvise [never]\n", "always [madvise] inherit never\n", NULL, NULL, NULL, NULL,
	  MEM_THP, 2 * M, 0, "" },
	{ "[always] madvise never\n", "always madvise inherit [never]\n", NULL, NULL, NULL, NULL,
	  MEM_THP, 2 * M, -ENOTSUP, "off" },
	{ "always madvise [never]\n", "always madvise [inherit] never\n", NULL, NULL, NULL, NULL,
	  MEM_THP, 2 * M, -ENOTSUP, "off" },
	{ NULL, NULL, NULL, "8\n", "8\n", "0\n", MEM_HUGETLB_2M, 16 * M, 0, "" },
	{ NULL, NULL, NULL, "8\n", "8\n", "0\n", MEM_HUGETLB_2M, 18 * M, -ENOMEM,
	  "16M free: echo 9 > " POOL_2M "nr_hugepages" },
	/* five are taken, two more are promised: one is left, four are wanted */
	{ NULL, NULL, NULL, "8\n", "3\n", "2\n", MEM_HUGETLB_2M, 8 * M, -ENOMEM, "echo 11 > " },
	{ NULL, NULL, NULL, "0\n", "0\n", "0\n", MEM_HUGETLB_2M, 2 * M, -ENOTSUP, "echo 1 > " },
	{ NULL, NULL, NULL, NULL, NULL, NULL, MEM_HUGETLB_2M, 2 * M, -ENOTSUP, "no hugetlb-2m" },
	{ NULL, NULL, NULL, "8\n", "8\n", "0\n", MEM_HUGETLB_1G, 1 * G, -ENOTSUP, "no hugetlb-1g" },
	/* the pool is not part of the available memory */
	{ NULL, NULL, "MemAvailable: 1024 kB\n", "8\n", "8\n", "0\n", MEM_HUGETLB_2M, 16 * M, 0,
	  "" },
	{ NULL, NULL, NULL, NULL, NULL, NULL, MEM_BACKING_MAX, 2 * M, -EINVAL, "no such" },
};

static void write_some(const struct tree *t, const char *path, const char *text)
{
	if (text)
		tree_write(t, path, text);
}

static void what_is_supported(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(support); i++) {
		const struct support_case *c = &support[i];
		struct reason why = { "" };
		struct tree t;
		int err;

		tree_make(&t);
		write_some(&t, THP_ENABLED, c->thp);
		write_some(&t, THP_2M, c->thp_2m);
		write_some(&t, MEMINFO, c->meminfo);
		write_some(&t, POOL_2M "nr_hugepages", c->nr);
		write_some(&t, POOL_2M "free_hugepages", c->free);
		write_some(&t, POOL_2M "resv_hugepages", c->resv);
		err = mem_supported(t.root, c->backing, c->bytes, &why);
		tree_remove(&t);
		if (err != c->err || !strstr(why.text, c->says))
			fail_msg("case %zu: %d '%s'", i, err, why.text);
	}
}

static void overcommitted_pool(void **state)
{
	struct reason why = { "" };
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, POOL_2M "nr_hugepages", "0\n");
	tree_write(&t, POOL_2M "free_hugepages", "0\n");
	tree_write(&t, POOL_2M "nr_overcommit_hugepages", "4\n");
	tree_write(&t, POOL_2M "surplus_hugepages", "1\n");
	assert_int_equal(mem_supported(t.root, MEM_HUGETLB_2M, 6 * M, &why), 0);
	assert_int_equal(mem_supported(t.root, MEM_HUGETLB_2M, 8 * M, &why), -ENOMEM);
	tree_remove(&t);
}

#define CGROUP "/proc/self/cgroup"
#define V1     "/sys/fs/cgroup/memory/"
#define V2     "/sys/fs/cgroup/"

/* With 1 GiB available, which lets 921M through. */
static const struct cgroup_case {
	struct tree_file file[8];
	uint64_t bytes;
	const char *says; /* NULL: it fits */
} cgroups[] = {
	/* 200 MiB less 8 leave 192, of which 64 stay free: 128 */
	{ { { CGROUP, "0::/a/b\n" },
	    { V2 "a/b/memory.max", "209715200\n" },
	    { V2 "a/b/memory.current", "8388608\n" } },
	  128 * M,
	  NULL },
	{ { { CGROUP, "0::/a/b\n" },
	    { V2 "a/b/memory.max", "209715200\n" },
	    { V2 "a/b/memory.current", "8388608\n" } },
	  128 * M + 4 * K,
	  "128M would (a tenth of what memory.max of the cgroup " V2 "a/b leaves is kept)" },
	/* the parent's limit binds as well, and the mount's own where a namespace hides the rest */
	{ { { CGROUP, "0::/a/b\n" },
	    { V2 "a/b/memory.max", "max\n" },
	    { V2 "a/b/memory.current", "0\n" },
	    { V2 "a/memory.max", "209715200\n" },
	    { V2 "a/memory.current", "8388608\n" } },
	  129 * M,
	  "cgroup " V2 "a leaves" },
	{ { { CGROUP, "0::/\n" },
	    { V2 "memory.max", "209715200\n" },
	    { V2 "memory.current", "209715201\n" } },
	  4 * K,
	  "0 would (a tenth of what memory.max of the cgroup /sys/fs/cgroup leaves" },
	/* what is cached is given back */
	{ { { CGROUP, "0::/a\n" },
	    { V2 "a/memory.max", "209715200\n" },
	    { V2 "a/memory.current", "209715200\n" },
	    { V2 "a/memory.stat", "anon 8388608\ninactive_file 201326592\n" } },
	  128 * M,
	  NULL },
	/* none, or beyond what the machine has */
	{ { { CGROUP, "0::/a\n" }, { V2 "a/memory.max", "max\n" } }, 900 * M, NULL },
	{ { { CGROUP, "0::/a\n" },
	    { V2 "a/memory.max", "4294967296\n" },
	    { V2 "a/memory.current", "0\n" } },
	  950 * M,
	  "would (a tenth of the available memory is left free)" },
	/* version 1, beside a version 2 without the controller */
	{ { { CGROUP, "4:memory:/a\n0::/\n" },
	    { V1 "a/memory.limit_in_bytes", "209715200\n" },
	    { V1 "a/memory.usage_in_bytes", "8388608\n" } },
	  129 * M,
	  "128M would (a tenth of what memory.limit_in_bytes of the cgroup " V1 "a leaves" },
	{ { { CGROUP, "4:memory:/a/gone\n0::/\n" },
	    { V1 "memory.limit_in_bytes", "209715200\n" },
	    { V1 "memory.usage_in_bytes", "209715200\n" },
	    { V1 "memory.stat", "inactive_file 1\ntotal_inactive_file 201326592\n" } },
	  128 * M,
	  NULL },
	{ { { CGROUP, "4:memory:/\n0::/\n" },
	    { V1 "memory.limit_in_bytes", "9223372036854771712\n" },
	    { V1 "memory.usage_in_bytes", "4096\n" } },
	  900 * M,
	  NULL },
};

static void cgroups_bind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		const struct cgroup_case *c = &cgroups[i];
		struct reason why = { "" };
		struct tree t;
		int err;

		tree_make(&t);
		tree_write(&t, MEMINFO, "MemAvailable: 1048576 kB\n");
		for (size_t f = 0; f < ARRAY_SIZE(c->file) && c->file[f].path; f++)
			tree_write_all(&t, &c->file[f], 1);
		err = mem_supported(t.root, MEM_4K, c->bytes, &why);
		tree_remove(&t);
		if (err != (c->says ? -ENOMEM : 0) || (c->says && !strstr(why.text, c->says)))
			fail_msg("case %zu: %d '%s'", i, err, why.text);
	}
}

static void available(void **state)
{
	struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(mem_available(t.root), 0);
	tree_write(&t, MEMINFO, "MemTotal: 9 kB\nMemAvailable:    5 kB\n");
	assert_int_equal(mem_available(t.root), 5 * K);
	tree_remove(&t);
	assert_true(mem_available("") > 0);
}

static void names(void **state)
{
	static const struct {
		enum mem_backing b;
		const char *name;
		uint64_t page;
	} cases[] = {
		{ MEM_4K, "4k", 4 * K },
		{ MEM_THP, "thp", 2 * M },
		{ MEM_HUGETLB_2M, "hugetlb-2m", 2 * M },
		{ MEM_HUGETLB_1G, "hugetlb-1g", G },
		{ MEM_BACKING_MAX, "?", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(mem_backing_name(cases[i].b), cases[i].name);
		assert_int_equal(mem_backing_page(cases[i].b), cases[i].page);
	}
}

/* The region's every byte is there, zero, and writable; the guards touch it and hold. */
static void expect_region(const struct mem *m, size_t bytes, size_t offset)
{
	struct reason why = { "" };

	assert_int_equal(m->bytes, bytes);
	assert_int_equal((uintptr_t)m->base % (2 * M), offset);
	assert_ptr_equal(m->guard[0] + 4096, m->base);
	assert_ptr_equal(m->guard[1], m->base + bytes);
	for (size_t i = 0; i < bytes; i++)
		if (m->base[i])
			fail_msg("byte %zu is %d", i, m->base[i]);
	memset(m->base, 0x77, bytes);
	if (mem_guard_check(m, &why))
		fail_msg("%s", why.text);
}

static void allocations(void **state)
{
	static const struct {
		enum mem_backing backing;
		size_t bytes, offset;
	} cases[] = {
		{ MEM_4K, 4096, 0 },	    { MEM_4K, 3 << 20, 0 },
		{ MEM_4K, 1 << 20, 8192 },  { MEM_4K, 4 << 20, (2 << 20) - 4096 },
		{ MEM_THP, 2 << 20, 0 },    { MEM_THP, 8 << 20, 0 },
		{ MEM_THP, 4 << 20, 4096 }, { MEM_THP, 4 << 20, (2 << 20) - 4096 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct mem m;
		int err = mem_alloc(&m, cases[i].backing, cases[i].bytes, cases[i].offset, NULL,
				    NULL, &why);

		/* A machine without THP has its reason; one with it has no excuse. */
		if (err == -ENOTSUP && cases[i].backing == MEM_THP) {
			print_message("case %zu: %s\n", i, why.text);
			continue;
		}
		if (err)
			fail_msg("case %zu: %s", i, why.text);
		expect_region(&m, cases[i].bytes, cases[i].offset);
		/* Base pages are always granted. Huge ones may run out; never more than asked. */
		if (cases[i].backing == MEM_4K)
			assert_int_equal(m.granted, cases[i].bytes);
		else
			assert_true(m.granted <= cases[i].bytes && m.granted % 4096 == 0);
		mem_free(&m);
		assert_null(m.base);
		mem_free(&m);
	}
}

/* The VmFlags of the mapping that is exactly [@from, @from + @bytes); "" where there is none. */
static void mapping_flags(const void *from, size_t bytes, char *flags, size_t n)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512], range[64];
	bool inside = false;

	flags[0] = '\0';
	snprintf(range, sizeof(range), "%lx-%lx ", (unsigned long)from,
		 (unsigned long)from + (unsigned long)bytes);
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, range, strlen(range)))
			inside = true;
		if (inside && !strncmp(line, "VmFlags:", 8)) {
			snprintf(flags, n, "%s", line + 8);
			break;
		}
	}
	fclose(f);
}

/* The region is a mapping of its own, and khugepaged must leave base pages alone. */
static void mapping_is_exact(void **state)
{
	struct reason why = { "" };
	char flags[512];
	struct mem m;

	(void)state;
	assert_int_equal(mem_alloc(&m, MEM_4K, 3 * M, 4096, NULL, NULL, &why), 0);
	mapping_flags(m.base, 3 * M, flags, sizeof(flags));
	assert_true(flags[0]);
	if (file_exists("", THP_ENABLED))
		assert_true(word_in(flags, "nh"));
	mapping_flags(m.guard[0], 4096, flags, sizeof(flags));
	assert_true(word_in(flags, "dd"));
	mem_free(&m);
}

/*
 * On a machine with plenty of memory and THP on, huge pages are granted in full; not each time, where
 * the memory that is free lies in pieces that the kernel has yet to move together.
 */
static void huge_pages_are_granted(void **state)
{
	struct reason why = { "" };
	struct mem m;

	(void)state;
	if (mem_supported("", MEM_THP, G, &why))
		skip();
	for (size_t offset = 0; offset <= 64 * K; offset += 64 * K) {
		size_t granted = 0;

		for (unsigned i = 0; i < 10 && granted < 16 * M; i++) {
			assert_int_equal(mem_alloc(&m, MEM_THP, 16 * M, offset, NULL, NULL, &why),
					 0);
			granted = m.granted;
			mem_free(&m);
		}
		assert_int_equal(granted, 16 * M);
	}
}

/* Regions side by side must not answer for each other. */
static void neighbours_count_apart(void **state)
{
	struct reason why = { "" };
	struct mem m[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		assert_int_equal(mem_alloc(&m[i], MEM_4K, (i + 1) * M, 0, NULL, NULL, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(m); i++) {
		assert_int_equal(m[i].granted, (i + 1) * M);
		mem_free(&m[i]);
	}
}

#define OVERCOMMIT "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages"

/* Let the pool grow by @n pages on demand. Return: what was allowed before, -1 where we may not. */
static long allow_huge_pages(long n)
{
	FILE *f = fopen(OVERCOMMIT, "r+");
	long was = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &was) == 1) {
		rewind(f);
		fprintf(f, "%ld\n", n);
	}
	if (fclose(f))
		return -1;
	return was;
}

/* From this machine's pool, which root lets grow for the test; else the refusal with its remedy. */
static void hugetlb(void **state)
{
	struct reason why = { "" };
	long was = allow_huge_pages(4);
	struct mem m;
	int err = mem_alloc(&m, MEM_HUGETLB_2M, 4 * M, 0, NULL, NULL, &why);

	(void)state;
	if (was >= 0)
		allow_huge_pages(was);
	if (err) {
		assert_true(err == -ENOTSUP || err == -ENOMEM);
		assert_non_null(strstr(why.text, "echo "));
		/* Whoever could let the pool grow must have got the pages. */
		assert_true(was < 0);
		return;
	}
	expect_region(&m, 4 * M, 0);
	assert_int_equal(m.granted, 4 * M);
	mem_free(&m);
}

static void refused_offsets(void **state)
{
	static const struct {
		enum mem_backing backing;
		size_t offset;
	} cases[] = {
		{ MEM_4K, 100 },
		{ MEM_4K, 2 << 20 },
		{ MEM_4K, 4097 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct mem m;

		assert_int_equal(
			mem_alloc(&m, cases[i].backing, 4096, cases[i].offset, NULL, NULL, &why),
			-EINVAL);
		assert_non_null(strstr(why.text, "offset"));
		assert_null(m.map);
	}
}

static void too_much(void **state)
{
	struct reason why = { "" };
	struct mem m;

	(void)state;
	assert_int_equal(
		mem_alloc(&m, MEM_4K, mem_available("") / 4096 * 4096 + 4096, 0, NULL, NULL, &why),
		-ENOMEM);
	assert_non_null(strstr(why.text, "would"));
	assert_null(m.map);
}

static void guards_notice(void **state)
{
	static const struct {
		long at; /* from base */
		const char *says;
	} cases[] = {
		{ -1, "byte 1 before" },
		{ -4096, "byte 4096 before" },
		{ 8192, "byte 0 behind" },
		{ 8192 + 4095, "byte 4095 behind" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct mem m;

		assert_int_equal(mem_alloc(&m, MEM_4K, 8192, 0, NULL, NULL, &why), 0);
		m.base[cases[i].at] ^= 1;
		assert_int_equal(mem_guard_check(&m, &why), -EFAULT);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu: %s", i, why.text);
		mem_free(&m);
	}
}

/* Zeros are what the benchmarks write: they must not pass for an untouched guard. */
static void guards_notice_zeros(void **state)
{
	struct reason why = { "" };
	struct mem m;

	(void)state;
	assert_int_equal(mem_alloc(&m, MEM_4K, 4096, 0, NULL, NULL, &why), 0);
	memset(m.base, 0, 4096 + 64);
	assert_int_equal(mem_guard_check(&m, &why), -EFAULT);
	mem_free(&m);
}

struct placed {
	void *addr;
	size_t bytes;
	int err;
};

static int place(void *ctx, void *addr, size_t bytes, struct reason *why)
{
	struct placed *p = ctx;

	p->addr = addr;
	p->bytes = bytes;
	return p->err ? reason_set(why, p->err, "no place") : 0;
}

static void placement(void **state)
{
	struct placed p = { 0 };
	struct reason why = { "" };
	struct mem m;

	(void)state;
	assert_int_equal(mem_alloc(&m, MEM_4K, 1 << 20, 0, place, &p, &why), 0);
	assert_ptr_equal(p.addr, m.base);
	assert_int_equal(p.bytes, 1 << 20);
	mem_free(&m);
	p.err = -EIO;
	assert_int_equal(mem_alloc(&m, MEM_4K, 1 << 20, 0, place, &p, &why), -EIO);
	assert_string_equal(why.text, "no place");
	assert_null(m.map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_supported),
		cmocka_unit_test(overcommitted_pool),
		cmocka_unit_test(cgroups_bind),
		cmocka_unit_test(available),
		cmocka_unit_test(names),
		cmocka_unit_test(allocations),
		cmocka_unit_test(mapping_is_exact),
		cmocka_unit_test(huge_pages_are_granted),
		cmocka_unit_test(neighbours_count_apart),
		cmocka_unit_test(hugetlb),
		cmocka_unit_test(refused_offsets),
		cmocka_unit_test(too_much),
		cmocka_unit_test(guards_notice),
		cmocka_unit_test(guards_notice_zeros),
		cmocka_unit_test(placement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
