// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bench/ops/lines.h"
#include "bench/ops/reset_ops.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      4096ul
#define PAGES	      40
#define POISON	      0xa5

static struct cpu_info cpu;
static unsigned char *area; /* PAGES, and a page that may not be touched on either side */
static char *zero, *pattern;

static int make_area(void **state)
{
	char *all = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	cpu_detect(&cpu);
	if (all == MAP_FAILED || mprotect(all + PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE))
		return -1;
	area = (unsigned char *)all + PAGE;
	zero = aligned_alloc(PAGE, PAGE);
	pattern = aligned_alloc(PAGE, PAGE);
	if (!zero || !pattern)
		return -1;
	memset(zero, 0, PAGE);
	for (unsigned i = 0; i < PAGE; i++)
		pattern[i] = (char)(i * 37 + 11);
	return 0;
}

static int free_area(void **state)
{
	(void)state;
	munmap(area - PAGE, (PAGES + 2) * PAGE);
	free(zero);
	free(pattern);
	return 0;
}

static bool runs_here(const struct reset_op *op)
{
	return op->needs < 0 || cpu_has(&cpu, (enum cpu_feature)op->needs);
}

static unsigned char expected_byte(const struct reset_op *op, const char *src, size_t at)
{
	if (op->zero_only)
		return 0;
	return (unsigned char)src[op->byte_wise ? 0 : at % LINE];
}

static void assert_stored(const struct reset_op *op, const char *src, size_t from, size_t bytes)
{
	for (size_t at = 0; at < PAGES * PAGE; at++) {
		bool inside = at >= from && at < from + bytes;
		unsigned char want = inside ? expected_byte(op, src, at) : POISON;

		if (area[at] != want)
			fail_msg("%s, %zu bytes from %zu: byte %zu is %02x, not %02x", op->name,
				 bytes, from, at, area[at], want);
	}
}

#define LOOPS (2 * RESET_BARRIER_MAX)

/* The loops of one store, then those of RESET_UNROLL; NULL where there is none. */
static reset_fn *loop_of(const struct reset_op *op, int loop)
{
	return loop < RESET_BARRIER_MAX ? op->reset[loop] : op->unrolled[loop - RESET_BARRIER_MAX];
}

static void every_op_stores_its_range_and_nothing_beside(void **state)
{
	static const struct {
		size_t from, bytes;
	} ranges[] = {
		{ PAGE, PAGE },		      /* the least there is */
		{ 0, PAGE },		      /* behind what may not be touched */
		{ (PAGES - 1) * PAGE, PAGE }, /* before it */
		{ 3 * PAGE, 2 * PAGE },
		{ PAGE, 33 * PAGE },
		{ 0, PAGES * PAGE },
	};
	const char *const sources[] = { zero, pattern };
	unsigned tested = 0;

	(void)state;
	reset_bug_bits = RESET_BUG_TDX_PW_MCE;
	for (const struct reset_op *op = reset_ops; op->name; op++) {
		if (!runs_here(op))
			continue;
		for (int l = 0; l < LOOPS; l++)
			for (size_t r = 0; r < ARRAY_SIZE(ranges) && loop_of(op, l); r++)
				for (size_t s = 0; s < ARRAY_SIZE(sources); s++) {
					memset(area, POISON, PAGES * PAGE);
					loop_of(op, l)((char *)area + ranges[r].from,
						       ranges[r].bytes, sources[s]);
					/* What no barrier has drained is drained here. */
					reset_barrier(RESET_MFENCE);
					assert_stored(op, sources[s], ranges[r].from,
						      ranges[r].bytes);
					tested++;
				}
	}
	/* REP STOSB and memset() are everywhere. */
	assert_true(tested >= 2 * RESET_BARRIER_MAX * ARRAY_SIZE(ranges) * ARRAY_SIZE(sources));
}

static void without_the_erratum_nothing_is_touched(void **state)
{
	(void)state;
	memset(area, POISON, PAGES * PAGE);
	reset_bug_bits = ~RESET_BUG_TDX_PW_MCE;
	for (const struct reset_op *op = reset_ops; op->name; op++)
		for (int l = 0; l < LOOPS; l++) {
			if (!loop_of(op, l))
				continue;
			loop_of(op, l)((char *)area, PAGES * PAGE, zero);
			/* Also where there is nothing: neither end of it is even looked at. */
			loop_of(op, l)((char *)area - PAGE, PAGE, (char *)area - PAGE);
		}
	for (size_t at = 0; at < PAGES * PAGE; at++)
		assert_int_equal(area[at], POISON);
}

static void the_table_is_sound(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct reset_op *op = reset_ops; op->name; op++, n++) {
		assert_non_null(op->summary);
		assert_true(op->needs >= -1 && op->needs < CPU_FEATURE_MAX);
		for (int b = 0; b < RESET_BARRIER_MAX; b++) {
			assert_non_null(op->reset[b]);
			assert_int_equal(!op->unrolled[b], strcmp(op->name, "movdir64b") &&
								   strcmp(op->name, "clzero"));
		}
		/* The kernel's own instruction is the only one that stands for nothing else. */
		assert_int_equal(op->analogue, strcmp(op->name, "movdir64b") != 0);
	}
	assert_true(n >= 6);
	assert_string_equal(reset_ops[0].name, "movdir64b");
}

static void lines_keep_what_they_hold(void **state)
{
	(void)state;
	for (size_t at = 0; at < PAGES * PAGE; at++)
		area[at] = (unsigned char)(at * 7 + (at >> 12));
	lines_evict(&cpu, (char *)area, PAGES * PAGE);
	lines_clean(&cpu, (char *)area + PAGE, 3 * PAGE);
	for (size_t at = 0; at < PAGES * PAGE; at++)
		assert_int_equal(area[at], (unsigned char)(at * 7 + (at >> 12)));
}

static void lines_without_clflushopt_are_flushed_all_the_same(void **state)
{
	struct cpu_info old = cpu;

	(void)state;
	old.features &= ~(1u << CPU_CLFLUSHOPT);
	memset(area, POISON, PAGES * PAGE);
	lines_evict(&old, (char *)area, PAGES * PAGE);
	for (size_t at = 0; at < PAGES * PAGE; at++)
		assert_int_equal(area[at], POISON);
}

static void dirty_lines_hold_the_random_page(void **state)
{
	(void)state;
	memset(area, POISON, PAGES * PAGE);
	lines_dirty((char *)area + PAGE, 4 * PAGE, pattern);
	for (size_t at = 0; at < PAGES * PAGE; at++) {
		bool inside = at >= PAGE && at < 5 * PAGE;

		assert_int_equal(area[at], inside ? (unsigned char)pattern[at % PAGE] : POISON);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(every_op_stores_its_range_and_nothing_beside),
		cmocka_unit_test(without_the_erratum_nothing_is_touched),
		cmocka_unit_test(lines_keep_what_they_hold),
		cmocka_unit_test(lines_without_clflushopt_are_flushed_all_the_same),
		cmocka_unit_test(dirty_lines_hold_the_random_page),
	};

	return cmocka_run_group_tests(tests, make_area, free_area);
}
