/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pmu_names.h: what is wrong with an event's name. For this folder only. */
#ifndef TDC_MACHINE_PMU_NAMES_H
#define TDC_MACHINE_PMU_NAMES_H

#include "harness/core/reason.h"

/**
 * pmu_name_explain() - why libpfm4 does not find @name on this machine
 *
 * Return: -ENOENT where the event exists on a PMU that this machine has not; -EINVAL where
 * libpfm4 knows it on none, with the nearest name that it does know. Always sets @why.
 */
int pmu_name_explain(const char *name, struct reason *why);

#endif
