// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine/machine.h"
#include "harness/machine/pmu.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPU_DIR	      "/sys/devices/system/cpu/"
#define CLOCK	      "/sys/devices/system/clocksource/clocksource0/"
#define THP	      "/sys/kernel/mm/transparent_hugepage/"
#define BIT(f)	      (1u << (f))
#define GOOD	      (BIT(CPU_INVARIANT_TSC) | BIT(CPU_MOVDIR64B) | BIT(CPU_CLFLUSH))
#define INFORMATION   (-1)
#define MAX	      32

/* A machine that has nothing to be said about. */
static const struct tree_file quiet[] = {
	{ CLOCK "current_clocksource", "tsc\n" },
	{ CLOCK "available_clocksource", "tsc hpet acpi_pm\n" },
	{ CPU_DIR "cpu0/cpufreq/scaling_governor", "performance\n" },
	{ CPU_DIR "intel_pstate/no_turbo", "1\n" },
	{ CPU_DIR "smt/active", "0\n" },
	{ THP "enabled", "always [madvise] never\n" },
	{ "/proc/loadavg", "0.10 0.10 0.10 1/85 100\n" },
	{ "/proc/stat", "cpu0 1 2 3 4 5 6 7 0 0 0\n" },
	{ "/proc/cpuinfo", "bugs\t\t: spectre_v1\n" },
	{ "/proc/sys/kernel/perf_event_paranoid", "1\n" },
	{ "/dev/kvm", "" },
	{ "/sys/module/kvm_intel/parameters/ept", "Y\n" },
	{ "/sys/module/kvm/parameters/tdp_mmu", "N\n" },
};

/* One thing changed about it, and the one finding that must follow. */
static const struct trust_case {
	const char *path, *text; /* NULL: only the CPU differs */
	uint32_t features;
	bool affected;
	int flag;
	const char *what, *fix;
} cases[] = {
	{ NULL, NULL, GOOD | BIT(CPU_HYPERVISOR), false, FLAG_VIRTUAL_MACHINE, "KVMKVMKVM", "" },
	{ NULL, NULL, GOOD & ~BIT(CPU_INVARIANT_TSC), false, FLAG_NO_INVARIANT_TSC, "invariant",
	  "" },
	{ NULL, NULL, GOOD & ~BIT(CPU_MOVDIR64B), false, INFORMATION, "MOVDIR64B", "" },
	{ NULL, NULL, GOOD, true, FLAG_ERRATUM_DISAGREES, "tdx_pw_mce", "" },
	{ "/proc/cpuinfo", "bugs\t\t: tdx_pw_mce\n", GOOD, false, FLAG_ERRATUM_DISAGREES,
	  "none of the affected", "" },
	{ CLOCK "current_clocksource", "hpet\n", GOOD, false, FLAG_CLOCKSOURCE, "'hpet'",
	  "echo tsc > " CLOCK "current_clocksource" },
	{ CLOCK "current_clocksource", "kvm-clock\n", GOOD, false, FLAG_CLOCKSOURCE, "'kvm-clock'",
	  "echo tsc > " CLOCK "current_clocksource" },
	{ CPU_DIR "cpu0/cpufreq/scaling_governor", "powersave\n", GOOD, false, FLAG_GOVERNOR,
	  "'powersave'", "echo performance | tee " CPU_DIR "cpu*/cpufreq/scaling_governor" },
	{ CPU_DIR "intel_pstate/no_turbo", "0\n", GOOD, false, FLAG_TURBO, "turbo is on",
	  "echo 1 > " CPU_DIR "intel_pstate/no_turbo" },
	{ CPU_DIR "smt/active", "1\n", GOOD, false, FLAG_SMT, "SMT",
	  "echo off > " CPU_DIR "smt/control" },
	{ THP "enabled", "always madvise [never]\n", GOOD, false, INFORMATION, "never",
	  "echo madvise > " THP "enabled" },
	{ "/proc/loadavg", "1.50 0.10 0.10 3/85 100\n", GOOD, false, FLAG_BUSY, "1.50", "" },
	{ "/proc/stat", "cpu0 1 2 3 4 5 6 7 12 0 0\n", GOOD, false, FLAG_STEAL, "12 ticks", "" },
	{ "/sys/module/kvm_intel/parameters/ept", "N\n", GOOD, false,
	  FLAG_NO_TWO_DIMENSIONAL_PAGING, "kvm_intel",
	  "modprobe -r kvm_intel && modprobe kvm_intel ept=1" },
	{ "/proc/sys/kernel/perf_event_paranoid", "2\n", GOOD, false, INFORMATION,
	  "perf_event_paranoid is 2", "echo 1 > /proc/sys/kernel/perf_event_paranoid" },
};

