/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * excerpt.h: texts as words, and how one differs from another. Line ends, indentation, quote marks
 * and the backslashes that fold a command are not words, so a mail program's re-wrapping changes
 * nothing.
 */
#ifndef TDC_CLI_EXCERPT_H
#define TDC_CLI_EXCERPT_H

#include <stdbool.h>
#include <stddef.h>

struct word {
	/* A word that a backslash joins over a blank or a line's end keeps both: "a\ b", "a\\\nb". */
	const char *text;
	unsigned line;	/* 1: the first */
	unsigned depth; /* quote marks before its line: "> > " is 2 */
	bool covered;	/* the caller's, false at first */
};

struct words {
	char *buf;
	struct word *word;
	size_t n;
};

/**
 * words_split() - take @len bytes apart
 *
 * @buf is from malloc(), has room for one byte more, and belongs to @out in every case. Return: 0,
 * -ENOMEM. Free with words_free().
 */
int words_split(char *buf, size_t len, struct words *out);
void words_free(struct words *w);

/*
 * Is @text what was @made? It may lack the folds inside a word of @made. It may not have a backslash
 * that @made lacks.
 */
bool word_equal(const char *made, const char *text);

/* Words that differ: @made_n of the one from @made on became @text_n of the other from @text on. */
struct difference {
	size_t made, made_n, text, text_n;
};

struct differences {
	size_t start; /* of @made in the text */
	size_t equal; /* words of @made that the text has in their place */
	struct difference *all;
	size_t n;
};

/**
 * words_compare() - find @made in @text, where it ends before the word @end
 *
 * It begins where it may, at the word @from or later: what is before it is not a difference. A word
 * that is quoted more deeply than @depth is a difference. Return: 0, -ENOMEM; the caller frees
 * out->all.
 */
int words_compare(const struct words *made, const struct words *text, size_t from, size_t end,
		  unsigned depth, struct differences *out);

/* How many lines of @made have words, and how many of them hold or adjoin a difference. */
size_t words_lines(const struct words *made);
size_t words_lines_wrong(const struct words *made, const struct differences *d);

/*
 * The @n words from @at on with some before and after, none outside of @from to @end, on one line,
 * cut where it is long. A line that is quoted more deeply than @depth keeps a mark. The caller frees
 * it; NULL when out of memory.
 */
char *words_excerpt(const struct words *w, size_t from, size_t end, size_t at, size_t n,
		    unsigned depth);

#endif
