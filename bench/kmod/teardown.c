// SPDX-License-Identifier: GPL-2.0
/*
 * The teardown of a TD, replayed on the file's pages by bench/teardown, compiled for the kernel.
 *
 * Real here: the interrupts of a kick, the line flushes, the resets, a write-back of each package's
 * caches in the place of TDH.PHYMEM.CACHE.WB, the freeing. KVM looks at each leaf whether others
 * wait for the CPU, and so does this: the longest stretch without is a leaf.
 */
#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/sched/signal.h>

#include "bench/kmod/teardown.h"

/* ns that the caller was ready to run and others did: a phase timed as a whole is rid of them. */
static u64 waited(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

static void release_hkid(struct tdcost_td *td)
{
	u64 away = waited();

	if (td->set.without & TD_BIT(TD_P_HKID))
		return;
	td_tally_begin(&td->rest.tally);
	td_release_hkid(&td->replay, &td->rest);
	td_tally_mark(&td->rest.tally, TD_P_HKID);
	td_tally_keep(&td->rest.tally);
	td->away_hkid = waited() - away;
}

static void release_control(struct tdcost_td *td)
{
	u64 away = waited();

	if (td->set.without & TD_BIT(TD_P_CONTROL))
		return;
	td_tally_begin(&td->rest.tally);
	td_release_control(&td->replay, &td->rest);
	td_tally_mark(&td->rest.tally, TD_P_CONTROL);
	td_tally_keep(&td->rest.tally);
	td->away_control = waited() - away;
}

/* One by one, where the truncation of a guest_memfd frees them by batches of folios. */
static void free_pages_of(struct tdcost_file *file)
{
	struct td_tally *t = &file->td->rest.tally;
	u64 away = waited();

	if (file->td->set.without & TD_BIT(TD_P_FREE))
		return;
	td_tally_begin(t);
	tdcost_pages_put(file);
	tdcost_td_put_control(file->td);
	td_tally_mark(t, TD_P_FREE);
	td_tally_keep(t);
	file->td->away_free = waited() - away;
}

static int steps(struct tdcost_file *file)
{
	struct tdcost_td *td = file->td;

	if (td->set.path == TDCOST_PATH_TEARDOWN)
		release_hkid(td);
	if (td->err)
		return td->err;
	td_leaves(&td->replay, &td->leaves, 0, td->n);
	if (fatal_signal_pending(current))
		return -EINTR;
	if (td->set.path == TDCOST_PATH_DYNAMIC)
		release_hkid(td);
	if (td->err)
		return td->err;
	release_control(td);
	if (fatal_signal_pending(current))
		return -EINTR;
	free_pages_of(file);
	return 0;
}

static void tell(const struct tdcost_td *td, struct tdcost_torn *t)
{
	const struct td_tally *leaves = &td->leaves.tally, *rest = &td->rest.tally;
	unsigned int i;

	t->marked = leaves->leaves;
	t->interrupted = leaves->interrupted;
	t->leaf_marks = leaves->marks;
	t->other_marks = rest->marks;
	t->away_hkid = td->away_hkid;
	t->away_control = td->away_control;
	t->away_free = td->away_free;
	/* No phase is of both. */
	for (i = 0; i < TD_PHASES; i++) {
		t->ticks[i] = leaves->ticks[i] + rest->ticks[i];
		t->count[i] = leaves->count[i] + rest->count[i];
	}
	for (i = 0; i < TD_STEPS; i++)
		t->steps[i] = td->leaves.count[i] + td->rest.count[i];
}

/* The CPUs in guest mode stay online from here on, and are others. */
static int check_guests(const struct tdcost_td *td)
{
	if (cpumask_test_cpu(raw_smp_processor_id(), td->guests))
		return -EINVAL;
	return cpumask_subset(td->guests, cpu_online_mask) ? 0 : -EINVAL;
}

/* @round: NULL where no cache is written back */
static int tear_down(struct tdcost_file *file, struct tdcost_round *round, struct tdcost_torn *t)
{
	struct tdcost_td *td = file->td;
	int ret;

	cpus_read_lock();
	ret = check_guests(td);
	if (!ret) {
		if (round) {
			cpumask_copy(round->given, cpu_online_mask);
			tdcost_mode_narrow(round->given, TDCOST_PER_PACKAGE);
			td->replay.packages = cpumask_weight(round->given);
			td->replay.ops.round = round;
		}
		t->start = tdcost_tick_start();
		ret = steps(file);
		t->end = tdcost_tick_stop();
	}
	cpus_read_unlock();
	tell(td, t);
	return ret;
}

static int with_round(struct tdcost_file *file, struct tdcost_torn *t)
{
	struct tdcost_round *round;
	int ret;

	if (!file->td || file->td->done)
		return -ENODATA;
	/* Its references are going to be put, or some of them. */
	file->td->done = true;
	if (file->td->replay.skip_cache_wb)
		return tear_down(file, NULL, t);
	round = tdcost_round_claim(file->td->set.op);
	if (IS_ERR(round))
		return PTR_ERR(round);
	ret = tear_down(file, round, t);
	tdcost_round_release(round);
	return ret;
}

/*
 * What it was done with goes later: freeing an array of several pages makes the page allocator sort
 * out what was freed before, by the thousand, and the caller is timing.
 */
int tdcost_teardown(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_torn t = {};
	int ret;

	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	ret = with_round(file, &t);
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(arg, &t, sizeof(t)))
		ret = -EFAULT;
	return ret;
}

/* With the file's lock held, or by its last user. */
void tdcost_teardown_drop(struct tdcost_file *file)
{
	if (file->td)
		tdcost_td_close(file->td);
	file->td = NULL;
}

int tdcost_teardown_set(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_teardown set;
	int ret;

	if (copy_from_user(&set, arg, sizeof(set)))
		return -EFAULT;
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	tdcost_teardown_drop(file);
	ret = tdcost_td_open(&file->td, file, &set);
	mutex_unlock(&file->lock);
	return ret;
}
