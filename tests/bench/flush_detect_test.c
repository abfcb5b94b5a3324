// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The examination, on flushes that are known: no time is asserted, only what is made of it, and only
 * where a miss shows at all.
 */
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
#define LEAST_BYTES (1ul << 20)

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
	bytes = topo_llc_bytes(topo, first) / 4 & ~(LEAST_BYTES - 1);
	if (bytes < LEAST_BYTES || bytes > MOST_BYTES)
		bytes = bytes > MOST_BYTES ? MOST_BYTES : LEAST_BYTES;
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

/*
 * TSan keeps four times as many bytes beside the region, and goes through them whenever the region is
 * written: what was to be dirty in the cache is in memory by then. No verdict can be expected there.
 */
#ifdef __has_feature
#define SHADOWED __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__)
#define SHADOWED 1
#else
#define SHADOWED 0
#endif

static void examine(int (*flush)(void *, uint64_t *), bool keeps, struct flush_found *found)
{
	struct flush_job job = job_with(flush, keeps);
	struct reason why = { "" };

	if (flush_detect(&job, NULL, found, &why))
		fail_msg("%s", why.text);
}

/* Unclear is no lie, so a busy machine gets more chances; the contrary of @want is one. */
static void assert_verdict(int (*flush)(void *, uint64_t *), bool keeps, enum flush_verdict want)
{
	struct flush_found found;

	for (unsigned i = 0; i < (SHADOWED ? 1 : 20); i++) {
		examine(flush, keeps, &found);
		if (found.verdict == want)
			return;
		if (found.verdict != FLUSH_UNCLEAR)
			break;
	}
	/* In an emulator, where no read tells. */
	if (found.verdict == FLUSH_UNCLEAR && (isnan(found.left) || SHADOWED))
		return;
	fail_msg("%s: %s", flush_verdict_name(found.verdict), found.text);
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
	/* It flushes and says that it takes no time: nobody can tell, however often. */
	assert_int_equal(found.verdict, FLUSH_UNCLEAR);
	assert_int_equal(times.tries, FLUSH_MAX_TRIES);
	assert_int_equal(calls, FLUSH_SHARES * FLUSH_MAX_TRIES);
}

static void a_clear_verdict_takes_the_tries_asked_for(void **state)
{
	struct flush_job job = job_with(nothing, false);
	struct flush_times times;
	struct flush_found found;

	(void)state;
	job.tries = 3;
	assert_int_equal(flush_detect(&job, &times, &found, NULL), 0);
	assert_true(times.tries >= 3);
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

static void what_cannot_be_examined_is_refused(void **state)
{
	struct flush_job small = job_with(nothing, false), odd = small, many = small;
	struct flush_found found;
	struct reason why = { "" };

	(void)state;
	small.bytes = (1ul << 20) - 4096;
	odd.bytes = bytes - 64;
	many.tries = FLUSH_MAX_TRIES + 1;
	assert_int_equal(flush_detect(&small, NULL, &found, &why), -EINVAL);
	assert_non_null(strstr(why.text, "1 MiB or more"));
	assert_int_equal(flush_detect(&odd, NULL, &found, NULL), -EINVAL);
	assert_int_equal(flush_detect(&many, NULL, &found, NULL), -EINVAL);
	assert_int_equal(calls, 0);
}

/* ---- the lines that are read again ---- */

static void a_probe_is_spread_over_the_region(void **state)
{
	const size_t sizes[] = { 1024, 4096, 65536, 131072, 131136, 1ul << 20, bytes };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		size_t lines = sizes[s] / 64, quarter[4] = { 0 };
		unsigned char *seen = calloc(lines, 1);
		struct flush_probe p;

		assert_non_null(seen);
		assert_int_equal(flush_probe_init(&p, region, sizes[s], 3), 0);
		assert_int_equal(p.n, lines < 2048 ? lines : 2048);
		for (unsigned i = 0; i < p.n; i++) {
			assert_true(p.line[i] < lines);
			assert_int_equal(seen[p.line[i]]++, 0);
			quarter[p.line[i] * 4 / lines]++;
		}
		for (unsigned i = 0; i < 4; i++)
			assert_true(quarter[i] >= p.n / 4 - 1);
		flush_probe_free(&p);
		free(seen);
	}
}

static void a_probe_changes_nothing(void **state)
{
	struct flush_probe p;
	struct flush_reads reads;

	(void)state;
	for (size_t at = 0; at < bytes; at++)
		region[at] = (char)(at * 5 + (at >> 12));
	assert_int_equal(flush_probe_init(&p, region, bytes, 4), 0);
	flush_probe_load(&p);
	flush_reads_reference(&p, &cpu, &reads);
	assert_true(reads.cached > 0 && reads.evicted > 0);
	assert_true(flush_probe_read(&p) > 0);
	for (size_t at = 0; at < bytes; at++)
		if (region[at] != (char)(at * 5 + (at >> 12)))
			fail_msg("byte %zu", at);
	flush_probe_free(&p);
}

static void too_few_lines_are_no_probe(void **state)
{
	struct flush_probe p;

	(void)state;
	assert_int_equal(flush_probe_init(&p, region, 15 * 64, 4), -EINVAL);
	assert_int_equal(flush_probe_init(&p, region, 16 * 64, 4), 0);
	assert_true(flush_probe_read(&p) > 0);
	flush_probe_free(&p);
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
		cmocka_unit_test(what_cannot_be_examined_is_refused),
		cmocka_unit_test(a_probe_is_spread_over_the_region),
		cmocka_unit_test(a_probe_changes_nothing),
		cmocka_unit_test(too_few_lines_are_no_probe),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
