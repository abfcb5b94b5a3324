/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topup_kernel.h: the passes of the benchmark topup in ring 0, through tdcost.ko: the same caches,
 * filled from the kernel's page allocator. A VM is an open file, a vCPU a call on it.
 *
 * A pass begins with empty caches and ends with empty ones; pages are freed behind each operation,
 * or range.
 */
#ifndef TDC_BENCH_OPS_TOPUP_KERNEL_H
#define TDC_BENCH_OPS_TOPUP_KERNEL_H

#include "bench/kmod/client.h"
#include "bench/ops/topup_series.h"
#include "harness/machine/memcg.h"

/* A vCPU's call, on lines of its own. */
struct topup_call {
	_Alignas(TOPUP_APART) struct tdcost_topup t;
	struct topup_meter meter; /* what a metered call told; room for its samples */
	int err;
	struct reason why;
};

struct topup_kernel {
	struct memcg memcg;
	struct kmod *vm; /* n_vms of them */
	unsigned int n_vms;
	struct topup_call *call; /* n_calls of them */
	unsigned int n_calls;
	const struct topup_setting *at; /* of the pass under way */
};

/* Can the module run @set? Return: 0, -ENOTSUP with the reason. */
int topup_kernel_supported(const struct machine *m, const struct topup_setting *set,
			   struct reason *why);

/* The pauses that the module makes under a lock at most. */
#define TOPUP_KERNEL_LOOPS 1000

/**
 * topup_kernel_open() - open VMs and make calls for the largest of @n arms
 * @facts: gets what proves that accounted pages are charged
 *
 * Where a source is accounted and the process is in the root memory cgroup, it gets one of its own
 * until topup_kernel_close(), which is due also after a failure. Return: 0, -errno.
 */
int topup_kernel_open(struct topup_kernel *k, const struct machine *m,
		      const struct topup_setting *const *sets, unsigned int n, json_t *facts,
		      struct reason *why);
void topup_kernel_close(struct topup_kernel *k);

/* Bring the team to the start line of a pass with @meters, 0 for none; team_go() must follow. */
void topup_kernel_ready(struct topup_kernel *k, const struct topup_setting *set, struct team *team,
			unsigned int meters);

/* From the first unit's start to the last one's end, over all vCPUs, by the module's clock reads. */
uint64_t topup_kernel_ticks(const struct topup_kernel *k);

/*
 * Of the pass just made: did each vCPU do its schedule, and is every page that was allocated freed?
 * Return: 0; -EFAULT; -ENOMEM; -errno of a call that failed.
 */
int topup_kernel_check(const struct topup_kernel *k, struct reason *why);

/* Of a metered pass. @seen: room for as many as there are threads. */
struct topup_pass topup_kernel_seen(const struct topup_kernel *k, struct topup_seen *seen);

/* The call of a vCPU. */
struct tdcost_topup topup_kernel_call(const struct topup_setting *set);

/* Pages that a unit uses: a fault, or the splits of a range. */
unsigned int topup_kernel_used(const struct topup_setting *set, unsigned int unit);

/* Are the counts of a known schedule those of the kernel's rules? Return: 0, -EFAULT, -errno. */
int topup_kernel_verify(struct topup_kernel *k, const struct topup_setting *set,
			struct reason *why);

#endif
