// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/db.h"
#include "harness/core/nearest.h"

enum { OPT_FORMAT = 1, OPT_OUTPUT, OPT_EVIDENCE };

static const struct poptOption options[] = {
	{ "format", 'f', POPT_ARG_STRING, NULL, OPT_FORMAT, "of an export: jsonl (usual) or csv",
	  "FORMAT" },
	{ "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
	  "export into a new file (usual: standard output)", "FILE" },
	{ "evidence", '\0', POPT_ARG_STRING, NULL, OPT_EVIDENCE,
	  "export into a new database that holds these runs alone", "FILE" },
	POPT_TABLEEND
};

static struct db_ask ask;

static int db_option(struct cli *cli, int val, const char *arg)
{
	const char **where = val == OPT_FORMAT	 ? &ask.format
			     : val == OPT_OUTPUT ? &ask.output
						 : &ask.evidence;

	(void)cli;
	*where = strdup(arg); /* for the rest of the program */
	return *where ? 0 : -ENOMEM;
}

static int refuse_options(struct cli *cli, const char *verb)
{
	if (!ask.format && !ask.output && !ask.evidence)
		return 0;
	return cli_error(cli, EXIT_USAGE, "%s takes no --%s; it belongs to `tdcost db export`",
			 verb,
			 ask.format   ? "format"
			 : ask.output ? "output"
				      : "evidence");
}

static void found(void *ctx, const char *text)
{
	json_array_append_new(ctx, json_string(text));
}

static int db_check(struct cli *cli, const struct db_ask *with, const char *const *args, size_t n)
{
	json_t *list = json_array();
	struct reason why = { "" };
	struct store *store;
	int status, bad;

	(void)with;
	if (n) {
		json_decref(list);
		return cli_error(cli, EXIT_USAGE, "check takes no argument such as '%s'", args[0]);
	}
	status = cli_open_store(cli, STORE_READ, &store);
	if (status) {
		json_decref(list);
		return status;
	}
	bad = store_check(store, found, list, &why);
	store_close(store);
	if (bad < 0) {
		json_decref(list);
		return cli_fail(cli, bad, &why);
	}
	if (cli->json)
		return cli_print_json(cli, json_pack("{s:s, s:b, s:o}", "file", cli->db, "sound",
						     !bad, "found", list))
			       ?: (bad ? EXIT_FAILED : EXIT_DONE);
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s\n", json_string_value(json_array_get(list, i)));
	if (!bad)
		printf("%s is sound\n", cli->db);
	json_decref(list);
	return bad ? EXIT_FAILED : EXIT_DONE;
}

/* Add what @selector means to the set @chosen: before anything is removed, as @last would move. */
static int choose(struct cli *cli, struct store *store, const char *selector, json_t *chosen)
{
	struct store_run_row *rows = NULL;
	struct reason why = { "" };
	int n = store_select(store, selector, &rows, &why);

	if (n < 0)
		return cli_error(cli, EXIT_USAGE, "%s; nothing was removed", why.text);
	for (int i = 0; i < n; i++)
		json_object_set_new(chosen, rows[i].uuid, json_true());
	free(rows);
	return 0;
}

static int remove_chosen(struct cli *cli, struct store *store, json_t *chosen, json_t *removed)
{
	struct reason why = { "" };
	const char *uuid;
	json_t *value;

	json_object_foreach(chosen, uuid, value) {
		int ret = store_remove(store, uuid, &why);

		if (ret)
			return cli_fail(cli, ret, &why);
		json_array_append_new(removed, json_string(uuid));
	}
	return 0;
}

static int db_rm(struct cli *cli, const struct db_ask *with, const char *const *args, size_t n)
{
	json_t *removed, *chosen;
	struct store *store;
	int status;

	(void)with;
	if (!n)
		return cli_error(
			cli, EXIT_USAGE,
			"rm needs a run; `tdcost runs` lists them, `tdcost db rm ID` removes one");
	status = cli_open_store(cli, STORE_WRITE, &store);
	if (status)
		return status;
	removed = json_array();
	chosen = json_object();
	for (size_t i = 0; i < n && !status; i++)
		status = choose(cli, store, args[i], chosen);
	if (!status)
		status = remove_chosen(cli, store, chosen, removed);
	json_decref(chosen);
	store_close(store);
	if (cli->json) {
		cli_print_json(cli, json_pack("{s:o}", "removed", removed));
		return status;
	}
	for (size_t i = 0; i < json_array_size(removed); i++)
		printf("removed %s\n", json_string_value(json_array_get(removed, i)));
	json_decref(removed);
	return status;
}

static const struct {
	const char *name;
	bool exports; /* takes the options, which are those of an export */
	int (*main)(struct cli *cli, const struct db_ask *with, const char *const *args, size_t n);
} verbs[] = {
	{ "check", false, db_check },  { "rm", false, db_rm },	       { "merge", false, db_merge },
	{ "export", true, db_export }, { "import", false, db_import },
};

static int db_main(struct cli *cli, const char *const *args, size_t n)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])];
	size_t count = sizeof(verbs) / sizeof(verbs[0]);

	for (size_t i = 0; i < count; i++)
		names[i] = verbs[i].name;
	if (!n)
		return cli_error(cli, EXIT_USAGE,
				 "what with the database? write check, rm RUN, merge FILE, export "
				 "RUN or import FILE");
	for (size_t i = 0; i < count; i++)
		if (!strcmp(args[0], verbs[i].name))
			return (verbs[i].exports ? 0 : refuse_options(cli, args[0]))
				       ?: verbs[i].main(cli, &ask, args + 1, n - 1);
	return cli_error(cli, EXIT_USAGE, "there is no 'db %s'; did you mean 'db %s'?", args[0],
			 nearest_name(args[0], names, count));
}

const struct command cmd_db = {
	.name = "db",
	.usage = "check | rm RUN... | merge FILE... | export [RUN]... | import FILE",
	.summary = "look after the database file",
	.help = "check    is the file sound, down to every sample? exit 1 when it is not\n"
		"rm RUN   remove runs: an id (or its beginning), @last, label=TEXT\n"
		"merge FILE...   take all runs of other databases; twice is as good as once\n"
		"export [RUN]... write runs (the latest) as JSON lines or CSV, or as an archive\n"
		"                with --evidence, and print the command that made them\n"
		"import FILE     take the JSON lines of an export; - is standard input\n",
	.options = options,
	.main = db_main,
	.option = db_option,
};
