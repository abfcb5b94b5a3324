/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: a made-up /proc and /sys in a temporary folder, for tests. */
#ifndef TDC_TEST_TREE_H
#define TDC_TEST_TREE_H

#include <stddef.h>

struct tree {
	char root[64]; /* give this to functions that take a root */
};

struct tree_file {
	const char *path, *text;
};

/* Each fails the running test when the file system does not do what it should. */
void tree_make(struct tree *t);
void tree_write(const struct tree *t, const char *path, const char *text); /* makes the folders */
void tree_write_all(const struct tree *t, const struct tree_file *files, size_t n);
void tree_unlink(const struct tree *t, const char *path);
void tree_remove(struct tree *t);

#endif
