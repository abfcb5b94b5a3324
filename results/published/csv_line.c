// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/published/csv_line.h"

#include <errno.h>
#include <string.h>

/* From behind the opening quote; ends the text. Return: what stands behind the closing one. */
static char *take_quoted(char *at)
{
	char *to = at;

	for (; *at; at++) {
		if (*at == '"' && *++at != '"') {
			*to = '\0';
			return at;
		}
		*to++ = *at;
	}
	return NULL;
}

int csv_line_split(char *line, char **fields, size_t max, struct reason *why)
{
	int n = 0;

	for (char *at = line;; at++) {
		char *field = at, end;

		if (*at == '"') {
			field++;
			at = take_quoted(field);
			if (!at)
				return reason_set(why, -EINVAL,
						  "field %d: its quote is not closed on this line",
						  n + 1);
			if (*at && *at != ',')
				return reason_set(why, -EINVAL,
						  "field %d: text behind its closing quote", n + 1);
		} else {
			at += strcspn(at, ",\"");
			if (*at == '"')
				return reason_set(why, -EINVAL,
						  "field %d: a quote inside it; quote the whole "
						  "field and double the quote",
						  n + 1);
		}
		end = *at;
		*at = '\0';
		if ((size_t)n < max)
			fields[n] = field;
		n++;
		if (!end)
			return n;
	}
}
