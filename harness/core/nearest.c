// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/core/nearest.h"

#include <string.h>

#define LONGEST 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned distance(const char *a, const char *b)
{
	size_t la = strnlen(a, LONGEST), lb = strnlen(b, LONGEST);
	unsigned d[LONGEST + 1][LONGEST + 1];

	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			unsigned swap = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + swap);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

static unsigned shared_prefix(const char *a, const char *b)
{
	unsigned n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

const char *nearest_name(const char *typed, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = 0, best_prefix = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(typed, names[i]), p = shared_prefix(typed, names[i]);

		if (best && (d > best_distance || (d == best_distance && p <= best_prefix)))
			continue;
		best = names[i];
		best_distance = d;
		best_prefix = p;
	}
	return best;
}
