// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "bench/list.h"
#include "harness/cli/cli.h"
#include "harness/core/nearest.h"
#include "harness/measure/design.h"
#include "results/analysis/stats.h"

/*
 * Can this level run here, all other factors at their usual levels? By planning it, so that the
 * answer is the one that `run` would give. Return: true, or false with the reason.
 */
static bool level_runs(const struct machine *m, const struct bench_info *b,
		       const struct factor_info *f, const char *level, struct reason *why)
{
	char setting[128];
	const char *settings[] = { setting };
	struct plan plan = { .allow_disruptive = true };
	bool runs = false;

	snprintf(setting, sizeof(setting), "%s=%s", f->name, level);
	why->text[0] = '\0';
	if (!plan_add(&plan, m, b, settings, 1, why)) {
		runs = plan.n_groups > 0;
		if (!runs && plan.n_cells)
			*why = plan.cells[0].reason;
	}
	plan_free(&plan);
	return runs;
}

/* Can anything of the benchmark run here? A permission that it needs is told apart. */
static bool bench_runs(const struct machine *m, const struct bench_info *b, struct reason *why)
{
	struct plan plan = { .allow_disruptive = true };
	bool runs = !plan_add(&plan, m, b, NULL, 0, why) && plan.n_groups > 0;

	if (!runs && plan.n_cells)
		*why = plan.cells[0].reason;
	plan_free(&plan);
	return runs;
}

static json_t *factor_json(const struct machine *m, const struct bench_info *b,
			   const struct factor_info *f)
{
	static const char *const types[] = { "word", "size", "count" };
	json_t *levels = json_array();

	for (unsigned i = 0; f->levels && f->levels[i].name; i++) {
		struct reason why;
		bool runs = level_runs(m, b, f, f->levels[i].name, &why);

		json_array_append_new(levels,
				      json_pack("{s:s, s:s, s:b, s:s*}", "level", f->levels[i].name,
						"summary", f->levels[i].summary, "runs_here", runs,
						"reason", runs ? NULL : why.text));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "factor", f->name, "summary", f->summary,
			 "type", types[f->type], "default", f->usual, "paired", f->paired, "levels",
			 levels);
}

static json_t *bench_json(const struct machine *m, const struct bench_info *b)
{
	json_t *factors = json_array(), *metrics = json_array();
	struct reason why = { "" };
	bool runs = bench_runs(m, b, &why);

	for (unsigned i = 0; i < bench_factors(b); i++)
		json_array_append_new(factors, factor_json(m, b, bench_factor(b, i)));
	for (unsigned i = 0; b->metrics[i].name; i++)
		json_array_append_new(metrics,
				      json_pack("{s:s, s:s, s:s, s:I}", "metric",
						b->metrics[i].name, "quantity",
						b->metrics[i].quantity, "per", b->metrics[i].per,
						"bytes_per", (json_int_t)b->metrics[i].bytes_per));
	return json_pack("{s:s, s:s, s:i, s:b, s:s*, s:s?, s:o, s:o}", "benchmark", b->name,
			 "summary", b->summary, "version", (int)b->version, "runs_here", runs,
			 "reason", runs ? NULL : why.text, "disruptive", b->disruptive, "factors",
			 factors, "metrics", metrics);
}

/* @whole: why nothing of the benchmark runs here, which need not be said of each level again. */
static void print_factor(const struct machine *m, const struct bench_info *b,
			 const struct factor_info *f, const struct reason *whole)
{
	printf("\n  %s: %s\n    default %s=%s%s%s\n", f->name, f->summary, f->name, f->usual,
	       f->paired ? "; paired: all its levels share a process" : "",
	       f->type == FACTOR_SIZE	 ? "; a size such as 64M"
	       : f->type == FACTOR_COUNT ? "; a number from 1"
					 : "");
	for (unsigned i = 0; f->levels && f->levels[i].name; i++) {
		struct reason why;

		printf("    %-14s %s\n", f->levels[i].name, f->levels[i].summary);
		if (!level_runs(m, b, f, f->levels[i].name, &why) && strcmp(why.text, whole->text))
			printf("    %-14s not here: %s\n", "", why.text);
	}
}

