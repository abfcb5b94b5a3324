// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "harness/cli/cli.h"
#include "harness/cli/show.h"

enum { OPT_TAILS = 1 };

static const struct poptOption options[] = {
	{ "tails", 't', POPT_ARG_NONE, NULL, OPT_TAILS,
	  "add percentiles, spread, outliers and what the series look like", NULL },
	POPT_TABLEEND
};

static bool want_tails;

static bool any_fatal(const struct report *r)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].fatal)
			return true;
	return r->fatal;
}

int show_report(const struct cli *cli, const struct report *r, bool tails)
{
	int status = EXIT_DONE;

	if (cli->json)
		status = cli_print_json(cli, show_json(r));
	else
		show_text(r, tails);
	return status ? status : any_fatal(r) ? EXIT_UNTRUSTWORTHY : EXIT_DONE;
}

static int show_one(const struct cli *cli, struct store *store, const struct store_run_row *row)
{
	struct reason why = { "" };
	struct report report;
	int status, ret = report_load(store, row->uuid, &report, &why);

	if (!ret)
		ret = report_load_earlier(store, &report, &why);
	if (ret)
		return cli_fail(cli, ret, &why);
	status = show_report(cli, &report, want_tails);
	report_free(&report);
	return status;
}

static int show_main(struct cli *cli, const char *const *args, size_t n)
{
	struct store_run_row *rows = NULL;
	struct reason why = { "" };
	struct store *store;
	int status, found;

	if (n > 1)
		return cli_error(cli, EXIT_USAGE, "one run at a time");
	status = cli_open_store(cli, STORE_READ, &store);
	if (status)
		return status;
	found = store_select(store, n ? args[0] : NULL, &rows, &why);
	if (found < 0)
		status = cli_error(cli, EXIT_USAGE, "%s", why.text);
	else if (found > 1)
		status = cli_error(cli, EXIT_USAGE,
				   "'%s' means %d runs; name one of them, such as %.8s", args[0],
				   found, rows[0].uuid);
	else
		status = show_one(cli, store, &rows[0]);
	free(rows);
	store_close(store);
	return status;
}

static int show_option(struct cli *cli, int val, const char *arg)
{
	(void)cli;
	(void)arg;
	want_tails |= val == OPT_TAILS;
	return 0;
}

const struct command cmd_show = {
	.name = "show",
	.usage = "[RUN] [OPTION]...",
	.summary = "print a run: medians, intervals, n, what a mode saves, and what to doubt",
	.help = "RUN is an id or its beginning, @last (the default), @last~1, label=TEXT. Exit "
		"status 5 "
		"when a\n"
		"figure is untrustworthy.\n",
	.options = options,
	.main = show_main,
	.option = show_option,
};
