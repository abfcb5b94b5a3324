// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/topup_kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE	     4096ll
#define MAX_SAMPLES  65536 /* that the module takes room for */
#define PROBE_SPLITS 128   /* whose pages, 5 for each, are held at once: 2.5 MiB */

/* Samples of the module are those of the caches, and so are its variants and locks. */
static_assert(sizeof(struct tdcost_sample) == sizeof(struct topup_sample), "samples");
static_assert((int)TDCOST_LOCK_MAX == (int)TOPUP_LOCKS, "locks");
static_assert(TDCOST_METER_CALLS == TOPUP_METER_CALLS, "calls");
static_assert(TDCOST_METER_GETS == TOPUP_METER_GETS, "gets");
static_assert((int)TDCOST_VARIANT_MAX == (int)TOPUP_VARIANTS, "variants");

/* What the module calls it, by load, by the way of a range, and by the way of counting. */
static const unsigned int fault_works[TOPUP_LOADS] = {
	[TOPUP_STEADY] = TDCOST_FAULT_STEADY,
	[TOPUP_BURST] = TDCOST_FAULT_BURST,
	[TOPUP_COLD] = TDCOST_FAULT_COLD,
};
static const unsigned int split_works[] = {
	[TOPUP_REPEAT] = TDCOST_SPLIT_REPEAT,
	[TOPUP_WHOLE] = TDCOST_SPLIT_WHOLE,
};
static const unsigned int refcount_works[] = { TDCOST_PAMT_FAST, TDCOST_PAMT_LOCK };

static unsigned int work_of(const struct topup_setting *set)
{
	switch (set->kind) {
	case TOPUP_FAULT:
		return fault_works[set->load];
	case TOPUP_SPLIT:
		return split_works[set->mode];
	default:
		return refcount_works[set->locked];
	}
}

static unsigned int vms_of(const struct topup_setting *set)
{
	return set->vm_each ? set->threads : 1;
}

static unsigned int units_of(const struct topup_setting *set)
{
	return set->kind == TOPUP_SPLIT ? set->ops / set->range : set->ops;
}

static bool accounts(const struct topup_setting *set)
{
	return set->from == TOPUP_GFP_KERNEL_ACCOUNT;
}

int topup_kernel_supported(const struct machine *m, const struct topup_setting *set,
			   struct reason *why)
{
	int ret;

	if (set->variant == TOPUP_NONE)
		return reason_set(why, -ENOTSUP,
				  "the module has no loop without caches: variant=none is of "
				  "mode=user");
	ret = kmod_supported(m, 0, why);
	return !ret && accounts(set) ? memcg_supported(m->root, why) : ret;
}

/* ---- calls ---- */

/* The module refuses what says nothing to its work. */
static unsigned int flags_of(const struct topup_setting *set)
{
	if (set->kind == TOPUP_REFCOUNT)
		return set->load == TOPUP_BURST ? TDCOST_TOPUP_BURST : 0;
	return (set->indirect ? TDCOST_TOPUP_INDIRECT : 0) |
	       (set->by_vcpu ? 0 : TDCOST_TOPUP_NO_VCPU);
}

struct tdcost_topup topup_kernel_call(const struct topup_setting *set)
{
	return (struct tdcost_topup){
		.variant = set->variant,
		.source = set->from - TOPUP_GFP_KERNEL + TDCOST_GFP_KERNEL,
		.work = work_of(set),
		.flags = flags_of(set) | (set->zero ? TDCOST_TOPUP_ZERO : 0),
		.splits = set->kind == TOPUP_SPLIT ? set->range : 0,
		.demote_loops = set->hold_loops,
		.units = units_of(set),
	};
}

static void call_share(void *arg, unsigned member)
{
	struct topup_kernel *k = arg;
	struct topup_call *c = &k->call[member];

	c->err = kmod_topup(&k->vm[member % vms_of(k->at)], &c->t, &c->why);
}

