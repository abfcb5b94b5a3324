// SPDX-License-Identifier: GPL-2.0-or-later
/* What all arms of a teardown share, got and given back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/ops/flush_ops.h"
#include "bench/ops/teardown_kernel.h"
#include "harness/measure/design.h"

#define CALIBRATE_MS 20
#define PAUSES	     100000
#define COSTS	     1001

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* From one mark to the next with nothing between them: what each adds to its phase. */
static double mark_cost(void)
{
	uint64_t cost[COSTS];
	struct td_tally t = { 0 };

	td_tally_begin(&t);
	for (unsigned i = 0; i < COSTS; i++) {
		td_tally_mark(&t, TD_P_TIMING);
		cost[i] = t.one[TD_P_TIMING];
	}
	qsort(cost, COSTS, sizeof(*cost), compare_u64);
	return (double)cost[COSTS / 2];
}

static double pause_ticks(void)
{
	uint64_t start = td_ticks();

	for (unsigned i = 0; i < PAUSES; i++)
		cpu_relax();
	return (double)(td_ticks() - start) / PAUSES;
}

static int open_buffers(struct td_user *u, struct reason *why)
{
	u->random = aligned_alloc(TD_PAGE, TD_PAGE);
	u->zero = aligned_alloc(TD_PAGE, TD_PAGE);
	u->pairs = aligned_alloc(TD_PAGE, (size_t)u->threads * TDX_DPAMT_ENTRY_PAGE_CNT * TD_PAGE);
	if (!u->random || !u->zero || !u->pairs)
		return reason_set(why, -ENOMEM, "out of memory");
	memset(u->zero, 0, TD_PAGE);
	for (size_t at = 0; at < TD_PAGE; at += 256)
		if (getrandom(u->random + at, 256, 0) != 256)
			return reason_set(why, -EIO, "no random bytes");
	return 0;
}

/* Bytes of a pair of pages per thread are reset only: what they hold does not matter. */
static int open_threads(struct td_user *u, struct reason *why)
{
	u->thread = calloc(u->threads, sizeof(*u->thread));
	u->source = calloc(u->threads, sizeof(*u->source));
	u->away_thread = calloc(u->threads, sizeof(*u->away_thread));
	if (!u->thread || !u->source || !u->away_thread)
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < u->threads; i++) {
		topup_source_open(&u->source[i], u->pooled ? &u->pool : NULL);
		u->thread[i].ctx.source = &u->source[i];
		u->thread[i].pair = u->pairs + (size_t)i * TDX_DPAMT_ENTRY_PAGE_CNT * TD_PAGE;
		u->thread[i].rng = seed_derive(u->ctx->seed, i, 0, 6) | 1;
	}
	u->whole.rng = 1;
	return 0;
}

static int open_pamt(struct td_user *u, struct reason *why)
{
	unsigned regions = (unsigned)((u->arms[0].set.size + TD_REGION - 1) / TD_REGION);
	bool any = false;

	for (unsigned i = 0; i < u->n_arms; i++)
		any |= u->arms[i].set.dpamt != TD_DPAMT_OFF;
	if (!any || u->kernel)
		return 0;
	if (topup_pool_open(&u->pool, regions * TDX_DPAMT_ENTRY_PAGE_CNT, u->threads))
		return reason_set(why, -ENOMEM, "out of memory");
	u->pooled = true;
	if (topup_pamt_init(&u->pamt, regions))
		return reason_set(why, -ENOMEM, "out of memory");
	u->counted = true;
	return 0;
}

