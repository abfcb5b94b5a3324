/* SPDX-License-Identifier: GPL-2.0-or-later */
/* effects.h: how levels, effects and verdicts are written, in text and in JSON; show and compare. */
#ifndef TDC_CLI_EFFECTS_H
#define TDC_CLI_EFFECTS_H

#include <jansson.h>

#include "results/analysis/comparison.h"

#define SESOI_DEFAULT 0.01 /* S6: the smallest effect of interest, 1 % */

/* Four significant digits. Each returns @buf. */
char *text_number(double v, char *buf, size_t n);
char *text_interval(double lo, double hi, double level, char *buf, size_t n);
char *text_p(const struct effect *e, size_t min_n, char *buf, size_t n);

/*
 * In what the times of @n rows that share a unit are told: a larger one where they would take six digits.
 * Return: its name; @divisor: for row_told_in().
 */
const char *rows_unit(const struct report *r, const struct comparison_row *rows, size_t n,
		      double *divisor);

/* The row in that unit. What is no time stays. */
struct comparison_row row_told_in(const struct comparison_row *row, double divisor);

/* The effect in the form that decides: "-174.7 ns" or "+1.23 %", and its 95 % interval alike. */
char *text_effect(const struct comparison_row *row, const char *unit, char *buf, size_t n);
char *text_effect_interval(const struct comparison_row *row, char *buf, size_t n);

/* Where both forms are told, the one that does not decide; else "". */
char *text_other(const struct comparison_row *row, const char *unit, char *buf, size_t n);
char *text_other_interval(const struct comparison_row *row, char *buf, size_t n);

/* "off the CPU for 45 % of the time": why the verdict is withheld; "" where it is not. */
char *text_withheld(const struct comparison_row *row, char *buf, size_t n);

/* "faster", "inconclusive, 4 more rounds needed". */
char *text_verdict(const struct report *r, const struct comparison *c,
		   const struct comparison_row *row, char *buf, size_t n);

/* The effect form that @benchmark declares for @factor; a ratio where neither is known here. */
enum effect_form effect_form_of(const char *benchmark, const char *factor);

/*
 * Is the row of two erratum modes of a replay whose SEAMCALLs take no time? Then its percentage is of
 * too small a whole, and UPPER_BOUND has to stand beside it.
 */
bool is_upper_bound(const struct comparison_row *row);
bool any_upper_bound(const struct comparison_row *rows, size_t n);

#define UPPER_BOUND                                                                          \
	"SEAMCALLs take no time in the replay (seam=0), so what quirk=off saves in percent " \
	"is at most that"

/* JSON has no NaN: what does not exist is null. */
json_t *json_number(double v);
json_t *series_json(const struct series *s);
json_t *effect_json(const struct effect *e, size_t min_n);
json_t *comparison_row_json(const struct comparison *c, const struct comparison_row *row);

#endif
