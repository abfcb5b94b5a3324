/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * teardown.h: which cells of the benchmark teardown there are: its factors and their levels
 * (teardown_factors.c), and what of them can run and what it is called (teardown_cells.c).
 */
#ifndef TDC_BENCH_TEARDOWN_H
#define TDC_BENCH_TEARDOWN_H

#include "bench/ops/teardown_user.h"
#include "harness/measure/bench.h"

enum {
	F_PATH,
	F_LEAF,
	F_QUIRK,
	F_MODE,
	F_RESET,
	F_INSN,
	F_SIZE,
	F_BACKING,
	F_BEFORE,
	F_ORDER,
	F_THREADS,
	F_VCPUS,
	F_IN_GUEST,
	F_DPAMT,
	F_SKIP_CACHE_WB,
	F_SEAM,
	F_SEAM_BLOCK,
	F_SEAM_TRACK,
	F_SEAM_REMOVE,
	F_SEAM_WBINVD,
	F_SEAM_RECLAIM,
	F_MARKS,
	F_LEAVE_OUT,
	F_MAX
};

/* Levels of factors that are words. */
enum { LEAF_4K, LEAF_2M };
enum { QUIRK_ON, QUIRK_OFF };
enum { MODE_USER, MODE_KERNEL };
enum { RESET_ALWAYS, RESET_ERRATUM, RESET_LEAF_FENCE };
enum { ONE_SEAM_NONE, ONE_SEAM_AS_ALL };
enum {
	OUT_NONE,
	OUT_KICK,
	OUT_FLUSH,
	OUT_RESET,
	OUT_PAMT,
	OUT_FREE,
	OUT_BLOCK,
	OUT_TRACK,
	OUT_REMOVE,
	OUT_RECLAIM,
	OUT_HKID,
	OUT_CONTROL,
	OUT_ALL_BUT_RESET,
	OUT_ALL_BUT_FLUSH_RESET
};

enum { TEARDOWN_TIME, TEARDOWN_PHASE, TEARDOWN_PAGE, TEARDOWN_STEPS_DONE };

extern const struct factor_info teardown_factors[];
extern const struct metric_info teardown_metrics[];

int teardown_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		     struct level *level, struct reason *why);
int teardown_supported(const struct machine *m, const struct cell *cell, struct reason *why);
enum kind teardown_kind(const struct machine *m, const struct cell *cell, struct reason *why);

struct td_setting teardown_setting_of(const struct cell *cell);

#endif
