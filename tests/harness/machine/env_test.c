// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/machine/env.h"
#include "harness/machine/machine.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPU_DIR	      "/sys/devices/system/cpu/"
#define GOVERNOR(n)   CPU_DIR "cpu" #n "/cpufreq/scaling_governor"
#define THP	      "/sys/kernel/mm/transparent_hugepage/"

/* A machine that never was: a fixed CPU of one package with two cores, and this tree. */
static const struct tree_file files[] = {
	{ "/proc/sys/kernel/osrelease", "6.99.1-made-up\n" },
	{ "/proc/sys/kernel/version", "#7 SMP PREEMPT_DYNAMIC\n" },
	{ "/proc/sys/kernel/arch", "x86_64\n" },
	{ "/proc/sys/kernel/hostname", "nowhere\n" },
	{ "/proc/sys/kernel/random/boot_id", "00000000-1111-2222-3333-444444444444\n" },
	{ "/proc/sys/kernel/randomize_va_space", "2\n" },
	{ "/proc/sys/kernel/perf_event_paranoid", "2\n" },
	{ "/proc/sys/kernel/nmi_watchdog", "0\n" },
	{ "/proc/sys/kernel/numa_balancing", "1\n" },
	{ "/proc/sys/kernel/tainted", "0\n" },
	{ "/proc/cmdline", "quiet isolcpus=1 mitigations=off tsc=a mitigations=auto notsc=x\n" },
	{ "/proc/cpuinfo",
	  "processor\t: 0\nmicrocode\t: 0x2b000639\n"
	  "flags\t\t: fpu tdx_host_platform vme\nbugs\t\t: spectre_v1 tdx_pw_mce\n" },
	{ "/proc/meminfo", "MemTotal:       1048576 kB\nMemFree:         5000 kB\n"
			   "MemAvailable:    6000 kB\nSwapTotal:       2048 kB\n" },
	{ "/proc/loadavg", "0.25 0.50 1.00 3/85 3956\n" },
	{ "/proc/uptime", "100.50 200.00\n" },
	{ "/proc/stat", "cpu  1 2 3 4 5 6 7 30 0 0\ncpu0 1 2 3 4 5 6 7 10 0 0\n"
			"cpu1 1 2 3 4 5 6 7 20 0 0\n" },
	{ "/etc/machine-id", "0123456789abcdef\n" },
	{ "/dev/kvm", "" },
	{ GOVERNOR(0), "performance\n" },
	{ GOVERNOR(1), "performance\n" },
	{ CPU_DIR "cpu0/cpufreq/scaling_driver", "intel_pstate\n" },
	{ CPU_DIR "cpu0/cpufreq/scaling_cur_freq", "2100000\n" },
	{ CPU_DIR "cpu0/cpufreq/scaling_max_freq", "3800000\n" },
	{ CPU_DIR "cpu1/cpufreq/scaling_max_freq", "380000\n" },
	{ CPU_DIR "intel_pstate/no_turbo", "1\n" },
	{ CPU_DIR "smt/control", "on\n" },
	{ CPU_DIR "smt/active", "1\n" },
	{ CPU_DIR "vulnerabilities/mds", "Not affected\n" },
	{ CPU_DIR "vulnerabilities/srbds", "Vulnerable: No microcode\n" },
	{ "/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n" },
	{ THP "enabled", "always [madvise] never\n" },
	{ THP "defrag", "always defer defer+madvise [madvise] never\n" },
	{ "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "8\n" },
	{ "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n" },
	{ "/sys/module/kvm/parameters/tdp_mmu", "Y\n" },
	{ "/sys/module/kvm_intel/parameters/ept", "Y\n" },
	{ "/sys/module/kvm_intel/parameters/tdx", "N\n" },
	/* firmware may hold any byte */
	{ "/sys/class/dmi/id/sys_vendor", "Acme \xe9\xff\n" },
	{ "/sys/class/thermal/thermal_zone0/temp", "47000\n" },
	{ "/sys/class/thermal/thermal_zone3/temp", "41000\n" },
};

/* All that must come out of it and is not null, in key order. */
static const char identity[] =
	"{\"aslr\":2,\"boot_idle\":\"unset\",\"boot_init_on_alloc\":\"unset\","
	"\"boot_init_on_free\":\"unset\",\"boot_isolcpus\":\"1\",\"boot_mitigations\":\"auto\","
	"\"boot_nohz_full\":\"unset\",\"boot_preempt\":\"unset\",\"boot_rcu_nocbs\":\"unset\","
	"\"boot_tsc\":\"a\",\"clocksource\":\"tsc\",\"command_line\":\"quiet isolcpus=1 "
	"mitigations=off tsc=a mitigations=auto notsc=x\",\"cpu_affected\":true,"
	"\"cpu_brand\":\"Imaginary 9000\",\"cpu_family\":6,\"cpu_features\":\"movdir64b clflush\","
	"\"cpu_model\":143,\"cpu_stepping\":8,\"cpu_vendor\":\"GenuineIntel\",\"cpus\":4,"
	"\"governor\":\"performance\",\"hugepages_2m\":8,\"hypervisor\":\"none\","
	"\"kernel\":\"6.99.1-made-up\",\"kernel_build\":\"#7 SMP PREEMPT_DYNAMIC\","
	"\"kernel_flag\":true,\"kvm_device\":true,\"kvm_intel_ept\":true,\"kvm_intel_tdx\":false,"
	"\"kvm_module\":\"kvm_intel\",\"kvm_tdp_mmu\":true,\"machine_arch\":\"x86_64\","
	"\"memory_mib\":1024,\"microcode\":\"0x2b000639\",\"mitigation_mds\":\"Not affected\","
	"\"mitigation_srbds\":\"Vulnerable: No microcode\",\"mitigations_known\":2,"
	"\"nmi_watchdog\":0,\"numa_balancing\":1,\"numa_nodes\":1,\"perf_event_paranoid\":2,"
	"\"scaling_driver\":\"intel_pstate\",\"scaling_max_khz\":\"3800000\",\"smt_active\":true,"
	"\"smt_control\":\"on\",\"swap_mib\":2,\"system_vendor\":\"Acme ??\",\"tdx_guest\":false,"
	"\"tdx_host_platform\":true,\"thp_defrag\":\"madvise\",\"thp_enabled\":\"madvise\","
	"\"topology\":\"1 package, 1 LLC of 32M, 2 cores, 4 CPUs, 1 NUMA node\",\"turbo\":false}";

static const char varying[] =
	"{\"cpu_khz\":2100000,\"hugepages_1g_free\":null,\"hugepages_2m_free\":3,"
	"\"load_15m\":1.0,\"load_1m\":0.25,\"load_5m\":0.5,\"memory_available_kib\":6000,"
	"\"memory_free_kib\":5000,\"processes\":85,\"running\":3,\"steal_ticks\":30,"
	"\"tainted\":0,\"temperature_mc\":47000,\"uptime_s\":100.5}";

static struct cpu_info imaginary_cpu(void)
{
	struct cpu_info cpu = {
		.vendor = "GenuineIntel",
		.brand = "Imaginary 9000",
		.family = 6,
		.model = 143,
		.stepping = 8,
		.features = 1u << CPU_MOVDIR64B | 1u << CPU_CLFLUSH,
		.cpu_affected = true,
	};

	return cpu;
}

static void record(struct env *env, const char *root)
{
	struct cpu_info cpu = imaginary_cpu();
	struct reason why = { "" };
	struct topo *topo;

	/* pu 0 and 1 are siblings: the per-CPU settings are read on 0 and 2 */
	assert_int_equal(topo_open(&topo, "pack:1 numa:1 l3:1(size=33554432) core:2 pu:2", &why),
			 0);
	if (env_record(env, root, &cpu, topo, &why))
		fail_msg("%s", why.text);
	topo_close(topo);
}

static void make(struct tree *t)
{
	tree_make(t);
	tree_write_all(t, files, ARRAY_SIZE(files));
}

static void drop_nulls(json_t *object)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, key, value) if (json_is_null(value))
		json_object_del(object, key);
}

