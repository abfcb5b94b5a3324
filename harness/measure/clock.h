/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock.h: the ruler. Ticks of the TSC, read so that the work cannot leak out of the timed part:
 * `lfence; rdtsc` before and `rdtscp; lfence` behind it.
 *
 * Source: Paoloni, "How to Benchmark Code Execution Times on Intel IA-32 and IA-64" (Intel
 * 324264), with LFENCE in CPUID's place: it serialises the instruction stream (SDM vol. 2B,
 * RDTSC) and does not exit to a hypervisor. Weakly ordered stores are not drained by either
 * read: loops that use them carry their own fence inside the timed part (S14).
 */
#ifndef TDC_MEASURE_CLOCK_H
#define TDC_MEASURE_CLOCK_H

#include <stdint.h>

#include "harness/core/reason.h"
#include "harness/machine/cpu.h"

struct tick_clock {
	double hz;	   /* ticks per second */
	double resolution; /* ticks: the smallest step that a pair of reads shows */
	double overhead;   /* ticks: median cost of an empty sample, of the calling process only */
};

static inline uint64_t tick_start(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* @cpu: the low 12 bits of TSC_AUX, where Linux keeps the CPU number. */
static inline uint64_t tick_stop(uint32_t *cpu)
{
	uint32_t lo, hi, aux;

	__asm__ volatile("rdtscp\n\tlfence" : "=a"(lo), "=d"(hi), "=c"(aux) : : "memory");
	*cpu = aux & 0xfff;
	return (uint64_t)hi << 32 | lo;
}

/* A moment on both clocks, read as close together as @tries attempts allow. */
struct tick_moment {
	uint64_t tick;
	uint64_t raw_ns; /* CLOCK_MONOTONIC_RAW */
};

struct tick_moment tick_moment(unsigned tries);

/**
 * clock_calibrate() - rate against CLOCK_MONOTONIC_RAW, resolution and empty cost
 * @ms: how long to watch the rate; 200 gives about a part per million
 *
 * On the CPU that the calling thread is pinned to. Return: 0, -ENOTSUP without RDTSCP.
 */
int clock_calibrate(struct tick_clock *clock, const struct cpu_info *cpu, unsigned ms,
		    struct reason *why);

/**
 * clock_empty_cost() - what an empty sample costs at this moment, in ticks
 *
 * The mean of the middle five of nine, through the same path as a real sample. It differs by process,
 * and in one process by what the core's other hyperthread does, so measure it where and when samples
 * are taken.
 */
double clock_empty_cost(void);

/* How far @later - @earlier on the TSC is from the same on the other clock, as a share. */
double clock_disagreement(const struct tick_clock *clock, const struct tick_moment *earlier,
			  const struct tick_moment *later);

#endif
