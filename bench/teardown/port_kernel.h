/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_kernel.h: the kernel's half of port.h; what is not inline is in bench/kmod/teardown_ops.c. */
#ifndef TDC_BENCH_TEARDOWN_PORT_KERNEL_H
#define TDC_BENCH_TEARDOWN_PORT_KERNEL_H

#include <linux/cpumask.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

static __always_inline uint64_t td_ticks(void)
{
	uint32_t lo, hi;

	asm volatile("rdtscp; lfence" : "=a"(lo), "=d"(hi) : : "ecx", "memory");
	return (uint64_t)hi << 32 | lo;
}

static __always_inline uint64_t td_ticks_open(void)
{
	uint32_t lo, hi;

	asm volatile("rdtscp" : "=a"(lo), "=d"(hi) : : "ecx", "memory");
	return (uint64_t)hi << 32 | lo;
}

static __always_inline uint64_t td_ticks_loose(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static __always_inline int td_cmpxchg(int *v, int old, int new)
{
	return cmpxchg(v, old, new);
}

/* Pages of one order, not below that of a leaf, in the direct map. */
struct td_mem {
	struct page **pages;
	unsigned int order;
};

static __always_inline char *td_at(const struct td_mem *m, size_t at)
{
	unsigned int shift = PAGE_SHIFT + m->order;

	return (char *)page_address(m->pages[at >> shift]) + (at & (BIT(shift) - 1));
}

struct tdcost_round;

/* Called directly: an indirect call would go through a thunk. */
struct td_ops {
	unsigned long bugs;	    /* as tdcost_reset_fenced() tests them */
	struct tdcost_round *round; /* of the first CPU of each package */
	int *err;		    /* gets what became of the round */
};

void tdcost_reset_fenced(const unsigned long *bugs, phys_addr_t base, unsigned long size);
void tdcost_flush_lines(const char *base, size_t bytes);
void tdcost_cache_wb(const struct td_ops *ops);

static __always_inline void td_flush(const struct td_ops *ops, const char *base, size_t bytes)
{
	tdcost_flush_lines(base, bytes);
}

static __always_inline void td_reset(const struct td_ops *ops, char *dst, size_t bytes)
{
	tdcost_reset_fenced(&ops->bugs, virt_to_phys(dst), bytes);
}

#define TD_WRITES_BACK true

static __always_inline void td_cache_wb(const struct td_ops *ops)
{
	tdcost_cache_wb(ops);
}

/* What kvm_make_all_cpus_request() has per CPU: the mask. And who is in guest mode where. */
struct td_kicked {
	cpumask_var_t cpus;
	struct td_vcpu **on; /* by CPU */
	int me;
};

void tdcost_leave_guest(void *kicked);

static __always_inline void td_kick_none(struct td_kicked *k)
{
	k->me = get_cpu();
	cpumask_clear(k->cpus);
}

/* As there, none to the own CPU: a vCPU that it ran would not be in guest mode. */
static __always_inline bool td_kick_cpu(struct td_kicked *k, struct td_vcpu *vcpu)
{
	if (vcpu->cpu == k->me) {
		WRITE_ONCE(vcpu->mode, TD_IN_GUEST_MODE);
		return false;
	}
	__cpumask_set_cpu(vcpu->cpu, k->cpus);
	return true;
}

static __always_inline void td_kick_wait(struct td_kicked *k)
{
	if (!cpumask_empty(k->cpus))
		smp_call_function_many(k->cpus, tdcost_leave_guest, k, true);
	put_cpu();
}

void tdcost_nothing(void *unused);

/* As tdx_flush_vp_on_cpu(); CPUs do not go offline meanwhile, and one that has is none to ask. */
static __always_inline void td_on_cpu_of(const struct td_vcpu *vcpu)
{
	smp_call_function_single(vcpu->cpu, tdcost_nothing, NULL, true);
}

/* As tdp_mmu_zap_leafs() of KVM asks tdp_mmu_iter_cond_resched() at each entry. */
static __always_inline bool td_given_up(void)
{
	cond_resched();
	return fatal_signal_pending(current);
}

#endif
