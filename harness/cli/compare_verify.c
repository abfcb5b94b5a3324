// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compare --verify: do the commit blocks in a text follow from the samples in an archive? A block
 * ends with the comparison that made it. The comparison is made again from the archive, and its
 * words must be those that the text has before that end.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/compare.h"
#include "harness/cli/effects.h"
#include "harness/cli/excerpt.h"
#include "harness/core/units.h"

#define TEXT_MAX    (16 << 20) /* bytes */
#define MAX_WORDS   80	       /* of a command: 32 keys of --across, and the others */
#define DIFFERENCES 10	       /* shown of a block */
#define UNCHECKED   5	       /* lines shown */

struct block {
	size_t command, end; /* words of the text: its last command, and what follows it */
	bool announced; /* "Reproduce:" is before the command, so it is not mentioned in prose */
	struct compare cmp;
	char *own[MAX_WORDS]; /* what cmp borrows */
	size_t n_own;
};

/* What came of a block. */
struct finding {
	bool made; /* again; otherwise the reason was printed */
	struct words again;
	struct differences found;
	size_t lines, wrong;
};

struct verifying {
	const struct cli *cli;
	const char *archive, *path;
	struct store *store;
	struct words text;
	struct block *blocks;
	size_t n_blocks, checked, wrong;
	json_t *json; /* the blocks; NULL: for people */
};

static int out_of_memory(const struct verifying *v)
{
	return cli_error(v->cli, EXIT_FAILED, "out of memory");
}

/* ---- the text ---- */

/* Return: 0 or the exit status after cli_error(). */
static int read_text(struct verifying *v)
{
	FILE *from = strcmp(v->path, "-") ? fopen(v->path, "r") : stdin;
	char *buf = malloc(TEXT_MAX + 1);
	size_t len = from && buf ? fread(buf, 1, TEXT_MAX + 1, from) : 0;
	int err = !from || ferror(from) ? errno : 0, status = 0;

	if (err)
		status = cli_error(v->cli, EXIT_FAILED, "cannot read %s: %s", v->path,
				   strerror(err));
	else if (len > TEXT_MAX)
		status = cli_error(v->cli, EXIT_USAGE,
				   "%s is larger than %d MiB; keep only the message in it", v->path,
				   TEXT_MAX >> 20);
	else if (!buf)
		status = out_of_memory(v);
	if (from && from != stdin)
		fclose(from);
	if (status)
		free(buf);
	else if (words_split(buf, len, &v->text))
		status = out_of_memory(v);
	return status;
}

static bool is_word(const struct verifying *v, size_t at, const char *word)
{
	return at < v->text.n && !strcmp(v->text.word[at].text, word);
}

/* ---- the command of a block ---- */

/* The word of the text as a shell takes it; NULL when out of memory or beyond MAX_WORDS. */
static char *own_word(struct block *b, const char *text)
{
	char *word = b->n_own < MAX_WORDS ? malloc(strlen(text) + 1) : NULL, *to = word;

	if (!word)
		return NULL;
	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == '\n')
			text++;
		else if (text[0] != '\\' || !text[1])
			*to++ = *text;
		else
			*to++ = *++text;
	}
	*to = '\0';
	b->own[b->n_own++] = word;
	return word;
}

static bool take_value(struct compare *cmp, const char *option, const char *value)
{
	if (!strcmp(option, "--by"))
		cmp->by = value;
	else if (!strcmp(option, "--across") && cmp->n_across < 32)
		cmp->across[cmp->n_across++] = value;
	else if (!strcmp(option, "--metric"))
		cmp->metric = value;
	else if (!strcmp(option, "--sesoi"))
		return !percent_parse(value, &cmp->sesoi);
	else
		return false;
	return true;
}

/*
 * Take the words after "tdcost compare" into b->cmp, up to "--format commit".
 * Return: 0; -EINVAL for an option that no block has, which is in @option; -ENODATA where the
 * command does not come to its end.
 */
