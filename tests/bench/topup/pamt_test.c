// SPDX-License-Identifier: GPL-2.0-or-later
/* Dynamic PAMT references, step by step, and when a page is not to be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bench/topup/rig.h"

static struct rig rig;

enum step { GET, PUT, GET_LOCKED, PUT_LOCKED };

/* One after another, on one region. */
static const struct {
	enum step step;
	unsigned fail_at; /* of the tries of this step */
	int err, refcount;
	unsigned live, allocs, rounds; /* the last two by this step */
} steps[] = {
	{ GET, 1, -ENOMEM, 0, 0, 0, 0 },
	{ GET, 2, -ENOMEM, 0, 0, 1, 0 },
	{ GET, 0, 0, 1, 2, 2, 1 },
	{ GET, 0, 0, 2, 2, 0, 0 },
	{ GET_LOCKED, 1, -ENOMEM, 2, 2, 0, 0 },
	{ GET_LOCKED, 0, 0, 3, 2, 2, 1 },
	{ PUT_LOCKED, 0, 0, 2, 2, 0, 1 },
	{ PUT, 0, 0, 1, 2, 0, 0 },
	{ PUT, 0, 0, 0, 0, 0, 1 },
	{ GET_LOCKED, 0, 0, 1, 2, 2, 1 },
	{ PUT_LOCKED, 0, 0, 0, 0, 0, 1 },
};

static int run(struct topup_pamt *p, enum step step)
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;

	switch (step) {
	case GET:
		return topup_pamt_get(p, ctx, 1, NULL);
	case GET_LOCKED:
		return topup_pamt_get_locked(p, ctx, 1, NULL);
	case PUT:
		topup_pamt_put(p, ctx, 1);
		return 0;
	default:
		topup_pamt_put_locked(p, ctx, 1);
		return 0;
	}
}

static void test_steps(void **state)
{
	struct topup_pamt p;

	(void)state;
	rig_open(&rig, TOPUP_DIRECT);
	rig.vcpu.ctx.meter = &rig.meter;
	assert_int_equal(topup_pamt_init(&p, 2), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		uint64_t allocs = topup_source_allocs(&rig.source);
		uint64_t rounds = rig.meter.lock[TOPUP_LOCK_PAMT].rounds;

		rig.source.fail_at = steps[i].fail_at ? rig.source.tries + steps[i].fail_at : 0;
		assert_int_equal(run(&p, steps[i].step), steps[i].err);
		assert_int_equal(atomic_read(&p.refcount[1]), steps[i].refcount);
		assert_int_equal(atomic_read(&p.refcount[0]), 0);
		assert_int_equal(topup_source_live(&rig.source), steps[i].live);
		assert_int_equal(topup_source_allocs(&rig.source) - allocs, steps[i].allocs);
		assert_int_equal(rig.meter.lock[TOPUP_LOCK_PAMT].rounds - rounds, steps[i].rounds);
	}
	topup_pamt_destroy(&p, &rig.vcpu.ctx);
	rig_close(&rig);
}

/* From a cache: a pair at 0 -> 1, nothing else; what is not put is freed in the end. */
static void test_cache(void **state)
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;
	struct topup_list *cache = &rig.vcpu.pamt;
	struct topup_pamt p;

	(void)state;
	rig_open(&rig, TOPUP_PAMT_CACHE);
	assert_int_equal(topup_pamt_init(&p, 4), 0);
	assert_int_equal(topup_pamt_cache_topup(ctx, cache, 2), 0);
	assert_int_equal(topup_pamt_get(&p, ctx, 0, cache), 0);
	assert_int_equal(cache->cnt, 2);
	assert_int_equal(topup_pamt_get(&p, ctx, 0, cache), 0);
	assert_int_equal(cache->cnt, 2);
	assert_int_equal(topup_pamt_get(&p, ctx, 3, cache), 0);
	assert_int_equal(cache->cnt, 0);
	assert_int_equal(topup_pamt_get(&p, ctx, 2, cache), -ENOMEM);
	assert_int_equal(topup_source_live(&rig.source), 4);
	topup_pamt_destroy(&p, ctx);
	rig_close(&rig);
}

/* A VM in the module has counts of its own, however few: another's are not on their line. */
static void test_lines(void **state)
{
	struct topup_pamt p[4];

	(void)state;
	rig_open(&rig, TOPUP_DIRECT);
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		assert_int_equal(topup_pamt_init(&p[i], 1), 0);
		assert_int_equal((uintptr_t)p[i].refcount % TOPUP_APART, 0);
		assert_int_equal((uintptr_t)p[i].entry % TOPUP_APART, 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		topup_pamt_destroy(&p[i], &rig.vcpu.ctx);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
