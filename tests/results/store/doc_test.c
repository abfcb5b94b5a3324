// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/tdcost-db.5 names every table, view and column, and its SQL is SQL. */
#include "tests/results/store/fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/store/history.h"

#define PAGE "docs/tdcost-db.5" /* tests run from the top of the tree */

/* The page with "\-" as "-", which is all of roff that its SQL needs. */
static char *read_page(void)
{
	FILE *f = fopen(PAGE, "r");
	char *text = calloc(1, 1 << 16);
	size_t n = 0;
	int c;

	assert_non_null(f);
	assert_non_null(text);
	while ((c = getc(f)) != EOF && n < (1 << 16) - 1) {
		if (c == '-' && n && text[n - 1] == '\\')
			n--;
		text[n++] = (char)c;
	}
	fclose(f);
	return text;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n) {
		bool before = p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_');

		if (!before && !isalnum((unsigned char)p[n]) && p[n] != '_')
			return true;
	}
	return false;
}

static void every_column_is_documented(void **state)
{
	struct fixture *f = *state;
	char *page = read_page();
	sqlite3_stmt *st;
	int columns = 0;

	OK(sql_query(f->s, &st,
		     "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_xinfo(s.name) c"
		     " WHERE s.type IN ('table', 'view')",
		     NO_ARGS, &why));
	while (OK(sql_step(f->s, st, &why)) > 0) {
		const char *table = (const char *)sqlite3_column_text(st, 0);
		const char *column = (const char *)sqlite3_column_text(st, 1);

		if (!has_word(page, table) || !has_word(page, column))
			fail_msg("%s does not name %s.%s", PAGE, table, column);
		columns++;
	}
	assert_true(columns > 100);
	sqlite3_finalize(st);
	free(page);
}

static void its_version_is_ours(void **state)
{
	char *page = read_page(), words[64];

	(void)state;
	snprintf(words, sizeof(words), "describes version %d.", store_history.version);
	assert_non_null(strstr(page, words));
	snprintf(words, sizeof(words), "0x%X (%d", STORE_APPLICATION_ID, STORE_APPLICATION_ID);
	assert_non_null(strstr(page, words));
	free(page);
}

/* An example is SQL, or a shell line that holds it in double quotes. */
static char *sql_of(char *example)
{
	char *end;

	if (strncmp(example, "sqlite3", 7))
		return example;
	example = strchr(example, '"');
	assert_non_null(example);
	end = strrchr(++example, '"');
	assert_non_null(end);
	*end = '\0';
	return example;
}

static void every_example_runs(void **state)
{
	static const char begin[] = ".nf\n.RS\n", end[] = ".RE\n";
	char *page = read_page(), *p = page;
	struct fixture *f = *state;
	int examples = 0;

	OK(fixture_begin(f->s, "a-run", "mine", f->boot, 1));
	OK(fixture_put_round(f->s, "a-run", f->boot, 0, 2, 16));
	while ((p = strstr(p, begin))) {
		char *example = p + strlen(begin), *stop = strstr(example, end);

		assert_non_null(stop);
		*stop = '\0';
		OK(sql_exec(f->s, sql_of(example), &why));
		examples++;
		p = stop + 1;
	}
	assert_true(examples >= 5);
	free(page);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_column_is_documented),
		TEST(its_version_is_ours),
		TEST(every_example_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
