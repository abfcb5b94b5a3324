/* SPDX-License-Identifier: GPL-2.0-or-later */
/* busy.h: how much of a CPU's time is in use, from two readings of /proc/stat. */
#ifndef TDC_MACHINE_BUSY_H
#define TDC_MACHINE_BUSY_H

#include <stddef.h>
#include <stdint.h>

/* Since boot, in ticks of 10 ms; both 0 for a CPU that /proc/stat does not list. */
struct cpu_time {
	uint64_t used; /* all but idle and waiting for I/O; stolen time is in it */
	uint64_t all;
};

/**
 * cpu_times() - one reading
 * @root: prefix of /proc
 * @out: @n of them, in the order of @cpus
 *
 * Return: 0; -errno where /proc/stat cannot be read; -ENOMEM.
 */
int cpu_times(const char *root, const unsigned *cpus, size_t n, struct cpu_time *out);

/* The share in use between two readings, 0 to 1; 0 where no tick passed. */
double cpu_use(const struct cpu_time *was, const struct cpu_time *is);

#endif
