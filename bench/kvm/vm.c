// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/vm.h"

#include <errno.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/kvm/guest.h"

#define PAGE	    GUEST_PAGE
#define TRIES	    40 /* of one call that comes no further, as of a TD's */
#define NAP_NS	    50000ull
#define NAP_DOUBLES 7 /* then 6.4 ms each time */

#define LOOK 512 /* pages that move_pages() is asked of at once */

enum { SLOT_BOOT, SLOT_MEMORY };

static bool is_private(const struct vm *vm)
{
	return vm->spec.type != TDC_KVM_X86_DEFAULT_VM;
}

static int call(const struct vm *vm, int fd, unsigned long request, uintptr_t argument,
		const char *name, struct reason *why)
{
	int ret = vm->host->sys->ioctl(fd, request, argument);

	return ret < 0 ? reason_set(why, ret, "%s: %s", name, strerror(-ret)) : ret;
}

/* ---- made ---- */

static int set_region(struct vm *vm, unsigned slot, const struct kvm_userspace_memory_region *r,
		      struct reason *why)
{
	int ret = call(vm, vm->fd, KVM_SET_USER_MEMORY_REGION, (uintptr_t)r,
		       "KVM_SET_USER_MEMORY_REGION", why);

	if (!ret)
		vm->slots |= 1u << slot;
	return ret;
}

static int set_memfd_region(struct vm *vm, struct reason *why)
{
	struct tdc_kvm_userspace_memory_region2 r = {
		.slot = SLOT_MEMORY,
		.flags = TDC_KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = GUEST_MEMORY,
		.memory_size = vm->memory.bytes,
		.userspace_addr = (uintptr_t)vm->memory.view,
		.guest_memfd = (unsigned)vm->memory.fd,
	};
	struct tdc_kvm_memory_attributes private = {
		.address = GUEST_MEMORY,
		.size = vm->memory.bytes,
		.attributes = TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE,
	};
	int ret = call(vm, vm->fd, TDC_KVM_SET_USER_MEMORY_REGION2, (uintptr_t)&r,
		       "KVM_SET_USER_MEMORY_REGION2", why);

	if (ret)
		return ret;
	vm->slots |= 1u << SLOT_MEMORY;
	if (!is_private(vm))
		return 0;
	return call(vm, vm->fd, TDC_KVM_SET_MEMORY_ATTRIBUTES, (uintptr_t) & private,
		    "KVM_SET_MEMORY_ATTRIBUTES", why);
}

static int add_memory(struct vm *vm, struct reason *why)
{
	struct kvm_userspace_memory_region r = { .slot = SLOT_MEMORY,
						 .guest_phys_addr = GUEST_MEMORY,
						 .memory_size = vm->spec.bytes };
	int ret = backing_open(&vm->memory, vm->host, vm->fd, vm->spec.backing, vm->spec.bytes,
			       is_private(vm), why);

	if (ret)
		return ret;
	if (vm->memory.fd >= 0)
		return set_memfd_region(vm, why);
	r.userspace_addr = (uintptr_t)vm->memory.view;
	return set_region(vm, SLOT_MEMORY, &r, why);
}

static int add_boot(struct vm *vm, struct reason *why)
{
	struct kvm_userspace_memory_region r = { .slot = SLOT_BOOT };
	size_t bytes = guest_boot_bytes(vm->spec.bytes);
	void *at = NULL;
	int ret = vm->host->sys->mmap(&at, bytes, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ret)
		return reason_set(why, ret, "cannot map the guest's page tables: %s",
				  strerror(-ret));
	vm->boot = at;
	vm->boot_bytes = bytes;
	guest_boot_fill(vm->boot, vm->spec.bytes);
	r.memory_size = bytes;
	r.userspace_addr = (uintptr_t)vm->boot;
	return set_region(vm, SLOT_BOOT, &r, why);
}

