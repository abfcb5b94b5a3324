// SPDX-License-Identifier: GPL-2.0-or-later
/* What identical arms gave: how often a design cries wolf, and below what it is deaf. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "results/store/sql.h"

int store_put_calibration(struct store *s, int64_t boot, const struct store_calibration *c,
			  struct reason *why)
{
	if (!c->pairs || c->false_positives > c->pairs || !isfinite(c->floor) || c->floor < 0 ||
	    !c->rounds != !c->blocks || c->distance_ms < 0)
		return reason_set(
			why, -EINVAL,
			"%s: calibration of cell %s: %u of %u pairs with a floor of %g (%u rounds "
			"of %u blocks, %lld ms apart) is not a result",
			s->path, c->cell, c->false_positives, c->pairs, c->floor, c->rounds,
			c->blocks, (long long)c->distance_ms);
	return sql_run(s,
		       "INSERT INTO calibration (boot, cell, design, taken, pairs,"
		       " false_positives, floor, rounds, blocks, distance)"
		       " VALUES (?,?,?,?,?,?,?,nullif(?,0),nullif(?,0),nullif(?,0))",
		       ARGS(INT(boot), TEXT(c->cell), TEXT(c->design), INT(c->taken), INT(c->pairs),
			    INT(c->false_positives), REAL(c->floor), INT(c->rounds), INT(c->blocks),
			    INT(c->distance_ms)),
		       why);
}

static void read_row(sqlite3_stmt *st, struct store_calibration_row *row)
{
	char text[32];
	int word;

	sql_text(st, 0, row->cell, sizeof(row->cell));
	sql_text(st, 1, row->benchmark, sizeof(row->benchmark));
	sql_text(st, 2, row->design, sizeof(row->design));
	sql_text(st, 3, row->host, sizeof(row->host));
	sql_text(st, 4, row->boot_id, sizeof(row->boot_id));
	sql_text(st, 5, row->environment, sizeof(row->environment));
	sql_text(st, 6, row->kernel, sizeof(row->kernel));
	sql_text(st, 7, text, sizeof(text));
	word = lane_parse(text);
	row->lane = word < 0 ? LANE_MAX : (enum lane)word;
	sql_text(st, 8, text, sizeof(text));
	word = clock_unit_parse(text);
	row->clock = word < 0 ? CLOCK_UNIT_MAX : (enum clock_unit)word;
	row->taken = sqlite3_column_int64(st, 9);
	row->pairs = (unsigned)sqlite3_column_int64(st, 10);
	row->false_positives = (unsigned)sqlite3_column_int64(st, 11);
	row->floor = sqlite3_column_double(st, 12);
	row->rounds = (unsigned)sqlite3_column_int64(st, 13);
	row->blocks = (unsigned)sqlite3_column_int64(st, 14);
	row->distance_ms = sqlite3_column_int64(st, 15);
}

static int collect(struct store *s, sqlite3_stmt *st, struct store_calibration_row **rows,
		   struct reason *why)
{
	int ret, n = 0;

	while ((ret = sql_step(s, st, why)) > 0) {
		struct store_calibration_row *more;

		more = realloc(*rows, ((size_t)n + 1) * sizeof(*more));
		if (!more)
			return reason_set(why, -ENOMEM, "%s: out of memory", s->path);
		*rows = more;
		read_row(st, &more[n++]);
	}
	return ret < 0 ? ret : n;
}

int store_calibrations(struct store *s, const char *host, const char *cell,
		       struct store_calibration_row **rows, struct reason *why)
{
	static const char *const sql =
		"SELECT k.cell, c.benchmark, k.design, b.host, b.boot_id, b.environment, e.kernel,"
		" b.lane, b.clock, k.taken, k.pairs, k.false_positives, k.floor, k.rounds, "
		"k.blocks,"
		" k.distance FROM calibration k"
		" JOIN boot b ON b.id = k.boot JOIN environment e ON e.hash = b.environment"
		" JOIN cell c ON c.hash = k.cell WHERE ifnull(b.host = ?1, 1) AND"
		" ifnull(k.cell = ?2, 1) ORDER BY k.taken DESC, b.boot_id, k.cell, k.design";
	sqlite3_stmt *st;
	int ret;

	*rows = NULL;
	ret = sql_query(s, &st, sql, ARGS(TEXT(host), TEXT(cell)), why);
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
