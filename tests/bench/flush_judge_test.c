// SPDX-License-Identifier: GPL-2.0-or-later
/* The decision about a flush, from times that are made up: no clock is read here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/flush_detect.h"
#include "harness/measure/design.h"
#include "tests/bench/loads.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	      (1ul << 20)

/* A machine that somebody could have, and what a flush on it does. */
struct story {
	const char *name;
	size_t bytes;
	double base, per_page; /* ns: with nothing dirty, and more for each dirty 4 KiB */
	double noise;	       /* ns, to either side */
	double left, lost;     /* shares of the lines: after the flush, after the control's wait */
	bool keeps;
	double sweep; /* ns for each dirty 4 KiB that CLFLUSHOPT takes */
	enum flush_verdict verdict;
};

/* The same numbers in every run: from -1 to 1. */
static double wobble(unsigned i)
{
	return (double)(seed_derive(1, i, 0, 1) >> 11) * 0x1p-52 - 1;
}

static struct flush_times times_of(const struct story *s, unsigned tries)
{
	struct flush_times t = { .tries = tries, .bytes = s->bytes, .hz = 2e9, .keeps = s->keeps };
	double pages = (double)s->bytes / 4096;

	for (unsigned i = 0; i < FLUSH_SHARES; i++)
		for (unsigned k = 0; k < tries; k++) {
			double dirty = pages * flush_shares[i];
			unsigned n = i * tries + k;

			t.ticks[i][k] = 2 * (s->base + s->per_page * dirty + s->noise * wobble(n));
			t.sweep[i][k] = 2 * (140e3 + s->sweep * dirty + 500 * wobble(n + 7));
			t.look[i][k] = (struct flush_look){ 76, 332, s->left, s->lost };
		}
	return t;
}

static const struct story stories[] = {
	/* Real ones. */
	{ "CLFLUSHOPT over 1 MiB", MIB, 110e3, 65, 5e3, 0.99, 0, false, 65, FLUSH_REAL },
	{ "WBINVD of a large LLC", 64 * MIB, 3e6, 200, 100e3, 1, 0.02, false, 35, FLUSH_REAL },
	{ "WBINVD, noise half of what growth is", 16 * MIB, 1e6, 100, 200e3, 1, 0, false, 35,
	  FLUSH_REAL },
	{ "a memory that writes 200 GB/s", 16 * MIB, 1e6, 20.5, 10e3, 1, 0, false, 20, FLUSH_REAL },
	/* 64 MiB of a guest's LLC that holds far less: dirty and clean lines were evicted alike. */
	{ "nothing dirty is held: neither takes longer", 64 * MIB, 7e6, 0.5, 100e3, 1, 0.2, false,
	  0.5, FLUSH_REAL },
	{ "noise far beyond growth, and only the flush loses lines", 16 * MIB, 1e6, 100, 20e6, 1, 0,
	  false, 35, FLUSH_REAL },
	{ "WBNOINVD: writes back and keeps", 16 * MIB, 1e6, 100, 50e3, 0, 0, true, 35, FLUSH_REAL },
	{ "CLWB that drops the line", 16 * MIB, 1e6, 100, 50e3, 1, 0, true, 35, FLUSH_REAL },
	/* Nothing. */
	{ "an empty function", MIB, 20, 0, 5, 0, 0, false, 65, FLUSH_NOTHING },
	{ "an exit to a hypervisor", MIB, 1500, 0, 700, 0.01, 0, false, 65, FLUSH_NOTHING },
	{ "an exit that is 3 us slower when cold", 16 * MIB, 1500, 3000. / 4096, 700, 0, 0, false,
	  35, FLUSH_NOTHING },
	{ "noise that could hide growth, and the lines are there", 16 * MIB, 1e6, 0, 400e3, 0, 0,
	  false, 35, FLUSH_NOTHING },
	{ "an exit in WBNOINVD's place", 16 * MIB, 1500, 0, 700, 0, 0, true, 35, FLUSH_NOTHING },
	/* What cannot be decided. */
	{ "nothing, on a busy machine: the control loses its lines too", MIB, 20, 0, 5, 1, 1, false,
	  65, FLUSH_CANNOT_TELL },
	{ "a flush, on a machine where lines do not stay", MIB, 110e3, 65, 5e3, 1, 0.4, false, 65,
	  FLUSH_CANNOT_TELL },
	{ "grows, and the lines are there: WBNOINVD by another name", 16 * MIB, 1e6, 100, 50e3, 0,
	  0, false, 35, FLUSH_CANNOT_TELL },
	{ "CLFLUSHOPT takes longer, this does not, and the lines are gone", 16 * MIB, 1500, 0, 700,
	  1, 0, false, 35, FLUSH_CANNOT_TELL },
	{ "half of the lines left", 16 * MIB, 1e6, 100, 50e3, 0.5, 0, false, 35,
	  FLUSH_CANNOT_TELL },
	{ "an emulator: no cache to see", 16 * MIB, 1e6, 0, 0, NAN, NAN, false, 0,
	  FLUSH_CANNOT_TELL },
	{ "an emulator that counts flushes", 16 * MIB, 1e6, 100, 0, NAN, NAN, false, 0,
	  FLUSH_CANNOT_TELL },
	{ "keeps, flat, and the lines are gone", 16 * MIB, 1500, 0, 700, 1, 0, true, 35,
	  FLUSH_CANNOT_TELL },
	{ "keeps, flat, and so is CLFLUSHOPT: nothing was dirty", 16 * MIB, 140e3, 0, 700, 0, 0,
	  true, 0, FLUSH_CANNOT_TELL },
	{ "keeps, grows, and CLFLUSHOPT does not: noise", 16 * MIB, 140e3, 100, 700, 0, 0, true, 0,
	  FLUSH_CANNOT_TELL },
};

