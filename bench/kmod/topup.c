// SPDX-License-Identifier: GPL-2.0
/*
 * The caches that KVM and the TDX code top up before they take a lock, filled from the kernel's
 * page allocator. They are those of bench/topup, compiled for the kernel; here is what runs them.
 *
 * Everything is done in the caller's context: its cgroup is charged, its death ends it.
 */
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bench/kmod/topup.h"
#include "bench/topup/schedule.h"

#define TOPUP_FLAGS                                                                              \
	(TDCOST_TOPUP_INDIRECT | TDCOST_TOPUP_ZERO | TDCOST_TOPUP_TIMES | TDCOST_TOPUP_NO_VCPU | \
	 TDCOST_TOPUP_BURST)
/* Flags of gets, and of faults and splits. */
#define PAMT_FLAGS TDCOST_TOPUP_BURST
#define HOOK_FLAGS (TDCOST_TOPUP_INDIRECT | TDCOST_TOPUP_NO_VCPU)

/* Numbers of the calls are numbers of the caches. */
static_assert((int)TDCOST_KVM_ARRAY == (int)TOPUP_KVM_ARRAY);
static_assert((int)TDCOST_TDX_PREALLOC == (int)TOPUP_TDX_PREALLOC);
static_assert((int)TDCOST_PAMT_CACHE == (int)TOPUP_PAMT_CACHE);
static_assert((int)TDCOST_SPLIT_CACHE == (int)TOPUP_SPLIT_CACHE);
static_assert((int)TDCOST_SPLIT_BATCH == (int)TOPUP_SPLIT_BATCH);
static_assert((int)TDCOST_PER_VCPU_OR_VM == (int)TOPUP_PER_VCPU_OR_VM);
static_assert((int)TDCOST_DIRECT == (int)TOPUP_DIRECT);
static_assert((int)TDCOST_VARIANT_MAX == (int)TOPUP_VARIANTS);
static_assert((int)TDCOST_FAULT_STEADY == (int)TOPUP_STEADY);
static_assert((int)TDCOST_FAULT_BURST == (int)TOPUP_BURST);
static_assert((int)TDCOST_FAULT_COLD == (int)TOPUP_COLD);
static_assert((int)TDCOST_SPLIT_REPEAT == (int)TOPUP_LOADS);
static_assert((int)TDCOST_LOCK_MMU == (int)TOPUP_LOCK_MMU);
static_assert((int)TDCOST_LOCK_SPLIT == (int)TOPUP_LOCK_SPLIT);
static_assert((int)TDCOST_LOCK_VM == (int)TOPUP_LOCK_VM);
static_assert((int)TDCOST_LOCK_PAMT == (int)TOPUP_LOCK_PAMT);
static_assert((int)TDCOST_LOCK_MAX == (int)TOPUP_LOCKS);
static_assert(TDCOST_METER_CALLS == TOPUP_METER_CALLS);
static_assert(TDCOST_METER_GETS == TOPUP_METER_GETS);
static_assert(TDCOST_METER_ALL == TOPUP_METER_ALL);
/* A range has no more splits than there are needs in a row. */
static_assert(MAX_SPLITS <= SPTE_ENT_PER_PAGE);
/* Samples of the caches are copied out as they are. */
static_assert(sizeof(struct topup_sample) == sizeof(struct tdcost_sample));
static_assert(offsetof(struct topup_sample, ticks) == offsetof(struct tdcost_sample, ticks));
static_assert(offsetof(struct topup_sample, pages) == offsetof(struct tdcost_sample, pages));

#define GATE_SECONDS 10

static int check_room(const struct tdcost_topup *t)
{
	if (t->n_topups > MAX_SAMPLES || t->n_uses > MAX_SAMPLES)
		return -EINVAL;
	if (t->flags & TDCOST_TOPUP_TIMES)
		return t->meters ? -EINVAL : 0;
	if ((t->n_topups && !(t->meters & TDCOST_METER_CALLS)) ||
	    (t->n_uses && !(t->meters & TDCOST_METER_GETS)))
		return -EINVAL;
	return 0;
}

/* What only some works have. */
static int check_work(const struct tdcost_topup *t)
{
	if (!is_pamt(t))
		return t->flags & PAMT_FLAGS ? -EINVAL : 0;
	if (t->variant != TDCOST_PAMT_CACHE && t->variant != TDCOST_DIRECT)
		return -EINVAL;
	return t->flags & HOOK_FLAGS ? -EINVAL : 0;
}

