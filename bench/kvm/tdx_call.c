// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each call may answer was read in Linux 7.3: arch/x86/kvm/vmx/tdx.c, arch/x86/kvm/x86.c,
 * virt/kvm/kvm_main.c, virt/kvm/guest_memfd.c, Documentation/virt/kvm/api.rst.
 */
#include "bench/kvm/tdx_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/kvm/tdx_status.h"

#define NAP_NS	   50000ull
#define NAP_MAX_NS 10000000ull

enum { ON_EINTR = 1, ON_EAGAIN = 2, ON_EBUSY = 4 };

struct call_info {
	const char *name, *check;
	unsigned again; /* the errors after which trying again is right */
};

static const struct call_info calls[] = {
	[CALL_OPEN] = { "open /dev/kvm", "is kvm_intel loaded, and may you read and write /dev/kvm",
			0 },
	[CALL_API_VERSION] = { "KVM_GET_API_VERSION", "is /dev/kvm KVM's", 0 },
	[CALL_CHECK] = { "KVM_CHECK_EXTENSION", "is this kernel older than 6.16", 0 },
	[CALL_CREATE_VM] = { "KVM_CREATE_VM", "is kvm_intel loaded with tdx=1", ON_EINTR },
	[CALL_ENABLE_CAP] = { "KVM_ENABLE_CAP", "is this kernel older than 6.16", 0 },
	[CALL_SUPPORTED_CPUID] = { "KVM_GET_SUPPORTED_CPUID", "is /dev/kvm KVM's", 0 },
	[CALL_CAPABILITIES] = { "KVM_TDX_CAPABILITIES", "what does dmesg say of the TDX module",
				0 },
	/* No entropy: KVM has undone all of it, and the TD can be initialised again. */
	[CALL_INIT_VM] = { "KVM_TDX_INIT_VM", "what does dmesg say of the TDX module", ON_EAGAIN },
	[CALL_CREATE_VCPU] = { "KVM_CREATE_VCPU", "fewer vCPUs: a TD takes as many as the host has",
			       0 },
	[CALL_GET_CPUID] = { "KVM_TDX_GET_CPUID", "what does dmesg say of the TDX module", 0 },
	[CALL_SET_CPUID] = { "KVM_SET_CPUID2", "what does dmesg say", 0 },
	[CALL_INIT_VCPU] = { "KVM_TDX_INIT_VCPU", "does the TD's CPUID leaf 1 have x2APIC", 0 },
	[CALL_MMAP] = { "mmap", "is the size within the address space and ulimit -v", 0 },
	[CALL_GUEST_MEMFD] = { "KVM_CREATE_GUEST_MEMFD", "has the kernel CONFIG_KVM_GUEST_MEMFD",
			       0 },
	[CALL_MEMSLOT] = { "KVM_SET_USER_MEMORY_REGION2", "a smaller size", 0 },
	[CALL_ATTRIBUTES] = { "KVM_SET_MEMORY_ATTRIBUTES", "a smaller size", 0 },
	/* A SEAMCALL that met somebody else's, or a signal: the rest is still to do. */
	[CALL_INIT_MEM] = { "KVM_TDX_INIT_MEM_REGION", "is there as much free memory",
			    ON_EAGAIN | ON_EBUSY | ON_EINTR },
	[CALL_FINALIZE] = { "KVM_TDX_FINALIZE_VM", "what does dmesg say of the TDX module",
			    ON_EBUSY },
	[CALL_PRE_FAULT] = { "KVM_PRE_FAULT_MEMORY", "is there as much free memory",
			     ON_EAGAIN | ON_EBUSY | ON_EINTR },
	/* It tries the vCPUs' locks and does not wait for them. */
	[CALL_TERMINATE] = { "KVM_TDX_TERMINATE_VM", "does a thread still use a vCPU", ON_EBUSY },
	[CALL_CLOSE] = { "close", "what does dmesg say", 0 },
	[CALL_MUNMAP] = { "munmap", "is vm.max_map_count reached", 0 },
};