static void stories_have_their_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		for (unsigned tries = 5; tries <= FLUSH_MAX_TRIES; tries += 4) {
			struct flush_times t = times_of(&stories[i], tries);
			struct flush_found f;

			flush_judge(&t, &f);
			if (f.verdict != stories[i].verdict)
				fail_msg("%s, %u tries: %s: %s", stories[i].name, tries,
					 flush_verdict_name(f.verdict), f.text);
			assert_true(f.slope.lo <= f.slope.value && f.slope.value <= f.slope.hi);
		}
}

/*
 * Flush and control that lose their lines in half of the looks each, by chance, as a flush that does
 * nothing on a machine whose CPU is taken away half of the time: never real, whatever chance does.
 */
static void chance_does_not_make_a_flush_real(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		struct story s = { "", MIB, 20, 0, 5, 0, 0, false, 65, FLUSH_NOTHING };
		struct flush_times t = times_of(&s, FLUSH_TRIES + seed % 30);
		struct flush_found f;

		for (unsigned i = 0; i < FLUSH_SHARES; i++)
			for (unsigned k = 0; k < t.tries; k++) {
				uint64_t drawn = seed_derive(seed, i, k, 1);

				t.look[i][k].left = drawn & 1;
				t.look[i][k].lost = drawn >> 1 & 1;
				/* No help from its time. */
				t.sweep[i][k] = 1e6;
			}
		flush_judge(&t, &f);
		if (f.verdict == FLUSH_REAL)
			fail_msg("seed %llu: %s", (unsigned long long)seed, f.text);
	}
}

static void figures_are_those_of_the_times(void **state)
{
	struct flush_times t = times_of(&stories[0], 7);
	struct flush_found f;

	(void)state;
	flush_judge(&t, &f);
	assert_true(fabs(f.slope.value - 65) < 20 && fabs(f.sweep.value - 65) < 3);
	assert_true(fabs(f.idle - 110e3) < 5e3);
	assert_true(f.look.cached == 76 && f.look.evicted == 332);
	assert_true(f.look.left == 0.99 && f.look.lost == 0 && !f.next);
	assert_non_null(strstr(f.text, "99 % of the lines left the cache, 0 % in as long a wait"));
	assert_non_null(strstr(f.text, "ns more for each dirty 4 KiB ["));
	assert_non_null(strstr(f.text, "CLFLUSHOPT 6"));
	assert_null(strchr(f.text, '\n'));
}

/* Without noise the interval is a point; with it, it covers what is there. */
static void the_interval_covers_the_slope(void **state)
{
	struct story s = stories[1];

	(void)state;
	for (s.noise = 0; s.noise < 400e3; s.noise += 20e3) {
		struct flush_times t = times_of(&s, 9);
		struct flush_found f;

		flush_judge(&t, &f);
		assert_true(f.slope.lo <= s.per_page + 1e-6 && s.per_page - 1e-6 <= f.slope.hi);
		assert_true(s.noise > 0 || f.slope.hi - f.slope.lo < 1e-6);
	}
}

