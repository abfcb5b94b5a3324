// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/compare_floor.h"
#include "harness/cli/effects.h"
#include "harness/core/nearest.h"
#include "harness/core/units.h"

enum {
	OPT_BY = 1,
	OPT_ACROSS,
	OPT_FORMAT,
	OPT_GATE,
	OPT_GATE_INCONCLUSIVE,
	OPT_METRIC,
	OPT_SESOI,
	OPT_SHUTDOWN,
	OPT_TAILS,
	OPT_VERIFY,
};

static const struct poptOption options[] = {
	{ "by", '\0', POPT_ARG_STRING, NULL, OPT_BY,
	  "compare the arms of one run: levels of a paired factor against the first, or two of "
	  "them",
	  "FACTOR[=LEVEL,LEVEL]" },
	{ "metric", '\0', POPT_ARG_STRING, NULL, OPT_METRIC,
	  "compare what samples yielded besides their time: ran, cpu_time, phase (each of them), "
	  "phase:memslot; see `show`",
	  "NAME[:SUBJECT]" },
	{ "shutdown", '\0', POPT_ARG_NONE, NULL, OPT_SHUTDOWN,
	  "the arms of a shutdown, in one run or two: a TD's with quirk on and off, and a plain "
	  "VM's",
	  NULL },
	{ "tails", 't', POPT_ARG_NONE, NULL, OPT_TAILS,
	  "p90 and p99 in place of medians; 10 and 40 samples of an arm in a process are needed",
	  NULL },
	{ "across", '\0', POPT_ARG_STRING, NULL, OPT_ACROSS | OPT_REPEATS,
	  "environment keys that may differ because they are the question; kernel, mitigations and "
	  "host name groups",
	  "KEY[,KEY]" },
	{ "format", 'f', POPT_ARG_STRING, NULL, OPT_FORMAT,
	  "table (the default), markdown, commit or json", "FORMAT" },
	{ "gate", '\0', POPT_ARG_STRING, NULL, OPT_GATE,
	  "exit 3 when a slowdown beyond it, and beyond the noise floor, is established",
	  "PERCENT" },
	{ "gate-inconclusive", '\0', POPT_ARG_STRING, NULL, OPT_GATE_INCONCLUSIVE,
	  "pass (the default), or fail: exit 7 when a row is not shown to be within the gate",
	  "pass|fail" },
	{ "sesoi", '\0', POPT_ARG_STRING, NULL, OPT_SESOI,
	  "smallest effect of interest (default: 1%)", "PERCENT" },
	{ "verify", '\0', POPT_ARG_STRING, NULL, OPT_VERIFY,
	  "make the commit blocks in the file TEXT (- for standard input) again from an archive of "
	  "`db export --evidence`, and say which of their lines follow and which figures of TEXT "
	  "are in none",
	  "ARCHIVE" },
	POPT_TABLEEND
};

enum format { FORMAT_TABLE, FORMAT_MARKDOWN, FORMAT_COMMIT, FORMAT_JSON, FORMAT_MAX };

static const char *const formats[] = { "table", "markdown", "commit", "json" };

static struct compare ask = { .sesoi = SESOI_DEFAULT, .gate = -1 };
static enum format format;
static const char *archive;
static bool inconclusive_given;

static int take_percent(struct cli *cli, const char *what, const char *arg, double *share)
{
	if (!percent_parse(arg, share))
		return 0;
	cli_error(cli, EXIT_USAGE, "--%s '%s': write percent, such as 1%% or 0.5", what, arg);
	return -EINVAL;
}

