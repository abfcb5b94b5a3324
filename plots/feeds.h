/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feeds.h: the feed functions of plot_list[], one file each; plot_info.feed is their contract. */
#ifndef TDC_PLOTS_FEEDS_H
#define TDC_PLOTS_FEEDS_H

#include <stdio.h>

#include "harness/core/reason.h"
#include "results/analysis/report.h"

int calls_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int cost_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int ecdf_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int saving_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int cpus_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int dirty_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int idle_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int phases_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int policy_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int rounds_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int size_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int threads_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int vcpus_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);
int victim_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why);

#endif