void topup_kernel_ready(struct topup_kernel *k, const struct topup_setting *set, struct team *team,
			unsigned int meters)
{
	unsigned int vcpus = set->threads / vms_of(set);

	k->at = set;
	for (unsigned int i = 0; i < set->threads; i++) {
		struct topup_call *c = &k->call[i];

		c->err = 0;
		c->t = topup_kernel_call(set);
		c->t.meters = meters;
		c->t.vcpus = vcpus > 1 ? vcpus : 0;
		if (meters & TOPUP_METER_CALLS) {
			c->t.n_topups = (uint32_t)c->meter.room;
			c->t.topups = (uintptr_t)c->meter.sample;
		}
		if (meters & TOPUP_METER_GETS) {
			c->t.n_uses = (uint32_t)c->meter.get_room;
			c->t.uses = (uintptr_t)c->meter.get;
		}
	}
	team_ready(team, set->threads, call_share, k);
}

uint64_t topup_kernel_ticks(const struct topup_kernel *k)
{
	uint64_t start = k->call[0].t.start, end = k->call[0].t.end;

	for (unsigned int i = 1; i < k->at->threads; i++) {
		const struct tdcost_topup *t = &k->call[i].t;

		start = t->start < start ? t->start : start;
		end = t->end > end ? t->end : end;
	}
	return end - start;
}

/* ---- is it true? ---- */

static uint64_t used(const struct topup_setting *set)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < units_of(set); i++)
		pages += topup_kernel_used(set, i);
	return pages;
}

/* A page of one vCPU may be freed by another: what must be equal are the sums. */
static int check_pages(const struct topup_kernel *k, struct reason *why)
{
	uint64_t allocs = 0, frees = 0, failures = 0, needed = k->at->threads * used(k->at);

	for (unsigned int i = 0; i < k->at->threads; i++) {
		allocs += k->call[i].t.allocs;
		frees += k->call[i].t.frees;
		failures += k->call[i].t.failures;
	}
	if (allocs != frees)
		return reason_set(why, -EFAULT, "%llu pages were allocated and %llu were freed",
				  (unsigned long long)allocs, (unsigned long long)frees);
	/* An array that holds enough does without: then it is not the work that was asked for. */
	if (failures)
		return reason_set(why, -ENOMEM,
				  "%llu allocations failed: free memory, or raise memory.max of "
				  "this cgroup",
				  (unsigned long long)failures);
	if (allocs < needed)
		return reason_set(why, -EFAULT,
				  "the schedule asks for %llu pages and %llu were allocated",
				  (unsigned long long)needed, (unsigned long long)allocs);
	return 0;
}

int topup_kernel_check(const struct topup_kernel *k, struct reason *why)
{
	for (unsigned int i = 0; i < k->at->threads; i++) {
		const struct topup_call *c = &k->call[i];

		if (c->err)
			return reason_set(why, c->err, "%s", c->why.text);
		if (c->t.done != c->t.units || c->t.end <= c->t.start)
			return reason_set(
				why, -EFAULT, "vCPU %u did %llu of %llu units in %lld ticks", i,
				(unsigned long long)c->t.done, (unsigned long long)c->t.units,
				(long long)(c->t.end - c->t.start));
	}
	return check_pages(k, why);
}

/* ---- what it told ---- */

static void fill_meter(struct topup_call *c)
{
	c->meter.topups = c->t.n_topups;
	c->meter.gets = c->t.n_uses;
	c->meter.retries = c->t.retries;
	c->meter.idle_peak = c->t.idle_peak;
	for (unsigned int i = 0; i < TOPUP_LOCKS; i++)
		c->meter.lock[i] = (struct topup_lock_meter){
			.rounds = c->t.lock[i].rounds,
			.wait = c->t.lock[i].wait,
			.wait_max = c->t.lock[i].wait_max,
			.hold = c->t.lock[i].hold,
			.hold_max = c->t.lock[i].hold_max,
		};
}

struct topup_pass topup_kernel_seen(const struct topup_kernel *k, struct topup_seen *seen)
{
	struct topup_pass pass = { .threads = k->at->threads,
				   .n_vms = vms_of(k->at),
				   .ops = k->at->ops,
				   .empty = k->call[0].t.empty,
				   .seen = seen };

	for (unsigned int i = 0; i < pass.threads; i++) {
		struct topup_call *c = &k->call[i];

		fill_meter(c);
		seen[i] = (struct topup_seen){ .meter = &c->meter, .peak = c->t.peak };
		if (c->t.empty < pass.empty)
			pass.empty = c->t.empty;
		if (i % pass.n_vms == 0)
			pass.idle += c->t.held;
	}
	return pass;
}

