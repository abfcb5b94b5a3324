// SPDX-License-Identifier: GPL-2.0-or-later
/* The sampler, driven with small benchmarks that keep a diary of how they were called. */
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
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/measure/design.h"
#include "harness/measure/sampler.h"
#include "tests/sanitized.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      4096
#define SECOND	      1000000000ull

/* ---- the diary ---- */

enum what { PREPARE, SAMPLE, VERIFY, VALUES, FINISH, TEARDOWN };

struct entry {
	enum what what;
	unsigned arm, reps;
	uint64_t begin, end; /* ticks */
};

static struct {
	struct entry at[200000];
	size_t n;
} diary;

static uint64_t now(void)
{
	return tick_start();
}

static void note(enum what what, unsigned arm, unsigned reps, uint64_t begin)
{
	if (diary.n < ARRAY_SIZE(diary.at))
		diary.at[diary.n++] = (struct entry){ what, arm, reps, begin, now() };
}

static size_t count_entries(enum what what)
{
	size_t n = 0;

	for (size_t i = 0; i < diary.n; i++)
		n += diary.at[i].what == what;
	return n;
}

static void spin(uint64_t ticks)
{
	uint64_t start = now();

	while (now() - start < ticks)
		;
}

/* ---- the benchmark, and what a test changes of it ---- */

static struct {
	int setup_error, verify_fails_for, finish_error;
	uint64_t prepare_ticks, sample_ticks;
	size_t alternates; /* after so many samples they take 20 times as long, or as before */
	int move_to;	   /* CPU, or -1 */
	unsigned faults;   /* pages to touch in each sample */
	char *fresh;	   /* never touched */
	size_t fresh_left; /* pages */
	size_t stop_at;	   /* sample call that sets stop; 0: never */
	size_t stop_verify_at;
	size_t stop_prepare_at;
	enum trust_flag setup_flag;
	bool setup_flags;
	bool tell;
	int series[2];
	size_t samples, verifies, prepares;
	enum what fail_in; /* PREPARE, SAMPLE or VALUES, */
	size_t fail_at;	   /* in that call of it; 0: never */
	int fail_with;
	struct bench_ctx *ctx;
} how;

static volatile sig_atomic_t stop;

static int fake_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	(void)cell;
	(void)why;
	return 0;
}

static enum kind fake_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	(void)cell;
	(void)why;
	return KIND_MEASURED;
}

/* Twice: the first is the one that counts. */
static void fail_if_due(enum what what, size_t call)
{
	struct reason why = { "" };

	if (!how.fail_at || how.fail_in != what || how.fail_at != call)
		return;
	reason_set(&why, how.fail_with, "the paint ran out in call %zu", call);
	how.ctx->give_up(how.ctx, how.fail_with, &why);
	reason_set(&why, -EIO, "and the brush broke");
	how.ctx->give_up(how.ctx, -EIO, &why);
}

static int fake_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	how.ctx = ctx;
	if (how.setup_error)
		return reason_set(why, how.setup_error, "there is no paint");
	if (how.setup_flags) {
		char detail[] = "paint is thin";

		ctx->flag(ctx, how.setup_flag, 1, detail);
		memset(detail, 'x', sizeof(detail) - 1); /* it was copied */
	}
	/* Asked for twice, a series is the same one. */
	if (how.tell) {
		how.series[0] = ctx->series(ctx, 1, "cpu 3");
		how.series[1] = ctx->series(ctx, 1, "cpu 7");
		assert_int_equal(ctx->series(ctx, 1, "cpu 3"), how.series[0]);
	}
	json_object_set_new(ctx->facts, "cpu", json_integer(ctx->cpu));
	json_object_set_new(ctx->facts, "arms", json_integer(ctx->n_arms));
	*state = &how;
	return 0;
}

static void fake_values(void *state, unsigned arm, struct bench_values *out)
{
	assert_ptr_equal(state, &how);
	assert_true(arm < 2);
	bench_value(out, how.series[0], 0.75);
	bench_value(out, -ENOMEM, 99);
	bench_value(out, how.series[1], 0.25);
	note(VALUES, arm, 0, now());
	fail_if_due(VALUES, count_entries(VALUES));
}

static void fake_prepare(void *state, unsigned arm)
{
	uint64_t begin = now();

	assert_ptr_equal(state, &how);
	if (++how.prepares == how.stop_prepare_at)
		stop = 1;
	if (how.prepare_ticks)
		spin(how.prepare_ticks);
	note(PREPARE, arm, 0, begin);
	fail_if_due(PREPARE, how.prepares);
}

static void move_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static uint64_t fake_sample(void *state, unsigned arm, unsigned reps)
{
	uint64_t begin = now();

	assert_ptr_equal(state, &how);
	if (++how.samples == how.stop_at)
		stop = 1;
	for (unsigned i = 0; i < reps; i++)
		spin(how.sample_ticks);
	if (how.alternates && (how.samples - 1) / how.alternates % 2)
		spin(19 * how.sample_ticks);
	for (unsigned i = 0; i < how.faults && how.fresh_left; i++)
		how.fresh[--how.fresh_left * PAGE] = 1;
	if (how.move_to >= 0)
		move_to(how.move_to);
	note(SAMPLE, arm, reps, begin);
	fail_if_due(SAMPLE, how.samples);
	return 3ull * reps;
}

