// SPDX-License-Identifier: GPL-2.0-or-later
/* The model refuses what the kernel refuses: else all that it lets pass would prove nothing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bench/kvm/tdx.h"
#include "tests/bench/kvm/tdx_model.h"

#define PAGES 8u

static const struct model_config usual = {
	.max_vcpus = 4, .leaves = 4, .stopped = -EINTR, .terminate = MODEL_TERMINATE_ANNOUNCED
};
static const struct td_config small = { .vcpus = 2,
					.bytes = PAGES * TD_PAGE,
					.initial = 2 * TD_PAGE };

/* A TD after the step @last; NULL: of which there is nothing. */
static void stage(struct td *td, const char *last)
{
	struct reason why = { "" };

	model_reset(&usual, NULL);
	assert_int_equal(td_open(td, &model_sys, &small, &why), 0);
	for (const struct td_step *step = td_build_steps; last && step->name; step++) {
		if (td_run(td, step, &why))
			fail_msg("%s", why.text);
		if (strcmp(step->name, last) == 0)
			return;
	}
	assert_null(last);
}

static int ask(int fd, unsigned long request, const void *argument)
{
	return model_sys.ioctl(fd, request, (uintptr_t)argument);
}

static int command(int fd, uint32_t id, uint32_t flags, const void *data)
{
	struct tdc_kvm_tdx_cmd cmd = { .id = id, .flags = flags, .data = (uintptr_t)data };

	return ask(fd, KVM_MEMORY_ENCRYPT_OP, &cmd);
}

static int region(struct td *td, uint32_t flags, uint64_t source, uint64_t gpa, uint64_t pages)
{
	struct tdc_kvm_tdx_init_mem_region r = { source, gpa, pages };

	return command(td->vcpus[0], TDC_KVM_TDX_INIT_MEM_REGION, flags, &r);
}

static int pre_fault(struct td *td, uint64_t gpa, uint64_t size, uint64_t flags)
{
	struct tdc_kvm_pre_fault_memory range = { .gpa = gpa, .size = size, .flags = flags };

	return ask(td->vcpus[0], TDC_KVM_PRE_FAULT_MEMORY, &range);
}

static int slot(struct td *td, uint32_t flags, uint64_t size, int memfd)
{
	struct tdc_kvm_userspace_memory_region2 s = { .flags = flags,
						      .guest_phys_addr = TD_GPA,
						      .memory_size = size,
						      .userspace_addr = (uintptr_t)td->shared,
						      .guest_memfd = (uint32_t)memfd };

	return ask(td->vm, TDC_KVM_SET_USER_MEMORY_REGION2, &s);
}

static int attributes(struct td *td, uint64_t size, uint64_t bits, uint64_t flags)
{
	struct tdc_kvm_memory_attributes a = { TD_GPA, size, bits, flags };

	return ask(td->vm, TDC_KVM_SET_MEMORY_ATTRIBUTES, &a);
}

static int guest_memfd(struct td *td, uint64_t size, uint64_t flags)
{
	struct tdc_kvm_create_guest_memfd make = { .size = size, .flags = flags };

	return ask(td->vm, TDC_KVM_CREATE_GUEST_MEMFD, &make);
}

static int enable(struct td *td, uint32_t cap, uint64_t argument)
{
	struct kvm_enable_cap enabled = { .cap = cap, .args = { argument } };

	return ask(td->vm, KVM_ENABLE_CAP, &enabled);
}

