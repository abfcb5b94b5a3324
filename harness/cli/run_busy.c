// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether other programs use the CPUs of a schedule: a look before the first process. */
#include <time.h>

#include "harness/cli/run_ask.h"
#include "harness/machine/busy.h"
#include "results/analysis/load.h"

#define LOOK_NS	  200000000 /* 20 of the ticks that /proc/stat counts in */
#define MAX_CPUS  1024
#define MAX_LOOKS 100 /* rounds; more of them hardly draw another CPU */

static size_t add_cpu(unsigned *cpus, size_t n, unsigned cpu)
{
	for (size_t i = 0; i < n; i++)
		if (cpus[i] == cpu)
			return n;
	if (n < MAX_CPUS)
		cpus[n++] = cpu;
	return n;
}

static size_t cpus_of(const struct machine *m, const struct plan *plan, const struct run_config *c,
		      unsigned *cpus)
{
	unsigned left = c->rounds - c->first_round;
	size_t n = 0;

	for (unsigned r = 0; r < left && r < MAX_LOOKS; r++)
		for (unsigned g = 0; g < plan->n_groups; g++)
			n = add_cpu(cpus, n,
				    run_cpu(m, plan->groups[g].bench, c, c->first_round + r, g));
	return n;
}

void run_warn_busy(const struct cli *cli, const struct machine *m, const struct plan *plan,
		   const struct run_config *c)
{
	const struct timespec look = { .tv_nsec = LOOK_NS };
	struct cpu_time was[MAX_CPUS], is[MAX_CPUS];
	unsigned cpus[MAX_CPUS];
	size_t n, most = 0;

	/* Nobody else is on an emulator's CPU, and its clock is not time. */
	if (lane_clock(m->lane) != CLOCK_UNIT_NS)
		return;
	n = cpus_of(m, plan, c, cpus);
	if (!n || cpu_times(m->root, cpus, n, was))
		return;
	nanosleep(&look, NULL);
	if (cpu_times(m->root, cpus, n, is))
		return;
	for (size_t i = 1; i < n; i++)
		if (cpu_use(&was[i], &is[i]) > cpu_use(&was[most], &is[most]))
			most = i;
	if (cpu_use(&was[most], &is[most]) > LOAD_MOST)
		cli_error(cli, 0,
			  "the machine is busy: CPU %u was %.0f %% in use in the last %g s; stop "
			  "other work, or expect inconclusive verdicts",
			  cpus[most], cpu_use(&was[most], &is[most]) * 100, LOOK_NS / 1e9);
}
