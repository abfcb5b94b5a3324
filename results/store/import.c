// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading JSON lines. Everything goes into a scratch store first, line by line, so that a line that
 * is wrong is known by its number and the file that takes it has not been touched; what is sound in
 * the end is merged. Nothing is kept in memory but one line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "results/store/history.h"
#include "results/store/import.h"
#include "results/store/merge.h"

int import_refuse(struct import *im, const char *what, const char *key, const char *words)
{
	return reason_set(im->why, -EINVAL, "%s: line %zu: %s%s%s %s; nothing was imported",
			  im->name, im->line, what, key ? ": " : "", key ?: "", words);
}

/* Words of SQL know the name of the input, or none, but not the line. */
static int add_line(struct import *im, int err, size_t line)
{
	size_t n = strlen(im->name);
	char rest[sizeof(im->why->text)];

	if (!im->why || strncmp(im->why->text, im->name, n) || im->why->text[n] != ':' ||
	    !strncmp(im->why->text + n, ": line ", 7))
		return err;
	snprintf(rest, sizeof(rest), "%s", im->why->text + n + 1);
	return reason_set(im->why, err, "%.100s: line %zu:%.340s", im->name, line, rest);
}

/* The scratch store is in a file of its own, of which nobody has heard. */
static int no_room(struct import *im)
{
	return reason_set(
		im->why, -ENOSPC,
		"%s: line %zu: no room for a copy of it in $TMPDIR, or /tmp: free some, or "
		"name another folder there; nothing was imported",
		im->name, im->line);
}

/* ---- a line ---- */

/* Return: 1 with a line, 0 at the end, -errno. */
static int read_line(struct import *im)
{
	int c;

	im->len = 0;
	im->line++;
	while ((c = getc_unlocked(im->in)) != EOF && c != '\n') {
		if (im->len == STORE_LINE_MAX)
			return reason_set(im->why, -EINVAL,
					  "%s: line %zu: longer than %u bytes, so no line of an "
					  "export; nothing was imported",
					  im->name, im->line, STORE_LINE_MAX);
		im->buf[im->len++] = (char)c;
	}
	if (ferror(im->in))
		return reason_set(im->why, -EIO, "%s: line %zu: cannot be read: %s", im->name,
				  im->line, strerror(errno));
	return im->len || c != EOF;
}

static int record_type(const json_t *j)
{
	const char *type = json_string_value(json_object_get(j, "type"));

	for (int t = 0; type && t < R_MAX; t++)
		if (!strcmp(record_name(t), type))
			return t;
	return -1;
}

static int judge_schema(struct import *im, const json_t *j)
{
	const json_t *schema = json_object_get(j, "schema");
	json_int_t version = json_integer_value(schema);

	if (!json_is_integer(schema) || version < 1)
		return import_refuse(im, "no line of an export of tdcost", NULL,
				     "(it has no schema)");
	if (version > store_history.version)
		return reason_set(im->why, -EPROTO,
				  "%s: line %zu: written by a newer tdcost (schema %lld, this one "
				  "knows %d): update tdcost",
				  im->name, im->line, (long long)version, store_history.version);
	return 0;
}

/* Which run's section is this; the first line of one says it. */
static int judge_section(struct import *im, const json_t *j)
{
	const json_t *run = json_object_get(j, "run"), *host = json_object_get(j, "host");
	const char *uuid = json_string_value(run);

	if (!uuid || !*uuid || strlen(uuid) >= sizeof(im->run))
		return import_refuse(im, "no line of an export of tdcost", NULL, "(it has no run)");
	if (!json_is_string(host) && !json_is_null(host))
		return import_refuse(im, "no line of an export of tdcost", NULL,
				     "(it has no host)");
	if (!im->open) {
		snprintf(im->run, sizeof(im->run), "%s", uuid);
		json_decref(im->host);
		im->host = json_deep_copy(host);
		im->open = true;
		im->records = 0;
		im->n_boots = 0;
		im->run_id = im->invocation = 0;
		return 0;
	}
	if (strcmp(uuid, im->run))
		return import_refuse(im, "the section of run", im->run,
				     "ends without its last line: lines are missing");
	if (!json_equal(host, im->host))
		return import_refuse(im, "host", NULL, "is not the one of the lines before");
	return 0;
}

static int take_end(struct import *im, const json_t *j)
{
	json_int_t records = json_integer_value(json_object_get(j, "records"));
	const json_t *more = json_object_get(j, "more");
	int err;

	err = import_judge_keys(im, j, R_END, RECORD_PREFIX + 2);
	if (!err && !im->run_id)
		err = import_refuse(im, "end", NULL, "comes before its run");
	if (!err)
		err = import_end_invocation(im);
	if (err)
		return err;
	if (records < 0 || (size_t)records != im->records)
		return import_refuse(im, "lines are missing", NULL,
				     "or too many in the section that ends here");
	if (!json_is_integer(more) || json_integer_value(more) < 0 ||
	    (im->more > 0 && json_integer_value(more) != im->more - 1))
		return import_refuse(im, "end", "more", "does not follow from the section before");
	im->more = json_integer_value(more);
	im->open = false;
	im->sections++;
	return sql_run(im->rows.to, "INSERT INTO temp.section VALUES (?, ?)",
		       ARGS(TEXT(im->run), INT(im->line)), im->why);
}

