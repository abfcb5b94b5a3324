// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole files: merging one into another, and an archive of a few runs. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/store/history.h"
#include "results/store/merge.h"

static int fill_scratch(struct store *s, struct reason *why)
{
	char sql[200];

	/* What is lost when it fails is a file without a name: no journal needs to be on a disk. */
	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;"
		 "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 STORE_APPLICATION_ID, store_history.version);
	return sql_exec(s, sql, why) ?: sql_exec(s, store_history.current, why);
}

int store_open_scratch(struct store **store, const char *name, struct reason *why)
{
	struct store *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*store = NULL;
	if (s)
		s->path = strdup(name);
	if (s && s->path &&
	    sqlite3_open_v2("", &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				    SQLITE_OPEN_EXRESCODE,
			    NULL) == SQLITE_OK)
		err = fill_scratch(s, why);
	else
		reason_set(why, err, "%s: out of memory", name);
	if (err)
		store_close(s);
	else
		*store = s;
	return err;
}

struct first {
	char text[300];
};

static void keep_first(void *ctx, const char *text)
{
	struct first *f = ctx;

	if (!*f->text)
		snprintf(f->text, sizeof(f->text), "%s", text);
}

int store_must_be_sound(struct store *s, struct reason *why)
{
	struct first first = { "" };
	int found = store_check(s, keep_first, &first, why);

	if (found <= 0)
		return found;
	return reason_set(why, -EIO, "%s: not sound: %s%s", s->path, first.text,
			  found > 1 ? ", and more" : "");
}

/*
 * What a query below relies on: that these names are tables with these columns, and not, say, a
 * view that never ends.
 */
static int same_schema(struct store *s, struct store *other, struct reason *why)
{
	static const char *const sql =
		"SELECT group_concat(x, ' ') FROM (SELECT t.name || '.' || c.name || c.type ||"
		" c.\"notnull\" || c.pk || c.hidden AS x FROM pragma_table_list t,"
		" pragma_table_xinfo(t.name) c WHERE t.schema = 'main' AND t.type = 'table' AND"
		" t.name IN ('host', 'environment', 'boot', 'run', 'metric', 'cell', 'run_cell',"
		"  'invocation', 'sample', 'subject', 'part', 'flag', 'calibration')"
		" ORDER BY t.name, c.cid)";
	sqlite3_stmt *a, *b = NULL;
	bool same = false;
	int ret;

	ret = sql_query(s, &a, sql, NO_ARGS, why);
	if (ret)
		return ret;
	ret = sql_step(s, a, why);
	if (ret > 0)
		ret = sql_query(other, &b, sql, NO_ARGS, why);
	if (!ret)
		ret = sql_step(other, b, why);
	if (ret > 0)
		same = !strcmp((const char *)sqlite3_column_text(a, 0) ?: "",
			       (const char *)sqlite3_column_text(b, 0) ?: "");
	sqlite3_finalize(a);
	sqlite3_finalize(b);
	if (ret < 0 || same)
		return ret < 0 ? ret : 0;
	return reason_set(
		why, -EINVAL,
		"%s: its tables are not those of tdcost: it was changed by hand, or is not "
		"what it says it is",
		other->path);
}

int store_merge(struct store *s, const char *path, struct store_counts *counts, struct reason *why)
{
	struct store *from;
	int err;

	err = store_open(&from, path, STORE_READ, why);
	if (err)
		return err;
	err = same_schema(s, from, why);
	if (!err)
		err = store_must_be_sound(from, why);
	if (!err)
		err = merge_stores(s, from, NULL, 0, counts, NULL, why);
	/* A file whose tables lack our constraints is found out by those of the one it goes into. */
	if (err && err != -ENOSPC && err != -EBUSY && why && !strstr(why->text, path))
		reason_prefix(why, err, "%s", path);
	store_close(from);
	return err;
}

/* ---- an archive ---- */

static int sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

/* Under its name only when it is whole and on the disk; never over another file. */
static int give_name(const char *tmp, const char *path)
{
	char *copy;
	int err;

	err = sync_path(tmp, O_RDONLY);
	if (!err && link(tmp, path))
		err = -errno;
	/* Not every file system has links. */
	if (err && err != -EEXIST && access(path, F_OK) && !rename(tmp, path))
		err = 0;
	if (err)
		return err;
	copy = strdup(path);
	if (copy)
		sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
	free(copy);
	return 0;
}

static int refuse_path(const char *path, int err, struct reason *why)
{
	if (err == -EEXIST)
		return reason_set(why, err, "%s: is there already: name a new file", path);
	return reason_set(why, err, "%s: %s: check its directory", path, strerror(-err));
}

static int write_archive(struct store *archive, const char *path, struct reason *why)
{
	char *tmp = NULL;
	int fd, err;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
		return reason_set(why, -ENOMEM, "%s: out of memory", path);
	/* The archive is as readable as any file that is made here. */
	fd = mkstemp(tmp);
	if (fd < 0 || fchmod(fd, 0644)) {
		err = refuse_path(path, -errno, why);
		if (fd >= 0)
			close(fd);
		goto out;
	}
	close(fd);
	/* Unlike WAL, which a database in a read-only directory cannot have. */
	err = sql_run(archive, "VACUUM INTO ?", ARGS(TEXT(tmp)), why);
	if (!err) {
		err = give_name(tmp, path);
		if (err)
			refuse_path(path, err, why);
	}
	unlink(tmp);
out:
	free(tmp);
	return err;
}

int store_copy_evidence(struct store *s, const char *const *uuids, size_t n, const char *path,
			struct reason *why)
{
	struct store *archive;
	int err;

	if (!access(path, F_OK))
		return refuse_path(path, -EEXIST, why);
	err = store_open_scratch(&archive, path, why);
	if (err)
		return err;
	err = merge_stores(archive, s, uuids, n, NULL, NULL, why);
	if (err == -ENOSPC)
		reason_set(why, err,
			   "%s: no room for a copy of it in $TMPDIR, or /tmp: free some, or "
			   "name another folder there",
			   path);
	if (!err)
		err = write_archive(archive, path, why);
	store_close(archive);
	return err;
}
