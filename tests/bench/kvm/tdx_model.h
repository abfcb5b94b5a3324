/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdx_model.h: KVM's interface for TDs as a state machine, in the kernel's place behind a
 * struct kvm_sys. No machine here has TDX; this is what the client is tested against.
 *
 * It was written from Documentation/virt/kvm/x86/intel-tdx.rst, Documentation/virt/kvm/api.rst and,
 * where these are silent, from the checks in arch/x86/kvm/vmx/tdx.c, arch/x86/kvm/x86.c,
 * virt/kvm/kvm_main.c and virt/kvm/guest_memfd.c of Linux 7.3; KVM_TDX_TERMINATE_VM, which is in no
 * release, from its posted patches. It shares nothing with the client but bench/kvm/uapi.h, which
 * uapi_test.c compares with the kernel's headers, and the table of calls itself.
 *
 * Every call is checked as the kernel does it and answered with the kernel's errno. What a client
 * is never to be answered is kept as a refusal: a test of a client that behaves finds none. Any
 * call can be made to fail by number.
 */
#ifndef TDC_TESTS_BENCH_KVM_TDX_MODEL_H
#define TDC_TESTS_BENCH_KVM_TDX_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/kvm/sys.h"

enum model_terminate {
	MODEL_NO_TERMINATE, /* as released: -EINVAL */
	/* Posted 2025-06: not announced; the VM then refuses every ioctl with -EIO. */
	MODEL_TERMINATE_DEAD,
	/* Posted 2025-07: announced; only the vCPUs refuse. */
	MODEL_TERMINATE_ANNOUNCED,
	/* The number has come to mean something else: not announced, done, and the VM lives on. */
	MODEL_TERMINATE_OTHER,
};

struct model_config {
	unsigned max_vcpus;
	unsigned leaves;  /* CPUID leaves that may be configured, 2 at least */
	int lacking;	  /* the capability that is not there; 0: all are */
	uint64_t at_once; /* pages of an INIT_MEM_REGION or a PRE_FAULT; 0: any number */
	int stopped;	  /* what an INIT_MEM_REGION answers that stopped before its end */
	bool hesitant;	  /* every other KVM_PRE_FAULT_MEMORY answers -EAGAIN and does nothing */
	enum model_terminate terminate;
};

/* Call number @at, from 1, and the next @times - 1 of the same name, fail without effect. */
struct model_fault {
	unsigned at, times;
	int err;	 /* negative */
	bool breaks;	 /* KVM_BUG_ON(): the VM is dead from then on */
	uint64_t status; /* for struct kvm_tdx_cmd */
};

enum model_page { PAGE_ABSENT, PAGE_ADDED, PAGE_MEASURED, PAGE_PENDING };

/* The model, behind the table. There is one. */
extern const struct kvm_sys model_sys;

/* From nothing again. NULL: no fault. */
void model_reset(const struct model_config *config, const struct model_fault *fault);

/* The next call, and as many of its name behind it, fail. */
void model_fail_next(unsigned times, int err);

/* Calls so far, the name of one (from 1), and which number had the fault first (0: none). */
unsigned model_calls(void);
const char *model_call(unsigned number);
unsigned model_faulted(void);

/* How long the client has napped. */
uint64_t model_nap_ns(void);

/* What the client did against the interface, first thing first; NULL: nothing. */
const char *model_refusal(void);

/* Descriptors, mappings or a VM that are left; NULL: none. */
const char *model_leak(void);

/* Since the reset: VMs destroyed; HKIDs released before a VM was. */
unsigned model_destroyed(void);
unsigned model_terminated(void);

/* Pages of the slot that are in a state. */
uint64_t model_pages(enum model_page state);

/* vCPUs that INIT_VCPU was done for. */
unsigned model_vcpus(void);

/* Is the TD final? */
bool model_runnable(void);

#endif