static void expect_dump(const json_t *object, const char *want)
{
	char *text = json_canonical(object);

	assert_string_equal(text, want);
	free(text);
}

static void made_up_machine(void **state)
{
	struct tree t;
	struct env env;

	(void)state;
	make(&t);
	record(&env, t.root);
	tree_remove(&t);
	/* Unreadable is null, not absent. */
	assert_true(json_is_null(json_object_get(env.identity, "kvm_amd_npt")));
	assert_true(json_is_null(json_object_get(env.identity, "energy_preference")));
	drop_nulls(env.identity);
	expect_dump(env.identity, identity);
	expect_dump(env.varying, varying);
	assert_string_equal(env.boot, "00000000-1111-2222-3333-444444444444");
	assert_string_equal(env.hostname, "nowhere");
	assert_string_equal(env_text(&env, "kernel"), "6.99.1-made-up");
	assert_string_equal(env_text(&env, "kvm_amd_npt"), "?");
	assert_string_equal(env_text(&env, "aslr"), "?");
	assert_string_equal(env_text(&env, "no such key"), "?");
	env_free(&env);
}

/* Nothing there: the same keys, and no guesses. */
static void empty_machine(void **state)
{
	struct env full, empty;
	struct tree t;
	const char *key;
	json_t *value;

	(void)state;
	make(&t);
	record(&full, t.root);
	tree_remove(&t);
	tree_make(&t);
	record(&empty, t.root);
	tree_remove(&t);
	json_object_foreach(full.identity, key, value) {
		json_t *other = json_object_get(empty.identity, key);

		/* The vulnerabilities are named by the kernel, so without it there are none. */
		if (!strncmp(key, "mitigation_", 11))
			continue;
		assert_non_null(other);
	}
	assert_true(json_is_null(json_object_get(empty.identity, "kernel")));
	assert_true(json_is_null(json_object_get(empty.identity, "kernel_flag")));
	assert_true(json_is_null(json_object_get(empty.identity, "boot_mitigations")));
	assert_true(json_is_null(json_object_get(empty.identity, "mitigations_known")));
	assert_true(json_is_null(json_object_get(empty.varying, "steal_ticks")));
	assert_true(json_is_false(json_object_get(empty.identity, "kvm_device")));
	assert_string_equal(empty.boot, "?");
	env_free(&full);
	env_free(&empty);
}

