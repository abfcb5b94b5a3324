/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbinvd.h: what the two files of wbinvd share: its factors, and the hooks that judge cells. */
#ifndef TDC_BENCH_WBINVD_H
#define TDC_BENCH_WBINVD_H

#include "harness/measure/bench.h"

enum { F_SCOPE, F_OP, F_DIRTY, F_BY, F_VICTIM, F_SET, F_MAX };

/* Levels of F_SET that are words; of the others the indexes are those of enums of bench/ops. */
enum { SET_NONE, SET_L2, SET_LLC, SET_AUTO };

int wbinvd_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		   struct level *level, struct reason *why);
int wbinvd_supported(const struct machine *m, const struct cell *cell, struct reason *why);
enum kind wbinvd_kind(const struct machine *m, const struct cell *cell, struct reason *why);

#endif
