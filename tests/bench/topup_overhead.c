// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the benchmark topup costs per page taken: its pass, against a plain loop that serves the
 * same schedule from an array or a list of its own, written out here, and does nothing for the
 * sake of measuring: no meters, no counts, no refusals, no errors. Prints the difference and judges
 * none; what it asserts is that both take the same pages.
 *
 * The difference hangs on which physical pages hold the program: of eight copies of one file, built
 * by clang, five showed 0.4 ns for the array and three 2.0, each the same whenever it ran. So look
 * at several copies before a change of the source is given the credit, or the blame.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/topup_arm.h"
#include "harness/machine/machine.h"

#define OPS 1024
/* The steady load: three pages for a fault, and two more for each 512th. */
#define GETS	   (3 * OPS + 2 * OPS / SPTE_ENT_PER_PAGE)
#define PASSES	   2001
#define POOL_PAGES (16 * OPS)

static struct machine machine;
static struct tick_clock ticks;
static struct team *team;

static int open_all(void **state)
{
	struct reason why = { "" };
	unsigned cpu = 0;

	(void)state;
	if (machine_open(&machine, &why))
		return -1;
	topo_pick(machine.topo, TOPO_ONE, &cpu, 1);
	return topo_bind_thread(machine.topo, cpu, &why) ||
	       clock_calibrate(&ticks, &machine.cpu, 20, &why) ||
	       team_open(&team, machine.topo, &cpu, 1, &why);
}

static int close_all(void **state)
{
	(void)state;
	team_close(team);
	machine_close(&machine);
	return 0;
}

/* The pool's pages alone. */
static struct topup_backing *backing;

/* A topup and a get are calls of functions of other files, in the kernel too. */
#define CALLED __attribute__((noinline)) static

CALLED void fill_list(struct list_head *list, unsigned *cnt, unsigned min)
{
	for (; *cnt < min; (*cnt)++)
		list_add(&topup_page_alloc(backing, TOPUP_SLEEP)->lru, list);
}

CALLED struct topup_page *from_list(struct list_head *list, unsigned *cnt)
{
	struct list_head *first = list->next;

	list_del(first);
	(*cnt)--;
	return container_of(first, struct topup_page, lru);
}

CALLED void pair_from_list(struct list_head *list, unsigned *cnt, struct topup_pair *pair)
{
	for (unsigned i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++, (*cnt)--) {
		struct list_head *first = list->next;

		list_del(first);
		pair->page[i] = container_of(first, struct topup_page, lru);
	}
}

CALLED void fill_array(void **array, unsigned *n, unsigned min)
{
	if (*n < min)
		while (*n < KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE)
			array[(*n)++] = topup_page_alloc(backing, TOPUP_SLEEP);
}

CALLED struct topup_page *from_array(void **array, unsigned *n)
{
	return array[--*n];
}

static struct plain {
	rwlock_t mmu_lock;
	struct list_head list;
	unsigned cnt, n_sept, n_pamt;
	void *sept[KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE], *pamt[KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE];
} plain;

static void add_pair(const struct topup_pair *pair, struct list_head *hand)
{
	for (unsigned i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++)
		list_add(&pair->page[i]->lru, hand);
}

static void take_list(const struct topup_need *need, struct list_head *hand)
{
	struct topup_pair pair;

	fill_list(&plain.list, &plain.cnt, TDX_PREALLOC_FAULT_PAGES);
	read_lock(&plain.mmu_lock);
	for (unsigned i = 0; i < need->sept; i++)
		list_add(&from_list(&plain.list, &plain.cnt)->lru, hand);
	for (unsigned i = 0; i < need->pairs; i++) {
		pair_from_list(&plain.list, &plain.cnt, &pair);
		add_pair(&pair, hand);
	}
	read_unlock(&plain.mmu_lock);
}

