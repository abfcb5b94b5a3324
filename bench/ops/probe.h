/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h: which lines of a region are in this CPU's caches? One load of a line is timed at a time,
 * so a line counts as cached or as read from memory by itself: an interrupt changes the answer for
 * one line, where a mean over many loads would change for all of them.
 */
#ifndef TDC_BENCH_OPS_PROBE_H
#define TDC_BENCH_OPS_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "harness/machine/cpu.h"

/* 32 KiB: they stay in a private L2 from load to read, whatever else is in the L2 and the LLC. */
#define PROBE_LINES 512
/* Bytes for each line, on average. With 32 lines of a page a prefetcher hid one miss in five, with 4 none. */
#define PROBE_SPACING 1024

/* Lines in the order in which they are read, which is random. */
struct probe {
	const char *base;
	unsigned n;
	uint32_t line[PROBE_LINES];
};

void probe_init(struct probe *p, const char *base);

/**
 * probe_add() - choose lines of [@at, @at+@bytes) from the base on
 * @lines: how many at most; fewer where they would be closer than PROBE_SPACING, or the probe is full
 *
 * Spread over the range, drawn from @seed. Return: how many were added.
 */
unsigned probe_add(struct probe *p, size_t at, size_t bytes, unsigned lines, uint64_t seed);

/* Bring them into the cache. What they hold, and whether they are dirty, stays. */
void probe_load(const struct probe *p);

/* Time a load of each line. @ticks: p->n of them; the clock's own cost is in each. */
void probe_read(const struct probe *p, uint32_t *ticks);

/* Write back and drop them, by CLFLUSHOPT or CLFLUSH. */
void probe_evict(const struct probe *p, const struct cpu_info *cpu);

/* ---- from ticks to shares; pure ---- */

/* Where a load from the cache ends and one from memory begins. */
struct probe_scale {
	/*
	 * Ticks of a load: median, and lower quartile, which grows less with the traffic to memory
	 * than the median does and is above what a prefetcher brings back.
	 */
	double cached, evicted;
	double limit; /* between LLC and memory; NAN where they cannot be distinguished */
	double slow;  /* share of the evicted lines beyond it: a prefetcher hides some */
};

/**
 * probe_scale() - from loads of lines that were just loaded, and of lines that were just evicted
 *
 * They cannot be distinguished where three in four evicted lines do not take twice as long: emulators;
 * somebody else took the CPU, and its cache with it.
 */
struct probe_scale probe_scale(const uint32_t *cached, const uint32_t *evicted, unsigned n);

/* The share of the lines that are read as evicted lines are, 0 to 1; NAN where the scale has none. */
double probe_gone(const struct probe_scale *scale, const uint32_t *ticks, unsigned n);

/* ---- a control ---- */

/*
 * Let as many ticks pass as a flush took, without touching memory. A minute at most: a TSC that stepped
 * back would make it for ever.
 */
void probe_wait(uint64_t ticks);

#endif
