/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu.h: who the CPU is and what it can do, from CPUID, live or from a recorded fixture.
 *
 * Sources: Intel SDM vol. 2A "CPUID", AMD APM vol. 3 appendix E; the erratum from Linux
 * arch/x86/virt/vmx/tdx/tdx.c, check_tdx_erratum().
 */
#ifndef TDC_MACHINE_CPU_H
#define TDC_MACHINE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/core/reason.h"

enum cpu_feature {
	CPU_MOVDIR64B,	   /* 7.0:ECX[28] */
	CPU_MOVDIRI,	   /* 7.0:ECX[27] */
	CPU_CLZERO,	   /* 80000008:EBX[0] */
	CPU_CLFLUSH,	   /* 1:EDX[19] */
	CPU_CLFLUSHOPT,	   /* 7.0:EBX[23] */
	CPU_CLWB,	   /* 7.0:EBX[24] */
	CPU_WBNOINVD,	   /* 80000008:EBX[9] */
	CPU_INT_WBINVD,	   /* 80000008:EBX[13]: WBINVD can be interrupted */
	CPU_AVX2,	   /* 7.0:EBX[5], and the OS saves YMM */
	CPU_AVX512F,	   /* 7.0:EBX[16], and the OS saves ZMM */
	CPU_ERMS,	   /* 7.0:EBX[9] */
	CPU_FSRM,	   /* 7.0:EDX[4] */
	CPU_RDTSCP,	   /* 80000001:EDX[27] */
	CPU_INVARIANT_TSC, /* 80000007:EDX[8] */
	CPU_SME,	   /* 8000001F:EAX[0] */
	CPU_HYPERVISOR,	   /* 1:ECX[31] */
	CPU_FEATURE_MAX
};

/* What WBINVD executed on one thread does to a cache level that other threads share. */
enum wbinvd_scope {
	WBINVD_SCOPE_UNKNOWN,
	WBINVD_SCOPE_ALL,      /* acts on the lower level caches of all threads that share it */
	WBINVD_SCOPE_NOT_SURE, /* EDX[0] = 1: not guaranteed to act on the others' */
};

struct cpu_cache {
	unsigned level;
	char type;	  /* 'd', 'i' or 'u' */
	unsigned sharing; /* logical CPUs that share it, at most (EAX[25:14] + 1) */
	uint64_t bytes;
	bool inclusive; /* EDX[1] */
	enum wbinvd_scope wbinvd;
};

struct cpu_info {
	char vendor[13];
	char brand[49];			  /* spaces trimmed */
	unsigned family, model, stepping; /* display values: extended fields added */
	uint32_t features;		  /* bit per enum cpu_feature; use cpu_has() */
	char hypervisor[13];		  /* "" where there is none */
	unsigned physical_bits;
	double tsc_hz;		/* from leaf 0x15 (or 0x40000010), 0 where CPUID does not say */
	const char *tsc_source; /* "cpuid-0x15", "cpuid-0x40000010" or "" */
	unsigned n_caches;
	struct cpu_cache caches[8]; /* leaf 4 on Intel, 0x8000001D on AMD */
	bool cpu_affected; /* X86_BUG_TDX_PW_MCE: GenuineIntel family 6, model 0x8F or 0xCF */
};

/* Where CPUID comes from. @query fills eax, ebx, ecx, edx; zeros for a leaf it has not. */
struct cpuid_source {
	void (*query)(void *ctx, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);
	uint64_t (*xgetbv)(void *ctx); /* XCR0; zero without OSXSAVE */
	void *ctx;
};

/**
 * cpu_detect() - fill @cpu from the CPU this thread runs on
 * cpu_detect_from() - the same from any source
 */
void cpu_detect(struct cpu_info *cpu);
void cpu_detect_from(struct cpu_info *cpu, const struct cpuid_source *source);

/**
 * cpuid_fixture_open() - a source that reads a recorded CPUID dump
 * @path: text in the format that `cpuid -r` prints and tests/fixtures/cpuid/ documents:
 *	lines "   0xLEAF 0xSUB: eax=0x... ebx=0x... ecx=0x... edx=0x...", '#' comments, and
 *	"xcr0=0x..." where the dump has it
 *
 * Return: 0, -ENOENT, -EINVAL with the line in @why, -ENOMEM. Close with
 * cpuid_fixture_close().
 */
int cpuid_fixture_open(struct cpuid_source *source, const char *path, struct reason *why);
void cpuid_fixture_close(struct cpuid_source *source);

bool cpu_has(const struct cpu_info *cpu, enum cpu_feature f);

/* Bytes of the first level 2 cache, 0 where CPUID does not list one. */
uint64_t cpu_l2_bytes(const struct cpu_info *cpu);
const char *cpu_feature_name(enum cpu_feature f); /* "movdir64b", "clzero", ... */

/**
 * kernel_bug_flag() - does the kernel list @bug ("tdx_pw_mce") among the CPU's bugs?
 * @root: prefix of /proc; "" for the live machine
 *
 * A kernel that does not host TDX never sets tdx_pw_mce, whatever the CPU is.
 * Return: 1 or 0, -errno where cpuinfo cannot be read.
 */
int kernel_bug_flag(const char *root, const char *bug);

#endif