static int check_topup(const struct tdcost_topup *t)
{
	u32 splits = is_split(t) ? t->splits : 1;

	if (t->variant >= TDCOST_VARIANT_MAX || t->source >= TDCOST_SOURCE_MAX ||
	    t->work >= TDCOST_WORK_MAX || t->flags & ~TOPUP_FLAGS || check_work(t))
		return -EINVAL;
	if (t->vcpus > MAX_VCPUS || t->reserved)
		return -EINVAL;
	if (t->fail_every > MAX_FAIL_EVERY || t->meters & ~TDCOST_METER_ALL)
		return -EINVAL;
	if (!splits || splits > MAX_SPLITS || (!is_split(t) && t->splits))
		return -EINVAL;
	if (t->demote_loops > MAX_LOOPS || !t->units || t->units > MAX_TOPUP_WORK / splits)
		return -EINVAL;
	return check_room(t);
}

static bool alike(const struct tdcost_topup *a, const struct tdcost_topup *b)
{
	return a->variant == b->variant && a->work == b->work && a->splits == b->splits &&
	       a->demote_loops == b->demote_loops && a->vcpus == b->vcpus &&
	       !((a->flags ^ b->flags) & (TDCOST_TOPUP_NO_VCPU | TDCOST_TOPUP_BURST));
}

/* With the file's lock held. */
static int make_vm(struct tdcost_file *file, const struct tdcost_topup *t)
{
	struct tdcost_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return -ENOMEM;
	if (tdcost_pamt_open(&vm->pamt, t)) {
		kfree(vm);
		return -ENOMEM;
	}
	init_waitqueue_head(&vm->gate);
	topup_vm_init(&vm->vm, t->variant);
	vm->vm.demote_loops = t->demote_loops;
	vm->vm.has_vcpu = !(t->flags & TDCOST_TOPUP_NO_VCPU);
	if (t->work == TDCOST_SPLIT_WHOLE)
		vm->vm.ahead = t->splits;
	vm->like = *t;
	file->vm = vm;
	return 0;
}

static int join_vm(struct tdcost_file *file, struct tdcost_run *run)
{
	int ret = 0;

	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	if (!file->vm)
		ret = make_vm(file, &run->t);
	else if (!alike(&file->vm->like, &run->t))
		ret = -EBUSY;
	if (!ret) {
		file->vm->users++;
		/* Who has gone is not counted, and who comes later finds it open. */
		if (file->vm->users >= run->t.vcpus && !file->vm->open) {
			WRITE_ONCE(file->vm->open, true);
			wake_up_all(&file->vm->gate);
		}
		run->pamt = &file->vm->pamt;
		topup_vcpu_init(&run->vcpu, &file->vm->vm, &run->source,
				run->t.meters ? &run->meter : NULL);
	}
	mutex_unlock(&file->lock);
	return ret;
}

