/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_kvm.h: a model of KVM behind struct kvm_sys. It knows what is open and mapped, refuses what
 * KVM refuses, runs the guest, and makes any call fail that a test names.
 */
#ifndef TDC_TESTS_FAKE_KVM_H
#define TDC_TESTS_FAKE_KVM_H

#include "bench/kvm/sys.h"
#include "bench/kvm/uapi.h"

enum fake_call {
	FAKE_OPEN,
	FAKE_CLOSE,
	FAKE_IOCTL,
	FAKE_MMAP,
	FAKE_MUNMAP,
	FAKE_MADVISE,
};

/* What a test sets, and reads. */
struct fake_kvm {
	/* what there is */
	int open_error, version;
	unsigned types, memfd_flags, max_vcpus;
	int guest_memfd, attributes, prefault;
	/* what fails: the call of that number, counted from 0; -1: none */
	int fail_at, fail_with;
	unsigned interrupted;	   /* KVM_RUN and KVM_PRE_FAULT_MEMORY answer -EINTR that often */
	unsigned exit_reason;	   /* of the guest; KVM_EXIT_HLT */
	unsigned long halts_short; /* bytes before the end that it halts */
	int prefault_stands;	   /* it does nothing and answers */
	int prefault_error;	   /* this, which is 0 or less */
	int no_populate;	   /* a kernel without MADV_POPULATE_WRITE */
	int prefault_skips;	   /* the first page, and says nothing */
	int strange_page,
		strange; /* a page of whose node move_pages() says something else; 0: none */
	int no_look;	 /* move_pages() and cachestat() answer this */
	/* what happened */
	int calls;
	enum fake_call failed_call;
	int failed;	       /* was there a call of that number? */
	unsigned long faulted; /* bytes that were pre-faulted */
	unsigned long mapped;  /* bytes that MADV_POPULATE_WRITE mapped */
	unsigned naps;
	unsigned long napped_ns;
	char log[4096]; /* of what was taken down: "close vcpu", ... */
};

extern struct fake_kvm fake_kvm;
extern const struct kvm_sys fake_sys;

/* A machine that has all there is, with nothing open. */
void fake_kvm_reset(void);

/* Descriptors and mappings that are left. */
unsigned fake_kvm_left(void);

#endif
