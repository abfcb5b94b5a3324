// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wbinvd: flush whole caches, as the kernel does before a kexec, when a CPU goes offline and when an
 * SEV or TDX guest ends: by WBINVD or WBNOINVD in tdcost.ko, on one CPU, on one of each package, LLC
 * or core, on all at once, on all in turn.
 *
 * How long it takes hangs on what is dirty, so a share of the LLC is made dirty before each sample.
 * Who runs beside it suffers, so a victim may be watched. And in most virtual machines the
 * instruction does nothing, so each process examines that first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kmod/client.h"
#include "bench/list.h"
#include "bench/ops/dirtier.h"
#include "bench/ops/flusher.h"
#include "bench/ops/scope.h"
#include "bench/ops/victim.h"
#include "bench/wbinvd.h"
#include "harness/machine/mem.h"

#define CALIBRATE_MS 10
/*
 * What is kept of a victim: its laps, and the steps of a flush that takes 10 ms on each CPU, one
 * after the other; of an L2 a step takes 80 ns or more. At most 256 MiB, and an eighth of what there
 * is.
 */
#define ROOM_STEPS (1ul << 20)
#define CPU_STEPS  (10 * 1000 * 1000 / 50)
#define MAX_STEPS  (1ul << 25)
#define LATE_S	   1 /* native_stop_other_cpus() waits as long, then sends NMIs */

/* Indexes are those of enum tdcost_mode. */
static const struct level_info scope_levels[] = {
	[TDCOST_ONE] = { "one", "the measuring CPU alone", false },
	[TDCOST_PER_PACKAGE] = { "package", "one CPU of each package, at once", false },
	[TDCOST_PER_LLC] = { "llc", "one CPU of each LLC, at once", false },
	[TDCOST_PER_CORE] = { "core", "one CPU of each core, at once", false },
	[TDCOST_ALL] = { "all", "all CPUs at once, as wbinvd_on_all_cpus()", false },
	[TDCOST_IN_TURN] = { "turn", "all CPUs, one after the other", false },
	{ NULL, NULL, false },
};

/* Indexes are those of enum tdcost_op, and then the one that needs no module. */
static const struct level_info op_levels[] = {
	[TDCOST_WBINVD] = { "wbinvd", "write back and drop every line", false },
	[TDCOST_WBNOINVD] = { "wbnoinvd", "write back every line and keep it", false },
	[TDCOST_NOTHING] = { "none", "the interrupts alone: what the flush is compared with",
			     false },
	[FLUSHER_SWEEP] = { "sweep",
			    "CLFLUSHOPT on what was made dirty; needs no module (analogue)",
			    false },
	{ NULL, NULL, false },
};

static const struct level_info dirty_levels[] = {
	{ "0", "nothing is made dirty", false },
	{ NULL, NULL, false },
};

static const struct level_info by_levels[] = {
	[SCOPE_BY_LOCAL] = { "local", "the CPUs that flush", false },
	[SCOPE_BY_REMOTE] = { "remote", "one CPU of each LLC in which none flushes", false },
	[SCOPE_BY_ALL] = { "all", "all CPUs", false },
	{ NULL, NULL, false },
};

static const struct level_info victim_levels[] = {
	[VICTIM_NONE] = { "none", "nobody runs beside the flush", false },
	[VICTIM_CORE] = { "core", "on the measuring CPU's other hyperthread", false },
	[VICTIM_LLC] = { "llc", "on another core of its LLC", false },
	[VICTIM_PACKAGE] = { "package", "under another LLC of its package", false },
	[VICTIM_REMOTE] = { "remote", "in another package", false },
	{ NULL, NULL, false },
};

static const struct level_info set_levels[] = {
	[SET_NONE] = { "none", "no victim, no working set", false },
	[SET_L2] = { "l2", "half the L2", true },
	[SET_LLC] = { "llc", "four times the L2, a quarter of the LLC at most", true },
	[SET_AUTO] = { "auto", "llc where there is a victim, otherwise none", true },
	{ NULL, NULL, false },
};

