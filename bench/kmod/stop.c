// SPDX-License-Identifier: GPL-2.0
/*
 * Native_stop_other_cpus() of arch/x86/kernel/smp.c, without the stopping.
 *
 * The same steps in the same order with the same limits: copy the online mask less the own CPU, one
 * interrupt to all of it, poll with udelay(1), 10 ms more for those that are late. What differs:
 * the interrupt is that of smp_call_function_many(), not REBOOT_VECTOR; no NMI is sent; and the
 * CPUs go on afterwards, so the sequence can be repeated.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/sched/signal.h>

#include "bench/kmod/module.h"

#define NMI_POLLS (10 * USEC_PER_MSEC)

/*
 * For tests: as if interrupts had been off on this CPU when it was asked. Not udelay(), whose rate
 * is each CPU's own and may be far off where it was calibrated under an emulator.
 */
static void stay_away(struct tdcost_round *r)
{
	u64 ticks = tdcost_us_to_ticks(r->delay_us), from = rdtsc();

	while (rdtsc() - from < ticks && !READ_ONCE(r->given_up))
		cpu_relax();
}

/* What stop_this_cpu() does between its first line and its HLT loop. */
static void stop_cpu(void *info)
{
	struct tdcost_round *r = info;
	unsigned int cpu = smp_processor_id();
	bool flagged = cpumask_test_cpu(cpu, r->given);
	bool executed = false;
	u32 op = r->op;
	u64 start, end;

	if (r->delay_us && cpu == r->delay_cpu)
		stay_away(r);
	start = tdcost_tick_start();
	if (flagged)
		executed = tdcost_op(op);
	/* Behind the flush: who waits for this bit may take the caches for clean. */
	cpumask_clear_cpu(cpu, r->stopping);
	end = tdcost_tick_stop();
	tdcost_round_answer(r, start, end, executed);
}

/* Return: how many polls of @max it took; fewer than @max also when the caller was killed. */
static u32 poll_stopping(struct tdcost_round *r, u32 max)
{
	u32 polls;

	for (polls = 0; polls < max && !cpumask_empty(r->stopping); polls++) {
		if (fatal_signal_pending(current))
			break;
		udelay(1);
	}
	return polls;
}

static void stop_others(struct tdcost_round *r, struct tdcost_stop *s)
{
	tdcost_round_ask(r, r->stopping, stop_cpu);
	s->polls = poll_stopping(r, s->max_polls);
	cpumask_copy(r->late, r->stopping);
	if (!cpumask_empty(r->late)) {
		/* Here the kernel sends an NMI to those. */
		poll_stopping(r, NMI_POLLS);
		cpumask_copy(r->late_nmi, r->stopping);
	}
	r->end = tdcost_tick_stop();
}

/* The WBINVD of relocate_kernel(), on the CPU that goes on. */
static void stop_self(struct tdcost_round *r)
{
	unsigned long flags;
	u64 start, end;
	bool executed;

	local_irq_save(flags);
	cpumask_set_cpu(r->caller, r->asked);
	refcount_inc(&r->ref);
	start = tdcost_tick_start();
	executed = tdcost_op(r->op);
	end = tdcost_tick_stop();
	tdcost_round_answer(r, start, end, executed);
	local_irq_restore(flags);
}

static int stop_cpus(struct tdcost_round *r, struct tdcost_stop *s)
{
	bool self = s->flags & TDCOST_STOP_SELF;

	cpumask_copy(r->stopping, cpu_online_mask);
	cpumask_clear_cpu(smp_processor_id(), r->stopping);
	if (cpumask_weight(r->stopping) + self > s->n)
		return -ENOSPC;
	/* A delay that nobody would take would let a test believe in it. */
	if (s->delay_us && !cpumask_test_cpu(s->delay_cpu, r->stopping))
		return -EINVAL;
	stop_others(r, s);
	if (self)
		stop_self(r);
	return 0;
}

static int stop_round(struct tdcost_round *r, struct tdcost_stop *s)
{
	int ret;

	r->delay_cpu = s->delay_cpu;
	r->delay_us = s->delay_us;
	cpus_read_lock();
	preempt_disable();
	ret = stop_cpus(r, s);
	preempt_enable();
	/* Those that are late: their times belong to the result. */
	if (!ret)
		ret = tdcost_round_wait(r, r->end);
	cpus_read_unlock();
	s->n = cpumask_weight(r->asked);
	s->start = r->start;
	s->end = r->end;
	s->late = cpumask_weight(r->late);
	s->late_nmi = cpumask_weight(r->late_nmi);
	return ret;
}

static int check_stop(const struct tdcost_stop *s)
{
	if (s->op >= TDCOST_OP_MAX || s->flags & ~TDCOST_STOP_SELF)
		return -EINVAL;
	if (!s->max_polls || s->max_polls > MAX_POLLS || s->delay_us > MAX_DELAY_US)
		return -EINVAL;
	if (s->delay_us && s->delay_cpu >= nr_cpu_ids)
		return -EINVAL;
	return tdcost_op_supported(s->op) ? 0 : -EOPNOTSUPP;
}

int tdcost_stop(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_round *r;
	struct tdcost_stop s;
	int ret;

	if (copy_from_user(&s, arg, sizeof(s)))
		return -EFAULT;
	ret = check_stop(&s);
	if (ret)
		return ret;
	r = tdcost_round_claim(s.op);
	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = tdcost_read_mask(r->given, s.mask, s.mask_words);
	if (!ret)
		ret = stop_round(r, &s);
	if ((!ret || ret == -ETIMEDOUT) &&
	    (tdcost_round_results(r, s.result) || copy_to_user(arg, &s, sizeof(s))))
		ret = -EFAULT;
	tdcost_round_release(r);
	return ret;
}
