// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>

#include "harness/cli/compare_floor.h"
#include "harness/cli/effects.h"
#include "harness/cli/remarks.h"

#define COLUMNS 10
#define WAITED	8 /* the column that only executed instructions have */

/* The texts of one row, the same for a table and for markdown. */
struct texts {
	char cell[COLUMNS][224];
};

static void level_text(const struct comparison_side *s, char *buf, size_t n)
{
	char level[32], interval[96] = "";

	text_number(s->level, level, sizeof(level));
	if (!isnan(s->interval.lo))
		text_interval(s->interval.lo, s->interval.hi, s->interval.level, interval,
			      sizeof(interval));
	snprintf(buf, n, "%s %s", level, interval);
}

static void n_text(const struct comparison_row *row, char *buf, size_t n)
{
	if (row->pairing || row->a.n == row->b.n)
		snprintf(buf, n, "%zu", row->pairing ? row->diff.n : row->a.n);
	else
		snprintf(buf, n, "%zu, %zu", row->a.n, row->b.n);
}

/* Behind the effect that decides, the other form where both are told. */
static void append(char *buf, size_t n, const char *text)
{
	if (*text)
		snprintf(buf + strlen(buf), n - strlen(buf), "; %s", text);
}

static void effect_texts(const struct comparison_row *row, const char *unit, struct texts *t)
{
	const size_t size = sizeof(t->cell[0]);
	char other[96];

	text_effect(row, unit, t->cell[4], size);
	append(t->cell[4], size, text_other(row, unit, other, sizeof(other)));
	text_effect_interval(row, t->cell[5], size);
	append(t->cell[5], size, text_other_interval(row, other, sizeof(other)));
}

/* @row: told in @unit. */
static void row_texts(const struct compare *cmp, const struct comparison_row *row, const char *unit,
		      struct texts *t)
{
	const struct report *r = cmp->a[0];
	const size_t size = sizeof(t->cell[0]);
	bool several = row->level_b && !strchr(cmp->name_b, '=');

	snprintf(t->cell[0], size, "%s%s%s", row->label, several ? " -> " : "",
		 several ? row->level_b : "");
	snprintf(t->cell[1], size, "%s", kind_name(row->kind));
	level_text(&row->a, t->cell[2], size);
	level_text(&row->b, t->cell[3], size);
	effect_texts(row, unit, t);
	n_text(row, t->cell[6], size);
	text_p(&row->diff, cmp->c.min_n, t->cell[7], size);
	if (!effect_is_difference(row->form) && row->ratio_valid)
		text_p(&row->ratio, cmp->c.min_n, t->cell[7], size);
	compare_waited(cmp, row, t->cell[WAITED], size);
	text_verdict(r, &cmp->c, row, t->cell[9], size);
}

static void head_texts(const struct compare *cmp, struct texts *t)
{
	static const char *const fixed[COLUMNS] = { "cell",   "kind",	       NULL, NULL,
						    "change", "95 % interval", "n",  "p",
						    "waited", "verdict" };

	for (unsigned i = 0; i < COLUMNS; i++)
		if (fixed[i])
			snprintf(t->cell[i], sizeof(t->cell[i]), "%s", fixed[i]);
	snprintf(t->cell[2], sizeof(t->cell[2]), "%s", cmp->name_a);
	snprintf(t->cell[3], sizeof(t->cell[3]), "%s", cmp->name_b);
	if (cmp->c.boots)
		strcpy(t->cell[6], "boots");
}

/* Do the rows say in which share of the clock they waited? */
static bool any_waited(const struct comparison_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].a.cell->executed)
			return true;
	return false;
}

static void print_markdown(const struct texts *t, bool waited)
{
	for (unsigned i = 0; i < COLUMNS; i++) {
		if (i == WAITED && !waited)
			continue;
		printf("| ");
		/* A pipe would end the cell. */
		for (const char *at = t->cell[i]; *at; at++)
			printf(*at == '|' ? "\\|" : "%c", *at);
		putchar(' ');
	}
	printf("|\n");
}

void compare_machines(const struct compare *cmp)
{
	char a[256], b[256];

	report_machine(cmp->a[0], a, sizeof(a));
	report_machine(cmp->n_b ? cmp->b[0] : cmp->a[0], b, sizeof(b));
	if (!strcmp(a, b))
		printf("%s\n", a);
	else
		printf("%s\nagainst %s\n", b, a);
}

