// SPDX-License-Identifier: GPL-2.0-or-later
/* rows.c: which cells are drawn, and in which order. */
#include "plots/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plots/labels.h"
#include "plots/unit.h"

int feed_start(struct feed *f, const struct report *const *runs, size_t n, struct reason *why)
{
	*f = (struct feed){ .runs = runs, .n_runs = n };
	for (size_t i = 1; i < n; i++) {
		enum clock_unit a = runs[0]->data.run.clock, b = runs[i]->data.run.clock;

		if (a != b)
			return reason_set(
				why, -EINVAL,
				"run %.8s counts %s and run %.8s counts %s: draw them apart",
				runs[0]->data.run.uuid, clock_unit_name(a), runs[i]->data.run.uuid,
				clock_unit_name(b));
	}
	return 0;
}

void feed_end(struct feed *f)
{
	free(f->rows);
	free(f->sections);
	free(f->panels);
	*f = (struct feed){ 0 };
}

struct feed_row *feed_add(struct feed *f, size_t run_no, const struct report_cell *cell)
{
	struct feed_row *row;

	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 32;

		row = realloc(f->rows, room * sizeof(*row));
		if (!row)
			return NULL;
		f->rows = row;
		f->room = room;
	}
	row = &f->rows[f->n++];
	*row = (struct feed_row){
		.run = f->runs[run_no],
		.run_no = run_no,
		.cell = cell,
		.kind = cell->row->kind,
		.fatal = cell->fatal || f->runs[run_no]->fatal,
		.value = cell->sum.level,
		.lo = cell->sum.interval.lo,
		.hi = cell->sum.interval.hi,
		.n = cell->sum.invocations,
		.samples = cell->sum.samples,
	};
	return row;
}

struct feed_row *feed_add_value(struct feed *f, size_t run_no, const struct report_value *value)
{
	struct feed_row *row = feed_add(f, run_no, value->cell);

	if (!row)
		return NULL;
	row->of = value;
	row->value = value->level;
	row->lo = value->interval.lo;
	row->hi = value->interval.hi;
	row->n = value->invocations;
	row->samples = value->n;
	return row;
}

int feed_add_cells(struct feed *f, bool costly)
{
	bool any = false;

	for (size_t i = 0; i < f->n_runs; i++)
		for (size_t k = 0; k < f->runs[i]->n_cells; k++)
			any |= f->runs[i]->cells[k].has_data &&
			       !report_returns_early(&f->runs[i]->cells[k]);

	for (size_t i = 0; i < f->n_runs; i++) {
		for (size_t k = 0; k < f->runs[i]->n_cells; k++) {
			const struct report_cell *c = &f->runs[i]->cells[k];

			if (!c->has_data || (costly && any && report_returns_early(c)))
				continue;
			if (!feed_add(f, i, c))
				return -ENOMEM;
		}
	}
	return 0;
}

static bool same_section(const struct feed_section *a, const struct feed_section *b)
{
	return !strcmp(a->benchmark, b->benchmark) && !strcmp(a->metric, b->metric) &&
	       !strcmp(a->unit, b->unit);
}

/* Is it the time of a whole shutdown: of a TD's teardown, replayed or real, or of a VM's end? */
static bool is_shutdown(const struct feed_row *row)
{
	static const char *const whole[] = { "teardown", "VM", "TD" };
	const char *per = row->cell->metric ? row->cell->metric->per : "";

	for (size_t i = 0; !row->of && !row->called && i < sizeof(whole) / sizeof(whole[0]); i++)
		if (!strcmp(per, whole[i]))
			return true;
	return false;
}

static bool shutdowns_of_several(const struct feed *f)
{
	const struct feed_row *first = NULL;

	for (size_t i = 0; i < f->n; i++) {
		if (!is_shutdown(&f->rows[i]))
			continue;
		if (first && strcmp(first->cell->row->benchmark, f->rows[i].cell->row->benchmark))
			return true;
		first = &f->rows[i];
	}
	return false;
}

