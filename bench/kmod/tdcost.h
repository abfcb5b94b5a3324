/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of /dev/tdcost, shared by tdcost.ko and the program.
 *
 * Every call needs CAP_SYS_ADMIN. Fields are in unless marked out; what is reserved, and bits that
 * have no name here, must be zero (-EINVAL). Times are raw TSC ticks. CPU masks are arrays of
 * 64-bit words, CPU 0 in bit 0 of the first; a mask may be longer than the machine, its surplus
 * bits zero; CPUs that are not online are left out.
 *
 * Besides what stands at the calls: -EPERM without CAP_SYS_ADMIN, -ENOTTY for no call of these,
 * -EFAULT, -EINVAL for what is out of bounds, -EINTR for a caller that was killed.
 */
#ifndef TDCOST_H
#define TDCOST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TDCOST_DEVICE "/dev/tdcost"
/* Raised when a call changes its meaning or its layout; the program takes no other. */
#define TDCOST_ABI 7

/* tdcost_info.features */
#define TDCOST_HAS_WBNOINVD   (1u << 0) /* CPUID 0x80000008 EBX[9] */
#define TDCOST_HAS_MOVDIR64B  (1u << 1) /* CPUID 7.0 ECX[28] */
#define TDCOST_CPU_AFFECTED   (1u << 2) /* family 6, models 0x8F and 0xCF: X86_BUG_TDX_PW_MCE */
#define TDCOST_HAS_CLFLUSHOPT (1u << 3)

/* Answered at any size of the struct. */
struct tdcost_info {
	__u32 abi;	    /* out: TDCOST_ABI; first, so that any version can be told */
	__u32 features;	    /* out */
	__u32 cpus;	    /* out: nr_cpu_ids, what a mask and a result must have room for */
	__u32 max_order;    /* out: of tdcost_pages.order */
	__u64 max_bytes;    /* out: of the pages that all open files hold together */
	__u32 max_delay_us; /* out: of tdcost_stop.delay_us */
	__u32 timeout_ms;   /* out: after that a CPU that does not answer is given up */
	__u64 max_rounds;   /* out: of tdcost_flag.rounds */
	char version[32];   /* out */
};

/* What a CPU executes. */
enum tdcost_op {
	TDCOST_WBINVD,
	TDCOST_WBNOINVD, /* -EOPNOTSUPP without its CPUID bit: it would run as WBINVD */
	TDCOST_NOTHING,	 /* the interrupt alone: what the flush is compared with */
	TDCOST_OP_MAX
};

/* Which CPUs of the mask, by the kernel's topology, and in which order. */
enum tdcost_mode {
	TDCOST_ONE,	    /* the first one of the mask */
	TDCOST_PER_PACKAGE, /* the first one of each package, at once */
	TDCOST_PER_LLC,	    /* the first one of each last-level cache, at once */
	TDCOST_PER_CORE,    /* the first one of each core, at once */
	TDCOST_ALL,	    /* all of the mask, at once, as wbinvd_on_all_cpus() */
	TDCOST_IN_TURN,	    /* all of the mask, one after the other */
	TDCOST_MODE_MAX
};

/* tdcost_cpu.flags */
#define TDCOST_CPU_ANSWERED (1u << 0) /* start and end are valid */
#define TDCOST_CPU_FLUSHED  (1u << 1) /* it executed the op, whichever that was */
#define TDCOST_CPU_LATE	    (1u << 2) /* still in the mask when the polls were used up */
#define TDCOST_CPU_LATE_NMI (1u << 3) /* still in it 10 ms after that */
#define TDCOST_CPU_SELF	    (1u << 4) /* the CPU that called */

struct tdcost_cpu {
	__u32 cpu;
	__u32 flags;
	__u64 request; /* when this CPU was asked: that of the call, but for TDCOST_IN_TURN */
	__u64 start;   /* in the handler, before the op */
	__u64 end;     /* behind the op; in a stop, behind the clearing of its bit */
	__u64 flushes; /* ops other than TDCOST_NOTHING that this CPU did since the module came */
};

/*
 * -ETIMEDOUT: a CPU did not answer; the results are valid and say which. Until it does, -EBUSY.
 * -EOPNOTSUPP: no WBNOINVD, or a kernel that does not say who shares a cache. -ENOSPC: no room in
 * @result.
 */
