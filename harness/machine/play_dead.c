// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/play_dead.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness/machine/files.h"

#define CPU_DIR		      "/sys/devices/system/cpu"
#define MAX_STATES	      16 /* CPUIDLE_STATE_MAX is 10 */
#define VERSION(major, minor) ((major)*1000u + (minor))

/* What decides. */
struct facts {
	unsigned version;
	bool amd, mwait, guest, replaced;
	char release[64], driver[64];
	char state[64]; /* description of the deepest idle state, "" where there is none */
};

static void set(struct play_dead *p, const char *function, int flushes)
{
	p->function = function;
	p->flushes = flushes;
}

static void read_cpu(struct facts *f, const char *root)
{
	char flags[8192] = "", vendor[64] = "";

	file_field(root, "/proc/cpuinfo", "vendor_id", vendor, sizeof(vendor));
	file_field(root, "/proc/cpuinfo", "flags", flags, sizeof(flags));
	f->amd = !strcmp(vendor, "AuthenticAMD") || !strcmp(vendor, "HygonGenuine");
	f->mwait = word_in(flags, "monitor") && word_in(flags, "clflush");
	f->guest = word_in(flags, "hypervisor");
	/* Xen, TDX guests and SEV-ES guests set smp_ops.play_dead to one of their own. */
	f->replaced = file_exists(root, "/sys/hypervisor/type") ||
		      (f->guest && (word_in(flags, "tdx_guest") || word_in(flags, "sev_es")));
}

static void read_idle(struct facts *f, const char *root, unsigned cpu)
{
	if (file_text(root, CPU_DIR "/cpuidle/current_driver", f->driver, sizeof(f->driver)))
		snprintf(f->driver, sizeof(f->driver), "none");
	for (int i = MAX_STATES - 1; i >= 0 && !*f->state; i--) {
		char path[128];

		snprintf(path, sizeof(path), CPU_DIR "/cpu%u/cpuidle/state%d/desc", cpu, i);
		file_text(root, path, f->state, sizeof(f->state));
	}
}

static void read_version(struct facts *f, const char *root)
{
	unsigned major, minor;

	if (!file_text(root, "/proc/sys/kernel/osrelease", f->release, sizeof(f->release)) &&
	    sscanf(f->release, "%u.%u", &major, &minor) == 2 && minor < 1000)
		f->version = VERSION(major, minor);
}

/*
 * acpi_idle_play_dead(): a flush, which guests leave out, then HLT, an I/O port, or, from 6.15 on,
 * mwait_play_dead() with its own flush. Before that it gave an MWAIT state up, and stable releases
 * differ in what is tried next.
 */
static const char *in_acpi_idle(const struct facts *f, struct play_dead *p)
{
	int flushes = f->guest ? 0 : 1;

	if (!strncmp(f->state, "ACPI HLT", 8) || !strncmp(f->state, "ACPI IOPORT", 11))
		set(p, "acpi_idle_play_dead", flushes);
	else if (!strncmp(f->state, "ACPI FFH", 8) && f->version >= VERSION(6, 16))
		set(p, "mwait_play_dead", flushes + 1);
	else
		return "what acpi_idle does with its deepest state is not known";
	return NULL;
}

/* Which enter_dead() the driver has. Return: NULL, or why that is not known. */
static const char *in_driver(const struct facts *f, struct play_dead *p)
{
	if (!strcmp(f->driver, "acpi_idle"))
		return in_acpi_idle(f, p);
	if (!strcmp(f->driver, "intel_idle") && f->version >= VERSION(6, 16))
		set(p, "mwait_play_dead", 1);
	else if (!strcmp(f->driver, "none") || !strcmp(f->driver, "haltpoll"))
		set(p, "hlt_play_dead", 1);
	else
		return "what this cpuidle driver does is not known";
	return NULL;
}

static const char *decide(const struct facts *f, struct play_dead *p)
{
	if (!f->version)
		return "the kernel's version cannot be read";
	if (f->version < VERSION(6, 1))
		return "this kernel is older than 6.1";
	if (f->version == VERSION(6, 15))
		return "releases of 6.15 differ";
	if (f->replaced)
		return "the hypervisor may have put its own function in its place";
	if (f->version < VERSION(6, 15) && f->mwait && !f->amd) {
		set(p, "mwait_play_dead", 1);
		return NULL;
	}
	return in_driver(f, p);
}

void play_dead_find(struct play_dead *p, const char *root, unsigned cpu)
{
	struct facts f = { 0 };
	const char *why;

	read_version(&f, root);
	read_cpu(&f, root);
	read_idle(&f, root, cpu);
	set(p, "unknown", -1);
	why = decide(&f, p);
	snprintf(p->from, sizeof(p->from),
		 "%s: Linux %s, %s, MWAIT %s, cpuidle driver %s, deepest state '%s'",
		 why ? why : "derived, not observed", *f.release ? f.release : "?",
		 f.amd ? "AMD or Hygon" : "not AMD", f.mwait ? "yes" : "no", f.driver, f.state);
}
