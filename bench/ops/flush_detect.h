/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush_detect.h: does a cache flush flush? WBINVD in a guest is usually a no-op, because the
 * hypervisor intercepts it; an emulator has no cache at all.
 *
 * The evidence is that lines which were cached are read from memory after the flush. Lines also leave
 * a shared cache by themselves, so each look has a control: the same lines, loaded again, after as long
 * a wait without a flush. Where the control has lost its lines too, nothing can be said.
 *
 * A second evidence is that a flush takes longer the more dirty lines it has to write back. CLFLUSHOPT
 * over the same region shows whether that can be seen at all: whether the lines were held, dirty, until
 * the flush came. It is all there is for a flush that keeps the lines (WBNOINVD), and it decides
 * against one that drops lines in no time.
 *
 * All of it is measured here and now and judged by ratio, not against a constant of some machine.
 */
#ifndef TDC_BENCH_OPS_FLUSH_DETECT_H
#define TDC_BENCH_OPS_FLUSH_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/ops/probe.h"
#include "harness/core/reason.h"
#include "harness/machine/cpu.h"
#include "harness/measure/bench.h"
#include "harness/measure/clock.h"

enum flush_verdict { FLUSH_REAL, FLUSH_NOTHING, FLUSH_CANNOT_TELL };

/* "real", "does nothing", "cannot tell". */
const char *flush_verdict_name(enum flush_verdict v);

/* One look at the same lines in four states, as shares of them. */
struct flush_look {
	double cached, evicted; /* ticks of a load, see struct probe_scale */
	double left; /* share that is read from memory after the flush; NAN: no load shows */
	double lost; /* after the control's wait instead */
};

/* ---- a flush of memory, part by part ---- */

struct flush_proof {
	const char *base;
	size_t bytes; /* PROBE_SPACING or more */
	size_t unit;  /* bytes of the smallest part that flush() can do; divides @bytes */
	/* Flush [@at, @at+@bytes) and store to none of it, which would drop lines by itself. */
	void (*flush)(void *ctx, size_t at, size_t bytes);
	void *ctx;
	const struct cpu_info *cpu;
	uint64_t seed; /* which parts and lines are looked at, and in what order */
};

/**
 * flush_prove() - are lines that were cached read from memory after flush()?
 *
 * Part by part, each no longer than it must be, so that few lines leave by themselves meanwhile.
 * Return: FLUSH_REAL; FLUSH_NOTHING: a quarter of the lines or more stayed, three times, while the
 * control held them; FLUSH_CANNOT_TELL. @why says what was found. @look: the last one, may be NULL.
 */
enum flush_verdict flush_prove(const struct flush_proof *p, struct flush_look *look,
			       struct reason *why);

/* What all loads of a proof make of a flush; pure. NAN decides nothing. */
enum flush_verdict flush_prove_judge(const struct flush_look *look);

/**
 * flush_check() - flush_prove() as a benchmark's verify() needs it
 *
 * What cannot be decided is a remark on @arm (FLAG_NOT_PROVED); nothing is asked in emulated lanes, which
 * have no cache. Return: 0; -EFAULT with @why: lines stay;
 * -EINVAL for less than PROBE_SPACING.
 */
int flush_check(struct bench_ctx *ctx, int arm, const struct flush_proof *p, struct reason *why);

/* ---- a flush of whole caches ---- */

#define FLUSH_SHARES	5 /* of the region that are made dirty: 0, 1/8, 1/4, 1/2, 1 */
#define FLUSH_TRIES	7
#define FLUSH_MAX_TRIES 42
#define FLUSH_LEAST	(64ul << 10) /* bytes of a region: 64 lines of a probe */
extern const double flush_shares[FLUSH_SHARES];

struct flush_times {
	unsigned tries;
	size_t bytes; /* of the region */
	double hz;
	bool keeps; /* the flush may leave lines in the cache: WBNOINVD, CLWB */
	double ticks[FLUSH_SHARES][FLUSH_MAX_TRIES]; /* that the flush took */
	double sweep[FLUSH_SHARES][FLUSH_MAX_TRIES]; /* that CLFLUSHOPT took, from the same state */
	struct flush_look look[FLUSH_SHARES][FLUSH_MAX_TRIES];
};

/* How many ns longer it takes for each dirty 4 KiB (Theil and Sen), and its 99.99 % interval (Sen). */
struct flush_slope {
	double value, lo, hi;
};

struct flush_found {
	enum flush_verdict verdict;
	double idle;		  /* ns: the flush with nothing dirty, median */
	struct flush_slope slope; /* of the flush */
	struct flush_slope sweep; /* of CLFLUSHOPT */
	struct flush_look look;	  /* medians over all looks */
	int next; /* size of a region with which it may be decided: -1 smaller, 1 larger, 0 none */
	char text[320]; /* all of it in one sentence, without a full stop */
};

/**
 * flush_judge() - the decision alone, from times to verdict; measures nothing
 *
 * Real: the lines left while the control kept them, in so many looks that chance would do it once in
 * 10,000 times, unless CLFLUSHOPT takes longer with more dirty lines and the flush does not. Where
 * @t->keeps: both take longer. Nothing: the lines stayed, and it does not take longer; where @t->keeps
 * CLFLUSHOPT does. Everything else is left open, and @found->next says what may help: a larger region
 * where CLFLUSHOPT took longer with more dirty lines, for those were held then; otherwise a smaller one.
 */
void flush_judge(const struct flush_times *t, struct flush_found *found);

struct flush_job {
	char *base; /* overwritten */
	size_t bytes; /* 64-byte aligned whole pages; FLUSH_LEAST or more, best half of the private L2 */
	/*
	 * Flush the region, or all caches. @ticks: how long it took is taken around the call, unless
	 * it says so itself. Return: 0, -errno: ends the examination.
	 */
	int (*flush)(void *ctx, uint64_t *ticks);
	void *ctx;
	const struct cpu_info *cpu;
	const struct tick_clock *clock;
	/*
	 * Of each share before the first verdict; 0: FLUSH_TRIES. Where it cannot be decided, as many
	 * again, up to FLUSH_MAX_TRIES.
	 */
	unsigned tries;
	uint64_t seed; /* order of the shares and of the lines read */
	bool keeps;
};

/**
 * flush_detect() - measure and judge
 * @times: what was measured, may be NULL
 *
 * The thread must be pinned to a CPU whose caches the flush is about: they hold the lines that are
 * read again. Flushes 35 times and waits as long; up to six times as often where it cannot be decided.
 * Return: 0, also where the verdict is not real; -EINVAL; -ENOMEM; what the flush returned.
 */
int flush_detect(const struct flush_job *job, struct flush_times *times, struct flush_found *found,
		 struct reason *why);

#endif
