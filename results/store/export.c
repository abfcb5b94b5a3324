// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "results/store/history.h"
#include "results/store/merge.h"
#include "results/store/record.h"

/* A section on its way out. */
struct section {
	struct rows rows;
	struct id_map boots; /* row id -> place among the boots of the section, from 1 */
	FILE *out;
	json_t *prefix[RECORD_PREFIX]; /* type (NULL), schema, run, host */
	size_t lines;
	json_int_t round, position;
};

static const char *const prefix_keys[RECORD_PREFIX] = { "type", "schema", "run", "host" };

int write_failed(FILE *out, struct reason *why)
{
	int err = errno ? -errno : -EIO;

	(void)out;
	return reason_set(why, err, "the export could not be written: %s", strerror(-err));
}

static json_t *new_record(const struct section *x, int type)
{
	json_t *j = json_object();

	json_object_set_new(j, prefix_keys[0], json_string(record_name(type)));
	for (int i = 1; i < RECORD_PREFIX; i++)
		json_object_set(j, prefix_keys[i], x->prefix[i]);
	return j;
}

/* Takes @j over. */
static int put_line(struct section *x, json_t *j)
{
	struct reason *why = x->rows.why;
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
	int err = 0;

	json_decref(j);
	if (!text)
		return reason_set(why, -ENOMEM, "%s: out of memory", x->rows.from->path);
	errno = 0;
	if (strlen(text) > STORE_LINE_MAX)
		err = reason_set(why, -E2BIG, "%s: run %s: a text is longer than %u bytes",
				 x->rows.from->path, json_string_value(x->prefix[2]),
				 STORE_LINE_MAX);
	else if (fputs(text, x->out) < 0 || putc('\n', x->out) < 0)
		err = write_failed(x->out, why);
	free(text);
	x->lines++;
	return err;
}

static int refuse_text(struct section *x, enum table_id t, const struct column *c, int err)
{
	return reason_set(
		x->rows.why, err,
		err == -ENOMEM ? "%s: run %s: out of memory (%s of a %s)"
			       : "%s: run %s: %s of a %s is not UTF-8 text, which JSON must "
				 "be: export CSV, or an archive with --evidence",
		x->rows.from->path, json_string_value(x->prefix[2]), c->key, tables[t].row);
}

static int put_row(struct section *x, enum table_id t, sqlite3_stmt *row)
{
	const struct table *table = &tables[t];
	int n = (int)table_columns(table), err;
	json_t *j = new_record(x, (int)t), *v;

	for (int i = t == T_RUN; i < n; i++) { /* the prefix holds what a run begins with */
		v = record_value(row, i, &table->columns[i], &err);
		if (!v) {
			json_decref(j);
			return refuse_text(x, t, &table->columns[i], err);
		}
		json_object_set_new(j, table->columns[i].key, v);
	}
	if (t == T_BOOT &&
	    id_map_add(&x->boots, sqlite3_column_int64(row, n), (int64_t)x->boots.n + 1)) {
		json_decref(j);
		return reason_set(x->rows.why, -ENOMEM, "%s: out of memory", x->rows.from->path);
	}
	if (record_has_boot(t)) {
		int64_t at = id_map_get(&x->boots, sqlite3_column_int64(row, n));

		json_object_set_new(j, "boot", at ? json_integer(at - 1) : json_null());
	}
	return put_line(x, j);
}

/* ---- samples and parts: many rows a line ---- */

static int put_cell_value(sqlite3_stmt *row, int i, const struct column *c, FILE *out, int *err)
{
	json_t *v;
	char *text;

	if (c->type != C_TEXT && c->type != C_REAL)
		return fprintf(out, "%lld", (long long)sqlite3_column_int64(row, i));
	v = record_value(row, i, c, err);
	if (!v)
		return -1;
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	json_decref(v);
	*err = -ENOMEM;
	if (!text)
		return -1;
	fputs_unlocked(text, out);
	free(text);
	return 0;
}

