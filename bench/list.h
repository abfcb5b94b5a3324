/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.h: every benchmark there is, and the presets. A new benchmark is one word here. */
#ifndef TDC_BENCH_LIST_H
#define TDC_BENCH_LIST_H

#include <stddef.h>

#include "harness/measure/bench.h"

/* Every benchmark, in the order in which `list` shows them. */
#define BENCH_LIST(X) \
	X(reset) X(flush) X(wbinvd) X(stop) X(flag) X(offline) X(topup) X(teardown) X(vm) X(null)

#define BENCH_DECLARE(name) extern const struct bench_info name##_bench;
BENCH_LIST(BENCH_DECLARE)

/* Ends with NULL. */
extern const struct bench_info *const bench_list[];

const struct bench_info *bench_find(const char *name); /* NULL when there is none */
const char *bench_nearest(const char *typed);	       /* the name somebody most likely meant */

/* A preset is a literal list of cells: lines of settings, each for one benchmark. */
#define PRESET_SETTINGS 12

struct preset_line {
	const char *bench;
	const char *settings[PRESET_SETTINGS]; /* ends with NULL */
};

struct preset {
	const char *name;
	const char *summary;
	const char *budget; /* for duration_parse(); no round is begun that would end later */
	unsigned rounds;    /* where they fit */
	const struct preset_line *lines; /* ends with a NULL bench */
};

extern const struct preset presets[]; /* ends with a NULL name */
const struct preset *preset_find(const char *name);

#endif
