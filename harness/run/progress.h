/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.h: one line on a terminal's standard error: what runs, how far, how long still. */
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

uint64_t monotonic_ns(void);

#endif
