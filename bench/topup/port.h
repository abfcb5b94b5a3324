/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h: what the kernel and user space call differently. The kernel's names are used where there
 * are some: struct list_head, spinlock_t, atomic_t, READ_ONCE(), cpu_relax(). This is the only file
 * that asks where it is compiled, and its two halves the only ones that know.
 *
 * On both sides:
 *   struct topup_page	  a page of 4 KiB, to be linked by its member `lru`
 *   topup_ticks()	  the clock that meters read
 *   struct topup_mutex	  a lock whose waiter sleeps, and whose holder may
 *   topup_array_alloc()  room for a number of pointers, as kvmalloc_array(); may sleep
 *   topup_lines_alloc()  zeroed bytes that share no TOPUP_APART with anyone's; may sleep
 *   struct topup_backing what a source of pages draws on: in the kernel its GFP masks
 *   topup_page_alloc()	  a page of it, NULL when there is none
 *   topup_page_free()
 */
#ifndef TDC_BENCH_TOPUP_PORT_H
#define TDC_BENCH_TOPUP_PORT_H

/* In what context a cache asks for a page. */
enum topup_gfp {
	TOPUP_SLEEP,  /* GFP_KERNEL and its kin */
	TOPUP_ATOMIC, /* GFP_ATOMIC and its kin: under a spinlock */
	TOPUP_LAST, /* GFP_ATOMIC | __GFP_ACCOUNT, whatever a source's pages are: a cache is empty */
	TOPUP_GFPS
};

/*
 * Between what different threads write: two cache lines, since the neighbour of a line is often
 * fetched along with it. Padding, not alignment, so that any allocator will do.
 */
#define TOPUP_APART 128

#ifdef __KERNEL__
#include "bench/topup/port_kernel.h"
#else
#include "bench/topup/port_user.h"
#endif

#endif
