/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floor.h: the noise floor (S10, S19): how far apart identical arms come to lie, to which rows of a
 * comparison a calibrated floor applies, and what a row inside it does not decide.
 */
#ifndef TDC_ANALYSIS_FLOOR_H
#define TDC_ANALYSIS_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct comparison;
struct comparison_row;
struct store_calibration_row;

/* Designs that are calibrated: arms of one process, and two runs of one after the other. */
#define FLOOR_PAIRED	 "paired"
#define FLOOR_SEQUENTIAL "one after the other"

/* How many values a comparison is made of, and how far apart in time its sides are. */
struct floor_design {
	const char *name;    /* NULL: a design that is not calibrated, such as boots */
	unsigned rounds;     /* processes of each side */
	unsigned blocks;     /* of a process, the median; 0: unknown */
	int64_t distance_ms; /* between the starts of both sides; 0: they take turns */
};

/* Does a calibrated floor apply to a row, and if not, what is in the way. */
enum floor_match {
	FLOOR_NOT_CALIBRATED,	/* nothing of this cell, host and design */
	FLOOR_NOT_CALIBRATABLE, /* the design is one that is not calibrated */
	FLOOR_DESIGN_UNKNOWN,	/* stored before schema 4 */
	FLOOR_OF_MORE_DATA,	/* of more rounds or blocks than the row has: it may be too low */
	FLOOR_OF_NEARER_RUNS,	/* of runs less than half as far apart: it may be too low */
	FLOOR_APPLIES,
};

/* What a row of a comparison knows of its floor, next to the floor itself. */
struct row_floor {
	enum floor_match match;
	struct floor_design design;	/* of the row */
	struct floor_design calibrated; /* of the newest calibration; zero where there is none */
};

/* Why the verdict of a row was withheld. */
enum row_withheld {
	WITHHELD_NOT,
	WITHHELD_LOAD,	   /* a side was off the CPU for too much of its time; see load.h */
	WITHHELD_NO_FLOOR, /* sequential runs, and no floor applies */
	WITHHELD_IN_FLOOR, /* sequential runs, and the effect is one that identical arms have, too */
};

/**
 * floor_of_effects() - the floor that effects of identical arms give
 * @effect: @n of them, log ratios, of comparisons that share no data
 *
 * t(0.975, n) times their root mean square: a further effect of identical arms lies within it in
 * 95 % of the cases. Its mean is known to be 0, so all @n are degrees of freedom.
 * Return: as a share (0.01 is 1 %); NaN for @n == 0.
 */
double floor_of_effects(const double *effect, size_t n);

/* Does a floor of @calibrated apply to a comparison of @design? The one place that decides. */
enum floor_match floor_match(const struct floor_design *calibrated,
			     const struct floor_design *design);

/**
 * floor_set() - the floor of a row, from the calibrations of its cell
 * @k: @n of them, of A's cell on A's host, newest first
 *
 * The newest that applies sets @row->floor. Where none does, it stays NaN and @row->floor_of says
 * why, by the newest of the row's design.
 */
void floor_set(const struct comparison *c, struct comparison_row *row,
	       const struct store_calibration_row *k, size_t n);

/* Are the sides of the row runs of which one began after the other had ended? */
bool floor_is_sequential(const struct comparison *c, const struct comparison_row *row);

/**
 * floor_withhold() - make sequential rows inconclusive that their floor does not let decide
 *
 * Call it after comparison_judge() and floor_set(). "Faster" and "slower" need an effect beyond the
 * floor. "Equivalent" needs the effect and the floor together inside the smallest effect of interest.
 */
void floor_withhold(struct comparison *c);

enum gate_result {
	GATE_WITHIN,	/* the interval lies below the threshold as a whole */
	GATE_BEYOND,	/* it lies above it as a whole */
	GATE_UNDECIDED, /* neither, or the row decides nothing */
};

/* S19: the gate, or the floor of the row where that is larger. Shares. */
double floor_threshold(const struct comparison_row *row, double gate);

enum gate_result floor_gate(const struct comparison *c, const struct comparison_row *row,
			    double gate);

#endif
