// SPDX-License-Identifier: GPL-2.0-or-later
/* Which CPUs a scope asks, on machines that are not here, and what is noticed when others answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/scope.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	      16

/* Two packages of two LLCs of two cores of two hyperthreads; the second one numbered as Linux does. */
#define IN_A_ROW  "pack:2 l3:2 core:2 pu:2"
#define AS_LINUX  "pack:2 l3:2 core:2 pu:2(indexes=0,8,1,9,2,10,3,11,4,12,5,13,6,14,7,15)"
#define WITH_GAPS "pack:2 l3:1 core:2 pu:1(indexes=3,17,900,8191)"

static struct topo *topo;

static void open_topo(const char *machine)
{
	struct reason why = { "" };

	if (topo_open(&topo, machine, &why))
		fail_msg("%s", why.text);
}

static int close_topo(void **state)
{
	(void)state;
	topo_close(topo);
	topo = NULL;
	return 0;
}

static bool in_mask(const struct scope *s, unsigned cpu)
{
	return s->mask.words[cpu / 64] >> cpu % 64 & 1;
}

static void expect_cpus(const struct scope *s, const unsigned *cpu, unsigned n)
{
	assert_int_equal(s->n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(s->cpu[i], cpu[i]);
		assert_true(in_mask(s, cpu[i]));
	}
}

static void each_mode_picks_its_cpus(void **state)
{
	static const struct {
		const char *machine;
		unsigned self;
		int without;
		enum tdcost_mode mode;
		unsigned n, cpu[MAX];
	} cases[] = {
		{ IN_A_ROW, 0, -1, TDCOST_ONE, 1, { 0 } },
		{ IN_A_ROW, 0, -1, TDCOST_PER_PACKAGE, 2, { 0, 8 } },
		{ IN_A_ROW, 0, -1, TDCOST_PER_LLC, 4, { 0, 4, 8, 12 } },
		{ IN_A_ROW, 0, -1, TDCOST_PER_CORE, 8, { 0, 2, 4, 6, 8, 10, 12, 14 } },
		/* The one that asks stands for all that it is in. */
		{ IN_A_ROW, 7, -1, TDCOST_ONE, 1, { 7 } },
		{ IN_A_ROW, 7, -1, TDCOST_PER_PACKAGE, 2, { 7, 8 } },
		{ IN_A_ROW, 7, -1, TDCOST_PER_LLC, 4, { 0, 7, 8, 12 } },
		{ IN_A_ROW, 7, -1, TDCOST_PER_CORE, 8, { 0, 2, 4, 7, 8, 10, 12, 14 } },
		{ IN_A_ROW, 9, -1, TDCOST_PER_PACKAGE, 2, { 0, 9 } },
		{ AS_LINUX, 8, -1, TDCOST_PER_CORE, 8, { 1, 2, 3, 4, 5, 6, 7, 8 } },
		{ AS_LINUX, 0, -1, TDCOST_PER_LLC, 4, { 0, 2, 4, 6 } },
		/* The victim is not asked, and somebody else stands in its place. */
		{ IN_A_ROW, 0, 8, TDCOST_PER_PACKAGE, 2, { 0, 9 } },
		{ IN_A_ROW, 0, 2, TDCOST_PER_CORE, 8, { 0, 3, 4, 6, 8, 10, 12, 14 } },
		{ WITH_GAPS, 3, -1, TDCOST_ALL, 4, { 3, 17, 900, 8191 } },
		{ WITH_GAPS, 3, 17, TDCOST_IN_TURN, 3, { 3, 900, 8191 } },
		{ WITH_GAPS, 17, -1, TDCOST_PER_PACKAGE, 2, { 17, 900 } },
		{ WITH_GAPS, 8191, -1, TDCOST_ONE, 1, { 8191 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scope s;

		print_message("case %zu\n", i);
		open_topo(cases[i].machine);
		assert_int_equal(
			scope_pick(&s, topo, cases[i].mode, cases[i].self, cases[i].without), 0);
		expect_cpus(&s, cases[i].cpu, cases[i].n);
		if (cases[i].without >= 0)
			assert_false(in_mask(&s, (unsigned)cases[i].without));
		scope_free(&s);
		close_topo(NULL);
	}
}

static void where_nothing_is_narrowed_all_are_in_the_mask(void **state)
{
	struct scope s;

	(void)state;
	open_topo(IN_A_ROW);
	assert_int_equal(scope_pick(&s, topo, TDCOST_ALL, 5, -1), 0);
	assert_int_equal(s.n, 16);
	assert_int_equal(s.mask.words[0], 0xffff);
	scope_free(&s);
	/* The first of the mask is the one that asks, so that TDCOST_ONE is that one. */
	assert_int_equal(scope_pick(&s, topo, TDCOST_ONE, 5, -1), 0);
	assert_int_equal(s.mask.words[0], 0xffe0);
	scope_free(&s);
}

static void who_dirties_goes_by_who_flushes(void **state)
{
	static const struct {
		enum tdcost_mode mode;
		enum scope_by by;
		unsigned n, cpu[MAX];
	} cases[] = {
		{ TDCOST_ONE, SCOPE_BY_LOCAL, 1, { 5 } },
		{ TDCOST_ONE, SCOPE_BY_REMOTE, 3, { 0, 8, 12 } },
		{ TDCOST_PER_PACKAGE, SCOPE_BY_LOCAL, 2, { 5, 8 } },
		{ TDCOST_PER_PACKAGE, SCOPE_BY_REMOTE, 2, { 0, 12 } },
		{ TDCOST_PER_LLC, SCOPE_BY_REMOTE, 0, { 0 } },
		{ TDCOST_ONE, SCOPE_BY_ALL, 16, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 } },
	};
	unsigned cpus[MAX];

	(void)state;
	open_topo(IN_A_ROW);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scope s;

		assert_int_equal(scope_pick(&s, topo, cases[i].mode, 5, -1), 0);
		assert_int_equal(scope_by(topo, &s, cases[i].by, cpus), cases[i].n);
		for (unsigned k = 0; k < cases[i].n && cases[i].by != SCOPE_BY_ALL; k++)
			assert_int_equal(cpus[k], cases[i].cpu[k]);
		assert_int_equal(scope_covers_all(topo, cases[i].mode),
				 cases[i].mode == TDCOST_PER_LLC);
		scope_free(&s);
	}
}

