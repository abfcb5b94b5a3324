/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h: the machine as benchmarks see it: CPU, topology, environment, how far to trust it. */
#ifndef TDC_MACHINE_MACHINE_H
#define TDC_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/core/reason.h"
#include "harness/core/words.h"
#include "harness/machine/cpu.h"
#include "harness/machine/env.h"
#include "harness/machine/topo.h"

struct machine {
	const char *root; /* prefix of /proc and /sys, "" for the live machine; borrowed */
	struct cpu_info cpu;
	enum lane lane;
	/* Under `tdcost check`: nothing is stored, so what only shows the control flow may run. */
	bool check;
	struct topo *topo;
	struct env env;
};

/* Look at the machine this runs on. Return: 0 or -errno with @why. Free with machine_close(). */
int machine_open(struct machine *m, struct reason *why);
void machine_close(struct machine *m);

/**
 * lane_detect() - where this runs: `tdcost.lane=` of the kernel command line, as scripts/vm sets it
 *
 * A machine that says nothing is LANE_HOST. Return: 0; -EINVAL for a lane that there is not.
 */
int lane_detect(const char *root, enum lane *lane, struct reason *why);

/* One thing that doctor has to say. */
struct finding {
	int flag; /* enum trust_flag, or -1 where it is information only */
	bool fatal;
	char what[256]; /* what was found, with the value: "governor is 'powersave'" */
	char fix[256];	/* a command that changes it, or "" */
	char note[256]; /* what it means for figures */
};

/**
 * trust_check() - everything on this machine that makes figures unfit or deserves a remark
 * @found: room for @max findings
 *
 * Reads only. Return: how many there are (at most @max are written), most serious first.
 */
size_t trust_check(const struct machine *m, struct finding *found, size_t max);

/* CPU time that the hypervisor took from @cpu since boot, in USER_HZ ticks; 0 where unknown. */
uint64_t steal_ticks(const char *root, unsigned cpu);

#endif
