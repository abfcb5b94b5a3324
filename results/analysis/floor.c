// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/floor.h"

#include <math.h>
#include <string.h>

#include "results/analysis/comparison.h"

/*
 * A process samples for a slice of time, so the same command does not take the same number of blocks
 * twice. So much fewer of them widen an interval by an eighth at most.
 */
#define BLOCKS_AT_LEAST 0.8
#define DISTANCE_MOST	2

double floor_of_effects(const double *effect, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += effect[i] * effect[i];
	return n ? expm1(stat_t_quantile(0.95, (double)n) * sqrt(sum / (double)n)) : NAN;
}

enum floor_match floor_match(const struct floor_design *calibrated,
			     const struct floor_design *design)
{
	if (!design->name)
		return FLOOR_NOT_CALIBRATABLE;
	if (!calibrated->name || strcmp(calibrated->name, design->name))
		return FLOOR_NOT_CALIBRATED;
	if (!calibrated->rounds || !calibrated->blocks)
		return FLOOR_DESIGN_UNKNOWN;
	if (design->rounds < calibrated->rounds ||
	    design->blocks < BLOCKS_AT_LEAST * calibrated->blocks)
		return FLOOR_OF_MORE_DATA;
	if (design->distance_ms > DISTANCE_MOST * calibrated->distance_ms)
		return FLOOR_OF_NEARER_RUNS;
	return FLOOR_APPLIES;
}

bool floor_is_sequential(const struct comparison *c, const struct comparison_row *row)
{
	return c->sequential && !row->pairing && row->a.report != row->b.report;
}

static unsigned blocks_of(const struct comparison_side *s)
{
	return dataset_blocks(s->report->ds, s->cell->row->arm_group, s->cell->row->arm);
}

static void design_of(const struct comparison *c, const struct comparison_row *row,
		      struct floor_design *out)
{
	const struct store_run_data *a = &row->a.report->data, *b = &row->b.report->data;
	unsigned x = blocks_of(&row->a), y = blocks_of(&row->b);
	bool one_machine = !strcmp(a->host_id, b->host_id) && a->run.lane == b->run.lane;

	*out = (struct floor_design){ .blocks = x < y ? x : y };
	out->rounds = (unsigned)(row->a.n < row->b.n ? row->a.n : row->b.n);
	if (row->pairing) {
		out->name = FLOOR_PAIRED;
		out->rounds = (unsigned)row->diff.n;
	} else if (floor_is_sequential(c, row) && !c->boots && one_machine) {
		out->name = FLOOR_SEQUENTIAL;
		out->distance_ms = b->run.started - a->run.started;
		if (out->distance_ms < 0)
			out->distance_ms = -out->distance_ms;
	}
}

void floor_set(const struct comparison *c, struct comparison_row *row,
	       const struct store_calibration_row *k, size_t n)
{
	struct row_floor *of = &row->floor_of;

	*of = (struct row_floor){ 0 };
	design_of(c, row, &of->design);
	of->match = floor_match(&of->calibrated, &of->design);
	for (size_t i = 0; i < n && of->match != FLOOR_APPLIES; i++) {
		const struct floor_design d = { .name = k[i].design,
						.rounds = k[i].rounds,
						.blocks = k[i].blocks,
						.distance_ms = k[i].distance_ms };
		enum floor_match match = floor_match(&d, &of->design);

		if (k[i].lane != row->a.report->data.run.lane)
			continue;
		if (match == FLOOR_APPLIES)
			row->floor = k[i].floor;
		else if (of->match != FLOOR_NOT_CALIBRATED)
			continue;
		of->match = match;
		if (match == FLOOR_NOT_CALIBRATED)
			continue;
		of->calibrated = d;
		/* The row outlives @k. */
		of->calibrated.name = of->design.name;
	}
}

/* A share in the unit of the interval by which the row is judged. */
static double limit_of(const struct comparison_row *row, double share)
{
	return comparison_by_difference(row) ? share : log1p(share);
}

static enum row_withheld withheld(const struct comparison *c, const struct comparison_row *row)
{
	double floor = limit_of(row, row->floor);
	double effect = fabs(row->judged.lo + row->judged.hi) / 2;

	if (!isfinite(floor))
		return WITHHELD_NO_FLOOR;
	if (row->verdict.verdict == VERDICT_EQUIVALENT)
		return effect + floor < limit_of(row, c->sesoi) ? WITHHELD_NOT : WITHHELD_IN_FLOOR;
	return effect > floor ? WITHHELD_NOT : WITHHELD_IN_FLOOR;
}

void floor_withhold(struct comparison *c)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		struct comparison_row *row = &c->rows[i];

		/* Too few values come first: without them there is no effect to speak of. */
		if (!floor_is_sequential(c, row) || row->verdict.needed || row->withheld ||
		    row->verdict.verdict == VERDICT_UNTRUSTWORTHY)
			continue;
		row->withheld = withheld(c, row);
		if (!row->withheld)
			continue;
		row->verdict.verdict = VERDICT_INCONCLUSIVE;
		/* More rounds narrow the interval, not the drift. */
		row->new_run = 0;
	}
}

double floor_threshold(const struct comparison_row *row, double gate)
{
	return isfinite(row->floor) ? fmax(gate, row->floor) : gate;
}

enum gate_result floor_gate(const struct comparison *c, const struct comparison_row *row,
			    double gate)
{
	double limit = limit_of(row, floor_threshold(row, gate));

	if (row->fatal || row->verdict.needed || row->withheld == WITHHELD_LOAD ||
	    (floor_is_sequential(c, row) && !isfinite(row->floor)))
		return GATE_UNDECIDED;
	if (row->judged.lo > limit)
		return GATE_BEYOND;
	return row->judged.hi <= limit ? GATE_WITHIN : GATE_UNDECIDED;
}
