// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/teardown/steps.h"

const struct td_step_info td_steps[TD_STEPS] = {
	[TD_BLOCK] = { "MEM.RANGE.BLOCK", true },
	[TD_TRACK] = { "MEM.TRACK", true },
	[TD_KICK] = { "kick", false },
	[TD_IPI] = { "IPI", false },
	[TD_REMOVE] = { "MEM.PAGE.REMOVE", true },
	[TD_WBINVD] = { "PHYMEM.PAGE.WBINVD", true },
	[TD_RECLAIM] = { "PHYMEM.PAGE.RECLAIM", true },
	[TD_RESET] = { "reset", false },
	[TD_PAMT_PUT] = { "pamt_put", false },
	[TD_PAMT_REMOVE] = { "PHYMEM.PAMT.REMOVE", true },
	[TD_VP_FLUSH] = { "VP.FLUSH", true },
	[TD_VPFLUSHDONE] = { "MNG.VPFLUSHDONE", true },
	[TD_CACHE_WB] = { "PHYMEM.CACHE.WB", true },
	[TD_KEY_FREEID] = { "MNG.KEY.FREEID", true },
};

const char *const td_phase_names[TD_PHASES] = {
	[TD_P_BLOCK] = "block",	  [TD_P_TRACK] = "track",     [TD_P_KICK] = "kick",
	[TD_P_REMOVE] = "remove", [TD_P_FLUSH] = "flush",     [TD_P_RECLAIM] = "reclaim",
	[TD_P_RESET] = "reset",	  [TD_P_PAMT] = "pamt",	      [TD_P_LEAVES] = "leaves",
	[TD_P_HKID] = "hkid",	  [TD_P_CONTROL] = "control", [TD_P_FREE] = "free",
	[TD_P_WAIT] = "wait",	  [TD_P_AWAY] = "away",	      [TD_P_TIMING] = "timing",
};
