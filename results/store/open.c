// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening: is it ours, is it of our time, may we do with it what was asked. Nothing is written
 * before all three are known.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "results/store/history.h"
#include "results/store/sql.h"

/*
 * How long to wait for another writer. A round's transaction lasts milliseconds; a merge of
 * millions of samples, seconds.
 */
#define BUSY_MS	   60000
#define WAL_NAP_MS 10
#define WAL_IO_MS  1000 /* that long an error of the disk may be somebody else's change */

/* Where the header of an SQLite file holds what: https://sqlite.org/fileformat2.html */
#define HEADER_SIZE	      100
#define HEADER_USER_VERSION   60
#define HEADER_APPLICATION_ID 68

enum found { FOUND_NOTHING, FOUND_OURS };

/*
 * "file:" and the path, so that no name has a meaning of its own (":memory:") and immutable can
 * be asked for. The caller frees it.
 */
static char *make_uri(const char *path, bool immutable)
{
	size_t size = 3 * strlen(path) + 32, n;
	char *uri = malloc(size);

	if (!uri)
		return NULL;
	n = (size_t)snprintf(uri, size, "file:%s", *path == '/' ? "" : "./");
	for (; *path; path++)
		n += (size_t)snprintf(uri + n, size - n, strchr("%?#", *path) ? "%%%02X" : "%c",
				      *path);
	snprintf(uri + n, size - n, "%s", immutable ? "?immutable=1" : "");
	return uri;
}

static int connect_to(struct store *s, int flags, bool immutable, struct reason *why)
{
	char *uri = make_uri(s->path, immutable);
	int rc;

	if (!uri)
		return reason_set(why, -ENOMEM, "%s: out of memory", s->path);
	sqlite3_close(s->db);
	rc = sqlite3_open_v2(uri, &s->db,
			     flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			     NULL);
	free(uri);
	if (rc != SQLITE_OK)
		return sql_fail(s, why);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return 0;
}

