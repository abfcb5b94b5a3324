/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * design.h: from what somebody asked to what is done: factors to cells, cells to arm groups, arm
 * groups to a schedule drawn from a seed.
 *
 * An arm group holds the cells that differ in paired factors only: they share a process and form
 * blocks. A round runs every group once, each in a process of its own, in an order drawn from the
 * seed and the round's number alone, so that a run can be resumed.
 */
#ifndef TDC_MEASURE_DESIGN_H
#define TDC_MEASURE_DESIGN_H

#include <stddef.h>
#include <stdint.h>

#include "harness/core/hash.h"
#include "harness/measure/bench.h"

struct planned_cell {
	struct cell cell;
	enum cell_state state;
	enum kind kind;
	struct reason reason; /* why skipped, or why not measured; "" */
	unsigned group, arm;  /* CELL_PLANNED only */
};

struct arm_group {
	const struct bench_info *bench;
	struct cell *arms;
	unsigned n_arms;
};

struct plan {
	struct planned_cell *cells; /* in the order asked */
	size_t n_cells;
	struct arm_group *groups;
	unsigned n_groups;
	bool allow_disruptive; /* otherwise cells of disruptive benchmarks are skipped */
};

void plan_free(struct plan *plan);

/**
 * plan_add() - add all combinations of a benchmark's levels
 * @settings: @n texts "FACTOR=LEVEL[,LEVEL]"; a factor not named keeps its usual level
 *
 * Cells that cannot run here are added as skipped, with the reason. Cells that are there already
 * (from another preset line, or because "auto" became a level that was also named) are added once.
 * Return: 0; -EINVAL for an unknown factor or level, with the nearest that exists; -ENOMEM and
 * others when supported() refuses the run; -E2BIG for more than PLAN_MAX_CELLS combinations.
 */
#define PLAN_MAX_CELLS 4096
int plan_add(struct plan *plan, const struct machine *m, const struct bench_info *bench,
	     const char *const *settings, size_t n, struct reason *why);

/* The order of the groups in @round: a permutation of 0..n_groups-1 in @order. */
void plan_order(const struct plan *plan, uint64_t seed, unsigned round, unsigned *order);

/* A seed for one purpose, from the run's seed: SplitMix64 (Steele, Lea & Flood 2014). */
uint64_t seed_derive(uint64_t seed, uint64_t round, uint64_t group, uint64_t purpose);

/* Shuffle @n numbers in place from @seed (Fisher & Yates through GSL). */
void shuffle_u32(uint32_t *v, size_t n, uint64_t seed);

/* Parse one level of @factor; symbolic levels are taken as they are. Return: 0, -EINVAL. */
int level_parse(const struct bench_info *b, unsigned factor, const char *text, struct level *level,
		struct reason *why);

/* The one factor in which two cells of a benchmark differ, -1 where they differ in none or several. */
int cells_differ_in(const struct cell *a, const struct cell *b);

/* Level texts by factor name, or what was typed: a new JSON object. */
json_t *cell_json(const struct cell *cell);
json_t *cell_asked_json(const struct cell *cell);

/* The reverse, for resolved levels. Return: 0, -EINVAL with what is wrong. */
int cell_from_json(const struct bench_info *bench, const json_t *j, struct cell *cell,
		   struct reason *why);

/* "quirk=on page=4K ...", the factors that @mask has a bit for. Return: @buf. */
char *cell_text(const struct cell *cell, uint32_t mask, char *buf, size_t n);

/* The factors in which the plan's cells of @bench differ: a bit each. */
uint32_t plan_varying(const struct plan *plan, const struct bench_info *bench);

#endif
