/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drawing.h: what tests of pictures share: a plot's data file, and gnuplot over it. */
#ifndef TDC_TESTS_PLOTS_DRAWING_H
#define TDC_TESTS_PLOTS_DRAWING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "plots/plots.h"

/* A file with its size; the caller frees it. */
char *drawing_slurp(const char *path, size_t *n);

/* What the plot's feed function writes, which must succeed; the caller frees it. */
char *drawing_feed(const char *plot, const struct report *const *runs, size_t n);

void assert_holds(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

/*
 * Each plot in @fits ("cost, ecdf") is drawn, gnuplot has nothing to complain about, and what is
 * drawn for a terminal fits into one. Every other plot says that it has no data.
 * @all: in each format, not only for a terminal and as SVG
 */
void drawing_check(const struct report *const *runs, size_t n, const char *dir, const char *fits,
		   bool all);

#endif
