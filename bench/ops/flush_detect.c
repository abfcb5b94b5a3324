// SPDX-License-Identifier: GPL-2.0-or-later
/* The measuring half for whole caches; flush_judge.c has the deciding one. */
#include "bench/ops/flush_detect.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ops/lines.h"
#include "harness/measure/design.h"

#define PAGE 4096ul
/* A flush that takes longer by the TSC has been measured with a clock that went wrong. */
#define LONGEST_S 60.0

/* One examination under way. */
struct examination {
	const struct flush_job *job;
	struct probe probe;
	char random[4096]; /* for dirty lines */
	uint64_t wall;	   /* ticks around the last flush, which a control waits for */
	bool lost_clock;   /* a flush took longer than LONGEST_S */
};

/*
 * The same lines are cached whatever the share, the rest of them clean: what differs between two
 * shares is what has to be written back, not who was driven out of the cache by the preparation.
 */
static void prepare(const struct examination *e, double share)
{
	const struct flush_job *job = e->job;
	size_t dirty = (size_t)(share * (double)job->bytes) / PAGE * PAGE;

	lines_clean(job->cpu, job->base, job->bytes);
	lines_dirty(job->base, dirty, e->random);
	probe_load(&e->probe);
}

static int flush_once(struct examination *e, double *ticks)
{
	const struct flush_job *job = e->job;
	uint64_t reported = 0, start = tick_start();
	uint32_t cpu;
	int ret = job->flush(job->ctx, &reported);

	e->wall = tick_stop(&cpu) - start;
	*ticks = (double)(reported ? reported : e->wall);
	e->lost_clock = (double)e->wall > LONGEST_S * job->clock->hz;
	return !ret && e->lost_clock ? -ERANGE : ret;
}

/*
 * As long as a flush, without one. A flush may leave the guest for its hypervisor, which may evict
 * lines: so does the control.
 */
static void wait_as_long(const struct examination *e)
{
	uint32_t a, b, c, d;

	if (cpu_has(e->job->cpu, CPU_HYPERVISOR))
		__cpuid(0, a, b, c, d);
	probe_wait(e->wall);
}

static double sweep_once(const struct flush_job *job)
{
	uint64_t start = tick_start();
	uint32_t cpu;

	lines_evict(job->cpu, job->base, job->bytes);
	return (double)(tick_stop(&cpu) - start);
}

struct loads {
	uint32_t cached[PROBE_LINES], evicted[PROBE_LINES], after[PROBE_LINES], kept[PROBE_LINES];
};

static int look_after_flush(struct examination *e, double share, struct loads *l, double *ticks)
{
	int ret;

	prepare(e, share);
	ret = flush_once(e, ticks);
	probe_read(&e->probe, l->after);
	return ret;
}

static void look_after_wait(struct examination *e, double share, struct loads *l)
{
	prepare(e, share);
	probe_read(&e->probe, l->cached);
	wait_as_long(e);
	probe_read(&e->probe, l->kept);
}

/* Once each from the same state: flush and control, in random order, and a sweep. */
static int one_look(struct examination *e, unsigned share, unsigned k, struct flush_times *t)
{
	/* The first control must know how long a flush takes. */
	bool control_first = e->wall && seed_derive(e->job->seed, k, share, 13) & 1;
	double dirty = flush_shares[share];
	struct probe_scale scale;
	struct loads l;
	int ret;

	if (control_first)
		look_after_wait(e, dirty, &l);
	ret = look_after_flush(e, dirty, &l, &t->ticks[share][k]);
	if (ret)
		return ret;
	if (!control_first)
		look_after_wait(e, dirty, &l);
	prepare(e, dirty);
	t->sweep[share][k] = sweep_once(e->job);
	probe_read(&e->probe, l.evicted);
	scale = probe_scale(l.cached, l.evicted, e->probe.n);
	t->look[share][k] = (struct flush_look){
		.cached = scale.cached,
		.evicted = scale.evicted,
		.left = probe_gone(&scale, l.after, e->probe.n),
		.lost = probe_gone(&scale, l.kept, e->probe.n),
	};
	return 0;
}

/* Each share once, in random order: what drifts meets all of them. */
static int one_try(struct examination *e, unsigned k, struct flush_times *t)
{
	uint32_t order[FLUSH_SHARES];
	int ret = 0;

	for (uint32_t i = 0; i < FLUSH_SHARES; i++)
		order[i] = i;
	shuffle_u32(order, FLUSH_SHARES, seed_derive(e->job->seed, k, 0, 8));
	for (unsigned i = 0; i < FLUSH_SHARES && !ret; i++)
		ret = one_look(e, order[i], k, t);
	return ret;
}

/* More tries where the first ones leave it open: a noisy neighbour costs time, not the verdict. */
static int measure_and_judge(struct examination *e, struct flush_times *t,
			     struct flush_found *found)
{
	unsigned enough = e->job->tries ? e->job->tries : FLUSH_TRIES;

	while (t->tries < FLUSH_MAX_TRIES) {
		int ret = one_try(e, t->tries, t);

		if (ret)
			return ret;
		t->tries++;
		if (t->tries % enough && t->tries < FLUSH_MAX_TRIES)
			continue;
		flush_judge(t, found);
		if (found->verdict != FLUSH_CANNOT_TELL)
			break;
	}
	return 0;
}

static int refuse(const struct flush_job *job, struct reason *why)
{
	if (job->bytes < FLUSH_LEAST || job->bytes % PAGE)
		return reason_set(why, -EINVAL,
				  "flush region of %zu bytes: too small for a probe or not whole "
				  "pages; take a multiple of 4 KiB from %lu KiB on",
				  job->bytes, FLUSH_LEAST >> 10);
	if (!(job->clock->hz > 0))
		return reason_set(why, -EINVAL,
				  "flush control: the clock has no rate, so nothing can be timed; "
				  "calibrate it first");
	if (job->tries > FLUSH_MAX_TRIES)
		return reason_set(why, -EINVAL, "flush tries: %u are too many; take %d at most",
				  job->tries, FLUSH_MAX_TRIES);
	return 0;
}

int flush_detect(const struct flush_job *job, struct flush_times *times, struct flush_found *found,
		 struct reason *why)
{
	struct examination e = { .job = job };
	struct flush_times *own = NULL, *t = times;
	int ret = refuse(job, why);

	if (ret)
		return ret;
	if (!t)
		t = own = malloc(sizeof(*own));
	if (!t)
		return reason_set(why, -ENOMEM, "out of memory");
	*t = (struct flush_times){
		.bytes = job->bytes,
		.hz = job->clock->hz,
		.keeps = job->keeps,
	};
	for (size_t i = 0; i < PAGE; i++)
		e.random[i] = (char)seed_derive(job->seed, i, 0, 9);
	probe_init(&e.probe, job->base);
	probe_add(&e.probe, 0, job->bytes, PROBE_LINES, job->seed);
	ret = measure_and_judge(&e, t, found);
	if (e.lost_clock) {
		*found = (struct flush_found){ .verdict = FLUSH_CANNOT_TELL };
		snprintf(found->text, sizeof(found->text),
			 "it took more than %.0f s by the TSC, so its control cannot be timed; "
			 "`tdcost doctor` checks the clock",
			 LONGEST_S);
		ret = 0;
	} else if (ret) {
		ret = reason_set(why, ret, "cannot examine the flush: %s", strerror(-ret));
	}
	free(own);
	return ret;
}
