/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.h: an import under way. Inside the store. */
#ifndef TDC_STORE_IMPORT_H
#define TDC_STORE_IMPORT_H

#include "results/store/exchange.h"
#include "results/store/record.h"
#include "results/store/round.h"

#define IMPORT_BOOTS 1024 /* of one run: it would have to be resumed as often */

struct import_boot {
	int64_t id;
	int clock;
	double tick_hz;
};

struct import {
	struct rows rows; /* both sides are the scratch store */
	struct reason *why;
	FILE *in;
	const char *name;
	char *buf; /* the line, STORE_LINE_MAX */
	size_t len, line;
	sqlite3_stmt *row[T_MAX]; /* SELECT of what a line says, so that it is a row */
	sqlite3_stmt *subject;

	/* the section, which is one run */
	bool open;
	char run[40];
	json_t *host;
	size_t records, sections;
	json_int_t more; /* as the last "end" said */
	int64_t run_id;
	struct import_boot boots[IMPORT_BOOTS], *boot;
	size_t n_boots;

	/* the invocation */
	int64_t invocation, round, position, arm_group;
	int64_t missing, missing_warm_up; /* samples that it announced and that have not come */
	struct arms arms;
};

/* -EINVAL with "NAME: line N: what: key words; nothing was imported"; @key may be NULL. */
int import_refuse(struct import *im, const char *what, const char *key, const char *words);

/* The statement whose parameters are a row of @t; step it, and it stands at that row. */
int import_statement(struct import *im, enum table_id t, sqlite3_stmt **row);

/* -EINVAL where @j has not @n keys: one that no such record has was not written by us. */
int import_judge_keys(struct import *im, const json_t *j, int type, size_t n);

/* Did the run come before a line of type @t, and the invocation, where it is about one. */
int import_needs(struct import *im, enum table_id t);

/* A line that is one row. */
int import_row(struct import *im, enum table_id t, const json_t *j);

/* An invocation's own row has gone in; @row is what it said. */
int import_begin_invocation(struct import *im, sqlite3_stmt *row);

/* Did all samples come that the invocation at hand announced, if there is one. */
int import_end_invocation(struct import *im);

/* Many rows in one line. */
int import_samples(struct import *im, const json_t *j);
int import_parts(struct import *im, const json_t *j);

#endif