struct tdcost_flush {
	__u32 op;
	__u32 mode;
	__u64 mask; /* pointer to its words; not empty */
	__u32 mask_words;
	__u32 n;      /* room in @result; out: how many were written, one for each CPU asked */
	__u64 result; /* pointer to struct tdcost_cpu, ascending by CPU */
	__u64 start;  /* out: before the first request */
	__u64 end;    /* out: when the last answer was seen */
};

/* tdcost_stop.flags */
#define TDCOST_STOP_SELF (1u << 0) /* the caller executes the op too, last: relocate_kernel() */

/*
 * native_stop_other_cpus() without the stopping: an IPI to all other CPUs; each executes @op if
 * its bit in @mask is set (cache_state_incoherent), then clears its bit in the stop mask; the
 * caller polls that mask with udelay(1). Errors as of a flush, -ETIMEDOUT only when a CPU never
 * answered: being late is a result.
 */
struct tdcost_stop {
	__u32 op;
	__u32 flags;
	__u64 mask; /* pointer to the words of the CPUs whose flag is set */
	__u32 mask_words;
	__u32 max_polls; /* 1 to 1000000, the kernel's USEC_PER_SEC */
	__u32 delay_cpu; /* for tests: before its start, as if interrupts had been off */
	__u32 delay_us;	 /* 0: none; else delay_cpu must be another one that is online */
	__u32 n;	 /* room in @result; out: the other CPUs, and the caller when STOP_SELF */
	__u32 polls;	 /* out: how many it took, max_polls when somebody was late */
	__u64 result;	 /* pointer to struct tdcost_cpu, ascending by CPU */
	__u64 start;	 /* out: before the request */
	__u64 end;	 /* out: when the mask was seen empty, or the polls and the 10 ms were up */
	__u32 late;	 /* out: CPUs late past max_polls */
	__u32 late_nmi;	 /* out: CPUs late past the 10 ms for the NMI too */
};

/* tdcost_flag.flags: what the loop does to the byte, apart from preempt_disable() and enable() */
#define TDCOST_FLAG_STORE  (1u << 0) /* set it, as before each SEAMCALL */
#define TDCOST_FLAG_REMOTE (1u << 1) /* with STORE: that of @cpu, as somebody who contends */

/* What the per-CPU flag costs: @rounds times preempt_disable(), the store, preempt_enable(). */
struct tdcost_flag {
	__u32 flags;
	__u32 cpu; /* with TDCOST_FLAG_REMOTE */
	__u64 rounds;
	__u64 start; /* out */
	__u64 end;   /* out */
};

/*
 * Pages of the kernel's direct map, held by the open file until freed or closed. One set: a second
 * one is -EEXIST, a call that needs one without it -ENODATA.
 */
struct tdcost_pages {
	__u32 order;
	__s32 node; /* -1: the caller's; there or -ENOMEM, also where other files hold too much */
	__u64 n;    /* of pages of that order */
};

/* The state of the lines before a reset. */
enum tdcost_before {
	TDCOST_EVICTED, /* written back and dropped with CLFLUSHOPT or CLFLUSH */
	TDCOST_DIRTY,
	TDCOST_CLEAN,
	TDCOST_BEFORE_MAX
};

struct tdcost_fill {
	__u64 pattern; /* stored in every 8 bytes */
	__u32 before;  /* enum tdcost_before */
	__u32 reserved;
};

/* tdcost_reset.flags */
#define TDCOST_RESET_QUIRK	(1u << 0) /* the erratum is there; otherwise the early return */
#define TDCOST_RESET_FENCE_ONCE (1u << 1) /* behind all calls, not behind each */
#define TDCOST_RESET_UNROLL_4	(1u << 2) /* four stores per iteration, not one as the kernel */

/* tdx_quirk_reset_paddr() over all pages. -EOPNOTSUPP with the quirk on without MOVDIR64B. */
struct tdcost_reset {
	__u32 flags;
	__u32 call_order; /* of the bytes of each call, at most the pages' order */
	__u64 rounds;	  /* over all pages; with the quirk off more than one, to 2^28 calls */
	__u64 start;	  /* out */
	__u64 end;	  /* out */
	__u64 calls;	  /* out: of the reset function */
};

