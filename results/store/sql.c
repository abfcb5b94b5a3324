// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What a result code means to the person who waits; extended codes go before their primary. */
static const struct failure {
	int code;
	int err;
	const char *words; /* NULL: SQLite's own are the best there are */
} failures[] = {
	{ SQLITE_FULL, -ENOSPC, "the disk is full; finished rounds are kept: free some space" },
	{ SQLITE_NOMEM, -ENOMEM, "out of memory" },
	{ SQLITE_IOERR_NOMEM, -ENOMEM, "out of memory" },
	{ SQLITE_BUSY, -EBUSY,
	  "another program has held it for a minute: let that end, or take another file with "
	  "--db" },
	{ SQLITE_LOCKED, -EBUSY, "it is in use within this program" },
	{ SQLITE_READONLY, -EACCES,
	  "it, or the directory it is in, cannot be written: take another file with --db" },
	{ SQLITE_PERM, -EACCES, "no permission: take another file with --db" },
	{ SQLITE_AUTH, -EACCES, "no permission: take another file with --db" },
	{ SQLITE_CANTOPEN, -EACCES,
	  "it, or the -wal file beside it, cannot be opened: check the permissions of its "
	  "directory" },
	{ SQLITE_NOTADB, -EINVAL, "not a tdcost database: name another file with --db" },
	{ SQLITE_CORRUPT, -EIO,
	  "the file is damaged: restore it from a copy; 'tdcost db check' may say more" },
	{ SQLITE_CONSTRAINT_UNIQUE, -EEXIST, NULL },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, -EEXIST, NULL },
	{ SQLITE_CONSTRAINT, -EINVAL, NULL },
	{ SQLITE_TOOBIG, -EINVAL, NULL },
	{ SQLITE_RANGE, -EINVAL, NULL },
	{ SQLITE_INTERRUPT, -EINTR, NULL },
	{ SQLITE_ERROR, -EIO, NULL }, /* SQL and schema do not fit: a table is missing */
	{ SQLITE_IOERR_READ, -EIO,
	  "it could not be read (an error of the disk or its file system): check the disk" },
	{ SQLITE_IOERR, -EIO,
	  "it could not be read or written (an error of the disk or its file system); finished "
	  "rounds are kept: check the disk" },
};

static const struct failure *failure_of(int code)
{
	for (int mask = ~0;; mask = 0xff) {
		for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
			if (failures[i].code == (code & mask))
				return &failures[i];
		if (mask == 0xff)
			return &failures[ARRAY_SIZE(failures) - 1];
	}
}

static bool is_full(int sys)
{
	return sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
}

/* The last errno that a file of the connection met; @which: its database or its journal. */
static int errno_of(sqlite3 *db, int which)
{
	sqlite3_file *file = NULL;
	int sys = 0;

	sqlite3_file_control(db, "main", which, &file);
	if (file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &sys);
	return sys;
}

/*
 * SQLite says FULL only for a write that met ENOSPC, not for the other ways to have no room; and
 * its own errno is that of the last call, which is often one of tidying up.
 */
static int code_of(sqlite3 *db)
{
	int code = sqlite3_extended_errcode(db);

	if ((code & 0xff) != SQLITE_IOERR)
		return code;
	return is_full(sqlite3_system_errno(db)) ||
			       is_full(errno_of(db, SQLITE_FCNTL_FILE_POINTER)) ||
			       is_full(errno_of(db, SQLITE_FCNTL_JOURNAL_POINTER))
		       ? SQLITE_FULL
		       : code;
}

int sql_fail(struct store *s, struct reason *why)
{
	const struct failure *f;
	int code;

	if (!s->db)
		return reason_set(why, -ENOMEM, "%s: out of memory", s->path);
	code = code_of(s->db);
	f = failure_of(code);
	/* Which of thirty ways to fail it was: for whoever looks after the file system. */
	if (f->code == SQLITE_IOERR)
		return reason_set(why, f->err, "%s: %s (SQLite's code %d)", s->path, f->words,
				  code);
	return reason_set(why, f->err, "%s: %s", s->path, f->words ?: sqlite3_errmsg(s->db));
}

int sql_exec(struct store *s, const char *sql, struct reason *why)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(s, why);
}

static int bind_one(sqlite3_stmt *st, int i, const struct sql_arg *a)
{
	switch (a->type) {
	case SQL_TEXT: /* a NULL pointer binds NULL */
		return sqlite3_bind_text(st, i, a->text, -1, SQLITE_STATIC);
	case SQL_INT:
		return sqlite3_bind_int64(st, i, a->n);
	case SQL_REAL:
		return sqlite3_bind_double(st, i, a->v);
	case SQL_END:
		break;
	}
	return SQLITE_MISUSE;
}

int sql_bind(struct store *s, sqlite3_stmt *st, const struct sql_arg *args, struct reason *why)
{
	for (int i = 0; args[i].type != SQL_END; i++)
		if (bind_one(st, i + 1, &args[i]) != SQLITE_OK)
			return sql_fail(s, why);
	return 0;
}

int sql_query(struct store *s, sqlite3_stmt **st, const char *sql, const struct sql_arg *args,
	      struct reason *why)
{
	int err;

	if (sqlite3_prepare_v2(s->db, sql, -1, st, NULL) != SQLITE_OK)
		return sql_fail(s, why);
	err = sql_bind(s, *st, args, why);
	if (err) {
		sqlite3_finalize(*st);
		*st = NULL;
	}
	return err;
}

int sql_step(struct store *s, sqlite3_stmt *st, struct reason *why)
{
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return sql_fail(s, why);
	}
}

int sql_run(struct store *s, const char *sql, const struct sql_arg *args, struct reason *why)
{
	sqlite3_stmt *st;
	int err;

	err = sql_query(s, &st, sql, args, why);
	if (err)
		return err;
	err = sql_step(s, st, why);
	sqlite3_finalize(st);
	return err < 0 ? err : 0;
}

int sql_int(struct store *s, const char *sql, const struct sql_arg *args, int64_t *out,
	    struct reason *why)
{
	sqlite3_stmt *st;
	int ret;

	ret = sql_query(s, &st, sql, args, why);
	if (ret)
		return ret;
	ret = sql_step(s, st, why);
	if (ret > 0)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return ret;
}

/* IMMEDIATE: a transaction that reads first and writes later can meet BUSY that no wait cures. */
int sql_begin(struct store *s, struct reason *why)
{
	return sql_exec(s, "BEGIN IMMEDIATE", why);
}

int sql_end(struct store *s, int err, struct reason *why)
{
	if (!err)
		err = sql_exec(s, "COMMIT", why);
	/* A full disk makes SQLite roll back by itself; a second time would be an error. */
	if (err && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

int sql_find_run(struct store *s, const char *uuid, int64_t *run, struct reason *why)
{
	int ret = sql_int(s, "SELECT id FROM run WHERE uuid = ?", ARGS(TEXT(uuid)), run, why);

	if (!ret)
		return reason_set(why, -ENOENT, "%s: no run %s: 'tdcost runs' lists them", s->path,
				  uuid);
	return ret < 0 ? ret : 0;
}

void sql_text(sqlite3_stmt *st, int col, char *buf, size_t n)
{
	const char *text = (const char *)sqlite3_column_text(st, col);

	snprintf(buf, n, "%s", text ?: "");
}

int sql_dup(sqlite3_stmt *st, int col, char **out)
{
	const char *text = (const char *)sqlite3_column_text(st, col);

	*out = text ? strdup(text) : NULL;
	return text && !*out ? -ENOMEM : 0;
}
