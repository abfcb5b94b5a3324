// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/teardown.h"

#include <errno.h>
#include <stdio.h>

#include "bench/ops/flush_ops.h"
#include "bench/ops/teardown_kernel.h"
#include "harness/machine/topo.h"

#define USUAL_EVERY 32 /* leaves of 4 KiB; those of 2 MiB are marked one and all */
#define KICK_EVERY  8  /* of those that wait for an IPI, which take long, and not all as long */
#define MAX_EVERY   65536
#define MAX_VCPUS   1024
#define MAX_SEAM_NS 1000000 /* 1 ms */
/* What a delay's own clock reads take, on any machine so far less than half of it. */
#define MIN_SEAM_NS 100

static size_t leaf_bytes(const struct cell *cell)
{
	return cell->levels[F_LEAF].number == LEAF_2M ? TD_REGION : TD_PAGE;
}

static bool in_kernel(const struct cell *cell)
{
	return cell->levels[F_MODE].number == MODE_KERNEL;
}

/* ---- what symbolic levels are ---- */

static int set_word(struct level *level, unsigned factor, unsigned i)
{
	level->number = i;
	snprintf(level->text, LEVEL_TEXT, "%s", teardown_factors[factor].levels[i].name);
	return 0;
}

static int set_number(struct level *level, unsigned n)
{
	level->number = n;
	snprintf(level->text, LEVEL_TEXT, "%u", n);
	return 0;
}

static bool has_op(const struct machine *m, unsigned i)
{
	return reset_ops[i].needs < 0 || cpu_has(&m->cpu, (enum cpu_feature)reset_ops[i].needs);
}

int teardown_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		     struct level *level, struct reason *why)
{
	bool huge = leaf_bytes(cell) > TD_PAGE;
	unsigned i = 0;

	switch (factor) {
	case F_QUIRK:
		return set_word(level, F_QUIRK, m->cpu.cpu_affected ? QUIRK_ON : QUIRK_OFF);
	case F_RESET:
		return set_word(level, F_RESET, huge ? RESET_LEAF_FENCE : RESET_ERRATUM);
	case F_INSN:
		while (!in_kernel(cell) && !has_op(m, i))
			i++;
		return set_word(level, F_INSN, i);
	case F_BACKING:
		if (in_kernel(cell))
			return set_word(level, F_BACKING, huge ? MEM_THP : MEM_4K);
		return set_word(level, F_BACKING, region_backing(m, cell->levels[F_SIZE].number));
	case F_THREADS:
		return set_number(level, topo_cpus(m->topo));
	case F_MARKS:
		return set_number(level, huge				   ? 1
					 : cell->levels[F_IN_GUEST].number ? KICK_EVERY
									   : USUAL_EVERY);
	}
	return reason_set(why, -ENOTSUP, "%s cannot be chosen here", level->text);
}

/* ---- what can run ---- */

/* Is the CPU's erratum, or the kernel's generation, such that lines are stored? */
static bool resets(const struct level *l)
{
	return l[F_QUIRK].number == QUIRK_ON || l[F_RESET].number == RESET_ALWAYS;
}

static const unsigned seam_factors[TD_SEAMS] = {
	[TD_SEAM_OTHER] = F_SEAM,	  [TD_SEAM_BLOCK] = F_SEAM_BLOCK,
	[TD_SEAM_TRACK] = F_SEAM_TRACK,	  [TD_SEAM_REMOVE] = F_SEAM_REMOVE,
	[TD_SEAM_WBINVD] = F_SEAM_WBINVD, [TD_SEAM_RECLAIM] = F_SEAM_RECLAIM,
};

/* ns that a SEAMCALL of that kind is made to take. */
static uint64_t seam_of(const struct level *l, enum td_seam seam)
{
	uint64_t ns = l[seam_factors[seam]].number;

	return seam != TD_SEAM_OTHER && ns == ONE_SEAM_AS_ALL ? l[F_SEAM].number : ns;
}

#define ON_DYNAMIC  (1u << TD_DYNAMIC)
#define ON_TEARDOWN (1u << TD_TEARDOWN)
#define NO_SEAM	    TD_SEAMS

