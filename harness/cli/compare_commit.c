// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A block for a commit message: at most 72 columns, the platform, the figures with n and intervals,
 * what got worse or stayed the same, and the command that reproduces it. Made of words that wrap,
 * so that a long CPU name never breaks the width; checked again by `compare --verify`.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/compare_floor.h"
#include "harness/cli/effects.h"
#include "harness/cli/paragraph.h"
#include "harness/cli/remarks.h"

static char *identity_text(const struct report *r, const char *key, char *buf, size_t n)
{
	json_t *j = json_loads(r->data.identity, 0, NULL);
	const char *text = json_string_value(json_object_get(j, key));

	snprintf(buf, n, "%s", text ? text : "unknown");
	json_decref(j);
	return buf;
}

/* "quirk=on,off": the erratum modes that the rows hold; "" for benchmarks without. */
static void erratum_modes(const struct comparison *c, char *buf, size_t n)
{
	bool on = false, off = false;

	for (size_t i = 0; i < c->n_rows; i++) {
		const struct comparison_side *sides[] = { &c->rows[i].a, &c->rows[i].b };

		for (unsigned k = 0; k < 2; k++) {
			on |= !strcmp(report_level(sides[k]->cell, "quirk"), "on");
			off |= !strcmp(report_level(sides[k]->cell, "quirk"), "off");
		}
	}
	snprintf(buf, n, "%s",
		 on && off ? "erratum mode on and off,"
		 : on	   ? "erratum mode on,"
		 : off	   ? "erratum mode off,"
			   : "");
}

static void put_platform(const struct compare *cmp, struct paragraph *p)
{
	const struct report *r = cmp->a[0];
	char microcode[64], modes[40];

	erratum_modes(&cmp->c, modes, sizeof(modes));
	paragraph_put(p,
		      "%s%s, family %u model %u stepping %u, microcode %s, Linux %s, lane %s, %s",
		      report_synthetic(r) ? "SYNTHETIC: " : "", r->data.cpu, r->data.family,
		      r->data.model, r->data.stepping,
		      identity_text(r, "microcode", microcode, sizeof(microcode)),
		      r->data.run.kernel, lane_name(r->data.run.lane), modes);
	if (cmp->n_b && strcmp(cmp->b[0]->data.run.kernel, r->data.run.kernel))
		paragraph_put(p, "against Linux %s,", cmp->b[0]->data.run.kernel);
}

/* What is analogue or modelled, each reason once. */
static void put_kinds(const struct compare *cmp, struct paragraph *p)
{
	const struct comparison *c = &cmp->c;
	bool any = false;

	for (size_t i = 0; i < c->n_rows; i++) {
		const struct comparison_side *s = &c->rows[i].a;
		bool said = false;

		if (s->cell->row->kind == KIND_MEASURED)
			s = &c->rows[i].b;
		if (s->cell->row->kind == KIND_MEASURED || !s->cell->row->reason)
			continue;
		for (size_t k = 0; k < i && !said; k++)
			said = (c->rows[k].a.cell->row->reason &&
				!strcmp(c->rows[k].a.cell->row->reason, s->cell->row->reason)) ||
			       (c->rows[k].b.cell->row->reason &&
				!strcmp(c->rows[k].b.cell->row->reason, s->cell->row->reason));
		if (said)
			continue;
		paragraph_put(p, "%s: %s.", kind_name(s->cell->row->kind), s->cell->row->reason);
		any = true;
	}
	if (!any)
		paragraph_put(p, "all measured.");
	paragraph_end(p);
}

