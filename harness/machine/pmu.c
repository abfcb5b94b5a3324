// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/pmu.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/machine/files.h"
#include "harness/machine/pmu_names.h"

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

static int event_open(struct perf_event_attr *attr)
{
	/* This thread, wherever it runs. */
	long fd = syscall(SYS_perf_event_open, attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* libpfm4 spells out every modifier; those that are off say nothing. */
static void compact_name(char *to, size_t n, const char *full)
{
	size_t at = 0;

	while (*full && at + 1 < n) {
		size_t prefix = strspn(full, ":");
		size_t token = prefix + strcspn(full + prefix, ":");

		if (token < 3 || strncmp(full + token - 2, "=0", 2))
			at += (size_t)snprintf(to + at, n - at, "%.*s", (int)token, full);
		full += token;
	}
}

/*
 * Encode @name for the privilege levels in @plm. Return: 0 or libpfm4's error.
 */
static int encode(const char *name, int plm, struct perf_event_attr *attr, char qualified[64])
{
	char *full = NULL;
	pfm_perf_encode_arg_t arg = { .attr = attr, .fstr = &full, .size = sizeof(arg) };
	int err;

	memset(attr, 0, sizeof(*attr));
	err = pfm_get_os_event_encoding(name, plm, PFM_OS_PERF_EVENT_EXT, &arg);
	if (err == PFM_SUCCESS)
		compact_name(qualified, 64, *arg.fstr);
	free(full);
	attr->size = sizeof(*attr);
	attr->disabled = 1;
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	return err;
}

/* Why perf_event_open() refused, and what helps. */
static int explain(const char *what, int err, struct reason *why)
{
	int64_t paranoid = 0;

	switch (err) {
	case -ENOENT:
	case -EOPNOTSUPP:
	case -ENODEV:
	case -ENXIO:
		return reason_set(why, err, "%s: this machine has no counter for it (%s)", what,
				  strerror(-err));
	case -EACCES:
	case -EPERM:
		file_number("", PARANOID, &paranoid);
		return reason_set(
			why, err,
			"%s: not permitted, perf_event_paranoid is %lld: echo 1 > " PARANOID, what,
			(long long)paranoid);
	case -ENOSYS:
		return reason_set(why, err, "%s: this kernel has no perf_event_open()", what);
	default:
		return reason_set(why, err, "%s: %s", what, strerror(-err));
	}
}

static void refuse(struct pmu *pmu, const char *name, const struct reason *why)
{
	unsigned i = pmu->n_refused++;

	snprintf(pmu->refused[i].name, sizeof(pmu->refused[i].name), "%s", name);
	pmu->refused[i].why = *why;
}

/* The scheduler is in the kernel: counted in user mode alone, these are 0 whatever happens. */
static bool only_in_kernel(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_SOFTWARE &&
	       (attr->config == PERF_COUNT_SW_CONTEXT_SWITCHES ||
		attr->config == PERF_COUNT_SW_CPU_MIGRATIONS ||
		attr->config == PERF_COUNT_SW_CGROUP_SWITCHES);
}

/* Return: a descriptor, or -errno of perf_event_open(). */
static int open_encoded(const char *name, struct perf_event_attr *attr, char qualified[64])
{
	int fd = event_open(attr);

	/* What may not count the kernel may often count the program. */
	if ((fd == -EACCES || fd == -EPERM) && !attr->exclude_kernel && !only_in_kernel(attr) &&
	    encode(name, PFM_PLM3, attr, qualified) == PFM_SUCCESS)
		fd = event_open(attr);
	return fd;
}

static int open_one(struct pmu *pmu, const char *name, struct reason *why)
{
	struct perf_event_attr attr;
	char qualified[64] = "";
	struct reason local;
	int fd, err = encode(name, PFM_PLM0 | PFM_PLM3, &attr, qualified);

	if (err == PFM_ERR_NOTFOUND) {
		err = pmu_name_explain(name, &local);
		if (err == -EINVAL)
			return reason_set(why, err, "%s", local.text);
		refuse(pmu, name, &local);
		return 0;
	}
	if (err != PFM_SUCCESS)
		return reason_set(why, -EINVAL, "event '%s': %s", name, pfm_strerror(err));
	fd = open_encoded(name, &attr, qualified);
	if (fd < 0) {
		explain(name, fd, &local);
		refuse(pmu, name, &local);
		return 0;
	}
	pmu->fd[pmu->n] = fd;
	snprintf(pmu->name[pmu->n], sizeof(pmu->name[0]), "%s", qualified);
	pmu->n++;
	return 0;
}

int pmu_open(struct pmu *pmu, const char *const *names, size_t n, struct reason *why)
{
	int err;

	memset(pmu, 0, sizeof(*pmu));
	if (n > PMU_MAX_EVENTS)
		return reason_set(why, -E2BIG, "%zu events asked for, %d at most", n,
				  PMU_MAX_EVENTS);
	err = pfm_initialize();
	if (err != PFM_SUCCESS)
		return reason_set(why, -ENOTSUP, "libpfm4: %s", pfm_strerror(err));
	for (size_t i = 0; i < n; i++) {
		err = open_one(pmu, names[i], why);
		if (err)
			goto out;
	}
	return 0;
out:
	pmu_close(pmu);
	return err;
}

void pmu_close(struct pmu *pmu)
{
	for (unsigned i = 0; i < pmu->n; i++)
		close(pmu->fd[i]);
	memset(pmu, 0, sizeof(*pmu));
}

static int read_raw(int fd, struct pmu_value *v)
{
	uint64_t raw[3];
	ssize_t got = read(fd, raw, sizeof(raw));

	if (got != (ssize_t)sizeof(raw))
		return got < 0 ? -errno : -EIO;
	*v = (struct pmu_value){ raw[0], raw[1], raw[2] };
	return 0;
}

static int for_each_fd(const struct pmu *pmu, unsigned long request)
{
	for (unsigned i = 0; i < pmu->n; i++)
		if (ioctl(pmu->fd[i], request, 0))
			return -errno;
	return 0;
}

int pmu_enable(struct pmu *pmu)
{
	int err = for_each_fd(pmu, PERF_EVENT_IOC_RESET);

	/* The reset leaves the times alone: remember where they stand. */
	for (unsigned i = 0; !err && i < pmu->n; i++)
		err = read_raw(pmu->fd[i], &pmu->before[i]);
	return err ? err : for_each_fd(pmu, PERF_EVENT_IOC_ENABLE);
}

int pmu_disable(struct pmu *pmu)
{
	return for_each_fd(pmu, PERF_EVENT_IOC_DISABLE);
}

int pmu_read(const struct pmu *pmu, struct pmu_value values[PMU_MAX_EVENTS])
{
	for (unsigned i = 0; i < pmu->n; i++) {
		struct pmu_value *v = &values[i];
		int err = read_raw(pmu->fd[i], v);

		if (err)
			return err;
		v->enabled -= pmu->before[i].enabled;
		v->running -= pmu->before[i].running;
		if (v->running && v->running < v->enabled)
			v->count = (uint64_t)((double)v->count * (double)v->enabled /
					      (double)v->running);
	}
	return 0;
}

int pmu_hardware(struct reason *why)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fd = event_open(&attr);

	if (fd < 0)
		return explain("instructions", fd, why);
	close(fd);
	return 0;
}
