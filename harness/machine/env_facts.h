/* SPDX-License-Identifier: GPL-2.0-or-later */
/* env_facts.h: what env_record() is made of. For this folder only. */
#ifndef TDC_MACHINE_ENV_FACTS_H
#define TDC_MACHINE_ENV_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/machine/cpu.h"
#include "harness/machine/topo.h"

/* One JSON object being filled. The first failure stays in @err and the rest do nothing. */
struct facts {
	const char *root;
	const struct cpu_info *cpu;
	const struct topo *topo; /* may be NULL */
	json_t *object;
	int err;
};

/* Each takes what cannot be read as null. */
void put_json(struct facts *f, const char *key, json_t *value);	   /* steals @value; NULL: null */
void put_text(struct facts *f, const char *key, const char *text); /* NULL: null */
void put_number(struct facts *f, const char *key, int64_t v);
void put_bool(struct facts *f, const char *key, bool v);
void put_null(struct facts *f, const char *key);

/* How a small file becomes a value. */
enum how {
	HOW_TEXT,   /* the text as it is */
	HOW_NUMBER, /* its first number */
	HOW_CHOICE, /* the word in brackets; the text where there are none */
	HOW_BOOL,   /* Y, 1 or N, 0 */
};

struct file_fact {
	const char *key, *path;
	enum how how;
};

void put_files(struct facts *f, const struct file_fact *list, size_t n);

/* Everything that names the set-up, and everything that moves by itself. */
void put_identity(struct facts *f);
void put_varying(struct facts *f);

#endif
