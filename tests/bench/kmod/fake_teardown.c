// SPDX-License-Identifier: GPL-2.0-or-later
/* kmod_teardown() of the fake: the replay of the program, on the pages of the fake. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/teardown/replay.h"
#include "bench/topup/source_user.h"
#include "harness/measure/clock.h"
#include "tests/bench/kmod/fake_client.h"

#define HAS(t, flag) (!!((t)->flags & (flag)))

static bool ready;

static void flush(const char *base, size_t bytes)
{
	(void)base;
	(void)bytes;
}

static void reset(char *dst, size_t bytes, const char *src)
{
	(void)src;
	if (HAS(&fake.teardown, TDCOST_TEARDOWN_QUIRK))
		memset(dst, 0, bytes);
}

int kmod_teardown_set(const struct kmod *k, const struct tdcost_teardown *t, struct reason *why)
{
	uint64_t bytes;

	if (!fake_pages(&bytes))
		return reason_set(why, -ENODATA, "there are no pages: allocate them first");
	if (HAS(t, TDCOST_TEARDOWN_QUIRK) && !(k->info.features & TDCOST_HAS_MOVDIR64B))
		return reason_set(why, -ENOTSUP, "this CPU has no MOVDIR64B");
	fake.teardown = *t;
	ready = true;
	return 0;
}

struct run {
	const struct kmod *k;
	struct td_replay r;
	struct td_thread leaves, rest;
	struct topup_source source;
	struct topup_pamt pamt;
	char *pair, *control;
	struct td_vcpu vcpu[16];
};

static void begin(struct run *run, char *base, uint64_t n)
{
	const struct tdcost_teardown *t = &fake.teardown;
	const uint64_t *guests = (const uint64_t *)(uintptr_t)t->mask;

	run->r = (struct td_replay){
		.path = (enum td_path)t->path,
		.mem = { .base = base },
		.control = { .base = run->control },
		.n_control = td_control_pages(n * (TD_PAGE << t->leaf_order),
					      TD_PAGE << t->leaf_order, t->vcpus),
		.leaf = TD_PAGE << t->leaf_order,
		.order = (const uint32_t *)(uintptr_t)t->order,
		.without = t->without,
		.timed = t->timed,
		.every = t->every,
		.vcpu = run->vcpu,
		.vcpus = t->vcpus,
		.packages = topo_packages(fake.topo),
		.skip_cache_wb = HAS(t, TDCOST_TEARDOWN_SKIP_CACHE_WB),
		.ops = { .flush = flush, .reset = reset },
		.reset_bytes = TD_PAGE << t->reset_order,
		.dpamt = (enum td_dpamt)t->dpamt,
		.pamt = &run->pamt,
	};
	for (unsigned i = 0; i < TD_SEAMS; i++)
		run->r.seam_ticks[i] = t->seam_ns[i];
	for (unsigned i = 0; i < t->mask_words; i++)
		run->r.in_guest += (unsigned)__builtin_popcountll(guests[i]);
	for (unsigned i = 0; i < run->r.in_guest; i++)
		run->vcpu[i].mode = TD_IN_GUEST_MODE;
	run->leaves.rng = t->seed | 1;
	topup_source_open(&run->source, NULL);
	run->leaves.ctx.source = &run->source;
	run->leaves.pair = run->pair;
	topup_pamt_init(&run->pamt, (unsigned)(n / 512 + 1));
	for (uint64_t i = 0; t->dpamt && i < n; i++)
		topup_pamt_get(&run->pamt, &run->leaves.ctx, (unsigned)(i / 512), NULL);
}

static void whole(struct run *run, enum td_phase phase)
{
	td_tally_begin(&run->rest.tally);
	if (phase == TD_P_HKID)
		td_release_hkid(&run->r, &run->rest);
	else if (phase == TD_P_CONTROL)
		td_release_control(&run->r, &run->rest);
	else if (fake.teardown_fault != FAKE_TEARDOWN_KEPT)
		kmod_pages_free(run->k, NULL);
	td_tally_mark(&run->rest.tally, phase);
	td_tally_keep(&run->rest.tally);
}

static void steps(struct run *run, char *base, uint64_t n)
{
	if (run->r.path == TD_TEARDOWN)
		whole(run, TD_P_HKID);
	td_leaves(&run->r, &run->leaves, 0, n);
	if (run->r.path == TD_DYNAMIC)
		whole(run, TD_P_HKID);
	if (fake.teardown_fault == FAKE_TEARDOWN_BYTE)
		base[n * run->r.leaf - 1] ^= 1;
	if (fake.teardown_fault == FAKE_TEARDOWN_STEP)
		run->leaves.count[TD_REMOVE]++;
	if (!(run->r.without & TD_BIT(TD_P_CONTROL)))
		whole(run, TD_P_CONTROL);
	if (!(run->r.without & TD_BIT(TD_P_FREE)))
		whole(run, TD_P_FREE);
}

static void tell(const struct run *run, struct tdcost_torn *t)
{
	const struct td_tally *leaves = &run->leaves.tally, *rest = &run->rest.tally;

	t->marked = leaves->leaves;
	t->interrupted = leaves->interrupted;
	t->leaf_marks = leaves->marks;
	t->other_marks = rest->marks;
	for (unsigned i = 0; i < TD_PHASES; i++) {
		t->ticks[i] = leaves->ticks[i] + rest->ticks[i];
		t->count[i] = leaves->count[i] + rest->count[i];
	}
	for (unsigned i = 0; i < TD_STEPS; i++)
		t->steps[i] = run->leaves.count[i] + run->rest.count[i];
}

int kmod_teardown(const struct kmod *k, struct tdcost_torn *t, struct reason *why)
{
	struct run *run;
	uint64_t bytes, n;
	uint32_t aux;
	char *base = fake_pages(&bytes);

	if (!base || !ready)
		return reason_set(why, -ENODATA, "nothing is ready");
	if (fake.teardown_fault == FAKE_TEARDOWN_BUSY)
		return reason_set(why, -EBUSY, "a CPU has not answered an earlier call");
	run = calloc(1, sizeof(*run));
	run->pair = calloc(TDX_DPAMT_ENTRY_PAGE_CNT, TD_PAGE);
	run->k = k;
	fake.teardowns++;
	ready = false;
	n = bytes / TD_PAGE >> fake.teardown.leaf_order;
	run->control = calloc(
		td_control_pages(bytes, TD_PAGE << fake.teardown.leaf_order, fake.teardown.vcpus),
		TD_PAGE);
	begin(run, base, n);
	t->start = tick_start();
	steps(run, base, n);
	t->end = tick_stop(&aux);
	tell(run, t);
	topup_pamt_destroy(&run->pamt, &run->leaves.ctx);
	topup_source_close(&run->source);
	free(run->pair);
	free(run->control);
	free(run);
	return 0;
}