/* @row: told in @unit. */
static void put_row(const struct compare *cmp, const struct comparison_row *row, const char *unit,
		    FILE *to)
{
	char a[32], b[32], effect[64], interval[96], verdict[96], n[48], waited[48];
	struct paragraph p = { to, 0, "    ", NULL };

	paragraph_put(&p, "%s%s%s", row->label,
		      row->level_b && !strchr(cmp->name_b, '=') ? " -> " : "",
		      row->level_b && !strchr(cmp->name_b, '=') ? row->level_b : "");
	paragraph_end(&p);
	text_effect(row, unit, effect, sizeof(effect));
	text_effect_interval(row, interval, sizeof(interval));
	text_verdict(cmp->a[0], &cmp->c, row, verdict, sizeof(verdict));
	if (row->pairing || row->a.n == row->b.n)
		snprintf(n, sizeof(n), "n=%zu", row->pairing ? row->diff.n : row->a.n);
	else
		snprintf(n, sizeof(n), "n=%zu,%zu", row->a.n, row->b.n);
	fprintf(to, "  %9s %9s %12s", text_number(row->a.level, a, sizeof(a)),
		text_number(row->b.level, b, sizeof(b)), effect);
	p.column = 36;
	text_other(row, unit, effect, sizeof(effect));
	compare_waited(cmp, row, waited, sizeof(waited));
	paragraph_put(&p, "%s %s %s%s%s%s%s", interval, n, verdict,
		      row->fatal ? " UNTRUSTWORTHY" : "", *waited ? ", waited " : "", waited,
		      *effect ? ";" : "");
	if (*effect)
		paragraph_put(&p, "%s %s", effect,
			      text_other_interval(row, interval, sizeof(interval)));
	paragraph_end(&p);
}

static void put_rows(const struct compare *cmp, FILE *to)
{
	const struct comparison *c = &cmp->c;

	for (size_t i = 0, end; i < c->n_rows; i = end) {
		const struct report_cell *cell = c->rows[i].a.cell;
		struct paragraph p = { to, 0, "  ", NULL };
		const char *unit;
		double divisor;

		end = comparison_next(c, i);
		unit = rows_unit(cmp->a[0], &c->rows[i], end - i, &divisor);
		paragraph_put(&p, "%s, %s%s per %s: %s, %s, change [95 %% interval], n %s:",
			      cell->row->benchmark, unit, cell->executed ? " executed" : "",
			      cell->metric ? cell->metric->per : "unit of work", cmp->name_a,
			      cmp->name_b, c->boots ? "boots" : "processes");
		paragraph_end(&p);
		for (size_t k = i; k < end; k++) {
			struct comparison_row told = row_told_in(&c->rows[k], divisor);

			put_row(cmp, &told, unit, to);
		}
	}
}

/* How many rows have the verdict, and which. Nothing is said of a verdict that no row has. */
static void put_verdicts(const struct compare *cmp, enum verdict v, const char *words,
			 struct paragraph *p)
{
	size_t n = 0;

	for (size_t i = 0; i < cmp->c.n_rows; i++)
		n += cmp->c.rows[i].verdict.verdict == v;
	if (!n)
		return;
	paragraph_put(p, "%s: %zu of %zu%s", words, n, cmp->c.n_rows,
		      n < cmp->c.n_rows ? "" : " (all).");
	if (n == cmp->c.n_rows)
		return;
	for (size_t i = 0, left = n; i < cmp->c.n_rows; i++) {
		if (cmp->c.rows[i].verdict.verdict != v)
			continue;
		paragraph_put(p, "%s%s%s", left == n ? "(" : "and ", cmp->c.rows[i].label,
			      left == 1 ? ")." : "");
		left--;
	}
}

static void put_paragraph(const struct compare *cmp, FILE *to)
{
	const struct comparison *c = &cmp->c;
	bool time = c->n_rows && report_is_time(cmp->a[0], c->rows[0].a.cell);
	struct paragraph p = { to, 0, "", NULL };
	struct remarks remarks;
	size_t slower = 0;
	char lacks[400];

	/* Of a verdict that was withheld nobody knows. */
	for (size_t i = 0; i < c->n_rows; i++)
		slower += c->rows[i].verdict.verdict == VERDICT_SLOWER || c->rows[i].withheld;
	if (!slower)
		paragraph_put(&p, "Nothing got %s.", time ? "slower" : "more");
	put_verdicts(cmp, VERDICT_SLOWER, time ? "Slower" : "More", &p);
	put_verdicts(cmp, VERDICT_EQUIVALENT, "Equivalent", &p);
	put_verdicts(cmp, VERDICT_INCONCLUSIVE, "Inconclusive", &p);
	put_verdicts(cmp, VERDICT_UNTRUSTWORTHY, "Untrustworthy", &p);
	put_verdicts(cmp, VERDICT_FASTER, time ? "Faster" : "Fewer", &p);
	if (c->n_only_a || c->n_only_b)
		paragraph_put(&p, "Not compared, on one side only: %zu and %zu cells.", c->n_only_a,
			      c->n_only_b);
	compare_lacks(cmp, lacks, sizeof(lacks));
	if (*lacks)
		paragraph_put(&p, "%s.", lacks);
	paragraph_put(
		&p, "Smallest effect of interest %g%%; intervals of the verdicts %.2f%%.",
		c->sesoi * 100,
		(c->family.adjusted || !c->trivial.adjusted ? c->family.level : c->trivial.level) *
			100);
	if (c->sequential)
		paragraph_put(&p,
			      "One side was measured before the other: drift is in these figures.");
	compare_floor_withheld(cmp, &p);
	paragraph_end(&p);
	comparison_remarks(c, &remarks);
	for (size_t i = 0; i < remarks.n; i++) {
		paragraph_put(&p, "Remark: %s.", remarks.line[i]);
		paragraph_end(&p);
	}
}

