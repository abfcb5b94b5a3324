/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h: how long the teardown of a TD takes, from counts and constants. Pure functions. All that
 * comes out of here is modelled.
 *
 *   pages  = GiB * 262144 (leaves of 4 KiB, all of the guest's memory)
 *   after  = pages * reclaim                                (HKID released first)
 *   before = pages * (reclaim + dynamic + vCPUs * kick)     (HKID still assigned)
 *
 * Three constants, each a time per leaf. They are fitted by least squares of the relative residuals,
 * (model - published) / published, so that a TD of 107 GiB counts no more than one of 18. A row has
 * two figures, so two rows with different vCPUs determine the constants with one degree of freedom
 * left, and that one is about `reclaim` alone: dynamic and kick are two constants for two figures.
 */
#ifndef TDC_ANALYSIS_MODEL_H
#define TDC_ANALYSIS_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/core/reason.h"

#define MODEL_PAGES_PER_GIB 262144.0
#define MODEL_ROWS	    64

enum model_constant {
	MODEL_RECLAIM, /* us per leaf */
	MODEL_DYNAMIC, /* us per leaf */
	MODEL_KICK,    /* us per leaf and vCPU */
	MODEL_CONSTANTS
};

struct model_constant_info {
	const char *name, *unit;
	const char *meaning; /* the steps that it stands for */
};

extern const struct model_constant_info model_constants[MODEL_CONSTANTS];

enum model_path { MODEL_BEFORE, MODEL_AFTER, MODEL_PATHS };

/* "before", "after". */
extern const char *const model_path_names[MODEL_PATHS];

/* A TD that somebody tore down both ways. */
struct model_row {
	double vcpus, gib;
	double seconds[MODEL_PATHS];
};

struct model {
	/* NaN where the rows do not determine it. Below 0 is no cost: the model does not fit. */
	double us[MODEL_CONSTANTS];
	unsigned figures, rank, freedom; /* freedom: figures - rank */
	double rms;		   /* of the relative residuals, over @freedom; NaN for none */
	double vcpus_lo, vcpus_hi; /* of the rows */
	/*
	 * How much each figure draws the fit to itself, 0 to 1, before and after of each row in turn;
	 * a figure at 1 is met whatever it is, so that its residual says nothing.
	 */
	double leverage[MODEL_ROWS * MODEL_PATHS];
	/* The solution of least norm and what may be added to it, for model_us(). */
	double solution[MODEL_CONSTANTS], scale[MODEL_CONSTANTS];
	double null[MODEL_CONSTANTS][MODEL_CONSTANTS];
	unsigned n_null;
};

/**
 * model_fit() - constants from rows
 *
 * One row, or rows of equal vCPUs, leave dynamic and kick undetermined, which is no error: see
 * model_us(). Return: 0; -EINVAL for no row, more than MODEL_ROWS, or a count or time that is not
 * finite and above 0, named in @why; -ERANGE where the arithmetic overflows; -ENOMEM.
 */
int model_fit(const struct model_row *rows, size_t n, struct model *out, struct reason *why);

/* Modelled us per leaf of 4 KiB. NaN where the rows of the fit do not determine it. */
double model_us(const struct model *m, double vcpus, enum model_path path);

/* Modelled seconds of a TD; NaN as above. */
double model_seconds(const struct model *m, double vcpus, double gib, enum model_path path);

/**
 * model_bounds() - what one vCPU count says of another
 *
 * Where all rows have the same vCPUs, dynamic + vCPUs * kick is known as a sum only. If neither is
 * below 0, us per leaf before the change lie between the sum being all dynamic and all kick.
 * Return: 0; -EDOM where the rows have several counts, or the sum is below 0.
 */
int model_bounds(const struct model *m, double vcpus, double *lo_us, double *hi_us);

#endif
