// SPDX-License-Identifier: GPL-2.0-or-later
/* Which cells of vm make sense on a machine, and why the others do not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/ops/region.h"
#include "bench/ops/reset_user.h"
#include "bench/ops/victim.h"
#include "bench/vm.h"

static const struct level_info type_levels[] = {
	[TYPE_PLAIN] = { "plain", "KVM_X86_DEFAULT_VM", false },
	[TYPE_SW_PROTECTED] = { "sw_protected",
				"KVM_X86_SW_PROTECTED_VM: private memory, "
				"no encryption",
				false },
	[TYPE_TDX] = { "tdx", "a trust domain; its pages are pending, never accepted", false },
	{ NULL, NULL, false },
};

static const struct level_info mem_levels[] = {
	[BACKING_ANON] = { "anon", "anonymous memory, base pages", false },
	[BACKING_THP] = { "thp", "anonymous memory, transparent huge pages", false },
	[BACKING_HUGETLB] = { "hugetlb", "the hugetlb pool of 2 MiB", false },
	[BACKING_GUEST_MEMFD] = { "guest_memfd", "a guest_memfd, base pages", false },
	{ NULL, NULL, false },
};

static const struct level_info populate_levels[] = {
	[VM_BY_GUEST] = { "guest", "the guest writes to each of its pages", false },
	[VM_BY_PREFAULT] = { "prefault", "KVM_PRE_FAULT_MEMORY", false },
	[VM_BY_HOST] = { "host", "the process writes to each page; the guest has mapped none",
			 false },
	{ NULL, NULL, false },
};

static const struct level_info exit_levels[] = {
	[EXIT_ORDERED] = { "ordered", "step by step, a phase each", false },
	[EXIT_SIGKILL] = { "sigkill", "the process that has it is killed, and waited for", false },
	{ NULL, NULL, false },
};

static const struct level_info terminate_levels[] = {
	[WITHOUT] = { "off", "the HKID is released when the VM is destroyed", false },
	[WITH] = { "on", "KVM_TDX_TERMINATE_VM releases it first (type=tdx)", false },
	{ NULL, NULL, false },
};

static const struct level_info quirk_levels[] = {
	[QUIRK_ON] = { "on", "clear each page before it is freed, as with the erratum (analogue)",
		       false },
	[QUIRK_OFF] = { "off", "make the same calls, which return at once (analogue)", false },
	[QUIRK_NONE] = { "none", "make none: a plain VM's end", false },
	{ "auto", "as this CPU has it: family 6, model 0x8F or 0xCF; of a TD as its kernel does it",
	  true },
	{ NULL, NULL, false },
};

static const struct level_info source_levels[] = {
	[SOURCE_ZERO] = { "zero", "zeros, as the kernel's ZERO_PAGE(0)", false },
	[SOURCE_PATTERN] = { "pattern", "64 random bytes; byte-wise instructions repeat the first",
			     false },
	{ NULL, NULL, false },
};

static const struct level_info victim_levels[] = {
	[WITHOUT] = { "off", "nobody runs beside the end of the VM", false },
	[WITH] = { "on", "a co-runner is watched, on the nearest other CPU", false },
	[WITH_SAME] = { "same", "one that wants the very CPU on which the VM ends", false },
	{ NULL, NULL, false },
};

static const struct level_info realloc_levels[] = {
	[WITHOUT] = { "off", "nothing follows", false },
	[WITH] = { "on", "as much memory is allocated and touched right behind", false },
	{ NULL, NULL, false },
};

const struct factor_info vm_factors[] = {
	[F_TYPE] = { "type", "what kind of VM", FACTOR_WORD, type_levels, "plain", true,
		     EFFECT_BOTH },
	[F_MEM] = { "mem", "what its memory is", FACTOR_WORD, mem_levels, "anon", false,
		    EFFECT_BOTH },
	[F_SIZE] = { "size", "bytes of it, a multiple of 2M", FACTOR_SIZE, NULL, "64M", false,
		     EFFECT_BOTH },
	[F_VCPUS] = { "vcpus", "vCPUs, each of which populates its share", FACTOR_COUNT, NULL, "1",
		      true, EFFECT_BOTH },
	[F_POPULATE] = { "populate", "who touches the memory first", FACTOR_WORD, populate_levels,
			 "guest", true, EFFECT_BOTH },
	[F_EXIT] = { "exit", "how it ends", FACTOR_WORD, exit_levels, "ordered", true,
		     EFFECT_BOTH },
	[F_TERMINATE] = { "terminate", "is a TD terminated first?", FACTOR_WORD, terminate_levels,
			  "off", true, EFFECT_BOTH },
	[F_QUIRK] = { "quirk", "the erratum mode", FACTOR_WORD, quirk_levels, "none", true,
		      EFFECT_BOTH },
	[F_INSN] = { "insn", "what stores the 64 bytes", FACTOR_WORD, reset_insn_levels, "auto",
		     true, EFFECT_RATIO },
	[F_SOURCE] = { "source", "the bytes stored", FACTOR_WORD, source_levels, "zero", true,
		       EFFECT_RATIO },
	/* Each leaves caches and free pages in another state, so they do not alternate. */
	[F_VICTIM] = { "victim", "is a co-runner watched?", FACTOR_WORD, victim_levels, "off",
		       false, EFFECT_RATIO },
	[F_REALLOC] = { "realloc", "is the memory used again at once?", FACTOR_WORD, realloc_levels,
			"off", false, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

static bool has_op(const struct machine *m, unsigned i)
{
	return reset_ops[i].needs < 0 || cpu_has(&m->cpu, (enum cpu_feature)reset_ops[i].needs);
}

int vm_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
	       struct level *level, struct reason *why)
{
	const struct level_info *levels = vm_factors[factor].levels;
	unsigned i = 0;

