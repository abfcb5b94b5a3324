/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db.h: the verbs of `tdcost db`, and what their options said. */
#ifndef TDC_CLI_DB_H
#define TDC_CLI_DB_H

#include "harness/cli/cli.h"
#include "results/store/exchange.h"

struct db_ask {
	const char *format;   /* --format */
	const char *output;   /* --output */
	const char *evidence; /* --evidence */
};

int db_merge(struct cli *cli, const struct db_ask *ask, const char *const *args, size_t n);
int db_export(struct cli *cli, const struct db_ask *ask, const char *const *args, size_t n);
int db_import(struct cli *cli, const struct db_ask *ask, const char *const *args, size_t n);

#endif
