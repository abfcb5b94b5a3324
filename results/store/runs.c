// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A word that this version does not know becomes the list's end, whose name is "?". */
static int word(int value, int end)
{
	return value < 0 ? end : value;
}

static void read_row(sqlite3_stmt *st, struct store_run_row *row)
{
	char text[32];

	*row = (struct store_run_row){ 0 };
	sql_text(st, 0, row->uuid, sizeof(row->uuid));
	sql_text(st, 1, row->label, sizeof(row->label));
	sql_text(st, 2, row->kernel, sizeof(row->kernel));
	sql_text(st, 3, row->host, sizeof(row->host));
	sql_text(st, 4, row->benchmarks, sizeof(row->benchmarks));
	sql_text(st, 5, text, sizeof(text));
	row->state = (enum run_state)word(run_state_parse(text), RUN_STATE_MAX);
	sql_text(st, 6, text, sizeof(text));
	row->lane = (enum lane)word(lane_parse(text), LANE_MAX);
	sql_text(st, 7, text, sizeof(text));
	row->clock = (enum clock_unit)word(clock_unit_parse(text), CLOCK_UNIT_MAX);
	row->started = sqlite3_column_int64(st, 8);
	row->ended = sqlite3_column_int64(st, 9);
	row->seed = (uint64_t)sqlite3_column_int64(st, 10);
	row->rounds = (unsigned)sqlite3_column_int64(st, 11);
	row->invocations = (unsigned)sqlite3_column_int64(st, 12);
	row->samples = (uint64_t)sqlite3_column_int64(st, 13);
	row->fatal_flags = (unsigned)sqlite3_column_int64(st, 14);
	sql_text(st, 15, row->host_id, sizeof(row->host_id));
}

static int collect(struct store *s, sqlite3_stmt *st, struct store_run_row **rows,
		   struct reason *why)
{
	size_t n = 0, room = 0;
	int ret;

	while ((ret = sql_step(s, st, why)) > 0) {
		if (n == room) {
			struct store_run_row *more;

			room = room ? 2 * room : 16;
			more = realloc(*rows, room * sizeof(*more));
			if (!more)
				return reason_set(why, -ENOMEM, "%s: out of memory", s->path);
			*rows = more;
		}
		read_row(st, &(*rows)[n++]);
	}
	return ret < 0 ? ret : (int)n;
}

int runs_query(struct store *s, const char *where, const struct sql_arg *args,
	       struct store_run_row **rows, struct reason *why)
{
	char sql[800];
	sqlite3_stmt *st;
	int ret;

	*rows = NULL;
	snprintf(sql, sizeof(sql),
		 "SELECT uuid, label, kernel, host, benchmarks, state, lane, clock, started_ms,"
		 " ended_ms, seed, rounds, invocations, samples, fatal_flags, host_id FROM runs %s"
		 " ORDER BY started_ms DESC, id DESC",
		 where);
	ret = sql_query(s, &st, sql, args, why);
	if (ret)
		return ret;
	ret = collect(s, st, rows, why);
	sqlite3_finalize(st);
	if (ret <= 0) {
		free(*rows);
		*rows = NULL;
	}
	return ret;
}

int store_runs(struct store *s, struct store_run_row **rows, struct reason *why)
{
	return runs_query(s, "", NO_ARGS, rows, why);
}
