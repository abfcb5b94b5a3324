// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/effects.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/list.h"
#include "harness/core/units.h"
#include "plots/unit.h"

char *text_number(double v, char *buf, size_t n)
{
	return number_format(v, 4, buf, n);
}

char *text_interval(double lo, double hi, double level, char *buf, size_t n)
{
	char a[32], b[32];

	if (isnan(lo) || isnan(hi)) {
		snprintf(buf, n, "needs 2 rounds");
		return buf;
	}
	snprintf(buf, n, "[%s, %s]", text_number(lo, a, sizeof(a)), text_number(hi, b, sizeof(b)));
	/* Few values: even their extremes do not reach 95 %. */
	if (level < 0.9495)
		snprintf(buf + strlen(buf), n - strlen(buf), " (%.0f %%)", level * 100);
	return buf;
}

char *text_p(const struct effect *e, size_t min_n, char *buf, size_t n)
{
	if (e->n < min_n || isnan(e->p))
		snprintf(buf, n, "-");
	else if (e->p < 0.0001)
		snprintf(buf, n, "<0.0001");
	else
		snprintf(buf, n, "%.4f", e->p);
	return buf;
}

/* A log ratio as a change in percent. */
static double percent(double log_ratio)
{
	return expm1(log_ratio) * 100;
}

static char *signed_number(double v, char *buf, size_t n)
{
	char number[32];

	snprintf(buf, n, "%s%s", v > 0 ? "+" : "", text_number(v, number, sizeof(number)));
	return buf;
}

static void difference(const struct comparison_row *row, const char *unit, char *buf, size_t n)
{
	char number[40];

	snprintf(buf, n, "%s %s", signed_number(row->diff.value, number, sizeof(number)), unit);
}

static void difference_interval(const struct comparison_row *row, char *buf, size_t n)
{
	char a[40], b[40];

	snprintf(buf, n, "[%s, %s]", signed_number(row->diff.lo, a, sizeof(a)),
		 signed_number(row->diff.hi, b, sizeof(b)));
}

static void ratio(const struct comparison_row *row, char *buf, size_t n)
{
	snprintf(buf, n, "%+.2f %%", percent(row->ratio.value));
}

static void ratio_interval(const struct comparison_row *row, char *buf, size_t n)
{
	snprintf(buf, n, "[%+.2f, %+.2f]", percent(row->ratio.lo), percent(row->ratio.hi));
}

static double side_most(const struct comparison_side *s)
{
	return fmax(fabs(s->level), isfinite(s->interval.hi) ? fabs(s->interval.hi) : 0);
}

const char *rows_unit(const struct report *r, const struct comparison_row *rows, size_t n,
		      double *divisor)
{
	double most = 0;

	*divisor = 1;
	for (size_t i = 0; i < n; i++)
		most = fmax(most, fmax(side_most(&rows[i].a), side_most(&rows[i].b)));
	return report_is_time(r, rows->a.cell) ? unit_for(most, 0, divisor)
					       : report_word(r, rows->a.cell);
}

static void scale_side(struct comparison_side *s, double divisor)
{
	s->level /= divisor;
	s->interval.lo /= divisor;
	s->interval.hi /= divisor;
}

struct comparison_row row_told_in(const struct comparison_row *row, double divisor)
{
	struct comparison_row told = *row;

	scale_side(&told.a, divisor);
	scale_side(&told.b, divisor);
	told.diff.value /= divisor;
	told.diff.lo /= divisor;
	told.diff.hi /= divisor;
	return told;
}

char *text_effect(const struct comparison_row *row, const char *unit, char *buf, size_t n)
{
	if (comparison_by_difference(row))
		difference(row, unit, buf, n);
	else
		ratio(row, buf, n);
	return buf;
}

char *text_effect_interval(const struct comparison_row *row, char *buf, size_t n)
{
	if (isnan(row->diff.lo))
		snprintf(buf, n, "needs 2 rounds");
	else if (comparison_by_difference(row))
		difference_interval(row, buf, n);
	else
		ratio_interval(row, buf, n);
	return buf;
}

static bool tells_both(const struct comparison_row *row)
{
	return (row->form == EFFECT_BOTH || row->form == EFFECT_UNITS_BOTH) && row->ratio_valid;
}

char *text_other(const struct comparison_row *row, const char *unit, char *buf, size_t n)
{
	buf[0] = '\0';
	if (tells_both(row) && comparison_by_difference(row))
		ratio(row, buf, n);
	else if (tells_both(row))
		difference(row, unit, buf, n);
	return buf;
}

char *text_other_interval(const struct comparison_row *row, char *buf, size_t n)
{
	buf[0] = '\0';
	if (!tells_both(row) || isnan(row->diff.lo))
		return buf;
	if (comparison_by_difference(row))
		ratio_interval(row, buf, n);
	else
		difference_interval(row, buf, n);
	return buf;
}

char *text_withheld(const struct comparison_row *row, char *buf, size_t n)
{
	buf[0] = '\0';
	switch (row->withheld) {
	case WITHHELD_NOT:
		break;
	case WITHHELD_LOAD:
		snprintf(buf, n, OFF_CPU_DETAIL "%.0f %% of the time",
			 fmax(row->a.load, row->b.load) * 100);
		break;
	case WITHHELD_NO_FLOOR:
		snprintf(buf, n, "no noise floor");
		break;
	case WITHHELD_IN_FLOOR:
		snprintf(buf, n, "inside the noise floor");
		break;
	}
	return buf;
}

