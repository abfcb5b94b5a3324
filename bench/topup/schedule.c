// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/topup/schedule.h"

const char *const topup_load_names[TOPUP_LOADS] = {
	[TOPUP_STEADY] = "steady",
	[TOPUP_BURST] = "burst",
	[TOPUP_COLD] = "cold",
};

/* The @i-th 2 MiB region: its S-EPT page, its pair, and at times one for the S-EPT page. */
static struct topup_need region(uint64_t i)
{
	struct topup_need need = { .sept = 1, .pairs = 1 };

	if (i % SPTE_ENT_PER_PAGE == 0)
		need.pairs++;
	return need;
}

struct topup_need topup_schedule_fault(enum topup_load load, uint64_t i)
{
	/* Below the root, which is a control page, and the memory that is mapped. */
	static const struct topup_need cold = { PT64_ROOT_MAX_LEVEL - 1, PT64_ROOT_MAX_LEVEL };
	static const struct topup_need nothing = { 0, 0 };

	if (load == TOPUP_COLD)
		return cold;
	if (load == TOPUP_STEADY)
		return region(i);
	return i % SPTE_ENT_PER_PAGE ? nothing : region(i / SPTE_ENT_PER_PAGE);
}

const struct topup_need *topup_schedule_splits(uint64_t first)
{
	/* region(), twice over, so that as many as share an entry begin anywhere in the first. */
	static const struct topup_need splits[2 * SPTE_ENT_PER_PAGE] = {
		[0] = { TDX_SPLIT_SEPT_PAGES, TDX_SPLIT_PAIRS },
		[1 ... SPTE_ENT_PER_PAGE - 1] = { TDX_SPLIT_SEPT_PAGES, 1 },
		[SPTE_ENT_PER_PAGE] = { TDX_SPLIT_SEPT_PAGES, TDX_SPLIT_PAIRS },
		[SPTE_ENT_PER_PAGE + 1 ... 2 * SPTE_ENT_PER_PAGE - 1] = { TDX_SPLIT_SEPT_PAGES, 1 },
	};

	return &splits[first % SPTE_ENT_PER_PAGE];
}
