// SPDX-License-Identifier: GPL-2.0-or-later
/* Every number beside the kernel's name for it, and where the kernel has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/topup/schedule.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name, *source;
	unsigned value, expected;
} limits[] = {
	{ "KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE", "arch/x86/include/asm/kvm_types.h",
	  KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE, 40 },
	{ "PT64_ROOT_MAX_LEVEL", "arch/x86/include/asm/kvm_host.h", PT64_ROOT_MAX_LEVEL, 5 },
	{ "TDX_DPAMT_ENTRY_PAGE_CNT", "Dynamic PAMT v6", TDX_DPAMT_ENTRY_PAGE_CNT, 2 },
	{ "cnt + tdx_dpamt_entry_pages() * PT64_ROOT_MAX_LEVEL", "Dynamic PAMT v4 12/16",
	  TDX_PREALLOC_FAULT_PAGES, 15 },
	{ "tdx_topup_pamt_cache(cache, PT64_ROOT_MAX_LEVEL)", "Dynamic PAMT v6 9/11",
	  TDX_PAMT_FAULT_PAGES, 10 },
	{ "tdx_min_split_cache_sz()", "TDX huge pages v3 20/24", TDX_SPLIT_PAMT_PAGES, 4 },
	{ "SPTE_ENT_PER_PAGE", "arch/x86/kvm/mmu/spte.h", SPTE_ENT_PER_PAGE, 512 },
};

static void test_limits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].value != limits[i].expected)
			fail_msg("%s is %u, not %u as in %s", limits[i].name, limits[i].value,
				 limits[i].expected, limits[i].source);
}

static const struct {
	enum topup_load load;
	uint64_t i;
	struct topup_need need;
} faults[] = {
	{ TOPUP_STEADY, 0, { 1, 2 } },	   { TOPUP_STEADY, 1, { 1, 1 } },
	{ TOPUP_STEADY, 511, { 1, 1 } },   { TOPUP_STEADY, 512, { 1, 2 } },
	{ TOPUP_BURST, 0, { 1, 2 } },	   { TOPUP_BURST, 1, { 0, 0 } },
	{ TOPUP_BURST, 511, { 0, 0 } },	   { TOPUP_BURST, 512, { 1, 1 } },
	{ TOPUP_BURST, 262143, { 0, 0 } }, { TOPUP_BURST, 262144, { 1, 2 } },
	{ TOPUP_COLD, 0, { 4, 5 } },	   { TOPUP_COLD, 7, { 4, 5 } },
};

static void test_schedule(void **state)
{
	struct topup_need need;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(faults); i++) {
		need = topup_schedule_fault(faults[i].load, faults[i].i);
		if (need.sept != faults[i].need.sept || need.pairs != faults[i].need.pairs)
			fail_msg("fault %llu of load %s needs %u and %u, not %u and %u",
				 (unsigned long long)faults[i].i, topup_load_names[faults[i].load],
				 need.sept, need.pairs, faults[i].need.sept, faults[i].need.pairs);
	}
}

/* Wherever a row of them begins, a split needs what a fault in a region of its own does. */
static void test_splits(void **state)
{
	struct topup_need need;

	(void)state;
	need = *topup_schedule_splits(0);
	assert_int_equal(need.sept, TDX_SPLIT_SEPT_PAGES);
	assert_int_equal(need.pairs, TDX_SPLIT_PAIRS);
	for (uint64_t first = 0; first < 2 * SPTE_ENT_PER_PAGE; first++)
		for (uint64_t i = 0; i < SPTE_ENT_PER_PAGE; i++) {
			need = topup_schedule_fault(TOPUP_STEADY, first + i);
			assert_memory_equal(&topup_schedule_splits(first)[i], &need, sizeof(need));
		}
}

/* No load asks for more than a topup provides. */
static void test_enough(void **state)
{
	struct topup_need need;

	(void)state;
	for (unsigned load = 0; load < TOPUP_LOADS; load++) {
		need = topup_schedule_fault(load, 0);
		assert_true(need.sept <= PT64_ROOT_MAX_LEVEL);
		assert_true(need.pairs * TDX_DPAMT_ENTRY_PAGE_CNT <= TDX_PAMT_FAULT_PAGES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
