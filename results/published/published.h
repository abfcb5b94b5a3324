/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * published.h: figures that others published, with their sources. Data, in published.csv beside
 * this file: RFC 4180, a header, a row for each figure or pair of figures. Nothing here was measured
 * by this program, and nothing here is ever stored among what was.
 */
#ifndef TDC_PUBLISHED_PUBLISHED_H
#define TDC_PUBLISHED_PUBLISHED_H

#include <stddef.h>
#include <stdio.h>

#include "harness/core/reason.h"

/* More is a damaged file. */
#define PUBLISHED_ROWS 256
#define PUBLISHED_LINE 4096

/* What a row of a TD's teardown is to the model of it. */
enum published_use {
	PUBLISHED_TOLD,	   /* nothing: it is told, and that is all */
	PUBLISHED_FIT,	   /* constants are fitted to it */
	PUBLISHED_PREDICT, /* it is kept out of the fit, and predicted */
	PUBLISHED_USES
};

/*
 * Either a value with its unit, or a time before and after a change; what a row lacks is NaN, or "".
 */
struct published_row {
	char *id; /* lower-case letters, digits and '-'; unique */
	enum published_use use;
	char *quantity, *setup, *source; /* none is "" */
	double vcpus, guest_gib;
	double before_s, after_s;
	double value;
	char *unit;
	unsigned line; /* of the file, from 1 */
};

struct published {
	struct published_row *rows;
	size_t n;
};

/* "", "fit", "predict". */
const char *published_use_name(enum published_use v);

/**
 * published_path() - where a file of published figures is
 * @name: "published.csv"
 *
 * In $TDCOST_PUBLISHED_DIR where that names a folder; else in ../share/tdcost/published beside the
 * program, then where the source was built. Return: 0, -ENOENT.
 */
int published_path(const char *name, char *path, size_t n, struct reason *why);

/**
 * published_read() - read rows
 * @name: of the file, for complaints
 *
 * Return: 0; -EINVAL for the first thing that is wrong, as "NAME:LINE: what"; -EIO; -ENOMEM. Free
 * with published_free() after 0 only.
 */
int published_read(FILE *in, const char *name, struct published *out, struct reason *why);

/* published_path() and published_read() of published.csv. Return: theirs. */
int published_load(struct published *out, struct reason *why);

void published_free(struct published *p);

/* NULL where there is none. */
const struct published_row *published_find(const struct published *p, const char *id);

#endif
