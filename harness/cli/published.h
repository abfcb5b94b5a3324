/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * published.h: published rows against the model of a teardown, and the model against a replay that
 * was measured. All of it is modelled, and says so.
 */
#ifndef TDC_CLI_PUBLISHED_H
#define TDC_CLI_PUBLISHED_H

#include <jansson.h>

#include "results/analysis/model.h"
#include "results/analysis/report.h"
#include "results/published/published.h"

/* One published time beside what the model says. */
struct published_figure {
	const struct published_row *row;
	enum model_path path;
	bool fitted; /* else it was left out of the fit, and is predicted */
	bool met;    /* fitted, and met whatever it is: its residual says nothing */
	double published_s, modelled_s; /* NaN where the fit does not determine it */
	double lo_s, hi_s;		/* what it does say of it then, else NaN */
};

struct published_fit {
	const struct published *all;
	const struct published_row *rows[MODEL_ROWS]; /* fitted first */
	size_t n_rows, n_fitted;
	struct model model;
	struct published_figure figures[MODEL_ROWS * MODEL_PATHS];
	size_t n_figures;
	/* Each fitted row from the others alone. */
	struct published_figure left_out[MODEL_ROWS * MODEL_PATHS];
	size_t n_left_out;
	double clear_us; /* hypothesis: see published_fit_text(); NaN without its row */
	double clear_percent;
	json_t *notes; /* sentences: what to keep in mind */
};

/**
 * published_fit_make() - fit the model
 * @asked: "ID,ID" to fit; NULL for those that the data mark; the other marked ones are predicted
 * @out: borrows from @all; free with published_fit_free() after 0 only
 *
 * Return: 0; -EINVAL for a row that is not there or is no teardown; model_fit()'s.
 */
int published_fit_make(const struct published *all, const char *asked, struct published_fit *out,
		       struct reason *why);
void published_fit_free(struct published_fit *f);

/* Percent by which the model's figure is off; NaN where there is none. */
double published_error_percent(const struct published_figure *f);

void published_fit_text(const struct published_fit *f);
json_t *published_fit_json(const struct published_fit *f);

/* ---- against a run of the benchmark teardown ---- */

struct published_replay;

/**
 * published_replay_make() - what of the model's time per leaf a replay explains on this machine
 * @f, @r: borrowed
 *
 * Return: 0 and *@out, to be freed with published_replay_free(); -EINVAL for a run that counts
 * instructions or holds no fitting cell; -ENOMEM.
 */
int published_replay_make(const struct published_fit *f, const struct report *r,
			  struct published_replay **out, struct reason *why);
void published_replay_free(struct published_replay *p);

bool published_replay_fatal(const struct published_replay *p);
void published_replay_text(const struct published_replay *p);
json_t *published_replay_json(const struct published_replay *p);

#endif
