// SPDX-License-Identifier: GPL-2.0-or-later
/* Rounds of a run that two files hold: new ones are taken, others must be equal. */
#include <errno.h>
#include <stdio.h>

#include "results/store/merge.h"
#include "results/store/round.h"

static int64_t column_id(sqlite3_stmt *row, int which)
{
	return sqlite3_column_int64(row, (int)table_columns(&tables[T_INVOCATION]) + which);
}

static int put_subject(struct merge *m, sqlite3_stmt *row, int64_t there, int64_t *here)
{
	struct rows *r = &m->rows;
	int err;

	*here = id_map_get(&m->subjects, there);
	if (*here)
		return 0;
	if (!m->subject) {
		err = subject_prepare(r->to, &m->subject, r->why);
		if (err)
			return err;
	}
	err = subject_put(r->to, m->subject, (const char *)sqlite3_column_text(row, 1),
			  (const char *)sqlite3_column_text(row, 2), here, r->why);
	if (!err && id_map_add(&m->subjects, there, *here))
		err = reason_set(r->why, -ENOMEM, "%s: out of memory", r->to->path);
	return err;
}

/* The rows of @t of an invocation; @parents: its own last, as its table has them. */
static int copy_rows(struct merge *m, enum table_id t, int64_t from, int64_t *parents, uint64_t *n)
{
	struct rows *r = &m->rows;
	sqlite3_stmt *row;
	int ret;

	ret = rows_read(r, t, false, &from, &row);
	while (!ret && (ret = sql_step(r->from, row, r->why)) > 0) {
		ret = 0;
		if (t == T_PART)
			ret = put_subject(m, row, sqlite3_column_int64(row, 4), &parents[1]);
		if (!ret)
			ret = rows_insert(r, t, row, parents);
		if (!ret)
			ret = reason_set(r->why, -EEXIST, "%s: %s: a %s is there twice",
					 r->from->path, r->place, tables[t].row);
		else if (ret > 0)
			ret = 0;
		++*n;
	}
	return ret;
}

static int copy_invocation(struct merge *m, sqlite3_stmt *row, int64_t run, int64_t boot)
{
	int64_t parents[ROW_PARENTS] = { run, boot }, from = column_id(row, 1), id;
	uint64_t others = 0;
	int ret;

	ret = rows_insert(&m->rows, T_INVOCATION, row, parents);
	if (ret <= 0)
		return ret ?: -EEXIST;
	id = sqlite3_last_insert_rowid(m->rows.to->db);
	parents[0] = id;
	ret = copy_rows(m, T_SAMPLE, from, parents, &m->counts.samples);
	if (!ret)
		ret = copy_rows(m, T_PART, from, parents, &others);
	parents[0] = run;
	parents[1] = id;
	if (!ret)
		ret = copy_rows(m, T_FLAG, from, parents, &others);
	m->counts.invocations++;
	return ret;
}

static int compare_with(struct merge *m, sqlite3_stmt *row, sqlite3_stmt *here)
{
	static const enum table_id children[] = { T_SAMPLE, T_PART, T_FLAG };
	struct rows *r = &m->rows;
	int err;

	err = rows_compare(r, T_INVOCATION, here, row, table_columns(&tables[T_INVOCATION]));
	for (size_t i = 0; !err && i < sizeof(children) / sizeof(children[0]); i++)
		err = rows_same(r, children[i], column_id(here, 1), column_id(row, 1));
	return err;
}

static int compare_invocation(struct merge *m, sqlite3_stmt *row, int64_t run, int64_t boot)
{
	struct rows *r = &m->rows;
	sqlite3_stmt *here;
	int ret;

	ret = rows_find(r, T_INVOCATION, row, (const int64_t[]){ run, boot }, &here);
	if (!ret)
		return reason_set(r->why, -EEXIST,
				  "%s: %s: is not in that round of that boot in %s: one of the "
				  "files was changed by hand; nothing was taken",
				  r->from->path, r->place, r->to->path);
	if (ret > 0)
		ret = compare_with(m, row, here);
	sqlite3_finalize(here);
	return ret;
}

/* How many invocations a side has in a round. */
static int count_in_round(struct merge *m, bool to, int64_t run, int64_t round, int64_t *n)
{
	struct store *s = to ? m->rows.to : m->rows.from;
	sqlite3_stmt **st = &m->in_round[to];
	int ret = 0;

	if (!*st)
		ret = sql_query(s, st,
				"SELECT count(*) FROM invocation WHERE run = ? AND round = ?",
				NO_ARGS, m->rows.why);
	if (ret)
		return ret;
	sqlite3_bind_int64(*st, 1, run);
	sqlite3_bind_int64(*st, 2, round);
	ret = sql_step(s, *st, m->rows.why);
	*n = ret > 0 ? sqlite3_column_int64(*st, 0) : 0;
	sqlite3_reset(*st);
	return ret < 0 ? ret : 0;
}

/* Return: 1 where it is here with as many invocations, 0 where it is new, -errno. */
static int is_here(struct merge *m, int64_t to, int64_t from, int64_t round)
{
	int64_t here, there;
	int err;

	err = count_in_round(m, true, to, round, &here);
	if (!err)
		err = count_in_round(m, false, from, round, &there);
	if (err || !here)
		return err;
	if (here != there)
		return reason_set(m->rows.why, -EEXIST,
				  "%s: run %s: round %lld has %lld invocations in %s and %lld "
				  "here: one of the files was changed by hand; nothing was taken",
				  m->rows.from->path, m->run, (long long)round, (long long)here,
				  m->rows.to->path, (long long)there);
	return 1;
}

static int take_invocation(struct merge *m, sqlite3_stmt *row, int64_t to, bool here)
{
	int64_t boot = id_map_get(&m->boots, column_id(row, 0));
	struct rows *r = &m->rows;

	snprintf(r->place, sizeof(r->place), "run %s: round %lld, position %lld", m->run,
		 (long long)sqlite3_column_int64(row, 0), (long long)sqlite3_column_int64(row, 1));
	return here ? compare_invocation(m, row, to, boot) : copy_invocation(m, row, to, boot);
}

int merge_rounds(struct merge *m, int64_t to, int64_t from)
{
	struct rows *r = &m->rows;
	int64_t round = -1;
	sqlite3_stmt *row;
	int ret, here = 0;

	ret = rows_read(r, T_INVOCATION, false, &from, &row);
	while (!ret && (ret = sql_step(r->from, row, r->why)) > 0) {
		if (sqlite3_column_int64(row, 0) != round) {
			round = sqlite3_column_int64(row, 0);
			here = is_here(m, to, from, round);
			if (here < 0)
				return here;
			m->counts.rounds += !here;
			m->grown |= !here;
		}
		ret = take_invocation(m, row, to, here);
	}
	return ret;
}
