// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/cpu.h"

#include <assert.h>
#include <cpuid.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/machine/files.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define LEAF_EXT      0x80000000u
#define LEAF_HV	      0x40000000u
#define LEAF_HV_CLOCK 0x40000010u

enum { EAX, EBX, ECX, EDX };

/* State components of XCR0 that the OS must save (SDM vol. 1, 13.1). */
#define XCR0_YMM 0x06u
#define XCR0_ZMM 0xe6u

struct feature_bit {
	const char *name;
	uint32_t leaf;
	unsigned reg, bit;
	uint32_t xcr0;
};

static const struct feature_bit feature_bits[] = {
	[CPU_MOVDIR64B] = { "movdir64b", 7, ECX, 28, 0 },
	[CPU_MOVDIRI] = { "movdiri", 7, ECX, 27, 0 },
	[CPU_CLZERO] = { "clzero", 0x80000008, EBX, 0, 0 },
	[CPU_CLFLUSH] = { "clflush", 1, EDX, 19, 0 },
	[CPU_CLFLUSHOPT] = { "clflushopt", 7, EBX, 23, 0 },
	[CPU_CLWB] = { "clwb", 7, EBX, 24, 0 },
	[CPU_WBNOINVD] = { "wbnoinvd", 0x80000008, EBX, 9, 0 },
	[CPU_INT_WBINVD] = { "int_wbinvd", 0x80000008, EBX, 13, 0 },
	[CPU_AVX2] = { "avx2", 7, EBX, 5, XCR0_YMM },
	[CPU_AVX512F] = { "avx512f", 7, EBX, 16, XCR0_ZMM },
	[CPU_ERMS] = { "erms", 7, EBX, 9, 0 },
	[CPU_FSRM] = { "fsrm", 7, EDX, 4, 0 },
	[CPU_RDTSCP] = { "rdtscp", 0x80000001, EDX, 27, 0 },
	[CPU_INVARIANT_TSC] = { "invariant_tsc", 0x80000007, EDX, 8, 0 },
	[CPU_SME] = { "sme", 0x8000001f, EAX, 0, 0 },
	[CPU_HYPERVISOR] = { "hypervisor", 1, ECX, 31, 0 },
};
static_assert(ARRAY_SIZE(feature_bits) == CPU_FEATURE_MAX, "every feature has its bit");
static_assert(CPU_FEATURE_MAX <= 32, "cpu_info.features holds one bit per feature");

/*
 * A leaf beyond the highest one answers with the data of another leaf on Intel (SDM vol. 2A,
 * CPUID), so that reading it without looking would invent features.
 */
static void leaf_read(const struct cpuid_source *s, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	uint32_t base = leaf & 0xf0000000u;

	s->query(s->ctx, base, 0, r);
	if (leaf == base)
		return;
	if (r[EAX] < leaf || (r[EAX] & 0xf0000000u) != base)
		memset(r, 0, 4 * sizeof(r[0]));
	else
		s->query(s->ctx, leaf, sub, r);
}

static void put_register(char *to, uint32_t v)
{
	memcpy(to, &v, sizeof(v));
}

static void read_identity(struct cpu_info *cpu, const struct cpuid_source *s)
{
	uint32_t r[4];

	leaf_read(s, 0, 0, r);
	put_register(cpu->vendor, r[EBX]);
	put_register(cpu->vendor + 4, r[EDX]);
	put_register(cpu->vendor + 8, r[ECX]);

	leaf_read(s, 1, 0, r);
	cpu->family = (r[EAX] >> 8) & 0xf;
	cpu->model = (r[EAX] >> 4) & 0xf;
	cpu->stepping = r[EAX] & 0xf;
	/* AMD adds the extended model from family 0xf on, Intel for family 6 too. */
	if (cpu->family == 6 || cpu->family == 0xf)
		cpu->model |= (r[EAX] >> 12) & 0xf0;
	if (cpu->family == 0xf)
		cpu->family += (r[EAX] >> 20) & 0xff;
}

static void read_brand(struct cpu_info *cpu, const struct cpuid_source *s)
{
	char raw[sizeof(cpu->brand)] = "";
	uint32_t r[4];
	size_t n;

	for (uint32_t i = 0; i < 3; i++) {
		leaf_read(s, LEAF_EXT + 2 + i, 0, r);
		for (unsigned k = 0; k < 4; k++)
			put_register(raw + 16 * i + 4 * k, r[k]);
	}
	snprintf(cpu->brand, sizeof(cpu->brand), "%s", raw + strspn(raw, " "));
	n = strlen(cpu->brand);
	while (n && isspace((unsigned char)cpu->brand[n - 1]))
		cpu->brand[--n] = '\0';
}

static void read_features(struct cpu_info *cpu, const struct cpuid_source *s)
{
	uint32_t r[4];
	uint64_t xcr0 = 0;

	leaf_read(s, 1, 0, r);
	/* XGETBV faults unless the OS has enabled it (OSXSAVE). */
	if (r[ECX] & (1u << 27))
		xcr0 = s->xgetbv(s->ctx);
	for (size_t i = 0; i < ARRAY_SIZE(feature_bits); i++) {
		const struct feature_bit *f = &feature_bits[i];

		leaf_read(s, f->leaf, 0, r);
		if ((r[f->reg] >> f->bit & 1) && (xcr0 & f->xcr0) == f->xcr0)
			cpu->features |= 1u << i;
	}
	leaf_read(s, LEAF_EXT + 8, 0, r);
	cpu->physical_bits = r[EAX] & 0xff;
}

