// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/cli/cli.h"

static void format_time(int64_t ms, char *buf, size_t n)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	strftime(buf, n, "%Y-%m-%d %H:%M:%S", localtime_r(&t, &tm));
}

static bool several_hosts(const struct store_run_row *rows, int n)
{
	for (int i = 1; i < n; i++)
		if (strcmp(rows[i].host_id, rows[0].host_id))
			return true;
	return false;
}

/* The name of its host, or the id where another host has that name. host= takes both. */
static const char *host_of(const struct store_run_row *row, const struct store_run_row *rows, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(rows[i].host, row->host) && strcmp(rows[i].host_id, row->host_id))
			return row->host_id;
	return row->host;
}

static int print_table(const struct store_run_row *rows, int n)
{
	static const char *const columns[] = { "run",	     "started", "state",  "label",
					       "benchmarks", "lane",	"kernel", ">rounds",
					       ">samples",   ">fatal",	"host" };
	const bool hosts = several_hosts(rows, n);
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]) - !hosts);

	for (int i = 0; t && i < n; i++) {
		const struct store_run_row *r = &rows[i];
		char started[32];

		format_time(r->started, started, sizeof(started));
		table_row(t);
		table_cell(t, "%.8s", r->uuid);
		table_cell(t, "%s", started);
		table_cell(t, "%s", run_state_name(r->state));
		table_cell(t, "%s", r->label);
		table_cell(t, "%s", r->benchmarks);
		table_cell(t, "%s", lane_name(r->lane));
		table_cell(t, "%s", r->kernel);
		table_cell(t, "%u", r->rounds);
		table_cell(t, "%llu", (unsigned long long)r->samples);
		table_cell(t, "%u", r->fatal_flags);
		if (hosts)
			table_cell(t, "%s", host_of(r, rows, n));
	}
	if (t)
		table_print(t, stdout);
	return EXIT_DONE;
}

static json_t *row_json(const struct store_run_row *r)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:I, s:i}",
		"run", r->uuid, "label", r->label, "state", run_state_name(r->state), "lane",
		lane_name(r->lane), "clock", clock_unit_name(r->clock), "benchmarks", r->benchmarks,
		"kernel", r->kernel, "host", r->host, "host_id", r->host_id, "started_ms",
		(json_int_t)r->started, "ended_ms", (json_int_t)r->ended, "seed",
		(json_int_t)r->seed, "rounds", (int)r->rounds, "invocations", (int)r->invocations,
		"samples", (json_int_t)r->samples, "fatal_flags", (int)r->fatal_flags);
}

static int runs_main(struct cli *cli, const char *const *args, size_t n_args)
{
	struct reason why = { "" };
	struct store_run_row *rows = NULL;
	struct store *store;
	json_t *list;
	int status, n;

	if (n_args)
		return cli_error(cli, EXIT_USAGE, "takes no argument such as '%s'", args[0]);
	status = cli_open_store(cli, STORE_READ, &store);
	if (status)
		return status;
	n = store_runs(store, &rows, &why);
	if (n < 0) {
		status = cli_fail(cli, n, &why);
	} else if (cli->json) {
		list = json_array();
		for (int i = 0; i < n; i++)
			json_array_append_new(list, row_json(&rows[i]));
		status = cli_print_json(cli, list);
	} else if (n) {
		status = print_table(rows, n);
	} else {
		status = cli_error(cli, EXIT_DONE, "%s holds no run yet; `tdcost run` makes one",
				   cli->db);
	}
	free(rows);
	store_close(store);
	return status;
}

const struct command cmd_runs = {
	.name = "runs",
	.usage = "[OPTION]...",
	.summary = "list the runs in the database, newest first",
	.main = runs_main,
};
