/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop_series.h: what a shutdown that was replayed yields, as metrics of the benchmark stop. */
#ifndef TDC_BENCH_OPS_STOP_SERIES_H
#define TDC_BENCH_OPS_STOP_SERIES_H

#include "bench/ops/stop_replay.h"
#include "harness/measure/bench.h"

enum {
	STOP_M_TIME,
	STOP_M_EMPTY,
	STOP_M_TAIL,
	STOP_M_FLUSH,
	STOP_M_CPU_LATE,
	STOP_M_POLLS,
	STOP_M_LATE,
	STOP_M_LATE_NMI,
	STOP_M_OWN,
	STOP_M_EARLY,
	STOP_M_EARLY_FLUSH,
	STOP_M_TOTAL,
	STOP_M_CPU_LATE_NMI,
	STOP_M_CPUS_LATE,
	STOP_M_CPUS_LATE_NMI,
	STOP_M_MAX
};
extern const struct metric_info stop_metrics[];

/* Numbers of the series, by metric: one for each CPU number, or the first alone. */
struct stop_series {
	int *of[STOP_M_MAX];
	unsigned cpus;
};

/* For the CPUs that @r reaches. Return: 0, -ENOMEM. Free with stop_series_free(), also when failed. */
int stop_series_open(struct stop_series *s, struct bench_ctx *ctx, const struct stop_replay *r);
void stop_series_free(struct stop_series *s);

/* Of a whole shutdown, the flush of relocate_kernel() behind it. */
void stop_series_values(const struct stop_series *s, const struct stop_replay *r,
			struct bench_values *out);

#endif