static void section_of(const struct feed_row *row, bool together, struct feed_section *s)
{
	unit_of(row, s);
	if (!together || !is_shutdown(row))
		return;
	s->together = true;
	snprintf(s->benchmark, sizeof(s->benchmark), "shutdown");
	snprintf(s->per, sizeof(s->per), "shutdown");
	snprintf(s->unit, sizeof(s->unit), "%s per shutdown", s->word);
}

static int find_sections(struct feed *f)
{
	bool together = f->together && shutdowns_of_several(f);

	f->sections = calloc(f->n + 1, sizeof(*f->sections)); /* one for what no run holds */
	if (!f->sections)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		struct feed_section its;
		size_t s = 0;

		section_of(&f->rows[i], together, &its);
		while (s < f->n_sections && !same_section(&f->sections[s], &its))
			s++;
		if (s == f->n_sections)
			f->sections[f->n_sections++] = its;
		f->rows[i].section = s;
	}
	return 0;
}

/* Panels are numbered in order of first appearance, section by section. */
static int find_panels(struct feed *f, const char *split)
{
	f->panels = calloc(f->n + 1, sizeof(*f->panels));
	if (!f->panels)
		return -ENOMEM;
	for (size_t s = 0; s < f->n_sections; s++) {
		size_t first = f->n_panels;

		for (size_t i = 0; i < f->n; i++) {
			char text[sizeof(*f->panels)];
			size_t p = first;

			if (f->rows[i].section != s)
				continue;
			label_panel(f, &f->rows[i], split, text, sizeof(text));
			while (p < f->n_panels && strcmp(f->panels[p], text))
				p++;
			if (p == f->n_panels)
				memcpy(f->panels[f->n_panels++], text, sizeof(text));
			f->rows[i].panel = p;
		}
	}
	return 0;
}

/* Panels come in order of their sections. The run comes last: the same cells stand together. */
static int compare_rows(const void *a, const void *b)
{
	const struct feed_row *x = a, *y = b;

	if (x->panel != y->panel)
		return x->panel < y->panel ? -1 : 1;
	for (size_t k = 0; k < FEED_FACTORS; k++)
		if (x->rank[k] != y->rank[k])
			return x->rank[k] < y->rank[k] ? -1 : 1;
	if (x->run_no != y->run_no)
		return x->run_no < y->run_no ? -1 : 1;
	return x->x < y->x ? -1 : x->x > y->x;
}

static void find_kind(struct feed *f)
{
	f->kind = f->rows[0].kind;
	for (size_t i = 1; i < f->n; i++) {
		f->mixed |= f->rows[i].kind != f->rows[0].kind;
		f->kind = kind_weakest(f->kind, f->rows[i].kind);
	}
}

/* What was sorted may be cut: then whole panels stay and the last ones go. */
static void cut(struct feed *f)
{
	if (f->n > FEED_MAX_ROWS) {
		f->left_out = f->n - FEED_MAX_ROWS;
		f->n = FEED_MAX_ROWS;
	}
	f->n_panels = f->rows[f->n - 1].panel + 1;
	f->n_sections = f->rows[f->n - 1].section + 1;
	for (size_t i = f->n; i-- > 0;) {
		f->sections[f->rows[i].section].first = i;
		f->sections[f->rows[i].section].n++;
	}
}

int feed_arrange(struct feed *f, const char *split, struct reason *why)
{
	int ret;

	if (!f->n)
		return reason_set(why, -ENODATA, "no cell holds a sample yet; see `tdcost show`");
	ret = find_sections(f);
	for (size_t s = 0; s < f->n_sections && !ret; s++)
		label_rank(f, s, split);
	if (!ret)
		ret = find_panels(f, split);
	if (ret)
		return reason_set(why, ret, "out of memory");
	qsort(f->rows, f->n, sizeof(*f->rows), compare_rows);
	cut(f);
	for (size_t s = 0; s < f->n_sections; s++)
		unit_choose(f, &f->sections[s]);
	find_kind(f);
	for (size_t s = 0; s < f->n_sections; s++)
		label_rows(f, s, split);
	return 0;
}
