// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_kvm.h"

#include <errno.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_FDS	  32
#define FIRST_FD  1000
#define MAX_MAPS  32
#define MAX_SLOTS 4
#define RUN_BYTES 12288
#define LMA	  (1ull << 10)
#define PAGE	  4096ull

enum kind { FREE, KVM, VM, VCPU, MEMFD };

static const char *const kind_names[] = { "", "kvm", "vm", "vcpu", "memfd" };

struct fd {
	enum kind kind;
	bool cpuid, long_mode;
	struct kvm_regs regs;
	struct kvm_run *run;
	uint64_t bytes; /* of a guest_memfd */
};

struct map {
	void *at;
	size_t bytes;
	int fd;
	bool hugetlb;
};

struct slot {
	uint64_t gpa, bytes, hva;
	bool used, memfd;
};

struct fake_kvm fake_kvm;
static struct fd fds[MAX_FDS];
static struct map maps[MAX_MAPS];
static struct slot slots[MAX_SLOTS];

void fake_kvm_reset(void)
{
	fake_kvm = (struct fake_kvm){
		.version = 12,
		.types = 3,
		.memfd_flags = 3,
		.max_vcpus = 64,
		.guest_memfd = 1,
		.attributes = 8,
		.prefault = 1,
		.fail_at = -1,
		.exit_reason = KVM_EXIT_HLT,
	};
	memset(fds, 0, sizeof(fds));
	memset(maps, 0, sizeof(maps));
	memset(slots, 0, sizeof(slots));
}

unsigned fake_kvm_left(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_FDS; i++)
		n += fds[i].kind != FREE;
	for (unsigned i = 0; i < MAX_MAPS; i++)
		n += maps[i].at != NULL;
	return n;
}

static int failing(enum fake_call call)
{
	if (fake_kvm.calls++ != fake_kvm.fail_at)
		return 0;
	fake_kvm.failed = 1;
	fake_kvm.failed_call = call;
	return -fake_kvm.fail_with;
}

static void note(const char *what, const char *of)
{
	size_t n = strlen(fake_kvm.log);

	snprintf(fake_kvm.log + n, sizeof(fake_kvm.log) - n, "%s %s\n", what, of);
}

static struct fd *fd_of(int fd, enum kind kind)
{
	int i = fd - FIRST_FD;

	if (i < 0 || i >= MAX_FDS || fds[i].kind != kind)
		return NULL;
	return &fds[i];
}

static int new_fd(enum kind kind)
{
	for (int i = 0; i < MAX_FDS; i++)
		if (fds[i].kind == FREE) {
			fds[i] = (struct fd){ .kind = kind };
			return FIRST_FD + i;
		}
	return -EMFILE;
}

static int fake_open(const char *path, int flags)
{
	int ret = failing(FAKE_OPEN);

	(void)path;
	(void)flags;
	if (ret)
		return ret;
	return fake_kvm.open_error ? fake_kvm.open_error : new_fd(KVM);
}

/* Gone, even where it fails, as in Linux. */
static int fake_close(int fd)
{
	int i = fd - FIRST_FD;

	if (i < 0 || i >= MAX_FDS || fds[i].kind == FREE)
		return -EBADF;
	note("close", kind_names[fds[i].kind]);
	if (fds[i].kind == VM)
		memset(slots, 0, sizeof(slots));
	fds[i].kind = FREE;
	return failing(FAKE_CLOSE);
}

/* ---- memory ---- */

