/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steps.h: an empirical distribution as a line. */
#ifndef TDC_PLOTS_STEPS_H
#define TDC_PLOTS_STEPS_H

#include <stddef.h>
#include <stdio.h>

/**
 * steps_write() - both corners of each step, so that a line through them is the step function
 * @x: ascending
 *
 * Columns: value, share at or below it. Of many values about a thousand evenly spaced ones are kept
 * and, ever nearer to both ends, those of the tails, among them the first and the last. Ends with
 * two empty lines.
 */
void steps_write(FILE *out, const double *x, size_t n);

#endif