struct tdcost_check {
	__u64 pattern; /* expected in every 8 bytes */
	__u64 wrong;   /* out: bytes that differ */
	__u64 first;   /* out: offset of the first of them, counted over the pages in order */
};

/* Flushes done since the module was loaded, a __u64 for each CPU number below tdcost_info.cpus. */
struct tdcost_counters {
	__u32 n; /* room in @counters; out: how many were written */
	__u32 reserved;
	__u64 counters; /* pointer */
};

/* How pages are kept ready: enum topup_variant of bench/topup/variant.h, which describes them. */
enum tdcost_variant {
	TDCOST_KVM_ARRAY,
	TDCOST_TDX_PREALLOC,
	TDCOST_PAMT_CACHE,
	TDCOST_SPLIT_CACHE,
	TDCOST_SPLIT_BATCH,
	TDCOST_PER_VCPU_OR_VM,
	TDCOST_DIRECT,
	TDCOST_VARIANT_MAX
};

/* What the pages are asked for with, where it may sleep; under a lock it is always GFP_ATOMIC. */
enum tdcost_source {
	TDCOST_GFP_KERNEL,
	TDCOST_GFP_KERNEL_ACCOUNT, /* charged to the caller's cgroup; in the root one, to nobody */
	TDCOST_GFP_ATOMIC,
	TDCOST_SOURCE_MAX
};

/* What a unit is. */
enum tdcost_work {
	TDCOST_FAULT_STEADY, /* a fault in a 2 MiB region of its own */
	TDCOST_FAULT_BURST,  /* 512 faults in a row share a region */
	TDCOST_FAULT_COLD,   /* each fault is the first of its part: all levels */
	TDCOST_SPLIT_REPEAT, /* @splits huge pages: drop the lock and top up for each */
	TDCOST_SPLIT_WHOLE,  /* @splits huge pages: top up for all, take the lock once */
	/*
	 * A get of a Dynamic PAMT entry's reference, with PAMT_CACHE (and its topup before) or
	 * DIRECT. The puts follow together, behind each 512th get and the last one.
	 */
	TDCOST_PAMT_FAST, /* the lock is taken only where an entry comes or goes */
	TDCOST_PAMT_LOCK, /* each time, and each get takes a pair of pages */
	TDCOST_WORK_MAX
};

/* tdcost_topup.flags */
#define TDCOST_TOPUP_INDIRECT (1u << 0) /* the hooks are called by address, through a table */
#define TDCOST_TOPUP_ZERO     (1u << 1) /* pages are zeroed */
#define TDCOST_TOPUP_TIMES    (1u << 2) /* time each call; otherwise the whole alone */
#define TDCOST_TOPUP_NO_VCPU  (1u << 4) /* splits are made by no vCPU: per_vcpu_or_vm */
/* Gets alone, which take none of INDIRECT and NO_VCPU: all in one region, not one each. */
#define TDCOST_TOPUP_BURST (1u << 5)

/* One call. */
struct tdcost_sample {
	__u64 ticks;
	__u32 pages; /* a topup: allocated by it; a use: used by it; gets: how many */
	__u32 reserved;
};

struct tdcost_lock {
	__u64 rounds;
	__u64 wait; /* from asking to having, and the longest of them */
	__u64 wait_max;
	__u64 hold; /* from having to giving up, and the longest of them */
	__u64 hold_max;
};

/* tdcost_topup.lock */
enum tdcost_lock_id {
	TDCOST_LOCK_MMU,
	TDCOST_LOCK_SPLIT,
	TDCOST_LOCK_VM,
	TDCOST_LOCK_PAMT,
	TDCOST_LOCK_MAX
};

/*
 * tdcost_topup.meters: a lock by 1 << its number, and these. A meter reads the clock, which is then
 * in whatever other meters are around it. None goes with TIMES.
 */
#define TDCOST_METER_CALLS (1u << TDCOST_LOCK_MAX) /* topups, dropped locks, idle pages */
#define TDCOST_METER_GETS  (2u << TDCOST_LOCK_MAX) /* an operation's pages, or its reference */
#define TDCOST_METER_ALL   ((4u << TDCOST_LOCK_MAX) - 1)

