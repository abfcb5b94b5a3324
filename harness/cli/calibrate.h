/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calibrate.h: what identical arms give here (S10): how often they are called different, and how
 * far apart they come to lie, for each cell and design. Stored, and printed beside comparisons.
 */
#ifndef TDC_CLI_CALIBRATE_H
#define TDC_CLI_CALIBRATE_H

#include "harness/cli/cli.h"
#include "results/analysis/comparison.h"

/* Designs that are calibrated: arms of one run, and runs made one after the other. */
#define DESIGN_PAIRED	"paired"
#define DESIGN_UNPAIRED "one after the other"

/* Measure identical arms as run_ask says, store and print what came of it. Return: exit status. */
int calibrate_run(struct cli *cli);

/* Set the noise floors of a comparison's rows from what the file holds for their cells and host. */
void calibrate_floors(struct store *store, struct comparison *c);

#endif