/* What leave_out leaves out: which phases, on which paths they are, and whose delay they consist of. */
static const struct {
	unsigned without, paths;
	enum td_seam seam;
} outs[] = {
	[OUT_NONE] = { 0, ON_DYNAMIC | ON_TEARDOWN, NO_SEAM },
	[OUT_KICK] = { TD_BIT(TD_P_KICK), ON_DYNAMIC, NO_SEAM },
	[OUT_FLUSH] = { TD_BIT(TD_P_FLUSH), ON_DYNAMIC, NO_SEAM },
	[OUT_RESET] = { TD_BIT(TD_P_RESET), ON_DYNAMIC | ON_TEARDOWN, NO_SEAM },
	[OUT_PAMT] = { TD_BIT(TD_P_PAMT), ON_DYNAMIC | ON_TEARDOWN, NO_SEAM },
	[OUT_FREE] = { TD_BIT(TD_P_FREE), ON_DYNAMIC | ON_TEARDOWN, NO_SEAM },
	[OUT_BLOCK] = { TD_BIT(TD_P_BLOCK), ON_DYNAMIC, TD_SEAM_BLOCK },
	[OUT_TRACK] = { TD_BIT(TD_P_TRACK), ON_DYNAMIC, TD_SEAM_TRACK },
	[OUT_REMOVE] = { TD_BIT(TD_P_REMOVE), ON_DYNAMIC, TD_SEAM_REMOVE },
	[OUT_RECLAIM] = { TD_BIT(TD_P_RECLAIM), ON_TEARDOWN, TD_SEAM_RECLAIM },
	[OUT_HKID] = { TD_BIT(TD_P_HKID), ON_DYNAMIC | ON_TEARDOWN, TD_SEAM_OTHER },
	[OUT_CONTROL] = { TD_BIT(TD_P_CONTROL), ON_DYNAMIC | ON_TEARDOWN, NO_SEAM },
	[OUT_ALL_BUT_RESET] = { 0, ON_DYNAMIC | ON_TEARDOWN, NO_SEAM },
	[OUT_ALL_BUT_FLUSH_RESET] = { 0, ON_DYNAMIC, NO_SEAM },
};

static int all_but_flush_reset_supported(const struct level *l, struct reason *why)
{
	if (l[F_BEFORE].number)
		return reason_set(why, -ENOTSUP,
				  "leave_out=all_but_flush_reset is for before=evicted");
	if (l[F_LEAF].number == LEAF_2M && l[F_RESET].number != RESET_LEAF_FENCE)
		return reason_set(why, -ENOTSUP,
				  "leave_out=all_but_flush_reset flushes what it resets in a call: "
				  "with leaf=2M reset=leaf_fence");
	return 0;
}

/* Leaving out what is not there would be the same cell again under another name. */
static int leave_out_supported(const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	uint64_t out = l[F_LEAVE_OUT].number;
	bool real = out == OUT_HKID && in_kernel(cell); /* the caches are written back */

	if (!(outs[out].paths & 1u << l[F_PATH].number))
		return reason_set(why, -ENOTSUP, "path=%s has no %s to leave out", l[F_PATH].text,
				  out == OUT_ALL_BUT_FLUSH_RESET ? "flush" : l[F_LEAVE_OUT].text);
	if (outs[out].seam != NO_SEAM && !seam_of(l, outs[out].seam) && !real)
		return reason_set(why, -ENOTSUP, "%s=0: %s takes no time that could be left out",
				  teardown_factors[seam_factors[outs[out].seam]].name,
				  l[F_LEAVE_OUT].text);
	if ((out == OUT_RESET || out == OUT_ALL_BUT_RESET) && !resets(l))
		return reason_set(why, -ENOTSUP,
				  "quirk=off resets nothing: leave_out=%s is for quirk=on",
				  l[F_LEAVE_OUT].text);
	if (out == OUT_PAMT && l[F_DPAMT].number == TD_DPAMT_OFF)
		return reason_set(why, -ENOTSUP, "dpamt=off has no pamt to leave out");
	return out == OUT_ALL_BUT_FLUSH_RESET ? all_but_flush_reset_supported(l, why) : 0;
}

