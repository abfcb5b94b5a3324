// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod_topup [FIELD=VALUE]...: topups in the kernel, a line for each variant and source.
 *
 * In lane `count`, where the TSC is the number of instructions since power-on, its figures are
 * exact; elsewhere they are ticks. Fields: variant, source, work by name (all by default; work:
 * steady), flags (number, TDCOST_TOPUP_*), splits, units. Whole/unit: all of a schedule with its
 * frees over its units, the least of the passes, each with caches that begin empty. The others are
 * medians of calls: of topups; of those that allocated, per page; of uses.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kmod/client.h"

#define ROOM   65536
#define PASSES 11

static struct tdcost_sample topups[ROOM], uses[ROOM];

static struct wanted {
	int variant, source, work;
	unsigned flags, splits;
	uint64_t units;
} wanted = { -1, -1, TDCOST_FAULT_STEADY, 0, 1, 2000 };

static int word_of(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	fprintf(stderr, "kmod_topup: '%s': unknown\n", word);
	exit(2);
}

static void read_field(const char *field)
{
	const char *value = strchr(field, '=');
	size_t n = value ? (size_t)(value - field) : 0;

	if (n == 7 && !strncmp(field, "variant", n))
		wanted.variant = word_of(kmod_variants, value + 1);
	else if (n == 6 && !strncmp(field, "source", n))
		wanted.source = word_of(kmod_sources, value + 1);
	else if (n == 4 && !strncmp(field, "work", n))
		wanted.work = word_of(kmod_works, value + 1);
	else if (n == 5 && !strncmp(field, "flags", n))
		wanted.flags = strtoul(value + 1, NULL, 0);
	else if (n == 6 && !strncmp(field, "splits", n))
		wanted.splits = strtoul(value + 1, NULL, 0);
	else if (n == 5 && !strncmp(field, "units", n))
		wanted.units = strtoull(value + 1, NULL, 0);
	else {
		fprintf(stderr, "kmod_topup: '%s': write FIELD=VALUE\n", field);
		exit(2);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the ticks, for each page where @pages. Samples of no page are left out there. */
static double median(const struct tdcost_sample *s, unsigned n, bool pages)
{
	static double v[ROOM];
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (!pages)
			v[kept++] = s[i].ticks;
		else if (s[i].pages)
			v[kept++] = (double)s[i].ticks / s[i].pages;
	qsort(v, kept, sizeof(*v), compare);
	return kept ? v[kept / 2] : 0;
}

static struct tdcost_topup call_of(unsigned variant, unsigned source, unsigned flags)
{
	struct tdcost_topup t = { .variant = variant,
				  .source = source,
				  .work = wanted.work,
				  .flags = wanted.flags | flags,
				  .units = wanted.units };

	if (t.work == TDCOST_SPLIT_REPEAT || t.work == TDCOST_SPLIT_WHOLE)
		t.splits = wanted.splits;
	if (t.flags & TDCOST_TOPUP_TIMES) {
		t.n_topups = ROOM;
		t.n_uses = ROOM;
		t.topups = (uintptr_t)topups;
		t.uses = (uintptr_t)uses;
	}
	return t;
}

/* Each pass on a VM of its own. What else the kernel has to do meanwhile is not in all of them. */
static bool run_whole(const struct kmod *k, const struct tdcost_topup *call, double *per_unit)
{
	struct reason why = { "" };
	double pass;

	for (unsigned i = 0; i < PASSES; i++) {
		struct tdcost_topup t = *call;

		if (kmod_topup(k, &t, &why)) {
			fprintf(stderr, "kmod_topup: %s\n", why.text);
			return false;
		}
		pass = (double)(t.end - t.start) / t.units;
		if (!i || pass < *per_unit)
			*per_unit = pass;
	}
	return true;
}

/* Twice: the first pass warms what is made at first use. */
static bool run(const struct kmod *k, struct tdcost_topup *t)
{
	struct tdcost_topup warm = *t;
	struct reason why = { "" };

	if (!kmod_topup(k, &warm, &why) && !kmod_topup(k, t, &why))
		return true;
	fprintf(stderr, "kmod_topup: %s\n", why.text);
	return false;
}

static bool show(const struct kmod *k, unsigned variant, unsigned source)
{
	struct tdcost_topup whole = call_of(variant, source, 0);
	double per_unit;
	struct tdcost_topup timed = call_of(variant, source, TDCOST_TOPUP_TIMES);

	if (!run_whole(k, &whole, &per_unit) || !run(k, &timed))
		return false;
	printf("topup %-15s %-19s %10.2f %9.1f %9.1f %9.1f %8llu %6llu\n", kmod_variants[variant],
	       kmod_sources[source], per_unit, median(topups, timed.n_topups, false),
	       median(topups, timed.n_topups, true), median(uses, timed.n_uses, false),
	       (unsigned long long)timed.allocs, (unsigned long long)timed.held);
	return true;
}

int main(int argc, char **argv)
{
	struct reason why = { "" };
	struct kmod k;
	bool good = true;

	for (int i = 1; i < argc; i++)
		read_field(argv[i]);
	if (kmod_open(&k, "", &why)) {
		fprintf(stderr, "kmod_topup: %s\n", why.text);
		return 1;
	}
	printf("topup %-15s %-19s %10s %9s %9s %9s %8s %6s\n", "variant", "source", "whole/unit",
	       "topup", "per page", "use", "allocs", "held");
	for (unsigned variant = 0; variant < TDCOST_VARIANT_MAX && good; variant++)
		for (unsigned source = 0; source < TDCOST_SOURCE_MAX && good; source++)
			if ((wanted.variant < 0 || wanted.variant == (int)variant) &&
			    (wanted.source < 0 || wanted.source == (int)source))
				good = show(&k, variant, source);
	kmod_close(&k);
	return !good;
}
