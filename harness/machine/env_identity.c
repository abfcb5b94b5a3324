// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What names a set-up: all that stays as it is until somebody changes it. Two readings a second
 * apart must be equal, so nothing that counts, drifts or is drawn at boot belongs here.
 */
#include "harness/machine/env_facts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "harness/machine/files.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CPU_DIR "/sys/devices/system/cpu"
#define THP	"/sys/kernel/mm/transparent_hugepage"
#define DMI	"/sys/class/dmi/id"

static const struct file_fact files[] = {
	/* the kernel */
	{ "kernel", "/proc/sys/kernel/osrelease", HOW_TEXT },
	{ "kernel_build", "/proc/sys/kernel/version", HOW_TEXT },
	{ "command_line", "/proc/cmdline", HOW_TEXT },
	{ "preempt", "/sys/kernel/debug/sched/preempt", HOW_CHOICE },
	{ "realtime", "/sys/kernel/realtime", HOW_BOOL },
	{ "aslr", "/proc/sys/kernel/randomize_va_space", HOW_NUMBER },
	{ "mmap_rnd_bits", "/proc/sys/vm/mmap_rnd_bits", HOW_NUMBER },
	{ "perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid", HOW_NUMBER },
	{ "nmi_watchdog", "/proc/sys/kernel/nmi_watchdog", HOW_NUMBER },
	{ "soft_watchdog", "/proc/sys/kernel/soft_watchdog", HOW_NUMBER },
	{ "sched_autogroup", "/proc/sys/kernel/sched_autogroup_enabled", HOW_NUMBER },
	{ "sched_rt_runtime_us", "/proc/sys/kernel/sched_rt_runtime_us", HOW_NUMBER },
	{ "timer_migration", "/proc/sys/kernel/timer_migration", HOW_NUMBER },
	{ "ftrace", "/proc/sys/kernel/ftrace_enabled", HOW_NUMBER },
	/* clock, idle, frequency */
	{ "clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource",
	  HOW_TEXT },
	{ "clocksources", "/sys/devices/system/clocksource/clocksource0/available_clocksource",
	  HOW_TEXT },
	{ "cpuidle_driver", CPU_DIR "/cpuidle/current_driver", HOW_TEXT },
	{ "cpuidle_governor", CPU_DIR "/cpuidle/current_governor", HOW_TEXT },
	{ "cpuidle_max_cstate", "/sys/module/intel_idle/parameters/max_cstate", HOW_NUMBER },
	{ "pstate_status", CPU_DIR "/intel_pstate/status", HOW_TEXT },
	{ "amd_pstate_status", CPU_DIR "/amd_pstate/status", HOW_TEXT },
	/* CPUs */
	{ "cpus_online", CPU_DIR "/online", HOW_TEXT },
	{ "cpus_isolated", CPU_DIR "/isolated", HOW_TEXT },
	{ "cpus_nohz_full", CPU_DIR "/nohz_full", HOW_TEXT },
	{ "smt_control", CPU_DIR "/smt/control", HOW_TEXT },
	{ "smt_active", CPU_DIR "/smt/active", HOW_BOOL },
	/* memory */
	{ "thp_enabled", THP "/enabled", HOW_CHOICE },
	{ "thp_2m_enabled", THP "/hugepages-2048kB/enabled", HOW_CHOICE },
	{ "thp_defrag", THP "/defrag", HOW_CHOICE },
	{ "thp_zero_page", THP "/use_zero_page", HOW_BOOL },
	{ "khugepaged_defrag", THP "/khugepaged/defrag", HOW_NUMBER },
	{ "khugepaged_scan_ms", THP "/khugepaged/scan_sleep_millisecs", HOW_NUMBER },
	{ "hugepages_2m", "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", HOW_NUMBER },
	{ "hugepages_1g", "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", HOW_NUMBER },
	{ "numa_balancing", "/proc/sys/kernel/numa_balancing", HOW_NUMBER },
	{ "zone_reclaim_mode", "/proc/sys/vm/zone_reclaim_mode", HOW_NUMBER },
	{ "compaction_proactiveness", "/proc/sys/vm/compaction_proactiveness", HOW_NUMBER },
	{ "swappiness", "/proc/sys/vm/swappiness", HOW_NUMBER },
	{ "overcommit_memory", "/proc/sys/vm/overcommit_memory", HOW_NUMBER },
	{ "ksm", "/sys/kernel/mm/ksm/run", HOW_NUMBER },
	{ "zswap", "/sys/module/zswap/parameters/enabled", HOW_BOOL },
	/* the machine, and what it is a guest of */
	{ "system_vendor", DMI "/sys_vendor", HOW_TEXT },
	{ "system_product", DMI "/product_name", HOW_TEXT },
	{ "bios_version", DMI "/bios_version", HOW_TEXT },
	{ "hypervisor_type", "/sys/hypervisor/type", HOW_TEXT },
	/* KVM and TDX */
	{ "kvm_tdp_mmu", "/sys/module/kvm/parameters/tdp_mmu", HOW_BOOL },
	{ "kvm_nx_huge_pages", "/sys/module/kvm/parameters/nx_huge_pages", HOW_TEXT },
	{ "kvm_halt_poll_ns", "/sys/module/kvm/parameters/halt_poll_ns", HOW_NUMBER },
	{ "kvm_intel_ept", "/sys/module/kvm_intel/parameters/ept", HOW_BOOL },
	{ "kvm_intel_tdx", "/sys/module/kvm_intel/parameters/tdx", HOW_BOOL },
	{ "kvm_amd_npt", "/sys/module/kvm_amd/parameters/npt", HOW_BOOL },
	{ "kvm_amd_sev", "/sys/module/kvm_amd/parameters/sev", HOW_BOOL },
	{ "kvm_amd_sev_snp", "/sys/module/kvm_amd/parameters/sev_snp", HOW_BOOL },
};

