// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * victim: what a program that runs beside a flush suffers: how much of its work it does not get
 * done, how long it stands still, how long its caches take to be warm again.
 */
#include <errno.h>
#include <string.h>

#include "plots/feeds.h"
#include "plots/forest.h"

/* Metrics of wbinvd; a percentage is stored as a count. */
static const struct {
	const char *metric, *title, *unit;
} told[] = {
	{ "victim-slowdown-percent", "slowdown while the flush lasts", "%" },
	{ "victim-gap", "longest gap", NULL },
	{ "victim-warm-up", "from the flush until it is warm again", NULL },
};
#define TOLD (sizeof(told) / sizeof(told[0]))

static int add_rows(struct feed *f, struct reason *why)
{
	for (size_t m = 0; m < TOLD; m++) {
		for (size_t i = 0; i < f->n_runs; i++) {
			const struct report *r = f->runs[i];

			for (size_t k = 0; k < r->n_cells; k++) {
				const struct report_value *v =
					report_value_of(r, &r->cells[k], told[m].metric);

				if (v && !feed_add_value(f, i, v))
					return reason_set(why, -ENOMEM, "out of memory");
			}
		}
	}
	if (f->n)
		return 0;
	return reason_set(why, -ENODATA,
			  "no cell holds a victim; try `tdcost run wbinvd -p victim=llc`");
}

static void name_sections(struct feed *f)
{
	for (size_t s = 0; s < f->n_sections; s++) {
		struct feed_section *section = &f->sections[s];
		size_t m = 0;

		while (m + 1 < TOLD && strcmp(told[m].metric, section->metric))
			m++;
		snprintf(section->title, sizeof(section->title), "%s", told[m].title);
		if (!told[m].unit)
			continue;
		snprintf(section->unit, sizeof(section->unit), "%s", told[m].unit);
		snprintf(section->word, sizeof(section->word), "%s", told[m].unit);
	}
}

int victim_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const struct forest style = { .what = "", .no_value = "n = 1" };
	static const char *const inside[] = { "scope", "op", "dirty", "by", NULL };
	static const char *const always[] = { "op", "scope", "dirty", "victim", NULL };
	char benchmarks[120], title[200];
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	f.inside = inside;
	f.always = always;
	if (!ret)
		ret = add_rows(&f, why);
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (ret)
		goto out;
	name_sections(&f);
	snprintf(title, sizeof(title), "%s: what a victim beside the flush suffers",
		 feed_drawn(&f, benchmarks, sizeof(benchmarks)));
	feed_caption(
		data, &f, title,
		"point: median over invocations; bar: its 95 % interval; slowdown: work not done, "
		"at the victim's own pace just before; warm again: of samples in which it became "
		"so, `tdcost show` counts the others; dirty in % of the LLC");
	ret = forest_write(data, &f, &style);
	if (!ret)
		ret = feed_done(data, why);
out:
	feed_end(&f);
	return ret;
}
