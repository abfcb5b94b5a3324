/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h: the program's end of /dev/tdcost. Every function says in words what is wrong and what
 * to do: no module, another version of it, no permission, a kernel that takes no modules.
 */
#ifndef TDC_BENCH_KMOD_CLIENT_H
#define TDC_BENCH_KMOD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/kmod/tdcost.h"
#include "harness/core/reason.h"
#include "harness/machine/machine.h"

struct kmod {
	int fd;
	struct tdcost_info info;
};

/**
 * kmod_open() - open the device and check the version
 *
 * Return: 0; -ENOTSUP with why not and what to do: not loaded, built for another kernel, refused
 * by lockdown, a kernel without CONFIG_MODULES, another ABI, no permission. Close with kmod_close().
 */
int kmod_open(struct kmod *k, const char *root, struct reason *why);
void kmod_close(struct kmod *k); /* also after a failed open, and twice */

/* For supported(): can it be opened, and has it all of @features (TDCOST_HAS_*)? Of another version, or not permitted: no. */
int kmod_supported(const struct machine *m, unsigned features, struct reason *why);

/* The modes and ops by the words of the command line, NULL-terminated, indexed by the enums. */
extern const char *const kmod_modes[];
extern const char *const kmod_ops[];
extern const char *const kmod_variants[];
extern const char *const kmod_sources[];
extern const char *const kmod_works[];

/* A CPU mask for the calls. */
#define KMOD_MASK_WORDS 128 /* 8192 CPUs */
struct kmod_mask {
	uint64_t words[KMOD_MASK_WORDS];
};
void kmod_mask_set(struct kmod_mask *mask, unsigned cpu);

/**
 * kmod_flush() - op on the CPUs of @mask in @mode
 * @result, @n: room for info.cpus of them; how many were asked
 * @f: gets the call as it came back (start, end); may be NULL
 *
 * Return: 0; -ETIMEDOUT (the results are valid); -ENOTSUP; -errno of the call, in words.
 */
int kmod_flush(const struct kmod *k, enum tdcost_op op, enum tdcost_mode mode,
	       const struct kmod_mask *mask, struct tdcost_cpu *result, unsigned *n,
	       struct tdcost_flush *f, struct reason *why);

/* The stop sequence. @s: op, flags, max_polls and delay set; out as the header says. */
int kmod_stop(const struct kmod *k, struct tdcost_stop *s, const struct kmod_mask *flagged,
	      struct tdcost_cpu *result, unsigned *n, struct reason *why);

int kmod_flag(const struct kmod *k, struct tdcost_flag *f, struct reason *why);
/* @counters: room for info.cpus of them. */
int kmod_counters(const struct kmod *k, uint64_t *counters, unsigned *n, struct reason *why);

/**
 * kmod_topup() - run a schedule of topups in the kernel, in the calling thread
 * @t: all but what is out; @t->topups and @t->uses point to room for as many samples as they say
 *
 * Threads that call at once with the same @k share a VM.
 *
 * Return: 0; -ENOMEM (what was done is in @t); -EBUSY; -errno of the call, in words.
 */
int kmod_topup(const struct kmod *k, struct tdcost_topup *t, struct reason *why);

int kmod_pages_alloc(const struct kmod *k, unsigned order, uint64_t n, int node,
		     struct reason *why);
int kmod_pages_free(const struct kmod *k, struct reason *why);
int kmod_pages_fill(const struct kmod *k, uint64_t pattern, enum tdcost_before before,
		    struct reason *why);
int kmod_pages_reset(const struct kmod *k, struct tdcost_reset *r, struct reason *why);
int kmod_pages_check(const struct kmod *k, struct tdcost_check *c, struct reason *why);

/* Make the pages ready to be torn down as @t says, and do it once, in the calling thread. */
int kmod_teardown_set(const struct kmod *k, const struct tdcost_teardown *t, struct reason *why);
int kmod_teardown(const struct kmod *k, struct tdcost_torn *t, struct reason *why);

#endif
