/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topo.h: packages, LLCs, cores and CPUs, and binding to them, through hwloc.
 *
 * CPU numbers are the operating system's. "LLC" is the L3 of a CPU, or its outermost cache where
 * there is no L3. Only CPUs that this process may use (its cpuset) count.
 */
#ifndef TDC_MACHINE_TOPO_H
#define TDC_MACHINE_TOPO_H

#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"

struct topo;

/* Which CPUs stand for the machine: the first allowed CPU of each such object. */
enum topo_scope {
	TOPO_ONE,
	TOPO_PER_PACKAGE,
	TOPO_PER_LLC,
	TOPO_PER_CORE,
	TOPO_ALL,
	TOPO_SCOPE_MAX
};

/**
 * topo_open() - discover the machine, or a synthetic one
 * @synthetic: hwloc's synthetic description ("pack:2 numa:1 l3:1 core:4 pu:2"), NULL for the
 *	real machine. Binding on a synthetic machine is refused with -ENOTSUP (hwloc would
 *	pretend).
 *
 * Return: 0, -EINVAL for a description that hwloc refuses, -ENOMEM. Free with topo_close().
 */
int topo_open(struct topo **topo, const char *synthetic, struct reason *why);
void topo_close(struct topo *topo);

unsigned topo_packages(const struct topo *topo);
unsigned topo_llcs(const struct topo *topo);
unsigned topo_nodes(const struct topo *topo);
unsigned topo_cores(const struct topo *topo);
unsigned topo_cpus(const struct topo *topo);

/* Numbers of the object that holds @cpu, from 0; -1 for a CPU that is not there. */
int topo_package_of(const struct topo *topo, unsigned cpu);
int topo_llc_of(const struct topo *topo, unsigned cpu);
int topo_node_of(const struct topo *topo, unsigned cpu);
int topo_core_of(const struct topo *topo, unsigned cpu);

/* The operating system's number of the node that holds @cpu, -1 as above. */
int topo_node_number(const struct topo *topo, unsigned cpu);

/* Bytes of @cpu's LLC; 0 where it is not known. */
uint64_t topo_llc_bytes(const struct topo *topo, unsigned cpu);

/**
 * topo_pick() - the CPUs that stand for @scope, ascending
 * @max: room in @cpus
 *
 * Return: how many there are (at most @max are written).
 */
size_t topo_pick(const struct topo *topo, enum topo_scope scope, unsigned *cpus, size_t max);

/**
 * topo_equals() - the CPUs that are as good as the first one for a single-threaded benchmark:
 * same core kind, same LLC size, same NUMA node memory; first hyperthread of each core only
 *
 * Return: how many there are, at least 1.
 */
size_t topo_equals(const struct topo *topo, unsigned *cpus, size_t max);

/**
 * topo_spread() - an order in which to add threads: @first, one CPU of each other core, then the
 * hyperthreads; ascending among their like
 *
 * Return: how many there are, all of the machine (at most @max are written); 0 when @first is
 * not there.
 */
size_t topo_spread(const struct topo *topo, unsigned first, unsigned *cpus, size_t max);

/* The first CPU of another NUMA node than @cpu's, -1 where there is none. */
int topo_remote_cpu(const struct topo *topo, unsigned cpu);

/**
 * topo_never_remote() - the first of topo_equals() that topo_remote_cpu() finds nothing for
 *
 * More nodes than one do not say that there is none: a node may hold memory and no CPU, or its CPUs
 * may not be this process's.
 *
 * Return: the CPU; -1 where each has a remote one.
 */
int topo_never_remote(const struct topo *topo);

/* Pin the calling thread to @cpu. Return: 0, -ENOTSUP, -EINVAL, -errno of the system. */
int topo_bind_thread(const struct topo *topo, unsigned cpu, struct reason *why);

/* Place [@addr, @addr+@bytes) on @cpu's node before it is touched. 0 where there is one node. */
int topo_bind_memory(const struct topo *topo, unsigned cpu, void *addr, size_t bytes,
		     struct reason *why);

/*
 * Let all memory that the calling thread faults in from now on, a guest's and that of files too, come
 * from @cpu's node and no other. 0 where there is one node.
 */
int topo_bind_allocations(const struct topo *topo, unsigned cpu, struct reason *why);

/* "1 package, 1 LLC of 32M, 2 cores, 2 CPUs, 1 NUMA node". Return: @buf. */
char *topo_describe(const struct topo *topo, char *buf, size_t n);

#endif
