// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check: do the benchmarks do what they say, here? Everything that `run` does with a cell, once,
 * and nothing is stored. What it takes to show that code for many CPUs works in an emulator that
 * has no clock, and on a user's machine before a night's run.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/run_ask.h"
#include "harness/run/progress.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CALIBRATE_MS  20
#define BLOCKS	      3
#define SLICE_NS      20000000ull

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* What became of a cell. */
struct outcome {
	const struct planned_cell *cell;
	const char *word; /* "ok", "failed", "skipped", "not run" */
	char detail[1024];
	size_t samples;
	json_t *values; /* what its samples yielded besides their time */
};

struct checking {
	struct outcome *outcomes; /* by place in the plan */
	size_t n;
	unsigned group; /* under way */
};

static struct outcome *outcome_of(struct checking *c, unsigned group, unsigned arm)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->outcomes[i].cell->state == CELL_PLANNED &&
		    c->outcomes[i].cell->group == group && c->outcomes[i].cell->arm == arm)
			return &c->outcomes[i];
	return NULL;
}

/* Proof that the work was not done is a failure; what else makes a figure unfit is only said. */
static void take_flag(struct outcome *o, const struct sampler_flag *f)
{
	size_t at = strlen(o->detail);

	if (f->flag == FLAG_VERIFY)
		o->word = "failed";
	else if (!trust_flag_info(f->flag)->fatal)
		return;
	snprintf(o->detail + at, sizeof(o->detail) - at, "%s%s: %s", at ? "; " : "",
		 trust_flag_info(f->flag)->code, f->detail);
}

static json_t *value_json(const struct sampler_result *r, size_t series, unsigned arm)
{
	double min = 0, max = 0, total = 0;
	size_t n = 0;

	for (size_t i = 0; i < r->n_parts; i++) {
		double v = r->parts[i].value;

		if (r->parts[i].series != series || r->samples[r->parts[i].seq].arm != arm)
			continue;
		min = !n || v < min ? v : min;
		max = !n || v > max ? v : max;
		total += v;
		n++;
	}
	return n ? json_pack("{s:s, s:s, s:I, s:f, s:f, s:f}", "metric", r->series[series].metric,
			     "subject", r->series[series].subject, "n", (json_int_t)n, "min", min,
			     "max", max, "total", total)
		 : NULL;
}

static void take_arm(struct outcome *o, const struct sampler_result *r, unsigned arm)
{
	for (size_t i = 0; i < r->n_samples; i++)
		o->samples += r->samples[i].arm == arm;
	for (size_t i = 0; i < r->n_flags; i++)
		if (r->flags[i].arm < 0 || (unsigned)r->flags[i].arm == arm)
			take_flag(o, &r->flags[i]);
	for (size_t i = 0; i < r->n_series; i++) {
		json_t *value = value_json(r, i, arm);

		if (value)
			json_array_append_new(o->values, value);
	}
}

static int take_round(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why)
{
	struct checking *c = ctx;
	const struct sampler_result *r = &inv->result;
	struct outcome *o;

	(void)n;
	(void)why;
	for (size_t i = 0; i < r->n_parts; i++)
		if (r->parts[i].seq >= r->n_samples)
			return reason_set(why, -EPROTO, "a value is of a sample that is not there");
	for (unsigned arm = 0; (o = outcome_of(c, c->group, arm)); arm++) {
		o->word = "ok";
		take_arm(o, r, arm);
	}
	return 0;
}

/* One group alone, so that one that fails leaves the others to be looked at. */
static void check_group(struct checking *c, const struct machine *m, const struct plan *plan,
			const struct run_config *config)
{
	const struct plan one = { .groups = &plan->groups[c->group], .n_groups = 1 };
	struct run_sink sink = { take_round, c };
	struct reason why = { "" };
	enum run_state state;
	struct outcome *o;
	unsigned rounds;

	if (!run_loop(&one, m, config, &sink, &state, &rounds, &why))
		return;
	for (unsigned arm = 0; (o = outcome_of(c, c->group, arm)); arm++) {
		o->word = "failed";
		snprintf(o->detail, sizeof(o->detail), "%s", why.text);
	}
}

static int outcomes_make(struct checking *c, const struct plan *plan)
{
	c->n = plan->n_cells;
	c->outcomes = calloc(c->n ? c->n : 1, sizeof(*c->outcomes));
	if (!c->outcomes)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		struct outcome *o = &c->outcomes[i];

		o->cell = &plan->cells[i];
		o->values = json_array();
		o->word = o->cell->state == CELL_PLANNED ? "not run" : "skipped";
		if (o->cell->state != CELL_PLANNED)
			snprintf(o->detail, sizeof(o->detail), "%s", o->cell->reason.text);
	}
	return 0;
}

/* The factors in which the cells of @b differ, skipped ones too: a bit each. */
static uint32_t differing(const struct checking *c, const struct bench_info *b)
{
	const struct cell *first = NULL;
	uint32_t mask = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct cell *cell = &c->outcomes[i].cell->cell;

		if (cell->bench != b)
			continue;
		first = first ? first : cell;
		for (unsigned f = 0; f < bench_factors(b); f++)
			if (strcmp(cell->levels[f].text, first->levels[f].text))
				mask |= 1u << f;
	}
	return mask;
}

