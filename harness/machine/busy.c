// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/busy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/machine/files.h"

/* The lines of CPUs come first; there is room for several thousand. */
#define STAT_BYTES (1u << 19)

/* cpuN user nice system idle iowait irq softirq steal ... (proc(5)); guest time is in user. */
static struct cpu_time time_of(const char *stat, unsigned cpu)
{
	unsigned long long v[8];
	struct cpu_time t = { 0 };
	char name[32];
	const char *line;

	snprintf(name, sizeof(name), "\ncpu%u ", cpu);
	line = strstr(stat, name);
	if (!line || sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu %llu", &v[0],
			    &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return t;
	for (unsigned i = 0; i < 8; i++)
		t.all += v[i];
	t.used = t.all - v[3] - v[4];
	return t;
}

int cpu_times(const char *root, const unsigned *cpus, size_t n, struct cpu_time *out)
{
	char *stat = malloc(STAT_BYTES);
	int ret = stat ? file_text(root, "/proc/stat", stat, STAT_BYTES) : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++)
		out[i] = time_of(stat, cpus[i]);
	free(stat);
	return ret;
}

double cpu_use(const struct cpu_time *was, const struct cpu_time *is)
{
	/* The count of idle time may run backwards (proc(5)). */
	if (is->all <= was->all || is->used <= was->used)
		return 0;
	if (is->used - was->used >= is->all - was->all)
		return 1;
	return (double)(is->used - was->used) / (double)(is->all - was->all);
}
