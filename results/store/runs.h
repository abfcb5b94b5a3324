/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TDC_STORE_RUNS_H
#define TDC_STORE_RUNS_H

#include "results/store/sql.h"

/*
 * The rows of the view "runs", newest first. @where: SQL that filters them, "" for all.
 * Return: how many, or -errno. The caller frees *@rows, which is NULL when there are none.
 */
int runs_query(struct store *s, const char *where, const struct sql_arg *args,
	       struct store_run_row **rows, struct reason *why);

/* store_load_run() within a transaction of the caller's. */
int run_load(struct store *s, const char *uuid, struct store_run_data *d, struct reason *why);

#endif
