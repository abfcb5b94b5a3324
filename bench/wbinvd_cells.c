// SPDX-License-Identifier: GPL-2.0-or-later
/* Which cells of wbinvd make sense on a machine, and why the others do not. */
#include "bench/wbinvd.h"

#include <errno.h>

#include "bench/kmod/client.h"
#include "bench/ops/flusher.h"
#include "bench/ops/region.h"
#include "bench/ops/scope.h"
#include "bench/ops/victim.h"
#include "harness/core/units.h"
#include "harness/machine/mem.h"

#define MAX_PERCENT 150
#define SET_STEP    VICTIM_MIN_BYTES

/* Beyond the L2 and well inside the LLC; what of the two is not known sets no bound. */
static uint64_t llc_set(uint64_t l2, uint64_t llc)
{
	if (!l2 || !llc)
		return l2 ? 4 * l2 : llc / 4;
	return 4 * l2 < llc / 4 ? 4 * l2 : llc / 4;
}

int wbinvd_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		   struct level *level, struct reason *why)
{
	uint64_t l2 = cpu_l2_bytes(&m->cpu);
	uint64_t bytes = level->number == SET_L2 ? l2 / 2 : llc_set(l2, region_llc_bytes(m));

	(void)factor; /* set is the only one with symbolic levels */
	if (cell->levels[F_VICTIM].number == VICTIM_NONE) {
		*level = (struct level){ "none", SET_NONE };
		return 0;
	}
	if (!bytes)
		return reason_set(why, -ENOTSUP,
				  "set=%s: the size of the cache is not known; name one: -p set=1M",
				  level->text);
	level->number = bytes / SET_STEP * SET_STEP;
	if (!level->number)
		level->number = SET_STEP;
	size_format(level->number, level->text, LEVEL_TEXT);
	return 0;
}

static int victim_fits(const struct machine *m, const struct level *l, struct reason *why)
{
	uint64_t set = l[F_SET].number, llc = region_llc_bytes(m);

	if (l[F_VICTIM].number == VICTIM_NONE && set != SET_NONE)
		return reason_set(why, -ENOTSUP, "set=%s goes with a victim", l[F_SET].text);
	if (l[F_VICTIM].number == VICTIM_NONE)
		return 0;
	if (!set || set % SET_STEP)
		return reason_set(why, -ENOTSUP, "set=%s: a victim needs a multiple of 64K",
				  l[F_SET].text);
	if (llc && set > llc)
		return reason_set(why, -ENOTSUP,
				  "set=%s is never warm in an LLC of %llu MiB; take half or less",
				  l[F_SET].text, (unsigned long long)(llc >> 20));
	return victim_supported(m->topo, (enum victim_where)l[F_VICTIM].number, why);
}

/* How many LLCs there are to make dirty. */
static unsigned caches(const struct topo *topo, const struct level *l)
{
	enum tdcost_mode scope = (enum tdcost_mode)l[F_SCOPE].number;
	unsigned flushed = scope == TDCOST_ONE		 ? 1
			   : scope == TDCOST_PER_PACKAGE ? topo_packages(topo)
							 : topo_llcs(topo);

	switch (l[F_BY].number) {
	case SCOPE_BY_LOCAL:
		return flushed;
	case SCOPE_BY_REMOTE:
		return topo_llcs(topo) - flushed;
	default:
		return topo_llcs(topo);
	}
}

static int dirty_fits(const struct machine *m, const struct level *l, struct reason *why)
{
	uint64_t percent = l[F_DIRTY].number, llc = region_llc_bytes(m), bytes;

	if (percent > MAX_PERCENT)
		return reason_set(why, -ENOTSUP, "dirty=%s: %d percent of the LLC at most",
				  l[F_DIRTY].text, MAX_PERCENT);
	if (!percent)
		return 0;
	if (!llc)
		return reason_set(why, -ENOTSUP,
				  "the size of the LLC is not known, so dirty=%s means nothing; "
				  "take dirty=0",
				  l[F_DIRTY].text);
	if (l[F_BY].number == SCOPE_BY_REMOTE &&
	    scope_covers_all(m->topo, (enum tdcost_mode)l[F_SCOPE].number))
		return reason_set(why, -ENOTSUP,
				  "by=remote: with scope=%s each of the %u LLCs has a CPU that "
				  "flushes",
				  l[F_SCOPE].text, topo_llcs(m->topo));
	bytes = llc * percent / 100 / 4096 * 4096 * caches(m->topo, l);
	return bytes ? mem_supported(m->root, MEM_4K, bytes, why) : 0;
}

static int sweep_fits(const struct level *l, struct reason *why)
{
	if (!l[F_DIRTY].number)
		return reason_set(why, -ENOTSUP,
				  "op=sweep flushes what was made dirty, and with dirty=0 that is "
				  "nothing");
	if (l[F_SCOPE].number == TDCOST_IN_TURN)
		return reason_set(why, -ENOTSUP,
				  "op=sweep in turn is a sweep by one CPU; take scope=one");
	return 0;
}

int wbinvd_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	int ret;

	if (lane_clock(m->lane) != CLOCK_UNIT_NS && !m->check)
		return reason_set(why, -ENOTSUP,
				  "a flush does nothing in an emulator (lane %s); tdcost check "
				  "wbinvd shows there that the code works",
				  lane_name(m->lane));
	ret = l[F_OP].number == FLUSHER_SWEEP
		      ? sweep_fits(l, why)
		      : kmod_supported(m,
				       l[F_OP].number == TDCOST_WBNOINVD ? TDCOST_HAS_WBNOINVD : 0,
				       why);
	if (!ret)
		ret = dirty_fits(m, l, why);
	return ret ? ret : victim_fits(m, l, why);
}

enum kind wbinvd_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	if (cell->levels[F_OP].number != FLUSHER_SWEEP)
		return KIND_MEASURED;
	reason_set(why, 0, "CLFLUSHOPT on the lines that were made dirty stands in for WBINVD");
	return KIND_ANALOGUE;
}