/* Parameters of the command line that a reader asks for by name. */
static const struct {
	const char *key, *parameter;
} boot_parameters[] = {
	{ "boot_mitigations", "mitigations" },
	{ "boot_isolcpus", "isolcpus" },
	{ "boot_nohz_full", "nohz_full" },
	{ "boot_rcu_nocbs", "rcu_nocbs" },
	{ "boot_preempt", "preempt" },
	{ "boot_tsc", "tsc" },
	{ "boot_idle", "idle" },
	{ "boot_init_on_alloc", "init_on_alloc" },
	{ "boot_init_on_free", "init_on_free" },
};

static void put_boot_parameters(struct facts *f)
{
	char line[4096], value[512];
	bool known = !file_text(f->root, "/proc/cmdline", line, sizeof(line));

	for (size_t i = 0; i < ARRAY_SIZE(boot_parameters); i++) {
		const char *name = boot_parameters[i].parameter, *at = known ? line : NULL;
		size_t n = strlen(name);

		snprintf(value, sizeof(value), "unset");
		while (at && (at = strstr(at, name))) {
			/* The last one wins, as in the kernel. */
			if ((at == line || at[-1] == ' ') && at[n] == '=')
				snprintf(value, sizeof(value), "%.*s",
					 (int)strcspn(at + n + 1, " "), at + n + 1);
			at += n;
		}
		put_text(f, boot_parameters[i].key, known ? value : NULL);
	}
}

static void put_arch(struct facts *f)
{
	char text[64];
	struct utsname u;

	/* The file came with Linux 6.1. */
	if (!file_text(f->root, "/proc/sys/kernel/arch", text, sizeof(text)))
		put_text(f, "machine_arch", text);
	else if (!f->root[0] && !uname(&u))
		put_text(f, "machine_arch", u.machine);
	else
		put_null(f, "machine_arch");
}

static void put_features(struct facts *f)
{
	char text[512] = "";
	size_t n = 0;

	for (enum cpu_feature i = 0; i < CPU_FEATURE_MAX; i++)
		if (cpu_has(f->cpu, i))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
					      cpu_feature_name(i));
	put_text(f, "cpu_features", text);
}

static void put_cpu(struct facts *f)
{
	char text[64];
	bool known = !file_field(f->root, "/proc/cpuinfo", "microcode", text, sizeof(text));

	put_text(f, "cpu_vendor", f->cpu->vendor);
	put_text(f, "cpu_brand", f->cpu->brand);
	put_number(f, "cpu_family", f->cpu->family);
	put_number(f, "cpu_model", f->cpu->model);
	put_number(f, "cpu_stepping", f->cpu->stepping);
	put_bool(f, "cpu_affected", f->cpu->cpu_affected);
	put_text(f, "hypervisor", f->cpu->hypervisor[0] ? f->cpu->hypervisor : "none");
	put_text(f, "microcode", known ? text : NULL);
	put_features(f);
}

