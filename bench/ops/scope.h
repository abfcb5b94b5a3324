/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scope.h: which CPUs a scope asks to flush, and which ones make lines dirty before.
 *
 * The CPU that asks always stands for the package, the LLC and the core that it is in, so that a
 * sample is the same whichever CPU was drawn to measure. Of the others the first one stands. Only
 * CPUs that this process may use are asked.
 */
#ifndef TDC_BENCH_OPS_SCOPE_H
#define TDC_BENCH_OPS_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/kmod/client.h"
#include "harness/core/reason.h"
#include "harness/machine/topo.h"

#define SCOPE_MAX_CPUS (KMOD_MASK_WORDS * 64)

struct scope {
	struct kmod_mask mask; /* to be given to the module with the mode */
	unsigned n;
	unsigned *cpu; /* whom it asks then, by hwloc's topology, ascending */
};

/**
 * scope_pick() - the CPUs of @mode
 * @self: the CPU that asks; it is always one of them
 * @without: a CPU that is not asked (the victim's), -1 for none
 *
 * Return: 0; -ENOMEM. Free with scope_free().
 */
int scope_pick(struct scope *s, const struct topo *topo, enum tdcost_mode mode, unsigned self,
	       int without);
void scope_free(struct scope *s);

/* Does every LLC hold a CPU that is asked in @mode, so that none is left without a flush? */
bool scope_covers_all(const struct topo *topo, enum tdcost_mode mode);

/* Who makes lines dirty. */
enum scope_by {
	SCOPE_BY_LOCAL,	 /* the CPUs that flush */
	SCOPE_BY_REMOTE, /* the first CPU of each LLC in which none flushes */
	SCOPE_BY_ALL,
};

/* Of @s. @cpus has room for topo_cpus(). Return: how many. */
unsigned scope_by(const struct topo *topo, const struct scope *s, enum scope_by by, unsigned *cpus);

/**
 * scope_order() - all CPUs: @self, then those that stand for a package, an LLC, a core, the rest
 * @last: a CPU that comes behind all of them (the victim's), -1 for none
 *
 * The CPUs of any scope are at the beginning, or nearly, so that a team of the first n holds them.
 * @cpus has room for topo_cpus(). Return: how many; 0 without memory.
 */
unsigned scope_order(const struct topo *topo, unsigned self, int last, unsigned *cpus);

/**
 * scope_check() - did the module ask whom it should, and did each do its work?
 * @result: what it reported, @n of them
 *
 * Return: 0; -EFAULT with the CPU and what is wrong with it.
 */
int scope_check(const struct scope *s, const struct tdcost_cpu *result, unsigned n,
		struct reason *why);

/**
 * scope_check_counters() - did each CPU of @s flush once, and no other?
 * @before, @after: counters by CPU number, @n of them
 * @flushes: expected of each: 1, or 0 where nothing is executed
 */
int scope_check_counters(const struct scope *s, const uint64_t *before, const uint64_t *after,
			 unsigned n, unsigned flushes, struct reason *why);

#endif
