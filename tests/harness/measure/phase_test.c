// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/measure/phase.h"

#define METRIC 3
#define ROOM   (PHASES_MAX + 1)

/* The sampler's part: what it is asked for, and what it is given. */
struct bench_values {
	double ticks;
	double value[ROOM];
	unsigned given;
};

static struct {
	unsigned n, fail_at;
	char subject[ROOM][32];
} made;

void bench_value(struct bench_values *out, int series, double value)
{
	assert_in_range(series, 0, ROOM - 1);
	out->value[series] = value;
	out->given++;
}

double bench_sample_ticks(const struct bench_values *out)
{
	return out->ticks;
}

static int make_series(struct bench_ctx *ctx, unsigned metric, const char *subject)
{
	(void)ctx;
	assert_int_equal(metric, METRIC);
	if (made.n == made.fail_at)
		return -ENOMEM;
	strcpy(made.subject[made.n], subject);
	return (int)made.n++;
}

static const char *const names[] = { "block", "track", "remove" };

static int open_phases(struct phases *p, unsigned n, unsigned fail_at)
{
	static const char *many[PHASES_MAX + 1];
	struct bench_ctx ctx = { .series = make_series };

	for (unsigned i = 0; i <= PHASES_MAX; i++)
		many[i] = i < 3 ? names[i] : "more";
	memset(&made, 0, sizeof(made));
	made.fail_at = fail_at;
	return phases_open(p, &ctx, METRIC, many, n);
}

static void each_phase_is_a_series_and_the_rest_is_one(void **state)
{
	struct phases p;

	(void)state;
	assert_int_equal(open_phases(&p, 3, UINT32_MAX), 0);
	assert_int_equal(made.n, 4);
	assert_string_equal(made.subject[0], "block");
	assert_string_equal(made.subject[2], "remove");
	assert_string_equal(made.subject[3], PHASE_UNEXPLAINED);
	assert_int_equal(open_phases(&p, PHASES_MAX, UINT32_MAX), 0);
	assert_int_equal(open_phases(&p, PHASES_MAX + 1, UINT32_MAX), -EINVAL);
	for (unsigned at = 0; at < 4; at++)
		assert_int_equal(open_phases(&p, 3, at), -ENOMEM);
}

static void a_phase_that_an_arm_has_not_is_not_told(void **state)
{
	static const char *const some[] = { "block", NULL, "remove" };
	struct bench_ctx ctx = { .series = make_series };
	struct bench_values out = { .ticks = 1000 };
	struct phases p;

	(void)state;
	memset(&made, 0, sizeof(made));
	made.fail_at = UINT32_MAX;
	assert_int_equal(phases_open(&p, &ctx, METRIC, some, 3), 0);
	assert_int_equal(made.n, 3);
	assert_string_equal(made.subject[1], "remove");
	p.ticks[0] = 100;
	p.ticks[2] = 200;
	phases_values(&p, &out);
	assert_int_equal(out.given, 3);
	assert_true(out.value[0] == 100 && out.value[1] == 200 && out.value[2] == 700);
}

static void phases_add_up_to_the_sample(void **state)
{
	struct bench_values out = { .ticks = 1000 };
	struct phases p;
	double sum = 0;

	(void)state;
	assert_int_equal(open_phases(&p, 3, UINT32_MAX), 0);
	p.ticks[0] = 300;
	p.ticks[2] = 600;
	phases_values(&p, &out);
	assert_int_equal(out.given, 4);
	for (unsigned i = 0; i < 4; i++)
		sum += out.value[i];
	assert_true(sum == 1000);
	assert_true(out.value[1] == 0 && out.value[2] == 600 && out.value[3] == 100);
	phases_clear(&p);
	phases_values(&p, &out);
	assert_true(out.value[0] == 0 && out.value[3] == 1000);
}

/* A mark gives everything since the one before it, and nothing twice. */
static void marks_leave_no_gap(void **state)
{
	struct phases p;
	uint64_t first, last;

	(void)state;
	assert_int_equal(open_phases(&p, 3, UINT32_MAX), 0);
	phases_begin(&p);
	first = p.last;
	for (unsigned i = 0; i < 300; i++)
		phases_mark(&p, i % 3);
	last = p.last;
	assert_true(last > first);
	assert_true(p.ticks[0] + p.ticks[1] + p.ticks[2] == (double)(last - first));
	assert_true(p.ticks[0] > 0 && p.ticks[1] > 0 && p.ticks[2] > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_phase_is_a_series_and_the_rest_is_one),
		cmocka_unit_test(a_phase_that_an_arm_has_not_is_not_told),
		cmocka_unit_test(phases_add_up_to_the_sample),
		cmocka_unit_test(marks_leave_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
