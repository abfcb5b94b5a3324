// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/effects.h"
#include "harness/cli/remarks.h"
#include "harness/cli/show.h"
#include "harness/core/units.h"
#include "plots/unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What every reader asks of a run that holds it; the JSON has all pairings. A is what is given up. */
static const struct {
	struct report_pairing pairing;
	const char *title;
} asked_for[] = {
	{ { "quirk", "on", "off" }, "what quirk=off saves: its change against quirk=on" },
	{ { "flush", "on", "off" }, "what flush=off saves: its change against flush=on" },
	{ { "store", "off", "on" }, "what the byte costs: store=on against store=off" },
	{ { "twin", "a", "b" },
	  "twin=b against twin=a, which are the same: what is not 0 is noise" },
};

static unsigned planned_rounds(const struct report *r)
{
	json_t *plan = json_loads(r->data.plan, 0, NULL);
	json_int_t rounds = json_integer_value(json_object_get(plan, "rounds"));

	json_decref(plan);
	return (unsigned)rounds;
}

static void print_head(const struct report *r)
{
	const struct store_run_row *run = &r->data.run;
	unsigned planned = planned_rounds(r);
	char machine[256], rounds[80];

	if (run->state == RUN_DONE && r->rounds < planned)
		snprintf(rounds, sizeof(rounds), "%u of %u rounds (its stopping rule ended it)",
			 r->rounds, planned);
	else if (r->rounds < planned)
		snprintf(rounds, sizeof(rounds), "%u of %u rounds", r->rounds, planned);
	else
		snprintf(rounds, sizeof(rounds), "%u round%s", r->rounds,
			 r->rounds == 1 ? "" : "s");
	printf("run %.8s%s%s%s, %s, %s, seed %llu\n%s\n", run->uuid, *run->label ? " \"" : "",
	       run->label, *run->label ? "\"" : "", run_state_name(run->state), rounds,
	       (unsigned long long)run->seed, report_machine(r, machine, sizeof(machine)));
}

/* Times of a table share a unit, so that they can be compared; counts are told as they are. */
struct told_in {
	double divisor;
	const char *unit; /* NULL: what the file says */
};

static struct told_in told_in(const struct report *r, double most)
{
	struct told_in in = { .divisor = 1 };

	if (r->data.run.clock == CLOCK_UNIT_NS)
		in.unit = unit_for(most, 0, &in.divisor);
	return in;
}

static bool any_earlier(const struct report *r, const char *benchmark)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].earlier.runs && !strcmp(r->cells[i].row->benchmark, benchmark))
			return true;
	return false;
}

static void print_earlier(struct table *t, const struct report_earlier *e, double divisor)
{
	char lo[32], hi[32];

	if (e->runs == 1)
		table_cell(t, "%s (1)", text_number(e->lo / divisor, lo, sizeof(lo)));
	else if (e->runs)
		table_cell(t, "%s to %s (%zu)", text_number(e->lo / divisor, lo, sizeof(lo)),
			   text_number(e->hi / divisor, hi, sizeof(hi)), e->runs);
	else
		table_cell(t, "-");
}

static void print_cell_row(struct table *t, const struct report_cell *c, double divisor)
{
	const struct arm_summary *s = &c->sum;
	char a[32], ci[80];

	table_row(t);
	table_cell(t, "%s", c->label);
	table_cell(t, "%s%s", kind_name(c->row->kind), c->fatal ? ", UNTRUSTWORTHY" : "");
	if (!c->has_data) {
		table_cell(t, "no sample");
		return;
	}
	table_cell(t, "%s", text_number(s->level / divisor, a, sizeof(a)));
	table_cell(t, "%s",
		   text_interval(s->interval.lo / divisor, s->interval.hi / divisor,
				 s->interval.level, ci, sizeof(ci)));
	table_cell(t, "%zu", s->invocations);
	table_cell(t, "%zu", s->samples);
	if (c->executed)
		table_cell(t, "%.0f %%", report_waited(c) * 100);
	else if (c->gb_s > 0)
		table_cell(t, "%.2f", c->gb_s);
	else
		table_cell(t, "-");
}

