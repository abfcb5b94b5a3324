// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/pieces.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define PAGE 4096ul
#define LINE 64ul

/* The @k'th of @of equal shares of @n begins here. */
static size_t share(size_t n, size_t k, size_t of)
{
	return (size_t)((unsigned __int128)n * k / of);
}

static void add(struct pieces *p, struct piece piece)
{
	if (piece.bytes)
		p->v[p->n++] = piece;
}

static void share_out(struct pieces *p, const struct topo *topo, const struct pieces_team *team,
		      const bool *takes, unsigned percent, const unsigned *takers, unsigned *taken)
{
	for (unsigned m = 0; m < team->n; m++) {
		unsigned cache = (unsigned)topo_llc_of(topo, team->cpu[m]), k;
		size_t pages = topo_llc_bytes(topo, team->cpu[m]) * percent / 100 / PAGE;
		size_t from;

		if (!takes[m])
			continue;
		k = taken[cache]++;
		from = share(pages, k, takers[cache]);
		add(p, (struct piece){ m, cache, from * PAGE,
				       (share(pages, k + 1, takers[cache]) - from) * PAGE });
	}
}

int pieces_dirty(struct pieces *p, const struct topo *topo, const struct pieces_team *team,
		 const bool *takes, unsigned percent)
{
	unsigned *takers = calloc(topo_llcs(topo), sizeof(*takers));
	unsigned *taken = calloc(topo_llcs(topo), sizeof(*taken));
	bool room;

	*p = (struct pieces){ .v = calloc(team->n, sizeof(*p->v)) };
	room = takers && taken && p->v;
	for (unsigned m = 0; room && m < team->n; m++)
		takers[topo_llc_of(topo, team->cpu[m])] += takes[m];
	if (room)
		share_out(p, topo, team, takes, percent, takers, taken);
	free(takers);
	free(taken);
	return room ? 0 : -ENOMEM;
}

static unsigned count(const bool *takes, unsigned n)
{
	unsigned takers = 0;

	for (unsigned m = 0; m < n; m++)
		takers += takes[m];
	return takers;
}

/* Where in all of the pieces laid end to end. */
struct cursor {
	size_t i, used; /* bytes of piece i */
};

/* Give @member the next @bytes of @dirty. */
static void cut(struct pieces *p, const struct pieces *dirty, struct cursor *at, unsigned member,
		size_t bytes)
{
	while (bytes) {
		const struct piece *d = &dirty->v[at->i];
		size_t left = d->bytes - at->used, take = bytes < left ? bytes : left;

		add(p, (struct piece){ member, d->cache, d->offset + at->used, take });
		bytes -= take;
		at->used += take;
		if (at->used == d->bytes)
			*at = (struct cursor){ at->i + 1, 0 };
	}
}

int pieces_sweep(struct pieces *p, const struct pieces *dirty, const struct pieces_team *team,
		 const bool *takes)
{
	size_t lines = pieces_bytes(dirty) / LINE;
	unsigned takers = count(takes, team->n), k = 0;
	struct cursor at = { 0, 0 };

	/* Each border between two members cuts at most one piece in two. */
	*p = (struct pieces){ .v = calloc(dirty->n + takers + 1, sizeof(*p->v)) };
	if (!p->v)
		return -ENOMEM;
	for (unsigned m = 0; m < team->n; m++) {
		if (!takes[m])
			continue;
		cut(p, dirty, &at, m,
		    (share(lines, k + 1, takers) - share(lines, k, takers)) * LINE);
		k++;
	}
	return 0;
}

const struct piece *pieces_of(const struct pieces *p, unsigned member, size_t *n)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (p->v[middle].member < member)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < p->n && p->v[low + *n].member == member;)
		++*n;
	return p->v + low;
}

size_t pieces_extent(const struct pieces *p, unsigned cache)
{
	size_t extent = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].cache == cache && p->v[i].offset + p->v[i].bytes > extent)
			extent = p->v[i].offset + p->v[i].bytes;
	return extent;
}

size_t pieces_bytes(const struct pieces *p)
{
	size_t bytes = 0;

	for (size_t i = 0; i < p->n; i++)
		bytes += p->v[i].bytes;
	return bytes;
}

unsigned pieces_members(const struct pieces *p)
{
	return p->n ? p->v[p->n - 1].member + 1 : 0;
}

void pieces_free(struct pieces *p)
{
	free(p->v);
	*p = (struct pieces){ 0 };
}
