/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tdx_model_state.h: what the files of the model share; for tdx_model*.c alone. */
#ifndef TDC_TESTS_BENCH_KVM_TDX_MODEL_STATE_H
#define TDC_TESTS_BENCH_KVM_TDX_MODEL_STATE_H

#include <stddef.h>

#include "bench/kvm/uapi.h"
#include "tests/bench/kvm/tdx_model.h"

#define M_PAGE	     4096u
#define M_FILES	     64
#define M_MAPPINGS   16
#define M_RANGES     8
#define M_MAX_LEAVES 256 /* KVM_MAX_CPUID_ENTRIES */

enum file_kind { FILE_FREE, FILE_KVM, FILE_VM, FILE_VCPU, FILE_GMEM };

struct file {
	enum file_kind kind;
	unsigned id;	     /* of a vCPU */
	uint64_t bytes;	     /* of a guest_memfd */
	bool x2apic, inited; /* of a vCPU */
};

enum vm_state { TD_UNINITIALIZED, TD_INITIALIZED, TD_RUNNABLE };

struct vm {
	bool exists, dead, terminated, hkid, split_irqchip;
	enum vm_state state;
	unsigned vcpus;
	uint64_t ids; /* of vCPUs, a bit each: they live as long as the VM */
	struct {
		bool exists;
		uint64_t gpa, bytes;
		int memfd;
		unsigned char *pages;
	} slot;
	struct {
		uint64_t start, end;
	} private[M_RANGES];
};

struct model {
	struct model_config config;
	struct model_fault fault;
	unsigned faults, faulted, calls, destroyed, terminated;
	uint64_t nap_ns;
	bool hesitated;
	char refusal[256];
	struct file files[M_FILES];
	struct {
		char *at;
		size_t bytes;
	} mappings[M_MAPPINGS];
	struct vm vm;
};

extern struct model model;

/* The kernel's answer to what a client is not to do; kept as the refusal if it is the first. */
int refuse(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A new descriptor, or -EMFILE. */
int file_new(enum file_kind kind);
struct file *file_of(int fd);

/* Is [at, at + bytes) in one mapping of the client's? */
bool is_mapped(uint64_t at, uint64_t bytes);
bool is_private(uint64_t gpa);

int vm_command(struct file *file, struct tdc_kvm_tdx_cmd *cmd);
int vcpu_command(struct file *file, struct tdc_kvm_tdx_cmd *cmd);
const char *command_name(uint32_t id);

/* CPUID, as the host has it and as it may be configured: leaf @i. */
struct kvm_cpuid_entry2 host_leaf(unsigned i);
struct kvm_cpuid_entry2 configurable_leaf(unsigned i);
unsigned host_leaves(void);

/* KVM's own ioctls by number; NULL: not one of them. */
struct kvm_ioctl {
	unsigned long request;
	const char *name;
	unsigned kinds; /* of descriptors: bits */
	int (*run)(struct file *file, uintptr_t argument);
};
const struct kvm_ioctl *kvm_ioctl_of(unsigned long request);

#endif
