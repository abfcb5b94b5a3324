// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole faults and splits: equal work for all variants, what they report, and every failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/topup/schedule.h"
#include "tests/bench/topup/rig.h"

#define SPLITS 8

static const struct topup_need cold = { 4, 5 };
static const struct topup_need split_need[] = { [0 ... 11] = { 1, 2 } };
static struct rig rig;

static const struct topup_work *work_of(unsigned variant, unsigned indirect)
{
	return &topup_variants[variant].work[indirect];
}

static void step_fault(const struct topup_work *work, int *r)
{
	*r = work->fault(&rig.vcpu, &cold, &rig.hand);
}

static void step_apart(const struct topup_work *work, int *r)
{
	struct topup_need need = topup_schedule_fault(TOPUP_STEADY, 1);

	*r = work->topup(&rig.vcpu);
	if (!*r)
		*r = work->take(&rig.vcpu, &need, &rig.hand);
}

static void step_repeat(const struct topup_work *work, int *r)
{
	*r = work->split(&rig.vcpu, SPLITS, TOPUP_REPEAT, split_need, &rig.hand);
}

static void step_whole(const struct topup_work *work, int *r)
{
	*r = work->split(&rig.vcpu, SPLITS, TOPUP_WHOLE, split_need, &rig.hand);
}

static const struct {
	const char *name;
	void (*run)(const struct topup_work *work, int *r);
	unsigned sept, pamt; /* pages that it uses, in all variants */
} steps[] = {
	{ "fault", step_fault, 4, 10 },
	{ "topup and take", step_apart, 1, 2 },
	{ "split, repeat", step_repeat, SPLITS, 4 * SPLITS },
	{ "split, whole", step_whole, SPLITS, 4 * SPLITS },
};

static void open_variant(unsigned variant, bool has_vcpu)
{
	rig_open(&rig, variant);
	rig.vm.ahead = SPLITS;
	rig.vm.has_vcpu = has_vcpu;
}

/* Both ways of calling, and where there is a choice both caches. */
static void for_all(void (*check)(unsigned variant, unsigned indirect, bool has_vcpu))
{
	for (unsigned variant = 0; variant < TOPUP_VARIANTS; variant++)
		for (unsigned indirect = 0; indirect < 2; indirect++) {
			check(variant, indirect, false);
			if (variant == TOPUP_PER_VCPU_OR_VM)
				check(variant, indirect, true);
		}
}

static void check_equal(unsigned variant, unsigned indirect, bool has_vcpu)
{
	unsigned sept = 0, pamt = 0;
	int r;

	open_variant(variant, has_vcpu);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		steps[i].run(work_of(variant, indirect), &r);
		sept += steps[i].sept;
		pamt += steps[i].pamt;
		if (r || rig.hand.sept != sept || rig.hand.pamt != pamt)
			fail_msg("%s, %s: %d, used %u S-EPT and %u PAMT pages of %u and %u",
				 topup_variants[variant].name, steps[i].name, r, rig.hand.sept,
				 rig.hand.pamt, sept, pamt);
		rig_check(&rig);
	}
	rig_close(&rig);
}

static void test_equal_work(void **state)
{
	(void)state;
	for_all(check_equal);
}

/* Let the k-th allocation fail. The step that notices is repeated. Return: was there a k-th? */
static bool run_failing(const struct topup_work *work, unsigned k)
{
	unsigned noticed = 0;
	int r;

	rig.source.fail_at = k;
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		steps[i].run(work, &r);
		rig_check(&rig);
		if (!r)
			continue;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(rig.source.failures, 1);
		noticed++;
		steps[i].run(work, &r);
		assert_int_equal(r, 0);
		rig_check(&rig);
	}
	assert_true(noticed <= 1);
	return rig.source.failures;
}

static void check_failures(unsigned variant, unsigned indirect, bool has_vcpu)
{
	unsigned k = 0;
	bool failed;

	do {
		open_variant(variant, has_vcpu);
		failed = run_failing(work_of(variant, indirect), ++k);
		rig_close(&rig);
	} while (failed);
	/* All that the steps use had to be allocated, so that many could fail. */
	assert_true(k > 4 + 10 + 1 + 2 + 2 * 5 * SPLITS);
}

