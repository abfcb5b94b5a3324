// SPDX-License-Identifier: GPL-2.0-or-later
/* The model refuses what the kernel refuses: else all that it lets pass would prove nothing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/bench/kvm/tdx_ask.h"

/* INIT_VM with two leaves: the addresses' width, and one as given (or that one in its place). */
static int init_vm(struct td *td, uint32_t function, uint32_t eax, uint64_t reserved,
		   uint64_t attributes_of_td, uint64_t *status)
{
	const size_t leaf = sizeof(struct kvm_cpuid_entry2);
	struct tdc_kvm_tdx_init_vm *init = calloc(1, sizeof(*init) + 2 * leaf);
	struct tdc_kvm_tdx_cmd cmd = { .id = TDC_KVM_TDX_INIT_VM, .data = (uintptr_t)init };
	int err;

	assert_non_null(init);
	init->attributes = attributes_of_td;
	init->reserved[0] = reserved;
	init->cpuid.nent = 2;
	init->cpuid.entries[0].function = 0x80000008;
	init->cpuid.entries[0].eax = function == 0x80000008 ? eax : 48 << 16;
	init->cpuid.entries[1].function = function;
	init->cpuid.entries[1].eax = eax;
	err = ask(td->vm, KVM_MEMORY_ENCRYPT_OP, &cmd);
	*status = cmd.hw_error;
	free(init);
	return err;
}

/* One wrong call: what it answers, and that it is kept. */
#define REFUSED(last, err, call)                         \
	do {                                             \
		struct reason ignored = { "" };          \
		struct td td_of_call, *td = &td_of_call; \
                                                         \
		stage(td, last);                         \
		assert_null(model_refusal());            \
		assert_int_equal(call, err);             \
		assert_non_null(model_refusal());        \
		td_destroy(td, &ignored);                \
	} while (0)

static void wrong_orders_are_refused(void **unused)
{
	(void)unused;
	REFUSED("create-vm", -EIO, ask(td->vm, KVM_CREATE_VCPU, NULL));
	REFUSED("create-vm", -EINVAL, command(td->vm, TDC_KVM_TDX_FINALIZE_VM, 0, NULL));
	REFUSED("enable-caps", -EEXIST, enable(td, KVM_CAP_SPLIT_IRQCHIP, 24));
	REFUSED("init-vm", -EINVAL, command(td->vm, TDC_KVM_TDX_INIT_VM, 0, td->init));
	REFUSED("create-vcpus", -EINVAL, command(td->vcpus[0], TDC_KVM_TDX_INIT_VCPU, 0, NULL));
	REFUSED("create-vcpus", -EEXIST, ask(td->vm, KVM_CREATE_VCPU, (void *)1));
	REFUSED("init-vcpus", -EINVAL, command(td->vcpus[1], TDC_KVM_TDX_INIT_VCPU, 0, NULL));
	REFUSED("map-memory", -EOPNOTSUPP, pre_fault(td, TD_GPA, TD_PAGE, 0));
	REFUSED("finalize", -EINVAL, command(td->vm, TDC_KVM_TDX_FINALIZE_VM, 0, NULL));
	REFUSED("finalize", -EIO, ask(td->vm, KVM_CREATE_VCPU, (void *)2));
	REFUSED("finalize", -EINVAL, region(td, 0, (uintptr_t)td->source, TD_GPA + 4 * TD_PAGE, 1));
	REFUSED("finalize", -EINVAL, command(td->vcpus[0], TDC_KVM_TDX_GET_CPUID, 0, td->cpuid));
}

