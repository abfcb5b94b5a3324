// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "harness/machine/topo.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_CPUS      256

/* hwloc takes sizes of synthetic caches in plain bytes only. */
#define ONE   "pack:1 numa:1 l3:1(size=33554432) core:2 pu:2"
#define TWO   "pack:2 numa:1 l3:4(size=16777216) core:2 pu:2"
#define EIGHT "pack:8 numa:1 l3:1(size=67108864) core:4 pu:2"

static const struct shape {
	const char *synthetic;
	unsigned packages, llcs, nodes, cores, cpus;
	uint64_t llc_bytes;
	const char *words;
} shapes[] = {
	{ ONE, 1, 1, 1, 2, 4, 32 << 20, "1 package, 1 LLC of 32M, 2 cores, 4 CPUs, 1 NUMA node" },
	{ TWO, 2, 8, 2, 16, 32, 16 << 20,
	  "2 packages, 8 LLCs of 16M, 16 cores, 32 CPUs, 2 NUMA nodes" },
	{ EIGHT, 8, 8, 8, 32, 64, 64 << 20,
	  "8 packages, 8 LLCs of 64M, 32 cores, 64 CPUs, 8 NUMA nodes" },
	/* two nodes in a package that shares one L3 */
	{ "pack:1 l3:1(size=33554432) numa:2 core:2 pu:1", 1, 1, 2, 4, 4, 32 << 20,
	  "1 package, 1 LLC of 32M, 4 cores, 4 CPUs, 2 NUMA nodes" },
	/* no L3: the L2 is the outermost cache */
	{ "pack:1 l2:2(size=1048576) core:1 pu:2", 1, 2, 1, 2, 4, 1 << 20,
	  "1 package, 2 LLCs of 1M, 2 cores, 4 CPUs, 1 NUMA node" },
	/* an L2 for each core below a shared L3: the L3 counts */
	{ "pack:1 l3:1(size=33554432) l2:2(size=1048576) core:1 pu:2", 1, 1, 1, 2, 4, 32 << 20,
	  "1 package, 1 LLC of 32M, 2 cores, 4 CPUs, 1 NUMA node" },
	/* what some virtual machines show: no package, no cache, no core */
	{ "pu:3", 1, 1, 1, 3, 3, 0,
	  "1 package, 1 LLC of unknown size, 3 cores, 3 CPUs, 1 NUMA node" },
};

static struct topo *open_or_fail(const char *synthetic)
{
	struct reason why = { "" };
	struct topo *t;

	if (topo_open(&t, synthetic, &why))
		fail_msg("%s: %s", synthetic, why.text);
	return t;
}

static void synthetic_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct shape *s = &shapes[i];
		struct topo *t = open_or_fail(s->synthetic);
		char words[160];

		print_message("%s\n", s->synthetic);
		assert_int_equal(topo_packages(t), s->packages);
		assert_int_equal(topo_llcs(t), s->llcs);
		assert_int_equal(topo_nodes(t), s->nodes);
		assert_int_equal(topo_cores(t), s->cores);
		assert_int_equal(topo_cpus(t), s->cpus);
		assert_int_equal(topo_llc_bytes(t, 0), s->llc_bytes);
		assert_string_equal(topo_describe(t, words, sizeof(words)), s->words);
		topo_close(t);
	}
}

static void refused_descriptions(void **state)
{
	static const char *const bad[] = { "nonsense", "pack:0", "pack:2 core:" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reason why = { "" };
		struct topo *t;

		assert_int_equal(topo_open(&t, bad[i], &why), -EINVAL);
		assert_non_null(strstr(why.text, bad[i]));
	}
}

static void places(void **state)
{
	/* TWO: a package is 16 CPUs, an L3 is 4, a core is 2 */
	static const struct {
		unsigned cpu;
		int package, llc, node, core;
	} cases[] = {
		{ 0, 0, 0, 0, 0 },  { 1, 0, 0, 0, 0 },	{ 2, 0, 0, 0, 1 },   { 4, 0, 1, 0, 2 },
		{ 15, 0, 3, 0, 7 }, { 16, 1, 4, 1, 8 }, { 31, 1, 7, 1, 15 }, { 32, -1, -1, -1, -1 },
	};
	struct topo *t = open_or_fail(TWO);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(topo_package_of(t, cases[i].cpu), cases[i].package);
		assert_int_equal(topo_llc_of(t, cases[i].cpu), cases[i].llc);
		assert_int_equal(topo_node_of(t, cases[i].cpu), cases[i].node);
		assert_int_equal(topo_core_of(t, cases[i].cpu), cases[i].core);
	}
	assert_int_equal(topo_llc_bytes(t, 32), 0);
	topo_close(t);
}

