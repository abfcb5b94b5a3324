/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows.h: the tables as merging and exchanging see them: by natural keys, row ids left out. Inside
 * the store. A new column of schema.sql is a line here, and is then merged, exported and imported.
 */
#ifndef TDC_STORE_ROWS_H
#define TDC_STORE_ROWS_H

#include "results/store/sql.h"

enum table_id {
	T_HOST,
	T_ENVIRONMENT,
	T_METRIC,
	T_CELL,
	T_BOOT,
	T_CALIBRATION,
	T_RUN,
	T_RUN_CELL,
	T_RUN_FLAG, /* of the run as a whole */
	T_INVOCATION,
	T_SAMPLE,
	T_PART,
	T_FLAG, /* of an invocation */
	T_MAX
};

/* What a column holds, and so how JSON shows it and what an import takes. */
enum column_type {
	C_TEXT,
	C_JSON, /* text that is JSON */
	C_U32,
	C_I32,
	C_INT, /* 64 bits */
	C_REAL,
	C_BOOL,
};

#define C_NULL 0x100 /* or none: NULL */

struct column {
	const char *name;
	const char *key;		/* in JSON; with the unit */
	int type;			/* enum column_type, perhaps with C_NULL */
	int (*parse)(const char *word); /* the list that a word must be of, or NULL */
};

#define ROW_COLUMNS 12
#define ROW_PARENTS 2

struct table {
	const char *name;
	const char *row; /* what one is called */
	struct column columns[ROW_COLUMNS + 1];
	unsigned n_key; /* so many of the columns, the first, tell its rows apart */
	/* Columns with row ids of other tables; what is inserted takes them after the columns. */
	const char *parents[ROW_PARENTS + 1];
	/*
	 * Which rows belong to ?1: an invocation where the rows are its own, else a run (NULL:
	 * every run, and what belongs to none).
	 */
	const char *where;
	const char *ids;      /* ", id" or other row ids that reading adds after the columns */
	const char *conflict; /* what becomes of a row that is there; NULL: nothing */
};

extern const struct table tables[T_MAX];

unsigned table_columns(const struct table *t);

/* Two connections and their statements, prepared when first used. */
struct rows {
	struct store *to, *from;
	struct reason *why;
	char place[160]; /* what is being looked at, for the words of a refusal */
	sqlite3_stmt *read[2][T_MAX], *insert[T_MAX];
};

void rows_end(struct rows *r);

/*
 * The rows of @t that belong to @of, or all, in the order of their keys. @to: of which side. The
 * statement is the cache's: reset it, do not finalise it.
 */
int rows_read(struct rows *r, enum table_id t, bool to, const int64_t *of, sqlite3_stmt **st);

/*
 * The row at which @row stands, into r->to. Return: 1, 0 where one with its key is there, -errno.
 */
int rows_insert(struct rows *r, enum table_id t, sqlite3_stmt *row, const int64_t *parents);

/*
 * The row of r->to with the key of @row and, unless @parents is NULL, those parents. Return: 1 and
 * *@found at it, which the caller finalises; 0; -errno.
 */
int rows_find(struct rows *r, enum table_id t, sqlite3_stmt *row, const int64_t *parents,
	      sqlite3_stmt **found);

/* The first @n columns of two rows, or -EEXIST with the words for the first that differs. */
int rows_compare(struct rows *r, enum table_id t, sqlite3_stmt *to, sqlite3_stmt *from, unsigned n);

/* All rows of @of_to here and @of_from there, one by one. Return: 0, -EEXIST, -errno. */
int rows_same(struct rows *r, enum table_id t, int64_t of_to, int64_t of_from);

#endif