static const struct factor_info wbinvd_factors[] = {
	[F_SCOPE] = { "scope", "which CPUs flush", FACTOR_WORD, scope_levels, "one,package,all",
		      true, EFFECT_RATIO },
	[F_OP] = { "op", "what they execute", FACTOR_WORD, op_levels, "wbinvd,none", true,
		   EFFECT_BOTH },
	[F_DIRTY] = { "dirty", "percent of the LLC that are made dirty just before", FACTOR_COUNT,
		      dirty_levels, "0,100", true, EFFECT_BOTH },
	[F_BY] = { "by", "who makes them dirty", FACTOR_WORD, by_levels, "local", true,
		   EFFECT_RATIO },
	/* Its CPU does not flush, so the arms with it ask fewer CPUs. */
	[F_VICTIM] = { "victim", "where a co-runner is watched", FACTOR_WORD, victim_levels, "none",
		       false, EFFECT_RATIO },
	[F_SET] = { "set", "bytes of the victim's working set", FACTOR_SIZE, set_levels, "auto",
		    false, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

enum {
	M_TIME,
	M_FLUSH,
	M_TAIL,
	M_INSTRUCTION,
	M_INTERRUPT,
	M_LATE,
	M_GAP,
	M_SLOWDOWN,
	M_WARM_UP,
	M_LOST,
	M_COLD,
	M_MAX
};

static const struct metric_info wbinvd_metrics[] = {
	[M_TIME] = { "time", "duration", "request", 0 },
	[M_FLUSH] = { "flush", "duration", "request", 0 },
	[M_TAIL] = { "tail", "duration", "CPU", 0 },
	[M_INSTRUCTION] = { "instruction", "duration", "CPU", 0 },
	[M_INTERRUPT] = { "interrupt", "duration", "CPU", 0 },
	[M_LATE] = { "over-1s", "occurrence", "request", 0 },
	[M_GAP] = { "victim-gap", "duration", "request", 0 },
	[M_SLOWDOWN] = { "victim-slowdown-percent", "percent", "request", 0 },
	[M_WARM_UP] = { "victim-warm-up", "duration", "request", 0 },
	[M_LOST] = { "victim-lost", "duration", "request", 0 },
	[M_COLD] = { "victim-still-cold", "occurrence", "request", 0 },
	[M_MAX] = { NULL, NULL, NULL, 0 },
};

/* ---- set-up ---- */

struct wbinvd_state {
	struct bench_ctx *ctx;
	unsigned n_arms;
	struct tick_clock clock;
	struct flusher flusher;
	struct dirtier *dirtier;
	struct victim *victim;		     /* NULL: none */
	int *tail, *instruction, *interrupt; /* series, by CPU number */
	int series[M_MAX];
	/* Samples beside a victim, those that say nothing of it, and those that outlast its record. */
	unsigned watched, unseen, outlast;
	size_t room;
	struct flusher_arm arms[];
};

static void wbinvd_teardown(void *state)
{
	struct wbinvd_state *s = state;

	victim_close(s->victim);
	dirtier_close(s->dirtier);
	flusher_close(&s->flusher);
	for (unsigned i = 0; i < s->n_arms; i++)
		scope_free(&s->arms[i].scope);
	free(s->tail);
	free(s->instruction);
	free(s->interrupt);
	free(s);
}

static bool needs_module(const struct bench_ctx *ctx)
{
	bool needs = false;

	for (unsigned i = 0; i < ctx->n_arms; i++)
		needs |= ctx->arms[i].levels[F_OP].number != FLUSHER_SWEEP;
	return needs;
}

static int arm_setup(struct wbinvd_state *s, const struct bench_ctx *ctx, unsigned arm, int victim,
		     struct reason *why)
{
	const struct topo *topo = ctx->machine->topo;
	const struct level *l = ctx->arms[arm].levels;
	struct flusher_arm *a = &s->arms[arm];
	unsigned *cpus = calloc(topo_cpus(topo), sizeof(*cpus)), n;
	int ret = -ENOMEM;

	a->arm = arm;
	a->op = (unsigned)l[F_OP].number;
	a->mode = (enum tdcost_mode)l[F_SCOPE].number;
	if (!cpus || scope_pick(&a->scope, topo, a->mode, ctx->cpu, victim)) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	n = scope_by(topo, &a->scope, (enum scope_by)l[F_BY].number, cpus);
	ret = dirtier_add(s->dirtier, arm, cpus, n, (unsigned)l[F_DIRTY].number, why);
	if (!ret && a->op == FLUSHER_SWEEP)
		ret = dirtier_add_sweep(s->dirtier, arm, a->scope.cpu, a->scope.n, why);
out:
	free(cpus);
	return ret;
}

static int add_series(struct bench_ctx *ctx, int *series, unsigned metric, const char *subject,
		      struct reason *why)
{
	if (*series >= 0)
		return 0;
	*series = ctx->series(ctx, metric, subject);
	return *series < 0 ? reason_set(why, *series, "out of memory") : 0;
}

static int cpu_series(struct wbinvd_state *s, struct bench_ctx *ctx, const struct flusher_arm *a,
		      struct reason *why)
{
	int ret = 0;

	for (unsigned i = 0; i < a->scope.n && !ret; i++) {
		unsigned cpu = a->scope.cpu[i];
		char subject[32];

		snprintf(subject, sizeof(subject), "cpu %u", cpu);
		ret = add_series(ctx, &s->tail[cpu], M_TAIL, subject, why);
		if (!ret)
			ret = add_series(ctx, &s->instruction[cpu], M_INSTRUCTION, subject, why);
		/* There is none to the CPU that asks, nor one that a sweep would tell of. */
		if (!ret && cpu != ctx->cpu && a->op != FLUSHER_SWEEP)
			ret = add_series(ctx, &s->interrupt[cpu], M_INTERRUPT, subject, why);
	}
	return ret;
}

static int series_setup(struct wbinvd_state *s, struct bench_ctx *ctx, struct reason *why)
{
	int ret = 0;

	s->tail = malloc(SCOPE_MAX_CPUS * sizeof(*s->tail));
	s->instruction = malloc(SCOPE_MAX_CPUS * sizeof(*s->instruction));
	s->interrupt = malloc(SCOPE_MAX_CPUS * sizeof(*s->interrupt));
	if (!s->tail || !s->instruction || !s->interrupt)
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < SCOPE_MAX_CPUS; i++)
		s->tail[i] = s->instruction[i] = s->interrupt[i] = -1;
	for (unsigned m = 0; m < M_MAX && !ret; m++) {
		bool wanted = m == M_FLUSH || m == M_LATE || (m >= M_GAP && s->victim);

		s->series[m] = -1;
		if (wanted)
			ret = add_series(ctx, &s->series[m], m, m >= M_GAP ? "victim" : "request",
					 why);
	}
	for (unsigned i = 0; i < s->n_arms && !ret; i++)
		ret = cpu_series(s, ctx, &s->arms[i], why);
	return ret;
}

static size_t steps_to_keep(const struct wbinvd_state *s, uint64_t available)
{
	size_t steps = ROOM_STEPS, most = available / 8 / sizeof(uint64_t);
	unsigned cpus = 0;

	for (unsigned i = 0; i < s->n_arms; i++)
		cpus = s->arms[i].scope.n > cpus ? s->arms[i].scope.n : cpus;
	steps += (size_t)cpus * CPU_STEPS;
	steps = steps < MAX_STEPS ? steps : MAX_STEPS;
	if (!available || steps < most)
		return steps;
	return most > ROOM_STEPS ? most : ROOM_STEPS;
}

static int victim_setup(struct wbinvd_state *s, struct bench_ctx *ctx, int cpu, struct reason *why)
{
	int ret;

	if (cpu < 0)
		return 0;
	s->room = steps_to_keep(s, mem_available(ctx->machine->root));
	json_object_set_new(ctx->facts, "victim", json_integer(cpu));
	json_object_set_new(ctx->facts, "victim_room", json_integer((json_int_t)s->room));
	ret = victim_open(&s->victim, ctx->machine->topo, (unsigned)cpu,
			  ctx->arms[0].levels[F_SET].number, ctx->seed, why);
	return ret ? ret : victim_room(s->victim, s->room, why);
}

static int find_victim(const struct bench_ctx *ctx, int *cpu, struct reason *why)
{
	const struct level *l = &ctx->arms[0].levels[F_VICTIM];

	*cpu = victim_cpu(ctx->machine->topo, (enum victim_where)l->number, ctx->cpu);
	if (*cpu < 0 && l->number != VICTIM_NONE)
		return reason_set(why, -ENOTSUP,
				  "victim=%s: there is none for CPU %u; name another "
				  "one with --cpu",
				  l->text, ctx->cpu);
	return 0;
}

static int all_setup(struct wbinvd_state *s, struct bench_ctx *ctx, struct reason *why)
{
	int victim, ret = find_victim(ctx, &victim, why);

	if (!ret)
		ret = flusher_open(&s->flusher, ctx->machine->root, needs_module(ctx), why);
	if (!ret)
		ret = clock_calibrate(&s->clock, &ctx->machine->cpu, CALIBRATE_MS, why);
	if (!ret)
		ret = dirtier_open(&s->dirtier, ctx, victim, why);
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++) {
		s->n_arms = i + 1;
		ret = arm_setup(s, ctx, i, victim, why);
	}
	s->flusher.dirtier = s->dirtier;
	if (!ret)
		ret = flusher_examine(&s->flusher, ctx, s->arms, &s->clock, op_levels, why);
	if (!ret)
		ret = dirtier_ready(s->dirtier, ctx, why);
	if (!ret)
		ret = victim_setup(s, ctx, victim, why);
	return ret ? ret : series_setup(s, ctx, why);
}