static double longest(const struct report *r, const char *benchmark)
{
	double most = 0;

	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].has_data && !strcmp(r->cells[i].row->benchmark, benchmark))
			most = fmax(most, r->cells[i].sum.level);
	return most;
}

/* Instructions have no GB/s: the column is the share of the clock in which the thread waited. */
static bool any_executed(const struct report *r, const char *benchmark)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].executed && !strcmp(r->cells[i].row->benchmark, benchmark))
			return true;
	return false;
}

/* One table per benchmark: units differ. */
static void print_cells(const struct report *r, const char *benchmark)
{
	bool waited = any_executed(r, benchmark), earlier = any_earlier(r, benchmark);
	const char *const columns[] = {
		"cell",
		"kind",
		">median",
		">95 % interval",
		">n",
		">samples",
		waited ? ">waited" : ">GB/s",
		">earlier runs",
	};
	struct table *t = table_new(columns, ARRAY_SIZE(columns) - !earlier);
	struct told_in in = told_in(r, longest(r, benchmark));
	char unit[96] = "";

	for (size_t i = 0; t && i < r->n_cells; i++) {
		const struct report_cell *c = &r->cells[i];

		if (c->row->state != CELL_PLANNED || strcmp(c->row->benchmark, benchmark))
			continue;
		report_unit(r, c, unit, sizeof(unit));
		if (in.unit)
			snprintf(unit, sizeof(unit), "%s per %s", in.unit,
				 c->metric ? c->metric->per : "unit of work");
		print_cell_row(t, c, in.divisor);
		if (earlier && c->has_data)
			print_earlier(t, &c->earlier, in.divisor);
	}
	printf("\n%s, %s; n is the number of processes%s\n", benchmark, unit,
	       earlier ? "; earlier runs: the range they predict on this host (runs)" : "");
	if (t)
		table_print(t, stdout);
}

static void shape_text(const struct arm_summary *s, char *buf, size_t n)
{
	size_t at = 0;

	buf[0] = '\0';
	if (s->rounds.drifting)
		at += (size_t)snprintf(buf + at, n - at, "drifts %+.1f %% over the rounds; ",
				       s->rounds.drift * 100);
	if (s->blocks.autocorrelated)
		at += (size_t)snprintf(buf + at, n - at, "autocorrelated %.2f; ", s->blocks.lag1);
	if (s->rounds.two_modes || s->blocks.two_modes)
		at += (size_t)snprintf(buf + at, n - at, "two modes%s; ",
				       s->rounds.two_modes ? " between processes" : "");
	if (at >= 2)
		buf[at - 2] = '\0';
}

static void percent_cell(struct table *t, double share)
{
	if (isfinite(share))
		table_cell(t, "%.2f", share * 100);
	else
		table_cell(t, "-");
}

/* S23: a quantile without an interval is not known. */
static void tail_cells(struct table *t, const struct tail tails[TAILS], double divisor)
{
	for (unsigned i = 0; i < TAILS; i++) {
		const struct interval *of = &tails[i].interval;
		char value[32], interval[80];

		if (isnan(tails[i].value))
			table_cell(t, "-");
		else
			table_cell(t, "%s %s",
				   text_number(tails[i].value / divisor, value, sizeof(value)),
				   text_interval(of->lo / divisor, of->hi / divisor, of->level,
						 interval, sizeof(interval)));
	}
}

static void number_cell(struct table *t, double v)
{
	char text[32];

	table_cell(t, "%s", text_number(v, text, sizeof(text)));
}

