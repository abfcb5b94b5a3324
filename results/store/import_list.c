// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples and values of an invocation: many rows in a line. */
#include <errno.h>
#include <string.h>

#include "results/store/import.h"

int import_statement(struct import *im, enum table_id t, sqlite3_stmt **row)
{
	static const char select[] = "SELECT ?,?,?,?,?,?,?,?,?,?,?,?";
	char sql[sizeof(select)];

	if (!im->row[t]) {
		snprintf(sql, sizeof(sql), "%.*s", 6 + 2 * (int)table_columns(&tables[t]), select);
		if (sqlite3_prepare_v2(im->rows.to->db, sql, -1, &im->row[t], NULL) != SQLITE_OK)
			return sql_fail(im->rows.to, im->why);
	}
	*row = im->row[t];
	sqlite3_reset(*row);
	return 0;
}

int import_begin_invocation(struct import *im, sqlite3_stmt *row)
{
	im->invocation = sqlite3_last_insert_rowid(im->rows.to->db);
	im->round = sqlite3_column_int64(row, 0);
	im->position = sqlite3_column_int64(row, 1);
	im->arm_group = sqlite3_column_int64(row, 2);
	im->missing = sqlite3_column_int64(row, 8);
	im->missing_warm_up = sqlite3_column_int64(row, 9);
	return arms_load(im->rows.to, im->run_id, (unsigned)im->arm_group, &im->arms, im->why);
}

int import_end_invocation(struct import *im)
{
	if (!im->invocation || (!im->missing && !im->missing_warm_up))
		return 0;
	return import_refuse(im, "the invocation before this line", NULL,
			     "has other samples than it says");
}

/* The line must be about the invocation at hand, and name the columns in our order. */
static int judge_list(struct import *im, enum table_id t, const json_t *j, size_t keys)
{
	const json_t *columns = json_object_get(j, "columns");
	const json_t *round = json_object_get(j, "round");
	const json_t *position = json_object_get(j, "position");

	if (json_object_size(j) != keys || !json_is_array(json_object_get(j, "rows")))
		return import_refuse(im, record_name(t), NULL, "has other keys than belong to it");
	if (!json_is_integer(round) || json_integer_value(round) != im->round ||
	    !json_is_integer(position) || json_integer_value(position) != im->position)
		return import_refuse(im, record_name(t), NULL,
				     "are not of the invocation before them");
	for (size_t i = 0; tables[t].columns[i].name || i < json_array_size(columns); i++) {
		const char *name = json_string_value(json_array_get(columns, i));

		if (!name || !tables[t].columns[i].name || strcmp(name, tables[t].columns[i].key))
			return import_refuse(im, record_name(t), "columns",
					     "are not those of this schema");
	}
	return 0;
}

static int judge_units(struct import *im, const json_t *j)
{
	const char *clock = json_string_value(json_object_get(j, "clock"));
	const json_t *tick_hz = json_object_get(j, "tick_hz");

	if (!clock || clock_unit_parse(clock) != im->boot->clock || !json_is_number(tick_hz) ||
	    json_number_value(tick_hz) != im->boot->tick_hz)
		return import_refuse(im, "samples", "clock and tick_hz",
				     "are not those of the invocation's boot");
	return 0;
}

/* One row of the list, as a row with the columns of its table. */
static int bind_array(struct import *im, enum table_id t, const json_t *a, sqlite3_stmt *row)
{
	const struct table *table = &tables[t];
	unsigned n = table_columns(table);

	sqlite3_reset(row);
	if (json_array_size(a) != n)
		return import_refuse(im, record_name(t), NULL, "has a row of another length");
	for (unsigned i = 0; i < n; i++) {
		const char *bad =
			record_bind(row, (int)i + 1, &table->columns[i], json_array_get(a, i));

		if (bad)
			return import_refuse(im, record_name(t), table->columns[i].key, bad);
	}
	return sqlite3_step(row) == SQLITE_ROW ? 0 : sql_fail(im->rows.to, im->why);
}

static int put(struct import *im, enum table_id t, sqlite3_stmt *row, int64_t *parents)
{
	int ret = rows_insert(&im->rows, t, row, parents);

	if (!ret)
		return import_refuse(im, record_name(t), NULL, "has a row twice");
	return ret < 0 ? ret : 0;
}

static int judge_sample(struct import *im, sqlite3_stmt *row)
{
	struct sample p = { .arm = (uint32_t)sqlite3_column_int64(row, 1),
			    .block = sqlite3_column_int(row, 2) };
	int64_t ticks = sqlite3_column_int64(row, 4), work = sqlite3_column_int64(row, 5);
	const char *bad;

	p.ticks = ticks > 0 ? (uint64_t)ticks : 0;
	p.work = work > 0 ? (uint64_t)work : 0;
	bad = sample_fault(&p, &im->arms);
	if (bad)
		return import_refuse(im, "a sample", NULL, bad);
	im->missing--;
	im->missing_warm_up -= p.block < 0;
	return 0;
}

int import_samples(struct import *im, const json_t *j)
{
	int64_t parents[ROW_PARENTS] = { im->invocation };
	sqlite3_stmt *row;
	json_t *a;
	size_t i;
	int err;

	err = judge_list(im, T_SAMPLE, j, RECORD_PREFIX + 6);
	if (!err)
		err = judge_units(im, j);
	if (!err)
		err = import_statement(im, T_SAMPLE, &row);
	if (err)
		return err;
	json_array_foreach(json_object_get(j, "rows"), i, a) {
		err = bind_array(im, T_SAMPLE, a, row);
		if (!err)
			err = judge_sample(im, row);
		if (!err)
			err = put(im, T_SAMPLE, row, parents);
		if (err)
			return err;
	}
	return 0;
}

int import_parts(struct import *im, const json_t *j)
{
	int64_t parents[ROW_PARENTS] = { im->invocation };
	sqlite3_stmt *row;
	json_t *a;
	size_t i;
	int err;

	err = judge_list(im, T_PART, j, RECORD_PREFIX + 4);
	if (!err)
		err = import_statement(im, T_PART, &row);
	if (!err && !im->subject)
		err = subject_prepare(im->rows.to, &im->subject, im->why);
	if (err)
		return err;
	json_array_foreach(json_object_get(j, "rows"), i, a) {
		err = bind_array(im, T_PART, a, row);
		if (!err)
			err = subject_put(
				im->rows.to, im->subject, (const char *)sqlite3_column_text(row, 1),
				(const char *)sqlite3_column_text(row, 2), &parents[1], im->why);
		if (!err)
			err = put(im, T_PART, row, parents);
		if (err)
			return err;
	}
	return 0;
}
