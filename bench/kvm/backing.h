/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backing.h: the memory of a VM: what is behind it, and the process's view of it. */
#ifndef TDC_BENCH_KVM_BACKING_H
#define TDC_BENCH_KVM_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/kvm/host.h"
#include "harness/machine/mem.h"

enum backing_kind {
	BACKING_ANON,	     /* base pages, huge ones refused */
	BACKING_THP,	     /* transparent huge pages */
	BACKING_HUGETLB,     /* the hugetlb pool of 2 MiB */
	BACKING_GUEST_MEMFD, /* a guest_memfd, base pages */
	BACKING_MAX
};

/* Every size is a multiple of it. */
#define BACKING_STEP (2ull << 20)

struct backing {
	enum backing_kind kind;
	size_t bytes;
	int fd;	      /* the guest_memfd; -1: none */
	char *view;   /* its first byte in this process, on a boundary of 2 MiB; NULL: none */
	bool private; /* a guest_memfd of private memory: the view is an empty reservation */
	void *map;    /* what the view is part of */
	size_t map_bytes;
};

/* The pages that are behind it, for mem_supported(). */
enum mem_backing backing_pages(enum backing_kind kind);

/* Can the VM's memory be had this way? @private: of a VM type whose memory is private. */
int backing_supported(const struct kvm_host *h, enum backing_kind kind, bool private,
		      struct reason *why);

/**
 * backing_open() - make it; no page of it is touched
 * @vm: the VM's descriptor, for a guest_memfd
 *
 * Return: 0, -errno with the step in @why and nothing left behind. Undo with
 * backing_unmap() and backing_close().
 */
int backing_open(struct backing *b, const struct kvm_host *h, int vm, enum backing_kind kind,
		 size_t bytes, bool private, struct reason *why);

/* The process touches every page. */
void backing_touch(const struct backing *b);

/* The process maps every page for writing and leaves it what it is. */
void backing_map(const struct backing *b);

/* Both take one that was never opened ({ .fd = -1 }), and twice. Return: 0, -errno. */
int backing_unmap(struct backing *b, const struct kvm_sys *sys);
int backing_close(struct backing *b, const struct kvm_sys *sys);

#endif
