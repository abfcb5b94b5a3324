// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cost: what a unit of work costs in each cell. Where work is bytes, the fastest stores of the
 * same run in the same region bound what any other cell could reach.
 */
#include <errno.h>

#include "plots/feed.h"
#include "plots/feeds.h"
#include "plots/forest.h"

int cost_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const struct forest style = {
		.what = "cost", .no_value = "n = 1", .bound = true, .rate = true
	};
	char benchmarks[120], title[200];
	bool bytes = false;
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	if (!ret && feed_add_cells(&f, true))
		ret = reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (ret)
		goto out;
	for (size_t i = 0; i < f.n; i++)
		bytes |= f.rows[i].cell->gb_s > 0;
	snprintf(title, sizeof(title), "%s: cost%s%s",
		 feed_drawn(&f, benchmarks, sizeof(benchmarks)), f.n_sections == 1 ? " in " : "",
		 f.n_sections == 1 ? f.sections[0].unit : "");
	feed_caption(data, &f, title,
		     bytes ? "point: median over invocations; bar: its 95 % interval; "
			     "line: cost at the fastest store rate of the same run and region"
			   : "point: median over invocations; bar: its 95 % interval");
	ret = forest_write(data, &f, &style);
	if (!ret)
		ret = feed_done(data, why);
out:
	feed_end(&f);
	return ret;
}
