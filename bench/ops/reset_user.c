// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/reset_user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/ops/flush_detect.h"
#include "bench/ops/held.h"
#include "bench/ops/lines.h"

#define PAGE   4096ul
#define POISON 0xa5 /* what undone work leaves */
/* So many calls are looked at. */
#define HELD_CALLS 64

const struct level_info reset_insn_levels[] = {
	{ "movdir64b", "64-byte direct store, the kernel's instruction", false },
	{ "clzero", "AMD's line zeroing (analogue)", false },
	{ "ntstore512", "non-temporal stores, AVX-512 (analogue)", false },
	{ "ntstore256", "non-temporal stores, AVX (analogue)", false },
	{ "rep_stosb", "REP STOSB (analogue)", false },
	{ "memset", "the C library's memset() (analogue)", false },
	{ "auto", "the first of them that this CPU has; in ring 0 movdir64b", true },
	{ NULL, NULL, false },
};

/* ---- what all arms share ---- */

static int make_buffers(struct reset_user *u)
{
	u->random = aligned_alloc(PAGE, PAGE);
	u->zero = aligned_alloc(PAGE, PAGE);
	u->pattern = aligned_alloc(PAGE, PAGE);
	if (!u->random || !u->zero || !u->pattern)
		return -ENOMEM;
	memset(u->zero, 0, PAGE);
	for (size_t at = 0; at < PAGE; at += 256)
		if (getrandom(u->random + at, 256, 0) != 256)
			return -EIO;
	memcpy(u->pattern, u->random, PAGE);
	/* Loops that store bytes repeat the first one: it must be neither zero nor the poison. */
	u->pattern[0] = 0x5a;
	return 0;
}

