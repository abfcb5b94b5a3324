/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdx_call.h: one call to KVM for a TD: tried again where the interface says so, and its failure
 * put in words. For bench/kvm/tdx*.c alone.
 */
#ifndef TDC_BENCH_KVM_TDX_CALL_H
#define TDC_BENCH_KVM_TDX_CALL_H

#include "bench/kvm/tdx.h"

enum td_call {
	CALL_OPEN,
	CALL_API_VERSION,
	CALL_CHECK,
	CALL_CREATE_VM,
	CALL_ENABLE_CAP,
	CALL_SUPPORTED_CPUID,
	CALL_CAPABILITIES,
	CALL_INIT_VM,
	CALL_CREATE_VCPU,
	CALL_GET_CPUID,
	CALL_SET_CPUID,
	CALL_INIT_VCPU,
	CALL_MMAP,
	CALL_GUEST_MEMFD,
	CALL_MEMSLOT,
	CALL_ATTRIBUTES,
	CALL_INIT_MEM,
	CALL_FINALIZE,
	CALL_PRE_FAULT,
	CALL_TERMINATE,
	CALL_CLOSE,
	CALL_MUNMAP,
};

/* Tries of one call that came no further; struct td_patience counts them from 0. */
#define TD_TRIES 40

struct td_patience {
	unsigned tries;
};

/**
 * td_again() - shall the call be repeated that returned @err?
 *
 * Naps before it says yes, twice as long each time, 10 ms at most.
 */
bool td_again(struct td *td, enum td_call call, int err, struct td_patience *patience);

/* Words for a failure; @status is a TDX status code or 0. Return: @err. */
int td_fail(enum td_call call, int err, uint64_t status, struct reason *why);

/* An ioctl that is tried again as @call says. Return: its answer, or a negative errno. */
int td_ioctl(struct td *td, enum td_call call, int fd, unsigned long request, uintptr_t argument,
	     struct reason *why);

/* KVM_MEMORY_ENCRYPT_OP once; @command->hw_error is 0 again before it is asked. */
int td_command_once(struct td *td, int fd, struct tdc_kvm_tdx_cmd *command);

/* The same, tried again as @call says, its failure in words. */
int td_command(struct td *td, enum td_call call, int fd, struct tdc_kvm_tdx_cmd *command,
	       struct reason *why);

/* The steps in files of their own. */
int td_read_capabilities(struct td *td, struct reason *why);
int td_init_vm(struct td *td, struct reason *why);
int td_set_cpuid(struct td *td, struct reason *why);
int td_map_memory(struct td *td, struct reason *why);
int td_add_initial(struct td *td, struct reason *why);
int td_pre_fault(struct td *td, struct reason *why);

#endif
