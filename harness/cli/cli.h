/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h: what the commands share. Standard output holds what was asked for; everything else is
 * one line on standard error.
 */
#ifndef TDC_CLI_CLI_H
#define TDC_CLI_CLI_H

#include <jansson.h>
#include <popt.h>
#include <stdbool.h>
#include <stdio.h>

#include "harness/core/reason.h"
#include "harness/core/words.h"
#include "results/store/store.h"

#define TDCOST_DB_DEFAULT "tdcost.db"

/* In poptOption.val of an option that may be given more than once; commands see val without it. */
#define OPT_REPEATS 0x10000

struct cli;

struct command {
	const char *name;
	const char *usage;   /* what stands behind the name: "[BENCH]... [OPTION]..." */
	const char *summary; /* one line, for the list of commands */
	const char *help;    /* a few lines under the usage; NULL for none */
	const struct poptOption *options; /* its own; ends with POPT_TABLEEND; NULL for none */
	bool two_dbs;			  /* takes --db twice */
	/* Return: enum exit_status. */
	int (*main)(struct cli *cli, const char *const *args, size_t n);
	/* Called for each option with a value (poptOption.val): 0, or -EINVAL after cli_error(). */
	int (*option)(struct cli *cli, int val, const char *arg);
};

struct cli {
	const struct command *command;
	const char *db;	  /* the file: --db, $TDCOST_DB or the default */
	const char *db_b; /* the second --db; NULL without */
	bool json;
	int argc; /* as typed, the command's name first; for the record */
	const char *const *argv;
};

extern const struct command cmd_run, cmd_check, cmd_list, cmd_doctor, cmd_show, cmd_runs,
	cmd_compare, cmd_plot, cmd_published, cmd_db;

/* One line on standard error, "tdcost COMMAND: ...". Return: @status. */
int cli_error(const struct cli *cli, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The exit status that belongs to a negative errno: unsupported, usage, or failed. */
int cli_status(int err);

/* cli_error() with the words of @why and the status of @err. */
int cli_fail(const struct cli *cli, int err, const struct reason *why);

/* Print @j with a newline and release it. Return: EXIT_DONE, or EXIT_FAILED after cli_error(). */
int cli_print_json(const struct cli *cli, json_t *j);

/* Open @path, which is --db but for a second one. Return: 0, or the exit status after cli_error(). */
int cli_open_path(const struct cli *cli, const char *path, enum store_mode mode,
		  struct store **store);
int cli_open_store(const struct cli *cli, enum store_mode mode, struct store **store);

/* Flush standard output; a full disk or a closed pipe is an error. Return: @status or EXIT_FAILED. */
int cli_finish(const struct cli *cli, int status);

/* ---- text tables ---- */

struct table;

/* @columns: @n names; one that begins with '>' is right-aligned. NULL when out of memory. */
struct table *table_new(const char *const *columns, size_t n);
void table_row(struct table *t); /* begin a row */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *t, const char *fmt, ...);
/* Print and free. */
void table_print(struct table *t, FILE *to);

#endif
