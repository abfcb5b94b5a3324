/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * life.h: a VM or a TD from nothing to nothing: one call brings it up to where it can end, another
 * ends it, phase by phase.
 */
#ifndef TDC_BENCH_KVM_LIFE_H
#define TDC_BENCH_KVM_LIFE_H

#include <stdbool.h>

#include "bench/kvm/tdx.h"
#include "bench/kvm/vm.h"

struct life_spec {
	bool is_td;
	struct vm_spec vm;	/* of either: its size is the TD's as well */
	struct td_config trust; /* where it is one */
};

struct life {
	bool is_td;
	union {
		struct vm vm;
		struct td trust;
	} of;
};

/* What its life has taken so far, in ticks, and what was granted. */
struct life_born {
	double create, populate;
	uint64_t huge;	  /* bytes of transparent huge pages that the process got with it */
	unsigned retries; /* of a TD's calls */
};

/* Return: 0; -errno with the step in @why and nothing left behind. */
int life_begin(struct life *life, const struct kvm_host *host, const struct life_spec *spec,
	       struct life_born *born, struct reason *why);

/**
 * life_end() - every step of the end
 * @phases: of life_phases(), begun; gets a mark behind each step; NULL for none
 *
 * Return: 0; the first failure's -errno, the other steps having been done all the same.
 */
int life_end(struct life *life, struct phases *phases, struct reason *why);

/* How often a call of the end was tried again: the naps in between are in its time. */
unsigned life_retries(const struct life *life, const struct life_born *born);

/* The phases of the end of a VM, or of a TD: their names. Return: how many. */
unsigned life_phases(bool td, const char *names[PHASES_MAX]);

/* Clear its pages, the first step of a VM's end, alone. */
void life_reset(struct life *life);

#endif
