/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench.h: what a benchmark is. A benchmark is one file in bench/ that ends in a
 * `const struct bench_info`; options, `list`, JSON, database rows, plot labels and skip reasons
 * all come from that descriptor.
 */
#ifndef TDC_MEASURE_BENCH_H
#define TDC_MEASURE_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"
#include "harness/core/words.h"
#include "harness/machine/machine.h"

#define BENCH_MAX_FACTORS 24 /* with the frame's own `twin` */
#define LEVEL_TEXT	  32

struct cell;

enum factor_type {
	FACTOR_WORD,  /* one of a list of words */
	FACTOR_SIZE,  /* bytes, "64M"; or one of the words, which resolve() turns into a size */
	FACTOR_COUNT, /* a number; or one of the words */
};

/* A level: what somebody can write behind FACTOR=. */
struct level_info {
	const char *name;
	const char *summary;
	bool symbolic; /* stands for another level ("auto"); resolve() replaces it */
};

struct factor_info {
	const char *name;
	const char *summary;
	enum factor_type type;
	const struct level_info *levels; /* ends with a NULL name; NULL for numbers only */
	const char *usual;	 /* the level when not named; "a,b" where a pair is the point */
	bool paired;		 /* all its levels share one process and form a block */
	enum effect_form effect; /* of one level against another */
};

/* A level of a cell: its text as stored, and its index among the words or its number. */
struct level {
	char text[LEVEL_TEXT];
	uint64_t number;
};

/* One combination of levels: what a figure is of. */
struct cell {
	const struct bench_info *bench;
	struct level levels[BENCH_MAX_FACTORS];	   /* in the order of the factors, resolved */
	char asked[BENCH_MAX_FACTORS][LEVEL_TEXT]; /* as typed */
};

/*
 * A metric that samples yield. The first is the time between the two clock reads; values of the
 * others come from values(), durations among them in raw ticks.
 */
struct metric_info {
	const char *name;
	/* "duration", "count", "percent", "bytes"; the lane's clock gives the unit. "occurrence": how
	 * often what should not happen did, so that it is shown with a bound by process. */
	const char *quantity;
	const char *per;    /* what one unit of work is: "4 KiB page"; of the others, what each
			       value is of: "CPU", "phase", "sample" */
	uint64_t bytes_per; /* bytes of one unit of work, 0 where it is not bytes: for GB/s */
};

/* Takes the values of one sample; made by the sampler. */
struct bench_values;

/* Value of series @series, a number that bench_ctx.series() gave. */
void bench_value(struct bench_values *out, int series, double value);

/*
 * What the clock showed for that sample, in ticks, less the empty cost of the blocks so far. A stored
 * sample is lessened by that of all blocks, which differs by a tick or two.
 */
double bench_sample_ticks(const struct bench_values *out);

/* What setup() gets, and where it says what it was granted. Lives as long as the state. */
struct bench_ctx {
	const struct machine *machine;
	const struct cell *arms;
	unsigned n_arms;
	unsigned cpu;
	uint64_t seed; /* for what is drawn anew in each invocation */
	json_t *facts; /* setup() adds what it drew and what it was granted */
	/* Something that makes an arm's figure unfit; arm -1: all of them. @detail is copied. */
	void (*flag)(struct bench_ctx *ctx, enum trust_flag flag, int arm, const char *detail);
	/*
	 * From prepare(), sample() or values(): what is to be timed is not there, or was not done.
	 * The sample is dropped, no hook but teardown() is called any more, and the run fails with
	 * @why, which is copied. Nothing of the invocation is stored.
	 */
	void (*give_up)(struct bench_ctx *ctx, int err, const struct reason *why);
	/*
	 * The number of the series of metric @metric (an index, not 0) whose values are of
	 * @subject: "cpu 3", "reclaim". For setup(). Return: >= 0, -ENOMEM.
	 */
	int (*series)(struct bench_ctx *ctx, unsigned metric, const char *subject);
};

struct bench_info {
	const char *name;
	const char *summary;
	unsigned version; /* raise when the figures of before can no longer be compared */
	const struct factor_info *factors; /* ends with a NULL name */
	const struct metric_info
		*metrics;   /* ends with a NULL name; the first is the sample's time */
	bool short_samples; /* samples may be shorter than 100 times the resolution */
	bool renews; /* prepare() gets memory anew: page faults are no sign of what samples do */
	bool sleeps; /* its samples wait in the kernel: off the CPU is where they should be */
	/*
	 * What it does to everybody else on the machine while it runs: "takes CPUs offline". It
	 * then needs --allow-disruptive, and stays on the first CPU unless --cpu says otherwise;
	 * what it does it undoes, whatever becomes of it. NULL: nothing.
	 */
	const char *disruptive;

	/**
	 * resolve() - replace a symbolic level of @factor by a real one
	 *
	 * Called factor by factor in their order, levels before it being final. Sets @level.
	 * Return: 0, or -ENOTSUP with the reason why it cannot be.
	 */
	int (*resolve)(const struct machine *m, const struct cell *cell, unsigned factor,
		       struct level *level, struct reason *why);

	/**
	 * supported() - can @cell run here, and does it make sense?
	 *
	 * Return: 0; -ENOTSUP: the cell is skipped with the reason; -ENOMEM and others: the whole
	 * run is refused before anything is measured.
	 */
	int (*supported)(const struct machine *m, const struct cell *cell, struct reason *why);

	/* measured, analogue or modelled; @why says why it is not measured. */
	enum kind (*kind)(const struct machine *m, const struct cell *cell, struct reason *why);

	/* Make what all arms of the group share. Return: 0 or -errno. */
	int (*setup)(struct bench_ctx *ctx, void **state, struct reason *why);

	/* Bring the machine into the state that @arm starts from. Not timed. */
	void (*prepare)(void *state, unsigned arm);

	/**
	 * sample() - the timed part
	 * @reps: do it that many times; 1 unless repeatable() said yes
	 *
	 * Return: units of work done, > 0.
	 */
	uint64_t (*sample)(void *state, unsigned arm, unsigned reps);

	/*
	 * What else the sample that was just taken yielded, through bench_value(). Not timed,
	 * called behind each sample; NULL where there is one metric.
	 */
	void (*values)(void *state, unsigned arm, struct bench_values *out);

	/* May sample() repeat without prepare() in between? NULL: never. */
	bool (*repeatable)(void *state, unsigned arm);

	/**
	 * verify() - prove that @arm does its work: bring the state into one in which undone work
	 * shows, run the timed part once, look. Not timed; once per arm and invocation, before the
	 * warm-up. NULL where nothing can be proved.
	 *
	 * Return: 0, -EFAULT with what was found.
	 */
	int (*verify)(void *state, unsigned arm, struct reason *why);

	/* What can only be said when all samples are taken (guard pages). Return: as verify(). */
	int (*finish)(void *state, struct reason *why);

	void (*teardown)(void *state);
};

/* The frame's own factor, which every benchmark has: identical arms, to examine the tool. */
extern const struct factor_info bench_twin;

/* Factors with the frame's own, which is the last. */
unsigned bench_factors(const struct bench_info *b);
const struct factor_info *bench_factor(const struct bench_info *b, unsigned i);
int bench_find_factor(const struct bench_info *b, const char *name); /* index or -1 */

/* Is the list of descriptors sound (counts, names, usual levels)? For a test. */
int bench_check(const struct bench_info *b, struct reason *why);

#endif