	(void)why; /* every symbolic level is one here */
	if (factor == F_QUIRK && cell->levels[F_TYPE].number == TYPE_TDX)
		i = vm_td_quirk(m);
	else if (factor == F_QUIRK)
		i = m->cpu.cpu_affected ? QUIRK_ON : QUIRK_OFF;
	while (factor == F_INSN && !has_op(m, i))
		i++;
	level->number = i;
	snprintf(level->text, LEVEL_TEXT, "%s", levels[i].name);
	return 0;
}

static const unsigned type_numbers[] = {
	[TYPE_PLAIN] = TDC_KVM_X86_DEFAULT_VM,
	[TYPE_SW_PROTECTED] = TDC_KVM_X86_SW_PROTECTED_VM,
	[TYPE_TDX] = TDC_KVM_X86_TDX_VM,
};

struct life_spec vm_spec_of(const struct cell *cell, const char *source)
{
	const struct level *l = cell->levels;
	const struct reset_op *op = &reset_ops[l[F_INSN].number];

	return (struct life_spec){
		.is_td = l[F_TYPE].number == TYPE_TDX,
		.vm = {
			.type = type_numbers[l[F_TYPE].number],
			.backing = (enum backing_kind)l[F_MEM].number,
			.bytes = l[F_SIZE].number,
			.vcpus = (unsigned)l[F_VCPUS].number,
			.populate = (enum vm_populate)l[F_POPULATE].number,
			/* A TD's pages are the kernel's to clear. */
			.reset = l[F_QUIRK].number == QUIRK_NONE || l[F_TYPE].number == TYPE_TDX
					 ? NULL
					 : op->reset[RESET_MFENCE],
			.source = source,
		},
		.trust = {
			.vcpus = (unsigned)l[F_VCPUS].number,
			.bytes = l[F_SIZE].number,
			.initial = TD_PAGE,
			.terminate = l[F_TERMINATE].number == WITH,
		},
	};
}

int vm_victim_cpu(const struct topo *topo, uint64_t victim, unsigned self)
{
	int cpu = victim == WITH_SAME ? victim_cpu(topo, VICTIM_SAME, self) : -1;

	for (enum victim_where w = VICTIM_CORE; w <= VICTIM_REMOTE && cpu < 0; w++)
		cpu = victim_cpu(topo, w, self);
	return cpu;
}

/* No guest code runs in a TD here. */
static int td_fits(const struct level *l, struct reason *why)
{
	bool td = l[F_TYPE].number == TYPE_TDX;

	if (td && l[F_POPULATE].number != VM_BY_PREFAULT)
		return reason_set(why, -ENOTSUP, "type=tdx goes with populate=prefault");
	if (!td && l[F_TERMINATE].number == WITH)
		return reason_set(why, -ENOTSUP, "terminate=on goes with type=tdx");
	if (td && l[F_TERMINATE].number == WITH && l[F_EXIT].number == EXIT_SIGKILL)
		return reason_set(why, -ENOTSUP,
				  "terminate=on goes with exit=ordered: who is killed asks for "
				  "nothing");
	return 0;
}

