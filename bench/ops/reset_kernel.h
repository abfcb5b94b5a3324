/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reset_kernel.h: page resets in ring 0, through tdcost.ko: the kernel's own loop over pages of its
 * direct map.
 */
#ifndef TDC_BENCH_OPS_RESET_KERNEL_H
#define TDC_BENCH_OPS_RESET_KERNEL_H

#include "bench/kmod/client.h"

struct reset_kernel {
	struct kmod k;
	uint64_t bytes;
	int err; /* the first call that failed in a timed part, which cannot say so itself */
	struct reason why;
};

/**
 * reset_kernel_supported() - can the module reset @bytes by calls of @page each?
 * @quirk: needs MOVDIR64B; the early return does not
 *
 * Return: 0, -ENOTSUP with the reason.
 */
int reset_kernel_supported(const struct machine *m, uint64_t page, uint64_t bytes, bool quirk,
			   struct reason *why);

/**
 * reset_kernel_open() - get @bytes in blocks of @page, the largest of the arms
 * @node: the operating system's number of a NUMA node, -1 for the caller's
 *
 * Return: 0, -errno. Close with reset_kernel_close(), also after a failure.
 */
int reset_kernel_open(struct reset_kernel *r, const struct machine *m, uint64_t page,
		      uint64_t bytes, int node, struct reason *why);
void reset_kernel_close(struct reset_kernel *r);

/* Store @pattern in every 8 bytes and bring the lines into a state. */
void reset_kernel_fill(struct reset_kernel *r, uint64_t pattern, enum tdcost_before before);

/*
 * @rounds times over all pages, more than once only without the quirk.
 * @flags: of struct tdcost_reset
 *
 * Return: ticks inside.
 */
uint64_t reset_kernel_run(struct reset_kernel *r, uint64_t page, uint32_t flags, uint64_t rounds);

/**
 * reset_kernel_check() - does every 8 bytes hold @pattern, and did all calls work?
 *
 * Return: 0, -EFAULT with what was found, -errno of a call that failed.
 */
int reset_kernel_check(struct reset_kernel *r, uint64_t pattern, struct reason *why);

/* Did all calls since the start work? For the end of an invocation. */
int reset_kernel_finish(const struct reset_kernel *r, struct reason *why);

#endif
