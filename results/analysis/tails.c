// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/tails.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_sort.h>

#include "results/analysis/dataset_rows.h"

#define CONF 0.95

const struct tail_kind tail_kinds[TAILS] = {
	[TAIL_P90] = { "p90", 0.9, 29, 10 },
	[TAIL_P99] = { "p99", 0.99, 299, 40 },
	[TAIL_P999] = { "p99.9", 0.999, 2995, 0 },
};

static const struct tail unknown = { NAN, { NAN, NAN, CONF } };

/* How many of @n values are above @limit. */
static double count_above(const double *x, size_t n, double limit)
{
	size_t above = 0;

	for (size_t i = 0; i < n; i++)
		above += x[i] > limit;
	return (double)above;
}

/*
 * Standard error of the share of samples above @limit, which is about @share of all. What processes
 * have above it, less what they would have if all were alike, is what varies.
 */
static double share_error(const double *x, const size_t *n, size_t processes, double limit,
			  double share)
{
	double total = 0, above = 0, squares = 0, mean;

	for (size_t i = 0, at = 0; i < processes; at += n[i++]) {
		above += count_above(x + at, n[i], limit);
		total += (double)n[i];
	}
	mean = above / total;
	for (size_t i = 0, at = 0; i < processes; at += n[i++])
		squares += pow(count_above(x + at, n[i], limit) - mean * (double)n[i], 2);
	squares *= (double)processes / (double)(processes - 1);
	return sqrt(fmax(squares / (total * total), share * (1 - share) / total));
}

static struct tail pooled(const double *x, const size_t *n, size_t processes, const double *sorted,
			  size_t total, const struct tail_kind *kind)
{
	struct tail t = { .interval = { .level = CONF } };
	double reach, lo, hi;

	if (processes < 2 || total < kind->pooled)
		return unknown;
	t.value = stat_quantile_sorted(sorted, total, kind->at);
	reach = stat_t_quantile(CONF, (double)(processes - 1)) *
		share_error(x, n, processes, t.value, 1 - kind->at);
	/* Ranks, from 1 on. */
	lo = floor((double)total * (kind->at - reach)) + 1;
	hi = ceil((double)total * (kind->at + reach));
	if (lo < 1 || hi > (double)total)
		return unknown;
	t.interval.lo = sorted[(size_t)lo - 1];
	t.interval.hi = sorted[(size_t)hi - 1];
	return t;
}

int tails_pooled(const double *x, const size_t *n, size_t processes, struct tail out[TAILS])
{
	size_t total = 0;
	double *sorted;

	for (size_t i = 0; i < processes; i++)
		total += n[i];
	for (unsigned k = 0; k < TAILS; k++)
		out[k] = unknown;
	if (!total)
		return 0;
	sorted = malloc(total * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, x, total * sizeof(*sorted));
	gsl_sort(sorted, 1, total);
	for (unsigned k = 0; k < TAILS; k++)
		out[k] = pooled(x, n, processes, sorted, total, &tail_kinds[k]);
	free(sorted);
	return 0;
}

int tails_arm(const struct dataset *ds, unsigned group, unsigned arm, struct tail out[TAILS])
{
	struct extent e = dataset_extent(ds, group, arm);
	size_t *n = malloc((e.invocations + 1) * sizeof(*n)), processes = 0;
	double *x = NULL;
	int ret = n ? 0 : -ENOMEM;

	if (!ret && dataset_values(ds, group, arm, &x) < 0)
		ret = -ENOMEM;
	for (size_t i = 0; !ret && e.samples && i < ds->group[group].n; i++) {
		n[processes] = dataset_view(&ds->group[group].inv[i], arm).n;
		processes += n[processes] > 0;
	}
	if (!ret)
		ret = tails_pooled(x, n, processes, out);
	free(x);
	free(n);
	return ret;
}

/* Of one process. @scratch: room for its samples. */
static double quantile_of(const struct view *v, enum tail_at at, double *scratch)
{
	double q;

	memcpy(scratch, v->value, v->n * sizeof(*scratch));
	stat_quantiles_inplace(scratch, v->n, &tail_kinds[at].at, 1, &q);
	return q;
}

static bool has_enough(const struct view *v, enum tail_at at)
{
	return tail_kinds[at].each && v->n >= tail_kinds[at].each;
}

long tails_processes(const struct dataset *ds, unsigned group, unsigned arm, enum tail_at at,
		     double **out)
{
	struct extent e = dataset_extent(ds, group, arm);
	double *scratch;
	long n = 0;

	*out = NULL;
	if (!e.samples)
		return 0;
	*out = malloc((e.invocations + e.longest) * sizeof(**out));
	if (!*out)
		return -ENOMEM;
	scratch = *out + e.invocations;
	for (size_t i = 0; i < ds->group[group].n; i++) {
		struct view v = dataset_view(&ds->group[group].inv[i], arm);

		if (has_enough(&v, at))
			(*out)[n++] = quantile_of(&v, at, scratch);
	}
	return n;
}

int tails_pair(const struct dataset *ds, unsigned group, unsigned a, unsigned b, enum tail_at at,
	       double conf, struct pair_summary *out)
{
	struct extent ea = dataset_extent(ds, group, a), eb = dataset_extent(ds, group, b);
	size_t longest = ea.longest > eb.longest ? ea.longest : eb.longest, n = 0;
	double *room, *diff, *ratio, *scratch;
	int ret = 0;

	*out = (struct pair_summary){ .ratio_valid = true };
	if (!ea.samples || !eb.samples)
		return -ENOENT;
	room = malloc((2 * ea.invocations + longest) * sizeof(*room));
	if (!room)
		return -ENOMEM;
	diff = room;
	ratio = diff + ea.invocations;
	scratch = ratio + ea.invocations;
	for (size_t i = 0; i < ds->group[group].n; i++) {
		struct view va = dataset_view(&ds->group[group].inv[i], a);
		struct view vb = dataset_view(&ds->group[group].inv[i], b);
		double qa, qb;

		if (!has_enough(&va, at) || !has_enough(&vb, at))
			continue;
		qa = quantile_of(&va, at, scratch);
		qb = quantile_of(&vb, at, scratch);
		out->ratio_valid = out->ratio_valid && qa > 0 && qb > 0;
		ratio[n] = out->ratio_valid ? log(qb / qa) : NAN;
		diff[n++] = qb - qa;
	}
	if (n < 2)
		ret = -ENOENT;
	else if (!(ret = stat_t_effect(diff, n, conf, &out->diff)))
		ret = stat_t_effect(ratio, n, conf, &out->ratio);
	free(room);
	return ret;
}

int tails_occurrence(size_t hit, size_t processes, struct interval *out)
{
	/* All of the 5 % is on the one side that there is. */
	return stat_clopper_pearson(hit, processes, hit ? CONF : 1 - 2 * (1 - CONF), out);
}

size_t tails_longest(const struct dataset *ds, unsigned group, unsigned arm)
{
	return dataset_extent(ds, group, arm).longest;
}
