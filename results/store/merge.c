// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merging. The state of a run moves up in an order, texts that may differ take the first or last in
 * sorting order, and everything else is either new or equal: so neither order nor repetition of
 * merges matters.
 */
#include "results/store/merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t id_map_get(struct id_map *map, int64_t there)
{
	for (size_t i = 0; i < map->n; i++) {
		size_t at = (map->last + i) % map->n;

		if (map->pairs[at][0] == there) {
			map->last = at;
			return map->pairs[at][1];
		}
	}
	return 0;
}

int id_map_add(struct id_map *map, int64_t there, int64_t here)
{
	int64_t(*more)[2] = realloc(map->pairs, (map->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	map->pairs = more;
	more[map->n][0] = there;
	more[map->n++][1] = here;
	return 0;
}

/* A row that is there already must be the same; of a host, one description was chosen. */
static int must_be_same(struct merge *m, enum table_id t, sqlite3_stmt *row, const int64_t *parents)
{
	struct rows *r = &m->rows;
	sqlite3_stmt *here;
	int ret;

	if (t == T_HOST)
		return 0;
	ret = rows_find(r, t, row, parents, &here);
	if (ret <= 0) /* in the way, but by another key than its own: two metrics with one ord */
		return ret
			       ?: reason_set(r->why, -EEXIST, "%s: a %s is at odds with one of %s",
					     r->from->path, tables[t].row, r->to->path);
	snprintf(r->place, sizeof(r->place), "%s %s", tables[t].row,
		 (const char *)sqlite3_column_text(row, 0) ?: "?");
	ret = rows_compare(r, t, here, row, table_columns(&tables[t]));
	sqlite3_finalize(here);
	return ret;
}

static int64_t column_id(sqlite3_stmt *row, enum table_id t, int which)
{
	return sqlite3_column_int64(row, (int)table_columns(&tables[t]) + which);
}

static int map_boot(struct merge *m, sqlite3_stmt *row)
{
	sqlite3_stmt *here;
	int ret = rows_find(&m->rows, T_BOOT, row, NULL, &here);

	if (ret <= 0)
		return ret ?: -EIO;
	ret = id_map_add(&m->boots, column_id(row, T_BOOT, 0), column_id(here, T_BOOT, 0));
	sqlite3_finalize(here);
	return ret ? reason_set(m->rows.why, ret, "%s: out of memory", m->rows.to->path) : 0;
}

static int take_row(struct merge *m, enum table_id t, sqlite3_stmt *row)
{
	int64_t parent = 0;
	int ret;

	if (t == T_CALIBRATION)
		parent = id_map_get(&m->boots, column_id(row, t, 0));
	ret = rows_insert(&m->rows, t, row, &parent);
	if (ret < 0)
		return ret;
	if (t == T_BOOT)
		return map_boot(m, row);
	return ret ? 0 : must_be_same(m, t, row, &parent);
}

/* What runs share: their hosts, environments, metrics, cells, boots and calibrations. */
static int take_shared(struct merge *m, const int64_t *run)
{
	struct rows *r = &m->rows;
	sqlite3_stmt *row;
	int ret = 0;

	m->boots.n = m->boots.last = 0;
	for (enum table_id t = T_HOST; !ret && t <= T_CALIBRATION; t++) {
		ret = rows_read(r, t, false, run, &row);
		while (!ret && (ret = sql_step(r->from, row, r->why)) > 0)
			ret = take_row(m, t, row);
	}
	return ret;
}

/* How much a state knows. */
static int rank(const char *state)
{
	switch (run_state_parse(state ?: "")) {
	case RUN_DONE:
		return 2;
	case RUN_INTERRUPTED:
	case RUN_FAILED:
		return 1;
	}
	return 0;
}

static bool knows_more(sqlite3_stmt *a, sqlite3_stmt *b)
{
	const int ended = (int)table_columns(&tables[T_RUN]) - 2, state = ended + 1;
	const char *sa = (const char *)sqlite3_column_text(a, state) ?: "";
	const char *sb = (const char *)sqlite3_column_text(b, state) ?: "";
	int64_t ea = sqlite3_column_int64(a, ended), eb = sqlite3_column_int64(b, ended);

	if (rank(sa) != rank(sb))
		return rank(sa) > rank(sb);
	return ea != eb ? ea > eb : strcmp(sa, sb) > 0;
}

static int raise_state(struct merge *m, sqlite3_stmt *here, sqlite3_stmt *row, int64_t boot)
{
	const int ended = (int)table_columns(&tables[T_RUN]) - 2;
	int64_t was = column_id(here, T_RUN, 0), id = column_id(here, T_RUN, 1);
	struct rows *r = &m->rows;
	int err = 0;

	if (was && boot && was != boot)
		return reason_set(r->why, -EEXIST,
				  "%s: %s: began in another boot than the one in %s: one of the "
				  "files was changed by hand; nothing was taken",
				  r->from->path, r->place, r->to->path);
	if (!was && boot) {
		m->grown = true;
		err = sql_run(r->to, "UPDATE run SET boot = ? WHERE id = ?",
			      ARGS(INT(boot), INT(id)), r->why);
	}
	if (err || !knows_more(row, here))
		return err;
	m->grown = true;
	return sql_run(r->to, "UPDATE run SET ended = nullif(?, 0), state = ? WHERE id = ?",
		       ARGS(INT(sqlite3_column_int64(row, ended)),
			    TEXT((const char *)sqlite3_column_text(row, ended + 1)), INT(id)),
		       r->why);
}

/* What changes as a run goes on are its last two columns, and flags. */
static int take_known_run(struct merge *m, sqlite3_stmt *row, sqlite3_stmt *here, int64_t boot)
{
	int err;

	err = rows_compare(&m->rows, T_RUN, here, row, table_columns(&tables[T_RUN]) - 2);
	if (!err)
		err = rows_same(&m->rows, T_RUN_CELL, column_id(here, T_RUN, 1),
				column_id(row, T_RUN, 1));
	return err ?: raise_state(m, here, row, boot);
}

static int take_children(struct merge *m, enum table_id t, int64_t to, int64_t from, bool *changed)
{
	struct rows *r = &m->rows;
	sqlite3_stmt *row;
	int ret;

	ret = rows_read(r, t, false, &from, &row);
	while (!ret && (ret = sql_step(r->from, row, r->why)) > 0) {
		ret = rows_insert(r, t, row, &to);
		if (ret > 0) {
			*changed = true;
			ret = 0;
		}
	}
	return ret;
}

/* Its row and its plan. Return: 0 or -errno; *@to: its id here. */
static int take_head(struct merge *m, sqlite3_stmt *row, int64_t *to, bool *is_new)
{
	int64_t boot = id_map_get(&m->boots, column_id(row, T_RUN, 0));
	struct rows *r = &m->rows;
	sqlite3_stmt *here;
	int ret;

	ret = rows_find(r, T_RUN, row, NULL, &here);
	if (ret < 0)
		return ret;
	*is_new = !ret;
	if (ret) {
		*to = column_id(here, T_RUN, 1);
		ret = take_known_run(m, row, here, boot);
		sqlite3_finalize(here);
		return ret;
	}
	ret = rows_insert(r, T_RUN, row, &boot);
	if (ret <= 0)
		return ret ?: -EIO;
	*to = sqlite3_last_insert_rowid(r->to->db);
	return take_children(m, T_RUN_CELL, *to, column_id(row, T_RUN, 1), &m->grown);
}

static int take_run(struct merge *m, int64_t from, const char *uuid)
{
	struct rows *r = &m->rows;
	sqlite3_stmt *row;
	bool is_new = false;
	int64_t to = 0;
	int ret;

	snprintf(m->run, sizeof(m->run), "%s", uuid);
	snprintf(r->place, sizeof(r->place), "run %.40s", uuid);
	m->grown = false;
	ret = rows_read(r, T_RUN, false, &from, &row);
	if (!ret)
		ret = sql_step(r->from, row, r->why);
	if (ret > 0)
		ret = take_head(m, row, &to, &is_new);
	if (!ret)
		ret = take_children(m, T_RUN_FLAG, to, from, &m->grown);
	if (!ret)
		ret = merge_rounds(m, to, from);
	if (ret)
		return ret;
	m->counts.runs += is_new;
	m->counts.grown += !is_new && m->grown;
	m->counts.same += !is_new && !m->grown;
	return 0;
}

/* In the order in which they began, so that row ids tell their age here too. */
static int take_all(struct merge *m)
{
	struct store *from = m->rows.from;
	sqlite3_stmt *st;
	int ret;

	ret = take_shared(m, NULL);
	if (!ret)
		ret = sql_query(from, &st, "SELECT id, uuid FROM run ORDER BY started, id", NO_ARGS,
				m->rows.why);
	if (ret)
		return ret;
	while (!ret && (ret = sql_step(from, st, m->rows.why)) > 0)
		ret = take_run(m, sqlite3_column_int64(st, 0),
			       (const char *)sqlite3_column_text(st, 1) ?: "");
	sqlite3_finalize(st);
	return ret;
}

static int take_some(struct merge *m, const char *const *uuids, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		int64_t run;

		err = sql_find_run(m->rows.from, uuids[i], &run, m->rows.why);
		if (!err)
			err = take_shared(m, &run);
		if (!err)
			err = take_run(m, run, uuids[i]);
	}
	return err;
}

int merge_stores(struct store *to, struct store *from, const char *const *uuids, size_t n,
		 struct store_counts *counts, char culprit[40], struct reason *why)
{
	struct merge m = { .rows = { .to = to, .from = from, .why = why } };
	int err;

	err = sql_begin(to, why);
	if (err)
		return err;
	/* One moment of the other file, which may be written meanwhile. */
	err = sql_exec(from, "BEGIN", why);
	if (!err) {
		err = uuids ? take_some(&m, uuids, n) : take_all(&m);
		rows_end(&m.rows);
		sqlite3_finalize(m.subject);
		sqlite3_finalize(m.here);
		sqlite3_finalize(m.in_round[0]);
		sqlite3_finalize(m.in_round[1]);
		sql_end(from, -ECANCELED, NULL);
	}
	free(m.boots.pairs);
	free(m.subjects.pairs);
	if (culprit)
		memcpy(culprit, m.run, sizeof(m.run));
	if (!err && counts)
		*counts = m.counts;
	return sql_end(to, err, why);
}
