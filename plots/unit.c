// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/unit.h"

#include <math.h>
#include <string.h>

#define DIGITS 5 /* before the point can still be read */

static const char *const times[] = { "ns", "us", "ms", "s" };

/* What a number of this row counts; clock units where it is a duration. */
static const char *word_of(const struct feed_row *row)
{
	const struct report_value *v = row->of;

	if (v && (!v->metric || strcmp(v->metric->quantity, "duration")))
		return v->metric ? v->metric->quantity : "count";
	return clock_unit_name(row->run->data.run.clock);
}

static void set_word(struct feed_section *s, const char *word)
{
	snprintf(s->word, sizeof(s->word), "%s", word);
	snprintf(s->unit, sizeof(s->unit), "%s per %s", s->word, s->per);
}

void unit_of(const struct feed_row *row, struct feed_section *s)
{
	const struct store_metric_row *m = row->of ? row->of->metric : row->cell->metric;

	*s = (struct feed_section){ .scale = 1 };
	snprintf(s->benchmark, sizeof(s->benchmark), "%s", row->cell->row->benchmark);
	snprintf(s->metric, sizeof(s->metric), "%s",
		 row->called ? row->called
		 : row->of   ? row->of->name
			     : "");
	snprintf(s->per, sizeof(s->per), "%s", m ? m->per : row->of ? "sample" : "unit of work");
	set_word(s, word_of(row));
	if (!row->of && !row->clock && !row->percent && row->cell->executed)
		snprintf(s->unit, sizeof(s->unit), "%s executed per %s", s->word, s->per);
	if (!row->percent)
		return;
	snprintf(s->word, sizeof(s->word), "%%");
	snprintf(s->unit, sizeof(s->unit), "%%");
}

static double most_of(const struct feed *f, const struct feed_section *s)
{
	double most = 0;

	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct feed_row *r = &f->rows[i];

		most = fmax(most, fmax(fabs(r->value), isfinite(r->hi) ? fabs(r->hi) : 0));
	}
	return most;
}

/* Of the largest unit in which @v is 1 or more. */
static size_t unit_of_time(double v, double *divisor)
{
	size_t unit = 0;

	*divisor = 1;
	for (; unit + 1 < sizeof(times) / sizeof(times[0]) && fabs(v) / *divisor >= 999.5; unit++)
		*divisor *= 1000;
	return unit;
}

/* Three digits. */
static int decimals(double v)
{
	v = fabs(v);
	return v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
}

char *unit_number(double v, enum clock_unit clock, char *buf, size_t n)
{
	double divisor;
	size_t unit = unit_of_time(v, &divisor);

	if (clock == CLOCK_UNIT_NS)
		snprintf(buf, n, "%.*f %s", decimals(v / divisor), v / divisor, times[unit]);
	else
		snprintf(buf, n, "%.0f", v);
	return buf;
}

char *unit_interval(double v, double lo, double hi, enum clock_unit clock, char *buf, size_t n)
{
	double divisor = 1;
	int digits = 0;

	if (clock == CLOCK_UNIT_NS) {
		unit_of_time(v, &divisor);
		digits = decimals(v / divisor);
	}
	if (isfinite(lo) && isfinite(hi))
		snprintf(buf, n, "[%.*f, %.*f]", digits, lo / divisor, digits, hi / divisor);
	else
		snprintf(buf, n, "n = 1");
	return buf;
}

const char *unit_for(double most, unsigned digits, double *divisor)
{
	double limit = pow(10, digits ? digits : DIGITS);
	size_t unit = 0;

	*divisor = 1;
	for (; unit + 1 < sizeof(times) / sizeof(times[0]) && most / *divisor >= limit; unit++)
		*divisor *= 1000;
	return times[unit];
}

void unit_choose(struct feed *f, struct feed_section *s)
{
	if (strcmp(s->word, times[0]))
		return;
	set_word(s, unit_for(most_of(f, s), f->digits, &s->scale));
	for (size_t i = s->first; i < s->first + s->n; i++) {
		f->rows[i].value /= s->scale;
		f->rows[i].lo /= s->scale;
		f->rows[i].hi /= s->scale;
	}
}
