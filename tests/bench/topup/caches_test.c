// SPDX-License-Identifier: GPL-2.0-or-later
/* What a topup does, by what is there, what is asked for, and which allocation fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bench/topup/rig.h"

static struct rig rig;

static const struct {
	const char *what;
	int held, capacity, min;
	unsigned
		fail_at; /* of the tries of the topup; without one before it, the array is the 1st */
	int err, nobjs;
	unsigned allocs;
} arrays[] = {
	{ "empty: full", 0, 40, 5, 0, 0, 40, 40 },
	{ "as many as needed: nothing", 5, 40, 5, 0, 0, 5, 0 },
	{ "more than needed: nothing", 39, 40, 5, 0, 0, 39, 0 },
	{ "one less: full", 4, 40, 5, 0, 0, 40, 36 },
	{ "all", 39, 40, 40, 0, 0, 40, 1 },
	{ "no array", 0, 40, 5, 1, -ENOMEM, 0, 0 },
	{ "not the first page", 0, 40, 5, 2, -ENOMEM, 0, 0 },
	{ "one page short", 0, 40, 5, 6, -ENOMEM, 4, 4 },
	{ "just enough", 0, 40, 5, 7, 0, 5, 5 },
	{ "not the last page", 0, 40, 5, 41, 0, 39, 39 },
	{ "not the first page, but one was there", 4, 40, 5, 1, -ENOMEM, 4, 0 },
	{ "more than there is room", 0, 40, 41, 0, -EIO, 0, 0 },
	{ "another capacity", 4, 50, 5, 0, -EIO, 4, 0 },
	{ "another capacity, unused", 5, 50, 5, 0, 0, 5, 0 },
	{ "an array of its own", 0, 513, 500, 0, 0, 513, 513 },
};

static void hold_in_array(struct topup_kvm_array *array, int held)
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;

	assert_int_equal(topup_kvm_array_topup(ctx, array, 40, 40), 0);
	while (array->nobjs > held)
		topup_free(ctx, topup_kvm_array_get(ctx, array));
}

static void test_array(void **state)
{
	struct topup_kvm_array *array = &rig.vcpu.sept;
	uint64_t allocs;
	int r;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(arrays); i++) {
		rig_open(&rig, TOPUP_KVM_ARRAY);
		if (arrays[i].held)
			hold_in_array(array, arrays[i].held);
		allocs = topup_source_allocs(&rig.source);
		if (arrays[i].fail_at)
			rig.source.fail_at = rig.source.tries + arrays[i].fail_at;
		r = topup_kvm_array_topup(&rig.vcpu.ctx, array, arrays[i].capacity, arrays[i].min);
		allocs = topup_source_allocs(&rig.source) - allocs;
		if (r != arrays[i].err || array->nobjs != arrays[i].nobjs ||
		    allocs != arrays[i].allocs)
			fail_msg("%s: %d, holds %d, allocated %u", arrays[i].what, r, array->nobjs,
				 (unsigned)allocs);
		assert_int_equal(rig.source.failures, arrays[i].fail_at != 0);
		rig_check(&rig);
		rig_close(&rig);
	}
}

enum list { PREALLOC, PAMT, SPLIT, BATCH };

