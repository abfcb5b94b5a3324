/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sql.h: SQLite as the store uses it: statements with typed arguments, and one place where its
 * result codes become an errno and words. Inside the store.
 */
#ifndef TDC_STORE_SQL_H
#define TDC_STORE_SQL_H

#include <sqlite3.h>

#include "results/store/store.h"

/* One connection; it belongs to one thread. */
struct store {
	sqlite3 *db;
	char *path; /* as it was given, for the words of errors */
};

enum sql_type { SQL_END, SQL_TEXT, SQL_INT, SQL_REAL };

struct sql_arg {
	enum sql_type type;
	const char *text; /* NULL is stored as NULL; must live until the statement is finalised */
	int64_t n;
	double v;
};

#define TEXT(x) ((struct sql_arg){ .type = SQL_TEXT, .text = (x) })
#define INT(x)	((struct sql_arg){ .type = SQL_INT, .n = (int64_t)(x) })
#define REAL(x) ((struct sql_arg){ .type = SQL_REAL, .v = (x) })
/* An index of which a negative one means none, stored as NULL. */
#define INDEX(x)  ((x) < 0 ? TEXT(NULL) : INT(x))
#define ARGS(...) ((const struct sql_arg[]){ __VA_ARGS__, { .type = SQL_END } })
#define NO_ARGS	  ((const struct sql_arg[]){ { .type = SQL_END } })

/* What to subtract from the samples of invocation i in boot b, as view flat does. */
#define OVERHEAD "ifnull(i.overhead, b.overhead)"

/*
 * The errno of the connection's last failure, with words that name the file and what to do.
 * Call it before anything else uses the connection.
 */
int sql_fail(struct store *s, struct reason *why);

/* All statements of @sql, without arguments and results. */
int sql_exec(struct store *s, const char *sql, struct reason *why);

/* Prepare and bind; the caller finalises *@st, which is NULL after a failure. */
int sql_query(struct store *s, sqlite3_stmt **st, const char *sql, const struct sql_arg *args,
	      struct reason *why);
int sql_bind(struct store *s, sqlite3_stmt *st, const struct sql_arg *args, struct reason *why);

/* Return: 1 with a row, 0 at the end, -errno. */
int sql_step(struct store *s, sqlite3_stmt *st, struct reason *why);

/* A statement without results. */
int sql_run(struct store *s, const char *sql, const struct sql_arg *args, struct reason *why);

/* The first column of the first row as an integer. Return: 1, 0 where there is no row, -errno. */
int sql_int(struct store *s, const char *sql, const struct sql_arg *args, int64_t *out,
	    struct reason *why);

/*
 * A write transaction. sql_end() commits when @err is 0, otherwise it rolls back. It waits for
 * other writers, up to a minute. Return: @err, or why the commit failed.
 */
int sql_begin(struct store *s, struct reason *why);
int sql_end(struct store *s, int err, struct reason *why);

/* The row id of a run: 0, or -ENOENT. */
int sql_find_run(struct store *s, const char *uuid, int64_t *run, struct reason *why);

/* Columns as C strings: into a buffer ("" for NULL, cut where it does not fit), or a copy. */
void sql_text(sqlite3_stmt *st, int col, char *buf, size_t n);
int sql_dup(sqlite3_stmt *st, int col, char **out); /* NULL stays NULL; 0 or -ENOMEM */

#endif
