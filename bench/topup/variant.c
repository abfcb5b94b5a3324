// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of a VM's and a vCPU's caches. */
#include "bench/topup/variant.h"

const char *const topup_lock_names[TOPUP_LOCKS] = {
	[TOPUP_LOCK_MMU] = "mmu",
	[TOPUP_LOCK_SPLIT] = "split",
	[TOPUP_LOCK_VM] = "vm",
	[TOPUP_LOCK_PAMT] = "pamt",
};

void topup_vm_init(struct topup_vm *vm, enum topup_variant variant)
{
	memset(vm, 0, sizeof(*vm));
	vm->ops = topup_variants[variant].ops;
	rwlock_init(&vm->mmu_lock);
	topup_split_cache_init(&vm->split);
	topup_mutex_init(&vm->lock);
	topup_list_init(&vm->pamt);
	vm->ahead = 1;
}

void topup_vm_destroy(struct topup_vm *vm)
{
	topup_mutex_destroy(&vm->lock);
}

void topup_vcpu_init(struct topup_vcpu *v, struct topup_vm *vm, struct topup_source *source,
		     struct topup_meter *meter)
{
	memset(v, 0, sizeof(*v));
	v->ctx.source = source;
	v->ctx.meter = meter;
	v->vm = vm;
	topup_list_init(&v->prealloc);
	topup_list_init(&v->pamt);
	topup_list_init(&v->spare);
}

void topup_vcpu_drain(struct topup_vcpu *v)
{
	topup_kvm_array_drain(&v->ctx, &v->sept);
	topup_kvm_array_drain(&v->ctx, &v->pamt_array);
	topup_list_drain(&v->ctx, &v->prealloc);
	topup_list_drain(&v->ctx, &v->pamt);
	topup_list_drain(&v->ctx, &v->spare);
}

void topup_vm_drain(struct topup_vm *vm, struct topup_vcpu *v)
{
	topup_split_cache_drain(&v->ctx, &vm->split);
	topup_list_drain(&v->ctx, &vm->pamt);
}

unsigned int topup_vcpu_idle(const struct topup_vcpu *v)
{
	return (unsigned int)(v->sept.nobjs + v->pamt_array.nobjs) + v->prealloc.cnt + v->pamt.cnt +
	       v->spare.cnt;
}

unsigned int topup_vm_idle(const struct topup_vm *vm)
{
	return READ_ONCE(vm->split.list.cnt) + READ_ONCE(vm->pamt.cnt);
}

unsigned int topup_hand_free(struct topup_ctx *ctx, struct topup_hand *hand)
{
	struct topup_page *page;
	unsigned int n = 0;

	while ((page = list_first_entry_or_null(&hand->pages, struct topup_page, lru))) {
		list_del(&page->lru);
		topup_free(ctx, page);
		n++;
	}
	hand->sept = 0;
	hand->pamt = 0;
	return n;
}
