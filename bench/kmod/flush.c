// SPDX-License-Identifier: GPL-2.0
/* WBINVD and WBNOINVD on a set of CPUs. */
#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/sched/signal.h>

#include <asm/cpufeature.h>

#include "bench/kmod/module.h"

DEFINE_PER_CPU(u64, tdcost_flushes);

/* Without its CPUID bit WBNOINVD runs as WBINVD, under a wrong name. */
bool tdcost_op_supported(u32 op)
{
	return op != TDCOST_WBNOINVD || boot_cpu_has(X86_FEATURE_WBNOINVD);
}

/* A mask of the caller: bits beyond the machine must be zero. */
int tdcost_read_mask(struct cpumask *mask, u64 pointer, u32 words)
{
	u64 __user *from = u64_to_user_ptr(pointer);
	unsigned int i, cpu;
	u64 word;

	if (words > MAX_MASK_WORDS)
		return -EINVAL;
	for (i = 0; i < words; i++) {
		if (copy_from_user(&word, from + i, sizeof(word)))
			return -EFAULT;
		for (; word; word &= word - 1) {
			cpu = 64 * i + __ffs64(word);
			if (cpu >= nr_cpu_ids)
				return -EINVAL;
			cpumask_set_cpu(cpu, mask);
		}
	}
	return 0;
}

static void flush_cpu(void *info)
{
	struct tdcost_round *r = info;
	u32 op = r->op;
	u64 start, end;
	bool executed;

	start = tdcost_tick_start();
	executed = tdcost_op(op);
	end = tdcost_tick_stop();
	tdcost_round_answer(r, start, end, executed);
}

/* With cpus_read_lock() held and @cpus online. Return: 0, -ETIMEDOUT, -EINTR. */
int tdcost_flush_cpus(struct tdcost_round *r, const struct cpumask *cpus)
{
	int ret;

	/* As on_each_cpu_mask() does it, and waits. */
	preempt_disable();
	tdcost_round_ask(r, cpus, flush_cpu);
	ret = tdcost_round_spin(r);
	r->end = tdcost_tick_stop();
	preempt_enable();
	if (ret != -ETIMEDOUT)
		return ret;
	ret = tdcost_round_wait(r, r->request);
	r->end = tdcost_tick_stop();
	return ret;
}

static int flush_in_turn(struct tdcost_round *r)
{
	unsigned int cpu;
	int ret;

	for_each_cpu(cpu, r->given) {
		ret = tdcost_flush_cpus(r, cpumask_of(cpu));
		if (ret)
			return ret;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int flush_round(struct tdcost_round *r, struct tdcost_flush *f)
{
	int ret;

	/* No CPU comes or goes from here to the last answer. */
	cpus_read_lock();
	cpumask_and(r->given, r->given, cpu_online_mask);
	tdcost_mode_narrow(r->given, f->mode);
	if (cpumask_weight(r->given) > f->n)
		ret = -ENOSPC;
	else if (f->mode == TDCOST_IN_TURN)
		ret = flush_in_turn(r);
	else
		ret = tdcost_flush_cpus(r, r->given);
	cpus_read_unlock();
	f->n = cpumask_weight(r->asked);
	f->start = r->start;
	f->end = r->end;
	return ret;
}

static int check_flush(const struct tdcost_flush *f)
{
	if (f->op >= TDCOST_OP_MAX || f->mode >= TDCOST_MODE_MAX || !f->mask_words)
		return -EINVAL;
	if (!tdcost_op_supported(f->op) || !tdcost_mode_supported(f->mode))
		return -EOPNOTSUPP;
	return 0;
}

int tdcost_flush(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_round *r;
	struct tdcost_flush f;
	int ret;

	if (copy_from_user(&f, arg, sizeof(f)))
		return -EFAULT;
	ret = check_flush(&f);
	if (ret)
		return ret;
	r = tdcost_round_claim(f.op);
	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = tdcost_read_mask(r->given, f.mask, f.mask_words);
	if (!ret && cpumask_empty(r->given))
		ret = -EINVAL;
	if (!ret)
		ret = flush_round(r, &f);
	if ((!ret || ret == -ETIMEDOUT) &&
	    (tdcost_round_results(r, f.result) || copy_to_user(arg, &f, sizeof(f))))
		ret = -EFAULT;
	tdcost_round_release(r);
	return ret;
}

int tdcost_counters(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_counters c;
	u64 __user *to;
	unsigned int cpu;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.reserved)
		return -EINVAL;
	to = u64_to_user_ptr(c.counters);
	c.n = min(c.n, nr_cpu_ids);
	for (cpu = 0; cpu < c.n; cpu++) {
		u64 n = cpu_possible(cpu) ? READ_ONCE(per_cpu(tdcost_flushes, cpu)) : 0;

		if (copy_to_user(to + cpu, &n, sizeof(n)))
			return -EFAULT;
	}
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}
