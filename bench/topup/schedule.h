/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schedule.h: what the i-th fault, or split, of a load needs. A function of i alone, so that every
 * variant is given the same work and a run can be repeated.
 */
#ifndef TDC_BENCH_TOPUP_SCHEDULE_H
#define TDC_BENCH_TOPUP_SCHEDULE_H

#include "bench/topup/variant.h"

enum topup_load {
	TOPUP_STEADY, /* each fault in a 2 MiB region of its own: an S-EPT page and a pair for it */
	TOPUP_BURST,  /* 512 faults in one 2 MiB region: the first as above, then nothing */
	TOPUP_COLD,   /* each fault the first of its TD's part: all levels, and every pair */
	TOPUP_LOADS
};

extern const char *const topup_load_names[TOPUP_LOADS];

/*
 * In every load but TOPUP_COLD an S-EPT page finds its own PAMT entry there already, but for each
 * 512th: that many share an entry.
 */
struct topup_need topup_schedule_fault(enum topup_load load, uint64_t i);

/* The needs of splits @first and those behind it, SPTE_ENT_PER_PAGE at least. */
const struct topup_need *topup_schedule_splits(uint64_t first);

#endif
