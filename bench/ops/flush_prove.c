// SPDX-License-Identifier: GPL-2.0-or-later
/* A flush of memory, part by part; flush_judge.c decides. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ops/flush_detect.h"
#include "harness/measure/design.h"

#define TRIES 3
/* Loads of each state in one try. */
#define LOADS 4096u
/* 16 KiB are flushed and read in some 30 us. */
#define PART (16ul << 10)

#define STATES 4

enum state { CACHED, EVICTED, AFTER, KEPT };

struct loads {
	unsigned n;
	uint32_t ticks[STATES][LOADS];
};

static size_t part_bytes(const struct flush_proof *p)
{
	size_t bytes = p->unit;

	while (bytes < PART && bytes * 2 <= p->bytes && p->bytes % (bytes * 2) == 0)
		bytes *= 2;
	return bytes;
}

/* The same lines in all four states, one after the other; the control waits as long as the flush took. */
static void look_at(const struct flush_proof *p, const struct probe *probe, size_t at, size_t bytes,
		    struct loads *l)
{
	uint64_t start, wall;
	uint32_t cpu;

	probe_load(probe);
	start = tick_start();
	p->flush(p->ctx, at, bytes);
	wall = tick_stop(&cpu) - start;
	/* CLFLUSH and SFENCE leave later loads free to pass: they would find lines on their way out. */
	__asm__ volatile("mfence" : : : "memory");
	probe_read(probe, &l->ticks[AFTER][l->n]);
	probe_load(probe);
	probe_read(probe, &l->ticks[CACHED][l->n]);
	probe_wait(wall);
	probe_read(probe, &l->ticks[KEPT][l->n]);
	probe_evict(probe, p->cpu);
	probe_read(probe, &l->ticks[EVICTED][l->n]);
	l->n += probe->n;
}

static struct flush_look one_try(const struct flush_proof *p, unsigned k, struct loads *l)
{
	size_t bytes = part_bytes(p), parts = p->bytes / bytes;
	struct probe_scale scale;

	l->n = 0;
	for (unsigned i = 0; l->n + PROBE_LINES <= LOADS; i++) {
		uint64_t seed = seed_derive(p->seed, i, k, 11);
		size_t at = seed % parts * bytes;
		struct probe probe;

		probe_init(&probe, p->base);
		if (!probe_add(&probe, at, bytes, PROBE_LINES, seed))
			break;
		look_at(p, &probe, at, bytes, l);
	}
	scale = probe_scale(l->ticks[CACHED], l->ticks[EVICTED], l->n);
	return (struct flush_look){
		.cached = scale.cached,
		.evicted = scale.evicted,
		.left = probe_gone(&scale, l->ticks[AFTER], l->n),
		.lost = probe_gone(&scale, l->ticks[KEPT], l->n),
	};
}

static void describe(const struct flush_look *look, enum flush_verdict v, struct reason *why)
{
	if (isnan(look->left))
		reason_set(why, 0,
			   "loads do not distinguish cached lines from flushed ones (an emulator, "
			   "or a busy machine)");
	else if (v == FLUSH_CANNOT_TELL)
		reason_set(why, 0,
			   "%.0f %% of the lines left the cache without a flush, %.0f %% with it; "
			   "measure when nothing else runs",
			   100 * look->lost, 100 * look->left);
	else
		reason_set(why, 0,
			   "%.0f %% of the lines are still cached after their flush, %.0f %% "
			   "without it",
			   100 * (1 - look->left), 100 * (1 - look->lost));
}

/* Noise evicts lines and cannot bring one back, so one try in which they left is enough. */
enum flush_verdict flush_prove(const struct flush_proof *p, struct flush_look *look,
			       struct reason *why)
{
	enum flush_verdict v = FLUSH_CANNOT_TELL;
	struct flush_look last = { NAN, NAN, NAN, NAN };
	struct loads *l = malloc(sizeof(*l));
	bool stayed = true;

	if (!l)
		reason_set(why, 0, "out of memory");

	for (unsigned k = 0; l && k < TRIES && v != FLUSH_REAL; k++) {
		last = one_try(p, k, l);
		v = flush_prove_judge(&last);
		stayed &= v == FLUSH_NOTHING;
	}
	if (v == FLUSH_NOTHING && !stayed)
		v = FLUSH_CANNOT_TELL;
	if (l)
		describe(&last, v, why);
	free(l);
	if (look)
		*look = last;
	return v;
}

int flush_check(struct bench_ctx *ctx, int arm, const struct flush_proof *p, struct reason *why)
{
	struct reason found = { "" };

	/* An emulator has no cache, and no clock that would show one. */
	if (lane_clock(ctx->machine->lane) != CLOCK_UNIT_NS)
		return 0;
	if (p->bytes < PROBE_SPACING)
		return reason_set(why, -EINVAL,
				  "flush of %zu bytes: too few lines for a probe; take 1 KiB or "
				  "more",
				  p->bytes);
	switch (flush_prove(p, NULL, &found)) {
	case FLUSH_NOTHING:
		return reason_set(why, -EFAULT, "%s", found.text);
	case FLUSH_CANNOT_TELL:
		ctx->flag(ctx, FLAG_NOT_PROVED, arm, found.text);
		break;
	case FLUSH_REAL:
		break;
	}
	return 0;
}
