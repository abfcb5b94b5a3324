// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/stop_policy.h"

#include <string.h>

/*
 * The sources, by policy:
 * sme_*          before "x86/sme: Use percpu boolean to control WBINVD during kexec":
 *                stop_this_cpu() went by CPUID 0x8000001F EAX[0], relocate_kernel() by whether the
 *                kernel had SME on
 * percpu         that commit: both go by the flag of the CPU itself
 * early_reboot   "KVM: TDX: Explicitly do WBINVD upon reboot notifier", v2 and v3 of the series:
 *                on_each_cpu(), without looking at the flag; TDs may live on behind it
 * early_virt     "KVM: TDX: Explicitly do WBINVD when no more TDX SEAMCALLs", Linux 6.18:
 *                kvm_shutdown() through on_each_cpu(), where the flag is set. TDH.SYS.DISABLE, were
 *                it called on the kexec-ing CPU behind it, would set that CPU's flag again
 * early_syscore  "x86/virt/tdx: Pull kexec cache flush logic into arch/x86": tdx_shutdown() through
 *                on_each_cpu(), where the flag is set, behind TDH.SYS.DISABLE: no SEAMCALL is left
 */
const struct stop_policy stop_policies[STOP_POLICIES] = {
	[STOP_SME_SUPPORTED] = { .others = STOP_ALL },
	[STOP_SME_ACTIVE] = { .others = STOP_ALL, .self = STOP_SELF },
	[STOP_PERCPU] = { .others = STOP_FLAGGED, .self = STOP_FLAGGED },
	[STOP_EARLY_REBOOT] = {
		.early = STOP_ALL,
		.again = STOP_FLAGGED,
		.others = STOP_FLAGGED,
		.self = STOP_FLAGGED,
	},
	[STOP_EARLY_VIRT] = {
		.early = STOP_FLAGGED,
		.again = STOP_SELF,
		.others = STOP_FLAGGED,
		.self = STOP_FLAGGED,
	},
	[STOP_EARLY_SYSCORE] = {
		.early = STOP_FLAGGED,
		.others = STOP_FLAGGED,
		.self = STOP_FLAGGED,
	},
	[STOP_NONE] = { .others = STOP_NOBODY },
};

bool stop_mask_has(const struct kmod_mask *mask, unsigned cpu)
{
	return mask->words[cpu / 64] >> (cpu % 64) & 1;
}

bool stop_mask_empty(const struct kmod_mask *mask)
{
	for (unsigned i = 0; i < KMOD_MASK_WORDS; i++)
		if (mask->words[i])
			return false;
	return true;
}

/* What is there of each kind while the shutdown goes on. */
struct kexec {
	const struct kmod_mask *all;
	struct kmod_mask flagged, self;
};

static const struct kmod_mask *mask_of(const struct kexec *k, enum stop_who who)
{
	static const struct kmod_mask nobody;

	switch (who) {
	case STOP_NOBODY:
		break;
	case STOP_FLAGGED:
		return &k->flagged;
	case STOP_SELF:
		return &k->self;
	case STOP_ALL:
		return k->all;
	}
	return &nobody;
}

static void remove_mask(struct kmod_mask *from, const struct kmod_mask *what)
{
	for (unsigned i = 0; i < KMOD_MASK_WORDS; i++)
		from->words[i] &= ~what->words[i];
}

static void add_mask(struct kmod_mask *to, const struct kmod_mask *what)
{
	for (unsigned i = 0; i < KMOD_MASK_WORDS; i++)
		to->words[i] |= what->words[i];
}

void stop_plan_make(struct stop_plan *plan, const struct stop_policy *policy,
		    const struct kmod_mask *all, const struct kmod_mask *flagged, unsigned self,
		    bool behind)
{
	struct kexec k = { .all = all, .flagged = *flagged };
	struct kmod_mask again;

	kmod_mask_set(&k.self, self);
	again = *mask_of(&k, policy->again);
	plan->early = *mask_of(&k, policy->early);
	remove_mask(&k.flagged, &plan->early);
	if (behind)
		add_mask(&k.flagged, &again);
	plan->stop = *mask_of(&k, policy->others);
	plan->self = stop_mask_has(mask_of(&k, policy->self), self);
	remove_mask(&plan->stop, &k.self);
}
