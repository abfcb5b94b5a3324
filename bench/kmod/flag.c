// SPDX-License-Identifier: GPL-2.0
/*
 * What one byte stored before each SEAMCALL costs.
 *
 * sc_retry() of arch/x86/include/asm/tdx.h disables preemption, __seamcall_dirty_cache() stores
 * true to this CPU's cache_state_incoherent, then comes the SEAMCALL. Here is all but that.
 */
#include <linux/preempt.h>

#include "bench/kmod/module.h"

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
	if (f.flags & TDCOST_FLAG_REMOTE)
		rounds_remote(f.rounds, per_cpu_ptr(&incoherent, f.cpu));
	else if (f.flags & TDCOST_FLAG_STORE)
		rounds_store(f.rounds);
	else
		rounds_bare(f.rounds);
	f.end = tdcost_tick_stop();
	return copy_to_user(arg, &f, sizeof(f)) ? -EFAULT : 0;
}
