// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the benchmark topup costs per page taken: its pass, against a plain loop that serves the
 * same schedule from the same caches and does nothing for the sake of measuring. Prints the difference and judges none; what it
 * asserts is that both take the same pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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

static void add_pair(const struct topup_pair *pair, struct list_head *hand)
{
	list_add(&pair->page[0]->lru, hand);
	list_add(&pair->page[1]->lru, hand);
}

static void take_list(struct topup_vcpu *v, const struct topup_need *need, struct list_head *hand)
{
	struct topup_pair pair;

	topup_tdx_prealloc_topup(&v->ctx, &v->prealloc, TDX_PREALLOC_FAULT_PAGES);
	read_lock(&v->vm->mmu_lock);
	for (unsigned i = 0; i < need->sept; i++)
		list_add(&topup_tdx_prealloc_get(&v->ctx, &v->prealloc)->lru, hand);
	for (unsigned i = 0; i < need->pairs; i++) {
		topup_pamt_cache_get(&v->ctx, &v->prealloc, &pair);
		add_pair(&pair, hand);
	}
	read_unlock(&v->vm->mmu_lock);
}

static void take_array(struct topup_vcpu *v, const struct topup_need *need, struct list_head *hand)
{
	const int capacity = KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE;
	struct topup_pair pair;

	topup_kvm_array_topup(&v->ctx, &v->sept, capacity, PT64_ROOT_MAX_LEVEL);
	topup_kvm_array_topup(&v->ctx, &v->pamt_array, capacity, TDX_PAMT_FAULT_PAGES);
	read_lock(&v->vm->mmu_lock);
	for (unsigned i = 0; i < need->sept; i++)
		list_add(&topup_kvm_array_get(&v->ctx, &v->sept)->lru, hand);
	for (unsigned i = 0; i < need->pairs; i++) {
		pair.page[0] = topup_kvm_array_get(&v->ctx, &v->pamt_array);
		pair.page[1] = topup_kvm_array_get(&v->ctx, &v->pamt_array);
		add_pair(&pair, hand);
	}
	read_unlock(&v->vm->mmu_lock);
}

static uint64_t plain_pass(struct topup_arm *arm, struct list_head *hand)
{
	struct topup_vcpu *v = &arm->thread[0].vcpu;
	uint64_t start = tick_start();
	uint32_t cpu;

	if (arm->set.variant == TOPUP_KVM_ARRAY)
		for (unsigned i = 0; i < OPS; i++)
			take_array(v, &arm->need[i], hand);
	else
		for (unsigned i = 0; i < OPS; i++)
			take_list(v, &arm->need[i], hand);
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
	static double bench[PASSES], plain[PASSES];
	struct topup_hand hand;
	struct topup_pool pool;
	struct topup_vcpu *v;
	struct topup_arm arm;
	double with, without;

	assert_int_equal(topup_pool_open(&pool, POOL_PAGES, 1), 0);
	assert_int_equal(topup_arm_open(&arm, &set, &pool), 0);
	v = &arm.thread[0].vcpu;
	for (unsigned i = 0; i < PASSES; i++) {
		bench[i] = (double)bench_pass(&arm);
		assert_int_equal(arm.thread[0].err, 0);
		assert_int_equal(topup_hand_free(&v->ctx, &arm.thread[0].hand), GETS);
		topup_hand_init(&hand);
		plain[i] = (double)plain_pass(&arm, &hand.pages);
		assert_int_equal(topup_hand_free(&v->ctx, &hand), GETS);
	}
	with = median_ns(bench, GETS);
	without = median_ns(plain, GETS);
	printf("%s: %.2f ns per get in the benchmark, %.2f ns in a plain loop: %.2f ns more\n",
	       topup_variants[variant].name, with, without, with - without);
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
