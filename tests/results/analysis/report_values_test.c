// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What report_load() makes of the values that samples yield besides their time. The golden interval
 * is that of comparison_test.c, from the same eight numbers.
 */
#include "tests/results/analysis/close_to.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/core/hash.h"
#include "results/analysis/comparison.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RUN	 "22222222-0000-4000-8000-000000000000"
#define BLOCKS	 3
#define CPUS	 2
#define PARTS	 (1 + 2 * CPUS)

static const int medians[] = { 1000, 1010, 990, 1005, 995, 1020, 980, 1003 };
static const int around[BLOCKS] = { -7, 0, 9 };

struct db {
	char path[64];
	struct store *s;
	int64_t boot;
};

static struct reason why;

static int started(void **state)
{
	static struct db db;
	static const struct store_host host = { .id = "h", .name = "box", .cpu = "A CPU" };
	static const char identity[] = "{\"kernel\":\"6.18\"}";
	char hash[HASH_TEXT];
	const struct store_boot b = { .boot_id = "b",
				      .host = "h",
				      .environment = hash,
				      .identity = identity,
				      .tick_hz = 2e9,
				      .resolution = 1 };
	int fd;

	strcpy(db.path, "/tmp/tdcost-values-XXXXXX");
	fd = mkstemp(db.path);
	if (fd < 0)
		return -1;
	close(fd);
	hash_text(identity, hash);
	*state = &db;
	return store_open(&db.s, db.path, STORE_CREATE, &why) ||
	       store_put_host(db.s, &host, &why) || store_put_boot(db.s, &b, &db.boot, &why);
}

static int ended(void **state)
{
	struct db *db = *state;
	char beside[80];

	store_close(db->s);
	unlink(db->path);
	snprintf(beside, sizeof(beside), "%s-wal", db->path);
	unlink(beside);
	snprintf(beside, sizeof(beside), "%s-shm", db->path);
	unlink(beside);
	return 0;
}

static void begin(struct db *db)
{
	static const struct store_metric metrics[] = {
		{ "stop", 1, "time", "duration", "stop", 0 },
		{ "stop", 1, "tail", "duration", "CPU", 0 },
		{ "stop", 1, "empty", "duration", "stop", 0 },
		{ "stop", 1, "cpu_late", "occurrence", "CPU", 0 },
	};
	static const char *const factors[] = { "{\"policy\":\"percpu\"}", "{\"policy\":\"none\"}" };
	const struct store_run run = { .uuid = RUN,
				       .argv = "[]",
				       .plan = "{}",
				       .tool = "0",
				       .varying = "{}",
				       .boot = db->boot,
				       .started = 1 };
	struct store_cell cells[2];
	char hash[2][HASH_TEXT];

	for (unsigned i = 0; i < 2; i++) {
		hash_cell("stop", 1, factors[i], hash[i]);
		cells[i] = (struct store_cell){ .hash = hash[i],
						.benchmark = "stop",
						.version = 1,
						.factors = factors[i],
						.paired = "[\"policy\"]",
						.arm = i,
						.asked = factors[i] };
	}
	assert_int_equal(store_begin_run(db->s, &run, metrics, COUNT(metrics), cells, 2, &why), 0);
}

/*
 * Arm 0 yields a stop and two CPUs in each sample, cpu 1 always 100 ns later; ticks are half
 * nanoseconds. In the rounds 1 and 5 both CPUs are late in the first sample and cpu 0 in the second. Arm 1 yields nothing.
 */