/* INIT_VM with a leaf as given; the hidden ones of the model's are 1 and 0x80000008. */
static int init_vm(struct td *td, uint32_t function, uint32_t eax, uint64_t reserved,
		   uint64_t attributes_of_td, uint64_t *status)
{
	struct {
		struct tdc_kvm_tdx_init_vm head;
		struct kvm_cpuid_entry2 leaves[2];
	} init = { .head = { .attributes = attributes_of_td, .reserved = { reserved } } };
	struct tdc_kvm_tdx_cmd cmd = { .id = TDC_KVM_TDX_INIT_VM, .data = (uintptr_t)&init };
	int err;

	init.head.cpuid.nent = 2;
	init.leaves[0] = (struct kvm_cpuid_entry2){ .function = 0x80000008, .eax = 48 << 16 };
	init.leaves[1] = (struct kvm_cpuid_entry2){ .function = function, .eax = eax };
	if (function == 0x80000008)
		init.leaves[0] = init.leaves[1];
	err = ask(td->vm, KVM_MEMORY_ENCRYPT_OP, &cmd);
	*status = cmd.hw_error;
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
	REFUSED("capabilities", -EINVAL, init_vm(td, 7, 0, 0, 0, &status));
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
	REFUSED("map-memory", -EINVAL, slot(td, gmem, 2 * PAGES * TD_PAGE, td->memfd));
	REFUSED("create-vm", -EINVAL, slot(td, 0, 0, -1));
	REFUSED("map-memory", -EINVAL, attributes(td, TD_PAGE, private | 1, 0));
	REFUSED("map-memory", -EINVAL, attributes(td, TD_PAGE, private, 1));
	REFUSED("map-memory", -EINVAL, attributes(td, 0, private, 0));
	REFUSED("map-memory", -EINVAL, attributes(td, 100, private, 0));
	REFUSED("finalize", -EINVAL, pre_fault(td, TD_GPA + 1, TD_PAGE, 0));
	REFUSED("finalize", -EINVAL, pre_fault(td, TD_GPA, TD_PAGE, 1));
	REFUSED("finalize", -EINVAL, pre_fault(td, TD_GPA, 0, 0));
	REFUSED("finalize", -ENOENT, pre_fault(td, TD_GPA + PAGES * TD_PAGE, TD_PAGE, 0));
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
	assert_int_equal(model_sys.mmap(&td.shared, PAGES * TD_PAGE, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			 0);
	fd = td.memfd = guest_memfd(&td, PAGES * TD_PAGE, 0);
	assert_true(fd > 0);
	assert_int_equal(slot(&td, TDC_KVM_MEM_GUEST_MEMFD, PAGES * TD_PAGE, fd), 0);
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

/* A descriptor is not given out twice: one that was closed is found out. */
static void a_stale_descriptor_is_found_out(void **unused)
{
	struct td td;
	int stale;

	(void)unused;
	stage(&td, "create-vcpus");
	stale = td.vcpus[0];
	assert_int_equal(model_sys.close(stale), 0);
	assert_int_equal(model_sys.close(stale), -EBADF);
	assert_int_equal(ask(td.vm, KVM_CREATE_VCPU, NULL) == stale, 0);
}

static void after_terminate_the_td_is_dead(void **unused)
{
	static const struct {
		enum model_terminate kernel;
		int on_vm, on_vcpu;
	} cases[] = {
		{ MODEL_TERMINATE_DEAD, -EIO, -EIO },
		{ MODEL_TERMINATE_ANNOUNCED, -EINVAL, -EIO },
	};

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct model_config mc = usual;
		struct td td;

		mc.terminate = cases[i].kernel;
		model_reset(&mc, NULL);
		assert_int_equal(td_open(&td, &model_sys, &small, NULL), 0);
		assert_int_equal(td_build(&td, NULL), 0);
		assert_int_equal(command(td.vm, TDC_KVM_TDX_TERMINATE_VM, 0, NULL), 0);
		assert_null(model_refusal());
		assert_int_equal(command(td.vm, TDC_KVM_TDX_TERMINATE_VM, 0, NULL), cases[i].on_vm);
		assert_int_equal(pre_fault(&td, TD_GPA, TD_PAGE, 0), cases[i].on_vcpu);
		td_destroy(&td, NULL);
		assert_null(model_leak());
	}
}

/* Each of what a VM is held by, left over alone. */
static void leaks_are_found(void **unused)
{
	static const char *const leave[] = { "vcpus", "guest_memfd", "vm", "kvm", "memory" };

	(void)unused;
	for (size_t i = 0; i < sizeof(leave) / sizeof(*leave); i++) {
		struct td td;

		stage(&td, "pre-fault");
		for (const struct td_step *step = td_teardown_steps; step->name; step++)
			if (strcmp(step->name, leave[i]) != 0)
				assert_int_equal(td_run(&td, step, NULL), 0);
		assert_non_null(model_leak());
		assert_int_equal(model_destroyed(), i > 2);
		assert_false(td_is_gone(&td));
		assert_int_equal(td_destroy(&td, NULL), 0);
		assert_null(model_leak());
	}
}

/* Build with step @left_out left out, or changed with the one after it. Is the TD as it should be? */
static bool builds(size_t at, bool swap)
{
	struct td_step steps[32];
	size_t n = 0;
	bool ok = true;
	struct td td;

	while (td_build_steps[n].name) {
		steps[n] = td_build_steps[n];
		n++;
	}
	if (swap) {
		steps[at] = td_build_steps[at + 1];
		steps[at + 1] = td_build_steps[at];
	}
	model_reset(&usual, NULL);
	assert_int_equal(td_open(&td, &model_sys, &small, NULL), 0);
	for (size_t i = 0; i < n && ok; i++)
		ok = (!swap && i == at) || !td_run(&td, &steps[i], NULL);
	ok = ok && model_runnable() && !model_refusal();
	td_destroy(&td, NULL);
	assert_null(model_leak());
	return ok;
}

/* The steps that the interface does not ask for, or not in this order; all others must show. */
static void another_order_of_the_steps_shows(void **unused)
{
	/* With the one after it: CHECK_EXTENSION may come late, and so may these. */
	static const char *const swaps[] = { "check", "enable-caps", "init-vcpus" };
	/* Less is asked of KVM, or less memory is there: no mistake that KVM could see. */
	static const char *const without[] = { "check", "initial-memory", "pre-fault" };

	(void)unused;
	for (size_t i = 0; td_build_steps[i].name; i++) {
		const char *name = td_build_steps[i].name;
		bool may_swap = false, may_omit = false;

		for (size_t k = 0; k < 3; k++) {
			may_swap |= strcmp(name, swaps[k]) == 0;
			may_omit |= strcmp(name, without[k]) == 0;
		}
		/* INIT_VM is made from the capabilities: without them the client cannot ask. */
		if (strcmp(name, "capabilities") == 0)
			continue;
		if (builds(i, false) != may_omit)
			fail_msg("without %s: %d expected", name, may_omit);
		if (td_build_steps[i + 1].name && builds(i, true) != may_swap)
			fail_msg("%s after the next: %d expected", name, may_swap);
	}
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
		cmocka_unit_test(a_stale_descriptor_is_found_out),
		cmocka_unit_test(after_terminate_the_td_is_dead),
		cmocka_unit_test(leaks_are_found),
		cmocka_unit_test(another_order_of_the_steps_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
