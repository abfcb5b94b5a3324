// SPDX-License-Identifier: GPL-2.0-or-later
/* compare --shutdown: the arms of a shutdown as tables, as markdown and as JSON. */
#include "harness/cli/compare_shutdown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/compare_floor.h"
#include "harness/cli/effects.h"

#define ARM_COLUMNS    6
#define CHANGE_COLUMNS 11
#define PART_COLUMNS   7

/* ---- words ---- */

static bool is_time(const struct compare *cmp)
{
	return cmp->a[0]->data.run.clock == CLOCK_UNIT_NS;
}

const char *shutdown_unit(const struct compare *cmp)
{
	return is_time(cmp) ? "ms" : clock_unit_name(cmp->a[0]->data.run.clock);
}

/* In shutdown_unit()s. */
static double told(const struct compare *cmp, double v)
{
	return is_time(cmp) ? v / 1e6 : v;
}

static const char *sign(double v)
{
	return v > 0 ? "+" : "";
}

static void interval_text(const struct interval *i, double lo, double hi, char *buf, size_t n)
{
	char a[40], b[40];

	if (isnan(lo))
		snprintf(buf, n, "needs 2 rounds");
	else
		snprintf(buf, n, "[%s%s, %s%s]", sign(lo), text_number(lo, a, sizeof(a)), sign(hi),
			 text_number(hi, b, sizeof(b)));
	if (i && i->level < 0.9495 && !isnan(lo))
		snprintf(buf + strlen(buf), n - strlen(buf), " (%.0f %%)", i->level * 100);
}

void shutdown_arm_texts(const struct compare *cmp, const struct shutdown_arm *a, char *time,
			size_t time_size, char *interval, size_t interval_size)
{
	const struct interval *i = &a->side.interval;

	text_number(told(cmp, a->side.level), time, time_size);
	text_interval(told(cmp, i->lo), told(cmp, i->hi), i->level, interval, interval_size);
}

static void percent_texts(const struct effect *e, struct shutdown_texts *t)
{
	snprintf(t->percent, sizeof(t->percent), "%+.2f", expm1(e->value) * 100);
	if (isnan(e->lo))
		snprintf(t->percent_interval, sizeof(t->percent_interval), "needs 2 rounds");
	else
		snprintf(t->percent_interval, sizeof(t->percent_interval), "[%+.2f, %+.2f]",
			 expm1(e->lo) * 100, expm1(e->hi) * 100);
}

void shutdown_row_texts(const struct compare *cmp, const struct comparison_row *row,
			struct shutdown_texts *t)
{
	const struct effect *d = &row->diff;
	double change = told(cmp, d->value);
	char number[40];

	static const char *const hows[] = {
		[PAIRED_NOT] = "apart", [PAIRED_BLOCKS] = "by block", [PAIRED_ROUNDS] = "by round"
	};

	*t = (struct shutdown_texts){ .how = hows[row->pairing] };
	snprintf(t->change, sizeof(t->change), "%s%s", sign(change),
		 text_number(change, number, sizeof(number)));
	interval_text(NULL, told(cmp, d->lo), told(cmp, d->hi), t->change_interval,
		      sizeof(t->change_interval));
	if (row->ratio_valid)
		percent_texts(&row->ratio, t);
	if (row->pairing || row->a.n == row->b.n)
		snprintf(t->n, sizeof(t->n), "%zu", row->pairing ? d->n : row->a.n);
	else
		snprintf(t->n, sizeof(t->n), "%zu, %zu", row->a.n, row->b.n);
	text_p(row->ratio_valid ? &row->ratio : d, cmp->c.min_n, t->p, sizeof(t->p));
	text_verdict(cmp->a[0], &cmp->c, row, t->verdict, sizeof(t->verdict));
}

/* ---- remarks ---- */

static bool any_apart(const struct compare *cmp)
{
	for (size_t i = 0; i < cmp->c.n_rows; i++)
		if (!cmp->c.rows[i].pairing)
			return true;
	return false;
}

static const struct shutdown_arm *first_of(const struct shutdown *s, enum shutdown_what what)
{
	for (size_t i = 0; i < s->n_arms; i++)
		if (s->arms[i].what == what)
			return &s->arms[i];
	return NULL;
}

/* Shadow paging makes another thing of a VM's end, though it is a VM's end here. */
static size_t remark_paging(const struct report *r, char *buf, size_t n)
{
	for (size_t i = 0; i < r->data.n_flags; i++) {
		const struct store_flag_row *f = &r->data.flags[i];

		if (f->flag != FLAG_NO_TWO_DIMENSIONAL_PAGING)
			continue;
		snprintf(buf, n, "%s%s%s", trust_flag_info(f->flag)->meaning, f->detail ? ": " : "",
			 f->detail ? f->detail : "");
		return 1;
	}
	return 0;
}

