// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/kvm/tdx_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

const struct model_config ask_model = {
	.max_vcpus = 4, .leaves = 4, .stopped = -EINTR, .terminate = MODEL_TERMINATE_ANNOUNCED
};
const struct td_config ask_config = { .vcpus = 2,
				      .bytes = ASK_PAGES * TD_PAGE,
				      .initial = 2 * TD_PAGE };

void stage(struct td *td, const char *last)
{
	struct reason why = { "" };

	model_reset(&ask_model, NULL);
	assert_int_equal(td_open(td, &model_sys, &ask_config, &why), 0);
	for (const struct td_step *step = td_build_steps; last && step->name; step++) {
		if (td_run(td, step, &why))
			fail_msg("%s", why.text);
		if (strcmp(step->name, last) == 0)
			return;
	}
	assert_null(last);
}

int ask(int fd, unsigned long request, const void *argument)
{
	return model_sys.ioctl(fd, request, (uintptr_t)argument);
}

int command(int fd, uint32_t id, uint32_t flags, const void *data)
{
	struct tdc_kvm_tdx_cmd cmd = { .id = id, .flags = flags, .data = (uintptr_t)data };

	return ask(fd, KVM_MEMORY_ENCRYPT_OP, &cmd);
}

int region(struct td *td, uint32_t flags, uint64_t source, uint64_t gpa, uint64_t pages)
{
	struct tdc_kvm_tdx_init_mem_region r = { source, gpa, pages };

	return command(td->vcpus[0], TDC_KVM_TDX_INIT_MEM_REGION, flags, &r);
}

int pre_fault(struct td *td, uint64_t gpa, uint64_t size, uint64_t flags)
{
	struct tdc_kvm_pre_fault_memory range = { .gpa = gpa, .size = size, .flags = flags };

	return ask(td->vcpus[0], TDC_KVM_PRE_FAULT_MEMORY, &range);
}

int slot(struct td *td, uint32_t flags, uint64_t size, int memfd)
{
	struct tdc_kvm_userspace_memory_region2 s = { .flags = flags,
						      .guest_phys_addr = TD_GPA,
						      .memory_size = size,
						      .userspace_addr = (uintptr_t)td->shared,
						      .guest_memfd = (uint32_t)memfd };

	return ask(td->vm, TDC_KVM_SET_USER_MEMORY_REGION2, &s);
}

int attributes(struct td *td, uint64_t size, uint64_t bits, uint64_t flags)
{
	struct tdc_kvm_memory_attributes a = { TD_GPA, size, bits, flags };

	return ask(td->vm, TDC_KVM_SET_MEMORY_ATTRIBUTES, &a);
}

int guest_memfd(struct td *td, uint64_t size, uint64_t flags)
{
	struct tdc_kvm_create_guest_memfd make = { .size = size, .flags = flags };

	return ask(td->vm, TDC_KVM_CREATE_GUEST_MEMFD, &make);
}

int enable(struct td *td, uint32_t cap, uint64_t argument)
{
	struct kvm_enable_cap enabled = { .cap = cap, .args = { argument } };

	return ask(td->vm, KVM_ENABLE_CAP, &enabled);
}
