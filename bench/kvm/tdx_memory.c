// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TD's memory: one memslot whose private pages come from a guest_memfd. The first of them are
 * copied in before the TD is final, the others mapped empty afterwards.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/kvm/tdx_call.h"

/* What INIT_MEM_REGION is given at once: it copies, so the source is used again. */
#define SOURCE_BYTES (2ul << 20)

static int map(struct td *td, void **at, size_t bytes, int flags, struct reason *why)
{
	void *got = NULL;
	int err = td->sys->mmap(&got, bytes, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (err)
		return td_fail(CALL_MMAP, err, 0, why);
	*at = got;
	return 0;
}

static int make_guest_memfd(struct td *td, struct reason *why)
{
	struct tdc_kvm_create_guest_memfd make = { .size = td->config.bytes };
	int fd = td_ioctl(td, CALL_GUEST_MEMFD, td->vm, TDC_KVM_CREATE_GUEST_MEMFD,
			  (uintptr_t)&make, why);

	if (fd < 0)
		return fd;
	td->memfd = fd;
	return 0;
}

static int make_slot(struct td *td, struct reason *why)
{
	struct tdc_kvm_userspace_memory_region2 slot = {
		.flags = TDC_KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = TD_GPA,
		.memory_size = td->config.bytes,
		.userspace_addr = (uintptr_t)td->shared,
		.guest_memfd = (uint32_t)td->memfd,
	};
	int err = td_ioctl(td, CALL_MEMSLOT, td->vm, TDC_KVM_SET_USER_MEMORY_REGION2,
			   (uintptr_t)&slot, why);

	if (err < 0)
		return err;
	td->slot = true;
	return 0;
}

static int make_private(struct td *td, struct reason *why)
{
	struct tdc_kvm_memory_attributes attributes = {
		.address = TD_GPA,
		.size = td->config.bytes,
		.attributes = TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE,
	};
	int err = td_ioctl(td, CALL_ATTRIBUTES, td->vm, TDC_KVM_SET_MEMORY_ATTRIBUTES,
			   (uintptr_t)&attributes, why);

	return err < 0 ? err : 0;
}

/* A slot must name memory for shared pages too; none is ever touched, so none is reserved. */
int td_map_memory(struct td *td, struct reason *why)
{
	int err = map(td, &td->shared, td->config.bytes, MAP_NORESERVE, why);

	if (!err)
		err = make_guest_memfd(td, why);
	if (!err)
		err = make_slot(td, why);
	if (!err)
		err = make_private(td, why);
	return err;
}

/* KVM moves the region on by what it has done, also when it then fails. */
static int add_region(struct td *td, struct tdc_kvm_tdx_init_mem_region *region, struct reason *why)
{
	struct tdc_kvm_tdx_cmd command = {
		.id = TDC_KVM_TDX_INIT_MEM_REGION,
		.flags = td->config.measure ? TDC_KVM_TDX_MEASURE_MEMORY_REGION : 0,
		.data = (uintptr_t)region,
	};
	struct td_patience patience = { 0 };

	while (region->nr_pages) {
		uint64_t before = region->nr_pages;
		int err = td_command_once(td, td->vcpus[0], &command);

		if (region->nr_pages != before)
			patience.tries = 0;
		else if (!err)
			return reason_set(
				why, -EPROTO,
				"KVM_TDX_INIT_MEM_REGION: success, but of %llu pages none "
				"was added; what does dmesg say",
				(unsigned long long)before);
		if (err && !td_again(td, CALL_INIT_MEM, err, &patience))
			return td_fail(CALL_INIT_MEM, err, command.hw_error, why);
	}
	return 0;
}

int td_add_initial(struct td *td, struct reason *why)
{
	uint64_t left = td->config.initial, gpa = TD_GPA;
	int err = 0;

	if (!left)
		return 0;
	td->source_bytes = left < SOURCE_BYTES ? left : SOURCE_BYTES;
	err = map(td, &td->source, td->source_bytes, 0, why);
	while (!err && left) {
		uint64_t bytes = left < td->source_bytes ? left : td->source_bytes;
		struct tdc_kvm_tdx_init_mem_region region = {
			.source_addr = (uintptr_t)td->source,
			.gpa = gpa,
			.nr_pages = bytes / TD_PAGE,
		};

		err = add_region(td, &region, why);
		gpa += bytes;
		left -= bytes;
	}
	return err;
}

/* Success means that it came further, not that it came to the end. */
int td_pre_fault(struct td *td, struct reason *why)
{
	struct tdc_kvm_pre_fault_memory range = {
		.gpa = TD_GPA + td->config.initial,
		.size = td->config.bytes - td->config.initial,
	};
	struct td_patience patience = { 0 };

	while (range.size) {
		uint64_t before = range.size;
		int err = td->sys->ioctl(td->vcpus[0], TDC_KVM_PRE_FAULT_MEMORY, (uintptr_t)&range);

		if (range.size != before)
			patience.tries = 0;
		else if (!err)
			return reason_set(
				why, -EPROTO,
				"KVM_PRE_FAULT_MEMORY: success, but of %llu bytes none was "
				"mapped; what does dmesg say",
				(unsigned long long)before);
		if (err && !td_again(td, CALL_PRE_FAULT, err, &patience))
			return td_fail(CALL_PRE_FAULT, err, 0, why);
	}
	return 0;
}

int td_check(const struct td *td, struct reason *why)
{
	uint64_t pages = 0, all = td->config.bytes / TD_PAGE;
	int err = td->sys->cached(td->memfd, td->config.bytes, &pages);

	if (err == -ENOSYS || err == -EPERM || (!err && pages >= all))
		return 0;
	if (err)
		return reason_set(why, err, "cachestat of the TD's guest_memfd: %s",
				  strerror(-err));
	return reason_set(why, -EFAULT, "the TD's guest_memfd holds %llu of %llu pages",
			  (unsigned long long)pages, (unsigned long long)all);
}
