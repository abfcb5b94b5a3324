// SPDX-License-Identifier: GPL-2.0-or-later
/* When is a warm-up over? Decided from the data: see warm_up_steady() in sampler.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/measure/sampler.h"

#define WARM_WINDOW    3
#define WARM_TOLERANCE 0.02

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double window_median(const double *at)
{
	double w[WARM_WINDOW];

	memcpy(w, at, sizeof(w));
	qsort(w, WARM_WINDOW, sizeof(*w), compare_double);
	return w[WARM_WINDOW / 2];
}

bool warm_up_steady(const double *block_ticks, size_t n)
{
	double before, now;

	if (n < 2 * WARM_WINDOW)
		return false;
	before = window_median(block_ticks + n - 2 * WARM_WINDOW);
	now = window_median(block_ticks + n - WARM_WINDOW);
	return fabs(now - before) < WARM_TOLERANCE * before;
}
