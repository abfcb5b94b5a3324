// SPDX-License-Identifier: GPL-2.0-or-later
/* That a teardown did all its steps, each as often as it should, and that they did their work. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/ops/flush_detect.h"
#include "bench/ops/held.h"
#include "bench/ops/lines.h"
#include "bench/ops/teardown_kernel.h"

#define POISON	    0xa5
#define PROOF_BYTES TD_REGION /* whose lines are read again */

static bool does(const struct td_setting *set, enum td_phase phase)
{
	return !(set->without & TD_BIT(phase));
}

/* ---- counts ---- */

/* From the table of SEAMCALLs per leaf, not from the loop. */
static void expected_counts(const struct td_user *u, const struct td_setting *set, uint64_t *count)
{
	uint64_t n = set->size / set->leaf, small = set->size / TD_PAGE;
	bool dynamic = set->path == TD_DYNAMIC, pamt = set->dpamt && does(set, TD_P_PAMT);
	bool kick = dynamic && does(set, TD_P_KICK);

	memset(count, 0, TD_STEPS * sizeof(*count));
	count[TD_BLOCK] = dynamic && does(set, TD_P_BLOCK) ? n : 0;
	count[TD_TRACK] = dynamic && does(set, TD_P_TRACK) ? n : 0;
	count[TD_REMOVE] = dynamic && does(set, TD_P_REMOVE) ? n : 0;
	count[TD_KICK] = kick ? n : 0;
	count[TD_IPI] = kick ? n * set->in_guest : 0;
	count[TD_WBINVD] = dynamic && does(set, TD_P_FLUSH) ? small : 0;
	count[TD_RECLAIM] = dynamic || !does(set, TD_P_RECLAIM) ? 0 : n;
	if (does(set, TD_P_CONTROL)) {
		count[TD_RECLAIM] += td_control_pages(set->size, set->leaf, set->vcpus);
		count[TD_WBINVD]++; /* TDR */
	}
	count[TD_RESET] = does(set, TD_P_RESET) ? set->size / set->reset_bytes : 0;
	if (does(set, TD_P_CONTROL))
		count[TD_RESET] += td_control_pages(set->size, set->leaf, set->vcpus);
	count[TD_PAMT_PUT] = pamt ? n : 0;
	count[TD_PAMT_REMOVE] = pamt ? (set->size + TD_REGION - 1) / TD_REGION : 0;
	if (!does(set, TD_P_HKID))
		return;
	count[TD_VP_FLUSH] = set->vcpus;
	count[TD_VPFLUSHDONE] = count[TD_KEY_FREEID] = 1;
	count[TD_CACHE_WB] = set->skip_cache_wb ? 0 : topo_packages(u->ctx->machine->topo);
}

int td_check_counts(const struct td_user *u, const struct td_setting *set, struct reason *why)
{
	uint64_t expected[TD_STEPS], count[TD_STEPS];
	const unsigned of_seamcalls = TD_BIT(TD_P_BLOCK) | TD_BIT(TD_P_TRACK) |
				      TD_BIT(TD_P_REMOVE) | TD_BIT(TD_P_FLUSH) |
				      TD_BIT(TD_P_RECLAIM);
	uint64_t seamcalls = set->size / set->leaf * td_seamcalls_per_leaf(set->path, set->leaf);

	if (does(set, TD_P_CONTROL))
		seamcalls += td_control_pages(set->size, set->leaf, set->vcpus) + 1;
	expected_counts(u, set, expected);
	for (unsigned step = 0; step < TD_STEPS; step++) {
		count[step] = u->whole.count[step];
		for (unsigned i = 0; i < set->threads; i++)
			count[step] += u->thread[i].count[step];
		if (count[step] != expected[step])
			return reason_set(why, -EFAULT, "%s was done %llu times, not %llu",
					  td_steps[step].name, (unsigned long long)count[step],
					  (unsigned long long)expected[step]);
	}
	if (!(set->without & of_seamcalls) && td_seamcalls_counted(count) != seamcalls)
		return reason_set(why, -EFAULT, "%llu SEAMCALLs for the leaves, not %llu",
				  (unsigned long long)td_seamcalls_counted(count),
				  (unsigned long long)seamcalls);
	return 0;
}

/* ---- contents ---- */

static int check_pages(const struct td_setting *set, const char *base, size_t bytes, bool reset,
		       const char *what, struct reason *why)
{
	char expected[TD_PAGE];

	memset(expected, reset ? 0 : POISON, sizeof(expected));
	for (size_t at = 0; at < bytes; at += TD_PAGE)
		if (memcmp(base + at, expected, TD_PAGE))
			return reason_set(why, -EFAULT, "%s: the %s at offset %zu %s",
					  set->op->name, what, at,
					  reset ? "was not reset"
						: "was changed though nothing resets it");
	return 0;
}

