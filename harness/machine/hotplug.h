/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hotplug.h: take one CPU offline and bring it back, whatever becomes of this process.
 *
 * Three see to it that the CPU comes back: this process, in hotplug_close(); a guard, which is a
 * process in a session of its own that notices this one's end, by whatever signal; and, where the
 * guard was killed as well, a note below /run that names the CPU until it is back, which whoever
 * comes next reads in hotplug_recover().
 *
 * The file is /sys/devices/system/cpu/cpuN/online (Linux, drivers/base/cpu.c). What the kernel
 * does not undo when the CPU is back: threads that were bound to that CPU alone were moved and are
 * bound to it no more, and in cgroup v1 it stays out of cpusets other than the root one.
 */
#ifndef TDC_MACHINE_HOTPLUG_H
#define TDC_MACHINE_HOTPLUG_H

#include <stdbool.h>

#include "harness/core/reason.h"
#include "harness/machine/topo.h"

struct hotplug;

/**
 * hotplug_supported() - may @cpu go offline?
 * @root: prefix of /sys; "" for the live machine
 *
 * Never CPU 0, the boot CPU, also where the kernel would. Return: 0; -ENOTSUP with the reason.
 */
int hotplug_supported(const char *root, unsigned cpu, struct reason *why);

/**
 * hotplug_pick() - the first CPU that may go offline, seen from @from, which stays
 * @sibling: of the same core; otherwise of another one
 *
 * Return: 0; -ENOTSUP with the reason.
 */
int hotplug_pick(const char *root, const struct topo *topo, unsigned from, bool sibling,
		 unsigned *cpu, struct reason *why);

/**
 * hotplug_open() - put @cpu under guard
 *
 * One process of a machine at a time. The calling thread must not be bound to @cpu.
 * Return: 0; -ENOTSUP; -EBUSY where another process takes CPUs offline; -errno. Free with
 * hotplug_close().
 */
int hotplug_open(struct hotplug **h, const char *root, unsigned cpu, struct reason *why);

/* Bring the CPU back and let the guard go. NULL is nothing. */
void hotplug_close(struct hotplug *h);

/* Take it offline or online: one write(2), for the timed part. Return: 0 or -errno. */
int hotplug_set(const struct hotplug *h, bool online);

/* Does the kernel call it online? Return: 1, 0, -errno. */
int hotplug_is_online(const struct hotplug *h);

/**
 * hotplug_recover() - bring back what a process left offline that was killed together with its guard
 *
 * Waits for a guard that is at work; leaves alone what a living process takes offline.
 * Return: 1 with @why saying which CPU it brought back; 0: there was nothing to do; -errno with
 * the CPU that stays offline and what to type.
 */
int hotplug_recover(const char *root, struct reason *why);

#endif
