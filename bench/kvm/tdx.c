// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/tdx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kvm/tdx_call.h"

/* KVM_CAP_SPLIT_IRQCHIP's argument: the pins that an I/O APIC in user space would have. */
#define IOAPIC_PINS 24

int td_open(struct td *td, const struct kvm_sys *sys, const struct td_config *config,
	    struct reason *why)
{
	memset(td, 0, sizeof(*td));
	td->sys = sys;
	td->config = *config;
	td->kvm = td->vm = td->memfd = -1;
	if (!config->vcpus || config->vcpus > TD_MAX_VCPUS)
		return reason_set(why, -EINVAL, "TD: %u vCPUs: 1 to %d", config->vcpus,
				  TD_MAX_VCPUS);
	if (!config->bytes || config->bytes % TD_PAGE || config->initial % TD_PAGE)
		return reason_set(why, -EINVAL,
				  "TD: %llu bytes, %llu of them initial: give "
				  "whole pages",
				  (unsigned long long)config->bytes,
				  (unsigned long long)config->initial);
	if (config->initial > config->bytes)
		return reason_set(why, -EINVAL, "TD: %llu bytes of initial memory in a TD of %llu",
				  (unsigned long long)config->initial,
				  (unsigned long long)config->bytes);
	return 0;
}

static int open_kvm(struct td *td, struct reason *why)
{
	int version, fd = td->sys->open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return td_fail(CALL_OPEN, fd, 0, why);
	td->kvm = fd;
	version = td_ioctl(td, CALL_API_VERSION, fd, KVM_GET_API_VERSION, 0, why);
	if (version < 0)
		return version;
	if (version != KVM_API_VERSION)
		return reason_set(why, -ENOTSUP, "KVM_GET_API_VERSION: version %d, not %d", version,
				  KVM_API_VERSION);
	return 0;
}

static const struct {
	int cap, bits; /* at least one bit if @bits is 0, else all of these */
	const char *lacking;
} needs[] = {
	{ TDC_KVM_CAP_VM_TYPES, 1 << TDC_KVM_X86_TDX_VM,
	  "KVM offers no TDs (VM type 5): is the kernel 6.16 or later, kvm_intel loaded with "
	  "tdx=1, "
	  "and TDX enabled in the firmware" },
	{ TDC_KVM_CAP_USER_MEMORY2, 0, "KVM has no KVM_SET_USER_MEMORY_REGION2" },
	{ TDC_KVM_CAP_PRE_FAULT_MEMORY, 0, "KVM has no KVM_PRE_FAULT_MEMORY: is kvm's tdp_mmu on" },
	{ KVM_CAP_SPLIT_IRQCHIP, 0, "KVM has no split irqchip" },
	{ KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS, "KVM has no 32-bit APIC ids" },
};

static int check_kvm(struct td *td, struct reason *why)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		int has = td_ioctl(td, CALL_CHECK, td->kvm, KVM_CHECK_EXTENSION,
				   (uintptr_t)needs[i].cap, why);

		if (has < 0)
			return has;
		if (needs[i].bits ? (has & needs[i].bits) != needs[i].bits : !has)
			return reason_set(why, -ENOTSUP, "KVM_CHECK_EXTENSION: %s",
					  needs[i].lacking);
	}
	return 0;
}

/* What a TD can do is asked of the TD: it differs from what KVM can do. */
static int check_vm(struct td *td, struct reason *why)
{
	int attributes, most;

	attributes = td_ioctl(td, CALL_CHECK, td->vm, KVM_CHECK_EXTENSION,
			      TDC_KVM_CAP_MEMORY_ATTRIBUTES, why);
	if (attributes < 0)
		return attributes;
	if (!(attributes & TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE))
		return reason_set(why, -ENOTSUP,
				  "KVM_CHECK_EXTENSION: the TD has no private memory attribute");
	most = td_ioctl(td, CALL_CHECK, td->vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS, why);
	if (most < 0)
		return most;
	if ((unsigned)most < td->config.vcpus)
		return reason_set(
			why, -EINVAL,
			"KVM_CHECK_EXTENSION: a TD has at most %d vCPUs here, %u are asked "
			"for; take fewer",
			most, td->config.vcpus);
	return 0;
}

static int create_vm(struct td *td, struct reason *why)
{
	int fd = td_ioctl(td, CALL_CREATE_VM, td->kvm, KVM_CREATE_VM, TDC_KVM_X86_TDX_VM, why);

	if (fd < 0)
		return fd;
	td->vm = fd;
	return check_vm(td, why);
}

/* Without a split irqchip KVM_CREATE_VCPU answers -EINVAL (tdx_vcpu_create()). */
static int enable_caps(struct td *td, struct reason *why)
{
	struct kvm_enable_cap caps[] = {
		{ .cap = KVM_CAP_X2APIC_API,
		  .args = { KVM_X2APIC_API_USE_32BIT_IDS |
			    KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK } },
		{ .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { IOAPIC_PINS } },
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++) {
		int err = td_ioctl(td, CALL_ENABLE_CAP, td->vm, KVM_ENABLE_CAP, (uintptr_t)&caps[i],
				   why);

		if (err < 0)
			return err;
	}
	return 0;
}

static int create_vcpus(struct td *td, struct reason *why)
{
	while (td->n_vcpus < td->config.vcpus) {
		int fd = td_ioctl(td, CALL_CREATE_VCPU, td->vm, KVM_CREATE_VCPU, td->n_vcpus, why);

		if (fd < 0)
			return fd;
		td->vcpus[td->n_vcpus++] = fd;
	}
	return 0;
}

static int init_vcpus(struct td *td, struct reason *why)
{
	int err = 0;

	for (unsigned i = 0; i < td->n_vcpus && !err; i++) {
		struct tdc_kvm_tdx_cmd command = { .id = TDC_KVM_TDX_INIT_VCPU };

		err = td_command(td, CALL_INIT_VCPU, td->vcpus[i], &command, why);
	}
	return err;
}

static int finalize(struct td *td, struct reason *why)
{
	struct tdc_kvm_tdx_cmd command = { .id = TDC_KVM_TDX_FINALIZE_VM };
	int err = td_command(td, CALL_FINALIZE, td->vm, &command, why);

	td->final = !err;
	return err;
}

const struct td_step td_build_steps[] = {
	{ "open", open_kvm, false },
	{ "check", check_kvm, false },
	{ "create-vm", create_vm, false },
	{ "enable-caps", enable_caps, false },
	{ "capabilities", td_read_capabilities, false },
	{ "init-vm", td_init_vm, false },
	{ "create-vcpus", create_vcpus, false },
	{ "cpuid", td_set_cpuid, false },
	{ "init-vcpus", init_vcpus, false },
	{ "map-memory", td_map_memory, false },
	{ "initial-memory", td_add_initial, true },
	{ "finalize", finalize, false },
	{ "pre-fault", td_pre_fault, true },
	{ NULL, NULL, false },
};

int td_run(struct td *td, const struct td_step *step, struct reason *why)
{
	int err;

	td->step = step->name;
	err = step->run(td, why);
	return err ? reason_prefix(why, err, "TD, step %s", step->name) : 0;
}

int td_build(struct td *td, struct reason *why)
{
	for (const struct td_step *step = td_build_steps; step->name; step++) {
		int err = td_run(td, step, why);

		if (err) {
			td_destroy(td, NULL);
			td->step = step->name;
			return err;
		}
	}
	return 0;
}
