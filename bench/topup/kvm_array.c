// SPDX-License-Identifier: GPL-2.0-or-later
/* KVM's array, and the variant in which there is nothing else: one for S-EPT pages, one for PAMT. */
#include "bench/topup/hooks.h"

static int first_topup(struct topup_ctx *ctx, struct topup_kvm_array *c, int capacity)
{
	topup_trace(ctx->trace, TOPUP_ARRAY, "", capacity);
	if (topup_source_try(ctx->source))
		c->objects = topup_array_alloc((unsigned int)capacity);
	if (!c->objects) {
		ctx->source->failures++;
		return -ENOMEM;
	}
	c->capacity = capacity;
	ctx->source->arrays++;
	return 0;
}

static int fill(struct topup_ctx *ctx, struct topup_kvm_array *c, int min)
{
	struct topup_page *page;

	while (c->nobjs < c->capacity) {
		page = topup_alloc(ctx, TOPUP_SLEEP);
		if (!page)
			return c->nobjs >= min ? 0 : -ENOMEM;
		c->objects[c->nobjs++] = page;
	}
	return 0;
}

int topup_kvm_array_topup(struct topup_ctx *ctx, struct topup_kvm_array *c, int capacity, int min)
{
	int r = 0;

	if (c->nobjs >= min)
		return 0;
	if (min > capacity || (c->capacity && c->capacity != capacity))
		return -EIO;
	topup_trace(ctx->trace, TOPUP_BEGIN, "array", min);
	if (!c->objects)
		r = first_topup(ctx, c, capacity);
	if (!r)
		r = fill(ctx, c, min);
	topup_trace(ctx->trace, TOPUP_END, "array", r ? r : c->nobjs);
	return r;
}

/* A call for each page, as in KVM, and not two: this is in each function that takes some. */
static __always_inline struct topup_page *get(struct topup_ctx *ctx, struct topup_kvm_array *c)
{
	if (c->nobjs) {
		topup_trace(ctx->trace, TOPUP_GET, "array", 0);
		return c->objects[--c->nobjs];
	}
	topup_trace(ctx->trace, TOPUP_FALLBACK, "array", 0);
	return topup_alloc(ctx, TOPUP_LAST);
}

struct topup_page *topup_kvm_array_get(struct topup_ctx *ctx, struct topup_kvm_array *c)
{
	return get(ctx, c);
}

void topup_kvm_array_drain(struct topup_ctx *ctx, struct topup_kvm_array *c)
{
	while (c->nobjs)
		topup_free(ctx, c->objects[--c->nobjs]);
	topup_array_free(c->objects);
	c->objects = NULL;
	c->capacity = 0;
}

/* The PAMT array of this variant is sized for the longest range that is prepared for. */
static int pamt_topup(struct topup_vcpu *v, int min)
{
	if (v->pamt_array.nobjs >= min)
		return 0;
	return topup_kvm_array_topup(&v->ctx, &v->pamt_array,
				     topup_capacity(TDX_SPLIT_PAMT_PAGES * v->vm->ahead), min);
}

int topup_kvm_array_fault_topup(struct topup_vcpu *v)
{
	int r = topup_sept_topup(v, PT64_ROOT_MAX_LEVEL);

	return r ? r : pamt_topup(v, TDX_PAMT_FAULT_PAGES);
}

struct topup_page *topup_kvm_array_fault_get_sept(struct topup_vcpu *v)
{
	return get(&v->ctx, &v->sept);
}

int topup_kvm_array_fault_get_pair(struct topup_vcpu *v, struct topup_pair *pair)
{
	unsigned int i;

	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++) {
		pair->page[i] = get(&v->ctx, &v->pamt_array);
		if (!pair->page[i])
			goto out;
	}
	return 0;
out:
	while (i--)
		topup_free(&v->ctx, pair->page[i]);
	return -ENOMEM;
}

bool topup_kvm_array_split_need(struct topup_vcpu *v, unsigned int splits)
{
	return v->sept.nobjs < (int)(TDX_SPLIT_SEPT_PAGES * splits) ||
	       v->pamt_array.nobjs < (int)(TDX_SPLIT_PAMT_PAGES * splits);
}

int topup_kvm_array_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	int r = topup_sept_topup(v, (int)(TDX_SPLIT_SEPT_PAGES * splits));

	return r ? r : pamt_topup(v, (int)(TDX_SPLIT_PAMT_PAGES * splits));
}

int topup_kvm_array_split_get(struct topup_vcpu *v, const struct topup_need *need,
			      struct topup_hand *hand)
{
	return topup_split_consume(v, need, hand, topup_kvm_array_fault_get_sept,
				   topup_kvm_array_fault_get_pair);
}
