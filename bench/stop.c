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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/list.h"
#include "bench/ops/dirty.h"
#include "bench/ops/stop_replay.h"
#include "bench/ops/stop_threads.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

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

/* Index 0, which is the number that they mean. */
static const struct level_info flagged_levels[] = {
	{ "none", "no CPU's flag is set", false },
	{ NULL, NULL, false },
};

static const struct level_info dirty_levels[] = {
	{ "none", "no line is made dirty", false },
	{ NULL, NULL, false },
};

static const struct level_info redirty_levels[] = {
	{ "none", "no SEAMCALL comes behind the early flush", false },
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
			FACTOR_COUNT, redirty_levels, "none", true, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

enum {
	M_TIME,
	M_EMPTY,
	M_TAIL,
	M_FLUSH,
	M_POLLS,
	M_LATE,
	M_LATE_NMI,
	M_OWN,
	M_EARLY,
	M_EARLY_FLUSH,
	M_TOTAL,
	M_MAX
};

static const struct metric_info stop_metrics[] = {
	[M_TIME] = { "time", "duration", "stop", 0 },
	[M_EMPTY] = { "empty", "duration", "stop", 0 },
	[M_TAIL] = { "tail", "duration", "CPU", 0 },
	[M_FLUSH] = { "flush", "duration", "CPU", 0 },
	[M_POLLS] = { "polls", "count", "stop", 0 },
	[M_LATE] = { "late", "occurrence", "stop", 0 },
	[M_LATE_NMI] = { "late_nmi", "occurrence", "stop", 0 },
	[M_OWN] = { "own", "duration", "stop", 0 },
	[M_EARLY] = { "early", "duration", "stop", 0 },
	[M_EARLY_FLUSH] = { "early_flush", "duration", "CPU", 0 },
	[M_TOTAL] = { "total", "duration", "stop", 0 },
	[M_MAX] = { .name = NULL },
};

struct stop_arm {
	const struct stop_policy *policy;
	unsigned dirty, redirty;
	struct kmod_mask flagged;
};

struct stop_state {
	struct kmod kmod; /* fd -1: threads in its place */
	struct team *team;
	unsigned n; /* members, one on each CPU that this process may use */
	struct stop_threads *threads;
	struct dirty *dirty;
	struct stop_replay replay;
	unsigned cpus;	      /* room that the series need */
	int *series[M_MAX];   /* by CPU; [0] where the metric is of the stop as a whole */
	struct reason failed; /* the first thing that went wrong in a sample */
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
				  "dirty: take dirty=none and redirty=none");
	return mem_supported(m->root, MEM_4K, llc * topo_llcs(m->topo) * most / 100 / 4096 * 4096,
			     why);
}

static int stop_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	struct reason no = { "" };
	int ret = percent_supported(cell, why);

	if (ret)
		return ret;
	if (topo_cpus(m->topo) < 2)
		return reason_set(why, -ENOTSUP, "there is one CPU, and no other to stop");
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

	stop_replay_close(&s->replay);
	stop_threads_close(s->threads);
	dirty_close(s->dirty);
	team_close(s->team);
	kmod_close(&s->kmod);
	for (unsigned i = 0; i < M_MAX; i++)
		free(s->series[i]);
	free(s);
}

/* A thread on each CPU: it makes lines dirty there, and plays the CPU where there is no module. */
static int team_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	const struct topo *topo = ctx->machine->topo;
	unsigned n = topo_cpus(topo);
	unsigned *cpus = calloc(n, sizeof(*cpus));
	int ret;

	if (!cpus)
		return reason_set(why, -ENOMEM, "out of memory");
	s->n = (unsigned)topo_spread(topo, ctx->cpu, cpus, n);
	ret = team_open(&s->team, topo, cpus, s->n, why);
	free(cpus);
	return ret;
}

static int executor_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	struct stop_executor ex;
	int ret = kmod_open(&s->kmod, ctx->machine->root, why);

	if (ret && !ctx->machine->check)
		return ret;
	if (!ret) {
		ex = stop_executor_kmod(&s->kmod);
	} else {
		ret = stop_threads_open(&s->threads, s->team, s->n, why);
		if (ret)
			return ret;
		ex = stop_executor_threads(s->threads);
	}
	json_object_set_new(ctx->facts, "executor", json_string(s->threads ? "threads" : "module"));
	return stop_replay_open(&s->replay, &ex, ctx->cpu, why);
}

static int dirty_setup(struct stop_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	unsigned most = 0;
	int ret;

	for (unsigned i = 0; i < ctx->n_arms; i++)
		if (most_dirty(&ctx->arms[i]) > most)
			most = most_dirty(&ctx->arms[i]);
	ret = dirty_open(&s->dirty, ctx->machine, s->team, s->n, most, why);
	if (!ret)
		json_object_set_new(ctx->facts, "dirty_bytes",
				    json_integer((json_int_t)dirty_bytes(s->dirty, most)));
	return ret;
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
		order[i] = team_cpu(s->team, i);
	shuffle_u32(order, s->n, seed_derive(ctx->seed, 0, 0, 6));
	for (unsigned i = 0; i < s->n; i++)
		json_array_append_new(drawn, json_integer(order[i]));
	for (unsigned i = 0; i < ctx->n_arms; i++) {
		const struct level *l = ctx->arms[i].levels;
		struct stop_arm *a = &s->arms[i];

		a->policy = &stop_policies[l[F_POLICY].number];
		a->dirty = (unsigned)l[F_DIRTY].number;
		a->redirty = (unsigned)l[F_REDIRTY].number;
		for (uint64_t k = 0; 100 * k < l[F_FLAGGED].number * s->n; k++)
			kmod_mask_set(&a->flagged, order[k]);
	}
	free(order);
	return json_object_set_new(ctx->facts, "flagged_first", drawn) ? -ENOMEM : 0;
}

