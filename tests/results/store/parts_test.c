// SPDX-License-Identifier: GPL-2.0-or-later
/* What store_each_part() hands back, and in which order. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <string.h>

#define RUN "11111111-0000-4000-8000-000000000000"

/* One warm-up sample, then blocks of both arms. */
static const struct sample samples[] = {
	{ 0, 0, -1, 5, 1000, 4 },
	{ 1, 1, 0, 5, 1000, 4 },
	{ 2, 0, 0, 5, 1000, 4 },
	{ 3, 0, 1, 5, 1000, 4 },
};

static void put_round(struct fixture *f, unsigned round, const struct store_part *parts, size_t n)
{
	const struct store_invocation v = { .round = round,
					    .cpu = 5,
					    .setup = "{}",
					    .varying = "{}",
					    .started = 1000,
					    .samples = samples,
					    .n_samples = ARRAY_SIZE(samples),
					    .parts = parts,
					    .n_parts = n };

	OK(store_put_round(f->s, RUN, f->boot, &v, 1, &why));
}

static void fill(struct fixture *f)
{
	/* "time" is a duration in ticks of half a nanosecond; "event" is a count. */
	static const struct store_part first[] = {
		{ 0, "event", "faults", 99 },	       /* warm-up */
		{ UINT32_MAX, "event", "faults", 98 }, /* of the invocation */
		{ 1, "event", "faults", 7 },	       { 2, "event", "faults", 5 },
		{ 3, "event", "faults", 3 },	       { 2, "time", "cpu 3", 100 },
		{ 3, "time", "cpu 3", 300 },	       { 2, "time", "cpu 1", 200 },
	};
	static const struct store_part second[] = {
		{ 2, "event", "faults", 4 },
		{ 3, "time", "cpu 3", 50 },
	};

	OK(fixture_begin(f->s, RUN, NULL, f->boot, 1000));
	put_round(f, 0, first, ARRAY_SIZE(first));
	put_round(f, 1, second, ARRAY_SIZE(second));
}

struct seen {
	struct store_part_row row[16];
	size_t n, stop_at;
};

static int take(void *ctx, const struct store_part_row *part)
{
	struct seen *s = ctx;

	assert_true(s->n < ARRAY_SIZE(s->row));
	s->row[s->n++] = *part;
	return s->n == s->stop_at ? 42 : 0;
}

static void parts_come_in_order(void **state)
{
	/* Subjects in the order in which the file met them; round 1 is the later invocation. */
	static const struct {
		unsigned arm, round;
		const char *metric, *subject;
		double value;
	} want[] = {
		{ 0, 0, "event", "faults", 3 },	      { 0, 1, "event", "faults", 4 },
		{ 0, 0, "event", "faults", 5 },	      { 0, 1, "time", "cpu 3", 50 * 0.5 },
		{ 0, 0, "time", "cpu 3", 100 * 0.5 }, { 0, 0, "time", "cpu 3", 300 * 0.5 },
		{ 0, 0, "time", "cpu 1", 200 * 0.5 }, { 1, 0, "event", "faults", 7 },
	};
	struct fixture *f = *state;
	struct seen seen = { .n = 0 };

	fill(f);
	OK(store_each_part(f->s, RUN, take, &seen, &why));
	assert_int_equal(seen.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < seen.n; i++) {
		const struct store_part_row *p = &seen.row[i];

		assert_int_equal(p->arm_group, 0);
		assert_int_equal(p->arm, want[i].arm);
		assert_string_equal(p->metric, want[i].metric);
		assert_string_equal(p->subject, want[i].subject);
		assert_true(p->value == want[i].value);
		/* One id for each process. */
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p->invocation == seen.row[k].invocation,
					 want[i].round == want[k].round);
	}
}

static void parts_of_a_metric_come_by_process_and_sample(void **state)
{
	static const struct {
		unsigned round;
		const char *subject;
		double value;
	} want[] = {
		{ 0, "cpu 3", 50 },
		{ 0, "cpu 1", 100 },
		{ 0, "cpu 3", 150 },
		{ 1, "cpu 3", 25 },
	};
	struct fixture *f = *state;
	struct seen seen = { .n = 0 };

	fill(f);
	OK(store_each_part_of(f->s, RUN, "time", NULL, take, &seen, &why));
	assert_int_equal(seen.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < seen.n; i++) {
		assert_int_equal(seen.row[i].round, want[i].round);
		assert_string_equal(seen.row[i].subject, want[i].subject);
		assert_true(seen.row[i].value == want[i].value);
		assert_true(seen.row[i].block >= 0 && seen.row[i].work > 0);
	}
	seen.n = 0;
	OK(store_each_part_of(f->s, RUN, "time", "cpu 1", take, &seen, &why));
	assert_int_equal(seen.n, 1);
	assert_true(seen.row[0].value == 100);
	seen.n = 0;
	OK(store_each_part_of(f->s, RUN, "cpu 1", NULL, take, &seen, &why));
	assert_int_equal(seen.n, 0);
	assert_int_equal(store_each_part_of(f->s, "no-such-run", "time", NULL, take, &seen, &why),
			 -ENOENT);
}

/* The ids are those that the samples come with. */
static int take_invocation(void *ctx, const struct store_invocation_row *inv,
			   const struct sample *s, size_t n)
{
	const struct seen *seen = ctx;
	size_t found = 0;

	(void)s;
	(void)n;
	for (size_t i = 0; i < seen->n; i++)
		found += seen->row[i].invocation == inv->id;
	assert_int_equal(found, inv->round ? 2 : 6);
	return 0;
}

static void invocations_are_those_of_the_samples(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { .n = 0 };

	fill(f);
	OK(store_each_part(f->s, RUN, take, &seen, &why));
	OK(store_each_invocation(f->s, RUN, false, take_invocation, &seen, &why));
}

static void a_walk_can_be_ended(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { .stop_at = 2 };

	fill(f);
	assert_int_equal(store_each_part(f->s, RUN, take, &seen, &why), 42);
	assert_int_equal(seen.n, 2);
	assert_int_equal(store_each_part(f->s, "no-such-run", take, &seen, &why), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(parts_come_in_order),
		TEST(parts_of_a_metric_come_by_process_and_sample),
		TEST(invocations_are_those_of_the_samples),
		TEST(a_walk_can_be_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
