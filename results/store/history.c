// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/history.h"

#define SCHEMA_VERSION 1

/* The first step, from version 1 to 2, will be the first entry. */
static const char *const steps[] = { NULL };
static_assert(sizeof(steps) / sizeof(steps[0]) == SCHEMA_VERSION,
	      "a step for each version after the first, and the NULL");

const struct schema_history store_history = {
	.current = schema_sql,
	.version = SCHEMA_VERSION,
	.steps = steps,
};
