// SPDX-License-Identifier: GPL-2.0-or-later
/* From times to a verdict: pure functions, see flush_detect.h. */
#include "bench/ops/flush_detect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE 4096.0

/*
 * Growth counts from what a memory could write at most: 4 ns for 4 KiB are 1 TB/s. What is faster is
 * not a write-back but something that was cold, such as a hypervisor's exit, which may well take some
 * us more when the region has driven it out of the cache.
 */
#define FASTEST_NS 4.0
/* Two sides of the normal distribution at 99.99 %: each verdict is asked for up to six times. */
#define Z_9999 3.891
/* Noise shifts a share by some percent; between these two nobody knows. */
#define LEFT   0.75
#define STAYED 0.25
/* In a proof part by part, where a control waits for some us only. */
#define FEW_LOST 0.10
#define LOOKS	 (FLUSH_SHARES * FLUSH_MAX_TRIES)
#define SLOPES	 (FLUSH_SHARES * (FLUSH_SHARES - 1) / 2 * FLUSH_MAX_TRIES)

const double flush_shares[FLUSH_SHARES] = { 0, 0.125, 0.25, 0.5, 1 };

const char *flush_verdict_name(enum flush_verdict v)
{
	static const char *const names[] = { [FLUSH_REAL] = "real",
					     [FLUSH_NOTHING] = "does nothing",
					     [FLUSH_CANNOT_TELL] = "cannot tell" };

	return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "?";
}