static void disconnect(struct store *s)
{
	sqlite3_close(s->db);
	s->db = NULL;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int refuse_newer(struct store *s, int64_t version, const struct schema_history *history,
			struct reason *why)
{
	return reason_set(why, -EPROTO,
			  "%s: written by a newer tdcost (schema %lld, this one knows %d): "
			  "update tdcost",
			  s->path, (long long)version, history->version);
}

/*
 * Read the header through SQLite's own descriptor: closing one of ours would drop the locks of
 * every other connection of this process (https://sqlite.org/howtocorrupt.html, 2.2). Immutable
 * leaves no -wal beside a file that is not ours.
 */
static int read_header(struct store *s, unsigned char header[HEADER_SIZE], struct reason *why)
{
	sqlite3_file *file = NULL;
	int err, rc;

	err = connect_to(s, SQLITE_OPEN_READONLY, true, why);
	if (err)
		return err;
	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	rc = file && file->pMethods ? file->pMethods->xRead(file, header, HEADER_SIZE, 0)
				    : SQLITE_IOERR;
	disconnect(s);
	/* What a short file lacks was filled with zeros. */
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
		return reason_set(why, -EIO, "%s: cannot be read: check the disk", s->path);
	return 0;
}

static int judge_header(struct store *s, const struct schema_history *history, struct reason *why)
{
	unsigned char header[HEADER_SIZE] = { 0 };
	uint32_t id, version;
	int err;

	err = read_header(s, header, why);
	if (err)
		return err;
	if (memcmp(header, "SQLite format 3", 16))
		return reason_set(why, -EINVAL, "%s: not a database: name another file with --db",
				  s->path);
	id = be32(header + HEADER_APPLICATION_ID);
	version = be32(header + HEADER_USER_VERSION);
	if (id != STORE_APPLICATION_ID)
		return reason_set(why, -EINVAL,
				  "%s: an SQLite database, but not one of tdcost: name another "
				  "file with --db",
				  s->path);
	if (version > (uint32_t)history->version)
		return refuse_newer(s, version, history, why);
	return 0;
}

/* Look at @s->path without changing anything. Return: enum found, or -errno. */
static int look(struct store *s, enum store_mode mode, const struct schema_history *history,
		struct reason *why)
{
	struct stat st;
	int err;

	if (stat(s->path, &st)) {
		if (errno == ENOENT && mode == STORE_CREATE)
			return FOUND_NOTHING;
		if (errno == ENOENT)
			return reason_set(why, -ENOENT,
					  "%s: no such file: 'tdcost run' makes one, --db names "
					  "another",
					  s->path);
		return reason_set(why, errno == ENOTDIR ? -ENOENT : -errno,
				  "%s: %s: check the path", s->path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return reason_set(why, -EINVAL, "%s: %s, not a database: name a file with --db",
				  s->path,
				  S_ISDIR(st.st_mode) ? "a directory" : "not a plain file");
	if (!st.st_size && mode == STORE_CREATE)
		return FOUND_NOTHING;
	if (!st.st_size)
		return reason_set(why, -ENOENT,
				  "%s: an empty file: 'tdcost run' fills it, --db names another",
				  s->path);
	err = judge_header(s, history, why);
	return err ?: FOUND_OURS;
}

/* PRAGMA takes no parameters. */
static int set_version(struct store *s, int version, struct reason *why)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return sql_exec(s, sql, why);
}

static int get_version(struct store *s, int64_t *version, struct reason *why)
{
	int ret = sql_int(s, "PRAGMA user_version", NO_ARGS, version, why);

	return ret < 0 ? ret : 0;
}

static int fill(struct store *s, const struct schema_history *history, struct reason *why)
{
	char sql[96];
	int64_t id;
	int err;

	err = sql_int(s, "PRAGMA application_id", NO_ARGS, &id, why);
	if (err < 0)
		return err;
	if (id == STORE_APPLICATION_ID) /* another run has made it while we waited */
		return 0;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", STORE_APPLICATION_ID);
	err = sql_exec(s, sql, why);
	if (!err)
		err = sql_exec(s, history->current, why);
	if (!err)
		err = set_version(s, history->version, why);
	return err;
}

/*
 * Make the schema in an empty file, in one transaction. Before the change to WAL, so that the
 * application id is in the file itself from its first byte on.
 */
static int make(struct store *s, const struct schema_history *history, struct reason *why)
{
	int err = sql_begin(s, why);

	return err ?: sql_end(s, fill(s, history, why), why);
}

/* References that do not hold after the steps: the file was broken before, or a step is wrong. */
static int check_references(struct store *s, const struct schema_history *history,
			    struct reason *why)
{
	int64_t table;
	int ret = sql_int(s, "SELECT 1 FROM pragma_foreign_key_check", NO_ARGS, &table, why);

	if (ret <= 0)
		return ret;
	ret = sql_int(s, "SELECT 1 FROM pragma_quick_check WHERE quick_check <> 'ok'", NO_ARGS,
		      &table, why);
	if (ret < 0)
		return ret;
	if (ret)
		return reason_set(why, -EIO,
				  "%s: the file is damaged: restore it from a copy; nothing was "
				  "changed",
				  s->path);
	return reason_set(why, -EIO,
			  "%s: migration to schema %d would break its references; nothing was "
			  "changed: report this",
			  s->path, history->version);
}

static int step_forward(struct store *s, const struct schema_history *history, struct reason *why)
{
	int64_t version;
	int err;

	/* Read again: another program may have done it while we waited for the lock. */
	err = get_version(s, &version, why);
	for (; !err && version < history->version; version++) {
		err = sql_exec(s, history->steps[version - 1], why);
		if (err)
			reason_prefix(why, err, "migration from schema %lld", (long long)version);
	}
	if (!err)
		err = check_references(s, history, why);
	return err ? err : set_version(s, history->version, why);
}

/* All steps in one transaction: a file is of the old version or of this one, never between. */
static int migrate(struct store *s, const struct schema_history *history, struct reason *why)
{
	int err = sql_begin(s, why);

	return err ?: sql_end(s, step_forward(s, history, why), why);
}

/* An older file that must not be written is migrated in a copy that lives as long as the store. */
static int work_on_copy(struct store *s, struct reason *why)
{
	sqlite3 *copy = NULL;
	int rc = SQLITE_NOMEM;

	if (sqlite3_open_v2("", &copy,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK) {
		sqlite3_backup *backup = sqlite3_backup_init(copy, "main", s->db, "main");

		if (backup) {
			sqlite3_backup_step(backup, -1);
			rc = sqlite3_backup_finish(backup);
		}
	}
	if (rc == SQLITE_OK) {
		sqlite3_close(s->db);
		s->db = copy;
		return 0;
	}
	sqlite3_close(copy);
	return reason_set(why, rc == SQLITE_FULL ? -ENOSPC : -EIO,
			  "%s: cannot be copied to migrate it: check the room in $TMPDIR", s->path);
}

/*
 * Two programs that make one file at once both come here, and SQLite waits for nobody in the change
 * itself: it says BUSY at once, or an I/O error where the other's journal goes away under it.
 */
static int switch_to_wal(struct store *s, struct reason *why)
{
	const struct timespec nap = { 0, WAL_NAP_MS * 1000000l };
	int err;

	for (unsigned i = 0;; i++) {
		err = sql_exec(s, "PRAGMA journal_mode = WAL", why);
		if (!err || (err != -EBUSY && err != -EIO) ||
		    i * WAL_NAP_MS >= (err == -EBUSY ? BUSY_MS : WAL_IO_MS))
			return err;
		nanosleep(&nap, NULL);
	}
}

/*
 * WAL: readers and a writer do not wait for each other, and a round is one append. FULL: the
 * round is on the disk when store_put_round() returns. NORMAL would do for a process that dies,
 * but this program measures kernels under development, so the machine itself goes down; one
 * fsync a round, outside every timed part, is cheap.
 */
static int settle(struct store *s, bool writes, struct reason *why)
{
	int err;

	err = sql_exec(s,
		       "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"
		       "PRAGMA cache_size = -65536",
		       why);
	if (err)
		return err;
	return writes ? switch_to_wal(s, why) : sql_exec(s, "PRAGMA query_only = ON", why);
}

/*
 * WAL keeps its index in a file beside the database, so a database in a read-only directory opens
 * only when it is declared immutable; which it is, as long as no -wal holds anything newer.
 */
static int read_immutable(struct store *s, int err, struct reason *why)
{
	size_t size = strlen(s->path) + sizeof("-wal");
	char *wal = malloc(size);
	struct stat st;
	bool empty;

	if (!wal)
		return reason_set(why, -ENOMEM, "%s: out of memory", s->path);
	snprintf(wal, size, "%s-wal", s->path);
	empty = stat(wal, &st) ? errno == ENOENT : !st.st_size;
	free(wal);
	if (!empty)
		return reason_set(why, err,
				  "%s: finished rounds are in %s-wal, which cannot be read in a "
				  "read-only directory: copy both files to another",
				  s->path, s->path);
	return connect_to(s, SQLITE_OPEN_READONLY, true, why);
}

/* The first access: it finds out about permissions. */
static int touch(struct store *s, enum store_mode mode, int64_t *version, struct reason *why)
{
	int err = get_version(s, version, why);

	if (mode == STORE_READ && err == -EACCES) {
		err = read_immutable(s, err, why);
		return err ?: get_version(s, version, why);
	}
	if (!err && mode != STORE_READ && sqlite3_db_readonly(s->db, "main"))
		return reason_set(
			why, -EACCES,
			"%s: read-only: change its permissions, or name another file with "
			"--db",
			s->path);
	return err;
}

/*
 * The header was ours, but its transaction never ended: rolled back by the first access, the file
 * is as empty as before it was made.
 */
static int make_again(struct store *s, const struct schema_history *history, int64_t *version,
		      struct reason *why)
{
	int64_t any;
	int ret = sql_int(s, "SELECT 1 FROM sqlite_schema", NO_ARGS, &any, why);

	if (ret)
		return ret < 0 ? ret : 0;
	ret = make(s, history, why);
	return ret ?: get_version(s, version, why);
}

static int bring_up(struct store *s, enum store_mode mode, const struct schema_history *history,
		    struct reason *why)
{
	int64_t version;
	int err;

	err = touch(s, mode, &version, why);
	if (!err && version < 1 && mode == STORE_CREATE)
		err = make_again(s, history, &version, why);
	if (err)
		return err;
	/* The header said otherwise only if a newer tdcost left its last words in the -wal. */
	if (version > history->version)
		return refuse_newer(s, version, history, why);
	if (version < 1)
		return reason_set(why, -EINVAL,
				  "%s: says it is of tdcost but has no schema: remove it", s->path);
	if (version < history->version && mode == STORE_READ)
		err = work_on_copy(s, why);
	if (!err && version < history->version)
		err = migrate(s, history, why);
	return err ?: settle(s, mode != STORE_READ, why);
}

static int open_file(struct store *s, enum store_mode mode, const struct schema_history *history,
		     struct reason *why)
{
	static const int flags[] = {
		[STORE_READ] = SQLITE_OPEN_READONLY,
		[STORE_WRITE] = SQLITE_OPEN_READWRITE,
		[STORE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	int found, err;

	found = look(s, mode, history, why);
	if (found < 0)
		return found;
	err = connect_to(s, flags[mode], false, why);
	if (err)
		return err;
	/* A connection that fails below must not move the -wal into a file it may not touch. */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (found == FOUND_NOTHING)
		err = make(s, history, why);
	if (!err)
		err = bring_up(s, mode, history, why);
	if (!err)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return err;
}

int store_open_as(struct store **store, const char *path, enum store_mode mode,
		  const struct schema_history *history, struct reason *why)
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	*store = NULL;
	if (s)
		s->path = strdup(path);
	if (!s || !s->path) {
		free(s);
		return reason_set(why, -ENOMEM, "%s: out of memory", path);
	}
	err = open_file(s, mode, history, why);
	if (err) {
		store_close(s);
		return err;
	}
	*store = s;
	return 0;
}

int store_open(struct store **store, const char *path, enum store_mode mode, struct reason *why)
{
	return store_open_as(store, path, mode, &store_history, why);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}
