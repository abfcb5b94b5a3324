// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads at one VM's caches: every page that goes in comes out once. A page that is in use belongs
 * to a thread, by its shadow; an operation is one page taken out of a cache, used and freed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/topup/schedule.h"
#include "tests/bench/topup/rig.h"

#define THREADS 4
#define AHEAD	4
#define REGIONS 8

static struct topup_pool pool;
static struct topup_vm vm;
static struct topup_pamt pamt;

struct worker {
	struct topup_source source;
	struct topup_meter meter;
	struct topup_vcpu vcpu;
	const struct topup_work *work;
	uint64_t id, operations, bad;
	bool locked; /* pamt: the variant without the fast path */
	pthread_t thread;
};

static struct worker workers[THREADS];

static void use_pages(struct worker *w, struct topup_hand *hand)
{
	struct list_head *at;
	struct topup_page *page;

	for (at = hand->pages.next; at != &hand->pages; at = at->next) {
		page = container_of(at, struct topup_page, lru);
		if (__atomic_exchange_n(&page->owner, w->id, __ATOMIC_RELAXED))
			w->bad++;
	}
	for (at = hand->pages.next; at != &hand->pages; at = at->next) {
		page = container_of(at, struct topup_page, lru);
		if (__atomic_exchange_n(&page->owner, 0, __ATOMIC_RELAXED) != w->id)
			w->bad++;
	}
	w->operations += topup_hand_free(&w->vcpu.ctx, hand);
}

static void *hammer(void *arg)
{
	struct worker *w = arg;
	struct topup_hand hand;
	static const struct topup_need splits[AHEAD] = { [0 ... AHEAD - 1] = { TDX_SPLIT_SEPT_PAGES,
									       TDX_SPLIT_PAIRS } };
	struct topup_need need;
	enum topup_range_mode mode;

	topup_hand_init(&hand);
	for (uint64_t i = 0; w->operations < OPERATIONS / THREADS; i++) {
		mode = i % 2 ? TOPUP_WHOLE : TOPUP_REPEAT;
		if (w->work->split(&w->vcpu, 1 + i % AHEAD, mode, splits, &hand))
			w->bad++;
		need = topup_schedule_fault(TOPUP_STEADY, i);
		if (w->work->fault(&w->vcpu, &need, &hand))
			w->bad++;
		use_pages(w, &hand);
	}
	return NULL;
}

static void start(void *(*run)(void *), const struct topup_work *work, bool locked)
{
	for (unsigned i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];

		memset(w, 0, sizeof(*w));
		topup_source_open(&w->source, &pool);
		/* Half of them metered. */
		topup_vcpu_init(&w->vcpu, &vm, &w->source, i % 2 ? &w->meter : NULL);
		w->work = work;
		w->locked = locked;
		w->id = i + 1;
		assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

/* What was allocated was used, or is still there. Then nothing is. */
static void finish(void)
{
	uint64_t allocs = 0, operations = 0, idle = topup_vm_idle(&vm);
	int64_t live = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(workers[i].bad, 0);
		assert_int_equal(workers[i].source.failures, 0);
		allocs += topup_source_allocs(&workers[i].source);
		operations += workers[i].operations;
		idle += topup_vcpu_idle(&workers[i].vcpu);
	}
	assert_int_equal(allocs, operations + idle);
	topup_vm_drain(&vm, &workers[0].vcpu);
	for (unsigned i = 0; i < THREADS; i++) {
		topup_vcpu_drain(&workers[i].vcpu);
		live += topup_source_live(&workers[i].source);
		topup_source_close(&workers[i].source);
	}
	assert_int_equal(live, 0);
	assert_int_equal(topup_vm_idle(&vm), 0);
}

static void check_variant(unsigned variant, unsigned indirect, bool has_vcpu)
{
	assert_int_equal(topup_pool_open(&pool, 4096, THREADS), 0);
	topup_vm_init(&vm, variant);
	vm.ahead = AHEAD;
	vm.has_vcpu = has_vcpu;
	start(hammer, &topup_variants[variant].work[indirect], false);
	finish();
	pool_check(&pool);
	topup_vm_destroy(&vm);
	topup_pool_close(&pool);
}

static void test_split_cache(void **state)
{
	(void)state;
	check_variant(TOPUP_SPLIT_CACHE, 0, false);
}

static void test_split_batch(void **state)
{
	(void)state;
	check_variant(TOPUP_SPLIT_BATCH, 0, false);
}

static void test_per_vcpu_or_vm(void **state)
{
	(void)state;
	check_variant(TOPUP_PER_VCPU_OR_VM, 0, false);
	check_variant(TOPUP_PER_VCPU_OR_VM, 0, true);
}

/* Through the table: which share nothing but the mmu_lock, and the direct allocation. */
static void test_others(void **state)
{
	(void)state;
	check_variant(TOPUP_KVM_ARRAY, 1, false);
	check_variant(TOPUP_TDX_PREALLOC, 1, false);
	check_variant(TOPUP_PAMT_CACHE, 1, false);
	check_variant(TOPUP_DIRECT, 1, false);
}

/* Some references at a time, to regions that others want, too; all given back in the end. */
static void *get_and_put(void *arg)
{
	struct worker *w = arg;
	struct topup_ctx *ctx = &w->vcpu.ctx;
	uint64_t state = w->id * 0x9e3779b97f4a7c15u;
	unsigned held[4] = { REGIONS, REGIONS, REGIONS, REGIONS }, *slot;

	for (w->operations = 0; w->operations < OPERATIONS / THREADS; w->operations++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		slot = &held[state >> 62];
		if (*slot < REGIONS && w->locked)
			topup_pamt_put_locked(&pamt, ctx, *slot);
		else if (*slot < REGIONS)
			topup_pamt_put(&pamt, ctx, *slot);
		*slot = *slot < REGIONS ? REGIONS : (unsigned)(state >> 40) % REGIONS;
		if (*slot < REGIONS &&
		    (w->locked ? topup_pamt_get_locked : topup_pamt_get)(&pamt, ctx, *slot, NULL))
			w->bad++;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i] < REGIONS)
			topup_pamt_put(&pamt, ctx, held[i]);
	return NULL;
}

static void check_pamt(bool locked)
{
	int64_t live = 0;

	assert_int_equal(topup_pool_open(&pool, 4096, THREADS), 0);
	assert_int_equal(topup_pamt_init(&pamt, REGIONS), 0);
	topup_vm_init(&vm, TOPUP_DIRECT);
	start(get_and_put, NULL, locked);
	for (unsigned i = 0; i < REGIONS; i++)
		assert_int_equal(atomic_read(&pamt.refcount[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(workers[i].bad, 0);
		live += topup_source_live(&workers[i].source);
		topup_source_close(&workers[i].source);
	}
	assert_int_equal(live, 0);
	pool_check(&pool);
	topup_pamt_destroy(&pamt, &workers[0].vcpu.ctx);
	topup_vm_destroy(&vm);
	topup_pool_close(&pool);
}

static void test_pamt(void **state)
{
	(void)state;
	check_pamt(false);
	check_pamt(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_cache),    cmocka_unit_test(test_split_batch),
		cmocka_unit_test(test_per_vcpu_or_vm), cmocka_unit_test(test_others),
		cmocka_unit_test(test_pamt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
