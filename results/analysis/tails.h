/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tails.h: S12 and S23: quantiles of a cell's samples with their intervals, and what a quantile
 * changes by between two arms.
 */
#ifndef TDC_ANALYSIS_TAILS_H
#define TDC_ANALYSIS_TAILS_H

#include "results/analysis/dataset.h"

enum tail_at { TAIL_P90, TAIL_P99, TAIL_P999, TAILS };

#define TAILS_COMPARED 2 /* p90 and p99: the p99.9 of one process is its largest sample */

struct tail_kind {
	const char *name; /* "p99" */
	double at;	  /* 0.99 */
	size_t pooled;	  /* samples of all processes below which it has no upper 95 % bound */
	size_t each;	  /* samples of an arm in a process that is compared; 0: never compared */
};

extern const struct tail_kind tail_kinds[TAILS];

/* A quantile over all samples. All of it NaN where there is no interval: then it is not shown. */
struct tail {
	double value;
	struct interval interval;
};

/**
 * tails_pooled() - quantiles over the samples of all processes, each with a 95 % interval
 * @x: the samples of the first process, then those of the next
 * @n: how many each of @processes has
 *
 * The interval is Woodruff's (1952), JASA 47, 635-646: that of the share of samples above the
 * quantile, read back as order statistics. Samples of one process share causes, so the standard
 * error of the share is taken over processes (never below that of independent samples), with
 * Student's t of @processes - 1 degrees of freedom. There is none with less than two processes, with
 * less than tail_kind.pooled samples, and where its upper end would lie beyond the largest sample.
 * Return: 0, -ENOMEM.
 */
int tails_pooled(const double *x, const size_t *n, size_t processes, struct tail out[TAILS]);

/* The same of an arm, in units per unit of work. No sample: all NaN. */
int tails_arm(const struct dataset *ds, unsigned group, unsigned arm, struct tail out[TAILS]);

/**
 * tails_processes() - the quantile @at of each process that has tail_kind.each samples of the arm
 *
 * In the order of their rounds. The caller frees *@out, which is NULL for none.
 * Return: how many, or -ENOMEM.
 */
long tails_processes(const struct dataset *ds, unsigned group, unsigned arm, enum tail_at at,
		     double **out);

/**
 * tails_pair() - what the quantile @at of arm @b is against that of arm @a, process by process
 *
 * Over the processes with tail_kind.each samples of both: mean and Student's t interval of the
 * differences and of the log ratios. @out->blocks is 0. Return: 0; -ENOENT for less than two such
 * processes; -ENOMEM.
 */
int tails_pair(const struct dataset *ds, unsigned group, unsigned a, unsigned b, enum tail_at at,
	       double conf, struct pair_summary *out);

/**
 * tails_occurrence() - S23: in which share of processes it happens
 * @hit: of @processes; where it is 0, a one-sided 95 % bound from above, else a 95 % interval
 *
 * Clopper & Pearson's (1934). What happens in a process depends on its placement and its moment, so
 * its samples are one trial. Return: 0, -EINVAL for no process or more hits than processes.
 */
int tails_occurrence(size_t hit, size_t processes, struct interval *out);

/* The most samples of the arm that a process has: what tail_kind.each is held against. */
size_t tails_longest(const struct dataset *ds, unsigned group, unsigned arm);

#endif