static void wrong_arguments_of_a_td_are_refused(void **unused)
{
	uint64_t status;

	(void)unused;
	REFUSED("open", -EINVAL, ask(td->kvm, KVM_CREATE_VM, (void *)TDC_KVM_X86_SW_PROTECTED_VM));
	REFUSED("create-vm", -EINVAL, enable(td, KVM_CAP_SPLIT_IRQCHIP, 5000));
	REFUSED("create-vm", -EINVAL, enable(td, KVM_CAP_X2APIC_API, 1 << 9));
	REFUSED("capabilities", -EINVAL,
		command(td->vm, TDC_KVM_TDX_CAPABILITIES, 1, td->capabilities));
	REFUSED("capabilities", -EINVAL, command(td->vm, TDC_KVM_TDX_INIT_VM, 1, td->capabilities));
	REFUSED("capabilities", -EINVAL, init_vm(td, 1, 0, 7, 0, &status));
	REFUSED("capabilities", -EINVAL, init_vm(td, 1, 0, 0, 1, &status));
	REFUSED("capabilities", -EINVAL, init_vm(td, 0x99, 0, 0, 0, &status));
	REFUSED("capabilities", -EINVAL, init_vm(td, 0x80000008, 36 << 16, 0, 0, &status));
	REFUSED("capabilities", -EINVAL, init_vm(td, 1, 1, 0, 0, &status));
	assert_int_equal(status, 0xc000010000000001);
	REFUSED("init-vm", -EINVAL, ask(td->vm, KVM_CREATE_VCPU, (void *)9));
	REFUSED("cpuid", -EINVAL, command(td->vcpus[0], TDC_KVM_TDX_INIT_VCPU, 1, NULL));
	REFUSED("initial-memory", -EINVAL, command(td->vm, TDC_KVM_TDX_FINALIZE_VM, 1, NULL));
	REFUSED("initial-memory", -EINVAL, command(td->vm, TDC_KVM_TDX_FINALIZE_VM, 0, td));
	REFUSED("finalize", -EINVAL, command(td->vm, TDC_KVM_TDX_TERMINATE_VM, 0, td));
	REFUSED("finalize", -EINVAL, command(td->vm, 17, 0, NULL));
}

static void a_status_left_in_a_command_is_refused(void **unused)
{
	struct tdc_kvm_tdx_cmd cmd = { .id = TDC_KVM_TDX_FINALIZE_VM, .hw_error = 1 };

	(void)unused;
	REFUSED("initial-memory", -EINVAL, ask(td->vm, KVM_MEMORY_ENCRYPT_OP, &cmd));
}

static void wrong_memory_is_refused(void **unused)
{
	const uint64_t private = TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE;
	const uint32_t gmem = TDC_KVM_MEM_GUEST_MEMFD;

	(void)unused;
	REFUSED("init-vcpus", -EINVAL, guest_memfd(td, 0, 0));
	REFUSED("init-vcpus", -EINVAL, guest_memfd(td, 100, 0));
	REFUSED("init-vcpus", -EINVAL, guest_memfd(td, TD_PAGE, TDC_GUEST_MEMFD_FLAG_MMAP));
	REFUSED("map-memory", -EINVAL, slot(td, gmem, TD_PAGE, td->memfd));
	REFUSED("map-memory", -EINVAL, slot(td, 0, TD_PAGE, td->memfd));
	REFUSED("map-memory", -EINVAL, slot(td, gmem, 100, td->memfd));
	REFUSED("map-memory", -EBADF, slot(td, gmem, TD_PAGE, td->vm));
	REFUSED("map-memory", -EINVAL, slot(td, gmem, 2 * ASK_PAGES * TD_PAGE, td->memfd));
	REFUSED("create-vm", -EINVAL, slot(td, 0, 0, -1));
	REFUSED("map-memory", -EINVAL, attributes(td, TD_PAGE, private | 1, 0));
	REFUSED("map-memory", -EINVAL, attributes(td, TD_PAGE, private, 1));
	REFUSED("map-memory", -EINVAL, attributes(td, 0, private, 0));
	REFUSED("map-memory", -EINVAL, attributes(td, 100, private, 0));
	REFUSED("finalize", -EINVAL, pre_fault(td, TD_GPA + 1, TD_PAGE, 0));
	REFUSED("finalize", -EINVAL, pre_fault(td, TD_GPA, TD_PAGE, 1));
	REFUSED("finalize", -EINVAL, pre_fault(td, TD_GPA, 0, 0));
	REFUSED("finalize", -ENOENT, pre_fault(td, TD_GPA + ASK_PAGES * TD_PAGE, TD_PAGE, 0));
}

