/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h: one run, read from the store and summarised: what show, plot and compare start from.
 * The only place where stored rows meet the statistics.
 */
#ifndef TDC_ANALYSIS_REPORT_H
#define TDC_ANALYSIS_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/core/reason.h"
#include "harness/core/words.h"
#include "results/analysis/dataset.h"
#include "results/analysis/load.h"
#include "results/analysis/tails.h"
#include "results/store/store.h"

#define REPORT_CONF 0.95

/* Levels of earlier runs of a cell on the same host (S21). */
struct report_earlier {
	size_t runs;
	double lo, hi;	/* from the lowest to the highest of them, or what is @predicted of a run */
	bool predicted; /* the 95 % range of a further run, from 3 runs on */
};

struct report_cell {
	const struct store_cell_row *row; /* borrowed from report.data */
	/* What @sum is of: the sample's time, or what metric_select() chose. NULL: the file names none. */
	const struct store_metric_row *metric;
	json_t *factors;
	char label[192]; /* the factors that vary in this run: "insn=clzero page=4K"; else all */
	bool has_data;
	bool fatal;		/* a fatal flag of the run or of this cell */
	struct arm_summary sum; /* clock units per unit of work, or the metric's */
	/*
	 * An emulator's clock counts instructions and advances while the CPU is idle. Where each
	 * sample of the cell's group says what its thread executed, @sum is of that.
	 */
	bool executed;
	struct arm_summary clock;      /* of the samples' own clock; only with @executed */
	double gb_s;		       /* decimal; 0 outside ns or where work is not bytes */
	struct report_earlier earlier; /* set by report_load_earlier() */
	uint64_t nodes; /* NUMA nodes that its processes ran on: bit 63 for all above */
};

/* Of one block of a process: the process's number in the file, and the median of what the block yielded. */
struct report_block {
	int64_t invocation;
	int32_t block;
	double value;
};

/*
 * What the samples of a cell yielded besides their time (S12): events that were counted, values
 * per CPU or per phase. A row for each subject; before them, where a metric has values of several
 * CPUs, one with an empty subject over all of them.
 */
struct report_value {
	const struct report_cell *cell;
	const struct store_metric_row *metric; /* NULL for events */
	char name[32];			       /* of the metric: "event", "cpu_time" */
	char subject[96];		       /* "page-faults", "cpu 3"; "" for all */
	size_t n;			       /* values */
	double min, p50, max;		       /* durations in units of the clock */
	struct tail tails[TAILS];
	double total;
	size_t samples;	      /* that yielded a value; n counts each CPU of a sample */
	size_t hits;	      /* samples that yielded one above 0: where it occurred */
	size_t hit_processes; /* that hold such a sample */
	/* S5: median over invocations of the invocation's median; NaN to NaN for one invocation. */
	size_t invocations; /* that hold a value */
	double level;
	struct interval interval;
	struct report_block *blocks; /* n_blocks of them, by invocation and block */
	size_t n_blocks;
	double *sorted; /* all values, ascending; NULL where the row over all CPUs has them */
};

/* Does it count samples in which something went wrong: is it shown with a bound by process? */
bool report_is_occurrence(const struct report_value *v);

struct report {
	struct store_run_data data;
	struct dataset *ds;    /* what the cells' sums are of */
	struct dataset *clock; /* the samples' own clock of groups that are executed; NULL: none */
	struct report_cell *cells; /* planned ones first, in the order of group and arm */
	size_t n_cells;
	struct report_value *values; /* by cell, metric, subject */
	size_t n_values;
	struct loads loads; /* of its processes */
	bool fatal;	    /* a fatal flag that concerns the whole run */
	unsigned rounds;    /* finished */
};

/* Read and summarise a run. Return: 0 or -errno with @why. Free with report_free(). */
int report_load(struct store *store, const char *uuid, struct report *r, struct reason *why);
void report_free(struct report *r);

/**
 * report_load_earlier() - S21: set what the levels of earlier runs of each cell were
 *
 * Of the newest 20 runs before it on the same host, lane and clock that are done, trustworthy, and share a
 * benchmark. An interval holds for the time of its run; this is how far runs were apart.
 * Return: 0 or -errno with @why.
 */
