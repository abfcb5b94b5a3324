/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paragraph.h: words that wrap at 72 columns, for what goes into a commit message. */
#ifndef TDC_CLI_PARAGRAPH_H
#define TDC_CLI_PARAGRAPH_H

#include <stddef.h>
#include <stdio.h>

/* A paragraph under way. */
struct paragraph {
	FILE *to;
	size_t column;
	const char *indent; /* of the lines after the first */
	const char *fold;   /* ends a line that goes on: " \\" in a command */
};

/* The words of a text, a blank between them, on as many lines as it takes. */
void paragraph_put(struct paragraph *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As a shell takes it, every special character behind a backslash, so that it may be folded. */
void paragraph_shell_word(struct paragraph *p, const char *word);

void paragraph_end(struct paragraph *p);

#endif
