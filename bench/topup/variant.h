/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * variant.h: the alternatives, each of which serves all of a vCPU's faults and splits.
 *
 * | variant        | S-EPT page, fault | PAMT, fault  | S-EPT page, split | PAMT, split          |
 * |----------------|-------------------|--------------|-------------------|----------------------|
 * | kvm_array      | array, 5 of 40    | array, 10/40 | array, 1 of 40    | array, 4 of 40       |
 * | tdx_prealloc   | one list, 15 in all              | the same list, 5 in all                  |
 * | pamt_cache     | array, 5 of 40    | list, 10     | array, 1 of 40    | list, 4              |
 * | split_cache    | array, 5 of 40    | list, 10     | alloc_page()      | per-VM list, 4, lock |
 * | split_batch    | array, 5 of 40    | list, 10     | alloc_page()      | the same, one round  |
 * | per_vcpu_or_vm | array, 5 of 40    | list, 10     | alloc_page()      | list, 4: the vCPU's, |
 * |                |                   |              |                   | else the VM's, mutex |
 * | direct         | alloc_page(GFP_ATOMIC) for each, under the mmu_lock                         |
 *
 * Sources: kvm_array, TDX huge pages RFC v2 21/23 (pamt_page_cache); tdx_prealloc, Dynamic PAMT v4;
 * pamt_cache, Dynamic PAMT v6; split_cache, TDX huge pages v3 19/24 and 20/24, where S-EPT pages
 * come from KVM's array, from the list and from alloc_page() and all go by free_page();
 * per_vcpu_or_vm, RFC v5 44/45. split_batch and direct are this suite's, for comparison.
 */
#ifndef TDC_BENCH_TOPUP_VARIANT_H
#define TDC_BENCH_TOPUP_VARIANT_H

#include "bench/topup/cache.h"

enum topup_variant {
	TOPUP_KVM_ARRAY,
	TOPUP_TDX_PREALLOC,
	TOPUP_PAMT_CACHE,
	TOPUP_SPLIT_CACHE,
	TOPUP_SPLIT_BATCH,
	TOPUP_PER_VCPU_OR_VM,
	TOPUP_DIRECT,
	TOPUP_VARIANTS
};

struct topup_ops;

/* What the vCPUs of a VM share. */
struct topup_vm {
	const struct topup_ops *ops; /* as kvm_x86_ops: called through where `indirect` */
	/* Factors, to be set behind topup_vm_init(). */
	unsigned int demote_loops; /* of cpu_relax(): how long TDH.MEM.PAGE.DEMOTE takes */
	unsigned int ahead; /* splits that one topup prepares for: at least n of a whole range */
	bool has_vcpu;	    /* per_vcpu_or_vm: splits are made by a vCPU */
	/* As far apart as in struct kvm and struct kvm_tdx. */
	char apart_mmu[TOPUP_APART];
	rwlock_t mmu_lock;
	char apart_split[TOPUP_APART];
	struct topup_split_cache split; /* split_cache, split_batch */
	char apart_lock[TOPUP_APART];
	struct topup_mutex lock; /* per_vcpu_or_vm: of what follows */
	struct topup_list pamt;
	char apart_next[TOPUP_APART];
};

/* Used by one thread at a time. */
struct topup_vcpu {
	struct topup_ctx ctx;
	struct topup_vm *vm;
	struct topup_kvm_array sept, pamt_array;
	struct topup_list prealloc; /* tdx_prealloc */
	struct topup_list pamt;	    /* pamt_cache and those that follow it */
	struct topup_list spare;    /* S-EPT pages of splits to come: alloc_page() */
	char apart_next[TOPUP_APART];
};

/* What one operation consumes. */
struct topup_need {
	unsigned int sept;  /* S-EPT pages: levels that are missing */
	unsigned int pairs; /* Dynamic PAMT entries */
};

/* The pages that an operation has used. Whoever made them, one free puts them away. */
struct topup_hand {
	struct list_head pages;
	unsigned int sept, pamt;
};

