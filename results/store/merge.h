/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.h: taking runs from one open store into another. Inside the store: store_merge(), imports
 * and archives are made of it.
 */
#ifndef TDC_STORE_MERGE_H
#define TDC_STORE_MERGE_H

#include "results/store/exchange.h"
#include "results/store/rows.h"

/* Row ids there -> row ids here; a run has few boots and subjects. */
struct id_map {
	int64_t (*pairs)[2];
	size_t n, last;
};

struct merge {
	struct rows rows;
	struct id_map boots, subjects;
	struct store_counts counts;
	char run[40]; /* at hand */
	bool grown;   /* it got rounds, or a later state */
	sqlite3_stmt *subject, *here, *in_round[2];
};

/* The id here of @there. Return: 0 where it is not known. */
int64_t id_map_get(struct id_map *map, int64_t there);
int id_map_add(struct id_map *map, int64_t there, int64_t here);

/* All invocations of run @from there into run @to here: round by round, new ones or equal ones. */
int merge_rounds(struct merge *m, int64_t to, int64_t from);

/**
 * merge_stores() - one transaction of @to: the runs @uuids of @from with what they need
 * @uuids: @n of them; NULL: all that the file holds, also what belongs to no run
 * @culprit: set to the run at which it failed, or ""; NULL ok
 *
 * Return: as store_merge().
 */
int merge_stores(struct store *to, struct store *from, const char *const *uuids, size_t n,
		 struct store_counts *counts, char culprit[40], struct reason *why);

/* An empty store in a temporary file without a name, called @name in words; no WAL. */
int store_open_scratch(struct store **store, const char *name, struct reason *why);

/* The first thing that store_check() finds as an error: 0, -EIO or -errno. */
int store_must_be_sound(struct store *s, struct reason *why);

#endif