static int series_of(struct stop_state *s, struct bench_ctx *ctx, unsigned metric)
{
	bool per_cpu = !strcmp(stop_metrics[metric].per, "CPU");
	int *series = calloc(s->cpus, sizeof(*series));
	char subject[32];

	s->series[metric] = series;
	if (!series)
		return -ENOMEM;
	if (!per_cpu) {
		series[0] = ctx->series(ctx, metric, "stop");
		return series[0] < 0 ? series[0] : 0;
	}
	for (unsigned cpu = 0; cpu < s->cpus; cpu++) {
		series[cpu] = -1;
		if (!stop_mask_has(&s->replay.all, cpu))
			continue;
		snprintf(subject, sizeof(subject), "cpu %u", cpu);
		series[cpu] = ctx->series(ctx, metric, subject);
		if (series[cpu] < 0)
			return series[cpu];
	}
	return 0;
}

static int series_setup(struct stop_state *s, struct bench_ctx *ctx, struct reason *why)
{
	s->cpus = s->replay.ex.cpus;
	for (unsigned m = M_TIME + 1; m < M_MAX; m++)
		if (series_of(s, ctx, m))
			return reason_set(why, -ENOMEM, "out of memory");
	return 0;
}

static int stop_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct stop_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->kmod.fd = -1;
	ret = team_setup(s, ctx, why);
	if (!ret)
		ret = executor_setup(s, ctx, why);
	if (!ret)
		ret = dirty_setup(s, ctx, why);
	if (!ret)
		ret = arms_setup(s, ctx, why);
	if (!ret)
		ret = series_setup(s, ctx, why);
	if (ret) {
		stop_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

/* ---- one shutdown ---- */

/* Samples have no way to fail: the first failure is told when all are taken. */
static int note(struct stop_state *s, int ret, const struct reason *why)
{
	if (ret && !*s->failed.text)
		s->failed = *why;
	return ret;
}

static void stop_prepare(void *state, unsigned arm)
{
	struct stop_state *s = state;
	const struct stop_arm *a = &s->arms[arm];
	struct reason why = { "" };

	dirty_make(s->dirty, a->dirty);
	note(s, stop_replay_early(&s->replay, a->policy, &a->flagged, a->redirty, &why), &why);
	if (s->replay.flushed_early && a->redirty)
		dirty_again(s->dirty, a->redirty);
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

static void cpu_values(const struct stop_state *s, struct bench_values *out)
{
	const struct stop_replay *r = &s->replay;

	for (unsigned i = 0; i < r->n_stop; i++) {
		const struct tdcost_cpu *c = &r->stop_cpu[i];

		if (!(c->flags & TDCOST_CPU_ANSWERED))
			continue;
		bench_value(out, s->series[M_TAIL][c->cpu], (double)(c->end - c->request));
		if (c->flags & TDCOST_CPU_FLUSHED)
			bench_value(out, s->series[M_FLUSH][c->cpu], (double)(c->end - c->start));
	}
	for (unsigned i = 0; i < r->n_early; i++) {
		const struct tdcost_cpu *c = &r->early_cpu[i];

		if (c->flags & TDCOST_CPU_ANSWERED)
			bench_value(out, s->series[M_EARLY_FLUSH][c->cpu],
				    (double)(c->end - c->start));
	}
}

static void stop_values(void *state, unsigned arm, struct bench_values *out)
{
	struct stop_state *s = state;
	const struct stop_replay *r = &s->replay;
	uint64_t early, stop, own;
	struct reason why = { "" };

	(void)arm;
	note(s, stop_replay_own(&s->replay, &why), &why);
	early = stop_replay_early_ticks(r);
	stop = stop_replay_stop_ticks(r);
	own = stop_replay_own_ticks(r);
	cpu_values(s, out);
	bench_value(out, s->series[M_EMPTY][0], (double)stop);
	bench_value(out, s->series[M_POLLS][0], r->stop.polls);
	bench_value(out, s->series[M_LATE][0], r->stop.late > 0);
	bench_value(out, s->series[M_LATE_NMI][0], r->stop.late_nmi > 0);
	bench_value(out, s->series[M_TOTAL][0], (double)(early + stop + own));
	if (r->flushed_early)
		bench_value(out, s->series[M_EARLY][0], (double)early);
	if (r->plan.self)
		bench_value(out, s->series[M_OWN][0], (double)own);
}

/* By the counters of who executed it: each CPU as often as the policy says, and no other. */
static int stop_verify(void *state, unsigned arm, struct reason *why)
{
	struct stop_state *s = state;
	int ret = stop_replay_count(&s->replay, why);

	if (ret)
		return ret;
	stop_prepare(state, arm);
	stop_sample(state, arm, 1);
	note(s, stop_replay_own(&s->replay, why), why);
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
