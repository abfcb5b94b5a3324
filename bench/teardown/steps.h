/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps.h: what the teardown of a TD consists of, as KVM of Linux 6.16 and later does it: the steps
 * that are counted, and the phases that they are told by.
 */
#ifndef TDC_BENCH_TEARDOWN_STEPS_H
#define TDC_BENCH_TEARDOWN_STEPS_H

#include "bench/teardown/port.h"

enum td_path {
	TD_DYNAMIC,  /* the HKID still assigned: tdx_sept_remove_private_spte() for each leaf */
	TD_TEARDOWN, /* the HKID released first, as KVM_TDX_TERMINATE_VM does it */
	TD_PATHS
};

/* In the order in which a path performs them, as far as it has them. */
enum td_step {
	TD_BLOCK,	/* TDH.MEM.RANGE.BLOCK */
	TD_TRACK,	/* TDH.MEM.TRACK */
	TD_KICK,	/* kvm_make_all_cpus_request(KVM_REQ_OUTSIDE_GUEST_MODE) */
	TD_IPI,		/* of it: sent to a vCPU that was in guest mode */
	TD_REMOVE,	/* TDH.MEM.PAGE.REMOVE */
	TD_WBINVD,	/* TDH.PHYMEM.PAGE.WBINVD of 4 KiB: 64 CLFLUSHOPT, MFENCE */
	TD_RECLAIM,	/* TDH.PHYMEM.PAGE.RECLAIM */
	TD_RESET,	/* a call of the reset function */
	TD_PAMT_PUT,	/* tdx_pamt_put() */
	TD_PAMT_REMOVE, /* TDH.PHYMEM.PAMT.REMOVE: the last put of 2 MiB */
	TD_VP_FLUSH,	/* TDH.VP.FLUSH */
	TD_VPFLUSHDONE, /* TDH.MNG.VPFLUSHDONE */
	TD_CACHE_WB,	/* TDH.PHYMEM.CACHE.WB of a package */
	TD_KEY_FREEID,	/* TDH.MNG.KEY.FREEID */
	TD_STEPS
};

/* SEAMCALLs that are made to take a time of their own: those of leaves, by name. */
enum td_seam {
	TD_SEAM_OTHER, /* VP.FLUSH, VPFLUSHDONE, CACHE.WB, KEY.FREEID, PAMT.REMOVE */
	TD_SEAM_BLOCK,
	TD_SEAM_TRACK,
	TD_SEAM_REMOVE,
	TD_SEAM_WBINVD,
	TD_SEAM_RECLAIM,
	TD_SEAMS
};

struct td_step_info {
	const char *name; /* a SEAMCALL's without TDH. */
	bool seamcall;
};

extern const struct td_step_info td_steps[TD_STEPS];

enum td_phase {
	TD_P_BLOCK,
	TD_P_TRACK,
	TD_P_KICK,
	TD_P_REMOVE,
	TD_P_FLUSH,
	TD_P_RECLAIM,
	TD_P_RESET,
	TD_P_PAMT,
	TD_P_LEAVES,  /* all leaves, where none is timed by itself */
	TD_P_HKID,    /* VP.FLUSH of each vCPU, VPFLUSHDONE, CACHE.WB, KEY.FREEID */
	TD_P_CONTROL, /* S-EPT pages, those of each vCPU, TDCS and TDR: RECLAIM and reset of each */
	TD_P_FREE,    /* the pages go back to the kernel */
	TD_P_WAIT,    /* threads that are done wait for the last one */
	TD_P_AWAY,    /* off the CPU: somebody else ran */
	TD_P_TIMING,  /* the marks themselves */
	TD_PHASES
};

#define TD_BIT(phase) (1u << (phase))

extern const char *const td_phase_names[TD_PHASES];

#endif
