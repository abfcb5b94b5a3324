// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/excerpt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESYNC	     3	  /* so many equal words end a difference */
#define LOOKAHEAD    2000 /* words of both texts in which they are looked for */
#define AROUND	     3	  /* words shown before and after a difference */
#define SHOWN	     12	  /* words shown of it */
#define EXCERPT_SIZE 160  /* bytes */

/* ---- words ---- */

struct splitting {
	char *at, *end;
	unsigned line, depth;
};

static bool is_blank(const struct splitting *s)
{
	return s->at < s->end && (isspace((unsigned char)*s->at) || !*s->at);
}

/*
 * Only what a blank, a mark or the line's end follows is a quote mark: ">5" is a word. Blanks after
 * the last mark are left.
 */
static void skip_quotes(struct splitting *s)
{
	s->depth = 0;
	for (char *at = s->at; at < s->end; at++) {
		if (*at == ' ' || *at == '\t')
			continue;
		if (*at != '>' ||
		    (at + 1 < s->end && at[1] != '>' && !isspace((unsigned char)at[1])))
			return;
		s->depth++;
		s->at = at + 1;
	}
}

/* Return: whether a line ended. */
static bool skip_blanks(struct splitting *s)
{
	bool ended = false;

	while (is_blank(s)) {
		if (*s->at++ != '\n')
			continue;
		ended = true;
		s->line++;
		skip_quotes(s);
	}
	return ended;
}

/* Copy the next word to @to, never beyond where it is read from. Return: its end. */
static char *take_word(struct splitting *s, char *to)
{
	const char *start = to;

	while (s->at < s->end && !is_blank(s)) {
		bool escapes = *s->at == '\\';

		*to++ = *s->at++;
		if (!escapes)
			continue;
		if (!is_blank(s)) {
			if (s->at < s->end)
				*to++ = *s->at++;
			continue;
		}
		if (to - start == 1) /* the backslash alone: a fold between words */
			return to - 1;
		*to++ = skip_blanks(s) ? '\n' : ' ';
	}
	return to;
}

