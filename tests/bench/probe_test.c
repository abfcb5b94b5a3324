// SPDX-License-Identifier: GPL-2.0-or-later
/* Which lines are cached: from recorded loads to shares; and the lines that a probe reads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/probe.h"
#include "tests/bench/loads.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	      (1ul << 20)

static struct cpu_info cpu;

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void recorded_loads_give_shares(void **state)
{
	struct probe_scale s = probe_scale(loads_cached, loads_evicted, LOADS);

	(void)state;
	assert_true(s.cached == 76 && s.evicted == 302);
	assert_true(s.limit > 200 && s.limit < 268 && near(s.slow, 1));
	assert_true(near(probe_gone(&s, loads_cached, LOADS), 0));
	assert_true(near(probe_gone(&s, loads_evicted, LOADS), 1));
	assert_true(near(probe_gone(&s, loads_half_flushed, LOADS), 24. / 64));
	/* Lines that left by themselves are read as flushed ones are: only a control shows it. */
	assert_true(near(probe_gone(&s, loads_waited, LOADS), 1));
}

/* Means of all lines of a day, as issue reports give them, spread over lines. */
static void lines_of(uint32_t *ticks, double share, uint32_t of_cached, uint32_t of_evicted)
{
	for (unsigned i = 0; i < LOADS; i++)
		ticks[i] = i < share * LOADS ? of_evicted : of_cached;
}

static void loads_of_another_day_give_shares(void **state)
{
	static const struct {
		double share;
		uint32_t cached, evicted;
		double gone;
	} cases[] = {
		{ 0, 46, 335, 0 }, { 0, 51, 335, 0 }, { 0.5, 38, 318, 0.5 }, { 0.5, 46, 335, 0.5 },
		{ 1, 46, 395, 1 }, { 1, 46, 470, 1 }, { 1, 46, 620, 1 },
	};
	uint32_t cached[LOADS], evicted[LOADS], ticks[LOADS];
	struct probe_scale s;

	(void)state;
	lines_of(cached, 0, 38, 0);
	lines_of(evicted, 1, 0, 318);
	s = probe_scale(cached, evicted, LOADS);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lines_of(ticks, cases[i].share, cases[i].cached, cases[i].evicted);
		if (!near(probe_gone(&s, ticks, LOADS), cases[i].gone))
			fail_msg("case %zu: %g", i, probe_gone(&s, ticks, LOADS));
	}
}

static void hits_in_a_shared_llc_count_as_cached(void **state)
{
	struct probe_scale s = probe_scale(loads_cached, loads_evicted, LOADS);
	uint32_t llc[LOADS];

	(void)state;
	lines_of(llc, 0.5, 120, 186);
	assert_true(near(probe_gone(&s, llc, LOADS), 0));
}

/* What a prefetcher brings back hides a miss in both, the scale and what is judged by it. */
static void evicted_lines_that_were_prefetched_do_not_count(void **state)
{
	uint32_t evicted[LOADS], after[LOADS];
	struct probe_scale s;

	(void)state;
	lines_of(evicted, 0.8125, 80, 330);
	lines_of(after, 0.40625, 80, 330);
	s = probe_scale(loads_cached, evicted, LOADS);
	assert_true(near(s.slow, 0.8125));
	assert_true(near(probe_gone(&s, after, LOADS), 0.5));
	assert_true(near(probe_gone(&s, loads_waited, LOADS), 1));
}

/* An EPYC guest's TSC steps by 10 ns, 26 ticks: most of a cached load is less than a step. */
static void loads_of_a_coarse_clock_give_shares(void **state)
{
	uint32_t cached[LOADS], evicted[LOADS], half[LOADS];
	struct probe_scale s;

	(void)state;
	for (unsigned i = 0; i < LOADS; i++) {
		cached[i] = 26 * (i % 4 == 0);
		evicted[i] = 26 * (10 + i % 3);
		half[i] = i % 2 ? evicted[i] : cached[i];
	}
	s = probe_scale(cached, evicted, LOADS);
	assert_false(isnan(s.limit));
	assert_true(near(probe_gone(&s, cached, LOADS), 0));
	assert_true(near(probe_gone(&s, evicted, LOADS), 1));
	assert_true(near(probe_gone(&s, half, LOADS), 0.5));
}

