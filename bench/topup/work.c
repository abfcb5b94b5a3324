// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The work items, once for all variants, and compiled for each of them twice. With a constant table,
 * which the compiler sees through, the hooks are called directly; with the VM's pointer to the same
 * table they are called by address, as KVM calls a vendor's hooks where static calls are not
 * patched in. A test looks at what the compiler made of it.
 */
#include "bench/topup/hooks.h"

static __always_inline void topup_begin(struct topup_vcpu *v, struct topup_watch *w)
{
	topup_call_begin(&v->ctx, w);
}

static __always_inline void topup_end(struct topup_vcpu *v, const struct topup_watch *w)
{
	topup_call_end(&v->ctx, w);
	if (topup_metered(&v->ctx, TOPUP_METER_CALLS))
		topup_idle_seen(&v->ctx, topup_vcpu_idle(v) + topup_vm_idle(v->vm));
}

static __always_inline unsigned int pages_of(const struct topup_need *need)
{
	return need->sept + need->pairs * TDX_DPAMT_ENTRY_PAGE_CNT;
}

static __always_inline int do_topup(struct topup_vcpu *v, const struct topup_ops *ops)
{
	struct topup_watch w = { 0 };
	int r;

	topup_begin(v, &w);
	r = ops->fault_topup(v);
	topup_end(v, &w);
	return r;
}

static __always_inline int take_pages(struct topup_vcpu *v, const struct topup_ops *ops,
				      const struct topup_need *need, struct topup_hand *hand)
{
	struct topup_pair pair;
	struct topup_page *page;
	unsigned int i;
	int r;

	for (i = 0; i < need->sept; i++) {
		page = ops->fault_get_sept(v);
		if (!page)
			return -ENOMEM;
		topup_hand_sept(hand, page);
	}
	for (i = 0; i < need->pairs; i++) {
		r = ops->fault_get_pair(v, &pair);
		if (r)
			return r;
		topup_hand_pair(hand, &pair);
	}
	return 0;
}

static __always_inline int do_take(struct topup_vcpu *v, const struct topup_ops *ops,
				   const struct topup_need *need, struct topup_hand *hand)
{
	struct topup_watch w = { 0 };
	int r;

	topup_mmu_read_lock(&v->ctx, &v->vm->mmu_lock);
	topup_get_begin(&v->ctx, &w);
	r = take_pages(v, ops, need, hand);
	topup_get_end(&v->ctx, &w, pages_of(need));
	topup_mmu_read_unlock(&v->ctx, &v->vm->mmu_lock);
	return r;
}

static __always_inline int do_fault(struct topup_vcpu *v, const struct topup_ops *ops,
				    const struct topup_need *need, struct topup_hand *hand)
{
	int r = do_topup(v, ops);

	return r ? r : do_take(v, ops, need, hand);
}

static __always_inline int split_one(struct topup_vcpu *v, const struct topup_ops *ops,
				     const struct topup_need *need, struct topup_hand *hand)
{
	struct topup_watch w = { 0 };
	int r;

	topup_get_begin(&v->ctx, &w);
	r = ops->split_get(v, need, hand);
	topup_get_end(&v->ctx, &w, pages_of(need));
	return r;
}

static __always_inline int do_faults(struct topup_vcpu *v, const struct topup_ops *ops,
				     const struct topup_need *need, unsigned int n,
				     struct topup_hand *hand)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < n && !r; i++)
		r = do_fault(v, ops, &need[i], hand);
	return r;
}

static __always_inline int split_topup(struct topup_vcpu *v, const struct topup_ops *ops,
				       unsigned int splits)
{
	struct topup_watch w = { 0 };
	int r;

	topup_begin(v, &w);
	r = ops->split_topup(v, splits);
	topup_end(v, &w);
	return r;
}

static __always_inline bool split_short(struct topup_vcpu *v, const struct topup_ops *ops,
					unsigned int splits)
{
	bool need = ops->split_need(v, splits);

	topup_trace(v->ctx.trace, TOPUP_CHECK, need ? "short" : "enough", 0);
	return need;
}

/*
 * tdp_mmu_split_huge_pages_root(). The need is checked with the lock held, each time that it has
 * been taken: another thread may have used up what was topped up.
 */
static __always_inline int split_all(struct topup_vcpu *v, const struct topup_ops *ops,
				     unsigned int n, bool whole, const struct topup_need *need,
				     struct topup_hand *hand)
{
	unsigned int done = 0, ahead;
	int r = 0;

	topup_mmu_write_lock(&v->ctx, &v->vm->mmu_lock);
	while (done < n && !r) {
		ahead = whole ? n - done : 1;
		if (!split_short(v, ops, ahead)) {
			r = split_one(v, ops, &need[done++], hand);
			continue;
		}
		topup_mmu_write_unlock(&v->ctx, &v->vm->mmu_lock);
		r = split_topup(v, ops, ahead);
		if (topup_metered(&v->ctx, TOPUP_METER_CALLS))
			v->ctx.meter->retries++;
		topup_mmu_write_lock(&v->ctx, &v->vm->mmu_lock);
	}
	topup_mmu_write_unlock(&v->ctx, &v->vm->mmu_lock);
	return r;
}