/* The units of what follows: ticks by the boot's rate, parts by their metric. */
static int open_rows(struct section *x, enum table_id t, sqlite3_stmt *invocation)
{
	const char *clock = (const char *)sqlite3_column_text(invocation, 4);
	json_t *j = new_record(x, (int)t), *columns = json_array();
	char *text;
	size_t n;

	json_object_set_new(j, "round", json_integer(x->round));
	json_object_set_new(j, "position", json_integer(x->position));
	if (t == T_SAMPLE) {
		json_object_set_new(j, "clock", json_string(clock ?: "?"));
		json_object_set_new(j, "tick_hz", json_real(sqlite3_column_double(invocation, 5)));
	}
	for (unsigned i = 0; i < table_columns(&tables[t]); i++)
		json_array_append_new(columns, json_string(tables[t].columns[i].key));
	json_object_set_new(j, "columns", columns);
	text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(j);
	if (!text)
		return reason_set(x->rows.why, -ENOMEM, "%s: out of memory", x->rows.from->path);
	n = strlen(text);
	text[n - 1] = ','; /* instead of the brace */
	fputs_unlocked(text, x->out);
	fputs_unlocked("\"rows\":[", x->out);
	free(text);
	x->lines++;
	return 0;
}

static int close_rows(struct section *x)
{
	fputs_unlocked("]}\n", x->out);
	return ferror(x->out) ? write_failed(x->out, x->rows.why) : 0;
}

static int put_list_row(struct section *x, enum table_id t, sqlite3_stmt *row, bool first)
{
	const struct table *table = &tables[t];
	int err = -EIO;

	if (!first)
		putc_unlocked(',', x->out);
	for (int i = 0; table->columns[i].name; i++) {
		putc_unlocked(i ? ',' : '[', x->out);
		if (put_cell_value(row, i, &table->columns[i], x->out, &err) < 0)
			return ferror(x->out) ? write_failed(x->out, x->rows.why)
					      : refuse_text(x, t, &table->columns[i], err);
	}
	putc_unlocked(']', x->out);
	return 0;
}

static int put_list(struct section *x, enum table_id t, int64_t of, sqlite3_stmt *invocation)
{
	struct rows *r = &x->rows;
	sqlite3_stmt *row;
	unsigned n = 0;
	int ret;

	errno = 0;
	ret = rows_read(r, t, false, &of, &row);
	while (!ret && (ret = sql_step(r->from, row, r->why)) > 0) {
		ret = n % RECORD_ROWS ? 0 : open_rows(x, t, invocation);
		if (!ret)
			ret = put_list_row(x, t, row, !(n % RECORD_ROWS));
		if (!ret && !(++n % RECORD_ROWS))
			ret = close_rows(x);
	}
	if (!ret && n % RECORD_ROWS)
		ret = close_rows(x);
	return ret;
}

/* ---- a section ---- */

static int put_table(struct section *x, enum table_id t, int64_t of)
{
	struct rows *r = &x->rows;
	sqlite3_stmt *row;
	int ret;

	ret = rows_read(r, t, false, &of, &row);
	while (!ret && (ret = sql_step(r->from, row, r->why)) > 0)
		ret = put_row(x, t, row);
	return ret;
}

/* @at: id, boot, round, position, clock, tick_hz of an invocation. */
static int put_invocation(struct section *x, sqlite3_stmt *row, sqlite3_stmt *at)
{
	int64_t id = sqlite3_column_int64(row, (int)table_columns(&tables[T_INVOCATION]) + 1);
	int err;

	sqlite3_reset(at);
	sqlite3_bind_int64(at, 1, id);
	err = sql_step(x->rows.from, at, x->rows.why);
	if (err < 0)
		return err;
	x->round = sqlite3_column_int64(row, 0);
	x->position = sqlite3_column_int64(row, 1);
	err = put_row(x, T_INVOCATION, row);
	if (!err)
		err = put_table(x, T_FLAG, id);
	if (!err)
		err = put_list(x, T_SAMPLE, id, at);
	return err ?: put_list(x, T_PART, id, at);
}

