// SPDX-License-Identifier: GPL-2.0-or-later
/* compare: what is printed of noise floors, and of the gate that they bound. */
#include "harness/cli/compare_floor.h"

#include <math.h>
#include <string.h>

#include "bench/list.h"
#include "harness/cli/effects.h"
#include "harness/cli/paragraph.h"
#include "harness/core/units.h"

/* ---- the command that calibrates what a row lacks ---- */

static void add(char *buf, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void add(char *buf, size_t n, const char *fmt, ...)
{
	size_t used = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + used, n - used, fmt, ap);
	va_end(ap);
}

/* What was asked of the cell and is not usual. Twins are what a calibration makes itself. */
static void add_settings(const struct report_cell *cell, char *buf, size_t n)
{
	const struct bench_info *b = bench_find(cell->row->benchmark);
	json_t *asked = json_loads(cell->row->asked ? cell->row->asked : "", 0, NULL), *level;
	const char *name;

	json_object_foreach(asked, name, level) {
		const char *text = json_string_value(level);
		int i = b ? bench_find_factor(b, name) : -1;

		if (text && strcmp(name, "twin") &&
		    (i < 0 || strcmp(bench_factor(b, (unsigned)i)->usual, text)))
			add(buf, n, " -p %s=%s", name, text);
	}
	json_decref(asked);
}

/* As many rounds and blocks as the row has, in slices that suffice for them. */
static char *calibrate_command(const struct comparison_row *row, char *buf, size_t n)
{
	const struct floor_design *d = &row->floor_of.design;
	json_t *plan = json_loads(row->a.report->data.plan, 0, NULL);
	json_int_t slice = json_integer_value(json_object_get(plan, "slice_ns"));

	snprintf(buf, n, "tdcost doctor --calibrate %s", row->a.cell->row->benchmark);
	add_settings(row->a.cell, buf, n);
	add(buf, n, " --rounds %u --blocks %u", d->rounds, d->blocks);
	if (slice > 0)
		add(buf, n, " --budget %.3gs", fmax(0.1, d->rounds * ((double)slice / 1e9 + 0.02)));
	if (d->distance_ms > 0)
		add(buf, n, " --apart %llds", (long long)(d->distance_ms / 2000 + 1));
	json_decref(plan);
	return buf;
}

/* ---- notes ---- */

static char *apart_text(int64_t ms, char *buf, size_t n)
{
	char time[32];

	*buf = '\0';
	if (ms > 0)
		snprintf(buf, n, ", %s apart",
			 duration_format((double)ms * 1e6, time, sizeof(time)));
	return buf;
}

static void note_floor(const struct compare *cmp, const struct comparison_row *row, FILE *to)
{
	const struct floor_design *d = &row->floor_of.calibrated;
	char apart[48];

	fprintf(to, "noise floor of %s: %.2f %% (calibrated with %u rounds of %u blocks%s)\n",
		row->label, row->floor * 100, d->rounds, d->blocks,
		apart_text(d->distance_ms, apart, sizeof(apart)));
	if (cmp->gate >= 0 && cmp->gate < row->floor)
		fprintf(to,
			"remark: the gate of %g %% is below that floor, so the floor is the "
			"threshold\n",
			cmp->gate * 100);
}