static void print_text(const struct checking *c)
{
	static const char *const columns[] = { "benchmark", "cell", "result", ">samples", "why" };
	struct table *t = table_new(columns, ARRAY_SIZE(columns));
	char text[512];

	for (size_t i = 0; t && i < c->n; i++) {
		const struct outcome *o = &c->outcomes[i];
		const struct bench_info *b = o->cell->cell.bench;

		table_row(t);
		table_cell(t, "%s", b->name);
		table_cell(t, "%s", cell_text(&o->cell->cell, differing(c, b), text, sizeof(text)));
		table_cell(t, "%s", o->word);
		table_cell(t, "%zu", o->samples);
		table_cell(t, "%s", o->detail);
	}
	if (t)
		table_print(t, stdout);
}

static json_t *check_json(const struct checking *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++) {
		const struct outcome *o = &c->outcomes[i];

		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s, s:I, s:O}", "benchmark",
						      o->cell->cell.bench->name, "factors",
						      cell_json(&o->cell->cell), "result", o->word,
						      "why", o->detail, "samples",
						      (json_int_t)o->samples, "values", o->values));
	}
	return json_pack("{s:o}", "cells", list);
}

/* Print what came of it. Return: exit status. */
static int report(const struct cli *cli, const struct checking *c)
{
	size_t failed = 0, skipped = 0, not_run = 0;
	int status = EXIT_DONE;

	for (size_t i = 0; i < c->n; i++) {
		failed += !strcmp(c->outcomes[i].word, "failed");
		skipped += !strcmp(c->outcomes[i].word, "skipped");
		not_run += !strcmp(c->outcomes[i].word, "not run");
	}
	if (cli->json)
		status = cli_print_json(cli, check_json(c));
	else
		print_text(c);
	if (failed)
		return cli_error(cli, EXIT_FAILED, "%zu of %zu cells failed", failed, c->n);
	if (not_run)
		return cli_error(cli, EXIT_FAILED, "interrupted: %zu of %zu cells were not run",
				 not_run, c->n);
	if (skipped == c->n)
		return cli_error(cli, EXIT_UNSUPPORTED, "nothing of this can run here");
	return status;
}

static int check_plan(const struct cli *cli, const struct machine *m, const struct plan *plan)
{
	bool progress = isatty(STDERR_FILENO);
	struct checking c = { 0 };
	struct reason why = { "" };
	struct run_config config;
	int status, ret;

	run_ask.blocks = run_ask.blocks ? run_ask.blocks : BLOCKS;
	run_fill_config(plan, m->lane, &config);
	config.rounds = 1;
	config.slice_ns = SLICE_NS;
	config.stop = &stop;
	config.check = true;
	ret = outcomes_make(&c, plan);
	if (!ret)
		ret = run_calibrate(m, &config.clock, CALIBRATE_MS, &why);
	for (; !ret && !stop && c.group < plan->n_groups; c.group++) {
		if (progress)
			fprintf(stderr, "\r%u of %u groups ", c.group + 1, plan->n_groups);
		check_group(&c, m, plan, &config);
		progress_log(c.group + 1, plan->n_groups, plan->groups[c.group].bench->name);
	}
	if (progress)
		fprintf(stderr, "\r\033[K");
	status = ret ? cli_fail(cli, ret, &why) : report(cli, &c);
	for (size_t i = 0; i < c.n && c.outcomes; i++)
		json_decref(c.outcomes[i].values);
	free(c.outcomes);
	return status;
}

static void catch_signals(void)
{
	struct sigaction end = { .sa_handler = on_stop }, ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static int check_main(struct cli *cli, const char *const *args, size_t n)
{
	struct reason why = { "" };
	struct plan plan = { 0 };
	struct machine m;
	int status, ret;

	if (n && run_ask.preset)
		return cli_error(cli, EXIT_USAGE, "name benchmarks or a preset, not both");
	if (n > MAX_BENCHES)
		return cli_error(cli, EXIT_USAGE, "%d benchmarks at most", MAX_BENCHES);
	for (size_t i = 0; i < n; i++)
		run_ask.benches[run_ask.n_benches++] = args[i];
	for (size_t i = 0; !n && !run_ask.preset && bench_list[i]; i++)
		run_ask.benches[run_ask.n_benches++] = bench_list[i]->name;
	catch_signals();
	run_recover(cli);
	ret = machine_open(&m, &why);
	if (ret)
		return cli_fail(cli, ret, &why);
	m.check = true;
	ret = run_check_cpu(&m, &why);
	if (!ret)
		ret = run_plan(&plan, &m, &why);
	status = ret ? cli_fail(cli, ret, &why) : check_plan(cli, &m, &plan);
	plan_free(&plan);
	machine_close(&m);
	return status;
}

const struct command cmd_check = {
	.name = "check",
	.usage = "[BENCHMARK]... [OPTION]...",
	.summary = "run each cell once, prove that it does its work, store nothing",
	.help = "Without a benchmark it is all of them with their usual levels. Exit status: 0 all "
		"ran,\n"
		"1 one failed, 4 none can run here. No figure comes of it.\n",
	.options = check_options,
	.main = check_main,
	.option = run_take_option,
};