/* What lines of older schemas lack: it is NULL in a file that was migrated, too. */
static void add_newer_keys(json_t *j, int type)
{
	static const struct {
		int type;
		json_int_t since;
		const char *key;
	} newer[] = {
		{ T_INVOCATION, 3, "overhead_ticks" },
		{ T_CALIBRATION, 4, "rounds" },
		{ T_CALIBRATION, 4, "blocks" },
		{ T_CALIBRATION, 4, "distance_ms" },
	};
	json_int_t schema = json_integer_value(json_object_get(j, "schema"));

	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
		if (newer[i].type == type && schema < newer[i].since)
			json_object_set_new(j, newer[i].key, json_null());
}

static int take_record(struct import *im, json_t *j)
{
	int type = record_type(j), err;

	if (type < 0)
		return import_refuse(im, "no line of an export of tdcost", NULL,
				     "(it has no type that is known)");
	err = judge_schema(im, j);
	if (!err)
		err = judge_section(im, j);
	if (err)
		return err;
	if (type == R_END)
		return take_end(im, j);
	im->records++;
	err = import_needs(im, (enum table_id)type);
	if (!err && type == R_SAMPLES)
		return import_samples(im, j);
	if (!err && type == R_PARTS)
		return import_parts(im, j);
	if (!err)
		add_newer_keys(j, type);
	if (!err && type == T_INVOCATION)
		err = import_end_invocation(im);
	return err ?: import_row(im, (enum table_id)type, j);
}

static int take_line(struct import *im)
{
	json_error_t where;
	json_t *j = json_loadb(im->buf, im->len, JSON_REJECT_DUPLICATES, &where);
	int err;

	if (!j)
		return reason_set(im->why, -EINVAL,
				  "%s: line %zu: %s JSON at byte %d (%.100s); nothing was imported",
				  im->name, im->line,
				  im->line > 1 && feof(im->in) ? "cut off or broken" : "not",
				  where.position, where.text);
	err = take_record(im, j);
	json_decref(j);
	return err == -EEXIST ? -EINVAL : err;
}

/* ---- all of it ---- */

static int take_lines(struct import *im)
{
	int ret;

	while ((ret = read_line(im)) > 0) {
		ret = take_line(im);
		if (ret)
			return ret == -ENOSPC ? no_room(im) : add_line(im, ret, im->line);
	}
	if (ret)
		return ret;
	im->line--;
	if (im->open || im->more || !im->sections)
		return reason_set(im->why, -EINVAL,
				  "%s: line %zu: ends too early: %s; nothing was imported",
				  im->name, im->line,
				  im->sections || im->open ? "the end of it is missing"
							   : "there is nothing in it");
	return 0;
}

static int merge_scratch(struct import *im, struct store *s, struct store_counts *counts)
{
	char culprit[40] = "";
	int64_t line = (int64_t)im->line;
	int err;

	err = merge_stores(s, im->rows.to, NULL, 0, counts, culprit, im->why);
	if (err)
		sql_int(im->rows.to, "SELECT line FROM temp.section WHERE run = ?",
			ARGS(TEXT(culprit)), &line, NULL);
	return err ? add_line(im, err, (size_t)line) : 0;
}

static int import(struct import *im, struct store *s, struct store_counts *counts)
{
	struct store *scratch = im->rows.to;
	int err;

	err = sql_exec(scratch, "CREATE TEMP TABLE section (run TEXT PRIMARY KEY, line INTEGER)",
		       im->why);
	if (!err)
		err = sql_begin(scratch, im->why);
	if (err)
		return err;
	err = take_lines(im);
	rows_end(&im->rows);
	memset(im->rows.insert, 0, sizeof(im->rows.insert));
	for (int t = 0; t < T_MAX; t++)
		sqlite3_finalize(im->row[t]);
	sqlite3_finalize(im->subject);
	err = sql_end(scratch, err, im->why);
	if (!err)
		err = store_must_be_sound(scratch, im->why);
	if (err)
		return add_line(im, err == -EIO ? -EINVAL : err, im->line);
	return merge_scratch(im, s, counts);
}

int store_import(struct store *s, FILE *in, const char *name, struct store_counts *counts,
		 struct reason *why)
{
	struct import *im = calloc(1, sizeof(*im));
	int err = -ENOMEM;

	if (im) {
		im->why = why;
		im->in = in;
		im->name = name;
		im->buf = malloc(STORE_LINE_MAX);
		im->rows.why = why;
	}
	if (im && im->buf)
		err = store_open_scratch(&im->rows.to, name, why);
	else
		reason_set(why, err, "%s: out of memory", name);
	if (!err) {
		im->rows.from = im->rows.to;
		err = import(im, s, counts);
		store_close(im->rows.to);
		json_decref(im->host);
		arms_free(&im->arms);
	}
	free(im ? im->buf : NULL);
	free(im);
	return err;
}
