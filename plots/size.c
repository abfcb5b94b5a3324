// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * size: time of a whole shutdown against the memory that is given back, with the erratum, without
 * it, and of a plain VM; and what its absence saves, absolute and in percent.
 */
#include "plots/along.h"
#include "plots/feeds.h"

int size_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const inside[] = {
		"path", "leaf", "quirk", "mem", "type", "exit", NULL
	};
	static const struct along_pair saved = {
		.factor = "quirk",
		.a = "on",
		.b = "off",
		.difference = "saving by quirk=off",
		.percent = "saving by quirk=off, of quirk=on",
	};
	static const struct along size = {
		.factor = "size",
		.x_name = "memory",
		.bytes = true,
		.log = true,
		.title = "shutdown time against size",
		.note = ALONG_POINTS " at each size; saving: paired difference on - off, median "
				     "over blocks, mean over invocations, its 95 % t interval",
		.none = "no benchmark was measured with several sizes; try `tdcost run teardown "
			"-p size=64M,256M,1G`",
		.inside = inside,
		.pair = &saved,
	};

	return along_feed(&size, data, runs, n, why);
}
