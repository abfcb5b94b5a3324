/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metric.h: a quantity that samples yield besides their ticks, taken as a report's level: what the
 * thread executed, where the clock also advances without it, and what `compare --metric` names.
 */
#ifndef TDC_ANALYSIS_METRIC_H
#define TDC_ANALYSIS_METRIC_H

#include "results/analysis/comparison.h"

/* What of a sample's time its thread had of a CPU. */
#define METRIC_RAN "ran"

/**
 * metric_count_executed() - make what the threads executed the samples' value
 *
 * For report_load(), when @r->ds is filled and cells are not summarised. Where the clock counts
 * instructions, and each sample of a group yielded METRIC_RAN, @r->ds gets that of the group and
 * @r->clock the samples' clock; its cells are marked executed. All arms of a group are counted alike,
 * so that pairs compare one quantity. Return: 0 or -errno with @why.
 */
int metric_count_executed(struct store *store, struct report *r, struct reason *why);

/**
 * metric_select() - make a metric the level of a report's cells
 * @metric: "phase"; the name of the samples' own, "time", is their clock
 * @subject: "memslot"; NULL: all of them together, of each sample
 *
 * Sets ds, and metric, sum and has_data of each planned cell; a cell that yielded none has no data. values,
 * fatal and labels stay. May be called again. Return: 0 or -errno with @why.
 */
int metric_select(struct store *store, struct report *r, const char *metric, const char *subject,
		  struct reason *why);

/* Do all runs take what was executed, or all the clock, of the cells that they share? 0, -EINVAL. */
int metric_same_level(const struct report *const *runs, size_t n, struct reason *why);

/**
 * metric_compare() - a comparison with rows for each subject of a metric
 * @runs: @n of them, which @compare reads; they keep the last subject as their level
 * @name: "phase" or "phase:memslot"
 * @compare: fills a comparison from the runs as they are then, as comparison_runs() does
 * @out: its rows, of one cell one after the other, judged together; labels end with metric and subject
 *
 * Return: 0; -EINVAL for a name that no run holds; what @compare returned where no subject yielded a
 * row; -ENOMEM; -errno of the store. With @why. Free @out with comparison_free().
 */
int metric_compare(struct store *store, struct report *runs, size_t n, const char *name,
		   int (*compare)(void *ctx, struct comparison *out, struct reason *why), void *ctx,
		   struct comparison *out, struct reason *why);

/* A subject that the cell on one side of a row yields, and the one on the other side does not. */
struct metric_lack {
	const struct report_value *value; /* borrowed from the report */
	bool in_a;
};

/* Those of the cells of @c, which metric_compare() made of @name. Return: how many, at most @max. */
size_t metric_lacks(const struct comparison *c, const char *name, struct metric_lack *out,
		    size_t max);

#endif