static int add_vcpu(struct vm *vm, unsigned i, struct reason *why)
{
	struct vm_vcpu *v = &vm->vcpu[i];
	void *at = NULL;
	int ret = call(vm, vm->fd, KVM_CREATE_VCPU, i, "KVM_CREATE_VCPU", why);

	if (ret < 0)
		return ret;
	v->fd = ret;
	ret = vm->host->sys->mmap(&at, vm->host->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
				  v->fd, 0);
	if (ret)
		return reason_set(why, ret, "cannot map vCPU %u: %s", i, strerror(-ret));
	v->run = at;
	return guest_enter(vm->host, v->fd, why);
}

int vm_create(struct vm *vm, const struct kvm_host *host, const struct vm_spec *spec,
	      struct reason *why)
{
	int ret;

	*vm = (struct vm){ .host = host, .spec = *spec, .fd = -1, .memory = { .fd = -1 } };
	for (unsigned i = 0; i < VM_MAX_VCPUS; i++)
		vm->vcpu[i].fd = -1;
	ret = call(vm, host->fd, KVM_CREATE_VM, spec->type, "KVM_CREATE_VM", why);
	if (ret < 0)
		return ret;
	vm->fd = ret;
	ret = add_boot(vm, why);
	if (!ret)
		ret = add_memory(vm, why);
	for (unsigned i = 0; i < spec->vcpus && !ret; i++)
		ret = add_vcpu(vm, i, why);
	if (ret)
		vm_destroy(vm, NULL, NULL);
	return ret;
}

/* ---- populated ---- */

/* The vCPU's share of the memory, in whole pages of 2 MiB; the last has the rest. */
static uint64_t share(const struct vm *vm, unsigned vcpu)
{
	uint64_t pages = vm->spec.bytes / BACKING_STEP;

	return GUEST_MEMORY + pages * vcpu / vm->spec.vcpus * BACKING_STEP;
}

/* Did the call come further, or may it be tried once more? Waits before it says yes. */
static bool again(const struct kvm_sys *sys, int ret, bool further, unsigned *tries)
{
	uint64_t ns = NAP_NS << (*tries < NAP_DOUBLES ? *tries : NAP_DOUBLES);

	*tries = further ? 0 : *tries + 1;
	if (further)
		return !ret || ret == -EINTR || ret == -EAGAIN;
	if ((ret != -EINTR && ret != -EAGAIN) || *tries >= TRIES)
		return false;
	sys->nap(ns);
	return true;
}

static int prefault(struct vm *vm, struct reason *why)
{
	struct tdc_kvm_pre_fault_memory left = { .gpa = GUEST_MEMORY, .size = vm->spec.bytes };
	unsigned tries = 0;

	while (left.size) {
		uint64_t before = left.size;
		int ret = vm->host->sys->ioctl(vm->vcpu[0].fd, TDC_KVM_PRE_FAULT_MEMORY,
					       (uintptr_t)&left);

		if (again(vm->host->sys, ret, left.size < before, &tries))
			continue;
		if (!ret)
			return reason_set(why, -EFAULT, "KVM_PRE_FAULT_MEMORY stands still");
		return reason_set(why, ret,
				  "KVM_PRE_FAULT_MEMORY at 0x%llx: %s%s; is there as much free "
				  "memory, and what does dmesg say",
				  (unsigned long long)left.gpa, strerror(-ret),
				  tries >= TRIES ? ", again and again" : "");
	}
	return 0;
}

/*
 * The guest's page tables map a guest_memfd, the process's do not yet. What is to be cleared
 * through the view is mapped there, too, so that no page of it faults while the clock runs.
 */
static void map_view(const struct vm *vm)
{
	const struct backing *m = &vm->memory;

	if (!vm->spec.reset || m->fd < 0 || m->private)
		return;
	if (vm->host->sys->madvise(m->view, m->bytes, MADV_POPULATE_WRITE))
		backing_map(m);
}

