/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memcg.h: is what the kernel allocates for this process charged to a memory cgroup?
 *
 * GFP_KERNEL_ACCOUNT charges the memory cgroup of the task, except the root one, which charges
 * nothing: there the paths that charge look as cheap as those that do not. Who finds itself there
 * can be moved into a cgroup of its own for a while (cgroup v2), which goes again whatever becomes
 * of the process: a guard, a process of its own outside of the cgroup, removes it when this one has
 * ended; and what a guard that was killed as well left behind, the next one removes.
 */
#ifndef TDC_MACHINE_MEMCG_H
#define TDC_MACHINE_MEMCG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/core/reason.h"

#define MEMCG_PATH 512

struct memcg {
	char dir[MEMCG_PATH];  /* of the cgroup that is charged */
	char from[MEMCG_PATH]; /* where the process was, when that cgroup is its own; else "" */
	int line;	       /* to the guard; -1: there is none */
	pid_t guard;
};

/**
 * memcg_supported() - is this process charged, or could it be?
 * @root: prefix of /proc and /sys; "" for the live machine
 *
 * Return: 0; -ENOTSUP with what stands in the way and what to do.
 */
int memcg_supported(const char *root, struct reason *why);

/**
 * memcg_open() - see to it that this process is charged
 *
 * All threads of it, also those that it makes later. Return: 0; -ENOTSUP; -errno. Undo with
 * memcg_close(), also after a failure.
 */
int memcg_open(struct memcg *g, const char *root, struct reason *why);
void memcg_close(struct memcg *g); /* also of {.line = -1}, and twice */

/* What can still be charged before the first limit is met. */
struct memcg_room {
	uint64_t bytes;	      /* the limit less what is charged; UINT64_MAX: there is none */
	char dir[MEMCG_PATH]; /* the cgroup whose limit that is; "" */
	const char *limit;    /* its file there: "memory.max" */
};

/*
 * The least of all cgroups from this process's own upwards, of either version of cgroups. Clean
 * page cache that was not used lately counts as room: the kernel drops it first.
 */
void memcg_room(const char *root, struct memcg_room *least);

/* The path behind @field ("0::", ":memory:") of /proc/self/cgroup. Return: is there one? */
bool memcg_own_path(const char *root, const char *field, char path[MEMCG_PATH]);

/* The most that was charged since memcg_mark(). */
struct memcg_mark {
	int peak;   /* memory.peak, open */
	bool since; /* it tells what there was since the mark (Linux 6.12), else since ever */
	int64_t current, before; /* bytes: charged, and the peak, when the mark was set */
};

void memcg_mark(const struct memcg *g, struct memcg_mark *mark);

/* Frees the mark. Return: bytes above those of the mark; -1: this kernel cannot tell. */
int64_t memcg_rise(struct memcg_mark *mark);

#endif
