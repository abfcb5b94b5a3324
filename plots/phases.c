// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * phases: where a shutdown's time goes: a bar per cell, made of its phases, and what of it no phase
 * explains. The metric `phase` of any benchmark is drawn so.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/feeds.h"
#include "plots/forest.h"
#include "plots/unit.h"

#define METRIC	     "phase"
#define UNEXPLAINED  "unexplained"
#define OTHER	     "other" /* phases that are too small, or too many, to be told apart */
#define SMALL	     0.005   /* of the time of each row */
#define PHASES_KNOWN 64

static const struct report_value *phase_of(const struct feed_row *row, const char *name)
{
	const struct report *r = row->run;

	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].cell == row->cell && !strcmp(r->values[i].name, METRIC) &&
		    !strcmp(r->values[i].subject, name))
			return &r->values[i];
	return NULL;
}

/* Samples may overlap the clock's own cost: less than nothing is drawn as nothing. */
static double time_of(const struct feed_row *row, const char *name)
{
	const struct report_value *v = phase_of(row, name);

	return v ? fmax(v->level, 0) : 0;
}

static bool is_named(const struct forest_parts *parts, const char *name)
{
	for (size_t i = 0; i < parts->n; i++)
		if (!strcmp(parts->name[i], name))
			return true;
	return false;
}

/* What has no name of its own. */
static double rest_of(const struct forest_parts *parts, const struct feed_row *row)
{
	const struct report *r = row->run;
	double sum = 0;

	for (size_t i = 0; i < r->n_values; i++) {
		const struct report_value *v = &r->values[i];

		if (v->cell == row->cell && !strcmp(v->name, METRIC) &&
		    strcmp(v->subject, UNEXPLAINED) && !is_named(parts, v->subject))
			sum += fmax(v->level, 0);
	}
	return sum;
}

static double part_of(const struct forest_parts *parts, const struct feed_row *row, size_t i)
{
	return strcmp(parts->name[i], OTHER) ? time_of(row, parts->name[i]) : rest_of(parts, row);
}

static struct interval no_interval(const struct feed_row *row)
{
	(void)row;
	return (struct interval){ .lo = NAN, .hi = NAN };
}

static const struct report_value *largest(const struct feed_row *row)
{
	const struct report *r = row->run;
	const struct report_value *best = NULL;

	for (size_t i = 0; i < r->n_values; i++) {
		const struct report_value *v = &r->values[i];

		if (v->cell == row->cell && !strcmp(v->name, METRIC) &&
		    strcmp(v->subject, UNEXPLAINED) && (!best || v->level > best->level))
			best = v;
	}
	return best;
}

#define BRIEF "%8s %6s"
#define FULL  "%8s %-16s %-18s %6s"

static void heads(char brief[FOREST_FIGURES], char full[FOREST_FIGURES])
{
	snprintf(brief, FOREST_FIGURES, BRIEF, "total", "unexpl");
	snprintf(full, FOREST_FIGURES, FULL, "total", "[95 %]", "largest phase", "unexpl");
}

static void share_text(double part, double whole, char *buf, size_t n)
{
	snprintf(buf, n, "%.1f%%", whole > 0 ? 100 * part / whole : 0);
}

static void figures(const struct feed_row *row, char brief[FOREST_FIGURES],
		    char full[FOREST_FIGURES])
{
	enum clock_unit clock = row->run->data.run.clock;
	const struct arm_summary *sum = report_clock(row->cell);
	const struct report_value *most = largest(row), *rest = phase_of(row, UNEXPLAINED);
	char total[32], interval[72], share[16], phase[64], left[16] = "-";

	unit_number(sum->level, clock, total, sizeof(total));
	unit_interval(sum->level, sum->interval.lo, sum->interval.hi, clock, interval,
		      sizeof(interval));
	share_text(most ? most->level : 0, sum->level, share, sizeof(share));
	snprintf(phase, sizeof(phase), "%.40s %s", most ? most->subject : "-", share);
	if (rest)
		share_text(rest->level, sum->level, left, sizeof(left));
	snprintf(brief, FOREST_FIGURES, BRIEF, total, left);
	snprintf(full, FOREST_FIGURES, FULL, total, interval, phase, left);
}

/* The largest share of the phase in the time of any row. */
static double share_of(const struct feed *f, const char *name)
{
	double most = 0;

	for (size_t i = 0; i < f->n; i++) {
		double whole = report_clock(f->rows[i].cell)->level;

		if (whole > 0)
			most = fmax(most, time_of(&f->rows[i], name) / whole);
	}
	return most;
}

static bool has_phases(const struct report *r, const struct report_cell *c)
{
	return report_value_of(r, c, METRIC) != NULL;
}

