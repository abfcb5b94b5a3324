/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * env.h: the environment record: all that a reader of a figure would ask about the machine.
 *
 * Two JSON objects: `identity`, which names the environment and is hashed (two runs with the same
 * hash ran on the same set-up), and `varying`, which moves by itself (load, uptime, steal).
 */
#ifndef TDC_MACHINE_ENV_H
#define TDC_MACHINE_ENV_H

#include <jansson.h>

#include "harness/core/hash.h"
#include "harness/core/reason.h"
#include "harness/machine/cpu.h"
#include "harness/machine/topo.h"

struct env {
	json_t *identity; /* flat object, keys sorted when dumped; values strings, numbers, bools */
	json_t *varying;
	char hash[HASH_TEXT]; /* of the canonical dump of @identity */
	char boot[40];	      /* the kernel's boot_id */
	char host[HASH_TEXT]; /* stable id of the machine: machine-id and CPU, hashed */
	char hostname[65];
};

/**
 * env_record() - read everything that can be read
 * @root: prefix of /proc and /sys; "" for the live machine
 *
 * What cannot be read is null in the record, never left out and never guessed.
 * Return: 0, -ENOMEM. Free with env_free().
 */
int env_record(struct env *env, const char *root, const struct cpu_info *cpu,
	       const struct topo *topo, struct reason *why);
void env_free(struct env *env);

/* A string of @identity by key, "?" where it is null or not a string. */
const char *env_text(const struct env *env, const char *key);

#endif
