/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feed.h: what the feed functions share: the rows (one per cell and run) in the order in which
 * they are drawn, their labels, and the writing of a data file.
 *
 * A data file is text with tabs between columns; blocks are set apart by two empty lines. Block 0
 * is always the caption, a line of text per row: 0 for a terminal or 1 for a picture, line, text.
 * Templates read numbers with `stats` and draw text `with labels`, which is the one way by which
 * gnuplot passes text through unchanged.
 */
#ifndef TDC_PLOTS_FEED_H
#define TDC_PLOTS_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "plots/plots.h"

#define FEED_COLUMNS	 8   /* of text in a label: arm, 3 factors, the rest, run, kind, trust */
#define FEED_FACTORS	 48  /* of the benchmarks of a section; further ones are not looked at */
#define FEED_MAX_ROWS	 200 /* of one picture; a picture says what it leaves out */
#define FEED_NARROW_LINE 77  /* characters of a caption line in a terminal of 79 */
#define FEED_WIDE_LINE	 122 /* and in a picture */

struct feed_row {
	const struct report *run;
	size_t run_no; /* index of @run among those drawn */
	const struct report_cell *cell;
	const struct report_value *of; /* whose level it is; NULL: the samples' time */
	const char *called;	       /* what it is in place of a metric: "saving"; NULL */
	bool percent;		       /* of what @called says, not in units of the clock */
	bool clock; /* of the samples' own clock, also where the cell's level is what was executed */
	enum kind kind;
	bool fatal;
	double value, lo, hi; /* lo and hi NaN where there is no interval */
	double x;	      /* its level of feed.along */
	size_t n;	      /* invocations */
	size_t samples;	      /* or values, over all invocations */
	/* set by feed_arrange() */
	size_t section; /* benchmark, metric and unit, or feed.together: what may share an axis */
	size_t panel;	/* within the whole picture */
	unsigned rank[FEED_FACTORS];
	char column[FEED_COLUMNS][40];
	char label[200]; /* the columns, padded to align in a fixed-width font */
};

struct feed_section {
	char benchmark[32], metric[32];
	char word[16], per[48]; /* "ns", "4 KiB page" */
	char unit[96];		/* "ns per 4 KiB page" */
	char title[64];		/* what is measured, where the picture has no one word for it */
	double scale;		/* 1000: the rows' numbers were in ns and are in us now */
	bool together;		/* of several benchmarks: rows are called by what they are of */
	size_t first, n;	/* rows */
	char head[200];		/* names of the columns, padded as the labels are */
};

struct feed {
	const struct report *const *runs;
	size_t n_runs;
	const char *compared; /* a factor whose levels a row already compares; NULL */
	const char *along;    /* a factor that is an axis: the rows of a curve differ in it; NULL */
	/* What tells the rows of a panel apart, up to a NULL; NULL: each paired factor */
	const char *const *inside;
	/* Times of a whole shutdown share axes, whichever benchmark took them. */
	bool together;
	unsigned digits; /* before the point; with more a time is told in a larger unit. 0: 5 */
	const char *const *always; /* what labels name also where all rows share it; NULL */
	struct feed_row *rows;
	size_t n, room, left_out;
	struct feed_section *sections;
	size_t n_sections;
	char (*panels)[192]; /* "region=16M": what could not be paired; may be "" */
	size_t n_panels;
	size_t width; /* of the widest label or head */
	bool mixed;   /* kinds differ: each label says its own */
	enum kind kind;
	char common[512]; /* levels that all rows share */
	char usual[512];  /* levels that most rows share: a row that differs says so */
};

/*
 * Start with no rows. Return: 0; -EINVAL where the runs' clocks differ, because a count is never
 * drawn beside a time. End with feed_end(), also after a failure.
 */
int feed_start(struct feed *f, const struct report *const *runs, size_t n, struct reason *why);
void feed_end(struct feed *f);

/* A row with the cell's summary. Return: the row, valid until the next call; NULL: no memory. */
struct feed_row *feed_add(struct feed *f, size_t run_no, const struct report_cell *cell);

/* The same with that of a value besides the time. */
struct feed_row *feed_add_value(struct feed *f, size_t run_no, const struct report_value *value);

/* All cells with data; with @costly only those that do the work (quirk=on), where there are any. */
int feed_add_cells(struct feed *f, bool costly);

/**
 * feed_arrange() - sort the rows, find sections and panels, choose units, make the labels
 * @split: a paired factor that gets panels of its own all the same; NULL for none
 *
 * Rows above FEED_MAX_ROWS are dropped and counted. Times that would take more than five digits are
 * told in us, ms or s. Return: 0, -ENODATA for no rows, -ENOMEM.
 */
int feed_arrange(struct feed *f, const char *split, struct reason *why);

/* "reset" or "reset, null": the benchmarks of the rows. Return: @buf. */
char *feed_drawn(const struct feed *f, char *buf, size_t size);

/* The benchmarks that hold data in these runs, drawn or not. Return: @buf. */
char *feed_benchmarks(const struct report *const *runs, size_t n, const char *between, char *buf,
		      size_t size);

/* Is one of the runs made up? Then the whole picture says so. */
bool feed_synthetic(const struct report *const *runs, size_t n);

/* The run's label, else the start of its id; never longer than 20 characters. */
char *feed_run_name(const struct report *run, char *buf, size_t n);

/* Characters, not bytes, of UTF-8 text. */
size_t feed_width(const char *text);

/* One text field, quoted so that gnuplot draws exactly @text. */
void feed_text(FILE *out, const char *text);

/*
 * Block 0: @title, the machine and n of each run, @note, and what all rows share, broken into
 * lines twice: for a terminal and for a picture. Ends with the two empty lines.
 */
void feed_caption(FILE *out, const struct feed *f, const char *title, const char *note);

/* A row's number, or NaN, as gnuplot reads it; with the tab behind it. */
void feed_number(FILE *out, double v);

/* "stop: tail [us per CPU]", "cost [ns per 4 KiB page]": what an axis measures. Return: @buf. */
char *feed_axis(const struct feed *f, const struct feed_section *s, const char *what, char *buf,
		size_t size);

/* -EIO where something could not be written, else 0. */
int feed_done(FILE *out, struct reason *why);

/* The least of 1, 2, 3, 5 times a power of ten that is not below @v > 0. */
double feed_nice_ceiling(double v);

#endif
