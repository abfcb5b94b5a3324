// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/topup.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "bench/ops/topup_kernel.h"
#include "harness/machine/topo.h"

#define MAX_OPS	    65536	/* of a thread */
#define MAX_RANGE   512		/* 1 GiB */
#define MAX_HOLD_NS 1000000	/* 1 ms */
#define MAX_POOL    (6u << 20)	/* pages: descriptors of 64 bytes each, 384 MiB */
#define MAX_MAPPED  (64u << 10) /* pages of their own: 256 MiB */
#define USUAL_RANGE 16

static_assert(MAX_RANGE <= SPTE_ENT_PER_PAGE, "needs in a row");

static const struct level_info work_levels[] = {
	[TOPUP_FAULT] = { "fault", "faults: a topup, then the pages under the mmu_lock", false },
	[TOPUP_SPLIT] = { "split", "huge pages of 2 MiB split, in ranges", false },
	[TOPUP_REFCOUNT] = { "pamt", "a Dynamic PAMT entry's reference, got and put", false },
	{ NULL, NULL, false },
};

static const struct level_info variant_levels[] = {
	[TOPUP_KVM_ARRAY] = { "kvm_array", "KVM's array, filled to 40 when short, for all pages",
			      false },
	[TOPUP_TDX_PREALLOC] = { "tdx_prealloc",
				 "one list for all pages, exactly as long as needed", false },
	[TOPUP_PAMT_CACHE] = { "pamt_cache", "KVM's array, and a list for PAMT pages", false },
	[TOPUP_SPLIT_CACHE] = { "split_cache",
				"as pamt_cache; splits from a VM's list, a lock round per page",
				false },
	[TOPUP_SPLIT_BATCH] = { "split_batch", "as split_cache, one lock round per topup", false },
	[TOPUP_PER_VCPU_OR_VM] = { "per_vcpu_or_vm",
				   "as pamt_cache; splits from the vCPU's list, or from the VM's "
				   "under a mutex",
				   false },
	[TOPUP_DIRECT] = { "direct", "no cache: pages are allocated when they are used", false },
	[TOPUP_NONE] = { "none", "the loop alone: what the benchmark itself costs", false },
	{ NULL, NULL, false },
};

static const struct level_info load_levels[] = {
	[TOPUP_STEADY] = { "steady", "each operation in a 2 MiB region of its own", false },
	[TOPUP_BURST] = { "burst", "512 operations in a row in one 2 MiB region", false },
	[TOPUP_COLD] = { "cold", "each fault needs all levels and every PAMT entry", false },
	{ NULL, NULL, false },
};

static const struct level_info mode_levels[] = {
	[MODE_USER] = { "user", "caches of this program", false },
	[MODE_KERNEL] = { "kernel", "the same caches in ring 0, by tdcost.ko", false },
	{ NULL, NULL, false },
};

static const struct level_info source_levels[] = {
	[TOPUP_POOL] = { "pool", "page descriptors made before: data structures and locks alone",
			 false },
	[TOPUP_MMAP] = { "mmap", "mmap() of one page, populated, and munmap()", false },
	[TOPUP_GFP_KERNEL] = { "gfp_kernel", "alloc_page(GFP_KERNEL); mode=kernel", false },
	[TOPUP_GFP_KERNEL_ACCOUNT] = { "gfp_kernel_account",
				       "the same, charged to a memory cgroup; mode=kernel", false },
	[TOPUP_GFP_ATOMIC] = { "gfp_atomic", "alloc_page(GFP_ATOMIC); mode=kernel", false },
	{ "auto", "pool in mode=user; gfp_kernel_account, which is KVM's, in mode=kernel", true },
	{ NULL, NULL, false },
};

static const struct level_info zero_levels[] = {
	{ "off", "pages hold what they held", false },
	{ "on", "pages are zeroed by the allocator; mode=kernel", false },
	{ NULL, NULL, false },
};

static const struct level_info threads_levels[] = {
	{ "all", "one on each CPU", true },
	{ NULL, NULL, false },
};

