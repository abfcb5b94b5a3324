// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * topup: what it costs KVM and the TDX code to hold pages ready before they take a lock, by how
 * they do it. The caches are those of bench/topup/; here they serve the same faults and the same
 * splits: in user space with a pool of page descriptors or with mmap() in place of the page
 * allocator, in the kernel, through tdcost.ko, with the page allocator itself.
 *
 * The timed pass reads no clock in between. What is told of single calls, of gets and of locks comes
 * from passes of their own behind each sample, with meters: a clock read is longer than a get, so
 * what one of them meters is never inside what another does.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/list.h"
#include "bench/ops/topup_kernel.h"
#include "bench/topup.h"
#include "harness/machine/topo.h"

#define CALIBRATE_MS 20
#define PAUSES	     100000

struct topup_state {
	struct team *team;
	struct topup_pool pool;
	bool pooled;
	bool in_kernel;
	struct topup_kernel kernel;
	int kernel_series;
	struct topup_series series;
	struct topup_seen *seen; /* of each thread of the last metered pass */
	struct reason failed;	 /* the first thing that went wrong in a sample */
	unsigned n_arms;
	struct topup_arm arms[];
};

/* ---- setting up ---- */

static void topup_teardown(void *state)
{
	struct topup_state *s = state;

	for (unsigned i = 0; i < s->n_arms; i++)
		topup_arm_close(&s->arms[i]);
	if (s->pooled)
		topup_pool_close(&s->pool);
	if (s->in_kernel)
		topup_kernel_close(&s->kernel);
	topup_series_free(&s->series);
	free(s->seen);
	team_close(s->team);
	free(s);
}

/* What PAUSE takes here: a hold time is made of it. Return: ns, 0 with a reason. */
static double pause_ns(const struct bench_ctx *ctx, struct reason *why)
{
	struct tick_clock clock;
	uint64_t start, end;

	if (clock_calibrate(&clock, &ctx->machine->cpu, CALIBRATE_MS, why))
		return 0;
	start = topup_ticks();
	for (unsigned i = 0; i < PAUSES; i++)
		cpu_relax();
	end = topup_ticks();
	return (double)(end - start) * 1e9 / clock.hz / PAUSES;
}

static int hold_setup(struct bench_ctx *ctx, double *ns, struct reason *why)
{
	bool held = false;

	*ns = 1;
	for (unsigned i = 0; i < ctx->n_arms; i++)
		held |= ctx->arms[i].levels[F_HOLD].number;
	if (!held)
		return 0;
	*ns = pause_ns(ctx, why);
	if (*ns <= 0)
		return -ENOTSUP;
	return json_object_set_new(ctx->facts, "pause_ns", json_real(*ns)) ? -ENOMEM : 0;
}

/* Only one arm's hands are full at a time, but all caches keep what they have. */
static int pool_setup(struct topup_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	unsigned in_hand = 0, in_caches = 0, threads = 0;

	for (unsigned i = 0; i < ctx->n_arms; i++) {
		const struct topup_setting *set = &s->arms[i].set;
		unsigned n = topup_arm_in_hand(set);

		if (set->from != TOPUP_POOL)
			continue;
		in_hand = n > in_hand ? n : in_hand;
		in_caches += topup_arm_in_caches(set);
		threads += set->threads;
	}
	if (!threads)
		return 0;
	if (topup_pool_open(&s->pool, in_hand + in_caches, threads))
		return reason_set(why, -ENOMEM, "out of memory");
	s->pooled = true;
	json_object_set_new(ctx->facts, "pool_pages", json_integer(s->pool.n));
	return 0;
}

static void settings_setup(struct topup_state *s, const struct bench_ctx *ctx, double pause)
{
	s->in_kernel = ctx->arms[0].levels[F_MODE].number == MODE_KERNEL;
	s->kernel.memcg.line = -1;
	for (; s->n_arms < ctx->n_arms; s->n_arms++) {
		const struct cell *cell = &ctx->arms[s->n_arms];
		double ns = (double)cell->levels[F_HOLD].number;

		s->arms[s->n_arms].set = topup_setting_of(cell, (unsigned)(ns / pause + 0.5));
	}
}