static int guests_supported(const struct machine *m, const struct level *l, struct reason *why)
{
	unsigned cpus = topo_cpus(m->topo);

	if (!l[F_THREADS].number || l[F_THREADS].number > cpus)
		return reason_set(why, -ENOTSUP, "threads=%s: there are %u CPUs", l[F_THREADS].text,
				  cpus);
	if (l[F_VCPUS].number > MAX_VCPUS)
		return reason_set(why, -ENOTSUP, "vcpus=%s: %d at most", l[F_VCPUS].text,
				  MAX_VCPUS);
	if (l[F_IN_GUEST].number > l[F_VCPUS].number)
		return reason_set(why, -ENOTSUP, "in_guest=%s is more than vcpus=%s",
				  l[F_IN_GUEST].text, l[F_VCPUS].text);
	if (l[F_IN_GUEST].number && l[F_PATH].number == TD_TEARDOWN)
		return reason_set(why, -ENOTSUP, "path=teardown kicks nobody: leave in_guest at 0");
	if (l[F_IN_GUEST].number && l[F_THREADS].number > 1)
		return reason_set(why, -ENOTSUP,
				  "in_guest=%s with threads=%s: TRACK and its kick are serialised, "
				  "so threads=1",
				  l[F_IN_GUEST].text, l[F_THREADS].text);
	if (l[F_IN_GUEST].number > cpus - l[F_THREADS].number)
		return reason_set(why, -ENOTSUP,
				  "in_guest=%s and threads=%s need a CPU each, and there are %u",
				  l[F_IN_GUEST].text, l[F_THREADS].text, cpus);
	return 0;
}

static int size_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	size_t leaf = leaf_bytes(cell);

	if (!l[F_SIZE].number || l[F_SIZE].number % leaf)
		return reason_set(why, -ENOTSUP, "size=%s is not a multiple of leaf=%s",
				  l[F_SIZE].text, l[F_LEAF].text);
	if (l[F_SIZE].number / leaf < l[F_THREADS].number)
		return reason_set(why, -ENOTSUP, "size=%s has fewer leaves than threads=%s",
				  l[F_SIZE].text, l[F_THREADS].text);
	if (l[F_SIZE].number / TD_PAGE > UINT32_MAX)
		return reason_set(why, -ENOTSUP, "size=%s: less than 16 TiB", l[F_SIZE].text);
	if (in_kernel(cell))
		return 0;
	return region_supported(m, (enum mem_backing)l[F_BACKING].number, l[F_SIZE].number, why);
}

static int insn_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	const struct reset_op *op = &reset_ops[l[F_INSN].number];

	if (in_kernel(cell) && l[F_INSN].number)
		return reason_set(why, -ENOTSUP,
				  "insn=%s is of mode=user: the module resets by movdir64b",
				  l[F_INSN].text);
	if (!in_kernel(cell) && !has_op(m, (unsigned)l[F_INSN].number))
		return reason_set(why, -ENOTSUP, "this CPU has no %s",
				  cpu_feature_name((enum cpu_feature)op->needs));
	if (!cpu_has(&m->cpu, CPU_CLFLUSHOPT) && !cpu_has(&m->cpu, CPU_CLFLUSH))
		return reason_set(why, -ENOTSUP, "this CPU has neither clflushopt nor clflush");
	return 0;
}

/* What the module does not do. */
static int kernel_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	struct td_setting set = teardown_setting_of(cell);

	if (l[F_THREADS].number != 1)
		return reason_set(why, -ENOTSUP,
				  "threads=%s is of mode=user: KVM has one, under its mmu_lock",
				  l[F_THREADS].text);
	if (set.leaf == TD_REGION && set.backing != MEM_THP)
		return reason_set(why, -ENOTSUP, "leaf=2M needs pages of 2 MiB: backing=thp");
	if (set.backing == MEM_THP && set.size % TD_REGION)
		return reason_set(why, -ENOTSUP, "size=%s is not a multiple of the pages' 2 MiB",
				  l[F_SIZE].text);
	if (set.flush_first)
		return reason_set(why, -ENOTSUP, "leave_out=all_but_flush_reset is of mode=user");
	if (set.reset_alone && set.shuffled)
		return reason_set(why, -ENOTSUP,
				  "leave_out=all_but_reset: the module resets in sequence: "
				  "order=sequential");
	return td_kernel_supported(m, &set, why);
}