/* Comparisons with NAN are false: what cannot be decided decides nothing. */
enum flush_verdict flush_prove_judge(const struct flush_look *look)
{
	if (!(look->lost <= FEW_LOST))
		return FLUSH_CANNOT_TELL;
	if (look->left >= LEFT)
		return FLUSH_REAL;
	return look->left < LEFT ? FLUSH_NOTHING : FLUSH_CANNOT_TELL;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	if (!n)
		return NAN;
	qsort(v, n, sizeof(*v), compare_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* ---- does it take longer with more dirty lines? ---- */

/* The slopes through all pairs of shares of one try, in ns per dirty 4 KiB. */
static size_t all_slopes(const struct flush_times *t, const double (*ticks)[FLUSH_MAX_TRIES],
			 double *slope)
{
	double unit = t->hz / 1e9 * (double)t->bytes / PAGE;
	size_t n = 0;

	for (unsigned k = 0; k < t->tries; k++)
		for (unsigned a = 0; a < FLUSH_SHARES; a++)
			for (unsigned b = a + 1; b < FLUSH_SHARES; b++)
				slope[n++] = (ticks[b][k] - ticks[a][k]) / unit /
					     (flush_shares[b] - flush_shares[a]);
	return n;
}

/*
 * Median slope, and the interval that the variance of Kendall's S gives its ranks, summed over the
 * tries. A try is a block: what drifts from one to the next is in no slope. Robust: what an interrupt
 * made long is one time of many.
 */
static struct flush_slope fit(const struct flush_times *t, const double (*ticks)[FLUSH_MAX_TRIES])
{
	double slope[SLOPES], n = FLUSH_SHARES;
	double half = Z_9999 * sqrt(t->tries * n * (n - 1) * (2 * n + 5) / 18);
	size_t slopes = all_slopes(t, ticks, slope);
	/* Ranks count from 1, indexes from 0. */
	double lo = floor(((double)slopes - half) / 2) - 1, hi = ceil(((double)slopes + half) / 2);
	double value = median(slope, slopes);

	return (struct flush_slope){
		.value = value,
		.lo = lo < 0 ? -INFINITY : slope[(size_t)lo],
		.hi = hi > (double)slopes - 1 ? INFINITY : slope[(size_t)hi],
	};
}

/* ---- did the lines leave? ---- */

enum lines { LINES_LEFT, LINES_STAYED, LINES_LOST, LINES_UNKNOWN };

/* The median of one member of all looks that have it. */
static double median_of(const struct flush_times *t, size_t member)
{
	double v[LOOKS];
	size_t n = 0;

	for (unsigned share = 0; share < FLUSH_SHARES; share++)
		for (unsigned k = 0; k < t->tries; k++) {
			const char *look = (const char *)&t->look[share][k];
			double value = *(const double *)(const void *)(look + member);

			if (!isnan(value))
				v[n++] = value;
		}
	/* Half of the looks that show nothing outweigh what the others show. */
	return 2 * n > (size_t)FLUSH_SHARES * t->tries ? median(v, n) : NAN;
}

/*
 * Flush and control of one look meet the same noise. If the flush did nothing, a look in which only one
 * of them lost its lines would be a coin toss: McNemar's test.
 */
static double only_the_flush(const struct flush_times *t)
{
	double flush = 0, control = 0;

	for (unsigned share = 0; share < FLUSH_SHARES; share++)
		for (unsigned k = 0; k < t->tries; k++) {
			const struct flush_look *l = &t->look[share][k];

			flush += l->left > 0.5 && l->lost <= 0.5;
			control += l->left <= 0.5 && l->lost > 0.5;
		}
	return flush + control > 0 ? (flush - control) / sqrt(flush + control) : 0;
}

static enum lines lines_of(const struct flush_times *t, const struct flush_look *look)
{
	if (look->left <= STAYED)
		return LINES_STAYED;
	if (look->lost > STAYED)
		return LINES_LOST;
	if (look->left >= LEFT && look->lost <= STAYED && only_the_flush(t) >= Z_9999)
		return LINES_LEFT;
	return LINES_UNKNOWN;
}

/* ---- verdict ---- */

static enum flush_verdict decide(const struct flush_found *f, enum lines lines, bool keeps)
{
	bool grows = f->slope.lo >= FASTEST_NS, flat = f->slope.hi < FASTEST_NS;
	bool shows = f->sweep.lo >= FASTEST_NS, tried = isfinite(f->slope.lo);

	if (keeps && grows && shows)
		return FLUSH_REAL;
	if (!keeps && lines == LINES_LEFT && !(flat && shows))
		return FLUSH_REAL;
	if (lines == LINES_STAYED && (keeps ? flat && shows : tried && !grows))
		return FLUSH_NOTHING;
	return FLUSH_CANNOT_TELL;
}

static void describe_lines(const struct flush_look *look, char *buf, size_t n)
{
	if (isnan(look->left) || isnan(look->lost))
		snprintf(buf, n,
			 "loads do not distinguish cached lines from flushed ones (an emulator, or "
			 "a busy machine)");
	else
		snprintf(
			buf, n,
			"%.0f %% of the lines left the cache, %.0f %% in as long a wait without it",
			100 * look->left, 100 * look->lost);
}

static void describe(struct flush_found *f)
{
	char lines[120];

	describe_lines(&f->look, lines, sizeof(lines));
	snprintf(f->text, sizeof(f->text),
		 "%s; it took %.4g us with nothing dirty and %.3g ns more for each dirty 4 KiB "
		 "[%.3g, %.3g], CLFLUSHOPT %.3g [%.3g, %.3g]",
		 lines, f->idle / 1e3, f->slope.value, f->slope.lo, f->slope.hi, f->sweep.value,
		 f->sweep.lo, f->sweep.hi);
}

void flush_judge(const struct flush_times *t, struct flush_found *found)
{
	double idle[FLUSH_MAX_TRIES] = { 0 };

	*found = (struct flush_found){ .verdict = FLUSH_CANNOT_TELL };
	if (!t->tries || t->tries > FLUSH_MAX_TRIES) {
		snprintf(found->text, sizeof(found->text), "it was not tried");
		return;
	}
	for (unsigned k = 0; k < t->tries; k++)
		idle[k] = t->ticks[0][k] * 1e9 / t->hz;
	found->idle = median(idle, t->tries);
	found->slope = fit(t, t->ticks);
	found->sweep = fit(t, t->sweep);
	found->look = (struct flush_look){
		.cached = median_of(t, offsetof(struct flush_look, cached)),
		.evicted = median_of(t, offsetof(struct flush_look, evicted)),
		.left = median_of(t, offsetof(struct flush_look, left)),
		.lost = median_of(t, offsetof(struct flush_look, lost)),
	};
	found->verdict = decide(found, lines_of(t, &found->look), t->keeps);
	if (found->verdict == FLUSH_CANNOT_TELL)
		found->next = found->look.lost <= STAYED && found->sweep.lo >= FASTEST_NS ? 1 : -1;
	describe(found);
}
