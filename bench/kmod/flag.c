// SPDX-License-Identifier: GPL-2.0
/*
 * What one byte stored before each SEAMCALL costs.
 *
 * sc_retry() of arch/x86/include/asm/tdx.h disables preemption, __seamcall_dirty_cache() stores
 * true to this CPU's cache_state_incoherent, then comes the SEAMCALL. Here is all but that.
 */
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "bench/kmod/module.h"

#define FLAG_CHUNK BIT_ULL(16)

static DEFINE_PER_CPU(bool, incoherent);

static noinline void rounds_bare(u64 rounds)
{
	while (rounds--) {
		preempt_disable();
		preempt_enable();
	}
}

static noinline void rounds_store(u64 rounds)
{
	while (rounds--) {
		preempt_disable();
		this_cpu_write(incoherent, true);
		preempt_enable();
	}
}

static noinline void rounds_remote(u64 rounds, bool *flag)
{
	while (rounds--) {
		preempt_disable();
		WRITE_ONCE(*flag, true);
		preempt_enable();
	}
}

/*
 * In chunks, so that the CPU is given to others and a caller that was killed is let go. A chunk is
 * a tenth of a millisecond, and what is behind it is not seen in the figure.
 */
static int rounds_in_chunks(const struct tdcost_flag *f)
{
	u64 left = f->rounds, n;

	for (; left; left -= n) {
		n = min_t(u64, left, FLAG_CHUNK);
		if (f->flags & TDCOST_FLAG_REMOTE)
			rounds_remote(n, per_cpu_ptr(&incoherent, f->cpu));
		else if (f->flags & TDCOST_FLAG_STORE)
			rounds_store(n);
		else
			rounds_bare(n);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int check_flag(const struct tdcost_flag *f)
{
	if (f->flags & ~(TDCOST_FLAG_STORE | TDCOST_FLAG_REMOTE))
		return -EINVAL;
	/* Whose byte is not stored to makes no difference. */
	if (f->flags == TDCOST_FLAG_REMOTE)
		return -EINVAL;
	if (!f->rounds || f->rounds > MAX_FLAG_ROUNDS)
		return -EINVAL;
	if (f->flags & TDCOST_FLAG_REMOTE && (f->cpu >= nr_cpu_ids || !cpu_possible(f->cpu)))
		return -EINVAL;
	return 0;
}

int tdcost_flag(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_flag f;
	int ret;

	if (copy_from_user(&f, arg, sizeof(f)))
		return -EFAULT;
	ret = check_flag(&f);
	if (ret)
		return ret;
	f.start = tdcost_tick_start();
	ret = rounds_in_chunks(&f);
	f.end = tdcost_tick_stop();
	if (!ret && copy_to_user(arg, &f, sizeof(f)))
		ret = -EFAULT;
	return ret;
}
