/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.h: the life of a VM: made, populated, run, destroyed step by step.
 *
 * vCPUs are run one after the other by the calling thread and are outside the guest when the VM is
 * destroyed, as those of a VMM that has stopped are.
 */
#ifndef TDC_BENCH_KVM_VM_H
#define TDC_BENCH_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/kvm/backing.h"
#include "bench/kvm/host.h"
#include "bench/ops/reset_ops.h"
#include "harness/measure/phase.h"

#define VM_MAX_VCPUS 8

enum vm_populate {
	VM_BY_GUEST,	/* the guest touches each page of its memory */
	VM_BY_PREFAULT, /* KVM_PRE_FAULT_MEMORY */
	VM_BY_HOST,	/* the process touches it; the guest has mapped nothing */
};

struct vm_spec {
	unsigned type; /* of KVM_CREATE_VM */
	enum backing_kind backing;
	size_t bytes; /* a multiple of BACKING_STEP */
	unsigned vcpus;
	enum vm_populate populate;
	/* What clears each 4 KiB page before it is freed; NULL: the step is left out. */
	reset_fn *reset;
	const char *source; /* 64 bytes for it */
	/* Where the thread that makes it has its memory: its NUMA node, which vm_check() looks for. */
	bool placed;
	int node;
};

struct vm_vcpu {
	int fd;
	struct kvm_run *run;
};

struct vm {
	const struct kvm_host *host;
	struct vm_spec spec;
	int fd;
	unsigned slots; /* memory regions that KVM was told of */
	struct vm_vcpu vcpu[VM_MAX_VCPUS];
	struct backing memory;
	char *boot; /* the slot at 0 */
	size_t boot_bytes;
};

/**
 * vm_create() - a VM with its memory and vCPUs, in 64-bit mode, that nobody has touched
 *
 * @host must stay open. Return: 0; -errno with the step in @why and nothing left behind.
 */
int vm_create(struct vm *vm, const struct kvm_host *host, const struct vm_spec *spec,
	      struct reason *why);

/*
 * Give it pages of its own where populating it would not: KVM_PRE_FAULT_MEMORY faults for reading, of
 * which anonymous memory is mapped to the zero page. Return: 0, -errno with the step in @why.
 */
int vm_provide(struct vm *vm, struct reason *why);

/* Populate it and let every vCPU run, behind vm_provide(). Return: 0, -errno with the step in @why. */
int vm_populate(struct vm *vm, struct reason *why);

/**
 * vm_check() - has each page memory of its own, on its node; did a guest that was to write to it do so?
 *
 * Of private memory only that it is there can be told. A system that does not say where pages are
 * (-ENOSYS, -EPERM) is believed. Return: 0; -EFAULT with the first page that is not as it should be.
 */
int vm_check(const struct vm *vm, struct reason *why);

/* What the end of a VM is told by. */
enum vm_phase {
	VM_RESET,	/* its pages are cleared */
	VM_VCPU,	/* vCPUs are unmapped and closed */
	VM_MEMSLOT,	/* memory regions are taken away */
	VM_GUEST_MEMFD, /* the guest_memfd is closed */
	VM_CLOSE,	/* the VM's descriptor is closed */
	VM_MUNMAP,	/* the process's views are unmapped */
	VM_PHASES
};

extern const char *const vm_phase_names[VM_PHASES];

/*
 * One step of the end. Each takes a VM of which what it destroys was never made; one that a VM type
 * has for itself has nothing to do for the others. A phase may have several steps.
 */
struct vm_step {
	enum vm_phase phase;
	int (*run)(struct vm *vm);
};

/* In their order; ends with a NULL run. */
extern const struct vm_step vm_steps[];

/**
 * vm_destroy() - all steps in order; a step that fails does not keep the others from being done
 * @phases: gets a mark behind each; NULL for none
 *
 * Return: 0, or the first step's -errno with its name in @why.
 */
int vm_destroy(struct vm *vm, struct phases *phases, struct reason *why);

/* Clear the pages, the first step, alone: where somebody else does the rest. */
int vm_reset(struct vm *vm);

#endif
