// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine/topo.h"
#include "harness/measure/clock.h"
#include "harness/measure/timed.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct cpu_info cpu;
static struct tick_clock calibrated;
static unsigned pinned_to;

/* Pinned, as calibration asks for. */
static int prepare_clock(void **state)
{
	struct reason why = { "" };
	struct topo *topo;

	(void)state;
	cpu_detect(&cpu);
	if (topo_open(&topo, NULL, &why))
		return -1;
	topo_pick(topo, TOPO_ONE, &pinned_to, 1);
	if (topo_bind_thread(topo, pinned_to, &why) ||
	    clock_calibrate(&calibrated, &cpu, 200, &why))
		print_error("%s\n", why.text);
	topo_close(topo);
	return *why.text ? -1 : 0;
}

static void a_clock_has_a_rate_a_resolution_and_a_cost(void **state)
{
	(void)state;
	assert_true(isfinite(calibrated.hz) && calibrated.hz > 0);
	assert_true(calibrated.resolution > 0);
	assert_true(calibrated.overhead >= 0);
}

/* The kernel's own rate: BogoMIPS is twice the TSC's rate in MHz where the TSC drives delays. */
static double kernel_hz(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[4096];
	double v = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "bogomips : %lf", &v) == 1)
			break;
	if (f)
		fclose(f);
	return v * 1e6 / 2;
}

static void the_rate_is_that_of_the_kernel(void **state)
{
	double kernel = kernel_hz();

	(void)state;
	assert_true(kernel > 0);
	if (fabs(calibrated.hz / kernel - 1) > 0.01)
		fail_msg("%.6g Hz here, %.6g Hz in the kernel", calibrated.hz, kernel);
}

static void two_calibrations_agree_on_the_rate(void **state)
{
	struct reason why = { "" };
	struct tick_clock again;

	(void)state;
	assert_int_equal(clock_calibrate(&again, &cpu, 50, &why), 0);
	if (fabs(again.hz / calibrated.hz - 1) > 1e-3)
		fail_msg("%.9g Hz and %.9g Hz", calibrated.hz, again.hz);
}

static void without_rdtscp_there_is_no_clock(void **state)
{
	struct cpu_info old = { .features = 0 };
	struct tick_clock untouched = { .hz = -1 };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(clock_calibrate(&untouched, &old, 1, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "RDTSCP"));
	assert_true(untouched.hz == -1);
}

static void empty_cost_taken_again_is_mean_of_whole_ticks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		double cost = clock_empty_cost();

		assert_true(cost > 0 && fabs(cost * 5 - round(cost * 5)) < 1e-6 * cost);
	}
}

static void ticks_do_not_go_back(void **state)
{
	uint64_t was = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t on;
		uint64_t start = tick_start(), stop = tick_stop(&on);

		assert_true(start >= was && stop >= start);
		assert_int_equal(on, pinned_to & 0xfff);
		was = stop;
	}
}

static void a_moment_lies_on_both_clocks(void **state)
{
	struct tick_moment a, b;
	uint64_t before = tick_start(), after;
	uint32_t on;

	(void)state;
	a = tick_moment(20);
	b = tick_moment(1);
	after = tick_stop(&on);
	assert_true(a.tick > before && a.tick < b.tick && b.tick < after);
	assert_true(a.raw_ns <= b.raw_ns);
}

static void disagreement_is_a_share(void **state)
{
	static const struct tick_clock clock = { .hz = 2e9 };
	static const struct {
		uint64_t ticks, ns; /* between the moments */
		double apart;
	} cases[] = {
		{ 2000000000, 1000000000, 0 },
		{ 2000000, 1000000, 0 },
		{ 2020000000, 1000000000, 0.01 }, /* the TSC ran away */
		{ 1980000000, 1000000000, 0.01 }, /* it fell behind */
		{ 2000000000, 2000000000, 0.5 },  /* a step of a second on the other clock */
		{ 0, 1000000000, 1 },		  /* the TSC stood still */
		{ 2000000000, 0, INFINITY },	  /* the other one did */
	};
	static const struct tick_moment start = { 123456789, 987654321 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tick_moment end = { start.tick + cases[i].ticks,
					   start.raw_ns + cases[i].ns };
		double apart = clock_disagreement(&clock, &start, &end);

		if (isinf(cases[i].apart) ? !isinf(apart) : fabs(apart - cases[i].apart) > 1e-9)
			fail_msg("case %zu: %g, not %g", i, apart, cases[i].apart);
	}
}

static void the_clocks_agree_while_nothing_happens(void **state)
{
	struct tick_moment a = tick_moment(50), b;
	double apart;

	(void)state;
	do
		b = tick_moment(50);
	while (b.raw_ns - a.raw_ns < 20000000);
	apart = clock_disagreement(&calibrated, &a, &b);
	if (apart > 1e-3)
		fail_msg("the clocks differ by %g", apart);
}

static struct {
	void *state;
	unsigned arm, reps, calls;
} got;

static uint64_t recording_sample(void *state, unsigned arm, unsigned reps)
{
	got.state = state;
	got.arm = arm;
	got.reps = reps;
	got.calls++;
	return 4711;
}

static void a_timed_sample_is_called_once_as_asked(void **state)
{
	struct timed t = timed_sample(recording_sample, &got, 3, 17);

	(void)state;
	assert_ptr_equal(got.state, &got);
	assert_int_equal(got.arm, 3);
	assert_int_equal(got.reps, 17);
	assert_int_equal(got.calls, 1);
	assert_int_equal(t.work, 4711);
	assert_int_equal(t.cpu, pinned_to & 0xfff);
	assert_true(t.ticks > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_has_a_rate_a_resolution_and_a_cost),
		cmocka_unit_test(the_rate_is_that_of_the_kernel),
		cmocka_unit_test(two_calibrations_agree_on_the_rate),
		cmocka_unit_test(without_rdtscp_there_is_no_clock),
		cmocka_unit_test(empty_cost_taken_again_is_mean_of_whole_ticks),
		cmocka_unit_test(ticks_do_not_go_back),
		cmocka_unit_test(a_moment_lies_on_both_clocks),
		cmocka_unit_test(disagreement_is_a_share),
		cmocka_unit_test(the_clocks_agree_while_nothing_happens),
		cmocka_unit_test(a_timed_sample_is_called_once_as_asked),
	};

	return cmocka_run_group_tests(tests, prepare_clock, NULL);
}
