// SPDX-License-Identifier: GPL-2.0-or-later
/* vcpus: cost per page against the vCPUs that are kicked for each. */
#include "plots/along.h"
#include "plots/feeds.h"

int vcpus_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const inside[] = { "path", "leaf", "quirk", "in_guest",
					      "mem",  "exit", NULL };
	static const struct along vcpus = {
		.factor = "vcpus",
		.x_name = "vCPUs",
		.title = "cost per page against vCPUs",
		.note = ALONG_POINTS " at each count",
		.none = "no benchmark was measured with several counts of vCPUs; try `tdcost run "
			"teardown -p vcpus=1,4,32`",
		.inside = inside,
		.instead = "page",
	};

	return along_feed(&vcpus, data, runs, n, why);
}
