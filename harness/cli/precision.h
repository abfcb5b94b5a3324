/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * precision.h: the declared stopping rule (S8, S22): a width that the intervals of the effects are to
 * reach, at the level at which their verdicts are given. Looks at widths only, never at p or at which
 * side of zero an interval lies.
 */
#ifndef TDC_CLI_PRECISION_H
#define TDC_CLI_PRECISION_H

#include "harness/run/run.h"
#include "results/analysis/dataset.h"
#include "results/analysis/report.h"

struct precision {
	const struct plan *plan;
	const struct tick_clock *clock; /* of which the rate counts */
	struct dataset *ds;
	double target;	 /* half a width, as a share of A's level */
	double widest;	 /* of the last look; INFINITY before there is one */
	unsigned until;	 /* rounds to take since the target was reached; 0: it was not */
	char where[192]; /* the effect that is widest */
};

/* Take a finished round. Return: 0 or -ENOMEM. */
int precision_add(struct precision *p, const struct run_invocation *inv, size_t n);

/**
 * precision_reached() - is the widest interval narrow enough, and were the rounds after that taken?
 *
 * Over the pairs that show and compare judge: each level of a factor against its first, but not two
 * arms that do nothing; where a group has none, over the levels. A look that finds narrow intervals
 * picks those that are narrow by chance, which would cover the truth in 90 to 92 % only. So a second
 * estimate of the width has to agree, and half as many rounds again are taken after it is reached
 * (tests/results/analysis/simulate_stopping.c has the coverage). Never before STAT_MIN_INVOCATIONS
 * rounds. For run_config.enough.
 */
bool precision_reached(void *p, unsigned rounds_done);

/**
 * precision_detectable() - what effect would @rounds find, judging by an earlier run?
 * @r: a run that holds cells of @plan
 * @share: set to the effect that is found with 80 % power at the adjusted level, of the worst pair
 * @where: set to that pair
 *
 * Return: how many pairs of the plan that run knows; 0: nothing can be said.
 */
size_t precision_detectable(const struct plan *plan, const struct report *r, unsigned rounds,
			    double *share, char *where, size_t where_size);

#endif