static void wrong_initial_memory_is_refused(void **unused)
{
	const uint64_t free_page = TD_GPA + 4 * TD_PAGE;

	(void)unused;
	REFUSED("map-memory", -EINVAL, region(td, 2, (uintptr_t)td->shared, TD_GPA, 1));
	REFUSED("map-memory", -EINVAL, region(td, 0, (uintptr_t)td->shared + 8, TD_GPA, 1));
	REFUSED("map-memory", -EINVAL, region(td, 0, 0, TD_GPA, 1));
	REFUSED("map-memory", -EINVAL, region(td, 0, (uintptr_t)td->shared, TD_GPA + 8, 1));
	REFUSED("map-memory", -EINVAL, region(td, 0, (uintptr_t)td->shared, TD_GPA, 0));
	REFUSED("map-memory", -EINVAL, region(td, 0, (uintptr_t)td->shared, 1ull << 47, 1));
	assert_non_null(strstr(model_refusal(), "shared address"));
	REFUSED("map-memory", -EINVAL, region(td, 0, (uintptr_t)td->shared, 0, 1));
	REFUSED("initial-memory", -EFAULT, region(td, 0, (uintptr_t)td->source, free_page, 3));
	REFUSED("initial-memory", -EIO, region(td, 0, (uintptr_t)td->source, TD_GPA, 1));
	REFUSED("cpuid", -EINVAL, region(td, 0, TD_PAGE, TD_GPA, 1));
}

/* A slot without the attribute: the memory is shared, and takes nothing. */
static void shared_memory_takes_no_initial_pages(void **unused)
{
	struct td td;
	int fd;

	(void)unused;
	stage(&td, "init-vcpus");
	assert_int_equal(model_sys.mmap(&td.shared, ASK_PAGES * TD_PAGE, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			 0);
	fd = td.memfd = guest_memfd(&td, ASK_PAGES * TD_PAGE, 0);
	assert_true(fd > 0);
	assert_int_equal(slot(&td, TDC_KVM_MEM_GUEST_MEMFD, ASK_PAGES * TD_PAGE, fd), 0);
	assert_int_equal(region(&td, 0, (uintptr_t)td.shared, TD_GPA, 1), -EINVAL);
	assert_non_null(strstr(model_refusal(), "not private"));
	assert_int_equal(td_destroy(&td, NULL), 0);
}

static void wrong_descriptors_are_refused(void **unused)
{
	(void)unused;
	REFUSED("open", -EBADF, ask(td->kvm + 1, KVM_CREATE_VM, NULL));
	REFUSED("open", -EBADF, model_sys.close(td->kvm + 1));
	REFUSED("open", -ENOENT, model_sys.open("/dev/null", O_RDWR | O_CLOEXEC));
	REFUSED("open", -EACCES, model_sys.open("/dev/kvm", O_RDONLY));
	REFUSED("create-vm", -ENOTTY, ask(td->kvm, KVM_CREATE_VCPU, NULL));
	REFUSED("create-vm", -ENOTTY, ask(td->vm, 0x1234, NULL));
	REFUSED("create-vcpus", -EINVAL, command(td->vm, TDC_KVM_TDX_INIT_VCPU, 0, NULL));
	REFUSED("create-vcpus", -EINVAL, command(td->vcpus[0], TDC_KVM_TDX_FINALIZE_VM, 0, NULL));
	REFUSED("map-memory", -EINVAL, model_sys.munmap(td->shared, TD_PAGE));
}

/* No data where there must be, and structs with bits that are not theirs. */
static void wrong_structs_are_refused(void **unused)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .flags = 1 };
	struct tdc_kvm_create_guest_memfd memfd = { .size = TD_PAGE, .reserved = { 0, 1 } };
	struct tdc_kvm_userspace_memory_region2 second = { .slot = 1,
							   .flags = TDC_KVM_MEM_GUEST_MEMFD,
							   .memory_size = TD_PAGE };
	struct tdc_kvm_tdx_init_vm init = { .cpuid = { .nent = 300 } };
	struct tdc_kvm_tdx_init_vm padded = { .cpuid = { .padding = 1 } };
	struct kvm_cpuid2 cpuid = { .nent = 300 };

	(void)unused;
	REFUSED("create-vm", -EINVAL, ask(td->vm, KVM_ENABLE_CAP, &cap));
	REFUSED("create-vm", -EINVAL, ask(td->kvm, KVM_CREATE_VM, (void *)5));
	REFUSED("create-vm", -EINVAL, ask(td->vm, TDC_KVM_CREATE_GUEST_MEMFD, &memfd));
	REFUSED("create-vm", -EFAULT, ask(td->vm, KVM_MEMORY_ENCRYPT_OP, NULL));
	REFUSED("create-vm", -EFAULT, command(td->vm, TDC_KVM_TDX_CAPABILITIES, 0, NULL));
	REFUSED("create-vm", -EFAULT, command(td->vm, TDC_KVM_TDX_INIT_VM, 0, NULL));
	REFUSED("create-vm", -E2BIG, command(td->vm, TDC_KVM_TDX_INIT_VM, 0, &init));
	REFUSED("create-vm", -EINVAL, command(td->vm, TDC_KVM_TDX_INIT_VM, 0, &padded));
	assert_non_null(strstr(model_refusal(), "padding"));
	REFUSED("create-vcpus", -E2BIG, ask(td->vcpus[0], KVM_SET_CPUID2, &cpuid));
	REFUSED("create-vcpus", -EFAULT, command(td->vcpus[0], TDC_KVM_TDX_GET_CPUID, 0, NULL));
	REFUSED("create-vcpus", -EINVAL, command(td->vcpus[0], TDC_KVM_TDX_GET_CPUID, 1, &cpuid));
	REFUSED("map-memory", -EINVAL, ask(td->vm, TDC_KVM_SET_USER_MEMORY_REGION2, &second));
	REFUSED("map-memory", -EFAULT, command(td->vcpus[0], TDC_KVM_TDX_INIT_MEM_REGION, 0, NULL));
}

