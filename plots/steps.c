// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/steps.h"

#include <stdlib.h>

#define STEPS 1000 /* of a curve: more than a picture has pixels */
#define TAIL  400  /* ranks kept beside them, ever nearer to both ends */

static int compare_ranks(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

/* All of a short curve; else evenly spaced ranks, and the tails', ten to each halving. */
static size_t choose_ranks(size_t n, size_t *rank)
{
	size_t m = 0, kept = 0;

	if (n <= STEPS) {
		for (; m < n; m++)
			rank[m] = m;
		return m;
	}
	for (size_t i = 0; i <= STEPS; i++)
		rank[m++] = (size_t)((double)(n - 1) * (double)i / STEPS);
	for (size_t d = 1; d < n / STEPS && m + 2 <= STEPS + TAIL; d += 1 + d / 10) {
		rank[m++] = d;
		rank[m++] = n - 1 - d;
	}
	qsort(rank, m, sizeof(*rank), compare_ranks);
	for (size_t i = 0; i < m; i++)
		if (!kept || rank[i] != rank[kept - 1])
			rank[kept++] = rank[i];
	return kept;
}

void steps_write(FILE *out, const double *x, size_t n)
{
	size_t rank[STEPS + TAIL + 2];
	size_t m = choose_ranks(n, rank);
	double before = 0;

	for (size_t i = 0; i < m; i++) {
		double after = (double)(rank[i] + 1) / (double)n;

		fprintf(out, "%.9g\t%.9g\n%.9g\t%.9g\n", x[rank[i]], before, x[rank[i]], after);
		before = after;
	}
	fputs("\n\n", out);
}