static void print_tail_row(const struct report *r, struct table *t, const struct report_cell *c,
			   double divisor)
{
	const struct arm_summary *s = &c->sum;
	struct tail tails[TAILS];
	char shape[160];

	if (tails_arm(r->ds, c->row->arm_group, c->row->arm, tails))
		return;
	shape_text(s, shape, sizeof(shape));
	table_row(t);
	table_cell(t, "%s", c->label);
	table_cell(t, "%zu", s->samples);
	number_cell(t, s->min / divisor);
	number_cell(t, s->p50 / divisor);
	tail_cells(t, tails, divisor);
	number_cell(t, s->max / divisor);
	percent_cell(t, s->within);
	percent_cell(t, s->between);
	table_cell(t, "%zu", s->outliers);
	table_cell(t, "%s", shape);
}

static void print_tails(const struct report *r, const char *benchmark)
{
	static const char *const columns[] = { "cell",	    ">n",	  ">min",      ">p50",
					       ">p90",	    ">p99",	  ">p99.9",    ">max of n",
					       ">within %", ">between %", ">outliers", "shape" };
	struct table *t = table_new(columns, ARRAY_SIZE(columns));
	struct told_in in = told_in(r, longest(r, benchmark));

	for (size_t i = 0; t && i < r->n_cells; i++)
		if (r->cells[i].has_data && !strcmp(r->cells[i].row->benchmark, benchmark))
			print_tail_row(r, t, &r->cells[i], in.divisor);
	printf("\n%s: tails over all n samples, %s, with 95 %% intervals; spread (IQR) within and "
	       "between processes\n",
	       benchmark, in.unit ? in.unit : clock_unit_name(r->data.run.clock));
	if (t)
		table_print(t, stdout);
}

/* What the rows of a table of values have in common. */
static bool same_table(const struct report_value *a, const struct report_value *b)
{
	return a->metric == b->metric && !strcmp(a->name, b->name);
}

static const char *value_unit(const struct report *r, const struct report_value *v)
{
	if (!v->metric)
		return "counts";
	return strcmp(v->metric->quantity, "duration") ? v->metric->quantity
						       : clock_unit_name(r->data.run.clock);
}

/* "stops"; CPUs share the sample that they are part of, so it is samples then. */
static const char *trials_of(const struct report_value *v, char *buf, size_t n)
{
	snprintf(buf, n, "%ss", strcmp(v->metric->per, "CPU") ? v->metric->per : "sample");
	return buf;
}

/* S23: none in n says "rare", not "never", and samples of one process are one trial. */
static void print_occurrence(struct table *t, const struct report_value *v)
{
	struct interval in;
	char trials[64];

	trials_of(v, trials, sizeof(trials));
	if (tails_occurrence(v->hit_processes, v->invocations, &in))
		table_cell(t, "-");
	else if (!v->hits)
		table_cell(
			t,
			"0 of %zu %s in %zu processes: in less than %.2g %% of processes (95 %%)",
			v->samples, trials, v->invocations, 100 * in.hi);
	else
		table_cell(t,
			   "%zu of %zu %s, in %zu of %zu processes: in [%.2g, %.3g] %% of "
			   "processes (95 %%)",
			   v->hits, v->samples, trials, v->hit_processes, v->invocations,
			   100 * in.lo, 100 * in.hi);
}

static void print_value(struct table *t, const struct report_value *v, double divisor)
{
	table_row(t);
	table_cell(t, "%s", v->cell->label);
	table_cell(t, "%s", *v->subject ? v->subject : "all");
	if (report_is_occurrence(v)) {
		print_occurrence(t, v);
		return;
	}
	table_cell(t, "%zu", v->n);
	number_cell(t, v->min / divisor);
	number_cell(t, v->p50 / divisor);
	tail_cells(t, v->tails, divisor);
	number_cell(t, v->max / divisor);
}

/* Of many CPUs all together are told, and each only with the tails. */
static bool is_told(const struct report_value *v, bool tails)
{
	return tails || !v->metric || strcmp(v->metric->per, "CPU") || !*v->subject ||
	       report_is_occurrence(v);
}