/* A slot that reaches beyond its guest_memfd; a guest_memfd that is gone. */
static void wrong_backing_is_refused(void **unused)
{
	struct td td;
	int one_page;

	(void)unused;
	stage(&td, "map-memory");
	one_page = guest_memfd(&td, TD_PAGE, 0);
	assert_int_equal(slot(&td, 0, 0, 0), 0);
	assert_int_equal(slot(&td, TDC_KVM_MEM_GUEST_MEMFD, 2 * TD_PAGE, one_page), -EINVAL);
	assert_non_null(strstr(model_refusal(), "beyond"));
	assert_int_equal(model_sys.close(one_page), 0);
	td.slot = false;
	assert_int_equal(td_destroy(&td, NULL), 0);

	stage(&td, "map-memory");
	assert_int_equal(model_sys.close(td.memfd), 0);
	td.memfd = -1;
	assert_int_equal(region(&td, 0, (uintptr_t)td.shared, TD_GPA, 1), -EFAULT);
	assert_int_equal(td_destroy(&td, NULL), 0);
	assert_null(model_leak());
}

/* Only anonymous memory is modelled, and nobody may use more than that unseen. */
static void wrong_mappings_are_refused(void **unused)
{
	void *at = NULL;

	(void)unused;
	model_reset(&ask_model, NULL);
	assert_int_equal(model_sys.mmap(&at, TD_PAGE, PROT_READ, MAP_PRIVATE, 3, 0), -EINVAL);
	assert_non_null(model_refusal());
	assert_null(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_orders_are_refused),
		cmocka_unit_test(wrong_arguments_of_a_td_are_refused),
		cmocka_unit_test(a_status_left_in_a_command_is_refused),
		cmocka_unit_test(wrong_memory_is_refused),
		cmocka_unit_test(wrong_initial_memory_is_refused),
		cmocka_unit_test(shared_memory_takes_no_initial_pages),
		cmocka_unit_test(wrong_descriptors_are_refused),
		cmocka_unit_test(wrong_structs_are_refused),
		cmocka_unit_test(wrong_backing_is_refused),
		cmocka_unit_test(wrong_mappings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