static int add_word(struct words *w, const struct word *word)
{
	/* Doubled whenever it is full: at each power of two. */
	if (!(w->n & (w->n - 1))) {
		struct word *more = realloc(w->word, (w->n ? w->n * 2 : 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->word = more;
	}
	w->word[w->n++] = *word;
	return 0;
}

int words_split(char *buf, size_t len, struct words *out)
{
	struct splitting s = { .at = buf, .end = buf + len, .line = 1 };
	char *to = buf;
	int ret = 0;

	*out = (struct words){ .buf = buf };
	skip_quotes(&s);
	skip_blanks(&s);
	while (!ret && s.at < s.end) {
		struct word word = { to, s.line, s.depth, false };
		char *end = take_word(&s, to);

		/* The blank after the word makes room for its end. */
		skip_blanks(&s);
		if (end == word.text)
			continue;
		*end = '\0';
		to = end + 1;
		ret = add_word(out, &word);
	}
	return ret;
}

void words_free(struct words *w)
{
	free(w->buf);
	free(w->word);
	*w = (struct words){ 0 };
}

static bool is_joint(const char *at)
{
	return at[0] == '\\' && (at[1] == ' ' || at[1] == '\n');
}

bool word_equal(const char *made, const char *text)
{
	for (;;) {
		bool joint = is_joint(made);

		if (joint && is_joint(text)) {
			made += 2;
			text += 2;
		} else if (joint && made[1] == '\n') {
			made += 2;
		} else if (*made != *text) {
			return false;
		} else if (!*made) {
			return true;
		} else {
			made++;
			text++;
		}
	}
}

/* ---- differences ---- */

struct comparing {
	const struct words *made, *text;
	size_t from;
	unsigned depth;
};

/* The word of the text before @t is that of @made before @m. */
static bool equal_before(const struct comparing *c, size_t m, size_t t)
{
	return m > 0 && t > c->from && c->text->word[t - 1].depth <= c->depth &&
	       word_equal(c->made->word[m - 1].text, c->text->word[t - 1].text);
}

static bool agree_before(const struct comparing *c, size_t m, size_t t)
{
	for (size_t k = 0; k < RESYNC && m > 0; k++, m--, t--)
		if (!equal_before(c, m, t))
			return false;
	return true;
}

/*
 * The shortest difference before which the words agree again. Where @made is used up, as many words
 * of the text are taken as are left of @made: what is before those is the author's own.
 */
static struct difference next_difference(const struct comparing *c, size_t m, size_t t)
{
	size_t room = t - c->from, most = m < room ? m : room;

	for (size_t sum = 1; sum < LOOKAHEAD; sum++) {
		for (size_t i = sum > room ? sum - room : 0; i <= sum && i <= m; i++) {
			size_t k = sum - i;

			if (i == m ? k == most : agree_before(c, m - i, t - k))
				return (struct difference){ m - i, i, t - k, k };
		}
	}
	return (struct difference){ 0, m, t - most, most };
}

static int add_difference(struct differences *out, const struct difference *d)
{
	struct difference *more = realloc(out->all, (out->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	out->all = more;
	out->all[out->n++] = *d;
	return 0;
}

static void reverse(struct differences *d)
{
	for (size_t i = 0; i < d->n / 2; i++) {
		struct difference swap = d->all[i];

		d->all[i] = d->all[d->n - 1 - i];
		d->all[d->n - 1 - i] = swap;
	}
}

int words_compare(const struct words *made, const struct words *text, size_t from, size_t end,
		  unsigned depth, struct differences *out)
{
	struct comparing c = { made, text, from, depth };
	size_t m = made->n, t = end;
	int ret = 0;

	*out = (struct differences){ 0 };
	/* From the end, which is known, to the beginning, which is not. */
	while (!ret && m > 0) {
		struct difference d;

		if (equal_before(&c, m, t)) {
			out->equal++;
			m--;
			t--;
			continue;
		}
		d = next_difference(&c, m, t);
		ret = add_difference(out, &d);
		m = d.made;
		t = d.text;
	}
	out->start = t;
	reverse(out);
	return ret;
}

/* ---- lines ---- */

size_t words_lines(const struct words *made)
{
	size_t n = 0;

	for (size_t i = 0; i < made->n; i++)
		n += !i || made->word[i].line != made->word[i - 1].line;
	return n;
}

size_t words_lines_wrong(const struct words *made, const struct differences *d)
{
	unsigned last = 0;
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct difference *one = &d->all[i];
		/* What was only put in makes the line wrong that it is put into. */
		size_t end = one->made + (one->made_n ? one->made_n : 1);

		for (size_t k = one->made; k < end && k < made->n; k++) {
			n += made->word[k].line != last;
			last = made->word[k].line;
		}
	}
	return n;
}

/* ---- excerpts ---- */

/* A terminal obeys control characters; a join of two lines is shown as none. */
static void put_word(const char *text, FILE *to)
{
	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == '\n')
			text++;
		else
			fputc(iscntrl((unsigned char)*text) ? '?' : *text, to);
	}
}

/* In place: cut where it is long, never inside a character of UTF-8. */
static void cut(char *text)
{
	size_t at = EXCERPT_SIZE;

	if (strlen(text) < EXCERPT_SIZE + strlen("..."))
		return;
	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	strcpy(text + at, "...");
}

static void put_words(const struct words *w, size_t at, size_t end, unsigned depth, FILE *to)
{
	for (; at < end; at++) {
		const struct word *word = &w->word[at];

		if (word->depth > depth && (!at || word[-1].line != word->line))
			fputs("> ", to);
		put_word(word->text, to);
		fputc(' ', to);
	}
}

char *words_excerpt(const struct words *w, size_t from, size_t end, size_t at, size_t n,
		    unsigned depth)
{
	size_t before = at - from < AROUND ? from : at - AROUND;
	size_t shown = n > SHOWN ? SHOWN : n;
	size_t after = end - (at + n) < AROUND ? end : at + n + AROUND;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	put_words(w, before, at + shown, depth, to);
	if (shown < n)
		fputs("... ", to);
	else
		put_words(w, at + n, after, depth, to);
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	if (size)
		text[size - 1] = '\0';
	cut(text);
	return text;
}