static int parse_command(const struct words *text, struct block *b, const char **option)
{
	struct compare *cmp = &b->cmp;

	for (size_t i = b->command + 2; i < text->n; i++) {
		char *word = own_word(b, text->word[i].text), *value;

		if (!word || (word[0] != '-' && cmp->select_b))
			return -ENODATA;
		if (word[0] != '-') {
			*(cmp->select_a ? &cmp->select_b : &cmp->select_a) = word;
			continue;
		}
		if (!strcmp(word, "--shutdown")) {
			cmp->shutdown = true;
			continue;
		}
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		else if (++i < text->n)
			value = own_word(b, text->word[i].text);
		if (value && !strcmp(word, "--format") && !strcmp(value, "commit")) {
			b->end = i + 1;
			return cmp->select_a && (cmp->by || cmp->shutdown || cmp->select_b)
				       ? 0
				       : -ENODATA;
		}
		*option = word;
		if (!value)
			return -ENODATA;
		if (!take_value(cmp, word, value))
			return -EINVAL;
	}
	return -ENODATA;
}

static void free_block(struct block *b)
{
	for (size_t i = 0; i < b->n_own; i++)
		free(b->own[i]);
}

static int refuse_cut(const struct verifying *v, size_t at)
{
	return cli_error(v->cli, EXIT_USAGE,
			 "%s, line %u: this block does not end with its command 'tdcost compare "
			 "... --format commit'; paste the whole block",
			 v->path, v->text.word[at].line);
}

/* Add the block whose command is at the word @at. Return: 0 or the exit status after cli_error(). */
static int add_block(struct verifying *v, size_t at, bool announced)
{
	struct block *more = realloc(v->blocks, (v->n_blocks + 1) * sizeof(*more));
	struct block *b;
	const char *option = "";
	int ret, status = 0;

	if (!more)
		return out_of_memory(v);
	v->blocks = more;
	b = &more[v->n_blocks];
	*b = (struct block){ .command = at,
			     .announced = announced,
			     .cmp = { .sesoi = SESOI_DEFAULT, .gate = -1 } };
	ret = parse_command(&v->text, b, &option);
	if (!ret) {
		v->n_blocks++;
		return 0;
	}
	/* Prose may mention any command. */
	if (announced && ret == -EINVAL)
		status = cli_error(v->cli, EXIT_USAGE,
				   "%s, line %u: the command of this block has '%s', which this "
				   "version never writes there; verify it with the version that "
				   "made it",
				   v->path, v->text.word[at].line, option);
	else if (announced)
		status = refuse_cut(v, at);
	free_block(b);
	return status;
}

/* Return: 0 or the exit status after cli_error(). */
static int find_blocks(struct verifying *v)
{
	size_t announced = SIZE_MAX;

	for (size_t i = 0; i < v->text.n; i++) {
		size_t before = v->n_blocks;
		int status = 0;

		if (is_word(v, i, "Reproduce:")) {
			if (announced != SIZE_MAX)
				return refuse_cut(v, announced);
			announced = i;
		}
		if (is_word(v, i, "tdcost") && is_word(v, i + 1, "compare"))
			status = add_block(v, i, announced != SIZE_MAX);
		if (status)
			return status;
		if (v->n_blocks == before)
			continue;
		i = v->blocks[before].end - 1;
		announced = SIZE_MAX;
	}
	return announced == SIZE_MAX ? 0 : refuse_cut(v, announced);
}

/* ---- a block, made again ---- */

/* Return: 0 or -ENOMEM. */
static int make_again(const struct compare *cmp, struct words *out)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int ret = to ? compare_commit(cmp, to) : -ENOMEM;

	if (to && fclose(to))
		ret = -ENOMEM;
	if (ret) {
		free(text);
		return ret;
	}
	return words_split(text, size, out);
}

static unsigned quote_depth(const struct verifying *v, const struct block *b)
{
	unsigned depth = 0;

	for (size_t i = b->command; i < b->end; i++)
		if (v->text.word[i].depth > depth)
			depth = v->text.word[i].depth;
	return depth;
}

/* @from: where the text after the block before this one begins. Return: 0 or -ENOMEM. */
static int judge(struct verifying *v, struct block *b, size_t from, struct finding *out)
{
	int ret;

	*out = (struct finding){ .made = !compare_make(v->cli, v->store, v->store, &b->cmp) };
	if (!out->made)
		return 0;
	ret = make_again(&b->cmp, &out->again);
	if (!ret)
		ret = words_compare(&out->again, &v->text, from, b->end, quote_depth(v, b),
				    &out->found);
	out->lines = words_lines(&out->again);
	out->wrong = words_lines_wrong(&out->again, &out->found);
	return ret;
}

static void free_finding(struct finding *d)
{
	words_free(&d->again);
	free(d->found.all);
}

/* ---- what is said of it ---- */

