/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare.h: the parts of `compare`: what was compared, and the forms in which it is told. */
#ifndef TDC_CLI_COMPARE_H
#define TDC_CLI_COMPARE_H

#include <stdbool.h>
#include <stdio.h>

#include "harness/cli/cli.h"
#include "results/analysis/comparison.h"
#include "results/analysis/comparison_tails.h"
#include "results/analysis/shutdown.h"

#define COMPARE_MAX_RUNS 64

/* What was asked, and what came of it. */
struct compare {
	const char *select_a, *select_b; /* select_b NULL with by, and may be with shutdown */
	const char *by;			 /* "quirk" or "quirk=on,off"; NULL between runs */
	const char *metric;		 /* "phase" or "phase:memslot"; NULL: the cells' levels */
	bool shutdown;			 /* the arms of a shutdown, in one run or two */
	bool tails;			 /* p90 and p99 in place of medians */
	const char *across[32];
	size_t n_across;
	double sesoi, gate;	/* shares; gate below 0: none */
	bool gate_strict;	/* a row that is not shown to be within the gate fails it */
	struct report *reports; /* of A, then of B */
	const struct report *a[COMPARE_MAX_RUNS], *b[COMPARE_MAX_RUNS];
	size_t n_a, n_b;
	struct comparison c;
	struct tails_lack lack[TAILS_COMPARED]; /* with tails */
	struct shutdown s;			/* whose changes are the rows of c */
	char name_a[64], name_b[64];		/* "quirk=on", "1a2b3c4d" */
};

/*
 * Load and compare what @cmp asks for: A of the store @a, B of the store @b, which may be the same.
 * Return: 0 or the exit status after cli_error().
 */
int compare_make(const struct cli *cli, struct store *a, struct store *b, struct compare *cmp);
void compare_free(struct compare *cmp);

/* The machines of both sides; one line where they are the same with one kernel. */
void compare_machines(const struct compare *cmp);

void compare_table(const struct compare *cmp, bool markdown);
json_t *compare_json(const struct compare *cmp);

/* Replace the rows of @cmp->c by those of p90 and p99. Return: 0 or exit status. */
int compare_tails(const struct cli *cli, struct compare *cmp);

/* A line for each quantile that some rows lack. */
void compare_tails_notes(const struct compare *cmp, FILE *to);

/* The same of the arms of a shutdown. */
void compare_shutdown_table(const struct compare *cmp, bool markdown);
json_t *compare_shutdown_json(const struct compare *cmp);
void compare_shutdown_commit(const struct compare *cmp, FILE *to);

/* At most 72 columns, ready to paste. Return: 0 or -errno. */
int compare_commit(const struct compare *cmp, FILE *to);

/*
 * Do the commit blocks in @path ("-": standard input) follow from @archive? Print what does not, and
 * the figures that are in no block. Return: EXIT_DONE; EXIT_FAILED where something does not follow
 * or cannot be read; EXIT_USAGE for a text without a whole block.
 */
int compare_verify(const struct cli *cli, const char *archive, const char *path, bool json);

#define COMPARE_LOAD_REMARKS (COMPARE_MAX_RUNS * LOAD_REMARKS)

/* Of each run that others kept off the CPU: load_remarks(). Return: how many. */
size_t compare_load_remarks(const struct compare *cmp, char (*out)[160]);

/* "62 %, 71 %": in which share of the clock each side waited; "" where no row says. Return: @buf. */
char *compare_waited(const struct compare *cmp, const struct comparison_row *row, char *buf,
		     size_t n);

/* Subjects of the metric that one side of a row yields alone, in one line; "" for none. */
void compare_lacks(const struct compare *cmp, char *buf, size_t n);

/* Remarks and what is on one side only, for people. */
void compare_notes(const struct compare *cmp, FILE *to);

#endif
