// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/dirty.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/ops/lines.h"
#include "harness/machine/mem.h"

#define PAGE 4096ul

/* The part of one CPU. */
struct slice {
	uint64_t llc; /* bytes of its LLC */
	unsigned shared_by;
	struct mem mem;
};

struct dirty {
	const struct machine *machine;
	struct team *team;
	unsigned n;
	char *random;	  /* a page of it */
	unsigned percent; /* asked for now */
	bool evict;	  /* all of it first */
	struct slice slices[];
};

/* Whole pages, as lines_dirty() stores them. */
static size_t slice_bytes(const struct slice *s, unsigned percent)
{
	uint64_t bytes = s->llc * percent / 100 / s->shared_by;

	return (bytes + PAGE - 1) / PAGE * PAGE;
}

static unsigned sharers(const struct dirty *d, unsigned member)
{
	const struct topo *topo = d->machine->topo;
	int llc = topo_llc_of(topo, team_cpu(d->team, member));
	unsigned n = 0;

	for (unsigned i = 0; i < d->n; i++)
		n += topo_llc_of(topo, team_cpu(d->team, i)) == llc;
	return n;
}

struct place {
	const struct topo *topo;
	unsigned cpu;
};

static int place(void *ctx, void *addr, size_t bytes, struct reason *why)
{
	const struct place *p = ctx;

	return topo_bind_memory(p->topo, p->cpu, addr, bytes, why);
}

static int slice_open(struct dirty *d, unsigned member, unsigned most, struct reason *why)
{
	struct place where = { d->machine->topo, team_cpu(d->team, member) };
	struct slice *s = &d->slices[member];

	s->llc = topo_llc_bytes(where.topo, where.cpu);
	s->shared_by = sharers(d, member);
	if (!most)
		return 0;
	if (!s->llc)
		return reason_set(why, -ENOTSUP, "the size of the LLC of CPU %u is not known",
				  where.cpu);
	return mem_alloc(&s->mem, MEM_4K, slice_bytes(s, most), 0, place, &where, why);
}

int dirty_open(struct dirty **dirty, const struct machine *m, struct team *team, unsigned n,
	       unsigned most, struct reason *why)
{
	struct dirty *d = calloc(1, sizeof(*d) + n * sizeof(d->slices[0]));
	int ret = 0;

	*dirty = NULL;
	if (!d)
		return reason_set(why, -ENOMEM, "out of memory");
	d->machine = m;
	d->team = team;
	d->random = aligned_alloc(PAGE, PAGE);
	if (!d->random)
		ret = reason_set(why, -ENOMEM, "out of memory");
	for (size_t at = 0; at < PAGE && !ret; at += 256)
		if (getrandom(d->random + at, 256, 0) != 256)
			ret = reason_set(why, -EIO, "no random bytes");
	d->n = n;
	for (unsigned i = 0; i < n && !ret; i++)
		ret = slice_open(d, i, most, why);
	if (ret)
		dirty_close(d);
	else
		*dirty = d;
	return ret;
}

void dirty_close(struct dirty *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->n; i++)
		mem_free(&d->slices[i].mem);
	free(d->random);
	free(d);
}

static void take_part(void *arg, unsigned member)
{
	struct dirty *d = arg;
	struct slice *s = &d->slices[member];

	if (!s->mem.map)
		return;
	if (d->evict)
		lines_evict(&d->machine->cpu, s->mem.base, s->mem.bytes);
	lines_dirty(s->mem.base, slice_bytes(s, d->percent), d->random);
}

static void work_together(struct dirty *d, unsigned percent, bool evict)
{
	d->percent = percent;
	d->evict = evict;
	team_ready(d->team, d->n, take_part, d);
	team_go(d->team);
}

void dirty_make(struct dirty *d, unsigned percent)
{
	work_together(d, percent, true);
}

void dirty_again(struct dirty *d, unsigned percent)
{
	work_together(d, percent, false);
}

uint64_t dirty_bytes(const struct dirty *d, unsigned percent)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < d->n; i++)
		bytes += slice_bytes(&d->slices[i], percent);
	return bytes;
}
