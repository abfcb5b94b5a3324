/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush_detect.h: does a cache flush flush? WBINVD in a guest is usually a no-op, because the
 * hypervisor intercepts it; an emulator has no cache at all.
 *
 * Two things tell, both measured alongside and by ratio, none against a constant of some machine:
 * a flush takes longer the more dirty lines it has to write back, and lines that left the cache
 * are read from memory again. Neither says so alone: a cold exit to a hypervisor grows too, though
 * faster than any memory writes, and lines also leave the cache when somebody else wants the room.
 */
#ifndef TDC_BENCH_OPS_FLUSH_DETECT_H
#define TDC_BENCH_OPS_FLUSH_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"
#include "harness/machine/cpu.h"
#include "harness/measure/clock.h"

/* ---- are lines still cached? ---- */

/*
 * Lines of a region, spread over all of it, that are read one after the other in random order, each
 * waiting for the one before, so that no prefetcher hides a miss. 128 KiB at most: they stay in a
 * private L2 between load and read, whoever else works in the LLC, and most are not in the L1,
 * which some hypervisors empty at every exit.
 */
struct flush_probe {
	const char *base;
	uint32_t *line; /* numbers of lines in reading order */
	unsigned n;
};

/* Return: 0; -EINVAL for a region of fewer than 16 lines; -ENOMEM. Free with flush_probe_free(). */
int flush_probe_init(struct flush_probe *p, const char *base, size_t bytes, uint64_t seed);
void flush_probe_free(struct flush_probe *p);

/* Bring them into the cache. What they hold, and whether they are dirty, stays. */
void flush_probe_load(const struct flush_probe *p);

/* Read them all. Return: ticks per line, the median of groups, so that an interrupt costs one. */
double flush_probe_read(const struct flush_probe *p);

/* What a read of a line costs, in ticks. */
struct flush_reads {
	double cached;	/* right after it was loaded */
	double evicted; /* right after this thread has flushed it, by CLFLUSHOPT or CLFLUSH */
	double after;	/* after the flush in question */
};

/* Measure @r->cached and @r->evicted. The lines are out of the cache behind it. */
void flush_reads_reference(const struct flush_probe *p, const struct cpu_info *cpu,
			   struct flush_reads *r);

/**
 * flush_share_left() - the share of the lines that left the cache
 *
 * 0: read as fast as cached lines; 1: as slowly as flushed ones; a little below or above in
 * practice. NAN where flushed lines do not take twice as long to read, so that nothing can be told.
 */
double flush_share_left(const struct flush_reads *r);

/**
 * flush_prove() - are lines that were cached read from memory behind @flush?
 * @bytes: from @base on, whose lines @flush flushes, and stores to none of them, which would drop lines
 *	by itself; 16 lines or more
 * @seed: which of them are read, and in what order
 *
 * On a scale from a cached read to one behind CLFLUSHOPT, both measured here and now. Where a miss
 * does not show (emulators; somebody else took the CPU, and the cache with it) nothing is proved, and
 * nothing is wrong.
 *
 * Return: 0; -EFAULT: a quarter of them or more stayed, five times; -EINVAL, -ENOMEM.
 */
int flush_prove(const char *base, size_t bytes, uint64_t seed, const struct cpu_info *cpu,
		void (*flush)(void *), void *arg, struct reason *why);

/* ---- the whole examination ---- */

#define FLUSH_SHARES	5 /* of the region that are made dirty: 0, 1/8, 1/4, 1/2, 1 */
#define FLUSH_TRIES	7
#define FLUSH_MAX_TRIES 21
extern const double flush_shares[FLUSH_SHARES];

struct flush_times {
	unsigned tries;
	size_t bytes; /* of the region */
	double hz;
	bool keeps; /* the flush may leave lines in the cache: WBNOINVD, CLWB */
	double ticks[FLUSH_SHARES][FLUSH_MAX_TRIES]; /* that the flush took */
	/*
	 * That CLFLUSHOPT or CLFLUSH over the region took, from the same state: where that does not
	 * grow either nothing was dirty in the cache. Only where @keeps, when reads prove nothing.
	 */
	double control[FLUSH_SHARES][FLUSH_MAX_TRIES];
	struct flush_reads reads[FLUSH_MAX_TRIES]; /* once per try, with everything dirty */
};

enum flush_verdict { FLUSH_REAL, FLUSH_NOTHING, FLUSH_UNCLEAR };

/* How many ns longer it takes for each dirty 4 KiB (Theil and Sen), and its 99 % interval (Sen). */
struct flush_slope {
	double value, lo, hi;
};

struct flush_found {
	enum flush_verdict verdict;
	double idle; /* ns: the flush with nothing dirty, median */
	struct flush_slope slope;
	struct flush_slope control; /* of the control; zeros where there was none */
	struct flush_reads reads;   /* medians over the tries */
	double left;		    /* flush_share_left() of them */
	char text[320];		    /* all of it in one sentence, without a full stop */
};

/**
 * flush_judge() - the decision alone, from times to verdict; measures nothing
 *
 * Real: it takes longer with more dirty lines, and the lines left the cache (only the former where
 * @t->keeps). Nothing: neither, and where @t->keeps the control did take longer. Unclear: one of the
 * two, or what cannot be told.
 */
void flush_judge(const struct flush_times *t, struct flush_found *found);

struct flush_job {
	char *base; /* overwritten */
	/*
	 * 64-byte aligned; 1 MiB or more, and a quarter to a half of the LLC, so that dirty lines
	 * stay dirty in the cache and their number shows in the time.
	 */
	size_t bytes;
	/*
	 * Flush the region, or all caches. @ticks: how long it took is taken around the call, unless
	 * it says so itself. Return: 0, -errno: ends the examination.
	 */
	int (*flush)(void *ctx, uint64_t *ticks);
	void *ctx;
	const struct cpu_info *cpu;
	const struct tick_clock *clock;
	/*
	 * Of each share before the first verdict; 0: FLUSH_TRIES. One that is unclear asks for one
	 * more, up to FLUSH_MAX_TRIES.
	 */
	unsigned tries;
	uint64_t seed; /* order of the shares and of the lines read */
	bool keeps;
};

/**
 * flush_detect() - measure and judge
 * @times: what was measured, may be NULL
 *
 * The thread must be pinned to a CPU whose caches the flush is about: its L1 and L2 hold the lines
 * that are read again. Takes some 40 times as long as flushing, loading and storing the region, twice
 * that where @keeps, and up to three times as long where it is unclear.
 * Return: 0, also where the verdict is not real; -EINVAL; -ENOMEM; what the flush returned.
 */
int flush_detect(const struct flush_job *job, struct flush_times *times, struct flush_found *found,
		 struct reason *why);

/* "real", "does nothing", "unclear". */
const char *flush_verdict_name(enum flush_verdict v);

#endif
