// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compare --verify: does a commit block follow from the samples in an archive? The block names the
 * comparison that made it; it is made again from the archive, and every line of it must stand in
 * the text. What stands between those lines and was not made again does not follow.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/compare.h"
#include "harness/cli/effects.h"

#define MAX_LINES 4096
#define COMMAND	  "tdcost compare "

struct lines {
	char *line[MAX_LINES]; /* trimmed, inner blanks collapsed, empty ones left out */
	size_t n;
};

static void free_lines(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i]);
	l->n = 0;
}

/* In place. Mail and git indent and re-space what they quote. */
static char *collapse(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (!isspace((unsigned char)*at))
			*to++ = *at;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
	return text;
}

/* Return: 0, -E2BIG, -ENOMEM. */
static int read_lines(FILE *from, struct lines *out)
{
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	out->n = 0;
	while (!ret && getline(&line, &room, from) >= 0) {
		if (!*collapse(line))
			continue;
		if (out->n == MAX_LINES)
			ret = -E2BIG;
		else if ((out->line[out->n] = strdup(line)))
			out->n++;
		else
			ret = -ENOMEM;
	}
	free(line);
	return ret;
}

/* The comparison that the text names, its folded lines joined, or NULL. The caller frees it. */
static char *find_command(const struct lines *text)
{
	for (size_t i = 0; i < text->n; i++) {
		char *out;

		if (strncmp(text->line[i], COMMAND, strlen(COMMAND)))
			continue;
		out = strdup(text->line[i]);
		for (size_t k = i; out && out[strlen(out) - 1] == '\\' && k + 1 < text->n; k++) {
			char *joined;

			out[strlen(out) - 1] = '\0';
			if (asprintf(&joined, "%s%s", out, text->line[k + 1]) < 0)
				joined = NULL;
			free(out);
			out = joined;
		}
		return out;
	}
	return NULL;
}

/* Take the words of the command apart into @cmp, which borrows from @command. */
static int parse_command(const struct cli *cli, char *command, struct compare *cmp)
{
	char *save = NULL, *word = strtok_r(command + strlen(COMMAND), " ", &save);

	for (; word; word = strtok_r(NULL, " ", &save)) {
		char *value;

		if (!strcmp(word, "--shutdown")) {
			cmp->shutdown = true;
			continue;
		}
		value = word[0] == '-' ? strtok_r(NULL, " ", &save) : NULL;
		if (!strcmp(word, "--by") && value)
			cmp->by = value;
		else if (!strcmp(word, "--across") && value && cmp->n_across < 32)
			cmp->across[cmp->n_across++] = value;
		else if (!strcmp(word, "--sesoi") && value)
			cmp->sesoi = strtod(value, NULL) / 100;
		else if (!strcmp(word, "--format") && value)
			continue;
		else if (word[0] == '-')
			return cli_error(cli, EXIT_USAGE,
					 "the text's command has an option '%s' that a "
					 "commit block never has",
					 word);
		else if (!cmp->select_a)
			cmp->select_a = word;
		else
			cmp->select_b = word;
	}
	if (!cmp->select_a || (!cmp->by && !cmp->shutdown && !cmp->select_b))
		return cli_error(cli, EXIT_USAGE, "the text's command names no runs");
	return 0;
}

static int make_again(const struct compare *cmp, struct lines *out)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int ret = to ? compare_commit(cmp, to) : -ENOMEM;

	if (to)
		fclose(to);
	if (!ret) {
		FILE *from = fmemopen(text, size, "r");

		ret = from ? read_lines(from, out) : -ENOMEM;
		if (from)
			fclose(from);
	}
	free(text);
	return ret;
}

/* Where @line stands in @l from @from on; l->n where it does not. */
static size_t find_line(const struct lines *l, size_t from, const char *line)
{
	while (from < l->n && strcmp(l->line[from], line))
		from++;
	return from;
}

/*
 * In order, as often as it was made: a figure that moved to another cell's line does not follow.
 * Lines before the block and behind it are the author's own. Return: how many lines are wrong.
 */
static size_t judge(const struct lines *text, const struct lines *made)
{
	size_t missing = 0, extra = 0, at = 0;
	bool inside = false;

	for (size_t i = 0; i < made->n; i++) {
		size_t found = find_line(text, at, made->line[i]);

		if (found == text->n) {
			printf("the samples say: %s\n", made->line[i]);
			missing++;
			continue;
		}
		for (size_t k = at; inside && k < found; k++) {
			printf("the text says:   %s\n", text->line[k]);
			extra++;
		}
		inside = true;
		at = found + 1;
	}
	return missing > extra ? missing : extra;
}

static int verify(const struct cli *cli, struct store *store, const struct lines *text,
		  struct compare *cmp)
{
	struct lines *made = calloc(1, sizeof(*made));
	char *command = find_command(text);
	int status;
	size_t wrong;

	if (!command)
		status = cli_error(cli, EXIT_USAGE,
				   "the text holds no line '" COMMAND
				   "...'; paste the whole block");
	else
		status = parse_command(cli, command, cmp);
	if (!status)
		status = compare_make(cli, store, cmp);
	if (!status && (!made || make_again(cmp, made)))
		status = cli_error(cli, EXIT_FAILED, "out of memory");
	if (!status) {
		wrong = judge(text, made);
		printf(wrong ? "%zu line%s not follow from the samples\n"
			     : "all %zu line%s from the samples\n",
		       wrong ? wrong : made->n,
		       wrong == 1 ? " does"
		       : wrong	  ? "s do"
				  : "s follow");
		status = wrong ? EXIT_FAILED : EXIT_DONE;
	}
	if (made)
		free_lines(made);
	free(made);
	compare_free(cmp);
	free(command);
	return status;
}

int compare_verify(const struct cli *cli, const char *archive, const char *path)
{
	struct compare cmp = { .sesoi = SESOI_DEFAULT, .gate = -1 };
	struct lines *text = calloc(1, sizeof(*text));
	FILE *from = strcmp(path, "-") ? fopen(path, "r") : stdin;
	struct store *store = NULL;
	struct reason why = { "" };
	int status = 0;

	if (!text)
		status = cli_error(cli, EXIT_FAILED, "out of memory");
	else if (!from)
		status = cli_error(cli, EXIT_FAILED, "cannot read %s: %s", path, strerror(errno));
	else if (read_lines(from, text))
		status = cli_error(cli, EXIT_FAILED, "%s has more than %d lines", path, MAX_LINES);
	else if (store_open(&store, archive, STORE_READ, &why))
		status = cli_error(cli, EXIT_FAILED, "%s", why.text);
	else
		status = verify(cli, store, text, &cmp);
	store_close(store);
	if (from && from != stdin)
		fclose(from);
	if (text)
		free_lines(text);
	free(text);
	return status;
}
