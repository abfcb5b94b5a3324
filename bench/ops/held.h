/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * held.h: were the lines that a sample starts with really in the cache? A guest may be shown an LLC of
 * 260 MiB and hold 16 MiB of it: then before=dirty and dirty=50 are not what was measured.
 */
#ifndef TDC_BENCH_OPS_HELD_H
#define TDC_BENCH_OPS_HELD_H

#include <stddef.h>

#include "bench/ops/probe.h"
#include "harness/measure/bench.h"

struct held {
	const char *asked;	    /* "before=dirty" */
	size_t bytes;		    /* that were to be cached */
	struct probe lines;	    /* of them, in this CPU's share */
	void (*bring)(void *state); /* into the cache, as before each sample */
	void *state;
};

/**
 * held_check() - bring the lines and look; a remark (FLAG_NOT_HELD) on @arm where a quarter had left
 *
 * The best of three: somebody who takes the CPU makes lines leave, and brings none back. All three are
 * judged by the one scale with the fastest loads from memory, for others make those slower. Nothing is
 * remarked where loads do not distinguish cached lines, and in emulated lanes. For verify().
 * Return: the share that was held; NAN where it cannot be seen.
 */
double held_check(struct bench_ctx *ctx, int arm, const struct held *h);

#endif