static void note_missing(const struct compare *cmp, const struct comparison_row *row,
			 const char *others, FILE *to)
{
	const struct row_floor *f = &row->floor_of;
	char command[1024], here[48], there[48];

	calibrate_command(row, command, sizeof(command));
	fprintf(to, "remark: no noise floor of %s%s: ", row->label, others);
	switch (f->match) {
	case FLOOR_NOT_CALIBRATABLE:
		fprintf(to,
			"none is known for %s of which one side came after the other; interleave "
			"them\n",
			cmp->tails     ? "tails of runs"
			: cmp->c.boots ? "boots"
				       : "runs on different machines");
		break;
	case FLOOR_DESIGN_UNKNOWN:
		fprintf(to,
			"its calibration does not say how many rounds and blocks it had (schema 3 "
			"or older); calibrate with `%s`\n",
			command);
		break;
	case FLOOR_OF_MORE_DATA:
		fprintf(to,
			"calibrated with %u rounds of %u blocks, this comparison has %u of %u; "
			"calibrate with `%s`\n",
			f->calibrated.rounds, f->calibrated.blocks, f->design.rounds,
			f->design.blocks, command);
		break;
	case FLOOR_OF_NEARER_RUNS:
		fprintf(to, "calibrated with runs%s, these are%s; calibrate with `%s`\n",
			apart_text(f->calibrated.distance_ms, there, sizeof(there)) + 1,
			apart_text(f->design.distance_ms, here, sizeof(here)) + 1, command);
		break;
	default:
		fprintf(to,
			"one run came after the other and nothing was calibrated; interleave the "
			"runs, or calibrate with `%s`\n",
			command);
	}
}

/* Is it worth a line? A pair that nobody calibrated is not. */
static bool lacks_floor(const struct comparison_row *row)
{
	return row->withheld == WITHHELD_NO_FLOOR || row->floor_of.match == FLOOR_DESIGN_UNKNOWN ||
	       row->floor_of.match == FLOOR_OF_MORE_DATA ||
	       row->floor_of.match == FLOOR_OF_NEARER_RUNS;
}

void compare_floor_notes(const struct compare *cmp, FILE *to)
{
	const struct comparison_row *first = NULL;
	char others[48] = "";
	size_t missing = 0;

	for (size_t i = 0; i < cmp->c.n_rows; i++) {
		const struct comparison_row *row = &cmp->c.rows[i];

		if (isfinite(row->floor))
			note_floor(cmp, row, to);
		if (!lacks_floor(row))
			continue;
		first = first ? first : row;
		missing++;
	}
	if (missing > 1)
		snprintf(others, sizeof(others), " and of %zu more", missing - 1);
	if (first)
		note_missing(cmp, first, others, to);
}

void compare_floor_withheld(const struct compare *cmp, struct paragraph *p)
{
	size_t no_floor = 0, in_floor = 0;

	for (size_t i = 0; i < cmp->c.n_rows; i++) {
		no_floor += cmp->c.rows[i].withheld == WITHHELD_NO_FLOOR;
		in_floor += cmp->c.rows[i].withheld == WITHHELD_IN_FLOOR;
	}
	if (no_floor)
		paragraph_put(p, "Inconclusive because no noise floor is known: %zu of %zu.",
			      no_floor, cmp->c.n_rows);
	if (in_floor)
		paragraph_put(p, "Inside the noise floor: %zu of %zu.", in_floor, cmp->c.n_rows);
}

/* ---- the gate ---- */

static const char *const result_names[] = {
	[GATE_WITHIN] = "within",
	[GATE_BEYOND] = "beyond",
	[GATE_UNDECIDED] = "undecided",
};

static void count(const struct compare *cmp, size_t n[3])
{
	memset(n, 0, 3 * sizeof(*n));
	for (size_t i = 0; cmp->gate >= 0 && i < cmp->c.n_rows; i++)
		n[floor_gate(&cmp->c, &cmp->c.rows[i], cmp->gate)]++;
}

int compare_gate_status(const struct compare *cmp)
{
	bool fatal = false;
	size_t n[3];

	for (size_t i = 0; i < cmp->c.n_rows; i++)
		fatal |= cmp->c.rows[i].fatal;
	count(cmp, n);
	if (n[GATE_BEYOND])
		return EXIT_REGRESSION;
	if (fatal)
		return EXIT_UNTRUSTWORTHY;
	return n[GATE_UNDECIDED] && cmp->gate_strict ? EXIT_UNDECIDED : EXIT_DONE;
}

static double percent(const struct comparison_row *row, double judged)
{
	return 100 * (comparison_by_difference(row) ? judged : expm1(judged));
}

