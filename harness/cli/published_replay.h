/* SPDX-License-Identifier: GPL-2.0-or-later */
/* published_replay.h: what published_replay.c makes and published_replay_print.c tells. */
#ifndef TDC_CLI_PUBLISHED_REPLAY_H
#define TDC_CLI_PUBLISHED_REPLAY_H

#include "harness/cli/published.h"

/* A path of the benchmark, and the published figure that it is a replay of. */
struct replay_path {
	const char *level;
	enum model_path of;
	unsigned seamcalls; /* for a leaf of 4 KiB */
};

struct replay_line {
	const struct report_cell *cell;
	const struct replay_path *path;
	double vcpus, pages;
	double wall_ns; /* per leaf, as all that follow */
	/* What phases name; the wall time where the run has none. */
	double explained_ns;
	double fitted_ns; /* NaN where it is not determined */
	bool beyond;	  /* more or fewer vCPUs than any fitted row */
};

struct published_replay {
	const struct published_fit *fit;
	const struct report *report;
	struct replay_line *lines;
	size_t n;
	json_t *notes;
};

/* Per leaf, what the replay does not explain. */
double replay_remains(const struct replay_line *l);

/* That as a delay of each SEAMCALL: NaN where nothing remains. */
double replay_delay_ns(const struct replay_line *l);

/* The @i'th phase of a cell; NULL behind the last. */
const struct report_value *replay_phase(const struct report *r, const struct report_cell *c,
					size_t i);

/* Is it the time of a step of a teardown? */
bool replay_explains(const struct report_value *phase);

#endif
