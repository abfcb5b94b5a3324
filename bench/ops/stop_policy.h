/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stop_policy.h: who flushes its caches in a kexec, and when. Masks in, masks out, nothing else: who
 * executes it, the module or threads, asks here.
 *
 * The per-CPU flag is cache_state_incoherent of Linux 6.18: set before each SEAMCALL, on a CPU with
 * SME from the start, cleared by an early flush and by nothing else.
 */
#ifndef TDC_BENCH_OPS_STOP_POLICY_H
#define TDC_BENCH_OPS_STOP_POLICY_H

#include <stdbool.h>

#include "bench/kmod/client.h"

enum stop_who {
	STOP_NOBODY,
	STOP_FLAGGED, /* CPUs whose flag is set */
	STOP_SELF,    /* the kexec-ing CPU */
	STOP_ALL,
};

struct stop_policy {
	enum stop_who early;  /* flushes before the stop, all at once, and clears its flag */
	enum stop_who again;  /* is flagged again by SEAMCALLs that can come behind that flush */
	enum stop_who others; /* flushes in stop_this_cpu() */
	enum stop_who self;   /* flushes in relocate_kernel(): the kexec-ing CPU, or nobody */
};

enum {
	STOP_SME_SUPPORTED,
	STOP_SME_ACTIVE,
	STOP_PERCPU,
	STOP_EARLY_REBOOT,
	STOP_EARLY_VIRT,
	STOP_EARLY_SYSCORE,
	STOP_NONE,
	STOP_POLICIES
};
extern const struct stop_policy stop_policies[STOP_POLICIES];

/* Who flushes in one shutdown. */
struct stop_plan {
	struct kmod_mask early; /* beforehand */
	struct kmod_mask stop;	/* of those that are stopped */
	bool self;		/* the kexec-ing CPU, behind the stop */
};

/**
 * stop_plan_make() - apply @policy
 * @all: every CPU
 * @flagged: whose flag is set when the shutdown begins
 * @self: the kexec-ing CPU
 * @behind: SEAMCALLs are made behind the early flush, where the policy leaves them possible
 */
void stop_plan_make(struct stop_plan *plan, const struct stop_policy *policy,
		    const struct kmod_mask *all, const struct kmod_mask *flagged, unsigned self,
		    bool behind);

bool stop_mask_has(const struct kmod_mask *mask, unsigned cpu);
bool stop_mask_empty(const struct kmod_mask *mask);

#endif
