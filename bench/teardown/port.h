/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h: what a teardown's replay calls differently in the kernel and in user space, beside what
 * bench/topup/port.h has already (cpu_relax(), __always_inline, atomic_t).
 *
 * On both sides:
 *   td_ticks()	   RDTSCP, LFENCE: what stands before it is done when it is read, stores aside, and
 *		   what stands behind it has not begun
 *   td_ticks_open()  RDTSCP alone: what stands behind it may have begun
 *   td_cmpxchg()  of an int, with a full barrier; returns what was there
 *   td_ipi_wait() an IPI to every CPU that runs a vCPU in guest mode, and their answers waited for
 *   td_cache_wb() write back the caches of a package: ring 0 only
 */
#ifndef TDC_BENCH_TEARDOWN_PORT_H
#define TDC_BENCH_TEARDOWN_PORT_H

#include "bench/topup/port.h"

#ifndef __KERNEL__
#include "bench/teardown/port_user.h"
#endif

#endif
