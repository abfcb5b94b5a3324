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

static inline uint64_t td_ticks_loose(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline int td_cmpxchg(int *v, int old, int new)
{
	__atomic_compare_exchange_n(v, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

typedef void td_reset_fn(char *dst, size_t bytes, const char *src);
typedef void td_flush_fn(const char *base, size_t bytes);

struct td_mem {
	char *base;
};

static __always_inline char *td_at(const struct td_mem *m, size_t at)
{
	return m->base + at;
}

struct td_ops {
	td_flush_fn *flush;
	td_reset_fn *reset;
	const char *source;
};

static __always_inline void td_flush(const struct td_ops *ops, const char *base, size_t bytes)
{
	ops->flush(base, bytes);
}

static __always_inline void td_reset(const struct td_ops *ops, char *dst, size_t bytes)
{
	ops->reset(dst, bytes, ops->source);
}

#define TD_WRITES_BACK false

/* WBINVD and its kin are not for user space: a stated zero. */
static __always_inline void td_cache_wb(const struct td_ops *ops)
{
	(void)ops;
}

struct td_kicked {
	bool any;
};

static __always_inline void td_kick_none(struct td_kicked *k)
{
	k->any = false;
}

static __always_inline bool td_kick_cpu(struct td_kicked *k, struct td_vcpu *vcpu)
{
	(void)vcpu;
	k->any = true;
	return true;
}

/*
 * One call, one IPI to each CPU that runs a thread of this process, all answers waited for: the
 * shape of smp_call_function_many(wait). The process has registered before.
 */
static __always_inline void td_kick_wait(const struct td_kicked *k)
{
	if (k->any)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

/* An interrupt of one CPU is not to be had: what membarrier() sends goes to all that run the process. */
static __always_inline void td_on_cpu_of(const struct td_vcpu *vcpu)
{
	(void)vcpu;
}

/* A signal ends a process anyhow. */
static __always_inline bool td_given_up(void)
{
	return false;
}

#endif
