// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/paragraph.h"

#include <stdarg.h>
#include <string.h>

#define WIDTH 72

static void paragraph_word(struct paragraph *p, const char *word, size_t n)
{
	const char *fold = p->fold ? p->fold : "";

	if (p->column && p->column + 1 + n + strlen(fold) > WIDTH) {
		fprintf(p->to, "%s\n%s", fold, p->indent);
		p->column = strlen(p->indent);
	} else if (p->column > 0) {
		fputc(' ', p->to);
		p->column++;
	}
	/* No word is wider than a line; a shell joins what a backslash folds. */
	while (p->column + n + strlen(fold) > WIDTH && n > 1) {
		size_t piece = WIDTH - 1 - p->column < n ? WIDTH - 1 - p->column : n - 1;

		/* Not between a backslash and what it escapes. */
		piece -= piece > 1 && word[piece - 1] == '\\';
		fwrite(word, 1, piece, p->to);
		fputs("\\\n", p->to);
		word += piece;
		n -= piece;
		p->column = 0;
	}
	fwrite(word, 1, n, p->to);
	p->column += n;
}

static void paragraph_words(struct paragraph *p, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " ");

		if (n)
			paragraph_word(p, text, n);
		text += n + (text[n] == ' ');
	}
}

void paragraph_put(struct paragraph *p, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	paragraph_words(p, text);
}

void paragraph_end(struct paragraph *p)
{
	fputc('\n', p->to);
	p->column = 0;
}

void paragraph_shell_word(struct paragraph *p, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=./,:@%^";
	char escaped[1024];
	size_t n = 0;

	if (!*word) {
		paragraph_word(p, "\'\'", 2);
		return;
	}
	for (; *word && n + 2 < sizeof(escaped); word++) {
		if (!strchr(plain, *word) && !((unsigned char)*word & 0x80))
			escaped[n++] = '\\';
		escaped[n++] = *word;
	}
	paragraph_word(p, escaped, n);
}
