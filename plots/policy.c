// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy: what a kexec's flushes cost by who flushes when. The stop, which Linux gives a second,
 * stands first in each bar; what a policy does before it or behind it is a part of its own, so that
 * a flush which was only moved does not look like a gain.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "plots/feeds.h"
#include "plots/forest.h"
#include "plots/unit.h"

/* Metrics of the benchmark stop. */
#define TOTAL "total"
#define LATE  "late"

enum { PART_STOP, PART_OWN, PART_EARLY, PARTS };
static const char *const metrics[PARTS] = { "empty", "own", "early" };
static const char *const names[PARTS] = { "stop", "own", "early" };

static const struct report_value *value_of(const struct feed_row *row, const char *metric)
{
	return report_value_of(row->run, row->cell, metric);
}

static double part_of(const struct forest_parts *parts, const struct feed_row *row, size_t i)
{
	const struct report_value *v = value_of(row, metrics[i]);

	(void)parts;
	return v ? v->level : 0;
}

static struct interval interval_of(const struct feed_row *row)
{
	return value_of(row, metrics[PART_STOP])->interval;
}

static const char *part_text(const struct feed_row *row, size_t i, char *buf, size_t n)
{
	const struct report_value *v = value_of(row, metrics[i]);

	return v ? unit_number(v->level, row->run->data.run.clock, buf, n) : "-";
}

static const char *interval_text(const struct report_value *v, enum clock_unit clock, char *buf,
				 size_t n)
{
	return unit_interval(v->level, v->interval.lo, v->interval.hi, clock, buf, n);
}

#define BRIEF "%8s %8s"
#define FULL  "%8s %-14s %8s %8s %8s %-14s %15s"

static void heads(char brief[FOREST_FIGURES], char full[FOREST_FIGURES])
{
	snprintf(brief, FOREST_FIGURES, BRIEF, "stop", "total");
	snprintf(full, FOREST_FIGURES, FULL, "stop", "[95 %]", "own", "early", "total", "[95 %]",
		 "late");
}

/* "3/60 2/10": stops, then the processes that hold one; "0/60 <26 %": the bound on their share. */
static const char *late_text(const struct report_value *v, char *buf, size_t n)
{
	struct interval in;

	if (!v || tails_occurrence(v->hit_processes, v->invocations, &in))
		snprintf(buf, n, "-");
	else if (v->hits)
		snprintf(buf, n, "%zu/%zu %zu/%zu", v->hits, v->samples, v->hit_processes,
			 v->invocations);
	else
		snprintf(buf, n, "0/%zu <%.2g %%", v->samples, 100 * in.hi);
	return buf;
}

static void figures(const struct feed_row *row, char brief[FOREST_FIGURES],
		    char full[FOREST_FIGURES])
{
	enum clock_unit clock = row->run->data.run.clock;
	char part[PARTS][32], total[32], stop[72], interval[72], late[96];
	const char *text[PARTS];

	for (size_t i = 0; i < PARTS; i++)
		text[i] = part_text(row, i, part[i], sizeof(part[i]));
	unit_number(row->of->level, clock, total, sizeof(total));
	snprintf(brief, FOREST_FIGURES, BRIEF, text[PART_STOP], total);
	snprintf(full, FOREST_FIGURES, FULL, text[PART_STOP],
		 interval_text(value_of(row, metrics[PART_STOP]), clock, stop, sizeof(stop)),
		 text[PART_OWN], text[PART_EARLY], total,
		 interval_text(row->of, clock, interval, sizeof(interval)),
		 late_text(value_of(row, LATE), late, sizeof(late)));
}

static int add_rows(struct feed *f, struct reason *why)
{
	for (size_t i = 0; i < f->n_runs; i++) {
		const struct report *r = f->runs[i];

		for (size_t k = 0; k < r->n_cells; k++) {
			const struct report_value *v = report_value_of(r, &r->cells[k], TOTAL);

			if (v && report_value_of(r, &r->cells[k], metrics[PART_STOP]) &&
			    !feed_add_value(f, i, v))
				return reason_set(why, -ENOMEM, "out of memory");
		}
	}
	if (f->n)
		return 0;
	return reason_set(why, -ENODATA, "no cell holds a stop; try `tdcost run stop`");
}

int policy_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const struct forest_parts parts = {
		.n = PARTS,
		.name = names,
		.of = part_of,
		.first = interval_of,
		.heads = heads,
		.figures = figures,
	};
	static const struct forest style = { .what = "time", .parts = &parts };
	static const char *const always[] = { "policy", "flagged", "dirty", NULL };
	char benchmarks[120], title[200];
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	f.always = always;
	f.digits = 3;
	if (!ret)
		ret = add_rows(&f, why);
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (ret)
		goto out;
	snprintf(title, sizeof(title), "%s: time by policy",
		 feed_drawn(&f, benchmarks, sizeof(benchmarks)));
	feed_caption(
		data, &f, title,
		"medians over invocations; bar: stop, until no CPU is left in the mask; own, the "
		"flush of the kexec-ing CPU behind it; early, the flush before it; lines: 95 % "
		"intervals of the stop and, with a point, of the total; flagged and dirty in %; "
		"late: stops in which a CPU was late past 1 s, of n; then the processes that had "
		"one, or, for none, the upper 95 % bound on the share of processes that have one");
	ret = forest_write(data, &f, &style);
	if (!ret)
		ret = feed_done(data, why);
out:
	feed_end(&f);
	return ret;
}
