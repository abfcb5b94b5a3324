// SPDX-License-Identifier: GPL-2.0-or-later
/* The factors of teardown and their levels. */
#include "bench/teardown.h"

static const struct level_info path_levels[] = {
	[TD_DYNAMIC] = { "dynamic", "each leaf: BLOCK, TRACK and kick, REMOVE, PAGE.WBINVD, reset",
			 false },
	[TD_TEARDOWN] = { "teardown", "the HKID released first, then each leaf: RECLAIM, reset",
			  false },
	{ NULL, NULL, false },
};

static const struct level_info leaf_levels[] = {
	[LEAF_4K] = { "4K", "base pages", false },
	[LEAF_2M] = { "2M", "huge pages, as posted", false },
	{ NULL, NULL, false },
};

static const struct level_info quirk_levels[] = {
	[QUIRK_ON] = { "on", "the CPU has the erratum", false },
	[QUIRK_OFF] = { "off", "it has not", false },
	{ "auto", "as this CPU has it: family 6, model 0x8F or 0xCF", true },
	{ NULL, NULL, false },
};

static const struct level_info mode_levels[] = {
	[MODE_USER] = { "user", "a loop of this program", false },
	[MODE_KERNEL] = { "kernel", "the same loop in ring 0, by tdcost.ko", false },
	{ NULL, NULL, false },
};

static const struct level_info reset_levels[] = {
	[RESET_ALWAYS] = { "always", "Linux 6.16: every 4 KiB on every CPU, a fence each", false },
	[RESET_ERRATUM] = { "erratum", "Linux 6.18: with the erratum only, a fence per 4 KiB",
			    false },
	[RESET_LEAF_FENCE] = { "leaf_fence",
			       "as posted for huge pages: a call and a fence per leaf", false },
	{ "auto", "erratum for leaf=4K, leaf_fence for leaf=2M", true },
	{ NULL, NULL, false },
};

static const struct level_info backing_levels[] = {
	[MEM_4K] = { "4k", "base pages", false },
	[MEM_THP] = { "thp", "transparent huge pages, near the kernel's direct map", false },
	{ "auto", "thp where the kernel grants it, otherwise 4k; as the leaf for mode=kernel",
	  true },
	{ NULL, NULL, false },
};

static const struct level_info before_levels[] = {
	{ "evicted", "not cached: memory that the TD has not used for a while", false },
	{ "dirty", "modified, as far as the caches hold it", false },
	{ NULL, NULL, false },
};

static const struct level_info threads_levels[] = {
	{ "all", "as many as there are CPUs", true },
	{ NULL, NULL, false },
};

static const struct level_info guest_levels[] = {
	{ "0", "the VMM has died: all vCPUs are outside", false },
	{ NULL, NULL, false },
};

static const struct level_info seam_levels[] = {
	{ "0", "none: no cost of a SEAMCALL is published", false },
	{ NULL, NULL, false },
};

/* As numbers none of these is a delay that could be asked for. */
static const struct level_info one_seam_levels[] = {
	[ONE_SEAM_NONE] = { "0", "none", false },
	[ONE_SEAM_AS_ALL] = { "seam", "as seam says", false },
	{ NULL, NULL, false },
};

static const struct level_info dpamt_levels[] = {
	[TD_DPAMT_OFF] = { "off", "no Dynamic PAMT", false },
	[TD_DPAMT_FAST] = { "fast", "as posted: the lock is taken for the last of 2 MiB", false },
	[TD_DPAMT_LOCK] = { "lock", "the global lock is taken for each page", false },
	{ NULL, NULL, false },
};

static const struct level_info skip_levels[] = {
	{ "off", "TDH.PHYMEM.CACHE.WB of each package is called", false },
	{ "on", "it is not: for mode=kernel", false },
	{ NULL, NULL, false },
};

static const struct level_info marks_levels[] = {
	{ "none", "no leaf is timed by phase", false },
	{ "auto", "1 for leaf=2M; for leaf=4K 8 where kicks reach somebody, else 32", true },
	{ NULL, NULL, false },
};

static const struct level_info out_levels[] = {
	[OUT_NONE] = { "none", "nothing is left out", false },
	[OUT_KICK] = { "kick", "the loop over vCPUs behind TRACK", false },
	[OUT_FLUSH] = { "flush", "PAGE.WBINVD", false },
	[OUT_RESET] = { "reset", "the calls that reset", false },
	[OUT_PAMT] = { "pamt", "tdx_pamt_put()", false },
	[OUT_FREE] = { "free", "the freeing", false },
	[OUT_BLOCK] = { "block", "the delay of MEM.RANGE.BLOCK", false },
	[OUT_TRACK] = { "track", "the delay of MEM.TRACK", false },
	[OUT_REMOVE] = { "remove", "the delay of MEM.PAGE.REMOVE", false },
	[OUT_RECLAIM] = { "reclaim", "the delay of PHYMEM.PAGE.RECLAIM", false },
	[OUT_HKID] = { "hkid", "the release of the HKID", false },
	[OUT_CONTROL] = { "control", "S-EPT and control pages", false },
	[OUT_ALL_BUT_RESET] = { "all_but_reset", "all else: the loop of benchmark reset, alone",
				false },
	[OUT_ALL_BUT_FLUSH_RESET] = { "all_but_flush_reset",
				      "all else: that loop with before=just_flushed, for "
				      "path=dynamic",
				      false },
	{ NULL, NULL, false },
};

