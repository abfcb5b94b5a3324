// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness/machine/files.h"

#define CPU_DIR "/sys/devices/system/cpu"

const char *smoke_module;

/* Does the list "0-3,8" hold @cpu? */
static bool listed(const char *list, unsigned cpu)
{
	while (*list) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (end == list)
			break;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (cpu >= from && cpu <= to)
			return true;
		list = end + (*end == ',');
	}
	return false;
}

void smoke_online(struct smoke_cpus *c)
{
	char list[256];

	c->n = 0;
	assert_int_equal(file_text("", CPU_DIR "/online", list, sizeof(list)), 0);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		if (listed(list, cpu))
			c->cpu[c->n++] = cpu;
	assert_true(c->n > 0);
}

void smoke_bind(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

void smoke_set_online(unsigned cpu, bool online)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/online", cpu);
	f = fopen(path, "we");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(fputs(online ? "1" : "0", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The text of a file below a CPU's folder. */
static void cpu_file(unsigned cpu, const char *file, char *text, size_t n)
{
	char path[128];

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/%s", cpu, file);
	if (file_text("", path, text, n))
		text[0] = '\0';
}

bool smoke_same_package(unsigned a, unsigned b)
{
	char of_a[64], of_b[64];

	cpu_file(a, "topology/physical_package_id", of_a, sizeof(of_a));
	cpu_file(b, "topology/physical_package_id", of_b, sizeof(of_b));
	return !strcmp(of_a, of_b);
}

bool smoke_same_core(unsigned a, unsigned b)
{
	char list[256];

	cpu_file(a, "topology/thread_siblings_list", list, sizeof(list));
	return a == b || listed(list, b);
}

/* The deepest level that is listed is the last one. */
bool smoke_same_llc(unsigned a, unsigned b)
{
	char file[64], text[256], list[256] = "";
	int deepest = -1;

	for (unsigned i = 0; i < 8; i++) {
		snprintf(file, sizeof(file), "cache/index%u/level", i);
		cpu_file(a, file, text, sizeof(text));
		if (!*text || atoi(text) < deepest)
			continue;
		deepest = atoi(text);
		snprintf(file, sizeof(file), "cache/index%u/shared_cpu_list", i);
		cpu_file(a, file, list, sizeof(list));
	}
	return a == b || listed(list, b);
}

static unsigned count_objects(const struct smoke_cpus *c, bool (*same)(unsigned a, unsigned b))
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->n; i++) {
		unsigned j = 0;

		while (j < i && !same(c->cpu[j], c->cpu[i]))
			j++;
		count += j == i;
	}
	return count;
}

void smoke_print_topology(const struct smoke_cpus *c)
{
	printf("packages %u, LLCs %u, cores %u, CPUs %u\n", count_objects(c, smoke_same_package),
	       count_objects(c, smoke_same_llc), count_objects(c, smoke_same_core), c->n);
}

void smoke_open(struct kmod *k)
{
	struct reason why = { "" };

	if (kmod_open(k, "", &why))
		fail_msg("%s", why.text);
	assert_true(k->info.cpus <= MAX_CPUS);
}

void smoke_settle(const struct kmod *k)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	struct kmod_mask mask = { { 0 } };
	struct tdcost_cpu result[MAX_CPUS];
	unsigned n;
	int err;

	kmod_mask_set(&mask, 0);
	do {
		err = kmod_flush(k, TDCOST_NOTHING, TDCOST_ONE, &mask, result, &n, NULL, NULL);
		nanosleep(&pause, NULL);
	} while (err == -EBUSY);
	assert_int_equal(err, 0);
}

int smoke_try_load(const char *params)
{
	int fd = open(smoke_module, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (!err && syscall(SYS_finit_module, fd, params, 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int smoke_try_unload(void)
{
	return syscall(SYS_delete_module, "tdcost", O_NONBLOCK) ? -errno : 0;
}

void smoke_load(const char *params)
{
	int err = smoke_try_load(params);

	if (err)
		fail_msg("loading %s: %s", smoke_module, strerror(-err));
}

void smoke_unload(void)
{
	int err = smoke_try_unload();

	if (err)
		fail_msg("unloading: %s", strerror(-err));
	assert_false(file_exists("", TDCOST_DEVICE));
	assert_false(file_exists("", "/sys/module/tdcost"));
	assert_false(file_exists("", "/sys/class/misc/tdcost"));
}

void smoke_refused(const struct kmod *k, unsigned long cmd, const void *good, size_t size,
		   const struct smoke_bad *rows, size_t n)
{
	char call[512];

	assert_true(size <= sizeof(call));
	for (size_t i = 0; i < n; i++) {
		int err;

		memcpy(call, good, size);
		memcpy(call + rows[i].at, &rows[i].value, rows[i].bytes);
		err = ioctl(k->fd, cmd, call) ? errno : 0;
		if (err != rows[i].err)
			fail_msg("%s: %s, expected %s", rows[i].what, strerror(err),
				 strerror(rows[i].err));
	}
	/* No argument at all. */
	assert_int_equal(ioctl(k->fd, cmd, NULL), -1);
	assert_int_equal(errno, EFAULT);
}

void smoke_counters(const struct kmod *k, uint64_t counters[MAX_CPUS])
{
	struct reason why = { "" };
	unsigned n;

	memset(counters, 0, MAX_CPUS * sizeof(*counters));
	if (kmod_counters(k, counters, &n, &why))
		fail_msg("%s", why.text);
	assert_int_equal(n, k->info.cpus);
}

uint64_t smoke_charged(void)
{
	char text[256], path[512], *own;
	unsigned long bytes = 0;

	assert_int_equal(file_text("", "/proc/self/cgroup", text, sizeof(text)), 0);
	own = strstr(text, "0::");
	assert_non_null(own);
	own[strcspn(own, "\n")] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", own + 3);
	if (file_text("", path, text, sizeof(text)) || sscanf(text, "%lu", &bytes) != 1)
		fail_msg("%s: run this in a memory cgroup, not in the root", path);
	return bytes;
}
