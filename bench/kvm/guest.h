/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h: the guest: a few instructions in 64-bit mode that write their own address into every
 * page of a range and halt. Its memory is identity-mapped by pages of 2 MiB.
 */
#ifndef TDC_BENCH_KVM_GUEST_H
#define TDC_BENCH_KVM_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "bench/kvm/host.h"

/*
 * Where the measured memory lies: behind the first 4 GiB, so that it meets nothing that KVM puts
 * there by itself. What the guest needs to run is in a slot of its own at 0.
 */
#define GUEST_MEMORY (4ull << 30)
#define GUEST_PAGE   4096ull

/* Bytes of the slot at 0 for a guest with @memory bytes at GUEST_MEMORY: code and page tables. */
size_t guest_boot_bytes(uint64_t memory);

/* Fill that slot. @boot: guest_boot_bytes() bytes, zero. */
void guest_boot_fill(char *boot, uint64_t memory);

/* Bring a new vCPU into 64-bit mode. Return: 0, -errno with the step in @why. */
int guest_enter(const struct kvm_host *h, int vcpu, struct reason *why);

/**
 * guest_touch() - let the vCPU write to each page of [@from, @to), guest physical, and halt
 * @run: the vCPU's mapping
 *
 * An empty range is halted in at once. Return: 0; -errno, -EFAULT where the guest did something
 * else than halt at the end.
 */
int guest_touch(const struct kvm_host *h, int vcpu, const struct kvm_run *run, uint64_t from,
		uint64_t to, struct reason *why);

#endif