/* What is changed, and which identity key must notice; NULL: none. */
static const struct change {
	const char *path, *text, *key;
} changes[] = {
	{ GOVERNOR(0), "powersave\n", "governor" },
	{ "/proc/sys/kernel/osrelease", "6.99.2-made-up\n", "kernel" },
	{ THP "enabled", "[always] madvise never\n", "thp_enabled" },
	{ CPU_DIR "intel_pstate/no_turbo", "0\n", "turbo" },
	{ CPU_DIR "vulnerabilities/mds", "Mitigation: Clear CPU buffers\n", "mitigation_mds" },
	{ "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "9\n", "hugepages_2m" },
	{ "/sys/module/kvm_intel/parameters/tdx", "Y\n", "kvm_intel_tdx" },
	{ "/proc/sys/kernel/numa_balancing", "0\n", "numa_balancing" },
	{ "/proc/loadavg", "9.00 9.00 9.00 50/99 4000\n", NULL },
	{ "/proc/uptime", "101.50 202.00\n", NULL },
	{ "/proc/stat", "cpu0 1 2 3 4 5 6 7 90 0 0\n", NULL },
	{ "/proc/sys/kernel/random/boot_id", "ffffffff-1111-2222-3333-444444444444\n", NULL },
	{ "/proc/sys/kernel/tainted", "4096\n", NULL },
	{ "/proc/meminfo",
	  "MemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable: 2 kB\nSwapTotal: 2048 kB\n", NULL },
	{ CPU_DIR "cpu0/cpufreq/scaling_cur_freq", "800000\n", NULL },
	{ "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1\n", NULL },
	{ "/sys/class/thermal/thermal_zone0/temp", "90000\n", NULL },
};

static void expect_change(const struct change *c, const struct env *a, const struct env *b)
{
	json_t *list = json_differences(a->identity, b->identity);

	if (!c->key) {
		assert_int_equal(json_array_size(list), 0);
		assert_string_equal(a->hash, b->hash);
	} else {
		assert_int_equal(json_array_size(list), 1);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(list, 0), "key")), c->key);
		assert_string_not_equal(a->hash, b->hash);
	}
	assert_string_equal(a->host, b->host);
	json_decref(list);
}

