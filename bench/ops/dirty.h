/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirty.h: make a share of every LLC dirty, each CPU its part, in memory of its own node. Not timed.
 */
#ifndef TDC_BENCH_OPS_DIRTY_H
#define TDC_BENCH_OPS_DIRTY_H

#include <stdint.h>

#include "harness/machine/machine.h"
#include "harness/measure/team.h"

struct dirty;

/**
 * dirty_open() - memory for it
 * @team: @n members, borrowed; who shares an LLC makes the share of it together
 * @most: percent of the LLC, the largest that dirty_make() will be asked for
 *
 * Return: 0; -ENOTSUP where the size of an LLC is not known and @most is not 0; -ENOMEM. Free with
 * dirty_close().
 */
int dirty_open(struct dirty **dirty, const struct machine *m, struct team *team, unsigned n,
	       unsigned most, struct reason *why);
void dirty_close(struct dirty *d);

/* All lines of it out of the caches, then @percent of each LLC dirty, as far as it holds them. */
void dirty_make(struct dirty *d, unsigned percent);

/* @percent of each LLC dirty again, where others have flushed them. */
void dirty_again(struct dirty *d, unsigned percent);

/* Bytes that @percent make dirty in all. */
uint64_t dirty_bytes(const struct dirty *d, unsigned percent);

#endif