static int arms_setup(struct topup_state *s, struct reason *why)
{
	for (unsigned i = 0; i < s->n_arms; i++) {
		struct topup_setting set = s->arms[i].set;

		if (topup_arm_open(&s->arms[i], &set, &s->pool))
			return reason_set(why, -ENOMEM, "out of memory");
	}
	return 0;
}

static int kernel_setup(struct topup_state *s, struct bench_ctx *ctx, double pause,
			struct reason *why)
{
	const struct topup_setting **sets = calloc(s->n_arms, sizeof(*sets));
	int ret = 0;

	if (!sets)
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->n_arms; i++) {
		sets[i] = &s->arms[i].set;
		if (sets[i]->hold_loops > TOPUP_KERNEL_LOOPS)
			ret = reason_set(why, -ENOTSUP,
					 "hold=%s: in mode=kernel %.0f ns at most on this machine",
					 ctx->arms[i].levels[F_HOLD].text,
					 TOPUP_KERNEL_LOOPS * pause);
	}
	if (!ret)
		ret = topup_kernel_open(&s->kernel, ctx->machine, sets, s->n_arms, ctx->facts, why);
	free(sets);
	if (!ret)
		s->kernel_series = ctx->series(ctx, TOPUP_M_KERNEL, "loop");
	return !ret && s->kernel_series < 0 ? s->kernel_series : ret;
}

/* The pages, and who works with them. */
static int work_setup(struct topup_state *s, struct bench_ctx *ctx, struct reason *why)
{
	double pause;
	int ret = hold_setup(ctx, &pause, why);

	if (ret)
		return ret;
	settings_setup(s, ctx, pause);
	if (s->in_kernel)
		return kernel_setup(s, ctx, pause, why);
	ret = pool_setup(s, ctx, why);
	return ret ? ret : arms_setup(s, why);
}

static int team_setup(struct topup_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	const struct topo *topo = ctx->machine->topo;
	unsigned most = 1, *cpus;
	int ret;

	for (unsigned i = 0; i < s->n_arms; i++)
		if (s->arms[i].set.threads > most)
			most = s->arms[i].set.threads;
	cpus = calloc(most, sizeof(*cpus));
	if (!cpus)
		return reason_set(why, -ENOMEM, "out of memory");
	cpus[0] = ctx->cpu;
	if (most > 1)
		topo_spread(topo, ctx->cpu, cpus, most);
	ret = team_open(&s->team, topo, cpus, most, why);
	free(cpus);
	return ret;
}

static int series_setup(struct topup_state *s, struct bench_ctx *ctx, struct reason *why)
{
	size_t most = 0, threads = 0;

	for (unsigned i = 0; i < s->n_arms; i++) {
		size_t calls = (size_t)s->arms[i].set.threads * s->arms[i].set.ops;

		most = calls > most ? calls : most;
		threads = s->arms[i].set.threads > threads ? s->arms[i].set.threads : threads;
	}
	s->seen = calloc(threads, sizeof(*s->seen));
	if (!s->seen || topup_series_open(&s->series, ctx, s->arms[0].set.kind, most))
		return reason_set(why, -ENOMEM, "out of memory");
	return 0;
}