/* The VM stays: this call is one of its users. */
static int wait_for_vcpus(struct tdcost_vm *vm, const struct tdcost_run *run)
{
	long left = wait_event_killable_timeout(vm->gate, READ_ONCE(vm->open), GATE_SECONDS * HZ);

	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

/* Not to be interrupted: what the vCPU holds goes back whatever happens. */
static void leave_vm(struct tdcost_file *file, struct tdcost_run *run)
{
	struct tdcost_vm *vm = file->vm;
	u64 start;

	topup_vcpu_drain(&run->vcpu);
	run->t.end = tdcost_tick_stop();
	mutex_lock(&file->lock);
	if (!--vm->users) {
		run->t.held += topup_vm_idle(&vm->vm);
		/* The draining alone: waiting for the lock is not of the work. */
		start = tdcost_tick_start();
		topup_vm_drain(&vm->vm, &run->vcpu);
		run->t.end += tdcost_tick_stop() - start;
		topup_pamt_destroy(&vm->pamt, &run->vcpu.ctx);
		topup_vm_destroy(&vm->vm);
		kfree(vm);
		file->vm = NULL;
	}
	mutex_unlock(&file->lock);
}

static void open_source(struct topup_source *s, const struct tdcost_topup *t)
{
	static const gfp_t sleep[TDCOST_SOURCE_MAX] = {
		[TDCOST_GFP_KERNEL] = GFP_KERNEL,
		[TDCOST_GFP_KERNEL_ACCOUNT] = GFP_KERNEL_ACCOUNT,
		[TDCOST_GFP_ATOMIC] = GFP_ATOMIC,
	};
	gfp_t zero = t->flags & TDCOST_TOPUP_ZERO ? __GFP_ZERO : 0;
	gfp_t gfp = sleep[t->source];

	/* What cannot be had is a result: the kernel's log need not hear of it. */
	s->backing.gfp[TOPUP_SLEEP] = gfp | zero | __GFP_NOWARN;
	s->backing.gfp[TOPUP_ATOMIC] = GFP_ATOMIC | (gfp & __GFP_ACCOUNT) | zero | __GFP_NOWARN;
	s->backing.gfp[TOPUP_LAST] = GFP_ATOMIC | __GFP_ACCOUNT | zero | __GFP_NOWARN;
	s->fail_at = t->fail_every;
	s->fail_every = t->fail_every;
}

void tdcost_add_use(struct tdcost_run *run, u64 ticks, u64 pages)
{
	struct tdcost_sample *s = run->uses + run->t.done;

	run->t.use_ticks += ticks;
	if (run->t.done >= run->t.n_uses)
		return;
	s->ticks = ticks;
	s->pages = pages;
}

void tdcost_add_topup(struct tdcost_run *run, u64 ticks, u64 pages)
{
	struct topup_sample *s = run->meter.sample + run->meter.topups;

	run->t.topup_ticks += ticks;
	if (run->meter.topups++ >= run->meter.room)
		return;
	s->ticks = ticks;
	s->pages = pages;
}

static void add_hand(struct tdcost_run *run, u64 ticks)
{
	tdcost_add_use(run, ticks, run->hand.sept + run->hand.pamt);
}

static int timed_fault(struct tdcost_run *run, const struct topup_need *need)
{
	u64 allocs = topup_source_allocs(&run->source);
	u64 start, end;
	int ret;

	start = tdcost_tick_start();
	ret = run->work->topup(&run->vcpu);
	end = tdcost_tick_stop();
	tdcost_add_topup(run, end - start, topup_source_allocs(&run->source) - allocs);
	if (ret)
		return ret;
	start = tdcost_tick_start();
	ret = run->work->take(&run->vcpu, need, &run->hand);
	end = tdcost_tick_stop();
	add_hand(run, end - start);
	return ret;
}

static int one_fault(struct tdcost_run *run)
{
	struct topup_need need = topup_schedule_fault((enum topup_load)run->t.work, run->unit);

	if (run->t.flags & TDCOST_TOPUP_TIMES)
		return timed_fault(run, &need);
	return run->work->fault(&run->vcpu, &need, &run->hand);
}

static int one_split(struct tdcost_run *run)
{
	const struct topup_need *need = topup_schedule_splits(run->unit * run->t.splits);
	enum topup_range_mode mode = run->t.work == TDCOST_SPLIT_WHOLE ? TOPUP_WHOLE : TOPUP_REPEAT;
	u64 start, end;
	int ret;

	if (!(run->t.flags & TDCOST_TOPUP_TIMES))
		return run->work->split(&run->vcpu, run->t.splits, mode, need, &run->hand);
	start = tdcost_tick_start();
	ret = run->work->split(&run->vcpu, run->t.splits, mode, need, &run->hand);
	end = tdcost_tick_stop();
	add_hand(run, end - start);
	return ret;
}

static int one_unit(struct tdcost_run *run)
{
	if (is_pamt(&run->t))
		return tdcost_pamt_get(run);
	return is_split(&run->t) ? one_split(run) : one_fault(run);
}

/* What the unit took goes back: of gets, when there are as many as there may be. */
static void end_unit(struct tdcost_run *run)
{
	topup_source_seen(&run->source);
	if (!is_pamt(&run->t))
		topup_hand_free(&run->vcpu.ctx, &run->hand);
	else if (run->gets == MAX_GETS)
		tdcost_pamt_put(run);
}

static int run_units(struct tdcost_run *run)
{
	int ret = 0;

	run->t.start = tdcost_tick_start();
	for (; run->unit < run->t.units && !ret; run->unit++) {
		ret = one_unit(run);
		run->t.done += !ret;
		end_unit(run);
		if (ret == -ENOMEM && run->t.fail_every)
			ret = 0;
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	if (is_pamt(&run->t))
		tdcost_pamt_put(run);
	run->t.held = topup_vcpu_idle(&run->vcpu);
	return ret;
}

static void count_locks(struct tdcost_run *run)
{
	const struct topup_lock_meter *m;
	unsigned int i;

	for (i = 0; i < TDCOST_LOCK_MAX; i++) {
		m = &run->meter.lock[i];
		run->t.lock[i] = (struct tdcost_lock){
			.rounds = m->rounds,
			.wait = m->wait,
			.wait_max = m->wait_max,
			.hold = m->hold,
			.hold_max = m->hold_max,
		};
	}
}

static void count(struct tdcost_run *run)
{
	const struct topup_source *s = &run->source;

	run->t.allocs = topup_source_allocs(s);
	run->t.frees = s->frees;
	run->t.failures = s->failures;
	run->t.peak = s->peak;
	run->t.idle_peak = run->meter.idle_peak;
	run->t.retries = run->meter.retries;
	run->t.n_topups = min_t(u64, run->meter.topups, run->t.n_topups);
	run->t.n_uses = min_t(u64, run->t.meters ? run->meter.gets : run->t.done, run->t.n_uses);
	if (run->t.meters)
		run->t.empty = topup_meter_empty();
	count_locks(run);
}

static int get_room(struct tdcost_run *run)
{
	run->meter.what = run->t.meters;
	run->meter.room = run->t.n_topups;
	if (run->t.n_topups) {
		run->meter.sample =
			kvcalloc(run->t.n_topups, sizeof(*run->meter.sample), GFP_KERNEL_ACCOUNT);
		if (!run->meter.sample)
			return -ENOMEM;
	}
	if (run->t.n_uses) {
		run->uses = kvcalloc(run->t.n_uses, sizeof(*run->uses), GFP_KERNEL_ACCOUNT);
		if (!run->uses)
			return -ENOMEM;
		run->meter.get = (struct topup_sample *)run->uses;
		run->meter.get_room = run->t.n_uses;
	}
	return 0;
}

static int put_results(struct tdcost_run *run, void __user *arg)
{
	const struct tdcost_topup *t = &run->t;

	if (copy_to_user(u64_to_user_ptr(t->topups), run->meter.sample,
			 t->n_topups * sizeof(struct tdcost_sample)) ||
	    copy_to_user(u64_to_user_ptr(t->uses), run->uses,
			 t->n_uses * sizeof(struct tdcost_sample)) ||
	    copy_to_user(arg, t, sizeof(*t)))
		return -EFAULT;
	return 0;
}

static int topup(struct tdcost_file *file, struct tdcost_run *run)
{
	bool indirect = run->t.flags & TDCOST_TOPUP_INDIRECT;
	int ret = get_room(run);

	if (ret)
		return ret;
	run->work = &topup_variants[run->t.variant].work[indirect];
	open_source(&run->source, &run->t);
	topup_hand_init(&run->hand);
	ret = join_vm(file, run);
	if (ret)
		return ret;
	ret = wait_for_vcpus(file->vm, run);
	if (!ret)
		ret = run_units(run);
	leave_vm(file, run);
	return ret;
}

static int topup_and_tell(struct tdcost_file *file, struct tdcost_run *run, void __user *arg)
{
	int ret;

	/* What the caller left there is not to be taken for a result. */
	memset_startat(&run->t, 0, start);
	ret = topup(file, run);
	count(run);
	if ((!ret || ret == -ENOMEM) && put_results(run, arg))
		ret = -EFAULT;
	return ret;
}

int tdcost_topup(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_run *run = kzalloc(sizeof(*run), GFP_KERNEL_ACCOUNT);
	int ret = 0;

	if (!run)
		return -ENOMEM;
	if (copy_from_user(&run->t, arg, sizeof(run->t)))
		ret = -EFAULT;
	if (!ret)
		ret = check_topup(&run->t);
	if (!ret)
		ret = topup_and_tell(file, run, arg);
	kvfree(run->meter.sample);
	kvfree(run->uses);
	kfree(run);
	return ret;
}
