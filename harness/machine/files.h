/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.h: the small text files of /proc and /sys, under a prefix so that tests can put a tree of
 * their own in their place. For this folder and for bench/kmod, which asks why there is no module.
 */
#ifndef TDC_MACHINE_FILES_H
#define TDC_MACHINE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All functions take @root, the prefix ("" for the live machine), and return 0 or -errno. */

/* The file's text up to @n - 1 bytes, white space at its end cut off. */
int file_text(const char *root, const char *path, char *buf, size_t n);

/* The first number in the file. -EINVAL where there is none. */
int file_number(const char *root, const char *path, int64_t *v);

/* The word in brackets of "always [madvise] never". -EINVAL where there is none. */
int file_choice(const char *root, const char *path, char *buf, size_t n);

/*
 * What follows the first line that starts with @field, as in "MemTotal:  1 kB" or
 * "bugs\t\t: spectre_v1"; blanks and one colon are skipped. -ENOENT where there is no such line.
 */
int file_field(const char *root, const char *path, const char *field, char *buf, size_t n);

/* The number after @field. */
int file_field_number(const char *root, const char *path, const char *field, int64_t *v);

bool file_exists(const char *root, const char *path);

/* Is @word one of the blank-separated words of @text? */
bool word_in(const char *text, const char *word);

#endif
