/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h: the lines of an export. Inside the store. docs/tdcost-db.5 describes them.
 *
 * A run is a section: what it needs, itself, its plan, its invocations each followed by what
 * belongs to it, and an "end" with the number of lines before it, so that no line can be lost
 * unseen. Every line carries type, schema, run and host.
 */
#ifndef TDC_STORE_RECORD_H
#define TDC_STORE_RECORD_H

#include <jansson.h>

#include "results/store/rows.h"

#define RECORD_PREFIX 4	  /* keys that every record has */
#define RECORD_ROWS   512 /* samples or values in one line */

/* What a line can be; the first are rows of the table with the same number. */
enum record_type {
	R_SAMPLES = T_SAMPLE, /* many rows in one line, as are parts */
	R_PARTS = T_PART,
	R_END = T_MAX,
	R_MAX
};

/* What a record is called in its line: its "type". */
const char *record_name(int type);

/* Tables whose rows name a boot by its place among the boots of the section. */
bool record_has_boot(enum table_id t);

/*
 * A column as JSON. Return: NULL with @err set: -EILSEQ for text that JSON cannot hold, -ENOMEM.
 */
json_t *record_value(sqlite3_stmt *row, int i, const struct column *c, int *err);

/* JSON as a parameter of @st. Return: NULL, or what is wrong with it in words ("is no number"). */
const char *record_bind(sqlite3_stmt *st, int i, const struct column *c, const json_t *v);

#endif
