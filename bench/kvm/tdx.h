/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdx.h: the life of a minimal TD, step by step, so that each step can be timed by itself.
 *
 * The order is that of Documentation/virt/kvm/x86/intel-tdx.rst with one difference: CPUID is set
 * before INIT_VCPU, which switches the local APIC to x2APIC mode, which KVM refuses to a vCPU whose
 * CPUID has no x2APIC (kvm_apic_set_base()). No guest code runs: after FINALIZE_VM the rest of the
 * memory is mapped by KVM_PRE_FAULT_MEMORY, which needs the TD final (pre_fault_allowed is set by
 * tdx_td_finalize() of Linux 7.3). Such pages are pending: the guest has not accepted them, so the
 * TDX module has not initialised them either, and their cache state is not that of pages in use.
 */
#ifndef TDC_BENCH_KVM_TDX_H
#define TDC_BENCH_KVM_TDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/kvm/sys.h"
#include "bench/kvm/uapi.h"
#include "harness/core/reason.h"

#define TD_PAGE	     4096ul
#define TD_MAX_VCPUS 512
/* Where the memory lies in the guest: above all that KVM puts below 4 GiB. */
#define TD_GPA (1ull << 32)

struct td_config {
	unsigned vcpus;	  /* 1 to TD_MAX_VCPUS */
	uint64_t bytes;	  /* private memory, in one memslot with one guest_memfd */
	uint64_t initial; /* of which come by INIT_MEM_REGION, the rest by pre-faulting */
	bool measure;	  /* extend the measurement by the initial memory */
	bool terminate;	  /* tear down with KVM_TDX_TERMINATE_VM where the kernel has it */
};

/* What became of KVM_TDX_TERMINATE_VM. */
enum td_terminate {
	TD_TERMINATE_UNTRIED,
	TD_TERMINATE_DONE,
	/*
	 * A command that nobody announced answered 0: the number may have come to mean something
	 * else. That the VM then refuses an ioctl with -EIO, as it does where this is not announced,
	 * proves it.
	 */
	TD_TERMINATE_UNPROVEN,
	TD_TERMINATE_ABSENT, /* the kernel does not know it */
	TD_TERMINATE_FAILED,
};

/**
 * struct td - a TD in any state between nothing and finalized
 *
 * A descriptor that is not open is -1, memory that is not mapped NULL; td_open() makes it so. What
 * a caller may read: @retries, how often a call was repeated after -EBUSY, -EAGAIN or -EINTR (the
 * naps in between are in the time of the step), @terminate, and @step, the step that was last run.
 */
struct td {
	const struct kvm_sys *sys;
	struct td_config config;
	const char *step;
	unsigned retries;
	enum td_terminate terminate;
	bool announced; /* capabilities say that there is KVM_TDX_TERMINATE_VM */
	bool slot, final;
	int kvm, vm, memfd;
	unsigned n_vcpus;
	int vcpus[TD_MAX_VCPUS];
	void *shared; /* what the memslot would use for shared pages: mapped, never touched */
	void *source; /* what INIT_MEM_REGION copies from */
	size_t source_bytes;
	struct tdc_kvm_tdx_capabilities *capabilities;
	struct tdc_kvm_tdx_init_vm *init;
	struct kvm_cpuid2 *cpuid;
};

/**
 * struct td_step - a step of a TD's life
 * @name: one word, for phases and messages
 *
 * @run returns 0, or a negative errno with the reason in words: the call that failed, the error,
 * the TDX status code if there is one, and what to check.
 */
struct td_step {
	const char *name;
	int (*run)(struct td *td, struct reason *why);
	bool populates; /* gives it memory */
};

/* In order, a NULL name at the end. Building steps must all succeed. */
extern const struct td_step td_build_steps[];

/*
 * In order: terminate, vcpus, memslot, guest_memfd, vm, memory, kvm. Each releases what there is,
 * which may be nothing, so that a TD in any state can be put through all of them; one that fails
 * keeps what it could not release, and is no reason to leave the next one out. The VM is destroyed
 * when the last of its descriptors is closed (the vCPUs' and the guest_memfd's hold it too): that
 * is the step vm. A closed descriptor is gone, even if close() failed.
 */
extern const struct td_step td_teardown_steps[];

/**
 * td_open() - a TD of which there is nothing yet
 *
 * Return: 0; -EINVAL for a configuration that no TD can have.
 */
int td_open(struct td *td, const struct kvm_sys *sys, const struct td_config *config,
	    struct reason *why);

/**
 * td_run() - run one step, and put its name before the reason if it fails
 *
 * Return: what the step returned.
 */
int td_run(struct td *td, const struct td_step *step, struct reason *why);

/**
 * td_build() - all of td_build_steps
 *
 * After a failure everything is released that can be; the reason is that of the failure.
 */
int td_build(struct td *td, struct reason *why);

/**
 * td_destroy() - all of td_teardown_steps, whatever the state
 *
 * Return: 0 if nothing is left. Else the first failure: what could not be unmapped is still there,
 * and another call tries again.
 */
int td_destroy(struct td *td, struct reason *why);

/* Does its guest_memfd hold all pages? Return: 0, -EFAULT; 0 too where the kernel does not say. */
int td_check(const struct td *td, struct reason *why);

/* Is there nothing left that a td_destroy() would have to release? */
bool td_is_gone(const struct td *td);

#endif
