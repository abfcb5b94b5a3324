/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h: runs made up in memory, so that plots are tested without a store. */
#ifndef TDC_TESTS_PLOTS_FIXTURE_H
#define TDC_TESTS_PLOTS_FIXTURE_H

#include "results/analysis/report.h"

struct fixture {
	struct report r;
	double *level;	/* of each cell: what its samples are drawn around */
	double *spread; /* of its samples, relative */
	uint64_t state; /* of the generator: the same numbers in every test */
};

/* An empty run with the time in ns on a machine that exists nowhere. */
void fixture_start(struct fixture *f, const char *uuid, const char *label);

/**
 * fixture_cell() - a planned cell
 * @factors: "insn=clzero page=4K"; region and backing are unpaired, all others paired
 */
void fixture_cell(struct fixture *f, const char *benchmark, unsigned group, unsigned arm,
		  const char *factors, enum kind kind, double level, double spread);

/* Draw samples of all cells and summarise them. */
void fixture_measure(struct fixture *f, unsigned invocations, unsigned blocks);

/* Cells as a run of the quick preset has them: 2 regions, 3 instructions, both quirks. */
void fixture_reset(struct fixture *f, double factor);

void fixture_end(struct fixture *f);

#endif
