/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress.h: what runs and how far it is: one line on a terminal's standard error, with the time
 * left, and a line a step in a file that another program reads.
 */
#ifndef TDC_RUN_PROGRESS_H
#define TDC_RUN_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *to; /* NULL: silent */
	uint64_t started_ns, total, done;
	uint64_t guess_ns;  /* of one step, before any was seen */
	uint64_t budget_ns; /* which ends it at the latest; 0: nothing does */
	char what[96];
};

void progress_begin(struct progress *p, FILE *to, uint64_t total, uint64_t guess_ns);
void progress_show(struct progress *p); /* at any time */
void progress_step(struct progress *p);
void progress_end(struct progress *p); /* wipes the line */

/**
 * progress_log() - a line "tdcost: progress DONE TOTAL WHAT" at the end of the file that $TDCOST_PROGRESS names
 *
 * Returns when a serial line has sent it: what is measured next is not interrupted for it. Silent
 * where the variable is not set or the file does not open: a run does not fail of its progress.
 */
void progress_log(uint64_t done, uint64_t total, const char *what);

uint64_t monotonic_ns(void);

#endif