static int fake_verify(void *state, unsigned arm, struct reason *why)
{
	assert_ptr_equal(state, &how);
	note(VERIFY, arm, 0, now());
	if (++how.verifies == how.stop_verify_at)
		stop = 1;
	if ((int)arm == how.verify_fails_for)
		return reason_set(why, -EFAULT, "arm %u painted nothing", arm);
	return 0;
}

static int fake_finish(void *state, struct reason *why)
{
	assert_ptr_equal(state, &how);
	note(FINISH, 0, 0, now());
	return how.finish_error ? reason_set(why, how.finish_error, "the floor is red") : 0;
}

static void fake_teardown(void *state)
{
	assert_ptr_equal(state, &how);
	note(TEARDOWN, 0, 0, now());
}

static bool always(void *state, unsigned arm)
{
	(void)state;
	(void)arm;
	return true;
}

static bool odd_arms(void *state, unsigned arm)
{
	(void)state;
	return arm & 1;
}

static const struct level_info shape_levels[] = {
	{ "round", "round", false },
	{ "square", "square", false },
	{ NULL, NULL, false },
};

/* By name, so that a field more in bench.h changes nothing here. */
#define FACTOR(called, of_type, of_levels, usually, is_paired)                                    \
	{                                                                                         \
		.name = (called), .summary = "made up", .type = (of_type), .levels = (of_levels), \
		.usual = (usually), .paired = (is_paired),                                        \
	}

static const struct factor_info factors[] = {
	FACTOR("shape", FACTOR_WORD, shape_levels, "round", true),
	{ .name = NULL },
};

static const struct metric_info metrics[] = {
	{ "time", "duration", "thing", 0 },
	{ "share", "count", "CPU", 0 },
	{ NULL, NULL, NULL, 0 },
};

#define FAKE                                                                                     \
	.name = "fake", .summary = "keeps a diary", .version = 1, .factors = factors,            \
	.metrics = metrics, .supported = fake_supported, .kind = fake_kind, .setup = fake_setup, \
	.prepare = fake_prepare, .sample = fake_sample, .verify = fake_verify,                   \
	.finish = fake_finish, .teardown = fake_teardown

static const struct bench_info plain = { FAKE };
static const struct bench_info brief = { FAKE, .short_samples = true };
static const struct bench_info repeated = { FAKE, .repeatable = always };
static const struct bench_info telling = { FAKE, .short_samples = true, .values = fake_values };
static const struct bench_info half_repeated = { FAKE, .repeatable = odd_arms };

/* ---- one invocation ---- */

static struct machine machine = { .root = "" };
static struct tick_clock ruler;
static unsigned first_cpu;

static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	/* Written now, so that no page of it is faulted in while samples are taken. */
	memset(&diary, 0xff, sizeof(diary));
	cpu_detect(&machine.cpu);
	if (topo_open(&machine.topo, NULL, &why))
		return -1;
	topo_pick(machine.topo, TOPO_ONE, &first_cpu, 1);
	if (topo_bind_thread(machine.topo, first_cpu, &why))
		return -1;
	return clock_calibrate(&ruler, &machine.cpu, 100, &why);
}

static int close_machine(void **state)
{
	(void)state;
	topo_close(machine.topo);
	return 0;
}

static int fresh_diary(void **state)
{
	(void)state;
	memset(&how, 0, sizeof(how));
	how.verify_fails_for = -1;
	how.move_to = -1;
	diary.n = 0;
	stop = 0;
	return 0;
}

static struct plan plan_of(const struct bench_info *bench, const char *shapes)
{
	const char *settings[] = { shapes, "twin=a,b" };
	struct plan plan = { 0 };
	struct reason why;

	assert_int_equal(plan_add(&plan, &machine, bench, settings, 2, &why), 0);
	assert_int_equal(plan.n_groups, 1);
	return plan;
}

static struct sampler_job job_of(const struct plan *plan)
{
	return (struct sampler_job){
		.bench = plan->groups[0].bench,
		.arms = plan->groups[0].arms,
		.n_arms = plan->groups[0].n_arms,
		.cpu = first_cpu,
		.seed = 42,
		.slice_ns = 60 * SECOND,
		.min_blocks = 2,
		.max_blocks = 10,
		.clock = ruler,
	};
}

static const struct sampler_flag *find_flag(const struct sampler_result *r, enum trust_flag flag)
{
	for (size_t i = 0; i < r->n_flags; i++)
		if (r->flags[i].flag == flag)
			return &r->flags[i];
	return NULL;
}

static size_t count_flags(const struct sampler_result *r, enum trust_flag flag)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_flags; i++)
		n += r->flags[i].flag == flag;
	return n;
}

static json_int_t varying(const struct sampler_result *r, const char *key)
{
	const json_t *j = json_object_get(r->varying, key);

	assert_true(json_is_integer(j));
	return json_integer_value(j);
}

static size_t blocks_of(const struct sampler_result *r, unsigned n_arms)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_samples; i++)
		n += r->samples[i].block >= 0;
	assert_int_equal(n % n_arms, 0);
	return n / n_arms;
}

/* Runs and expects it to succeed. */
static struct sampler_result sample_with(const struct sampler_job *job)
{
	struct sampler_result r;
	struct reason why = { "" };
	int ret = sampler_run(&machine, job, &r, &stop, &why);

	if (ret)
		fail_msg("%d: %s", ret, why.text);
	return r;
}

/* ---- order ---- */