/* A TD has the mode of its kernel, so what skipping saves takes two runs. */
static size_t remark_mode(const struct shutdown *s, char *buf, size_t n)
{
	const struct shutdown_arm *td = first_of(s, SHUTDOWN_TD);

	if (!td)
		return 0;
	for (size_t i = 0; i < s->n_arms; i++)
		if (s->arms[i].what == SHUTDOWN_TD && strcmp(s->arms[i].mode, td->mode))
			return 0;
	snprintf(
		buf, n,
		"only quirk=%s of the TD is here; the other mode is another kernel's or machine's: "
		"name a run of it, too, with --across",
		td->mode);
	return 1;
}

size_t shutdown_remarks(const struct compare *cmp, char (*out)[320])
{
	const struct shutdown_arm *replay = first_of(&cmp->s, SHUTDOWN_REPLAY);
	const struct shutdown_arm *vm = first_of(&cmp->s, SHUTDOWN_VM);
	const size_t size = sizeof(out[0]);
	size_t n = 0;

	if (any_apart(cmp))
		snprintf(out[n++], size,
			 "apart: the two are of different runs, so the interval is Welch's");
	if (replay && replay->units != 1 && replay->cell->metric)
		snprintf(out[n++], size,
			 "the replay is timed per %s and told here for all of its size",
			 replay->cell->metric->per);
	if (replay && vm &&
	    strcmp(report_level(replay->cell, "vcpus"), report_level(vm->cell, "vcpus")))
		snprintf(out[n++], size, "the replay has vcpus=%s and the VM vcpus=%s",
			 report_level(replay->cell, "vcpus"), report_level(vm->cell, "vcpus"));
	if (any_upper_bound(cmp->c.rows, cmp->c.n_rows))
		snprintf(out[n++], size, "%s", UPPER_BOUND);
	if (replay && shutdown_is_lower_bound(replay))
		snprintf(out[n++], size,
			 "a replay without SEAMCALLs is a lower bound of a TD: where it is not "
			 "slower than a VM nothing is decided");
	if (vm && vm->cell->executed)
		snprintf(out[n++], size,
			 "of the VM what its thread executed is counted; phases are of the clock, "
			 "in which it waited for %.0f %%",
			 report_waited(vm->cell) * 100);
	n += remark_mode(&cmp->s, out[n], size);
	n += remark_paging(cmp->a[0], out[n], size);
	if (cmp->n_b)
		n += remark_paging(cmp->b[0], out[n], size);
	return n;
}

/* ---- tables ---- */

/* A table, or the same in markdown. */
struct grid {
	struct table *table; /* NULL: markdown, or out of memory */
	bool markdown;
	size_t n;
};

static void grid_row(const struct grid *g, const char *const *cells)
{
	if (g->table)
		table_row(g->table);
	for (size_t i = 0; i < g->n; i++) {
		if (g->table)
			table_cell(g->table, "%s", cells[i]);
		else if (g->markdown)
			printf("| %s ", cells[i]);
	}
	if (g->markdown)
		printf("|\n");
}