/*
 * The steps, named after the hooks of kvm_x86_ops that they stand for. fault_get_*() are called
 * with the mmu_lock held for reading, split_need() and split_get() for writing.
 */
struct topup_ops {
	bool guarded; /* splits without a vCPU hold the VM's mutex, outside of the mmu_lock */
	int (*fault_topup)(struct topup_vcpu *v);
	struct topup_page *(*fault_get_sept)(struct topup_vcpu *v);
	int (*fault_get_pair)(struct topup_vcpu *v, struct topup_pair *pair);
	bool (*split_need)(struct topup_vcpu *v, unsigned int splits);
	int (*split_topup)(struct topup_vcpu *v, unsigned int splits);
	int (*split_get)(struct topup_vcpu *v, const struct topup_need *need,
			 struct topup_hand *hand);
};

/* How the range of a split is worked through. */
enum topup_range_mode {
	TOPUP_REPEAT, /* check, drop the mmu_lock, top up, retake, split, and again */
	TOPUP_WHOLE,  /* top up for all of it, then hold the mmu_lock once */
};

/* The timed parts. Direct and through the table: the same source, compiled twice. */
struct topup_work {
	/**
	 * topup() - what precedes the lock of a fault
	 *
	 * Return: 0, -ENOMEM.
	 */
	int (*topup)(struct topup_vcpu *v);

	/**
	 * fault() - a whole fault: topup, lock, get, unlock
	 * @hand: gets the pages, behind those that it has
	 *
	 * Return: 0; -ENOMEM, with those in @hand that were got before.
	 */
	int (*fault)(struct topup_vcpu *v, const struct topup_need *need, struct topup_hand *hand);

	/* @n of them, as long as there are pages. @need: one for each. */
	int (*faults)(struct topup_vcpu *v, const struct topup_need *need, unsigned int n,
		      struct topup_hand *hand);

	/* As fault(), without the topup: a loop over it and topup() is a loop over faults. */
	int (*take)(struct topup_vcpu *v, const struct topup_need *need, struct topup_hand *hand);

	/**
	 * split() - split @n huge pages in a row
	 * @need: one for each of them
	 *
	 * Retries, lock rounds and hold times are in the meter, the peak of pages is in the source.
	 * Return: 0; -ENOMEM as above, locks dropped.
	 */
	int (*split)(struct topup_vcpu *v, unsigned int n, enum topup_range_mode mode,
		     const struct topup_need *need, struct topup_hand *hand);
};

struct topup_variant_info {
	const char *name, *summary;
	const struct topup_ops *ops;
	struct topup_work work[2]; /* by `indirect` */
};

extern const struct topup_variant_info topup_variants[TOPUP_VARIANTS];

/* The VM's caches are empty, ahead is 1. Destroy when its vCPUs are drained. */
void topup_vm_init(struct topup_vm *vm, enum topup_variant variant);
void topup_vm_destroy(struct topup_vm *vm);

/* @source, and @meter unless NULL, are the calling thread's and outlive the vCPU. */
void topup_vcpu_init(struct topup_vcpu *v, struct topup_vm *vm, struct topup_source *source,
		     struct topup_meter *meter);

/* Free what the vCPU holds, or the VM: no one else uses them. Pages go to the vCPU's source. */
void topup_vcpu_drain(struct topup_vcpu *v);
void topup_vm_drain(struct topup_vm *vm, struct topup_vcpu *v);

/* Pages held for what may never come. Exact while no other thread is at work. */
unsigned int topup_vcpu_idle(const struct topup_vcpu *v);
unsigned int topup_vm_idle(const struct topup_vm *vm);

static inline void topup_hand_init(struct topup_hand *hand)
{
	INIT_LIST_HEAD(&hand->pages);
	hand->sept = 0;
	hand->pamt = 0;
}

/* Free all pages of it. Return: how many there were. */
unsigned int topup_hand_free(struct topup_ctx *ctx, struct topup_hand *hand);

#endif
