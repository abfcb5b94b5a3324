// SPDX-License-Identifier: GPL-2.0
/* What a teardown needs and must not get while it is timed: the order, vCPUs, PAMT references. */
#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <asm/cacheflush.h>
#include <asm/cpufeature.h>

#include "bench/kmod/teardown.h"
#include "bench/kmod/topup.h"

#define LEAF_4K	   0
#define LEAF_2M	   9
#define ALL_PHASES (BIT(TDCOST_TEARDOWN_PHASES) - 1)
#define ALL_FLAGS  (TDCOST_TEARDOWN_QUIRK | TDCOST_TEARDOWN_SKIP_CACHE_WB)

/* Numbers of the calls are numbers of the replay. */
static_assert((int)TDCOST_PATH_DYNAMIC == (int)TD_DYNAMIC);
static_assert((int)TDCOST_PATH_TEARDOWN == (int)TD_TEARDOWN);
static_assert((int)TDCOST_PATH_MAX == (int)TD_PATHS);
static_assert((int)TDCOST_DPAMT_OFF == (int)TD_DPAMT_OFF);
static_assert((int)TDCOST_DPAMT_FAST == (int)TD_DPAMT_FAST);
static_assert((int)TDCOST_DPAMT_LOCK == (int)TD_DPAMT_LOCK);
static_assert(TDCOST_TEARDOWN_PHASES == (int)TD_PHASES);
static_assert(TDCOST_TEARDOWN_STEPS == (int)TD_STEPS);
static_assert(TDCOST_TEARDOWN_SEAMS == (int)TD_SEAMS);
static_assert(TD_BIT(TD_P_KICK) == TDCOST_TEARDOWN_KICK);
static_assert(TD_BIT(TD_P_FLUSH) == TDCOST_TEARDOWN_FLUSH);
static_assert(TD_BIT(TD_P_CONTROL) == TDCOST_TEARDOWN_CONTROL);
static_assert(TD_BIT(TD_P_FREE) == TDCOST_TEARDOWN_FREE);

static int check_words(const struct tdcost_teardown *s)
{
	if (s->path >= TDCOST_PATH_MAX || s->dpamt >= TDCOST_DPAMT_MAX || s->op >= TDCOST_OP_MAX ||
	    s->flags & ~ALL_FLAGS)
		return -EINVAL;
	if (s->without & ~ALL_PHASES || s->timed & ~ALL_PHASES)
		return -EINVAL;
	if (s->leaf_order != LEAF_4K && (s->leaf_order != LEAF_2M || s->dpamt))
		return -EINVAL;
	if (s->reset_order && s->reset_order != s->leaf_order)
		return -EINVAL;
	return 0;
}

static int check_set(const struct tdcost_teardown *s, const struct tdcost_file *file)
{
	unsigned int i;

	if (check_words(s) || s->every > MAX_EVERY || s->vcpus > MAX_VCPUS ||
	    s->pamt_loops > MAX_PAMT_LOOPS)
		return -EINVAL;
	for (i = 0; i < TDCOST_TEARDOWN_SEAMS; i++)
		if (s->seam_ns[i] > TDCOST_TEARDOWN_SEAM_NS)
			return -EINVAL;
	if (!file->n)
		return -ENODATA;
	if (s->leaf_order > file->order)
		return -EINVAL;
	if (s->flags & TDCOST_TEARDOWN_QUIRK && !boot_cpu_has(X86_FEATURE_MOVDIR64B))
		return -EOPNOTSUPP;
	return tdcost_op_supported(s->op) ? 0 : -EOPNOTSUPP;
}

/* ---- the order ---- */

/* Each leaf once: the references of its region are as many as its leaves. */
static int check_order(const u32 *order, u64 n)
{
	unsigned long *seen = kvcalloc(BITS_TO_LONGS(n), sizeof(*seen), GFP_KERNEL_ACCOUNT);
	int ret = 0;
	u64 i;

	if (!seen)
		return -ENOMEM;
	for (i = 0; i < n && !ret; i++)
		if (order[i] >= n || __test_and_set_bit(order[i], seen))
			ret = -EINVAL;
	kvfree(seen);
	return ret;
}

static int read_order(struct tdcost_td *td)
{
	u64 i;

	td->order = kvmalloc_array(td->n, sizeof(*td->order), GFP_KERNEL_ACCOUNT);
	if (!td->order)
		return -ENOMEM;
	if (!td->set.order) {
		for (i = 0; i < td->n; i++)
			td->order[i] = i;
		return 0;
	}
	if (copy_from_user(td->order, u64_to_user_ptr(td->set.order), td->n * sizeof(*td->order)))
		return -EFAULT;
	return check_order(td->order, td->n);
}

/* ---- vCPUs ---- */