static int make_team(struct reset_user *u, struct bench_ctx *ctx, const struct reset_call *calls,
		     unsigned metric, struct reason *why)
{
	unsigned threads = 1, *cpus;
	char subject[32];
	int ret;

	for (unsigned i = 0; i < ctx->n_arms; i++)
		threads = calls[i].threads > threads ? calls[i].threads : threads;
	if (threads == 1)
		return 0;
	cpus = calloc(threads, sizeof(*cpus));
	u->cpu_series = calloc(threads, sizeof(*u->cpu_series));
	if (!cpus || !u->cpu_series) {
		free(cpus);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	topo_spread(ctx->machine->topo, ctx->cpu, cpus, threads);
	for (unsigned i = 0; i < threads; i++) {
		snprintf(subject, sizeof(subject), "cpu %u", cpus[i]);
		u->cpu_series[i] = ctx->series(ctx, metric, subject);
	}
	ret = team_open(&u->team, ctx->machine->topo, cpus, threads, why);
	free(cpus);
	return ret;
}

/* The order of an arm's calls, shared with an arm before it that has the same. */
static const uint32_t *order_for(struct reset_user *u, const struct bench_ctx *ctx,
				 const struct reset_call *calls, unsigned arm)
{
	for (unsigned i = 0; i < arm; i++)
		if (calls[i].n == calls[arm].n && calls[i].shuffled == calls[arm].shuffled)
			return calls[i].order;
	u->orders[u->n_orders] = region_order(calls[arm].n, calls[arm].shuffled, ctx->seed);
	return u->orders[u->n_orders++];
}

static int complete_calls(struct reset_user *u, struct bench_ctx *ctx, struct reset_call *calls,
			  struct reason *why)
{
	u->orders = calloc(ctx->n_arms, sizeof(*u->orders));
	for (unsigned i = 0; u->orders && i < ctx->n_arms; i++) {
		struct reset_call *c = &calls[i];
		reset_fn *const *loops = c->unrolled ? c->op->unrolled : c->op->reset;

		c->n = u->mem.bytes / c->page;
		c->reset = loops[c->fence_once ? RESET_NO_BARRIER : c->barrier];
		/* Without the quirk nothing was stored, so nothing is fenced: the kernel has returned. */
		c->behind = c->fence_once && c->quirk ? c->barrier : RESET_NO_BARRIER;
		c->flush = reset_user_flush(u->machine, c->before);
		c->source = c->zero ? u->zero : u->pattern;
		c->order = order_for(u, ctx, calls, i);
		if (!c->order)
			return reason_set(why, -ENOMEM, "out of memory");
	}
	return u->orders ? 0 : reason_set(why, -ENOMEM, "out of memory");
}

flush_fn *reset_user_flush(const struct machine *m, enum reset_before before)
{
	if (before != RESET_JUST_FLUSHED)
		return NULL;
	return flush_op_fn(flush_op_auto(&m->cpu), FLUSH_MFENCE);
}

int reset_user_open(struct reset_user *u, struct bench_ctx *ctx, struct reset_call *calls,
		    unsigned metric, const struct reset_memory *memory, struct reason *why)
{
	int ret;

	*u = (struct reset_user){ .ctx = ctx, .machine = ctx->machine };
	ret = make_buffers(u);
	if (ret)
		return reason_set(why, ret, "reset: no memory or no random bytes: %s",
				  strerror(-ret));
	ret = region_alloc(&u->mem, ctx, memory->cpu, memory->backing, memory->bytes, why);
	if (!ret)
		ret = complete_calls(u, ctx, calls, why);
	return ret ? ret : make_team(u, ctx, calls, metric, why);
}

void reset_user_close(struct reset_user *u)
{
	team_close(u->team);
	free(u->cpu_series);
	for (unsigned i = 0; i < u->n_orders; i++)
		free(u->orders[i]);
	free(u->orders);
	mem_free(&u->mem);
	free(u->random);
	free(u->zero);
	free(u->pattern);
}

/* ---- a sample ---- */

/* The calls of a member: as even a share as there is. */
struct share {
	size_t first, end;
};

static struct share share_of(const struct reset_call *c, unsigned member)
{
	return (struct share){ c->n * member / c->threads, c->n * (member + 1) / c->threads };
}

static void set_features(const struct reset_call *c)
{
	reset_bug_bits = c->quirk ? RESET_BUG_TDX_PW_MCE : 0;
	flush_features0 = FLUSH_CLFLUSH_BEFORE_ALLOC;
}

/* The early return touches no line of the region, whatever its state. */
static bool touches_lines(const struct reset_call *c)
{
	return c->quirk || c->flush;
}

static void bring_lines(const struct reset_user *u, const struct reset_call *c, char *base,
			size_t bytes)
{
	switch (c->before) {
	case RESET_EVICTED:
	case RESET_JUST_FLUSHED:
		lines_evict(&u->machine->cpu, base, bytes);
		break;
	case RESET_DIRTY:
		lines_dirty(base, bytes, u->random);
		break;
	case RESET_CLEAN:
		lines_clean(&u->machine->cpu, base, bytes);
		break;
	}
}

/* Into the caches of the CPU that will reset them: call by call, as its share is drawn. */
static void prepare_share(void *state, unsigned member)
{
	const struct reset_user *u = state;
	const struct reset_call *c = u->call;
	struct share share = share_of(c, member);

	for (size_t i = share.first; i < share.end; i++)
		bring_lines(u, c, u->mem.base + c->order[i] * c->page, c->page);
}

static void flush_call(flush_fn *flush, const char *base, size_t bytes)
{
	for (size_t done = 0; done < bytes; done += PAGE)
		flush(base + done, PAGE);
}

static void flush_and_reset(const struct reset_call *c, char *base, struct share share)
{
	const uint32_t *order = c->order;
	const char *source = c->source;
	flush_fn *flush = c->flush;
	reset_fn *reset = c->reset;
	size_t page = c->page;

	for (size_t i = share.first; i < share.end; i++) {
		flush_call(flush, base + order[i] * page, page);
		reset(base + order[i] * page, page, source);
	}
}

static void reset_share(void *state, unsigned member)
{
	const struct reset_user *u = state;
	const struct reset_call *c = u->call;
	struct share share = share_of(c, member);
	/* In registers: the call may write anywhere, so all of @c would be loaded anew behind it. */
	const uint32_t *order = c->order;
	const char *source = c->source;
	reset_fn *reset = c->reset;
	char *base = u->mem.base;
	size_t page = c->page;
	unsigned reps = u->reps;

	for (unsigned r = 0; r < reps; r++) {
		if (c->flush) {
			flush_and_reset(c, base, share);
			continue;
		}
		for (size_t i = share.first; i < share.end; i++)
			reset(base + order[i] * page, page, source);
	}
	for (size_t i = 0; !member && i < c->extra; i++)
		c->reset(base + c->order[i] * c->page, c->page, c->source);
	reset_barrier(c->behind);
}

static void line_up(struct reset_user *u, const struct reset_call *c)
{
	u->call = c;
	if (c->threads > 1)
		team_ready(u->team, c->threads, reset_share, u);
}

/* The lines of all threads. */
static void bring_all(struct reset_user *u, const struct reset_call *c)
{
	u->call = c;
	if (c->threads > 1) {
		team_ready(u->team, c->threads, prepare_share, u);
		team_go(u->team);
	} else {
		bring_lines(u, c, u->mem.base, u->mem.bytes);
	}
}

void reset_user_prepare(struct reset_user *u, const struct reset_call *c)
{
	set_features(c);
	if (touches_lines(c))
		bring_all(u, c);
	line_up(u, c);
}

uint64_t reset_user_run(struct reset_user *u, const struct reset_call *c, unsigned reps)
{
	u->call = c;
	u->reps = reps;
	if (c->threads > 1)
		team_go(u->team);
	else
		reset_share(u, 0);
	return u->mem.bytes / PAGE * reps;
}

void reset_user_values(const struct reset_user *u, const struct reset_call *c,
		       struct bench_values *out)
{
	for (unsigned i = 0; c->threads > 1 && i < c->threads; i++) {
		const struct team_time *t = team_time(u->team, i);

		bench_value(out, u->cpu_series[i], (double)(t->end - t->start));
	}
}

/* ---- proof ---- */

/* What a page must hold when @c ran over poisoned memory. */
static void expected_page(const struct reset_call *c, char *page)
{
	for (size_t at = 0; at < PAGE; at += LINE) {
		if (!c->quirk)
			memset(page + at, POISON, LINE);
		else if (c->op->byte_wise)
			memset(page + at, c->source[0], LINE);
		else
			memcpy(page + at, c->source, LINE);
	}
}

struct flushes {
	const struct reset_call *c;
	char *base;
};

static void flush_part(void *arg, size_t at, size_t bytes)
{
	const struct flushes *f = arg;

	flush_call(f->c->flush, f->base + at, bytes);
}

static int check_flushed(struct reset_user *u, const struct reset_call *c, unsigned arm,
			 struct reason *why)
{
	struct flushes flushes = { c, u->mem.base };
	const struct flush_proof proof = {
		.base = u->mem.base,
		.bytes = u->mem.bytes,
		.unit = PAGE,
		.flush = flush_part,
		.ctx = &flushes,
		.cpu = &u->machine->cpu,
		.seed = 1,
	};

	return flush_check(u->ctx, (int)arm, &proof, why);
}

struct bringing {
	struct reset_user *u;
	const struct reset_call *c;
};

static void bring(void *arg)
{
	const struct bringing *b = arg;

	bring_all(b->u, b->c);
}

/* Of the calls that this thread makes, whose lines are in its caches. */
static void check_held(struct reset_user *u, const struct reset_call *c, unsigned arm)
{
	struct bringing bringing = { u, c };
	struct held h = {
		.asked = c->before == RESET_DIRTY ? "before=dirty" : "before=clean",
		.bytes = u->mem.bytes,
		.bring = bring,
		.state = &bringing,
	};
	size_t end = share_of(c, 0).end, step = end / HELD_CALLS + 1;

	if (!touches_lines(c) || (c->before != RESET_DIRTY && c->before != RESET_CLEAN))
		return;
	probe_init(&h.lines, u->mem.base);
	for (size_t i = 0; i < end; i += step)
		probe_add(&h.lines, c->order[i] * c->page, c->page,
			  (unsigned)(PROBE_LINES / ((end + step - 1) / step)), i);
	held_check(u->ctx, (int)arm, &h);
}

int reset_user_verify(struct reset_user *u, const struct reset_call *c, unsigned arm,
		      struct reason *why)
{
	char expected[PAGE];

	memset(u->mem.base, POISON, u->mem.bytes);
	set_features(c);
	line_up(u, c);
	reset_user_run(u, c, 1);
	expected_page(c, expected);
	for (size_t at = 0; at < u->mem.bytes; at += PAGE) {
		if (!memcmp(u->mem.base + at, expected, PAGE))
			continue;
		return reason_set(why, -EFAULT, "%s: the page at offset %zu %s", c->op->name, at,
				  c->quirk ? "was not reset" : "was changed though quirk=off");
	}
	if (c->flush) {
		int ret = check_flushed(u, c, arm, why);

		if (ret)
			return ret;
	}
	check_held(u, c, arm);
	return reset_user_finish(u, why);
}

int reset_user_finish(const struct reset_user *u, struct reason *why)
{
	return mem_guard_check(&u->mem, why);
}
