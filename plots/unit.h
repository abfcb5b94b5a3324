/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.h: in what the numbers of a section are told. */
#ifndef TDC_PLOTS_UNIT_H
#define TDC_PLOTS_UNIT_H

#include "plots/feed.h"

/* A section with what its rows have in common: benchmark, metric, unit. */
void unit_of(const struct feed_row *row, struct feed_section *s);

/*
 * In what times up to @most ns are told with @digits before the point: "us". Return: its name;
 * @divisor: what a time in ns is divided by.
 */
const char *unit_for(double most, unsigned digits, double *divisor);

/* Times of six digits and more become us, ms or s: unit, word, scale, and the rows' numbers. */
void unit_choose(struct feed *f, struct feed_section *s);

/* "3.12 ms", "120 instructions": one number with its unit. Return: @buf. */
char *unit_number(double v, enum clock_unit clock, char *buf, size_t n);

/* "[3.01, 3.25]": in the unit in which unit_number() tells @v; "n = 1" for none. Return: @buf. */
char *unit_interval(double v, double lo, double hi, enum clock_unit clock, char *buf, size_t n);

#endif
