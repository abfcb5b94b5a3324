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

	if (i % SPTES_PER_PAGE == 0)
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
	return i % SPTES_PER_PAGE ? nothing : region(i / SPTES_PER_PAGE);
}

struct topup_need topup_schedule_split(uint64_t i)
{
	return region(i);
}
