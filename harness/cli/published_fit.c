// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/effects.h"
#include "harness/cli/published.h"
#include "harness/core/nearest.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A prediction that is further off than this has failed: the constants do not carry to its row. */
#define FAR_PERCENT 15.0

#define TIB	   1024 /* GiB */
#define LEAF_BYTES 4096

/* Of 1, less what rounding takes. */
#define MET_LEVERAGE (1 - 1e-9)

/* ---- which rows ---- */

static bool taken(const struct published_fit *f, const struct published_row *r)
{
	for (size_t i = 0; i < f->n_rows; i++)
		if (f->rows[i] == r)
			return true;
	return false;
}

static int take(struct published_fit *f, const struct published_row *r, struct reason *why)
{
	if (taken(f, r))
		return 0;
	if (f->n_rows == MODEL_ROWS)
		return reason_set(why, -EINVAL, "more than %d published rows of teardowns",
				  MODEL_ROWS);
	f->rows[f->n_rows++] = r;
	return 0;
}

static int take_named(struct published_fit *f, const char *id, struct reason *why)
{
	const struct published_row *r = published_find(f->all, id);
	const char *ids[PUBLISHED_ROWS];
	size_t n = 0;

	if (r && r->use != PUBLISHED_TOLD)
		return take(f, r, why);
	for (size_t i = 0; i < f->all->n; i++)
		if (f->all->rows[i].use != PUBLISHED_TOLD)
			ids[n++] = f->all->rows[i].id;
	return reason_set(why, -EINVAL, "'%s' is no published row of a teardown%s%s%s", id,
			  n ? "; did you mean '" : "", n ? nearest_name(id, ids, n) : "",
			  n ? "'?" : "");
}

static int take_asked(struct published_fit *f, const char *asked, struct reason *why)
{
	char *copy = strdup(asked), *rest = copy, *id;
	int ret = copy ? 0 : reason_set(why, -ENOMEM, "out of memory");

	while (!ret && (id = strsep(&rest, ",")))
		ret = take_named(f, id, why);
	free(copy);
	return ret;
}

static int take_marked(struct published_fit *f, enum published_use use, struct reason *why)
{
	int ret = 0;

	for (size_t i = 0; i < f->all->n && !ret; i++)
		if (f->all->rows[i].use == use)
			ret = take(f, &f->all->rows[i], why);
	return ret;
}

static int take_rows(struct published_fit *f, const char *asked, struct reason *why)
{
	int ret = asked ? take_asked(f, asked, why) : take_marked(f, PUBLISHED_FIT, why);

	f->n_fitted = f->n_rows;
	if (!ret && !f->n_fitted)
		ret = reason_set(why, -EINVAL,
				 "no published row is marked to be fitted; name some with --rows");
	/* All others are predicted; one that is marked to be fitted may have been left out by name. */
	if (!ret)
		ret = take_marked(f, PUBLISHED_FIT, why);
	return ret ? ret : take_marked(f, PUBLISHED_PREDICT, why);
}

/* ---- the figures ---- */

static struct model_row model_row_of(const struct published_row *r)
{
	return (struct model_row){ r->vcpus,
				   r->guest_gib,
				   { [MODEL_BEFORE] = r->before_s, [MODEL_AFTER] = r->after_s } };
}

static struct published_figure figure_of(const struct model *m, const struct published_row *r,
					 enum model_path path, bool fitted)
{
	double pages = r->guest_gib * MODEL_PAGES_PER_GIB, lo, hi;
	struct published_figure f = {
		.row = r,
		.path = path,
		.fitted = fitted,
		.published_s = path == MODEL_BEFORE ? r->before_s : r->after_s,
		.modelled_s = model_seconds(m, r->vcpus, r->guest_gib, path),
		.lo_s = NAN,
		.hi_s = NAN,
	};

	if (isnan(f.modelled_s) && !model_bounds(m, r->vcpus, &lo, &hi)) {
		f.lo_s = lo * pages * 1e-6;
		f.hi_s = hi * pages * 1e-6;
	}
	return f;
}

double published_error_percent(const struct published_figure *f)
{
	return (f->modelled_s / f->published_s - 1) * 100;
}

static int fit_all(struct published_fit *f, struct reason *why)
{
	struct model_row rows[MODEL_ROWS];
	int ret;

	for (size_t i = 0; i < f->n_fitted; i++)
		rows[i] = model_row_of(f->rows[i]);
	ret = model_fit(rows, f->n_fitted, &f->model, why);
	for (size_t i = 0; i < f->n_rows * MODEL_PATHS && !ret; i++) {
		bool fitted = i / MODEL_PATHS < f->n_fitted;

		f->figures[i] = figure_of(&f->model, f->rows[i / MODEL_PATHS],
					  (enum model_path)(i % MODEL_PATHS), fitted);
		f->figures[i].met = fitted && f->model.leverage[i] > MET_LEVERAGE;
		f->n_figures++;
	}
	return ret;
}

