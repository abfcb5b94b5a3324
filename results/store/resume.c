// SPDX-License-Identifier: GPL-2.0-or-later
/* Going on with a run: under the same environment, with the same plan, or not at all. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/store/round.h"
#include "results/store/runs.h"

static void add(char *text, size_t size, const char *key, const json_t *was, const json_t *is)
{
	char *a = was ? json_dumps(was, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *b = is ? json_dumps(is, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%.40s (was %.60s, is %.60s)", used ? ", " : "", key,
		 a ?: "nothing", b ?: "nothing");
	free(a);
	free(b);
}

/* "governor (was "performance", is "powersave"), thp (...)". */
static void differences(const char *was, const char *is, char *text, size_t size)
{
	json_t *a = json_loads(was ?: "", 0, NULL), *b = json_loads(is ?: "", 0, NULL), *v;
	const char *key;

	*text = '\0';
	json_object_foreach(a, key, v)
		if (!json_equal(v, json_object_get(b, key)))
			add(text, size, key, v, json_object_get(b, key));
	json_object_foreach(b, key, v)
		if (!json_object_get(a, key))
			add(text, size, key, NULL, v);
	json_decref(a);
	json_decref(b);
}

/* Row: then and now of host, lane, clock and environment's facts. */
static int explain(struct store *s, sqlite3_stmt *st, struct reason *why)
{
	static const char *const what[] = { "host", "lane", "clock" };
	char text[384] = "", was[64], is[64];

	for (int i = 0; i < 3; i++) {
		size_t used = strlen(text);

		sql_text(st, 2 + 2 * i, was, sizeof(was));
		sql_text(st, 3 + 2 * i, is, sizeof(is));
		if (strcmp(was, is))
			snprintf(text + used, sizeof(text) - used, "%s%s (was %s, is %s)",
				 used ? ", " : "", what[i], was, is);
	}
	if (!*text)
		differences((const char *)sqlite3_column_text(st, 8),
			    (const char *)sqlite3_column_text(st, 9), text, sizeof(text));
	return reason_set(
		why, -ESTALE,
		"%s: run %.8s cannot go on here, for the environment differs: %s: restore "
		"that, or begin a new run",
		s->path, (const char *)sqlite3_column_text(st, 0), text);
}

int same_environment(struct store *s, int64_t run, int64_t boot, struct reason *why)
{
	static const char *const sql =
		"SELECT r.uuid, (a.host, a.lane, a.clock, a.environment) ="
		" (b.host, b.lane, b.clock, b.environment),"
		" a.host, b.host, a.lane, b.lane, a.clock, b.clock, d.facts, e.facts FROM run r"
		" JOIN boot a ON a.id = ifnull(r.boot, (SELECT i.boot FROM invocation i"
		"  WHERE i.run = r.id ORDER BY i.round, i.position LIMIT 1))"
		" JOIN boot b ON b.id = ?2 JOIN environment d ON d.hash = a.environment"
		" JOIN environment e ON e.hash = b.environment WHERE r.id = ?1";
	sqlite3_stmt *st;
	int ret;

	ret = sql_query(s, &st, sql, ARGS(INT(run), INT(boot)), why);
	if (ret)
		return ret;
	ret = sql_step(s, st, why);
	/* No row: nothing to compare with, or no such boot, which its foreign key says. */
	if (ret > 0)
		ret = sqlite3_column_int(st, 1) ? 0 : explain(s, st, why);
	sqlite3_finalize(st);
	return ret;
}

static int resume(struct store *s, const char *uuid, int64_t boot, struct store_run_data *data,
		  struct reason *why)
{
	int64_t run;
	int err;

	err = sql_find_run(s, uuid, &run, why);
	if (!err)
		err = sql_run(s,
			      "UPDATE run SET state = ?1, ended = NULL WHERE id = ?2"
			      " AND state != ?3",
			      ARGS(TEXT(run_state_name(RUN_OPEN)), INT(run),
				   TEXT(run_state_name(RUN_DONE))),
			      why);
	if (!err && !sqlite3_changes(s->db))
		err = reason_set(why, -EALREADY,
				 "%s: run %.8s is done: 'tdcost run' begins a new one", s->path,
				 uuid);
	if (!err)
		err = same_environment(s, run, boot, why);
	return err ?: run_load(s, uuid, data, why);
}

int store_resume_run(struct store *s, const char *uuid, int64_t boot, struct store_run_data *data,
		     struct reason *why)
{
	int err, end;

	*data = (struct store_run_data){ 0 };
	err = sql_begin(s, why);
	if (err)
		return err;
	err = resume(s, uuid, boot, data, why);
	end = sql_end(s, err, why);
	if (end && !err)
		store_free_run(data);
	return end;
}

static bool same_cell(const struct store_cell_row *a, const struct store_cell *b)
{
	if (strcmp(a->hash, b->hash) || a->state != b->state)
		return false;
	/* A skipped one has no place. */
	return a->state != CELL_PLANNED || (a->arm_group == b->arm_group && a->arm == b->arm);
}

int store_same_plan(const struct store_run_data *data, const struct store_cell *cells, size_t n,
		    struct reason *why)
{
	for (size_t i = 0; i < n && i < data->n_cells; i++) {
		const struct store_cell_row *c = &data->cells[i];

		if (!same_cell(c, &cells[i]))
			return reason_set(
				why, -ESTALE,
				"run %.8s cannot go on: cell %zu of its plan is %s version %u "
				"%.100s "
				"(%s), here it would be %s version %u %.100s (%s): begin a new run",
				data->run.uuid, i, c->benchmark, c->version, c->factors,
				cell_state_name(c->state), cells[i].benchmark, cells[i].version,
				cells[i].factors, cell_state_name(cells[i].state));
	}
	if (n != data->n_cells)
		return reason_set(
			why, -ESTALE,
			"run %.8s cannot go on: its plan has %zu cells, here it would have "
			"%zu: begin a new run",
			data->run.uuid, data->n_cells, n);
	return 0;
}
