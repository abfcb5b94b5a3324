// SPDX-License-Identifier: GPL-2.0-or-later
/* What moves by itself between two readings; kept with every invocation, never compared. */
#include "harness/machine/env_facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/machine/files.h"
#include "harness/machine/machine.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct file_fact files[] = {
	{ "cpu_khz", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", HOW_NUMBER },
	{ "hugepages_2m_free", "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
	  HOW_NUMBER },
	{ "hugepages_1g_free", "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages",
	  HOW_NUMBER },
	/* Loading the kernel module taints the kernel, so it cannot name a set-up. */
	{ "tainted", "/proc/sys/kernel/tainted", HOW_NUMBER },
};

static void put_load(struct facts *f)
{
	double load[3];
	int running, processes;
	char text[128];
	bool known = !file_text(f->root, "/proc/loadavg", text, sizeof(text)) &&
		     sscanf(text, "%lf %lf %lf %d/%d", &load[0], &load[1], &load[2], &running,
			    &processes) == 5;

	put_json(f, "load_1m", known ? json_real(load[0]) : NULL);
	put_json(f, "load_5m", known ? json_real(load[1]) : NULL);
	put_json(f, "load_15m", known ? json_real(load[2]) : NULL);
	put_json(f, "running", known ? json_integer(running) : NULL);
	put_json(f, "processes", known ? json_integer(processes) : NULL);
}

static void put_uptime(struct facts *f)
{
	double seconds;
	char text[64];
	bool known = !file_text(f->root, "/proc/uptime", text, sizeof(text)) &&
		     sscanf(text, "%lf", &seconds) == 1;

	put_json(f, "uptime_s", known ? json_real(seconds) : NULL);
}

/* The hottest zone; "zone" in /sys is what the firmware chose to show. */
static void put_temperature(struct facts *f)
{
	int64_t hottest = INT64_MIN, v;
	char path[64];

	for (unsigned i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/sys/class/thermal/thermal_zone%u/temp", i);
		if (!file_number(f->root, path, &v) && v > hottest)
			hottest = v;
	}
	put_json(f, "temperature_mc", hottest == INT64_MIN ? NULL : json_integer(hottest));
}

static void put_kib(struct facts *f, const char *key, const char *field)
{
	int64_t kib;

	put_json(f, key,
		 file_field_number(f->root, "/proc/meminfo", field, &kib) ? NULL
									  : json_integer(kib));
}

static void put_steal(struct facts *f)
{
	unsigned cpus[1024] = { 0 };
	size_t n = f->topo ? topo_pick(f->topo, TOPO_ALL, cpus, ARRAY_SIZE(cpus)) : 1;
	uint64_t sum = 0;

	if (!file_exists(f->root, "/proc/stat")) {
		put_null(f, "steal_ticks");
		return;
	}
	for (size_t i = 0; i < n && i < ARRAY_SIZE(cpus); i++)
		sum += steal_ticks(f->root, cpus[i]);
	put_number(f, "steal_ticks", (int64_t)sum);
}

void put_varying(struct facts *f)
{
	put_files(f, files, ARRAY_SIZE(files));
	put_load(f);
	put_uptime(f);
	put_temperature(f);
	put_kib(f, "memory_free_kib", "MemFree");
	put_kib(f, "memory_available_kib", "MemAvailable");
	put_steal(f);
}
