/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topup_series.h: what a metered pass yields, as metrics of the benchmark topup. A sample has room
 * for one value of each subject: of many calls it keeps their quantiles, each a subject.
 */
#ifndef TDC_BENCH_OPS_TOPUP_SERIES_H
#define TDC_BENCH_OPS_TOPUP_SERIES_H

#include "bench/ops/topup_arm.h"
#include "harness/measure/bench.h"

enum {
	TOPUP_M_TIME,
	TOPUP_M_KERNEL,
	TOPUP_M_CALL,
	TOPUP_M_PAGES,
	TOPUP_M_PAGE,
	TOPUP_M_GET,
	TOPUP_M_WAIT,
	TOPUP_M_HOLD,
	TOPUP_M_ROUNDS,
	TOPUP_M_RETRIES,
	TOPUP_M_IDLE,
	TOPUP_M_PEAK,
	TOPUP_M_MAX
};
extern const struct metric_info topup_metrics[];

#define TOPUP_QUANTILES 4

/* Quantiles of the samples of a pass, one of them drawn at random, and their mean. */
struct topup_of_calls {
	int quantile[TOPUP_QUANTILES];
	int drawn, mean;
};

struct topup_series {
	enum topup_kind kind;
	struct topup_of_calls call, pages, page, get;
	uint64_t random;				/* of the draws */
	int wait[TOPUP_LOCKS][2], hold[TOPUP_LOCKS][2]; /* mean, max */
	int rounds[TOPUP_LOCKS];
	int retries, idle, idle_peak, peak;
	double *all; /* of all threads; room of them */
	size_t room;
};

/*
 * What the passes of an arm meter, one behind the other; none contains what another one meters.
 * Return: TOPUP_METER_*, 0 behind the last.
 */
unsigned int topup_series_pass(const struct topup_setting *set, unsigned int i);

/* @most: calls, or gets, in a pass of any arm. Return: 0, -ENOMEM. Free with topup_series_free(). */
int topup_series_open(struct topup_series *s, struct bench_ctx *ctx, enum topup_kind kind,
		      size_t most);
void topup_series_free(struct topup_series *s);

/* Of a pass of @set that metered @meters. */
void topup_series_values(struct topup_series *s, const struct topup_setting *set,
			 unsigned int meters, const struct topup_pass *pass,
			 struct bench_values *out);

/* The nearest rank: the smallest of @n sorted values that @share of them do not exceed. */
size_t topup_rank(size_t n, double share);

#endif
