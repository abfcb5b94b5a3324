// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/topo.h"

#include <assert.h>
#include <errno.h>
#include <hwloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/units.h"

struct cpu {
	unsigned os;
	int package, llc, node, core, kind;
	uint64_t llc_bytes, node_bytes;
	bool first[TOPO_SCOPE_MAX]; /* stands for its object in this scope */
};

struct topo {
	hwloc_topology_t h;
	bool here; /* describes the machine that this runs on, so that binding means something */
	unsigned n_cpus, n_packages, n_llcs, n_cores, n_nodes;
	struct cpu *cpus; /* ascending by OS number */
};

/* hwloc objects in order of appearance; their place here is the number that callers see. */
struct seen {
	unsigned n;
	hwloc_obj_t *objects;
};

static int seen_number(struct seen *s, hwloc_obj_t o)
{
	for (unsigned i = s->n; i > 0; i--)
		if (s->objects[i - 1] == o)
			return (int)i - 1;
	s->objects[s->n] = o;
	return (int)s->n++;
}

static hwloc_obj_t ancestor_or(hwloc_topology_t h, hwloc_obj_type_t type, hwloc_obj_t o,
			       hwloc_obj_t otherwise)
{
	hwloc_obj_t a = hwloc_get_ancestor_obj_by_type(h, type, o);

	return a ? a : otherwise;
}

/* L3, or the outermost cache below it; NULL where the machine does not tell of any. */
static hwloc_obj_t llc_of(hwloc_obj_t pu)
{
	hwloc_obj_t last = NULL;

	for (hwloc_obj_t o = pu->parent; o; o = o->parent) {
		if (!hwloc_obj_type_is_dcache(o->type))
			continue;
		last = o;
		if (o->type == HWLOC_OBJ_L3CACHE)
			break;
	}
	return last;
}

/* The closest node, which is the one with the fewest CPUs; DRAM comes before HBM in hwloc. */
static hwloc_obj_t node_of(hwloc_topology_t h, unsigned os)
{
	hwloc_obj_t best = NULL, node = NULL;

	while ((node = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_NUMANODE, node))) {
		if (!hwloc_bitmap_isset(node->cpuset, os))
			continue;
		if (!best || hwloc_bitmap_weight(node->cpuset) < hwloc_bitmap_weight(best->cpuset))
			best = node;
	}
	return best;
}

static void fill_cpu(struct topo *t, struct cpu *c, hwloc_obj_t pu, struct seen seen[3])
{
	hwloc_obj_t root = hwloc_get_root_obj(t->h);
	/* Virtual machines may show no packages, caches or cores: one package, one LLC for each. */
	hwloc_obj_t package = ancestor_or(t->h, HWLOC_OBJ_PACKAGE, pu, root);
	hwloc_obj_t llc = llc_of(pu), node = node_of(t->h, pu->os_index);

	c->os = pu->os_index;
	c->package = seen_number(&seen[0], package);
	c->llc = seen_number(&seen[1], llc ? llc : package);
	c->core = seen_number(&seen[2], ancestor_or(t->h, HWLOC_OBJ_CORE, pu, pu));
	c->node = node ? (int)node->logical_index : 0;
	c->llc_bytes = llc ? llc->attr->cache.size : 0;
	c->node_bytes = node ? node->attr->numanode.local_memory : 0;
	c->kind = hwloc_cpukinds_get_by_cpuset(t->h, pu->cpuset, 0);
}

static int by_os(const void *a, const void *b)
{
	const struct cpu *x = a, *y = b;

	return x->os < y->os ? -1 : x->os > y->os;
}

static int object_number(const struct cpu *c, enum topo_scope scope)
{
	switch (scope) {
	case TOPO_ONE:
		return 0;
	case TOPO_PER_PACKAGE:
		return c->package;
	case TOPO_PER_LLC:
		return c->llc;
	case TOPO_PER_CORE:
		return c->core;
	default:
		return -1;
	}
}

/* Mark the lowest CPU of each object; @mark has room for one byte per CPU. */
static void mark_first(struct topo *t, enum topo_scope scope, unsigned char *mark)
{
	memset(mark, 0, t->n_cpus);
	for (unsigned i = 0; i < t->n_cpus; i++) {
		int object = object_number(&t->cpus[i], scope);

		t->cpus[i].first[scope] = object < 0 || !mark[object];
		if (object >= 0)
			mark[object] = 1;
	}
}