static int wbinvd_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct wbinvd_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->flusher.k.fd = -1;
	s->ctx = ctx;
	ret = all_setup(s, ctx, why);
	if (ret) {
		wbinvd_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

/* ---- a sample ---- */

static void wbinvd_prepare(void *state, unsigned arm)
{
	struct wbinvd_state *s = state;

	dirtier_dirty(s->dirtier, arm);
	if (s->victim)
		victim_start(s->victim);
	if (s->arms[arm].op == FLUSHER_SWEEP)
		dirtier_sweep_ready(s->dirtier, arm);
}

static uint64_t wbinvd_sample(void *state, unsigned arm, unsigned reps)
{
	struct wbinvd_state *s = state;

	(void)reps; /* never repeated: behind a flush the caches are in another state */
	flusher_flush(&s->flusher, &s->arms[arm]);
	return 1;
}

/* Return: was it late? */
static bool cpu_values(const struct wbinvd_state *s, const struct tdcost_cpu *c,
		       struct bench_values *out)
{
	double limit = LATE_S * s->clock.hz;

	if (!(c->flags & TDCOST_CPU_ANSWERED) || c->cpu >= SCOPE_MAX_CPUS)
		return true;
	bench_value(out, s->tail[c->cpu], (double)(c->end - s->flusher.call.start));
	bench_value(out, s->instruction[c->cpu], (double)(c->end - c->start));
	if (!(c->flags & TDCOST_CPU_SELF) && c->start >= c->request)
		bench_value(out, s->interrupt[c->cpu], (double)(c->start - c->request));
	return (double)(c->end - s->flusher.call.start) > limit;
}

/* Are there times, of all CPUs or of some? */
static bool was_done(const struct flusher *f)
{
	return !f->ret || f->ret == -ETIMEDOUT;
}

static void victim_values(struct wbinvd_state *s, struct bench_values *out)
{
	const struct tdcost_flush *call = &s->flusher.call;
	struct victim_steps steps = victim_stop(s->victim);
	struct victim_found f;

	if (!was_done(&s->flusher))
		return;
	s->watched++;
	if (victim_judge(&steps, call->start, call->end, &f)) {
		s->unseen += !steps.full;
		s->outlast += steps.full;
		return;
	}
	bench_value(out, s->series[M_GAP], f.gap);
	bench_value(out, s->series[M_SLOWDOWN], f.slowdown);
	/* It may have got warm behind the record's end: then it is not known to be cold. */
	s->outlast += steps.full && !f.back;
	if (!steps.full || f.back)
		bench_value(out, s->series[M_COLD], !f.back);
	if (!f.back)
		return;
	bench_value(out, s->series[M_WARM_UP], f.warm_up);
	bench_value(out, s->series[M_LOST], f.lost);
}

static void wbinvd_values(void *state, unsigned arm, struct bench_values *out)
{
	struct wbinvd_state *s = state;
	const struct flusher *f = &s->flusher;
	bool late = false;

	flusher_report(&s->flusher, &s->arms[arm]);
	if (s->victim)
		victim_values(s, out);
	if (!was_done(f))
		return;
	for (unsigned i = 0; i < f->n; i++)
		late |= cpu_values(s, &f->result[i], out);
	bench_value(out, s->series[M_LATE], late);
	bench_value(out, s->series[M_FLUSH], (double)(f->call.end - f->call.start));
}

static int wbinvd_verify(void *state, unsigned arm, struct reason *why)
{
	struct wbinvd_state *s = state;

	return flusher_verify(&s->flusher, &s->arms[arm], why);
}

/* Others may have had its CPU for a while. That is no fault of the flush, unless it is always so. */
static int judge_victim(const struct wbinvd_state *s, struct reason *why)
{
	char detail[160];

	if (s->outlast) {
		snprintf(
			detail, sizeof(detail),
			"in %u of %u samples the victim's trouble lasted longer than the %zu steps "
			"that are kept of it",
			s->outlast, s->watched, s->room);
		s->ctx->flag(s->ctx, FLAG_RECORD_FULL, -1, detail);
	}
	if (!s->unseen)
		return 0;
	if (s->unseen == s->watched)
		return reason_set(why, -EFAULT, "the victim did not run in any of %u samples",
				  s->watched);
	snprintf(detail, sizeof(detail), "in %u of %u samples the victim did not get its CPU",
		 s->unseen, s->watched);
	s->ctx->flag(s->ctx, FLAG_BUSY, -1, detail);
	return 0;
}

static int wbinvd_finish(void *state, struct reason *why)
{
	const struct wbinvd_state *s = state;
	int ret = flusher_finish(&s->flusher, why);

	return ret ? ret : judge_victim(s, why);
}

const struct bench_info wbinvd_bench = {
	.name = "wbinvd",
	.summary = "flush whole caches: what it costs, and whom it stalls",
	.version = 2,
	.factors = wbinvd_factors,
	.metrics = wbinvd_metrics,
	.resolve = wbinvd_resolve,
	.supported = wbinvd_supported,
	.kind = wbinvd_kind,
	.setup = wbinvd_setup,
	.prepare = wbinvd_prepare,
	.sample = wbinvd_sample,
	.values = wbinvd_values,
	.verify = wbinvd_verify,
	.finish = wbinvd_finish,
	.teardown = wbinvd_teardown,
};
