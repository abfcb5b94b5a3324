// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The number of what @cpu stands for in @mode; in the last two each CPU is asked for itself. */
static unsigned object_of(const struct topo *topo, enum tdcost_mode mode, unsigned cpu)
{
	switch (mode) {
	case TDCOST_ONE:
		return 0;
	case TDCOST_PER_PACKAGE:
		return (unsigned)topo_package_of(topo, cpu);
	case TDCOST_PER_LLC:
		return (unsigned)topo_llc_of(topo, cpu);
	case TDCOST_PER_CORE:
		return (unsigned)topo_core_of(topo, cpu);
	default:
		return cpu;
	}
}

static void add_cpu(struct scope *s, const struct topo *topo, enum tdcost_mode mode, unsigned cpu,
		    bool *seen)
{
	unsigned object = object_of(topo, mode, cpu);

	kmod_mask_set(&s->mask, cpu);
	if (!seen[object])
		s->cpu[s->n++] = cpu;
	seen[object] = true;
}

int scope_pick(struct scope *s, const struct topo *topo, enum tdcost_mode mode, unsigned self,
	       int without)
{
	unsigned n = topo_cpus(topo), own = object_of(topo, mode, self);
	unsigned *all = calloc(n, sizeof(*all));
	bool *seen = calloc(SCOPE_MAX_CPUS, sizeof(*seen));
	int ret = -ENOMEM;

	*s = (struct scope){ .cpu = calloc(n, sizeof(*s->cpu)) };
	if (!all || !seen || !s->cpu)
		goto out;
	topo_pick(topo, TOPO_ALL, all, n);
	for (unsigned i = 0; i < n; i++) {
		/* The kernel takes the first of the mask: those before the asking CPU are left out. */
		bool before = all[i] < self && object_of(topo, mode, all[i]) == own;

		if (!before && (int)all[i] != without && all[i] < SCOPE_MAX_CPUS)
			add_cpu(s, topo, mode, all[i], seen);
	}
	ret = 0;
out:
	free(all);
	free(seen);
	if (ret)
		scope_free(s);
	return ret;
}

void scope_free(struct scope *s)
{
	free(s->cpu);
	s->cpu = NULL;
	s->n = 0;
}

bool scope_covers_all(const struct topo *topo, enum tdcost_mode mode)
{
	if (mode == TDCOST_ONE)
		return topo_llcs(topo) == 1;
	if (mode == TDCOST_PER_PACKAGE)
		return topo_llcs(topo) == topo_packages(topo);
	return true;
}

static unsigned remote_cpus(const struct topo *topo, const struct scope *s, unsigned *cpus)
{
	unsigned n = (unsigned)topo_pick(topo, TOPO_PER_LLC, cpus, topo_cpus(topo)), kept = 0;

	for (unsigned i = 0; i < n; i++) {
		bool flushed = false;

		for (unsigned k = 0; k < s->n && !flushed; k++)
			flushed = topo_llc_of(topo, s->cpu[k]) == topo_llc_of(topo, cpus[i]);
		if (!flushed)
			cpus[kept++] = cpus[i];
	}
	return kept;
}

unsigned scope_by(const struct topo *topo, const struct scope *s, enum scope_by by, unsigned *cpus)
{
	switch (by) {
	case SCOPE_BY_REMOTE:
		return remote_cpus(topo, s, cpus);
	case SCOPE_BY_ALL:
		return (unsigned)topo_pick(topo, TOPO_ALL, cpus, topo_cpus(topo));
	default:
		memcpy(cpus, s->cpu, s->n * sizeof(*cpus));
		return s->n;
	}
}

unsigned scope_order(const struct topo *topo, unsigned self, int last, unsigned *cpus)
{
	bool *taken = calloc(SCOPE_MAX_CPUS, sizeof(*taken));
	unsigned n = 0;

	for (enum tdcost_mode mode = TDCOST_ONE; taken && mode <= TDCOST_ALL; mode++) {
		struct scope s;

		if (scope_pick(&s, topo, mode, self, last)) {
			free(taken);
			return 0;
		}
		for (unsigned i = 0; i < s.n; i++)
			if (!taken[s.cpu[i]]) {
				taken[s.cpu[i]] = true;
				cpus[n++] = s.cpu[i];
			}
		scope_free(&s);
	}
	free(taken);
	if (n && last >= 0)
		cpus[n++] = (unsigned)last;
	return n;
}

/* Both ascend: the first place where they differ names a CPU that is missing or was added. */
static int check_who(const struct scope *s, const struct tdcost_cpu *result, unsigned n,
		     struct reason *why)
{
	for (unsigned i = 0; i < s->n || i < n; i++) {
		if (i < s->n && i < n && s->cpu[i] == result[i].cpu)
			continue;
		if (i < n && (i >= s->n || result[i].cpu < s->cpu[i]))
			return reason_set(why, -EFAULT,
					  "CPU %u was asked, which by hwloc's topology is not one "
					  "of the %u to ask",
					  result[i].cpu, s->n);
		return reason_set(why, -EFAULT,
				  "CPU %u was not asked: did it go offline, or do the kernel and "
				  "hwloc see different packages and caches?",
				  s->cpu[i]);
	}
	return 0;
}

int scope_check(const struct scope *s, const struct tdcost_cpu *result, unsigned n,
		struct reason *why)
{
	int ret = check_who(s, result, n, why);

	for (unsigned i = 0; i < n && !ret; i++) {
		const struct tdcost_cpu *c = &result[i];

		if (!(c->flags & TDCOST_CPU_ANSWERED))
			ret = reason_set(why, -EFAULT, "CPU %u did not answer", c->cpu);
		else if (!(c->flags & TDCOST_CPU_FLUSHED))
			ret = reason_set(why, -EFAULT, "CPU %u answered without executing it",
					 c->cpu);
		else if (c->end < c->start)
			ret = reason_set(why, -EFAULT, "CPU %u ended before it began", c->cpu);
		else if (c->start < c->request)
			ret = reason_set(why, -EFAULT,
					 "CPU %u began before it was asked: its TSC is not that "
					 "of the CPU that asked",
					 c->cpu);
	}
	return ret;
}

int scope_check_counters(const struct scope *s, const uint64_t *before, const uint64_t *after,
			 unsigned n, unsigned flushes, struct reason *why)
{
	unsigned next = 0;

	for (unsigned cpu = 0; cpu < n; cpu++) {
		bool asked = next < s->n && s->cpu[next] == cpu;
		uint64_t expected = asked ? flushes : 0;

		next += asked;
		if (after[cpu] - before[cpu] != expected)
			return reason_set(why, -EFAULT,
					  "CPU %u flushed %llu times instead of %llu: does another "
					  "process flush too?",
					  cpu, (unsigned long long)(after[cpu] - before[cpu]),
					  (unsigned long long)expected);
	}
	return 0;
}
