/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shutdown.h: the arms that make the case: the teardown of a TD with the erratum mode on and off, and
 * the end of a plain VM beside it, each told per whole shutdown. They are set against one another
 * only where size, backing, page size and NUMA node are the same.
 */
#ifndef TDC_ANALYSIS_SHUTDOWN_H
#define TDC_ANALYSIS_SHUTDOWN_H

#include "results/analysis/comparison.h"

#define SHUTDOWN_MAX_RUNS 2

enum shutdown_what {
	SHUTDOWN_REPLAY, /* benchmark teardown: a TD's, replayed on ordinary memory */
	SHUTDOWN_VM,	 /* benchmark vm: a real VM's */
	SHUTDOWN_TD,	 /* benchmark vm, type=tdx: a real TD's */
};

/* What a shutdown gives back, and where. */
struct shutdown_memory {
	uint64_t bytes;
	const char *backing; /* "base pages"; static */
	uint64_t page;	     /* bytes of a page of the guest's tables */
	uint64_t nodes;	     /* as report_cell.nodes; 0: nobody knows */
};

struct shutdown_arm {
	const struct report *report;	/* borrowed */
	const struct report_cell *cell; /* borrowed */
	enum shutdown_what what;
	bool plain;	  /* a plain VM that ends as it is */
	char name[128];	  /* "replay path=dynamic": all but its erratum mode */
	const char *mode; /* of the erratum: "on", "off", "none"; borrowed */
	struct shutdown_memory memory;
	double units;		     /* of its benchmark's work in a whole shutdown */
	struct comparison_side side; /* per shutdown */
	long against_on;	     /* its row of the comparison; -1: there is none */
	long against_plain;
	size_t plain_arm; /* of which that row is */
};

/* Arms of the same memory stand together. */
struct shutdown {
	struct shutdown_arm *arms;
	size_t n_arms;
};

/**
 * shutdown_make() - find the arms in @runs, set them against each other, and judge
 * @runs: 1 or 2, whole; two must have passed comparison_allowed()
 * @out, @c: rows of @c are of @out's arms, in units of the clock per shutdown. Arms that share a
 *	process are compared as pairs; others, such as a replay and a VM, as comparison_runs() does
 *
 * Return: 0; -ENOENT where an arm is missing and -EINVAL where memory differs, with what to measure;
 * -ENOMEM. Free with shutdown_free() and comparison_free().
 */
int shutdown_make(const struct report *const *runs, size_t n, double sesoi, struct shutdown *out,
		  struct comparison *c, struct reason *why);

/*
 * Does the arm lack what a real TD has to do? Against a plain VM it is then slower, or nothing:
 * shutdown_make() withholds the other verdicts.
 */
bool shutdown_is_lower_bound(const struct shutdown_arm *a);

void shutdown_free(struct shutdown *s);

/* The first arm behind arm @i whose memory is another. */
size_t shutdown_next(const struct shutdown *s, size_t i);

/* "64M in base pages, page size 4K, node 0". Return: @buf. */
char *shutdown_memory_text(const struct shutdown_memory *m, char *buf, size_t n);

/* "0,1"; "unknown". Return: @buf. */
char *shutdown_nodes_text(uint64_t nodes, char *buf, size_t n);

/* ---- for shutdown.c: shutdown_arms.c ---- */

/* All arms in @runs, in order. Return: 0; -ENOENT where one is missing; -EINVAL; -ENOMEM. */
int shutdown_find_arms(const struct report *const *runs, size_t n, struct shutdown *out,
		       struct reason *why);

/*
 * Is all equal in @a and @b but the erratum mode, and did one process take both? Of two TDs: are they
 * of two runs, for a kernel has one mode?
 */
bool shutdown_same_but_mode(const struct shutdown_arm *a, const struct shutdown_arm *b);

#endif