static int fake_mmap(void **at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	int ret = failing(FAKE_MMAP);
	struct fd *vcpu = fd_of(fd, VCPU), *memfd = fd_of(fd, MEMFD);
	bool hugetlb = flags & MAP_HUGETLB;

	(void)prot; /* the model looks into what the program may not */
	if (ret)
		return ret;
	if (offset || (fd >= 0 && !vcpu && !memfd) || (vcpu && bytes != RUN_BYTES) ||
	    (memfd && bytes > memfd->bytes))
		return -EINVAL;
	flags &= ~(MAP_HUGETLB | MAP_SHARED | MAP_HUGE_2MB);
	for (unsigned i = 0; i < MAX_MAPS; i++) {
		void *got;

		if (maps[i].at)
			continue;
		got = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (got == MAP_FAILED)
			return -errno;
		maps[i] = (struct map){ got, bytes, fd, hugetlb };
		if (vcpu)
			vcpu->run = got;
		*at = got;
		return 0;
	}
	return -ENOMEM;
}

static int fake_munmap(void *at, size_t bytes)
{
	for (unsigned i = 0; i < MAX_MAPS; i++)
		if (at && maps[i].at == at && maps[i].bytes == bytes) {
			note("munmap", maps[i].fd < 0		  ? "memory"
				       : fd_of(maps[i].fd, MEMFD) ? "memfd"
								  : "vcpu");
			munmap(at, bytes);
			maps[i].at = NULL;
			return failing(FAKE_MUNMAP);
		}
	return -EINVAL;
}

static int fake_madvise(void *at, size_t bytes, int advice)
{
	int ret = failing(FAKE_MADVISE);

	if (ret || advice != MADV_POPULATE_WRITE)
		return ret;
	if (fake_kvm.no_populate)
		return -EINVAL;
	fake_kvm.mapped += bytes;
	for (uint64_t i = 0; i < bytes; i += PAGE) {
		volatile char *byte = (char *)at + i;

		*byte = *byte;
	}
	return 0;
}

static void fake_nap(uint64_t ns)
{
	fake_kvm.naps++;
	fake_kvm.napped_ns += ns;
}

static int set_slot(unsigned slot, uint64_t gpa, uint64_t bytes, uint64_t hva)
{
	struct slot *s = &slots[slot];

	if (slot >= MAX_SLOTS || gpa % PAGE || bytes % PAGE || hva % PAGE)
		return -EINVAL;
	if (!bytes && !s->used)
		return -EINVAL;
	if (!bytes)
		note("remove", "slot");
	if (bytes && s->used)
		return -EEXIST;
	for (unsigned i = 0; bytes && i < MAX_SLOTS; i++)
		if (slots[i].used && gpa < slots[i].gpa + slots[i].bytes &&
		    slots[i].gpa < gpa + bytes)
			return -EEXIST;
	*s = (struct slot){ gpa, bytes, hva, bytes != 0, false };
	return 0;
}

/* move_pages() of the machine, which the model's memory is on. */
static int fake_nodes_of(void **pages, unsigned n, int *nodes)
{
	int ret = fake_kvm.no_look ? fake_kvm.no_look : kvm_sys_host.nodes_of(pages, n, nodes);

	for (unsigned i = 0; i < n && !ret; i++) {
		nodes[i] = nodes[i] > 0 ? 0 : nodes[i]; /* it has one */
		if (fake_kvm.strange_page && i == (unsigned)fake_kvm.strange_page)
			nodes[i] = fake_kvm.strange;
	}
	return ret;
}

/* The pages of a guest_memfd are those of its slot that have memory. */
static int fake_cached(int fd, uint64_t bytes, uint64_t *pages)
{
	*pages = 0;
	if (fake_kvm.no_look)
		return fake_kvm.no_look;
	if (!fd_of(fd, MEMFD))
		return -EBADF;
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		for (uint64_t at = 0; slots[i].memfd && at < slots[i].bytes && at < bytes;
		     at += PAGE) {
			void *page = (char *)(uintptr_t)(slots[i].hva + at);
			int node = -1;

			if (kvm_sys_host.nodes_of(&page, 1, &node))
				return -ENOSYS;
			*pages += node >= 0;
		}
	return 0;
}

static char *host_address(uint64_t gpa)
{
	for (unsigned i = 0; i < MAX_SLOTS; i++)
		if (slots[i].used && gpa >= slots[i].gpa && gpa < slots[i].gpa + slots[i].bytes)
			return (char *)(uintptr_t)(slots[i].hva + (gpa - slots[i].gpa));
	return NULL;
}