int report_load_earlier(struct store *store, struct report *r, struct reason *why);

/* All samples of a loaded run by their own clock, once more. The caller frees *@ds. 0 or -errno. */
int report_load_samples(struct store *store, struct report *r, struct dataset **ds,
			struct reason *why);

/*
 * The row of a cell's metric: of several CPUs the one over all of them, else the first subject's.
 * NULL where no sample yielded it.
 */
const struct report_value *report_value_of(const struct report *r, const struct report_cell *cell,
					   const char *metric);

/* Does the run's environment say "synthetic": were its samples made up, to try a picture? */
bool report_synthetic(const struct report *r);

/* How many NUMA nodes the run's machine has; 0: its environment does not say. */
unsigned report_numa_nodes(const struct report *r);

/* The summary of a cell's samples by their own clock, which phases divide. */
const struct arm_summary *report_clock(const struct report_cell *cell);

/* The share of the clock in which a cell's thread waited, 0 to 1; NaN unless cell->executed. */
double report_waited(const struct report_cell *cell);

/* Is what cell->sum is of a time, so that less of it is faster? */
bool report_is_time(const struct report *r, const struct report_cell *cell);

/* In what it is counted: "ns", "instructions", "count", "percent". */
const char *report_word(const struct report *r, const struct report_cell *cell);

/* A level of a cell, "" where the benchmark has no such factor. */
const char *report_level(const struct report_cell *cell, const char *factor);

/*
 * Is it a replay whose SEAMCALLs take no time, all of them? Its times are then lower bounds, and what
 * is saved of them in percent an upper one.
 */
bool report_without_seamcalls(const struct report_cell *cell);

/* Is it an arm that stands for what is not done? It moves no byte, so a rate of it means nothing. */
bool report_returns_early(const struct report_cell *cell);

/* Does @factor have several levels among the run's planned cells of @benchmark? */
bool report_varies(const struct report *r, const char *benchmark, const char *factor);

/* Two levels of a paired factor: what can be compared inside a run. */
struct report_pairing {
	const char *factor, *a, *b; /* borrowed from the report; a stands first in the plan */
};

/**
 * report_pairings() - each level of each paired factor that varies, against the first one
 *
 * Return: how many there are; at most @max are written.
 */
size_t report_pairings(const struct report *r, struct report_pairing *out, size_t max);

/* Two arms of one group that differ in one factor only. */
struct report_pair {
	const struct report_cell *a, *b;
	struct pair_summary sum; /* of b against a */
	enum kind kind;		 /* the weaker of both */
	bool fatal;
	char label[192]; /* what else varies */
};

/**
 * report_pairs() - all pairs in @factor with level @a against level @b
 *
 * The caller frees *@pairs. Return: how many, or -ENOMEM.
 */
long report_pairs(const struct report *r, const char *factor, const char *a, const char *b,
		  struct report_pair **pairs);

/* A subject of a metric in two arms that share their processes. */
struct report_part {
	const char *subject; /* borrowed from the report */
	double a, b;	     /* levels; 0 where an arm yields none */
	struct effect diff;  /* b - a, by block, over processes; NaN with less than two of them */
};

/**
 * report_parts() - what each subject of @metric ("phase") takes less or more in @b than in @a
 *
 * In the order in which the samples yielded them. The caller frees *@parts. Return: how many; -ENOMEM.
 */
long report_parts(const struct report *r, const struct report_cell *a, const struct report_cell *b,
		  const char *metric, struct report_part **parts);

/* "ns per 4 KiB page" or "instructions executed per ...". Return: @buf. */
char *report_unit(const struct report *r, const struct report_cell *cell, char *buf, size_t n);

/*
 * "AMD EPYC (26/2/1), Linux 6.18.44, lane host": what a reader must know. "SYNTHETIC: " before it
 * where report_synthetic(). Return: @buf.
 */
char *report_machine(const struct report *r, char *buf, size_t n);

#endif
