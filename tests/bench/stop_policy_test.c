// SPDX-License-Identifier: GPL-2.0-or-later
/* Who flushes when, for every policy: CPUs 0 to 3, CPU 1 goes on to the new kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/stop_policy.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SELF	      1
#define ALL	      0xf
#define OTHERS	      (ALL & ~(1u << SELF))

/* Masks as numbers, CPU 0 in bit 0. */
struct expected {
	unsigned early, stop;
	bool self;
};

static const struct {
	const char *name;
	unsigned policy;
	unsigned flagged;
	struct expected alone, behind; /* without, and with SEAMCALLs behind an early flush */
} cases[] = {
	/* The rules before the flag do not look at it. */
	{ "sme_supported", STOP_SME_SUPPORTED, 0, { 0, OTHERS, false }, { 0, OTHERS, false } },
	{ "sme_supported", STOP_SME_SUPPORTED, ALL, { 0, OTHERS, false }, { 0, OTHERS, false } },
	{ "sme_active", STOP_SME_ACTIVE, 0, { 0, OTHERS, true }, { 0, OTHERS, true } },
	{ "sme_active", STOP_SME_ACTIVE, ALL, { 0, OTHERS, true }, { 0, OTHERS, true } },
	{ "percpu", STOP_PERCPU, 0, { 0, 0, false }, { 0, 0, false } },
	{ "percpu", STOP_PERCPU, ALL, { 0, OTHERS, true }, { 0, OTHERS, true } },
	{ "percpu, own flag only", STOP_PERCPU, 0x2, { 0, 0, true }, { 0, 0, true } },
	{ "percpu, others only", STOP_PERCPU, 0x9, { 0, 0x9, false }, { 0, 0x9, false } },
	/* The notifier's flush does not look at the flag, what comes behind it does. */
	{ "early_reboot", STOP_EARLY_REBOOT, 0, { ALL, 0, false }, { ALL, 0, false } },
	{ "early_reboot", STOP_EARLY_REBOOT, ALL, { ALL, 0, false }, { ALL, OTHERS, true } },
	{ "early_reboot", STOP_EARLY_REBOOT, 0x6, { ALL, 0, false }, { ALL, 0x4, true } },
	{ "early_reboot", STOP_EARLY_REBOOT, 0x8, { ALL, 0, false }, { ALL, 0x8, false } },
	/* Behind it only the CPU that would call TDH.SYS.DISABLE is flagged again. */
	{ "early_virt", STOP_EARLY_VIRT, 0, { 0, 0, false }, { 0, 0, true } },
	{ "early_virt", STOP_EARLY_VIRT, ALL, { ALL, 0, false }, { ALL, 0, true } },
	{ "early_virt", STOP_EARLY_VIRT, 0xc, { 0xc, 0, false }, { 0xc, 0, true } },
	{ "early_syscore", STOP_EARLY_SYSCORE, 0, { 0, 0, false }, { 0, 0, false } },
	{ "early_syscore", STOP_EARLY_SYSCORE, ALL, { ALL, 0, false }, { ALL, 0, false } },
	{ "early_syscore", STOP_EARLY_SYSCORE, 0x3, { 0x3, 0, false }, { 0x3, 0, false } },
	{ "none", STOP_NONE, 0, { 0, 0, false }, { 0, 0, false } },
	{ "none", STOP_NONE, ALL, { 0, 0, false }, { 0, 0, false } },
};

static struct kmod_mask mask_of(unsigned bits)
{
	return (struct kmod_mask){ .words = { bits } };
}

static void check(const char *name, unsigned flagged, bool behind, const struct stop_plan *plan,
		  const struct expected *e)
{
	struct kmod_mask early = mask_of(e->early), stop = mask_of(e->stop);

	if (!memcmp(&plan->early, &early, sizeof(early)) &&
	    !memcmp(&plan->stop, &stop, sizeof(stop)) && plan->self == e->self)
		return;
	fail_msg("%s, flagged %#x, %s: early %#llx for %#x, stop %#llx for %#x, self %d", name,
		 flagged, behind ? "SEAMCALLs behind" : "none behind",
		 (unsigned long long)plan->early.words[0], e->early,
		 (unsigned long long)plan->stop.words[0], e->stop, plan->self);
}

static void every_policy_flushes_where_its_kernel_does(void **state)
{
	bool seen[STOP_POLICIES] = { false };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct stop_policy *p = &stop_policies[cases[i].policy];
		struct kmod_mask all = mask_of(ALL), flagged = mask_of(cases[i].flagged);
		struct stop_plan plan;

		stop_plan_make(&plan, p, &all, &flagged, SELF, false);
		check(cases[i].name, cases[i].flagged, false, &plan, &cases[i].alone);
		stop_plan_make(&plan, p, &all, &flagged, SELF, true);
		check(cases[i].name, cases[i].flagged, true, &plan, &cases[i].behind);
		seen[cases[i].policy] = true;
	}
	for (unsigned i = 0; i < STOP_POLICIES; i++)
		assert_true(seen[i]);
}

/* Whatever the policy: what a flush has cleaned is flushed again only where it may be dirty. */
static void an_early_flush_saves_the_one_in_the_stop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STOP_POLICIES; i++)
		for (unsigned bits = 0; bits <= ALL; bits++) {
			struct kmod_mask all = mask_of(ALL), flagged = mask_of(bits);
			struct stop_plan plan;

			stop_plan_make(&plan, &stop_policies[i], &all, &flagged, SELF, false);
			assert_int_equal(plan.early.words[0] & plan.stop.words[0], 0);
			assert_false(stop_mask_has(&plan.stop, SELF));
			if (!stop_mask_empty(&plan.early))
				assert_false(plan.self);
		}
}

static void cpus_of_large_machines_are_found(void **state)
{
	static const unsigned cpus[] = { 0, 63, 64, 4095, 8191 };
	struct kmod_mask all = { { 0 } }, flagged = { { 0 } };
	struct stop_plan plan;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		kmod_mask_set(&all, cpus[i]);
	kmod_mask_set(&flagged, 64);
	kmod_mask_set(&flagged, 8191);
	stop_plan_make(&plan, &stop_policies[STOP_PERCPU], &all, &flagged, 8191, false);
	assert_true(plan.self);
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		assert_int_equal(stop_mask_has(&plan.stop, cpus[i]), cpus[i] == 64);
	stop_plan_make(&plan, &stop_policies[STOP_SME_ACTIVE], &all, &flagged, 8191, false);
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		assert_int_equal(stop_mask_has(&plan.stop, cpus[i]), cpus[i] != 8191);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_flushes_where_its_kernel_does),
		cmocka_unit_test(an_early_flush_saves_the_one_in_the_stop),
		cmocka_unit_test(cpus_of_large_machines_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
