/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_user.h: user space's half of port.h. */
#ifndef TDC_BENCH_TEARDOWN_PORT_USER_H
#define TDC_BENCH_TEARDOWN_PORT_USER_H

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline uint64_t td_ticks(void)
{
	uint32_t cpu;

	return tick_stop(&cpu);
}

static inline uint64_t td_ticks_open(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi) : : "ecx", "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline int td_cmpxchg(int *v, int old, int new)
{
	__atomic_compare_exchange_n(v, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

/*
 * One call, one IPI to each CPU that runs a thread of this process, all answers waited for: the
 * shape of smp_call_function_many(wait). The process has registered before.
 */
static inline void td_ipi_wait(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

/* WBINVD and its kin are not for user space: a stated zero. */
static inline void td_cache_wb(void)
{
}

#endif