static void put_rounds(struct db *db, unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct store_part parts[BLOCKS * PARTS];
		struct sample samples[2 * BLOCKS];
		const struct store_invocation v = { .round = round,
						    .setup = "{}",
						    .varying = "{}",
						    .samples = samples,
						    .n_samples = COUNT(samples),
						    .parts = parts,
						    .n_parts = COUNT(parts) };

		for (unsigned i = 0; i < BLOCKS; i++) {
			double ticks = 2.0 * (medians[round] + around[i]);
			bool late = round % 4 == 1 && i < 2;
			struct store_part *p = &parts[i * PARTS];

			samples[2 * i] = (struct sample){ 2 * i, 0, (int32_t)i, 0, 5000, 1 };
			samples[2 * i + 1] = (struct sample){ 2 * i + 1, 1, (int32_t)i, 0, 9, 1 };
			p[0] = (struct store_part){ 2 * i, "empty", "stop", ticks };
			p[1] = (struct store_part){ 2 * i, "tail", "cpu 0", ticks };
			p[2] = (struct store_part){ 2 * i, "tail", "cpu 1", ticks + 200 };
			p[3] = (struct store_part){ 2 * i, "cpu_late", "cpu 0", late };
			p[4] = (struct store_part){ 2 * i, "cpu_late", "cpu 1", late && !i };
		}
		assert_int_equal(store_put_round(db->s, RUN, db->boot, &v, 1, &why), 0);
	}
}

static void load(struct db *db, unsigned rounds, struct report *r)
{
	begin(db);
	put_rounds(db, rounds);
	if (report_load(db->s, RUN, r, &why))
		fail_msg("%s", why.text);
}

/* S5: samples of one process resemble each other, so what counts is their median. */
static void the_level_is_over_invocations(void **state)
{
	const struct report_value *v;
	struct report r;

	load(*state, COUNT(medians), &r);
	v = report_value_of(&r, &r.cells[0], "empty");
	assert_non_null(v);
	assert_string_equal(v->subject, "stop");
	assert_int_equal(v->invocations, 8);
	assert_int_equal(v->n, 8 * BLOCKS);
	assert_close(v->level, 1001.5, 1e-9);
	assert_close(v->interval.lo, 989.356435644, 1e-8);
	assert_close(v->interval.hi, 1010.64356436, 1e-8);
	assert_close(v->interval.level, 0.95, 0);
	assert_close(v->min, 973, 1e-9);
	assert_close(v->max, 1029, 1e-9);
	report_free(&r);
}

static void cpus_are_told_together(void **state)
{
	const struct report_value *v;
	struct report r;

	load(*state, COUNT(medians), &r);
	v = report_value_of(&r, &r.cells[0], "tail");
	assert_non_null(v);
	assert_string_equal(v->subject, "");
	assert_int_equal(v->n, 8 * BLOCKS * CPUS);
	/* 993, 1000, 1009, 1093, 1100, 1109 in the first process: 1051, and so in each. */
	assert_close(v->level, 1001.5 + 51, 1e-9);
	for (size_t i = 1; i < v->n; i++)
		assert_true(v->sorted[i - 1] <= v->sorted[i]);
	assert_close(v->sorted[0], v->min, 0);
	assert_close(v->sorted[v->n - 1], v->max, 0);
	/* Behind it the CPUs, whose values are not kept twice. */
	assert_string_equal(v[1].subject, "cpu 0");
	assert_string_equal(v[2].subject, "cpu 1");
	assert_close(v[2].level, 1101.5, 1e-9);
	assert_null(v[1].sorted);
	assert_null(v[2].sorted);
	report_free(&r);
}

/* S23: both CPUs of a stop are one stop, and the stops of a process are one process. */
static void values_late_cpus_count_stops_and_processes(void **state)
{
	const struct report_value *v;
	struct report r;

	load(*state, COUNT(medians), &r);
	v = report_value_of(&r, &r.cells[0], "cpu_late");
	assert_non_null(v);
	assert_true(report_is_occurrence(v));
	assert_string_equal(v->subject, "");
	assert_int_equal(v->n, 8 * BLOCKS * CPUS);
	assert_close(v->total, 6, 0);
	assert_int_equal(v->samples, 8 * BLOCKS);
	assert_int_equal(v->hits, 4);
	assert_int_equal(v->hit_processes, 2);
	assert_int_equal(v->invocations, 8);
	/* cpu 1 alone: in one stop of each. */
	assert_string_equal(v[2].subject, "cpu 1");
	assert_int_equal(v[2].hits, 2);
	assert_int_equal(v[2].hit_processes, 2);
	report_free(&r);
}

