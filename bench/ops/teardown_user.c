// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/teardown_kernel.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/ops/flush_ops.h"
#include "bench/ops/lines.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* The median of the samples must not leave more of itself unexplained. */
#define UNEXPLAINED_SHARE 0.05

static int64_t ns_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t wall_first(void)
{
	int64_t wall = ns_of(CLOCK_MONOTONIC_RAW);

	return wall - ns_of(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t wall_last(void)
{
	int64_t ran = ns_of(CLOCK_THREAD_CPUTIME_ID);

	return ns_of(CLOCK_MONOTONIC_RAW) - ran;
}

int64_t td_away_begin(bool around)
{
	return around ? wall_first() : wall_last();
}

int64_t td_away_end(bool around, int64_t begun)
{
	return (around ? wall_last() : wall_first()) - begun;
}

/* ---- before a sample ---- */

/* All pages anew: those of the sample before went back to the kernel. */
static void renew_pages(const struct mem *mem)
{
	char *base = mem->base;

	madvise(base, mem->bytes, MADV_DONTNEED);
	if (!madvise(base, mem->bytes, MADV_POPULATE_WRITE))
		return;
	for (size_t at = 0; at < mem->bytes; at += TD_PAGE)
		*(volatile char *)(base + at) = 0;
}

static void renew(struct td_user *u)
{
	renew_pages(&u->mem);
	renew_pages(&u->control);
}

static void bring_lines(struct td_user *u, const struct td_setting *set)
{
	if (set->dirty)
		lines_dirty(u->mem.base, u->mem.bytes, u->random);
	else
		lines_evict(&u->ctx->machine->cpu, u->mem.base, u->mem.bytes);
	/* Who else than the module had them is long ago. */
	lines_evict(&u->ctx->machine->cpu, u->control.base, u->control.bytes);
}

/* One reference for each page, as AUG of 4 KiB pages has taken them. */
static void count_pages(struct td_user *u, const struct td_arm *a)
{
	struct topup_ctx *ctx = &u->thread[0].ctx;

	if (a->set.dpamt == TD_DPAMT_OFF || (a->set.without & TD_BIT(TD_P_PAMT)))
		return;
	for (size_t at = 0; at < a->set.size; at += TD_PAGE)
		topup_pamt_get(&u->pamt, ctx, (unsigned)(at / TD_REGION), NULL);
	u->pamt.add_loops = a->pamt_loops;
}

static void clear(struct td_thread *t)
{
	memset(&t->tally, 0, sizeof(t->tally));
	memset(t->count, 0, sizeof(t->count));
}

/* Between taking its leaves a vCPU does nothing but enter the guest again when it was kicked out. */
static void be_guest(struct td_user *u, struct td_vcpu *vcpu)
{
	while (__atomic_load_n(&u->running, __ATOMIC_ACQUIRE)) {
		if (READ_ONCE(vcpu->mode) == TD_EXITING_GUEST_MODE)
			WRITE_ONCE(vcpu->mode, TD_IN_GUEST_MODE);
		cpu_relax();
	}
}

static void take_leaves(struct td_user *u, unsigned member)
{
	const struct td_setting *set = &u->arm->set;
	size_t n = set->size / set->leaf;
	bool around = u->arm->replay.every; /* else the loop is timed within */
	int64_t away = td_away_begin(around);

	td_leaves(&u->arm->replay, &u->thread[member], n * member / set->threads,
		  n * (member + 1) / set->threads);
	u->away_thread[member] = td_away_end(around, away);
	__atomic_sub_fetch(&u->running, 1, __ATOMIC_RELEASE);
}

static void take_part(void *arg, unsigned member)
{
	struct td_user *u = arg;
	unsigned threads = u->arm->set.threads;

	if (member < threads)
		take_leaves(u, member);
	else
		be_guest(u, &u->vcpu[member - threads]);
}

static bool has_team(const struct td_arm *a)
{
	return a->set.threads + a->set.in_guest > 1;
}

void td_user_ready(struct td_user *u, const struct td_arm *a)
{
	reset_bug_bits = a->set.erratum ? RESET_BUG_TDX_PW_MCE : 0;
	flush_features0 = FLUSH_CLFLUSH_BEFORE_ALLOC;
	count_pages(u, a);
	clear(&u->whole);
	for (unsigned i = 0; i < u->threads; i++)
		clear(&u->thread[i]);
	for (unsigned i = 0; i < a->set.vcpus; i++)
		u->vcpu[i].mode = i < a->set.in_guest ? TD_IN_GUEST_MODE : TD_OUTSIDE_GUEST_MODE;
	u->arm = a;
	u->running = a->set.threads;
	if (has_team(a))
		team_ready(u->team, a->set.threads + a->set.in_guest, take_part, u);
}

void td_user_prepare(struct td_user *u, unsigned arm)
{
	struct td_arm *a = &u->arms[arm];

	phases_clear(&a->phases);
	if (u->kernel) {
		td_kernel_prepare(u, a);
		return;
	}
	renew(u);
	if (a->set.reset_alone) {
		reset_user_prepare(&u->alone, &a->alone);
		return;
	}
	bring_lines(u, &a->set);
	td_user_ready(u, a);
}

/* ---- a sample ---- */

static void hkid(struct td_user *u, const struct td_arm *a)
{
	int64_t away;

	if (a->set.without & TD_BIT(TD_P_HKID))
		return;
	away = td_away_begin(false);
	td_tally_begin(&u->whole.tally);
	td_release_hkid(&a->replay, &u->whole);
	td_tally_mark(&u->whole.tally, TD_P_HKID);
	td_tally_keep(&u->whole.tally);
	u->away[TD_P_HKID] = td_away_end(false, away);
}

static void control(struct td_user *u, const struct td_arm *a)
{
	int64_t away;

	if (a->set.without & TD_BIT(TD_P_CONTROL))
		return;
	away = td_away_begin(false);
	td_tally_begin(&u->whole.tally);
	td_release_control(&a->replay, &u->whole);
	td_tally_mark(&u->whole.tally, TD_P_CONTROL);
	td_tally_keep(&u->whole.tally);
	u->away[TD_P_CONTROL] = td_away_end(false, away);
}

static void all_leaves(struct td_user *u, const struct td_arm *a)
{
	struct td_tally *t = &u->whole.tally;
	int64_t away = td_away_begin(false);
	uint64_t own = 0;

	if (!has_team(a)) {
		take_leaves(u, 0);
		return;
	}
	td_tally_begin(t);
	team_go(u->team);
	td_tally_mark(t, TD_P_WAIT);
	td_tally_keep(t);
	for (unsigned i = 0; i < a->set.threads; i++)
		own += team_time(u->team, i)->end - team_time(u->team, i)->start;
	t->ticks[TD_P_WAIT] -= own / a->set.threads;
	/* Whoever had the caller's CPU while it waited is in what it waited. */
	u->away[TD_P_WAIT] = td_away_end(false, away) - u->away_thread[0];
}

void td_user_steps(struct td_user *u, const struct td_arm *a)
{
	if (a->set.path == TD_TEARDOWN)
		hkid(u, a);
	all_leaves(u, a);
	if (a->set.path == TD_DYNAMIC)
		hkid(u, a);
	control(u, a);
}

/* The file's pages go when its last reference does, behind the removal of all of them. */
void td_user_free_pages(struct td_user *u, const struct td_arm *a)
{
	int64_t away;

	if (a->set.without & TD_BIT(TD_P_FREE))
		return;
	away = td_away_begin(false);
	td_tally_begin(&u->whole.tally);
	madvise(u->mem.base, u->mem.bytes, MADV_DONTNEED);
	madvise(u->control.base, u->control.bytes, MADV_DONTNEED);
	td_tally_mark(&u->whole.tally, TD_P_FREE);
	td_tally_keep(&u->whole.tally);
	u->away[TD_P_FREE] = td_away_end(false, away);
}

static void all_steps(struct td_user *u, const struct td_arm *a)
{
	td_user_steps(u, a);
	td_user_free_pages(u, a);
}

uint64_t td_user_run(struct td_user *u, unsigned arm)
{
	const struct td_arm *a = &u->arms[arm];
	int64_t away = td_away_begin(true);

	memset(u->away, 0, sizeof(u->away));
	memset(u->away_thread, 0, u->threads * sizeof(*u->away_thread));
	if (u->kernel)
		td_kernel_run(u, a);
	else if (a->set.reset_alone)
		reset_user_run(&u->alone, &a->alone, 1);
	else
		all_steps(u, a);
	u->away[TD_P_AWAY] = td_away_end(true, away);
	return 1;
}

/* ---- behind it ---- */

/* Of the marked leaves to all leaves of the thread; and threads work side by side: their mean. */
static void add_thread(const struct td_user *u, struct phases *p, const struct td_thread *t,
		       double leaves, double share)
{
	double scale = t->tally.leaves ? leaves / (double)t->tally.leaves * share : 0;

	for (unsigned i = 0; i < TD_PHASES; i++)
		p->ticks[i] +=
			((double)t->tally.ticks[i] - (double)t->tally.count[i] * u->mark_cost) *
			scale;
	p->ticks[TD_P_TIMING] += (double)t->tally.marks * u->mark_cost * share;
}

static void add_threads(struct td_user *u, struct td_arm *a)
{
	double share = 1. / a->set.threads;
	double leaves = (double)(a->set.size / a->set.leaf) * share;

	for (unsigned i = 0; i < a->set.threads; i++)
		add_thread(u, &a->phases, &u->thread[i], a->replay.every ? leaves : 1, share);
	/* Marked once each, and all of it. */
	add_thread(u, &a->phases, &u->whole, (double)u->whole.tally.leaves, 1);
}

static void tell_steps(const struct td_user *u, const struct td_arm *a, struct bench_values *out)
{
	for (unsigned step = 0; step < TD_STEPS; step++) {
		uint64_t n = u->whole.count[step];

		for (unsigned i = 0; i < a->set.threads; i++)
			n += u->thread[i].count[step];
		if (n)
			bench_value(out, u->steps[step], (double)n);
	}
}

/* The mean of the threads, as their phases are; the caller's own where it does something else. */
static void mean_away(struct td_user *u, const struct td_arm *a)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < a->set.threads; i++)
		sum += u->away_thread[i];
	u->away[TD_P_LEAVES] = sum / a->set.threads;
	u->away[TD_P_AWAY] += u->away[TD_P_LEAVES] - u->away_thread[0] - u->away[TD_P_WAIT];
}

