/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h: the loop: rounds of invocations, each a freshly executed process, so that page placement
 * and layout are drawn anew (S4). Knows neither store nor analysis: a sink takes whole rounds, a
 * callback says when it is enough.
 */
#ifndef TDC_RUN_RUN_H
#define TDC_RUN_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "harness/measure/design.h"
#include "harness/measure/sampler.h"

/* One invocation that is over. */
struct run_invocation {
	unsigned round, position, group, cpu;
	int node;
	int64_t started; /* Unix time in ms */
	struct sampler_result result;
};

struct run_sink {
	/* Takes a finished round; a failure ends the run. Borrows @inv. */
	int (*round)(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why);
	void *ctx;
};

struct run_config {
	uint64_t seed;
	unsigned rounds;       /* at most */
	unsigned first_round;  /* 0, or where a resumed run goes on */
	uint64_t slice_ns;     /* of one invocation */
	uint64_t budget_ns;    /* no round is begun that would end beyond it; 0: none */
	unsigned least_rounds; /* that are taken even if the budget is over before */
	unsigned min_blocks, max_blocks;
	int cpu; /* pin to it; -1: drawn anew among equals */
	struct tick_clock clock;
	bool check; /* see struct machine: nothing of it is stored */
	const char *const *events;
	unsigned n_events;
	FILE *progress; /* a terminal, or NULL for silence */
	const volatile sig_atomic_t *stop;
	/* Asked after each round whether it is enough; NULL: never before @rounds. */
	bool (*enough)(void *ctx, unsigned rounds_done);
	void *enough_ctx;
};

/**
 * run_loop() - all rounds of a plan
 * @state: RUN_DONE, RUN_INTERRUPTED (@config->stop was set) or RUN_FAILED
 * @rounds_done: whole rounds that the sink took
 *
 * Return: 0 also when interrupted; -errno with @why when it failed.
 */
int run_loop(const struct plan *plan, const struct machine *m, const struct run_config *config,
	     const struct run_sink *sink, enum run_state *state, unsigned *rounds_done,
	     struct reason *why);

/* The CPU that an invocation of @bench is pinned to; NULL: of one that is not disruptive. */
unsigned run_cpu(const struct machine *m, const struct bench_info *bench,
		 const struct run_config *config, unsigned round, unsigned group);

/**
 * run_rounds_that_fit() - how many rounds end within the budget, the declared stopping rule
 * @elapsed_ns: what @done rounds took, with everything that happened in them
 * @done: rounds of this loop, 1 or more
 *
 * Return: @done or more, and what is left of @config->least_rounds or more, up to what is left of
 * @config->rounds, which it is without a budget.
 */
unsigned run_rounds_that_fit(const struct run_config *config, uint64_t elapsed_ns, unsigned done);

/*
 * What the schedule takes, in ns, where no block is longer than its slice. Set-up, verification and
 * the least number of blocks are not in it: only a round that was measured says what they take.
 */
uint64_t run_estimate_ns(const struct plan *plan, const struct run_config *config);

/**
 * run_child() - the other end: one invocation, in the process that run_loop() executed
 * @fd: its socket
 * @find: benchmark by name
 *
 * Return: exit status for main().
 */
int run_child(int fd, const struct bench_info *(*find)(const char *name));

/* The hidden first argument by which run_loop() calls this binary. */
#define RUN_CHILD_ARG "--invocation"
#define RUN_CHILD_FD  3

#endif
