/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recorder.h: where a run meets the store: turns what run_loop() hands out into rows. */
#ifndef TDC_CLI_RECORDER_H
#define TDC_CLI_RECORDER_H

#include "harness/machine/machine.h"
#include "harness/run/run.h"
#include "results/store/store.h"

struct recorder {
	struct store *store;
	int64_t boot;
	char uuid[37];
};

struct recorder_run {
	const char *label; /* NULL for none */
	const char *argv;  /* JSON */
	const char *plan;  /* JSON: what was asked */
	uint64_t seed;
};

/**
 * recorder_begin() - host, environment, boot, run, cells and the machine's flags
 * @clock: as calibrated in the calling process
 *
 * Return: 0 or -errno with @why. @rec->store must be open.
 */
int recorder_begin(struct recorder *rec, const struct machine *m, const struct plan *plan,
		   const struct recorder_run *run, const struct tick_clock *clock,
		   struct reason *why);

/**
 * recorder_resume() - go on with run @uuid, which must be that of @plan on this machine
 * @first_round: set to the number of its finished rounds
 *
 * Refuses another plan, environment or version of the tool. Return: 0, -ESTALE, -EALREADY, -errno
 * with @why; the run is then as it was.
 */
int recorder_resume(struct recorder *rec, const struct machine *m, const struct plan *plan,
		    const char *uuid, const struct tick_clock *clock, unsigned *first_round,
		    struct reason *why);

/* A run_sink's round(); @ctx is the recorder. */
int recorder_round(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why);

/* Flags what changed since the beginning, and closes the run. */
int recorder_end(struct recorder *rec, const struct machine *before, enum run_state state,
		 struct reason *why);

#endif
