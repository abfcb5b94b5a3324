// SPDX-License-Identifier: GPL-2.0-or-later
/* kmod_topup() of the fake: the caches of the program, each call a VM of its own, pages by mmap(). */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "bench/topup/meter.h"
#include "bench/topup/pamt.h"
#include "bench/topup/schedule.h"
#include "bench/topup/source_user.h"
#include "harness/measure/clock.h"
#include "tests/bench/kmod/fake_client.h"

struct run {
	struct tdcost_topup *t;
	const struct topup_work *work;
	struct topup_vm vm;
	struct topup_vcpu vcpu;
	struct topup_source source;
	struct topup_meter meter;
	struct topup_hand hand;
	struct topup_pamt pamt;
};

static bool is_split(const struct tdcost_topup *t)
{
	return t->work == TDCOST_SPLIT_REPEAT || t->work == TDCOST_SPLIT_WHOLE;
}

static bool is_pamt(const struct tdcost_topup *t)
{
	return t->work == TDCOST_PAMT_FAST || t->work == TDCOST_PAMT_LOCK;
}

static int begin(struct run *r, struct tdcost_topup *t)
{
	r->t = t;
	r->work = &topup_variants[t->variant].work[!!(t->flags & TDCOST_TOPUP_INDIRECT)];
	/* The topups of TIMES are those of a meter here. */
	r->meter.what = t->flags & TDCOST_TOPUP_TIMES ? TOPUP_METER_CALLS : t->meters;
	r->meter.get = (struct topup_sample *)(uintptr_t)t->uses;
	r->meter.get_room = t->n_uses;
	r->meter.sample = (struct topup_sample *)(uintptr_t)t->topups;
	r->meter.room = t->n_topups;
	topup_vm_init(&r->vm, (enum topup_variant)t->variant);
	r->vm.demote_loops = t->demote_loops;
	r->vm.has_vcpu = !(t->flags & TDCOST_TOPUP_NO_VCPU);
	if (t->work == TDCOST_SPLIT_WHOLE)
		r->vm.ahead = t->splits;
	topup_source_open(&r->source, NULL);
	topup_vcpu_init(&r->vcpu, &r->vm, &r->source, r->meter.what ? &r->meter : NULL);
	topup_hand_init(&r->hand);
	return is_pamt(t) ? topup_pamt_init(&r->pamt, SPTE_ENT_PER_PAGE) : 0;
}

static unsigned region(const struct run *r, unsigned get)
{
	return r->t->flags & TDCOST_TOPUP_BURST ? 0 : get % SPTE_ENT_PER_PAGE;
}

static int get(struct run *r)
{
	struct topup_list *cache = r->t->variant == TDCOST_PAMT_CACHE ? &r->vcpu.pamt : NULL;
	unsigned i = region(r, (unsigned)r->t->done);
	struct topup_watch w = { 0 };
	int ret = 0;

	if (cache) {
		topup_call_begin(&r->vcpu.ctx, &w);
		ret = topup_pamt_cache_topup(&r->vcpu.ctx, cache, PT64_ROOT_MAX_LEVEL);
		topup_call_end(&r->vcpu.ctx, &w);
	}
	if (ret)
		return ret;
	topup_get_begin(&r->vcpu.ctx, &w);
	ret = (r->t->work == TDCOST_PAMT_LOCK ? topup_pamt_get_locked
					      : topup_pamt_get)(&r->pamt, &r->vcpu.ctx, i, cache);
	topup_get_end(&r->vcpu.ctx, &w, 1);
	return ret;
}

/* Those since the last 512. */
static void put(struct run *r)
{
	unsigned n = (unsigned)r->t->done,
		 first = n ? (n - 1) / SPTE_ENT_PER_PAGE * SPTE_ENT_PER_PAGE : 0;

	while (n-- > first)
		(r->t->work == TDCOST_PAMT_LOCK ? topup_pamt_put_locked : topup_pamt_put)(
			&r->pamt, &r->vcpu.ctx, region(r, n));
}

static int unit(struct run *r)
{
	struct topup_need need;
	int ret;

	if (is_pamt(r->t)) {
		if (r->t->done && r->t->done % SPTE_ENT_PER_PAGE == 0)
			put(r);
		return get(r);
	}
	if (is_split(r->t)) {
		return r->work->split(&r->vcpu, r->t->splits,
				      r->t->work == TDCOST_SPLIT_WHOLE ? TOPUP_WHOLE : TOPUP_REPEAT,
				      topup_schedule_splits(r->t->done * r->t->splits), &r->hand);
	}
	need = topup_schedule_fault((enum topup_load)r->t->work, r->t->done);
	ret = r->work->topup(&r->vcpu);
	return ret ? ret : r->work->take(&r->vcpu, &need, &r->hand);
}