static void test_failures(void **state)
{
	(void)state;
	for_all(check_failures);
}

/* Of SPLITS splits, from empty caches. */
static const struct {
	enum topup_variant variant;
	enum topup_range_mode mode;
	unsigned mmu, split, vm, retries, idle_peak;
} ranges[] = {
	/* 40 in each array at the first retry: 10 splits' worth. */
	{ TOPUP_KVM_ARRAY, TOPUP_REPEAT, 2, 0, 0, 1, 80 },
	{ TOPUP_KVM_ARRAY, TOPUP_WHOLE, 1, 0, 0, 0, 80 },
	{ TOPUP_TDX_PREALLOC, TOPUP_REPEAT, SPLITS + 1, 0, 0, SPLITS, 5 },
	{ TOPUP_TDX_PREALLOC, TOPUP_WHOLE, 1, 0, 0, 0, 5 * SPLITS },
	/* The S-EPT array is filled at the first. */
	{ TOPUP_PAMT_CACHE, TOPUP_REPEAT, SPLITS + 1, 0, 0, SPLITS, 44 },
	{ TOPUP_PAMT_CACHE, TOPUP_WHOLE, 1, 0, 0, 0, 40 + 4 * SPLITS },
	/* 4 rounds in a topup, 2 in a split; in a batch 1 and 2. */
	{ TOPUP_SPLIT_CACHE, TOPUP_REPEAT, SPLITS + 1, 6 * SPLITS, 0, SPLITS, 5 },
	{ TOPUP_SPLIT_CACHE, TOPUP_WHOLE, 1, 6 * SPLITS, 0, 0, 5 * SPLITS },
	{ TOPUP_SPLIT_BATCH, TOPUP_REPEAT, SPLITS + 1, 3 * SPLITS, 0, SPLITS, 5 },
	{ TOPUP_SPLIT_BATCH, TOPUP_WHOLE, 1, 1 + 2 * SPLITS, 0, 0, 5 * SPLITS },
	{ TOPUP_PER_VCPU_OR_VM, TOPUP_REPEAT, SPLITS + 1, 0, 1, SPLITS, 5 },
	{ TOPUP_PER_VCPU_OR_VM, TOPUP_WHOLE, 1, 0, 1, 0, 5 * SPLITS },
	{ TOPUP_DIRECT, TOPUP_REPEAT, 1, 0, 0, 0, 0 },
	{ TOPUP_DIRECT, TOPUP_WHOLE, 1, 0, 0, 0, 0 },
};

static void check_range(unsigned i)
{
	const struct topup_lock_meter *lock = rig.meter.lock;
	const struct topup_work *work = work_of(ranges[i].variant, 0);
	const char *mode = ranges[i].mode == TOPUP_WHOLE ? "whole" : "repeat";

	assert_int_equal(work->split(&rig.vcpu, SPLITS, ranges[i].mode, split_need, &rig.hand), 0);
	if (lock[TOPUP_LOCK_MMU].rounds != ranges[i].mmu ||
	    lock[TOPUP_LOCK_SPLIT].rounds != ranges[i].split ||
	    lock[TOPUP_LOCK_VM].rounds != ranges[i].vm || rig.meter.retries != ranges[i].retries ||
	    rig.meter.idle_peak != ranges[i].idle_peak)
		fail_msg("%s, %s: %u, %u, %u lock rounds, %u retries, %u idle",
			 topup_variants[ranges[i].variant].name, mode,
			 (unsigned)lock[TOPUP_LOCK_MMU].rounds,
			 (unsigned)lock[TOPUP_LOCK_SPLIT].rounds,
			 (unsigned)lock[TOPUP_LOCK_VM].rounds, (unsigned)rig.meter.retries,
			 (unsigned)rig.meter.idle_peak);
}