static __always_inline int do_split(struct topup_vcpu *v, const struct topup_ops *ops,
				    unsigned int n, enum topup_range_mode mode,
				    const struct topup_need *need, struct topup_hand *hand)
{
	bool whole = mode == TOPUP_WHOLE, guarded = ops->guarded && !v->vm->has_vcpu;
	int r = 0;

	if (guarded)
		topup_vm_lock(&v->ctx, &v->vm->lock);
	if (whole)
		r = split_topup(v, ops, n);
	if (!r)
		r = split_all(v, ops, n, whole, need, hand);
	if (guarded)
		topup_vm_unlock(&v->ctx, &v->vm->lock);
	return r;
}

/* The entries of struct topup_work, with @how in place of the table. */
#define TOPUP_ENTRIES(name, how, table)                                                            \
	static int name##_##how##_topup(struct topup_vcpu *v)                                      \
	{                                                                                          \
		return do_topup(v, table);                                                         \
	}                                                                                          \
	static int name##_##how##_fault(struct topup_vcpu *v, const struct topup_need *need,       \
					struct topup_hand *hand)                                   \
	{                                                                                          \
		return do_fault(v, table, need, hand);                                             \
	}                                                                                          \
	static int name##_##how##_faults(struct topup_vcpu *v, const struct topup_need *need,      \
					 unsigned int n, struct topup_hand *hand)                  \
	{                                                                                          \
		return do_faults(v, table, need, n, hand);                                         \
	}                                                                                          \
	static int name##_##how##_take(struct topup_vcpu *v, const struct topup_need *need,        \
				       struct topup_hand *hand)                                    \
	{                                                                                          \
		return do_take(v, table, need, hand);                                              \
	}                                                                                          \
	static int name##_##how##_split(struct topup_vcpu *v, unsigned int n,                      \
					enum topup_range_mode mode, const struct topup_need *need, \
					struct topup_hand *hand)                                   \
	{                                                                                          \
		return do_split(v, table, n, mode, need, hand);                                    \
	}

/* The hooks of @faults, then of @splits, which tops up by its own. */
#define TOPUP_VARIANT(name, faults, splits, own, mutex)            \
	static const struct topup_ops name##_ops = {               \
		.guarded = mutex,                                  \
		.fault_topup = topup_##faults##_fault_topup,       \
		.fault_get_sept = topup_##faults##_fault_get_sept, \
		.fault_get_pair = topup_##faults##_fault_get_pair, \
		.split_need = topup_##splits##_split_need,         \
		.split_topup = topup_##own##_split_topup,          \
		.split_get = topup_##splits##_split_get,           \
	};                                                         \
	TOPUP_ENTRIES(name, direct, &name##_ops)

TOPUP_VARIANT(kvm_array, kvm_array, kvm_array, kvm_array, false)
TOPUP_VARIANT(tdx_prealloc, tdx_prealloc, tdx_prealloc, tdx_prealloc, false)
TOPUP_VARIANT(pamt_cache, pamt_cache, pamt_cache, pamt_cache, false)
TOPUP_VARIANT(split_cache, pamt_cache, split_cache, split_cache, false)
TOPUP_VARIANT(split_batch, pamt_cache, split_cache, split_batch, false)
TOPUP_VARIANT(per_vcpu_or_vm, pamt_cache, per_vcpu_or_vm, per_vcpu_or_vm, true)
TOPUP_VARIANT(direct, direct, direct, direct, false)

/* One for all: which variant it is stands in the VM. */
TOPUP_ENTRIES(any, indirect, READ_ONCE(v->vm->ops))

#define TOPUP_WORK(name, how)                                                      \
	{                                                                          \
		name##_##how##_topup, name##_##how##_fault, name##_##how##_faults, \
			name##_##how##_take, name##_##how##_split,                 \
	}
#define TOPUP_INFO(id, text)                                                   \
	{                                                                      \
		.name = #id, .summary = text, .ops = &id##_ops,                \
		.work = { TOPUP_WORK(id, direct), TOPUP_WORK(any, indirect) }, \
	}

const struct topup_variant_info topup_variants[TOPUP_VARIANTS] = {
	[TOPUP_KVM_ARRAY] =
		TOPUP_INFO(kvm_array, "KVM's array for S-EPT pages, another for PAMT pages"),
	[TOPUP_TDX_PREALLOC] = TOPUP_INFO(tdx_prealloc, "one list for both, as long as needed"),
	[TOPUP_PAMT_CACHE] = TOPUP_INFO(pamt_cache, "KVM's array, and a list for PAMT pages"),
	[TOPUP_SPLIT_CACHE] = TOPUP_INFO(
		split_cache, "as pamt_cache; splits from a list per VM, a lock per page"),
	[TOPUP_SPLIT_BATCH] =
		TOPUP_INFO(split_batch, "as split_cache, with one lock round for all pages"),
	[TOPUP_PER_VCPU_OR_VM] =
		TOPUP_INFO(per_vcpu_or_vm, "as pamt_cache; splits without a vCPU under a mutex"),
	[TOPUP_DIRECT] = TOPUP_INFO(direct, "no cache: atomic allocations under the lock"),
};