static void the_order_begins_with_those_who_stand_for_something(void **state)
{
	static const unsigned expected[] = { 7, 8, 0, 12, 2, 4, 10, 14, 1, 3, 5, 6, 9, 11, 13, 15 };
	static const unsigned without_4[] = {
		7, 8, 0, 12, 2, 5, 10, 14, 1, 3, 6, 9, 11, 13, 15, 4
	};
	unsigned cpus[MAX];

	(void)state;
	open_topo(IN_A_ROW);
	assert_int_equal(scope_order(topo, 7, -1, cpus), 16);
	assert_memory_equal(cpus, expected, sizeof(expected));
	assert_int_equal(scope_order(topo, 7, 4, cpus), 16);
	assert_memory_equal(cpus, without_4, sizeof(without_4));
}

static void eight_thousand_cpus_are_no_matter(void **state)
{
	unsigned *cpus = calloc(8192, sizeof(*cpus));
	struct scope s;

	(void)state;
	open_topo("pack:16 l3:16 core:16 pu:2");
	assert_int_equal(topo_cpus(topo), 8192);
	assert_int_equal(scope_pick(&s, topo, TDCOST_ALL, 0, -1), 0);
	assert_int_equal(s.n, 8192);
	for (unsigned i = 0; i < KMOD_MASK_WORDS; i++)
		assert_true(s.mask.words[i] == UINT64_MAX);
	scope_free(&s);
	assert_int_equal(scope_pick(&s, topo, TDCOST_PER_LLC, 8191, -1), 0);
	assert_int_equal(s.n, 256);
	assert_int_equal(s.cpu[255], 8191);
	assert_int_equal(scope_by(topo, &s, SCOPE_BY_ALL, cpus), 8192);
	scope_free(&s);
	assert_int_equal(scope_order(topo, 4711, 17, cpus), 8192);
	assert_int_equal(cpus[0], 4711);
	assert_int_equal(cpus[8191], 17);
	free(cpus);
}

/* ---- what the module reports ---- */

