// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/machine/files.h"
#include "harness/machine/pmu.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define INFORMATION   (-1)

/* One thing to look at. Return: was there something to say? @f comes zeroed. */
typedef bool (*check_fn)(const struct machine *m, struct finding *f);

static void words(char *to, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void words(char *to, size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to, n, fmt, ap);
	va_end(ap);
}

#define WHAT(f, ...) words((f)->what, sizeof((f)->what), __VA_ARGS__)
#define FIX(f, ...)  words((f)->fix, sizeof((f)->fix), __VA_ARGS__)
#define NOTE(f, ...) words((f)->note, sizeof((f)->note), __VA_ARGS__)

static const json_t *fact(const struct machine *m, const char *key)
{
	return json_object_get(m->env.identity, key);
}

static bool known_text(const struct machine *m, const char *key)
{
	return json_is_string(fact(m, key));
}

static bool check_hypervisor(const struct machine *m, struct finding *f)
{
	if (!cpu_has(&m->cpu, CPU_HYPERVISOR))
		return false;
	f->flag = FLAG_VIRTUAL_MACHINE;
	WHAT(f, "this is a virtual machine (hypervisor '%s')", m->cpu.hypervisor);
	NOTE(f, "the host below adds noise, and WBINVD is usually a no-op here");
	return true;
}

static bool check_invariant_tsc(const struct machine *m, struct finding *f)
{
	if (cpu_has(&m->cpu, CPU_INVARIANT_TSC))
		return false;
	f->flag = FLAG_NO_INVARIANT_TSC;
	WHAT(f, "the CPU does not promise an invariant TSC");
	NOTE(f, "ticks cannot be turned into time; in a virtual machine the host may be hiding it");
	return true;
}

static bool check_clocksource(const struct machine *m, struct finding *f)
{
	const char *now = env_text(&m->env, "clocksource");

	if (!known_text(m, "clocksource") || !strcmp(now, "tsc"))
		return false;
	f->flag = FLAG_CLOCKSOURCE;
	WHAT(f, "clocksource is '%s', not 'tsc'", now);
	if (word_in(env_text(&m->env, "clocksources"), "tsc"))
		FIX(f, "echo tsc > "
		       "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	NOTE(f, "%s",
	     f->fix[0] ? "the TSC is there, the kernel prefers another clock"
		       : "the kernel does not offer the TSC: it found it unstable, or the "
			 "hypervisor does not promise it");
	return true;
}

