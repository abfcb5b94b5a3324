// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "results/store/export.h"
#include "results/store/history.h"

/* The view does the arithmetic. A count and a time never share a column. */
static const char *const flat_sql =
	"SELECT ?2 AS schema, f.run, f.label, f.host, b.host AS host_id, f.kernel, f.lane, f.clock,"
	" f.tool, f.benchmark, f.version, f.factors, f.kind, f.round, f.position, f.arm_group,"
	" f.arm, f.pinned_cpu, f.node, f.seq, f.cpu, f.block, f.warm_up, f.raw_ticks, b.tick_hz,"
	" f.overhead_ticks, f.net_ticks,"
	" CASE f.clock WHEN 'ns' THEN f.value END AS time_ns,"
	" CASE f.clock WHEN 'instructions' THEN f.value END AS instructions, f.work, f.work_unit,"
	" CASE f.clock WHEN 'ns' THEN f.value_per_work END AS time_per_work_ns,"
	" CASE f.clock WHEN 'instructions' THEN f.value_per_work END AS instructions_per_work,"
	" f.gb_per_s FROM flat f JOIN invocation i ON i.id = f.invocation"
	" JOIN boot b ON b.id = i.boot WHERE f.run = ?1 ORDER BY f.round, f.position, f.seq";

/* RFC 4180: quotes where they are needed, doubled inside; NULL is an empty field, "" is "". */
static void put_field(const char *text, FILE *out)
{
	if (!text)
		return;
	if (*text && !strpbrk(text, ",\"\r\n")) {
		fputs_unlocked(text, out);
		return;
	}
	putc_unlocked('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc_unlocked('"', out);
		putc_unlocked(*text, out);
	}
	putc_unlocked('"', out);
}

static void put_header(sqlite3_stmt *st, int n, FILE *out)
{
	for (int i = 0; i < n; i++) {
		if (i)
			putc_unlocked(',', out);
		put_field(sqlite3_column_name(st, i), out);
	}
	putc_unlocked('\n', out);
}

static void put_row(sqlite3_stmt *st, int n, FILE *out)
{
	for (int i = 0; i < n; i++) {
		if (i)
			putc_unlocked(',', out);
		put_field((const char *)sqlite3_column_text(st, i), out);
	}
	putc_unlocked('\n', out);
}

int csv_run(struct store *s, const char *uuid, bool header, FILE *out, struct reason *why)
{
	sqlite3_stmt *st;
	int ret, n;

	ret = sql_query(s, &st, flat_sql, ARGS(TEXT(uuid), INT(store_history.version)), why);
	if (ret)
		return ret;
	n = sqlite3_column_count(st);
	if (header)
		put_header(st, n, out);
	while (!ret && (ret = sql_step(s, st, why)) > 0) {
		put_row(st, n, out);
		ret = ferror(out) ? write_failed(out, why) : 0;
	}
	sqlite3_finalize(st);
	return ret;
}