static int check_contents(const struct td_user *u, const struct td_setting *set, struct reason *why)
{
	size_t used = td_control_pages(set->size, set->leaf, set->vcpus) * TD_PAGE;
	bool control = set->erratum && does(set, TD_P_CONTROL);
	int ret = check_pages(set, u->mem.base, u->mem.bytes, set->erratum && does(set, TD_P_RESET),
			      "page", why);

	if (!ret)
		ret = check_pages(set, u->control.base, used, control, "control page", why);
	/* Those of an arm that has more of them. */
	if (!ret)
		ret = check_pages(set, u->control.base + used, u->control.bytes - used, false,
				  "control page of another arm", why);
	return ret;
}

/* ---- lines ---- */

struct flushes {
	struct td_user *u;
	struct td_replay replay;
};

static void flush_leaves(void *arg, size_t at, size_t bytes)
{
	struct flushes *f = arg;

	td_leaves(&f->replay, &f->u->whole, at / f->replay.leaf, (at + bytes) / f->replay.leaf);
}

/* By the flushes of a path alone: whatever else it does is left out. */
static int check_lines(struct td_user *u, const struct td_arm *a, struct reason *why)
{
	size_t bytes = a->set.size < PROOF_BYTES ? a->set.size : PROOF_BYTES;
	struct flushes flushes = { u, a->replay };
	uint32_t order[PROOF_BYTES / TD_PAGE];
	const struct flush_proof proof = {
		.base = u->mem.base,
		.bytes = bytes,
		.unit = a->replay.leaf,
		.flush = flush_leaves,
		.ctx = &flushes,
		.cpu = &u->ctx->machine->cpu,
		.seed = u->ctx->seed,
	};

	if (a->set.path != TD_DYNAMIC || !does(&a->set, TD_P_FLUSH))
		return 0;
	for (uint32_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		order[i] = i;
	flushes.replay.order = order;
	flushes.replay.without = ~TD_BIT(TD_P_FLUSH);
	flushes.replay.dpamt = TD_DPAMT_OFF;
	memset(flushes.replay.seam_ticks, 0, sizeof(flushes.replay.seam_ticks));
	return flush_check(u->ctx, (int)(a - u->arms), &proof, why);
}

static void dirty_lines(void *arg)
{
	struct td_user *u = arg;

	lines_dirty(u->mem.base, u->mem.bytes, u->random);
}

static void check_held(struct td_user *u, const struct td_arm *a)
{
	struct held h = {
		.asked = "before=dirty",
		.bytes = u->mem.bytes,
		.bring = dirty_lines,
		.state = u,
	};

	if (!a->set.dirty)
		return;
	probe_init(&h.lines, u->mem.base);
	probe_add(&h.lines, 0, u->mem.bytes, PROBE_LINES, u->ctx->seed);
	held_check(u->ctx, (int)(a - u->arms), &h);
}

/* ---- freed pages ---- */

static int check_freed(const struct mem *mem, struct reason *why)
{
	size_t pages = mem->bytes / TD_PAGE, at = 0;
	unsigned char *there = malloc(pages);

	if (!there)
		return reason_set(why, -ENOMEM, "out of memory");
	if (mincore(mem->base, mem->bytes, there)) {
		free(there);
		return reason_set(why, -errno, "mincore(): %s", strerror(errno));
	}
	while (at < pages && !(there[at] & 1))
		at++;
	free(there);
	if (at < pages)
		return reason_set(why, -EFAULT, "the page at offset %zu was not freed",
				  at * TD_PAGE);
	return 0;
}

static int verify_alone(struct td_user *u, const struct td_arm *a, struct reason *why)
{
	return reset_user_verify(&u->alone, &a->alone, (unsigned)(a - u->arms), why);
}

int td_user_guards(const struct td_user *u, struct reason *why)
{
	int ret = mem_guard_check(&u->mem, why);

	return ret ? ret : mem_guard_check(&u->control, why);
}

int td_user_verify(struct td_user *u, unsigned arm, struct reason *why)
{
	const struct td_arm *a = &u->arms[arm];
	int ret;

	if (u->kernel)
		return td_kernel_verify(u, a, why);
	memset(u->mem.base, POISON, u->mem.bytes);
	memset(u->control.base, POISON, u->control.bytes);
	if (a->set.reset_alone)
		return verify_alone(u, a, why);
	td_user_ready(u, a);
	td_user_steps(u, a);
	ret = check_contents(u, &a->set, why);
	if (!ret)
		ret = td_check_counts(u, &a->set, why);
	if (!ret)
		ret = check_lines(u, a, why);
	if (!ret)
		check_held(u, a);
	td_user_free_pages(u, a);
	if (!ret && does(&a->set, TD_P_FREE))
		ret = check_freed(&u->mem, why);
	if (!ret && does(&a->set, TD_P_FREE))
		ret = check_freed(&u->control, why);
	return ret ? ret : td_user_guards(u, why);
}
