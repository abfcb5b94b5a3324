// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/guest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      GUEST_PAGE
#define ENTRIES	      512u
#define LARGE	      (2ull << 20)
#define GIB	      (1ull << 30)

/* Entries of page tables (SDM vol. 3A, 4.5): dirty and accessed already, so that none is written. */
#define P_PRESENT  (1ull << 0)
#define P_WRITE	   (1ull << 1)
#define P_ACCESSED (1ull << 5)
#define P_DIRTY	   (1ull << 6)
#define P_LARGE	   (1ull << 7)
#define P_TABLE	   (P_PRESENT | P_WRITE | P_ACCESSED)
#define P_LEAF	   (P_TABLE | P_DIRTY | P_LARGE)

#define CR0_PE	  (1ull << 0)
#define CR0_MP	  (1ull << 1)
#define CR0_ET	  (1ull << 4)
#define CR0_NE	  (1ull << 5)
#define CR0_WP	  (1ull << 16)
#define CR0_PG	  (1ull << 31)
#define CR4_PAE	  (1ull << 5)
#define EFER_LME  (1ull << 8)
#define EFER_LMA  (1ull << 10)
#define RFLAGS_1  (1ull << 1)
#define RUN_TRIES 1000000u /* a signal ends KVM_RUN: it is begun anew */

/*
 * rdi: the first page; rsi: the end; rdx: 4096.
 *	jmp 2f; 1: mov %rdi,(%rdi); add %rdx,%rdi; 2: cmp %rsi,%rdi; jb 1b; hlt
 */
static const unsigned char code[] = {
	0xeb, 0x06, 0x48, 0x89, 0x3f, 0x48, 0x01, 0xd7, 0x48, 0x39, 0xf7, 0x72, 0xf5, 0xf4,
};

/* Pages of the slot at 0, in this order. */
enum { AT_CODE, AT_PML4, AT_PDPT };

static uint64_t gibs(uint64_t memory)
{
	return (GUEST_MEMORY + memory + GIB - 1) / GIB;
}

static uint64_t pdpts(uint64_t memory)
{
	return (gibs(memory) + ENTRIES - 1) / ENTRIES;
}

size_t guest_boot_bytes(uint64_t memory)
{
	return (size_t)((AT_PDPT + pdpts(memory) + gibs(memory)) * PAGE);
}

static void put(char *boot, uint64_t table, uint64_t entry, uint64_t value)
{
	memcpy(boot + table * PAGE + entry * sizeof(value), &value, sizeof(value));
}

void guest_boot_fill(char *boot, uint64_t memory)
{
	uint64_t n_pdpt = pdpts(memory), n_pd = gibs(memory), pd = AT_PDPT + n_pdpt;

	static_assert(sizeof(code) <= PAGE, "the code has a page");
	memcpy(boot + AT_CODE * PAGE, code, sizeof(code));
	for (uint64_t i = 0; i < n_pdpt; i++)
		put(boot, AT_PML4, i, (AT_PDPT + i) * PAGE | P_TABLE);
	for (uint64_t i = 0; i < n_pd; i++) {
		/* The tables follow each other, so an index may run on into the next. */
		put(boot, AT_PDPT, i, (pd + i) * PAGE | P_TABLE);
		for (uint64_t k = 0; k < ENTRIES; k++)
			put(boot, pd + i, k, (i * GIB + k * LARGE) | P_LEAF);
	}
}

static int call(const struct kvm_host *h, int vcpu, unsigned long request, void *argument,
		const char *name, struct reason *why)
{
	int ret = h->sys->ioctl(vcpu, request, (uintptr_t)argument);

	return ret < 0 ? reason_set(why, ret, "%s: %s", name, strerror(-ret)) : 0;
}

static void long_mode(struct kvm_sregs *s)
{
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .g = 1 };

	s->cs = flat;
	s->cs.selector = 0x10;
	s->cs.type = 0xb; /* code, readable, accessed */
	s->cs.l = 1;
	flat.selector = 0x18;
	flat.type = 0x3; /* data, writable, accessed */
	flat.db = 1;
	s->ds = s->es = s->fs = s->gs = s->ss = flat;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s->cr3 = AT_PML4 * PAGE;
	s->cr4 = CR4_PAE;
	s->efer |= EFER_LME | EFER_LMA;
}

int guest_enter(const struct kvm_host *h, int vcpu, struct reason *why)
{
	struct kvm_sregs s;
	int ret;

	/* First: without it the vCPU has no long mode to enter. */
	ret = call(h, vcpu, KVM_SET_CPUID2, h->cpuid, "KVM_SET_CPUID2", why);
	if (!ret)
		ret = call(h, vcpu, KVM_GET_SREGS, &s, "KVM_GET_SREGS", why);
	if (ret)
		return ret;
	long_mode(&s);
	return call(h, vcpu, KVM_SET_SREGS, &s, "KVM_SET_SREGS", why);
}

static int run_until_exit(const struct kvm_host *h, int vcpu, struct reason *why)
{
	int ret = -EINTR;

	for (unsigned i = 0; i < RUN_TRIES && (ret == -EINTR || ret == -EAGAIN); i++)
		ret = h->sys->ioctl(vcpu, KVM_RUN, 0);
	return ret < 0 ? reason_set(why, ret, "KVM_RUN: %s", strerror(-ret)) : 0;
}

int guest_touch(const struct kvm_host *h, int vcpu, const struct kvm_run *run, uint64_t from,
		uint64_t to, struct reason *why)
{
	struct kvm_regs r = {
		.rip = AT_CODE * PAGE, .rflags = RFLAGS_1, .rdi = from, .rsi = to, .rdx = PAGE
	};
	int ret = call(h, vcpu, KVM_SET_REGS, &r, "KVM_SET_REGS", why);

	if (!ret)
		ret = run_until_exit(h, vcpu, why);
	if (!ret)
		ret = call(h, vcpu, KVM_GET_REGS, &r, "KVM_GET_REGS", why);
	if (ret)
		return ret;
	if (run->exit_reason != KVM_EXIT_HLT)
		return reason_set(why, -EFAULT,
				  "the guest stopped with KVM's exit reason %u at 0x%llx, not with "
				  "HLT: see dmesg",
				  run->exit_reason, (unsigned long long)r.rdi);
	if (r.rdi < to)
		return reason_set(why, -EFAULT, "the guest halted at 0x%llx, before 0x%llx",
				  (unsigned long long)r.rdi, (unsigned long long)to);
	return 0;
}