/* ---- the guest ---- */

static int run(struct fd *vcpu)
{
	struct kvm_regs *r = &vcpu->regs;

	if (fake_kvm.interrupted) {
		fake_kvm.interrupted--;
		return -EINTR;
	}
	if (!vcpu->long_mode || !vcpu->run || !host_address(r->rip))
		return -EINVAL;
	for (; r->rdi < r->rsi - fake_kvm.halts_short; r->rdi += r->rdx) {
		char *at = host_address(r->rdi);

		if (!at) {
			vcpu->run->exit_reason = KVM_EXIT_MMIO;
			return 0;
		}
		memcpy(at, &r->rdi, sizeof(r->rdi));
	}
	vcpu->run->exit_reason = fake_kvm.exit_reason;
	return 0;
}

/* Only of anonymous memory is there a page of zeros that everybody shares. */
static void fault_for_reading(uint64_t gpa)
{
	volatile char *byte = host_address(gpa);
	bool own = false;

	for (unsigned i = 0; i < MAX_SLOTS; i++)
		own |= slots[i].memfd && gpa >= slots[i].gpa && gpa < slots[i].gpa + slots[i].bytes;
	for (unsigned i = 0; i < MAX_MAPS; i++)
		own |= maps[i].hugetlb && (char *)byte >= (char *)maps[i].at &&
		       (char *)byte < (char *)maps[i].at + maps[i].bytes;
	if (own)
		*byte = *byte;
	else
		(void)*byte;
}

/* In halves, so that what is left is asked for again. */
static int prefault(struct tdc_kvm_pre_fault_memory *p)
{
	uint64_t done = (p->size / 2 + PAGE - 1) / PAGE * PAGE;

	if (fake_kvm.prefault_stands)
		return fake_kvm.prefault_error;
	if (!host_address(p->gpa) || !host_address(p->gpa + p->size - 1))
		return -ENOENT;
	for (uint64_t at = fake_kvm.prefault_skips ? PAGE : 0; at < done; at += PAGE)
		fault_for_reading(p->gpa + at);
	fake_kvm.prefault_skips = 0;
	p->gpa += done;
	p->size -= done;
	fake_kvm.faulted += done;
	if (!p->size || !fake_kvm.interrupted)
		return 0;
	fake_kvm.interrupted--;
	return -EINTR;
}

/* ---- the calls ---- */

static int kvm_capability(uintptr_t number)
{
	switch (number) {
	case TDC_KVM_CAP_VM_TYPES:
		return (int)fake_kvm.types;
	case KVM_CAP_MAX_VCPUS:
		return (int)fake_kvm.max_vcpus;
	case TDC_KVM_CAP_GUEST_MEMFD:
		return fake_kvm.guest_memfd;
	case TDC_KVM_CAP_MEMORY_ATTRIBUTES:
		return fake_kvm.attributes;
	case TDC_KVM_CAP_PRE_FAULT_MEMORY:
		return fake_kvm.prefault;
	case TDC_KVM_CAP_GUEST_MEMFD_FLAGS:
		return (int)fake_kvm.memfd_flags;
	}
	return 0;
}

static int kvm_ioctl(unsigned long request, uintptr_t argument)
{
	switch (request) {
	case KVM_GET_API_VERSION:
		return fake_kvm.version;
	case KVM_GET_VCPU_MMAP_SIZE:
		return RUN_BYTES;
	case KVM_GET_SUPPORTED_CPUID:
		((struct kvm_cpuid2 *)argument)->nent = 3;
		return 0;
	case KVM_CHECK_EXTENSION:
		return kvm_capability(argument);
	case KVM_CREATE_VM:
		return argument < 32 && fake_kvm.types >> argument & 1 ? new_fd(VM) : -EINVAL;
	}
	return -ENOTTY;
}