#define SEAM(name, call)                                                            \
	{                                                                           \
		"seam_" name, "ns that TDH." call " is made to take", FACTOR_COUNT, \
			one_seam_levels, "seam", true, EFFECT_DIFFERENCE            \
	}

const struct factor_info teardown_factors[] = {
	[F_PATH] = { "path", "how the pages are taken from the TD", FACTOR_WORD, path_levels,
		     "dynamic,teardown", true, EFFECT_BOTH },
	[F_LEAF] = { "leaf", "the page size of the S-EPT", FACTOR_WORD, leaf_levels, "4K", true,
		     EFFECT_BOTH },
	[F_QUIRK] = { "quirk", "the erratum mode", FACTOR_WORD, quirk_levels, "on,off", true,
		      EFFECT_UNITS_BOTH },
	[F_MODE] = { "mode", "where the replay runs", FACTOR_WORD, mode_levels, "user", false,
		     EFFECT_RATIO },
	[F_RESET] = { "reset", "when the kernel resets, and how it fences", FACTOR_WORD,
		      reset_levels, "auto", true, EFFECT_BOTH },
	[F_INSN] = { "insn", "what stores the 64 bytes", FACTOR_WORD, reset_insn_levels, "auto",
		     true, EFFECT_BOTH },
	[F_SIZE] = { "size", "private memory of the TD", FACTOR_SIZE, NULL, "64M", false,
		     EFFECT_RATIO },
	[F_BACKING] = { "backing", "pages behind it", FACTOR_WORD, backing_levels, "auto", false,
			EFFECT_RATIO },
	[F_BEFORE] = { "before", "state of the lines before", FACTOR_WORD, before_levels, "evicted",
		       true, EFFECT_BOTH },
	[F_ORDER] = { "order", "order of the leaves", FACTOR_WORD, region_order_levels,
		      "sequential", true, EFFECT_BOTH },
	[F_THREADS] = { "threads", "CPUs that share the leaves", FACTOR_COUNT, threads_levels, "1",
			true, EFFECT_BOTH },
	[F_VCPUS] = { "vcpus", "vCPUs that each kick looks at", FACTOR_COUNT, NULL, "4", true,
		      EFFECT_DIFFERENCE },
	[F_IN_GUEST] = { "in_guest", "of them in guest mode, so that each kick reaches them",
			 FACTOR_COUNT, guest_levels, "0", true, EFFECT_DIFFERENCE },
	[F_DPAMT] = { "dpamt", "Dynamic PAMT", FACTOR_WORD, dpamt_levels, "off", true,
		      EFFECT_DIFFERENCE },
	[F_SKIP_CACHE_WB] = { "skip_cache_wb", "leave the packages' cache write-back out",
			      FACTOR_WORD, skip_levels, "off", true, EFFECT_DIFFERENCE },
	[F_SEAM] = { "seam", "ns that each SEAMCALL is made to take", FACTOR_COUNT, seam_levels,
		     "0", true, EFFECT_DIFFERENCE },
	[F_SEAM_BLOCK] = SEAM("block", "MEM.RANGE.BLOCK"),
	[F_SEAM_TRACK] = SEAM("track", "MEM.TRACK"),
	[F_SEAM_REMOVE] = SEAM("remove", "MEM.PAGE.REMOVE"),
	[F_SEAM_WBINVD] = SEAM("wbinvd", "PHYMEM.PAGE.WBINVD, beside its flushes,"),
	[F_SEAM_RECLAIM] = SEAM("reclaim", "PHYMEM.PAGE.RECLAIM"),
	[F_MARKS] = { "marks", "one leaf in so many is timed by phase", FACTOR_COUNT, marks_levels,
		      "auto", true, EFFECT_BOTH },
	[F_LEAVE_OUT] = { "leave_out", "what is not done: shows that a phase is true", FACTOR_WORD,
			  out_levels, "none", true, EFFECT_DIFFERENCE },
	[F_MAX] = { .name = NULL },
};

const struct metric_info teardown_metrics[] = {
	[TEARDOWN_TIME] = { "time", "duration", "teardown", 0 },
	[TEARDOWN_PHASE] = { "phase", "duration", "sample", 0 },
	[TEARDOWN_PAGE] = { "page", "duration", "4 KiB page", 0 },
	[TEARDOWN_STEPS_DONE] = { "steps", "count", "sample", 0 },
	{ NULL, NULL, NULL, 0 },
};
