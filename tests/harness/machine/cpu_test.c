// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine/cpu.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FIXTURES      "tests/fixtures/cpuid/"
#define BIT(f)	      (1u << (f))

#define INTEL_SERVER                                                                            \
	(BIT(CPU_MOVDIR64B) | BIT(CPU_MOVDIRI) | BIT(CPU_CLFLUSH) | BIT(CPU_CLFLUSHOPT) |       \
	 BIT(CPU_CLWB) | BIT(CPU_WBNOINVD) | BIT(CPU_AVX2) | BIT(CPU_AVX512F) | BIT(CPU_ERMS) | \
	 BIT(CPU_FSRM) | BIT(CPU_RDTSCP) | BIT(CPU_INVARIANT_TSC))
#define AMD_SERVER                                                                    \
	(BIT(CPU_CLZERO) | BIT(CPU_CLFLUSH) | BIT(CPU_CLFLUSHOPT) | BIT(CPU_CLWB) |   \
	 BIT(CPU_WBNOINVD) | BIT(CPU_INT_WBINVD) | BIT(CPU_AVX2) | BIT(CPU_AVX512F) | \
	 BIT(CPU_ERMS) | BIT(CPU_FSRM) | BIT(CPU_RDTSCP) | BIT(CPU_INVARIANT_TSC) | BIT(CPU_SME))

#define ALL  WBINVD_SCOPE_ALL
#define NONE WBINVD_SCOPE_NOT_SURE

static const struct machine_case {
	const char *file, *vendor, *brand;
	unsigned family, model, stepping;
	bool affected;
	uint32_t features;
	const char *hypervisor;
	unsigned bits;
	double tsc_hz;
	unsigned n_caches;
	struct cpu_cache l2, l3; /* the last two caches */
} machines[] = {
	{ "sapphire-rapids.txt",
	  "GenuineIntel",
	  "Intel(R) Xeon(R) w9-3475X",
	  6,
	  143,
	  8,
	  true,
	  INTEL_SERVER,
	  "",
	  46,
	  2200e6,
	  4,
	  { 2, 'u', 2, 2048 << 10, false, ALL },
	  { 3, 'u', 128, 84480 << 10, false, ALL } },
	{ "emerald-rapids.txt",
	  "GenuineIntel",
	  "INTEL(R) XEON(R) PLATINUM 8570",
	  6,
	  207,
	  2,
	  true,
	  INTEL_SERVER,
	  "",
	  46,
	  2100e6,
	  4,
	  { 2, 'u', 2, 2048 << 10, false, ALL },
	  { 3, 'u', 128, 300 << 20, false, ALL } },
	/* No XCR0 in the dump, so no AVX; a guest's leaf 0x15 is empty. */
	{ "granite-rapids.txt",
	  "GenuineIntel",
	  "Intel(R) Xeon(R) Processor",
	  6,
	  173,
	  1,
	  false,
	  (INTEL_SERVER & ~(BIT(CPU_AVX2) | BIT(CPU_AVX512F))) | BIT(CPU_HYPERVISOR),
	  "KVMKVMKVM",
	  52,
	  0,
	  4,
	  { 2, 'u', 1, 2048 << 10, false, ALL },
	  { 3, 'u', 1, 480 << 20, false, ALL } },
	{ "genoa.txt",
	  "AuthenticAMD",
	  "AMD EPYC 9124 16-Core Processor",
	  25,
	  17,
	  1,
	  false,
	  AMD_SERVER,
	  "",
	  52,
	  0,
	  4,
	  { 2, 'u', 2, 1024 << 10, true, ALL },
	  { 3, 'u', 8, 16 << 20, false, NONE } },
	{ "turin.txt",
	  "AuthenticAMD",
	  "AMD EPYC 9655 96-Core Processor",
	  26,
	  2,
	  1,
	  false,
	  AMD_SERVER | BIT(CPU_MOVDIR64B) | BIT(CPU_MOVDIRI),
	  "",
	  52,
	  0,
	  4,
	  { 2, 'u', 1, 1024 << 10, true, ALL },
	  { 3, 'u', 8, 32 << 20, false, NONE } },
	{ "turin-guest.txt",
	  "AuthenticAMD",
	  "AMD EPYC",
	  26,
	  2,
	  1,
	  false,
	  (AMD_SERVER & ~(BIT(CPU_WBNOINVD) | BIT(CPU_INT_WBINVD) | BIT(CPU_SME))) |
		  BIT(CPU_HYPERVISOR),
	  "KVMKVMKVM",
	  48,
	  0,
	  4,
	  { 2, 'u', 1, 1024 << 10, true, ALL },
	  { 3, 'u', 2, 32 << 20, false, NONE } },
	{ "tiger-lake.txt",
	  "GenuineIntel",
	  "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
	  6,
	  140,
	  1,
	  false,
	  INTEL_SERVER & ~BIT(CPU_WBNOINVD),
	  "",
	  39,
	  2419.2e6,
	  4,
	  { 2, 'u', 2, 1280 << 10, false, ALL },
	  { 3, 'u', 16, 8 << 20, false, ALL } },
};

