// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/reset_ops.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

unsigned long reset_bug_bits;

struct line {
	char bytes[LINE];
};

static inline void no_barrier(void)
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

void reset_barrier(enum reset_barrier barrier)
{
	if (barrier == RESET_MFENCE)
		mfence();
	else if (barrier == RESET_SFENCE)
		sfence();
}

/*
 * The stores of each instruction. Always inlined into the reset functions below, which carry the
 * target attribute: no file is compiled with -march.
 */
#define STORE static inline __attribute__((always_inline)) void

/* As the kernel's movdir64b(): both objects are memory operands, so the compiler sees them move. */
STORE movdir64b(char *dst, const char *src)
{
	struct line *to = (struct line *)dst;

	__asm__ volatile("movdir64b %1, %2" : "=m"(*to) : "m"(*(const struct line *)src), "r"(to));
}

STORE store_movdir64b(char *dst, size_t bytes, const char *src)
{
	for (size_t at = 0; at < bytes; at += LINE)
		movdir64b(dst + at, src);
}

STORE store_movdir64b_x4(char *dst, size_t bytes, const char *src)
{
	for (size_t at = 0; at < bytes; at += 4 * LINE) {
		movdir64b(dst + at, src);
		movdir64b(dst + at + LINE, src);
		movdir64b(dst + at + 2 * LINE, src);
		movdir64b(dst + at + 3 * LINE, src);
	}
}

STORE clzero(char *dst)
{
	__asm__ volatile("clzero" : "=m"(*(struct line *)dst) : "a"(dst));
}

STORE store_clzero(char *dst, size_t bytes, const char *src)
{
	(void)src;
	for (size_t at = 0; at < bytes; at += LINE)
		clzero(dst + at);
}

STORE store_clzero_x4(char *dst, size_t bytes, const char *src)
{
	(void)src;
	for (size_t at = 0; at < bytes; at += 4 * LINE) {
		clzero(dst + at);
		clzero(dst + at + LINE);
		clzero(dst + at + 2 * LINE);
		clzero(dst + at + 3 * LINE);
	}
}

__attribute__((target("avx512f"))) STORE store_ntstore512(char *dst, size_t bytes, const char *src)
{
	__m512i v = _mm512_load_si512(src);

	for (size_t at = 0; at < bytes; at += 4 * LINE) {
		_mm512_stream_si512((void *)(dst + at), v);
		_mm512_stream_si512((void *)(dst + at + LINE), v);
		_mm512_stream_si512((void *)(dst + at + 2 * LINE), v);
		_mm512_stream_si512((void *)(dst + at + 3 * LINE), v);
	}
}

__attribute__((target("avx"))) STORE store_ntstore256(char *dst, size_t bytes, const char *src)
{
	__m256i lo = _mm256_load_si256((const void *)src);
	__m256i hi = _mm256_load_si256((const void *)(src + 32));

	for (size_t at = 0; at < bytes; at += 2 * LINE) {
		_mm256_stream_si256((void *)(dst + at), lo);
		_mm256_stream_si256((void *)(dst + at + 32), hi);
		_mm256_stream_si256((void *)(dst + at + LINE), lo);
		_mm256_stream_si256((void *)(dst + at + LINE + 32), hi);
	}
}

STORE store_rep_stosb(char *dst, size_t bytes, const char *src)
{
	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(bytes) : "a"(*src) : "memory");
}

STORE store_memset(char *dst, size_t bytes, const char *src)
{
	memset(dst, *src, bytes);
}

/*
 * One reset function for each instruction and barrier. Not inlined: the kernel calls
 * tdx_quirk_reset_paddr() once per range, and so do we.
 */
#define RESET(op, barrier, attr)                                                          \
	__attribute__((noinline, aligned(64)))                                            \
	attr static void reset_##op##_##barrier(char *dst, size_t bytes, const char *src) \
	{                                                                                 \
		if (!(reset_bug_bits & RESET_BUG_TDX_PW_MCE))                             \
			return;                                                           \
		store_##op(dst, bytes, src);                                              \
		barrier();                                                                \
	}
#define RESETS(op, attr)            \
	RESET(op, no_barrier, attr) \
	RESET(op, mfence, attr)     \
	RESET(op, sfence, attr)
#define RESET_FNS(op)                                                                      \
	{                                                                                  \
		[RESET_NO_BARRIER] = reset_##op##_no_barrier,                              \
		[RESET_MFENCE] = reset_##op##_mfence, [RESET_SFENCE] = reset_##op##_sfence \
	}

RESETS(movdir64b, )
RESETS(movdir64b_x4, )
RESETS(clzero, )
RESETS(clzero_x4, )
RESETS(ntstore512, __attribute__((target("avx512f"))))
RESETS(ntstore256, __attribute__((target("avx"))))
RESETS(rep_stosb, )
RESETS(memset, )

const struct reset_op reset_ops[] = {
	{
		.name = "movdir64b",
		.summary = "the kernel's instruction: 64-byte direct store",
		.needs = CPU_MOVDIR64B,
		.reset = RESET_FNS(movdir64b),
		.unrolled = RESET_FNS(movdir64b_x4),
	},
	{
		.name = "clzero",
		.summary = "AMD: zero a line, weakly ordered",
		.needs = CPU_CLZERO,
		.zero_only = true,
		.analogue = true,
		.reset = RESET_FNS(clzero),
		.unrolled = RESET_FNS(clzero_x4),
	},
	{
		.name = "ntstore512",
		.summary = "non-temporal stores of 64 bytes (AVX-512)",
		.needs = CPU_AVX512F,
		.analogue = true,
		.reset = RESET_FNS(ntstore512),
	},
	{
		.name = "ntstore256",
		.summary = "non-temporal stores of 32 bytes (AVX)",
		.needs = CPU_AVX2,
		.analogue = true,
		.reset = RESET_FNS(ntstore256),
	},
	{
		.name = "rep_stosb",
		.summary = "REP STOSB, what clear_page() is with ERMS",
		.needs = -1,
		.byte_wise = true,
		.analogue = true,
		.reset = RESET_FNS(rep_stosb),
	},
	{
		.name = "memset",
		.summary = "the C library's memset()",
		.needs = -1,
		.byte_wise = true,
		.analogue = true,
		.reset = RESET_FNS(memset),
	},
	{ .name = NULL },
};
