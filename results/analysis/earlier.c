// SPDX-License-Identifier: GPL-2.0-or-later
/* S21: where the levels of earlier runs of a cell were, which an interval made in one run cannot say. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/report.h"

#define MOST_RUNS    20
#define FEW_TO_GUESS 3 /* runs, from which a spread can be estimated at all */

static bool counts(const struct store_run_row *row, const struct report *r)
{
	const struct store_run_row *run = &r->data.run;

	return row->state == RUN_DONE && row->started < run->started && row->lane == run->lane &&
	       row->clock == run->clock && !row->fatal_flags &&
	       !strcmp(row->host_id, r->data.host_id);
}

/* Does a word of the run's benchmarks name one of @r's? A run that shares none is not read. */
static bool shares_benchmark(const struct store_run_row *row, const struct report *r)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (strstr(row->benchmarks, r->cells[i].row->benchmark))
			return true;
	return false;
}

static const struct report_cell *same_cell(const struct report *r, const struct report_cell *of)
{
	for (size_t i = 0; i < r->n_cells; i++) {
		const struct report_cell *c = &r->cells[i];

		if (c->has_data && c->executed == of->executed &&
		    !strcmp(c->row->hash, of->row->hash))
			return c;
	}
	return NULL;
}

/* Log levels, as levels of one cell differ by a factor from run to run. */
static void add_levels(const struct report *earlier, const struct report *r,
		       double (*levels)[MOST_RUNS])
{
	for (size_t i = 0; i < r->n_cells; i++) {
		struct report_earlier *e = &r->cells[i].earlier;
		const struct report_cell *c = same_cell(earlier, &r->cells[i]);

		if (c && c->sum.level > 0 && e->runs < MOST_RUNS)
			levels[i][e->runs++] = log(c->sum.level);
	}
}

/* The range of a further run: mean +- t sd sqrt(1 + 1 / n); of few runs from the lowest to the highest. */
static void predict(const double *x, struct report_earlier *e)
{
	double mean = 0, lo = x[0], hi = x[0];
	struct effect of;

	for (size_t i = 0; i < e->runs; i++) {
		mean += x[i] / (double)e->runs;
		lo = fmin(lo, x[i]);
		hi = fmax(hi, x[i]);
	}
	if (e->runs >= FEW_TO_GUESS && !stat_t_effect(x, e->runs, REPORT_CONF, &of)) {
		double reach =
			stat_t_quantile(REPORT_CONF, of.df) * of.sd * sqrt(1 + 1 / (double)e->runs);

		lo = mean - reach;
		hi = mean + reach;
		e->predicted = true;
	}
	e->lo = exp(lo);
	e->hi = exp(hi);
}

int report_load_earlier(struct store *store, struct report *r, struct reason *why)
{
	double(*levels)[MOST_RUNS] = calloc(r->n_cells + 1, sizeof(*levels));
	struct store_run_row *rows = NULL;
	int n = levels ? store_runs(store, &rows, why) : reason_set(why, -ENOMEM, "out of memory");
	int ret = n < 0 ? n : 0;

	for (int i = 0, read = 0; i < n && read < MOST_RUNS && !ret; i++) {
		struct report earlier;

		if (!counts(&rows[i], r) || !shares_benchmark(&rows[i], r))
			continue;
		ret = report_load(store, rows[i].uuid, &earlier, why);
		if (ret)
			break;
		add_levels(&earlier, r, levels);
		report_free(&earlier);
		read++;
	}
	for (size_t i = 0; i < r->n_cells && !ret; i++)
		if (r->cells[i].earlier.runs)
			predict(levels[i], &r->cells[i].earlier);
	free(rows);
	free(levels);
	return ret;
}
