// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/teardown_kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_2M 9
#define POISON	 0xa5a5a5a5a5a5a5a5u /* what undone work leaves behind in verify() */

static_assert((int)TDCOST_TEARDOWN_PHASES == (int)TD_PHASES, "phases");
static_assert((int)TDCOST_TEARDOWN_STEPS == (int)TD_STEPS, "steps");
static_assert((int)TDCOST_TEARDOWN_SEAMS == (int)TD_SEAMS, "seams");
static_assert((int)TDCOST_PATH_TEARDOWN == (int)TD_TEARDOWN, "paths");
static_assert((int)TDCOST_DPAMT_LOCK == (int)TD_DPAMT_LOCK, "dpamt");

static unsigned order_of(size_t bytes)
{
	return bytes == TD_REGION ? ORDER_2M : 0;
}

/* Of the pages, which guest_memfd has in either size. */
static unsigned page_order(const struct td_setting *set)
{
	return set->backing == MEM_THP ? ORDER_2M : 0;
}

static bool has_wbnoinvd(const struct machine *m)
{
	return cpu_has(&m->cpu, CPU_WBNOINVD);
}

const char *td_kernel_cache_wb(const struct machine *m)
{
	return has_wbnoinvd(m) ? "WBNOINVD" : "WBINVD";
}

int td_kernel_supported(const struct machine *m, const struct td_setting *set, struct reason *why)
{
	struct kmod k = { .fd = -1 };
	int ret = kmod_supported(m, set->erratum ? TDCOST_HAS_MOVDIR64B : 0, why);

	if (!ret)
		ret = kmod_open(&k, m->root, why);
	if (!ret && set->size > k.info.max_bytes)
		ret = reason_set(why, -ENOTSUP, "the module gives %llu MiB at most",
				 (unsigned long long)(k.info.max_bytes >> 20));
	kmod_close(&k);
	return ret;
}

/* The first failure is told; what follows it may be its consequence. */
static bool keep(struct td_kernel *k, int err, const struct reason *why)
{
	if (err && !k->err) {
		k->err = err;
		k->why = *why;
	}
	return !k->err;
}

/* ---- before a sample ---- */

static struct tdcost_teardown call_of(const struct td_user *u, const struct td_arm *a)
{
	const struct td_setting *set = &a->set;

	struct tdcost_teardown call = {
		.path = set->path,
		.flags = (set->erratum ? TDCOST_TEARDOWN_QUIRK : 0) |
			 (set->skip_cache_wb ? TDCOST_TEARDOWN_SKIP_CACHE_WB : 0),
		.leaf_order = order_of(set->leaf),
		.reset_order = order_of(set->reset_bytes),
		.dpamt = set->dpamt,
		.op = has_wbnoinvd(u->ctx->machine) ? TDCOST_WBNOINVD : TDCOST_WBINVD,
		.without = set->without,
		.timed = a->replay.timed,
		.every = a->replay.every,
		.vcpus = set->vcpus,
		.pamt_loops = a->pamt_loops,
		.mask = (uintptr_t)u->kernel->guests.words,
		.mask_words = set->in_guest ? KMOD_MASK_WORDS : 0,
		.order = (uintptr_t)a->replay.order,
		/* Other leaves in each sample. */
		.seed = u->thread[0].rng += 2,
	};

	for (unsigned i = 0; i < TD_SEAMS; i++)
		call.seam_ns[i] = (uint32_t)set->seam_ns[i];
	return call;
}

/* All pages anew, as in user space, with what verify() looks for in them. */
static bool renew(struct td_kernel *k, const struct td_setting *set)
{
	unsigned order = page_order(set);
	struct reason why = { "" };
	int ret = kmod_pages_free(&k->k, &why);

	if (!ret)
		ret = kmod_pages_alloc(&k->k, order, set->size / TD_PAGE >> order, -1, &why);
	if (!ret)
		ret = kmod_pages_fill(&k->k, POISON, set->dirty ? TDCOST_DIRTY : TDCOST_EVICTED,
				      &why);
	return keep(k, ret, &why);
}

static void set_guests(struct td_user *u, unsigned in_guest)
{
	memset(&u->kernel->guests, 0, sizeof(u->kernel->guests));
	for (unsigned i = 1; i <= in_guest; i++)
		kmod_mask_set(&u->kernel->guests, u->cpus[i]);
}

static void tear_down(struct td_user *u)
{
	struct td_kernel *k = u->kernel;
	struct reason why = { "" };
	int64_t away = td_away_begin(true);

	if (!k->err)
		keep(k, kmod_teardown(&k->k, &k->torn, &why), &why);
	u->away_thread[0] = td_away_end(true, away);
}

/* Members behind the first keep their CPUs busy, so that a kick interrupts somebody who runs. */
static void take_part(void *arg, unsigned member)
{
	struct td_user *u = arg;

	if (member) {
		while (__atomic_load_n(&u->running, __ATOMIC_ACQUIRE))
			cpu_relax();
		return;
	}
	tear_down(u);
	__atomic_store_n(&u->running, 0, __ATOMIC_RELEASE);
}

void td_kernel_prepare(struct td_user *u, const struct td_arm *a)
{
	struct td_kernel *k = u->kernel;
	struct tdcost_teardown call;
	struct reason why = { "" };

	memset(&k->torn, 0, sizeof(k->torn));
	if (renew(k, &a->set) && !a->set.reset_alone) {
		set_guests(u, a->set.in_guest);
		call = call_of(u, a);
		keep(k, kmod_teardown_set(&k->k, &call, &why), &why);
	}
	u->running = 1;
	if (a->set.in_guest && !a->set.reset_alone)
		team_ready(u->team, 1 + a->set.in_guest, take_part, u);
}

