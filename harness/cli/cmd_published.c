// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/effects.h"
#include "harness/cli/published.h"

enum { OPT_FIT = 1, OPT_ROWS, OPT_AGAINST };

static const struct poptOption options[] = {
	{ "fit", '\0', POPT_ARG_NONE, NULL, OPT_FIT,
	  "fit the model of a teardown to published rows, and print constants and residuals",
	  NULL },
	{ "rows", '\0', POPT_ARG_STRING, NULL, OPT_ROWS,
	  "the rows to fit, and predict the others; with --fit", "ROW[,ROW]..." },
	{ "against", '\0', POPT_ARG_STRING, NULL, OPT_AGAINST,
	  "set a run of the benchmark teardown against the fit; with --fit", "RUN" },
	POPT_TABLEEND
};

static struct {
	bool fit;
	const char *rows, *against;
} ask;

static int published_option(struct cli *cli, int val, const char *arg)
{
	(void)cli;
	ask.fit |= val == OPT_FIT;
	if (val == OPT_ROWS)
		ask.rows = strdup(arg);
	if (val == OPT_AGAINST)
		ask.against = strdup(arg);
	return 0;
}

/* ---- the rows as they are ---- */

/* As they were published, with the digits that they have. */
static void print_row(const struct published_row *r)
{
	printf("%s: ", r->id);
	if (!isnan(r->vcpus))
		printf("%g vCPUs, ", r->vcpus);
	if (!isnan(r->guest_gib))
		printf("%g GiB, ", r->guest_gib);
	if (isnan(r->value))
		printf("%g s before, %g s after\n", r->before_s, r->after_s);
	else
		printf("%g %s\n", r->value, r->unit);
	printf("  %s\n  %s\n  source: %s\n", r->quantity, r->setup, r->source);
	if (r->use != PUBLISHED_TOLD)
		printf("  --fit: %s\n", r->use == PUBLISHED_FIT ? "fitted" : "predicted");
}

static json_t *row_json(const struct published_row *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "row", r->id,
			 "use", published_use_name(r->use), "quantity", r->quantity, "setup",
			 r->setup, "vcpus", json_number(r->vcpus), "guest_gib",
			 json_number(r->guest_gib), "before_s", json_number(r->before_s), "after_s",
			 json_number(r->after_s), "value", json_number(r->value), "unit", r->unit,
			 "source", r->source);
}

static int list_rows(const struct cli *cli, const struct published *p)
{
	json_t *list;

	if (cli->json) {
		list = json_array();
		for (size_t i = 0; i < p->n; i++)
			json_array_append_new(list, row_json(&p->rows[i]));
		return cli_print_json(cli,
				      json_pack("{s:s, s:o}", "label", "published", "rows", list));
	}
	printf("published by others, with their sources; nothing of it was measured by tdcost\n");
	for (size_t i = 0; i < p->n; i++) {
		putchar('\n');
		print_row(&p->rows[i]);
	}
	return EXIT_DONE;
}

/* ---- the fit ---- */

static int print_fit(const struct cli *cli, const struct published_fit *f,
		     const struct published_replay *replay)
{
	int status = EXIT_DONE;
	json_t *j;

	if (cli->json) {
		j = published_fit_json(f);
		if (replay)
			json_object_set_new(j, "against", published_replay_json(replay));
		status = cli_print_json(cli, j);
	} else {
		published_fit_text(f);
		if (replay)
			published_replay_text(replay);
	}
	if (!status && replay && published_replay_fatal(replay))
		status = EXIT_UNTRUSTWORTHY;
	return status;
}

static int against_report(const struct cli *cli, const struct published_fit *f,
			  const struct report *r)
{
	struct published_replay *replay;
	struct reason why = { "" };
	int status, ret = published_replay_make(f, r, &replay, &why);

	if (ret)
		return cli_fail(cli, ret, &why);
	status = print_fit(cli, f, replay);
	published_replay_free(replay);
	return status;
}

static int against_run(const struct cli *cli, const struct published_fit *f, struct store *store)
{
	struct store_run_row *rows = NULL;
	struct reason why = { "" };
	struct report report;
	int status, ret, found = store_select(store, ask.against, &rows, &why);

	if (found < 0)
		return cli_error(cli, EXIT_USAGE, "%s", why.text);
	if (found > 1) {
		status = cli_error(cli, EXIT_USAGE,
				   "'%s' means %d runs; name one of them, such as %.8s",
				   ask.against, found, rows[0].uuid);
		free(rows);
		return status;
	}
	ret = report_load(store, rows[0].uuid, &report, &why);
	free(rows);
	if (ret)
		return cli_fail(cli, ret, &why);
	status = against_report(cli, f, &report);
	report_free(&report);
	return status;
}

static int fit_rows(const struct cli *cli, const struct published *p)
{
	struct reason why = { "" };
	struct published_fit fit;
	struct store *store;
	int status, ret = published_fit_make(p, ask.rows, &fit, &why);

	if (ret)
		return cli_fail(cli, ret, &why);
	if (!ask.against) {
		status = print_fit(cli, &fit, NULL);
	} else if (!(status = cli_open_store(cli, STORE_READ, &store))) {
		status = against_run(cli, &fit, store);
		store_close(store);
	}
	published_fit_free(&fit);
	return status;
}

static int published_main(struct cli *cli, const char *const *args, size_t n)
{
	struct reason why = { "" };
	struct published p;
	int status;

	if (n)
		return cli_error(cli, EXIT_USAGE,
				 "takes no argument such as '%s'; a run is named "
				 "by --against",
				 args[0]);
	if (!ask.fit && (ask.rows || ask.against))
		return cli_error(cli, EXIT_USAGE, "%s goes with --fit",
				 ask.rows ? "--rows" : "--against");
	/* What is wrong with the file is never the command's usage. */
	if (published_load(&p, &why))
		return cli_error(cli, EXIT_FAILED, "%s", why.text);
	status = ask.fit ? fit_rows(cli, &p) : list_rows(cli, &p);
	published_free(&p);
	return status;
}

const struct command cmd_published = {
	.name = "published",
	.usage = "[OPTION]...",
	.summary = "list figures from the literature, and fit the model of a teardown to them",
	.help = "Without an option: the rows with their sources. --fit: constants, modelled; a row "
		"that was\nfitted is explained and not validated, a row that was left out is "
		"predicted. RUN is an id or its\nbeginning, @last, @last~1, label=TEXT.\n",
	.options = options,
	.main = published_main,
	.option = published_option,
};
