/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmu.h: performance events by name. libpfm4 turns a name into a perf_event_attr,
 * perf_event_open(2) counts it for the calling thread.
 */
#ifndef TDC_MACHINE_PMU_H
#define TDC_MACHINE_PMU_H

#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"

#define PMU_MAX_EVENTS 8

struct pmu_value {
	uint64_t count;	  /* scaled by enabled/running where the kernel multiplexed */
	uint64_t enabled; /* ns */
	uint64_t running; /* ns; 0: never on the PMU, count is meaningless */
};

struct pmu {
	unsigned n;
	int fd[PMU_MAX_EVENTS];
	char name[PMU_MAX_EVENTS][64]; /* qualified, as libpfm4 spells it, less what is off */
	unsigned n_refused;
	struct {
		char name[64];
		struct reason why;
	} refused[PMU_MAX_EVENTS];
	struct pmu_value before[PMU_MAX_EVENTS]; /* at pmu_enable(); belongs to this module */
};

/**
 * pmu_open() - open the events that exist here, for this thread, user and kernel mode (user
 * only where perf_event_paranoid forbids the kernel), disabled
 * @names: @n names ("page-faults", "instructions", "LLC-LOAD-MISSES",
 *	"amd64_fam19h_zen4::RETIRED_OPS"; the PMU is spelled as libpfm4 does)
 *
 * Events of the scheduler are refused rather than counted in user mode, where they are always 0.
 * An event that cannot be opened lands in @pmu->refused with the reason; the others go on.
 * Return: 0 also when all were refused; -E2BIG past PMU_MAX_EVENTS; -EINVAL for a name that
 * libpfm4 does not know on any PMU (with the nearest name that it does). Close with pmu_close().
 */
int pmu_open(struct pmu *pmu, const char *const *names, size_t n, struct reason *why);
void pmu_close(struct pmu *pmu);

int pmu_enable(struct pmu *pmu);  /* reset to 0 and count. Return: 0 or -errno */
int pmu_disable(struct pmu *pmu); /* Return: 0 or -errno */
int pmu_read(const struct pmu *pmu, struct pmu_value values[PMU_MAX_EVENTS]);

/* Are there hardware counters at all? Return: 0, or -errno with @why for doctor and the record. */
int pmu_hardware(struct reason *why);

#endif
