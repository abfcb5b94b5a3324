/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.h: how much of their time a run's processes were off the CPU while they sampled, because of
 * other programs, a quota, or the hypervisor; and which verdicts that withholds.
 */
#ifndef TDC_ANALYSIS_LOAD_H
#define TDC_ANALYSIS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/store/store.h"

/* Above this share of the time no verdict is given. tdcost-statistics(7) has the measurements. */
#define LOAD_MOST 0.10

struct comparison;
struct report_cell;
struct report;

/* One process, while it sampled. */
struct load_process {
	unsigned group;
	/* Share of its time. 0 below the sampler's tolerance, and for benchmarks that sleep. */
	double away;
	uint64_t wall_ns; /* 0: the file does not say */
	uint64_t steal_ticks;
};

struct loads {
	struct load_process *v;
	size_t n;
};

/* Of the processes of an arm group, or of a whole run. Shares are of wall time. */
struct load {
	size_t processes;
	size_t busy;		  /* how many of them were off the CPU */
	double least, most, mean; /* least: of the busy ones; the others of all */
	size_t robbed;		  /* how many lost time to the hypervisor */
	uint64_t steal_ticks;
	double stolen; /* NaN where the file does not say how long the processes sampled */
};

/* One process as the store hands it out. Return: 0, -ENOMEM. */
int loads_add(struct loads *l, const struct store_invocation_row *inv);
void loads_free(struct loads *l);

/* @group -1: all groups. All 0 without processes. */
struct load loads_summary(const struct loads *l, int group);

/**
 * load_share() - the share of their time that a cell's processes did not run
 *
 * The mean over processes of the share off the CPU, or the share stolen where that is larger: a guest
 * whose kernel knows of stolen time counts it in both. Return: 0 to 1.
 */
double load_share(const struct report *r, const struct report_cell *cell);

/* Withhold the verdicts of rows that have more than LOAD_MOST on either side. After judging. */
void load_withhold(struct comparison *c);

#define LOAD_REMARKS 2

/*
 * "run 1a2b3c4d: off the CPU for 12 to 73 % of the time in 10 of 10 processes", and the same of stolen
 * time. Return: how many lines.
 */
size_t load_remarks(const struct report *r, char (*out)[160]);

#endif