static void print_head(const struct compare *cmp)
{
	printf("%s against %s\n", cmp->name_b, cmp->name_a);
	compare_machines(cmp);
}

/* The rows of one benchmark, which share a unit, with its name above. */
static void print_rows(const struct compare *cmp, size_t first, size_t end, bool markdown)
{
	const struct comparison_row *rows = &cmp->c.rows[first];
	const struct report_cell *cell = rows->a.cell;
	double divisor;
	const char *unit = rows_unit(cmp->a[0], rows, end - first, &divisor);
	static const char right[COLUMNS] = { 0, 0, 1, 1, 1, 1, 1, 1, 1, 0 };
	bool waited = any_waited(rows, end - first);
	size_t n = 0;
	char names[COLUMNS][228];
	const char *columns[COLUMNS];
	struct texts head, t;
	struct table *table = NULL;

	printf("\n%s, %s%s per %s\n%s", cell->row->benchmark, unit,
	       cell->executed ? " executed" : "", cell->metric ? cell->metric->per : "unit of work",
	       markdown ? "\n" : "");
	head_texts(cmp, &head);
	for (unsigned i = 0; i < COLUMNS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%s", right[i] ? ">" : "", head.cell[i]);
		if (i != WAITED || waited)
			columns[n++] = names[i];
	}
	if (markdown) {
		print_markdown(&head, waited);
		printf("|---|---|---:|---:|---:|---:|---:|---:|%s---|\n", waited ? "---:|" : "");
	} else {
		table = table_new(columns, n);
	}
	for (size_t i = first; i < end; i++) {
		struct comparison_row told = row_told_in(&cmp->c.rows[i], divisor);

		row_texts(cmp, &told, unit, &t);
		if (markdown)
			print_markdown(&t, waited);
		if (!table)
			continue;
		table_row(table);
		for (unsigned k = 0; k < COLUMNS; k++)
			if (k != WAITED || waited)
				table_cell(table, "%s", t.cell[k]);
	}
	if (table)
		table_print(table, stdout);
}

void compare_table(const struct compare *cmp, bool markdown)
{
	print_head(cmp);
	for (size_t i = 0; i < cmp->c.n_rows; i = comparison_next(&cmp->c, i))
		print_rows(cmp, i, comparison_next(&cmp->c, i), markdown);
	putchar('\n');
	compare_notes(cmp, stdout);
}

size_t compare_load_remarks(const struct compare *cmp, char (*out)[160])
{
	size_t n = 0;

	for (size_t i = 0; i < cmp->n_a; i++)
		n += load_remarks(cmp->a[i], &out[n]);
	for (size_t i = 0; i < cmp->n_b; i++)
		n += load_remarks(cmp->b[i], &out[n]);
	return n;
}

static void note_states(const struct report *const *runs, size_t n, FILE *to)
{
	for (size_t i = 0; i < n; i++) {
		const struct store_run_row *r = &runs[i]->data.run;

		if (r->state != RUN_DONE)
			fprintf(to, "remark: run %.8s is %s; its %u finished rounds are used\n",
				r->uuid, run_state_name(r->state), runs[i]->rounds);
	}
}

static void note_only(const struct report_cell *const *cells, size_t n, const char *side, FILE *to)
{
	for (size_t i = 0; i < n; i++)
		fprintf(to, "only in %s: %s %s\n", side, cells[i]->row->benchmark, cells[i]->label);
}

static void note_fatal(const struct report *const *runs, size_t n, FILE *to)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < runs[i]->data.n_flags; k++) {
			const struct store_flag_row *f = &runs[i]->data.flags[k];

			if (f->fatal)
				fprintf(to, "UNTRUSTWORTHY: run %.8s: %s%s%s\n",
					runs[i]->data.run.uuid, trust_flag_info(f->flag)->meaning,
					f->detail ? ": " : "", f->detail ? f->detail : "");
		}
}

static void note_loads(const struct compare *cmp, FILE *to)
{
	char remarks[COMPARE_LOAD_REMARKS][160];
	size_t n = compare_load_remarks(cmp, remarks);

	for (size_t i = 0; i < n; i++)
		fprintf(to, "remark: %s\n", remarks[i]);
}

