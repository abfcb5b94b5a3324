// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * idle: pages that are held ready and not used, by how they are held, and what that makes of the
 * most that a VM has at once.
 */
#include "plots/feeds.h"
#include "plots/told.h"

/* Metrics of topup. */
static const struct told pages[] = {
	{ "idle", "held idle by a vCPU and its VM behind a topup, at most", "pages" },
	{ "peak", "of a VM at once, at most, in use and idle", "pages" },
	{ NULL, NULL, NULL },
};

int idle_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const inside[] = { "variant", "split", "vms", NULL };
	static const char *const always[] = { "variant", "load", "threads", NULL };
	static const struct told_plot idle = {
		.told = pages,
		.title = "pages held idle",
		.note = "point: median over invocations; bar: its 95 % interval; counted on the "
			"schedule that the run records, so that a point without a bar is a number "
			"without noise",
		.none = "no cell holds pages ready; try `tdcost run topup`",
		.inside = inside,
		.always = always,
	};

	return told_feed(&idle, data, runs, n, why);
}
