// SPDX-License-Identifier: GPL-2.0-or-later
/* db merge, export and import: runs from one file to another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/db.h"
#include "harness/core/nearest.h"

/* ---- merge and import ---- */

static json_t *counts_json(const char *file, const struct store_counts *c)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:I, s:I}", "file", file, "runs", (int)c->runs,
			 "grown", (int)c->grown, "same", (int)c->same, "rounds", (int)c->rounds,
			 "invocations", (json_int_t)c->invocations, "samples",
			 (json_int_t)c->samples);
}

static void print_counts(const char *file, const struct store_counts *c)
{
	printf("%s: %u new run%s, %u that went on, %u already here; %u round%s, %llu samples "
	       "added\n",
	       file, c->runs, c->runs == 1 ? "" : "s", c->grown, c->same, c->rounds,
	       c->rounds == 1 ? "" : "s", (unsigned long long)c->samples);
}

static int merge_file(struct store *store, const char *file, struct store_counts *counts,
		      struct reason *why)
{
	return store_merge(store, file, counts, why);
}

static int import_file(struct store *store, const char *file, struct store_counts *counts,
		       struct reason *why)
{
	bool standard = !strcmp(file, "-");
	FILE *in = standard ? stdin : fopen(file, "r");
	int ret;

	if (!in)
		return reason_set(why, -errno,
				  "%s: %s: name a file that can be read, or - for "
				  "standard input",
				  file, strerror(errno));
	ret = store_import(store, in, standard ? "standard input" : file, counts, why);
	if (!standard)
		fclose(in);
	return ret;
}

/* Each file is a transaction: what came before one that is refused stays, and was printed. */
static int take_files(struct cli *cli, const char *const *files, size_t n,
		      int (*take)(struct store *store, const char *file,
				  struct store_counts *counts, struct reason *why))
{
	json_t *list = json_array();
	struct reason why = { "" };
	struct store *store;
	int status, ret = 0;

	status = cli_open_store(cli, STORE_CREATE, &store);
	for (size_t i = 0; i < n && !status && !ret; i++) {
		struct store_counts counts;

		ret = take(store, files[i], &counts, &why);
		if (!ret && cli->json)
			json_array_append_new(list, counts_json(files[i], &counts));
		else if (!ret)
			print_counts(files[i], &counts);
	}
	if (!status)
		store_close(store);
	/* What is wrong with a file is never the command's usage. */
	if (ret)
		status = cli_error(cli, EXIT_FAILED, "%s", why.text);
	if (cli->json && json_array_size(list))
		return cli_print_json(cli, json_pack("{s:s, s:O}", "db", cli->db, "files", list))
			       ?: (json_decref(list), status);
	json_decref(list);
	return status;
}

int db_merge(struct cli *cli, const struct db_ask *ask, const char *const *args, size_t n)
{
	(void)ask;
	if (!n)
		return cli_error(
			cli, EXIT_USAGE,
			"merge needs a file: `tdcost db merge FILE...` takes all of theirs "
			"into %s",
			cli->db);
	return take_files(cli, args, n, merge_file);
}

int db_import(struct cli *cli, const struct db_ask *ask, const char *const *args, size_t n)
{
	(void)ask;
	if (n != 1)
		return cli_error(cli, EXIT_USAGE,
				 "import needs one file of JSON lines, or - for standard input; "
				 "`tdcost db export` writes it");
	return take_files(cli, args, n, import_file);
}

/* ---- export ---- */

/* The runs that selectors mean, each once. */
struct chosen {
	char (*uuids)[40];
	const char **list; /* of pointers to them */
	size_t n;
};

static bool is_chosen(const struct chosen *c, const char *uuid)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->uuids[i], uuid))
			return true;
	return false;
}

static int choose_one(struct store *store, const char *selector, struct chosen *c,
		      struct reason *why)
{
	struct store_run_row *rows = NULL;
	int n = store_select(store, selector, &rows, why);
	char(*more)[40];

	if (n < 0)
		return n;
	more = realloc(c->uuids, (c->n + (size_t)n) * sizeof(*more));
	if (!more) {
		free(rows);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	c->uuids = more;
	for (int i = 0; i < n; i++)
		if (!is_chosen(c, rows[i].uuid))
			memcpy(c->uuids[c->n++], rows[i].uuid, sizeof(*more));
	free(rows);
	return 0;
}

static int choose(struct store *store, const char *const *args, size_t n, struct chosen *c,
		  struct reason *why)
{
	int ret = n ? 0 : choose_one(store, NULL, c, why);

	for (size_t i = 0; i < n && !ret; i++)
		ret = choose_one(store, args[i], c, why);
	if (ret)
		return ret;
	c->list = calloc(c->n, sizeof(*c->list));
	if (!c->list)
		return reason_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n; i++)
		c->list[i] = c->uuids[i];
	return 0;
}