static int open_team(struct td_user *u, struct reason *why)
{
	const struct topo *topo = u->ctx->machine->topo;
	unsigned most = 1, vcpus = 1;
	bool guests = false;

	for (unsigned i = 0; i < u->n_arms; i++) {
		const struct td_setting *set = &u->arms[i].set;

		most = set->threads + set->in_guest > most ? set->threads + set->in_guest : most;
		vcpus = set->vcpus > vcpus ? set->vcpus : vcpus;
		guests |= set->in_guest > 0;
	}
	u->vcpu = calloc(vcpus, sizeof(*u->vcpu));
	u->cpus = calloc(most, sizeof(*u->cpus));
	if (!u->vcpu || !u->cpus)
		return reason_set(why, -ENOMEM, "out of memory");
	if (guests && !u->kernel &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		return reason_set(why, -errno, "membarrier(): %s; leave in_guest at 0",
				  strerror(errno));
	if (most == 1)
		return 0;
	topo_spread(topo, u->ctx->cpu, u->cpus, most);
	return team_open(&u->team, topo, u->cpus, most, why);
}

/* The order of an arm's leaves, or of its reset calls, which follow it. Shared where it is the same. */
static const uint32_t *order_of(struct td_user *u, const struct td_setting *set, size_t call)
{
	size_t n = set->size / set->leaf, per = set->leaf / call;
	uint32_t *leaves = region_order(n, set->shuffled, u->ctx->seed), *calls;

	if (!leaves || per == 1)
		return u->orders[u->n_orders++] = leaves;
	calls = malloc(n * per * sizeof(*calls));
	for (size_t i = 0; calls && i < n * per; i++)
		calls[i] = (uint32_t)(leaves[i / per] * per + i % per);
	free(leaves);
	return u->orders[u->n_orders++] = calls;
}

static const uint32_t *leaf_order(struct td_user *u, unsigned arm)
{
	const struct td_setting *set = &u->arms[arm].set;

	for (unsigned i = 0; i < arm; i++)
		if (u->arms[i].set.leaf == set->leaf && u->arms[i].set.shuffled == set->shuffled)
			return u->arms[i].replay.order;
	return order_of(u, set, set->leaf);
}

/*
 * Phases of a leaf whose time is told: what the arm has and does, as far as it takes any. A SEAMCALL
 * without a delay and the reset's early return take less than a mark can tell.
 */
static unsigned timed_phases(const struct td_setting *set)
{
	static const struct {
		enum td_path path;
		enum td_seam seam;
		enum td_phase phase;
	} seams[] = {
		{ TD_DYNAMIC, TD_SEAM_BLOCK, TD_P_BLOCK },
		{ TD_DYNAMIC, TD_SEAM_TRACK, TD_P_TRACK },
		{ TD_DYNAMIC, TD_SEAM_REMOVE, TD_P_REMOVE },
		{ TD_TEARDOWN, TD_SEAM_RECLAIM, TD_P_RECLAIM },
	};
	unsigned timed = set->erratum ? TD_BIT(TD_P_RESET) : 0;

	if (set->path == TD_DYNAMIC)
		timed |= TD_BIT(TD_P_KICK) | TD_BIT(TD_P_FLUSH);
	for (size_t i = 0; i < sizeof(seams) / sizeof(seams[0]); i++)
		if (set->path == seams[i].path && set->seam_ns[seams[i].seam])
			timed |= TD_BIT(seams[i].phase);
	if (set->dpamt != TD_DPAMT_OFF)
		timed |= TD_BIT(TD_P_PAMT);
	return timed & ~set->without;
}

static void complete_replay(struct td_user *u, struct td_arm *a)
{
	const struct td_setting *set = &a->set;
	const struct machine *m = u->ctx->machine;

	a->replay = (struct td_replay){
		.path = set->path,
		.mem = { .base = u->mem.base },
		.control = { .base = u->control.base },
		.n_control = td_control_pages(set->size, set->leaf, set->vcpus),
		.leaf = set->leaf,
		.order = a->replay.order,
		.without = set->without,
		.timed = timed_phases(set),
		.every = timed_phases(set) ? set->every : 0,
		.vcpu = u->vcpu,
		.vcpus = set->vcpus,
		.in_guest = set->in_guest,
		.packages = topo_packages(m->topo),
		.skip_cache_wb = set->skip_cache_wb,
		.ops = { .flush = flush_op_fn(flush_op_auto(&m->cpu), FLUSH_MFENCE),
			 .reset = set->op->reset[RESET_MFENCE],
			 .source = u->zero },
		.reset_bytes = set->reset_bytes,
		.dpamt = set->dpamt,
		.pamt = &u->pamt,
	};
	for (unsigned i = 0; i < TD_SEAMS; i++)
		a->replay.seam_ticks[i] = td_seam_ticks(
			(uint64_t)((double)set->seam_ns[i] * u->ticks_per_ns + 0.5), u->delay_cost);
	if (set->seam_ns[TD_SEAM_OTHER])
		a->pamt_loops = (unsigned)((double)set->seam_ns[TD_SEAM_OTHER] * u->ticks_per_ns /
					   pause_ticks());
}

static int complete_alone(struct td_user *u, struct td_arm *a, struct reason *why)
{
	enum reset_before before = a->set.flush_first ? RESET_JUST_FLUSHED
				   : a->set.dirty     ? RESET_DIRTY
						      : RESET_EVICTED;

	a->alone = (struct reset_call){
		.op = a->set.op,
		.quirk = a->set.erratum,
		.zero = true,
		.barrier = RESET_MFENCE,
		.before = before,
		.page = a->set.reset_bytes,
		.threads = a->set.threads,
		.reset = a->set.op->reset[RESET_MFENCE],
		.flush = reset_user_flush(u->ctx->machine, before),
		.n = a->set.size / a->set.reset_bytes,
		.order = order_of(u, &a->set, a->set.reset_bytes),
		.source = u->zero,
		.behind = RESET_NO_BARRIER,
	};
	return a->alone.order ? 0 : reason_set(why, -ENOMEM, "out of memory");
}

static unsigned told_phases(const struct td_arm *a)
{
	unsigned told = TD_BIT(TD_P_AWAY) | TD_BIT(TD_P_TIMING);

	if (a->set.reset_alone)
		return TD_BIT(TD_P_AWAY) | TD_BIT(td_alone_phase(&a->set));
	told |= a->replay.every ? a->replay.timed : TD_BIT(TD_P_LEAVES);
	told |= (TD_BIT(TD_P_FREE) | TD_BIT(TD_P_HKID) | TD_BIT(TD_P_CONTROL)) & ~a->set.without;
	if (a->set.threads + a->set.in_guest > 1)
		told |= TD_BIT(TD_P_WAIT);
	return told;
}

static int open_phases(struct td_user *u, struct td_arm *a, unsigned metric)
{
	const char *names[TD_PHASES];
	unsigned told = told_phases(a);

	for (unsigned i = 0; i < TD_PHASES; i++)
		names[i] = (told & TD_BIT(i)) ? td_phase_names[i] : NULL;
	return phases_open(&a->phases, u->ctx, metric, names, TD_PHASES);
}

static int complete_arms(struct td_user *u, unsigned phase, struct reason *why)
{
	struct tick_clock clock = { 0 };
	int ret = clock_calibrate(&clock, &u->ctx->machine->cpu, CALIBRATE_MS, why);

	u->ticks_per_ns = clock.hz / 1e9;
	u->delay_cost = td_delay_cost();
	json_object_set_new(u->ctx->facts, "delay_ticks", json_integer((json_int_t)u->delay_cost));
	for (unsigned i = 0; i < u->n_arms && !ret; i++) {
		struct td_arm *a = &u->arms[i];

		a->replay.order = leaf_order(u, i);
		if (!a->replay.order)
			return reason_set(why, -ENOMEM, "out of memory");
		complete_replay(u, a);
		if (a->set.reset_alone && !u->kernel)
			ret = complete_alone(u, a, why);
		if (!ret && open_phases(u, a, phase))
			ret = reason_set(why, -ENOMEM, "out of memory");
	}
	return ret;
}

static int open_arms(struct td_user *u, const struct td_setting *settings, struct reason *why)
{
	u->arms = calloc(u->n_arms, sizeof(*u->arms));
	/* Each has two orders of its own at most. */
	u->orders = calloc(2 * (size_t)u->n_arms, sizeof(*u->orders));
	if (!u->arms || !u->orders)
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < u->n_arms; i++) {
		u->arms[i].set = settings[i];
		u->threads = settings[i].threads > u->threads ? settings[i].threads : u->threads;
	}
	return 0;
}

