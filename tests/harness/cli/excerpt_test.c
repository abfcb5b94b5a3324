// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "harness/cli/excerpt.h"

/* Two blocks with what a real one has: folds between words and inside one, and an escaped blank. */
#define FIRST                                                                 \
	"Some CPU(R) 8592+, family 6 model 207, Linux 6.18.44\\\n"            \
	"-fc, lane host, all measured.\n\n"                                   \
	"reset, ns per 4 KiB page: quirk=on, quirk=off, n processes:\n"       \
	"  region=256K twin=a\n"                                              \
	"      483.3     2.523    -481.0 ns [-630.4, -331.6] n=12 faster\n"   \
	"  region=256K twin=b\n"                                              \
	"      483.3     2.523    -481.0 ns [-630.4, -331.6] n=12 faster\n\n" \
	"Reproduce:\n"                                                        \
	"  tdcost run reset -p region=256K --label two\\ words9 \\\n"         \
	"      --seed 41860882641258\n"                                       \
	"  tdcost compare 984f20a8 --by quirk --format commit\n"
#define SECOND                                                    \
	"Other CPU 9754, all measured.\n"                         \
	"  1.157 3.469 +200.11 % [+199.88, +200.34] n=6 slower\n" \
	"Reproduce:\n"                                            \
	"  tdcost compare 3a6b4635 --by extra --format \\\n"      \
	"      commit\n"

static struct words split(const char *text)
{
	struct words out;
	size_t len = strlen(text);
	char *buf = malloc(len + 1);

	assert_non_null(buf);
	memcpy(buf, text, len);
	assert_int_equal(words_split(buf, len, &out), 0);
	return out;
}

/* Each on a line, so that one comparison shows all. */
static void assert_words(const char *text, const char *want)
{
	struct words w = split(text);
	char got[512] = "";

	for (size_t i = 0; i < w.n; i++) {
		strcat(got, w.word[i].text);
		strcat(got, "|");
	}
	assert_string_equal(got, want);
	words_free(&w);
}

static void split_any_blanks_words_are_the_same(void **state)
{
	(void)state;
	assert_words("", "");
	assert_words(" \t\r\n\n ", "");
	assert_words("a b", "a|b|");
	assert_words("  a\r\n\tb  c\n", "a|b|c|");
	assert_words("a\\b \\", "a\\b|\\|");
}

static void split_quotes_marks_are_no_words(void **state)
{
	struct words w = split("a\n> b\n> > c\n>> d\n>\n  > e > f\n>5 g\n");
	const unsigned depth[] = { 0, 1, 2, 2, 1, 1, 1, 0, 0 };
	const unsigned line[] = { 1, 2, 3, 4, 6, 6, 6, 7, 7 };

	(void)state;
	assert_words("> a\n> > b\n>> c\n>\n  > d > e\n>5 f", "a|b|c|d|>|e|>5|f|");
	assert_int_equal(w.n, sizeof(depth) / sizeof(depth[0]));
	for (size_t i = 0; i < w.n; i++) {
		assert_int_equal(w.word[i].depth, depth[i]);
		assert_int_equal(w.word[i].line, line[i]);
	}
	words_free(&w);
}

static void split_backslashes_join_or_fold(void **state)
{
	(void)state;
	/* Between words it is a fold, inside of one it joins. */
	assert_words("a \\\n  b", "a|b|");
	assert_words("> a \\\n>   b", "a|b|");
	assert_words("a\\\nb c", "a\\\nb|c|");
	assert_words("> a\\\r\n> b", "a\\\nb|");
	assert_words("a\\ b", "a\\ b|");
	/* One that is escaped does neither. */
	assert_words("a\\\\ b", "a\\\\|b|");
}

