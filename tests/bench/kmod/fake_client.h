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

/* What a topup does wrong. */
enum fake_topup_fault {
	FAKE_TOPUP_FINE,
	FAKE_TOPUP_NO_MEMORY, /* the 100th page is not to be had: -ENOMEM, with results */
	FAKE_TOPUP_BUSY,      /* -EBUSY, without */
	FAKE_TOPUP_LEAK,      /* a page is not freed */
	FAKE_TOPUP_FEW,	      /* less pages than the schedule asks for */
	FAKE_TOPUP_SHORT,     /* a unit is left out */
	FAKE_TOPUP_BACKWARDS, /* no time goes by */
	FAKE_TOPUP_SAMPLE,    /* the last topup says a page too many */
	FAKE_TOPUP_ROUNDS,    /* a round of the mmu_lock too many */
};

/* What a teardown does wrong. */
enum fake_teardown_fault {
	FAKE_TEARDOWN_FINE,
	FAKE_TEARDOWN_BYTE, /* a byte is changed that should not be, or the other way round */
	FAKE_TEARDOWN_STEP, /* a REMOVE too many is told */
	FAKE_TEARDOWN_KEPT, /* the pages are not freed */
	FAKE_TEARDOWN_BUSY, /* -EBUSY, and nothing is done */
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
	enum fake_topup_fault topup_fault;
	enum fake_teardown_fault teardown_fault;

	struct tdcost_topup topup;	 /* the last call, as it came */
	unsigned topups;		 /* calls */
	unsigned topup_files;		 /* a bit for each open file that called */
	struct tdcost_teardown teardown; /* the last one that was made ready */
	unsigned teardowns;		 /* that were done */
	unsigned opened;		 /* kmod_open() without kmod_close() so far */
	unsigned calls;			 /* of kmod_flush() and kmod_stop() */
	enum tdcost_op op;
	enum tdcost_mode mode;
	struct kmod_mask mask; /* of the last call */
	uint64_t counters[KMOD_MASK_WORDS * 64];
} fake;

/* The pages that are held, NULL: none. For the fake's own files. */
char *fake_pages(uint64_t *bytes);

/* Back to a module that works on @topo, with all features, called from its first CPU. */
void fake_reset(const struct topo *topo);

#endif
