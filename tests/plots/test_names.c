// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plots know some metrics and factors by name, and are tested on runs that are made up. These are
 * what the benchmarks declare, or the tests of plots test nothing.
 */
#include "tests/plots/drawing.h"

#include <stdio.h>
#include <string.h>

#include "bench/list.h"
#include "tests/plots/synthetic_draw.h"

static size_t count_factors(const struct bench_info *b)
{
	size_t n = 0;

	while (b->factors[n].name)
		n++;
	return n;
}

/* Every level that is made up is one that somebody could have asked for. */
static void check_levels(const struct factor_info *declared, const struct synthetic_factor *made)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", made->usual);
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		const struct level_info *l = declared->levels;
		bool known = declared->type != FACTOR_WORD && p[0] >= '0' && p[0] <= '9';

		for (; l && l->name; l++)
			known |= !strcmp(l->name, p);
		if (!known)
			fail_msg("%s=%s is no level", made->name, p);
	}
}

static void test_factors(void **state)
{
	(void)state;
	for (const struct synthetic_bench *s = synthetic_benches; s->name; s++) {
		const struct bench_info *b = bench_find(s->name);
		size_t n = 0;

		assert_non_null(b);
		for (const struct synthetic_factor *f = s->factors; f->name; f++, n++) {
			int at = bench_find_factor(b, f->name);

			if (at < 0)
				fail_msg("%s has no factor %s", s->name, f->name);
			assert_int_equal(bench_factor(b, (unsigned)at)->paired, f->paired);
			check_levels(bench_factor(b, (unsigned)at), f);
		}
		/* Of reset a few are enough. */
		if (strcmp(s->name, "reset"))
			assert_int_equal(n, count_factors(b));
	}
}

/* All of them, in their order: cpus takes the first time per CPU. */
static void test_metrics(void **state)
{
	(void)state;
	for (const struct synthetic_bench *s = synthetic_benches; s->name; s++) {
		const struct bench_info *b = bench_find(s->name);
		size_t i = 0;

		for (; s->metrics[i].name; i++) {
			const struct metric_info *m = &b->metrics[i];

			assert_non_null(m->name);
			assert_string_equal(m->name, s->metrics[i].name);
			assert_string_equal(m->quantity, s->metrics[i].quantity);
			assert_string_equal(m->per, s->metrics[i].per);
			assert_int_equal(m->bytes_per, s->metrics[i].bytes_per);
			assert_string_equal(s->metrics[i].benchmark, s->name);
		}
		if (strcmp(s->name, "reset"))
			assert_null(b->metrics[i].name);
	}
}

/* What dirty draws besides: the names are those of offline. */
static void test_offline(void **state)
{
	const struct bench_info *b = bench_find("offline");

	(void)state;
	assert_non_null(b);
	assert_true(bench_find_factor(b, "dirty") >= 0);
	assert_true(bench_find_factor(b, "action") >= 0);
	assert_true(bench_find_factor(b, "flush") >= 0);
}

static void assert_metric(const struct bench_info *b, const char *name)
{
	const struct metric_info *m = b->metrics;

	while (m->name && strcmp(m->name, name))
		m++;
	assert_non_null(m->name);
}

/* What threads and idle draw. */
static void test_topup(void **state)
{
	static const char *const factors[] = { "threads", "variant", "vms", "indirect",
					       "split",	  "pamt",    "load" };
	static const char *const metrics[] = { "wait", "hold", "idle", "peak" };
	const struct bench_info *b = bench_find("topup");

	(void)state;
	assert_non_null(b);
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
		assert_true(bench_find_factor(b, factors[i]) >= 0);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		assert_metric(b, metrics[i]);
	assert_true(bench_find_factor(bench_find("reset"), "threads") >= 0);
	assert_true(bench_find_factor(bench_find("reset"), "insn") >= 0);
}

/* What phases, size and vcpus draw. */
static void test_shutdown(void **state)
{
	static const struct {
		const char *bench, *factors[8];
	} of[] = {
		{ "teardown", { "size", "vcpus", "quirk", "path", "leaf", "in_guest" } },
		{ "vm", { "size", "vcpus", "quirk", "mem", "type", "exit" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		const struct bench_info *b = bench_find(of[i].bench);

		assert_non_null(b);
		for (size_t k = 0; of[i].factors[k]; k++)
			assert_true(bench_find_factor(b, of[i].factors[k]) >= 0);
		assert_metric(b, "phase");
		assert_metric(b, "page");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_factors),	 cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_offline),	 cmocka_unit_test(test_topup),
		cmocka_unit_test(test_shutdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
