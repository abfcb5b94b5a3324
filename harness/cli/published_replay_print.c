// SPDX-License-Identifier: GPL-2.0-or-later
/* A replay against the fit, in text and in JSON. */
#include <math.h>

#include "harness/cli/cli.h"
#include "harness/cli/effects.h"
#include "harness/cli/published_replay.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static double share_percent(double ns, const struct replay_line *l)
{
	return ns / l->fitted_ns * 100;
}

/* ---- text ---- */

static void number_cell(struct table *t, double v)
{
	char a[32];

	if (isfinite(v))
		table_cell(t, "%s", text_number(v, a, sizeof(a)));
	else
		table_cell(t, "-");
}

static void percent_cell(struct table *t, double v)
{
	if (isfinite(v))
		table_cell(t, "%.1f", v);
	else
		table_cell(t, "-");
}

static void print_lines(const struct published_replay *p)
{
	static const char *const columns[] = {
		"path",	       "figure",     ">vCPUs",	       ">size",	     "here is",
		">wall ns",    ">n",	     ">explained ns",  ">fitted ns", ">explained %",
		">remains ns", ">SEAMCALLs", ">seam delay ns",
	};
	struct table *t = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; t && i < p->n; i++) {
		const struct replay_line *l = &p->lines[i];

		table_row(t);
		table_cell(t, "%s", l->path->level);
		table_cell(t, "%s", model_path_names[l->path->of]);
		table_cell(t, "%g%s", l->vcpus, l->beyond ? "*" : "");
		table_cell(t, "%s", report_level(l->cell, "size"));
		table_cell(t, "%s%s", kind_name(l->cell->row->kind),
			   l->cell->fatal ? ", UNTRUSTWORTHY" : "");
		number_cell(t, l->wall_ns);
		table_cell(t, "%zu", l->cell->sum.invocations);
		number_cell(t, l->explained_ns);
		number_cell(t, l->fitted_ns);
		percent_cell(t, share_percent(l->explained_ns, l));
		number_cell(t, replay_remains(l));
		table_cell(t, "%u", l->path->seamcalls);
		number_cell(t, replay_delay_ns(l));
	}
	if (t)
		table_print(t, stdout);
}

static void print_phases(const struct published_replay *p)
{
	static const char *const columns[] = { "path",	   ">vCPUs",	   ">size",   "phase",
					       ">here ns", ">% of fitted", "explains" };
	struct table *t = table_new(columns, ARRAY_SIZE(columns));
	const struct report_value *v;

	for (size_t i = 0; t && i < p->n; i++)
		for (size_t k = 0; (v = replay_phase(p->report, p->lines[i].cell, k)); k++) {
			const struct replay_line *l = &p->lines[i];

			table_row(t);
			table_cell(t, "%s", l->path->level);
			table_cell(t, "%g", l->vcpus);
			table_cell(t, "%s", report_level(l->cell, "size"));
			table_cell(t, "%s", v->subject);
			number_cell(t, v->level / l->pages);
			percent_cell(t, share_percent(v->level / l->pages, l));
			table_cell(t, "%s", replay_explains(v) ? "yes" : "no");
		}
	if (t)
		table_print(t, stdout);
}

void published_replay_text(const struct published_replay *p)
{
	const struct store_run_row *run = &p->report->data.run;
	char machine[256];

	printf("\nagainst run %.8s%s%s%s\n%s\n", run->uuid, *run->label ? " \"" : "", run->label,
	       *run->label ? "\"" : "", report_machine(p->report, machine, sizeof(machine)));
	printf("\nper leaf of 4 KiB; fitted, explained %%, remains and seam delay are modelled\n");
	print_lines(p);
	if (replay_phase(p->report, p->lines[0].cell, 0)) {
		printf("\nby phase\n");
		print_phases(p);
	}
	putchar('\n');
	for (size_t i = 0; i < json_array_size(p->notes); i++)
		printf("note: %s\n", json_string_value(json_array_get(p->notes, i)));
}

/* ---- JSON ---- */

static json_t *phases_json(const struct published_replay *p, const struct replay_line *l)
{
	json_t *list = json_array();
	const struct report_value *v;

	for (size_t i = 0; (v = replay_phase(p->report, l->cell, i)); i++) {
		double ns = v->level / l->pages;

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o, s:b}", "phase", v->subject,
						"here_ns", json_number(ns), "percent_of_fitted",
						json_number(share_percent(ns, l)), "explains",
						replay_explains(v)));
	}
	return list;
}

static json_t *line_json(const struct published_replay *p, const struct replay_line *l)
{
	return json_pack(
		"{s:O, s:s, s:s, s:s, s:b, s:o, s:I, s:o, s:o, s:o, s:b, s:o, s:i, s:o, s:o}",
		"factors", l->cell->factors, "figure", model_path_names[l->path->of], "here_is",
		kind_name(l->cell->row->kind), "label", kind_name(KIND_MODELLED), "fatal",
		l->cell->fatal, "wall_ns", json_number(l->wall_ns), "n",
		(json_int_t)l->cell->sum.invocations, "explained_ns", json_number(l->explained_ns),
		"fitted_ns", json_number(l->fitted_ns), "explained_percent",
		json_number(share_percent(l->explained_ns, l)), "extrapolated", l->beyond,
		"remains_ns", json_number(replay_remains(l)), "seamcalls", (int)l->path->seamcalls,
		"seam_delay_ns", json_number(replay_delay_ns(l)), "phases", phases_json(p, l));
}

json_t *published_replay_json(const struct published_replay *p)
{
	json_t *lines = json_array();
	char machine[256];

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(lines, line_json(p, &p->lines[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:O}", "run", p->report->data.run.uuid,
			 "machine", report_machine(p->report, machine, sizeof(machine)), "per",
			 "leaf of 4 KiB", "label", kind_name(KIND_MODELLED), "cells", lines,
			 "notes", p->notes);
}