int vm_provide(struct vm *vm, struct reason *why)
{
	const struct backing *m = &vm->memory;
	int ret;

	if (vm->spec.populate != VM_BY_PREFAULT ||
	    (m->kind != BACKING_ANON && m->kind != BACKING_THP))
		return 0;
	ret = vm->host->sys->madvise(m->view, m->bytes, MADV_POPULATE_WRITE);
	if (!ret)
		return 0;
	if (ret != -EINVAL)
		return reason_set(why, ret, "madvise(MADV_POPULATE_WRITE): %s", strerror(-ret));
	backing_touch(m); /* before Linux 5.14 */
	return 0;
}

int vm_populate(struct vm *vm, struct reason *why)
{
	bool touches = vm->spec.populate == VM_BY_GUEST;
	int ret = 0;

	if (vm->spec.populate == VM_BY_HOST)
		backing_touch(&vm->memory);
	if (vm->spec.populate == VM_BY_PREFAULT)
		ret = prefault(vm, why);
	for (unsigned i = 0; i < vm->spec.vcpus && !ret; i++) {
		uint64_t from = share(vm, i), to = touches ? share(vm, i + 1) : from;

		ret = guest_touch(vm->host, vm->vcpu[i].fd, vm->vcpu[i].run, from, to, why);
		if (ret)
			reason_prefix(why, ret, "vCPU %u", i);
	}
	if (!ret)
		map_view(vm);
	return ret;
}

/* Of a file that was never mapped, too. */
static int check_cached(const struct vm *vm, struct reason *why)
{
	uint64_t pages = 0, all = vm->memory.bytes / PAGE;
	int ret = vm->host->sys->cached(vm->memory.fd, vm->memory.bytes, &pages);

	if (ret == -ENOSYS || ret == -EPERM || (!ret && pages >= all))
		return 0;
	if (ret)
		return reason_set(why, ret, "cachestat of the guest_memfd: %s", strerror(-ret));
	return reason_set(why, -EFAULT, "the guest_memfd holds %llu of %llu pages",
			  (unsigned long long)pages, (unsigned long long)all);
}

static int check_node(const struct vm *vm, size_t page, int node, struct reason *why)
{
	if (node < 0)
		return reason_set(why, -EFAULT, "page %zu of the VM has no memory of its own: %s",
				  page, strerror(-node));
	if (vm->spec.placed && node != vm->spec.node)
		return reason_set(why, -EFAULT, "page %zu of the VM is on NUMA node %d, not on %d",
				  page, node, vm->spec.node);
	return 0;
}

static int check_nodes(const struct vm *vm, struct reason *why)
{
	size_t all = vm->memory.bytes / PAGE;
	void *pages[LOOK];
	int nodes[LOOK], ret = 0;

	for (size_t at = 0; at < all && !ret; at += LOOK) {
		unsigned n = all - at < LOOK ? (unsigned)(all - at) : LOOK;

		for (unsigned i = 0; i < n; i++)
			pages[i] = vm->memory.view + (at + i) * PAGE;
		ret = vm->host->sys->nodes_of(pages, n, nodes);
		if (ret == -ENOSYS || ret == -EPERM)
			return 0;
		if (ret)
			return reason_set(why, ret, "move_pages: %s", strerror(-ret));
		for (unsigned i = 0; i < n && !ret; i++)
			ret = check_node(vm, at + i, nodes[i], why);
	}
	return ret;
}

static int check_memory(const struct vm *vm, struct reason *why)
{
	int ret = vm->memory.fd >= 0 ? check_cached(vm, why) : 0;

	if (ret || vm->memory.private)
		return ret;
	/* Where the guest's tables alone have a page, the process's get it now. */
	if (vm->memory.fd >= 0)
		backing_map(&vm->memory);
	return check_nodes(vm, why);
}

int vm_check(const struct vm *vm, struct reason *why)
{
	int ret = check_memory(vm, why);

	/* Private memory cannot be looked at; guest_touch() has said where the guest halted. */
	if (ret || vm->spec.populate != VM_BY_GUEST || vm->memory.private)
		return ret;
	for (size_t at = 0; at < vm->memory.bytes; at += PAGE)
		if (*(const volatile uint64_t *)(const void *)(vm->memory.view + at) !=
		    GUEST_MEMORY + at)
			return reason_set(why, -EFAULT,
					  "the guest did not write to page %zu of its memory",
					  at / (size_t)PAGE);
	return 0;
}

