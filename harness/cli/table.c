// SPDX-License-Identifier: GPL-2.0-or-later
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>

#include "harness/cli/cli.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	size_t column;
};

struct table *table_new(const char *const *columns, size_t n)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->scols = scols_new_table();
	if (!t->scols) {
		free(t);
		return NULL;
	}
	/* Figures are read by people and by awk: the same table in a pipe, nothing truncated. */
	scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
	for (size_t i = 0; i < n; i++) {
		bool right = columns[i][0] == '>';

		scols_table_new_column(t->scols, columns[i] + right, 0, right ? SCOLS_FL_RIGHT : 0);
	}
	return t;
}

void table_row(struct table *t)
{
	t->line = scols_table_new_line(t->scols, NULL);
	t->column = 0;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	/* The line owns the text from here on. */
	if (!t->line || scols_line_refer_data(t->line, t->column++, text))
		free(text);
}

void table_print(struct table *t, FILE *to)
{
	scols_table_set_stream(t->scols, to);
	scols_print_table(t->scols);
	scols_unref_table(t->scols);
	free(t);
}
