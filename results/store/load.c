// SPDX-License-Identifier: GPL-2.0-or-later
/* A run whole, but for its samples. */
#include <errno.h>
#include <stdlib.h>

#include "results/store/runs.h"

/* Grow the array of @size bytes an element by a zeroed one. Return: the new one, or NULL. */
static void *append(void *array, size_t *n, size_t size)
{
	void **at = array;
	char *more = realloc(*at, (*n + 1) * size);

	if (!more)
		return NULL;
	*at = more;
	more += (*n)++ * size;
	for (size_t i = 0; i < size; i++)
		more[i] = 0;
	return more;
}

static int read_machine(sqlite3_stmt *st, struct store_run_data *d)
{
	int err;

	err = sql_dup(st, 0, &d->argv);
	err = err ?: sql_dup(st, 1, &d->plan);
	err = err ?: sql_dup(st, 2, &d->varying);
	err = err ?: sql_dup(st, 3, &d->tool);
	err = err ?: sql_dup(st, 4, &d->identity);
	d->tick_hz = sqlite3_column_double(st, 5);
	d->resolution = sqlite3_column_double(st, 6);
	d->overhead = sqlite3_column_double(st, 7);
	sql_text(st, 8, d->cpu, sizeof(d->cpu));
	d->family = (unsigned)sqlite3_column_int(st, 9);
	d->model = (unsigned)sqlite3_column_int(st, 10);
	d->stepping = (unsigned)sqlite3_column_int(st, 11);
	d->packages = (unsigned)sqlite3_column_int(st, 12);
	d->llcs = (unsigned)sqlite3_column_int(st, 13);
	d->cpus = (unsigned)sqlite3_column_int(st, 14);
	d->memory = (uint64_t)sqlite3_column_int64(st, 15);
	d->boot = sqlite3_column_int64(st, 16);
	sql_text(st, 17, d->boot_id, sizeof(d->boot_id));
	sql_text(st, 18, d->environment, sizeof(d->environment));
	sql_text(st, 19, d->host_id, sizeof(d->host_id));
	return err;
}

static int read_cell(sqlite3_stmt *st, struct store_run_data *d)
{
	struct store_cell_row *c = append(&d->cells, &d->n_cells, sizeof(*c));
	char text[32];
	int err, word;

	if (!c)
		return -ENOMEM;
	sql_text(st, 0, c->hash, sizeof(c->hash));
	sql_text(st, 1, c->benchmark, sizeof(c->benchmark));
	c->version = (unsigned)sqlite3_column_int64(st, 2);
	err = sql_dup(st, 3, &c->factors);
	err = err ?: sql_dup(st, 4, &c->paired);
	c->arm_group = (unsigned)sqlite3_column_int64(st, 5);
	c->arm = (unsigned)sqlite3_column_int64(st, 6);
	sql_text(st, 7, text, sizeof(text));
	word = cell_state_parse(text);
	c->state = word < 0 ? CELL_STATE_MAX : (enum cell_state)word;
	sql_text(st, 8, text, sizeof(text));
	word = kind_parse(text);
	c->kind = word < 0 ? KIND_MAX : (enum kind)word;
	err = err ?: sql_dup(st, 9, &c->reason);
	return err ?: sql_dup(st, 10, &c->asked);
}

static int read_index(sqlite3_stmt *st, int col)
{
	return sqlite3_column_type(st, col) == SQLITE_NULL ? -1 : sqlite3_column_int(st, col);
}

static int read_flag(sqlite3_stmt *st, struct store_run_data *d)
{
	struct store_flag_row *f = append(&d->flags, &d->n_flags, sizeof(*f));
	char text[64];
	int word;

	if (!f)
		return -ENOMEM;
	sql_text(st, 0, text, sizeof(text));
	word = trust_flag_parse(text);
	f->flag = word < 0 ? FLAG_MAX : (enum trust_flag)word;
	f->fatal = sqlite3_column_int(st, 1);
	f->arm_group = read_index(st, 2);
	f->arm = read_index(st, 3);
	f->count = (unsigned)sqlite3_column_int64(st, 4);
	return sql_dup(st, 5, &f->detail);
}

static int read_metric(sqlite3_stmt *st, struct store_run_data *d)
{
	struct store_metric_row *m = append(&d->metrics, &d->n_metrics, sizeof(*m));

	if (!m)
		return -ENOMEM;
	sql_text(st, 0, m->benchmark, sizeof(m->benchmark));
	m->version = (unsigned)sqlite3_column_int64(st, 1);
	sql_text(st, 2, m->name, sizeof(m->name));
	sql_text(st, 3, m->quantity, sizeof(m->quantity));
	sql_text(st, 4, m->per, sizeof(m->per));
	m->bytes_per = (uint64_t)sqlite3_column_int64(st, 5);
	return 0;
}