static void open_machine(struct machine *m, const struct tree *t, uint32_t features, bool affected)
{
	struct reason why = { "" };

	memset(m, 0, sizeof(*m));
	m->root = t->root;
	m->cpu.features = features;
	m->cpu.cpu_affected = affected;
	if (features & BIT(CPU_HYPERVISOR))
		snprintf(m->cpu.hypervisor, sizeof(m->cpu.hypervisor), "KVMKVMKVM");
	assert_int_equal(topo_open(&m->topo, "pack:1 core:1 pu:1", &why), 0);
	assert_int_equal(env_record(&m->env, m->root, &m->cpu, m->topo, &why), 0);
}

static size_t check(const struct tree *t, uint32_t features, bool affected, struct finding *f)
{
	struct machine m;
	size_t n;

	open_machine(&m, t, features, affected);
	n = trust_check(&m, f, MAX);
	machine_close(&m);
	return n;
}

static void make(struct tree *t)
{
	tree_make(t);
	tree_write_all(t, quiet, ARRAY_SIZE(quiet));
}

static void a_quiet_machine(void **state)
{
	struct finding f[MAX];
	struct tree t;

	(void)state;
	make(&t);
	assert_int_equal(check(&t, GOOD, false, f), 0);
	tree_remove(&t);
}

static void expect_finding(const struct trust_case *c, const struct finding *f)
{
	bool fatal = c->flag != INFORMATION && trust_flag_info((enum trust_flag)c->flag)->fatal;

	assert_int_equal(f->flag, c->flag);
	assert_int_equal(f->fatal, fatal);
	if (!strstr(f->what, c->what))
		fail_msg("'%s' is not in '%s'", c->what, f->what);
	assert_string_equal(f->fix, c->fix);
	assert_true(f->note[0]);
}

static void one_thing_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct trust_case *c = &cases[i];
		struct finding f[MAX];
		struct tree t;
		size_t n;

		make(&t);
		if (c->path)
			tree_write(&t, c->path, c->text);
		n = check(&t, c->features, c->affected, f);
		tree_remove(&t);
		if (n != 1)
			fail_msg("case %zu: %zu findings, the first '%s'", i, n,
				 n ? f[0].what : "");
		expect_finding(c, &f[0]);
	}
}

/* The erratum and the kernel's flag agree both ways. */
static void erratum_agrees(void **state)
{
	struct finding f[MAX];
	struct tree t;

	(void)state;
	make(&t);
	tree_write(&t, "/proc/cpuinfo", "bugs\t\t: tdx_pw_mce\n");
	assert_int_equal(check(&t, GOOD, true, f), 0);
	tree_remove(&t);
}

/* Where the kernel does not offer the TSC, no command brings it. */
static void clock_that_cannot_be_had(void **state)
{
	struct finding f[MAX];
	struct tree t;

	(void)state;
	make(&t);
	tree_write(&t, CLOCK "current_clocksource", "hpet\n");
	tree_write(&t, CLOCK "available_clocksource", "hpet acpi_pm\n");
	assert_int_equal(check(&t, GOOD, false, f), 1);
	assert_true(f[0].fatal);
	assert_string_equal(f[0].fix, "");
	assert_non_null(strstr(f[0].note, "unstable"));
	tree_remove(&t);
}