static void expect_cache(const struct cpu_cache *got, const struct cpu_cache *want)
{
	assert_int_equal(got->level, want->level);
	assert_int_equal(got->type, want->type);
	assert_int_equal(got->sharing, want->sharing);
	assert_int_equal(got->bytes, want->bytes);
	assert_int_equal(got->inclusive, want->inclusive);
	assert_int_equal(got->wbinvd, want->wbinvd);
}

static void recorded_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct machine_case *m = &machines[i];
		struct cpuid_source source;
		struct reason why = { "" };
		struct cpu_info cpu;
		char path[128];

		snprintf(path, sizeof(path), FIXTURES "%s", m->file);
		if (cpuid_fixture_open(&source, path, &why))
			fail_msg("%s", why.text);
		cpu_detect_from(&cpu, &source);
		cpuid_fixture_close(&source);
		print_message("%s\n", m->file);
		assert_string_equal(cpu.vendor, m->vendor);
		assert_string_equal(cpu.brand, m->brand);
		assert_int_equal(cpu.family, m->family);
		assert_int_equal(cpu.model, m->model);
		assert_int_equal(cpu.stepping, m->stepping);
		assert_int_equal(cpu.cpu_affected, m->affected);
		for (enum cpu_feature f = 0; f < CPU_FEATURE_MAX; f++)
			if (cpu_has(&cpu, f) != (m->features >> f & 1))
				fail_msg("%s: %s is %d", m->file, cpu_feature_name(f),
					 cpu_has(&cpu, f));
		assert_string_equal(cpu.hypervisor, m->hypervisor);
		assert_int_equal(cpu.physical_bits, m->bits);
		assert_true(cpu.tsc_hz == m->tsc_hz);
		assert_string_equal(cpu.tsc_source, m->tsc_hz > 0 ? "cpuid-0x15" : "");
		assert_int_equal(cpu.n_caches, m->n_caches);
		expect_cache(&cpu.caches[cpu.n_caches - 2], &m->l2);
		expect_cache(&cpu.caches[cpu.n_caches - 1], &m->l3);
	}
}

/* A machine written as the text of a dump: @text, or @text as it would be read by @cpu. */
static int open_text(struct cpuid_source *source, const char *text, struct reason *why)
{
	struct tree t;
	char path[128];
	int err;

	tree_make(&t);
	tree_write(&t, "/dump", text);
	snprintf(path, sizeof(path), "%s/dump", t.root);
	err = cpuid_fixture_open(source, path, why);
	tree_remove(&t);
	return err;
}

static void detect_text(struct cpu_info *cpu, const char *text)
{
	struct cpuid_source source;
	struct reason why = { "" };

	if (open_text(&source, text, &why))
		fail_msg("%s", why.text);
	cpu_detect_from(cpu, &source);
	cpuid_fixture_close(&source);
}

#define LEAF(l, a, b, c, d) "0x" l " 0x00: eax=0x" a " ebx=0x" b " ecx=0x" c " edx=0x" d "\n"
#define INTEL(max)	    LEAF("0", max, "756e6547", "6c65746e", "49656e69")
#define AMD(max)	    LEAF("0", max, "68747541", "444d4163", "69746e65")