/* @text is freed. A text of any encoding becomes one that JSON may hold. */
static json_t *json_text(char *text)
{
	json_t *j = text ? json_string(text) : json_null();

	for (char *c = text; !j && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	if (!j)
		j = json_string(text);
	free(text);
	return j;
}

/* What is missing at the end of a block has no word of the text. */
static unsigned line_of(const struct verifying *v, const struct block *b,
			const struct difference *one)
{
	return v->text.word[one->text < b->end ? one->text : b->end - 1].line;
}

static char *samples_say(const struct finding *d, const struct difference *one)
{
	return words_excerpt(&d->again, 0, d->again.n, one->made, one->made_n, 0);
}

static char *text_says(const struct verifying *v, const struct block *b, const struct finding *d,
		       const struct difference *one)
{
	return words_excerpt(&v->text, d->found.start, b->end, one->text, one->text_n,
			     quote_depth(v, b));
}

static void print_differences(const struct verifying *v, const struct block *b,
			      const struct finding *d)
{
	for (size_t i = 0; i < d->found.n && i < DIFFERENCES; i++) {
		const struct difference *one = &d->found.all[i];
		char *samples = samples_say(d, one), *text = text_says(v, b, d, one);

		printf("  line %u\n    the samples say: %s\n    the text says:   %s\n",
		       line_of(v, b, one), samples ? samples : "", text ? text : "");
		free(samples);
		free(text);
	}
	if (d->found.n > DIFFERENCES)
		printf("  and %zu more differences\n", d->found.n - DIFFERENCES);
}

static void print_block(const struct verifying *v, const struct block *b, const struct finding *d)
{
	const struct word *word = v->text.word;
	size_t first = d->made ? d->found.start : b->command;

	printf("block %zu, lines %u to %u: ", v->checked, word[first].line, word[b->end - 1].line);
	if (!d->made)
		printf("cannot be made again from %s\n", v->archive);
	else if (!d->found.n)
		printf("all %zu lines follow from the samples\n", d->lines);
	else
		printf("%zu of %zu lines %s not follow from the samples\n", d->wrong, d->lines,
		       d->wrong == 1 ? "does" : "do");
	print_differences(v, b, d);
}

static json_t *json_differences(const struct verifying *v, const struct block *b,
				const struct finding *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->found.n; i++) {
		const struct difference *one = &d->found.all[i];

		json_array_append_new(list,
				      json_pack("{s:i, s:o, s:o}", "line", (int)line_of(v, b, one),
						"samples", json_text(samples_say(d, one)), "text",
						json_text(text_says(v, b, d, one))));
	}
	return list;
}

static json_t *json_block(const struct verifying *v, const struct block *b, const struct finding *d)
{
	const struct word *word = v->text.word;
	size_t first = d->made ? d->found.start : b->command;

	return json_pack("{s:i, s:i, s:b, s:b, s:i, s:i, s:i, s:i, s:o}", "first_line",
			 (int)word[first].line, "last_line", (int)word[b->end - 1].line, "made",
			 d->made, "follows", d->made && !d->found.n, "lines", (int)d->lines,
			 "lines_wrong", (int)d->wrong, "words", (int)d->again.n, "words_wrong",
			 (int)(d->again.n - d->found.equal), "differences",
			 json_differences(v, b, d));
}

/* ---- what is in no block ---- */

static bool is_figure(const struct word *word)
{
	return !word->covered && strpbrk(word->text, "0123456789");
}

/* The first figure at or after @at that is in no block; text.n where there is none. */
static size_t next_figure(const struct words *text, size_t at)
{
	while (at < text->n && !is_figure(&text->word[at]))
		at++;
	return at;
}

/* The first word after @at that is of another line or of a block. */
static size_t line_end(const struct words *text, size_t at)
{
	unsigned line = text->word[at].line;

	while (at < text->n && text->word[at].line == line && !text->word[at].covered)
		at++;
	return at;
}

static size_t line_start(const struct words *text, size_t at)
{
	while (at > 0 && text->word[at - 1].line == text->word[at].line &&
	       !text->word[at - 1].covered)
		at--;
	return at;
}

/* Line and text of the first of them go to @list, where there is one. Return: how many there are. */
static size_t list_unchecked(const struct words *text, json_t *list)
{
	size_t n = 0, end;

	for (size_t at = next_figure(text, 0); at < text->n; at = next_figure(text, end)) {
		end = line_end(text, at);
		if (n++ >= UNCHECKED)
			continue;
		json_array_append_new(
			list, json_pack("{s:i, s:o}", "line", (int)text->word[at].line, "text",
					json_text(words_excerpt(text, line_start(text, at), end, at,
								end - at, UINT_MAX))));
	}
	return n;
}