/* ---- a sample ---- */

static int64_t away_in_rest(const struct td_user *u)
{
	return u->away[TD_P_HKID] + u->away[TD_P_CONTROL] + u->away[TD_P_FREE];
}

/* The tallies that user space would have made. */
static void tell(struct td_user *u)
{
	const struct tdcost_torn *t = &u->kernel->torn;
	struct td_thread *leaves = &u->thread[0], *rest = &u->whole;
	const unsigned of_rest = TD_BIT(TD_P_HKID) | TD_BIT(TD_P_CONTROL) | TD_BIT(TD_P_FREE);

	memset(&leaves->tally, 0, sizeof(leaves->tally));
	memset(&rest->tally, 0, sizeof(rest->tally));
	memset(rest->count, 0, sizeof(rest->count));
	leaves->tally.leaves = t->marked;
	leaves->tally.interrupted = t->interrupted;
	leaves->tally.marks = t->leaf_marks;
	rest->tally.leaves = 1;
	rest->tally.marks = t->other_marks;
	/* What is left of the call's is of the leaves, as in user space. */
	u->away[TD_P_HKID] = (int64_t)t->away_hkid;
	u->away[TD_P_CONTROL] = (int64_t)t->away_control;
	u->away[TD_P_FREE] = (int64_t)t->away_free;
	u->away_thread[0] -= away_in_rest(u);
	for (unsigned i = 0; i < TD_PHASES; i++) {
		struct td_tally *of = of_rest & TD_BIT(i) ? &rest->tally : &leaves->tally;

		of->ticks[i] = t->ticks[i];
		of->count[i] = t->count[i];
	}
	memcpy(leaves->count, t->steps, sizeof(leaves->count));
}

static void with_guests(struct td_user *u)
{
	int64_t away = td_away_begin(false);
	uint64_t start = td_ticks(), own;

	team_go(u->team);
	own = team_time(u->team, 0)->end - team_time(u->team, 0)->start;
	tell(u);
	u->whole.tally.ticks[TD_P_WAIT] = td_ticks() - start - own;
	u->away[TD_P_WAIT] = td_away_end(false, away) - u->away_thread[0] - away_in_rest(u);
}

static void reset_alone(struct td_user *u, const struct td_arm *a)
{
	struct td_kernel *k = u->kernel;
	struct reason why = { "" };
	struct tdcost_reset call = { .flags = a->set.erratum ? TDCOST_RESET_QUIRK : 0,
				     .call_order = order_of(a->set.reset_bytes),
				     .rounds = 1 };

	if (!k->err)
		keep(k, kmod_pages_reset(&k->k, &call, &why), &why);
}

void td_kernel_run(struct td_user *u, const struct td_arm *a)
{
	if (a->set.reset_alone) {
		reset_alone(u, a);
	} else if (a->set.in_guest) {
		with_guests(u);
	} else {
		tear_down(u);
		tell(u);
	}
}

/* ---- is it true? ---- */

static int check_contents(struct td_user *u, const struct td_setting *set, struct reason *why)
{
	bool reset = set->erratum && !(set->without & TD_BIT(TD_P_RESET));
	struct tdcost_check check = { .pattern = reset ? 0 : POISON };
	int ret = kmod_pages_check(&u->kernel->k, &check, why);

	if (!ret && check.wrong)
		ret = reason_set(why, -EFAULT, "movdir64b: the page at offset %llu %s",
				 (unsigned long long)check.first / TD_PAGE * TD_PAGE,
				 reset ? "was not reset" : "was changed though nothing resets it");
	return ret;
}

/* The module has none left to look at. */
static int check_freed(struct td_user *u, struct reason *why)
{
	struct tdcost_check check = { .pattern = 0 };
	int ret = kmod_pages_check(&u->kernel->k, &check, NULL);

	if (ret == -ENODATA)
		return 0;
	return reason_set(why, ret ? ret : -EFAULT, "the pages were not freed");
}

/* Once with the pages kept, so that they can be looked at. */
int td_kernel_verify(struct td_user *u, const struct td_arm *a, struct reason *why)
{
	struct td_arm kept = *a;
	int ret;

	kept.set.without |= TD_BIT(TD_P_FREE);
	td_kernel_prepare(u, &kept);
	td_kernel_run(u, &kept);
	ret = td_kernel_finish(u, why);
	if (!ret)
		ret = check_contents(u, &a->set, why);
	if (ret || a->set.reset_alone)
		return ret;
	ret = td_check_counts(u, &a->set, why);
	if (ret || a->set.without & TD_BIT(TD_P_FREE))
		return ret;
	td_kernel_prepare(u, a);
	td_kernel_run(u, a);
	ret = td_kernel_finish(u, why);
	return ret ? ret : check_freed(u, why);
}

int td_kernel_finish(const struct td_user *u, struct reason *why)
{
	return u->kernel->err ? reason_set(why, u->kernel->err, "%s", u->kernel->why.text) : 0;
}

/* ---- its life ---- */

int td_kernel_open(struct td_user *u, struct reason *why)
{
	u->kernel = calloc(1, sizeof(*u->kernel));
	if (!u->kernel)
		return reason_set(why, -ENOMEM, "out of memory");
	u->kernel->k.fd = -1;
	return kmod_open(&u->kernel->k, u->ctx->machine->root, why);
}

void td_kernel_close(struct td_user *u)
{
	if (u->kernel)
		kmod_close(&u->kernel->k); /* which frees the pages */
	free(u->kernel);
	u->kernel = NULL;
}
