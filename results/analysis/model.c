// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/model.h"

#include <errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

/* Of the largest singular value, and of a figure's own length: below is rounding. */
#define RANK_TOLERANCE 1e-9
#define NULL_TOLERANCE 1e-6

const struct model_constant_info model_constants[MODEL_CONSTANTS] = {
	[MODEL_RECLAIM] = { "reclaim", "us per leaf",
			    "TDH.PHYMEM.PAGE.RECLAIM, clearing the page, and what KVM and mm do to "
			    "free it" },
	[MODEL_DYNAMIC] = { "dynamic", "us per leaf",
			    "TDH.MEM.RANGE.BLOCK, TDH.MEM.TRACK, TDH.MEM.PAGE.REMOVE and "
			    "TDH.PHYMEM.PAGE.WBINVD, less the RECLAIM that this way needs not" },
	[MODEL_KICK] = { "kick", "us per leaf and vCPU",
			 "after each TDH.MEM.TRACK the loop over all vCPUs, and an IPI to those in "
			 "guest mode" },
};

const char *const model_path_names[MODEL_PATHS] = {
	[MODEL_BEFORE] = "before",
	[MODEL_AFTER] = "after",
};

/* How often each constant is in the time of one leaf. */
static void design(double vcpus, enum model_path path, double out[MODEL_CONSTANTS])
{
	out[MODEL_RECLAIM] = 1;
	out[MODEL_DYNAMIC] = path == MODEL_BEFORE;
	out[MODEL_KICK] = path == MODEL_BEFORE ? vcpus : 0;
}

static bool positive(double v)
{
	return isfinite(v) && v > 0;
}

static int check_rows(const struct model_row *rows, size_t n, struct reason *why)
{
	if (!n || n > MODEL_ROWS)
		return reason_set(why, -EINVAL, "%zu rows to fit: 1 to %d are needed", n,
				  MODEL_ROWS);
	for (size_t i = 0; i < n; i++) {
		const struct model_row *r = &rows[i];

		if (!positive(r->vcpus) || !positive(r->gib) ||
		    !positive(r->seconds[MODEL_BEFORE]) || !positive(r->seconds[MODEL_AFTER]))
			return reason_set(why, -EINVAL,
					  "row %zu (%g vCPUs, %g GiB, %g s, %g s): each must be "
					  "above 0",
					  i + 1, r->vcpus, r->gib, r->seconds[MODEL_BEFORE],
					  r->seconds[MODEL_AFTER]);
	}
	return 0;
}

static double us_per_leaf(const struct model_row *r, enum model_path path)
{
	return r->seconds[path] / r->gib / MODEL_PAGES_PER_GIB * 1e6;
}

/* Relative residuals: each figure's equation divided by the figure, so that all targets are 1. */
static void fill(gsl_matrix *a, const struct model_row *rows, size_t n)
{
	gsl_matrix_set_zero(a);
	for (size_t i = 0; i < n * MODEL_PATHS; i++) {
		const struct model_row *r = &rows[i / MODEL_PATHS];
		enum model_path path = (enum model_path)(i % MODEL_PATHS);
		double d[MODEL_CONSTANTS];

		design(r->vcpus, path, d);
		for (unsigned j = 0; j < MODEL_CONSTANTS; j++)
			gsl_matrix_set(a, i, j, d[j] / us_per_leaf(r, path));
	}
}

/* Columns of length 1: kick's would be vCPUs times as long as the others. */
static bool balance(gsl_matrix *a, double scale[MODEL_CONSTANTS])
{
	bool finite = true;

	for (unsigned j = 0; j < MODEL_CONSTANTS; j++) {
		double square = 0;

		for (size_t i = 0; i < a->size1; i++)
			square += pow(gsl_matrix_get(a, i, j), 2);
		scale[j] = sqrt(square);
		finite &= positive(scale[j]);
		for (size_t i = 0; finite && i < a->size1; i++)
			gsl_matrix_set(a, i, j, gsl_matrix_get(a, i, j) / scale[j]);
	}
	return finite;
}

/* By singular values: @u has become A's left factor; targets are 1 in the first @figures rows. */
static void solve(const gsl_matrix *u, const gsl_matrix *v, const gsl_vector *s, struct model *m)
{
	for (unsigned k = 0; k < MODEL_CONSTANTS; k++) {
		double value = gsl_vector_get(s, k), sum = 0;

		if (!(value > RANK_TOLERANCE * gsl_vector_get(s, 0))) {
			for (unsigned j = 0; j < MODEL_CONSTANTS; j++)
				m->null[m->n_null][j] = gsl_matrix_get(v, j, k);
			m->n_null++;
			continue;
		}
		for (unsigned i = 0; i < m->figures; i++) {
			sum += gsl_matrix_get(u, i, k);
			m->leverage[i] += pow(gsl_matrix_get(u, i, k), 2);
		}
		for (unsigned j = 0; j < MODEL_CONSTANTS; j++)
			m->solution[j] += gsl_matrix_get(v, j, k) * sum / value;
	}
	m->rank = MODEL_CONSTANTS - m->n_null;
	m->freedom = m->figures - m->rank;
}