static int fill(struct topo *t)
{
	int n = hwloc_get_nbobjs_by_type(t->h, HWLOC_OBJ_PU);
	int nodes = hwloc_get_nbobjs_by_type(t->h, HWLOC_OBJ_NUMANODE);
	struct seen seen[3] = { 0 };
	unsigned char *mark = calloc((size_t)n + 1, 1);
	int err = -ENOMEM;

	t->cpus = calloc((size_t)n + 1, sizeof(*t->cpus));
	for (int i = 0; i < 3; i++)
		seen[i].objects = calloc((size_t)n + 1, sizeof(hwloc_obj_t));
	if (!t->cpus || !mark || !seen[0].objects || !seen[1].objects || !seen[2].objects)
		goto out;
	t->n_cpus = (unsigned)n;
	t->n_nodes = nodes > 0 ? (unsigned)nodes : 1;
	for (int i = 0; i < n; i++)
		fill_cpu(t, &t->cpus[i], hwloc_get_obj_by_type(t->h, HWLOC_OBJ_PU, (unsigned)i),
			 seen);
	t->n_packages = seen[0].n;
	t->n_llcs = seen[1].n;
	t->n_cores = seen[2].n;
	qsort(t->cpus, t->n_cpus, sizeof(*t->cpus), by_os);
	for (enum topo_scope s = TOPO_ONE; s < TOPO_SCOPE_MAX; s++)
		mark_first(t, s, mark);
	err = 0;
out:
	for (int i = 0; i < 3; i++)
		free(seen[i].objects);
	free(mark);
	return err;
}

/* Of the real machine, only what the process was given by taskset or a cpuset. */
static int restrict_to_allowed(struct topo *t, struct reason *why)
{
	hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
	int err = 0;

	if (!allowed)
		err = reason_set(why, -ENOMEM, "out of memory");
	else if (hwloc_get_cpubind(t->h, allowed, HWLOC_CPUBIND_PROCESS) ||
		 hwloc_topology_restrict(t->h, allowed, 0))
		err = reason_set(why, -errno, "cannot tell which CPUs this process may use: %s",
				 strerror(errno));
	hwloc_bitmap_free(allowed);
	return err;
}

static int discover(struct topo *t, const char *synthetic, struct reason *why)
{
	if (hwloc_topology_init(&t->h))
		return reason_set(why, -ENOMEM, "hwloc: out of memory");
	if (synthetic && hwloc_topology_set_synthetic(t->h, synthetic))
		return reason_set(why, -EINVAL, "'%s' is not a synthetic machine that hwloc knows",
				  synthetic);
	if (hwloc_topology_load(t->h))
		return reason_set(why, -errno, "hwloc cannot read the topology: %s",
				  strerror(errno));
	/* HWLOC_SYNTHETIC or HWLOC_XMLFILE in the environment may have put another in its place. */
	t->here = !synthetic && hwloc_topology_is_thissystem(t->h);
	return t->here ? restrict_to_allowed(t, why) : 0;
}

int topo_open(struct topo **topo, const char *synthetic, struct reason *why)
{
	struct topo *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return reason_set(why, -ENOMEM, "out of memory");
	err = discover(t, synthetic, why);
	if (err)
		goto out;
	err = fill(t);
	if (err) {
		reason_set(why, err, "out of memory");
		goto out;
	}
	if (!t->n_cpus) {
		err = reason_set(why, -EINVAL, "the topology has no CPU");
		goto out;
	}
	*topo = t;
	t = NULL;
out:
	topo_close(t);
	return err;
}

void topo_close(struct topo *topo)
{
	if (!topo)
		return;
	if (topo->h)
		hwloc_topology_destroy(topo->h);
	free(topo->cpus);
	free(topo);
}

unsigned topo_packages(const struct topo *topo)
{
	return topo->n_packages;
}

unsigned topo_llcs(const struct topo *topo)
{
	return topo->n_llcs;
}

unsigned topo_nodes(const struct topo *topo)
{
	return topo->n_nodes;
}