/*
 * What was away is in no other phase. A marked leaf that was interrupted does not count, but the
 * rest, and the whole loop over the leaves, are timed from end to end.
 */
static void take_away(struct td_user *u, struct td_arm *a)
{
	double *ticks = a->phases.ticks;

	mean_away(u, a);
	ticks[TD_P_AWAY] = (double)u->away[TD_P_AWAY] * u->ticks_per_ns;
	ticks[TD_P_HKID] -= (double)u->away[TD_P_HKID] * u->ticks_per_ns;
	ticks[TD_P_CONTROL] -= (double)u->away[TD_P_CONTROL] * u->ticks_per_ns;
	ticks[TD_P_FREE] -= (double)u->away[TD_P_FREE] * u->ticks_per_ns;
	if (!a->replay.every)
		ticks[TD_P_LEAVES] -= (double)u->away[TD_P_LEAVES] * u->ticks_per_ns;
}

/* With more than half of the samples beyond it their median is. */
static void count_unexplained(struct td_arm *a, double sample)
{
	double left = sample;

	for (unsigned i = 0; i < TD_PHASES; i++)
		left -= a->phases.ticks[i];
	a->samples++;
	a->unexplained += fabs(left) > UNEXPLAINED_SHARE * sample;
}

void td_user_values(struct td_user *u, unsigned arm, struct bench_values *out)
{
	struct td_arm *a = &u->arms[arm];

	if (a->set.reset_alone) {
		a->phases.ticks[TD_P_AWAY] = (double)u->away[TD_P_AWAY] * u->ticks_per_ns;
		a->phases.ticks[td_alone_phase(&a->set)] =
			bench_sample_ticks(out) - a->phases.ticks[TD_P_AWAY];
	} else {
		add_threads(u, a);
		take_away(u, a);
		tell_steps(u, a, out);
	}
	count_unexplained(a, bench_sample_ticks(out));
	phases_values(&a->phases, out);
	bench_value(out, u->page, bench_sample_ticks(out) / (double)(a->set.size / TD_PAGE));
}

