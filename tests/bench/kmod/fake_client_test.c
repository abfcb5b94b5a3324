// SPDX-License-Identifier: GPL-2.0-or-later
/* The fake does what the header promises of the module, so that what is tested with it is tested. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/kmod/fake_client.h"

/* Two packages of two LLCs of two cores of two hyperthreads: CPU 0 to 15, in that order. */
#define MACHINE "pack:2 l3:2 core:2 pu:2"
#define CPUS	16

static struct topo *topo;
static struct kmod k;
static struct tdcost_cpu result[CPUS];
static struct kmod_mask everybody;
static unsigned n;

static int open_all(void **state)
{
	(void)state;
	if (topo_open(&topo, MACHINE, NULL))
		return -1;
	fake_reset(topo);
	memset(&everybody, 0, sizeof(everybody));
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		kmod_mask_set(&everybody, cpu);
	return kmod_open(&k, "", NULL);
}

static int close_all(void **state)
{
	(void)state;
	kmod_pages_free(&k, NULL);
	kmod_close(&k);
	kmod_close(&k);
	assert_int_equal(fake.opened, 0);
	topo_close(topo);
	return 0;
}

static void each_mode_asks_its_cpus(void **state)
{
	static const struct {
		enum tdcost_mode mode;
		unsigned n, cpu[CPUS];
	} cases[] = {
		{ TDCOST_ONE, 1, { 0 } },
		{ TDCOST_PER_PACKAGE, 2, { 0, 8 } },
		{ TDCOST_PER_LLC, 4, { 0, 4, 8, 12 } },
		{ TDCOST_PER_CORE, 8, { 0, 2, 4, 6, 8, 10, 12, 14 } },
		{ TDCOST_ALL, 16, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } },
		{ TDCOST_IN_TURN, 16, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } },
	};

	(void)state;
	for (size_t i = 0; i < TDCOST_MODE_MAX; i++) {
		struct tdcost_flush f;

		assert_int_equal(kmod_flush(&k, TDCOST_WBINVD, cases[i].mode, &everybody, result,
					    &n, &f, NULL),
				 0);
		assert_int_equal(n, cases[i].n);
		assert_int_equal(f.n, n);
		for (unsigned c = 0; c < n; c++) {
			assert_int_equal(result[c].cpu, cases[i].cpu[c]);
			assert_int_equal(result[c].flushes, fake.counters[result[c].cpu]);
			assert_true(result[c].start <= result[c].end);
			assert_true(result[c].request <= result[c].start);
			assert_true(f.start <= result[c].request && result[c].end <= f.end);
		}
		assert_int_equal(fake.counters[0], i + 1);
	}
}

static void a_mask_narrows_and_nothing_is_counted_for_nothing(void **state)
{
	struct kmod_mask mask = { { 0 } };
	uint64_t counters[KMOD_MASK_WORDS * 64];

	(void)state;
	kmod_mask_set(&mask, 5);
	kmod_mask_set(&mask, 9);
	kmod_mask_set(&mask, 4000); /* not there */
	assert_int_equal(kmod_flush(&k, TDCOST_NOTHING, TDCOST_ALL, &mask, result, &n, NULL, NULL),
			 0);
	assert_int_equal(n, 2);
	assert_int_equal(result[1].cpu, 9);
	assert_int_equal(kmod_counters(&k, counters, &n, NULL), 0);
	for (unsigned cpu = 0; cpu < n; cpu++)
		assert_int_equal(counters[cpu], 0);
}

static void a_stop_asks_the_others_and_names_who_is_late(void **state)
{
	struct tdcost_stop s = {
		.op = TDCOST_WBINVD, .max_polls = 1000, .delay_cpu = 3, .delay_us = 12000
	};

	(void)state;
	everybody.words[0] &= ~(1ull << 7);
	assert_int_equal(kmod_stop(&k, &s, &everybody, result, &n, NULL), 0);
	assert_int_equal(n, CPUS - 1);
	assert_int_equal(s.late, 1);
	assert_int_equal(s.late_nmi, 1);
	assert_int_equal(s.polls, s.max_polls);
	for (unsigned i = 0; i < n; i++) {
		unsigned cpu = result[i].cpu;

		assert_int_equal(cpu, i + 1);
		assert_int_equal(!!(result[i].flags & TDCOST_CPU_LATE), cpu == 3);
		assert_int_equal(!!(result[i].flags & TDCOST_CPU_FLUSHED), cpu != 7);
		assert_int_equal(fake.counters[cpu], cpu != 7);
	}
	s = (struct tdcost_stop){ .max_polls = 1000, .flags = TDCOST_STOP_SELF };
	assert_int_equal(kmod_stop(&k, &s, &everybody, result, &n, NULL), 0);
	assert_int_equal(n, CPUS);
	assert_int_equal(fake.counters[0], 1);
	assert_int_equal(s.late, 0);
}

static void pages_hold_what_they_were_filled_with_until_they_are_reset(void **state)
{
	struct tdcost_reset r = { .call_order = 0, .rounds = 1 };
	struct tdcost_check c = { .pattern = 0x0123456789abcdef };

	(void)state;
	assert_int_equal(kmod_pages_alloc(&k, 1, 3, -1, NULL), 0);
	assert_int_equal(kmod_pages_fill(&k, c.pattern, TDCOST_EVICTED, NULL), 0);
	assert_int_equal(kmod_pages_reset(&k, &r, NULL), 0);
	assert_int_equal(r.calls, 6);
	assert_int_equal(kmod_pages_check(&k, &c, NULL), 0);
	assert_int_equal(c.wrong, 0);
	r.flags = TDCOST_RESET_QUIRK;
	assert_int_equal(kmod_pages_reset(&k, &r, NULL), 0);
	assert_int_equal(kmod_pages_check(&k, &c, NULL), 0);
	assert_int_equal(c.wrong, 6 * 4096);
	c.pattern = 0;
	assert_int_equal(kmod_pages_check(&k, &c, NULL), 0);
	assert_int_equal(c.wrong, 0);
}

static void a_silent_cpu_times_out_and_a_broken_module_does_nothing(void **state)
{
	(void)state;
	fake.fault = FAKE_SILENT;
	fake.fault_cpu = 4;
	assert_int_equal(
		kmod_flush(&k, TDCOST_WBINVD, TDCOST_ALL, &everybody, result, &n, NULL, NULL),
		-ETIMEDOUT);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(!!(result[i].flags & TDCOST_CPU_ANSWERED), result[i].cpu != 4);
	fake.fault = FAKE_BROKEN;
	assert_int_equal(
		kmod_flush(&k, TDCOST_WBINVD, TDCOST_ALL, &everybody, result, &n, NULL, NULL),
		-EBUSY);
	assert_int_equal(fake.counters[0], 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_mode_asks_its_cpus),
		TEST(a_mask_narrows_and_nothing_is_counted_for_nothing),
		TEST(a_stop_asks_the_others_and_names_who_is_late),
		TEST(pages_hold_what_they_were_filled_with_until_they_are_reset),
		TEST(a_silent_cpu_times_out_and_a_broken_module_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
