/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of tdcost.ko share. */
#ifndef TDCOST_MODULE_H
#define TDCOST_MODULE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/smp.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "bench/kmod/tdcost.h"

/*
 * The bounds that tdcost-kmod(4) states. The delay is longer than a million polls also where one
 * takes more than its microsecond; watchdogs take 10 s and more.
 */
#define MAX_MASK_WORDS	1024
#define MAX_POLLS	USEC_PER_SEC
#define MAX_DELAY_US	(5 * USEC_PER_SEC)
#define MAX_FLAG_ROUNDS BIT_ULL(24)
#define MAX_RESET_CALLS BIT_ULL(28)
#define MAX_PAGES_BYTES BIT_ULL(30)
#define MAX_TOPUP_WORK	BIT_ULL(20)
#define MAX_SPLITS	512
#define MAX_LOOPS	1000
#define MAX_SAMPLES	65536
#define MAX_FAIL_EVERY	BIT_ULL(20)
#define MAX_VCPUS	1024
#define MAX_EVERY	65536
#define MAX_PAMT_LOOPS	10000

/* What tdcost_reset_fenced() tests in its @bugs, as the kernel does in boot_cpu_data. */
#define BUG_TDX_PW_MCE 0

/* Seen by both ends, and the same for a 32-bit program. */
static_assert(sizeof(struct tdcost_info) == 72);
static_assert(sizeof(struct tdcost_cpu) == 40);
static_assert(sizeof(struct tdcost_flush) == 48);
static_assert(sizeof(struct tdcost_stop) == 72);
static_assert(sizeof(struct tdcost_flag) == 32);
static_assert(sizeof(struct tdcost_pages) == 16);
static_assert(sizeof(struct tdcost_fill) == 16);
static_assert(sizeof(struct tdcost_reset) == 40);
static_assert(sizeof(struct tdcost_check) == 24);
static_assert(sizeof(struct tdcost_counters) == 16);
static_assert(sizeof(struct tdcost_sample) == 16);
static_assert(sizeof(struct tdcost_topup) == 344);
static_assert(sizeof(struct tdcost_teardown) == 96);
static_assert(sizeof(struct tdcost_torn) == 424);

struct tdcost_td;
struct tdcost_vm;

/* One open file. */
struct tdcost_file {
	struct mutex lock; /* of all that follows */
	struct page **pages;
	u64 n;
	u64 held; /* bytes, of those that the files may hold together */
	unsigned int order;
	unsigned long bugs;   /* what boot_cpu_data holds for boot_cpu_has_bug() */
	struct tdcost_vm *vm; /* while a topup is under way */
	struct tdcost_td *td; /* ready to be torn down; NULL without pages */
};

/*
 * One round of interrupts. There is a single one, made when the module is loaded, so that nothing
 * is allocated or freed on behalf of a CPU that answers late. The caller and every CPU asked hold
 * a reference; the round is idle when all are gone, and the module stays until then.
 */
struct tdcost_round {
	refcount_t ref;
	u32 op;
	u32 delay_us;
	unsigned int delay_cpu;
	unsigned int caller;
	bool given_up;		 /* the caller was killed: nobody wants the delay any more */
	u64 request;		 /* the last one */
	u64 start;		 /* the first one */
	u64 end;		 /* when the last answer was seen */
	cpumask_var_t given;	 /* by the caller: who is to be asked, or whose flag is set */
	cpumask_var_t asked;	 /* who was */
	cpumask_var_t stopping;	 /* who has not reported: cpus_stop_mask of the kernel */
	cpumask_var_t late;	 /* of them when the polls were used up */
	cpumask_var_t late_nmi;	 /* and 10 ms after that */
	struct tdcost_cpu cpu[]; /* by number; flags are stored last */
};

/* round.c */
struct tdcost_round *tdcost_round_claim(u32 op);
void tdcost_round_release(struct tdcost_round *r);
void tdcost_round_ask(struct tdcost_round *r, const struct cpumask *cpus, smp_call_func_t func);
void tdcost_round_answer(struct tdcost_round *r, u64 start, u64 end, bool executed);
int tdcost_round_spin(struct tdcost_round *r);
int tdcost_round_wait(struct tdcost_round *r, u64 from);
int tdcost_round_results(struct tdcost_round *r, u64 pointer);
u32 tdcost_timeout_ms(void);
int tdcost_round_init(void);
void tdcost_round_exit(void);

/* topology.c */
bool tdcost_mode_supported(u32 mode);
void tdcost_mode_narrow(struct cpumask *cpus, u32 mode);

/* flush.c */
DECLARE_PER_CPU(u64, tdcost_flushes);
bool tdcost_op_supported(u32 op);
int tdcost_read_mask(struct cpumask *mask, u64 pointer, u32 words);
int tdcost_flush_cpus(struct tdcost_round *r, const struct cpumask *cpus);
int tdcost_flush(struct tdcost_file *file, void __user *arg);
int tdcost_counters(struct tdcost_file *file, void __user *arg);

/* stop.c */
int tdcost_stop(struct tdcost_file *file, void __user *arg);

/* flag.c */
int tdcost_flag(struct tdcost_file *file, void __user *arg);

/* topup.c */
int tdcost_topup(struct tdcost_file *file, void __user *arg);

/* pages.c */
u64 tdcost_pages_max_bytes(void);
unsigned int tdcost_pages_max_order(void);
void tdcost_pages_put(struct tdcost_file *file);
void tdcost_pages_release(struct tdcost_file *file);
int tdcost_pages_alloc(struct tdcost_file *file, void __user *arg);
int tdcost_pages_free(struct tdcost_file *file, void __user *arg);
int tdcost_pages_fill(struct tdcost_file *file, void __user *arg);
int tdcost_pages_check(struct tdcost_file *file, void __user *arg);

/* reset.c */
void tdcost_reset_fenced(const unsigned long *bugs, phys_addr_t base, unsigned long size);
int tdcost_pages_reset(struct tdcost_file *file, void __user *arg);

/* teardown.c */
void tdcost_teardown_drop(struct tdcost_file *file);
int tdcost_teardown_set(struct tdcost_file *file, void __user *arg);
int tdcost_teardown(struct tdcost_file *file, void __user *arg);

/* The TSC before what is timed: all that stands before it is done. */
static __always_inline u64 tdcost_tick_start(void)
{
	asm volatile("lfence" : : : "memory");
	return rdtsc();
}

/* And behind it: all that stands before it is done, nothing behind it has begun. */
static __always_inline u64 tdcost_tick_stop(void)
{
	u32 low, high;

	asm volatile("rdtscp; lfence" : "=a"(low), "=d"(high) : : "ecx", "memory");
	return (u64)high << 32 | low;
}

/* tsc_khz is not 0: the module was not loaded otherwise. */
static inline u64 tdcost_us_to_ticks(u64 us)
{
	return div_u64(us * tsc_khz, USEC_PER_MSEC);
}

/*
 * Inlined, and no table of functions: an indirect call goes through a thunk that would stand in
 * the figure. Nor the kernel's helpers: not every version has one for WBNOINVD. Return: it was
 * executed, for tdcost_round_answer().
 */
static __always_inline bool tdcost_op(u32 op)
{
	if (op == TDCOST_WBINVD)
		asm volatile("wbinvd" : : : "memory");
	else if (op == TDCOST_WBNOINVD)
		asm volatile(".byte 0xf3, 0x0f, 0x09" : : : "memory");
	return true;
}

#endif
