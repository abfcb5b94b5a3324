/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calibrate.h: what identical arms give here (S10): how often they are called different, and how
 * far apart they come to lie, for each cell and design. Stored, and used by comparisons.
 */
#ifndef TDC_CLI_CALIBRATE_H
#define TDC_CLI_CALIBRATE_H

#include "harness/cli/cli.h"
#include "results/analysis/comparison.h"

/* The least time between two runs that are compared one after the other. Return: 0, -EINVAL. */
int calibrate_take_apart(struct cli *cli, const char *arg);

/*
 * Measure identical arms as run_ask says, store and print what came of it. The rounds, the blocks and
 * the budget are those of one run; a calibration is many of them in one. Return: exit status.
 */
int calibrate_run(struct cli *cli);

/* Let the run that run_ask asks for pause and end as a calibration: also one that is resumed. */
void calibrate_hooks(void);

/* Set the noise floors of a comparison's rows from what the file holds for their cells and host. */
void calibrate_floors(struct store *store, struct comparison *c);

#endif