static int all_units(struct run *r)
{
	struct tdcost_sample *uses = (struct tdcost_sample *)(uintptr_t)r->t->uses;
	int ret = 0;

	r->t->start = tick_start();
	for (r->t->done = 0; r->t->done < r->t->units && !ret; r->t->done += !ret) {
		ret = unit(r);
		if (r->t->flags & TDCOST_TOPUP_TIMES && r->t->done < r->t->n_uses)
			uses[r->t->done] =
				(struct tdcost_sample){ .ticks = 1,
							.pages = r->hand.sept + r->hand.pamt };
		topup_source_seen(&r->source);
		topup_hand_free(&r->vcpu.ctx, &r->hand);
	}
	if (is_pamt(r->t))
		put(r);
	r->t->held = topup_vcpu_idle(&r->vcpu) + topup_vm_idle(r->vcpu.vm);
	return ret;
}

static void tell(struct run *r)
{
	struct tdcost_topup *t = r->t;
	uint64_t uses;

	t->allocs = topup_source_allocs(&r->source);
	t->frees = r->source.frees;
	t->failures = r->source.failures;
	t->peak = r->source.peak;
	t->n_topups = r->meter.topups < t->n_topups ? (uint32_t)r->meter.topups : t->n_topups;
	uses = t->flags & TDCOST_TOPUP_TIMES ? t->done : r->meter.gets;
	t->n_uses = uses < t->n_uses ? (uint32_t)uses : t->n_uses;
	if (!t->meters)
		return;
	t->empty = topup_meter_empty();
	t->idle_peak = r->meter.idle_peak;
	t->retries = r->meter.retries;
	for (unsigned i = 0; i < TDCOST_LOCK_MAX; i++)
		t->lock[i] = (struct tdcost_lock){ .rounds = r->meter.lock[i].rounds,
						   .wait = r->meter.lock[i].wait,
						   .wait_max = r->meter.lock[i].wait_max,
						   .hold = r->meter.lock[i].hold,
						   .hold_max = r->meter.lock[i].hold_max };
}

static void end(struct run *r)
{
	uint32_t aux;

	topup_vcpu_drain(&r->vcpu);
	topup_vm_drain(&r->vm, &r->vcpu);
	r->t->end = tick_stop(&aux);
	topup_vm_destroy(&r->vm);
	topup_pamt_destroy(&r->pamt, &r->vcpu.ctx);
	topup_source_close(&r->source);
}

static void misbehave(struct tdcost_topup *t)
{
	struct tdcost_sample *topups = (struct tdcost_sample *)(uintptr_t)t->topups;

	if (fake.topup_fault == FAKE_TOPUP_LEAK)
		t->frees--;
	if (fake.topup_fault == FAKE_TOPUP_FEW)
		t->allocs = t->frees = 1;
	if (fake.topup_fault == FAKE_TOPUP_SHORT)
		t->done--;
	if (fake.topup_fault == FAKE_TOPUP_BACKWARDS)
		t->end = t->start;
	if (fake.topup_fault == FAKE_TOPUP_SAMPLE && t->n_topups)
		topups[t->n_topups - 1].pages++;
	if (fake.topup_fault == FAKE_TOPUP_ROUNDS)
		t->lock[is_pamt(t) ? TDCOST_LOCK_PAMT : TDCOST_LOCK_MMU].rounds++;
}

/* A locked one at a time: what calls that run at once share is the module's to prove. */
int kmod_topup(const struct kmod *k, struct tdcost_topup *t, struct reason *why)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct run r = { 0 };
	int ret;

	pthread_mutex_lock(&lock);
	fake.topups++;
	fake.topup = *t;
	fake.topup_files |= 1u << k->fd % 32;
	if (fake.topup_fault == FAKE_TOPUP_BUSY) {
		pthread_mutex_unlock(&lock);
		return reason_set(why, -EBUSY, "another one is under way on this open file");
	}
	ret = begin(&r, t);
	if (fake.topup_fault == FAKE_TOPUP_NO_MEMORY)
		r.source.fail_at = 100;
	if (!ret)
		ret = all_units(&r);
	end(&r);
	tell(&r);
	misbehave(t);
	pthread_mutex_unlock(&lock);
	return ret ? reason_set(why, ret, "no page was left behind %llu units",
				(unsigned long long)t->done)
		   : 0;
}