static int create_memfd(const struct tdc_kvm_create_guest_memfd *args)
{
	int fd = args->flags & ~(uint64_t)fake_kvm.memfd_flags ? -EINVAL : new_fd(MEMFD);

	if (fd >= 0)
		fd_of(fd, MEMFD)->bytes = args->size;
	return fd;
}

static int set_region2(const struct tdc_kvm_userspace_memory_region2 *r)
{
	struct fd *memfd = fd_of((int)r->guest_memfd, MEMFD);
	int ret;

	if (!(r->flags & TDC_KVM_MEM_GUEST_MEMFD) || !memfd || r->memory_size > memfd->bytes)
		return -EINVAL;
	ret = set_slot(r->slot, r->guest_phys_addr, r->memory_size, r->userspace_addr);
	if (!ret)
		slots[r->slot].memfd = true;
	return ret;
}

static int vm_ioctl(unsigned long request, uintptr_t argument)
{
	const struct kvm_userspace_memory_region *r;
	const struct tdc_kvm_memory_attributes *a;

	switch (request) {
	case KVM_CREATE_VCPU:
		return new_fd(VCPU);
	case TDC_KVM_CREATE_GUEST_MEMFD:
		return create_memfd((const void *)argument);
	case KVM_SET_USER_MEMORY_REGION:
		r = (const void *)argument;
		return set_slot(r->slot, r->guest_phys_addr, r->memory_size, r->userspace_addr);
	case TDC_KVM_SET_USER_MEMORY_REGION2:
		return set_region2((const void *)argument);
	case TDC_KVM_SET_MEMORY_ATTRIBUTES:
		a = (const void *)argument;
		return host_address(a->address) && a->attributes == TDC_KVM_MEMORY_ATTRIBUTE_PRIVATE
			       ? 0
			       : -EINVAL;
	}
	return -ENOTTY;
}

static int set_sregs(struct fd *vcpu, const struct kvm_sregs *s)
{
	if (s->efer & LMA && !vcpu->cpuid)
		return -EINVAL;
	vcpu->long_mode = s->efer & LMA && s->cs.l && s->cr4 && s->cr0 >> 31 & 1;
	return 0;
}

static int vcpu_ioctl(struct fd *vcpu, unsigned long request, uintptr_t argument)
{
	switch (request) {
	case KVM_SET_CPUID2:
		vcpu->cpuid = ((const struct kvm_cpuid2 *)argument)->nent == 3;
		return 0;
	case KVM_GET_SREGS:
		memset((void *)argument, 0, sizeof(struct kvm_sregs));
		return 0;
	case KVM_SET_SREGS:
		return set_sregs(vcpu, (const void *)argument);
	case KVM_SET_REGS:
		vcpu->regs = *(const struct kvm_regs *)argument;
		return 0;
	case KVM_GET_REGS:
		*(struct kvm_regs *)argument = vcpu->regs;
		return 0;
	case KVM_RUN:
		return run(vcpu);
	case TDC_KVM_PRE_FAULT_MEMORY:
		return prefault((void *)argument);
	}
	return -ENOTTY;
}

static int fake_ioctl(int fd, unsigned long request, uintptr_t argument)
{
	/* Asking what there is does not fail in KVM: it answers 0. */
	int ret = request == KVM_CHECK_EXTENSION ? 0 : failing(FAKE_IOCTL);
	struct fd *vcpu = fd_of(fd, VCPU);

	if (ret)
		return ret;
	if (fd_of(fd, KVM))
		return kvm_ioctl(request, argument);
	if (fd_of(fd, VM))
		return vm_ioctl(request, argument);
	return vcpu ? vcpu_ioctl(vcpu, request, argument) : -EBADF;
}

const struct kvm_sys fake_sys = {
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.mmap = fake_mmap,
	.munmap = fake_munmap,
	.madvise = fake_madvise,
	.nap = fake_nap,
	.nodes_of = fake_nodes_of,
	.cached = fake_cached,
};