/* @columns: those that begin with '>' are right-aligned. */
static void grid_begin(struct grid *g, bool markdown, const char *const *columns, size_t n)
{
	*g = (struct grid){ .markdown = markdown, .n = n };
	if (!markdown) {
		g->table = table_new(columns, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		printf("| %s ", columns[i] + (columns[i][0] == '>'));
	printf("|\n");
	for (size_t i = 0; i < n; i++)
		printf("|---%s", columns[i][0] == '>' ? ":" : "");
	printf("|\n");
}

static void grid_end(struct grid *g)
{
	if (g->table)
		table_print(g->table, stdout);
	putchar('\n');
}

static void print_arms(const struct compare *cmp, size_t first, size_t end, bool markdown)
{
	char column[48];
	const char *const columns[ARM_COLUMNS] = { "arm",  "quirk",	     "kind",
						   column, ">95 % interval", ">n" };
	struct grid g;

	snprintf(column, sizeof(column), ">%s per shutdown", shutdown_unit(cmp));
	grid_begin(&g, markdown, columns, ARM_COLUMNS);
	for (size_t i = first; i < end; i++) {
		const struct shutdown_arm *a = &cmp->s.arms[i];
		char time[32], interval[96], n[24];

		shutdown_arm_texts(cmp, a, time, sizeof(time), interval, sizeof(interval));
		snprintf(n, sizeof(n), "%zu", a->side.n);
		grid_row(&g, (const char *const[]){ a->name, a->mode, kind_name(a->cell->row->kind),
						    time, interval, n });
	}
	grid_end(&g);
}

static void print_change(const struct compare *cmp, const struct grid *g, long i,
			 const char *against)
{
	const struct comparison_row *row;
	struct shutdown_texts t;

	if (i < 0)
		return;
	row = &cmp->c.rows[i];
	shutdown_row_texts(cmp, row, &t);
	grid_row(g, (const char *const[]){ row->label, against, kind_name(row->kind), t.change,
					   t.change_interval, t.percent, t.percent_interval, t.n,
					   t.p, t.how, t.verdict });
}

static void print_changes(const struct compare *cmp, size_t first, size_t end, bool markdown)
{
	char column[32];
	const char *const columns[CHANGE_COLUMNS] = {
		"arm",	      "against",	"kind", column, ">95 % interval",
		">change, %", ">95 % interval", ">n",	">p",	"how",
		"verdict"
	};
	struct grid g;

	snprintf(column, sizeof(column), ">change, %s", shutdown_unit(cmp));
	grid_begin(&g, markdown, columns, CHANGE_COLUMNS);
	for (size_t i = first; i < end; i++)
		print_change(cmp, &g, cmp->s.arms[i].against_on, "quirk=on");
	for (size_t i = first; i < end; i++) {
		const struct shutdown_arm *a = &cmp->s.arms[i];

		if (a->against_plain >= 0)
			print_change(cmp, &g, a->against_plain, cmp->s.arms[a->plain_arm].name);
	}
	grid_end(&g);
}

/* The arm that @a is set against for its mode, of the same processes; NULL. */
static const struct report_cell *paired_with(const struct compare *cmp,
					     const struct shutdown_arm *a)
{
	const struct comparison_row *row = a->against_on < 0 ? NULL : &cmp->c.rows[a->against_on];

	return row && row->pairing == PAIRED_BLOCKS ? row->a.cell : NULL;
}

/* Not worth a line: next to nothing in both arms. */
#define TRIFLE 0.0005

static void print_part(const struct compare *cmp, const struct shutdown_arm *a,
		       const struct report_part *p, double whole, const struct grid *g)
{
	const struct effect *d = &p->diff;
	char on[32], off[32], number[40], change[48], interval[96], n[24];

	if (fmax(p->a, p->b) < whole * TRIFLE)
		return;
	snprintf(change, sizeof(change), "%s%s", sign(d->value),
		 text_number(told(cmp, d->value), number, sizeof(number)));
	interval_text(NULL, told(cmp, d->lo), told(cmp, d->hi), interval, sizeof(interval));
	snprintf(n, sizeof(n), "%zu", d->n);
	grid_row(g, (const char *const[]){
			    a->name, p->subject, text_number(told(cmp, p->a), on, sizeof(on)),
			    text_number(told(cmp, p->b), off, sizeof(off)), change, interval, n });
}

/* Where it is saved: a shutdown's phases with the erratum mode and without. */
static void print_parts(const struct compare *cmp, size_t first, size_t end, bool markdown)
{
	static const char *const columns[PART_COLUMNS] = {
		"arm", "phase", ">quirk=on", ">quirk=off", ">change", ">95 % interval", ">n"
	};
	struct grid g;
	bool begun = false;

	for (size_t i = first; i < end; i++) {
		const struct shutdown_arm *a = &cmp->s.arms[i];
		const struct report_cell *on = paired_with(cmp, a);
		struct report_part *parts = NULL;
		long n = on ? report_parts(a->report, on, a->cell, "phase", &parts) : 0;

		if (n > 0 && !begun) {
			printf("by phase, %s per sample: medians over processes; change: by block, "
			       "each interval by itself\n%s",
			       shutdown_unit(cmp), markdown ? "\n" : "");
			grid_begin(&g, markdown, columns, PART_COLUMNS);
			begun = true;
		}
		for (long k = 0; k < n; k++)
			print_part(cmp, a, &parts[k], report_clock(on)->level, &g);
		free(parts);
	}
	if (begun)
		grid_end(&g);
}

void compare_shutdown_table(const struct compare *cmp, bool markdown)
{
	char memory[320], remarks[SHUTDOWN_REMARKS][320];
	size_t n;

	printf("shutdown of a TD, and of a plain VM\n");
	compare_machines(cmp);
	for (size_t i = 0; i < cmp->s.n_arms; i = shutdown_next(&cmp->s, i)) {
		size_t end = shutdown_next(&cmp->s, i);

		printf("\n%s\n%s",
		       shutdown_memory_text(&cmp->s.arms[i].memory, memory, sizeof(memory)),
		       markdown ? "\n" : "");
		print_arms(cmp, i, end, markdown);
		print_changes(cmp, i, end, markdown);
		print_parts(cmp, i, end, markdown);
	}
	n = shutdown_remarks(cmp, remarks);
	for (size_t i = 0; i < n; i++)
		printf("remark: %s\n", remarks[i]);
	compare_notes(cmp, stdout);
}

/* ---- JSON ---- */

static json_t *change_json(const struct compare *cmp, long i)
{
	char unit[64];
	json_t *row;

	if (i < 0)
		return json_null();
	row = comparison_row_json(&cmp->c, &cmp->c.rows[i]);
	compare_floor_json(cmp, &cmp->c.rows[i], row);
	snprintf(unit, sizeof(unit), "%s per shutdown", clock_unit_name(cmp->a[0]->data.run.clock));
	json_object_set_new(row, "unit", json_string(unit));
	json_object_set_new(row, "paired", json_boolean(cmp->c.rows[i].pairing == PAIRED_BLOCKS));
	return row;
}

/* What each phase takes with quirk=on and off, in units of the clock. */
static json_t *parts_json(const struct compare *cmp, const struct shutdown_arm *a)
{
	const struct report_cell *on = paired_with(cmp, a);
	struct report_part *parts = NULL;
	long n = on ? report_parts(a->report, on, a->cell, "phase", &parts) : 0;
	json_t *list = json_array();

	for (long i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:f, s:f, s:o}", "phase", parts[i].subject,
						"on", parts[i].a, "off", parts[i].b, "difference",
						effect_json(&parts[i].diff, cmp->c.min_n)));
	free(parts);
	return list;
}