static void take_array(const struct topup_need *need, struct list_head *hand)
{
	struct topup_pair pair;

	fill_array(plain.sept, &plain.n_sept, PT64_ROOT_MAX_LEVEL);
	fill_array(plain.pamt, &plain.n_pamt, TDX_PAMT_FAULT_PAGES);
	read_lock(&plain.mmu_lock);
	for (unsigned i = 0; i < need->sept; i++)
		list_add(&from_array(plain.sept, &plain.n_sept)->lru, hand);
	for (unsigned i = 0; i < need->pairs; i++) {
		pair.page[0] = from_array(plain.pamt, &plain.n_pamt);
		pair.page[1] = from_array(plain.pamt, &plain.n_pamt);
		add_pair(&pair, hand);
	}
	read_unlock(&plain.mmu_lock);
}

static unsigned plain_free(struct list_head *hand)
{
	struct topup_page *page;
	unsigned n = 0;

	while ((page = list_first_entry_or_null(hand, struct topup_page, lru))) {
		list_del(&page->lru);
		topup_page_free(backing, page);
		n++;
	}
	return n;
}

static void plain_begin(struct topup_arm *arm)
{
	backing = &arm->thread[0].source.backing;
	memset(&plain, 0, sizeof(plain));
	INIT_LIST_HEAD(&plain.list);
}

static void plain_end(void)
{
	plain_free(&plain.list);
	while (plain.n_sept)
		topup_page_free(backing, plain.sept[--plain.n_sept]);
	while (plain.n_pamt)
		topup_page_free(backing, plain.pamt[--plain.n_pamt]);
}

static uint64_t plain_pass(struct topup_arm *arm, struct list_head *hand)
{
	uint64_t start = tick_start();
	uint32_t cpu;

	if (arm->set.variant == TOPUP_KVM_ARRAY)
		for (unsigned i = 0; i < OPS; i++)
			take_array(&arm->need[i], hand);
	else
		for (unsigned i = 0; i < OPS; i++)
			take_list(&arm->need[i], hand);
	return tick_stop(&cpu) - start;
}

static uint64_t bench_pass(struct topup_arm *arm)
{
	uint64_t start;
	uint32_t cpu;

	topup_arm_ready(arm, team, 0);
	start = tick_start();
	team_go(team);
	return tick_stop(&cpu) - start;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_ns(double *pass, unsigned gets)
{
	qsort(pass, PASSES, sizeof(*pass), ascending);
	return pass[PASSES / 2] * 1e9 / ticks.hz / gets;
}

static void compare(enum topup_variant variant)
{
	struct topup_setting set = {
		.kind = TOPUP_FAULT, .variant = variant, .threads = 1, .ops = OPS, .range = 1
	};
	static double with[PASSES], without[PASSES];
	struct list_head hand;
	struct topup_pool pool;
	struct topup_vcpu *v;
	struct topup_arm arm;
	double benched, plainly;

	assert_int_equal(topup_pool_open(&pool, POOL_PAGES, 1), 0);
	assert_int_equal(topup_arm_open(&arm, &set, &pool), 0);
	v = &arm.thread[0].vcpu;
	plain_begin(&arm);
	for (unsigned i = 0; i < PASSES; i++) {
		with[i] = (double)bench_pass(&arm);
		assert_int_equal(arm.thread[0].err, 0);
		assert_int_equal(topup_hand_free(&v->ctx, &arm.thread[0].hand), GETS);
		INIT_LIST_HEAD(&hand);
		without[i] = (double)plain_pass(&arm, &hand);
		assert_int_equal(plain_free(&hand), GETS);
	}
	benched = median_ns(with, GETS);
	plainly = median_ns(without, GETS);
	printf("%s: %.2f ns per get in the benchmark, %.2f ns in a plain loop: %.2f ns more\n",
	       topup_variants[variant].name, benched, plainly, benched - plainly);
	plain_end();
	topup_arm_close(&arm);
	assert_int_equal(pool.n_free, pool.n);
	topup_pool_close(&pool);
}

static void the_array_with_and_without(void **state)
{
	(void)state;
	compare(TOPUP_KVM_ARRAY);
}

static void the_list_with_and_without(void **state)
{
	(void)state;
	compare(TOPUP_TDX_PREALLOC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_array_with_and_without),
		cmocka_unit_test(the_list_with_and_without),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
