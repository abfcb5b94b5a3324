// SPDX-License-Identifier: GPL-2.0
/*
 * Ask CPUs by interrupt, and wait for them no longer than the time limit.
 *
 * As on_each_cpu_mask(), but that a CPU which does not answer cannot hang the caller: it keeps its
 * reference to the round, and until it has dropped that, further calls are refused.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bench/kmod/module.h"

#define TIMEOUT_MS_MIN 10
#define TIMEOUT_MS_MAX 10000
#define SPIN_MS	       1000u

static unsigned int timeout_ms = 5000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "how long to wait for a CPU, 10 to 10000 ms (default 5000)");

static struct tdcost_round *the_round;

/* Held from claim to release, so that there is one caller. */
static DEFINE_MUTEX(round_lock);

u32 tdcost_timeout_ms(void)
{
	return timeout_ms;
}

static void put(struct tdcost_round *r)
{
	if (refcount_dec_and_test(&r->ref))
		module_put(THIS_MODULE);
}

/**
 * tdcost_round_claim() - the round, for one call
 * @op: what its CPUs will execute
 *
 * Return: the round, its masks empty, to be given back with tdcost_round_release(); ERR_PTR of
 * -EBUSY while a CPU of an earlier call has not answered, -EINTR when killed meanwhile.
 */
struct tdcost_round *tdcost_round_claim(u32 op)
{
	struct tdcost_round *r = the_round;

	if (mutex_lock_killable(&round_lock))
		return ERR_PTR(-EINTR);
	if (refcount_read(&r->ref)) {
		mutex_unlock(&round_lock);
		return ERR_PTR(-EBUSY);
	}
	smp_acquire__after_ctrl_dep();

	__module_get(THIS_MODULE);
	r->op = op;
	r->delay_us = 0;
	r->given_up = false;
	r->start = 0;
	r->end = 0;
	cpumask_clear(r->given);
	cpumask_clear(r->asked);
	cpumask_clear(r->stopping);
	cpumask_clear(r->late);
	cpumask_clear(r->late_nmi);
	memset(r->cpu, 0, array_size(nr_cpu_ids, sizeof(r->cpu[0])));
	refcount_set(&r->ref, 1);
	return r;
}

void tdcost_round_release(struct tdcost_round *r)
{
	put(r);
	mutex_unlock(&round_lock);
}

/**
 * tdcost_round_ask() - have a function run on some CPUs, not waiting for it
 * @r: the round, its argument
 * @cpus: online ones; where the caller's is among them it runs there last
 * @func: runs with interrupts off, and ends with tdcost_round_answer()
 *
 * Called with preemption disabled and cpus_read_lock() held.
 */
void tdcost_round_ask(struct tdcost_round *r, const struct cpumask *cpus, smp_call_func_t func)
{
	unsigned long flags;

	cpumask_or(r->asked, r->asked, cpus);
	r->caller = smp_processor_id();
	refcount_add(cpumask_weight(cpus), &r->ref);
	r->request = tdcost_tick_start();
	if (!r->start)
		r->start = r->request;
	smp_call_function_many(cpus, func, r, false);
	if (cpumask_test_cpu(r->caller, cpus)) {
		local_irq_save(flags);
		func(r);
		local_irq_restore(flags);
	}
}

/* On the CPU that was asked: behind its end stamp, so that nothing of this is in the figure. */
void tdcost_round_answer(struct tdcost_round *r, u64 start, u64 end, bool executed)
{
	unsigned int cpu = smp_processor_id();
	struct tdcost_cpu *c = &r->cpu[cpu];
	u32 flags = TDCOST_CPU_ANSWERED;

	if (executed && r->op != TDCOST_NOTHING)
		this_cpu_inc(tdcost_flushes);
	if (executed)
		flags |= TDCOST_CPU_FLUSHED;
	if (cpu == r->caller)
		flags |= TDCOST_CPU_SELF;
	c->request = r->request;
	c->start = start;
	c->end = end;
	c->flushes = this_cpu_read(tdcost_flushes);
	/* A caller that stopped waiting may be reading: the flag says that the rest is there. */
	smp_store_release(&c->flags, flags);
	put(r);
}

