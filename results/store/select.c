// SPDX-License-Identifier: GPL-2.0-or-later
/* Which runs does somebody mean. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/units.h"
#include "results/store/runs.h"

#define PREFIX_MIN 4
#define LISTED	   8 /* how many of what there is an error names */

static const char *const forms =
	"use @last, @last~N, 4 or more characters of an id, label=, kernel= or host=";

/* The selectors that take all that match. */
static const struct by_text {
	const char *key;   /* with its "=" */
	const char *where; /* filters the view "runs" by ?1 */
	const char *list;  /* column of "runs" that says what there is */
} by_texts[] = {
	{ "label=", "WHERE label = ?1", "label" },
	/* A release is itself, also where others begin with it; else its series: 6.1 is not 6.12. */
	{ "kernel=",
	  "WHERE kernel = ?1 OR (NOT EXISTS (SELECT 1 FROM runs WHERE kernel = ?1)"
	  " AND substr(kernel, 1, length(?1)) = ?1"
	  " AND substr(kernel, length(?1) + 1, 1) GLOB '[^0-9A-Za-z]' AND length(?1) > 0)",
	  "kernel" },
	{ "host=", "WHERE host = ?1 OR host_id = ?1", "host" },
};

/* "a, b, c" of what @sql selects. @text is "" when there is nothing. */
static int list(struct store *s, const char *sql, const struct sql_arg *args, char *text, size_t n,
		struct reason *why)
{
	sqlite3_stmt *st;
	int ret;

	*text = '\0';
	ret = sql_query(s, &st, sql, args, why);
	if (ret)
		return ret;
	ret = sql_step(s, st, why);
	if (ret > 0)
		sql_text(st, 0, text, n);
	sqlite3_finalize(st);
	return ret < 0 ? ret : 0;
}

static int none_at_all(struct store *s, struct reason *why)
{
	return reason_set(why, -ENOENT, "%s: holds no run: 'tdcost run' makes one", s->path);
}

static int select_last(struct store *s, const char *selector, struct store_run_row **rows,
		       struct reason *why)
{
	uint64_t back = 0;
	int64_t there;
	int ret;

	if (selector && selector[5] && (selector[5] != '~' || count_parse(selector + 6, &back)))
		return reason_set(why, -EINVAL, "'%s': no selector: %s", selector, forms);
	ret = sql_int(s, "SELECT count(*) FROM run", NO_ARGS, &there, why);
	if (ret < 0)
		return ret;
	if (!there)
		return none_at_all(s, why);
	if (back >= (uint64_t)there)
		return reason_set(why, -ENOENT,
				  "'%s': %s holds %lld run%s: the oldest is @last~%lld", selector,
				  s->path, (long long)there, there == 1 ? "" : "s",
				  (long long)there - 1);
	return runs_query(s,
			  "WHERE id = (SELECT id FROM run ORDER BY started DESC, id DESC"
			  " LIMIT 1 OFFSET ?)",
			  ARGS(INT(back)), rows, why);
}

static int explain_text(struct store *s, const struct by_text *by, const char *text,
			struct reason *why)
{
	char sql[200], there[300];
	int err;

	snprintf(sql, sizeof(sql),
		 "SELECT group_concat(x, ', ') FROM (SELECT DISTINCT %s AS x FROM runs"
		 " WHERE x IS NOT NULL ORDER BY x LIMIT %d)",
		 by->list, LISTED);
	err = list(s, sql, NO_ARGS, there, sizeof(there), why);
	if (err)
		return err;
	return reason_set(why, -ENOENT, "'%s%s': no run has it: %s has %s", by->key, text, s->path,
			  *there ? there : "none at all");
}

static int select_text(struct store *s, const struct by_text *by, const char *text,
		       struct store_run_row **rows, struct reason *why)
{
	int n = runs_query(s, by->where, ARGS(TEXT(text)), rows, why);

	return n ?: explain_text(s, by, text, why);
}

static int explain_prefix(struct store *s, const char *prefix, struct reason *why)
{
	char there[300];
	int err;

	err = list(s,
		   "SELECT group_concat(x, ', ') FROM (SELECT substr(uuid, 1, 8) AS x FROM run"
		   " ORDER BY started DESC, id DESC LIMIT ?)",
		   ARGS(INT(LISTED)), there, sizeof(there), why);
	if (err)
		return err;
	if (!*there)
		return none_at_all(s, why);
	return reason_set(why, -ENOENT, "'%s': no run in %s begins so; the newest: %s", prefix,
			  s->path, there);
}

static int ambiguous(const char *prefix, const struct store_run_row *rows, int n,
		     struct reason *why)
{
	char there[300];
	size_t used = 0;

	for (int i = 0; i < n && i < LISTED && used < sizeof(there); i++)
		used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%s", i ? ", " : "",
					 rows[i].uuid);
	return reason_set(why, -ENOTUNIQ, "'%s': %d runs begin so: %s: type more of it", prefix, n,
			  there);
}

static int select_prefix(struct store *s, const char *prefix, struct store_run_row **rows,
			 struct reason *why)
{
	int n;

	/* A whole id is itself, also where another begins with it. */
	n = runs_query(s, "WHERE uuid = lower(?1)", ARGS(TEXT(prefix)), rows, why);
	if (n)
		return n;
	n = runs_query(s, "WHERE substr(uuid, 1, length(?1)) = lower(?1)", ARGS(TEXT(prefix)), rows,
		       why);
	if (!n)
		return explain_prefix(s, prefix, why);
	if (n > 1) {
		n = ambiguous(prefix, *rows, n, why);
		free(*rows);
		*rows = NULL;
	}
	return n;
}

static bool may_be_id(const char *text)
{
	if (strlen(text) < PREFIX_MIN)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '-')
			return false;
	return true;
}

int store_select(struct store *s, const char *selector, struct store_run_row **rows,
		 struct reason *why)
{
	*rows = NULL;
	if (!selector || !strncmp(selector, "@last", 5))
		return select_last(s, selector, rows, why);
	for (size_t i = 0; i < sizeof(by_texts) / sizeof(by_texts[0]); i++) {
		size_t n = strlen(by_texts[i].key);

		if (!strncmp(selector, by_texts[i].key, n))
			return select_text(s, &by_texts[i], selector + n, rows, why);
	}
	if (!may_be_id(selector))
		return reason_set(why, -EINVAL, "'%s': no selector: %s", selector, forms);
	return select_prefix(s, selector, rows, why);
}
