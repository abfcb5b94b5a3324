// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BOOTS "SELECT boot FROM invocation WHERE run = ?1 UNION SELECT boot FROM run WHERE id = ?1"
#define HOSTS "SELECT host FROM boot WHERE id IN (" BOOTS ")"
#define CELLS "SELECT cell FROM run_cell WHERE run = ?1"
/* Calibrations of a cell on a host are what its comparisons are judged by, whatever the boot. */
#define CALIBRATIONS \
	"cell IN (" CELLS ") AND boot IN (SELECT id FROM boot WHERE host IN (" HOSTS "))"
#define ALL_BOOTS "(" BOOTS " UNION SELECT boot FROM calibration WHERE " CALIBRATIONS ")"

const struct table tables[T_MAX] = {
	[T_HOST] = {
		.name = "host",
		.row = "host",
		.columns = { { "id", "id", C_TEXT, NULL },
			     { "name", "name", C_TEXT, NULL },
			     { "cpu", "cpu", C_TEXT, NULL },
			     { "family", "family", C_U32, NULL },
			     { "model", "model", C_U32, NULL },
			     { "stepping", "stepping", C_U32, NULL },
			     { "packages", "packages", C_U32, NULL },
			     { "llcs", "llcs", C_U32, NULL },
			     { "cpus", "cpus", C_U32, NULL },
			     { "memory", "memory_bytes", C_INT, NULL } },
		.n_key = 1,
		.where = "?1 IS NULL OR id IN (" HOSTS ")",
		/* A machine that got a new name or more memory is still that machine: whichever
		 * description sorts last stays, so that the order of merging does not matter. */
		.conflict = "ON CONFLICT (id) DO UPDATE SET name = excluded.name, cpu ="
			    " excluded.cpu, family = excluded.family, model = excluded.model,"
			    " stepping = excluded.stepping, packages = excluded.packages, llcs ="
			    " excluded.llcs, cpus = excluded.cpus, memory = excluded.memory WHERE"
			    " (excluded.name, excluded.cpu, excluded.family, excluded.model,"
			    "  excluded.stepping, excluded.packages, excluded.llcs, excluded.cpus,"
			    "  excluded.memory) > (name, cpu, family, model, stepping, packages,"
			    "  llcs, cpus, memory)",
	},
	[T_ENVIRONMENT] = {
		.name = "environment",
		.row = "environment",
		.columns = { { "hash", "environment", C_TEXT, NULL },
			     { "facts", "facts", C_JSON, NULL } },
		.n_key = 1,
		.where = "?1 IS NULL OR hash IN (SELECT environment FROM boot WHERE id IN "
			 ALL_BOOTS ")",
	},
	[T_METRIC] = {
		.name = "metric",
		.row = "metric",
		.columns = { { "benchmark", "benchmark", C_TEXT, NULL },
			     { "version", "version", C_U32, NULL },
			     { "name", "name", C_TEXT, NULL },
			     { "ord", "ord", C_U32, NULL },
			     { "quantity", "quantity", C_TEXT, NULL },
			     { "per", "work_unit", C_TEXT, NULL },
			     { "bytes_per", "work_unit_bytes", C_INT, NULL } },
		.n_key = 3,
		.where = "?1 IS NULL OR (benchmark, version) IN (SELECT benchmark, version FROM cell"
			 " WHERE hash IN (" CELLS "))",
	},
	[T_CELL] = {
		.name = "cell",
		.row = "cell",
		.columns = { { "hash", "cell", C_TEXT, NULL },
			     { "benchmark", "benchmark", C_TEXT, NULL },
			     { "version", "version", C_U32, NULL },
			     { "factors", "factors", C_JSON, NULL } },
		.n_key = 1,
		.where = "?1 IS NULL OR hash IN (" CELLS ")",
	},
	[T_BOOT] = {
		.name = "boot",
		.row = "boot",
		.columns = { { "boot_id", "boot_id", C_TEXT, NULL },
			     { "host", "boot_host", C_TEXT, NULL },
			     { "environment", "environment", C_TEXT, NULL },
			     { "lane", "lane", C_TEXT, lane_parse },
			     { "clock", "clock", C_TEXT, clock_unit_parse },
			     { "tick_hz", "tick_hz", C_REAL, NULL },
			     { "resolution", "resolution_ticks", C_REAL, NULL },
			     { "overhead", "overhead_ticks", C_REAL, NULL } },
		.n_key = 8,
		.where = "?1 IS NULL OR id IN " ALL_BOOTS,
		.ids = ", id",
	},
	[T_CALIBRATION] = {
		.name = "calibration",
		.row = "calibration",
		.columns = { { "cell", "cell", C_TEXT, NULL },
			     { "design", "design", C_TEXT, NULL },
			     { "taken", "taken_unix_ms", C_INT, NULL },
			     { "pairs", "pairs", C_U32, NULL },
			     { "false_positives", "false_positives", C_U32, NULL },
			     { "floor", "floor_fraction", C_REAL, NULL },
			     { "rounds", "rounds", C_U32 | C_NULL, NULL },
			     { "blocks", "blocks", C_U32 | C_NULL, NULL },
			     { "distance", "distance_ms", C_INT | C_NULL, NULL } },
		.n_key = 3,
		.parents = { "boot" },
		.where = "?1 IS NULL OR " CALIBRATIONS,
		.ids = ", boot",
	},
	[T_RUN] = {
		.name = "run",
		.row = "run",
		.columns = { { "uuid", "run", C_TEXT, NULL },
			     { "label", "label", C_TEXT | C_NULL, NULL },
			     { "seed", "seed", C_INT, NULL },
			     { "argv", "argv", C_JSON, NULL },
			     { "plan", "plan", C_JSON, NULL },
			     { "tool", "tool", C_TEXT, NULL },
			     { "varying", "varying", C_JSON | C_NULL, NULL },
			     { "started", "started_unix_ms", C_INT, NULL },
			     /* The last two change as a run goes on. */
			     { "ended", "ended_unix_ms", C_INT | C_NULL, NULL },
			     { "state", "state", C_TEXT, run_state_parse } },
		.n_key = 1,
		.parents = { "boot" },
		.where = "id = ?1",
		.ids = ", boot, id",
	},
	[T_RUN_CELL] = {
		.name = "run_cell",
		.row = "cell of the plan",
		.columns = { { "ord", "ord", C_U32, NULL },
			     { "cell", "cell", C_TEXT, NULL },
			     { "arm_group", "arm_group", C_U32, NULL },
			     { "arm", "arm", C_U32, NULL },
			     { "state", "state", C_TEXT, cell_state_parse },
			     { "kind", "kind", C_TEXT, kind_parse },
			     { "reason", "reason", C_TEXT | C_NULL, NULL },
			     { "paired", "paired", C_JSON, NULL },
			     { "asked", "asked", C_JSON, NULL } },
		.n_key = 1,
		.parents = { "run" },
		.where = "run = ?1",
	},
	[T_RUN_FLAG] = {
		.name = "flag",
		.row = "flag",
		.columns = { { "code", "code", C_TEXT, trust_flag_parse },
			     { "arm_group", "arm_group", C_U32 | C_NULL, NULL },
			     { "arm", "arm", C_U32 | C_NULL, NULL },
			     { "fatal", "fatal", C_BOOL, NULL },
			     { "detail", "detail", C_TEXT | C_NULL, NULL } },
		.n_key = 3,
		.parents = { "run" },
		.where = "run = ?1 AND invocation IS NULL",
		/* A run that went on in two places was judged in both: the worse word stays. */
		.conflict = "ON CONFLICT (run, ifnull(invocation, -1), code, ifnull(arm_group, -1),"
			    " ifnull(arm, -1)) DO UPDATE SET fatal = max(fatal, excluded.fatal),"
			    " detail = min(ifnull(detail, excluded.detail), ifnull(excluded.detail,"
			    "  detail)) WHERE excluded.fatal > fatal OR"
			    " ifnull(excluded.detail < ifnull(detail, x'ff'), 0)",
	},
	[T_INVOCATION] = {
		.name = "invocation",
		.row = "invocation",
		.columns = { { "round", "round", C_U32, NULL },
			     { "position", "position", C_U32, NULL },
			     { "arm_group", "arm_group", C_U32, NULL },
			     { "cpu", "cpu", C_U32, NULL },
			     { "node", "node", C_I32, NULL },
			     { "setup", "setup", C_JSON | C_NULL, NULL },
			     { "varying", "varying", C_JSON | C_NULL, NULL },
			     { "started", "started_unix_ms", C_INT, NULL },
			     { "samples", "samples", C_U32, NULL },
			     { "warm_up", "warm_up", C_U32, NULL },
			     { "overhead", "overhead_ticks", C_REAL | C_NULL, NULL } },
		.n_key = 2,
		.parents = { "run", "boot" },
		.where = "run = ?1",
		.ids = ", boot, id",
	},
	[T_SAMPLE] = {
		.name = "sample",
		.row = "sample",
		.columns = { { "seq", "seq", C_U32, NULL },
			     { "arm", "arm", C_U32, NULL },
			     { "block", "block", C_I32, NULL },
			     { "cpu", "cpu", C_U32, NULL },
			     { "ticks", "ticks", C_INT, NULL },
			     { "work", "work", C_INT, NULL } },
		.n_key = 1,
		.parents = { "invocation" },
		.where = "invocation = ?1",
	},
	[T_PART] = {
		.name = "part JOIN subject ON subject.id = subject",
		.row = "value",
		.columns = { { "seq", "seq", C_I32, NULL },
			     { "metric", "metric", C_TEXT, NULL },
			     { "name", "subject", C_TEXT, NULL },
			     { "value", "value", C_REAL, NULL } },
		.n_key = 3,
		.parents = { "invocation", "subject" },
		.where = "invocation = ?1",
		.ids = ", subject",
	},
	[T_FLAG] = {
		.name = "flag",
		.row = "flag",
		.columns = { { "code", "code", C_TEXT, trust_flag_parse },
			     { "arm_group", "arm_group", C_U32 | C_NULL, NULL },
			     { "arm", "arm", C_U32 | C_NULL, NULL },
			     { "fatal", "fatal", C_BOOL, NULL },
			     { "detail", "detail", C_TEXT | C_NULL, NULL } },
		.n_key = 3,
		.parents = { "run", "invocation" },
		.where = "invocation = ?1",
	},
};

