// SPDX-License-Identifier: GPL-2.0-or-later
/* compare --shutdown --format commit: the middle of the block, between the platform and the commands. */
#include <math.h>
#include <string.h>

#include "harness/cli/compare_shutdown.h"
#include "harness/cli/compare_floor.h"
#include "harness/cli/effects.h"
#include "harness/cli/paragraph.h"
#include "harness/cli/remarks.h"

/* In a table of hundredths of a percent; here a tenth has to do, for the line. */
static void put_percent(const struct comparison_row *row, struct paragraph *p)
{
	const struct effect *e = &row->ratio;

	if (!row->ratio_valid)
		return;
	paragraph_put(p, "%+.1f%%", expm1(e->value) * 100);
	if (isnan(e->lo))
		paragraph_put(p, "needs 2 rounds,");
	else
		paragraph_put(p, "[%+.1f, %+.1f],", expm1(e->lo) * 100, expm1(e->hi) * 100);
}

/* Of what stands at the arm above nothing is said again: its unit, its n, its kind. */
static void put_change(const struct compare *cmp, const struct shutdown_arm *a, long i,
		       const char *against, FILE *to)
{
	struct paragraph p = { to, 0, "      ", NULL };
	const struct comparison_row *row;
	struct shutdown_texts t;
	char n[24], reason[64];

	if (i < 0)
		return;
	row = &cmp->c.rows[i];
	shutdown_row_texts(cmp, row, &t);
	fputs("   ", to);
	p.column = 3;
	snprintf(n, sizeof(n), "%zu", a->side.n);
	paragraph_put(&p, "vs %s: %s %s,", against, t.change, t.change_interval);
	put_percent(row, &p);
	if (row->pairing != PAIRED_BLOCKS)
		paragraph_put(&p, "%s,", t.how);
	if (strcmp(n, t.n))
		paragraph_put(&p, "n=%s,", t.n);
	if (row->kind != a->cell->row->kind)
		paragraph_put(&p, "%s,", kind_name(row->kind));
	text_withheld(row, reason, sizeof(reason));
	paragraph_put(
		&p, "%s%s%s%s",
		verdict_name(row->verdict.verdict, cmp->a[0]->data.run.clock == CLOCK_UNIT_NS),
		*reason ? ": " : "", reason, row->fatal ? " UNTRUSTWORTHY" : "");
	paragraph_end(&p);
}

/* A run that would decide the rows that are not decided: the longest that one of them takes. */
static void put_needed(const struct compare *cmp, struct paragraph *p)
{
	size_t most = 0;

	for (size_t i = 0; i < cmp->c.n_rows; i++)
		if (cmp->c.rows[i].new_run > most)
			most = cmp->c.rows[i].new_run;
	if (most)
		paragraph_put(p, "A new run of %zu rounds would decide with 80%% power.", most);
}

static void put_arm(const struct compare *cmp, const struct shutdown_arm *a, FILE *to)
{
	struct paragraph p = { to, 0, "    ", NULL };
	char time[32], interval[96];

	shutdown_arm_texts(cmp, a, time, sizeof(time), interval, sizeof(interval));
	fputc(' ', to);
	p.column = 1;
	paragraph_put(&p, "%s%s%s: %s %s n=%zu, %s", a->name,
		      a->plain ? "" : ", quirk=", a->plain ? "" : a->mode, time, interval,
		      a->side.n, kind_name(a->cell->row->kind));
	paragraph_end(&p);
	put_change(cmp, a, a->against_on, "on", to);
	put_change(cmp, a, a->against_plain, "plain VM", to);
}

/* "Without the clear: faster in 3, inconclusive in 1 of 4." */
static void put_verdicts(const struct compare *cmp, bool plain, const char *words,
			 struct paragraph *p)
{
	bool time = cmp->a[0]->data.run.clock == CLOCK_UNIT_NS, first = true;
	size_t count[VERDICT_MAX] = { 0 }, all = 0;

	for (size_t i = 0; i < cmp->s.n_arms; i++) {
		const struct shutdown_arm *a = &cmp->s.arms[i];
		long row = plain ? a->against_plain : a->against_on;

		if (row < 0)
			continue;
		count[cmp->c.rows[row].verdict.verdict]++;
		all++;
	}
	if (!all)
		return;
	paragraph_put(p, "%s", words);
	for (unsigned v = 0; v < VERDICT_MAX; v++) {
		if (!count[v])
			continue;
		/* Before the next one: the last has no comma behind it. */
		paragraph_put(p, "%s%s in %zu", first ? "" : "and ",
			      verdict_name((enum verdict)v, time), count[v]);
		first = false;
	}
	paragraph_put(p, "of %zu.", all);
}

void compare_shutdown_commit(const struct compare *cmp, FILE *to)
{
	char memory[320], remarks[SHUTDOWN_REMARKS][320];
	struct paragraph p = { to, 0, "", NULL };
	size_t n = shutdown_remarks(cmp, remarks);
	struct remarks all;

	for (size_t i = 0; i < cmp->s.n_arms; i = shutdown_next(&cmp->s, i)) {
		paragraph_put(&p,
			      "Shutdown of %s; %s [95%% interval], n processes, paired by block "
			      "unless by round or apart:",
			      shutdown_memory_text(&cmp->s.arms[i].memory, memory, sizeof(memory)),
			      shutdown_unit(cmp));
		paragraph_end(&p);
		for (size_t k = i; k < shutdown_next(&cmp->s, i); k++)
			put_arm(cmp, &cmp->s.arms[k], to);
		fputc('\n', to);
	}
	put_verdicts(cmp, false, "Without the clear (quirk=off against on):", &p);
	put_verdicts(cmp, true, "Against the plain VM:", &p);
	put_needed(cmp, &p);
	paragraph_put(&p, "Smallest effect of interest %g%%; intervals of the verdicts %.2f%%.",
		      cmp->c.sesoi * 100, cmp->c.family.level * 100);
	if (cmp->c.sequential)
		paragraph_put(&p,
			      "One run was measured before the other: drift is in the figures.");
	compare_floor_withheld(cmp, &p);
	paragraph_end(&p);
	comparison_remarks(&cmp->c, &all);
	for (size_t i = 0; i < all.n; i++) {
		paragraph_put(&p, "Remark: %s.", all.line[i]);
		paragraph_end(&p);
	}
	for (size_t i = 0; i < n; i++) {
		/* The reason for the kind, above, says it already. */
		if (!strcmp(remarks[i], UPPER_BOUND))
			continue;
		paragraph_put(&p, "Remark: %s.", remarks[i]);
		paragraph_end(&p);
	}
}
