// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a difference between two arms lies in which phase. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/report.h"

static const struct report_value *value_of(const struct report *r, const struct report_cell *c,
					   const char *metric, const char *subject)
{
	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].cell == c && !strcmp(r->values[i].name, metric) &&
		    !strcmp(r->values[i].subject, subject))
			return &r->values[i];
	return NULL;
}

/*
 * Of the processes that yielded both, @b - @a. Both are in the order of their invocations. Of a phase
 * that an arm has not, it has nothing in each process.
 */
static size_t differences(const struct report_value *a, const struct report_value *b, double *out)
{
	const struct report_value *one = a ? a : b;
	size_t n = 0;

	for (; (!a || !b) && n < one->invocations; n++)
		out[n] = a ? -a->medians[n].value : b->medians[n].value;
	if (!a || !b)
		return n;

	for (size_t i = 0, k = 0; i < a->invocations && k < b->invocations;) {
		int64_t x = a->medians[i].invocation, y = b->medians[k].invocation;

		if (x == y)
			out[n++] = b->medians[k].value - a->medians[i].value;
		i += x <= y;
		k += y <= x;
	}
	return n;
}

static int compare_part(const struct report_value *a, const struct report_value *b,
			struct report_part *out)
{
	double *x;
	size_t n;

	out->a = a ? a->level : 0;
	out->b = b ? b->level : 0;
	out->diff = (struct effect){ .value = out->b - out->a, .lo = NAN, .hi = NAN, .p = NAN };
	x = malloc(((a ? a : b)->invocations + 1) * sizeof(*x));
	if (!x)
		return -ENOMEM;
	n = differences(a, b, x);
	if (n)
		out->diff.value = x[0];
	out->diff.n = n;
	if (n > 1)
		stat_t_effect(x, n, REPORT_CONF, &out->diff);
	free(x);
	return 0;
}

static bool is_listed(const struct report_part *parts, long n, const char *subject)
{
	for (long i = 0; i < n; i++)
		if (!strcmp(parts[i].subject, subject))
			return true;
	return false;
}

long report_parts(const struct report *r, const struct report_cell *a, const struct report_cell *b,
		  const char *metric, struct report_part **parts)
{
	struct report_part *list = calloc(r->n_values + 1, sizeof(*list));
	long n = 0;

	*parts = list;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_values; i++) {
		const struct report_value *v = &r->values[i];

		if ((v->cell != a && v->cell != b) || strcmp(v->name, metric) || !*v->subject ||
		    is_listed(list, n, v->subject))
			continue;
		list[n].subject = v->subject;
		if (compare_part(value_of(r, a, metric, v->subject),
				 value_of(r, b, metric, v->subject), &list[n])) {
			free(list);
			*parts = NULL;
			return -ENOMEM;
		}
		n++;
	}
	return n;
}