/* What the kernel knows of TDX; apart from cpu_affected, because the two may disagree. */
static void put_tdx(struct facts *f)
{
	char flags[8192];
	bool known = !file_field(f->root, "/proc/cpuinfo", "flags", flags, sizeof(flags));
	int bug = kernel_bug_flag(f->root, "tdx_pw_mce");

	put_json(f, "kernel_flag", bug < 0 ? NULL : json_boolean(bug));
	put_json(f, "tdx_host_platform",
		 known ? json_boolean(word_in(flags, "tdx_host_platform")) : NULL);
	put_json(f, "tdx_guest", known ? json_boolean(word_in(flags, "tdx_guest")) : NULL);
}

static void put_kvm(struct facts *f)
{
	static const char *const vendors[] = { "kvm_intel", "kvm_amd", "kvm_pvm" };
	const char *found = NULL;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(vendors) && !found; i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", vendors[i]);
		if (file_exists(f->root, path))
			found = vendors[i];
	}
	put_bool(f, "kvm_device", file_exists(f->root, "/dev/kvm"));
	put_text(f, "kvm_module", found);
}

static bool listed(const char *list, const char *one)
{
	size_t n = strlen(one);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && !strncmp(at, one, n))
			return true;
	return false;
}

/* One value where all CPUs agree, "a,b" in order of appearance where they do not. */
static void put_per_cpu(struct facts *f, const char *key, const char *file)
{
	unsigned cpus[1024] = { 0 };
	size_t n = f->topo ? topo_pick(f->topo, TOPO_PER_CORE, cpus, ARRAY_SIZE(cpus)) : 1;
	char path[128], one[64], all[256] = "";

	for (size_t i = 0; i < n && i < ARRAY_SIZE(cpus); i++) {
		size_t used = strlen(all);

		snprintf(path, sizeof(path), CPU_DIR "/cpu%u/cpufreq/%s", cpus[i], file);
		if (file_text(f->root, path, one, sizeof(one)) || listed(all, one))
			continue;
		snprintf(all + used, sizeof(all) - used, "%s%s", used ? "," : "", one);
	}
	put_text(f, key, all[0] ? all : NULL);
}

static void put_turbo(struct facts *f)
{
	int64_t v;

	if (!file_number(f->root, CPU_DIR "/intel_pstate/no_turbo", &v))
		put_bool(f, "turbo", !v);
	else if (!file_number(f->root, CPU_DIR "/cpufreq/boost", &v))
		put_bool(f, "turbo", v != 0);
	else
		put_null(f, "turbo");
}

static void put_mitigation(struct facts *f, const char *name)
{
	char path[320], key[300], text[512];

	snprintf(path, sizeof(path), CPU_DIR "/vulnerabilities/%s", name);
	snprintf(key, sizeof(key), "mitigation_%s", name);
	put_text(f, key, file_text(f->root, path, text, sizeof(text)) ? NULL : text);
}

static void put_mitigations(struct facts *f)
{
	struct dirent **list = NULL;
	int n, shown = 0;
	char dir[512];

	snprintf(dir, sizeof(dir), "%s%s", f->root, CPU_DIR "/vulnerabilities");
	n = scandir(dir, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			put_mitigation(f, list[i]->d_name);
			shown++;
		}
		free(list[i]);
	}
	free(list);
	put_json(f, "mitigations_known", n < 0 ? NULL : json_integer(shown));
}

static void put_mib(struct facts *f, const char *key, const char *field)
{
	int64_t kib;

	if (file_field_number(f->root, "/proc/meminfo", field, &kib))
		put_null(f, key);
	else
		put_number(f, key, (kib + 512) / 1024);
}

static void put_topology(struct facts *f)
{
	char text[160];

	if (!f->topo) {
		put_null(f, "topology");
		put_null(f, "cpus");
		put_null(f, "numa_nodes");
		return;
	}
	put_text(f, "topology", topo_describe(f->topo, text, sizeof(text)));
	put_number(f, "cpus", topo_cpus(f->topo));
	put_number(f, "numa_nodes", topo_nodes(f->topo));
}

void put_identity(struct facts *f)
{
	put_files(f, files, ARRAY_SIZE(files));
	put_arch(f);
	put_boot_parameters(f);
	put_cpu(f);
	put_tdx(f);
	put_kvm(f);
	put_per_cpu(f, "governor", "scaling_governor");
	put_per_cpu(f, "scaling_driver", "scaling_driver");
	put_per_cpu(f, "energy_preference", "energy_performance_preference");
	put_per_cpu(f, "scaling_min_khz", "scaling_min_freq");
	put_per_cpu(f, "scaling_max_khz", "scaling_max_freq");
	put_turbo(f);
	put_mitigations(f);
	put_mib(f, "memory_mib", "MemTotal");
	put_mib(f, "swap_mib", "SwapTotal");
	put_topology(f);
}
