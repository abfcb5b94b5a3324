/* SPDX-License-Identifier: GPL-2.0-or-later */
/* why_not.h: what stands between the program and /dev/tdcost, in words. For this folder only. */
#ifndef TDC_BENCH_KMOD_WHY_NOT_H
#define TDC_BENCH_KMOD_WHY_NOT_H

#include "harness/core/reason.h"

/**
 * kmod_why_not() - why the device could not be opened
 * @root: prefix of /dev, /lib, /proc and /sys, "" for the live machine
 * @err: the negative errno that opening it gave
 *
 * Reads only. Return: -ENOTSUP, with one line that says what to do.
 */
int kmod_why_not(const char *root, int err, struct reason *why);

#endif
