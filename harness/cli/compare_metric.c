// SPDX-License-Identifier: GPL-2.0-or-later
/* What is printed with a row because of the quantity that it is of. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/compare.h"
#include "results/analysis/metric.h"

/* The median over a side's runs of the share in which the cell waited; NaN where none says. */
static double waited_of(const struct report *const *runs, size_t n, const struct report_cell *cell)
{
	double share[COMPARE_MAX_RUNS];
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < runs[i]->n_cells; k++) {
			const struct report_cell *c = &runs[i]->cells[k];

			if (!c->executed || !c->has_data || strcmp(c->row->hash, cell->row->hash))
				continue;
			share[known++] = report_waited(c);
			break;
		}
	return known ? stat_median(share, known) : NAN;
}

char *compare_waited(const struct compare *cmp, const struct comparison_row *row, char *buf,
		     size_t n)
{
	double a = waited_of(cmp->a, cmp->n_a, row->a.cell);
	double b = cmp->n_b ? waited_of(cmp->b, cmp->n_b, row->b.cell)
			    : waited_of(cmp->a, cmp->n_a, row->b.cell);

	buf[0] = '\0';
	if (isfinite(a) && isfinite(b))
		snprintf(buf, n, "%.0f %%, %.0f %%", a * 100, b * 100);
	return buf;
}

void compare_lacks(const struct compare *cmp, char *buf, size_t n)
{
	struct metric_lack lacks[16];
	size_t count = cmp->metric ? metric_lacks(&cmp->c, cmp->metric, lacks, 16) : 0;

	buf[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t at = strlen(buf);

		snprintf(buf + at, n - at, "%s%s %s in %s",
			 at ? ", " : "only on one side: ", lacks[i].value->name,
			 lacks[i].value->subject, lacks[i].value->cell->label);
	}
}