/* Where an error has one meaning, that meaning. */
static const struct {
	enum td_call call;
	int err;
	const char *check;
} meanings[] = {
	{ CALL_OPEN, -EACCES, "are you in the group kvm" },
	{ CALL_OPEN, -ENOENT, "is kvm_intel loaded, and VMX enabled in the firmware" },
	{ CALL_INIT_VM, -ENOSPC, "no HKID is left: end another TD" },
	{ CALL_INIT_VM, -EBUSY, "does the cgroup's misc.max allow another TD" },
	{ CALL_INIT_VM, -EIO, "has every package an online CPU, and what does dmesg say" },
	{ CALL_INIT_VM, -EINVAL, "does the TDX module take this CPU's CPUID" },
	{ CALL_FINALIZE, -EINVAL, "is the TD initialised and not yet final" },
	{ CALL_GUEST_MEMFD, -EMFILE, "ulimit -n" },
	{ CALL_CREATE_VCPU, -EMFILE, "ulimit -n" },
	{ CALL_PRE_FAULT, -EOPNOTSUPP, "does kvm_intel use two-dimensional paging (tdp_mmu=1)" },
};

static const char *what_to_check(enum td_call call, int err)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (meanings[i].call == call && meanings[i].err == err)
			return meanings[i].check;
	if (err == -ENOMEM)
		return "is there as much free memory, and does the cgroup allow it";
	if (err == -EIO && call > CALL_CREATE_VM)
		return "KVM refuses a VM that it found broken: what does dmesg say";
	return calls[call].check;
}

static unsigned again_bit(int err)
{
	return err == -EINTR ? ON_EINTR : err == -EAGAIN ? ON_EAGAIN : err == -EBUSY ? ON_EBUSY : 0;
}

bool td_again(struct td *td, enum td_call call, int err, struct td_patience *patience)
{
	uint64_t ns = NAP_NS;

	if (!(calls[call].again & again_bit(err)) || patience->tries + 1 >= TD_TRIES)
		return false;
	for (unsigned i = 0; i < patience->tries && ns < NAP_MAX_NS; i++)
		ns *= 2;
	td->sys->nap(ns < NAP_MAX_NS ? ns : NAP_MAX_NS);
	patience->tries++;
	td->retries++;
	return true;
}

int td_fail(enum td_call call, int err, uint64_t status, struct reason *why)
{
	char words[160] = "";

	if (status)
		tdx_status_text(status, words, sizeof(words));
	return reason_set(why, err, "%s: %s%s%s%s; %s", calls[call].name, strerror(-err),
			  calls[call].again & again_bit(err) ? " to the last of many tries" : "",
			  status ? ", " : "", words, what_to_check(call, err));
}

int td_ioctl(struct td *td, enum td_call call, int fd, unsigned long request, uintptr_t argument,
	     struct reason *why)
{
	struct td_patience patience = { 0 };
	int answer;

	do {
		answer = td->sys->ioctl(fd, request, argument);
	} while (answer < 0 && td_again(td, call, answer, &patience));
	return answer < 0 ? td_fail(call, answer, 0, why) : answer;
}

/* KVM refuses a command with a status in it, which the try before may have left there. */
int td_command_once(struct td *td, int fd, struct tdc_kvm_tdx_cmd *command)
{
	command->hw_error = 0;
	return td->sys->ioctl(fd, KVM_MEMORY_ENCRYPT_OP, (uintptr_t)command);
}

int td_command(struct td *td, enum td_call call, int fd, struct tdc_kvm_tdx_cmd *command,
	       struct reason *why)
{
	struct td_patience patience = { 0 };
	int err;

	do {
		err = td_command_once(td, fd, command);
	} while (err < 0 && td_again(td, call, err, &patience));
	return err < 0 ? td_fail(call, err, command->hw_error, why) : 0;
}
