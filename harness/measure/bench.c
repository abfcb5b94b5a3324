// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/bench.h"

#include <errno.h>
#include <string.h>

#include "harness/measure/design.h"

static const struct level_info twin_levels[] = {
	{ "a", "the arm itself", false },
	{ "b", "the same arm once more", false },
	{ NULL, NULL, false },
};

const struct factor_info bench_twin = {
	.name = "twin",
	.summary = "identical arms, to see what the tool calls different when nothing is",
	.type = FACTOR_WORD,
	.levels = twin_levels,
	.usual = "a",
	.paired = true,
};

unsigned bench_factors(const struct bench_info *b)
{
	unsigned n = 0;

	while (b->factors[n].name)
		n++;
	return n + 1;
}

const struct factor_info *bench_factor(const struct bench_info *b, unsigned i)
{
	return i + 1 == bench_factors(b) ? &bench_twin : &b->factors[i];
}

int bench_find_factor(const struct bench_info *b, const char *name)
{
	unsigned n = bench_factors(b);

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(bench_factor(b, i)->name, name))
			return (int)i;
	return -1;
}

static int check_usual(const struct bench_info *b, unsigned i, struct reason *why)
{
	char list[128], *save = NULL;
	const char *usual = bench_factor(b, i)->usual;

	if (!usual || strlen(usual) >= sizeof(list))
		return reason_set(why, -EINVAL, "factor %s has no usual level",
				  bench_factor(b, i)->name);
	strcpy(list, usual);
	for (char *at = strtok_r(list, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		struct level level;
		int ret = level_parse(b, i, at, &level, why);

		if (ret)
			return ret;
	}
	return 0;
}

int bench_check(const struct bench_info *b, struct reason *why)
{
	unsigned n = bench_factors(b);

	if (!b->name || !b->summary || !b->version || !b->metrics || !b->metrics[0].name)
		return reason_set(why, -EINVAL, "name, summary, version or metric is missing");
	if (!b->supported || !b->kind || !b->setup || !b->prepare || !b->sample || !b->teardown)
		return reason_set(why, -EINVAL, "%s: a hook is missing", b->name);
	if (n > BENCH_MAX_FACTORS)
		return reason_set(why, -EINVAL, "%s: %u factors, %u fit", b->name, n,
				  BENCH_MAX_FACTORS);
	for (unsigned i = 0; i < n; i++) {
		int ret = check_usual(b, i, why);

		if (ret)
			return reason_prefix(why, ret, "%s", b->name);
		if (bench_find_factor(b, bench_factor(b, i)->name) != (int)i)
			return reason_set(why, -EINVAL, "%s: factor %s stands twice", b->name,
					  bench_factor(b, i)->name);
	}
	return 0;
}
