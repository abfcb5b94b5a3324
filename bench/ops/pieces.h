/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pieces.h: who works on which bytes, when the members of a team make a share of the caches dirty or
 * flush it again. There is a region for each LLC; a piece is a range of one. Pure: from a topology
 * to numbers.
 */
#ifndef TDC_BENCH_OPS_PIECES_H
#define TDC_BENCH_OPS_PIECES_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/machine/topo.h"

struct piece {
	unsigned member;
	unsigned cache; /* topo_llc_of() */
	size_t offset, bytes;
};

/* Ascending by member. */
struct pieces {
	struct piece *v;
	size_t n;
};

/* Members of a team: their CPUs, and which of them take part. */
struct pieces_team {
	const unsigned *cpu;
	unsigned n;
};

/**
 * pieces_dirty() - @percent of each LLC, shared by the members that are in it
 * @takes: by member
 *
 * In whole pages. A member for whom no page is left gets no piece. Return: 0; -ENOMEM.
 */
int pieces_dirty(struct pieces *p, const struct topo *topo, const struct pieces_team *team,
		 const bool *takes, unsigned percent);

/**
 * pieces_sweep() - all of @dirty, in equal shares of whole lines
 *
 * Where the same members made it dirty, and equal shares of it, each one gets its own.
 */
int pieces_sweep(struct pieces *p, const struct pieces *dirty, const struct pieces_team *team,
		 const bool *takes);

/* The pieces of @member: the first, and how many. */
const struct piece *pieces_of(const struct pieces *p, unsigned member, size_t *n);

/* How much of the region of @cache they reach into. */
size_t pieces_extent(const struct pieces *p, unsigned cache);
size_t pieces_bytes(const struct pieces *p);

/* How many members the team needs at least: the last one with a piece, and all before it. */
unsigned pieces_members(const struct pieces *p);
void pieces_free(struct pieces *p);

#endif
