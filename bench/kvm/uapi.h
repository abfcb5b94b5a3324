/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uapi.h: what KVM's interface has that older headers do not: guest_memfd, memory attributes,
 * pre-faulting, VM types, TDX.
 *
 * A name of the kernel's headers carries the prefix TDC_ or tdc_ here and is otherwise unchanged,
 * so that this file means the same beside headers of any age. What Linux 6.1 already had is taken
 * from <linux/kvm.h>. tests/bench/kvm/uapi_test.c compares every number, size and offset below
 * with newer headers.
 */
#ifndef TDC_BENCH_KVM_UAPI_H
#define TDC_BENCH_KVM_UAPI_H

#include <linux/kvm.h>
#include <linux/types.h>
#include <sys/ioctl.h>

/* KVM_CREATE_VM's argument; KVM_CHECK_EXTENSION(VM_TYPES) is a bitmap of them. */
#define TDC_KVM_X86_DEFAULT_VM	    0
#define TDC_KVM_X86_SW_PROTECTED_VM 1
#define TDC_KVM_X86_TDX_VM	    5

#define TDC_KVM_CAP_USER_MEMORY2      231
#define TDC_KVM_CAP_MEMORY_ATTRIBUTES 233
#define TDC_KVM_CAP_GUEST_MEMFD	      234
#define TDC_KVM_CAP_VM_TYPES	      235
#define TDC_KVM_CAP_PRE_FAULT_MEMORY  236
/* The bitmap of flags for KVM_CREATE_GUEST_MEMFD; Linux 6.18 and later. */
#define TDC_KVM_CAP_GUEST_MEMFD_FLAGS 244

/* kvm_run's exit_reason when the guest touches memory whose attribute says otherwise. */
#define TDC_KVM_EXIT_MEMORY_FAULT 39

#define TDC_KVM_MEM_GUEST_MEMFD (1UL << 2)

struct tdc_kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define TDC_KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct tdc_kvm_userspace_memory_region2)

#define TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE (1ULL << 3)

struct tdc_kvm_memory_attributes {
	__u64 address;
	__u64 size;
	__u64 attributes;
	__u64 flags;
};

#define TDC_KVM_SET_MEMORY_ATTRIBUTES _IOW(KVMIO, 0xd2, struct tdc_kvm_memory_attributes)

#define TDC_GUEST_MEMFD_FLAG_MMAP	 (1ULL << 0)
#define TDC_GUEST_MEMFD_FLAG_INIT_SHARED (1ULL << 1)

struct tdc_kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

#define TDC_KVM_CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct tdc_kvm_create_guest_memfd)

/* gpa and size come back as what is still to do. */
struct tdc_kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};

#define TDC_KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct tdc_kvm_pre_fault_memory)

/* KVM_MEMORY_ENCRYPT_OP on a TD takes a struct kvm_tdx_cmd with one of these in id. */
enum tdc_kvm_tdx_cmd_id {
	TDC_KVM_TDX_CAPABILITIES = 0,
	TDC_KVM_TDX_INIT_VM,
	TDC_KVM_TDX_INIT_VCPU,
	TDC_KVM_TDX_INIT_MEM_REGION,
	TDC_KVM_TDX_FINALIZE_VM,
	TDC_KVM_TDX_GET_CPUID,
	/*
	 * Posted (2025-06, commit e4775f57ad51 of kvm-x86) and in linux-next for a while, but in no
	 * release up to 7.3: probe it, since the number may yet come to mean something else.
	 */
	TDC_KVM_TDX_TERMINATE_VM,
};

struct tdc_kvm_tdx_cmd {
	__u32 id;
	__u32 flags;
	__u64 data;
	__u64 hw_error; /* a TDX status code, where a SEAMCALL failed */
};

/* In supported_caps, as posted 2025-07; not in a release either. */
#define TDC_KVM_TDX_CAP_TERMINATE_VM (1ULL << 0)

struct tdc_kvm_tdx_capabilities {
	__u64 supported_attrs;
	__u64 supported_xfam;
	__u64 kernel_tdvmcallinfo_1_r11;
	__u64 user_tdvmcallinfo_1_r11;
	__u64 kernel_tdvmcallinfo_1_r12;
	__u64 user_tdvmcallinfo_1_r12;
	__u64 supported_caps; /* reserved, and 0, in the releases */
	__u64 reserved[249];
	struct kvm_cpuid2 cpuid; /* the CPUID bits that INIT_VM may set */
};

struct tdc_kvm_tdx_init_vm {
	__u64 attributes;
	__u64 xfam;
	__u64 mrconfigid[6];
	__u64 mrowner[6];
	__u64 mrownerconfig[6];
	__u64 reserved[12];
	struct kvm_cpuid2 cpuid;
};

#define TDC_KVM_TDX_MEASURE_MEMORY_REGION (1ULL << 0)

/* All three come back as what is still to do. */
struct tdc_kvm_tdx_init_mem_region {
	__u64 source_addr;
	__u64 gpa;
	__u64 nr_pages;
};

#endif
