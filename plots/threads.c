// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * threads: contention. Time of a unit of work against the threads that work at once, and what they
 * wait for a lock and keep it, where that was metered.
 */
#include "plots/along.h"
#include "plots/feeds.h"

int threads_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const also[] = { "wait", "hold", NULL };
	static const char *const inside[] = { "variant",  "insn",  "mode", "vms",
					      "indirect", "split", "pamt", NULL };
	static const struct along threads = {
		.factor = "threads",
		.x_name = "threads at work at once",
		.log = true,
		.title = "contention",
		.note = ALONG_POINTS
		" at each count; time: of all threads together for a unit of "
		"work, so that it falls where more of them get more done; wait "
		"and hold: mean over a sample of the lock that is taken first",
		.none = "no benchmark was measured with several counts of threads; try `tdcost run "
			"topup -p threads=1,2,all`",
		.inside = inside,
		.also = also,
	};

	return along_feed(&threads, data, runs, n, why);
}
