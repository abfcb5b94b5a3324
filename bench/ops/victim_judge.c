// SPDX-License-Identifier: GPL-2.0-or-later
/* The deciding half of victim.h; victim.c has the running one. */
#include <errno.h>
#include <stdlib.h>

#include "bench/ops/victim.h"

#define LAPS	    2 /* before the flush that make the pace */
#define WINDOWS	    8 /* in a lap */
#define MAX_WINDOWS (LAPS * 16)

static size_t window_of(const struct victim_steps *s)
{
	return s->lap / WINDOWS ? s->lap / WINDOWS : 1;
}

/* The first step that ends behind @t; s->n when none does. */
static size_t first_behind(const struct victim_steps *s, uint64_t t)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->end[middle] <= t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static double ticks_between(const struct victim_steps *s, size_t from, size_t to)
{
	return (double)(s->end[to] - s->end[from]);
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median of windows: what an interrupt made long is one window of many. */
static double pace_before(const struct victim_steps *s, size_t last)
{
	size_t w = window_of(s), n = LAPS * s->lap / w;
	double step[MAX_WINDOWS] = { 0 };

	n = n < MAX_WINDOWS ? n : MAX_WINDOWS;
	for (size_t i = 0; i < n; i++)
		step[i] = ticks_between(s, last - (i + 1) * w, last - i * w) / (double)w;
	qsort(step, n, sizeof(step[0]), compare_double);
	return n % 2 ? step[n / 2] : (step[n / 2 - 1] + step[n / 2]) / 2;
}

/* Steps done at @t, a step under way by its share. There is one before and one behind. */
static double steps_at(const struct victim_steps *s, uint64_t t)
{
	size_t i = first_behind(s, t);

	return (double)i - 1 + (double)(t - s->end[i - 1]) / ticks_between(s, i - 1, i);
}

static double longest_step(const struct victim_steps *s, uint64_t from, uint64_t to)
{
	double longest = 0;

	for (size_t i = first_behind(s, from); i < s->n && s->end[i - 1] < to; i++)
		if (ticks_between(s, i - 1, i) > longest)
			longest = ticks_between(s, i - 1, i);
	return longest;
}

/* The step from which on the pace is back, the first one that ends behind @to or later; or s->n. */
static size_t pace_back(const struct victim_steps *s, uint64_t to, double step)
{
	size_t w = window_of(s);
	double limit = step * (1 + VICTIM_TOLERANCE) * (double)w;

	for (size_t i = first_behind(s, to); i + 2 * w < s->n; i++)
		if (ticks_between(s, i, i + w) <= limit &&
		    ticks_between(s, i + w, i + 2 * w) <= limit)
			return i;
	return s->n;
}

int victim_judge(const struct victim_steps *s, uint64_t from, uint64_t to, struct victim_found *f)
{
	size_t before = first_behind(s, from), behind = first_behind(s, to), back;
	double done;

	*f = (struct victim_found){ 0 };
	if (before < LAPS * s->lap + 1 || behind == s->n || to < from)
		return -ENODATA;
	f->step = pace_before(s, before - 1);
	f->gap = longest_step(s, from, to);
	done = steps_at(s, to) - steps_at(s, from);
	if (to > from)
		f->slowdown = 100 * (1 - done * f->step / (double)(to - from));
	back = pace_back(s, to, f->step);
	f->back = back < s->n;
	if (!f->back)
		return 0;
	f->warm_up = back == behind ? 0 : (double)(s->end[back] - to);
	f->lost = (double)(s->end[back] - from) - ((double)back - steps_at(s, from)) * f->step;
	return 0;
}
