// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a TD is: its capabilities and its CPUID. INIT_VM takes exactly those leaves that the TDX
 * module lets be configured, with no bit that it does not, and the width of guest addresses among
 * them (setup_tdparams_cpuids() and setup_tdparams_eptp_controls() of Linux 7.3).
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/kvm/tdx_call.h"

/* Enough for any kernel: KVM itself stops at 256 (KVM_MAX_CPUID_ENTRIES). */
#define MAX_ENTRIES 1024u
#define LEAF_WIDTHS 0x80000008u
/* Guest addresses of 48 bits, and so four levels of EPT, in EAX[23:16] of LEAF_WIDTHS. */
#define WIDTH_48 (48u << 16)
#define WIDTH	 (0xffu << 16)

/* Asks with a buffer of @entries. Return: what the kernel answered. */
typedef int (*ask_fn)(struct td *td, struct kvm_cpuid2 *cpuid, unsigned entries, void *buffer,
		      uint64_t *status);

/*
 * A struct that ends in a struct kvm_cpuid2 at @offset, in a buffer that doubles for as long as the
 * kernel answers -E2BIG. Some calls say on the way how many entries they want.
 */
static int read_growing(struct td *td, enum td_call call, ask_fn ask, size_t offset, void **got,
			struct reason *why)
{
	unsigned entries = 8;
	uint64_t status = 0;
	int err;

	for (;;) {
		size_t bytes = offset + sizeof(struct kvm_cpuid2) +
			       entries * sizeof(struct kvm_cpuid_entry2);
		char *buffer = calloc(1, bytes);
		struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)(buffer + offset);

		if (!buffer)
			return reason_set(why, -ENOMEM, "out of memory");
		err = ask(td, cpuid, entries, buffer, &status);
		if (!err && cpuid->nent <= entries) {
			*got = buffer;
			return 0;
		}
		if (!err)
			err = -EPROTO;
		entries = cpuid->nent > 2 * entries ? cpuid->nent : 2 * entries;
		free(buffer);
		if (err != -E2BIG || entries > MAX_ENTRIES)
			return td_fail(call, err, status, why);
	}
}

static int ask_supported(struct td *td, struct kvm_cpuid2 *cpuid, unsigned entries, void *buffer,
			 uint64_t *status)
{
	(void)status;
	cpuid->nent = entries;
	return td->sys->ioctl(td->kvm, KVM_GET_SUPPORTED_CPUID, (uintptr_t)buffer);
}

static int ask_command(struct td *td, int fd, uint32_t id, void *buffer, uint64_t *status)
{
	struct tdc_kvm_tdx_cmd command = { .id = id, .data = (uintptr_t)buffer };
	int err = td_command_once(td, fd, &command);

	*status = command.hw_error;
	return err;
}

static int ask_capabilities(struct td *td, struct kvm_cpuid2 *cpuid, unsigned entries, void *buffer,
			    uint64_t *status)
{
	cpuid->nent = entries;
	return ask_command(td, td->vm, TDC_KVM_TDX_CAPABILITIES, buffer, status);
}

static int ask_vcpu(struct td *td, struct kvm_cpuid2 *cpuid, unsigned entries, void *buffer,
		    uint64_t *status)
{
	cpuid->nent = entries;
	return ask_command(td, td->vcpus[0], TDC_KVM_TDX_GET_CPUID, buffer, status);
}

int td_read_capabilities(struct td *td, struct reason *why)
{
	void *got = NULL;
	int err = read_growing(td, CALL_CAPABILITIES, ask_capabilities,
			       offsetof(struct tdc_kvm_tdx_capabilities, cpuid), &got, why);

	if (err)
		return err;
	td->capabilities = got;
	td->announced = td->capabilities->supported_caps & TDC_KVM_TDX_CAP_TERMINATE_VM;
	return 0;
}