/*
 * @units of work by a vCPU of its own, in the caller's context. Calls that run at once on one open
 * file share a VM and its references, and must agree on @variant, @work, @splits, @demote_loops,
 * NO_VCPU and BURST (-EBUSY); the last to end empties it. The pamt_lock is one for all files, as in
 * the kernel. Pages are freed behind each unit, outside of what TIMES times, those of an entry by
 * its last put; and all are when the calls of a file have ended, also of callers that were killed:
 * the sum of frees is that of allocs. -ENOMEM: there were not enough of them, or the cgroup's limit
 * was met; the results are valid.
 */
struct tdcost_topup {
	__u32 variant;
	__u32 source;
	__u32 work;
	__u32 flags;
	__u32 splits;	    /* in each unit of a split: 1 to 512; else: 0 */
	__u32 demote_loops; /* cpu_relax() for each PAGE.DEMOTE, PAMT.ADD, REMOVE; at most 1000 */
	__u64 units;	    /* with a split's @splits in each, at most 2^20 of them */
	/*
	 * For tests: of the allocations of this call, arrays included, each @fail_every-th one is
	 * refused; at most 2^20, 0: none. A unit that ends by it is given up, and the next one
	 * begins with what is in the caches: no -ENOMEM then.
	 */
	__u32 fail_every;
	__u32 meters;
	/*
	 * Begin when as many calls are vCPUs of the VM, at most 1024; 0 and 1: at once. Without it
	 * a short call can be over before the next one comes, which then gets a VM of its own.
	 * -ETIMEDOUT: they did not come within 10 s.
	 */
	__u32 vcpus;
	__u32 reserved;
	/*
	 * Room in @topups and @uses, at most 65536, 0 without TIMES and METER_CALLS, or METER_GETS;
	 * out: how many were written. A use is a fault or a get without its topup, or the @splits
	 * of a unit with theirs, whose topups are timed by METER_CALLS only. With METER_GETS it is
	 * the getting of a fault's pages, or of a split's, between two clock reads.
	 */
	__u32 n_topups;
	__u32 n_uses;
	__u64 topups; /* pointer to struct tdcost_sample */
	__u64 uses;
	__u64 start;	   /* out: of the first unit */
	__u64 end;	   /* out: of the last one, its pages freed and the caches emptied */
	__u64 topup_ticks; /* out: with TIMES, of the topups of all faults, or gets */
	__u64 use_ticks;   /* out: with TIMES, of all uses */
	__u64 put_ticks;   /* out: with TIMES, of all puts: one for each get that was done */
	__u64 done;	   /* out: units, without those given up */
	__u64 allocs;	   /* out */
	__u64 frees;	   /* out */
	__u64 failures;	   /* out: allocations that failed, or were refused */
	__s64 peak;	   /* out: of pages that were allocated and not freed */
	__u64 held; /* out: by the vCPU behind the last unit; of the last to end, and by its VM */
	__u64 idle_peak; /* out: with METER_CALLS, of those that vCPU and VM held behind a topup */
	__u64 retries;	 /* out: with METER_CALLS, topups that the lock was dropped for */
	__u64 empty;	 /* out: with meters, the least that two clock reads on end show */
	struct tdcost_lock lock[TDCOST_LOCK_MAX]; /* out: of those metered */
};

/* tdcost_teardown.path: enum td_path of bench/teardown/steps.h, which says what they are. */
enum tdcost_path { TDCOST_PATH_DYNAMIC, TDCOST_PATH_TEARDOWN, TDCOST_PATH_MAX };

enum tdcost_dpamt { TDCOST_DPAMT_OFF, TDCOST_DPAMT_FAST, TDCOST_DPAMT_LOCK, TDCOST_DPAMT_MAX };

/* tdcost_teardown.flags */
#define TDCOST_TEARDOWN_QUIRK	      (1u << 0) /* the erratum is there: as in a reset */
#define TDCOST_TEARDOWN_SKIP_CACHE_WB (1u << 1)

/* Numbers of phases, steps and seams are those of bench/teardown/steps.h. */
#define TDCOST_TEARDOWN_PHASES	15
#define TDCOST_TEARDOWN_STEPS	14
#define TDCOST_TEARDOWN_KICK	(1u << 2) /* of without: four of them by name */
#define TDCOST_TEARDOWN_FLUSH	(1u << 4)
#define TDCOST_TEARDOWN_CONTROL (1u << 10)
#define TDCOST_TEARDOWN_FREE	(1u << 11)
#define TDCOST_TEARDOWN_SEAMS	6
#define TDCOST_TEARDOWN_SEAM_NS 20000 /* the most that a SEAMCALL can be made to take */

