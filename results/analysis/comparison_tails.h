/* SPDX-License-Identifier: GPL-2.0-or-later */
/* comparison_tails.h: a comparison of p90 and p99 in place of medians: for `compare --tails`. */
#ifndef TDC_ANALYSIS_COMPARISON_TAILS_H
#define TDC_ANALYSIS_COMPARISON_TAILS_H

#include "results/analysis/comparison.h"
#include "results/analysis/tails.h"

/* What could not be compared at one quantile. */
struct tails_lack {
	size_t rows; /* left out */
	size_t had;  /* the most samples that both arms of such a row have in a process */
};

/**
 * comparison_tails() - replace each row of @c by one for p90 and one for p99, judged together
 * @lack: of each quantile, the rows that have too few samples in a process for it
 *
 * An arm's quantile is that of each process; its level is their median. Arms of one run: Student's
 * t on the processes' log ratios. Two runs: Welch's t on their log quantiles. The labels end in
 * " p90" and " p99". No row at all may be left. Return: 0; -EINVAL where @c compares boots; -ENOMEM.
 */
int comparison_tails(struct comparison *c, struct tails_lack lack[TAILS_COMPARED]);

#endif