/* A quarter of the tries hit by an interrupt or by steal time. */
static void single_long_tries_do_not_decide(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct flush_times t = times_of(&stories[i], 16);
		struct flush_found f;

		if (stories[i].verdict == FLUSH_CANNOT_TELL)
			continue;
		for (unsigned share = 0; share < FLUSH_SHARES; share++)
			for (unsigned k = share % 4; k < t.tries; k += 4) {
				t.ticks[share][k] += 40e6;
				t.look[share][(k + 1) % t.tries].left = 1;
				t.look[share][(k + 2) % t.tries].lost = 1;
				t.look[share][(k + 3) % t.tries].left = NAN;
			}
		flush_judge(&t, &f);
		/* Robust against saying the contrary; noise may leave it open. */
		if (f.verdict != stories[i].verdict && f.verdict != FLUSH_CANNOT_TELL)
			fail_msg("%s: %s: %s", stories[i].name, flush_verdict_name(f.verdict),
				 f.text);
	}
}

static void one_try_makes_nothing_real(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct flush_times t = times_of(&stories[i], 1);
		struct flush_found f;

		flush_judge(&t, &f);
		assert_true(f.verdict != FLUSH_REAL);
		assert_true(f.verdict == stories[i].verdict || f.verdict == FLUSH_CANNOT_TELL);
	}
}

static void no_try_says_so(void **state)
{
	static const unsigned tries[] = { 0, FLUSH_MAX_TRIES + 1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		struct flush_times t = { .tries = tries[i], .bytes = MIB, .hz = 1e9 };
		struct flush_found f;

		flush_judge(&t, &f);
		assert_int_equal(f.verdict, FLUSH_CANNOT_TELL);
		assert_string_equal(f.text, "it was not tried");
	}
}

/* ---- part by part ---- */

static struct flush_look look_at(const uint32_t *after, const uint32_t *kept)
{
	struct probe_scale s = probe_scale(loads_cached, loads_evicted, LOADS);

	return (struct flush_look){ s.cached, s.evicted, probe_gone(&s, after, LOADS),
				    probe_gone(&s, kept, LOADS) };
}

static void recorded_loads_have_their_verdict(void **state)
{
	static const struct {
		const char *name;
		const uint32_t *after, *kept;
		enum flush_verdict verdict;
	} cases[] = {
		{ "a flush", loads_evicted, loads_cached, FLUSH_REAL },
		{ "nothing", loads_cached, loads_cached, FLUSH_NOTHING },
		{ "every second line", loads_half_flushed, loads_cached, FLUSH_NOTHING },
		{ "nothing, and a wait in which lines leave", loads_waited, loads_waited,
		  FLUSH_CANNOT_TELL },
		{ "a flush, and a wait in which lines leave", loads_evicted, loads_waited,
		  FLUSH_CANNOT_TELL },
		{ "every second line, and such a wait", loads_half_flushed, loads_waited,
		  FLUSH_CANNOT_TELL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flush_look look = look_at(cases[i].after, cases[i].kept);

		if (flush_prove_judge(&look) != cases[i].verdict)
			fail_msg("%s: left %g, lost %g", cases[i].name, look.left, look.lost);
	}
}

static void shares_decide_a_proof(void **state)
{
	static const struct {
		double left, lost;
		enum flush_verdict verdict;
	} cases[] = {
		{ 1, 0, FLUSH_REAL },
		{ 0.75, 0.1, FLUSH_REAL },
		{ 0.74, 0.1, FLUSH_NOTHING },
		{ 0, 0, FLUSH_NOTHING },
		{ 1, 0.11, FLUSH_CANNOT_TELL },
		{ 0, 0.11, FLUSH_CANNOT_TELL },
		{ NAN, NAN, FLUSH_CANNOT_TELL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flush_look look = { 76, 332, cases[i].left, cases[i].lost };

		assert_int_equal(flush_prove_judge(&look), cases[i].verdict);
	}
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(flush_verdict_name(FLUSH_REAL), "real");
	assert_string_equal(flush_verdict_name(FLUSH_NOTHING), "does nothing");
	assert_string_equal(flush_verdict_name(FLUSH_CANNOT_TELL), "cannot tell");
	assert_string_equal(flush_verdict_name((enum flush_verdict)3), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories_have_their_verdict),
		cmocka_unit_test(chance_does_not_make_a_flush_real),
		cmocka_unit_test(figures_are_those_of_the_times),
		cmocka_unit_test(the_interval_covers_the_slope),
		cmocka_unit_test(single_long_tries_do_not_decide),
		cmocka_unit_test(one_try_makes_nothing_real),
		cmocka_unit_test(no_try_says_so),
		cmocka_unit_test(recorded_loads_have_their_verdict),
		cmocka_unit_test(shares_decide_a_proof),
		cmocka_unit_test(verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
