// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench/kvm/uapi.h against the kernel's headers, at compile time. What old headers lack is compared
 * where they have it; with UAPI_ALL everything must be there, and a name that is not is an error:
 * that is how newer_uapi.sh compiles it, against headers that it fetches. The layouts are also
 * stated as numbers, from Linux 7.3, so that a mistake shows beside old headers too.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench/kvm/uapi.h"

#define SAME(name)		static_assert((uint64_t)TDC_##name == (uint64_t)name, #name)
#define SAME_SIZE(type)		static_assert(sizeof(struct tdc_##type) == sizeof(struct type), #type)
#define FIELD_SIZE(type, field) sizeof(((struct type *)0)->field)
#define SAME_FIELD(type, field)                                                             \
	static_assert(offsetof(struct tdc_##type, field) == offsetof(struct type, field) && \
			      FIELD_SIZE(tdc_##type, field) == FIELD_SIZE(type, field),     \
		      #type "." #field)
#define SIZE_IS(type, bytes) static_assert(sizeof(struct tdc_##type) == (bytes), #type)
#define AT(type, field, offset) \
	static_assert(offsetof(struct tdc_##type, field) == (offset), #type "." #field)

SIZE_IS(kvm_userspace_memory_region2, 160);
AT(kvm_userspace_memory_region2, guest_memfd_offset, 32);
AT(kvm_userspace_memory_region2, guest_memfd, 40);
SIZE_IS(kvm_memory_attributes, 32);
SIZE_IS(kvm_create_guest_memfd, 64);
SIZE_IS(kvm_pre_fault_memory, 64);
SIZE_IS(kvm_tdx_cmd, 24);
AT(kvm_tdx_cmd, data, 8);
AT(kvm_tdx_cmd, hw_error, 16);
SIZE_IS(kvm_tdx_capabilities, 2056);
AT(kvm_tdx_capabilities, supported_caps, 48);
AT(kvm_tdx_capabilities, cpuid, 2048);
SIZE_IS(kvm_tdx_init_vm, 264);
AT(kvm_tdx_init_vm, cpuid, 256);
SIZE_IS(kvm_tdx_init_mem_region, 24);
static_assert(TDC_KVM_SET_USER_MEMORY_REGION2 == 0x40a0ae49, "direction, size, type, number");
static_assert(TDC_KVM_SET_MEMORY_ATTRIBUTES == 0x4020aed2, "direction, size, type, number");
static_assert(TDC_KVM_CREATE_GUEST_MEMFD == 0xc040aed4, "direction, size, type, number");
static_assert(TDC_KVM_PRE_FAULT_MEMORY == 0xc040aed5, "direction, size, type, number");

/* Linux 6.8 */
#if defined(KVM_CAP_GUEST_MEMFD) || defined(UAPI_ALL)
#define HAS_GUEST_MEMFD 1
SAME(KVM_X86_DEFAULT_VM);
SAME(KVM_X86_SW_PROTECTED_VM);
SAME(KVM_CAP_USER_MEMORY2);
SAME(KVM_CAP_MEMORY_ATTRIBUTES);
SAME(KVM_CAP_GUEST_MEMFD);
SAME(KVM_CAP_VM_TYPES);
SAME(KVM_EXIT_MEMORY_FAULT);
SAME(KVM_MEM_GUEST_MEMFD);
SAME(KVM_MEMORY_ATTRIBUTE_PRIVATE);
SAME(KVM_SET_USER_MEMORY_REGION2);
SAME(KVM_SET_MEMORY_ATTRIBUTES);
SAME(KVM_CREATE_GUEST_MEMFD);
SAME_SIZE(kvm_userspace_memory_region2);
SAME_FIELD(kvm_userspace_memory_region2, slot);
SAME_FIELD(kvm_userspace_memory_region2, flags);
SAME_FIELD(kvm_userspace_memory_region2, guest_phys_addr);
SAME_FIELD(kvm_userspace_memory_region2, memory_size);
SAME_FIELD(kvm_userspace_memory_region2, userspace_addr);
SAME_FIELD(kvm_userspace_memory_region2, guest_memfd_offset);
SAME_FIELD(kvm_userspace_memory_region2, guest_memfd);
SAME_FIELD(kvm_userspace_memory_region2, pad1);
SAME_FIELD(kvm_userspace_memory_region2, pad2);
SAME_SIZE(kvm_memory_attributes);
SAME_FIELD(kvm_memory_attributes, address);
SAME_FIELD(kvm_memory_attributes, size);
SAME_FIELD(kvm_memory_attributes, attributes);
SAME_FIELD(kvm_memory_attributes, flags);
SAME_SIZE(kvm_create_guest_memfd);
SAME_FIELD(kvm_create_guest_memfd, size);
SAME_FIELD(kvm_create_guest_memfd, flags);
SAME_FIELD(kvm_create_guest_memfd, reserved);
#endif

/* Linux 6.11 */
#if defined(KVM_CAP_PRE_FAULT_MEMORY) || defined(UAPI_ALL)
#define HAS_PRE_FAULT 1
SAME(KVM_CAP_PRE_FAULT_MEMORY);
SAME(KVM_PRE_FAULT_MEMORY);
SAME_SIZE(kvm_pre_fault_memory);
SAME_FIELD(kvm_pre_fault_memory, gpa);
SAME_FIELD(kvm_pre_fault_memory, size);
SAME_FIELD(kvm_pre_fault_memory, flags);
SAME_FIELD(kvm_pre_fault_memory, padding);
#endif

/* Linux 6.18 */
#if defined(KVM_CAP_GUEST_MEMFD_FLAGS) || defined(UAPI_ALL)
#define HAS_GUEST_MEMFD_FLAGS 1
SAME(KVM_CAP_GUEST_MEMFD_FLAGS);
SAME(GUEST_MEMFD_FLAG_MMAP);
SAME(GUEST_MEMFD_FLAG_INIT_SHARED);
#endif

/* Linux 6.16 */
#if defined(KVM_X86_TDX_VM) || defined(UAPI_ALL)
#define HAS_TDX 1
SAME(KVM_X86_TDX_VM);
SAME(KVM_TDX_CAPABILITIES);
SAME(KVM_TDX_INIT_VM);
SAME(KVM_TDX_INIT_VCPU);
SAME(KVM_TDX_INIT_MEM_REGION);
SAME(KVM_TDX_FINALIZE_VM);
SAME(KVM_TDX_GET_CPUID);
SAME(KVM_TDX_MEASURE_MEMORY_REGION);
SAME_SIZE(kvm_tdx_cmd);
SAME_FIELD(kvm_tdx_cmd, id);
SAME_FIELD(kvm_tdx_cmd, flags);
SAME_FIELD(kvm_tdx_cmd, data);
SAME_FIELD(kvm_tdx_cmd, hw_error);
SAME_SIZE(kvm_tdx_capabilities);
SAME_FIELD(kvm_tdx_capabilities, supported_attrs);
SAME_FIELD(kvm_tdx_capabilities, supported_xfam);
SAME_FIELD(kvm_tdx_capabilities, kernel_tdvmcallinfo_1_r11);
SAME_FIELD(kvm_tdx_capabilities, user_tdvmcallinfo_1_r11);
SAME_FIELD(kvm_tdx_capabilities, kernel_tdvmcallinfo_1_r12);
SAME_FIELD(kvm_tdx_capabilities, user_tdvmcallinfo_1_r12);
SAME_FIELD(kvm_tdx_capabilities, cpuid);
SAME_SIZE(kvm_tdx_init_vm);
SAME_FIELD(kvm_tdx_init_vm, attributes);
SAME_FIELD(kvm_tdx_init_vm, xfam);
SAME_FIELD(kvm_tdx_init_vm, mrconfigid);
SAME_FIELD(kvm_tdx_init_vm, mrowner);
SAME_FIELD(kvm_tdx_init_vm, mrownerconfig);
SAME_FIELD(kvm_tdx_init_vm, reserved);
SAME_FIELD(kvm_tdx_init_vm, cpuid);
SAME_SIZE(kvm_tdx_init_mem_region);
SAME_FIELD(kvm_tdx_init_mem_region, source_addr);
SAME_FIELD(kvm_tdx_init_mem_region, gpa);
SAME_FIELD(kvm_tdx_init_mem_region, nr_pages);
/*
 * Where the kernel has no KVM_TDX_TERMINATE_VM, its number must mean nothing else, and what would
 * announce it must be reserved.
 */
#ifdef KVM_TDX_CAP_TERMINATE_VM
SAME(KVM_TDX_TERMINATE_VM);
SAME(KVM_TDX_CAP_TERMINATE_VM);
SAME_FIELD(kvm_tdx_capabilities, supported_caps);
#else
static_assert((int)TDC_KVM_TDX_TERMINATE_VM == (int)KVM_TDX_CMD_NR_MAX, "a number given away");
static_assert(offsetof(struct kvm_tdx_capabilities, reserved) ==
		      offsetof(struct tdc_kvm_tdx_capabilities, supported_caps),
	      "a reserved field given away");
#endif
#endif

/* The compiler has done the work: this says against what. */
static void headers_agree(void **unused)
{
	(void)unused;
#ifdef HAS_GUEST_MEMFD
	print_message("compared: guest_memfd and memory attributes (Linux 6.8)\n");
#endif
#ifdef HAS_PRE_FAULT
	print_message("compared: pre-faulting (Linux 6.11)\n");
#endif
#ifdef HAS_TDX
	print_message("compared: TDX (Linux 6.16)\n");
#endif
#ifdef HAS_GUEST_MEMFD_FLAGS
	print_message("compared: flags of guest_memfd (Linux 6.18)\n");
#endif
	print_message("compared: sizes and offsets as numbers\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(headers_agree) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