static json_t *arm_json(const struct compare *cmp, const struct shutdown_arm *a)
{
	const struct interval *i = &a->side.interval;

	return json_pack("{s:s, s:s, s:b, s:s, s:O, s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:f, s:I, "
			 "s:I, s:o, s:o, s:o}",
			 "name", a->name, "quirk", a->mode, "plain", a->plain, "kind",
			 kind_name(a->cell->row->kind), "factors", a->cell->factors, "cell",
			 a->cell->row->hash, "run", a->report->data.run.uuid, "timed_per",
			 a->cell->metric ? a->cell->metric->per : "unit of work", "units", a->units,
			 "time", a->side.level, "lo", json_number(i->lo), "hi", json_number(i->hi),
			 "level", i->level, "n", (json_int_t)a->side.n, "samples",
			 (json_int_t)a->side.samples, "against_on", change_json(cmp, a->against_on),
			 "phases_against_on", parts_json(cmp, a), "against_plain",
			 change_json(cmp, a->against_plain));
}

static json_t *case_json(const struct compare *cmp, size_t first, size_t end)
{
	const struct shutdown_memory *m = &cmp->s.arms[first].memory;
	json_t *arms = json_array();
	char nodes[200];

	for (size_t i = first; i < end; i++)
		json_array_append_new(arms, arm_json(cmp, &cmp->s.arms[i]));
	return json_pack("{s:I, s:s, s:I, s:s, s:o}", "size", (json_int_t)m->bytes, "backing",
			 m->backing, "page", (json_int_t)m->page, "nodes",
			 shutdown_nodes_text(m->nodes, nodes, sizeof(nodes)), "arms", arms);
}

json_t *compare_shutdown_json(const struct compare *cmp)
{
	json_t *all = compare_json(cmp), *cases = json_array();
	json_t *list = json_object_get(all, "remarks");
	char remarks[SHUTDOWN_REMARKS][320];
	size_t n = shutdown_remarks(cmp, remarks);

	for (size_t i = 0; i < cmp->s.n_arms; i = shutdown_next(&cmp->s, i))
		json_array_append_new(cases, case_json(cmp, i, shutdown_next(&cmp->s, i)));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(remarks[i]));
	/* Each change stands at its arm; whether it is paired too. */
	json_object_del(all, "rows");
	json_object_del(all, "paired");
	json_object_del(all, "only_a");
	json_object_del(all, "only_b");
	json_object_del(all, "gate_result");
	json_object_set_new(all, "cases", cases);
	return all;
}
