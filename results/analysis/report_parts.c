// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a difference between two arms lies in which phase. */
#include <errno.h>
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

static bool before(const struct report_block *x, const struct report_block *y)
{
	return x->invocation < y->invocation ||
	       (x->invocation == y->invocation && x->block < y->block);
}

/*
 * Of the blocks that yielded both, @b - @a. Both are in order. Of a phase that an arm lacks, it has
 * nothing in each block.
 */
static size_t differences(const struct report_value *a, const struct report_value *b,
			  struct report_block *out)
{
	const struct report_value *one = a ? a : b;
	size_t n = 0;

	for (; (!a || !b) && n < one->n_blocks; n++) {
		out[n] = one->blocks[n];
		out[n].value = a ? -out[n].value : out[n].value;
	}
	if (!a || !b)
		return n;

	for (size_t i = 0, k = 0; i < a->n_blocks && k < b->n_blocks;) {
		const struct report_block *x = &a->blocks[i], *y = &b->blocks[k];

		if (!before(x, y) && !before(y, x)) {
			out[n] = *y;
			out[n++].value -= x->value;
		}
		i += !before(y, x);
		k += !before(x, y);
	}
	return n;
}

/* The medians over the blocks of each process, to @out. */
static size_t by_process(const struct report_block *of, size_t n, double *out)
{
	double *values = malloc((n + 1) * sizeof(*values));
	size_t processes = 0;

	for (size_t i = 0, end; values && i < n; i = end) {
		for (end = i; end < n && of[end].invocation == of[i].invocation; end++)
			values[end - i] = of[end].value;
		out[processes++] = stat_median_inplace(values, end - i);
	}
	free(values);
	return processes;
}

/* S6, as of the whole: the median over processes of the median over blocks of the difference. */
static int compare_part(const struct report_value *a, const struct report_value *b,
			struct report_part *out)
{
	size_t most = (a ? a : b)->n_blocks, n;
	struct report_block *blocks = malloc((most + 1) * sizeof(*blocks));
	double *x = malloc((most + 1) * sizeof(*x));
	int ret = blocks && x ? 0 : -ENOMEM;

	out->a = a ? a->level : 0;
	out->b = b ? b->level : 0;
	if (!ret) {
		n = by_process(blocks, differences(a, b, blocks), x);
		ret = effect_of_processes(x, n, REPORT_CONF, &out->diff);
	}
	free(blocks);
	free(x);
	return ret;
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