static int put_invocations(struct section *x, int64_t run)
{
	struct rows *r = &x->rows;
	sqlite3_stmt *row, *at;
	int ret;

	ret = sql_query(r->from, &at,
			"SELECT i.id, i.boot, i.round, i.position, b.clock, b.tick_hz"
			" FROM invocation i JOIN boot b ON b.id = i.boot WHERE i.id = ?",
			NO_ARGS, r->why);
	if (ret)
		return ret;
	ret = rows_read(r, T_INVOCATION, false, &run, &row);
	while (!ret && (ret = sql_step(r->from, row, r->why)) > 0)
		ret = put_invocation(x, row, at);
	sqlite3_finalize(at);
	return ret;
}

static int put_end(struct section *x, size_t more)
{
	json_t *j = new_record(x, R_END);

	json_object_set_new(j, "records", json_integer((json_int_t)x->lines));
	json_object_set_new(j, "more", json_integer((json_int_t)more));
	return put_line(x, j);
}

static int put_section(struct section *x, int64_t run, size_t more)
{
	/* In this order each refers only to what came before. */
	static const enum table_id head[] = { T_HOST,	T_ENVIRONMENT, T_BOOT,
					      T_METRIC, T_CELL,	       T_CALIBRATION,
					      T_RUN,	T_RUN_CELL,    T_RUN_FLAG };
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(head) / sizeof(head[0]); i++)
		err = put_table(x, head[i], run);
	if (!err)
		err = put_invocations(x, run);
	return err ?: put_end(x, more);
}

static int begin_section(struct section *x, const char *uuid, int64_t *run)
{
	struct rows *r = &x->rows;
	sqlite3_stmt *st;
	int ret;

	ret = sql_query(r->from, &st,
			"SELECT r.id, b.host FROM run r LEFT JOIN boot b ON b.id = ifnull(r.boot,"
			" (SELECT boot FROM invocation WHERE run = r.id ORDER BY round, position"
			"  LIMIT 1)) WHERE r.uuid = ?",
			ARGS(TEXT(uuid)), r->why);
	if (ret)
		return ret;
	ret = sql_step(r->from, st, r->why);
	if (ret > 0) {
		const char *host = (const char *)sqlite3_column_text(st, 1);

		*run = sqlite3_column_int64(st, 0);
		x->prefix[1] = json_integer(store_history.version);
		x->prefix[2] = json_string(uuid);
		x->prefix[3] = host ? json_string(host) : json_null();
	}
	sqlite3_finalize(st);
	return ret > 0 ? 0 : ret ?: sql_find_run(r->from, uuid, run, r->why);
}

int jsonl_run(struct store *s, const char *uuid, size_t more, FILE *out, struct reason *why)
{
	struct section x = { .rows = { .to = s, .from = s, .why = why }, .out = out };
	int64_t run;
	int err;

	err = begin_section(&x, uuid, &run);
	if (!err && (!x.prefix[2] || !x.prefix[3]))
		err = reason_set(why, -EILSEQ,
				 "%s: the id of run %.40s, or of its host, is not "
				 "UTF-8 text, which JSON must be",
				 s->path, uuid);
	if (!err)
		err = put_section(&x, run, more);
	rows_end(&x.rows);
	free(x.boots.pairs);
	for (int i = 0; i < RECORD_PREFIX; i++)
		json_decref(x.prefix[i]);
	return err;
}

int store_export(struct store *s, const char *const *uuids, size_t n, enum store_format format,
		 FILE *out, struct reason *why)
{
	int err;

	/* One moment of the file, also of a run that is going on. */
	err = sql_exec(s, "BEGIN", why);
	if (err)
		return err;
	errno = 0;
	for (size_t i = 0; !err && i < n; i++) {
		int64_t run;

		err = sql_find_run(s, uuids[i], &run, why);
		if (err)
			break;
		err = format == STORE_CSV ? csv_run(s, uuids[i], !i, out, why)
					  : jsonl_run(s, uuids[i], n - 1 - i, out, why);
	}
	if (!err && fflush(out))
		err = write_failed(out, why);
	sql_end(s, -ECANCELED, NULL);
	return err;
}