unsigned topo_cores(const struct topo *topo)
{
	return topo->n_cores;
}

unsigned topo_cpus(const struct topo *topo)
{
	return topo->n_cpus;
}

static const struct cpu *find(const struct topo *topo, unsigned os)
{
	struct cpu key = { .os = os };

	return bsearch(&key, topo->cpus, topo->n_cpus, sizeof(key), by_os);
}

int topo_package_of(const struct topo *topo, unsigned cpu)
{
	const struct cpu *c = find(topo, cpu);

	return c ? c->package : -1;
}

int topo_llc_of(const struct topo *topo, unsigned cpu)
{
	const struct cpu *c = find(topo, cpu);

	return c ? c->llc : -1;
}

int topo_node_of(const struct topo *topo, unsigned cpu)
{
	const struct cpu *c = find(topo, cpu);

	return c ? c->node : -1;
}

int topo_node_number(const struct topo *topo, unsigned cpu)
{
	const struct cpu *c = find(topo, cpu);
	hwloc_obj_t node = c && c->node >= 0 ? hwloc_get_obj_by_type(topo->h, HWLOC_OBJ_NUMANODE,
								     (unsigned)c->node)
					     : NULL;

	return node ? (int)node->os_index : -1;
}

int topo_core_of(const struct topo *topo, unsigned cpu)
{
	const struct cpu *c = find(topo, cpu);

	return c ? c->core : -1;
}

uint64_t topo_llc_bytes(const struct topo *topo, unsigned cpu)
{
	const struct cpu *c = find(topo, cpu);

	return c ? c->llc_bytes : 0;
}

size_t topo_pick(const struct topo *topo, enum topo_scope scope, unsigned *cpus, size_t max)
{
	size_t n = 0;

	if ((unsigned)scope >= TOPO_SCOPE_MAX)
		return 0;
	for (unsigned i = 0; i < topo->n_cpus; i++) {
		if (!topo->cpus[i].first[scope])
			continue;
		if (n < max)
			cpus[n] = topo->cpus[i].os;
		n++;
	}
	return n;
}

/* Nodes of one machine differ by what the kernel took for itself: an eighth is the same size. */
static bool same_memory(uint64_t a, uint64_t b)
{
	uint64_t big = a > b ? a : b, small = a > b ? b : a;

	return big - small <= big / 8;
}

static bool is_equal(const struct topo *topo, const struct cpu *c)
{
	const struct cpu *like = &topo->cpus[0];

	return c->first[TOPO_PER_CORE] && c->kind == like->kind &&
	       c->llc_bytes == like->llc_bytes && same_memory(c->node_bytes, like->node_bytes);
}

size_t topo_equals(const struct topo *topo, unsigned *cpus, size_t max)
{
	size_t n = 0;

	for (unsigned i = 0; i < topo->n_cpus; i++) {
		const struct cpu *c = &topo->cpus[i];

		if (!is_equal(topo, c))
			continue;
		if (n < max)
			cpus[n] = c->os;
		n++;
	}
	return n;
}

size_t topo_spread(const struct topo *topo, unsigned first, unsigned *cpus, size_t max)
{
	const struct cpu *start = find(topo, first);
	size_t n = 0;

	if (!start)
		return 0;
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < topo->n_cpus; i++) {
			const struct cpu *c = &topo->cpus[i];
			bool fresh = c->first[TOPO_PER_CORE] && c->core != start->core;

			if (turn != (c == start ? 0u : fresh ? 1u : 2u))
				continue;
			if (n < max)
				cpus[n] = c->os;
			n++;
		}
	}
	return n;
}

int topo_remote_cpu(const struct topo *topo, unsigned cpu)
{
	const struct cpu *here = find(topo, cpu);

	for (unsigned i = 0; here && i < topo->n_cpus; i++)
		if (topo->cpus[i].node >= 0 && topo->cpus[i].node != here->node)
			return (int)topo->cpus[i].os;
	return -1;
}

int topo_never_remote(const struct topo *topo)
{
	for (unsigned i = 0; i < topo->n_cpus; i++)
		if (is_equal(topo, &topo->cpus[i]) && topo_remote_cpu(topo, topo->cpus[i].os) < 0)
			return (int)topo->cpus[i].os;
	return -1;
}

