/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_line.h: one line of comma-separated values, as RFC 4180 has it, less line ends inside quotes. */
#ifndef TDC_PUBLISHED_CSV_LINE_H
#define TDC_PUBLISHED_CSV_LINE_H

#include <stddef.h>

#include "harness/core/reason.h"

/**
 * csv_line_split() - cut @line into fields, in place
 * @line: without its line end; overwritten, and @fields point into it
 *
 * Return: how many fields there are (at most @max are written), or -EINVAL with @why.
 */
int csv_line_split(char *line, char **fields, size_t max, struct reason *why);

#endif