/* Phases divide the clock. */
static bool add_row(struct feed *f, size_t run_no, const struct report_cell *cell)
{
	struct feed_row *row = feed_add(f, run_no, cell);
	const struct arm_summary *sum = report_clock(cell);

	if (!row)
		return false;
	row->clock = true;
	row->value = sum->level;
	row->lo = sum->interval.lo;
	row->hi = sum->interval.hi;
	return true;
}

static int add_rows(struct feed *f, struct reason *why)
{
	for (size_t i = 0; i < f->n_runs; i++) {
		const struct report *r = f->runs[i];

		for (size_t k = 0; k < r->n_cells; k++)
			if (r->cells[k].has_data && has_phases(r, &r->cells[k]) &&
			    !add_row(f, i, &r->cells[k]))
				return reason_set(why, -ENOMEM, "out of memory");
	}
	if (f->n)
		return 0;
	return reason_set(why, -ENODATA, "no cell tells its phases; try `tdcost run teardown`");
}

/* The order of a shutdown, near enough for colours; what is not among them comes behind them. */
static const char *const in_time[] = {
	"block",       "track",	  "kick",  "remove", "flush",  "hkid",	  "control",
	"terminate",   "reclaim", "reset", "pamt",   "vcpus",  "memslot", "kill",
	"guest_memfd", "vm",	  "kvm",   "free",   "memory",
};

static size_t place_of(const char *name)
{
	size_t i = 0;

	while (i < sizeof(in_time) / sizeof(in_time[0]) && strcmp(in_time[i], name))
		i++;
	return i;
}

/*
 * A phase looks the same in every picture, whichever others it stands among. Those of a replay first,
 * then those of a VM; what nobody knew here shares the last two.
 */
static const char *const looks[FOREST_LOOKS - 2] = {
	"reset",   "flush", "reclaim", "kick",	  "free",      "block", "track",
	"remove",  "hkid",  OTHER,     "pamt",	  UNEXPLAINED, "vm",	"guest_memfd",
	"memslot", "vcpus", "memory",  "kill",	  "terminate", "kvm",	"away",
	"leaves",  "wait",  "timing",  "control",
};

static unsigned look_of(const struct forest_parts *parts, size_t i)
{
	const char *name = parts->name[i];
	unsigned k = 0;

	while (k < FOREST_LOOKS - 2 && strcmp(looks[k], name))
		k++;
	return k + 1 + (k == FOREST_LOOKS - 2 && name[0] & 1);
}

struct known {
	const char *name;
	double share;
};

static int by_share(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->share < y->share) - (x->share > y->share);
}

static int by_time(const void *a, const void *b)
{
	size_t x = place_of(*(const char *const *)a), y = place_of(*(const char *const *)b);

	return (x > y) - (x < y);
}

static void add_known(struct known *known, size_t *n, const struct feed *f, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(known[i].name, name))
			return;
	if (*n < PHASES_KNOWN && strcmp(name, UNEXPLAINED))
		known[(*n)++] = (struct known){ name, share_of(f, name) };
}

/* The largest, in their order in time; behind them the others together, and what is unexplained. */
static void find_names(const struct feed *f, struct forest_parts *parts, const char **names)
{
	struct known known[PHASES_KNOWN] = { { NULL, 0 } };
	size_t n = 0;

	for (size_t i = 0; i < f->n_runs; i++)
		for (size_t k = 0; k < f->runs[i]->n_values; k++)
			if (!strcmp(f->runs[i]->values[k].name, METRIC))
				add_known(known, &n, f, f->runs[i]->values[k].subject);
	qsort(known, n, sizeof(*known), by_share);
	while (parts->n < n && parts->n < FOREST_PARTS - 2 && known[parts->n].share >= SMALL) {
		names[parts->n] = known[parts->n].name;
		parts->n++;
	}
	qsort(names, parts->n, sizeof(*names), by_time);
	if (parts->n < n)
		names[parts->n++] = OTHER;
	names[parts->n++] = UNEXPLAINED;
}

int phases_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	const char *names[FOREST_PARTS];
	struct forest_parts parts = { .name = names,
				      .of = part_of,
				      .look = look_of,
				      .first = no_interval,
				      .heads = heads,
				      .figures = figures };
	const struct forest style = { .what = "time", .parts = &parts };
	static const char *const always[] = { "path", "quirk", "exit", NULL };
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
	find_names(&f, &parts, names);
	snprintf(title, sizeof(title), "%s: time by phase",
		 feed_drawn(&f, benchmarks, sizeof(benchmarks)));
	feed_caption(
		data, &f, title,
		"medians over invocations; bar: the phases, and what none of them explains, where "
		"that is more than nothing; point: the whole with its 95 % interval; medians of "
		"phases need not add up to the median of the whole");
	ret = forest_write(data, &f, &style);
	if (!ret)
		ret = feed_done(data, why);
out:
	feed_end(&f);
	return ret;
}
