/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sampler.h: takes the samples of one invocation: all arms of a group in one process, in blocks,
 * in random order within each block (S3), pinned, with the warm-up decided from the data.
 */
#ifndef TDC_MEASURE_SAMPLER_H
#define TDC_MEASURE_SAMPLER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/sample.h"
#include "harness/machine/pmu.h"
#include "harness/measure/bench.h"
#include "harness/measure/clock.h"

/* A sample is at least this many times the clock's resolution (S13). */
#define MIN_RESOLUTIONS 100
/* And a sample that may be repeated takes about this long, so that cold code does not show. */
#define BATCH_NS 20000

struct sampler_job {
	const struct bench_info *bench;
	const struct cell *arms;
	unsigned n_arms;
	unsigned cpu;
	uint64_t seed;
	uint64_t slice_ns;   /* set-up, verification, warm-up and samples; then no new block */
	unsigned min_blocks; /* taken also when the slice is over */
	unsigned max_blocks;
	struct tick_clock clock; /* calibrated in another process; its overhead is not used */
	bool check;		 /* see struct machine: nothing of it is stored */
	const char *events[PMU_MAX_EVENTS];
	unsigned n_events;
};

/* A flag that was raised in this invocation. */
struct sampler_flag {
	enum trust_flag flag;
	int arm;
	char detail[192];
};

/* What values are of: an event that was counted, a CPU's share of a sample. */
struct sampler_series {
	char metric[32]; /* "event", or a name among the benchmark's metrics */
	char subject[96];
};

/* A value of sample @seq. */
struct sampler_part {
	uint32_t seq;
	uint32_t series; /* index into result.series */
	double value;
};

struct sampler_result {
	double overhead; /* ticks: empty cost in this process, to be subtracted from each sample */
	struct sample *samples;
	size_t n_samples;
	struct sampler_flag *flags;
	size_t n_flags;
	struct sampler_part *parts;
	size_t n_parts;
	struct sampler_series *series;
	size_t n_series;
	json_t *setup;	 /* what was drawn anew and what was granted */
	json_t *varying; /* warm-up blocks, empty cost seen, steal, faults, refused events */
};

/**
 * sampler_run() - one invocation, in the calling process
 * @stop: set from a signal handler: the open block is dropped and -EINTR returned
 *
 * The thread is pinned and stays so. Return: 0; -EINTR; or what setup() said, or give_up() was given.
 * Free with sampler_result_free() in every case.
 */
int sampler_run(const struct machine *m, const struct sampler_job *job,
		struct sampler_result *result, const volatile sig_atomic_t *stop,
		struct reason *why);
void sampler_result_free(struct sampler_result *result);

/**
 * warm_up_steady() - is a series of block times steady at its end?
 *
 * Steady when the medians of the last two windows of three blocks differ by less than 2 %.
 * Fewer than six blocks are not.
 */
bool warm_up_steady(const double *block_ticks, size_t n);

/**
 * overhead_moved() - did the empty cost move by more than matters to the samples?
 * @before, @after: its means over what was measured before, and after, each block
 * @resolution: the clock's
 * @shortest: the shortest sample
 *
 * In ticks. What matters is more than the resolution and more than 0.1 % of the shortest sample.
 */
bool overhead_moved(double before, double after, double resolution, double shortest);

#endif