static const struct {
	const char *what;
	enum list list;
	unsigned held, min, fail_at;
	int err;
	unsigned cnt, allocs, rounds;
} lists[] = {
	{ "prealloc, empty", PREALLOC, 0, 15, 0, 0, 15, 15, 0 },
	{ "prealloc, exactly to min", PREALLOC, 12, 15, 0, 0, 15, 3, 0 },
	{ "prealloc, enough", PREALLOC, 15, 15, 0, 0, 15, 0, 0 },
	{ "prealloc, more", PREALLOC, 20, 15, 0, 0, 20, 0, 0 },
	{ "prealloc, 4th page fails", PREALLOC, 0, 15, 4, -ENOMEM, 3, 3, 0 },
	{ "prealloc, last page fails", PREALLOC, 0, 15, 15, -ENOMEM, 14, 14, 0 },
	{ "pamt, 5 entries", PAMT, 0, 5, 0, 0, 10, 10, 0 },
	{ "pamt, exactly to min", PAMT, 9, 5, 0, 0, 10, 1, 0 },
	{ "pamt, enough", PAMT, 10, 5, 0, 0, 10, 0, 0 },
	{ "pamt, 1st page fails", PAMT, 9, 5, 1, -ENOMEM, 9, 0, 0 },
	{ "split, 4 lock rounds", SPLIT, 0, 4, 0, 0, 4, 4, 4 },
	{ "split, 1 lock round", SPLIT, 3, 4, 0, 0, 4, 1, 1 },
	{ "split, enough", SPLIT, 4, 4, 0, 0, 4, 0, 0 },
	{ "split, 3rd page fails", SPLIT, 0, 4, 3, -ENOMEM, 2, 2, 2 },
	{ "batch, one round", BATCH, 0, 4, 0, 0, 4, 4, 1 },
	{ "batch, one page", BATCH, 3, 4, 0, 0, 4, 1, 1 },
	{ "batch, enough", BATCH, 4, 4, 0, 0, 4, 0, 0 },
	{ "batch, 3rd page fails, two stay", BATCH, 0, 4, 3, -ENOMEM, 2, 2, 1 },
	{ "batch, 1st page fails", BATCH, 0, 4, 1, -ENOMEM, 0, 0, 0 },
};

static struct topup_list *list_of(enum list list)
{
	switch (list) {
	case PREALLOC:
		return &rig.vcpu.prealloc;
	case PAMT:
		return &rig.vcpu.pamt;
	default:
		return &rig.vm.split.list;
	}
}

static int topup(enum list list, unsigned min)
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;

	switch (list) {
	case PREALLOC:
		return topup_tdx_prealloc_topup(ctx, list_of(list), min);
	case PAMT:
		return topup_pamt_cache_topup(ctx, list_of(list), min);
	case SPLIT:
		return topup_split_cache_topup(ctx, &rig.vm.split, min);
	default:
		return topup_split_batch_topup(ctx, &rig.vm.split, min);
	}
}

static void test_lists(void **state)
{
	uint64_t rounds;
	int r;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
		rig_open(&rig, TOPUP_SPLIT_CACHE);
		assert_int_equal(topup_tdx_prealloc_topup(&rig.vcpu.ctx, list_of(lists[i].list),
							  lists[i].held),
				 0);
		rig.vcpu.ctx.meter = &rig.meter;
		if (lists[i].fail_at)
			rig.source.fail_at = rig.source.tries + lists[i].fail_at;
		r = topup(lists[i].list, lists[i].min);
		rounds = rig.meter.lock[TOPUP_LOCK_SPLIT].rounds;
		if (r != lists[i].err || list_of(lists[i].list)->cnt != lists[i].cnt ||
		    rounds != lists[i].rounds ||
		    topup_source_allocs(&rig.source) != lists[i].held + lists[i].allocs)
			fail_msg("%s: %d, holds %u, allocated %u, locked %u times", lists[i].what,
				 r, list_of(lists[i].list)->cnt,
				 (unsigned)topup_source_allocs(&rig.source) - lists[i].held,
				 (unsigned)rounds);
		rig_check(&rig);
		rig_close(&rig);
	}
}

/* What was put last comes out first. */
static void test_order(void **state)
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;
	struct topup_page *put[3];

	(void)state;
	rig_open(&rig, TOPUP_KVM_ARRAY);
	for (unsigned i = 0; i < 3; i++) {
		put[i] = topup_alloc(ctx, TOPUP_SLEEP);
		topup_list_put(ctx, &rig.vcpu.pamt, put[i]);
	}
	for (unsigned i = 3; i--;) {
		assert_ptr_equal(topup_list_get(ctx, &rig.vcpu.pamt), put[i]);
		topup_free(ctx, put[i]);
	}
	assert_null(topup_list_get(ctx, &rig.vcpu.pamt));

	hold_in_array(&rig.vcpu.sept, 3);
	for (unsigned i = 3; i--;) {
		put[i] = rig.vcpu.sept.objects[i];
		assert_ptr_equal(topup_kvm_array_get(ctx, &rig.vcpu.sept), put[i]);
		topup_free(ctx, put[i]);
	}
	rig_close(&rig);
}