static int seam_supported(const struct cell *cell, struct reason *why)
{
	int most = in_kernel(cell) ? TD_KERNEL_SEAM_NS : MAX_SEAM_NS;

	for (unsigned i = 0; i < TD_SEAMS; i++) {
		const struct level *l = &cell->levels[seam_factors[i]];

		if (l->number > (unsigned)most)
			return reason_set(why, -ENOTSUP, "%s=%s: %s%d ns at most",
					  teardown_factors[seam_factors[i]].name, l->text,
					  in_kernel(cell) ? "in mode=kernel " : "", most);
		if (seam_of(cell->levels, i) && seam_of(cell->levels, i) < MIN_SEAM_NS)
			return reason_set(why, -ENOTSUP,
					  "%s=%s: 0 or %d ns at least, since reading the clock "
					  "takes some of it",
					  teardown_factors[seam_factors[i]].name, l->text,
					  MIN_SEAM_NS);
	}
	return 0;
}

int teardown_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	int ret = insn_supported(m, cell, why);

	if (ret)
		return ret;
	if (l[F_DPAMT].number != TD_DPAMT_OFF && l[F_LEAF].number == LEAF_2M)
		return reason_set(why, -ENOTSUP,
				  "leaf=2M has no Dynamic PAMT entry: dpamt=%s is "
				  "for leaf=4K",
				  l[F_DPAMT].text);
	if (l[F_SKIP_CACHE_WB].number && !in_kernel(cell))
		return reason_set(
			why, -ENOTSUP,
			"skip_cache_wb=on: user space writes no package's caches back, so "
			"there is nothing to skip: mode=kernel");
	if (l[F_MARKS].number > MAX_EVERY)
		return reason_set(why, -ENOTSUP, "marks=%s: %d at most", l[F_MARKS].text,
				  MAX_EVERY);
	ret = seam_supported(cell, why);
	if (!ret)
		ret = leave_out_supported(cell, why);
	if (!ret)
		ret = guests_supported(m, l, why);
	if (!ret)
		ret = size_supported(m, cell, why);
	return !ret && in_kernel(cell) ? kernel_supported(m, cell, why) : ret;
}

/* ---- what it is called ---- */

/* What is said of the SEAMCALLs, behind @stand_ins, and what follows from it. */
static enum kind seam_kind(const struct level *l, const struct reason *stand_ins,
			   struct reason *why)
{
	bool same = true, any = false;

	for (unsigned i = 0; i < TD_SEAMS; i++) {
		any |= seam_of(l, i);
		same &= seam_of(l, i) == l[F_SEAM].number;
	}
	if (!any) {
		reason_set(why, 0,
			   "%sno SEAMCALL is executed: they take no time in the replay, so what "
			   "quirk=off saves in percent is at most that",
			   stand_ins->text);
		return KIND_ANALOGUE;
	}
	if (same)
		reason_set(why, 0, "%sno SEAMCALL is executed: a delay of %s ns is in its place",
			   stand_ins->text, l[F_SEAM].text);
	else
		reason_set(why, 0,
			   "%sno SEAMCALL is executed: delays of seam=%s, seam_block=%s, "
			   "seam_track=%s, seam_remove=%s, seam_wbinvd=%s and seam_reclaim=%s ns "
			   "are in their place",
			   stand_ins->text, l[F_SEAM].text, l[F_SEAM_BLOCK].text,
			   l[F_SEAM_TRACK].text, l[F_SEAM_REMOVE].text, l[F_SEAM_WBINVD].text,
			   l[F_SEAM_RECLAIM].text);
	return KIND_MODELLED;
}

