/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits.h: the kernel's numbers, under the kernel's names. A test asserts each of them beside the
 * place it comes from; nothing else in this folder writes such a number down.
 */
#ifndef TDC_BENCH_TOPUP_LIMITS_H
#define TDC_BENCH_TOPUP_LIMITS_H

/* Objects in a struct kvm_mmu_memory_cache: arch/x86/include/asm/kvm_types.h. */
#define KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE 40

/*
 * Levels of a page table, and so the most S-EPT pages and PAMT pairs a fault can need:
 * arch/x86/include/asm/kvm_host.h.
 */
#define PT64_ROOT_MAX_LEVEL 5

/* Pages of one Dynamic PAMT entry, which covers 2 MiB: Dynamic PAMT v6, 3/11. */
#define TDX_DPAMT_ENTRY_PAGE_CNT 2

/* tdx_topup_external_fault_cache() of Dynamic PAMT v4: S-EPT pages and pairs in one list, 15. */
#define TDX_PREALLOC_FAULT_PAGES \
	(PT64_ROOT_MAX_LEVEL + TDX_DPAMT_ENTRY_PAGE_CNT * PT64_ROOT_MAX_LEVEL)

/* tdx_topup_pamt_cache(cache, PT64_ROOT_MAX_LEVEL) of Dynamic PAMT v6: 10. */
#define TDX_PAMT_FAULT_PAGES (TDX_DPAMT_ENTRY_PAGE_CNT * PT64_ROOT_MAX_LEVEL)

/* A split of 2 MiB takes one S-EPT page, */
#define TDX_SPLIT_SEPT_PAGES 1
/* a pair for the region of that page and a pair for the memory itself, */
#define TDX_SPLIT_PAIRS 2
/* tdx_min_split_cache_sz() of TDX huge pages v3: 4; 0 without Dynamic PAMT, which is on here. */
#define TDX_SPLIT_PAMT_PAGES (TDX_DPAMT_ENTRY_PAGE_CNT * TDX_SPLIT_PAIRS)

/*
 * 4 KiB mappings in 2 MiB: a burst of faults, and how many S-EPT pages share one PAMT entry.
 * arch/x86/kvm/mmu/spte.h.
 */
#define SPTE_ENT_PER_PAGE 512

#endif