/* S23: 24 and 48 values are too few for any tail. */
static void values_few_have_no_tail(void **state)
{
	const struct report_value *v;
	struct report r;

	load(*state, COUNT(medians), &r);
	v = report_value_of(&r, &r.cells[0], "empty");
	assert_true(isnan(v->tails[TAIL_P90].value) && isnan(v->tails[TAIL_P99].value));
	v = report_value_of(&r, &r.cells[0], "tail");
	assert_true(isnan(v->tails[TAIL_P999].value));
	report_free(&r);
}

static void what_was_not_yielded_has_no_row(void **state)
{
	struct report r;

	load(*state, 2, &r);
	assert_null(report_value_of(&r, &r.cells[0], "own"));
	assert_null(report_value_of(&r, &r.cells[1], "empty"));
	report_free(&r);
}

static void one_invocation_has_no_interval(void **state)
{
	const struct report_value *v;
	struct report r;

	load(*state, 1, &r);
	v = report_value_of(&r, &r.cells[0], "empty");
	assert_int_equal(v->invocations, 1);
	assert_close(v->level, 1000, 1e-9);
	assert_true(isnan(v->interval.lo) && isnan(v->interval.hi));
	report_free(&r);
}

/* Arms whose samples yield the same phases, from two given series of medians. */
static struct report_value series_of(const struct report_cell *cell, const char *subject,
				     struct report_block *of, size_t n)
{
	struct report_value v = { .cell = cell, .blocks = of, .n_blocks = n };
	double x[8];

	snprintf(v.name, sizeof(v.name), "phase");
	snprintf(v.subject, sizeof(v.subject), "%s", subject);
	for (size_t i = 0; i < n; i++)
		x[i] = of[i].value;
	v.level = stat_median(x, n);
	return v;
}

static void a_difference_is_told_by_phase(void **state)
{
	/* Process 3 of the first arm yields nothing of the second's. */
	struct report_block on[] = { { 1, 0, 100 }, { 2, 0, 130 }, { 3, 0, 90 }, { 4, 0, 110 } };
	struct report_block off[] = { { 1, 0, 10 }, { 2, 0, 20 }, { 4, 0, 15 }, { 5, 0, 999 } };
	struct report_block same[] = { { 1, 0, 7 } };
	struct report_cell cells[3] = { { .label = "" } };
	struct report_value values[] = {
		series_of(&cells[0], "reset", on, 4),  series_of(&cells[0], "free", same, 1),
		series_of(&cells[1], "reset", off, 4), series_of(&cells[1], "free", same, 1),
		series_of(&cells[1], "kick", off, 3),  series_of(&cells[2], "other", same, 1),
	};
	const struct report r = { .values = values, .n_values = COUNT(values) };
	struct report_part *parts;

	(void)state;
	assert_int_equal(report_parts(&r, &cells[0], &cells[1], "phase", &parts), 3);
	assert_string_equal(parts[0].subject, "reset");
	assert_close(parts[0].a, 105, 1e-9);
	assert_close(parts[0].b, 17.5, 1e-9);
	/* -90, -110 and -95: their median; the extremes, moved out by t(0.95, 2) / t(0.75, 2) = 2.683. */
	assert_int_equal(parts[0].diff.n, 3);
	assert_close(parts[0].diff.value, -95, 1e-9);
	assert_close(parts[0].diff.lo, -135.2476309, 1e-4);
	assert_string_equal(parts[1].subject, "free");
	assert_close(parts[1].diff.value, 0, 0);
	assert_true(isnan(parts[1].diff.lo));
	/* Which only one of them has. */
	assert_string_equal(parts[2].subject, "kick");
	assert_close(parts[2].a, 0, 0);
	assert_int_equal(parts[2].diff.n, 3);
	assert_close(parts[2].diff.value, 15, 1e-9);
	assert_true(parts[2].diff.lo > 0);
	free(parts);
	assert_int_equal(report_parts(&r, &cells[0], &cells[1], "life", &parts), 0);
	free(parts);
}

