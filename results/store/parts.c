// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading what samples yield besides their ticks. */
#include <errno.h>

#include "results/store/sql.h"

#define SELECT_PARTS                                                                        \
	"SELECT i.arm_group, s.arm, j.metric, j.name,"                                      \
	" CASE WHEN m.quantity = 'duration' THEN p.value * (1e9 / b.tick_hz) ELSE p.value " \
	"END, i.id, i.round, s.block, s.work, p.seq"                                        \
	" FROM part p"                                                                      \
	" JOIN subject j ON j.id = p.subject"                                               \
	" JOIN invocation i ON i.id = p.invocation"                                         \
	" JOIN sample s ON s.invocation = p.invocation AND s.seq = p.seq"                   \
	" JOIN boot b ON b.id = i.boot"                                                     \
	" LEFT JOIN run_cell rc ON rc.run = i.run AND rc.arm_group = i.arm_group"           \
	"  AND rc.arm = s.arm AND rc.state = 'planned'"                                     \
	" LEFT JOIN cell c ON c.hash = rc.cell"                                             \
	" LEFT JOIN metric m ON m.benchmark = c.benchmark AND m.version = c.version"        \
	"  AND m.name = j.metric"                                                           \
	" WHERE i.run = ? AND s.block >= 0"

static int walk(struct store *s, sqlite3_stmt *st,
		int (*each)(void *ctx, const struct store_part_row *part), void *ctx,
		struct reason *why)
{
	int ret;

	while ((ret = sql_step(s, st, why)) > 0) {
		struct store_part_row part = {
			.arm_group = (unsigned)sqlite3_column_int64(st, 0),
			.arm = (unsigned)sqlite3_column_int64(st, 1),
			.value = sqlite3_column_double(st, 4),
			.invocation = sqlite3_column_int64(st, 5),
			.round = (unsigned)sqlite3_column_int64(st, 6),
			.block = (int32_t)sqlite3_column_int64(st, 7),
			.work = (uint64_t)sqlite3_column_int64(st, 8),
			.sample = (uint32_t)sqlite3_column_int64(st, 9),
		};

		sql_text(st, 2, part.metric, sizeof(part.metric));
		sql_text(st, 3, part.subject, sizeof(part.subject));
		ret = each(ctx, &part);
		if (ret)
			break;
	}
	return ret;
}

int store_each_part(struct store *s, const char *uuid,
		    int (*each)(void *ctx, const struct store_part_row *part), void *ctx,
		    struct reason *why)
{
	static const char *const sql = SELECT_PARTS
		" ORDER BY i.arm_group, s.arm, j.metric, j.id, 5";
	sqlite3_stmt *st = NULL;
	int64_t run;
	int ret = sql_find_run(s, uuid, &run, why);

	if (!ret)
		ret = sql_query(s, &st, sql, ARGS(INT(run)), why);
	if (!ret)
		ret = walk(s, st, each, ctx, why);
	sqlite3_finalize(st);
	return ret;
}

int store_each_part_of(struct store *s, const char *uuid, const char *metric, const char *subject,
		       int (*each)(void *ctx, const struct store_part_row *part), void *ctx,
		       struct reason *why)
{
	static const char *const sql = SELECT_PARTS
		" AND j.metric = ? AND (? IS NULL OR j.name = ?)"
		" ORDER BY i.round, i.position, p.seq, j.id";
	sqlite3_stmt *st = NULL;
	int64_t run;
	int ret = sql_find_run(s, uuid, &run, why);

	if (!ret)
		ret = sql_query(s, &st, sql,
				ARGS(INT(run), TEXT(metric), TEXT(subject), TEXT(subject)), why);
	if (!ret)
		ret = walk(s, st, each, ctx, why);
	sqlite3_finalize(st);
	return ret;
}