static int decompose(const struct model_row *rows, size_t n, struct model *m, struct reason *why)
{
	/* No fewer rows than columns: with one row of figures there is a row of zeros below. */
	size_t height = n * MODEL_PATHS < MODEL_CONSTANTS ? MODEL_CONSTANTS : n * MODEL_PATHS;
	gsl_matrix *a = gsl_matrix_alloc(height, MODEL_CONSTANTS);
	gsl_matrix *v = gsl_matrix_alloc(MODEL_CONSTANTS, MODEL_CONSTANTS);
	gsl_vector *s = gsl_vector_alloc(MODEL_CONSTANTS),
		   *work = gsl_vector_alloc(MODEL_CONSTANTS);
	int ret = -ENOMEM;

	if (!a || !v || !s || !work) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	fill(a, rows, n);
	ret = -ERANGE;
	if (!balance(a, m->scale) || gsl_linalg_SV_decomp(a, v, s, work)) {
		reason_set(why, ret, "the rows are too far apart to be fitted together");
		goto out;
	}
	solve(a, v, s, m);
	ret = 0;
out:
	gsl_vector_free(work);
	gsl_vector_free(s);
	gsl_matrix_free(v);
	gsl_matrix_free(a);
	return ret;
}

/* The value of a combination of constants; NaN if what may be added to the solution changes it. */
static double value_of(const struct model *m, const double d[MODEL_CONSTANTS])
{
	double length = 0, value = 0;

	for (unsigned j = 0; j < MODEL_CONSTANTS; j++) {
		length += pow(d[j] / m->scale[j], 2);
		value += d[j] / m->scale[j] * m->solution[j];
	}
	for (unsigned k = 0; k < m->n_null; k++) {
		double along = 0;

		for (unsigned j = 0; j < MODEL_CONSTANTS; j++)
			along += d[j] / m->scale[j] * m->null[k][j];
		if (!(fabs(along) <= NULL_TOLERANCE * sqrt(length)))
			return NAN;
	}
	return value;
}

static double rms(const struct model_row *rows, size_t n, const struct model *m)
{
	double square = 0;

	for (size_t i = 0; i < n * MODEL_PATHS; i++) {
		const struct model_row *r = &rows[i / MODEL_PATHS];
		enum model_path path = (enum model_path)(i % MODEL_PATHS);

		square += pow(model_us(m, r->vcpus, path) / us_per_leaf(r, path) - 1, 2);
	}
	return m->freedom ? sqrt(square / m->freedom) : NAN;
}

int model_fit(const struct model_row *rows, size_t n, struct model *out, struct reason *why)
{
	int ret = check_rows(rows, n, why);

	*out = (struct model){ .figures = (unsigned)n * MODEL_PATHS };
	if (!ret)
		ret = decompose(rows, n, out, why);
	if (ret)
		return ret;
	for (unsigned j = 0; j < MODEL_CONSTANTS; j++) {
		double alone[MODEL_CONSTANTS] = { 0 };

		alone[j] = 1;
		out->us[j] = value_of(out, alone);
		if (isinf(out->us[j]))
			return reason_set(why, -ERANGE, "%s overflows", model_constants[j].name);
	}
	out->vcpus_lo = out->vcpus_hi = rows[0].vcpus;
	for (size_t i = 1; i < n; i++) {
		out->vcpus_lo = fmin(out->vcpus_lo, rows[i].vcpus);
		out->vcpus_hi = fmax(out->vcpus_hi, rows[i].vcpus);
	}
	out->rms = rms(rows, n, out);
	return 0;
}

double model_us(const struct model *m, double vcpus, enum model_path path)
{
	double d[MODEL_CONSTANTS];

	design(vcpus, path, d);
	return value_of(m, d);
}

double model_seconds(const struct model *m, double vcpus, double gib, enum model_path path)
{
	return model_us(m, vcpus, path) * gib * MODEL_PAGES_PER_GIB * 1e-6;
}

int model_bounds(const struct model *m, double vcpus, double *lo_us, double *hi_us)
{
	double reclaim = m->us[MODEL_RECLAIM], sum, share = vcpus / m->vcpus_lo;

	if (m->vcpus_lo != m->vcpus_hi)
		return -EDOM;
	sum = model_us(m, m->vcpus_lo, MODEL_BEFORE) - reclaim;
	if (!(sum >= 0) || !positive(share))
		return -EDOM;
	*lo_us = reclaim + sum * fmin(1, share);
	*hi_us = reclaim + sum * fmax(1, share);
	return 0;
}