static void picks(void **state)
{
	static const struct {
		const char *synthetic;
		enum topo_scope scope;
		size_t n;
		unsigned step; /* the CPUs are 0, step, 2 * step, ... */
	} cases[] = {
		{ ONE, TOPO_ONE, 1, 0 },	   { ONE, TOPO_PER_PACKAGE, 1, 0 },
		{ ONE, TOPO_PER_LLC, 1, 0 },	   { ONE, TOPO_PER_CORE, 2, 2 },
		{ ONE, TOPO_ALL, 4, 1 },	   { TWO, TOPO_ONE, 1, 0 },
		{ TWO, TOPO_PER_PACKAGE, 2, 16 },  { TWO, TOPO_PER_LLC, 8, 4 },
		{ TWO, TOPO_PER_CORE, 16, 2 },	   { TWO, TOPO_ALL, 32, 1 },
		{ EIGHT, TOPO_PER_PACKAGE, 8, 8 }, { EIGHT, TOPO_PER_LLC, 8, 8 },
		{ EIGHT, TOPO_PER_CORE, 32, 2 },   { EIGHT, TOPO_ALL, 64, 1 },
		{ EIGHT, TOPO_SCOPE_MAX, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct topo *t = open_or_fail(cases[i].synthetic);
		unsigned cpus[MAX_CPUS];

		assert_int_equal(topo_pick(t, cases[i].scope, cpus, MAX_CPUS), cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++)
			assert_int_equal(cpus[k], k * cases[i].step);
		topo_close(t);
	}
}

/* Linux often numbers the packages in turn; "first" is the lowest number, not hwloc's order. */
static void interleaved_numbers(void **state)
{
	struct topo *t = open_or_fail("pack:2 core:2 pu:2(indexes=0,4,2,6,1,5,3,7)");
	unsigned cpus[MAX_CPUS];

	(void)state;
	assert_int_equal(topo_package_of(t, 0), 0);
	assert_int_equal(topo_package_of(t, 1), 1);
	assert_int_equal(topo_package_of(t, 6), 0);
	assert_int_equal(topo_core_of(t, 0), topo_core_of(t, 4));
	assert_int_equal(topo_pick(t, TOPO_PER_PACKAGE, cpus, MAX_CPUS), 2);
	assert_int_equal(cpus[0], 0);
	assert_int_equal(cpus[1], 1);
	assert_int_equal(topo_pick(t, TOPO_PER_CORE, cpus, MAX_CPUS), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(cpus[i], i);
	topo_close(t);
}

/* The count is of all, the writing stops where the room does. */
static void short_room(void **state)
{
	struct topo *t = open_or_fail(TWO);
	unsigned cpus[3] = { 99, 99, 99 };

	(void)state;
	assert_int_equal(topo_pick(t, TOPO_PER_LLC, cpus, 2), 8);
	assert_int_equal(cpus[1], 4);
	assert_int_equal(cpus[2], 99);
	assert_int_equal(topo_equals(t, cpus, 2), 16);
	assert_int_equal(cpus[2], 99);
	topo_close(t);
}

static void equals(void **state)
{
	static const struct {
		const char *synthetic;
		size_t n;
	} cases[] = {
		{ ONE, 2 },
		{ TWO, 16 },
		{ EIGHT, 32 },
		{ "pu:3", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct topo *t = open_or_fail(cases[i].synthetic);
		unsigned cpus[MAX_CPUS];

		assert_int_equal(topo_equals(t, cpus, MAX_CPUS), cases[i].n);
		assert_int_equal(cpus[0], 0);
		topo_close(t);
	}
}

/* Two hyperthreads a core, numbered side by side: cores are filled first, then their second CPUs. */
static void spread(void **state)
{
	static const struct {
		const char *synthetic;
		unsigned first;
		size_t n;
		unsigned expect[6];
		int remote, never;
	} cases[] = {
		{ "pack:2 numa:1 core:2 pu:2", 0, 8, { 0, 2, 4, 6, 1, 3 }, 4, -1 },
		{ "pack:2 numa:1 core:2 pu:2", 5, 8, { 5, 0, 2, 6, 1, 3 }, 0, -1 },
		{ "pack:1 numa:1 core:4 pu:1", 2, 4, { 2, 0, 1, 3, 99, 99 }, -1, 0 },
		{ "pu:3", 0, 3, { 0, 1, 2, 99, 99, 99 }, -1, 0 },
		{ "pu:3", 7, 0, { 99, 99, 99, 99, 99, 99 }, -1, 0 },
		/* Two nodes of one group of CPUs, as DRAM and HBM beside each other. */
		{ "pack:1 [numa] [numa] core:4 pu:1", 0, 4, { 0, 1, 2, 3, 99, 99 }, -1, 0 },
		{ "pack:2 [numa] [numa] core:1 pu:1", 1, 2, { 1, 0, 99, 99, 99, 99 }, 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct topo *t = open_or_fail(cases[i].synthetic);
		unsigned cpus[6] = { 99, 99, 99, 99, 99, 99 };

		assert_int_equal(topo_spread(t, cases[i].first, cpus, 6), cases[i].n);
		assert_memory_equal(cpus, cases[i].expect, sizeof(cpus));
		assert_int_equal(topo_remote_cpu(t, cases[i].first), cases[i].remote);
		assert_int_equal(topo_never_remote(t), cases[i].never);
		topo_close(t);
	}
}

/* hwloc would answer 0 and bind nothing. */
static void synthetic_binding_is_refused(void **state)
{
	struct topo *t = open_or_fail(ONE);
	struct reason why = { "" };
	char byte;

	(void)state;
	assert_int_equal(topo_bind_thread(t, 0, &why), -ENOTSUP);
	assert_true(why.text[0]);
	assert_int_equal(topo_bind_memory(t, 0, &byte, 1, &why), -ENOTSUP);
	assert_int_equal(topo_bind_allocations(t, 0, &why), -ENOTSUP);
	topo_close(t);
}

/* So would it when the environment puts another machine in the place of this one. */
static void environment_does_not_fool(void **state)
{
	struct topo *t;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(setenv("HWLOC_SYNTHETIC", EIGHT, 1), 0);
	t = open_or_fail(NULL);
	assert_int_equal(unsetenv("HWLOC_SYNTHETIC"), 0);
	assert_int_equal(topo_cpus(t), 64);
	assert_int_equal(topo_bind_thread(t, 0, &why), -ENOTSUP);
	topo_close(t);
}

static void binds_to_every_cpu(void **state)
{
	struct topo *t = open_or_fail(NULL);
	unsigned cpus[MAX_CPUS];
	cpu_set_t before;
	size_t n;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	n = topo_pick(t, TOPO_ALL, cpus, MAX_CPUS);
	assert_int_equal(n, topo_cpus(t));
	assert_int_equal(n, CPU_COUNT(&before));
	for (size_t i = 0; i < n && i < MAX_CPUS; i++) {
		struct reason why = { "" };

		assert_true(CPU_ISSET(cpus[i], &before));
		if (topo_bind_thread(t, cpus[i], &why))
			fail_msg("%s", why.text);
		assert_int_equal(sched_getcpu(), cpus[i]);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	topo_close(t);
}

/* A process confined to one CPU sees a machine of one CPU. */
static void confined_process(void **state)
{
	cpu_set_t before, one;
	struct topo *t;
	struct reason why = { "" };
	unsigned cpus[MAX_CPUS];
	int last = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &before))
			last = i;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	t = open_or_fail(NULL);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(topo_cpus(t), 1);
	assert_int_equal(topo_pick(t, TOPO_ONE, cpus, MAX_CPUS), 1);
	assert_int_equal(cpus[0], last);
	if (CPU_COUNT(&before) > 1 && CPU_ISSET(0, &before))
		assert_int_equal(topo_bind_thread(t, 0, &why), -EINVAL);
	topo_close(t);
}

static void real_machine(void **state)
{
	struct topo *t = open_or_fail(NULL);
	struct reason why = { "" };
	unsigned cpus[MAX_CPUS];
	void *p;

	(void)state;
	assert_true(topo_packages(t) >= 1);
	assert_true(topo_llcs(t) >= topo_packages(t));
	assert_true(topo_cpus(t) >= topo_cores(t));
	assert_true(topo_equals(t, cpus, MAX_CPUS) >= 1);
	assert_int_equal(topo_bind_thread(t, 4000000, &why), -EINVAL);
	assert_non_null(strstr(why.text, "4000000"));
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	if (topo_bind_memory(t, cpus[0], p, 1 << 20, &why))
		fail_msg("%s", why.text);
	munmap(p, 1 << 20);
	if (topo_bind_allocations(t, cpus[0], &why))
		fail_msg("%s", why.text);
	topo_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(synthetic_shapes),
		cmocka_unit_test(refused_descriptions),
		cmocka_unit_test(places),
		cmocka_unit_test(picks),
		cmocka_unit_test(interleaved_numbers),
		cmocka_unit_test(short_room),
		cmocka_unit_test(spread),
		cmocka_unit_test(equals),
		cmocka_unit_test(synthetic_binding_is_refused),
		cmocka_unit_test(environment_does_not_fool),
		cmocka_unit_test(binds_to_every_cpu),
		cmocka_unit_test(confined_process),
		cmocka_unit_test(real_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