static int topup_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct topup_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	ret = work_setup(s, ctx, why);
	if (!ret)
		ret = team_setup(s, ctx, why);
	if (!ret)
		ret = series_setup(s, ctx, why);
	if (ret) {
		topup_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

/* ---- a sample ---- */

/* Samples have no way to fail: the first failure is told when all are taken. */
static void examine(struct topup_state *s, const struct topup_arm *arm)
{
	if (*s->failed.text)
		return;
	if (s->in_kernel) {
		topup_kernel_check(&s->kernel, &s->failed);
		return;
	}
	for (unsigned i = 0; i < arm->set.threads && !*s->failed.text; i++)
		if (arm->thread[i].err)
			topup_arm_check(arm, &s->failed);
}

/* Up to the start line. The user's caches keep what the sample before left, as a vCPU's do. */
static void ready(struct topup_state *s, struct topup_arm *arm, unsigned meters)
{
	if (s->in_kernel)
		topup_kernel_ready(&s->kernel, &arm->set, s->team, meters);
	else
		topup_arm_ready(arm, s->team, meters);
}

static void release(struct topup_state *s, struct topup_arm *arm)
{
	if (!s->in_kernel)
		topup_arm_release(arm, s->team);
}

static void topup_prepare(void *state, unsigned arm)
{
	struct topup_state *s = state;

	release(s, &s->arms[arm]);
	ready(s, &s->arms[arm], 0);
}

static uint64_t topup_sample(void *state, unsigned arm, unsigned reps)
{
	struct topup_state *s = state;
	const struct topup_setting *set = &s->arms[arm].set;

	(void)reps;
	team_go(s->team);
	return (uint64_t)set->threads * set->ops;
}

static struct topup_pass pass_of(struct topup_state *s, const struct topup_arm *arm, unsigned idle)
{
	struct topup_pass pass;

	if (s->in_kernel)
		return topup_kernel_seen(&s->kernel, s->seen);
	pass = topup_arm_seen(arm, s->seen);
	pass.idle_before = idle;
	return pass;
}

/* The same work once more, with some of the meters. */
static void metered(struct topup_state *s, struct topup_arm *a, unsigned meters,
		    struct bench_values *out)
{
	struct topup_pass pass;
	unsigned idle = 0;

	release(s, a);
	if (!s->in_kernel)
		idle = topup_arm_idle(a, 0);
	ready(s, a, meters);
	team_go(s->team);
	examine(s, a);
	pass = pass_of(s, a, idle);
	if (!*s->failed.text)
		topup_series_values(&s->series, &a->set, meters, &pass, out);
}

static void topup_values(void *state, unsigned arm, struct bench_values *out)
{
	struct topup_state *s = state;
	struct topup_arm *a = &s->arms[arm];
	unsigned meters;

	examine(s, a);
	if (s->in_kernel)
		bench_value(out, s->kernel_series,
			    (double)topup_kernel_ticks(&s->kernel) / a->set.threads / a->set.ops);
	for (unsigned i = 0; a->set.variant != TOPUP_NONE && !*s->failed.text; i++) {
		meters = topup_series_pass(&a->set, i);
		if (!meters)
			break;
		metered(s, a, meters, out);
	}
	release(s, a);
}

static int topup_verify(void *state, unsigned arm, struct reason *why)
{
	struct topup_state *s = state;
	int ret = 0;

	if (s->in_kernel)
		ret = topup_kernel_verify(&s->kernel, &s->arms[arm].set, why);
	if (ret)
		return ret;
	topup_prepare(state, arm);
	topup_sample(state, arm, 1);
	ret = s->in_kernel ? topup_kernel_check(&s->kernel, why)
			   : topup_arm_check(&s->arms[arm], why);
	release(s, &s->arms[arm]);
	return ret;
}

static int topup_finish(void *state, struct reason *why)
{
	struct topup_state *s = state;
	int ret = 0;

	if (*s->failed.text)
		return reason_set(why, -EFAULT, "%s", s->failed.text);
	for (unsigned i = 0; i < s->n_arms && !ret && !s->in_kernel; i++)
		ret = topup_arm_drain(&s->arms[i], why);
	return ret;
}

const struct bench_info topup_bench = {
	.name = "topup",
	.summary = "hold pages ready before a lock is taken, by how that is done",
	.version = 2,
	.factors = topup_factors,
	.metrics = topup_metrics,
	.resolve = topup_resolve,
	.supported = topup_supported,
	.kind = topup_kind,
	.setup = topup_setup,
	.prepare = topup_prepare,
	.sample = topup_sample,
	.values = topup_values,
	.verify = topup_verify,
	.finish = topup_finish,
	.teardown = topup_teardown,
};