static bool check_governor(const struct machine *m, struct finding *f)
{
	const char *now = env_text(&m->env, "governor");

	if (!known_text(m, "governor") || !strcmp(now, "performance"))
		return false;
	f->flag = FLAG_GOVERNOR;
	WHAT(f, "governor is '%s', not 'performance'", now);
	FIX(f, "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
	NOTE(f, "the frequency follows the load, so short samples run slower than long ones");
	return true;
}

static bool check_turbo(const struct machine *m, struct finding *f)
{
	if (!json_is_true(fact(m, "turbo")))
		return false;
	f->flag = FLAG_TURBO;
	WHAT(f, "turbo is on");
	if (file_exists(m->root, "/sys/devices/system/cpu/intel_pstate/no_turbo"))
		FIX(f, "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo");
	else
		FIX(f, "echo 0 > /sys/devices/system/cpu/cpufreq/boost");
	NOTE(f, "the frequency follows the heat and the number of busy cores");
	return true;
}

static bool check_smt(const struct machine *m, struct finding *f)
{
	if (!json_is_true(fact(m, "smt_active")))
		return false;
	f->flag = FLAG_SMT;
	WHAT(f, "SMT is on");
	FIX(f, "echo off > /sys/devices/system/cpu/smt/control");
	NOTE(f, "whatever runs on the sibling thread shares the core and its caches");
	return true;
}

/*
 * Not FLAG_HUGE_PAGES: that one says that huge pages were asked for and not granted. Here the
 * cells that want them are skipped with a reason, and the others are as good as ever.
 */
static bool check_thp(const struct machine *m, struct finding *f)
{
	const char *two = env_text(&m->env, "thp_2m_enabled"), *now = two;

	if (!known_text(m, "thp_2m_enabled") || !strcmp(two, "inherit"))
		now = env_text(&m->env, "thp_enabled");
	if (strcmp(now, "never"))
		return false;
	WHAT(f, "transparent huge pages are off ('never')");
	FIX(f, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
	NOTE(f, "cells with backing=thp are skipped; backing=auto takes base pages");
	return true;
}

static bool check_load(const struct machine *m, struct finding *f)
{
	const json_t *load = json_object_get(m->env.varying, "load_1m");

	/* One CPU's worth of other work over the last minute. */
	if (!json_is_real(load) || json_real_value(load) < 1.0)
		return false;
	f->flag = FLAG_BUSY;
	WHAT(f, "the load was %.2f over the last minute", json_real_value(load));
	NOTE(f, "other work disturbs the caches and takes the CPU away; wait until it is done");
	return true;
}

static bool check_steal(const struct machine *m, struct finding *f)
{
	json_int_t ticks = json_integer_value(json_object_get(m->env.varying, "steal_ticks"));

	if (ticks <= 0)
		return false;
	f->flag = FLAG_STEAL;
	WHAT(f, "the hypervisor has taken %lld ticks of CPU time since boot", (long long)ticks);
	NOTE(f, "samples during which it happens are too long; the run counts it again");
	return true;
}

static bool check_erratum(const struct machine *m, struct finding *f)
{
	const json_t *kernel = fact(m, "kernel_flag");

	if (!json_is_boolean(kernel) || json_is_true(kernel) == m->cpu.cpu_affected)
		return false;
	f->flag = FLAG_ERRATUM_DISAGREES;
	if (m->cpu.cpu_affected) {
		WHAT(f, "the CPU has the erratum, the kernel does not list 'tdx_pw_mce'");
		NOTE(f,
		     "a kernel that does not host TDX does not set its flag, and clears no pages "
		     "for it; quirk=auto follows the CPU");
	} else {
		WHAT(f, "the kernel lists 'tdx_pw_mce', the CPU is none of the affected models");
		NOTE(f,
		     "a hypervisor may have changed the model; quirk=auto follows the CPU, so say "
		     "quirk=on");
	}
	return true;
}

static bool check_counters(const struct machine *m, struct finding *f)
{
	struct reason why = { "" };

	/* The counters are the live machine's, whatever the tree under a root says. */
	if (m->root[0] || !pmu_hardware(&why))
		return false;
	f->flag = FLAG_NO_COUNTERS;
	WHAT(f, "no hardware performance counters (%.180s)", why.text);
	NOTE(f, "time and software events are measured all the same");
	return true;
}

/* The parameter of whichever vendor module there is; NULL where none tells. */
static const json_t *paging_parameter(const struct machine *m)
{
	const json_t *ept = fact(m, "kvm_intel_ept"), *npt = fact(m, "kvm_amd_npt");

	if (json_is_boolean(ept))
		return ept;
	if (json_is_boolean(npt))
		return npt;
	/* KVM clears tdp_mmu where two-dimensional paging is off, so N without the others tells. */
	return fact(m, "kvm_tdp_mmu");
}

static bool check_paging(const struct machine *m, struct finding *f)
{
	const char *module = env_text(&m->env, "kvm_module");

	if (!json_is_true(fact(m, "kvm_device")) || !json_is_false(paging_parameter(m)))
		return false;
	f->flag = FLAG_NO_TWO_DIMENSIONAL_PAGING;
	WHAT(f, "KVM (%s) runs without two-dimensional paging", module);
	if (!strcmp(module, "kvm_intel"))
		FIX(f, "modprobe -r kvm_intel && modprobe kvm_intel ept=1");
	else if (!strcmp(module, "kvm_amd"))
		FIX(f, "modprobe -r kvm_amd && modprobe kvm_amd npt=1");
	NOTE(f, "figures of VMs are those of shadow paging, not of EPT or NPT");
	return true;
}

static bool check_movdir64b(const struct machine *m, struct finding *f)
{
	if (cpu_has(&m->cpu, CPU_MOVDIR64B))
		return false;
	WHAT(f, "the CPU has no MOVDIR64B");
	NOTE(f, "page resets are measured with %s and labelled analogue",
	     cpu_has(&m->cpu, CPU_CLZERO) ? "CLZERO" : "non-temporal stores");
	return true;
}

static bool check_paranoid(const struct machine *m, struct finding *f)
{
	const json_t *level = fact(m, "perf_event_paranoid");

	if (!json_is_integer(level) || json_integer_value(level) < 2)
		return false;
	WHAT(f, "perf_event_paranoid is %lld", (long long)json_integer_value(level));
	FIX(f, "echo 1 > /proc/sys/kernel/perf_event_paranoid");
	NOTE(f, "only root counts events of the kernel; others count user mode%s",
	     json_integer_value(level) > 2 ? " or nothing" : " alone");
	return true;
}

/*
 * Most serious first: what is fatal, then remarks, then information; the tests hold it to that.
 * An emulator that counts instructions has no time for the machine to distort.
 */
static const struct {
	check_fn look;
	bool of_time;
} checks[] = {
	{ check_invariant_tsc, true }, { check_clocksource, true }, { check_hypervisor, true },
	{ check_paging, false },       { check_erratum, false },    { check_governor, true },
	{ check_turbo, true },	       { check_smt, true },	    { check_load, true },
	{ check_steal, true },	       { check_counters, true },    { check_thp, false },
	{ check_movdir64b, false },    { check_paranoid, true },
};

size_t trust_check(const struct machine *m, struct finding *found, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct finding f = { .flag = INFORMATION };

		if (checks[i].of_time && lane_clock(m->lane) != CLOCK_UNIT_NS)
			continue;
		if (!checks[i].look(m, &f))
			continue;
		f.fatal = f.flag != INFORMATION && trust_flag_info((enum trust_flag)f.flag)->fatal;
		if (n < max)
			found[n] = f;
		n++;
	}
	return n;
}
