/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h: what a teardown's replay calls differently in the kernel and in user space, beside what
 * bench/topup/port.h has already (cpu_relax(), __always_inline, atomic_t).
 *
 * On both sides:
 *   td_ticks()	   RDTSCP, LFENCE: what stands before it is done when it is read, stores aside, and
 *		   what stands behind it has not begun
 *   td_ticks_open()  RDTSCP alone: what stands behind it may have begun
 *   td_ticks_loose() RDTSC: in no order with anything else
 *   td_cmpxchg()  of an int, with a full barrier; returns what was there
 *   struct td_mem   the TD's memory; td_at(): where its byte of an offset is, contiguous for a leaf
 *   struct td_ops   what works on it: td_flush() of 4 KiB and td_reset(), each with its fence, and
 *		   td_cache_wb(), the caches of the first CPU of each package: ring 0 only, as
 *		   TD_WRITES_BACK says
 *   struct td_kicked  who is to get an IPI: td_kick_none() begins, td_kick_cpu() adds a vCPU's CPU
 *		   and says whether it gets one, td_kick_wait() sends them and waits for all answers
 *   td_on_cpu_of() smp_call_function_single(vcpu->cpu, wait) of what does nothing; in user space nothing
 *   td_given_up() between leaves: let others run; is the work to be left where it is?
 */
#ifndef TDC_BENCH_TEARDOWN_PORT_H
#define TDC_BENCH_TEARDOWN_PORT_H

#include "bench/topup/port.h"

/* vcpu->mode */
enum { TD_OUTSIDE_GUEST_MODE, TD_IN_GUEST_MODE, TD_EXITING_GUEST_MODE };

/* On lines of its own, as a struct kvm_vcpu is. */
struct td_vcpu {
	int mode;
	int cpu; /* where it runs, or ran last; the kernel's business only */
	char apart[120];
};

#ifdef __KERNEL__
#include "bench/teardown/port_kernel.h"
#else
#include "bench/teardown/port_user.h"
#endif

#endif
