// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "harness/cli/effects.h"
#include "harness/cli/show.h"

#define MAX_PAIRINGS 1024

/* S23: quantiles with their 95 % intervals; null where there is none. */
static void set_tails(json_t *to, const struct tail tails[TAILS])
{
	static const char *const keys[TAILS][3] = { { "p90", "p90_lo", "p90_hi" },
						    { "p99", "p99_lo", "p99_hi" },
						    { "p999", "p999_lo", "p999_hi" } };

	for (unsigned i = 0; i < TAILS; i++) {
		json_object_set_new(to, keys[i][0], json_number(tails[i].value));
		json_object_set_new(to, keys[i][1], json_number(tails[i].interval.lo));
		json_object_set_new(to, keys[i][2], json_number(tails[i].interval.hi));
	}
}

static json_t *numbers_json(const struct arm_summary *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
			 "median", json_number(s->level), "lo", json_number(s->interval.lo), "hi",
			 json_number(s->interval.hi), "level", json_number(s->interval.level), "n",
			 (json_int_t)s->invocations, "samples", (json_int_t)s->samples, "within",
			 json_number(s->within), "between", json_number(s->between), "min",
			 json_number(s->min), "p50", json_number(s->p50), "max",
			 json_number(s->max), "outliers", (json_int_t)s->outliers, "blocks",
			 series_json(&s->blocks), "rounds", series_json(&s->rounds));
}

static json_t *summary_json(const struct report *r, const struct report_cell *c)
{
	json_t *summary = numbers_json(&c->sum);
	struct tail tails[TAILS];

	if (!tails_arm(r->ds, c->row->arm_group, c->row->arm, tails))
		set_tails(summary, tails);
	return summary;
}

static json_t *earlier_json(const struct report_earlier *e)
{
	return e->runs ? json_pack("{s:I, s:f, s:f, s:b}", "runs", (json_int_t)e->runs, "lo", e->lo,
				   "hi", e->hi, "predicted", e->predicted)
		       : json_null();
}

static json_t *cell_json_row(const struct report *r, const struct report_cell *c)
{
	char unit[96];

	return json_pack(
		"{s:s, s:s, s:i, s:O, s:s, s:s, s:s*, s:b, s:s, s:o, s:o, s:o, s:o, s:o}", "cell",
		c->row->hash, "benchmark", c->row->benchmark, "version", (int)c->row->version,
		"factors", c->factors, "state", cell_state_name(c->row->state), "kind",
		kind_name(c->row->kind), "reason", c->row->reason, "untrustworthy", c->fatal,
		"unit", report_unit(r, c, unit, sizeof(unit)), "gb_s",
		c->gb_s > 0 ? json_real(c->gb_s) : json_null(), "summary",
		c->has_data ? summary_json(r, c) : json_null(), "earlier",
		earlier_json(&c->earlier), "waited", json_number(report_waited(c)), "clock",
		c->has_data && c->executed ? numbers_json(&c->clock) : json_null());
}

/* All of them are one family: a report's verdicts are adjusted together (S9). */
static json_t *pairs_json(const struct report *r)
{
	static struct report_pairing pairings[MAX_PAIRINGS];
	size_t n = report_pairings(r, pairings, MAX_PAIRINGS);
	json_t *list = json_array();
	struct comparison c;

	if (!n || comparison_by(r, pairings, n, effect_form_of, SESOI_DEFAULT, &c, NULL))
		return list;
	for (size_t i = 0; i < c.n_rows; i++) {
		const struct report_pairing *p = &pairings[c.rows[i].asked];
		json_t *row = comparison_row_json(&c, &c.rows[i]);

		json_object_set_new(row, "factor", json_string(p->factor));
		json_object_set_new(row, "level_a", json_string(p->a));
		json_object_set_new(row, "level_b", json_string(p->b));
		json_array_append_new(list, row);
	}
	comparison_free(&c);
	return list;
}

static json_t *flags_json(const struct report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->data.n_flags; i++) {
		const struct store_flag_row *f = &r->data.flags[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:s, s:s*, s:i, s:i, s:i}", "flag",
						trust_flag_info(f->flag)->code, "fatal", f->fatal,
						"meaning", trust_flag_info(f->flag)->meaning,
						"detail", f->detail, "arm_group", f->arm_group,
						"arm", f->arm, "times", (int)f->count));
	}
	return list;
}

/* S23: in how many samples and processes it occurred, and in which share of processes it does. */
static void set_occurrence(json_t *to, const struct report_value *v)
{
	struct interval in;

	if (!report_is_occurrence(v) || tails_occurrence(v->hit_processes, v->invocations, &in))
		return;
	json_object_set_new(to, "hits", json_integer((json_int_t)v->hits));
	json_object_set_new(to, "hit_processes", json_integer((json_int_t)v->hit_processes));
	json_object_set_new(to, "processes_lo", json_number(in.lo));
	json_object_set_new(to, "processes_hi", json_number(in.hi));
}

/* A subject of null is all of them together. */
static json_t *value_json(const struct report *r, const struct report_value *v)
{
	const char *quantity = v->metric ? v->metric->quantity : "count";
	json_t *value = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f}",
				  "cell", v->cell->row->hash, "metric", v->name, "subject",
				  *v->subject ? v->subject : NULL, "quantity", quantity, "unit",
				  strcmp(quantity, "duration") ? quantity
							       : clock_unit_name(r->data.run.clock),
				  "n", (json_int_t)v->n, "samples", (json_int_t)v->samples,
				  "processes", (json_int_t)v->invocations, "total", v->total, "min",
				  v->min, "p50", v->p50, "max", v->max);

	set_tails(value, v->tails);
	set_occurrence(value, v);
	return value;
}

static json_t *values_json(const struct report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_values; i++)
		json_array_append_new(list, value_json(r, &r->values[i]));
	return list;
}

json_t *show_json(const struct report *r)
{
	const struct store_run_row *run = &r->data.run;
	json_t *cells = json_array();

	for (size_t i = 0; i < r->n_cells; i++)
		json_array_append_new(cells, cell_json_row(r, &r->cells[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:f, s:f, s:f, s:o?, s:o?,"
			 " s:o, s:o, s:o, s:o, s:o?}",
			 "run", run->uuid, "label", run->label, "state", run_state_name(run->state),
			 "lane", lane_name(run->lane), "clock", clock_unit_name(run->clock), "tool",
			 r->data.tool, "seed", (json_int_t)run->seed, "rounds", (int)r->rounds,
			 "cpu", r->data.cpu, "tick_hz", r->data.tick_hz, "resolution_ticks",
			 r->data.resolution, "overhead_ticks", r->data.overhead, "plan",
			 json_loads(r->data.plan, 0, NULL), "argv",
			 json_loads(r->data.argv, 0, NULL), "cells", cells, "pairs", pairs_json(r),
			 "flags", flags_json(r), "values", values_json(r), "environment",
			 json_loads(r->data.identity, 0, NULL));
}
