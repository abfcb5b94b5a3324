/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * teardown_kernel.h: the replay in ring 0, through tdcost.ko, on pages of the kernel's direct map.
 *
 * Real, beside what teardown_user.h says: the IPIs of a kick, MOVDIR64B in every reset, the freeing
 * to the page allocator. A stand-in: WBNOINVD, or WBINVD where there is none, on one CPU of each
 * package for TDH.PHYMEM.CACHE.WB. Not there: SEAMCALLs, unless their time is stated.
 */
#ifndef TDC_BENCH_OPS_TEARDOWN_KERNEL_H
#define TDC_BENCH_OPS_TEARDOWN_KERNEL_H

#include "bench/kmod/client.h"
#include "bench/ops/teardown_user.h"

struct td_kernel {
	struct kmod k;
	struct kmod_mask guests;
	struct tdcost_torn torn; /* of the sample just taken */
	int err;		 /* the first call that failed in a sample */
	struct reason why;
};

/* What the module takes at most. */
#define TD_KERNEL_SEAM_NS TDCOST_TEARDOWN_SEAM_NS

/* Can the module do @set? Return: 0, -ENOTSUP with the reason. */
int td_kernel_supported(const struct machine *m, const struct td_setting *set, struct reason *why);

/* What stands in for TDH.PHYMEM.CACHE.WB on this CPU. */
const char *td_kernel_cache_wb(const struct machine *m);

/* Into u->kernel. Return: 0, -errno. Close with td_kernel_close(), also after a failure. */
int td_kernel_open(struct td_user *u, struct reason *why);
void td_kernel_close(struct td_user *u);

/* As the functions of teardown_user.h, for arms in the kernel. */
void td_kernel_prepare(struct td_user *u, const struct td_arm *a);
void td_kernel_run(struct td_user *u, const struct td_arm *a);
int td_kernel_verify(struct td_user *u, const struct td_arm *a, struct reason *why);
int td_kernel_finish(const struct td_user *u, struct reason *why);

#endif
