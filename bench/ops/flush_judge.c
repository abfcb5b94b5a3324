// SPDX-License-Identifier: GPL-2.0-or-later
/* From times to a verdict: pure functions, see flush_detect.h. */
#include "bench/ops/flush_detect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE 4096.0

/*
 * Growth counts from what a memory could write at most: 4 ns for 4 KiB are 1 TB/s. What is faster is
 * no write-back but something that was cold, such as a hypervisor's exit, which may well take some us
 * more when the region has driven it out of the cache.
 */
#define FASTEST_NS 4.0
/* Two sides of the normal distribution at 99 %. */
#define Z_99 2.576
/* Noise shifts reads by some percent of a miss; between these nobody knows. */
#define LEFT   0.75
#define STAYED 0.25
#define SLOPES (FLUSH_SHARES * (FLUSH_SHARES - 1) / 2 * FLUSH_MAX_TRIES * FLUSH_MAX_TRIES)

const double flush_shares[FLUSH_SHARES] = { 0, 0.125, 0.25, 0.5, 1 };

const char *flush_verdict_name(enum flush_verdict v)
{
	static const char *const names[] = {
		[FLUSH_REAL] = "real", [FLUSH_NOTHING] = "does nothing", [FLUSH_UNCLEAR] = "unclear"
	};

	return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "?";
}

double flush_share_left(const struct flush_reads *r)
{
	if (!(r->cached > 0) || r->evicted < 2 * r->cached)
		return NAN;
	return (r->after - r->cached) / (r->evicted - r->cached);
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* The slopes through all pairs of tries with different shares, in ns per dirty 4 KiB. */
static size_t all_slopes(const struct flush_times *t, const double (*ticks)[FLUSH_MAX_TRIES],
			 double *slope)
{
	double unit = t->hz / 1e9 * (double)t->bytes / PAGE;
	size_t n = 0;

	for (unsigned a = 0; a < FLUSH_SHARES; a++)
		for (unsigned b = a + 1; b < FLUSH_SHARES; b++)
			for (unsigned i = 0; i < t->tries; i++)
				for (unsigned k = 0; k < t->tries; k++)
					slope[n++] = (ticks[b][k] - ticks[a][i]) / unit /
						     (flush_shares[b] - flush_shares[a]);
	return n;
}

/*
 * Median slope, and the interval that the variance of Kendall's S gives its ranks, with its term for
 * tries of the same share. Robust: what an interrupt made long is one try of many.
 */
static struct flush_slope fit(const struct flush_times *t, const double (*ticks)[FLUSH_MAX_TRIES])
{
	double slope[SLOPES], tries = t->tries, n = FLUSH_SHARES * tries;
	double s = n * (n - 1) * (2 * n + 5) - FLUSH_SHARES * tries * (tries - 1) * (2 * tries + 5);
	double half = Z_99 * sqrt(s / 18);
	size_t slopes = all_slopes(t, ticks, slope);
	/* Ranks count from 1, indexes from 0. */
	double lo = floor(((double)slopes - half) / 2) - 1, hi = ceil(((double)slopes + half) / 2);
	double value = median(slope, slopes);

	return (struct flush_slope){
		.value = value,
		.lo = slope[lo < 0 ? 0 : (size_t)lo],
		.hi = slope[hi > (double)slopes - 1 ? slopes - 1 : (size_t)hi],
	};
}

static void median_reads(const struct flush_times *t, struct flush_reads *r)
{
	double cached[FLUSH_MAX_TRIES] = { 0 }, evicted[FLUSH_MAX_TRIES] = { 0 };
	double after[FLUSH_MAX_TRIES] = { 0 };

	for (unsigned k = 0; k < t->tries; k++) {
		cached[k] = t->reads[k].cached;
		evicted[k] = t->reads[k].evicted;
		after[k] = t->reads[k].after;
	}
	r->cached = median(cached, t->tries);
	r->evicted = median(evicted, t->tries);
	r->after = median(after, t->tries);
}

static enum flush_verdict decide(const struct flush_found *f, bool keeps)
{
	bool grows = f->slope.lo >= FASTEST_NS, flat = f->slope.hi < FASTEST_NS;
	bool could_grow = f->control.lo >= FASTEST_NS;

	/* Comparisons with NAN are false: what cannot be told decides nothing. */
	if (grows && (keeps || f->left >= LEFT))
		return FLUSH_REAL;
	if (flat && f->left <= STAYED && (could_grow || !keeps))
		return FLUSH_NOTHING;
	return FLUSH_UNCLEAR;
}

static void describe(struct flush_found *f, bool keeps)
{
	char reads[100], control[60] = "";

	if (isnan(f->left))
		snprintf(reads, sizeof(reads),
			 "reads do not tell cached lines from flushed ones (an emulator?)");
	else
		snprintf(reads, sizeof(reads), "%.0f %% of the lines had left the cache",
			 100 * fmin(fmax(f->left, 0), 1));
	if (keeps)
		snprintf(control, sizeof(control), " (CLFLUSHOPT %.3g [%.3g, %.3g])",
			 f->control.value, f->control.lo, f->control.hi);
	snprintf(f->text, sizeof(f->text),
		 "it took %.4g us with nothing dirty, %.3g ns more for each dirty 4 KiB "
		 "[%.3g, %.3g]%s, and %s",
		 f->idle / 1e3, f->slope.value, f->slope.lo, f->slope.hi, control, reads);
}

void flush_judge(const struct flush_times *t, struct flush_found *found)
{
	double idle[FLUSH_MAX_TRIES] = { 0 };

	*found = (struct flush_found){ .verdict = FLUSH_UNCLEAR, .left = NAN };
	if (!t->tries || t->tries > FLUSH_MAX_TRIES) {
		snprintf(found->text, sizeof(found->text), "it was not tried");
		return;
	}
	for (unsigned k = 0; k < t->tries; k++)
		idle[k] = t->ticks[0][k] * 1e9 / t->hz;
	found->idle = median(idle, t->tries);
	found->slope = fit(t, t->ticks);
	if (t->keeps)
		found->control = fit(t, t->control);
	median_reads(t, &found->reads);
	found->left = flush_share_left(&found->reads);
	found->verdict = decide(found, t->keeps);
	describe(found, t->keeps);
}
