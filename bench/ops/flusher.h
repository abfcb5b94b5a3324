/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flusher.h: flush caches on the CPUs of a scope, by an instruction in tdcost.ko or by sweeping out
 * what was made dirty; and what proves that it was done.
 */
#ifndef TDC_BENCH_OPS_FLUSHER_H
#define TDC_BENCH_OPS_FLUSHER_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/kmod/client.h"
#include "bench/ops/dirtier.h"
#include "bench/ops/flush_detect.h"
#include "bench/ops/scope.h"
#include "harness/measure/bench.h"
#include "harness/measure/clock.h"

/* An enum tdcost_op, or: CLFLUSHOPT by the CPUs of the scope, in user space. */
enum { FLUSHER_SWEEP = TDCOST_OP_MAX, FLUSHER_OP_MAX };

struct flusher_arm {
	unsigned arm; /* its number, by which the dirtier knows what is to be swept */
	unsigned op;
	enum tdcost_mode mode;
	struct scope scope;
};

struct flusher {
	struct kmod k;
	struct dirtier *dirtier; /* borrowed; set before the first sweep */
	/* Of the last flush, a sweep's after flusher_report(). */
	int ret;
	struct reason why;
	struct tdcost_flush call; /* start and end */
	unsigned n;
	struct tdcost_cpu *result; /* n of them */
	/* Flushes with which something was wrong, and what it was with the first of them. */
	unsigned bad;
	struct reason first;
	uint64_t *counters[2]; /* by CPU number, for flusher_verify() */
};

/* @module: is anything but a sweep wanted? Return: 0; what kmod_open() says; -ENOMEM. */
int flusher_open(struct flusher *f, const char *root, bool module, struct reason *why);
void flusher_close(struct flusher *f); /* also after a failed open */

/* The timed part. A sweep must be at the start line, dirtier_sweep_ready(). */
void flusher_flush(struct flusher *f, const struct flusher_arm *a);

/* What the last flush did: fills in a sweep's result, and takes note of what is wrong. */
void flusher_report(struct flusher *f, const struct flusher_arm *a);

/* Take note of something that makes the last flush unfit. */
void flusher_note(struct flusher *f, const char *what);

/* All flushes so far. Return: 0; -EFAULT with how many were unfit, and why the first one was. */
int flusher_finish(const struct flusher *f, struct reason *why);

/**
 * flusher_verify() - flush once: did each CPU of the scope execute it exactly once, and no other?
 *
 * By what the module reports and by its counters. Of a sweep there are none: 0 at once.
 * Return: 0; -EFAULT with the CPU and what is wrong; -errno of the calls.
 */
int flusher_verify(struct flusher *f, const struct flusher_arm *a, struct reason *why);

/**
 * flusher_examine() - does each op of @arms flush? On the CPU that @ctx names, once per op
 * @names: of the ops, for facts and flags
 *
 * Raises FLAG_NO_FLUSH for the arms whose WBINVD or WBNOINVD does nothing; the same where that is
 * not clear and there is a hypervisor that may be the reason. A sweep is the control: if it is
 * not seen to flush, others cannot be.
 */
int flusher_examine(struct flusher *f, struct bench_ctx *ctx, const struct flusher_arm *arms,
		    const struct tick_clock *clock, const struct level_info *names,
		    struct reason *why);

#endif
