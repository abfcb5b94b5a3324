// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/flush_ops.h"

#define LINE 64

uint64_t flush_features0;

struct line {
	char bytes[LINE];
};

static inline void no_fence(void)
{
	__asm__ volatile("" : : : "memory");
}

static inline void mfence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

static inline void sfence(void)
{
	__asm__ volatile("sfence" : : : "memory");
}

void flush_fence(enum flush_fence fence)
{
	if (fence == FLUSH_MFENCE || fence == FLUSH_MFENCES)
		mfence();
	else if (fence == FLUSH_SFENCE || fence == FLUSH_SFENCES)
		sfence();
}

/*
 * The whole line is an operand, so that no compiler moves a store to it behind its flush. Spelled
 * out for each instruction: a name cannot be an operand.
 */
#define LINES(insn)                                                                               \
	static inline                                                                             \
		__attribute__((always_inline)) void lines_##insn(const char *at, const char *end) \
	{                                                                                         \
		for (; at < end; at += LINE)                                                      \
			__asm__ volatile(#insn " %0" : : "m"(*(const struct line *)at));          \
	}

LINES(clflushopt)
LINES(clflush)
LINES(clwb)

/* Not inlined: KVM calls clflush_cache_range() once per page, and so do we. */
#define FLUSH(insn, cadence, before, behind)                                         \
	__attribute__((noinline, aligned(64))) static void flush_##insn##_##cadence( \
		const char *base, size_t bytes)                                      \
	{                                                                            \
		if (!(flush_features0 & FLUSH_CLFLUSH_BEFORE_ALLOC))                 \
			return;                                                      \
		before();                                                            \
		lines_##insn(base, base + bytes);                                    \
		behind();                                                            \
	}
#define FLUSHES(insn)                             \
	FLUSH(insn, no_fence, no_fence, no_fence) \
	FLUSH(insn, mfence, no_fence, mfence)     \
	FLUSH(insn, sfence, no_fence, sfence)     \
	FLUSH(insn, mfences, mfence, mfence)      \
	FLUSH(insn, sfences, sfence, sfence)
#define FLUSH_FNS(insn)                                                                            \
	{                                                                                          \
		[FLUSH_NO_FENCE] = flush_##insn##_no_fence,                                        \
		[FLUSH_MFENCE] = flush_##insn##_mfence, [FLUSH_SFENCE] = flush_##insn##_sfence,    \
		[FLUSH_MFENCES] = flush_##insn##_mfences, [FLUSH_SFENCES] = flush_##insn##_sfences \
	}

FLUSHES(clflushopt)
FLUSHES(clflush)
FLUSHES(clwb)

const struct flush_op flush_ops[] = {
	{
		.name = "clflushopt",
		.summary = "weakly ordered, drops the line",
		.needs = CPU_CLFLUSHOPT,
		.flush = FLUSH_FNS(clflushopt),
	},
	{
		.name = "clflush",
		.summary = "ordered among themselves, drops the line",
		.needs = CPU_CLFLUSH,
		.analogue = true,
		.flush = FLUSH_FNS(clflush),
	},
	{
		.name = "clwb",
		.summary = "weakly ordered, may keep the line",
		.needs = CPU_CLWB,
		.keeps = true,
		.analogue = true,
		.flush = FLUSH_FNS(clwb),
	},
	{ .name = NULL },
};

const struct flush_op *flush_op_auto(const struct cpu_info *cpu)
{
	const struct flush_op *op = flush_ops;

	while (op[1].name && !cpu_has(cpu, op->needs))
		op++;
	return op;
}

flush_fn *flush_op_fn(const struct flush_op *op, enum flush_fence fence)
{
	/* It takes the function for its result. */
	/* cppcheck-suppress CastIntegerToAddressAtReturn */
	return op->flush[fence];
}
