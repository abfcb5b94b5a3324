// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stop: what the flushes of a kexec cost, and when they are best done.
 *
 * native_stop_other_cpus() of arch/x86/kernel/smp.c waits one second for the other CPUs, each of
 * which may execute WBINVD before it reports; one that is late is sent an NMI, which may hit it
 * after it reported. The policies say who flushes when. Nothing is stopped: the module replays the
 * sequence. Without it `tdcost check` has threads play it: control flow, and nothing measured.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/list.h"
#include "bench/ops/dirtier.h"
#include "bench/ops/flusher.h"
#include "bench/ops/stop_replay.h"
#include "bench/ops/stop_series.h"
#include "bench/ops/stop_threads.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

#define CALIBRATE_MS 20

enum { F_POLICY, F_FLAGGED, F_DIRTY, F_REDIRTY, F_MAX };

/* Indexes are those of stop_policies[]. */
static const struct level_info policy_levels[] = {
	[STOP_SME_SUPPORTED] = { "sme_supported",
				 "SME is there but off: all others in the stop, the kexec-ing CPU "
				 "not at all",
				 false },
	[STOP_SME_ACTIVE] = { "sme_active",
			      "SME is on: all others in the stop, the kexec-ing CPU behind it",
			      false },
	[STOP_PERCPU] = { "percpu", "as sme_active, but only CPUs whose flag is set", false },
	[STOP_EARLY_REBOOT] = { "early_reboot", "all from the reboot notifier, then as percpu",
				false },
	[STOP_EARLY_VIRT] = { "early_virt",
			      "those flagged as virtualization is disabled, then as percpu",
			      false },
	[STOP_EARLY_SYSCORE] = { "early_syscore",
				 "those flagged in the syscore shutdown of arch/x86, then as "
				 "percpu",
				 false },
	[STOP_NONE] = { "none", "nobody: the stop alone", false },
	{ NULL, NULL, false },
};

static const struct level_info flagged_levels[] = {
	{ "0", "no CPU's flag is set", false },
	{ NULL, NULL, false },
};

static const struct level_info dirty_levels[] = {
	{ "0", "no line is made dirty", false },
	{ NULL, NULL, false },
};

static const struct level_info redirty_levels[] = {
	{ "0", "no SEAMCALL comes behind the early flush", false },
	{ NULL, NULL, false },
};

static const struct factor_info stop_factors[] = {
	/* Without a flush the stop takes microseconds: what a policy saves is a difference. */
	[F_POLICY] = { "policy", "who flushes when", FACTOR_WORD, policy_levels,
		       "sme_supported,sme_active,percpu,early_reboot,early_virt,early_syscore,none",
		       true, EFFECT_DIFFERENCE },
	[F_FLAGGED] = { "flagged", "percent of the CPUs whose flag is set", FACTOR_COUNT,
			flagged_levels, "100", true, EFFECT_RATIO },
	[F_DIRTY] = { "dirty", "percent of the LLC dirty when the shutdown begins", FACTOR_COUNT,
		      dirty_levels, "50", true, EFFECT_RATIO },
	[F_REDIRTY] = { "redirty",
			"percent dirtied again, by SEAMCALLs, between an early flush and the stop",
			FACTOR_COUNT, redirty_levels, "0", true, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

struct stop_arm {
	const struct stop_policy *policy;
	struct kmod_mask flagged;
	bool behind; /* SEAMCALLs are made behind an early flush */
};

struct stop_state {
	struct kmod kmod; /* fd -1: threads in its place */
	struct team *team;
	struct stop_threads *threads;
	struct stop_replay replay;
	struct stop_series series;
	/* Arm i's lines when the shutdown begins, and as arm n_arms + i those dirtied again. */
	struct dirtier *dirtier;
	unsigned n_arms;
	unsigned *cpus; /* that this process may use, n of them */
	unsigned n;
	struct reason failed; /* the first thing that went wrong in a sample */
	bool broken;	      /* the shutdown under way: a step of it failed */
	struct stop_arm arms[];
};

/* ---- what can run here ---- */

static int percent_supported(const struct cell *cell, struct reason *why)
{
	for (unsigned f = F_FLAGGED; f < F_MAX; f++)
		if (cell->levels[f].number > 100)
			return reason_set(why, -ENOTSUP, "%s=%s is more than 100 percent",
					  stop_factors[f].name, cell->levels[f].text);
	return 0;
}

static unsigned most_dirty(const struct cell *cell)
{
	uint64_t dirty = cell->levels[F_DIRTY].number, again = cell->levels[F_REDIRTY].number;

	return (unsigned)(dirty > again ? dirty : again);
}

static int dirty_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	unsigned cpu = 0, most = most_dirty(cell);
	uint64_t llc;

	if (!most)
		return 0;
	topo_pick(m->topo, TOPO_ONE, &cpu, 1);
	llc = topo_llc_bytes(m->topo, cpu);
	if (!llc)
		return reason_set(why, -ENOTSUP,
				  "the size of the LLC is not known, so no share of it can be made "
				  "dirty: take dirty=0 and redirty=0");
	return mem_supported(m->root, MEM_4K, llc * topo_llcs(m->topo) * most / 100 / 4096 * 4096,
			     why);
}

/* Of this machine; a made-up one has as many as it says. */
static long online_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

static int stop_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	struct reason no = { "" };
	int ret = percent_supported(cell, why);

	if (ret)
		return ret;
	if (topo_cpus(m->topo) < 2)
		return reason_set(why, -ENOTSUP, "there is one CPU, and no other to stop");
	/* Flags and dirty lines would be those of some CPUs, the stop that of all. */
	if (online_cpus() > (long)topo_cpus(m->topo))
		return reason_set(
			why, -ENOTSUP,
			"this process may use %u of %ld CPUs, and a stop concerns all: run "
			"it without taskset or a cpuset, or as: taskset -c 0-%ld tdcost ...",
			topo_cpus(m->topo), online_cpus(), online_cpus() - 1);
	ret = kmod_supported(m, 0, &no);
	if (ret && !m->check)
		return reason_set(why, ret,
				  "%s; `tdcost check stop` tests its control flow without",
				  no.text);
	return dirty_supported(m, cell, why);
}