unsigned table_columns(const struct table *t)
{
	unsigned n = 0;

	while (t->columns[n].name)
		n++;
	return n;
}

/* "a, b, c" of the first @n columns. */
static int list_columns(char *buf, size_t size, const struct table *t, unsigned n)
{
	int used = 0;

	for (unsigned i = 0; i < n; i++)
		used += snprintf(buf + used, size - (size_t)used, "%s%s", i ? ", " : "",
				 t->columns[i].name);
	return used;
}

static int prepare_read(struct rows *r, enum table_id id, bool to)
{
	const struct table *t = &tables[id];
	char all[256], key[160], sql[1600];

	list_columns(all, sizeof(all), t, table_columns(t));
	list_columns(key, sizeof(key), t, t->n_key);
	snprintf(sql, sizeof(sql), "SELECT %s%s FROM %s WHERE %s ORDER BY %s", all, t->ids ?: "",
		 t->name, t->where, key);
	return sql_query(to ? r->to : r->from, &r->read[to][id], sql, NO_ARGS, r->why);
}

int rows_read(struct rows *r, enum table_id t, bool to, const int64_t *of, sqlite3_stmt **st)
{
	int err = 0;

	if (!r->read[to][t])
		err = prepare_read(r, t, to);
	if (err)
		return err;
	*st = r->read[to][t];
	sqlite3_reset(*st);
	if (of)
		sqlite3_bind_int64(*st, 1, *of);
	else
		sqlite3_bind_null(*st, 1);
	return 0;
}

