// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ops/lines.h"
#include "harness/measure/clock.h"
#include "harness/measure/design.h"

#define LINE 64ul
/*
 * From a cached load (0) to one from memory (1). On an Emerald Rapids a hit in the shared LLC took 0.2
 * to 0.5, and 95 % of the loads from memory 0.85 or more.
 */
#define FROM_MEMORY 0.7
#define MOST_TICKS  (1ull << 37) /* about a minute */

void probe_init(struct probe *p, const char *base)
{
	p->base = base;
	p->n = 0;
}

unsigned probe_add(struct probe *p, size_t at, size_t bytes, unsigned lines, uint64_t seed)
{
	unsigned room = PROBE_LINES - p->n, n = lines < room ? lines : room;
	size_t most = bytes / PROBE_SPACING, stride;

	n = most < n ? (unsigned)most : n;
	if (!n)
		return 0;
	stride = bytes / LINE / n;
	for (unsigned i = 0; i < n; i++) {
		size_t drawn = seed_derive(seed, p->n + i, 0, 6) % stride;

		p->line[p->n + i] = (uint32_t)(at / LINE + i * stride + drawn);
	}
	p->n += n;
	shuffle_u32(p->line, p->n, seed_derive(seed, p->n, 0, 7));
	return n;
}

/* In assembly, so that a sanitizer puts no access to its shadow into the time of a load. */
static inline void load(const void *addr)
{
	uint64_t value;

	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(addr) : "memory");
}

void probe_load(const struct probe *p)
{
	for (unsigned twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < p->n; i++)
			load(p->base + p->line[i] * LINE);
	__asm__ volatile("mfence" : : : "memory");
}

void probe_read(const struct probe *p, uint32_t *ticks)
{
	for (unsigned i = 0; i < p->n; i++) {
		const char *addr = p->base + p->line[i] * LINE;
		uint64_t start = tick_start(), taken;
		uint32_t cpu;

		load(addr);
		taken = tick_stop(&cpu) - start;
		ticks[i] = taken < UINT32_MAX ? (uint32_t)taken : UINT32_MAX;
	}
}

void probe_evict(const struct probe *p, const struct cpu_info *cpu)
{
	for (unsigned i = 0; i < p->n; i++)
		lines_evict(cpu, p->base + p->line[i] * LINE, LINE);
}

/* ---- from ticks to shares ---- */

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double quantile(const uint32_t *ticks, unsigned n, double share)
{
	uint32_t *sorted = malloc(n * sizeof(*sorted));
	double value;

	if (!sorted)
		return NAN;
	memcpy(sorted, ticks, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_u32);
	value = sorted[(unsigned)(n * share)];
	free(sorted);
	return value;
}

static double share_beyond(double limit, const uint32_t *ticks, unsigned n)
{
	unsigned beyond = 0;

	for (unsigned i = 0; i < n; i++)
		beyond += ticks[i] > limit;
	return (double)beyond / n;
}

struct probe_scale probe_scale(const uint32_t *cached, const uint32_t *evicted, unsigned n)
{
	struct probe_scale s = { .limit = NAN };

	if (!n)
		return s;
	s.cached = quantile(cached, n, 0.5);
	s.evicted = quantile(evicted, n, 0.25);
	/* A clock that steps by more than a load takes shows 0. */
	if (!(s.evicted >= 2 * fmax(s.cached, 1)))
		return s;
	s.limit = s.cached + FROM_MEMORY * (s.evicted - s.cached);
	s.slow = share_beyond(s.limit, evicted, n);
	return s;
}

double probe_gone(const struct probe_scale *scale, const uint32_t *ticks, unsigned n)
{
	if (isnan(scale->limit) || !n)
		return NAN;
	return fmin(share_beyond(scale->limit, ticks, n) / scale->slow, 1);
}

void probe_wait(uint64_t ticks)
{
	uint64_t start = tick_start(), most = ticks < MOST_TICKS ? ticks : MOST_TICKS;

	while (tick_start() - start < most)
		__builtin_ia32_pause();
}