static void flag_shortage(struct td_user *u)
{
	char detail[128];

	snprintf(detail, sizeof(detail), "%zu of %zu MiB as %s at the end", u->mem.granted >> 20,
		 u->mem.bytes >> 20, mem_backing_name(u->mem.backing));
	u->ctx->flag(u->ctx, FLAG_HUGE_PAGES, -1, detail);
}

static void flag_unexplained(struct td_user *u)
{
	char detail[128];

	for (unsigned i = 0; i < u->n_arms; i++) {
		const struct td_arm *a = &u->arms[i];

		if (2 * a->unexplained <= a->samples)
			continue;
		snprintf(detail, sizeof(detail),
			 "more than %.0f %% of the time in %u of %u samples",
			 100 * UNEXPLAINED_SHARE, a->unexplained, a->samples);
		u->ctx->flag(u->ctx, FLAG_UNEXPLAINED, (int)i, detail);
	}
}

int td_user_finish(struct td_user *u, struct reason *why)
{
	int ret;

	flag_unexplained(u);
	if (u->kernel)
		return td_kernel_finish(u, why);
	renew(u);
	ret = mem_look_again(&u->mem, why);
	if (!ret && u->mem.granted < u->mem.bytes)
		flag_shortage(u);
	return ret ? ret : td_user_guards(u, why);
}