static const struct level_info vms_levels[] = {
	{ "one", "all threads are vCPUs of one VM", false },
	{ "each", "each thread is the vCPU of a VM of its own", false },
	{ NULL, NULL, false },
};

static const struct level_info indirect_levels[] = {
	{ "off", "hooks are called directly", false },
	{ "on", "hooks are called through a table", false },
	{ NULL, NULL, false },
};

static const struct level_info split_levels[] = {
	[TOPUP_REPEAT] = { "repeat", "check, drop the mmu_lock, top up, retake it, split, again",
			   false },
	[TOPUP_WHOLE] = { "whole", "top up for the whole range, then hold the mmu_lock once",
			  false },
	{ NULL, NULL, false },
};

static const struct level_info by_levels[] = {
	{ "vm", "splits are asked for by an ioctl() of the VM", false },
	{ "vcpu", "splits are made by a vCPU, in a fault", false },
	{ NULL, NULL, false },
};

static const struct level_info hold_levels[] = {
	{ "0", "the SEAMCALL takes no time", false },
	{ NULL, NULL, false },
};

static const struct level_info pamt_levels[] = {
	{ "fast", "the lock is taken only where an entry comes or goes", false },
	{ "lock", "the global lock is taken each time", false },
	{ NULL, NULL, false },
};