static struct tdcost_cpu good(unsigned cpu)
{
	return (struct tdcost_cpu){ .cpu = cpu,
				    .flags = TDCOST_CPU_ANSWERED | TDCOST_CPU_FLUSHED,
				    .request = 100,
				    .start = 200,
				    .end = 300 };
}

static void what_is_wrong_with_an_answer_is_named(void **state)
{
	static const struct {
		unsigned n, cpu[3];
		struct tdcost_cpu second;
		const char *complaint; /* NULL: none */
	} cases[] = {
		{ 2, { 0, 8 }, { .flags = 3, .request = 1, .start = 2, .end = 2 }, NULL },
		{ 2, { 0, 9 }, { .flags = 3 }, "CPU 8 was not asked" },
		{ 2, { 0, 4 }, { .flags = 3 }, "CPU 4 was asked, which" },
		{ 1, { 0 }, { .flags = 3 }, "CPU 8 was not asked" },
		{ 3, { 0, 8, 12 }, { .flags = 3 }, "CPU 12 was asked, which" },
		{ 2, { 0, 8 }, { .flags = 0 }, "CPU 8 did not answer" },
		{ 2, { 0, 8 }, { .flags = TDCOST_CPU_ANSWERED }, "CPU 8 answered without" },
		{ 2,
		  { 0, 8 },
		  { .flags = 3, .start = 3, .end = 2 },
		  "CPU 8 ended before it began" },
		{ 2, { 0, 8 }, { .flags = 3, .request = 9, .start = 3, .end = 4 }, "its TSC" },
	};
	struct scope s;

	(void)state;
	open_topo(IN_A_ROW);
	assert_int_equal(scope_pick(&s, topo, TDCOST_PER_PACKAGE, 0, -1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tdcost_cpu result[3] = { good(cases[i].cpu[0]), cases[i].second,
						good(cases[i].cpu[2]) };
		struct reason why = { "" };
		int ret;

		result[1].cpu = cases[i].cpu[1];
		ret = scope_check(&s, result, cases[i].n, &why);
		assert_int_equal(ret, cases[i].complaint ? -EFAULT : 0);
		if (cases[i].complaint && !strstr(why.text, cases[i].complaint))
			fail_msg("case %zu: %s", i, why.text);
	}
	scope_free(&s);
}

static void counters_show_who_flushed_how_often(void **state)
{
	static const struct {
		unsigned flushes, cpu, more;
		const char *complaint;
	} cases[] = {
		{ 1, 0, 0, NULL },
		{ 1, 0, 1, "CPU 0 flushed 2 times instead of 1" },
		{ 1, 5, 1, "CPU 5 flushed 1 times instead of 0" },
		{ 0, 15, 1, "CPU 15 flushed 1 times instead of 0" },
		{ 1, 8, -1u, "CPU 8 flushed 0 times instead of 1" },
	};
	struct scope s;

	(void)state;
	open_topo(IN_A_ROW);
	assert_int_equal(scope_pick(&s, topo, TDCOST_PER_PACKAGE, 0, -1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t before[MAX], after[MAX];
		struct reason why = { "" };

		for (unsigned cpu = 0; cpu < MAX; cpu++) {
			before[cpu] = 1000 + cpu;
			after[cpu] = before[cpu];
		}
		for (unsigned k = 0; k < s.n; k++)
			after[s.cpu[k]] += cases[i].flushes;
		after[cases[i].cpu] += (uint64_t)(int64_t)(int)cases[i].more;
		assert_int_equal(
			scope_check_counters(&s, before, after, MAX, cases[i].flushes, &why),
			cases[i].complaint ? -EFAULT : 0);
		if (cases[i].complaint && !strstr(why.text, cases[i].complaint))
			fail_msg("case %zu: %s", i, why.text);
	}
	scope_free(&s);
}

#define TEST(f) cmocka_unit_test_teardown(f, close_topo)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_mode_picks_its_cpus),
		TEST(where_nothing_is_narrowed_all_are_in_the_mask),
		TEST(who_dirties_goes_by_who_flushes),
		TEST(the_order_begins_with_those_who_stand_for_something),
		TEST(eight_thousand_cpus_are_no_matter),
		TEST(what_is_wrong_with_an_answer_is_named),
		TEST(counters_show_who_flushed_how_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
