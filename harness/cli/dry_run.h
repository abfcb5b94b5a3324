/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dry_run.h: what a run would do, and how long it would take. */
#ifndef TDC_CLI_DRY_RUN_H
#define TDC_CLI_DRY_RUN_H

#include <stdio.h>

#include "harness/cli/cli.h"
#include "harness/run/run.h"

/* What an earlier run says about the plan: see precision_detectable(). */
struct detectable {
	size_t pairs; /* 0: no earlier run knows these cells */
	double share;
	char where[192], run[16];
};

/* Print groups, arms, what is skipped and why, the schedule and its time. Return: exit status. */
int dry_run(const struct cli *cli, const struct machine *m, const struct plan *plan,
	    const struct run_config *c, const struct detectable *d);

/* A line for each cell that cannot run here, with the reason. */
void dry_print_skipped(const struct plan *plan, FILE *to, const char *indent);

#endif