/* Whole blocks, each a permutation of the arms; warm-up counts down from -1, then from 0 upwards. */
static void assert_blocks(const struct sampler_result *r, unsigned n_arms)
{
	int32_t expected = -1;

	assert_int_equal(r->n_samples % n_arms, 0);
	for (size_t i = 0; i < r->n_samples; i += n_arms) {
		int32_t block = r->samples[i].block;
		unsigned seen = 0;

		if (block >= 0 && expected < 0)
			expected = 0;
		assert_int_equal(block, expected);
		expected += block < 0 ? -1 : 1;
		for (unsigned a = 0; a < n_arms; a++) {
			const struct sample *s = &r->samples[i + a];

			assert_int_equal(s->seq, i + a);
			assert_int_equal(s->block, block);
			assert_true(s->arm < n_arms);
			assert_true(s->ticks > 0);
			assert_int_equal(s->cpu, first_cpu);
			seen |= 1u << s->arm;
		}
		assert_int_equal(seen, (1u << n_arms) - 1);
	}
}

static unsigned long order_of_block(const struct sampler_result *r, unsigned n_arms, size_t at)
{
	unsigned long order = 0;

	for (unsigned a = 0; a < n_arms; a++)
		order = order * n_arms + r->samples[at + a].arm;
	return order;
}

/* How many blocks from 0 on have the same order in both, of how many. */
static size_t same_orders(const struct sampler_result *a, const struct sampler_result *b,
			  unsigned n_arms, size_t *of)
{
	size_t at_a = a->n_samples, at_b = b->n_samples, same = 0;

	for (*of = 0; at_a >= n_arms && at_b >= n_arms; (*of)++) {
		at_a -= n_arms;
		at_b -= n_arms;
		if (a->samples[at_a].block < 0)
			break;
		same += order_of_block(a, n_arms, at_a) == order_of_block(b, n_arms, at_b);
	}
	return same;
}

static void arms_come_in_random_order_in_each_block(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round,square");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r, again, other;
	unsigned long first = 0;
	size_t differ = 0, of, same;

	(void)state;
	job.max_blocks = 100;
	r = sample_with(&job);
	assert_int_equal(job.n_arms, 4);
	assert_blocks(&r, 4);
	assert_int_equal(blocks_of(&r, 4), 100);
	for (size_t i = 0; i < r.n_samples; i += 4) {
		if (!first)
			first = order_of_block(&r, 4, i);
		differ += order_of_block(&r, 4, i) != first;
	}
	/* Of 24 orders, one block in 24 repeats the first. */
	assert_true(differ > 80);
	again = sample_with(&job);
	same = same_orders(&r, &again, 4, &of);
	assert_int_equal(of, 100);
	assert_int_equal(same, 100);
	job.seed = 43;
	other = sample_with(&job);
	assert_in_range(same_orders(&r, &other, 4, &of), 0, 20);
	sampler_result_free(&r);
	sampler_result_free(&again);
	sampler_result_free(&other);
	plan_free(&plan);
}

static void every_arm_comes_first_equally_often(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	size_t first = 0;

	(void)state;
	job.max_blocks = 1000;
	r = sample_with(&job);
	for (size_t i = 0; i < r.n_samples; i += 2)
		first += r.samples[i].block >= 0 && r.samples[i].arm == 0;
	/* 500 expected, standard deviation 16; the seed is fixed. */
	assert_in_range(first, 430, 570);
	sampler_result_free(&r);
	plan_free(&plan);
}

/* ---- what is timed ---- */

static void prepare_comes_before_each_sample_and_is_not_timed(void **state)
{
	struct plan plan = plan_of(&plain, "shape=round,square");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	size_t at = 0;

	(void)state;
	how.prepare_ticks = 100000;
	how.sample_ticks = 5000;
	job.clock.resolution = 26;
	job.max_blocks = 50;
	r = sample_with(&job);
	for (size_t i = 0; i < diary.n; i++) {
		const struct entry *e = &diary.at[i], *prepared = e;
		const struct sample *s;

		if (e->what != SAMPLE)
			continue;
		assert_true(i > 0);
		prepared--;
		assert_int_equal(prepared->what, PREPARE);
		assert_int_equal(prepared->arm, e->arm);
		assert_true(at < r.n_samples);
		s = &r.samples[at];
		assert_int_equal(s->arm, e->arm);
		assert_int_equal(s->work, 3);
		/* All of the work, and nothing from before prepare()'s end or behind the next. */
		assert_true(s->ticks >= e->end - e->begin);
		assert_true(s->ticks <= e[1].begin - prepared->end);
		assert_true(prepared->end - prepared->begin >= how.prepare_ticks);
		at++;
	}
	assert_int_equal(at, r.n_samples);
	assert_int_equal(count_entries(PREPARE), count_entries(SAMPLE));
	sampler_result_free(&r);
	plan_free(&plan);
}

static void hooks_come_in_their_order(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round,square");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r = sample_with(&job);

	(void)state;
	for (unsigned arm = 0; arm < 4; arm++) {
		assert_int_equal(diary.at[arm].what, VERIFY);
		assert_int_equal(diary.at[arm].arm, arm);
	}
	assert_int_equal(count_entries(VERIFY), 4);
	assert_int_equal(diary.at[diary.n - 2].what, FINISH);
	assert_int_equal(diary.at[diary.n - 1].what, TEARDOWN);
	assert_int_equal(count_entries(TEARDOWN), 1);
	assert_int_equal(json_integer_value(json_object_get(r.setup, "cpu")), first_cpu);
	assert_int_equal(json_integer_value(json_object_get(r.setup, "arms")), 4);
	sampler_result_free(&r);
	plan_free(&plan);
}

