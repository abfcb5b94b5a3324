// SPDX-License-Identifier: GPL-2.0-or-later
/* saving: what the early return saves, as a paired difference inside the same processes. */
#include <errno.h>
#include <stdlib.h>

#include "plots/feed.h"
#include "plots/feeds.h"
#include "plots/forest.h"

/* A pair is off against on, so what is saved is its negative. */
static int add_pairs(struct feed *f, size_t run_no)
{
	struct report_pair *pairs;
	long n = report_pairs(f->runs[run_no], "quirk", "on", "off", &pairs);

	if (n < 0)
		return (int)n;
	for (long i = 0; i < n; i++) {
		const struct effect *e = &pairs[i].sum.diff;
		struct feed_row *row = feed_add(f, run_no, pairs[i].a);

		if (!row) {
			free(pairs);
			return -ENOMEM;
		}
		row->kind = pairs[i].kind;
		row->fatal = pairs[i].fatal || f->runs[run_no]->fatal;
		row->value = -e->value;
		row->lo = -e->hi;
		row->hi = -e->lo;
		row->n = e->n;
		row->samples = pairs[i].sum.blocks;
	}
	free(pairs);
	return 0;
}

int saving_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const struct forest style = { .what = "saving by quirk=off", .no_value = "n = 1" };
	char benchmarks[120], title[200];
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	f.compared = "quirk";
	for (size_t i = 0; i < n && !ret; i++) {
		ret = add_pairs(&f, i);
		if (ret)
			reason_set(why, ret, "out of memory");
	}
	if (!ret && !f.n)
		ret = reason_set(why, -ENODATA,
				 "no cell was measured with quirk=on and with quirk=off; "
				 "try `tdcost run reset -p quirk=on,off`");
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (ret)
		goto out;
	snprintf(title, sizeof(title), "%s: what quirk=off saves%s%s",
		 feed_drawn(&f, benchmarks, sizeof(benchmarks)), f.n_sections == 1 ? " in " : "",
		 f.n_sections == 1 ? f.sections[0].unit : "");
	feed_caption(
		data, &f, title,
		"point: paired difference on - off, median over blocks, mean over invocations; "
		"bar: its 95 % t interval; above 0 quirk=off is cheaper");
	ret = forest_write(data, &f, &style);
	if (!ret)
		ret = feed_done(data, why);
out:
	feed_end(&f);
	return ret;
}