static void loads_that_are_alike_have_no_scale(void **state)
{
	uint32_t same[LOADS], none[LOADS], half[LOADS];

	(void)state;
	lines_of(same, 0, 100, 0);
	lines_of(none, 0, 0, 0);
	lines_of(half, 0.7, 80, 330);
	assert_true(isnan(probe_scale(same, same, LOADS).limit));
	assert_true(isnan(probe_scale(none, none, LOADS).limit));
	assert_true(isnan(probe_scale(loads_cached, half, LOADS).limit));
	assert_true(isnan(probe_scale(loads_waited, loads_evicted, LOADS).limit));
	assert_true(isnan(probe_scale(same, same, 0).limit));
	/* A clock whose step is longer than a load shows 0. */
	assert_false(isnan(probe_scale(none, loads_evicted, LOADS).limit));
	assert_true(isnan(probe_gone(&(struct probe_scale){ .limit = NAN }, same, LOADS)));
}

/* ---- the lines that are read ---- */

static void lines_are_spread_one_in_each_part(void **state)
{
	const size_t sizes[] = { 1024, 4096, 65536, 131072, 131136, MIB, 8 * MIB };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		size_t lines = sizes[k] / 64, quarter[4] = { 0 };
		unsigned char *part = calloc(sizes[k] / PROBE_SPACING + 1, 1);
		struct probe p;

		assert_non_null(part);
		probe_init(&p, NULL);
		probe_add(&p, 0, sizes[k], PROBE_LINES, 3);
		assert_int_equal(p.n, sizes[k] / PROBE_SPACING < PROBE_LINES
					      ? sizes[k] / PROBE_SPACING
					      : PROBE_LINES);
		for (unsigned i = 0; i < p.n; i++) {
			assert_true(p.line[i] < lines);
			if (sizes[k] % PROBE_SPACING == 0 && p.n < PROBE_LINES)
				assert_int_equal(part[p.line[i] * 64 / PROBE_SPACING]++, 0);
			quarter[(size_t)p.line[i] * 4 / lines]++;
		}
		for (unsigned i = 0; i < 4; i++)
			assert_true(quarter[i] + 1 >= p.n / 4);
		free(part);
	}
}

static void ranges_are_added_until_the_probe_is_full(void **state)
{
	struct probe p;

	(void)state;
	probe_init(&p, NULL);
	assert_int_equal(probe_add(&p, 0, PROBE_SPACING - 64, 8, 1), 0);
	assert_int_equal(probe_add(&p, 4096, 4096, 8, 1), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(p.line[i] >= 64 && p.line[i] < 128);
	assert_int_equal(probe_add(&p, 8192, MIB, PROBE_LINES, 1), PROBE_LINES - 4);
	assert_int_equal(probe_add(&p, 0, 4096, 8, 1), 0);
	assert_int_equal(p.n, PROBE_LINES);
}

static void odd_and_even_lines_are_chosen(void **state)
{
	unsigned odd = 0;
	struct probe p;

	(void)state;
	probe_init(&p, NULL);
	probe_add(&p, 0, MIB, PROBE_LINES, 7);
	for (unsigned i = 0; i < p.n; i++)
		odd += p.line[i] & 1;
	assert_true(odd > PROBE_LINES / 3 && odd < 2 * PROBE_LINES / 3);
}

static void a_probe_changes_no_byte(void **state)
{
	char *region = aligned_alloc(4096, MIB);
	uint32_t ticks[PROBE_LINES];
	struct probe p;

	(void)state;
	assert_non_null(region);
	for (size_t at = 0; at < MIB; at++)
		region[at] = (char)(at * 5 + (at >> 12));
	probe_init(&p, region);
	probe_add(&p, 0, MIB, PROBE_LINES, 4);
	probe_load(&p);
	probe_read(&p, ticks);
	probe_evict(&p, &cpu);
	probe_read(&p, ticks);
	probe_wait(1000);
	for (size_t at = 0; at < MIB; at++)
		if (region[at] != (char)(at * 5 + (at >> 12)))
			fail_msg("byte %zu", at);
	free(region);
}

static int detect(void **state)
{
	(void)state;
	cpu_detect(&cpu);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_loads_give_shares),
		cmocka_unit_test(loads_of_another_day_give_shares),
		cmocka_unit_test(hits_in_a_shared_llc_count_as_cached),
		cmocka_unit_test(evicted_lines_that_were_prefetched_do_not_count),
		cmocka_unit_test(loads_of_a_coarse_clock_give_shares),
		cmocka_unit_test(loads_that_are_alike_have_no_scale),
		cmocka_unit_test(lines_are_spread_one_in_each_part),
		cmocka_unit_test(ranges_are_added_until_the_probe_is_full),
		cmocka_unit_test(odd_and_even_lines_are_chosen),
		cmocka_unit_test(a_probe_changes_no_byte),
	};

	return cmocka_run_group_tests(tests, detect, NULL);
}
