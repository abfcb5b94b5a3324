// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/core/words.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const lane_names[] = {
	[LANE_HOST] = "host", [LANE_VM] = "vm",	      [LANE_COUNT] = "count",
	[LANE_SPR] = "spr",   [LANE_SMOKE] = "smoke",
};
static_assert(ARRAY_SIZE(lane_names) == LANE_MAX, "every lane has a name");

static const enum clock_unit lane_clocks[] = {
	[LANE_HOST] = CLOCK_UNIT_NS,	[LANE_VM] = CLOCK_UNIT_NS,
	[LANE_COUNT] = CLOCK_UNIT_INSN, [LANE_SPR] = CLOCK_UNIT_INSN,
	[LANE_SMOKE] = CLOCK_UNIT_NONE,
};
static_assert(ARRAY_SIZE(lane_clocks) == LANE_MAX, "every lane has a clock, or says it has none");

static const char *const clock_unit_names[] = {
	[CLOCK_UNIT_NS] = "ns",
	[CLOCK_UNIT_INSN] = "instructions",
	[CLOCK_UNIT_NONE] = "none",
};
static_assert(ARRAY_SIZE(clock_unit_names) == CLOCK_UNIT_MAX, "every unit has a name");

static const char *const kind_names[] = {
	[KIND_MEASURED] = "measured",
	[KIND_ANALOGUE] = "analogue",
	[KIND_MODELLED] = "modelled",
};
static_assert(ARRAY_SIZE(kind_names) == KIND_MAX, "every kind has a name");

static const char *const run_state_names[] = {
	[RUN_OPEN] = "open",
	[RUN_DONE] = "done",
	[RUN_INTERRUPTED] = "interrupted",
	[RUN_FAILED] = "failed",
};
static_assert(ARRAY_SIZE(run_state_names) == RUN_STATE_MAX, "every state has a name");

static const char *const cell_state_names[] = {
	[CELL_PLANNED] = "planned",
	[CELL_SKIPPED] = "skipped",
};
static_assert(ARRAY_SIZE(cell_state_names) == CELL_STATE_MAX, "every state has a name");

static const struct trust_flag_info trust_flags[] = {
	[FLAG_VIRTUAL_MACHINE] = { "virtual-machine", false,
				   "this is a virtual machine; the host below it adds noise" },
	[FLAG_NO_INVARIANT_TSC] = { "no-invariant-tsc", true,
				    "the TSC changes its rate, so ticks are not time" },
	[FLAG_CLOCKSOURCE] = { "clocksource", true,
			       "the kernel does not use the TSC, so it found it unstable" },
	[FLAG_CLOCK_STEP] = { "clock-step", true,
			      "TSC and CLOCK_MONOTONIC_RAW disagreed during an invocation" },
	[FLAG_HUGE_PAGES] = { "huge-pages", true,
			      "huge pages were asked for and not granted in full" },
	[FLAG_MOVED] = { "moved", true, "the thread ran on another CPU than it was pinned to" },
	[FLAG_ENVIRONMENT_CHANGED] = { "environment-changed", true,
				       "a setting that identifies the machine changed during the "
				       "run" },
	[FLAG_GOVERNOR] = { "governor", false, "the frequency governor is not 'performance'" },
	[FLAG_TURBO] = { "turbo", false, "turbo is on, so the frequency follows the heat" },
	[FLAG_SMT] = { "smt", false, "a sibling hyperthread may have run beside the benchmark" },
	[FLAG_STEAL] = { "steal", false, "the hypervisor took the CPU away during an invocation" },
	[FLAG_BUSY] = { "busy", false, "other work ran beside the benchmark" },
	[FLAG_PAGE_FAULT] = { "page-fault", false,
			      "pages were faulted in while samples were taken" },
	[FLAG_SHORT_SAMPLE] = { "short-sample", true,
				"a sample was shorter than 100 times the clock's resolution" },
	[FLAG_OVERHEAD] = { "overhead", false,
			    "the clock's empty cost differed from the one subtracted" },
	[FLAG_ERRATUM_DISAGREES] = { "erratum-disagrees", false,
				     "the CPU has the erratum and the kernel does not say so" },
	[FLAG_NO_COUNTERS] = { "no-counters", false,
			       "performance events that were asked for do not exist here" },
	[FLAG_NO_TWO_DIMENSIONAL_PAGING] = { "no-two-dimensional-paging", false,
					     "KVM runs without EPT or NPT" },
	[FLAG_WARM_UP] = { "warm-up", false, "samples had not become steady when warm-up ended" },
	[FLAG_VERIFY] = { "verify", true, "the benchmark did not do its work" },
	[FLAG_NO_FLUSH] = { "wbinvd-does-nothing", true,
			    "WBINVD was not seen to flush: a hypervisor intercepts it, and its "
			    "time "
			    "is that of an exit" },
	[FLAG_UNEXPLAINED] = { "unexplained", false,
			       "phases miss or exceed the time of more than half of the samples" },
	[FLAG_RETRIED] = { "retried", false,
			   "a call was refused and tried again, and the wait is in the figure" },
	[FLAG_RECORD_FULL] = { "record-full", false,
			       "what is kept of a co-runner's steps ended before its trouble did" },
	[FLAG_NOT_PROVED] = { "flush-not-proved", false,
			      "whether the timed flush flushes could not be seen on this machine" },
	[FLAG_NOT_HELD] = { "lines-not-held", false,
			    "lines that were to be cached had left the cache when a sample began" },
};
static_assert(ARRAY_SIZE(trust_flags) == FLAG_MAX, "every flag has its words");

static const char *name_of(const char *const *names, size_t n, unsigned v)
{
	return v < n ? names[v] : "?";
}

static int value_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

#define DEFINE_WORD(type)                                                            \
	const char *type##_name(enum type v)                                         \
	{                                                                            \
		return name_of(type##_names, ARRAY_SIZE(type##_names), (unsigned)v); \
	}                                                                            \
	int type##_parse(const char *name)                                           \
	{                                                                            \
		return value_of(type##_names, ARRAY_SIZE(type##_names), name);       \
	}

enum clock_unit lane_clock(enum lane v)
{
	return (unsigned)v < LANE_MAX ? lane_clocks[v] : CLOCK_UNIT_NONE;
}

DEFINE_WORD(lane)
DEFINE_WORD(clock_unit)
DEFINE_WORD(kind)
DEFINE_WORD(run_state)
DEFINE_WORD(cell_state)

enum kind kind_weakest(enum kind a, enum kind b)
{
	return a > b ? a : b;
}

const struct trust_flag_info *trust_flag_info(enum trust_flag v)
{
	static const struct trust_flag_info unknown = { "?", true, "unknown flag" };

	return (unsigned)v < FLAG_MAX ? &trust_flags[v] : &unknown;
}

int trust_flag_parse(const char *code)
{
	for (size_t i = 0; code && i < FLAG_MAX; i++)
		if (!strcmp(trust_flags[i].code, code))
			return (int)i;
	return -1;
}
