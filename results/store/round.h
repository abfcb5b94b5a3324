/* SPDX-License-Identifier: GPL-2.0-or-later */
/* round.h: what a round must satisfy, whoever brings it: a run, a merge or an import. */
#ifndef TDC_STORE_ROUND_H
#define TDC_STORE_ROUND_H

#include "results/store/sql.h"

#define ARMS_MAX (1 << 20) /* of a group: what a plan may not reach, and a damaged file may */

/* Which arms of a group may have samples. */
struct arms {
	bool *planned;
	size_t n;
};

/* Into @arms, whose old contents are freed; begin with { 0 }. Free with arms_free(). */
int arms_load(struct store *s, int64_t run, unsigned arm_group, struct arms *arms,
	      struct reason *why);
void arms_free(struct arms *arms);

/* What is wrong with a sample, in words that go on after its name; NULL for nothing. */
const char *sample_fault(const struct sample *p, const struct arms *arms);

/* The row id of a subject, which is made where it is not there. */
int subject_prepare(struct store *s, sqlite3_stmt **find, struct reason *why);
int subject_put(struct store *s, sqlite3_stmt *find, const char *metric, const char *name,
		int64_t *id, struct reason *why);

/*
 * The one place that says in which boots a run may go on: those of its host, with its environment,
 * lane and clock. Return: 0, -ESTALE with what differs, -errno.
 */
int same_environment(struct store *s, int64_t run, int64_t boot, struct reason *why);

#endif
