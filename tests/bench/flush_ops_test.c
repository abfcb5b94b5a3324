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

#include "bench/ops/flush_ops.h"

#define PAGE  4096ul
#define PAGES 40

static struct cpu_info cpu;
static unsigned char *area; /* PAGES, and a page that may not be touched on either side */

static int make_area(void **state)
{
	char *all = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	cpu_detect(&cpu);
	if (all == MAP_FAILED || mprotect(all + PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE))
		return -1;
	area = (unsigned char *)all + PAGE;
	return 0;
}

static int free_area(void **state)
{
	(void)state;
	munmap(area - PAGE, (PAGES + 2) * PAGE);
	return 0;
}

static unsigned char byte_at(size_t at)
{
	return (unsigned char)(at * 7 + (at >> 12) * 13);
}

static void fill(void)
{
	for (size_t at = 0; at < PAGES * PAGE; at++)
		area[at] = byte_at(at);
}

static void assert_filled(const struct flush_op *op)
{
	for (size_t at = 0; at < PAGES * PAGE; at++)
		if (area[at] != byte_at(at))
			fail_msg("%s: byte %zu is %02x", op->name, at, area[at]);
}

static void the_table_is_sound(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct flush_op *op = flush_ops; op->name; op++, n++) {
		assert_non_null(op->summary);
		assert_string_equal(cpu_feature_name(op->needs), op->name);
		for (int f = 0; f < FLUSH_FENCE_MAX; f++) {
			assert_non_null(op->flush[f]);
			assert_ptr_equal(flush_op_fn(op, (enum flush_fence)f), op->flush[f]);
		}
		/* The module's and the kernel's instruction stands for nothing else. */
		assert_int_equal(op->analogue, strcmp(op->name, "clflushopt") != 0);
		assert_int_equal(op->keeps, !strcmp(op->name, "clwb"));
	}
	assert_int_equal(n, 3);
	assert_string_equal(flush_ops[0].name, "clflushopt");
}

/* A line beside the range would fault: on both sides is memory that may not be touched. */
static void a_flush_stays_in_its_range_and_loses_nothing(void **state)
{
	static const struct {
		size_t from, bytes;
	} ranges[] = {
		{ 0, PAGE }, { (PAGES - 1) * PAGE, PAGE }, { 3 * PAGE, 2 * PAGE },
		{ 0, 64 },   { PAGES * PAGE - 64, 64 },	   { 0, PAGES * PAGE },
	};
	unsigned tested = 0;

	(void)state;
	flush_features0 = FLUSH_CLFLUSH_BEFORE_ALLOC;
	for (const struct flush_op *op = flush_ops; op->name; op++)
		for (int f = 0; f < FLUSH_FENCE_MAX && cpu_has(&cpu, op->needs); f++)
			for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
				fill();
				op->flush[f]((char *)area + ranges[r].from, ranges[r].bytes);
				/* What no fence has drained is drained here. */
				flush_fence(FLUSH_MFENCE);
				assert_filled(op);
				tested++;
			}
	/* CLFLUSH is everywhere. */
	assert_true(tested >= FLUSH_FENCE_MAX * sizeof(ranges) / sizeof(ranges[0]));
}

static void without_the_bit_nothing_is_touched(void **state)
{
	(void)state;
	flush_features0 = ~FLUSH_CLFLUSH_BEFORE_ALLOC;
	/* Also where there is nothing, and also where the CPU lacks the instruction. */
	for (const struct flush_op *op = flush_ops; op->name; op++)
		for (int f = 0; f < FLUSH_FENCE_MAX; f++)
			op->flush[f]((char *)area - PAGE, PAGE);
}

static void the_bit_is_the_modules(void **state)
{
	(void)state;
	assert_true(FLUSH_CLFLUSH_BEFORE_ALLOC == 0x800000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(a_flush_stays_in_its_range_and_loses_nothing),
		cmocka_unit_test(without_the_bit_nothing_is_touched),
		cmocka_unit_test(the_bit_is_the_modules),
	};

	return cmocka_run_group_tests(tests, make_area, free_area);
}