static const struct kvm_cpuid_entry2 *find_leaf(const struct kvm_cpuid2 *cpuid, uint32_t function,
						uint32_t index)
{
	for (unsigned i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	return NULL;
}

/*
 * What a TD that runs nothing goes without, even if it may be configured: VMX, SMX and PSE-36;
 * TSC_ADJUST, SGX, processor trace, SGX launch control. KVM's TDX selftests, which are not in
 * mainline, leave out the same; what a TDX module would say to them was not tried.
 */
static const struct {
	uint32_t function, ebx, ecx, edx;
} without[] = {
	{ 1, 0, 1u << 5 | 1u << 6, 1u << 17 },
	{ 7, 1u << 1 | 1u << 2 | 1u << 25, 1u << 30, 0 },
};

static void leave_out(struct kvm_cpuid_entry2 *leaf)
{
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
		if (without[i].function != leaf->function || leaf->index)
			continue;
		leaf->ebx &= ~without[i].ebx;
		leaf->ecx &= ~without[i].ecx;
		leaf->edx &= ~without[i].edx;
	}
}

/* What this host has, of what may be configured. */
static void mask_leaf(struct kvm_cpuid_entry2 *leaf, const struct kvm_cpuid_entry2 *host)
{
	leaf->eax &= host->eax;
	leaf->ebx &= host->ebx;
	leaf->ecx &= host->ecx;
	leaf->edx &= host->edx;
	leave_out(leaf);
	if (leaf->function == LEAF_WIDTHS)
		leaf->eax = (leaf->eax & ~WIDTH) | WIDTH_48;
}

static int configure(struct td *td, const struct kvm_cpuid2 *host, struct reason *why)
{
	const struct kvm_cpuid2 *may = &td->capabilities->cpuid;
	struct tdc_kvm_tdx_init_vm *init =
		calloc(1, sizeof(*init) + may->nent * sizeof(may->entries[0]));

	if (!init)
		return reason_set(why, -ENOMEM, "out of memory");
	td->init = init;
	for (unsigned i = 0; i < may->nent; i++) {
		const struct kvm_cpuid_entry2 *leaf = &may->entries[i];
		const struct kvm_cpuid_entry2 *has = find_leaf(host, leaf->function, leaf->index);

		if (!has)
			continue;
		init->cpuid.entries[init->cpuid.nent] = *leaf;
		mask_leaf(&init->cpuid.entries[init->cpuid.nent++], has);
	}
	if (!find_leaf(&init->cpuid, LEAF_WIDTHS, 0))
		return reason_set(
			why, -ENOTSUP,
			"KVM_TDX_CAPABILITIES names no CPUID leaf %#x, by which a TD gets "
			"its address width; what does dmesg say of the TDX module",
			LEAF_WIDTHS);
	return 0;
}

/* Attributes and XFAM stay 0: KVM adds what the TDX module has fixed to 1. */
int td_init_vm(struct td *td, struct reason *why)
{
	struct tdc_kvm_tdx_cmd command = { .id = TDC_KVM_TDX_INIT_VM };
	void *host = NULL;
	int err = read_growing(td, CALL_SUPPORTED_CPUID, ask_supported, 0, &host, why);

	if (err)
		return err;
	err = configure(td, host, why);
	free(host);
	if (err)
		return err;
	command.data = (uintptr_t)td->init;
	return td_command(td, CALL_INIT_VM, td->vm, &command, why);
}

/* All vCPUs get what the TDX module shows to the first one. */
int td_set_cpuid(struct td *td, struct reason *why)
{
	void *got = NULL;
	int err = read_growing(td, CALL_GET_CPUID, ask_vcpu, 0, &got, why);

	if (err)
		return err;
	td->cpuid = got;
	for (unsigned i = 0; i < td->n_vcpus && err >= 0; i++)
		err = td_ioctl(td, CALL_SET_CPUID, td->vcpus[i], KVM_SET_CPUID2, (uintptr_t)got,
			       why);
	return err < 0 ? err : 0;
}