static void equal_folds_do_not_matter_other_backslashes_do(void **state)
{
	static const struct {
		const char *made, *text;
		bool equal;
	} cases[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "", false },
		{ "ab", "a", false },
		{ "a", "ab", false },
		/* Re-wrapped or unfolded. */
		{ "a\\\nb", "a\\\nb", true },
		{ "a\\\nb", "a\\ b", true },
		{ "a\\\nb", "ab", true },
		{ "a\\ b", "a\\\nb", true },
		/* The blank is of the word. */
		{ "a\\ b", "ab", false },
		{ "a\\\nb", "ac", false },
		/* No fold that was not there: "1\ 2" is not 12. */
		{ "12", "1\\ 2", false },
		{ "12", "1\\\n2", false },
		{ "1\\\n23", "12\\\n3", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(word_equal(cases[i].made, cases[i].text), cases[i].equal);
}

/* @made in @text up to the @end last words. Return: how many differences. */
static size_t compared(const char *made, const char *text, size_t end, struct differences *out)
{
	struct words m = split(made), t = split(text);
	size_t n;

	assert_int_equal(words_compare(&m, &t, 0, t.n - end, 0, out), 0);
	assert_true(out->start <= t.n - end);
	n = out->n;
	/* What is equal and what is not is all that was made. */
	for (size_t i = 0; i < n; i++)
		out->equal += out->all[i].made_n;
	assert_int_equal(out->equal, m.n);
	assert_true(words_lines_wrong(&m, out) <= words_lines(&m));
	free(out->all);
	words_free(&m);
	words_free(&t);
	return n;
}

static void compare_true_block_in_other_text_has_none(void **state)
{
	struct differences d;

	(void)state;
	assert_int_equal(compared(FIRST, FIRST, 0, &d), 0);
	assert_int_equal(d.start, 0);
	assert_int_equal(compared(FIRST, "My own 7 words are before it: 1 2\n" FIRST, 0, &d), 0);
	assert_int_equal(d.start, 9);
	assert_int_equal(compared(FIRST, "So: " FIRST "and after it", 3, &d), 0);
	assert_int_equal(compared("", "a b", 0, &d), 0);
	assert_int_equal(compared("a b", "", 0, &d), 1);
}

/* Each digit of two blocks, to each other digit: found in its block, and in that one only. */
static void compare_each_digit_changed_is_found(void **state)
{
	char text[] = FIRST SECOND;
	const size_t first = strlen(FIRST);
	struct words second = split(SECOND);
	struct differences d;
	size_t digits = 0;

	(void)state;
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];

		if (was < '0' || was > '9')
			continue;
		digits++;
		for (text[i] = '0'; text[i] <= '9'; text[i]++) {
			size_t wrong = text[i] != was;

			assert_int_equal(compared(FIRST, text, second.n, &d),
					 i < first ? wrong : 0);
			assert_int_equal(compared(SECOND, text, 0, &d), i < first ? 0 : wrong);
		}
		text[i] = was;
	}
	assert_true(digits > 100);
	words_free(&second);
}

/* The words of FIRST, but @skip is left out, @twice comes twice, @swap changes places with the next. */
static void put_without(const struct words *w, char *to, size_t skip, size_t twice, size_t swap)
{
	*to = '\0';
	for (size_t i = 0; i < w->n; i++) {
		size_t k = i == swap ? i + 1 : i == swap + 1 ? i - 1 : i;

		for (unsigned n = (i != skip) + (i == twice); n; n--)
			to += sprintf(to, "%s ", w->word[k].text);
	}
}

static void compare_each_word_left_out_doubled_or_moved_is_found(void **state)
{
	struct words w = split(FIRST);
	char text[2048];
	struct differences d;

	(void)state;
	put_without(&w, text, SIZE_MAX, SIZE_MAX, SIZE_MAX - 1);
	assert_int_equal(compared(FIRST, text, 0, &d), 0);
	/* The last word is the end, which the caller found. */
	for (size_t i = 0; i < w.n - 1; i++) {
		put_without(&w, text, i, SIZE_MAX, SIZE_MAX - 1);
		assert_true(compared(FIRST, text, 0, &d) >= 1);
		put_without(&w, text, SIZE_MAX, SIZE_MAX, i);
		if (i + 1 < w.n && strcmp(w.word[i].text, w.word[i + 1].text))
			assert_true(compared(FIRST, text, 0, &d) >= 1);
		/* Before the first one anything may be. */
		put_without(&w, text, SIZE_MAX, i, SIZE_MAX - 1);
		assert_int_equal(compared(FIRST, text, 0, &d), i > 0);
	}
	words_free(&w);
}

static void compare_deeper_quote_is_a_difference(void **state)
{
	struct words m = split("1 2 3 4 5"), t = split("> 1 2\n3\n> > 4\n> 5\n");
	struct differences d;

	(void)state;
	assert_int_equal(words_compare(&m, &t, 0, t.n, 2, &d), 0);
	assert_int_equal(d.n, 0);
	free(d.all);
	assert_int_equal(words_compare(&m, &t, 0, t.n, 1, &d), 0);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.all[0].made, 3);
	assert_int_equal(d.all[0].text, 3);
	free(d.all);
	words_free(&m);
	words_free(&t);
}