/* S6: the median over blocks of the difference, not a difference of medians, which is 0 here. */
static void report_parts_blocks_are_paired(void **state)
{
	struct report_block a[] = { { 1, 0, 10 }, { 1, 1, 20 }, { 1, 2, 30 }, { 1, 4, 5 } };
	struct report_block b[] = { { 1, 0, 20 }, { 1, 1, 30 }, { 1, 2, 10 }, { 1, 3, 7 } };
	struct report_cell cells[2] = { { .label = "" } };
	struct report_value values[] = { series_of(&cells[0], "free", a, 3),
					 series_of(&cells[1], "free", b, 3) };
	const struct report r = { .values = values, .n_values = 2 };
	struct report_part *parts;

	(void)state;
	assert_int_equal(report_parts(&r, &cells[0], &cells[1], "phase", &parts), 1);
	assert_close(parts[0].b - parts[0].a, 0, 1e-9);
	assert_close(parts[0].diff.value, 10, 1e-9);
	assert_int_equal(parts[0].diff.n, 1);
	free(parts);
}

/* The mark is the environment's, and only true is true. */
static void what_was_made_up_says_so(void **state)
{
	static const struct {
		const char *identity;
		bool synthetic;
	} cases[] = {
		{ "{\"kernel\":\"6.18\",\"synthetic\":true}", true },
		{ "{\"kernel\":\"6.18\",\"synthetic\":false}", false },
		{ "{\"kernel\":\"synthetic\",\"synthetic\":null}", false },
		{ "{\"kernel\":\"6.18\"}", false },
		{ "no JSON", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct report r = { .data = { .identity = (char *)cases[i].identity } };
		char text[256];

		assert_int_equal(report_synthetic(&r), cases[i].synthetic);
		report_machine(&r, text, sizeof(text));
		assert_int_equal(!strncmp(text, "SYNTHETIC: ", 11), cases[i].synthetic);
	}
}

static void made_up_and_measured_are_not_compared(void **state)
{
	struct report made = { .data = { .run = { .uuid = "aaaaaaaa" },
					 .identity = "{\"kernel\":\"6.18\",\"synthetic\":true}" } };
	struct report real = { .data = { .run = { .uuid = "bbbbbbbb" },
					 .identity = "{\"kernel\":\"6.18\"}" } };
	struct report other = made;
	const struct report *a = &made, *b = &real, *c = &other;
	const char *across[] = { "synthetic" };

	(void)state;
	assert_true(comparison_allowed(&a, 1, &b, 1, across, 1, &why) < 0);
	assert_non_null(
		strstr(why.text, "run aaaaaaaa is synthetic and run bbbbbbbb was measured"));
	assert_true(comparison_allowed(&b, 1, &a, 1, across, 1, &why) < 0);
	assert_non_null(strstr(why.text, "run aaaaaaaa is synthetic"));
	strcpy(other.data.run.uuid, "cccccccc");
	assert_int_equal(comparison_allowed(&a, 1, &c, 1, NULL, 0, &why), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, started, ended)
	const struct CMUnitTest tests[] = {
		TEST(the_level_is_over_invocations),
		TEST(cpus_are_told_together),
		TEST(values_late_cpus_count_stops_and_processes),
		TEST(values_few_have_no_tail),
		TEST(what_was_not_yielded_has_no_row),
		TEST(one_invocation_has_no_interval),
		cmocka_unit_test(a_difference_is_told_by_phase),
		cmocka_unit_test(report_parts_blocks_are_paired),
		cmocka_unit_test(what_was_made_up_says_so),
		cmocka_unit_test(made_up_and_measured_are_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
