/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_values.h: the part of report_load() that reads what samples yielded besides their time. */
#ifndef TDC_ANALYSIS_REPORT_VALUES_H
#define TDC_ANALYSIS_REPORT_VALUES_H

#include "results/analysis/report.h"

/* Fill @r->values; cells and metrics are loaded. Return: 0 or -errno with @why. */
int report_load_values(struct store *store, const char *uuid, struct report *r, struct reason *why);

#endif