/* ---- destroyed ---- */

/* A call for each page, as the kernel does it: one fence behind every 4 KiB. */
int vm_reset(struct vm *vm)
{
	reset_fn *reset = vm->spec.reset;

	/* A VM that failed halfway has no view. */
	for (size_t at = 0; reset && vm->memory.view && at < vm->memory.bytes; at += PAGE)
		reset(vm->memory.view + at, PAGE, vm->spec.source);
	return 0;
}

static int first(int ret, int later)
{
	return ret ? ret : later;
}

static int close_vcpus(struct vm *vm)
{
	const struct kvm_sys *sys = vm->host->sys;
	int ret = 0;

	for (unsigned i = 0; i < VM_MAX_VCPUS; i++) {
		struct vm_vcpu *v = &vm->vcpu[i];

		if (v->run)
			ret = first(ret, sys->munmap(v->run, vm->host->run_bytes));
		if (v->fd >= 0)
			ret = first(ret, sys->close(v->fd));
		*v = (struct vm_vcpu){ .fd = -1 };
	}
	return ret;
}

/* A region of no bytes takes its slot away; a guest_memfd's as well. */
static int remove_slots(struct vm *vm)
{
	int ret = 0;

	for (unsigned i = 0; vm->slots; i++) {
		struct kvm_userspace_memory_region r = {
			.slot = i, .guest_phys_addr = i == SLOT_MEMORY ? GUEST_MEMORY : 0
		};

		if (vm->slots >> i & 1)
			ret = first(ret, vm->host->sys->ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION,
							      (uintptr_t)&r));
		vm->slots &= ~(1u << i);
	}
	return ret;
}

/* A mapped guest_memfd lives on, so the view goes before its descriptor. */
static int unmap_memfd(struct vm *vm)
{
	return vm->memory.fd >= 0 ? backing_unmap(&vm->memory, vm->host->sys) : 0;
}

static int close_memfd(struct vm *vm)
{
	return backing_close(&vm->memory, vm->host->sys);
}

static int close_vm(struct vm *vm)
{
	int ret = vm->fd >= 0 ? vm->host->sys->close(vm->fd) : 0;

	vm->fd = -1;
	return ret;
}

static int unmap_memory(struct vm *vm)
{
	int ret = backing_unmap(&vm->memory, vm->host->sys);

	if (vm->boot)
		ret = first(ret, vm->host->sys->munmap(vm->boot, vm->boot_bytes));
	vm->boot = NULL;
	return ret;
}

const char *const vm_phase_names[VM_PHASES] = {
	[VM_RESET] = "reset",	  [VM_VCPU] = "vcpus",
	[VM_MEMSLOT] = "memslot", [VM_GUEST_MEMFD] = "guest_memfd",
	[VM_CLOSE] = "vm",	  [VM_MUNMAP] = "memory",
};

const struct vm_step vm_steps[] = {
	{ VM_RESET, vm_reset },		 { VM_VCPU, close_vcpus },
	{ VM_MEMSLOT, remove_slots },	 { VM_MUNMAP, unmap_memfd },
	{ VM_GUEST_MEMFD, close_memfd }, { VM_CLOSE, close_vm },
	{ VM_MUNMAP, unmap_memory },	 { VM_PHASES, NULL },
};

int vm_destroy(struct vm *vm, struct phases *phases, struct reason *why)
{
	int ret = 0;

	for (const struct vm_step *s = vm_steps; s->run; s++) {
		int err = s->run(vm);

		if (phases)
			phases_mark(phases, s->phase);
		if (err && !ret)
			ret = reason_set(why, err, "destroying the VM, step %s: %s",
					 vm_phase_names[s->phase], strerror(-err));
	}
	return ret;
}
