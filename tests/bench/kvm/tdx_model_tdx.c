// SPDX-License-Identifier: GPL-2.0-or-later
/* KVM_MEMORY_ENCRYPT_OP on a TD: Documentation/virt/kvm/x86/intel-tdx.rst. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/kvm/tdx_model_state.h"

/* Status codes: arch/x86/include/asm/shared/tdx_errno.h. */
#define OPERAND_INVALID_RCX 0xC000010000000001ull

/* A TD's memory is private below the shared bit, 47 with addresses of 48 bits. */
#define SHARED_BIT (1ull << 47)

const char *command_name(uint32_t id)
{
	static const char *const commands[] = {
		"KVM_TDX_CAPABILITIES",	   "KVM_TDX_INIT_VM",	  "KVM_TDX_INIT_VCPU",
		"KVM_TDX_INIT_MEM_REGION", "KVM_TDX_FINALIZE_VM", "KVM_TDX_GET_CPUID",
		"KVM_TDX_TERMINATE_VM",
	};

	return id < sizeof(commands) / sizeof(*commands) ? commands[id] : "KVM_MEMORY_ENCRYPT_OP";
}

/* Leaf 1, 0x80000008, one of no meaning, 7 (with processor trace), then others of no meaning. */
struct kvm_cpuid_entry2 configurable_leaf(unsigned i)
{
	struct kvm_cpuid_entry2 leaf = { .function = 0x100 + i, .eax = 0xff, .ebx = i };

	if (i == 0)
		leaf = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 0x40000, .edx = 0x100 };
	if (i == 1)
		leaf = (struct kvm_cpuid_entry2){ .function = 0x80000008, .eax = 0xff0000 };
	if (i == 3)
		leaf = (struct kvm_cpuid_entry2){ .function = 7, .ebx = 0x02000101 };
	return leaf;
}

unsigned host_leaves(void)
{
	return model.config.leaves + 3;
}

/* More leaves than are configurable, but one that is configurable is not there. */
struct kvm_cpuid_entry2 host_leaf(unsigned i)
{
	struct kvm_cpuid_entry2 leaf = configurable_leaf(i == 2 ? 1000 : i);

	leaf.eax |= 0xf000000f;
	leaf.ecx |= 1u << 21;
	leaf.edx = 0xffffffff;
	if (leaf.function == 0x80000008)
		leaf.eax = 0x2e;
	return leaf;
}

/* The kernel's code does not say how many it wants, and neither does its documentation. */
static int capabilities(struct tdc_kvm_tdx_cmd *cmd)
{
	struct tdc_kvm_tdx_capabilities *caps = (void *)(uintptr_t)cmd->data;

	if (!caps)
		return refuse(-EFAULT, "KVM_TDX_CAPABILITIES: no data");
	if (caps->cpuid.nent < model.config.leaves)
		return -E2BIG;
	memset(caps, 0, sizeof(*caps));
	caps->supported_attrs = 1ull << 28;
	caps->supported_xfam = 0x602e7;
	if (model.config.terminate == MODEL_TERMINATE_ANNOUNCED)
		caps->supported_caps = 1;
	caps->cpuid.nent = model.config.leaves;
	for (unsigned i = 0; i < model.config.leaves; i++)
		caps->cpuid.entries[i] = configurable_leaf(i);
	return 0;
}

