/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_client.h: a client of /dev/tdcost without the device, linked in the place of
 * bench/kmod/client.c. It asks the CPUs that the module would, of any topology, also a synthetic
 * one, and misbehaves as it is told.
 */
#ifndef TDC_TESTS_BENCH_KMOD_FAKE_CLIENT_H
#define TDC_TESTS_BENCH_KMOD_FAKE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/kmod/client.h"
#include "harness/machine/topo.h"

enum fake_fault {
	FAKE_FINE,
	FAKE_WRONG_CPU, /* another CPU than fault_cpu flushes, and is reported */
	FAKE_ELSEWHERE, /* another CPU than fault_cpu flushes, and fault_cpu is reported */
	FAKE_BEYOND,	/* fault_cpu flushes though nobody asked it, and nobody reports it */
	FAKE_TWICE,	/* fault_cpu flushes twice */
	FAKE_NOT,	/* fault_cpu answers and flushes not */
	FAKE_SILENT,	/* fault_cpu does not answer: -ETIMEDOUT */
	FAKE_BACKWARDS, /* fault_cpu's TSC is behind everybody else's */
	FAKE_BROKEN,	/* each call fails with -EBUSY and does nothing */
};

/* Set before a test, all but the topology zero. What calls leave behind stands below the line. */
extern struct fake_kmod {
	const struct topo *topo; /* the CPUs that are online, and how they are grouped */
	unsigned cpus;		 /* tdcost_info.cpus; 0: KMOD_MASK_WORDS * 64 */
	unsigned features;
	const char *missing; /* why there is no module; NULL: there is one */
	unsigned self;	     /* the CPU that calls */
	enum fake_fault fault;
	unsigned fault_cpu;
	uint64_t flush_ticks; /* what each flush is said to take; 0: what @flush really took */
	void (*flush)(void *ctx, enum tdcost_op op, unsigned cpu); /* the op; NULL: nothing */
	void *ctx;

	unsigned opened; /* kmod_open() without kmod_close() so far */
	unsigned calls;	 /* of kmod_flush() and kmod_stop() */
	enum tdcost_op op;
	enum tdcost_mode mode;
	struct kmod_mask mask; /* of the last call */
	uint64_t counters[KMOD_MASK_WORDS * 64];
} fake;

/* Back to a module that works on @topo, with all features, called from its first CPU. */
void fake_reset(const struct topo *topo);

#endif
