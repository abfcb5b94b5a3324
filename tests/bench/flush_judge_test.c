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

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	      (1ul << 20)

/* A machine that somebody could have, and what a flush on it does. */
struct story {
	const char *name;
	size_t bytes;
	double base, per_page; /* ns: with nothing dirty, and more for each dirty 4 KiB */
	double noise;	       /* ns, to either side */
	double cached, evicted, after;
	bool keeps;
	double control; /* ns for each dirty 4 KiB that CLFLUSHOPT would take, where it keeps */
	enum flush_verdict verdict;
};

/* The same numbers in every run: from -1 to 1, and no two neighbours alike. */
static double wobble(unsigned i)
{
	return fmod((i + 1) * 0.6180339887498949, 1) * 2 - 1;
}

static struct flush_times tell(const struct story *s, unsigned tries)
{
	struct flush_times t = { .tries = tries, .bytes = s->bytes, .hz = 2e9, .keeps = s->keeps };
	double pages = (double)s->bytes / 4096;

	for (unsigned i = 0; i < FLUSH_SHARES; i++)
		for (unsigned k = 0; k < tries; k++)
			t.ticks[i][k] = 2 * (s->base + s->per_page * pages * flush_shares[i] +
					     s->noise * wobble(i * tries + k));
	for (unsigned i = 0; i < FLUSH_SHARES && s->keeps; i++)
		for (unsigned k = 0; k < tries; k++)
			t.control[i][k] = 2 * (140e3 + s->control * pages * flush_shares[i] +
					       s->noise * wobble(i * tries + k + 7));
	for (unsigned k = 0; k < tries; k++)
		t.reads[k] = (struct flush_reads){ s->cached, s->evicted, s->after };
	return t;
}

static const struct story stories[] = {
	/* Real ones. */
	{ "CLFLUSHOPT over 8 MiB", 8 * MIB, 140e3, 35, 5e3, 10, 350, 348, false, 0, FLUSH_REAL },
	{ "WBINVD of a large LLC", 64 * MIB, 3e6, 200, 100e3, 14, 300, 290, false, 0, FLUSH_REAL },
	{ "WBINVD, noise half of what growth is", 16 * MIB, 1e6, 100, 200e3, 14, 300, 310, false, 0,
	  FLUSH_REAL },
	{ "a memory that writes 200 GB/s", 16 * MIB, 1e6, 20.5, 10e3, 14, 300, 300, false, 0,
	  FLUSH_REAL },
	{ "WBNOINVD: writes back and keeps", 16 * MIB, 1e6, 100, 50e3, 14, 300, 14, true, 35,
	  FLUSH_REAL },
	{ "CLWB that drops the line", 16 * MIB, 1e6, 100, 50e3, 14, 300, 300, true, 35,
	  FLUSH_REAL },
	/* Nothing. */
	{ "an empty function", 8 * MIB, 20, 0, 5, 10, 350, 10, false, 0, FLUSH_NOTHING },
	{ "an exit to a hypervisor", 16 * MIB, 1500, 0, 700, 14, 300, 15, false, 0, FLUSH_NOTHING },
	{ "an exit that is 3 us slower when cold", 16 * MIB, 1500, 3000. / 4096, 700, 14, 300, 15,
	  false, 0, FLUSH_NOTHING },
	{ "an exit that drives lines from L2 to L3", 16 * MIB, 1500, 0, 700, 14, 300, 60, false, 0,
	  FLUSH_NOTHING },
	{ "an exit in WBNOINVD's place", 16 * MIB, 1500, 0, 700, 14, 300, 14, true, 35,
	  FLUSH_NOTHING },
	/* What cannot be told. */
	{ "grows, and the lines are there: WBNOINVD by another name", 16 * MIB, 1e6, 100, 50e3, 14,
	  300, 14, false, 0, FLUSH_UNCLEAR },
	{ "does not grow, and the lines are gone", 16 * MIB, 1500, 0, 700, 14, 300, 300, false, 0,
	  FLUSH_UNCLEAR },
	{ "half of the lines left", 16 * MIB, 1e6, 100, 50e3, 14, 300, 157, false, 0,
	  FLUSH_UNCLEAR },
	{ "noise far beyond growth", 16 * MIB, 1e6, 100, 20e6, 14, 300, 300, false, 0,
	  FLUSH_UNCLEAR },
	{ "noise that could hide growth, and the lines are there", 16 * MIB, 1e6, 0, 400e3, 14, 300,
	  14, false, 0, FLUSH_UNCLEAR },
	{ "an emulator: no cache to see", 16 * MIB, 1e6, 0, 0, 14, 14, 14, false, 0,
	  FLUSH_UNCLEAR },
	{ "an emulator that counts flushes", 16 * MIB, 1e6, 100, 0, 14, 14, 14, false, 0,
	  FLUSH_UNCLEAR },
	{ "keeps, flat, and the lines are gone", 16 * MIB, 1500, 0, 700, 14, 300, 300, true, 35,
	  FLUSH_UNCLEAR },
	{ "keeps, flat, and so is CLFLUSHOPT: nothing was dirty", 16 * MIB, 140e3, 0, 700, 14, 300,
	  14, true, 0, FLUSH_UNCLEAR },
};

static void every_story_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		for (unsigned tries = 5; tries <= FLUSH_MAX_TRIES; tries += 4) {
			struct flush_times t = tell(&stories[i], tries);
			struct flush_found f;

			flush_judge(&t, &f);
			if (f.verdict != stories[i].verdict)
				fail_msg("%s, %u tries: %s: %s", stories[i].name, tries,
					 flush_verdict_name(f.verdict), f.text);
			assert_true(f.slope.lo <= f.slope.value && f.slope.value <= f.slope.hi);
		}
}

