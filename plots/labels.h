/* SPDX-License-Identifier: GPL-2.0-or-later */
/* labels.h: what rows and panels are called, from the factors that vary among what is drawn. */
#ifndef TDC_PLOTS_LABELS_H
#define TDC_PLOTS_LABELS_H

#include "plots/feed.h"

/* Ranks by which rows are sorted: instruction, page size and fence first, levels as they came. */
void label_rank(struct feed *f, size_t section, const char *split);

/* "region=16M backing=thp": the unpaired factors, and @split, that vary. "" where none does. */
void label_panel(const struct feed *f, const struct feed_row *row, const char *split, char *buf,
		 size_t n);

/* Labels and head of a section whose rows are sorted; what they share goes to @f. */
void label_rows(struct feed *f, size_t section, const char *split);

/* Is a row untrustworthy? */
bool label_any_fatal(const struct feed *f);

#endif
