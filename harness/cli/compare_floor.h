/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare_floor.h: what is printed of noise floors, and of the gate that they bound. */
#ifndef TDC_CLI_COMPARE_FLOOR_H
#define TDC_CLI_COMPARE_FLOOR_H

#include <jansson.h>

#include "harness/cli/compare.h"
#include "harness/cli/paragraph.h"

/* Each floor that applies, and one remark on the rows that lack one, with the command that calibrates. */
void compare_floor_notes(const struct compare *cmp, FILE *to);

/* For a commit block: how many verdicts were withheld. Nothing where none was. */
void compare_floor_withheld(const struct compare *cmp, struct paragraph *p);

/*
 * The exit status that the rows give. 3 comes before 5: an established slowdown among trustworthy
 * rows holds whatever the others are.
 */
int compare_gate_status(const struct compare *cmp);

/* The gate, and a line for each row that it fails. @wrap: for a commit block. */
void compare_gate_lines(const struct compare *cmp, bool wrap, FILE *to);

/* Add to the JSON of a row what is known of its floor, and what the gate says of it. */
void compare_floor_json(const struct compare *cmp, const struct comparison_row *row, json_t *out);

/* "beyond", "undecided", "within": of all rows, the first that occurs; null without a gate. */
json_t *compare_gate_json(const struct compare *cmp);

#endif