static int leave_out(struct published_fit *f, size_t out, struct reason *why)
{
	struct model_row rows[MODEL_ROWS];
	struct model m;
	size_t n = 0;
	int ret;

	for (size_t i = 0; i < f->n_fitted; i++)
		if (i != out)
			rows[n++] = model_row_of(f->rows[i]);
	ret = model_fit(rows, n, &m, why);
	for (unsigned path = 0; path < MODEL_PATHS && !ret; path++)
		f->left_out[f->n_left_out++] =
			figure_of(&m, f->rows[out], (enum model_path)path, false);
	return ret;
}

static void take_hypothesis(struct published_fit *f)
{
	const struct published_row *r = published_find(f->all, "skip-clear");

	f->clear_percent = r && !strcmp(r->unit, "percent at most") ? r->value : NAN;
	f->clear_us = f->model.us[MODEL_RECLAIM] * f->clear_percent / 100;
}

/* ---- what to keep in mind ---- */

__attribute__((format(printf, 2, 3))) static void note(struct published_fit *f, const char *fmt,
						       ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(f->notes, json_string(text));
}

static void note_fit(struct published_fit *f)
{
	note(f, "%u figures, and %u constants that they determine: %u degree%s of freedom%s",
	     f->model.figures, f->model.rank, f->model.freedom, f->model.freedom == 1 ? "" : "s",
	     f->model.freedom < 6 ? ", too few for intervals" : "");
	if (f->n_fitted == 2 && f->model.rank == MODEL_CONSTANTS)
		note(f,
		     "dynamic and kick are two constants for the two figures of before, which are "
		     "met whatever they are; what is tested is that one reclaim serves both "
		     "figures "
		     "of after");
	if (f->model.rank < MODEL_CONSTANTS)
		note(f,
		     "rows of one vCPU count give dynamic and vCPUs x kick as a sum only: fit rows "
		     "of several counts");
	for (unsigned i = 0; i < MODEL_CONSTANTS; i++)
		if (f->model.us[i] < 0)
			note(f,
			     "%s is below 0, which is no cost: the model does not explain these "
			     "rows together",
			     model_constants[i].name);
	note(f, "a row that was fitted is explained, not validated");
}

static void note_predictions(struct published_fit *f, const struct published_figure *figures,
			     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct published_figure *g = &figures[i];
		double error = published_error_percent(g);

		if (!g->fitted && fabs(error) > FAR_PERCENT)
			note(f,
			     "%s, %s: the prediction is %.0f %% too %s, so constants of the other "
			     "rows do not carry to %g vCPUs and %g GiB",
			     g->row->id, model_path_names[g->path], fabs(error),
			     error < 0 ? "low" : "high", g->row->vcpus, g->row->guest_gib);
	}
}

static void note_caveats(struct published_fit *f)
{
	note(f, "the hardware of the rows is not stated, nor whether it was the same for all");
	note(f,
	     "vCPUs and size grow together from row to row: a cost that grows with size, or with "
	     "nodes, is not told from kick");
	note(f,
	     "\"GB\" is taken as GiB, of 262144 leaves of 4 KiB; were it 10^9 bytes, each constant "
	     "would be 7.4 %% higher");
	if (!isnan(f->clear_us))
		note(f,
		     "hypothesis, no published number: were the %g %% of skip-clear a share of "
		     "after, clearing would cost %.2f us per leaf (%.2f GB/s) and the rest of "
		     "reclaim %.2f us",
		     f->clear_percent, f->clear_us, LEAF_BYTES / f->clear_us / 1e3,
		     f->model.us[MODEL_RECLAIM] - f->clear_us);
}

/* What the constants come to at the size that is asked about most, and that no row had. */
static void note_tib(struct published_fit *f)
{
	const struct model *m = &f->model;
	double lo = INFINITY, hi = 0;

	if (m->rank < MODEL_CONSTANTS)
		return;
	for (size_t i = 0; i < f->n_fitted; i++) {
		lo = fmin(lo, f->rows[i]->guest_gib);
		hi = fmax(hi, f->rows[i]->guest_gib);
	}
	note(f,
	     "a TD of 1 TiB, extrapolated from TDs of %g to %g GiB: before %.0f s with %g vCPUs "
	     "and %.0f s with %g, after %.0f s",
	     lo, hi, model_seconds(m, m->vcpus_lo, TIB, MODEL_BEFORE), m->vcpus_lo,
	     model_seconds(m, m->vcpus_hi, TIB, MODEL_BEFORE), m->vcpus_hi,
	     model_seconds(m, m->vcpus_hi, TIB, MODEL_AFTER));
}

int published_fit_make(const struct published *all, const char *asked, struct published_fit *out,
		       struct reason *why)
{
	int ret;

	*out = (struct published_fit){ .all = all };
	ret = take_rows(out, asked, why);
	if (!ret)
		ret = fit_all(out, why);
	for (size_t i = 0; i < out->n_fitted && out->n_fitted > 1 && !ret; i++)
		ret = leave_out(out, i, why);
	if (ret)
		return ret;
	take_hypothesis(out);
	out->notes = json_array();
	note_fit(out);
	note_tib(out);
	note_predictions(out, out->figures, out->n_figures);
	note_predictions(out, out->left_out, out->n_left_out);
	note_caveats(out);
	return 0;
}

void published_fit_free(struct published_fit *f)
{
	json_decref(f->notes);
}
