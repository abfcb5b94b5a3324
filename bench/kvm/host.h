/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h: what KVM on this machine is and has: /dev/kvm, its capabilities, the module behind it.
 */
#ifndef TDC_BENCH_KVM_HOST_H
#define TDC_BENCH_KVM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/kvm/sys.h"
#include "bench/kvm/uapi.h"
#include "harness/core/reason.h"

struct kvm_host {
	const struct kvm_sys *sys;
	int fd;		/* /dev/kvm, -1: closed */
	unsigned types; /* a bit for each VM type */
	unsigned max_vcpus;
	size_t run_bytes; /* of the mapping of a vCPU */
	bool guest_memfd, attributes, prefault;
	uint64_t memfd_flags;	  /* that KVM_CREATE_GUEST_MEMFD takes */
	struct kvm_cpuid2 *cpuid; /* what KVM_GET_SUPPORTED_CPUID says */
};

/**
 * kvm_host_open() - open /dev/kvm and ask what it has
 * @root: prefix of /dev; "" for the live machine
 *
 * Return: 0; -ENOTSUP where there is none, it may not be used or is too old, with what to do.
 * Close with kvm_host_close(), which takes a closed one too.
 */
int kvm_host_open(struct kvm_host *h, const struct kvm_sys *sys, const char *root,
		  struct reason *why);
void kvm_host_close(struct kvm_host *h);

bool kvm_host_has_type(const struct kvm_host *h, unsigned type);

/* The module that runs VMs ("kvm_intel", ...), and how it pages. */
struct kvm_module {
	const char *name;    /* "" where none is known */
	bool tdp_known, tdp; /* two-dimensional paging: EPT or NPT */
	char tdp_mmu[16];    /* the parameter's text, "" where there is none */
};

void kvm_module_look(const char *root, struct kvm_module *module);

#endif
