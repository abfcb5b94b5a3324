// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dirty: time against the share of the LLC that was made dirty before, a curve for each scope and
 * operation of wbinvd, for each policy of stop, for each action of offline. Where samples tell a
 * total, as those of stop do, it is drawn: what was only moved to an earlier moment is no gain.
 */
#include "plots/along.h"
#include "plots/feeds.h"

int dirty_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const inside[] = { "scope", "op", "policy", "action", "flush", NULL };
	static const struct along dirty = {
		.factor = "dirty",
		.x_name = "dirty before, % of the LLC",
		.title = "time against the dirty share",
		.note = ALONG_POINTS " at each share",
		.none = "no benchmark was measured with several shares of dirty lines; try "
			"`tdcost run wbinvd -p dirty=0,50,100`",
		.inside = inside,
		.instead = "total",
	};

	return along_feed(&dirty, data, runs, n, why);
}
