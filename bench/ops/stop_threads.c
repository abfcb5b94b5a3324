// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/stop_threads.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/measure/clock.h"

#define NMI_POLLS 10000 /* of udelay(1): how long native_stop_other_cpus() waits for its NMI */
#define PAUSES	  1000	/* that stand for a flush */
#define NS_PER_US 1000

/* Of one member, in the call under way and before it. */
struct part {
	_Alignas(64) struct tdcost_cpu cpu;
	bool asked;
};

/* Threads play one call at a time, each its part; the caller plays the kexec-ing CPU. */
struct stop_threads {
	struct team *team;
	unsigned n, cpus;
	enum tdcost_op op;
	struct kmod_mask given; /* who is asked to flush, or whose flag is set */
	struct tdcost_stop *stop;
	atomic_ullong stopping[KMOD_MASK_WORDS]; /* cpus_stop_mask of the kernel */
	struct kmod_mask late, late_nmi;
	struct part *parts;
	unsigned *by_cpu; /* members, their CPUs ascending */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* As the kernel's. */
static void udelay(unsigned us)
{
	uint64_t end = now_ns() + (uint64_t)us * NS_PER_US;

	while (now_ns() < end)
		__builtin_ia32_pause();
}

static void play_flush(struct stop_threads *t, struct part *p)
{
	p->cpu.flags |= TDCOST_CPU_FLUSHED;
	if (t->op == TDCOST_NOTHING)
		return;
	for (unsigned i = 0; i < PAUSES; i++)
		__builtin_ia32_pause();
	p->cpu.flushes++;
}

static void begin(struct stop_threads *t, unsigned member)
{
	struct part *p = &t->parts[member];

	p->asked = true;
	p->cpu.cpu = team_cpu(t->team, member);
	p->cpu.flags = TDCOST_CPU_ANSWERED | (member ? 0 : TDCOST_CPU_SELF);
}

/* ---- a flush, as wbinvd_on_cpus_mask() ---- */

static void take_flush(void *arg, unsigned member)
{
	struct stop_threads *t = arg;
	struct part *p = &t->parts[member];
	uint32_t unused;

	p->asked = false;
	if (!stop_mask_has(&t->given, team_cpu(t->team, member)))
		return;
	begin(t, member);
	p->cpu.start = tick_start();
	play_flush(t, p);
	p->cpu.end = tick_stop(&unused);
}

/* What the call says of each CPU asked, ascending. Return: how many. */
static unsigned results(const struct stop_threads *t, uint64_t request, struct tdcost_cpu *result)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[t->by_cpu[i]];
		struct tdcost_cpu *c = &result[n];

		if (!p->asked)
			continue;
		*c = p->cpu;
		c->request = request;
		if (stop_mask_has(&t->late, c->cpu))
			c->flags |= TDCOST_CPU_LATE;
		if (stop_mask_has(&t->late_nmi, c->cpu))
			c->flags |= TDCOST_CPU_LATE_NMI;
		n++;
	}
	return n;
}

static int threads_flush(void *ctx, enum tdcost_op op, const struct kmod_mask *mask,
			 struct tdcost_cpu *result, unsigned *n, struct tdcost_flush *f,
			 struct reason *why)
{
	struct stop_threads *t = ctx;
	uint32_t unused;

	if (stop_mask_empty(mask))
		return reason_set(why, -EINVAL, "no CPU is asked to flush");
	t->op = op;
	t->given = *mask;
	memset(&t->late, 0, sizeof(t->late));
	memset(&t->late_nmi, 0, sizeof(t->late_nmi));
	team_ready(t->team, t->n, take_flush, t);
	f->start = tick_start();
	team_go(t->team);
	f->end = tick_stop(&unused);
	*n = results(t, f->start, result);
	f->n = *n;
	return 0;
}

/* ---- the stop, as native_stop_other_cpus() ---- */

static void clear_bit(struct stop_threads *t, unsigned cpu)
{
	atomic_fetch_and(&t->stopping[cpu / 64], ~(1ull << (cpu % 64)));
}

static bool all_stopped(struct stop_threads *t)
{
	for (unsigned i = 0; 64 * i < t->cpus; i++)
		if (atomic_load(&t->stopping[i]))
			return false;
	return true;
}

static void copy_mask(struct stop_threads *t, struct kmod_mask *to)
{
	for (unsigned i = 0; 64 * i < t->cpus; i++)
		to->words[i] = atomic_load(&t->stopping[i]);
}

static unsigned count(const struct kmod_mask *mask)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KMOD_MASK_WORDS; i++)
		n += (unsigned)__builtin_popcountll(mask->words[i]);
	return n;
}

static unsigned poll_stopping(struct stop_threads *t, unsigned max)
{
	unsigned polls;

	for (polls = 0; polls < max && !all_stopped(t); polls++)
		udelay(1);
	return polls;
}