/* The command of a run, as typed, with the seed that it drew. */
static void put_run(const struct report *r, struct paragraph *p)
{
	json_t *argv = json_loads(r->data.argv, 0, NULL);
	bool seed = false;

	for (size_t i = 0; i < json_array_size(argv); i++) {
		const char *word = json_string_value(json_array_get(argv, i));

		if (!word)
			continue;
		seed |= !strncmp(word, "--seed", 6);
		paragraph_shell_word(p, word);
	}
	if (!seed)
		paragraph_put(p, "--seed %llu", (unsigned long long)r->data.run.seed);
	json_decref(argv);
}

/* "@last" is another run tomorrow: the id, where it is one run. */
static const char *side_selector(const struct report *const *runs, size_t n, const char *asked,
				 char *buf, size_t size)
{
	if (n > 1)
		return asked;
	snprintf(buf, size, "%.8s", runs[0]->data.run.uuid);
	return buf;
}

static void put_command(const struct compare *cmp, FILE *to)
{
	char a[16], b[16], metric[160];
	struct paragraph p = { to, 0, "      ", " \\" };

	fputs("Reproduce:\n", to);
	for (size_t i = 0; i < cmp->n_a + cmp->n_b; i++) {
		fputc(' ', to);
		p.column = 1;
		put_run(i < cmp->n_a ? cmp->a[i] : cmp->b[i - cmp->n_a], &p);
		paragraph_end(&p);
	}
	fputc(' ', to);
	p.column = 1;
	paragraph_put(&p, "tdcost compare");
	if (cmp->by) {
		paragraph_put(&p, "%.8s --by %s", cmp->a[0]->data.run.uuid, cmp->by);
	} else if (!cmp->n_b) {
		paragraph_put(&p, "%.8s", cmp->a[0]->data.run.uuid);
	} else {
		paragraph_shell_word(&p,
				     side_selector(cmp->a, cmp->n_a, cmp->select_a, a, sizeof(a)));
		paragraph_shell_word(&p,
				     side_selector(cmp->b, cmp->n_b, cmp->select_b, b, sizeof(b)));
	}
	if (cmp->metric) {
		snprintf(metric, sizeof(metric), "--metric=%s", cmp->metric);
		paragraph_shell_word(&p, metric);
	}
	if (cmp->shutdown)
		paragraph_put(&p, "--shutdown");
	for (size_t i = 0; i < cmp->n_across; i++)
		paragraph_put(&p, "--across %s", cmp->across[i]);
	if (cmp->c.sesoi != SESOI_DEFAULT)
		paragraph_put(&p, "--sesoi %g%%", cmp->c.sesoi * 100);
	paragraph_put(&p, "--format commit");
	paragraph_end(&p);
}

static void put_loads(const struct compare *cmp, FILE *to)
{
	char remarks[COMPARE_LOAD_REMARKS][160];
	size_t n = compare_load_remarks(cmp, remarks);
	struct paragraph p = { to, 0, "", NULL };

	for (size_t i = 0; i < n; i++) {
		paragraph_put(&p, "Remark: %s.", remarks[i]);
		paragraph_end(&p);
	}
}

int compare_commit(const struct compare *cmp, FILE *to)
{
	struct paragraph p = { to, 0, "", NULL };

	put_platform(cmp, &p);
	put_kinds(cmp, &p);
	fputc('\n', to);
	if (cmp->shutdown) {
		compare_shutdown_commit(cmp, to);
	} else {
		put_rows(cmp, to);
		fputc('\n', to);
		put_paragraph(cmp, to);
	}
	put_loads(cmp, to);
	fputc('\n', to);
	put_command(cmp, to);
	return ferror(to) ? -EIO : 0;
}
