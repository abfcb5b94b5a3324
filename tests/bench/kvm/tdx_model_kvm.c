// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctls that every VM has: Documentation/virt/kvm/api.rst, sections 4.x by name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/kvm/tdx_model_state.h"

#define ON_KVM	(1u << FILE_KVM)
#define ON_VM	(1u << FILE_VM)
#define ON_VCPU (1u << FILE_VCPU)

static bool is_page(uint64_t n)
{
	return n % M_PAGE == 0;
}

static int get_api_version(struct file *file, uintptr_t argument)
{
	(void)file;
	return argument ? refuse(-EINVAL, "KVM_GET_API_VERSION: takes no argument") : 12;
}

static int check_extension(struct file *file, uintptr_t cap)
{
	static const struct {
		int cap, answer;
	} caps[] = {
		{ TDC_KVM_CAP_VM_TYPES, 1 << 0 | 1 << 5 },
		{ TDC_KVM_CAP_USER_MEMORY2, 1 },
		{ TDC_KVM_CAP_GUEST_MEMFD, 1 },
		{ TDC_KVM_CAP_PRE_FAULT_MEMORY, 1 },
		{ TDC_KVM_CAP_MEMORY_ATTRIBUTES, 1 << 3 },
		{ KVM_CAP_SPLIT_IRQCHIP, 1 },
		{ KVM_CAP_X2APIC_API, 3 },
	};

	if ((int)cap == model.config.lacking)
		return cap == TDC_KVM_CAP_VM_TYPES ? 1 << 0 : 0;
	if (cap == KVM_CAP_MAX_VCPUS)
		return file->kind == FILE_VM ? (int)model.config.max_vcpus : 4096;
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (caps[i].cap == (int)cap)
			return caps[i].answer;
	return 0;
}

static int create_vm(struct file *file, uintptr_t type)
{
	int fd;

	(void)file;
	if (type != 5 || model.config.lacking == TDC_KVM_CAP_VM_TYPES)
		return refuse(-EINVAL, "KVM_CREATE_VM: type %zu", (size_t)type);
	if (model.vm.exists)
		return refuse(-EINVAL, "KVM_CREATE_VM: the model has one VM");
	fd = file_new(FILE_VM);
	if (fd >= 0)
		model.vm = (struct vm){ .exists = true, .slot = { .memfd = -1 } };
	return fd;
}

/* Of the host: all leaves, more bits than a TD may have, and no width of guest addresses. */
static int get_supported_cpuid(struct file *file, uintptr_t argument)
{
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)argument;

	(void)file;
	if (cpuid->nent < host_leaves())
		return -E2BIG;
	for (unsigned i = 0; i < host_leaves(); i++)
		cpuid->entries[i] = host_leaf(i);
	cpuid->nent = host_leaves();
	return 0;
}

static int enable_split_irqchip(const struct kvm_enable_cap *cap)
{
	if (cap->args[0] > 4096)
		return refuse(-EINVAL, "KVM_CAP_SPLIT_IRQCHIP: %llu pins", cap->args[0]);
	if (model.vm.split_irqchip || model.vm.vcpus)
		return refuse(-EEXIST, "KVM_CAP_SPLIT_IRQCHIP: twice, or after vCPUs");
	model.vm.split_irqchip = true;
	return 0;
}

static int enable_cap(struct file *file, uintptr_t argument)
{
	const struct kvm_enable_cap *cap = (const void *)argument;

	(void)file;
	if (cap->flags)
		return refuse(-EINVAL, "KVM_ENABLE_CAP: flags %#x", cap->flags);
	if (cap->cap == KVM_CAP_SPLIT_IRQCHIP)
		return enable_split_irqchip(cap);
	if (cap->cap != KVM_CAP_X2APIC_API || cap->args[0] & ~3ull)
		return refuse(-EINVAL, "KVM_ENABLE_CAP: %u with %#llx", cap->cap, cap->args[0]);
	return 0;
}

/* tdx_vcpu_create(): a vCPU only between INIT_VM and FINALIZE_VM, with a split irqchip. */
static int create_vcpu(struct file *file, uintptr_t id)
{
	int fd;

	(void)file;
	if (id >= 64 || id >= model.config.max_vcpus || model.vm.vcpus >= model.config.max_vcpus)
		return refuse(-EINVAL, "KVM_CREATE_VCPU: id %zu", (size_t)id);
	if (model.vm.ids >> id & 1)
		return refuse(-EEXIST, "KVM_CREATE_VCPU: id %zu twice", (size_t)id);
	if (model.vm.state != TD_INITIALIZED)
		return refuse(-EIO, "KVM_CREATE_VCPU: the TD is not initialised, or final");
	if (!model.vm.split_irqchip)
		return refuse(-EINVAL, "KVM_CREATE_VCPU: no split irqchip");
	fd = file_new(FILE_VCPU);
	if (fd < 0)
		return fd;
	file_of(fd)->id = (unsigned)id;
	model.vm.vcpus++;
	model.vm.ids |= 1ull << id;
	return fd;
}

