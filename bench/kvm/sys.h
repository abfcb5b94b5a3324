/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sys.h: the system calls through which a VM lives and dies, as a table, so that a test can put a
 * model of KVM in the kernel's place.
 */
#ifndef TDC_BENCH_KVM_SYS_H
#define TDC_BENCH_KVM_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct kvm_sys - a kernel, or a model of one
 *
 * Every function returns what its system call returns, a negative errno in place of -1. @mmap
 * stores the address in @at, which on the way in is the address asked for. @nap is nanosleep, the
 * wait between two tries of a call that was answered -EBUSY. @nodes_of is move_pages(2) that moves
 * nothing: of each page the NUMA node, or a negative errno where it has no memory of its own, as
 * the zero page has not. @cached is cachestat(2): the pages that a file holds.
 */
struct kvm_sys {
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, uintptr_t argument);
	int (*mmap)(void **at, size_t bytes, int prot, int flags, int fd, off_t offset);
	int (*munmap)(void *at, size_t bytes);
	int (*madvise)(void *at, size_t bytes, int advice);
	int (*fallocate)(int fd, int mode, off_t offset, off_t bytes);
	void (*nap)(uint64_t ns);
	int (*nodes_of)(void **pages, unsigned n, int *nodes);
	int (*cached)(int fd, uint64_t bytes, uint64_t *pages);
};

/* The kernel that this program runs on. */
extern const struct kvm_sys kvm_sys_host;

#endif
