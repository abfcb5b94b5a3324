// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/record.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"

static const char *const names[R_MAX] = {
	[T_HOST] = "host",	   [T_ENVIRONMENT] = "environment",
	[T_METRIC] = "metric",	   [T_CELL] = "cell",
	[T_BOOT] = "boot",	   [T_CALIBRATION] = "calibration",
	[T_RUN] = "run",	   [T_RUN_CELL] = "plan",
	[T_RUN_FLAG] = "run_flag", [T_INVOCATION] = "invocation",
	[T_SAMPLE] = "samples",	   [T_PART] = "parts",
	[T_FLAG] = "flag",	   [R_END] = "end",
};

const char *record_name(int type)
{
	return type >= 0 && type < R_MAX ? names[type] : "?";
}

bool record_has_boot(enum table_id t)
{
	return t == T_BOOT || t == T_CALIBRATION || t == T_RUN || t == T_INVOCATION;
}

/*
 * Text that is canonical JSON becomes JSON, for whoever reads the line; everything else is kept as
 * a string, byte by byte. So no string stands for JSON that is one.
 */
static json_t *embed(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	char *again = j ? json_canonical(j) : NULL;

	if (!again || strcmp(again, text)) {
		json_decref(j);
		j = NULL;
	}
	free(again);
	return j;
}

static json_t *text_value(sqlite3_stmt *row, int i, bool is_json, int *err)
{
	const char *text = (const char *)sqlite3_column_text(row, i) ?: "";
	size_t n = (size_t)sqlite3_column_bytes(row, i);
	json_t *j = NULL;

	*err = -EILSEQ;
	if (strlen(text) != n)
		return NULL;
	if (is_json)
		j = embed(text);
	return j ?: json_string(text);
}

static json_t *real_value(double v)
{
	if (isfinite(v))
		return json_real(v);
	return json_string(v > 0 ? "Infinity" : "-Infinity");
}

json_t *record_value(sqlite3_stmt *row, int i, const struct column *c, int *err)
{
	*err = -ENOMEM;
	if (sqlite3_column_type(row, i) == SQLITE_NULL)
		return json_null();
	switch (c->type & ~C_NULL) {
	case C_TEXT:
	case C_JSON:
		return text_value(row, i, (c->type & ~C_NULL) == C_JSON, err);
	case C_REAL:
		return real_value(sqlite3_column_double(row, i));
	case C_BOOL:
		return json_boolean(sqlite3_column_int(row, i));
	}
	return json_integer(sqlite3_column_int64(row, i));
}

static const char *bind_text(sqlite3_stmt *st, int i, const struct column *c, const json_t *v)
{
	const char *text = json_string_value(v);

	if (!text)
		return "is no text";
	if (c->parse && c->parse(text) < 0)
		return "is no word that belongs here";
	sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT);
	return NULL;
}

static const char *bind_json(sqlite3_stmt *st, int i, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		sqlite3_bind_text(st, i, json_string_value(v), -1, SQLITE_TRANSIENT);
		return NULL;
	}
	if (!json_is_object(v) && !json_is_array(v))
		return "is neither JSON nor text";
	text = json_canonical(v);
	if (!text)
		return "is beyond the memory there is";
	sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT);
	free(text);
	return NULL;
}

static const char *bind_integer(sqlite3_stmt *st, int i, int type, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v))
		return "is no whole number";
	if ((type == C_U32 && (n < 0 || n > UINT32_MAX)) ||
	    (type == C_I32 && (n < INT32_MIN || n > INT32_MAX)))
		return "is out of range";
	sqlite3_bind_int64(st, i, n);
	return NULL;
}

static const char *bind_real(sqlite3_stmt *st, int i, const json_t *v)
{
	const char *text = json_string_value(v);

	if (text && !strcmp(text, "Infinity"))
		sqlite3_bind_double(st, i, INFINITY);
	else if (text && !strcmp(text, "-Infinity"))
		sqlite3_bind_double(st, i, -INFINITY);
	else if (json_is_number(v))
		sqlite3_bind_double(st, i, json_number_value(v));
	else
		return "is no number";
	return NULL;
}

const char *record_bind(sqlite3_stmt *st, int i, const struct column *c, const json_t *v)
{
	if (!v)
		return "is missing";
	if (json_is_null(v)) {
		sqlite3_bind_null(st, i);
		return c->type & C_NULL ? NULL : "is null";
	}
	switch (c->type & ~C_NULL) {
	case C_TEXT:
		return bind_text(st, i, c, v);
	case C_JSON:
		return bind_json(st, i, v);
	case C_REAL:
		return bind_real(st, i, v);
	case C_BOOL:
		sqlite3_bind_int(st, i, json_is_true(v));
		return json_is_boolean(v) ? NULL : "is neither true nor false";
	}
	return bind_integer(st, i, c->type & ~C_NULL, v);
}
