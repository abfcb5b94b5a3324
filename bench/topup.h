/* SPDX-License-Identifier: GPL-2.0-or-later */
/* topup.h: which cells of the benchmark topup there are: its factors, and what of them can run. */
#ifndef TDC_BENCH_TOPUP_H
#define TDC_BENCH_TOPUP_H

#include "bench/ops/topup_arm.h"
#include "harness/measure/bench.h"

enum {
	F_WORK,
	F_VARIANT,
	F_LOAD,
	F_MODE,
	F_SOURCE,
	F_ZERO,
	F_THREADS,
	F_VMS,
	F_INDIRECT,
	F_SPLIT,
	F_RANGE,
	F_BY,
	F_HOLD,
	F_PAMT,
	F_OPS,
	F_MAX
};

enum { MODE_USER, MODE_KERNEL };

extern const struct factor_info topup_factors[];

int topup_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		  struct level *level, struct reason *why);
int topup_supported(const struct machine *m, const struct cell *cell, struct reason *why);
enum kind topup_kind(const struct machine *m, const struct cell *cell, struct reason *why);

/* @hold_loops: the time that @cell says in ns. */
struct topup_setting topup_setting_of(const struct cell *cell, unsigned int hold_loops);

#endif