const struct factor_info topup_factors[] = {
	[F_WORK] = { "work", "what an operation is", FACTOR_WORD, work_levels, "fault", false,
		     EFFECT_RATIO },
	[F_VARIANT] = { "variant", "how pages are held ready", FACTOR_WORD, variant_levels,
			"kvm_array,tdx_prealloc,pamt_cache,direct", true, EFFECT_RATIO },
	[F_LOAD] = { "load", "the schedule of operations", FACTOR_WORD, load_levels, "steady", true,
		     EFFECT_RATIO },
	[F_MODE] = { "mode", "where the caches are", FACTOR_WORD, mode_levels, "user", false,
		     EFFECT_RATIO },
	[F_SOURCE] = { "source", "where pages come from", FACTOR_WORD, source_levels, "auto", true,
		       EFFECT_DIFFERENCE },
	[F_ZERO] = { "zero", "are pages zeroed", FACTOR_WORD, zero_levels, "off", true,
		     EFFECT_DIFFERENCE },
	[F_THREADS] = { "threads", "vCPUs at work at once", FACTOR_COUNT, threads_levels, "1", true,
			EFFECT_RATIO },
	[F_VMS] = { "vms", "whose vCPUs they are", FACTOR_WORD, vms_levels, "one", true,
		    EFFECT_RATIO },
	[F_INDIRECT] = { "indirect", "how the variant's hooks are called", FACTOR_WORD,
			 indirect_levels, "off", true, EFFECT_RATIO },
	[F_SPLIT] = { "split", "how a range is split", FACTOR_WORD, split_levels, "repeat", true,
		      EFFECT_RATIO },
	[F_RANGE] = { "range", "huge pages in a range", FACTOR_COUNT, NULL, "16", true,
		      EFFECT_RATIO },
	[F_BY] = { "by", "who splits", FACTOR_WORD, by_levels, "vm", true, EFFECT_RATIO },
	[F_HOLD] = { "hold", "ns that a SEAMCALL under the lock is made to take", FACTOR_COUNT,
		     hold_levels, "0", true, EFFECT_DIFFERENCE },
	[F_PAMT] = { "pamt", "how the reference is counted", FACTOR_WORD, pamt_levels, "fast", true,
		     EFFECT_RATIO },
	[F_OPS] = { "ops", "operations of each thread in a sample", FACTOR_COUNT, NULL, "1024",
		    true, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

static bool in_kernel(const struct cell *cell)
{
	return cell->levels[F_MODE].number == MODE_KERNEL;
}

int topup_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		  struct level *level, struct reason *why)
{
	switch (factor) {
	case F_SOURCE:
		level->number = in_kernel(cell) ? TOPUP_GFP_KERNEL_ACCOUNT : TOPUP_POOL;
		snprintf(level->text, LEVEL_TEXT, "%s", source_levels[level->number].name);
		return 0;
	case F_THREADS:
		level->number = topo_cpus(m->topo);
		snprintf(level->text, LEVEL_TEXT, "%u", topo_cpus(m->topo));
		return 0;
	}
	return reason_set(why, -ENOTSUP, "%s cannot be chosen here", level->text);
}

struct topup_setting topup_setting_of(const struct cell *cell, unsigned int hold_loops)
{
	const struct level *l = cell->levels;

	return (struct topup_setting){
		.kind = (enum topup_kind)l[F_WORK].number,
		.variant = (unsigned int)l[F_VARIANT].number,
		.load = (enum topup_load)l[F_LOAD].number,
		.mode = (enum topup_range_mode)l[F_SPLIT].number,
		.from = (enum topup_from)l[F_SOURCE].number,
		.threads = (unsigned int)l[F_THREADS].number,
		.ops = (unsigned int)l[F_OPS].number,
		.range = (unsigned int)l[F_RANGE].number,
		.hold_loops = hold_loops,
		.indirect = l[F_INDIRECT].number,
		.vm_each = l[F_VMS].number,
		.by_vcpu = l[F_BY].number,
		.locked = l[F_PAMT].number,
		.zero = l[F_ZERO].number,
	};
}

/* Factors that say nothing to a kind of work stay as they are when not named. */
static int fixed_supported(const struct cell *cell, struct reason *why)
{
	static const struct {
		enum topup_kind kind;
		unsigned factor;
		uint64_t number;
	} fixed[] = {
		{ TOPUP_FAULT, F_SPLIT, TOPUP_REPEAT },
		{ TOPUP_FAULT, F_RANGE, USUAL_RANGE },
		{ TOPUP_FAULT, F_BY, 0 },
		{ TOPUP_FAULT, F_HOLD, 0 },
		{ TOPUP_FAULT, F_PAMT, 0 },
		{ TOPUP_SPLIT, F_LOAD, TOPUP_STEADY },
		{ TOPUP_SPLIT, F_PAMT, 0 },
		{ TOPUP_REFCOUNT, F_SPLIT, TOPUP_REPEAT },
		{ TOPUP_REFCOUNT, F_RANGE, USUAL_RANGE },
		{ TOPUP_REFCOUNT, F_BY, 0 },
		{ TOPUP_REFCOUNT, F_INDIRECT, 0 },
	};
	const struct level *l = cell->levels;

	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].kind == l[F_WORK].number &&
		    fixed[i].number != l[fixed[i].factor].number)
			return reason_set(why, -ENOTSUP, "work=%s has no %s=%s: leave %s out",
					  l[F_WORK].text, topup_factors[fixed[i].factor].name,
					  l[fixed[i].factor].text,
					  topup_factors[fixed[i].factor].name);
	return 0;
}

static int variant_supported(const struct level *l, struct reason *why)
{
	uint64_t variant = l[F_VARIANT].number;

	if (l[F_WORK].number == TOPUP_REFCOUNT && variant != TOPUP_PAMT_CACHE &&
	    variant != TOPUP_DIRECT)
		return reason_set(
			why, -ENOTSUP,
			"work=pamt gets its pages by variant=pamt_cache or direct, not %s",
			l[F_VARIANT].text);
	if (l[F_WORK].number == TOPUP_REFCOUNT && l[F_LOAD].number == TOPUP_COLD)
		return reason_set(why, -ENOTSUP, "load=cold is of faults: take steady or burst");
	if (l[F_BY].number && variant != TOPUP_PER_VCPU_OR_VM)
		return reason_set(why, -ENOTSUP, "by=vcpu changes variant=per_vcpu_or_vm only");
	return 0;
}