/* A vendor module that has neither EPT nor NPT to speak of: tdp_mmu tells. */
static void paging_by_other_means(void **state)
{
	static const struct {
		const char *tdp_mmu, *npt;
		size_t n;
	} kvms[] = {
		{ "N\n", NULL, 1 },
		{ "Y\n", NULL, 0 },
		{ "N\n", "1\n", 0 },
		{ "N\n", "0\n", 1 },
		/* NPT with the older MMU is still two-dimensional */
		{ "N\n", "Y\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kvms); i++) {
		struct finding f[MAX];
		struct tree t;
		size_t n;

		make(&t);
		tree_unlink(&t, "/sys/module/kvm_intel/parameters/ept");
		tree_write(&t, "/sys/module/kvm/parameters/tdp_mmu", kvms[i].tdp_mmu);
		if (kvms[i].npt)
			tree_write(&t, "/sys/module/kvm_amd/parameters/npt", kvms[i].npt);
		n = check(&t, GOOD, false, f);
		if (n != kvms[i].n)
			fail_msg("case %zu: %zu findings", i, n);
		if (n)
			assert_int_equal(f[0].flag, FLAG_NO_TWO_DIMENSIONAL_PAGING);
		/* Without /dev/kvm there are no figures that it could spoil. */
		tree_unlink(&t, "/dev/kvm");
		assert_int_equal(check(&t, GOOD, false, f), 0);
		tree_remove(&t);
	}
}

/* Files that are not there say nothing. */
static void unreadable_machine(void **state)
{
	struct finding f[MAX];
	struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(check(&t, GOOD, false, f), 0);
	assert_int_equal(check(&t, GOOD, true, f), 0);
	tree_remove(&t);
}

static int rank(const struct finding *f)
{
	if (f->fatal)
		return 0;
	return f->flag == INFORMATION ? 2 : 1;
}

/* Everything wrong at once: the fatal ones first, information last, the room respected. */
static void order_and_room(void **state)
{
	struct finding f[MAX], few[3];
	struct machine m;
	struct tree t;
	size_t n;

	(void)state;
	make(&t);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (cases[i].path && strcmp(cases[i].path, "/proc/cpuinfo"))
			tree_write(&t, cases[i].path, cases[i].text);
	open_machine(&m, &t, BIT(CPU_HYPERVISOR), true);
	n = trust_check(&m, f, MAX);
	memset(few, 0x5a, sizeof(few));
	assert_int_equal(trust_check(&m, few, 2), n);
	machine_close(&m);
	tree_remove(&t);
	assert_int_equal(n, 13);
	assert_true(f[0].fatal);
	for (size_t i = 1; i < n; i++)
		assert_true(rank(&f[i - 1]) <= rank(&f[i]));
	assert_string_equal(few[1].what, f[1].what);
	assert_int_equal((unsigned char)few[2].what[0], 0x5a);
}

static void steal(void **state)
{
	struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(steal_ticks(t.root, 0), 0);
	/* cpu11 before cpu1: the name must fit as a whole */
	tree_write(&t, "/proc/stat",
		   "cpu  9 9 9 9 9 9 9 99 0 0\ncpu11 1 2 3 4 5 6 7 42 0 0\n"
		   "cpu1 1 2 3 4 5 6 7 11 0 0\ncpu2 1 2 3\n");
	assert_int_equal(steal_ticks(t.root, 1), 11);
	assert_int_equal(steal_ticks(t.root, 11), 42);
	assert_int_equal(steal_ticks(t.root, 0), 0);
	assert_int_equal(steal_ticks(t.root, 2), 0);
	tree_remove(&t);
}

/* The machine under the test: every finding is complete, whatever there is to find. */
static void live_machine(void **state)
{
	struct reason why = { "" };
	struct finding f[MAX];
	struct machine m;
	bool counters = false, guest = false;
	size_t n;

	(void)state;
	if (machine_open(&m, &why))
		fail_msg("%s", why.text);
	n = trust_check(&m, f, MAX);
	assert_true(n < MAX);
	for (size_t i = 0; i < n; i++) {
		assert_true(f[i].what[0] && f[i].note[0]);
		print_message("%s%s; %s%s%s\n", f[i].fatal ? "FATAL " : "", f[i].what, f[i].note,
			      f[i].fix[0] ? "; fix: " : "", f[i].fix);
		counters |= f[i].flag == FLAG_NO_COUNTERS;
		guest |= f[i].flag == FLAG_VIRTUAL_MACHINE;
	}
	assert_int_equal(guest, cpu_has(&m.cpu, CPU_HYPERVISOR));
	assert_int_equal(counters, pmu_hardware(NULL) != 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_machine),	 cmocka_unit_test(one_thing_wrong),
		cmocka_unit_test(erratum_agrees),	 cmocka_unit_test(clock_that_cannot_be_had),
		cmocka_unit_test(paging_by_other_means), cmocka_unit_test(unreadable_machine),
		cmocka_unit_test(order_and_room),	 cmocka_unit_test(steal),
		cmocka_unit_test(live_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
