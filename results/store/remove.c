// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/sql.h"

/*
 * After the run itself, which takes its invocations, samples, parts and flags along: what nothing
 * uses any more. In order: each frees what the next may drop. A calibration is of a boot and a
 * cell, not of a run, so it keeps both.
 */
static const char *const orphans =
	"DELETE FROM subject WHERE id NOT IN (SELECT subject FROM part);"
	"DELETE FROM cell WHERE hash NOT IN (SELECT cell FROM run_cell UNION ALL"
	" SELECT cell FROM calibration);"
	"DELETE FROM metric WHERE (benchmark, version) NOT IN (SELECT benchmark, version FROM "
	"cell);"
	"DELETE FROM boot WHERE id NOT IN (SELECT boot FROM invocation UNION ALL"
	" SELECT boot FROM run WHERE boot IS NOT NULL UNION ALL SELECT boot FROM calibration);"
	"DELETE FROM environment WHERE hash NOT IN (SELECT environment FROM boot);"
	"DELETE FROM host WHERE id NOT IN (SELECT host FROM boot)";

int store_remove(struct store *s, const char *uuid, struct reason *why)
{
	int64_t run;
	int err;

	err = sql_begin(s, why);
	if (err)
		return err;
	err = sql_find_run(s, uuid, &run, why);
	if (!err)
		err = sql_run(s, "DELETE FROM run WHERE id = ?", ARGS(INT(run)), why);
	if (!err)
		err = sql_exec(s, orphans, why);
	return sql_end(s, err, why);
}