static int prepare_insert(struct rows *r, enum table_id id)
{
	const struct table *t = &tables[id];
	char columns[256], marks[64] = "", sql[1600];
	unsigned n = table_columns(t);
	int used = list_columns(columns, sizeof(columns), t, n), at = 0;

	for (unsigned i = 0; t->parents[i]; i++, n++)
		used += snprintf(columns + used, sizeof(columns) - (size_t)used, ", %s",
				 t->parents[i]);
	for (unsigned i = 0; i < n; i++)
		at += snprintf(marks + at, sizeof(marks) - (size_t)at, "%s?", i ? "," : "");
	snprintf(sql, sizeof(sql), "INSERT INTO %s (%s) VALUES (%s) %s", t->name, columns, marks,
		 t->conflict ?: "ON CONFLICT DO NOTHING");
	/* Metric and name of a part are those of its subject, which is a parent. */
	if (id == T_PART)
		snprintf(sql, sizeof(sql),
			 "INSERT INTO part (seq, value, invocation, subject) SELECT ?1, ?4, ?5, ?6"
			 " WHERE ?2 IS NOT NULL AND ?3 IS NOT NULL ON CONFLICT DO NOTHING");
	return sql_query(r->to, &r->insert[id], sql, NO_ARGS, r->why);
}

/* A run need not have a boot: 0 is none. */
static void bind_parents(sqlite3_stmt *st, int first, const struct table *t, const int64_t *parents)
{
	for (int p = 0; t->parents[p]; p++) {
		if (parents[p])
			sqlite3_bind_int64(st, first + p, parents[p]);
		else
			sqlite3_bind_null(st, first + p);
	}
}

int rows_insert(struct rows *r, enum table_id t, sqlite3_stmt *row, const int64_t *parents)
{
	int err = r->insert[t] ? 0 : prepare_insert(r, t), n = (int)table_columns(&tables[t]);

	if (err)
		return err;
	for (int i = 0; i < n; i++)
		sqlite3_bind_value(r->insert[t], i + 1, sqlite3_column_value(row, i));
	bind_parents(r->insert[t], n + 1, &tables[t], parents);
	err = sql_step(r->to, r->insert[t], r->why);
	sqlite3_reset(r->insert[t]);
	return err ?: sqlite3_changes(r->to->db) > 0;
}

