/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * play_dead.h: in which loop a CPU sits that went offline, and how often it flushed its caches on
 * the way there. The kernel does not say; it is derived from its version, the CPU and the cpuidle
 * driver, as native_play_dead() of Linux chooses (arch/x86/kernel/smpboot.c):
 *
 *   up to 6.14      mwait_play_dead() where there is MWAIT and the CPU is not AMD's or Hygon's,
 *                   else the cpuidle driver's enter_dead(), else hlt_play_dead()
 *   6.15            the driver first, reverted in a stable release: not told apart here
 *   6.16 and later  the driver's enter_dead(), else hlt_play_dead() (96040f7273e2, a18d098f2aab)
 *
 * Each of them executes WBINVD, and does so after the CPU has reported itself dead
 * (play_dead_common()): whoever takes it offline does not wait for that flush.
 */
#ifndef TDC_MACHINE_PLAY_DEAD_H
#define TDC_MACHINE_PLAY_DEAD_H

struct play_dead {
	const char *function; /* "mwait_play_dead", ..., "unknown" */
	int flushes;	      /* WBINVDs behind the report; -1: not known */
	char from[384];	      /* what that was derived from, or why nothing was */
};

/**
 * play_dead_find() - what @cpu would do; it must be online
 * @root: prefix of /proc and /sys; "" for the live machine
 *
 * "unknown" rather than a guess: old kernels, hypervisors that put their own function in its place,
 * drivers that were not looked at. A kernel with backports may differ from its version.
 */
void play_dead_find(struct play_dead *p, const char *root, unsigned cpu);

#endif