static int list_one(const struct cli *cli, const struct machine *m, const struct bench_info *b)
{
	struct reason why = { "" };

	if (cli->json)
		return cli_print_json(cli, bench_json(m, b));
	printf("%s (version %u): %s\n", b->name, b->version, b->summary);
	if (!bench_runs(m, b, &why))
		printf("  cannot run here: %s\n", why.text);
	if (b->disruptive)
		printf("  it %s; `run` needs --allow-disruptive\n", b->disruptive);
	for (unsigned i = 0; b->metrics[i].name; i++)
		printf("  measures %s (%s) per %s\n", b->metrics[i].name, b->metrics[i].quantity,
		       b->metrics[i].per);
	for (unsigned i = 0; i < bench_factors(b); i++)
		print_factor(m, b, bench_factor(b, i), &why);
	return EXIT_DONE;
}

static int list_all(const struct cli *cli, const struct machine *m)
{
	static const char *const columns[] = { "benchmark", "runs here", "what it measures" };
	json_t *benches = json_array(), *sets = json_array();
	struct table *t;

	for (unsigned i = 0; cli->json && bench_list[i]; i++)
		json_array_append_new(benches, bench_json(m, bench_list[i]));
	for (unsigned i = 0; cli->json && presets[i].name; i++)
		json_array_append_new(
			sets, json_pack("{s:s, s:s, s:s, s:i}", "preset", presets[i].name,
					"summary", presets[i].summary, "budget", presets[i].budget,
					"rounds", (int)presets[i].rounds));
	if (cli->json)
		return cli_print_json(
			cli, json_pack("{s:o, s:o}", "benchmarks", benches, "presets", sets));
	json_decref(benches);
	json_decref(sets);
	t = table_new(columns, 3);
	for (unsigned i = 0; t && bench_list[i]; i++) {
		struct reason why = { "" };
		bool runs = bench_runs(m, bench_list[i], &why);

		table_row(t);
		table_cell(t, "%s", bench_list[i]->name);
		table_cell(t, "%s%s",
			   !runs		       ? "no: "
			   : bench_list[i]->disruptive ? "with --allow-disruptive"
						       : "yes",
			   runs ? "" : why.text);
		table_cell(t, "%s", bench_list[i]->summary);
	}
	if (t)
		table_print(t, stdout);
	printf("\nPresets, for `tdcost run --preset NAME`:\n");
	for (unsigned i = 0; presets[i].name; i++)
		printf("  %-8s %s; %u rounds, or those that fit into %s, at least %d\n",
		       presets[i].name, presets[i].summary, presets[i].rounds, presets[i].budget,
		       STAT_MIN_INVOCATIONS);
	printf("\n`tdcost list BENCHMARK` shows the factors and their levels.\n");
	return EXIT_DONE;
}

static int list_main(struct cli *cli, const char *const *args, size_t n)
{
	const struct bench_info *b = NULL;
	struct reason why = { "" };
	struct machine m;
	int status;

	if (n > 1)
		return cli_error(cli, EXIT_USAGE, "one benchmark at a time, or none for all");
	if (n) {
		b = bench_find(args[0]);
		if (!b)
			return cli_error(cli, EXIT_USAGE,
					 "there is no benchmark '%s'; did you mean '%s'?", args[0],
					 bench_nearest(args[0]));
	}
	status = machine_open(&m, &why);
	if (status)
		return cli_fail(cli, status, &why);
	status = b ? list_one(cli, &m, b) : list_all(cli, &m);
	machine_close(&m);
	return status;
}

const struct command cmd_list = {
	.name = "list",
	.usage = "[BENCHMARK]",
	.summary = "list the benchmarks, or one's factors, and what cannot run here and why",
	.main = list_main,
};
