// SPDX-License-Identifier: GPL-2.0-or-later
/* Is what the file holds sound. */
#include <errno.h>
#include <stdlib.h>

#include "harness/core/hash.h"
#include "results/store/sql.h"

/*
 * What must hold, from the bottom up. Each query yields one column: a line in words for each
 * thing found. The words of a list (lanes, states) are checked by known(list, word).
 */
static const char *const checks[] = {
	"SELECT 'damaged: ' || replace(integrity_check, char(10), ' ') FROM pragma_integrity_check"
	" WHERE integrity_check != 'ok'",

	"SELECT 'table ' || \"table\" || ': ' || count(*) || ' rows refer to rows of ' || parent ||"
	" ' that are not there' FROM pragma_foreign_key_check GROUP BY \"table\", parent",

	"SELECT 'run ' || r.uuid || ': rounds are missing: ' || count(DISTINCT i.round) || ' of ' "
	"||"
	" (max(i.round) + 1) FROM run r JOIN invocation i ON i.run = r.id GROUP BY r.id"
	" HAVING count(DISTINCT i.round) != max(i.round) + 1 OR min(i.round) != 0",

	"SELECT 'run ' || r.uuid || ': round ' || i.round || ', position ' || i.position || ': ' ||"
	" count(s.seq) || ' samples, ' || ifnull(sum(s.block < 0), 0) || ' of them warm-up, where "
	"' ||"
	" i.samples || ' and ' || i.warm_up || ' were stored'"
	" FROM invocation i JOIN run r ON r.id = i.run LEFT JOIN sample s ON s.invocation = i.id"
	" GROUP BY i.id HAVING count(s.seq) != i.samples OR total(s.block < 0) != i.warm_up",

	"SELECT 'run ' || r.uuid || ': round ' || i.round || ', position ' || i.position || ': ' ||"
	" count(*) || ' samples of arm ' || s.arm || ' in group ' || i.arm_group ||"
	" ', which the plan does not have' FROM invocation i JOIN run r ON r.id = i.run"
	" JOIN sample s ON s.invocation = i.id WHERE NOT EXISTS (SELECT 1 FROM run_cell rc"
	"  WHERE rc.run = i.run AND rc.arm_group = i.arm_group AND rc.arm = s.arm"
	"  AND rc.state = 'planned') GROUP BY i.id, s.arm",

	"SELECT 'run ' || r.uuid || ': round ' || i.round || ', position ' || i.position || ': ' ||"
	" count(*) || ' samples without ticks or without work' FROM sample s"
	" JOIN invocation i ON i.id = s.invocation JOIN run r ON r.id = i.run"
	" WHERE s.ticks <= 0 OR s.work <= 0 GROUP BY i.id",

	"SELECT 'run ' || r.uuid || ': round ' || i.round || ', position ' || i.position || ': ' ||"
	" count(*) || ' values belong to samples that are not there' FROM part p"
	" JOIN invocation i ON i.id = p.invocation JOIN run r ON r.id = i.run"
	" WHERE p.seq != -1 AND NOT EXISTS (SELECT 1 FROM sample s"
	"  WHERE s.invocation = p.invocation AND s.seq = p.seq) GROUP BY i.id",

	"SELECT 'run ' || r.uuid || ': flag ' || f.code || ' names an invocation of another run'"
	" FROM flag f JOIN run r ON r.id = f.run JOIN invocation i ON i.id = f.invocation"
	" WHERE i.run != f.run",

	"SELECT 'cell ' || hash || ': is not the hash of ' || benchmark || ' version ' || version "
	"||"
	" ' ' || factors FROM cell WHERE hash IS NOT hash_cell(benchmark, version, factors)",

	"SELECT 'environment ' || hash || ': is not the hash of its facts' FROM environment"
	" WHERE hash IS NOT hash_json(facts)",

	"SELECT 'cell ' || c.hash || ': ' || c.benchmark || ' version ' || c.version ||"
	" ' declares no metric' FROM cell c WHERE NOT EXISTS (SELECT 1 FROM metric m"
	"  WHERE m.benchmark = c.benchmark AND m.version = c.version AND m.ord = 0)",

	"SELECT 'run ' || uuid || ': unknown state ''' || state || '''' FROM run"
	" WHERE NOT known('state', state)",
	"SELECT 'run ' || uuid || ': ' || state || ', but without an end' FROM run"
	" WHERE state != 'open' AND ended IS NULL",
	"SELECT 'boot ' || boot_id || ': unknown lane ''' || lane || ''' or clock ''' || clock ||"
	" '''' FROM boot WHERE NOT known('lane', lane) OR NOT known('clock', clock)",
	"SELECT 'cell ' || cell || ': unknown state ''' || state || ''' or kind ''' || kind || ''''"
	" FROM run_cell WHERE NOT known('cell', state) OR NOT known('kind', kind)",
	"SELECT 'calibration of cell ' || cell || ': ' || ifnull(rounds, 'no') || ' rounds of ' ||"
	" ifnull(blocks, 'no') || ' blocks, ' || ifnull(distance, 'no') || ' ms apart' FROM"
	" calibration WHERE rounds <= 0 OR blocks <= 0 OR distance <= 0 OR (rounds IS NULL) !="
	" (blocks IS NULL)",
	"SELECT 'unknown flag ''' || code || '''' FROM flag WHERE NOT known('flag', code)"
	" GROUP BY code",
};