/* Text as a shell would have to be given it. */
static void print_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=:,./@%";

	if (*word && !word[strspn(word, plain)]) {
		printf("%s", word);
		return;
	}
	putchar('\'');
	for (; *word; word++)
		printf(*word == '\'' ? "'\\''" : "%c", *word);
	putchar('\'');
}

/* argv begins with the command's name; without the seed it would draw another schedule. */
static void print_command(const struct store_run_data *d)
{
	json_t *argv = json_loads(d->argv, 0, NULL), *word;
	bool seeded = false;
	size_t i;

	printf("  tdcost");
	json_array_foreach(argv, i, word) {
		const char *text = json_string_value(word) ?: "";

		if (!i && !strcmp(text, "tdcost"))
			continue;
		seeded |= strstr(text, "--seed") == text;
		putchar(' ');
		print_word(text);
	}
	if (!seeded)
		printf(" --seed %llu", (unsigned long long)d->run.seed);
	putchar('\n');
	json_decref(argv);
}

/* What was archived, and how to make it again. */
static int print_evidence(struct store *store, const struct chosen *c, const char *path,
			  struct reason *why)
{
	int ret = 0;

	printf("%s holds %zu run%s with samples and environment; made by\n", path, c->n,
	       c->n == 1 ? "" : "s");
	for (size_t i = 0; i < c->n && !ret; i++) {
		struct store_run_data d;

		ret = store_load_run(store, c->list[i], &d, why);
		if (ret)
			break;
		print_command(&d);
		store_free_run(&d);
	}
	printf("read it with `tdcost show --db %s`\n", path);
	return ret;
}

static json_t *chosen_json(const char *key, const char *path, const struct chosen *c)
{
	json_t *runs = json_array();

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(runs, json_string(c->list[i]));
	return json_pack("{s:s, s:o}", key, path, "runs", runs);
}

static int write_evidence(struct cli *cli, struct store *store, const struct chosen *c,
			  const char *path, struct reason *why)
{
	int ret = store_copy_evidence(store, c->list, c->n, path, why);

	if (!ret && cli->json)
		return cli_print_json(cli, chosen_json("evidence", path, c)) ? -EIO : 0;
	return ret ?: print_evidence(store, c, path, why);
}

/* To a file: it is there whole or not at all, and never over another. */
static int write_file(struct cli *cli, struct store *store, const struct chosen *c,
		      enum store_format format, const char *path, struct reason *why)
{
	FILE *out = fopen(path, "wx");
	int ret;

	if (!out)
		return reason_set(why, -errno, "%s: %s: name a new file with --output", path,
				  strerror(errno));
	ret = store_export(store, c->list, c->n, format, out, why);
	if (fclose(out) && !ret)
		ret = reason_set(why, -errno, "%s: %s", path, strerror(errno));
	if (ret)
		unlink(path);
	else if (cli->json)
		return cli_print_json(cli, chosen_json("output", path, c)) ? -EIO : 0;
	else
		printf("%s holds %zu run%s\n", path, c->n, c->n == 1 ? "" : "s");
	return ret;
}

static int take_format(struct cli *cli, const char *text, enum store_format *format)
{
	static const char *const names[] = { [STORE_CSV] = "csv", [STORE_JSONL] = "jsonl" };

	*format = STORE_JSONL;
	for (size_t i = 0; text && i < 2; i++) {
		*format = (enum store_format)i;
		if (!strcmp(text, names[i]))
			return 0;
	}
	return text ? cli_error(cli, EXIT_USAGE,
				"--format '%s': write csv or jsonl; did you mean '%s'?", text,
				nearest_name(text, names, 2))
		    : 0;
}

int db_export(struct cli *cli, const struct db_ask *ask, const char *const *args, size_t n)
{
	struct chosen chosen = { NULL, NULL, 0 };
	enum store_format format;
	struct reason why = { "" };
	struct store *store;
	int status, ret;

	if (ask->evidence && (ask->format || ask->output))
		return cli_error(cli, EXIT_USAGE,
				 "--evidence writes a file of its own: leave out --%s",
				 ask->format ? "format" : "output");
	status = take_format(cli, ask->format, &format);
	if (!status && cli->json && format == STORE_CSV && !ask->output)
		status = cli_error(cli, EXIT_USAGE,
				   "CSV is no JSON: leave out --json or --format csv");
	if (!status)
		status = cli_open_store(cli, STORE_READ, &store);
	if (status)
		return status;
	ret = choose(store, args, n, &chosen, &why);
	if (ret)
		status = cli_error(cli, ret == -ENOMEM ? EXIT_FAILED : EXIT_USAGE, "%s", why.text);
	else if (ask->evidence)
		ret = write_evidence(cli, store, &chosen, ask->evidence, &why);
	else if (ask->output)
		ret = write_file(cli, store, &chosen, format, ask->output, &why);
	else
		ret = store_export(store, chosen.list, chosen.n, format, stdout, &why);
	store_close(store);
	free(chosen.uuids);
	free(chosen.list);
	return status || !ret ? status : cli_error(cli, EXIT_FAILED, "%s", why.text);
}