static enum kind stop_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)cell;
	if (!m->check || !kmod_supported(m, 0, NULL))
		return KIND_MEASURED;
	reason_set(why, 0, "threads stand in for interrupts and PAUSE for WBINVD");
	return KIND_ANALOGUE;
}

/* ---- setting up ---- */

static void stop_teardown(void *state)
{
	struct stop_state *s = state;

	stop_series_free(&s->series);
	stop_replay_close(&s->replay);
	stop_threads_close(s->threads);
	team_close(s->team);
	dirtier_close(s->dirtier);
	kmod_close(&s->kmod);
	free(s->cpus);
	free(s);
}

static int cpus_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	const struct topo *topo = ctx->machine->topo;

	s->n_arms = ctx->n_arms;
	s->cpus = calloc(topo_cpus(topo), sizeof(*s->cpus));
	if (!s->cpus)
		return reason_set(why, -ENOMEM, "out of memory");
	s->n = (unsigned)topo_spread(topo, ctx->cpu, s->cpus, topo_cpus(topo));
	return 0;
}

static int threads_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	int ret = team_open(&s->team, ctx->machine->topo, s->cpus, s->n, why);

	return ret ? ret : stop_threads_open(&s->threads, s->team, s->n, why);
}

static int executor_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	struct stop_executor ex;
	int ret = kmod_open(&s->kmod, ctx->machine->root, why);

	if (ret && ctx->machine->check)
		ret = threads_setup(s, ctx, why);
	if (ret)
		return ret;
	ex = s->threads ? stop_executor_threads(s->threads) : stop_executor_kmod(&s->kmod);
	json_object_set_new(ctx->facts, "executor", json_string(s->threads ? "threads" : "module"));
	return stop_replay_open(&s->replay, &ex, ctx->cpu, why);
}

static int dirtier_setup(struct stop_state *s, struct bench_ctx *ctx, struct reason *why)
{
	struct bench_ctx both = *ctx;
	int ret;

	both.n_arms = 2 * s->n_arms;
	ret = dirtier_open(&s->dirtier, &both, -1, why);
	for (unsigned i = 0; i < s->n_arms && !ret; i++) {
		const struct level *l = ctx->arms[i].levels;

		ret = dirtier_add(s->dirtier, i, s->cpus, s->n, (unsigned)l[F_DIRTY].number, why);
		if (!ret)
			ret = dirtier_add(s->dirtier, s->n_arms + i, s->cpus, s->n,
					  (unsigned)l[F_REDIRTY].number, why);
	}
	return ret ? ret : dirtier_ready(s->dirtier, ctx, why);
}

/* Who is flagged is drawn anew, but of two shares the smaller is part of the larger. */
static int arms_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	uint32_t *order = calloc(s->n, sizeof(*order));
	json_t *drawn = json_array();

	if (!order || !drawn) {
		free(order);
		json_decref(drawn);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	for (unsigned i = 0; i < s->n; i++)
		order[i] = s->cpus[i];
	shuffle_u32(order, s->n, seed_derive(ctx->seed, 0, 0, 6));
	for (unsigned i = 0; i < s->n; i++)
		json_array_append_new(drawn, json_integer(order[i]));
	for (unsigned i = 0; i < s->n_arms; i++) {
		const struct level *l = ctx->arms[i].levels;
		struct stop_arm *a = &s->arms[i];

		a->policy = &stop_policies[l[F_POLICY].number];
		a->behind = l[F_REDIRTY].number;
		for (uint64_t k = 0; 100 * k < l[F_FLAGGED].number * s->n; k++)
			kmod_mask_set(&a->flagged, order[k]);
	}
	free(order);
	return json_object_set_new(ctx->facts, "flagged_first", drawn) ? -ENOMEM : 0;
}

