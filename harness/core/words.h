/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h: the words that every part of tdcost shares. Each list is written once, here; names
 * and meanings come from the same table, so a new word is one line.
 */
#ifndef TDC_CORE_WORDS_H
#define TDC_CORE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Where a run was executed. Lanes are never mixed in one figure. */
enum lane {
	LANE_HOST,  /* this machine itself */
	LANE_VM,    /* QEMU with KVM acceleration */
	LANE_COUNT, /* QEMU TCG under -icount, one CPU */
	LANE_SPR,   /* the Sapphire Rapids that Bochs emulates */
	LANE_SMOKE, /* QEMU TCG, several CPUs: functional only, stores no figure */
	LANE_MAX
};

/* What a tick of the lane's clock becomes. */
enum clock_unit {
	CLOCK_UNIT_NS,	 /* time: TSC ticks converted to nanoseconds */
	CLOCK_UNIT_INSN, /* executed instructions: never printed as a time */
	CLOCK_UNIT_NONE, /* no clock worth storing */
	CLOCK_UNIT_MAX
};

/*
 * What a figure rests on, from strongest to weakest; a sum takes the weakest of its parts, which
 * is the largest value.
 */
enum kind {
	KIND_MEASURED, /* the instruction or event itself was timed */
	KIND_ANALOGUE, /* another instruction or event stands in */
	KIND_MODELLED, /* a constant that was not measured here was added */
	KIND_MAX
};

/* In which form an effect is told, and which one its verdict is about. */
enum effect_form {
	EFFECT_RATIO,	   /* times: what most changes are */
	EFFECT_DIFFERENCE, /* units: where one side costs next to nothing and a ratio means nothing */
	EFFECT_BOTH,	   /* both are told, the ratio decides */
	EFFECT_UNITS_BOTH, /* both are told, the difference decides: the whole lacks a part */
};

static inline bool effect_is_difference(enum effect_form form)
{
	return form == EFFECT_DIFFERENCE || form == EFFECT_UNITS_BOTH;
}

/* How a run ended. */
enum run_state {
	RUN_OPEN,	 /* still going, or its process died */
	RUN_DONE,	 /* every round that was planned, or a declared stopping rule */
	RUN_INTERRUPTED, /* the user stopped it; the finished rounds count */
	RUN_FAILED,	 /* an error ended it; the finished rounds count */
	RUN_STATE_MAX
};

/* What became of a cell of the plan. */
enum cell_state {
	CELL_PLANNED, /* takes part */
	CELL_SKIPPED, /* cannot run here, or makes no sense; the reason is stored */
	CELL_STATE_MAX
};

/* What makes a figure unfit, or is worth a remark. See trust_flag_info(). */
enum trust_flag {
	FLAG_VIRTUAL_MACHINE,
	FLAG_NO_INVARIANT_TSC,
	FLAG_CLOCKSOURCE,
	FLAG_CLOCK_STEP,
	FLAG_HUGE_PAGES,
	FLAG_MOVED,
	FLAG_ENVIRONMENT_CHANGED,
	FLAG_GOVERNOR,
	FLAG_TURBO,
	FLAG_SMT,
	FLAG_STEAL,
	FLAG_BUSY,
	FLAG_PAGE_FAULT,
	FLAG_SHORT_SAMPLE,
	FLAG_OVERHEAD,
	FLAG_ERRATUM_DISAGREES,
	FLAG_NO_COUNTERS,
	FLAG_NO_TWO_DIMENSIONAL_PAGING,
	FLAG_WARM_UP,
	FLAG_VERIFY,
	FLAG_NO_FLUSH,
	FLAG_UNEXPLAINED,
	FLAG_RETRIED,
	FLAG_RECORD_FULL,
	FLAG_NOT_PROVED,
	FLAG_NOT_HELD,
	FLAG_MAX
};

/*
 * How the detail of the sampler's FLAG_BUSY begins. Readers of a file find by it the processes that
 * others kept off the CPU: benchmarks that sleep are off it, too, and do not get the flag.
 */
#define OFF_CPU_DETAIL "off the CPU for "

struct trust_flag_info {
	const char *code;    /* as stored: kebab-case, stable */
	bool fatal;	     /* the figure is untrustworthy; otherwise a remark */
	const char *meaning; /* one sentence for a reader of a report */
};

/* Each returns a static string, "?" for a value out of range. */
const char *lane_name(enum lane v);
const char *clock_unit_name(enum clock_unit v); /* "ns", "instructions", "none" */

/* What the clock of a lane counts. CLOCK_UNIT_NONE: it yields no figure, so nothing is stored. */
enum clock_unit lane_clock(enum lane v);
const char *kind_name(enum kind v);
const char *run_state_name(enum run_state v);
const char *cell_state_name(enum cell_state v);

/* The reverse: the value, or -1 when @name is none of them. */
int lane_parse(const char *name);
int clock_unit_parse(const char *name);
int kind_parse(const char *name);
int run_state_parse(const char *name);
int cell_state_parse(const char *name);

/* The weakest label of two: what a sum of both may be called. */
enum kind kind_weakest(enum kind a, enum kind b);

/* Never NULL for a value below FLAG_MAX. */
const struct trust_flag_info *trust_flag_info(enum trust_flag v);
int trust_flag_parse(const char *code);

/* Exit status of the program; an interface, so the numbers never change. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REGRESSION = 3,
	EXIT_UNDECIDED = 7, /* of a gate too, with --gate-inconclusive=fail */
	EXIT_UNSUPPORTED = 4,
	EXIT_UNTRUSTWORTHY = 5,
	EXIT_REFUSED = 6, /* what was asked to be compared may not be */
};

#endif