static int wait(struct tdcost_round *r, u64 from, u32 ms, bool atomic)
{
	s64 ticks = tdcost_us_to_ticks((u64)ms * USEC_PER_MSEC);

	while (refcount_read(&r->ref) > 1) {
		if (fatal_signal_pending(current)) {
			WRITE_ONCE(r->given_up, true);
			return -EINTR;
		}
		/* Not jiffies: the CPU that counts them may be the one that does not answer. */
		if ((s64)(rdtsc() - from) > ticks)
			return -ETIMEDOUT;
		if (!atomic)
			cond_resched();
		cpu_relax();
	}
	smp_acquire__after_ctrl_dep();
	return 0;
}

/**
 * tdcost_round_spin() - until all have answered, or it takes uncommonly long
 * @r: the round
 *
 * Called with preemption disabled, as the kernel waits. Return: 0, -ETIMEDOUT, -EINTR.
 */
int tdcost_round_spin(struct tdcost_round *r)
{
	return wait(r, r->request, min(timeout_ms, SPIN_MS), true);
}

/**
 * tdcost_round_wait() - until all have answered, or are given up
 * @r: the round
 * @from: the tick from which the time limit counts
 *
 * Others may run meanwhile. Return: 0; -ETIMEDOUT when the time limit passed; -EINTR when the
 * caller was killed.
 */
int tdcost_round_wait(struct tdcost_round *r, u64 from)
{
	return wait(r, from, timeout_ms, false);
}

/* Write the results of all CPUs asked to the caller's array, which has room for them. */
int tdcost_round_results(struct tdcost_round *r, u64 pointer)
{
	struct tdcost_cpu __user *to = u64_to_user_ptr(pointer);
	unsigned int cpu;

	for_each_cpu(cpu, r->asked) {
		struct tdcost_cpu c = { .request = r->request };

		/* Pairs with tdcost_round_answer(), which may be running. */
		if (smp_load_acquire(&r->cpu[cpu].flags) & TDCOST_CPU_ANSWERED)
			c = r->cpu[cpu];
		c.cpu = cpu;
		if (cpumask_test_cpu(cpu, r->late))
			c.flags |= TDCOST_CPU_LATE;
		if (cpumask_test_cpu(cpu, r->late_nmi))
			c.flags |= TDCOST_CPU_LATE_NMI;
		if (copy_to_user(to++, &c, sizeof(c)))
			return -EFAULT;
	}
	return 0;
}

static int alloc_masks(struct tdcost_round *r)
{
	if (zalloc_cpumask_var(&r->given, GFP_KERNEL) &&
	    zalloc_cpumask_var(&r->asked, GFP_KERNEL) &&
	    zalloc_cpumask_var(&r->stopping, GFP_KERNEL) &&
	    zalloc_cpumask_var(&r->late, GFP_KERNEL) &&
	    zalloc_cpumask_var(&r->late_nmi, GFP_KERNEL))
		return 0;
	return -ENOMEM;
}

int tdcost_round_init(void)
{
	int ret;

	if (timeout_ms < TIMEOUT_MS_MIN || timeout_ms > TIMEOUT_MS_MAX) {
		pr_err("timeout_ms=%u: must be %u to %u\n", timeout_ms, TIMEOUT_MS_MIN,
		       TIMEOUT_MS_MAX);
		return -EINVAL;
	}
	the_round = kvzalloc(struct_size(the_round, cpu, nr_cpu_ids), GFP_KERNEL);
	if (!the_round)
		return -ENOMEM;
	ret = alloc_masks(the_round);
	if (ret)
		tdcost_round_exit();
	return ret;
}

void tdcost_round_exit(void)
{
	/* The handler that dropped the last reference may still be on its way out. */
	synchronize_rcu();
	free_cpumask_var(the_round->given);
	free_cpumask_var(the_round->asked);
	free_cpumask_var(the_round->stopping);
	free_cpumask_var(the_round->late);
	free_cpumask_var(the_round->late_nmi);
	kvfree(the_round);
}
