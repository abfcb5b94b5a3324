// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/files.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512

static int full_path(char *buf, const char *root, const char *path)
{
	int len = snprintf(buf, PATH_BYTES, "%s%s", root, path);

	return len < 0 || len >= PATH_BYTES ? -ENAMETOOLONG : 0;
}

static int open_file(const char *root, const char *path, FILE **f)
{
	char full[PATH_BYTES];
	int err = full_path(full, root, path);

	if (err)
		return err;
	*f = fopen(full, "re");
	return *f ? 0 : -errno;
}

static void cut_end(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
}

int file_text(const char *root, const char *path, char *buf, size_t n)
{
	FILE *f;
	size_t got;
	int err = open_file(root, path, &f);

	if (err)
		return err;
	got = fread(buf, 1, n - 1, f);
	/* Some of sysfs opens and then refuses the read. */
	if (ferror(f))
		err = errno ? -errno : -EIO;
	fclose(f);
	buf[err ? 0 : got] = '\0';
	cut_end(buf);
	return err;
}

static int number_in(const char *text, int64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoll(text, &end, 10);
	if (end == text)
		return -EINVAL;
	return errno ? -errno : 0;
}

int file_number(const char *root, const char *path, int64_t *v)
{
	char text[64];
	int err = file_text(root, path, text, sizeof(text));

	return err ? err : number_in(text, v);
}

int file_choice(const char *root, const char *path, char *buf, size_t n)
{
	char text[256];
	char *from, *to;
	int err = file_text(root, path, text, sizeof(text));

	if (err)
		return err;
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return -EINVAL;
	*to = '\0';
	snprintf(buf, n, "%s", from + 1);
	return 0;
}

/* Does @line belong to @field? "MemFree:" must not answer for "Mem". */
static const char *field_value(const char *line, const char *field)
{
	size_t n = strlen(field);

	if (strncmp(line, field, n))
		return NULL;
	line += n;
	if (*line != ':' && !isspace((unsigned char)*line))
		return NULL;
	line += strspn(line, " \t");
	if (*line == ':')
		line++;
	return line + strspn(line, " \t");
}

int file_field(const char *root, const char *path, const char *field, char *buf, size_t n)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f;
	int err = open_file(root, path, &f);

	if (err)
		return err;
	err = -ENOENT;
	while (err && getline(&line, &room, f) > 0) {
		const char *value = field_value(line, field);

		if (!value)
			continue;
		snprintf(buf, n, "%s", value);
		cut_end(buf);
		err = 0;
	}
	free(line);
	fclose(f);
	return err;
}

int file_field_number(const char *root, const char *path, const char *field, int64_t *v)
{
	char text[64];
	int err = file_field(root, path, field, text, sizeof(text));

	return err ? err : number_in(text, v);
}

bool file_exists(const char *root, const char *path)
{
	char full[PATH_BYTES];

	return !full_path(full, root, path) && !access(full, F_OK);
}

bool word_in(const char *text, const char *word)
{
	size_t n = strlen(word);
	const char *at = text;

	while (n && (at = strstr(at, word))) {
		bool starts = at == text || isspace((unsigned char)at[-1]);
		bool ends = !at[n] || isspace((unsigned char)at[n]);

		if (starts && ends)
			return true;
		at += n;
	}
	return false;
}
