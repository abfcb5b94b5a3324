/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h: canonical JSON and its hash: the natural keys of cells and environments. */
#ifndef TDC_CORE_HASH_H
#define TDC_CORE_HASH_H

#include <jansson.h>

#define HASH_TEXT 33 /* 128 bits in hex, and the NUL */

/* Canonical dump: sorted keys, compact. The caller frees it. NULL when out of memory. */
char *json_canonical(const json_t *j);

/* XXH3 128 of @text in hex. Not cryptographic: it names things, it does not protect them. */
void hash_text(const char *text, char out[HASH_TEXT]);

/**
 * hash_cell() - the natural key of a cell
 * @factors: canonical JSON of its levels
 */
void hash_cell(const char *benchmark, unsigned version, const char *factors, char out[HASH_TEXT]);

/**
 * json_differences() - the keys in which two flat objects differ: environments, factors
 *
 * Return: a new array of {"key", "a", "b"} objects in key order (release with json_decref()).
 */
json_t *json_differences(const json_t *a, const json_t *b);

#endif
