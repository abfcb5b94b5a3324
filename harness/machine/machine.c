// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/machine.h"

#include <stdio.h>
#include <string.h>

#include "harness/machine/files.h"

int machine_open(struct machine *m, struct reason *why)
{
	int err;

	memset(m, 0, sizeof(*m));
	m->root = "";
	cpu_detect(&m->cpu);
	err = topo_open(&m->topo, NULL, why);
	if (err)
		return err;
	err = env_record(&m->env, m->root, &m->cpu, m->topo, why);
	if (err)
		machine_close(m);
	return err;
}

void machine_close(struct machine *m)
{
	env_free(&m->env);
	topo_close(m->topo);
	memset(m, 0, sizeof(*m));
}

uint64_t steal_ticks(const char *root, unsigned cpu)
{
	unsigned long long steal;
	char field[32], text[256];

	/* cpuN user nice system idle iowait irq softirq steal ... (proc(5)) */
	snprintf(field, sizeof(field), "cpu%u", cpu);
	if (file_field(root, "/proc/stat", field, text, sizeof(text)) ||
	    sscanf(text, "%*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
		return 0;
	return steal;
}
