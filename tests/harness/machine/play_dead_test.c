// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine/play_dead.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPU_DIR	      "/sys/devices/system/cpu"
#define INTEL	      "vendor_id\t: GenuineIntel\nflags\t\t: fpu monitor clflush\n"
#define AMD	      "vendor_id\t: AuthenticAMD\nflags\t\t: fpu monitor clflush\n"
#define HYGON	      "vendor_id\t: HygonGenuine\nflags\t\t: fpu monitor clflush\n"
#define GUEST	      "vendor_id\t: GenuineIntel\nflags\t\t: fpu clflush hypervisor\n"
#define TD	      "vendor_id\t: GenuineIntel\nflags\t\t: fpu clflush hypervisor tdx_guest\n"
#define SEV	      "vendor_id\t: AuthenticAMD\nflags\t\t: fpu clflush hypervisor sev_es\n"
#define SEV_HOST      "vendor_id\t: AuthenticAMD\nflags\t\t: fpu monitor clflush sev_es\n"

static const struct {
	const char *release, *cpuinfo, *driver, *state; /* NULL: the file is not there */
	const char *function;
	int flushes;
} cases[] = {
	/* up to 6.14 MWAIT comes first, but on AMD's CPUs */
	{ "6.1.0-56-amd64", INTEL, "intel_idle", "MWAIT 0x20", "mwait_play_dead", 1 },
	{ "6.12.117+deb12", INTEL, "acpi_idle", "ACPI FFH MWAIT 0x60", "mwait_play_dead", 1 },
	{ "6.14.11", INTEL, "none", NULL, "mwait_play_dead", 1 },
	{ "6.1.0", AMD, "acpi_idle", "ACPI IOPORT 0x814", "acpi_idle_play_dead", 1 },
	{ "6.12.0", AMD, "acpi_idle", "ACPI HLT", "acpi_idle_play_dead", 1 },
	{ "6.12.0", HYGON, "none", NULL, "hlt_play_dead", 1 },
	{ "6.12.0", SEV_HOST, "none", NULL, "hlt_play_dead", 1 },
	{ "6.12.0", AMD, "acpi_idle", "ACPI FFH MWAIT 0x0", "unknown", -1 },
	/* guests mostly have none; what ACPI would flush they do not */
	{ "6.1.0", GUEST, "haltpoll", "default architecture idle", "hlt_play_dead", 1 },
	{ "6.1.0", GUEST, "none", NULL, "hlt_play_dead", 1 },
	{ "6.1.0", GUEST, NULL, NULL, "hlt_play_dead", 1 },
	{ "6.12.0", GUEST, "acpi_idle", "ACPI HLT", "acpi_idle_play_dead", 0 },
	/* from 6.16 on the driver does */
	{ "6.16.0", INTEL, "intel_idle", "MWAIT 0x20", "mwait_play_dead", 1 },
	{ "7.2.1", INTEL, "acpi_idle", "ACPI FFH MWAIT 0x60", "mwait_play_dead", 2 },
	{ "6.18.44", INTEL, "none", NULL, "hlt_play_dead", 1 },
	{ "6.18.44", AMD, "acpi_idle", "ACPI FFH MWAIT 0x0", "mwait_play_dead", 2 },
	{ "6.18.44", AMD, "acpi_idle", "ACPI IOPORT 0x814", "acpi_idle_play_dead", 1 },
	{ "6.18.44", GUEST, "haltpoll", "default architecture idle", "hlt_play_dead", 1 },
	/* nothing is guessed */
	{ "6.15.4", INTEL, "intel_idle", "MWAIT 0x20", "unknown", -1 },
	{ "5.10.0-30", INTEL, "intel_idle", "MWAIT 0x20", "unknown", -1 },
	{ NULL, INTEL, "intel_idle", "MWAIT 0x20", "unknown", -1 },
	{ "six", INTEL, "intel_idle", "MWAIT 0x20", "unknown", -1 },
	{ "6.18.0", TD, "none", NULL, "unknown", -1 },
	{ "6.12.0", SEV, "none", NULL, "unknown", -1 },
	{ "6.18.0", INTEL, "some_idle", "deep", "unknown", -1 },
	{ "6.18.0", AMD, "acpi_idle", NULL, "unknown", -1 },
};

static void the_loop_follows_kernel_cpu_and_driver(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct play_dead p;
		struct tree t;

		tree_make(&t);
		if (cases[i].release)
			tree_write(&t, "/proc/sys/kernel/osrelease", cases[i].release);
		tree_write(&t, "/proc/cpuinfo", cases[i].cpuinfo);
		if (cases[i].driver)
			tree_write(&t, CPU_DIR "/cpuidle/current_driver", cases[i].driver);
		tree_write(&t, CPU_DIR "/cpu3/cpuidle/state0/desc", "CPUIDLE CORE POLL IDLE\n");
		if (cases[i].state)
			tree_write(&t, CPU_DIR "/cpu3/cpuidle/state2/desc", cases[i].state);
		play_dead_find(&p, t.root, 3);
		tree_remove(&t);
		if (strcmp(p.function, cases[i].function) || p.flushes != cases[i].flushes)
			fail_msg("case %zu: %s, %d flushes (%s)", i, p.function, p.flushes, p.from);
		assert_true(*p.from);
		/* What is derived is called so, and what is not says why. */
		assert_int_equal(!strncmp(p.from, "derived, not observed: ", 23), p.flushes >= 0);
	}
}

static void a_hypervisor_of_its_own_kind_is_not_guessed_at(void **state)
{
	struct play_dead p;
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, "/proc/sys/kernel/osrelease", "6.12.0\n");
	tree_write(&t, "/proc/cpuinfo", INTEL);
	tree_write(&t, "/sys/hypervisor/type", "xen\n");
	play_dead_find(&p, t.root, 1);
	tree_remove(&t);
	assert_string_equal(p.function, "unknown");
	assert_non_null(strstr(p.from, "hypervisor"));
}

static void it_says_what_it_went_by(void **state)
{
	struct play_dead p;
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, "/proc/sys/kernel/osrelease", "6.12.117+deb12-cloud-amd64\n");
	tree_write(&t, "/proc/cpuinfo", AMD);
	tree_write(&t, CPU_DIR "/cpuidle/current_driver", "acpi_idle\n");
	tree_write(&t, CPU_DIR "/cpu1/cpuidle/state1/desc", "ACPI HLT\n");
	play_dead_find(&p, t.root, 1);
	tree_remove(&t);
	assert_string_equal(p.from,
			    "derived, not observed: Linux 6.12.117+deb12-cloud-amd64, AMD or "
			    "Hygon, MWAIT yes, cpuidle driver acpi_idle, deepest state "
			    "'ACPI HLT'");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loop_follows_kernel_cpu_and_driver),
		cmocka_unit_test(a_hypervisor_of_its_own_kind_is_not_guessed_at),
		cmocka_unit_test(it_says_what_it_went_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
