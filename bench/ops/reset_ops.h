/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reset_ops.h: the loops that clear a reclaimed page, one for each instruction.
 *
 * They follow tdx_quirk_reset_paddr() of Linux 6.18 (arch/x86/virt/vmx/tdx/tdx.c): return at once
 * unless the CPU bug bit is set, store 64 bytes at a time from one hot source, one full barrier
 * behind the range.
 */
#ifndef TDC_BENCH_OPS_RESET_OPS_H
#define TDC_BENCH_OPS_RESET_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/machine/cpu.h"

#define LINE 64 /* bytes that one MOVDIR64B stores */

enum reset_barrier {
	RESET_NO_BARRIER, /* the caller fences once per sample */
	RESET_MFENCE,	  /* what the kernel's mb() is */
	RESET_SFENCE,	  /* what the SDM asks for after weakly ordered stores */
	RESET_BARRIER_MAX
};

/**
 * reset_fn - reset one range
 * @dst: 4 KiB aligned, @bytes a multiple of 4 KiB
 * @src: 64 bytes, 64-byte aligned; loops that store bytes repeat the first one
 *
 * Returns at once when reset_bug_bits says that the CPU has not the erratum.
 */
typedef void reset_fn(char *dst, size_t bytes, const char *src);

struct reset_op {
	const char *name;
	const char *summary;
	int needs;	/* enum cpu_feature, -1: every x86-64 has it */
	bool zero_only; /* cannot store anything but zeros */
	bool byte_wise; /* stores the first byte of the source */
	bool analogue;	/* stands in for MOVDIR64B */
	reset_fn *reset[RESET_BARRIER_MAX];
	reset_fn *unrolled[RESET_BARRIER_MAX]; /* RESET_UNROLL stores an iteration; NULL: none */
};

/* Stores an iteration of the unrolled loops; divides the lines of a 4 KiB page. */
#define RESET_UNROLL 4

/* In the order in which `auto` tries them; ends with a NULL name. */
extern const struct reset_op reset_ops[];

/*
 * The early return tests a bit in memory, as boot_cpu_has_bug() does; not const and not static, so
 * that no compiler folds it away.
 */
#define RESET_BUG_TDX_PW_MCE 1ul
extern unsigned long reset_bug_bits;

/* The barrier alone: behind a whole sample. */
void reset_barrier(enum reset_barrier barrier);

#endif
