// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/harness/machine/tree.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void tree_make(struct tree *t)
{
	snprintf(t->root, sizeof(t->root), "/tmp/tdcost-test-XXXXXX");
	assert_non_null(mkdtemp(t->root));
}

static void full_path(char *full, size_t n, const struct tree *t, const char *path)
{
	int len = snprintf(full, n, "%s%s", t->root, path);

	assert_true(len > 0 && (size_t)len < n);
}

void tree_write(const struct tree *t, const char *path, const char *text)
{
	char full[512];
	FILE *f;

	full_path(full, sizeof(full), t, path);
	for (char *at = full + strlen(t->root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*at = '/';
	}
	f = fopen(full, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void tree_write_all(const struct tree *t, const struct tree_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tree_write(t, files[i].path, files[i].text);
}

void tree_unlink(const struct tree *t, const char *path)
{
	char full[512];

	full_path(full, sizeof(full), t, path);
	assert_int_equal(unlink(full), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_remove(struct tree *t)
{
	assert_int_equal(nftw(t->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
