// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/load.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "results/analysis/comparison.h"

#define TICK_NS 10000000.0 /* of /proc/stat, where stolen time is read */

static uint64_t count_of(const json_t *j, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(j, key));

	return v > 0 ? (uint64_t)v : 0;
}

int loads_add(struct loads *l, const struct store_invocation_row *inv)
{
	struct load_process *grown = realloc(l->v, (l->n + 1) * sizeof(*grown));
	json_t *j;

	if (!grown)
		return -ENOMEM;
	l->v = grown;
	j = inv->varying ? json_loads(inv->varying, 0, NULL) : NULL;
	grown[l->n] = (struct load_process){ .group = inv->arm_group,
					     .wall_ns = count_of(j, "wall_ns"),
					     .steal_ticks = count_of(j, "steal_ticks") };
	if (inv->off_cpu)
		grown[l->n].away = json_number_value(json_object_get(j, "away_share"));
	l->n++;
	json_decref(j);
	return 0;
}

void loads_free(struct loads *l)
{
	free(l->v);
	*l = (struct loads){ 0 };
}

/* A process that lost ticks and does not say in how long makes the whole share unknown. */
static void add_stolen(struct load *out, const struct load_process *p, double *wall_ns)
{
	out->robbed += p->steal_ticks > 0;
	out->steal_ticks += p->steal_ticks;
	*wall_ns += p->wall_ns ? (double)p->wall_ns : p->steal_ticks ? NAN : 0;
}

struct load loads_summary(const struct loads *l, int group)
{
	struct load out = { 0 };
	double sum = 0, wall_ns = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct load_process *p = &l->v[i];

		if (group >= 0 && p->group != (unsigned)group)
			continue;
		out.processes++;
		sum += p->away;
		out.most = fmax(out.most, p->away);
		if (p->away > 0 && (!out.busy++ || p->away < out.least))
			out.least = p->away;
		add_stolen(&out, p, &wall_ns);
	}
	if (out.processes)
		out.mean = sum / (double)out.processes;
	if (out.steal_ticks)
		out.stolen = (double)out.steal_ticks * TICK_NS / wall_ns;
	return out;
}

double load_share(const struct report *r, const struct report_cell *cell)
{
	struct load l = loads_summary(&r->loads, (int)cell->row->arm_group);

	/* Of a NaN and a number fmax() takes the number. */
	return fmax(l.mean, l.stolen);
}

void load_withhold(struct comparison *c)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		struct comparison_row *row = &c->rows[i];

		if (!(fmax(row->a.load, row->b.load) > LOAD_MOST) ||
		    row->verdict.verdict == VERDICT_UNTRUSTWORTHY)
			continue;
		row->verdict.verdict = VERDICT_INCONCLUSIVE;
		row->withheld = WITHHELD_LOAD;
		/* More processes on a busy machine decide nothing. */
		row->new_run = 0;
	}
}

static size_t remark_away(const char *uuid, const struct load *l, char *buf, size_t n)
{
	char range[48];

	if (!l->busy)
		return 0;
	if (l->most - l->least < 0.005)
		snprintf(range, sizeof(range), "%.0f", l->most * 100);
	else
		snprintf(range, sizeof(range), "%.0f to %.0f", l->least * 100, l->most * 100);
	snprintf(buf, n, "run %.8s: " OFF_CPU_DETAIL "%s %% of the time in %zu of %zu processes",
		 uuid, range, l->busy, l->processes);
	return 1;
}

static size_t remark_stolen(const char *uuid, const struct load *l, char *buf, size_t n)
{
	char share[48] = "";

	if (!l->robbed)
		return 0;
	if (isfinite(l->stolen))
		snprintf(share, sizeof(share), "%.1f %% of the time, ", l->stolen * 100);
	snprintf(buf, n,
		 "run %.8s: the hypervisor took %s%llu tick%s of 10 ms, in %zu of %zu processes",
		 uuid, share, (unsigned long long)l->steal_ticks, l->steal_ticks == 1 ? "" : "s",
		 l->robbed, l->processes);
	return 1;
}

size_t load_remarks(const struct report *r, char (*out)[160])
{
	struct load l = loads_summary(&r->loads, -1);
	size_t n = remark_away(r->data.run.uuid, &l, out[0], sizeof(out[0]));

	return n + remark_stolen(r->data.run.uuid, &l, out[n], sizeof(out[n]));
}
