// SPDX-License-Identifier: GPL-2.0-or-later
/* What comes before the first round of a run, and its end. */
#include <errno.h>

#include "results/store/sql.h"

int store_put_host(struct store *s, const struct store_host *h, struct reason *why)
{
	return sql_run(s, "INSERT INTO host VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
		       ARGS(TEXT(h->id), TEXT(h->name), TEXT(h->cpu), INT(h->family), INT(h->model),
			    INT(h->stepping), INT(h->packages), INT(h->llcs), INT(h->cpus),
			    INT(h->memory)),
		       why);
}

static int put_boot(struct store *s, const struct store_boot *b, struct reason *why)
{
	int err;

	err = sql_run(s,
		      "INSERT INTO environment (hash, facts) VALUES (?,?) ON CONFLICT DO NOTHING",
		      ARGS(TEXT(b->environment), TEXT(b->identity)), why);
	if (err)
		return err;
	return sql_run(s,
		       "INSERT INTO boot (boot_id, host, environment, lane, clock, tick_hz,"
		       " resolution, overhead) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT"
		       " EXISTS (SELECT 1 FROM boot WHERE boot_id = ?1 AND host = ?2 AND"
		       "  environment = ?3 AND lane = ?4 AND clock = ?5)",
		       ARGS(TEXT(b->boot_id), TEXT(b->host), TEXT(b->environment),
			    TEXT(lane_name(b->lane)), TEXT(clock_unit_name(b->clock)),
			    REAL(b->tick_hz), REAL(b->resolution), REAL(b->overhead)),
		       why);
}

static int get_boot(struct store *s, const struct store_boot *b, int64_t *boot, struct reason *why)
{
	sqlite3_stmt *st;
	int ret;

	ret = sql_query(s, &st,
			"SELECT id FROM boot WHERE boot_id = ? AND host = ? AND"
			" environment = ? AND lane = ? AND clock = ? ORDER BY id LIMIT 1",
			ARGS(TEXT(b->boot_id), TEXT(b->host), TEXT(b->environment),
			     TEXT(lane_name(b->lane)), TEXT(clock_unit_name(b->clock))),
			why);
	if (ret)
		return ret;
	ret = sql_step(s, st, why);
	if (ret > 0)
		*boot = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return ret < 0 ? ret : 0;
}

int store_put_boot(struct store *s, const struct store_boot *b, int64_t *boot, struct reason *why)
{
	int err = sql_begin(s, why);

	if (err)
		return err;
	err = put_boot(s, b, why);
	if (!err)
		err = get_boot(s, b, boot, why);
	return sql_end(s, err, why);
}

/*
 * A metric's meaning belongs to its benchmark's version: were it to change, every sample already
 * in the file would change with it.
 */
static int put_metric(struct store *s, const struct store_metric *m, size_t ord, struct reason *why)
{
	int64_t same;
	int err;

	err = sql_run(s, "INSERT INTO metric VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
		      ARGS(TEXT(m->benchmark), INT(m->version), INT(ord), TEXT(m->name),
			   TEXT(m->quantity), TEXT(m->per), INT(m->bytes_per)),
		      why);
	if (err)
		return err;
	err = sql_int(s,
		      "SELECT quantity = ? AND per = ? AND bytes_per = ? FROM metric"
		      " WHERE benchmark = ? AND version = ? AND name = ?",
		      ARGS(TEXT(m->quantity), TEXT(m->per), INT(m->bytes_per), TEXT(m->benchmark),
			   INT(m->version), TEXT(m->name)),
		      &same, why);
	if (err < 0)
		return err;
	if (!same)
		return reason_set(
			why, -EEXIST,
			"%s: metric '%s' of %s version %u is stored with another meaning: "
			"raise the benchmark's version",
			s->path, m->name, m->benchmark, m->version);
	return 0;
}

/* The first metric of each benchmark version is what its ticks measure, whatever the order. */
static size_t metric_order(const struct store_metric *metrics, size_t i)
{
	size_t ord = 0;

	for (size_t j = 0; j < i; j++)
		ord += metrics[j].version == metrics[i].version &&
		       !sqlite3_stricmp(metrics[j].benchmark, metrics[i].benchmark);
	return ord;
}

static int put_run(struct store *s, const struct store_run *r, struct reason *why)
{
	int64_t there;
	int ret;

	ret = sql_int(s, "SELECT 1 FROM run WHERE uuid = ?", ARGS(TEXT(r->uuid)), &there, why);
	if (ret < 0)
		return ret;
	if (ret)
		return reason_set(why, -EEXIST, "%s: run %s is there already", s->path, r->uuid);
	return sql_run(
		s,
		"INSERT INTO run (uuid, label, seed, argv, plan, tool, varying, boot, started,"
		" state) VALUES (?,?,?,?,?,?,?,?,?,?)",
		ARGS(TEXT(r->uuid), TEXT(r->label), INT(r->seed), TEXT(r->argv), TEXT(r->plan),
		     TEXT(r->tool), TEXT(r->varying), r->boot ? INT(r->boot) : TEXT(NULL),
		     INT(r->started), TEXT(run_state_name(RUN_OPEN))),
		why);
}

static int put_cell(struct store *s, int64_t run, const struct store_cell *c, size_t ord,
		    struct reason *why)
{
	int err;

	err = sql_run(s, "INSERT INTO cell VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
		      ARGS(TEXT(c->hash), TEXT(c->benchmark), INT(c->version), TEXT(c->factors)),
		      why);
	if (err)
		return err;
	return sql_run(s, "INSERT INTO run_cell VALUES (?,?,?,?,?,?,?,?,?,?)",
		       ARGS(INT(run), INT(ord), TEXT(c->hash), INT(c->arm_group), INT(c->arm),
			    TEXT(cell_state_name(c->state)), TEXT(kind_name(c->kind)),
			    TEXT(c->reason), TEXT(c->paired), TEXT(c->asked)),
		       why);
}

int store_begin_run(struct store *s, const struct store_run *run,
		    const struct store_metric *metrics, size_t n_metrics,
		    const struct store_cell *cells, size_t n_cells, struct reason *why)
{
	int64_t id;
	int err;

	err = sql_begin(s, why);
	if (err)
		return err;
	err = put_run(s, run, why);
	id = sqlite3_last_insert_rowid(s->db);
	for (size_t i = 0; !err && i < n_metrics; i++)
		err = put_metric(s, &metrics[i], metric_order(metrics, i), why);
	for (size_t i = 0; !err && i < n_cells; i++)
		err = put_cell(s, id, &cells[i], i, why);
	return sql_end(s, err, why);
}

int store_end_run(struct store *s, const char *uuid, enum run_state state, int64_t ended,
		  struct reason *why)
{
	int64_t run;
	int err;

	err = sql_find_run(s, uuid, &run, why);
	if (err)
		return err;
	return sql_run(s, "UPDATE run SET state = ?, ended = nullif(?, 0) WHERE id = ?",
		       ARGS(TEXT(run_state_name(state)), INT(ended), INT(run)), why);
}