/* hwloc answers 0 to binding on a machine that is not here, without doing anything. */
static int refuse_elsewhere(const struct topo *topo, unsigned cpu, struct reason *why)
{
	if (!topo->here)
		return reason_set(why, -ENOTSUP, "cannot bind: the topology is not this machine's");
	if (!find(topo, cpu))
		return reason_set(why, -EINVAL,
				  "CPU %u is not among the %u CPUs that this process may use", cpu,
				  topo->n_cpus);
	return 0;
}

int topo_bind_thread(const struct topo *topo, unsigned cpu, struct reason *why)
{
	int err = refuse_elsewhere(topo, cpu, why);
	hwloc_bitmap_t set;

	if (err)
		return err;
	set = hwloc_bitmap_alloc();
	if (!set || hwloc_bitmap_only(set, cpu))
		err = reason_set(why, -ENOMEM, "out of memory");
	else if (hwloc_set_cpubind(topo->h, set, HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT))
		err = reason_set(why, -errno, "cannot bind to CPU %u: %s", cpu, strerror(errno));
	hwloc_bitmap_free(set);
	return err;
}

/* @cpu's node; NULL in @node where there is one only, and nothing to bind to. */
static int node_to_bind(const struct topo *topo, unsigned cpu, hwloc_obj_t *node,
			struct reason *why)
{
	int err = refuse_elsewhere(topo, cpu, why);

	*node = NULL;
	if (err || topo->n_nodes <= 1)
		return err;
	*node = hwloc_get_obj_by_type(topo->h, HWLOC_OBJ_NUMANODE, (unsigned)find(topo, cpu)->node);
	return *node ? 0 : reason_set(why, -EINVAL, "CPU %u has no NUMA node", cpu);
}

int topo_bind_allocations(const struct topo *topo, unsigned cpu, struct reason *why)
{
	hwloc_obj_t node;
	int err = node_to_bind(topo, cpu, &node, why);

	if (err || !node)
		return err;
	if (hwloc_set_membind(topo->h, node->nodeset, HWLOC_MEMBIND_BIND,
			      HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_STRICT |
				      HWLOC_MEMBIND_BYNODESET))
		return reason_set(why, -errno, "cannot allocate on NUMA node %u alone: %s",
				  node->os_index, strerror(errno));
	return 0;
}

int topo_bind_memory(const struct topo *topo, unsigned cpu, void *addr, size_t bytes,
		     struct reason *why)
{
	hwloc_obj_t node;
	int err = node_to_bind(topo, cpu, &node, why);

	if (err || !node)
		return err;
	if (hwloc_set_area_membind(topo->h, addr, bytes, node->nodeset, HWLOC_MEMBIND_BIND,
				   HWLOC_MEMBIND_STRICT | HWLOC_MEMBIND_BYNODESET))
		return reason_set(why, -errno, "cannot place memory on NUMA node %u: %s",
				  node->os_index, strerror(errno));
	return 0;
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void llc_sizes(const struct topo *topo, char *buf, size_t n)
{
	uint64_t low = UINT64_MAX, high = 0;
	char a[32], b[32];

	for (unsigned i = 0; i < topo->n_cpus; i++) {
		uint64_t bytes = topo->cpus[i].llc_bytes;

		low = bytes < low ? bytes : low;
		high = bytes > high ? bytes : high;
	}
	if (!high)
		snprintf(buf, n, "unknown size");
	else if (low == high)
		snprintf(buf, n, "%s", size_format(high, a, sizeof(a)));
	else
		snprintf(buf, n, "%s to %s", size_format(low, a, sizeof(a)),
			 size_format(high, b, sizeof(b)));
}

char *topo_describe(const struct topo *topo, char *buf, size_t n)
{
	char size[80];

	llc_sizes(topo, size, sizeof(size));
	snprintf(buf, n, "%u package%s, %u LLC%s of %s, %u core%s, %u CPU%s, %u NUMA node%s",
		 topo->n_packages, plural(topo->n_packages), topo->n_llcs, plural(topo->n_llcs),
		 size, topo->n_cores, plural(topo->n_cores), topo->n_cpus, plural(topo->n_cpus),
		 topo->n_nodes, plural(topo->n_nodes));
	return buf;
}
