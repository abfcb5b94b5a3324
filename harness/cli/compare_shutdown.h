/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare_shutdown.h: how the arms of a shutdown are told, in whichever form. */
#ifndef TDC_CLI_COMPARE_SHUTDOWN_H
#define TDC_CLI_COMPARE_SHUTDOWN_H

#include "harness/cli/compare.h"

/* One effect, absolute and in percent. "" where there is none. */
struct shutdown_texts {
	char change[48], change_interval[96];
	char percent[48], percent_interval[96];
	char n[48], p[32], verdict[96];
	const char *how; /* "paired"; "apart" */
};

void shutdown_row_texts(const struct compare *cmp, const struct comparison_row *row,
			struct shutdown_texts *t);

/* Its time, of a whole shutdown, and the interval, in shutdown_unit()s. */
void shutdown_arm_texts(const struct compare *cmp, const struct shutdown_arm *a, char *time,
			size_t time_size, char *interval, size_t interval_size);

/* "ms", or what else the clock counts. */
const char *shutdown_unit(const struct compare *cmp);

#define SHUTDOWN_REMARKS 11 /* as many as shutdown_remarks() can make, and one */

/* What must be known beside the figures. Return: how many. */
size_t shutdown_remarks(const struct compare *cmp, char (*out)[320]);

#endif
