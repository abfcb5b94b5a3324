// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/stop_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the module ---- */

static int ask_flush(void *ctx, enum tdcost_op op, const struct kmod_mask *mask,
		     struct tdcost_cpu *result, unsigned *n, struct tdcost_flush *f,
		     struct reason *why)
{
	return kmod_flush(ctx, op, TDCOST_ALL, mask, result, n, f, why);
}

static int ask_stop(void *ctx, struct tdcost_stop *s, const struct kmod_mask *flagged,
		    struct tdcost_cpu *result, unsigned *n, struct reason *why)
{
	return kmod_stop(ctx, s, flagged, result, n, why);
}

static int ask_counters(void *ctx, uint64_t *counters, unsigned *n, struct reason *why)
{
	return kmod_counters(ctx, counters, n, why);
}

struct stop_executor stop_executor_kmod(const struct kmod *k)
{
	return (struct stop_executor){
		.flush = ask_flush,
		.stop = ask_stop,
		.counters = ask_counters,
		.ctx = (void *)k,
		.cpus = k->info.cpus,
	};
}

/* ---- the sequence ---- */

/* Who answers an interrupt that flushes nothing is there. */
static int call_the_roll(struct stop_replay *r, struct reason *why)
{
	struct kmod_mask everybody = { { 0 } };
	struct tdcost_flush f;
	unsigned n = 0;
	int ret;

	for (unsigned cpu = 0; cpu < r->ex.cpus && cpu < 64 * KMOD_MASK_WORDS; cpu++)
		kmod_mask_set(&everybody, cpu);
	ret = r->ex.flush(r->ex.ctx, TDCOST_NOTHING, &everybody, r->stop_cpu, &n, &f, why);
	if (ret)
		return ret;
	for (unsigned i = 0; i < n; i++)
		kmod_mask_set(&r->all, r->stop_cpu[i].cpu);
	r->n_all = n;
	return 0;
}

int stop_replay_open(struct stop_replay *r, const struct stop_executor *ex, unsigned self,
		     struct reason *why)
{
	*r = (struct stop_replay){ .ex = *ex, .self = self };
	r->early_cpu = calloc(ex->cpus, sizeof(*r->early_cpu));
	r->stop_cpu = calloc(ex->cpus, sizeof(*r->stop_cpu));
	r->before = calloc(ex->cpus, sizeof(*r->before));
	r->after = calloc(ex->cpus, sizeof(*r->after));
	if (!r->early_cpu || !r->stop_cpu || !r->before || !r->after)
		return reason_set(why, -ENOMEM, "out of memory");
	return call_the_roll(r, why);
}

void stop_replay_close(struct stop_replay *r)
{
	free(r->early_cpu);
	free(r->stop_cpu);
	free(r->before);
	free(r->after);
	memset(r, 0, sizeof(*r));
}

int stop_replay_early(struct stop_replay *r, const struct stop_policy *policy,
		      const struct kmod_mask *flagged, bool behind, struct reason *why)
{
	stop_plan_make(&r->plan, policy, &r->all, flagged, r->self, behind);
	r->flushed_early = !stop_mask_empty(&r->plan.early);
	r->n_early = 0;
	r->early = (struct tdcost_flush){ 0 };
	r->own = (struct tdcost_cpu){ 0 };
	if (!r->flushed_early)
		return 0;
	return r->ex.flush(r->ex.ctx, TDCOST_WBINVD, &r->plan.early, r->early_cpu, &r->n_early,
			   &r->early, why);
}

int stop_replay_settle(struct stop_replay *r, struct reason *why)
{
	struct tdcost_flush f;
	unsigned n = 0;

	return r->ex.flush(r->ex.ctx, TDCOST_NOTHING, &r->all, r->stop_cpu, &n, &f, why);
}

int stop_replay_stop(struct stop_replay *r, struct reason *why)
{
	r->stop = (struct tdcost_stop){ .op = TDCOST_WBINVD, .max_polls = STOP_MAX_POLLS };
	r->n_stop = 0;
	return r->ex.stop(r->ex.ctx, &r->stop, &r->plan.stop, r->stop_cpu, &r->n_stop, why);
}

/*
 * Not TDCOST_STOP_SELF: relocate_kernel() comes behind the wait for the mask, and so it is no part
 * of the time of that.
 */
