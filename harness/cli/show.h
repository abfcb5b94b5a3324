/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show.h: a run as a table or as JSON; `run` ends with what `show` prints. */
#ifndef TDC_CLI_SHOW_H
#define TDC_CLI_SHOW_H

#include <stdbool.h>

#include "harness/cli/cli.h"
#include "results/analysis/report.h"

/* Print @r to standard output. @tails: with percentiles. Return: exit status (5: untrustworthy). */
int show_report(const struct cli *cli, const struct report *r, bool tails);

void show_text(const struct report *r, bool tails);
json_t *show_json(const struct report *r);

#endif