/* What a run is made of; ?1 is its row id. */
static const struct section {
	const char *sql;
	int (*read)(sqlite3_stmt *st, struct store_run_data *d);
} sections[] = {
	{ "SELECT r.argv, r.plan, r.varying, r.tool, e.facts, b.tick_hz, b.resolution,"
	  " ifnull((SELECT avg(" OVERHEAD ") FROM invocation i JOIN boot b ON b.id = i.boot"
	  "  WHERE i.run = r.id), b.overhead),"
	  " h.cpu, h.family, h.model, h.stepping, h.packages, h.llcs, h.cpus, h.memory,"
	  " b.id, b.boot_id, b.environment, b.host FROM run r"
	  " LEFT JOIN boot b ON b.id = ifnull(r.boot, (SELECT boot FROM invocation"
	  "  WHERE run = r.id ORDER BY round, position LIMIT 1))"
	  " LEFT JOIN environment e ON e.hash = b.environment LEFT JOIN host h ON h.id = b.host"
	  " WHERE r.id = ?1",
	  read_machine },
	{ "SELECT c.hash, c.benchmark, c.version, c.factors, rc.paired, rc.arm_group, rc.arm,"
	  " rc.state, rc.kind, rc.reason, rc.asked FROM run_cell rc JOIN cell c ON c.hash = rc.cell"
	  " WHERE rc.run = ?1 ORDER BY rc.ord",
	  read_cell },
	/* With min(id), SQLite takes the bare columns from that row: the first one's detail. */
	{ "SELECT code, max(fatal), arm_group, arm, count(*), detail, min(id) FROM flag"
	  " WHERE run = ?1 GROUP BY code, arm_group, arm ORDER BY 2 DESC, min(id)",
	  read_flag },
	{ "SELECT benchmark, version, name, quantity, per, bytes_per FROM metric WHERE"
	  " (benchmark, version) IN (SELECT c.benchmark, c.version FROM run_cell rc"
	  "  JOIN cell c ON c.hash = rc.cell WHERE rc.run = ?1) ORDER BY benchmark, version, ord",
	  read_metric },
};

static int load_section(struct store *s, const struct section *section, int64_t run,
			struct store_run_data *d, struct reason *why)
{
	sqlite3_stmt *st;
	int ret;

	ret = sql_query(s, &st, section->sql, ARGS(INT(run)), why);
	if (ret)
		return ret;
	while ((ret = sql_step(s, st, why)) > 0) {
		ret = section->read(st, d);
		if (ret) {
			reason_set(why, ret, "%s: out of memory", s->path);
			break;
		}
	}
	sqlite3_finalize(st);
	return ret;
}

static int load_row(struct store *s, int64_t run, struct store_run_data *d, struct reason *why)
{
	struct store_run_row *row;
	int n = runs_query(s, "WHERE id = ?", ARGS(INT(run)), &row, why);

	if (n <= 0)
		return n ?: reason_set(why, -ENOENT, "%s: the run has just been removed", s->path);
	d->run = *row;
	free(row);
	return 0;
}

int run_load(struct store *s, const char *uuid, struct store_run_data *d, struct reason *why)
{
	int64_t run;
	int err;

	*d = (struct store_run_data){ 0 };
	err = sql_find_run(s, uuid, &run, why);
	if (!err)
		err = load_row(s, run, d, why);
	for (size_t i = 0; !err && i < sizeof(sections) / sizeof(sections[0]); i++)
		err = load_section(s, &sections[i], run, d, why);
	if (err)
		store_free_run(d);
	return err;
}

int store_load_run(struct store *s, const char *uuid, struct store_run_data *data,
		   struct reason *why)
{
	int err;

	/* One transaction, so that a run that is going on is seen at one moment. */
	err = sql_exec(s, "BEGIN", why);
	if (err)
		return err;
	err = run_load(s, uuid, data, why);
	sql_end(s, err, NULL);
	return err;
}

void store_free_run(struct store_run_data *d)
{
	for (size_t i = 0; i < d->n_cells; i++) {
		free(d->cells[i].factors);
		free(d->cells[i].paired);
		free(d->cells[i].reason);
		free(d->cells[i].asked);
	}
	for (size_t i = 0; i < d->n_flags; i++)
		free(d->flags[i].detail);
	free(d->cells);
	free(d->flags);
	free(d->metrics);
	free(d->argv);
	free(d->plan);
	free(d->identity);
	free(d->varying);
	free(d->tool);
	*d = (struct store_run_data){ 0 };
}
