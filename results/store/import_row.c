// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines that are one row: everything but samples and values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "results/store/import.h"

/* A key that no record of this kind has was not written by us. */
int import_judge_keys(struct import *im, const json_t *j, int type, size_t n)
{
	if (json_object_size(j) == n)
		return 0;
	return import_refuse(im, record_name(type), NULL,
			     json_object_size(j) > n ? "has keys that do not belong to it"
						     : "lacks keys");
}

/* What an object says, as a row with the columns of its table. */
static int bind_object(struct import *im, enum table_id t, const json_t *j, sqlite3_stmt **row)
{
	const struct table *table = &tables[t];
	int err = import_statement(im, t, row);

	for (int i = 0; !err && table->columns[i].name; i++) {
		const struct column *c = &table->columns[i];
		const char *bad = record_bind(*row, i + 1, c, json_object_get(j, c->key));

		if (bad)
			err = import_refuse(im, record_name(t), c->key, bad);
	}
	if (!err && sqlite3_step(*row) != SQLITE_ROW)
		err = sql_fail(im->rows.to, im->why);
	return err;
}

static int boot_of(struct import *im, enum table_id t, const json_t *j, int64_t *boot)
{
	const json_t *at = json_object_get(j, "boot");
	json_int_t n = json_integer_value(at);

	*boot = 0;
	if (!record_has_boot(t) || (t == T_RUN && json_is_null(at)))
		return 0;
	if (!json_is_integer(at) || n < 0)
		return import_refuse(im, record_name(t), "boot", "is no place among the boots");
	if (t == T_BOOT) {
		if ((size_t)n != im->n_boots || n == IMPORT_BOOTS)
			return import_refuse(im, "boot", "boot", "is not the next place");
		return 0;
	}
	if ((size_t)n >= im->n_boots)
		return import_refuse(im, record_name(t), "boot",
				     "names a boot that did not come before");
	*boot = im->boots[n].id;
	im->boot = &im->boots[n];
	return 0;
}

/* What several runs share may have come before, and must be the same then. */
static int same_as_before(struct import *im, enum table_id t, sqlite3_stmt *row,
			  const int64_t *parents)
{
	sqlite3_stmt *there;
	int ret;

	if (t > T_CALIBRATION)
		return import_refuse(im, record_name(t), NULL, "is there twice");
	ret = rows_find(&im->rows, t, row, parents, &there);
	if (ret <= 0)
		return ret
			       ?: import_refuse(im, record_name(t), NULL,
						"is at odds with one that came before");
	if (t != T_HOST && rows_compare(&im->rows, t, there, row, table_columns(&tables[t])))
		ret = import_refuse(im, record_name(t), NULL,
				    "is not the same as where it came before");
	sqlite3_finalize(there);
	return ret < 0 ? ret : 0;
}

static int note_boot(struct import *im, sqlite3_stmt *row)
{
	struct import_boot *b = &im->boots[im->n_boots];
	sqlite3_stmt *there;
	int ret;

	ret = rows_find(&im->rows, T_BOOT, row, NULL, &there);
	if (ret <= 0)
		return ret ?: -EIO;
	b->id = sqlite3_column_int64(there, (int)table_columns(&tables[T_BOOT]));
	b->clock = clock_unit_parse((const char *)sqlite3_column_text(there, 4));
	b->tick_hz = sqlite3_column_double(there, 5);
	im->n_boots++;
	sqlite3_finalize(there);
	return 0;
}

int import_needs(struct import *im, enum table_id t)
{
	if (t > T_RUN && !im->run_id)
		return import_refuse(im, record_name(t), NULL, "comes before its run");
	if (t > T_INVOCATION && !im->invocation)
		return import_refuse(im, record_name(t), NULL, "comes before its invocation");
	if (t == T_RUN && im->run_id)
		return import_refuse(im, "run", NULL, "is there twice");
	return 0;
}

/* The names that environments and cells go by are made of what they say. */
static int judge_hash(struct import *im, enum table_id t, sqlite3_stmt *row)
{
	const int facts = t == T_ENVIRONMENT ? 1 : 3;
	const char *text = (const char *)sqlite3_column_text(row, facts);
	json_t *j = json_loads(text ?: "", JSON_DECODE_ANY, NULL);
	char *canonical = j ? json_canonical(j) : NULL, hash[HASH_TEXT] = "";

	if (canonical && t == T_ENVIRONMENT)
		hash_text(canonical, hash);
	else if (canonical)
		hash_cell((const char *)sqlite3_column_text(row, 1),
			  (unsigned)sqlite3_column_int64(row, 2), canonical, hash);
	json_decref(j);
	free(canonical);
	if (!strcmp(hash, (const char *)sqlite3_column_text(row, 0)))
		return 0;
	return import_refuse(im, record_name(t), tables[t].columns[facts].key,
			     "is not what its hash says");
}

int import_row(struct import *im, enum table_id t, const json_t *j)
{
	size_t keys = RECORD_PREFIX + table_columns(&tables[t]) - (t == T_RUN) + record_has_boot(t);
	int64_t boot, parents[ROW_PARENTS];
	sqlite3_stmt *row;
	int ret;

	ret = import_judge_keys(im, j, (int)t, keys);
	if (!ret)
		ret = boot_of(im, t, j, &boot);
	if (!ret)
		ret = bind_object(im, t, j, &row);
	if (!ret && (t == T_ENVIRONMENT || t == T_CELL))
		ret = judge_hash(im, t, row);
	if (ret)
		return ret;
	/* The boot is a run's and a calibration's only parent, and an invocation's second. */
	parents[0] = t == T_RUN || t == T_CALIBRATION ? boot : im->run_id;
	parents[1] = t == T_INVOCATION ? boot : im->invocation;
	ret = rows_insert(&im->rows, t, row, parents);
	if (ret < 0)
		return ret;
	if (!ret)
		ret = same_as_before(im, t, row, parents);
	else if (t == T_RUN)
		im->run_id = sqlite3_last_insert_rowid(im->rows.to->db);
	if (ret < 0)
		return ret;
	if (t == T_BOOT)
		return note_boot(im, row);
	return t == T_INVOCATION ? import_begin_invocation(im, row) : 0;
}
