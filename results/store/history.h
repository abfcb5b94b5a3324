/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history.h: the schema and how older files reach it. Inside the store; its tests bring histories
 * of their own.
 */
#ifndef TDC_STORE_HISTORY_H
#define TDC_STORE_HISTORY_H

#include "results/store/store.h"

/* In the header of every file that is ours; file(1) and others read it there. "TDCT" */
#define STORE_APPLICATION_ID 0x54444354

struct schema_history {
	const char *current; /* SQL that makes the newest schema in an empty file */
	int version;	     /* its number, from 1 */
	/*
	 * SQL; steps[i] brings a file from version i + 1 to i + 2, so there are version - 1.
	 * A step never changes once it was released: files in the field depend on it.
	 */
	const char *const *steps;
};

extern const char schema_sql[]; /* made from schema.sql by the build */
extern const struct schema_history store_history;

/* store_open() with another history than that of this program. */
int store_open_as(struct store **store, const char *path, enum store_mode mode,
		  const struct schema_history *history, struct reason *why);

#endif