static void test_ranges(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
		open_variant(ranges[i].variant, false);
		rig.vcpu.ctx.meter = &rig.meter;
		check_range(i);
		rig_check(&rig);
		rig_close(&rig);
	}
}

/* The array's topups: 40 pages, nothing eight times, then 36. */
static void test_samples(void **state)
{
	static const struct topup_need four = { 4, 0 };
	struct topup_sample sample[10];

	(void)state;
	open_variant(TOPUP_SPLIT_CACHE, false);
	rig.vcpu.ctx.meter = &rig.meter;
	rig.meter.sample = sample;
	rig.meter.room = ARRAY_SIZE(sample);
	for (unsigned i = 0; i < 11; i++)
		assert_int_equal(work_of(TOPUP_SPLIT_CACHE, 1)->fault(&rig.vcpu, &four, &rig.hand),
				 0);
	/* With the 10 of the other list in the first. */
	assert_int_equal(sample[0].pages, 50);
	for (unsigned i = 1; i < 9; i++)
		assert_int_equal(sample[i].pages, 0);
	assert_int_equal(sample[9].pages, 36);
	assert_int_equal(rig.meter.topups, 11);
	assert_int_equal(rig.meter.lock[TOPUP_LOCK_MMU].rounds, 11);
	rig_close(&rig);
}

/* A burst of 512 faults gets pages in its first, and nothing is metered where nothing is got. */
static void test_gets(void **state)
{
	struct topup_sample get[4];

	(void)state;
	open_variant(TOPUP_PAMT_CACHE, false);
	rig.vcpu.ctx.meter = &rig.meter;
	rig.meter.get = get;
	rig.meter.get_room = ARRAY_SIZE(get);
	for (unsigned i = 0; i < 2 * SPTE_ENT_PER_PAGE; i++) {
		struct topup_need need = topup_schedule_fault(TOPUP_BURST, i);

		assert_int_equal(work_of(TOPUP_PAMT_CACHE, 0)->fault(&rig.vcpu, &need, &rig.hand),
				 0);
	}
	assert_int_equal(rig.meter.gets, 2);
	assert_int_equal(get[0].pages, 1 + 2 * 2);
	assert_int_equal(get[1].pages, 1 + 2);
	rig_close(&rig);
}

/* What a meter was not asked for it does not read the clock for: it is around what was. */
static void test_one_meter(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit < TOPUP_METER_ALL; bit <<= 1) {
		struct topup_meter *m = &rig.meter;

		open_variant(TOPUP_SPLIT_CACHE, false);
		rig.vcpu.ctx.meter = m;
		m->what = bit;
		assert_int_equal(
			work_of(TOPUP_SPLIT_CACHE, 0)
				->split(&rig.vcpu, SPLITS, TOPUP_REPEAT, split_need, &rig.hand),
			0);
		assert_int_equal(m->topups > 0, bit == TOPUP_METER_CALLS);
		assert_int_equal(m->retries > 0, bit == TOPUP_METER_CALLS);
		assert_int_equal(m->idle_peak > 0, bit == TOPUP_METER_CALLS);
		assert_int_equal(m->gets > 0, bit == TOPUP_METER_GETS);
		for (unsigned id = 0; id < TOPUP_LOCKS; id++)
			assert_int_equal(m->lock[id].since > 0,
					 bit == TOPUP_METER_LOCK(id) &&
						 (id == TOPUP_LOCK_MMU || id == TOPUP_LOCK_SPLIT));
		rig_close(&rig);
	}
}

/* More than the array was made for is refused, and nothing is kept locked. */
static void test_not_ahead(void **state)
{
	(void)state;
	rig_open(&rig, TOPUP_KVM_ARRAY);
	assert_int_equal(work_of(TOPUP_KVM_ARRAY, 0)
				 ->split(&rig.vcpu, 11, TOPUP_WHOLE, split_need, &rig.hand),
			 -EIO);
	rig_check(&rig);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_work), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_ranges),	   cmocka_unit_test(test_samples),
		cmocka_unit_test(test_not_ahead),  cmocka_unit_test(test_gets),
		cmocka_unit_test(test_one_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