void compare_notes(const struct compare *cmp, FILE *to)
{
	const struct comparison *c = &cmp->c;
	char lacks[400];

	struct remarks remarks;
	char adjusted[256];

	if (*adjusted_text(c, adjusted, sizeof(adjusted)))
		fprintf(to, "%s\n", adjusted);
	fprintf(to, "Smallest effect of interest: %g %%.\n", c->sesoi * 100);
	comparison_remarks(c, &remarks);
	for (size_t i = 0; i < remarks.n; i++)
		fprintf(to, "remark: %s\n", remarks.line[i]);
	if (c->sequential)
		fprintf(to, "remark: one side was measured before the other, so drift is in the "
			    "figures; interleave the runs\n");
	if (any_upper_bound(c->rows, c->n_rows))
		fprintf(to, "remark: %s\n", UPPER_BOUND);
	compare_lacks(cmp, lacks, sizeof(lacks));
	if (*lacks)
		fprintf(to, "%s\n", lacks);
	note_loads(cmp, to);
	compare_tails_notes(cmp, to);
	compare_floor_notes(cmp, to);
	note_states(cmp->a, cmp->n_a, to);
	note_states(cmp->b, cmp->n_b, to);
	note_only(c->only_a, c->n_only_a, cmp->name_a, to);
	note_only(c->only_b, c->n_only_b, cmp->name_b, to);
	note_fatal(cmp->a, cmp->n_a, to);
	note_fatal(cmp->b, cmp->n_b, to);
}

static json_t *only_json(const struct report_cell *const *cells, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:O}", "cell", cells[i]->row->hash, "benchmark",
					cells[i]->row->benchmark, "factors", cells[i]->factors));
	return list;
}

static json_t *side_json(const struct report *const *runs, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:i}", "run", runs[i]->data.run.uuid,
					"label", runs[i]->data.run.label, "state",
					run_state_name(runs[i]->data.run.state), "kernel",
					runs[i]->data.run.kernel, "rounds", (int)runs[i]->rounds));
	return list;
}

json_t *compare_json(const struct compare *cmp)
{
	const struct comparison *c = &cmp->c;
	json_t *rows = json_array(), *remarks = json_array();
	char machine[256], loads[COMPARE_LOAD_REMARKS][160];
	size_t n = compare_load_remarks(cmp, loads);
	struct remarks of_rows;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(remarks, json_string(loads[i]));
	comparison_remarks(c, &of_rows);
	for (size_t i = 0; i < of_rows.n; i++)
		json_array_append_new(remarks, json_string(of_rows.line[i]));
	for (size_t i = 0; i < c->n_rows; i++) {
		json_t *row = comparison_row_json(c, &c->rows[i]);

		compare_floor_json(cmp, &c->rows[i], row);
		if (c->rows[i].level_a) {
			json_object_set_new(row, "level_a", json_string(c->rows[i].level_a));
			json_object_set_new(row, "level_b", json_string(c->rows[i].level_b));
		}
		json_array_append_new(rows, row);
	}
	return json_pack(
		"{s:o, s:o, s:s*, s:s*, s:s, s:s, s:s, s:b, s:s, s:b, s:f, s:f, s:o, s:o, s:o, "
		"s:o, "
		"s:o, s:o}",
		"a", side_json(cmp->a, cmp->n_a), "b", side_json(cmp->b, cmp->n_b), "by", cmp->by,
		"metric", cmp->metric, "machine",
		report_machine(cmp->a[0], machine, sizeof(machine)), "lane",
		lane_name(cmp->a[0]->data.run.lane), "clock",
		clock_unit_name(cmp->a[0]->data.run.clock), "paired", c->paired, "n_counts",
		c->boots ? "boots" : "invocations", "one_after_the_other", c->sequential,
		"smallest_effect", c->sesoi, "adjusted_level", c->family.level, "gate",
		cmp->gate >= 0 ? json_real(cmp->gate) : json_null(), "gate_result",
		compare_gate_json(cmp), "rows", rows, "only_a", only_json(c->only_a, c->n_only_a),
		"only_b", only_json(c->only_b, c->n_only_b), "remarks", remarks);
}