int stop_replay_own(struct stop_replay *r, struct reason *why)
{
	struct kmod_mask self = { { 0 } };
	struct tdcost_flush f;
	unsigned n = 0;

	if (!r->plan.self)
		return 0;
	kmod_mask_set(&self, r->self);
	return r->ex.flush(r->ex.ctx, TDCOST_WBINVD, &self, &r->own, &n, &f, why);
}

static int check_times(const struct tdcost_cpu *c, struct reason *why)
{
	if (!(c->flags & TDCOST_CPU_ANSWERED))
		return 0;
	if (c->start < c->request)
		return reason_set(why, -EFAULT,
				  "CPU %u began before it was asked: its TSC is not that of the "
				  "CPU that asked",
				  c->cpu);
	if (c->end < c->start)
		return reason_set(why, -EFAULT, "CPU %u ended before it began", c->cpu);
	return 0;
}

int stop_replay_check(const struct stop_replay *r, struct reason *why)
{
	int ret = 0;

	for (unsigned i = 0; i < r->n_early && !ret; i++)
		ret = check_times(&r->early_cpu[i], why);
	for (unsigned i = 0; i < r->n_stop && !ret; i++)
		ret = check_times(&r->stop_cpu[i], why);
	if (!ret && r->plan.self)
		ret = check_times(&r->own, why);
	if (!ret && (r->early.end < r->early.start || r->stop.end < r->stop.start))
		ret = reason_set(why, -EFAULT, "CPU %u's TSC went backwards", r->self);
	return ret;
}

int stop_replay_count(struct stop_replay *r, struct reason *why)
{
	unsigned n = 0;

	return r->ex.counters(r->ex.ctx, r->before, &n, why);
}

static const struct tdcost_cpu *stopped(const struct stop_replay *r, unsigned cpu)
{
	for (unsigned i = 0; i < r->n_stop; i++)
		if (r->stop_cpu[i].cpu == cpu)
			return &r->stop_cpu[i];
	return NULL;
}

static unsigned planned(const struct stop_replay *r, unsigned cpu)
{
	return stop_mask_has(&r->plan.early, cpu) + stop_mask_has(&r->plan.stop, cpu) +
	       (cpu == r->self && r->plan.self);
}

static int verify_cpu(const struct stop_replay *r, unsigned cpu, struct reason *why)
{
	const struct tdcost_cpu *c = stopped(r, cpu);
	uint64_t did = r->after[cpu] - r->before[cpu];

	if (did != planned(r, cpu))
		return reason_set(why, -EFAULT, "CPU %u flushed %llu times, the policy says %u",
				  cpu, (unsigned long long)did, planned(r, cpu));
	if (!c != (cpu == r->self))
		return reason_set(why, -EFAULT, "CPU %u was %s", cpu,
				  c ? "stopped" : "not stopped");
	if (c && !(c->flags & TDCOST_CPU_FLUSHED) != !stop_mask_has(&r->plan.stop, cpu))
		return reason_set(why, -EFAULT, "CPU %u %s in the stop", cpu,
				  c->flags & TDCOST_CPU_FLUSHED ? "flushed" : "did not flush");
	return 0;
}

int stop_replay_verify(struct stop_replay *r, struct reason *why)
{
	unsigned n = 0;
	int ret = stop_replay_check(r, why);

	if (!ret)
		ret = r->ex.counters(r->ex.ctx, r->after, &n, why);
	for (unsigned cpu = 0; cpu < n && !ret; cpu++)
		if (stop_mask_has(&r->all, cpu))
			ret = verify_cpu(r, cpu, why);
	return ret;
}

uint64_t stop_replay_early_ticks(const struct stop_replay *r)
{
	return r->early.end - r->early.start;
}

uint64_t stop_replay_stop_ticks(const struct stop_replay *r)
{
	uint64_t end = r->stop.end;

	/* The module stops looking 10 ms behind the last poll; a kexec waits until all are done. */
	for (unsigned i = 0; r->stop.late_nmi && i < r->n_stop; i++)
		if (!(r->stop_cpu[i].flags & TDCOST_CPU_SELF) && r->stop_cpu[i].end > end)
			end = r->stop_cpu[i].end;
	return end - r->stop.start;
}

uint64_t stop_replay_own_ticks(const struct stop_replay *r)
{
	return r->own.end - r->own.start;
}