/* A long text that has nothing of the block, and one where every other word differs. */
static void compare_nothing_in_common_ends(void **state)
{
	enum { WORDS = 5000 };
	char *made = calloc(WORDS, 8), *text = calloc(WORDS, 8), *m = made, *t = text;
	struct differences d;

	(void)state;
	for (unsigned i = 0; i < WORDS; i++) {
		m += sprintf(m, "a%u ", i);
		t += sprintf(t, i % 2 ? "a%u " : "b%u ", i);
	}
	assert_true(compared(made, text, 0, &d) >= 1);
	for (t = text; *t; t++)
		*t = *t == 'a' ? 'b' : *t;
	assert_int_equal(compared(made, text, 0, &d), 1);
	free(made);
	free(text);
}

static void lines_wrong_counts_lines_of_the_made(void **state)
{
	static const struct {
		const char *text;
		size_t wrong;
	} cases[] = {
		{ "a b c d e f g h i", 0 },   { "a X c d e f g h i", 1 },
		{ "a X c d e f g X i", 2 },   { "a b X X e f g h i", 2 },
		{ "a b c d f g h i", 1 },     { "a b c X d e f g h i", 1 },
		{ "a b c d e f X g h i", 1 }, { "i", 3 },
	};
	struct words made = split("a b c\nd e f\n\ng h i\n");

	(void)state;
	assert_int_equal(words_lines(&made), 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct words t = split(cases[i].text);
		struct differences d;

		assert_int_equal(words_compare(&made, &t, 0, t.n, 0, &d), 0);
		assert_int_equal(words_lines_wrong(&made, &d), cases[i].wrong);
		free(d.all);
		words_free(&t);
	}
	words_free(&made);
}

static void assert_excerpt(const char *text, size_t at, size_t n, unsigned depth, const char *want)
{
	struct words w = split(text);
	char *got = words_excerpt(&w, 0, w.n, at, n, depth);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
	words_free(&w);
}

static void excerpt_shows_words_around_on_one_line(void **state)
{
	char line[600], *to = line;

	(void)state;
	assert_excerpt("a b c d\ne f g h i", 4, 1, 0, "b c d e f g h");
	assert_excerpt("a b c", 0, 1, 0, "a b c");
	assert_excerpt("a b c", 3, 0, 0, "a b c");
	assert_excerpt("", 0, 0, 0, "");
	assert_excerpt("a\\\nb c\\ d", 0, 1, 0, "ab c\\ d");
	assert_excerpt("a\n> b\n> > c d", 0, 4, 1, "a b > c d");
	assert_excerpt("a\033[31m \177", 0, 1, 0, "a?[31m ?");
	assert_excerpt("1 2 3 4 5 6 7 8 9 10 11 12 13 14", 0, 13, 0,
		       "1 2 3 4 5 6 7 8 9 10 11 12 ...");
	/* Cut between characters, wherever these begin. */
	for (size_t i = 0; i < 3; i++) {
		struct words w;
		char *got;

		to = line + sprintf(line, "%.*s", (int)i, "xx");
		for (unsigned k = 0; k < 100; k++)
			to += sprintf(to, "\u20ac");
		w = split(line);
		got = words_excerpt(&w, 0, 1, 0, 1, 0);
		assert_non_null(got);
		assert_true(strlen(got) < 170);
		assert_int_equal((strlen(got) - strlen("...") - i) % 3, 0);
		assert_string_equal(got + strlen(got) - 3, "...");
		free(got);
		words_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_any_blanks_words_are_the_same),
		cmocka_unit_test(split_quotes_marks_are_no_words),
		cmocka_unit_test(split_backslashes_join_or_fold),
		cmocka_unit_test(equal_folds_do_not_matter_other_backslashes_do),
		cmocka_unit_test(compare_true_block_in_other_text_has_none),
		cmocka_unit_test(compare_each_digit_changed_is_found),
		cmocka_unit_test(compare_each_word_left_out_doubled_or_moved_is_found),
		cmocka_unit_test(compare_deeper_quote_is_a_difference),
		cmocka_unit_test(compare_nothing_in_common_ends),
		cmocka_unit_test(lines_wrong_counts_lines_of_the_made),
		cmocka_unit_test(excerpt_shows_words_around_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