static int open_memory(struct td_user *u, const struct td_setting *set, struct reason *why)
{
	size_t most = 0;
	int ret;

	if (set->in_kernel)
		return td_kernel_open(u, why);
	ret = region_alloc(&u->mem, u->ctx, u->ctx->cpu, set->backing, set->size, why);
	/* As many as any arm has; an arm uses the first of them. */
	for (unsigned i = 0; i < u->n_arms; i++) {
		const struct td_setting *s = &u->arms[i].set;
		size_t pages = td_control_pages(s->size, s->leaf, s->vcpus);

		most = pages > most ? pages : most;
	}
	return ret ? ret
		   : region_alloc(&u->control, u->ctx, u->ctx->cpu, MEM_4K, most * TD_PAGE, why);
}

int td_user_open(struct td_user *u, struct bench_ctx *ctx, const struct td_setting *settings,
		 const struct td_metrics *metrics, struct reason *why)
{
	int ret;

	*u = (struct td_user){ .ctx = ctx, .n_arms = ctx->n_arms };
	ret = open_arms(u, settings, why);
	if (!ret)
		ret = open_buffers(u, why);
	if (!ret)
		ret = open_memory(u, settings, why);
	if (!ret)
		ret = open_pamt(u, why);
	if (!ret)
		ret = open_threads(u, why);
	if (!ret)
		ret = open_team(u, why);
	if (!ret)
		ret = complete_arms(u, metrics->phase, why);
	if (ret)
		return ret;
	for (unsigned i = 0; i < TD_STEPS; i++)
		u->steps[i] = ctx->series(ctx, metrics->steps, td_steps[i].name);
	u->page = ctx->series(ctx, metrics->page, "all");
	u->mark_cost = mark_cost();
	json_object_set_new(ctx->facts, "mark_ticks", json_real(u->mark_cost));
	u->alone = (struct reset_user){ .ctx = u->ctx,
					.machine = ctx->machine,
					.mem = u->mem,
					.random = u->random,
					.team = u->team };
	return 0;
}

void td_user_close(struct td_user *u)
{
	team_close(u->team);
	td_kernel_close(u);
	if (u->counted)
		topup_pamt_destroy(&u->pamt, &u->thread[0].ctx);
	if (u->pooled)
		topup_pool_close(&u->pool);
	for (unsigned i = 0; i < u->n_orders; i++)
		free(u->orders[i]);
	free(u->orders);
	mem_free(&u->mem);
	mem_free(&u->control);
	free(u->vcpu);
	free(u->cpus);
	free(u->away_thread);
	free(u->thread);
	free(u->source);
	free(u->pairs);
	free(u->zero);
	free(u->random);
	free(u->arms);
}
