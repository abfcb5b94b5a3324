// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/run_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/nearest.h"
#include "harness/core/units.h"

enum {
	OPT_PARAM = 1,
	OPT_PRESET,
	OPT_BUDGET,
	OPT_PRECISION,
	OPT_ROUNDS,
	OPT_BLOCKS,
	OPT_LABEL,
	OPT_SEED,
	OPT_CPU,
	OPT_EVENTS,
	OPT_DRY,
	OPT_RESUME,
	OPT_DISRUPTIVE,
};

/* What names cells, and what draws them: `check` takes these too. */
#define PARAM_OPTION                                                                       \
	{                                                                                  \
		"param", 'p', POPT_ARG_STRING, NULL, OPT_PARAM | OPT_REPEATS,              \
			"vary a factor; one -p for each (`tdcost list BENCH` shows them)", \
			"FACTOR=LEVEL[,LEVEL]"                                             \
	}
#define PRESET_OPTION                                                      \
	{                                                                  \
		"preset", '\0', POPT_ARG_STRING, NULL, OPT_PRESET,         \
			"a list of cells: quick, full or shutdown", "NAME" \
	}
#define SEED_OPTION                                                        \
	{                                                                  \
		"seed", '\0', POPT_ARG_STRING, NULL, OPT_SEED,             \
			"draw the schedule from it (default: random)", "N" \
	}
#define CPU_OPTION                                                                           \
	{                                                                                    \
		"cpu", '\0', POPT_ARG_STRING, NULL, OPT_CPU,                                 \
			"pin to it (default: drawn anew among equals for each process)", "N" \
	}
#define DISRUPTIVE_OPTION                                                                   \
	{                                                                                   \
		"allow-disruptive", '\0', POPT_ARG_NONE, NULL, OPT_DISRUPTIVE,              \
			"also what others on this machine feel: CPUs that go offline", NULL \
	}

const struct poptOption run_options[] = {
	PARAM_OPTION,
	PRESET_OPTION,
	{ "budget", '\0', POPT_ARG_STRING, NULL, OPT_BUDGET,
	  "how long to measure: 60s, 5m; after the first, no round is begun that would end "
	  "later (default: the preset's, unless --rounds is named; else 60s, which shapes the "
	  "processes and cuts nothing)",
	  "TIME" },
	{ "precision", '\0', POPT_ARG_STRING, NULL, OPT_PRECISION,
	  "go on until the 95 % interval of every effect is +- that narrow, or --budget is spent",
	  "PERCENT" },
	{ "rounds", '\0', POPT_ARG_STRING, NULL, OPT_ROUNDS,
	  "processes per cell (default 10; 6 or more for a verdict)", "N" },
	{ "blocks", '\0', POPT_ARG_STRING, NULL, OPT_BLOCKS,
	  "samples of each arm in a process, at most (default 1000)", "N" },
	{ "label", '\0', POPT_ARG_STRING, NULL, OPT_LABEL, "a name to find the run by", "TEXT" },
	SEED_OPTION,
	CPU_OPTION,
	{ "events", '\0', POPT_ARG_STRING, NULL, OPT_EVENTS | OPT_REPEATS,
	  "count these performance events in each sample", "EVENT[,EVENT]" },
	{ "dry-run", 'n', POPT_ARG_NONE, NULL, OPT_DRY, "print the schedule and how long it takes",
	  NULL },
	{ "resume", '\0', POPT_ARG_STRING, NULL, OPT_RESUME,
	  "go on with an interrupted run: its seed, schedule and environment", "RUN" },
	DISRUPTIVE_OPTION,
	POPT_TABLEEND
};

const struct poptOption check_options[] = { PARAM_OPTION,
					    PRESET_OPTION,
					    { "blocks", '\0', POPT_ARG_STRING, NULL, OPT_BLOCKS,
					      "samples of each arm (default 3)", "N" },
					    SEED_OPTION,
					    CPU_OPTION,
					    DISRUPTIVE_OPTION,
					    POPT_TABLEEND };

struct run_ask run_ask = { .cpu = -1 };

static int take_number(struct cli *cli, const char *what, const char *arg, uint64_t min,
		       uint64_t max, uint64_t *v)
{
	if (!count_parse(arg, v) && *v >= min && *v <= max)
		return 0;
	cli_error(cli, EXIT_USAGE, "--%s '%s': write a number from %llu to %llu", what, arg,
		  (unsigned long long)min, (unsigned long long)max);
	return -EINVAL;
}

