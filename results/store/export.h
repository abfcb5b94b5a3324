/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TDC_STORE_EXPORT_H
#define TDC_STORE_EXPORT_H

#include "results/store/exchange.h"
#include "results/store/sql.h"

/* The errno of a failed write to @out, with words; call it before anything else fails. */
int write_failed(FILE *out, struct reason *why);

/* One run's samples as CSV; with @header the names of the columns before them. */
int csv_run(struct store *s, const char *uuid, bool header, FILE *out, struct reason *why);

/* One run's section of JSON lines; @more: so many sections come after it. */
int jsonl_run(struct store *s, const char *uuid, size_t more, FILE *out, struct reason *why);

#endif