/* An empty cache: an allocation after all, or an error, by the kernel's rule. */
static void test_empty(void **state)
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;
	struct topup_page *page;
	struct topup_pair pair;

	(void)state;
	rig_open(&rig, TOPUP_KVM_ARRAY);
	page = topup_kvm_array_get(ctx, &rig.vcpu.sept);
	assert_non_null(page);
	topup_free(ctx, page);
	page = topup_tdx_prealloc_get(ctx, &rig.vcpu.prealloc);
	assert_non_null(page);
	topup_free(ctx, page);
	assert_int_equal(topup_source_allocs(&rig.source), 2);

	rig.source.fail_at = 3;
	assert_null(topup_kvm_array_get(ctx, &rig.vcpu.sept));
	rig.source.fail_at = 4;
	assert_null(topup_tdx_prealloc_get(ctx, &rig.vcpu.prealloc));

	/* One page is no pair: it stays. */
	topup_list_put(ctx, &rig.vcpu.pamt, topup_alloc(ctx, TOPUP_SLEEP));
	assert_int_equal(topup_pamt_cache_get(ctx, &rig.vcpu.pamt, &pair), -ENOMEM);
	assert_int_equal(rig.vcpu.pamt.cnt, 1);
	rig_check(&rig);
	rig_close(&rig);
}

/* As large as a struct page, and none in another one's line. */
static void test_descriptors(void **state)
{
	(void)state;
	rig_open(&rig, TOPUP_DIRECT);
	assert_int_equal(sizeof(struct topup_page), 64);
	for (unsigned i = 0; i < rig.pool.n; i++)
		assert_int_equal((uintptr_t)&rig.pool.page[i] % 64, 0);
	rig_close(&rig);
}

static void test_mmap(void **state)
{
	struct topup_source source;
	struct topup_page *page[3];

	(void)state;
	topup_source_open(&source, NULL);
	for (unsigned i = 0; i < 3; i++) {
		page[i] = topup_source_alloc(&source, TOPUP_SLEEP);
		assert_non_null(page[i]);
		assert_int_equal((uintptr_t)page[i] % 4096, 0);
		assert_int_equal(page[i]->owner, 0);
	}
	topup_source_seen(&source);
	assert_int_equal(source.peak, 3);
	for (unsigned i = 0; i < 3; i++)
		topup_source_free(&source, page[i]);
	assert_int_equal(topup_source_live(&source), 0);
	assert_int_equal(topup_source_allocs(&source), 3);
	topup_source_close(&source);
}

/* One try of three is refused; one that is refused at once, ever after. */
static void test_refusals(void **state)
{
	struct topup_page *page[7];
	unsigned int n = 0;

	(void)state;
	rig_open(&rig, TOPUP_DIRECT);
	rig.source.fail_at = 3;
	rig.source.fail_every = 3;
	for (unsigned int i = 1; i <= 9; i++) {
		page[n] = topup_alloc(&rig.vcpu.ctx, TOPUP_SLEEP);
		assert_int_equal(page[n] == NULL, i % 3 == 0);
		n += page[n] != NULL;
	}
	assert_int_equal(rig.source.failures, 3);
	while (n--)
		topup_free(&rig.vcpu.ctx, page[n]);
	rig.source.fail_at = rig.source.tries + 1;
	rig.source.fail_every = 1;
	for (unsigned int i = 0; i < 3; i++)
		assert_null(topup_alloc(&rig.vcpu.ctx, TOPUP_SLEEP));
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),    cmocka_unit_test(test_array),
		cmocka_unit_test(test_lists),	    cmocka_unit_test(test_order),
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_mmap),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
