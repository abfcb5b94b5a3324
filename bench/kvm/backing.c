// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/backing.h"

#include <errno.h>
#include <linux/mman.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/core/units.h"

#define PAGE	    4096ul
#define MMAP_SHARED (TDC_GUEST_MEMFD_FLAG_MMAP | TDC_GUEST_MEMFD_FLAG_INIT_SHARED)

static const struct {
	enum mem_backing pages;
	int flags, advice;
	const char *advice_name;
} kinds[BACKING_MAX] = {
	[BACKING_ANON] = { MEM_4K, 0, MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE" },
	[BACKING_THP] = { MEM_THP, 0, MADV_HUGEPAGE, "MADV_HUGEPAGE" },
	[BACKING_HUGETLB] = { MEM_HUGETLB_2M, MAP_HUGETLB | MAP_HUGE_2MB, -1, NULL },
	[BACKING_GUEST_MEMFD] = { MEM_4K, 0, -1, NULL },
};

enum mem_backing backing_pages(enum backing_kind kind)
{
	return kinds[kind].pages;
}

int backing_supported(const struct kvm_host *h, enum backing_kind kind, bool private,
		      struct reason *why)
{
	if (private && kind != BACKING_GUEST_MEMFD)
		return reason_set(why, -ENOTSUP,
				  "a VM of this type has private memory: mem=guest_memfd");
	if (kind != BACKING_GUEST_MEMFD)
		return 0;
	if (!h->guest_memfd)
		return reason_set(why, -ENOTSUP,
				  "this kernel has no guest_memfd: Linux 6.8 or newer, with "
				  "CONFIG_KVM_GUEST_MEMFD; mem=anon works");
	if (private && !h->attributes)
		return reason_set(why, -ENOTSUP,
				  "this KVM has no private memory "
				  "(KVM_CAP_MEMORY_ATTRIBUTES)");
	if (!private && (h->memfd_flags & MMAP_SHARED) != MMAP_SHARED)
		return reason_set(
			why, -ENOTSUP,
			"this kernel's guest_memfd cannot be shared with the process "
			"(KVM_CAP_GUEST_MEMFD_FLAGS is %llu, not 3): Linux 6.18 or newer; "
			"mem=anon works",
			(unsigned long long)h->memfd_flags);
	return 0;
}

static int mapping_failed(const struct backing *b, int err, struct reason *why)
{
	char text[32];

	size_format(b->bytes, text, sizeof(text));
	if (err == -ENOMEM && b->kind == BACKING_HUGETLB)
		return reason_set(why, err,
				  "the hugetlb pool has no %s left: look at HugePages_Free of "
				  "/proc/meminfo, raise "
				  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
				  text);
	return reason_set(why, err, "cannot map %s for the guest: %s; take a smaller size", text,
			  strerror(-err));
}

/* Room to begin on a boundary, so that huge pages of the guest are huge pages of the process. */
static int map_anonymous(struct backing *b, const struct kvm_sys *sys, struct reason *why)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | kinds[b->kind].flags, ret;
	int prot = b->private ? PROT_NONE : PROT_READ | PROT_WRITE;
	uintptr_t at;

	if (b->private)
		flags |= MAP_NORESERVE;
	b->map_bytes = b->bytes + (b->kind == BACKING_HUGETLB ? 0 : BACKING_STEP);
	ret = sys->mmap(&b->map, b->map_bytes, prot, flags, -1, 0);
	if (ret) {
		b->map = NULL;
		return mapping_failed(b, ret, why);
	}
	at = ((uintptr_t)b->map + BACKING_STEP - 1) / BACKING_STEP * BACKING_STEP;
	b->view = b->kind == BACKING_HUGETLB ? b->map : (char *)at;
	if (kinds[b->kind].advice < 0)
		return 0;
	ret = sys->madvise(b->view, b->bytes, kinds[b->kind].advice);
	/* A kernel without transparent huge pages refuses to refuse them, which is as good. */
	if (!ret || (ret == -EINVAL && b->kind == BACKING_ANON))
		return 0;
	return reason_set(why, ret, "madvise(%s): %s", kinds[b->kind].advice_name, strerror(-ret));
}

static int create_memfd(struct backing *b, const struct kvm_sys *sys, int vm, struct reason *why)
{
	struct tdc_kvm_create_guest_memfd args = { .size = b->bytes,
						   .flags = b->private ? 0 : MMAP_SHARED };
	int ret = sys->ioctl(vm, TDC_KVM_CREATE_GUEST_MEMFD, (uintptr_t)&args);

	if (ret < 0)
		return reason_set(why, ret, "KVM_CREATE_GUEST_MEMFD: %s", strerror(-ret));
	b->fd = ret;
	if (b->private)
		return map_anonymous(b, sys, why);
	b->map_bytes = b->bytes;
	ret = sys->mmap(&b->map, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
	if (ret) {
		b->map = NULL;
		return mapping_failed(b, ret, why);
	}
	b->view = b->map;
	return 0;
}

int backing_open(struct backing *b, const struct kvm_host *h, int vm, enum backing_kind kind,
		 size_t bytes, bool private, struct reason *why)
{
	int ret;

	*b = (struct backing){ .kind = kind, .bytes = bytes, .fd = -1, .private = private };
	if (kind == BACKING_GUEST_MEMFD)
		ret = create_memfd(b, h->sys, vm, why);
	else
		ret = map_anonymous(b, h->sys, why);
	if (ret) {
		backing_unmap(b, h->sys);
		backing_close(b, h->sys);
	}
	return ret;
}

void backing_touch(const struct backing *b)
{
	for (size_t at = 0; at < b->bytes; at += PAGE)
		*(volatile uint64_t *)(void *)(b->view + at) = at;
}

void backing_map(const struct backing *b)
{
	for (size_t at = 0; at < b->bytes; at += PAGE) {
		volatile char *byte = b->view + at;

		*byte = *byte;
	}
}

int backing_unmap(struct backing *b, const struct kvm_sys *sys)
{
	int ret = b->map ? sys->munmap(b->map, b->map_bytes) : 0;

	b->map = NULL;
	b->view = NULL;
	return ret;
}

int backing_close(struct backing *b, const struct kvm_sys *sys)
{
	int ret = b->fd >= 0 ? sys->close(b->fd) : 0;

	b->fd = -1;
	return ret;
}
