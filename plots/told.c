// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/told.h"

#include <errno.h>
#include <string.h>

#include "plots/forest.h"

static int add_metric(struct feed *f, const char *metric, struct reason *why)
{
	for (size_t i = 0; i < f->n_runs; i++) {
		const struct report *r = f->runs[i];

		for (size_t k = 0; k < r->n_cells; k++) {
			const struct report_value *v = report_value_of(r, &r->cells[k], metric);

			if (v && !feed_add_value(f, i, v))
				return reason_set(why, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

static int add_rows(const struct told_plot *plot, struct feed *f, struct reason *why)
{
	int ret = 0;

	for (const struct told *t = plot->told; t->metric && !ret; t++)
		ret = add_metric(f, t->metric, why);
	if (!ret && !f->n)
		ret = reason_set(why, -ENODATA, "%s", plot->none);
	return ret;
}

static void name_sections(const struct told_plot *plot, struct feed *f)
{
	for (size_t s = 0; s < f->n_sections; s++) {
		struct feed_section *section = &f->sections[s];
		const struct told *t = plot->told;

		while (strcmp(t->metric, section->metric))
			t++;
		snprintf(section->title, sizeof(section->title), "%s", t->title);
		if (!t->unit)
			continue;
		snprintf(section->unit, sizeof(section->unit), "%s", t->unit);
		snprintf(section->word, sizeof(section->word), "%s", t->unit);
	}
}

int told_feed(const struct told_plot *plot, FILE *data, const struct report *const *runs, size_t n,
	      struct reason *why)
{
	static const struct forest style = { .what = "", .no_value = "n = 1" };
	char benchmarks[120], title[200];
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	f.inside = plot->inside;
	f.always = plot->always;
	if (!ret)
		ret = add_rows(plot, &f, why);
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (ret)
		goto out;
	name_sections(plot, &f);
	snprintf(title, sizeof(title), "%s: %s", feed_drawn(&f, benchmarks, sizeof(benchmarks)),
		 plot->title);
	feed_caption(data, &f, title, plot->note);
	ret = forest_write(data, &f, &style);
	if (!ret)
		ret = feed_done(data, why);
out:
	feed_end(&f);
	return ret;
}