char *text_verdict(const struct report *r, const struct comparison *c,
		   const struct comparison_row *row, char *buf, size_t n)
{
	const char *word = verdict_name(row->verdict.verdict, report_is_time(r, row->a.cell));
	const char *what = c->boots || row->lone_boots ? "boot" : "round";
	char reason[64];
	size_t at;

	if (row->verdict.verdict == VERDICT_INCONCLUSIVE && row->verdict.needed)
		snprintf(buf, n, "%s, %zu more %s%s needed", word, row->verdict.needed, what,
			 row->verdict.needed == 1 ? "" : "s");
	else if (row->verdict.verdict == VERDICT_INCONCLUSIVE && row->new_run)
		snprintf(buf, n, "%s; try a new run of %zu %ss", word, row->new_run, what);
	else
		snprintf(buf, n, "%s", word);
	at = strlen(buf);
	if (row->withheld)
		snprintf(buf + at, n - at, "%s %s", row->verdict.needed ? ";" : ":",
			 text_withheld(row, reason, sizeof(reason)));
	return buf;
}

enum effect_form effect_form_of(const char *benchmark, const char *factor)
{
	const struct bench_info *b = bench_find(benchmark);
	int i = b ? bench_find_factor(b, factor) : -1;

	return i < 0 ? EFFECT_RATIO : bench_factor(b, (unsigned)i)->effect;
}

bool is_upper_bound(const struct comparison_row *row)
{
	const struct report_cell *a = row->a.cell, *b = row->b.cell;

	return strcmp(report_level(a, "quirk"), report_level(b, "quirk")) &&
	       report_without_seamcalls(a) && report_without_seamcalls(b);
}

bool any_upper_bound(const struct comparison_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_upper_bound(&rows[i]))
			return true;
	return false;
}

json_t *json_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

json_t *effect_json(const struct effect *e, size_t min_n)
{
	return json_pack("{s:o, s:o, s:o, s:f, s:I, s:o}", "value", json_number(e->value), "lo",
			 json_number(e->lo), "hi", json_number(e->hi), "level", e->level, "n",
			 (json_int_t)e->n, "p", e->n < min_n ? json_null() : json_number(e->p));
}

static json_t *side_json(const struct comparison_side *s)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:s, s:o, s:o}", "cell",
			 s->cell->row->hash, "level", json_number(s->level), "lo",
			 json_number(s->interval.lo), "hi", json_number(s->interval.hi), "n",
			 (json_int_t)s->n, "samples", (json_int_t)s->samples, "run",
			 s->report->data.run.uuid, "off_cpu", json_number(s->load), "waited",
			 json_number(report_waited(s->cell)));
}

json_t *series_json(const struct series *s)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:b, s:b}", "lag1", json_number(s->lag1),
			 "autocorrelated", s->autocorrelated, "drift", json_number(s->drift),
			 "drift_p", json_number(s->drift_p), "drifting", s->drifting, "two_modes",
			 s->two_modes);
}

static const char *const pairings[] = {
	[PAIRED_NOT] = "none", [PAIRED_BLOCKS] = "blocks", [PAIRED_ROUNDS] = "rounds"
};

json_t *comparison_row_json(const struct comparison *c, const struct comparison_row *row)
{
	bool is_time = report_is_time(row->a.report, row->a.cell);
	char unit[96], reason[64];

	return json_pack("{s:s, s:s, s:O, s:O, s:s, s:s, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:f}, "
			 "s:s, s:s, s:I,"
			 " s:I, s:b, s:o, s:o, s:s, s:I, s:b, s:o}",
			 "label", row->label, "benchmark", row->a.cell->row->benchmark, "factors_a",
			 row->a.cell->factors, "factors_b", row->b.cell->factors, "kind",
			 kind_name(row->kind), "unit",
			 report_unit(row->a.report, row->a.cell, unit, sizeof(unit)), "a",
			 side_json(&row->a), "b", side_json(&row->b), "difference",
			 effect_json(&row->diff, c->min_n), "log_ratio",
			 row->ratio_valid ? effect_json(&row->ratio, c->min_n) : json_null(),
			 "judged", "lo", json_number(row->judged.lo), "hi",
			 json_number(row->judged.hi), "level", row->judged.level, "decided_by",
			 comparison_by_difference(row) ? "difference" : "ratio", "verdict",
			 verdict_name(row->verdict.verdict, is_time), "more_needed",
			 (json_int_t)row->verdict.needed, "new_run", (json_int_t)row->new_run,
			 "untrustworthy", row->fatal, "noise_floor", json_number(row->floor),
			 "effects", series_json(&row->series), "pairing", pairings[row->pairing],
			 "outlying", (json_int_t)row->outliers.n, "one_boot_a_side",
			 row->lone_boots, "withheld",
			 row->withheld ? json_string(text_withheld(row, reason, sizeof(reason)))
				       : json_null());
}