static void stop_others(struct stop_threads *t)
{
	struct tdcost_stop *s = t->stop;
	uint32_t unused;

	s->polls = poll_stopping(t, s->max_polls);
	copy_mask(t, &t->late);
	if (count(&t->late)) {
		poll_stopping(t, NMI_POLLS);
		copy_mask(t, &t->late_nmi);
	}
	s->end = tick_stop(&unused);
}

static void stop_this_cpu(struct stop_threads *t, unsigned member)
{
	struct part *p = &t->parts[member];
	uint32_t unused;

	begin(t, member);
	if (t->stop->delay_us && t->stop->delay_cpu == p->cpu.cpu)
		udelay(t->stop->delay_us);
	p->cpu.start = tick_start();
	if (stop_mask_has(&t->given, p->cpu.cpu))
		play_flush(t, p);
	clear_bit(t, p->cpu.cpu);
	p->cpu.end = tick_stop(&unused);
}

static void take_stop(void *arg, unsigned member)
{
	struct stop_threads *t = arg;

	t->parts[member].asked = false;
	if (member)
		stop_this_cpu(t, member);
	else
		stop_others(t);
}

static bool has_other(const struct stop_threads *t, unsigned cpu)
{
	for (unsigned i = 1; i < t->n; i++)
		if (team_cpu(t->team, i) == cpu)
			return true;
	return false;
}

static int threads_stop(void *ctx, struct tdcost_stop *s, const struct kmod_mask *flagged,
			struct tdcost_cpu *result, unsigned *n, struct reason *why)
{
	struct stop_threads *t = ctx;

	if (!s->max_polls || s->max_polls > STOP_MAX_POLLS || s->flags)
		return reason_set(why, -EINVAL, "max_polls or flags are out of range");
	/* A delay that nobody would take would let a test believe in it. */
	if (s->delay_us && !has_other(t, s->delay_cpu))
		return reason_set(why, -EINVAL, "CPU %u is not stopped, so it cannot be delayed",
				  s->delay_cpu);
	t->op = s->op;
	t->given = *flagged;
	t->stop = s;
	memset(&t->late, 0, sizeof(t->late));
	memset(&t->late_nmi, 0, sizeof(t->late_nmi));
	for (unsigned i = 1; i < t->n; i++) {
		unsigned cpu = team_cpu(t->team, i);

		atomic_fetch_or(&t->stopping[cpu / 64], 1ull << (cpu % 64));
	}
	team_ready(t->team, t->n, take_stop, t);
	/* Others may begin before the one that polls does. */
	s->start = tick_start();
	team_go(t->team);
	s->late = count(&t->late);
	s->late_nmi = count(&t->late_nmi);
	*n = results(t, s->start, result);
	s->n = *n;
	return 0;
}

/* ---- the rest ---- */

static int threads_counters(void *ctx, uint64_t *counters, unsigned *n, struct reason *why)
{
	const struct stop_threads *t = ctx;

	(void)why;
	memset(counters, 0, t->cpus * sizeof(*counters));
	for (unsigned i = 0; i < t->n; i++)
		counters[team_cpu(t->team, i)] = t->parts[i].cpu.flushes;
	*n = t->cpus;
	return 0;
}

struct stop_executor stop_executor_threads(struct stop_threads *t)
{
	return (struct stop_executor){
		.flush = threads_flush,
		.stop = threads_stop,
		.counters = threads_counters,
		.ctx = t,
		.cpus = t->cpus,
	};
}

static void sort_by_cpu(struct stop_threads *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		unsigned at = i;

		for (; at && team_cpu(t->team, t->by_cpu[at - 1]) > team_cpu(t->team, i); at--)
			t->by_cpu[at] = t->by_cpu[at - 1];
		t->by_cpu[at] = i;
	}
}

int stop_threads_open(struct stop_threads **threads, struct team *team, unsigned n,
		      struct reason *why)
{
	struct stop_threads *t = calloc(1, sizeof(*t));

	*threads = NULL;
	if (!t)
		return reason_set(why, -ENOMEM, "out of memory");
	t->team = team;
	t->n = n;
	t->parts = aligned_alloc(64, n * sizeof(*t->parts));
	t->by_cpu = calloc(n, sizeof(*t->by_cpu));
	if (!t->parts || !t->by_cpu) {
		stop_threads_close(t);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	memset(t->parts, 0, n * sizeof(*t->parts));
	for (unsigned i = 0; i < n; i++)
		if (team_cpu(team, i) >= t->cpus)
			t->cpus = team_cpu(team, i) + 1;
	sort_by_cpu(t);
	*threads = t;
	return 0;
}

void stop_threads_close(struct stop_threads *t)
{
	if (!t)
		return;
	free(t->parts);
	free(t->by_cpu);
	free(t);
}