/* ---- warm-up ---- */

static void steady_is_told_from_the_last_six_blocks(void **state)
{
	static const struct {
		bool steady;
		size_t n;
		double t[12];
	} cases[] = {
		{ false, 0, { 0 } },
		{ false, 1, { 1 } },
		{ false, 5, { 100, 100, 100, 100, 100 } },
		{ true, 6, { 100, 100, 100, 100, 100, 100 } },
		{ true, 6, { 100, 101, 99, 100, 99, 101 } },
		{ false, 6, { 200, 190, 180, 100, 100, 100 } },
		{ false, 6, { 100, 100, 100, 102, 102, 102 } }, /* 2 % is not less than 2 % */
		{ true, 6, { 100, 100, 100, 101.9, 101.9, 101.9 } },
		{ true, 6, { 100, 100, 100, 98.1, 98.1, 98.1 } },
		{ false, 6, { 100, 100, 100, 98, 98, 98 } },
		/* One interrupt in a window is no trend, two are. */
		{ true, 6, { 100, 900, 100, 100, 100, 100 } },
		{ true, 6, { 100, 100, 100, 100, 900, 100 } },
		{ false, 6, { 100, 100, 100, 900, 900, 100 } },
		/* What was before does not matter. */
		{ true, 9, { 900, 500, 300, 100, 100, 100, 100, 100, 100 } },
		{ false, 9, { 100, 100, 100, 100, 100, 100, 50, 50, 50 } },
		{ true, 12, { 9, 8, 7, 6, 5, 4, 100, 100, 100, 100, 100, 100 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (warm_up_steady(cases[i].t, cases[i].n) != cases[i].steady)
			fail_msg("case %zu", i);
}

static void warm_up_is_kept_and_numbered_below_zero(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	size_t warm;

	(void)state;
	how.sample_ticks = 50000;
	r = sample_with(&job);
	assert_blocks(&r, 2);
	warm = r.n_samples / 2 - blocks_of(&r, 2);
	assert_in_range(warm, 6, 64);
	assert_int_equal(varying(&r, "warm_up_blocks"), warm);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void what_never_becomes_steady_is_flagged(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	/* Three short blocks, three long ones: no window is like the one before it, whatever is added. */
	how.sample_ticks = 20000;
	how.alternates = 3 * plan.groups[0].n_arms;
	job.max_blocks = 2;
	r = sample_with(&job);
	assert_int_equal(varying(&r, "warm_up_blocks"), 64);
	assert_int_equal(r.samples[2 * 63].block, -64);
	assert_non_null(find_flag(&r, FLAG_WARM_UP));
	assert_int_equal(find_flag(&r, FLAG_WARM_UP)->arm, -1);
	assert_non_null(strstr(find_flag(&r, FLAG_WARM_UP)->detail, "64 blocks"));
	sampler_result_free(&r);
	plan_free(&plan);
}

static void warm_up_takes_no_more_than_its_share(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	job.slice_ns = 0;
	r = sample_with(&job);
	assert_int_equal(varying(&r, "warm_up_blocks"), 1);
	assert_blocks(&r, 2);
	sampler_result_free(&r);
	plan_free(&plan);
}

/* ---- how many ---- */

static void blocks_keep_to_their_bounds(void **state)
{
	static const struct {
		uint64_t slice_ns;
		unsigned min, max, from, to;
	} cases[] = {
		{ 0, 1, 1000, 1, 1 },
		{ 0, 7, 1000, 7, 7 },
		{ 0, 5, 5, 5, 5 },
		{ 60 * SECOND, 1, 13, 13, 13 },
		{ 60 * SECOND, 1, 1, 1, 1 },
		/* Samples of some 0.5 ms and more in a slice of 40 ms. */
		{ 40000000, 1, 100000, 1, 40 },
	};
	struct plan plan = plan_of(&brief, "shape=round");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sampler_job job = job_of(&plan);
		struct sampler_result r;
		size_t blocks;

		fresh_diary(NULL);
		how.sample_ticks = (uint64_t)(ruler.hz / 2000);
		job.slice_ns = cases[i].slice_ns;
		job.min_blocks = cases[i].min;
		job.max_blocks = cases[i].max;
		r = sample_with(&job);
		blocks = blocks_of(&r, 2);
		if (blocks < cases[i].from || blocks > cases[i].to)
			fail_msg("case %zu: %zu blocks", i, blocks);
		assert_blocks(&r, 2);
		sampler_result_free(&r);
	}
	plan_free(&plan);
}

/* ---- short samples, batches ---- */

static void short_samples_are_flagged_once_for_each_arm(void **state)
{
	struct plan plan = plan_of(&plain, "shape=round,square");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	job.clock.resolution = 1e9;
	r = sample_with(&job);
	assert_int_equal(count_flags(&r, FLAG_SHORT_SAMPLE), 4);
	assert_non_null(
		strstr(find_flag(&r, FLAG_SHORT_SAMPLE)->detail, "resolution is 1000000000"));
	assert_true(trust_flag_info(FLAG_SHORT_SAMPLE)->fatal);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void long_samples_and_exempt_ones_are_not(void **state)
{
	static const struct {
		const struct bench_info *bench;
		double resolution;
	} cases[] = {
		{ &plain, 500 },
		{ &brief, 1e9 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan plan = plan_of(cases[i].bench, "shape=round");
		struct sampler_job job = job_of(&plan);
		struct sampler_result r;

		how.sample_ticks = 50000; /* 100 times 500 */
		job.clock.resolution = cases[i].resolution;
		r = sample_with(&job);
		assert_null(find_flag(&r, FLAG_SHORT_SAMPLE));
		sampler_result_free(&r);
		plan_free(&plan);
	}
}

static unsigned reps_of(const struct sampler_result *r, unsigned arm)
{
	const json_t *j = json_array_get(json_object_get(r->setup, "reps"), arm);

	assert_true(json_is_integer(j));
	return (unsigned)json_integer_value(j);
}

static void what_may_be_repeated_is_batched(void **state)
{
	struct plan plan = plan_of(&repeated, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	/* Spinning for 1000 ticks at least: 1000 of them reach 100 resolutions of 10000. */
	how.sample_ticks = 1000;
	job.clock.resolution = 10000;
	r = sample_with(&job);
	assert_null(find_flag(&r, FLAG_SHORT_SAMPLE));
	for (size_t i = 0; i < r.n_samples; i++) {
		const struct sample *s = &r.samples[i];

		assert_int_equal(s->work, 3ull * reps_of(&r, s->arm));
		assert_true((double)s->ticks >= MIN_RESOLUTIONS * job.clock.resolution);
	}
	/* Not wildly more than was needed: a spin ends within a few reads of the clock. */
	assert_in_range(reps_of(&r, 0), 100, 20000);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void only_what_may_be_repeated_is(void **state)
{
	struct plan plan = plan_of(&half_repeated, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	how.sample_ticks = 1000;
	job.clock.resolution = 10000;
	r = sample_with(&job);
	assert_int_equal(reps_of(&r, 0), 1);
	assert_true(reps_of(&r, 1) > 1);
	assert_int_equal(count_flags(&r, FLAG_SHORT_SAMPLE), 1);
	assert_int_equal(find_flag(&r, FLAG_SHORT_SAMPLE)->arm, 0);
	for (size_t i = 0; i < diary.n; i++)
		if (diary.at[i].what == SAMPLE && diary.at[i].arm == 0)
			assert_int_equal(diary.at[i].reps, 1);
	sampler_result_free(&r);
	plan_free(&plan);
}

/* Two long samples in a row, as interrupts make them, must not pass for the length of the work. */
static uint64_t hiccup_sample(void *state, unsigned arm, unsigned reps)
{
	if (++how.samples <= 2)
		spin(10000000);
	how.samples--;
	(void)fake_sample(state, arm, reps);
	return reps;
}

static void an_interrupt_does_not_make_a_batch_too_short(void **state)
{
	struct bench_info bench = repeated;
	struct plan plan;
	struct sampler_job job;
	struct sampler_result r;

	(void)state;
	bench.sample = hiccup_sample;
	plan = plan_of(&bench, "shape=round");
	job = job_of(&plan);
	how.sample_ticks = 1000;
	job.clock.resolution = 10000;
	r = sample_with(&job);
	assert_null(find_flag(&r, FLAG_SHORT_SAMPLE));
	sampler_result_free(&r);
	plan_free(&plan);
}

/* ---- what makes a figure unfit ---- */

static void a_thread_that_moves_is_flagged(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	unsigned cpus[1024];
	struct sampler_result r;

	(void)state;
	if (topo_pick(machine.topo, TOPO_ALL, cpus, 1024) < 2) {
		print_message("one CPU only: there is nowhere to move to\n");
		plan_free(&plan);
		return;
	}
	r = sample_with(&job);
	assert_null(find_flag(&r, FLAG_MOVED));
	sampler_result_free(&r);
	how.move_to = (int)cpus[1];
	r = sample_with(&job);
	assert_int_equal(count_flags(&r, FLAG_MOVED), 2);
	assert_true(trust_flag_info(FLAG_MOVED)->fatal);
	for (size_t i = 0; i < r.n_samples; i++)
		assert_int_equal(r.samples[i].cpu, cpus[1]);
	sampler_result_free(&r);
	/* The next invocation is pinned again. */
	how.move_to = -1;
	r = sample_with(&job);
	assert_null(find_flag(&r, FLAG_MOVED));
	sampler_result_free(&r);
	plan_free(&plan);
}

static void work_that_was_not_done_is_flagged(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round,square");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	how.verify_fails_for = 2;
	how.finish_error = -EFAULT;
	r = sample_with(&job);
	assert_int_equal(count_flags(&r, FLAG_VERIFY), 2);
	assert_int_equal(r.flags[0].flag, FLAG_VERIFY);
	assert_int_equal(r.flags[0].arm, 2);
	assert_string_equal(r.flags[0].detail, "arm 2 painted nothing");
	assert_int_equal(r.flags[r.n_flags - 1].arm, -1);
	assert_string_equal(r.flags[r.n_flags - 1].detail, "the floor is red");
	assert_true(trust_flag_info(FLAG_VERIFY)->fatal);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void setup_may_raise_flags(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	how.setup_flags = true;
	how.setup_flag = FLAG_HUGE_PAGES;
	r = sample_with(&job);
	assert_non_null(find_flag(&r, FLAG_HUGE_PAGES));
	assert_int_equal(find_flag(&r, FLAG_HUGE_PAGES)->arm, 1);
	assert_string_equal(find_flag(&r, FLAG_HUGE_PAGES)->detail, "paint is thin");
	sampler_result_free(&r);
	plan_free(&plan);
}

static void map_fresh(size_t pages)
{
	how.fresh = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	assert_ptr_not_equal(how.fresh, MAP_FAILED);
	madvise(how.fresh, pages * PAGE, MADV_NOHUGEPAGE);
	how.fresh_left = pages;
}

static void page_faults_are_flagged(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	/* The sampler's own tables must not show as faults of the samples. */
	r = sample_with(&job);
	assert_true(SANITIZED || varying(&r, "page_faults") == 0);
	assert_true(SANITIZED || !find_flag(&r, FLAG_PAGE_FAULT));
	sampler_result_free(&r);
	map_fresh(10000);
	how.faults = 3;
	r = sample_with(&job);
	assert_non_null(find_flag(&r, FLAG_PAGE_FAULT));
	assert_true(varying(&r, "page_faults") >= 3 * 2 * 10);
	sampler_result_free(&r);
	munmap(how.fresh, 10000 * PAGE);
	plan_free(&plan);
}

/* They are counted all the same. */
static void page_faults_are_no_fault_where_memory_is_populated(void **state)
{
	struct bench_info populates = brief;
	struct sampler_result r;
	struct sampler_job job;
	struct plan plan;

	(void)state;
	populates.renews = true;
	plan = plan_of(&populates, "shape=round");
	job = job_of(&plan);
	map_fresh(10000);
	how.faults = 3;
	r = sample_with(&job);
	assert_null(find_flag(&r, FLAG_PAGE_FAULT));
	assert_true(varying(&r, "page_faults") >= 3 * 2 * 10);
	sampler_result_free(&r);
	munmap(how.fresh, 10000 * PAGE);
	plan_free(&plan);
}

static uint64_t wait_sample(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	(void)arm;
	usleep(2000);
	return reps;
}

static void waiting_is_no_sign_of_others_where_samples_wait(void **state)
{
	static const struct bench_info waiting[] = {
		{ FAKE },
		{ FAKE, .sleeps = true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
		struct bench_info b = waiting[i];
		struct sampler_result r;
		struct sampler_job job;
		struct plan plan;

		b.sample = wait_sample;
		plan = plan_of(&b, "shape=round");
		job = job_of(&plan);
		r = sample_with(&job);
		assert_int_equal(!find_flag(&r, FLAG_BUSY), b.sleeps);
		assert_true(json_real_value(json_object_get(r.varying, "away_share")) > 0.02);
		sampler_result_free(&r);
		plan_free(&plan);
	}
}

static void a_clock_that_is_not_the_one_calibrated_is_flagged(void **state)
{
	static const struct {
		double hz_by;
		bool step;
	} cases[] = { { 1, false }, { 1.01, true }, { 0.99, true } };
	struct plan plan = plan_of(&brief, "shape=round");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sampler_job job = job_of(&plan);
		struct sampler_result r;

		how.sample_ticks = (uint64_t)(ruler.hz / 2000); /* some 10 ms in all */
		job.clock.hz *= cases[i].hz_by;
		r = sample_with(&job);
		if (!!find_flag(&r, FLAG_CLOCK_STEP) != cases[i].step)
			fail_msg("case %zu: %zu flags", i, r.n_flags);
		assert_true(json_is_real(json_object_get(r.varying, "clock_disagreement")));
		assert_true(json_is_real(json_object_get(r.varying, "empty_cost_ticks")));
		assert_true(varying(&r, "involuntary_switches") >= 0);
		assert_true(varying(&r, "steal_ticks") >= 0);
		sampler_result_free(&r);
	}
	plan_free(&plan);
}

/* What another process measured, however wrong it is here, changes nothing. */
static void overhead_of_another_process_is_not_used(void **state)
{
	static const double others[] = { 0, 1e9, -1e9 };
	struct plan plan = plan_of(&brief, "shape=round");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct sampler_job job = job_of(&plan);
		struct sampler_result r;

		job.clock.overhead = others[i];
		r = sample_with(&job);
		/* 1e6 ticks are some 0.4 ms: the middle of nine empty samples is never that long. */
		if (!(r.overhead > 0) || r.overhead > 1e6)
			fail_msg("%g ticks with %g elsewhere", r.overhead, others[i]);
		sampler_result_free(&r);
	}
	plan_free(&plan);
}

static void overhead_that_moved_is_judged_by_the_samples(void **state)
{
	static const struct {
		double before, after, resolution, shortest;
		bool moved;
	} cases[] = {
		{ 42, 42, 2, 200, false },   { 42, 44, 2, 200, false },	 /* by the resolution */
		{ 42, 44.5, 2, 200, true },  { 44.5, 42, 2, 200, true }, /* up and down */
		{ 42, 50, 2, 8001, false },  { 42, 50, 2, 7999, true },	 /* 0.1 % is 8 ticks */
		{ 52, 78, 26, 2600, false }, { 52, 79, 26, 2600, true }, /* a coarse counter */
		{ 42, 1e4, 2, 1e9, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (overhead_moved(cases[i].before, cases[i].after, cases[i].resolution,
				   cases[i].shortest) != cases[i].moved)
			fail_msg("case %zu", i);
}

/* So little time that reading two clocks one after the other is a good share of it. */
static void a_moment_is_too_short_for_a_clock_step(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);

	(void)state;
	job.max_blocks = job.min_blocks = 1;
	for (unsigned i = 0; i < 200; i++) {
		struct sampler_result r;

		diary.n = 0;
		r = sample_with(&job);
		assert_null(find_flag(&r, FLAG_CLOCK_STEP));
		sampler_result_free(&r);
	}
	plan_free(&plan);
}

/* ---- stopping and failing ---- */

static void stopping_drops_the_open_block(void **state)
{
	static const struct {
		size_t sample, prepare, verify, samples_left;
	} cases[] = {
		{ 1, 0, 0, 0 },			/* in the first warm-up block */
		{ 3, 0, 0, 0 }, { 4, 0, 0, 4 }, /* as a block ends: it is whole */
		{ 5, 0, 0, 4 }, { 0, 6, 0, 4 }, { 0, 0, 1, 0 }, { 0, 0, 4, 0 },
	};
	struct plan plan = plan_of(&brief, "shape=round,square");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sampler_job job = job_of(&plan);
		struct sampler_result r;
		struct reason why = { "" };

		fresh_diary(NULL);
		how.stop_at = cases[i].sample;
		how.stop_prepare_at = cases[i].prepare;
		how.stop_verify_at = cases[i].verify;
		assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -EINTR);
		if (r.n_samples != cases[i].samples_left)
			fail_msg("case %zu: %zu samples", i, r.n_samples);
		if (r.n_samples)
			assert_blocks(&r, 4);
		assert_int_equal(count_entries(TEARDOWN), 1);
		sampler_result_free(&r);
	}
	plan_free(&plan);
}

static void stopping_in_mid_measurement_keeps_whole_blocks(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round,square");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	struct reason why = { "" };

	(void)state;
	job.max_blocks = 1000;
	how.stop_at = 4 * 400 + 2;
	assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -EINTR);
	assert_int_equal(r.n_samples, 4 * 400);
	assert_blocks(&r, 4);
	assert_true(blocks_of(&r, 4) > 0);
	sampler_result_free(&r);
	plan_free(&plan);
}

/* Each in the first warm-up block, in the middle of another one, and among those that count. */
static void a_hook_that_fails_drops_the_block_and_ends_it(void **state)
{
	static const enum what hooks[] = { PREPARE, SAMPLE, VALUES };
	static const size_t calls[] = { 1, 2, 3, 4 + 3, 4 * 2, 4 * 400 + 2 };
	struct plan plan = plan_of(&telling, "shape=round");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hooks) * ARRAY_SIZE(calls); i++) {
		size_t call = calls[i / ARRAY_SIZE(hooks)], whole = (call - 1) / 2;
		struct sampler_job job = job_of(&plan);
		struct sampler_result r;
		struct reason why = { "" };
		char want[64];

		fresh_diary(NULL);
		how.tell = true;
		how.fail_in = hooks[i % ARRAY_SIZE(hooks)];
		how.fail_at = call;
		how.fail_with = -ENOSPC;
		job.max_blocks = 1000;
		assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -ENOSPC);
		snprintf(want, sizeof(want), "the paint ran out in call %zu", call);
		assert_string_equal(why.text, want);
		/* No sample of the block, no value of it, and nothing was called behind it. */
		assert_int_equal(r.n_samples, 2 * whole);
		assert_int_equal(r.n_parts, 2 * r.n_samples);
		assert_int_equal(diary.at[diary.n - 1].what, TEARDOWN);
		assert_int_equal(diary.at[diary.n - 2].what, how.fail_in);
		assert_int_equal(count_entries(FINISH), 0);
		sampler_result_free(&r);
	}
	plan_free(&plan);
}

static void a_hook_that_fails_in_a_batch_ends_it(void **state)
{
	struct plan plan = plan_of(&repeated, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	struct reason why = { "" };

	(void)state;
	how.fail_in = PREPARE;
	how.fail_at = 2;
	how.fail_with = -EINTR; /* nobody asked for an end: it is no interruption */
	assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -EIO);
	assert_string_equal(why.text, "the paint ran out in call 2");
	assert_int_equal(count_entries(PREPARE), 2);
	assert_int_equal(count_entries(SAMPLE), 1);
	assert_int_equal(r.n_samples, 0);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void a_setup_that_fails_ends_it(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	struct reason why = { "" };

	(void)state;
	how.setup_error = -ENOMEM;
	assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -ENOMEM);
	assert_string_equal(why.text, "there is no paint");
	assert_int_equal(r.n_samples, 0);
	assert_int_equal(diary.n, 0);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void a_cpu_that_is_not_there_is_refused(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	struct reason why = { "" };

	(void)state;
	job.cpu = 4095;
	assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -EINVAL);
	assert_non_null(strstr(why.text, "CPU 4095"));
	assert_int_equal(diary.n, 0);
	sampler_result_free(&r);
	plan_free(&plan);
}

/* ---- events ---- */

/* Two series a sample, the events' before them; what names no series is left out. */
static void values_become_parts_of_the_samples(void **state)
{
	struct plan plan = plan_of(&telling, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	how.tell = true;
	r = sample_with(&job);
	assert_int_equal(r.n_series, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(r.series[i].metric, "share");
		assert_string_equal(r.series[i].subject, i ? "cpu 7" : "cpu 3");
	}
	assert_int_equal(r.n_parts, 2 * r.n_samples);
	for (size_t i = 0; i < r.n_parts; i++) {
		assert_int_equal(r.parts[i].seq, r.samples[i / 2].seq);
		assert_int_equal(r.parts[i].series, i % 2);
		assert_true(r.parts[i].value == (i % 2 ? 0.25 : 0.75));
	}
	sampler_result_free(&r);
	plan_free(&plan);
}

static void events_become_parts_of_the_samples(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	size_t measured = 0, at = 0;

	(void)state;
	map_fresh(10000);
	how.faults = 5;
	job.events[0] = "page-faults";
	job.events[1] = "cpu-migrations";
	job.n_events = 2;
	r = sample_with(&job);
	/* Software events exist on every machine, unless the kernel forbids them all. */
	if (!r.n_series) {
		assert_int_equal(count_flags(&r, FLAG_NO_COUNTERS), 2);
		assert_int_equal(json_object_size(json_object_get(r.varying, "refused_events")), 2);
		goto out;
	}
	assert_int_equal(r.n_series, 2);
	assert_non_null(strcasestr(r.series[0].subject, "faults"));
	assert_non_null(strcasestr(r.series[1].subject, "migrations"));
	for (size_t i = 0; i < r.n_samples; i++)
		measured += r.samples[i].block >= 0;
	assert_int_equal(r.n_parts, 2 * measured);
	for (size_t i = 0; i < r.n_samples; i++) {
		if (r.samples[i].block < 0)
			continue;
		for (unsigned e = 0; e < 2; e++, at++) {
			assert_int_equal(r.parts[at].seq, r.samples[i].seq);
			assert_int_equal(r.parts[at].series, e);
			assert_true(r.parts[at].value == (e ? 0 : 5) ||
				    (SANITIZED && !e && r.parts[at].value > 5));
		}
	}
out:
	sampler_result_free(&r);
	munmap(how.fresh, 10000 * PAGE);
	plan_free(&plan);
}

static void counting_faults_nothing_in(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;

	(void)state;
	job.events[0] = "page-faults";
	job.n_events = 1;
	job.max_blocks = 500;
	r = sample_with(&job);
	assert_true(SANITIZED || varying(&r, "page_faults") == 0);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void events_that_are_not_here_are_remarked_upon(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	size_t refused;

	(void)state;
	job.events[0] = "page-faults";
	job.events[1] = "cycles"; /* not in most virtual machines */
	job.n_events = 2;
	r = sample_with(&job);
	refused = json_object_size(json_object_get(r.varying, "refused_events"));
	assert_int_equal(r.n_series + refused, 2);
	assert_int_equal(count_flags(&r, FLAG_NO_COUNTERS), refused);
	assert_int_equal(blocks_of(&r, 2), 10);
	sampler_result_free(&r);
	plan_free(&plan);
}

static void an_event_nobody_knows_ends_it(void **state)
{
	struct plan plan = plan_of(&brief, "shape=round");
	struct sampler_job job = job_of(&plan);
	struct sampler_result r;
	struct reason why = { "" };

	(void)state;
	job.events[0] = "pagefault";
	job.n_events = 1;
	assert_int_equal(sampler_run(&machine, &job, &r, &stop, &why), -EINVAL);
	assert_non_null(strstr(why.text, "pagefault"));
	assert_int_equal(diary.n, 0);
	sampler_result_free(&r);
	plan_free(&plan);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh_diary)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(arms_come_in_random_order_in_each_block),
		TEST(every_arm_comes_first_equally_often),
		TEST(prepare_comes_before_each_sample_and_is_not_timed),
		TEST(hooks_come_in_their_order),
		TEST(steady_is_told_from_the_last_six_blocks),
		TEST(warm_up_is_kept_and_numbered_below_zero),
		TEST(what_never_becomes_steady_is_flagged),
		TEST(warm_up_takes_no_more_than_its_share),
		TEST(blocks_keep_to_their_bounds),
		TEST(short_samples_are_flagged_once_for_each_arm),
		TEST(long_samples_and_exempt_ones_are_not),
		TEST(what_may_be_repeated_is_batched),
		TEST(only_what_may_be_repeated_is),
		TEST(an_interrupt_does_not_make_a_batch_too_short),
		TEST(a_thread_that_moves_is_flagged),
		TEST(work_that_was_not_done_is_flagged),
		TEST(setup_may_raise_flags),
		TEST(page_faults_are_flagged),
		TEST(page_faults_are_no_fault_where_memory_is_populated),
		TEST(waiting_is_no_sign_of_others_where_samples_wait),
		TEST(a_clock_that_is_not_the_one_calibrated_is_flagged),
		TEST(overhead_of_another_process_is_not_used),
		TEST(overhead_that_moved_is_judged_by_the_samples),
		TEST(a_moment_is_too_short_for_a_clock_step),
		TEST(stopping_drops_the_open_block),
		TEST(stopping_in_mid_measurement_keeps_whole_blocks),
		TEST(a_hook_that_fails_drops_the_block_and_ends_it),
		TEST(a_hook_that_fails_in_a_batch_ends_it),
		TEST(a_setup_that_fails_ends_it),
		TEST(a_cpu_that_is_not_there_is_refused),
		TEST(values_become_parts_of_the_samples),
		TEST(events_become_parts_of_the_samples),
		TEST(counting_faults_nothing_in),
		TEST(events_that_are_not_here_are_remarked_upon),
		TEST(an_event_nobody_knows_ends_it),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
