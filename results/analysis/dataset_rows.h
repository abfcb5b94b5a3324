/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dataset_rows.h: how a dataset lies in memory: for dataset.c, which fills it, and summary.c. */
#ifndef TDC_ANALYSIS_DATASET_ROWS_H
#define TDC_ANALYSIS_DATASET_ROWS_H

#include "results/analysis/dataset.h"

/*
 * One process's samples, sorted by arm and, within an arm, by block (which is also their order in
 * time): 12 bytes a sample, and an arm is one contiguous piece.
 */
struct invocation {
	unsigned round;
	unsigned arms;
	size_t *start; /* of each arm; start[arms] is the end */
	double *tick;  /* of each arm, what one tick is worth in its values */
	double *value;
	int32_t *block;
};

struct group {
	struct invocation *inv; /* by round; in the order of adding where rounds are equal */
	size_t n, room;
	unsigned arms;
};

struct dataset {
	struct group *group;
	unsigned groups;
	uint64_t step; /* ticks by which the clock advances: the largest that divides all samples */
};

/* One arm of one invocation. */
struct view {
	const double *value;
	const int32_t *block;
	size_t n;
};

/* Empty where the invocation has no sample of @arm. */
struct view dataset_view(const struct invocation *inv, unsigned arm);

/* Invocations that hold a sample of an arm, all their samples, and the most that one has. */
struct extent {
	size_t invocations, samples, longest;
};

/* All 0 where there is no such group or arm. */
struct extent dataset_extent(const struct dataset *ds, unsigned group, unsigned arm);

#endif