static const struct word_list {
	const char *name;
	int (*parse)(const char *word);
} word_lists[] = {
	{ "lane", lane_parse },	      { "clock", clock_unit_parse }, { "kind", kind_parse },
	{ "state", run_state_parse }, { "cell", cell_state_parse },  { "flag", trust_flag_parse },
};

static void sql_known(sqlite3_context *ctx, int n, sqlite3_value **args)
{
	const char *list = (const char *)sqlite3_value_text(args[0]);
	const char *word = (const char *)sqlite3_value_text(args[1]);

	(void)n;
	for (size_t i = 0; i < sizeof(word_lists) / sizeof(word_lists[0]); i++)
		if (list && word && !sqlite3_stricmp(word_lists[i].name, list))
			sqlite3_result_int(ctx, word_lists[i].parse(word) >= 0);
}

/* What is stored is what json_canonical() makes of it, or it is not what was hashed. */
static char *canonical(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);
	json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	char *out = j ? json_canonical(j) : NULL;

	json_decref(j);
	return out;
}

static void sql_hash_json(sqlite3_context *ctx, int n, sqlite3_value **args)
{
	char *text = canonical(args[0]);

	(void)n;
	if (text) {
		char hash[HASH_TEXT];

		hash_text(text, hash);
		sqlite3_result_text(ctx, hash, -1, SQLITE_TRANSIENT);
	}
	free(text);
}

static void sql_hash_cell(sqlite3_context *ctx, int n, sqlite3_value **args)
{
	const char *benchmark = (const char *)sqlite3_value_text(args[0]);
	char *factors = canonical(args[2]);

	(void)n;
	if (benchmark && factors) {
		char hash[HASH_TEXT];

		hash_cell(benchmark, (unsigned)sqlite3_value_int64(args[1]), factors, hash);
		sqlite3_result_text(ctx, hash, -1, SQLITE_TRANSIENT);
	}
	free(factors);
}

static int add_functions(struct store *s, struct reason *why)
{
	static const struct {
		const char *name;
		int args;
		void (*call)(sqlite3_context *ctx, int n, sqlite3_value **args);
	} functions[] = {
		{ "known", 2, sql_known },
		{ "hash_json", 1, sql_hash_json },
		{ "hash_cell", 3, sql_hash_cell },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (sqlite3_create_function(s->db, functions[i].name, functions[i].args,
					    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
					    functions[i].call, NULL, NULL) != SQLITE_OK)
			return sql_fail(s, why);
	return 0;
}

/* Adds what it finds to *@found. Return: 0 or -errno. */
static int check(struct store *s, const char *sql, void (*line)(void *ctx, const char *text),
		 void *ctx, int *found, struct reason *why)
{
	sqlite3_stmt *st;
	int ret;

	ret = sql_query(s, &st, sql, NO_ARGS, why);
	if (ret)
		return ret;
	while ((ret = sql_step(s, st, why)) > 0) {
		const char *text = (const char *)sqlite3_column_text(st, 0);

		line(ctx, text ? text : "something without words");
		++*found;
	}
	sqlite3_finalize(st);
	return ret;
}

/* Damage is what is looked for, so to run into it is a finding, not a failure. */
static bool is_damage(struct store *s)
{
	int code = sqlite3_errcode(s->db) & 0xff;

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

int store_check(struct store *s, void (*line)(void *ctx, const char *text), void *ctx,
		struct reason *why)
{
	int ret, found = 0;

	ret = add_functions(s, why);
	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		ret = check(s, checks[i], line, ctx, &found, why);
		if (ret && !is_damage(s))
			return ret;
		if (ret) {
			line(ctx, "damaged: SQLite cannot read on: restore the file from a copy");
			return found + 1;
		}
		/* In a damaged file the other findings would be echoes of the first. */
		if (found && i == 0)
			break;
	}
	return found;
}