int rows_find(struct rows *r, enum table_id id, sqlite3_stmt *row, const int64_t *parents,
	      sqlite3_stmt **found)
{
	const struct table *t = &tables[id];
	char all[256], sql[1024];
	int used, ret;

	*found = NULL;
	list_columns(all, sizeof(all), t, table_columns(t));
	used = snprintf(sql, sizeof(sql), "SELECT %s%s FROM %s WHERE 1", all, t->ids ?: "",
			t->name);
	for (unsigned i = 0; i < t->n_key; i++)
		used += snprintf(sql + used, sizeof(sql) - (size_t)used, " AND %s IS ?",
				 t->columns[i].name);
	for (unsigned p = 0; parents && t->parents[p]; p++)
		used += snprintf(sql + used, sizeof(sql) - (size_t)used, " AND %s IS ?",
				 t->parents[p]);
	ret = sql_query(r->to, found, sql, NO_ARGS, r->why);
	if (ret)
		return ret;
	for (int i = 0; i < (int)t->n_key; i++)
		sqlite3_bind_value(*found, i + 1, sqlite3_column_value(row, i));
	if (parents)
		bind_parents(*found, (int)t->n_key + 1, t, parents);
	ret = sql_step(r->to, *found, r->why);
	if (ret <= 0) {
		sqlite3_finalize(*found);
		*found = NULL;
	}
	return ret;
}

static bool same_value(sqlite3_stmt *a, sqlite3_stmt *b, int i)
{
	int type = sqlite3_column_type(a, i), n;

	if (type != sqlite3_column_type(b, i))
		return false;
	switch (type) {
	case SQLITE_NULL:
		return true;
	case SQLITE_INTEGER:
		return sqlite3_column_int64(a, i) == sqlite3_column_int64(b, i);
	case SQLITE_FLOAT:
		return sqlite3_column_double(a, i) == sqlite3_column_double(b, i);
	}
	n = sqlite3_column_bytes(a, i);
	return n == sqlite3_column_bytes(b, i) &&
	       (!n || !memcmp(sqlite3_column_blob(a, i), sqlite3_column_blob(b, i), (size_t)n));
}

int rows_compare(struct rows *r, enum table_id t, sqlite3_stmt *to, sqlite3_stmt *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const char *a, *b;

		if (same_value(to, from, (int)i))
			continue;
		a = (const char *)sqlite3_column_text(to, (int)i);
		b = (const char *)sqlite3_column_text(from, (int)i);
		return reason_set(r->why, -EEXIST,
				  "%s: %s: %s is %.60s in %s and %.60s here: one of the files was "
				  "changed by hand; nothing was taken",
				  r->from->path, r->place, tables[t].columns[i].name, a ?: "NULL",
				  r->to->path, b ?: "NULL");
	}
	return 0;
}

static int refuse_number(struct rows *r, enum table_id t)
{
	return reason_set(
		r->why, -EEXIST,
		"%s: %s: a %s is in only one of this file and %s: one of them was changed "
		"by hand; nothing was taken",
		r->from->path, r->place, tables[t].row, r->to->path);
}

static bool same_key(enum table_id t, sqlite3_stmt *to, sqlite3_stmt *from)
{
	for (unsigned i = 0; i < tables[t].n_key; i++)
		if (!same_value(to, from, (int)i))
			return false;
	return true;
}

/* Both stand before their first row. */
static int walk_both(struct rows *r, enum table_id t, sqlite3_stmt *to, sqlite3_stmt *from)
{
	unsigned n = table_columns(&tables[t]);
	int a, b, err;

	for (;;) {
		a = sql_step(r->to, to, r->why);
		if (a < 0)
			return a;
		b = sql_step(r->from, from, r->why);
		if (b < 0 || (!a && !b))
			return b;
		if (a != b || !same_key(t, to, from))
			return refuse_number(r, t);
		err = rows_compare(r, t, to, from, n);
		if (err)
			return err;
	}
}

int rows_same(struct rows *r, enum table_id t, int64_t of_to, int64_t of_from)
{
	sqlite3_stmt *to, *from;
	int err;

	err = rows_read(r, t, true, &of_to, &to);
	if (err)
		return err;
	err = rows_read(r, t, false, &of_from, &from);
	if (!err)
		err = walk_both(r, t, to, from);
	sqlite3_reset(to);
	if (!err)
		sqlite3_reset(from);
	return err;
}

void rows_end(struct rows *r)
{
	for (int t = 0; t < T_MAX; t++) {
		sqlite3_finalize(r->read[0][t]);
		sqlite3_finalize(r->read[1][t]);
		sqlite3_finalize(r->insert[t]);
	}
}