/* ---- its life ---- */

/* By evidence where the kernel gives it, and otherwise by the kernel's rules alone. */
static int prove_charge(struct topup_kernel *k, json_t *facts, struct reason *why)
{
	struct tdcost_topup t = { .variant = TDCOST_TDX_PREALLOC,
				  .source = TDCOST_GFP_KERNEL_ACCOUNT,
				  .work = TDCOST_SPLIT_WHOLE,
				  .splits = PROBE_SPLITS,
				  .units = 1 };
	struct memcg_mark mark;
	int64_t bytes, wanted;
	int ret;

	memcg_mark(&k->memcg, &mark);
	ret = kmod_topup(&k->vm[0], &t, why);
	bytes = memcg_rise(&mark);
	if (ret)
		return ret;
	wanted = t.peak * PAGE;
	if (bytes >= 0 && bytes < wanted / 2)
		return reason_set(why, -EFAULT,
				  "source=gfp_kernel_account: %lld KiB were allocated and %lld KiB "
				  "charged to %s",
				  (long long)wanted >> 10, (long long)bytes >> 10, k->memcg.dir);
	json_object_set_new(facts, "own_memcg", json_boolean(*k->memcg.from));
	if (bytes >= 0)
		json_object_set_new(facts, "charge_seen", json_integer(bytes));
	return 0;
}

static int calls_open(struct topup_kernel *k, unsigned int n, unsigned int room)
{
	k->call = aligned_alloc(TOPUP_APART, n * sizeof(*k->call));
	if (!k->call)
		return -ENOMEM;
	memset(k->call, 0, n * sizeof(*k->call));
	for (; k->n_calls < n; k->n_calls++) {
		struct topup_meter *m = &k->call[k->n_calls].meter;

		m->room = room < MAX_SAMPLES ? room : MAX_SAMPLES;
		m->get_room = m->room;
		m->sample = calloc(m->room, sizeof(*m->sample));
		m->get = calloc(m->get_room, sizeof(*m->get));
		if (!m->sample || !m->get)
			return -ENOMEM;
	}
	return 0;
}

static int vms_open(struct topup_kernel *k, const struct machine *m, unsigned int n,
		    struct reason *why)
{
	int ret = 0;

	k->vm = calloc(n, sizeof(*k->vm));
	if (!k->vm)
		return reason_set(why, -ENOMEM, "out of memory");
	for (; k->n_vms < n && !ret; k->n_vms++)
		ret = kmod_open(&k->vm[k->n_vms], m->root, why);
	return ret;
}

int topup_kernel_open(struct topup_kernel *k, const struct machine *m,
		      const struct topup_setting *const *sets, unsigned int n, json_t *facts,
		      struct reason *why)
{
	unsigned int threads = 1, vms = 1, ops = 1;
	bool charged = false;
	int ret = 0;

	*k = (struct topup_kernel){ .memcg = { .line = -1 } };
	for (unsigned int i = 0; i < n; i++) {
		threads = sets[i]->threads > threads ? sets[i]->threads : threads;
		vms = vms_of(sets[i]) > vms ? vms_of(sets[i]) : vms;
		ops = sets[i]->ops > ops ? sets[i]->ops : ops;
		charged |= accounts(sets[i]);
	}
	if (charged)
		ret = memcg_open(&k->memcg, m->root, why);
	if (!ret)
		ret = vms_open(k, m, vms, why);
	if (!ret && calls_open(k, threads, ops))
		ret = reason_set(why, -ENOMEM, "out of memory");
	return !ret && charged ? prove_charge(k, facts, why) : ret;
}

void topup_kernel_close(struct topup_kernel *k)
{
	for (unsigned int i = 0; i < k->n_vms; i++)
		kmod_close(&k->vm[i]);
	for (unsigned int i = 0; i < k->n_calls; i++) {
		free(k->call[i].meter.sample);
		free(k->call[i].meter.get);
	}
	free(k->vm);
	free(k->call);
	memcg_close(&k->memcg);
	memset(k, 0, sizeof(*k));
	k->memcg.line = -1;
}