static void figures_are_those_of_the_times(void **state)
{
	struct flush_times t = tell(&stories[0], 7);
	struct flush_found f;

	(void)state;
	flush_judge(&t, &f);
	assert_true(fabs(f.slope.value - 35) < 2);
	assert_true(fabs(f.idle - 140e3) < 5e3);
	assert_true(fabs(f.left - 338. / 340) < 1e-9);
	assert_true(f.reads.cached == 10 && f.reads.evicted == 350 && f.reads.after == 348);
	assert_non_null(strstr(f.text, "ns more for each dirty 4 KiB ["));
	assert_non_null(strstr(f.text, "99 % of the lines had left the cache"));
	assert_null(strchr(f.text, '\n'));
	assert_null(strstr(f.text, "CLFLUSHOPT"));
	assert_true(f.control.value == 0 && f.control.lo == 0 && f.control.hi == 0);
}

static void a_control_is_told_where_lines_may_stay(void **state)
{
	struct story s = { "", 16 * MIB, 1500, 0, 700, 14, 300, 14, true, 35, FLUSH_NOTHING };
	struct flush_times t = tell(&s, 7);
	struct flush_found f;

	(void)state;
	flush_judge(&t, &f);
	assert_true(fabs(f.control.value - 35) < 1);
	assert_true(f.control.lo <= f.control.value && f.control.value <= f.control.hi);
	assert_non_null(strstr(f.text, "(CLFLUSHOPT 35"));
}

/* Without noise the interval is a point; with it, it covers what is there. */
static void the_interval_covers_the_slope(void **state)
{
	struct story s = stories[1];

	(void)state;
	for (s.noise = 0; s.noise < 400e3; s.noise += 20e3) {
		struct flush_times t = tell(&s, 9);
		struct flush_found f;

		flush_judge(&t, &f);
		assert_true(f.slope.lo <= s.per_page + 1e-6 && s.per_page - 1e-6 <= f.slope.hi);
		assert_true(s.noise > 0 || f.slope.hi - f.slope.lo < 1e-6);
	}
}

/* A quarter of the tries hit by an interrupt or by steal time. */
static void what_made_single_tries_long_does_not_decide(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct flush_times t = tell(&stories[i], 16);
		struct flush_found f;

		if (stories[i].verdict == FLUSH_UNCLEAR)
			continue;
		for (unsigned share = 0; share < FLUSH_SHARES; share++)
			for (unsigned k = share % 4; k < t.tries; k += 4)
				t.ticks[share][k] += 40e6;
		for (unsigned k = 1; k < t.tries; k += 4) {
			t.reads[k].cached *= 20;
			t.reads[(k + 1) % t.tries].after *= 20;
			t.reads[(k + 2) % t.tries].evicted *= 20;
		}
		flush_judge(&t, &f);
		/* Robust against saying the contrary; noise may make it unclear. */
		if (f.verdict != stories[i].verdict && f.verdict != FLUSH_UNCLEAR)
			fail_msg("%s: %s: %s", stories[i].name, flush_verdict_name(f.verdict),
				 f.text);
	}
}

static void one_try_decides_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct flush_times t = tell(&stories[i], 1);
		struct flush_found f;

		flush_judge(&t, &f);
		/* Its interval is all slopes there are; what it says is no other thing at least. */
		assert_true(f.verdict == stories[i].verdict || f.verdict == FLUSH_UNCLEAR);
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
		assert_int_equal(f.verdict, FLUSH_UNCLEAR);
		assert_string_equal(f.text, "it was not tried");
	}
}

static void the_share_that_left(void **state)
{
	static const struct {
		struct flush_reads reads;
		double left;
	} cases[] = {
		{ { 10, 350, 10 }, 0 },	      { { 10, 350, 350 }, 1 },	{ { 10, 350, 180 }, 0.5 },
		{ { 10, 350, 3.2 }, -0.02 },  { { 10, 350, 690 }, 2 },	{ { 100, 200, 150 }, 0.5 },
		{ { 100, 199.9, 150 }, NAN }, { { 14, 14, 14 }, NAN },	{ { 0, 0, 0 }, NAN },
		{ { 0, 100, 50 }, NAN },      { { 350, 10, 10 }, NAN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double left = flush_share_left(&cases[i].reads);

		if (isnan(left) != isnan(cases[i].left) || fabs(left - cases[i].left) > 1e-9)
			fail_msg("case %zu: %g", i, left);
	}
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(flush_verdict_name(FLUSH_REAL), "real");
	assert_string_equal(flush_verdict_name(FLUSH_NOTHING), "does nothing");
	assert_string_equal(flush_verdict_name(FLUSH_UNCLEAR), "unclear");
	assert_string_equal(flush_verdict_name((enum flush_verdict)3), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_story_has_its_verdict),
		cmocka_unit_test(figures_are_those_of_the_times),
		cmocka_unit_test(a_control_is_told_where_lines_may_stay),
		cmocka_unit_test(the_interval_covers_the_slope),
		cmocka_unit_test(what_made_single_tries_long_does_not_decide),
		cmocka_unit_test(one_try_decides_nothing),
		cmocka_unit_test(no_try_says_so),
		cmocka_unit_test(the_share_that_left),
		cmocka_unit_test(verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
