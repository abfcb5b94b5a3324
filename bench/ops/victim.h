/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * victim.h: a program that runs beside a flush and suffers from it. A thread on another CPU reads
 * its working set over and over in random order and keeps the time of every step; how long it stood
 * still, how much slower it went and when it was warm again is told from those times.
 */
#ifndef TDC_BENCH_OPS_VICTIM_H
#define TDC_BENCH_OPS_VICTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"
#include "harness/machine/topo.h"

/* ---- where it runs ---- */

enum victim_where {
	VICTIM_NONE,
	VICTIM_CORE,	/* the other hyperthread of the core of the CPU that asks */
	VICTIM_LLC,	/* another core of its LLC */
	VICTIM_PACKAGE, /* another LLC of its package */
	VICTIM_REMOTE,	/* another package */
	VICTIM_SAME,	/* the CPU that asks: it waits for its turn there */
};

/* The first CPU that is @where from @self; -1 where there is none. */
int victim_cpu(const struct topo *topo, enum victim_where where, unsigned self);

/* Is there one for each CPU that may be drawn to measure? Return: 0, -ENOTSUP with why not. */
int victim_supported(const struct topo *topo, enum victim_where where, struct reason *why);

/* ---- what became of it: pure, from times to findings ---- */

#define VICTIM_STEP_LINES 64 /* that are read between two times */
#define VICTIM_TOLERANCE  0.10
#define VICTIM_MIN_BYTES  (64ul << 10)

/* Raw ticks at which steps ended; @lap of them read the whole working set once. */
struct victim_steps {
	const uint64_t *end;
	size_t n, lap;
	bool full; /* there was no room for more: what is missing behind the last one was done */
};

struct victim_found {
	double step;	 /* ticks of a step, undisturbed: median of the two laps before */
	double gap;	 /* ticks: the longest step that overlaps the flush */
	double slowdown; /* percent of its work that it did not get done meanwhile */
	bool back;	 /* was the pace within 10 % again before the times end? */
	double warm_up;	 /* ticks from the end of the flush until it was; 0: at once */
	double lost;	 /* ticks of work lost from the beginning of the flush until it was */
};

/**
 * victim_judge() - what a flush from @from to @to did
 *
 * The pace is back at the first step behind which two windows of an eighth of a lap each go at it.
 * Return: 0; -ENODATA when there are no two laps before @from, or no step ends behind @to.
 */
int victim_judge(const struct victim_steps *s, uint64_t from, uint64_t to, struct victim_found *f);

/* ---- the thread ---- */

struct victim;

/**
 * victim_open() - a thread on @cpu, asleep
 * @bytes: of its working set, a multiple of 4 KiB, VICTIM_MIN_BYTES or more
 *
 * Return: 0; -errno. Free with victim_close().
 */
int victim_open(struct victim **victim, const struct topo *topo, unsigned cpu, size_t bytes,
		uint64_t seed, struct reason *why);
void victim_close(struct victim *v);

/* Room for @steps instead of about a million, where what it suffers from takes long. Asleep. */
int victim_room(struct victim *v, size_t steps, struct reason *why);

/* Let it run until its pace is known. A CPU that is not its own for ten seconds is given up. */
void victim_start(struct victim *v);

/* Let it run until it should be warm again, and stop it. Return: its steps, until the next start. */
struct victim_steps victim_stop(struct victim *v);

#endif
