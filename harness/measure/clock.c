// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "harness/measure/timed.h"

#define EMPTY_SAMPLES 4001
/*
 * The first one pays for cold code and an interrupt makes one long: the two longest are left out,
 * and the two shortest. Few enough that they fit into half a microsecond and leave the caches alone.
 */
#define EMPTY_PROBE 9
#define EMPTY_TRIM  2

static uint64_t raw_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct tick_moment tick_moment(unsigned tries)
{
	struct tick_moment best = { 0, 0 };
	uint64_t best_width = UINT64_MAX;

	for (unsigned i = 0; i < tries; i++) {
		uint32_t cpu;
		uint64_t a = tick_start(), ns = raw_ns(), b = tick_stop(&cpu);

		/* The narrowest bracket was not interrupted. */
		if (b - a >= best_width)
			continue;
		best_width = b - a;
		best.tick = a + (b - a) / 2;
		best.raw_ns = ns;
	}
	return best;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t nothing(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	(void)arm;
	/* Keeps the call from being folded into its caller. */
	__asm__ volatile("");
	return reps;
}

/* Volatile, so that the call stays as indirect as a benchmark's. */
static uint64_t (*volatile empty_sample)(void *, unsigned, unsigned) = nothing;

/* Sorted. */
static void empty_costs(uint64_t *ticks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct timed t = timed_sample(empty_sample, NULL, 0, 1);

		ticks[i] = t.ticks;
	}
	qsort(ticks, n, sizeof(*ticks), compare_u64);
}

double clock_empty_cost(void)
{
	uint64_t ticks[EMPTY_PROBE], sum = 0;

	empty_costs(ticks, EMPTY_PROBE);
	/* A mean, because a median of a counter with steps of 26 ticks moves by a whole step. */
	for (unsigned i = EMPTY_TRIM; i < EMPTY_PROBE - EMPTY_TRIM; i++)
		sum += ticks[i];
	return (double)sum / (EMPTY_PROBE - 2 * EMPTY_TRIM);
}

/*
 * The resolution is the smallest difference between two distinct empty costs: where the counter
 * advances in steps (26 ticks on a Zen 5 guest whose TSC is scaled from a 100 MHz counter) this is
 * the step.
 */
static void measure_empty(struct tick_clock *clock)
{
	uint64_t ticks[EMPTY_SAMPLES], step = UINT64_MAX;

	empty_costs(ticks, EMPTY_SAMPLES);
	/* The upper tail holds interrupts, whose differences are any number. */
	for (size_t i = 1; i < EMPTY_SAMPLES * 9 / 10; i++)
		if (ticks[i] != ticks[i - 1] && ticks[i] - ticks[i - 1] < step)
			step = ticks[i] - ticks[i - 1];
	/* One value only: the step is at most the value itself. */
	clock->resolution = (double)(step == UINT64_MAX ? ticks[0] : step);
	clock->overhead = (double)ticks[EMPTY_SAMPLES / 2];
}

int clock_calibrate(struct tick_clock *clock, const struct cpu_info *cpu, unsigned ms,
		    struct reason *why)
{
	struct timespec wait = { ms / 1000, (long)(ms % 1000) * 1000000 };
	struct tick_moment a, b;

	if (!cpu_has(cpu, CPU_RDTSCP))
		return reason_set(why, -ENOTSUP,
				  "this CPU has no RDTSCP, so samples cannot be timed");
	a = tick_moment(50);
	while (nanosleep(&wait, &wait) && errno == EINTR)
		;
	b = tick_moment(50);
	if (b.raw_ns <= a.raw_ns || b.tick <= a.tick)
		return reason_set(why, -ENOTSUP, "the TSC or CLOCK_MONOTONIC_RAW went backwards");
	clock->hz = (double)(b.tick - a.tick) * 1e9 / (double)(b.raw_ns - a.raw_ns);
	measure_empty(clock);
	return 0;
}

double clock_disagreement(const struct tick_clock *clock, const struct tick_moment *earlier,
			  const struct tick_moment *later)
{
	double tsc = (double)(later->tick - earlier->tick) / clock->hz * 1e9;
	double raw = (double)(later->raw_ns - earlier->raw_ns);

	return raw > 0 ? fabs(tsc / raw - 1) : INFINITY;
}