static void what_changes_the_identity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct env a, b;
		struct tree t;

		print_message("%s\n", changes[i].path);
		make(&t);
		record(&a, t.root);
		tree_write(&t, changes[i].path, changes[i].text);
		record(&b, t.root);
		tree_remove(&t);
		expect_change(&changes[i], &a, &b);
		env_free(&a);
		env_free(&b);
	}
}

/* CPUs that are set up differently show it, and a value is no part of a longer one. */
static void cpus_that_disagree(void **state)
{
	struct env env;
	struct tree t;

	(void)state;
	make(&t);
	tree_write(&t, GOVERNOR(2), "powersave\n");
	tree_write(&t, CPU_DIR "cpu2/cpufreq/scaling_max_freq", "380000\n");
	record(&env, t.root);
	tree_remove(&t);
	assert_string_equal(env_text(&env, "governor"), "performance,powersave");
	assert_string_equal(env_text(&env, "scaling_max_khz"), "3800000,380000");
	env_free(&env);
}

static void host_names(void **state)
{
	struct env a, b, c;
	struct tree t;

	(void)state;
	make(&t);
	record(&a, t.root);
	tree_write(&t, "/etc/machine-id", "fedcba9876543210\n");
	record(&b, t.root);
	tree_unlink(&t, "/etc/machine-id");
	record(&c, t.root);
	tree_remove(&t);
	assert_string_not_equal(a.host, b.host);
	assert_string_not_equal(b.host, c.host);
	assert_int_equal(strlen(c.host), HASH_TEXT - 1);
	env_free(&a);
	env_free(&b);
	env_free(&c);
}

static void differences(void **state)
{
	static const struct {
		const char *a, *b, *want;
	} cases[] = {
		{ "{}", "{}", "[]" },
		{ "{\"x\":1}", "{\"x\":1}", "[]" },
		{ "{\"z\":1,\"a\":true}", "{\"z\":2,\"a\":\"true\"}",
		  "[{\"a\":true,\"b\":\"true\",\"key\":\"a\"},{\"a\":1,\"b\":2,\"key\":\"z\"}]" },
		{ "{\"x\":1}", "{}", "[{\"a\":1,\"b\":null,\"key\":\"x\"}]" },
		{ "{}", "{\"x\":1}", "[{\"a\":null,\"b\":1,\"key\":\"x\"}]" },
		/* an older record did not know the key: as good as null */
		{ "{\"x\":null}", "{}", "[]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *a = json_loads(cases[i].a, 0, NULL), *b = json_loads(cases[i].b, 0, NULL);
		json_t *list = json_differences(a, b);

		expect_dump(list, cases[i].want);
		json_decref(list);
		json_decref(a);
		json_decref(b);
	}
}

/* The live machine, twice: the same identity, flat, with what a reader asks for first. */
static void live_machine(void **state)
{
	struct reason why = { "" };
	struct machine m;
	struct env again;
	const char *key;
	json_t *value, *list;

	(void)state;
	if (machine_open(&m, &why))
		fail_msg("%s", why.text);
	sleep(1);
	assert_int_equal(env_record(&again, "", &m.cpu, m.topo, &why), 0);
	list = json_differences(m.env.identity, again.identity);
	if (json_array_size(list))
		fail_msg("%s", json_dumps(list, 0));
	json_decref(list);
	assert_string_equal(m.env.hash, again.hash);
	assert_string_equal(m.env.boot, again.boot);
	json_object_foreach(m.env.identity, key, value)
		assert_false(json_is_object(value) || json_is_array(value));
	assert_true(json_is_string(json_object_get(m.env.identity, "kernel")));
	assert_true(json_integer_value(json_object_get(m.env.identity, "memory_mib")) > 0);
	assert_true(m.env.hostname[0]);
	env_free(&again);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_up_machine),
		cmocka_unit_test(empty_machine),
		cmocka_unit_test(what_changes_the_identity),
		cmocka_unit_test(cpus_that_disagree),
		cmocka_unit_test(host_names),
		cmocka_unit_test(differences),
		cmocka_unit_test(live_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