/*
 * Make everything ready to tear the file's pages down as those of a TD. Holds until it is done, or
 * the pages go; a second one takes the place of the first. Dynamic PAMT is for leaves of order 0.
 */
struct tdcost_teardown {
	__u32 path;
	__u32 flags;
	__u32 leaf_order;  /* 0 or 9, at most the pages' order */
	__u32 reset_order; /* of the bytes of each reset call: 0, or the leaf's */
	__u32 dpamt;
	__u32 op;      /* enum tdcost_op: what stands for TDH.PHYMEM.CACHE.WB */
	__u32 without; /* bits of phases that are not done */
	__u32 timed;   /* bits of phases of leaves that are marked */
	__u32 every;   /* one leaf in so many is marked, at most 65536; 0: all as one */
	__u32 vcpus;   /* at most 1024 */
	/* That a SEAMCALL is made to take: by enum td_seam of bench/teardown/steps.h. */
	__u32 seam_ns[TDCOST_TEARDOWN_SEAMS];
	__u32 pamt_loops; /* cpu_relax() for each PAMT.REMOVE, under the lock: at most 10000 */
	__u32 mask_words;
	__u64 mask;  /* pointer to the words of the CPUs whose vCPUs are in guest mode, the first */
	__u64 order; /* pointer to a __u32 for each leaf: which one; 0: ascending */
	__u64 seed;  /* of which leaves are marked */
};

/*
 * Do it, once for each time that it was made ready (-ENODATA). The CPUs in guest mode must be
 * online and not the caller's (-EINVAL); -EBUSY and -ETIMEDOUT as a flush. Without the bit FREE of
 * @without the pages are gone behind it.
 */
struct tdcost_torn {
	__u64 start;	   /* out: all that follows */
	__u64 end;	   /* out */
	__u64 marked;	   /* out: leaves whose times are in @ticks, which stand for all others */
	__u64 interrupted; /* out: leaves that were marked, and are not in there */
	__u64 leaf_marks;  /* out: clock reads in leaves, and in the rest */
	__u64 other_marks;
	__u64 away_hkid; /* out: ns of a phase in which others ran, as far as the kernel counts */
	__u64 away_control;
	__u64 away_free;
	__u64 ticks[TDCOST_TEARDOWN_PHASES]; /* out */
	__u64 count[TDCOST_TEARDOWN_PHASES]; /* out: marks that @ticks are of */
	__u64 steps[TDCOST_TEARDOWN_STEPS];  /* out: how often each was done */
};

#define TDCOST_MAGIC	    0xd7
#define TDCOST_INFO	    _IOR(TDCOST_MAGIC, 0x00, struct tdcost_info)
#define TDCOST_FLUSH	    _IOWR(TDCOST_MAGIC, 0x01, struct tdcost_flush)
#define TDCOST_STOP	    _IOWR(TDCOST_MAGIC, 0x02, struct tdcost_stop)
#define TDCOST_FLAG	    _IOWR(TDCOST_MAGIC, 0x03, struct tdcost_flag)
#define TDCOST_COUNTERS	    _IOWR(TDCOST_MAGIC, 0x04, struct tdcost_counters)
#define TDCOST_TOPUP	    _IOWR(TDCOST_MAGIC, 0x05, struct tdcost_topup)
#define TDCOST_PAGES_ALLOC  _IOW(TDCOST_MAGIC, 0x10, struct tdcost_pages)
#define TDCOST_PAGES_FREE   _IO(TDCOST_MAGIC, 0x11)
#define TDCOST_PAGES_FILL   _IOW(TDCOST_MAGIC, 0x12, struct tdcost_fill)
#define TDCOST_PAGES_RESET  _IOWR(TDCOST_MAGIC, 0x13, struct tdcost_reset)
#define TDCOST_PAGES_CHECK  _IOWR(TDCOST_MAGIC, 0x14, struct tdcost_check)
#define TDCOST_TEARDOWN_SET _IOW(TDCOST_MAGIC, 0x15, struct tdcost_teardown)
#define TDCOST_TEARDOWN	    _IOR(TDCOST_MAGIC, 0x16, struct tdcost_torn)

#endif
