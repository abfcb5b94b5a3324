// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/core/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

char *json_canonical(const json_t *j)
{
	return json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
}

static void hash_bytes(const void *p, size_t n, char out[HASH_TEXT])
{
	XXH128_hash_t h = XXH3_128bits(p, n);

	snprintf(out, HASH_TEXT, "%016llx%016llx", (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
}

void hash_text(const char *text, char out[HASH_TEXT])
{
	hash_bytes(text, strlen(text), out);
}

void hash_cell(const char *benchmark, unsigned version, const char *factors, char out[HASH_TEXT])
{
	char inner[HASH_TEXT], key[160];

	hash_text(factors, inner);
	snprintf(key, sizeof(key), "%s/%u/%s", benchmark, version, inner);
	hash_text(key, out);
}

/* A key that one side has not is as good as null: an older tdcost did not know it. */
static int note_difference(json_t *list, const char *key, json_t *a, json_t *b)
{
	json_t *x = a ? a : json_null(), *y = b ? b : json_null();

	if (json_equal(x, y))
		return 0;
	return json_array_append_new(list,
				     json_pack("{s:s, s:O, s:O}", "key", key, "a", x, "b", y));
}

static int by_key(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

json_t *json_differences(const json_t *a, const json_t *b)
{
	size_t room = json_object_size(a) + json_object_size(b), n = 0;
	const char **keys = calloc(room + 1, sizeof(*keys));
	json_t *list = json_array(), *value;
	const char *key;

	if (!keys || !list)
		goto fail;
	json_object_foreach((json_t *)a, key, value)
		keys[n++] = key;
	json_object_foreach((json_t *)b, key, value)
		if (!json_object_get(a, key))
			keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_key);
	for (size_t i = 0; i < n; i++)
		if (note_difference(list, keys[i], json_object_get(a, keys[i]),
				    json_object_get(b, keys[i])))
			goto fail;
	free(keys);
	return list;
fail:
	free(keys);
	json_decref(list);
	return NULL;
}
