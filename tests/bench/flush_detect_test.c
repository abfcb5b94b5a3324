// SPDX-License-Identifier: GPL-2.0-or-later
/* The examination, on flushes that are known: what is made of them, where it can be decided at all. */
#include <cpuid.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bench/ops/flush_detect.h"
#include "bench/ops/flush_ops.h"
#include "bench/ops/lines.h"
#include "harness/machine/topo.h"

#define MOST_BYTES  (8ul << 20)
#define LEAST_BYTES (512ul << 10)

static struct cpu_info cpu;
static struct tick_clock ruler;
static char *region;
static size_t bytes;
static unsigned calls;

static int set_up(void **state)
{
	struct reason why = { "" };
	struct topo *topo;
	unsigned first = 0;

	(void)state;
	cpu_detect(&cpu);
	if (topo_open(&topo, NULL, &why))
		return -1;
	topo_pick(topo, TOPO_ONE, &first, 1);
	topo_bind_thread(topo, first, &why);
	bytes = cpu_l2_bytes(&cpu) / 2 & ~4095ul;
	if (bytes < FLUSH_LEAST || bytes > MOST_BYTES)
		bytes = LEAST_BYTES;
	topo_close(topo);
	region = aligned_alloc(2ul << 20, MOST_BYTES);
	if (!region || clock_calibrate(&ruler, &cpu, 20, &why))
		return -1;
	madvise(region, MOST_BYTES, MADV_HUGEPAGE);
	memset(region, 1, MOST_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(region);
	return 0;
}

/* ---- flushes ---- */

static int sweep(void *ctx, uint64_t *ticks)
{
	(void)ctx;
	(void)ticks;
	calls++;
	lines_evict(&cpu, region, bytes);
	return 0;
}

static int write_back(void *ctx, uint64_t *ticks)
{
	(void)ctx;
	(void)ticks;
	flush_features0 = FLUSH_CLFLUSH_BEFORE_ALLOC;
	flush_ops[2].flush[FLUSH_MFENCE](region, bytes);
	return 0;
}

static int nothing(void *ctx, uint64_t *ticks)
{
	(void)ctx;
	(void)ticks;
	calls++;
	return 0;
}

/* CPUID leaves a guest for its hypervisor, as WBINVD does: what an intercepted one looks like. */
static int exit_to_the_hypervisor(void *ctx, uint64_t *ticks)
{
	uint32_t a, b, c, d;

	(void)ctx;
	(void)ticks;
	__cpuid(0, a, b, c, d);
	return 0;
}

/* Flushes, and says what it took: as long with much as with little. */
static int sweep_with_its_own_clock(void *ctx, uint64_t *ticks)
{
	sweep(ctx, ticks);
	*ticks = 1000;
	return 0;
}

static int break_down(void *ctx, uint64_t *ticks)
{
	(void)ctx;
	(void)ticks;
	return ++calls == 4 ? -EIO : 0;
}

/* ---- what is made of them ---- */

static struct flush_job job_with(int (*flush)(void *, uint64_t *), bool keeps)
{
	calls = 0;
	return (struct flush_job){ .base = region,
				   .bytes = bytes,
				   .flush = flush,
				   .cpu = &cpu,
				   .clock = &ruler,
				   .seed = 5,
				   .keeps = keeps };
}

static void examine(int (*flush)(void *, uint64_t *), bool keeps, struct flush_found *found)
{
	struct flush_job job = job_with(flush, keeps);
	struct reason why = { "" };

	if (flush_detect(&job, NULL, found, &why))
		fail_msg("%s", why.text);
}

/*
 * A busy machine or an emulator may leave it open, and gets more chances; the contrary of @want fails.
 */
static void assert_verdict(int (*flush)(void *, uint64_t *), bool keeps, enum flush_verdict want)
{
	struct flush_found found;

	for (unsigned i = 0; i < 5; i++) {
		examine(flush, keeps, &found);
		if (found.verdict != FLUSH_CANNOT_TELL)
			break;
	}
	if (found.verdict != want && found.verdict != FLUSH_CANNOT_TELL)
		fail_msg("%s: %s", flush_verdict_name(found.verdict), found.text);
	if (found.verdict != want)
		print_message("cannot tell: %s\n", found.text);
}

static void a_flush_is_real(void **state)
{
	(void)state;
	assert_verdict(sweep, false, FLUSH_REAL);
}

static void a_write_back_is_real(void **state)
{
	(void)state;
	if (cpu_has(&cpu, CPU_CLWB))
		assert_verdict(write_back, true, FLUSH_REAL);
	else
		assert_verdict(sweep, true, FLUSH_REAL);
}

static void nothing_is_nothing(void **state)
{
	(void)state;
	assert_verdict(nothing, false, FLUSH_NOTHING);
	assert_verdict(nothing, true, FLUSH_NOTHING);
	assert_verdict(exit_to_the_hypervisor, false, FLUSH_NOTHING);
}

static void a_flush_may_bring_its_own_clock(void **state)
{
	struct flush_job job = job_with(sweep_with_its_own_clock, false);
	struct flush_times times;
	struct flush_found found;

	(void)state;
	assert_int_equal(flush_detect(&job, &times, &found, NULL), 0);
	for (unsigned i = 0; i < FLUSH_SHARES; i++)
		for (unsigned k = 0; k < times.tries; k++)
			assert_true(times.ticks[i][k] == 1000);
	assert_int_equal(calls, FLUSH_SHARES * times.tries);
	/* Its lines leave in no more time with much dirty than with little, where CLFLUSHOPT takes more. */
	assert_true(found.sweep.lo < 4 || found.verdict == FLUSH_CANNOT_TELL);
}

static void a_clear_verdict_takes_the_tries_asked_for(void **state)
{
	struct flush_job job = job_with(nothing, false);
	struct flush_times times;
	struct flush_found found;

	(void)state;
	job.tries = 3;
	assert_int_equal(flush_detect(&job, &times, &found, NULL), 0);
	assert_true(times.tries >= 3 && times.tries % 3 == 0);
	assert_int_equal(calls, FLUSH_SHARES * times.tries);
	assert_int_equal(times.bytes, bytes);
	assert_true(times.hz == ruler.hz);
}

static void a_flush_that_breaks_down_ends_it(void **state)
{
	struct flush_job job = job_with(break_down, false);
	struct flush_found found;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(flush_detect(&job, NULL, &found, &why), -EIO);
	assert_int_equal(calls, 4);
	assert_non_null(strstr(why.text, "cannot examine the flush"));
}

static int take_a_minute(void *ctx, uint64_t *ticks)
{
	(void)ctx;
	(void)ticks;
	/* By a TSC that went wrong: the clock says that a tick takes long. */
	return 0;
}

static void a_clock_that_went_wrong_leaves_it_open(void **state)
{
	struct tick_clock slow = { .hz = 1e-3 };
	struct flush_job job = job_with(take_a_minute, false);
	struct flush_found found;

	(void)state;
	job.clock = &slow;
	assert_int_equal(flush_detect(&job, NULL, &found, NULL), 0);
	assert_int_equal(found.verdict, FLUSH_CANNOT_TELL);
	assert_non_null(strstr(found.text, "its control cannot be timed; `tdcost doctor`"));
}

static void bad_input_is_refused_in_one_line(void **state)
{
	static const struct tick_clock stopped;
	static const struct {
		size_t bytes;
		unsigned tries;
		const struct tick_clock *clock;
		const char *says;
	} cases[] = {
		{ (64ul << 10) - 4096, 0, &ruler, "too small for a probe" },
		{ (1ul << 20) - 64, 0, &ruler, "not whole pages" },
		{ 1ul << 20, FLUSH_MAX_TRIES + 1, &ruler, "take 42 at most" },
		{ 1ul << 20, 0, &stopped, "calibrate it first" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flush_job job = job_with(nothing, false);
		struct flush_found found;
		struct reason why = { "" };

		job.bytes = cases[i].bytes;
		job.tries = cases[i].tries;
		job.clock = cases[i].clock;
		assert_int_equal(flush_detect(&job, NULL, &found, &why), -EINVAL);
		if (!strstr(why.text, cases[i].says) || strchr(why.text, '\n'))
			fail_msg("'%s'", why.text);
	}
	assert_int_equal(calls, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flush_is_real),
		cmocka_unit_test(a_write_back_is_real),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(a_flush_may_bring_its_own_clock),
		cmocka_unit_test(a_clear_verdict_takes_the_tries_asked_for),
		cmocka_unit_test(a_flush_that_breaks_down_ends_it),
		cmocka_unit_test(a_clock_that_went_wrong_leaves_it_open),
		cmocka_unit_test(bad_input_is_refused_in_one_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