static const struct kvm_cpuid_entry2 *leaf_of(const struct kvm_cpuid2 *cpuid, uint32_t function)
{
	for (unsigned i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	return NULL;
}

static bool may_configure(const struct kvm_cpuid_entry2 *leaf, bool *bits)
{
	for (unsigned i = 0; i < model.config.leaves; i++) {
		struct kvm_cpuid_entry2 may = configurable_leaf(i);

		if (may.function != leaf->function || may.index != leaf->index)
			continue;
		*bits = !(leaf->eax & ~may.eax || leaf->ebx & ~may.ebx || leaf->ecx & ~may.ecx ||
			  leaf->edx & ~may.edx);
		return true;
	}
	return false;
}

/* KVM refuses a leaf that cannot be configured, the TDX module a bit that cannot. */
static int check_cpuid(const struct kvm_cpuid2 *cpuid, struct tdc_kvm_tdx_cmd *cmd)
{
	const struct kvm_cpuid_entry2 *widths = leaf_of(cpuid, 0x80000008);
	unsigned width = widths ? widths->eax >> 16 & 0xff : 0;
	bool bits = true;

	if (width != 48 && width != 52)
		return refuse(-EINVAL, "KVM_TDX_INIT_VM: guest addresses of %u bits", width);
	for (unsigned i = 0; i < cpuid->nent; i++) {
		if (!may_configure(&cpuid->entries[i], &bits))
			return refuse(-EINVAL, "KVM_TDX_INIT_VM: leaf %#x cannot be configured",
				      cpuid->entries[i].function);
		if (bits)
			continue;
		cmd->hw_error = OPERAND_INVALID_RCX;
		return refuse(-EINVAL, "KVM_TDX_INIT_VM: bits of leaf %#x",
			      cpuid->entries[i].function);
	}
	return 0;
}

static int init_vm(struct tdc_kvm_tdx_cmd *cmd)
{
	const struct tdc_kvm_tdx_init_vm *init = (const void *)(uintptr_t)cmd->data;
	int err;

	if (model.vm.state != TD_UNINITIALIZED)
		return refuse(-EINVAL, "KVM_TDX_INIT_VM: the TD is initialised");
	if (!init)
		return refuse(-EFAULT, "KVM_TDX_INIT_VM: no data");
	if (init->cpuid.nent > M_MAX_LEAVES)
		return refuse(-E2BIG, "KVM_TDX_INIT_VM: %u leaves", init->cpuid.nent);
	for (int i = 0; i < 12; i++)
		if (init->reserved[i])
			return refuse(-EINVAL, "KVM_TDX_INIT_VM: reserved words");
	if (init->cpuid.padding)
		return refuse(-EINVAL, "KVM_TDX_INIT_VM: padding");
	if (model.vm.vcpus)
		return refuse(-EBUSY, "KVM_TDX_INIT_VM: there are vCPUs");
	if (init->attributes & ~(1ull << 28) || init->xfam & ~0x602e7ull)
		return refuse(-EINVAL, "KVM_TDX_INIT_VM: attributes or XFAM");
	err = check_cpuid(&init->cpuid, cmd);
	if (err)
		return err;
	model.vm.state = TD_INITIALIZED;
	model.vm.hkid = true;
	return 0;
}

static int finalize_vm(struct tdc_kvm_tdx_cmd *cmd)
{
	if (cmd->data)
		return refuse(-EINVAL, "KVM_TDX_FINALIZE_VM: data must be 0");
	if (!model.vm.hkid || model.vm.state == TD_RUNNABLE)
		return refuse(-EINVAL, "KVM_TDX_FINALIZE_VM: not initialised, or final");
	model.vm.state = TD_RUNNABLE;
	return 0;
}

/* The HKID is released, so that memory is reclaimed without leaving the S-EPT page by page. */
static int terminate_vm(struct tdc_kvm_tdx_cmd *cmd)
{
	if (model.config.terminate == MODEL_NO_TERMINATE)
		return -EINVAL;
	if (model.config.terminate == MODEL_TERMINATE_OTHER)
		return 0;
	if (cmd->data)
		return refuse(-EINVAL, "KVM_TDX_TERMINATE_VM: data must be 0");
	if (!model.vm.hkid)
		return refuse(-EINVAL, "KVM_TDX_TERMINATE_VM: no HKID");
	model.vm.hkid = false;
	model.vm.dead = true;
	model.vm.terminated = true;
	model.terminated++;
	return 0;
}

int vm_command(struct file *file, struct tdc_kvm_tdx_cmd *cmd)
{
	(void)file;
	if (cmd->flags)
		return refuse(-EINVAL, "%s: flags must be 0", command_name(cmd->id));
	switch (cmd->id) {
	case TDC_KVM_TDX_CAPABILITIES:
		return capabilities(cmd);
	case TDC_KVM_TDX_INIT_VM:
		return init_vm(cmd);
	case TDC_KVM_TDX_FINALIZE_VM:
		return finalize_vm(cmd);
	case TDC_KVM_TDX_TERMINATE_VM:
		return terminate_vm(cmd);
	}
	return refuse(-EINVAL, "%s: on a VM", command_name(cmd->id));
}

/* x2APIC mode is given to a vCPU only whose CPUID has it (kvm_apic_set_base()). */
static int init_vcpu(struct file *file, struct tdc_kvm_tdx_cmd *cmd)
{
	if (cmd->flags)
		return refuse(-EINVAL, "KVM_TDX_INIT_VCPU: flags must be 0");
	if (file->inited)
		return refuse(-EINVAL, "KVM_TDX_INIT_VCPU: vCPU %u twice", file->id);
	if (!file->x2apic)
		return refuse(-EINVAL, "KVM_TDX_INIT_VCPU: vCPU %u without x2APIC", file->id);
	file->inited = true;
	return 0;
}

/* Here the kernel does say how many it wants. */
static int get_cpuid(struct tdc_kvm_tdx_cmd *cmd)
{
	struct kvm_cpuid2 *cpuid = (void *)(uintptr_t)cmd->data;
	unsigned wanted = host_leaves();
	bool fits = cpuid && cpuid->nent >= wanted;

	if (!cpuid)
		return refuse(-EFAULT, "KVM_TDX_GET_CPUID: no data");
	if (cmd->flags)
		return refuse(-EINVAL, "KVM_TDX_GET_CPUID: flags must be 0");
	cpuid->nent = wanted;
	for (unsigned i = 0; fits && i < wanted; i++)
		cpuid->entries[i] = host_leaf(i);
	return fits ? 0 : -E2BIG;
}

static int check_region(const struct file *file, const struct tdc_kvm_tdx_cmd *cmd,
			const struct tdc_kvm_tdx_init_mem_region *region)
{
	uint64_t bytes = region->nr_pages * M_PAGE;

	if (!file->inited)
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: vCPU %u is not initialised",
			      file->id);
	if (cmd->flags & ~1u)
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: flags %#x", cmd->flags);
	if (!region->source_addr || region->source_addr % M_PAGE || region->gpa % M_PAGE)
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: not at a page");
	if (!region->nr_pages || region->gpa + bytes <= region->gpa)
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: %llu pages", region->nr_pages);
	if ((region->gpa | (region->gpa + bytes - 1)) & SHARED_BIT)
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: a shared address");
	if (!is_mapped(region->source_addr, bytes))
		return refuse(-EFAULT, "KVM_TDX_INIT_MEM_REGION: no source");
	return 0;
}