static int source_supported(const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	bool kernel = l[F_SOURCE].number >= TOPUP_GFP_KERNEL;

	if (in_kernel(cell) && !kernel)
		return reason_set(
			why, -ENOTSUP,
			"source=%s is of mode=user: take gfp_kernel, gfp_kernel_account or "
			"gfp_atomic",
			l[F_SOURCE].text);
	if (!in_kernel(cell) && kernel)
		return reason_set(
			why, -ENOTSUP,
			"source=%s is of mode=kernel: take pool or mmap, or name mode=kernel",
			l[F_SOURCE].text);
	if (!in_kernel(cell) && l[F_ZERO].number)
		return reason_set(why, -ENOTSUP,
				  "zero=on is of mode=kernel: a pool has no pages to zero, mmap() "
				  "zeroes all");
	return 0;
}

/* Pages in hands go back behind the sample, so they must all be there at once. */
static int pages_supported(const struct level *l, const struct topup_setting *set,
			   struct reason *why)
{
	unsigned pages = (topup_arm_in_hand(set) + topup_arm_in_caches(set)) / set->threads;
	unsigned most = set->from == TOPUP_MMAP ? MAX_MAPPED : MAX_POOL;

	if (pages <= most / set->threads)
		return 0;
	return reason_set(
		why, -ENOTSUP,
		"threads=%s with ops=%s takes more than %u pages of the %s: take fewer ops",
		l[F_THREADS].text, l[F_OPS].text, most, l[F_SOURCE].text);
}

static int size_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;

	if (l[F_THREADS].number > topo_cpus(m->topo))
		return reason_set(why, -ENOTSUP, "threads=%s: there are %u CPUs", l[F_THREADS].text,
				  topo_cpus(m->topo));
	if (l[F_OPS].number > MAX_OPS)
		return reason_set(why, -ENOTSUP, "ops=%s: %d at most", l[F_OPS].text, MAX_OPS);
	if (l[F_RANGE].number > MAX_RANGE)
		return reason_set(why, -ENOTSUP, "range=%s: %d at most, which is 1 GiB",
				  l[F_RANGE].text, MAX_RANGE);
	if (l[F_HOLD].number > MAX_HOLD_NS)
		return reason_set(why, -ENOTSUP, "hold=%s: %d ns at most", l[F_HOLD].text,
				  MAX_HOLD_NS);
	if (l[F_WORK].number == TOPUP_SPLIT && l[F_OPS].number % l[F_RANGE].number)
		return reason_set(why, -ENOTSUP, "ops=%s is no multiple of range=%s", l[F_OPS].text,
				  l[F_RANGE].text);
	return 0;
}

int topup_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	struct topup_setting set;
	int ret = fixed_supported(cell, why);

	if (!ret)
		ret = variant_supported(cell->levels, why);
	if (!ret)
		ret = source_supported(cell, why);
	if (!ret)
		ret = size_supported(m, cell, why);
	if (ret)
		return ret;
	set = topup_setting_of(cell, 0);
	return in_kernel(cell) ? topup_kernel_supported(m, &set, why)
			       : pages_supported(cell->levels, &set, why);
}

enum kind topup_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	/* First: the weakest label of all. */
	if (cell->levels[F_HOLD].number) {
		reason_set(why, 0,
			   "each SEAMCALL is a constant: pauses of %s ns, under the lock, that "
			   "nobody has measured",
			   cell->levels[F_HOLD].text);
		return KIND_MODELLED;
	}
	if (cell->levels[F_WORK].number == TOPUP_REFCOUNT) {
		reason_set(why, 0,
			   "neither PAMT.ADD and PAMT.REMOVE nor the reset of an entry's two pages "
			   "before they are freed is in it");
		return KIND_ANALOGUE;
	}
	if (in_kernel(cell))
		return KIND_MEASURED;
	if (cell->levels[F_SOURCE].number == TOPUP_MMAP) {
		reason_set(why, 0, "mmap() of a page stands in for alloc_page()");
		return KIND_ANALOGUE;
	}
	if (cell->levels[F_THREADS].number > 1) {
		reason_set(why, 0, "locks that are not fair stand in for the kernel's queued ones");
		return KIND_ANALOGUE;
	}
	return KIND_MEASURED;
}