static void read_hypervisor(struct cpu_info *cpu, const struct cpuid_source *s)
{
	uint32_t r[4];

	if (!cpu_has(cpu, CPU_HYPERVISOR))
		return;
	leaf_read(s, LEAF_HV, 0, r);
	for (unsigned k = 0; k < 3; k++)
		put_register(cpu->hypervisor + 4 * k, r[EBX + k]);
	if (!cpu->hypervisor[0])
		snprintf(cpu->hypervisor, sizeof(cpu->hypervisor), "unknown");
}

/*
 * Leaf 0x15 gives the rate only where it names the crystal too: ECX * EBX / EAX (SDM vol. 3B,
 * "Time-Stamp Counter"). Without the crystal the SDM offers a table for models older than any
 * that hosts TDX, and says of leaf 0x16 that it holds specified values, not actual ones: the
 * caller then calibrates. In a virtual machine the hypervisor's timing leaf, in kHz, is better
 * than nothing.
 */
static void read_tsc(struct cpu_info *cpu, const struct cpuid_source *s)
{
	uint32_t r[4];

	cpu->tsc_source = "";
	leaf_read(s, 0x15, 0, r);
	if (r[EAX] && r[EBX] && r[ECX]) {
		cpu->tsc_hz = (double)r[ECX] * r[EBX] / r[EAX];
		cpu->tsc_source = "cpuid-0x15";
		return;
	}
	if (!cpu_has(cpu, CPU_HYPERVISOR))
		return;
	leaf_read(s, LEAF_HV_CLOCK, 0, r);
	if (r[EAX]) {
		cpu->tsc_hz = 1e3 * r[EAX];
		cpu->tsc_source = "cpuid-0x40000010";
	}
}

static bool is_amd(const struct cpu_info *cpu)
{
	return !strcmp(cpu->vendor, "AuthenticAMD") || !strcmp(cpu->vendor, "HygonGenuine");
}

/* The leaf with the cache topology; AMD has its own, in Intel's layout, where it says so. */
static uint32_t cache_leaf(const struct cpu_info *cpu, const struct cpuid_source *s)
{
	uint32_t r[4];

	if (!is_amd(cpu))
		return 4;
	leaf_read(s, LEAF_EXT + 1, 0, r);
	return (r[ECX] & (1u << 22)) ? 0x8000001du : 0;
}

/*
 * EDX[0] = 0 means by the SDM that WBINVD from any thread that shares the cache acts upon the
 * lower level caches of all those threads; by AMD's manuals that it invalidates the lower level
 * caches of the other cores. Both call 1 "not guaranteed", and neither says that the others'
 * caches are left alone. So the same bit, read as a promise or as none.
 */
static void read_caches(struct cpu_info *cpu, const struct cpuid_source *s)
{
	static const char types[] = { 0, 'd', 'i', 'u' };
	uint32_t leaf = cache_leaf(cpu, s), r[4];

	for (uint32_t i = 0; leaf && i < ARRAY_SIZE(cpu->caches); i++) {
		struct cpu_cache *c = &cpu->caches[i];

		leaf_read(s, leaf, i, r);
		if (!(r[EAX] & 0x1f) || (r[EAX] & 0x1f) >= ARRAY_SIZE(types))
			break;
		c->type = types[r[EAX] & 0x1f];
		c->level = (r[EAX] >> 5) & 7;
		c->sharing = ((r[EAX] >> 14) & 0xfff) + 1;
		c->bytes = ((uint64_t)(r[EBX] >> 22) + 1) * (((r[EBX] >> 12) & 0x3ff) + 1) *
			   ((r[EBX] & 0xfff) + 1) * ((uint64_t)r[ECX] + 1);
		c->wbinvd = r[EDX] & 1 ? WBINVD_SCOPE_NOT_SURE : WBINVD_SCOPE_ALL;
		c->inclusive = r[EDX] & 2;
		cpu->n_caches++;
	}
}

void cpu_detect_from(struct cpu_info *cpu, const struct cpuid_source *source)
{
	memset(cpu, 0, sizeof(*cpu));
	read_identity(cpu, source);
	read_brand(cpu, source);
	read_features(cpu, source);
	read_hypervisor(cpu, source);
	read_tsc(cpu, source);
	read_caches(cpu, source);
	cpu->cpu_affected = !strcmp(cpu->vendor, "GenuineIntel") && cpu->family == 6 &&
			    (cpu->model == 0x8f || cpu->model == 0xcf);
}

static void live_query(void *ctx, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	(void)ctx;
	__cpuid_count(leaf, sub, r[EAX], r[EBX], r[ECX], r[EDX]);
}

static uint64_t live_xgetbv(void *ctx)
{
	uint32_t lo, hi;

	(void)ctx;
	/* xgetbv, spelled out: the compiler knows its name only with -mxsave. */
	__asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

void cpu_detect(struct cpu_info *cpu)
{
	static const struct cpuid_source live = { live_query, live_xgetbv, NULL };

	cpu_detect_from(cpu, &live);
}

bool cpu_has(const struct cpu_info *cpu, enum cpu_feature f)
{
	return (unsigned)f < CPU_FEATURE_MAX && (cpu->features >> f & 1);
}

uint64_t cpu_l2_bytes(const struct cpu_info *cpu)
{
	for (unsigned i = 0; i < cpu->n_caches; i++)
		if (cpu->caches[i].level == 2 && cpu->caches[i].type != 'i')
			return cpu->caches[i].bytes;
	return 0;
}

const char *cpu_feature_name(enum cpu_feature f)
{
	return (unsigned)f < CPU_FEATURE_MAX ? feature_bits[f].name : "?";
}

int kernel_bug_flag(const char *root, const char *bug)
{
	char bugs[2048];
	int err = file_field(root, "/proc/cpuinfo", "bugs", bugs, sizeof(bugs));

	return err ? err : word_in(bugs, bug);
}