static bool flushes(const struct stop_state *s, const struct stop_arm *a)
{
	struct stop_plan plan;

	stop_plan_make(&plan, a->policy, &s->replay.all, &a->flagged, s->replay.self, a->behind);
	return !stop_mask_empty(&plan.early) || !stop_mask_empty(&plan.stop) || plan.self;
}

/* Does WBINVD flush here? The arms in which none is executed are not concerned. */
static int examine(struct stop_state *s, struct bench_ctx *ctx, struct reason *why)
{
	static const struct level_info names[] = { [TDCOST_WBINVD] = { .name = "wbinvd" } };
	struct flusher_arm *arms = calloc(s->n_arms, sizeof(*arms));
	struct tick_clock clock;
	struct flusher f;
	int ret;

	if (!arms)
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->n_arms; i++)
		arms[i].op = flushes(s, &s->arms[i]) ? TDCOST_WBINVD : TDCOST_NOTHING;
	ret = flusher_open(&f, ctx->machine->root, true, why);
	if (!ret)
		ret = clock_calibrate(&clock, &ctx->machine->cpu, CALIBRATE_MS, why);
	if (!ret)
		ret = flusher_examine(&f, ctx, arms, &clock, names, why);
	flusher_close(&f);
	free(arms);
	return ret;
}

static int all_setup(struct stop_state *s, struct bench_ctx *ctx, struct reason *why)
{
	int ret = cpus_setup(s, ctx, why);

	if (!ret)
		ret = executor_setup(s, ctx, why);
	if (!ret)
		ret = arms_setup(s, ctx, why);
	if (!ret && !s->threads)
		ret = examine(s, ctx, why);
	if (!ret)
		ret = dirtier_setup(s, ctx, why);
	if (!ret && stop_series_open(&s->series, ctx, &s->replay))
		ret = reason_set(why, -ENOMEM, "out of memory");
	return ret;
}

static int stop_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct stop_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->kmod.fd = -1;
	ret = all_setup(s, ctx, why);
	if (ret) {
		stop_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

/* ---- one shutdown ---- */

/* Samples have no way to fail: the first failure is told when all are taken. */
static void note(struct stop_state *s, int ret, const struct reason *why)
{
	s->broken |= ret != 0;
	if (ret && !*s->failed.text)
		s->failed = *why;
}

static void stop_prepare(void *state, unsigned arm)
{
	struct stop_state *s = state;
	const struct stop_arm *a = &s->arms[arm];
	struct reason why = { "" };

	s->broken = false;
	dirtier_dirty(s->dirtier, arm);
	note(s, stop_replay_early(&s->replay, a->policy, &a->flagged, a->behind, &why), &why);
	if (s->replay.flushed_early)
		dirtier_again(s->dirtier, s->n_arms + arm);
	note(s, stop_replay_settle(&s->replay, &why), &why);
}

static uint64_t stop_sample(void *state, unsigned arm, unsigned reps)
{
	struct stop_state *s = state;
	struct reason why = { "" };

	(void)arm;
	(void)reps;
	note(s, stop_replay_stop(&s->replay, &why), &why);
	return 1;
}

/* relocate_kernel() comes behind the stop, and behind its time. */
static void stop_values(void *state, unsigned arm, struct bench_values *out)
{
	struct stop_state *s = state;
	struct reason why = { "" };

	(void)arm;
	note(s, stop_replay_own(&s->replay, &why), &why);
	if (!s->broken)
		note(s, stop_replay_check(&s->replay, &why), &why);
	/* What was not done took no time, and was not punctual either. */
	if (!s->broken)
		stop_series_values(&s->series, &s->replay, out);
}

/* By the counters of who executed it: each CPU as often as the policy says, and no other. */
static int stop_verify(void *state, unsigned arm, struct reason *why)
{
	struct stop_state *s = state;
	struct reason own = { "" };
	int ret = stop_replay_count(&s->replay, why);

	if (ret)
		return ret;
	stop_prepare(state, arm);
	stop_sample(state, arm, 1);
	note(s, stop_replay_own(&s->replay, &own), &own);
	if (*s->failed.text)
		return reason_set(why, -EFAULT, "%s", s->failed.text);
	return stop_replay_verify(&s->replay, why);
}

static int stop_finish(void *state, struct reason *why)
{
	const struct stop_state *s = state;

	return *s->failed.text ? reason_set(why, -EFAULT, "%s", s->failed.text) : 0;
}

const struct bench_info stop_bench = {
	.name = "stop",
	.summary = "stop the other CPUs before a kexec, by who flushes its caches when",
	.version = 1,
	.factors = stop_factors,
	.metrics = stop_metrics,
	.supported = stop_supported,
	.kind = stop_kind,
	.setup = stop_setup,
	.prepare = stop_prepare,
	.sample = stop_sample,
	.values = stop_values,
	.verify = stop_verify,
	.finish = stop_finish,
	.teardown = stop_teardown,
};