/* "64M -> sample: +9.64 % [+5.72, +13.71], threshold 3 %, noise floor 1.2 %" */
static void row_text(const struct compare *cmp, const struct comparison_row *row, char *buf,
		     size_t n)
{
	snprintf(buf, n, "%s%s%s: ", row->label, row->level_b ? " -> " : "",
		 row->level_b ? row->level_b : "");
	if (isfinite(row->judged.lo))
		add(buf, n, "%+.2f %% [%+.2f, %+.2f], ",
		    percent(row, (row->judged.lo + row->judged.hi) / 2),
		    percent(row, row->judged.lo), percent(row, row->judged.hi));
	add(buf, n, "threshold %.4g %%, ", 100 * floor_threshold(row, cmp->gate));
	if (isfinite(row->floor))
		add(buf, n, "noise floor %.4g %%", 100 * row->floor);
	else
		add(buf, n, "noise floor not known");
}

/* One line, or in a commit block as many as its width takes. */
static void put(FILE *to, bool wrap, const char *text)
{
	struct paragraph p = { to, 0, "  ", NULL };

	if (!wrap) {
		fprintf(to, "%s\n", text);
		return;
	}
	paragraph_put(&p, "%s", text);
	paragraph_end(&p);
}

void compare_gate_lines(const struct compare *cmp, bool wrap, FILE *to)
{
	char text[512], row[448];
	size_t n[3];

	if (cmp->gate < 0)
		return;
	count(cmp, n);
	snprintf(text, sizeof(text),
		 "gate of %g %%: %zu of %zu rows beyond it, %zu within, %zu undecided",
		 cmp->gate * 100, n[GATE_BEYOND], cmp->c.n_rows, n[GATE_WITHIN], n[GATE_UNDECIDED]);
	fputc('\n', to);
	put(to, wrap, text);
	for (size_t i = 0; i < cmp->c.n_rows; i++) {
		enum gate_result result = floor_gate(&cmp->c, &cmp->c.rows[i], cmp->gate);

		if (result == GATE_WITHIN || (result == GATE_UNDECIDED && !cmp->gate_strict))
			continue;
		row_text(cmp, &cmp->c.rows[i], row, sizeof(row));
		snprintf(text, sizeof(text), "gate %s: %s",
			 result == GATE_BEYOND ? "FAILED" : "undecided", row);
		put(to, wrap, text);
	}
}

/* ---- JSON ---- */

static json_t *design_json(const struct floor_design *d)
{
	return d->name ? json_pack("{s:s, s:I, s:I, s:I}", "design", d->name, "rounds",
				   (json_int_t)d->rounds, "blocks", (json_int_t)d->blocks,
				   "distance_ms", (json_int_t)d->distance_ms)
		       : json_null();
}

void compare_floor_json(const struct compare *cmp, const struct comparison_row *row, json_t *out)
{
	static const char *const matches[] = {
		[FLOOR_NOT_CALIBRATED] = "not calibrated",
		[FLOOR_NOT_CALIBRATABLE] = "design is not calibrated",
		[FLOOR_DESIGN_UNKNOWN] = "calibrated with an unknown design",
		[FLOOR_OF_MORE_DATA] = "calibrated with more rounds or blocks",
		[FLOOR_OF_NEARER_RUNS] = "calibrated with runs nearer to each other",
		[FLOOR_APPLIES] = "applies",
	};

	json_object_set_new(out, "noise_floor_match", json_string(matches[row->floor_of.match]));
	json_object_set_new(out, "noise_floor_calibrated", design_json(&row->floor_of.calibrated));
	json_object_set_new(out, "design", design_json(&row->floor_of.design));
	if (cmp->gate < 0)
		return;
	json_object_set_new(out, "gate",
			    json_string(result_names[floor_gate(&cmp->c, row, cmp->gate)]));
	json_object_set_new(out, "gate_threshold", json_real(floor_threshold(row, cmp->gate)));
}

json_t *compare_gate_json(const struct compare *cmp)
{
	size_t n[3];

	if (cmp->gate < 0)
		return json_null();
	count(cmp, n);
	return json_string(n[GATE_BEYOND] ? "beyond" : n[GATE_UNDECIDED] ? "undecided" : "within");
}