static int take_events(struct cli *cli, char *arg)
{
	char *save = NULL;

	for (char *at = strtok_r(arg, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		if (run_ask.n_events == PMU_MAX_EVENTS) {
			cli_error(cli, EXIT_USAGE, "--events: %d at most", PMU_MAX_EVENTS);
			return -EINVAL;
		}
		run_ask.events[run_ask.n_events++] = at;
	}
	return 0;
}

static int take_preset(struct cli *cli, const char *arg)
{
	const char *names[16];
	size_t n = 0;

	run_ask.preset = preset_find(arg);
	if (run_ask.preset)
		return 0;
	for (; n < 16 && presets[n].name; n++)
		names[n] = presets[n].name;
	cli_error(cli, EXIT_USAGE, "there is no preset '%s'; did you mean '%s'?", arg,
		  nearest_name(arg, names, n));
	return -EINVAL;
}

int run_take_setting(struct cli *cli, const char *arg)
{
	const char *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg) + 1 : 0;

	/* One place is kept for what a command adds itself. */
	if (run_ask.n_settings == MAX_SETTINGS - 1) {
		cli_error(cli, EXIT_USAGE, "-p: %d at most", MAX_SETTINGS - 1);
		return -EINVAL;
	}
	/* The second would silently replace the first. */
	for (size_t i = 0; n && i < run_ask.n_settings; i++) {
		if (strncmp(run_ask.settings[i], arg, n))
			continue;
		cli_error(cli, EXIT_USAGE,
			  "-p %.*s is there twice; write its levels in one: -p %s,%s", (int)n - 1,
			  arg, run_ask.settings[i], eq + 1);
		return -EINVAL;
	}
	run_ask.settings[run_ask.n_settings++] = strdup(arg);
	return 0;
}

int run_take_budget(struct cli *cli, const char *arg)
{
	run_ask.budget_given = true;
	if (!duration_parse(arg, &run_ask.budget_ns) && run_ask.budget_ns >= 100000000ull)
		return 0;
	cli_error(cli, EXIT_USAGE,
		  "--budget '%s': write a time of 100ms or more, such as 60s or 5m", arg);
	return -EINVAL;
}

int run_take_rounds(struct cli *cli, const char *arg)
{
	return take_number(cli, "rounds", arg, 1, 100000, &run_ask.rounds);
}

int run_take_blocks(struct cli *cli, const char *arg)
{
	return take_number(cli, "blocks", arg, 1, 100000000, &run_ask.blocks);
}

static int take_precision(struct cli *cli, const char *arg)
{
	if (!percent_parse(arg, &run_ask.precision) && run_ask.precision >= 1e-5)
		return 0;
	cli_error(cli, EXIT_USAGE, "--precision '%s': write percent, such as 1%% or 0.5", arg);
	return -EINVAL;
}

int run_take_option(struct cli *cli, int val, const char *arg)
{
	uint64_t v = 0;
	int ret = 0;

	switch (val) {
	case OPT_PARAM:
		return run_take_setting(cli, arg);
	case OPT_PRESET:
		return take_preset(cli, arg);
	case OPT_BUDGET:
		return run_take_budget(cli, arg);
	case OPT_PRECISION:
		return take_precision(cli, arg);
	case OPT_ROUNDS:
		return run_take_rounds(cli, arg);
	case OPT_BLOCKS:
		return run_take_blocks(cli, arg);
	case OPT_LABEL:
		run_ask.label = strdup(arg);
		return 0;
	case OPT_SEED:
		run_ask.seed_given = true;
		return take_number(cli, "seed", arg, 0, INT64_MAX, &run_ask.seed);
	case OPT_CPU:
		ret = take_number(cli, "cpu", arg, 0, 4095, &v);
		run_ask.cpu = (int)v;
		return ret;
	case OPT_EVENTS:
		return take_events(cli, strdup(arg));
	case OPT_RESUME:
		run_ask.resume = strdup(arg);
		return 0;
	case OPT_DRY:
		run_ask.dry = true;
		return 0;
	case OPT_DISRUPTIVE:
		run_ask.allow_disruptive = true;
		return 0;
	}
	return -EINVAL;
}