static void erratum_platforms(void **state)
{
	static const struct {
		const char *text;
		bool affected;
	} cases[] = {
		{ INTEL("1") LEAF("1", "000806f8", "0", "0", "0"), true },
		{ INTEL("1") LEAF("1", "000806f4", "0", "0", "0"), true },
		{ INTEL("1") LEAF("1", "000c06f2", "0", "0", "0"), true },
		{ INTEL("1") LEAF("1", "000a06d1", "0", "0", "0"), false },
		{ INTEL("1") LEAF("1", "000606a6", "0", "0", "0"), false },
		/* family 0x12 with the same model number */
		{ INTEL("1") LEAF("1", "00380ff8", "0", "0", "0"), false },
		{ AMD("1") LEAF("1", "000806f8", "0", "0", "0"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpu_info cpu;

		detect_text(&cpu, cases[i].text);
		if (cpu.cpu_affected != cases[i].affected)
			fail_msg("case %zu: family %u model %#x", i, cpu.family, cpu.model);
	}
}

/* AVX2 and AVX512F are there only when the OS saves their registers. */
static void os_support(void **state)
{
#define AVX LEAF("7", "0", "00010020", "0", "0")
	static const struct {
		const char *text;
		bool avx2, avx512;
	} cases[] = {
		{ INTEL("7") LEAF("1", "0", "0", "08000000", "0") AVX "xcr0=0xe7\n", true, true },
		{ INTEL("7") LEAF("1", "0", "0", "08000000", "0") AVX "xcr0=0x7\n", true, false },
		{ INTEL("7") LEAF("1", "0", "0", "08000000", "0") AVX "xcr0=0x3\n", false, false },
		{ INTEL("7") LEAF("1", "0", "0", "08000000", "0") AVX, false, false },
		/* OSXSAVE clear: XCR0 is not to be read at all */
		{ INTEL("7") LEAF("1", "0", "0", "0", "0") AVX "xcr0=0xe7\n", false, false },
		/* the highest leaf is 6: leaf 7 is not there, whatever it answers */
		{ INTEL("6") LEAF("1", "0", "0", "08000000", "0") AVX "xcr0=0xe7\n", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpu_info cpu;

		detect_text(&cpu, cases[i].text);
		if (cpu_has(&cpu, CPU_AVX2) != cases[i].avx2 ||
		    cpu_has(&cpu, CPU_AVX512F) != cases[i].avx512)
			fail_msg("case %zu", i);
	}
}

static void tsc_rate(void **state)
{
#define GUEST LEAF("1", "0", "0", "80000000", "0")
#define HOST  LEAF("1", "0", "0", "0", "0")
#define CLOCK LEAF("40000010", "0027ac40", "0", "0", "0") /* 2,600,000 kHz */
	static const struct {
		const char *text;
		double hz;
		const char *source;
	} cases[] = {
		{ INTEL("16") HOST LEAF("15", "2", "a8", "17d7840", "0"), 2100e6, "cpuid-0x15" },
		/* no crystal: leaf 0x16 is a specification, not a measurement */
		{ INTEL("16") HOST LEAF("15", "2", "a8", "0", "0") LEAF("16", "834", "0", "0", "0"),
		  0, "" },
		{ INTEL("16") HOST LEAF("15", "2", "0", "17d7840", "0"), 0, "" },
		{ INTEL("14") HOST LEAF("15", "2", "a8", "17d7840", "0"), 0, "" },
		{ INTEL("1") GUEST LEAF("40000000", "40000010", "0", "0", "0") CLOCK, 2600e6,
		  "cpuid-0x40000010" },
		{ INTEL("1") GUEST LEAF("40000000", "40000001", "0", "0", "0") CLOCK, 0, "" },
		{ INTEL("1") GUEST LEAF("40000000", "0", "0", "0", "0") CLOCK, 0, "" },
		/* no hypervisor bit: those leaves mean nothing */
		{ INTEL("1") HOST LEAF("40000000", "40000010", "0", "0", "0") CLOCK, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpu_info cpu;

		detect_text(&cpu, cases[i].text);
		if (cpu.tsc_hz != cases[i].hz || strcmp(cpu.tsc_source, cases[i].source))
			fail_msg("case %zu: %f from '%s'", i, cpu.tsc_hz, cpu.tsc_source);
	}
}

/* AMD tells of its caches in 0x8000001d only where TOPOEXT says so; leaf 4 is Intel's. */
static void cache_leaf(void **state)
{
#define L3(leaf, edx) LEAF(leaf, "4163", "03c0003f", "00007fff", edx)
	static const struct {
		const char *text;
		unsigned n;
		enum wbinvd_scope scope;
	} cases[] = {
		{ INTEL("4") L3("4", "0"), 1, WBINVD_SCOPE_ALL },
		{ INTEL("4") L3("4", "1"), 1, WBINVD_SCOPE_NOT_SURE },
		{ INTEL("3") L3("4", "0"), 0, WBINVD_SCOPE_UNKNOWN },
		{ AMD("4") L3("4", "0"), 0, WBINVD_SCOPE_UNKNOWN },
		{ AMD("1") LEAF("80000000", "8000001d", "0", "0", "0")
			  LEAF("80000001", "0", "0", "00400000", "0") L3("8000001d", "1"),
		  1, WBINVD_SCOPE_NOT_SURE },
		{ AMD("1") LEAF("80000000", "8000001d", "0", "0", "0")
			  LEAF("80000001", "0", "0", "0", "0") L3("8000001d", "1"),
		  0, WBINVD_SCOPE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpu_info cpu;

		detect_text(&cpu, cases[i].text);
		if (cpu.n_caches != cases[i].n || cpu.caches[0].wbinvd != cases[i].scope)
			fail_msg("case %zu: %u caches, scope %d", i, cpu.n_caches,
				 (int)cpu.caches[0].wbinvd);
	}
}

static void malformed_dumps(void **state)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{ "", "no leaf" },
		{ "# only a comment\n\n", "no leaf" },
		{ INTEL("1") "nonsense\n", ":2:" },
		{ INTEL("1") "0x1 0x0: eax=0x1 ebx=0x2 ecx=0x3\n", ":2:" },
		{ INTEL("1") "0x1 0x0: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4 more\n", ":2:" },
		{ "xcr0=17\n", ":1:" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpuid_source source;
		struct reason why = { "" };

		if (open_text(&source, cases[i].text, &why) != -EINVAL)
			fail_msg("case %zu was taken", i);
		if (!strstr(why.text, cases[i].complaint))
			fail_msg("case %zu: %s", i, why.text);
	}
}

static void absent_dump(void **state)
{
	struct cpuid_source source;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(cpuid_fixture_open(&source, FIXTURES "nobody.txt", &why), -ENOENT);
	assert_non_null(strstr(why.text, "nobody.txt"));
}

/* A dump of all CPUs stands for the first: what only the second one has is not there. */
static void first_cpu_counts(void **state)
{
	struct cpu_info cpu;

	(void)state;
	detect_text(&cpu,
		    "CPU 0:\n" INTEL("7") LEAF("1", "000806f8", "0", "0", "0") "CPU 1:\n" AMD("7")
			    LEAF("1", "00b00f21", "0", "0", "0")
				    LEAF("7", "0", "0", "10000000", "0"));
	assert_string_equal(cpu.vendor, "GenuineIntel");
	assert_int_equal(cpu.model, 0x8f);
	assert_false(cpu_has(&cpu, CPU_MOVDIR64B));
}

static void live_cpu(void **state)
{
	struct cpu_info cpu;

	(void)state;
	cpu_detect(&cpu);
	assert_int_equal(strlen(cpu.vendor), 12);
	assert_true(cpu.family >= 6);
	assert_true(cpu_has(&cpu, CPU_CLFLUSH));
	/* What the compiler's own detection says, by another way. */
	assert_int_equal(cpu_has(&cpu, CPU_AVX2), !!__builtin_cpu_supports("avx2"));
	assert_int_equal(cpu_has(&cpu, CPU_AVX512F), !!__builtin_cpu_supports("avx512f"));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(cpu_feature_name(CPU_MOVDIR64B), "movdir64b");
	assert_string_equal(cpu_feature_name(CPU_CLZERO), "clzero");
	assert_string_equal(cpu_feature_name(CPU_FEATURE_MAX), "?");
	for (enum cpu_feature a = 0; a < CPU_FEATURE_MAX; a++)
		for (enum cpu_feature b = 0; b < a; b++)
			assert_string_not_equal(cpu_feature_name(a), cpu_feature_name(b));
}

static void kernel_flag(void **state)
{
	static const struct {
		const char *bugs;
		int flag;
	} cases[] = {
		{ "processor\t: 0\nbugs\t\t: spectre_v1 tdx_pw_mce\npower management:\n", 1 },
		{ "bugs\t\t: tdx_pw_mce\n", 1 },
		{ "bugs\t\t: spectre_v1 spectre_v2\n", 0 },
		{ "bugs\t\t:\n", 0 },
		/* part of a word is another word */
		{ "bugs\t\t: not_tdx_pw_mce tdx_pw_mce2\n", 0 },
		/* among the flags it is not a bug */
		{ "flags\t\t: tdx_pw_mce\nbugs\t\t: spectre_v1\n", 0 },
		{ "processor\t: 0\n", -ENOENT },
	};
	struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(kernel_bug_flag(t.root, "tdx_pw_mce"), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tree_write(&t, "/proc/cpuinfo", cases[i].bugs);
		if (kernel_bug_flag(t.root, "tdx_pw_mce") != cases[i].flag)
			fail_msg("case %zu", i);
	}
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_machines), cmocka_unit_test(erratum_platforms),
		cmocka_unit_test(os_support),	     cmocka_unit_test(tsc_rate),
		cmocka_unit_test(cache_leaf),	     cmocka_unit_test(malformed_dumps),
		cmocka_unit_test(absent_dump),	     cmocka_unit_test(first_cpu_counts),
		cmocka_unit_test(live_cpu),	     cmocka_unit_test(names),
		cmocka_unit_test(kernel_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
