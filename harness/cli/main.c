// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/list.h"
#include "harness/cli/cli.h"
#include "harness/core/nearest.h"
#include "harness/run/run.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_ARGS      64
#define MAX_OPTIONS   64 /* that a command has */

static const struct command *const commands[] = {
	&cmd_run,  &cmd_check,	 &cmd_list, &cmd_doctor,    &cmd_show,
	&cmd_runs, &cmd_compare, &cmd_plot, &cmd_published, &cmd_db,
};

/* Options that every command has. */
enum { OPT_DB = 1000, OPT_JSON, OPT_HELP };

static struct poptOption common_options[] = {
	{ "db", '\0', POPT_ARG_STRING, NULL, OPT_DB,
	  "database file (default: $TDCOST_DB, else " TDCOST_DB_DEFAULT ")", "FILE" },
	{ "json", '\0', POPT_ARG_NONE, NULL, OPT_JSON, "print JSON", NULL },
	{ "help", 'h', POPT_ARG_NONE, NULL, OPT_HELP, "show this and exit", NULL },
	POPT_TABLEEND
};

static void print_usage(FILE *to)
{
	fprintf(to, "Usage: tdcost COMMAND [OPTION]...\n\n"
		    "What it costs to tear a confidential VM down: measured, stored, compared.\n\n"
		    "Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\n`tdcost COMMAND --help` tells more; `tdcost --version` the version.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int unknown_command(const struct cli *cli, const char *name)
{
	const char *names[ARRAY_SIZE(commands)];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	if (*name == '-')
		return cli_error(cli, EXIT_USAGE,
				 "%s: options stand behind a command, as in `tdcost show %s`", name,
				 name);
	return cli_error(cli, EXIT_USAGE,
			 "there is no command '%s'; did you mean '%s'? `tdcost --help` lists them",
			 name, nearest_name(name, names, ARRAY_SIZE(names)));
}

static void print_help(poptContext popt, const struct command *c)
{
	/* popt prints the first line itself, from the name that it was given. */
	poptSetOtherOptionHelp(popt, c->usage);
	poptPrintHelp(popt, stdout, 0);
	printf("\n%s.\n", c->summary);
	if (c->help)
		printf("\n%s", c->help);
}

static const char *option_name(const struct command *c, int val)
{
	const struct poptOption *tables[] = { common_options, c->options };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct poptOption *o = tables[t]; o && o->longName; o++)
			if (o->val == val)
				return o->longName;
	return "?";
}

/*
 * Remember the value of an option that does not repeat: a second one is an error, never dropped.
 * Return: how often it was given before, -EINVAL after cli_error().
 */
static int remember_option(const struct cli *cli, int val, const char *arg)
{
	/* The program does one command. */
	static struct {
		int val;
		const char *arg;
	} given[MAX_OPTIONS];
	static size_t n;
	const bool twice = val == OPT_DB && cli->command->two_dbs;
	const char *last = NULL;
	int before = 0;

	if (!arg || val & OPT_REPEATS)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (given[i].val == val) {
			last = given[i].arg;
			before++;
		}
	if (before > twice) {
		cli_error(cli, EXIT_USAGE, "--%s: given %s, as '%s' and '%s'; give it %s",
			  option_name(cli->command, val), twice ? "three times" : "twice", last,
			  arg, twice ? "twice at most" : "once");
		return -EINVAL;
	}
	if (n < MAX_OPTIONS) {
		given[n].val = val;
		given[n++].arg = strdup(arg);
	}
	return before;
}

/* Return: -1 to go on, else the exit status. */
static int take_options(struct cli *cli, poptContext popt)
{
	const struct command *c = cli->command;
	int val;

	while ((val = poptGetNextOpt(popt)) > 0) {
		char *arg = poptGetOptArg(popt);
		int ret = 0, before;

		if (val == OPT_HELP) {
			free(arg);
			print_help(popt, c);
			return EXIT_DONE;
		}
		before = remember_option(cli, val, arg);
		if (before < 0)
			ret = before;
		else if (val == OPT_JSON)
			cli->json = true;
		else if (val == OPT_DB)
			*(before ? &cli->db_b : &cli->db) = strdup(arg);
		else
			ret = c->option(cli, val & ~OPT_REPEATS, arg);
		free(arg);
		if (ret)
			return EXIT_USAGE;
	}
	if (val < -1)
		return cli_error(cli, EXIT_USAGE, "%s: %s; `tdcost %s --help` lists the options",
				 poptBadOption(popt, POPT_BADOPTION_NOALIAS), poptStrerror(val),
				 c->name);
	return -1;
}

static int run_command(struct cli *cli, int argc, const char **argv)
{
	struct poptOption options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE,
					  (void *)cli->command->options, 0, "Options:", NULL },
					{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, common_options, 0,
					  "Options of every command:", NULL },
					POPT_TABLEEND };
	const struct poptOption *table = cli->command->options ? options : options + 1;
	poptContext popt;
	const char *args[MAX_ARGS];
	char name[64];
	size_t n = 0;
	int status;

	snprintf(name, sizeof(name), "tdcost %s", cli->command->name);
	argv[0] = name;
	popt = poptGetContext("tdcost", argc, argv, table, 0);
	if (!popt)
		return cli_error(cli, EXIT_FAILED, "out of memory");
	status = take_options(cli, popt);
	while (status < 0 && poptPeekArg(popt)) {
		if (n == MAX_ARGS)
			status = cli_error(cli, EXIT_USAGE, "more than %d arguments", MAX_ARGS);
		else
			args[n++] = poptGetArg(popt);
	}
	if (status < 0)
		status = cli->command->main(cli, args, n);
	poptFreeContext(popt);
	return cli_finish(cli, status);
}

int main(int argc, char **argv)
{
	/* What it points to lives as long as the program. */
	static struct cli cli;

	cli.db = getenv("TDCOST_DB");
	/* Its own would end the process on a failed allocation. */
	gsl_set_error_handler_off();
	if (argc == 2 && !strcmp(argv[1], RUN_CHILD_ARG))
		return run_child(RUN_CHILD_FD, bench_find);
	if (!cli.db || !*cli.db)
		cli.db = TDCOST_DB_DEFAULT;
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return cli_finish(&cli, EXIT_DONE);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("tdcost %s\n", TDCOST_VERSION);
		return cli_finish(&cli, EXIT_DONE);
	}
	cli.command = find_command(argv[1]);
	if (!cli.command)
		return unknown_command(&cli, argv[1]);
	cli.argc = argc - 1;
	cli.argv = (const char *const *)argv + 1;
	return run_command(&cli, argc - 1, (const char **)argv + 1);
}