static int take_across(struct cli *cli, char *arg)
{
	char *save = NULL;

	for (char *at = strtok_r(arg, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		if (ask.n_across == sizeof(ask.across) / sizeof(ask.across[0])) {
			cli_error(cli, EXIT_USAGE, "--across: 32 keys at most");
			return -EINVAL;
		}
		ask.across[ask.n_across++] = at;
	}
	return 0;
}

static int take_format(struct cli *cli, const char *arg)
{
	for (unsigned i = 0; i < FORMAT_MAX; i++)
		if (!strcmp(formats[i], arg)) {
			format = (enum format)i;
			return 0;
		}
	cli_error(cli, EXIT_USAGE,
		  "--format '%s': did you mean '%s'? (table, markdown, commit, json)", arg,
		  nearest_name(arg, formats, FORMAT_MAX));
	return -EINVAL;
}

static int take_inconclusive(struct cli *cli, const char *arg)
{
	ask.gate_strict = !strcmp(arg, "fail");
	inconclusive_given = true;
	if (ask.gate_strict || !strcmp(arg, "pass"))
		return 0;
	cli_error(cli, EXIT_USAGE, "--gate-inconclusive '%s': write pass or fail", arg);
	return -EINVAL;
}

static int compare_option(struct cli *cli, int val, const char *arg)
{
	switch (val) {
	case OPT_BY:
		ask.by = strdup(arg);
		return 0;
	case OPT_METRIC:
		ask.metric = strdup(arg);
		return 0;
	case OPT_SHUTDOWN:
		ask.shutdown = true;
		return 0;
	case OPT_TAILS:
		ask.tails = true;
		return 0;
	case OPT_ACROSS:
		return take_across(cli, strdup(arg));
	case OPT_FORMAT:
		return take_format(cli, arg);
	case OPT_GATE:
		return take_percent(cli, "gate", arg, &ask.gate);
	case OPT_GATE_INCONCLUSIVE:
		return take_inconclusive(cli, arg);
	case OPT_SESOI:
		return take_percent(cli, "sesoi", arg, &ask.sesoi);
	case OPT_VERIFY:
		archive = strdup(arg);
		return 0;
	}
	return -EINVAL;
}

static int print(const struct cli *cli)
{
	switch (format) {
	case FORMAT_JSON:
		return cli_print_json(cli, ask.shutdown ? compare_shutdown_json(&ask)
							: compare_json(&ask));
	case FORMAT_COMMIT:
		return compare_commit(&ask, stdout) ? EXIT_FAILED : EXIT_DONE;
	default:
		if (ask.shutdown)
			compare_shutdown_table(&ask, format == FORMAT_MARKDOWN);
		else
			compare_table(&ask, format == FORMAT_MARKDOWN);
		return EXIT_DONE;
	}
}

/* Where somebody names a database in place of a run. Return: 0 or the exit status. */
static int check_files(const struct cli *cli, const char *const *args, size_t n)
{
	bool file[2] = { false };

	for (size_t i = 0; i < n && i < 2; i++)
		file[i] = strpbrk(args[i], "./") && !strchr(args[i], '=') && !access(args[i], F_OK);
	if (file[0] && file[1])
		return cli_error(cli, EXIT_USAGE,
				 "'%s' and '%s' are files, not runs; to compare the last run of "
				 "each write --db %s --db %s",
				 args[0], args[1], args[0], args[1]);
	if (file[0] || file[1])
		return cli_error(cli, EXIT_USAGE,
				 "'%s' is a file, not a run; write --db %s, and twice --db to "
				 "compare two files",
				 args[file[1]], args[file[1]]);
	return 0;
}

static int check_usage(const struct cli *cli, size_t n)
{
	if (inconclusive_given && ask.gate < 0)
		return cli_error(cli, EXIT_USAGE, "--gate-inconclusive goes with --gate PERCENT");
	if (ask.tails && (ask.shutdown || format == FORMAT_COMMIT))
		return cli_error(cli, EXIT_USAGE, "--tails: leave %s out",
				 ask.shutdown ? "--shutdown" : "--format commit");
	if (ask.shutdown && (ask.by || ask.gate >= 0))
		return cli_error(cli, EXIT_USAGE,
				 "--shutdown sets arms of several kinds against each other; leave "
				 "--%s out",
				 ask.by ? "by" : "gate");
	if (ask.shutdown && ask.metric)
		return cli_error(
			cli, EXIT_USAGE,
			"--shutdown compares times of whole shutdowns; leave --metric out");
	if (ask.metric && (ask.tails || cli->db_b))
		return cli_error(cli, EXIT_USAGE, "--metric: leave %s",
				 ask.tails ? "--tails out"
					   : "the second --db out; `tdcost db merge` makes one "
					     "file of two");
	if (ask.shutdown && n > SHUTDOWN_MAX_RUNS)
		return cli_error(cli, EXIT_USAGE, "--shutdown takes one run or two; %zu are named",
				 n);
	if (ask.shutdown)
		return 0;
	if (ask.by && (n > 1 || cli->db_b))
		return cli_error(cli, EXIT_USAGE, "--by looks into one run; name one %s",
				 cli->db_b ? "--db" : "or none");
	if (!ask.by && (cli->db_b ? n > 2 : n != 2))
		return cli_error(
			cli, EXIT_USAGE,
			"name two runs, A and B, or one with --by FACTOR; `tdcost runs` lists "
			"them");
	return 0;
}

/* Open what is compared, compare and close. Return: 0 or the exit status. */
static int make(const struct cli *cli)
{
	struct store *stores[2] = { NULL };
	int status = cli_open_store(cli, STORE_READ, &stores[0]);

	if (!status && cli->db_b)
		status = cli_open_path(cli, cli->db_b, STORE_READ, &stores[1]);
	if (!status)
		status = compare_make(cli, stores[0], stores[1] ? stores[1] : stores[0], &ask);
	store_close(stores[0]);
	store_close(stores[1]);
	return status;
}

static int compare_main(struct cli *cli, const char *const *args, size_t n)
{
	int status;

	if (archive && n != 1)
		return cli_error(cli, EXIT_USAGE, "--verify ARCHIVE needs one file with the text");
	if (archive && (ask.by || ask.metric || ask.shutdown || ask.tails || ask.gate >= 0 ||
			inconclusive_given || ask.n_across ||
			(format != FORMAT_TABLE && format != FORMAT_JSON) || cli->db_b))
		return cli_error(cli, EXIT_USAGE,
				 "--verify takes the comparison from the text; only --json goes "
				 "with it");
	if (archive)
		return compare_verify(cli, archive, args[0], cli->json || format == FORMAT_JSON);
	status = check_files(cli, args, n);
	if (!status)
		status = check_usage(cli, n);
	if (status)
		return status;
	if (cli->json)
		format = FORMAT_JSON;
	ask.select_a = n ? args[0] : NULL;
	ask.select_b = n > 1 ? args[1] : cli->db_b ? "@last" : NULL;
	status = make(cli);
	if (!status)
		status = print(cli);
	if (!status && format != FORMAT_JSON)
		compare_gate_lines(&ask, format == FORMAT_COMMIT, stdout);
	if (!status)
		status = compare_gate_status(&ask);
	compare_free(&ask);
	return status;
}

const struct command cmd_compare = {
	.name = "compare",
	.usage = "A B | --db FILE --db FILE [A [B]] | [RUN] --by FACTOR | "
		 "[RUN [RUN]] --shutdown | --verify ARCHIVE TEXT [OPTION]...",
	.summary = "say what the numbers support: effect, interval, n, p and verdict",
	.help = "A and B as for `show`; a selector that means several runs takes each as a boot.\n"
		"With --db twice A is a run of the first file and B one of the second; default: "
		"@last.\n"
		"Runs of another clock, lane, host or environment are refused, exit status 6.\n",
	.options = options,
	.two_dbs = true,
	.main = compare_main,
	.option = compare_option,
};
