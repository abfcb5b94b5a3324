/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gnuplot.h: start gnuplot as a process; no shell, no user's .gnuplot. */
#ifndef TDC_PLOTS_GNUPLOT_H
#define TDC_PLOTS_GNUPLOT_H

#include <stddef.h>

#include "harness/core/reason.h"

/**
 * gnuplot_template() - where a template is
 * @path: set to an absolute path, or one that begins with "./"
 *
 * Looked for in $TDCOST_PLOT_DIR, then in ../share/tdcost/plots beside the program, then where
 * the source was built. Return: 0, -ENOENT.
 */
int gnuplot_template(const char *name, char *path, size_t n, struct reason *why);

/**
 * gnuplot_run() - draw @data to @output
 * @said: receives what gnuplot wrote to standard error, cut to fit; "" when silent
 *
 * Paths must begin with "/" or "./": gnuplot takes "<" and "|" at a path's start for a command.
 * Return: 0; -ENOENT with what to install where there is no gnuplot; -EIO with gnuplot's first
 * line of complaint; -EINVAL for another path; -errno.
 */
int gnuplot_run(const char *template, const char *data, const char *output, const char *format,
		char *said, size_t n, struct reason *why);

#endif