static int add_page(uint64_t gpa, enum model_page state)
{
	uint64_t offset = gpa - model.vm.slot.gpa;

	if (!model.vm.slot.exists || offset >= model.vm.slot.bytes)
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: outside the slot");
	if (model.vm.slot.memfd < 0)
		return refuse(-EFAULT, "KVM_TDX_INIT_MEM_REGION: the guest_memfd is closed");
	if (!is_private(gpa))
		return refuse(-EINVAL, "KVM_TDX_INIT_MEM_REGION: %#llx is not private",
			      (unsigned long long)gpa);
	if (model.vm.slot.pages[offset / M_PAGE] != PAGE_ABSENT)
		return refuse(-EIO, "KVM_TDX_INIT_MEM_REGION: %#llx twice",
			      (unsigned long long)gpa);
	model.vm.slot.pages[offset / M_PAGE] = (unsigned char)state;
	return 0;
}

/* The region comes back as what is still to do, also where it fails. */
static int init_mem_region(struct file *file, struct tdc_kvm_tdx_cmd *cmd)
{
	struct tdc_kvm_tdx_init_mem_region *region = (void *)(uintptr_t)cmd->data;
	uint64_t most = model.config.at_once ? model.config.at_once : ~0ull;
	int err;

	if (!region)
		return refuse(-EFAULT, "KVM_TDX_INIT_MEM_REGION: no data");
	err = check_region(file, cmd, region);
	for (uint64_t n = 0; !err && region->nr_pages; n++) {
		if (n == most)
			return model.config.stopped;
		err = add_page(region->gpa, cmd->flags ? PAGE_MEASURED : PAGE_ADDED);
		if (err)
			break;
		region->source_addr += M_PAGE;
		region->gpa += M_PAGE;
		region->nr_pages--;
	}
	return err;
}

/* Everything that vCPUs are asked is asked before the TD is final. */
int vcpu_command(struct file *file, struct tdc_kvm_tdx_cmd *cmd)
{
	if (!model.vm.hkid || model.vm.state == TD_RUNNABLE)
		return refuse(-EINVAL, "%s: the TD is final", command_name(cmd->id));
	switch (cmd->id) {
	case TDC_KVM_TDX_INIT_VCPU:
		return init_vcpu(file, cmd);
	case TDC_KVM_TDX_INIT_MEM_REGION:
		return init_mem_region(file, cmd);
	case TDC_KVM_TDX_GET_CPUID:
		return get_cpuid(cmd);
	}
	return refuse(-EINVAL, "%s: on a vCPU", command_name(cmd->id));
}
