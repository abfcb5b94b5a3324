/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.h: the teardown of a TD, step by step, on ordinary memory. The loop that user space and the
 * module share; who calls it gives it memory and functions.
 *
 * Sources (Linux 6.16 and later): tdx_sept_remove_private_spte(), tdx_mmu_release_hkid() of
 * arch/x86/kvm/vmx/tdx.c, kvm_make_all_cpus_request() of virt/kvm/kvm_main.c. Leaves of 2 MiB as
 * "TDX huge pages" v3 (posted 2026-01-06), TD_TEARDOWN as KVM_TDX_TERMINATE_VM v4 (posted
 * 2025-06-11), tdx_pamt_put() as Dynamic PAMT v6 (posted 2026-05-25).
 *
 * What needs SEAM takes a time that the caller states, 0 where it states none. Left out: the locks,
 * since nobody contends for them here, and with Dynamic PAMT the references of control pages.
 */
#ifndef TDC_BENCH_TEARDOWN_REPLAY_H
#define TDC_BENCH_TEARDOWN_REPLAY_H

#include "bench/teardown/tally.h"
#include "bench/teardown/trace.h"
#include "bench/topup/pamt.h"

#define TD_PAGE	  4096u
#define TD_REGION (2u << 20) /* that a Dynamic PAMT entry is of */

/* Of a TD of module 1.5 without nested VMs: TDVPR and 5 TDCX of each vCPU; the least of TDCS, 6 to 9. */
#define TD_VCPU_PAGES 6
#define TD_TDCS_PAGES 6
/* Where a step's offset is of control pages, and not of the TD's memory. */
#define TD_CONTROL_AT (1ull << 52)

enum td_dpamt { TD_DPAMT_OFF, TD_DPAMT_FAST, TD_DPAMT_LOCK };

/* Constant during a sample. */
struct td_replay {
	enum td_path path;
	struct td_mem mem;
	struct td_mem control; /* @n_control pages of 4 KiB, TDR the last */
	size_t n_control;
	size_t leaf;	       /* bytes: 4 KiB or 2 MiB */
	const uint32_t *order; /* of the leaves */
	unsigned int without;  /* bits of phases that are left out */
	unsigned int timed;    /* bits of phases that are marked */
	unsigned int every;    /* one leaf in so many is marked; 0: all of them as one */
	struct td_vcpu *vcpu;
	unsigned int vcpus, in_guest, packages;
	/* A SEAMCALL's delay less what a delay of nothing takes, td_seam_ticks(); 0: none at all. */
	uint64_t seam_ticks[TD_SEAMS];
	bool skip_cache_wb;
	struct td_ops ops;
	size_t reset_bytes; /* of a call: 4 KiB, or the leaf */
	enum td_dpamt dpamt;
	struct topup_pamt *pamt;
};

/* What a thread did. Zeroed memory, with @rng not 0. */
struct td_thread {
	struct td_tally tally;
	uint64_t count[TD_STEPS];
	uint64_t rng;	      /* which leaves are marked */
	struct topup_ctx ctx; /* where a PAMT entry's pages go */
	char *pair;	      /* two pages that stand for them when they are reset */
	struct td_kicked kicked;
	struct td_trace *trace; /* NULL: do not record; only with TD_TRACE */
	char apart[128];
};

/* The leaves [@first, @end) of the order; fewer when the work was given up. */
void td_leaves(const struct td_replay *r, struct td_thread *t, size_t first, size_t end);

/*
 * tdx_mmu_release_hkid(). TD_TEARDOWN has it before the leaves, TD_DYNAMIC behind them, when the last
 * reference to the VM is put.
 */
void td_release_hkid(const struct td_replay *r, struct td_thread *t);

/*
 * What td_replay.seam_ticks must be for a SEAMCALL to take @ticks. What a delay's own clock reads take
 * is measured once, @cost, by td_delay_cost(), in ticks: nothing takes less than that.
 */
uint64_t td_delay_cost(void);
uint64_t td_seam_ticks(uint64_t ticks, uint64_t cost);

/*
 * What is left of a TD when its memory is gone and its HKID free, in the order of kvm_arch_destroy_vm():
 * kvm_destroy_vcpus(), kvm_mmu_uninit_vm(), tdx_vm_destroy(). Each page is reclaimed and reset; TDR, the
 * last, is flushed between the two, since the module may have touched it with the global KeyID.
 */
void td_release_control(const struct td_replay *r, struct td_thread *t);

/*
 * How many those are: of each vCPU, TDCS and TDR; and S-EPT pages, for @bytes of memory in leaves of
 * @leaf: a page for 512 entries of the level below, up to the one below the root, which is in TDCS.
 */
size_t td_control_pages(size_t bytes, size_t leaf, unsigned int vcpus);

/* SEAMCALLs of all kinds for a leaf of @leaf bytes, as counted by hand; without Dynamic PAMT. */
uint64_t td_seamcalls_per_leaf(enum td_path path, size_t leaf);

/* Of those that were counted in @count, the ones that are of leaves. */
uint64_t td_seamcalls_counted(const uint64_t *count);

#endif