static int set_cpuid2(struct file *file, uintptr_t argument)
{
	const struct kvm_cpuid2 *cpuid = (const struct kvm_cpuid2 *)argument;

	if (cpuid->nent > M_MAX_LEAVES)
		return refuse(-E2BIG, "KVM_SET_CPUID2: %u leaves", cpuid->nent);
	file->x2apic = false;
	for (unsigned i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			file->x2apic = cpuid->entries[i].ecx >> 21 & 1;
	return 0;
}

static int create_guest_memfd(struct file *file, uintptr_t argument)
{
	const struct tdc_kvm_create_guest_memfd *make = (const void *)argument;
	int fd;

	(void)file;
	if (make->flags)
		return refuse(-EINVAL, "KVM_CREATE_GUEST_MEMFD: flags %#llx", make->flags);
	for (int i = 0; i < 6; i++)
		if (make->reserved[i])
			return refuse(-EINVAL, "KVM_CREATE_GUEST_MEMFD: reserved words");
	if (!make->size || !is_page(make->size))
		return refuse(-EINVAL, "KVM_CREATE_GUEST_MEMFD: size %#llx", make->size);
	fd = file_new(FILE_GMEM);
	if (fd >= 0)
		file_of(fd)->bytes = make->size;
	return fd;
}

static int delete_slot(void)
{
	if (!model.vm.slot.exists)
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: deletes no slot");
	free(model.vm.slot.pages);
	memset(&model.vm.slot, 0, sizeof(model.vm.slot));
	model.vm.slot.memfd = -1;
	return 0;
}

/* kvm_gmem_prepare_memory_region(): an open guest_memfd, and a range within it. */
static int check_slot(const struct tdc_kvm_userspace_memory_region2 *slot)
{
	const struct file *gmem = file_of((int)slot->guest_memfd);

	if (slot->flags != TDC_KVM_MEM_GUEST_MEMFD)
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: flags %#x", slot->flags);
	if (slot->slot || slot->pad1)
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: slot %u", slot->slot);
	if (!is_page(slot->memory_size) || !is_page(slot->guest_phys_addr) ||
	    !is_page(slot->userspace_addr) || !is_page(slot->guest_memfd_offset))
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: not whole pages");
	if (!is_mapped(slot->userspace_addr, slot->memory_size))
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: userspace_addr is no memory");
	if (!gmem || gmem->kind != FILE_GMEM)
		return refuse(-EBADF, "KVM_SET_USER_MEMORY_REGION2: no guest_memfd");
	if (slot->guest_memfd_offset + slot->memory_size > gmem->bytes)
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: beyond the guest_memfd");
	/* A slot with a guest_memfd cannot be changed, only deleted. */
	if (model.vm.slot.exists)
		return refuse(-EINVAL, "KVM_SET_USER_MEMORY_REGION2: the slot is there");
	return 0;
}

static int set_user_memory_region2(struct file *file, uintptr_t argument)
{
	const struct tdc_kvm_userspace_memory_region2 *slot = (const void *)argument;
	int err;

	(void)file;
	if (!slot->memory_size)
		return delete_slot();
	err = check_slot(slot);
	if (err)
		return err;
	model.vm.slot.pages = calloc(slot->memory_size / M_PAGE, 1);
	if (!model.vm.slot.pages)
		return -ENOMEM;
	model.vm.slot.exists = true;
	model.vm.slot.gpa = slot->guest_phys_addr;
	model.vm.slot.bytes = slot->memory_size;
	model.vm.slot.memfd = (int)slot->guest_memfd;
	return 0;
}

static int set_memory_attributes(struct file *file, uintptr_t argument)
{
	const struct tdc_kvm_memory_attributes *a = (const void *)argument;

	(void)file;
	if (a->flags || a->attributes & ~TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE)
		return refuse(-EINVAL, "KVM_SET_MEMORY_ATTRIBUTES: unknown bits");
	if (!a->size || !is_page(a->size) || !is_page(a->address) ||
	    a->address + a->size < a->address)
		return refuse(-EINVAL, "KVM_SET_MEMORY_ATTRIBUTES: not whole pages");
	for (int i = 0; i < M_RANGES; i++) {
		if (model.vm.private[i].end)
			continue;
		model.vm.private[i].start = a->attributes ? a->address : 0;
		model.vm.private[i].end = a->attributes ? a->address + a->size : 0;
		return 0;
	}
	return -ENOMEM;
}

bool is_private(uint64_t gpa)
{
	for (int i = 0; i < M_RANGES; i++)
		if (gpa >= model.vm.private[i].start && gpa < model.vm.private[i].end)
			return true;
	return false;
}

/* Maps @at_once pages at most, says 0 if any, and leaves what is still to do in the argument. */
static int pre_fault_memory(struct file *file, uintptr_t argument)
{
	struct tdc_kvm_pre_fault_memory *range = (void *)argument;
	uint64_t most = model.config.at_once ? model.config.at_once : ~0ull;

	(void)file;
	if (range->flags || !range->size || !is_page(range->size) || !is_page(range->gpa) ||
	    range->gpa + range->size < range->gpa)
		return refuse(-EINVAL, "KVM_PRE_FAULT_MEMORY: not whole pages, or flags");
	/* kvm_arch_vcpu_pre_fault_memory(): pre_fault_allowed. */
	if (model.vm.state != TD_RUNNABLE)
		return refuse(-EOPNOTSUPP, "KVM_PRE_FAULT_MEMORY: the TD is not final");
	model.hesitated = model.config.hesitant && !model.hesitated;
	if (model.hesitated)
		return -EAGAIN;
	for (uint64_t n = 0; n < most && range->size; n++) {
		uint64_t offset = range->gpa - model.vm.slot.gpa;

		if (!model.vm.slot.exists || offset >= model.vm.slot.bytes)
			return refuse(n ? 0 : -ENOENT, "KVM_PRE_FAULT_MEMORY: outside the slot");
		if (!is_private(range->gpa))
			return refuse(0, "KVM_PRE_FAULT_MEMORY: maps shared memory");
		if (model.vm.slot.pages[offset / M_PAGE] == PAGE_ABSENT)
			model.vm.slot.pages[offset / M_PAGE] = PAGE_PENDING;
		range->gpa += M_PAGE;
		range->size -= M_PAGE;
	}
	return 0;
}

/* KVM refuses a status that is not 0: only it writes there (tdx_get_cmd()). */
static int memory_encrypt_op(struct file *file, uintptr_t argument)
{
	struct tdc_kvm_tdx_cmd *cmd = (struct tdc_kvm_tdx_cmd *)argument;

	if (!cmd)
		return refuse(-EFAULT, "KVM_MEMORY_ENCRYPT_OP: no command");
	if (cmd->hw_error)
		return refuse(-EINVAL, "%s: hw_error is not 0", command_name(cmd->id));
	return file->kind == FILE_VM ? vm_command(file, cmd) : vcpu_command(file, cmd);
}

static const struct kvm_ioctl ioctls[] = {
	{ KVM_GET_API_VERSION, "KVM_GET_API_VERSION", ON_KVM, get_api_version },
	{ KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", ON_KVM | ON_VM, check_extension },
	{ KVM_CREATE_VM, "KVM_CREATE_VM", ON_KVM, create_vm },
	{ KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID", ON_KVM, get_supported_cpuid },
	{ KVM_ENABLE_CAP, "KVM_ENABLE_CAP", ON_VM, enable_cap },
	{ KVM_CREATE_VCPU, "KVM_CREATE_VCPU", ON_VM, create_vcpu },
	{ KVM_SET_CPUID2, "KVM_SET_CPUID2", ON_VCPU, set_cpuid2 },
	{ TDC_KVM_CREATE_GUEST_MEMFD, "KVM_CREATE_GUEST_MEMFD", ON_VM, create_guest_memfd },
	{ TDC_KVM_SET_USER_MEMORY_REGION2, "KVM_SET_USER_MEMORY_REGION2", ON_VM,
	  set_user_memory_region2 },
	{ TDC_KVM_SET_MEMORY_ATTRIBUTES, "KVM_SET_MEMORY_ATTRIBUTES", ON_VM,
	  set_memory_attributes },
	{ TDC_KVM_PRE_FAULT_MEMORY, "KVM_PRE_FAULT_MEMORY", ON_VCPU, pre_fault_memory },
	{ KVM_MEMORY_ENCRYPT_OP, "KVM_MEMORY_ENCRYPT_OP", ON_VM | ON_VCPU, memory_encrypt_op },
};

const struct kvm_ioctl *kvm_ioctl_of(unsigned long request)
{
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(*ioctls); i++)
		if (ioctls[i].request == request)
			return &ioctls[i];
	return NULL;
}
