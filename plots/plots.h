/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plots.h: pictures of runs. Each plot is a gnuplot template (plots/NAME.gp) and a function that
 * writes the data file which it draws. Text reaches gnuplot through that file only, never by
 * pasting it into a command.
 */
#ifndef TDC_PLOTS_PLOTS_H
#define TDC_PLOTS_PLOTS_H

#include <stdio.h>

#include "harness/core/reason.h"
#include "results/analysis/report.h"

enum plot_format { PLOT_SVG, PLOT_PNG, PLOT_PDF, PLOT_DUMB, PLOT_FORMAT_MAX };

const char *plot_format_name(enum plot_format f); /* "svg", "png", "pdf", "dumb" */
int plot_format_parse(const char *name);	  /* -1: none of them */

struct plot_info {
	const char *name;    /* of the template, and of `tdcost plot --list` */
	const char *summary; /* one line */
	/**
	 * feed() - write the data file
	 *
	 * Return: 0; -ENODATA with @why where these runs hold nothing for this plot; -errno.
	 */
	int (*feed)(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
};

extern const struct plot_info plot_list[]; /* ends with a NULL name */
const struct plot_info *plot_find(const char *name);

/* "cost, ecdf": the plots for which these runs hold data; "none". Return: @buf. */
char *plot_fitting(const struct report *const *runs, size_t n, char *buf, size_t size);

/**
 * plot_draw() - one picture
 * @dir: where the picture goes; made when it is not there. PLOT_DUMB draws to @out instead
 * @path: set to the picture's path, with a name that says what is in it
 *
 * gnuplot is started as a process. Return: 0; -ENODATA as feed(); -ENOENT with what to install
 * when gnuplot or the template is missing; -EIO with gnuplot's own first line of complaint.
 */
int plot_draw(const struct plot_info *plot, const struct report *const *runs, size_t n,
	      enum plot_format format, const char *dir, FILE *out, char *path, size_t path_size,
	      struct reason *why);

#endif