static int reset_fits(const struct machine *m, const struct level *l, struct reason *why)
{
	const struct reset_op *op = &reset_ops[l[F_INSN].number];

	if (!has_op(m, (unsigned)l[F_INSN].number))
		return reason_set(why, -ENOTSUP, "this CPU has no %s",
				  cpu_feature_name((enum cpu_feature)op->needs));
	if (op->zero_only && l[F_SOURCE].number == SOURCE_PATTERN)
		return reason_set(why, -ENOTSUP, "%s stores zeros only", op->name);
	return vm_quirk_fits(m, l, why);
}

static int size_fits(const struct machine *m, const struct level *l, struct reason *why)
{
	uint64_t bytes = l[F_SIZE].number;

	if (!bytes || bytes % BACKING_STEP)
		return reason_set(why, -ENOTSUP, "size=%s is not a multiple of 2M", l[F_SIZE].text);
	return region_supported(m, backing_pages((enum backing_kind)l[F_MEM].number), bytes, why);
}

static int kvm_has(const struct kvm_host *h, const struct level *l, struct reason *why)
{
	uint64_t vcpus = l[F_VCPUS].number;

	if (l[F_TYPE].number == TYPE_TDX && !kvm_host_has_type(h, TDC_KVM_X86_TDX_VM))
		return reason_set(why, -ENOTSUP,
				  "no TDX: it takes a CPU with it, a kernel that hosts it, and "
				  "kvm_intel tdx=1 (KVM_CAP_VM_TYPES is 0x%x here)",
				  h->types);
	if (!kvm_host_has_type(h, type_numbers[l[F_TYPE].number]))
		return reason_set(why, -ENOTSUP,
				  "this KVM has no VM type %s (KVM_CAP_VM_TYPES is 0x%x)",
				  l[F_TYPE].text, h->types);
	if (!vcpus || vcpus > VM_MAX_VCPUS || vcpus > h->max_vcpus)
		return reason_set(why, -ENOTSUP, "vcpus=%s: 1 to %u", l[F_VCPUS].text,
				  h->max_vcpus < VM_MAX_VCPUS ? h->max_vcpus : VM_MAX_VCPUS);
	if (l[F_POPULATE].number == VM_BY_PREFAULT && !h->prefault)
		return reason_set(why, -ENOTSUP,
				  "this KVM has no KVM_PRE_FAULT_MEMORY (Linux 6.11 with EPT or "
				  "NPT); populate=guest works");
	if (l[F_POPULATE].number == VM_BY_HOST && l[F_TYPE].number != TYPE_PLAIN)
		return reason_set(why, -ENOTSUP,
				  "populate=host: the process cannot touch private memory");
	return backing_supported(h, (enum backing_kind)l[F_MEM].number,
				 l[F_TYPE].number != TYPE_PLAIN, why);
}

int vm_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	struct kvm_host h;
	int ret;

	ret = kvm_host_open(&h, &kvm_sys_host, m->root, why);
	if (ret)
		return ret;
	ret = kvm_has(&h, l, why);
	kvm_host_close(&h);
	if (!ret)
		ret = td_fits(l, why);
	if (!ret)
		ret = reset_fits(m, l, why);
	if (!ret && l[F_VICTIM].number == WITH && topo_cpus(m->topo) < 2)
		ret = reason_set(why, -ENOTSUP, "victim=on: there is no other CPU");
	return ret ? ret : size_fits(m, l, why);
}

/*
 * KVM never clears a plain VM's pages, so the erratum mode is staged: also quirk=off, whose calls
 * stand where those of quirk=on do. A TD's end is the kernel's own, but of pages that no TD in use
 * has: PAGE.AUG made them pending, and nobody wrote to them with the TD's key.
 */
enum kind vm_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	const struct reset_op *op = &reset_ops[l[F_INSN].number];
	bool stand_in = op->analogue && l[F_QUIRK].number == QUIRK_ON;

	(void)m;
	if (l[F_TYPE].number == TYPE_TDX) {
		reason_set(why, 0,
			   "the pages are pending (PAGE.AUG), never accepted, so their lines in "
			   "the caches are not those of pages that the TD has used");
		return KIND_ANALOGUE;
	}
	if (l[F_QUIRK].number == QUIRK_NONE)
		return KIND_MEASURED;
	reason_set(why, 0,
		   "%s%sthe process clears through its own mapping, ahead of the end, in place of "
		   "KVM through the direct map",
		   stand_in ? op->name : "", stand_in ? " stands in for MOVDIR64B, and " : "");
	return KIND_ANALOGUE;
}