static enum kind kernel_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	bool wb = !l[F_SKIP_CACHE_WB].number;
	struct reason stand_ins;

	if (l[F_LEAVE_OUT].number == OUT_ALL_BUT_RESET)
		return KIND_MEASURED;
	reason_set(&stand_ins, 0, "%s%s%s", wb ? td_kernel_cache_wb(m) : "",
		   wb ? " stands in for TDH.PHYMEM.CACHE.WB, " : "",
		   l[F_LEAVE_OUT].number != OUT_FREE
			   ? "__free_pages() for the freeing of guest_memfd, "
			   : "");
	return seam_kind(l, &stand_ins, why);
}

enum kind teardown_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	const struct reset_op *op = &reset_ops[l[F_INSN].number];
	uint64_t out = l[F_LEAVE_OUT].number;
	/* Control pages are reset where leaves are not, and TDR is flushed where they are not. */
	bool insn = op->analogue && resets(l);
	bool clflush = (l[F_PATH].number == TD_DYNAMIC || out != OUT_CONTROL) &&
		       !cpu_has(&m->cpu, CPU_CLFLUSHOPT);
	struct reason stand_ins;

	if (in_kernel(cell))
		return kernel_kind(m, cell, why);
	if (out == OUT_ALL_BUT_RESET || out == OUT_ALL_BUT_FLUSH_RESET) {
		clflush &= out == OUT_ALL_BUT_FLUSH_RESET;
		if (insn || clflush)
			reason_set(why, 0, "%s%s%s%s", insn ? op->name : "",
				   insn ? " stands in for MOVDIR64B" : "",
				   insn && clflush ? ", " : "",
				   clflush ? "clflush stands in for CLFLUSHOPT" : "");
		return insn || clflush ? KIND_ANALOGUE : KIND_MEASURED;
	}
	reason_set(&stand_ins, 0, "%s%s%s%s%s%s", insn ? op->name : "",
		   insn ? " stands in for MOVDIR64B, " : "",
		   clflush ? "clflush for CLFLUSHOPT, " : "",
		   out != OUT_FREE ? "madvise() stands in for the freeing of guest_memfd, " : "",
		   l[F_IN_GUEST].number ? "membarrier() for the IPIs of a kick, " : "",
		   l[F_THREADS].number > 1
			   ? "threads share what KVM does in one, under its mmu_lock and with "
			     "TRACK serialised, "
			   : "");
	return seam_kind(l, &stand_ins, why);
}

struct td_setting teardown_setting_of(const struct cell *cell)
{
	const struct level *l = cell->levels;
	size_t leaf = leaf_bytes(cell);
	struct td_setting set = {
		.path = (enum td_path)l[F_PATH].number,
		.leaf = leaf,
		.erratum = resets(l),
		.reset_bytes = l[F_RESET].number == RESET_LEAF_FENCE ? leaf : TD_PAGE,
		.op = &reset_ops[l[F_INSN].number],
		.size = l[F_SIZE].number,
		.backing = (enum mem_backing)l[F_BACKING].number,
		.dirty = l[F_BEFORE].number,
		.shuffled = l[F_ORDER].number == REGION_SHUFFLED,
		.threads = (unsigned)l[F_THREADS].number,
		.vcpus = (unsigned)l[F_VCPUS].number,
		.in_guest = (unsigned)l[F_IN_GUEST].number,
		.dpamt = (enum td_dpamt)l[F_DPAMT].number,
		.skip_cache_wb = l[F_SKIP_CACHE_WB].number,
		.every = (unsigned)l[F_MARKS].number,
		.without = outs[l[F_LEAVE_OUT].number].without,
		.reset_alone = l[F_LEAVE_OUT].number == OUT_ALL_BUT_RESET ||
			       l[F_LEAVE_OUT].number == OUT_ALL_BUT_FLUSH_RESET,
		.flush_first = l[F_LEAVE_OUT].number == OUT_ALL_BUT_FLUSH_RESET,
		.in_kernel = in_kernel(cell),
	};

	for (unsigned i = 0; i < TD_SEAMS; i++)
		set.seam_ns[i] = seam_of(l, i);
	return set;
}