static struct told_in values_told_in(const struct report *r, const struct report_value *v)
{
	struct told_in in = { .divisor = 1, .unit = value_unit(r, v) };
	double most = 0;

	if (!v->metric || strcmp(v->metric->quantity, "duration"))
		return in;
	for (size_t i = 0; i < r->n_values; i++)
		if (same_table(&r->values[i], v))
			most = fmax(most, r->values[i].p50);
	return r->data.run.clock == CLOCK_UNIT_NS ? told_in(r, most) : in;
}

/* One table for each metric: units differ. */
static void print_values(const struct report *r, bool tails)
{
	static const char *const columns[] = { "cell", ">of",  ">n",	 ">min",     ">p50",
					       ">p90", ">p99", ">p99.9", ">max of n" };
	static const char *const rare[] = { "cell", ">of", ">how often" };

	for (size_t first = 0; first < r->n_values; first++) {
		const struct report_value *v = &r->values[first];
		bool occurs = report_is_occurrence(v), done = false;
		struct told_in in;
		struct table *t;

		for (size_t i = 0; i < first; i++)
			done |= same_table(&r->values[i], v);
		if (done)
			continue;
		t = occurs ? table_new(rare, ARRAY_SIZE(rare))
			   : table_new(columns, ARRAY_SIZE(columns));
		in = values_told_in(r, v);
		for (size_t i = first; t && i < r->n_values; i++)
			if (same_table(&r->values[i], v) && is_told(&r->values[i], tails))
				print_value(t, &r->values[i], in.divisor);
		printf("\n%s%s%s per %s, %s over all n\n", v->metric ? v->cell->row->benchmark : "",
		       v->metric ? ": " : "", v->name, v->metric ? v->metric->per : "sample",
		       in.unit);
		if (t)
			table_print(t, stdout);
	}
}

static void print_row(const struct report *r, const struct comparison *c,
		      const struct comparison_row *row, struct table *t)
{
	char text[96];

	table_row(t);
	table_cell(t, "%s", row->label);
	table_cell(t, "%s", kind_name(row->kind));
	table_cell(t, "%s",
		   text_effect(row, clock_unit_name(r->data.run.clock), text, sizeof(text)));
	table_cell(t, "%s", text_effect_interval(row, text, sizeof(text)));
	table_cell(t, "%zu", row->diff.n);
	/* Of the effect that is told: each has a distribution of its own. */
	table_cell(t, "%s",
		   text_p(effect_is_difference(row->form) || !row->ratio_valid ? &row->diff
									       : &row->ratio,
			  c->min_n, text, sizeof(text)));
	table_cell(t, "%s", text_verdict(r, c, row, text, sizeof(text)));
}

/* The rows of one pairing, a table per benchmark: units differ. */
static void print_comparison(const struct report *r, const struct comparison *c, size_t asked)
{
	static const char *const columns[] = { "cell", "kind", ">change", ">95 % interval",
					       ">n",   ">p",   "verdict" };
	char unit[96];

	for (size_t first = 0, end; first < c->n_rows; first = end) {
		const struct report_cell *cell = c->rows[first].a.cell;
		struct table *t;

		for (end = first; end < c->n_rows && c->rows[end].asked == c->rows[first].asked &&
				  end < comparison_next(c, first);)
			end++;
		if (c->rows[first].asked != asked)
			continue;
		printf("\n%s: %s, %s\n", cell->row->benchmark, asked_for[asked].title,
		       report_unit(r, cell, unit, sizeof(unit)));
		t = table_new(columns, ARRAY_SIZE(columns));
		for (size_t i = first; t && i < end; i++)
			print_row(r, c, &c->rows[i], t);
		if (t)
			table_print(t, stdout);
	}
}

