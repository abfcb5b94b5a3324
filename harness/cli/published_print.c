// SPDX-License-Identifier: GPL-2.0-or-later
/* A fit in text and in JSON. */
#include <math.h>

#include "harness/cli/cli.h"
#include "harness/cli/effects.h"
#include "harness/cli/published.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *what_it_is(const struct published_figure *f)
{
	return f->met	   ? "fitted, met whatever it is"
	       : f->fitted ? "fitted"
			   : "prediction of a row left out";
}

static void print_constants(const struct published_fit *f)
{
	static const char *const columns[] = { "constant", ">value", "unit", "stands for" };
	struct table *t = table_new(columns, ARRAY_SIZE(columns));
	char a[32];

	for (unsigned i = 0; t && i < MODEL_CONSTANTS; i++) {
		table_row(t);
		table_cell(t, "%s", model_constants[i].name);
		if (isnan(f->model.us[i]))
			table_cell(t, "not determined");
		else
			table_cell(t, "%s", text_number(f->model.us[i], a, sizeof(a)));
		table_cell(t, "%s", model_constants[i].unit);
		table_cell(t, "%s", model_constants[i].meaning);
	}
	if (t)
		table_print(t, stdout);
}

/* No "-0.00": what is met is off by rounding. */
static double tidy(double v)
{
	return fabs(v) < 1e-6 ? 0 : v;
}

static void print_modelled(struct table *t, const struct published_figure *g)
{
	char a[32], b[32];

	if (!isnan(g->modelled_s)) {
		table_cell(t, "%.2f", g->modelled_s);
		table_cell(t, "%+.2f", tidy(g->modelled_s - g->published_s));
		table_cell(t, "%+.1f", tidy(published_error_percent(g)));
		return;
	}
	if (isnan(g->lo_s))
		table_cell(t, "not determined");
	else
		table_cell(t, "%s to %s", text_number(g->lo_s, a, sizeof(a)),
			   text_number(g->hi_s, b, sizeof(b)));
	table_cell(t, "-");
	table_cell(t, "-");
}

static void print_figures(const struct published_figure *figures, size_t n)
{
	static const char *const columns[] = { "row",	      ">vCPUs",	      ">GiB",
					       "figure",      ">published s", ">modelled s",
					       ">residual s", ">residual %",  "is" };
	struct table *t = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; t && i < n; i++) {
		const struct published_figure *g = &figures[i];

		table_row(t);
		table_cell(t, "%s", g->row->id);
		table_cell(t, "%g", g->row->vcpus);
		table_cell(t, "%g", g->row->guest_gib);
		table_cell(t, "%s", model_path_names[g->path]);
		table_cell(t, "%g", g->published_s);
		print_modelled(t, g);
		table_cell(t, "%s", what_it_is(g));
	}
	if (t)
		table_print(t, stdout);
}

void published_fit_text(const struct published_fit *f)
{
	printf("the teardown of a TD, modelled: constants fitted to published rows; nothing of it "
	       "was "
	       "measured\n"
	       "after = pages x reclaim; before = pages x (reclaim + dynamic + vCPUs x kick)\n\n");
	print_constants(f);
	putchar('\n');
	print_figures(f->figures, f->n_figures);
	if (!isnan(f->model.rms))
		printf("relative residuals of what was fitted, root mean square over the degrees "
		       "of "
		       "freedom: %.1f %%\n",
		       f->model.rms * 100);
	if (f->n_left_out) {
		printf("\neach fitted row once more, from a fit to the others alone; \"to\": "
		       "bounds, "
		       "with no constant below 0\n");
		print_figures(f->left_out, f->n_left_out);
	}
	putchar('\n');
	for (size_t i = 0; i < json_array_size(f->notes); i++)
		printf("note: %s\n", json_string_value(json_array_get(f->notes, i)));
}

/* ---- JSON ---- */

static json_t *constants_json(const struct published_fit *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < MODEL_CONSTANTS; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s}", "constant",
						      model_constants[i].name, "value",
						      json_number(f->model.us[i]), "unit",
						      model_constants[i].unit, "stands_for",
						      model_constants[i].meaning));
	return list;
}

static json_t *figures_json(const struct published_figure *figures, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct published_figure *g = &figures[i];
		json_t *bounds = isnan(g->lo_s) ? json_null()
						: json_pack("[f, f]", g->lo_s, g->hi_s);

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:f, s:f, s:s, s:f, s:o, s:o, s:o, s:o, s:s}", "row",
				  g->row->id, "source", g->row->source, "vcpus", g->row->vcpus,
				  "guest_gib", g->row->guest_gib, "figure",
				  model_path_names[g->path], "published_s", g->published_s,
				  "modelled_s", json_number(g->modelled_s), "bounds_s", bounds,
				  "residual_s", json_number(g->modelled_s - g->published_s),
				  "residual_percent", json_number(published_error_percent(g)), "is",
				  what_it_is(g)));
	}
	return list;
}

json_t *published_fit_json(const struct published_fit *f)
{
	json_t *clear = isnan(f->clear_us)
				? json_null()
				: json_pack("{s:s, s:f, s:f, s:f}", "label", "hypothesis",
					    "percent", f->clear_percent, "clear_us", f->clear_us,
					    "rest_us", f->model.us[MODEL_RECLAIM] - f->clear_us);

	return json_pack("{s:s, s:o, s:o, s:o, s:i, s:i, s:i, s:o, s:o, s:O}", "label",
			 kind_name(KIND_MODELLED), "constants", constants_json(f), "figures",
			 figures_json(f->figures, f->n_figures), "leave_one_out",
			 figures_json(f->left_out, f->n_left_out), "fitted_figures",
			 (int)f->model.figures, "determined", (int)f->model.rank,
			 "degrees_of_freedom", (int)f->model.freedom, "rms_residual",
			 json_number(f->model.rms), "hypothesis", clear, "notes", f->notes);
}
