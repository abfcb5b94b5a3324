// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/machine/files.h"

int lane_detect(const char *root, enum lane *lane, struct reason *why)
{
	static const char key[] = "tdcost.lane=";
	char line[4096], *word, *rest = NULL;
	int found;

	*lane = LANE_HOST;
	if (file_text(root, "/proc/cmdline", line, sizeof(line)))
		return 0;
	for (word = strtok_r(line, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
		if (strncmp(word, key, sizeof(key) - 1))
			continue;
		found = lane_parse(word + sizeof(key) - 1);
		if (found < 0)
			return reason_set(
				why, -EINVAL,
				"the kernel command line says '%s'; the lanes are host, vm, "
				"count, spr and smoke",
				word);
		*lane = (enum lane)found;
	}
	return 0;
}

int machine_open(struct machine *m, struct reason *why)
{
	int err;

	memset(m, 0, sizeof(*m));
	m->root = "";
	cpu_detect(&m->cpu);
	err = lane_detect(m->root, &m->lane, why);
	if (!err)
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