/* One family: the verdicts of a report are adjusted together (S9). */
static void print_pairs(const struct report *r)
{
	struct report_pairing pairings[ARRAY_SIZE(asked_for)];
	struct remarks remarks;
	struct comparison c;
	char adjusted[256];

	for (size_t i = 0; i < ARRAY_SIZE(asked_for); i++)
		pairings[i] = asked_for[i].pairing;
	if (comparison_by(r, pairings, ARRAY_SIZE(asked_for), effect_form_of, SESOI_DEFAULT, &c,
			  NULL))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(asked_for); i++)
		print_comparison(r, &c, i);
	if (*adjusted_text(&c, adjusted, sizeof(adjusted)))
		printf("%s\n", adjusted);
	effects_remarks(&c, &remarks);
	for (size_t i = 0; i < remarks.n; i++)
		printf("remark: %s\n", remarks.line[i]);
	comparison_free(&c);
}

/* The same reason for twenty cells is one line. */
static bool said_before(const struct report *r, size_t i)
{
	const struct store_cell_row *row = r->cells[i].row;

	for (size_t k = 0; k < i; k++) {
		const struct store_cell_row *other = r->cells[k].row;

		if (other->reason && other->state == row->state &&
		    !strcmp(other->reason, row->reason))
			return true;
	}
	return false;
}

static void print_reasons(const struct report *r)
{
	for (size_t i = 0; i < r->n_cells; i++) {
		const struct store_cell_row *row = r->cells[i].row;

		if (row->reason && *row->reason && !said_before(r, i))
			printf("%s: %s\n",
			       row->state == CELL_SKIPPED ? "skipped" : kind_name(row->kind),
			       row->reason);
	}
}

/* What a flag concerns: the run, a group of arms, or one arm. */
static void flag_subject(const struct report *r, const struct store_flag_row *f, char *buf,
			 size_t n)
{
	buf[0] = '\0';
	for (size_t i = 0; f->arm_group >= 0 && i < r->n_cells; i++) {
		const struct report_cell *c = &r->cells[i];

		if (c->row->state != CELL_PLANNED || (int)c->row->arm_group != f->arm_group)
			continue;
		if (f->arm < 0)
			snprintf(buf, n, "%s, group of %s", c->row->benchmark, c->label);
		else if ((int)c->row->arm == f->arm)
			snprintf(buf, n, "%s %s", c->row->benchmark, c->label);
		else
			continue;
		return;
	}
}

static void print_flags(const struct report *r)
{
	for (size_t i = 0; i < r->data.n_flags; i++) {
		const struct store_flag_row *f = &r->data.flags[i];
		const char *word = f->fatal ? "UNTRUSTWORTHY" : "remark";
		bool detail = f->detail && *f->detail;
		char subject[256];

		flag_subject(r, f, subject, sizeof(subject));
		/* What doctor found is a sentence already; what a process saw needs its meaning. */
		if (!*subject && detail)
			printf("%s: %s", word, f->detail);
		else
			printf("%s: %s%s%s", word, trust_flag_info(f->flag)->meaning,
			       *subject ? "; " : "", subject);
		if (*subject && f->count > 1)
			printf("; in %u processes%s%s", f->count, detail ? ", the first: " : "",
			       detail ? f->detail : "");
		else if (*subject && detail)
			printf("; %s", f->detail);
		putchar('\n');
	}
}

static bool first_of_benchmark(const struct report *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(r->cells[k].row->benchmark, r->cells[i].row->benchmark))
			return false;
	return r->cells[i].row->state == CELL_PLANNED;
}

void show_text(const struct report *r, bool tails)
{
	struct remarks remarks;

	print_head(r);
	for (size_t i = 0; i < r->n_cells; i++) {
		if (!first_of_benchmark(r, i))
			continue;
		print_cells(r, r->cells[i].row->benchmark);
		if (tails)
			print_tails(r, r->cells[i].row->benchmark);
	}
	print_values(r, tails);
	print_pairs(r);
	putchar('\n');
	report_remarks(r, &remarks);
	for (size_t i = 0; i < remarks.n; i++)
		printf("remark: %s\n", remarks.line[i]);
	print_reasons(r);
	print_flags(r);
}
