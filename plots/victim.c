// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * victim: what a program that runs beside a flush suffers: how much of its work it does not get
 * done, how long it stands still, how long its caches take to be warm again.
 */
#include "plots/feeds.h"
#include "plots/told.h"

/* Metrics of wbinvd; a percentage is stored as a count. */
static const struct told suffered[] = {
	{ "victim-slowdown-percent", "slowdown while the flush lasts", "%" },
	{ "victim-gap", "longest gap", NULL },
	{ "victim-warm-up", "from the flush until it is warm again", NULL },
	{ NULL, NULL, NULL },
};

int victim_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const inside[] = { "scope", "op", "dirty", "by", NULL };
	static const char *const always[] = { "op", "scope", "dirty", "victim", NULL };
	static const struct told_plot victim = {
		.told = suffered,
		.title = "what a victim beside the flush suffers",
		.note = "point: median over invocations; bar: its 95 % interval; slowdown: work "
			"not done, at the victim's own pace just before; warm again: of samples in "
			"which it became so, `tdcost show` counts the others; dirty in % of the "
			"LLC",
		.none = "no cell holds a victim; try `tdcost run wbinvd -p victim=llc`",
		.inside = inside,
		.always = always,
	};

	return told_feed(&victim, data, runs, n, why);
}