static void print_unchecked(size_t n, const json_t *list)
{
	if (!n)
		printf("no figure is outside of the blocks\n");
	else
		printf("not checked: %zu line%s with figures outside of the blocks%s\n", n,
		       n == 1 ? "" : "s", n > UNCHECKED ? ", the first:" : ":");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *line = json_array_get(list, i);

		printf("  line %lld: %s\n", json_integer_value(json_object_get(line, "line")),
		       json_string_value(json_object_get(line, "text")));
	}
}

/* ---- all of them ---- */

/* Return: 0 or -ENOMEM. */
static int verify_block(struct verifying *v, struct block *b, size_t *from)
{
	struct finding d;
	int ret = judge(v, b, *from, &d);

	/* A command in prose, and most of the block that it would make is not before it. */
	if (ret || (!b->announced && d.made && d.found.equal * 2 < d.again.n))
		goto out;
	v->checked++;
	v->wrong += !d.made || d.found.n;
	for (size_t i = d.made ? d.found.start : b->end; i < b->end; i++)
		v->text.word[i].covered = true;
	*from = b->end;
	if (v->json)
		json_array_append_new(v->json, json_block(v, b, &d));
	else
		print_block(v, b, &d);
out:
	compare_free(&b->cmp);
	free_finding(&d);
	return ret;
}

static void print_conclusion(const struct verifying *v)
{
	printf("%zu block%s checked: ", v->checked, v->checked == 1 ? "" : "s");
	if (v->wrong)
		printf("%zu %s not follow from the samples\n", v->wrong,
		       v->wrong == 1 ? "does" : "do");
	else
		printf("%s from the samples\n", v->checked == 1 ? "it follows" : "all follow");
}

static int conclude(struct verifying *v)
{
	int status = v->wrong ? EXIT_FAILED : EXIT_DONE, ret = 0;
	json_t *first = json_array();
	size_t n = list_unchecked(&v->text, first);

	if (v->json) {
		ret = cli_print_json(v->cli, json_pack("{s:b, s:O, s:{s:i, s:O}}", "follows",
						       !v->wrong, "blocks", v->json, "unchecked",
						       "lines", (int)n, "first", first));
	} else {
		print_conclusion(v);
		print_unchecked(n, first);
	}
	json_decref(first);
	return ret ? ret : status;
}

static int verify(struct verifying *v)
{
	size_t from = 0;

	for (size_t i = 0; i < v->n_blocks; i++)
		if (verify_block(v, &v->blocks[i], &from))
			return out_of_memory(v);
	if (!v->checked)
		return cli_error(v->cli, EXIT_USAGE,
				 "%s has no commit block, which ends with 'tdcost compare ... "
				 "--format commit'; paste the whole block",
				 v->path);
	return conclude(v);
}

/* ---- the archive ---- */

static void ignore(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* Return: 0 or the exit status after cli_error(). */
static int open_archive(struct verifying *v)
{
	struct reason why = { "" };
	int found;

	if (store_open(&v->store, v->archive, STORE_READ, &why))
		return cli_error(v->cli, EXIT_FAILED, "%s", why.text);
	/* An index that lost rows makes other figures without any error. */
	found = store_check(v->store, ignore, NULL, &why);
	if (found < 0)
		return cli_error(v->cli, EXIT_FAILED, "%s", why.text);
	if (found)
		return cli_error(v->cli, EXIT_FAILED,
				 "%s: the archive is damaged; take another copy, or make it again "
				 "with `tdcost db export --evidence`; `tdcost db check --db %s` "
				 "lists what is wrong",
				 v->archive, v->archive);
	return 0;
}

int compare_verify(const struct cli *cli, const char *archive, const char *path, bool json)
{
	struct verifying v = {
		.cli = cli, .archive = archive, .path = path, .json = json ? json_array() : NULL
	};
	int status = read_text(&v);

	if (!status)
		status = find_blocks(&v);
	if (!status && v.n_blocks)
		status = open_archive(&v);
	if (!status)
		status = verify(&v);
	store_close(v.store);
	for (size_t i = 0; i < v.n_blocks; i++)
		free_block(&v.blocks[i]);
	free(v.blocks);
	words_free(&v.text);
	json_decref(v.json);
	return status;
}