/* Where vCPUs that are outside ran last: TDH.VP.FLUSH is executed there. */
static void spread_vcpus(struct tdcost_td *td, unsigned int first)
{
	unsigned int cpu = cpumask_first(cpu_online_mask), i;

	for (i = first; i < td->set.vcpus; i++) {
		td->replay.vcpu[i].cpu = cpu;
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
}

/* The first vCPUs are in guest mode, each on a CPU of the mask; the others are outside. */
static int make_vcpus(struct tdcost_td *td)
{
	struct td_kicked *k = &td->leaves.kicked;
	unsigned int cpu, i = 0;
	int ret;

	if (!zalloc_cpumask_var(&td->guests, GFP_KERNEL_ACCOUNT) ||
	    !zalloc_cpumask_var(&k->cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	ret = tdcost_read_mask(td->guests, td->set.mask, td->set.mask_words);
	if (ret)
		return ret;
	if (cpumask_weight(td->guests) > td->set.vcpus)
		return -EINVAL;
	k->on = kvcalloc(nr_cpu_ids, sizeof(*k->on), GFP_KERNEL_ACCOUNT);
	/* One at least: an allocation of nothing is no pointer. */
	td->replay.vcpu = kvcalloc(td->set.vcpus + 1, sizeof(struct td_vcpu), GFP_KERNEL_ACCOUNT);
	if (!k->on || !td->replay.vcpu)
		return -ENOMEM;
	for_each_cpu(cpu, td->guests) {
		k->on[cpu] = &td->replay.vcpu[i++];
		k->on[cpu]->mode = TD_IN_GUEST_MODE;
		k->on[cpu]->cpu = cpu;
	}
	spread_vcpus(td, i);
	return 0;
}

/* ---- Dynamic PAMT ---- */

/* One reference for each page, as AUG of 4 KiB pages has taken them. */
static int count_pages(struct tdcost_td *td)
{
	int ret;
	u64 i;

	td->source.backing.gfp[TOPUP_SLEEP] = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	td->source.backing.gfp[TOPUP_ATOMIC] = GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN;
	td->leaves.ctx.source = &td->source;
	if (!td->set.dpamt || td->set.without & TD_BIT(TD_P_PAMT))
		return 0;
	td->leaves.pair = (char *)__get_free_pages(GFP_KERNEL_ACCOUNT, 1);
	if (!td->leaves.pair)
		return -ENOMEM;
	ret = tdcost_pamt_init(&td->pamt, DIV_ROUND_UP(td->n, TD_REGION / TD_PAGE));
	for (i = 0; i < td->n && !ret; i++) {
		ret = topup_pamt_get(&td->pamt, &td->leaves.ctx, i / (TD_REGION / TD_PAGE), NULL);
		if (!ret && td_given_up())
			ret = -EINTR;
	}
	td->pamt.add_loops = td->set.pamt_loops;
	return ret;
}

/* ---- S-EPT and control pages ---- */

/* In the state that a reset finds them in: the cache was written back and they are of the TD. */
static int make_control(struct tdcost_td *td)
{
	size_t n = td_control_pages(td->n * (PAGE_SIZE << td->set.leaf_order),
				    PAGE_SIZE << td->set.leaf_order, td->set.vcpus);

	td->control = kvcalloc(n, sizeof(*td->control), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!td->control)
		return -ENOMEM;
	while (td->replay.n_control < n) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN);

		if (!page)
			return -ENOMEM;
		td->control[td->replay.n_control++] = page;
		clflush_cache_range(page_address(page), PAGE_SIZE);
		if (td_given_up())
			return -EINTR;
	}
	td->replay.control.pages = td->control;
	return 0;
}

void tdcost_td_put_control(struct tdcost_td *td)
{
	size_t i;

	for (i = 0; td->control && i < td->replay.n_control; i++) {
		if (td->control[i])
			__free_page(td->control[i]);
		td->control[i] = NULL;
		cond_resched();
	}
}

/* ---- all of it ---- */

/* What a delay takes by itself is measured where it is to be: on the caller's CPU, each time. */
static void set_seams(struct tdcost_td *td)
{
	u64 cost = 0;
	unsigned int i;

	for (i = 0; i < TDCOST_TEARDOWN_SEAMS; i++) {
		u64 ticks = div_u64((u64)td->set.seam_ns[i] * tsc_khz, USEC_PER_SEC);

		if (ticks && !cost)
			cost = td_delay_cost();
		td->replay.seam_ticks[i] = td_seam_ticks(ticks, cost);
	}
}

static void set_replay(struct tdcost_td *td, const struct tdcost_file *file)
{
	const struct tdcost_teardown *s = &td->set;
	struct td_replay *r = &td->replay;

	r->path = s->path;
	r->mem.pages = file->pages;
	r->mem.order = file->order;
	r->leaf = PAGE_SIZE << s->leaf_order;
	r->order = td->order;
	r->without = s->without;
	r->timed = s->timed & ~s->without;
	r->every = s->every;
	r->vcpus = s->vcpus;
	r->in_guest = cpumask_weight(td->guests);
	r->skip_cache_wb = s->flags & TDCOST_TEARDOWN_SKIP_CACHE_WB;
	r->ops.bugs = s->flags & TDCOST_TEARDOWN_QUIRK ? BIT(BUG_TDX_PW_MCE) : 0;
	r->ops.err = &td->err;
	r->reset_bytes = PAGE_SIZE << s->reset_order;
	r->dpamt = s->dpamt;
	r->pamt = &td->pamt;
	td->leaves.rng = s->seed | 1;
	set_seams(td);
}

void tdcost_td_close(struct tdcost_td *td)
{
	tdcost_td_put_control(td);
	kvfree(td->control);
	topup_pamt_destroy(&td->pamt, &td->leaves.ctx);
	free_pages((unsigned long)td->leaves.pair, 1);
	kvfree(td->leaves.kicked.on);
	free_cpumask_var(td->leaves.kicked.cpus);
	free_cpumask_var(td->guests);
	kvfree(td->replay.vcpu);
	kvfree(td->order);
	kvfree(td);
}

int tdcost_td_open(struct tdcost_td **td, const struct tdcost_file *file,
		   const struct tdcost_teardown *set)
{
	struct tdcost_td *t;
	int ret = check_set(set, file);

	if (ret)
		return ret;
	t = kvzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	t->set = *set;
	t->n = file->n << (file->order - set->leaf_order);
	ret = read_order(t);
	if (!ret)
		ret = make_vcpus(t);
	if (!ret)
		ret = count_pages(t);
	if (!ret)
		ret = make_control(t);
	if (ret) {
		tdcost_td_close(t);
		return ret;
	}
	set_replay(t, file);
	*td = t;
	return 0;
}
