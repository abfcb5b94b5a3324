/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run_ask.h: what somebody asked of `run`, and the same as JSON, which is stored with the run. */
#ifndef TDC_CLI_RUN_ASK_H
#define TDC_CLI_RUN_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "bench/list.h"
#include "harness/cli/cli.h"
#include "harness/machine/pmu.h"
#include "harness/run/run.h"

#define MAX_SETTINGS 64
#define MAX_BENCHES  64

/* The program does one command, so it lives as long as the process. */
struct run_ask {
	const char *benches[MAX_BENCHES];
	size_t n_benches;
	const char *settings[MAX_SETTINGS];
	size_t n_settings;
	const struct preset *preset;
	const char *label, *resume;
	uint64_t budget_ns, rounds, blocks, seed;
	double precision; /* a share; 0: not asked for */
	bool budget_given, budget_shapes, seed_given, dry, allow_disruptive;
	/*
	 * A calibration is so many runs of @rounds in one, each a sample of what identical arms give;
	 * 0: an ordinary run.
	 */
	unsigned sets;
	/* Called after each round; may wait, until *config->stop. NULL: nothing. */
	void (*between)(const struct cli *cli, const struct run_config *config,
			unsigned rounds_done);
	/* What to do with the finished run in place of showing it; NULL: show it. */
	int (*after)(const struct cli *cli, struct store *store, const char *uuid, int64_t boot);
	int cpu;
	const char *events[PMU_MAX_EVENTS];
	unsigned n_events;
};

extern struct run_ask run_ask;
extern const struct poptOption run_options[], check_options[];

/* For struct command. Return: 0, -EINVAL after cli_error(). */
int run_take_option(struct cli *cli, int val, const char *arg);

/* One option alone, for commands that measure too. Return: as above. */
int run_take_setting(struct cli *cli, const char *arg);
int run_take_budget(struct cli *cli, const char *arg);
int run_take_rounds(struct cli *cli, const char *arg);
int run_take_blocks(struct cli *cli, const char *arg);

/* The clock, on a CPU that invocations use; the affinity of before is restored. */
int run_calibrate(const struct machine *m, struct tick_clock *clock, unsigned ms,
		  struct reason *why);

/* A CPU that was asked for must be there. Return: 0, -EINVAL. */
int run_check_cpu(const struct machine *m, struct reason *why);

/* Say so where other programs use the CPUs of the schedule. Takes 0.2 s. */
void run_warn_busy(const struct cli *cli, const struct machine *m, const struct plan *plan,
		   const struct run_config *c);

/* Bring back, and say so, what a run that was killed has left offline. */
void run_recover(const struct cli *cli);

/* Measure what run_ask asks for, on this machine. Return: exit status. */
int run_asked(const struct cli *cli);

/* Turn the settings into a plan. Return: as plan_add(). */
int run_plan(struct plan *plan, const struct machine *m, struct reason *why);

/* Rounds, slices and blocks, once the plan is known. */
void run_fill_config(const struct plan *plan, enum lane lane, struct run_config *c);

/* What was asked and what it came to: a new string, canonical JSON. NULL when out of memory. */
char *run_ask_json(const struct plan *plan, const struct run_config *c);

/**
 * run_ask_restore() - the reverse, to resume: run_ask and @c as they were
 *
 * Return: 0, -EINVAL where @text does not hold what this version needs.
 */
int run_ask_restore(const char *text, struct run_config *c, struct reason *why);

#endif
