// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/core/nearest.h"
#include "plots/plots.h"

#define MAX_RUNS  8
#define MAX_PLOTS 16

enum { OPT_KIND = 1, OPT_FORMAT, OPT_OUT, OPT_LIST };

static const struct poptOption options[] = { { "plot", '\0', POPT_ARG_STRING, NULL, OPT_KIND,
					       "draw this one only (see --list)", "NAME" },
					     { "format", 'f', POPT_ARG_STRING, NULL, OPT_FORMAT,
					       "svg (the default), png, pdf or dumb", "FORMAT" },
					     { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUT,
					       "folder for the pictures (default: plots)", "DIR" },
					     { "list", '\0', POPT_ARG_NONE, NULL, OPT_LIST,
					       "list the plots there are", NULL },
					     POPT_TABLEEND };

static struct {
	const struct plot_info *plot;
	enum plot_format format;
	const char *out;
	bool list;
} ask = { .format = PLOT_SVG, .out = "plots" };

static int take_plot(struct cli *cli, const char *arg)
{
	const char *names[MAX_PLOTS];
	size_t n = 0;

	ask.plot = plot_find(arg);
	if (ask.plot)
		return 0;
	for (; n < MAX_PLOTS && plot_list[n].name; n++)
		names[n] = plot_list[n].name;
	cli_error(cli, EXIT_USAGE, "there is no plot '%s'; did you mean '%s'?", arg,
		  nearest_name(arg, names, n));
	return -EINVAL;
}

static int plot_option(struct cli *cli, int val, const char *arg)
{
	int format;

	switch (val) {
	case OPT_KIND:
		return take_plot(cli, arg);
	case OPT_FORMAT:
		format = plot_format_parse(arg);
		if (format < 0) {
			cli_error(cli, EXIT_USAGE, "--format '%s': write svg, png, pdf or dumb",
				  arg);
			return -EINVAL;
		}
		ask.format = (enum plot_format)format;
		return 0;
	case OPT_OUT:
		ask.out = strdup(arg);
		return 0;
	case OPT_LIST:
		ask.list = true;
		return 0;
	}
	return -EINVAL;
}

static int list_plots(const struct cli *cli)
{
	json_t *list = json_array();

	for (unsigned i = 0; plot_list[i].name; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "plot", plot_list[i].name,
						      "summary", plot_list[i].summary));
	if (cli->json)
		return cli_print_json(cli, list);
	json_decref(list);
	for (unsigned i = 0; plot_list[i].name; i++)
		printf("%-8s %s\n", plot_list[i].name, plot_list[i].summary);
	return EXIT_DONE;
}

/* Load what the selectors mean. Return: exit status; *@n reports are to be freed in any case. */
static int load_runs(const struct cli *cli, struct store *store, const char *const *args,
		     size_t n_args, struct report *reports, size_t *n)
{
	struct reason why = { "" };

	*n = 0;
	for (size_t i = 0; i < (n_args ? n_args : 1); i++) {
		struct store_run_row *rows = NULL;
		int found = store_select(store, n_args ? args[i] : NULL, &rows, &why);
		int ret = 0;

		if (found < 0)
			return cli_error(cli, EXIT_USAGE, "%s", why.text);
		for (int k = 0; k < found && !ret; k++) {
			if (*n == MAX_RUNS) {
				free(rows);
				return cli_error(cli, EXIT_USAGE, "%d runs at most in a picture",
						 MAX_RUNS);
			}
			ret = report_load(store, rows[k].uuid, &reports[*n], &why);
			*n += !ret;
		}
		free(rows);
		if (ret)
			return cli_fail(cli, ret, &why);
	}
	return 0;
}

static int draw(const struct cli *cli, const struct report *const *runs, size_t n)
{
	json_t *drawn = json_array();
	int status = EXIT_DONE;

	for (unsigned i = 0; plot_list[i].name && !status; i++) {
		const struct plot_info *p = &plot_list[i];
		struct reason why = { "" };
		char path[4096] = "";
		int ret;

		if (ask.plot && p != ask.plot)
			continue;
		ret = plot_draw(p, runs, n, ask.format, ask.out, stdout, path, sizeof(path), &why);
		/* A run need not hold something for every plot, unless that one was asked for. */
		if (ret == -ENODATA && !ask.plot)
			continue;
		if (ret == -ENODATA)
			status = cli_error(cli, EXIT_FAILED, "%s: %s; these runs hold data for: %s",
					   p->name, why.text,
					   plot_fitting(runs, n, path, sizeof(path)));
		else if (ret)
			status = cli_error(cli, EXIT_FAILED, "%s: %s", p->name, why.text);
		else if (*path)
			json_array_append_new(drawn, json_string(path));
	}
	if (cli->json && !status)
		return cli_print_json(cli, json_pack("{s:o}", "drawn", drawn));
	for (size_t i = 0; i < json_array_size(drawn); i++)
		printf("%s\n", json_string_value(json_array_get(drawn, i)));
	json_decref(drawn);
	return status;
}

static int plot_main(struct cli *cli, const char *const *args, size_t n)
{
	struct report reports[MAX_RUNS];
	const struct report *runs[MAX_RUNS];
	struct store *store;
	size_t loaded = 0;
	int status;

	if (ask.list)
		return list_plots(cli);
	if (cli->json && ask.format == PLOT_DUMB)
		return cli_error(cli, EXIT_USAGE,
				 "--json lists files, and --format dumb makes none");
	status = cli_open_store(cli, STORE_READ, &store);
	if (status)
		return status;
	status = load_runs(cli, store, args, n, reports, &loaded);
	store_close(store);
	for (size_t i = 0; i < loaded; i++)
		runs[i] = &reports[i];
	if (!status)
		status = draw(cli, runs, loaded);
	for (size_t i = 0; i < loaded; i++)
		report_free(&reports[i]);
	return status;
}

const struct command cmd_plot = {
	.name = "plot",
	.usage = "[RUN]... [OPTION]...",
	.summary = "draw runs with gnuplot and print the names of the pictures",
	.help = "RUN as for `show`; without one the latest.\n",
	.options = options,
	.main = plot_main,
	.option = plot_option,
};
