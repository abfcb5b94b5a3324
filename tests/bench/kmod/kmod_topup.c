// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod_topup [account] [FIELD=VALUE]...: topups in the kernel, a line for each variant and source.
 *
 * In lane `count`, where the TSC is the number of instructions since power-on, its figures are
 * exact; elsewhere they are ticks. Fields: variant, source, work by name (all by default; work:
 * steady), flags (number, TDCOST_TOPUP_*), splits, units. Whole/unit: all of a schedule with its
 * frees over its units, the least of the passes, each with caches that begin empty. The others are
 * medians of calls: of topups; of those that allocated, per page; of uses. A variant that serves
 * faults as pamt_cache does is left out there, unless it is named.
 *
 * account: what gfp_kernel_account costs more than gfp_kernel, for each page allocated, with its
 * free and without. A schedule is run with the one and with the other, in turn; of the differences
 * it shows the median, its interval of 95 %, and how many there were.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kmod/client.h"
#include "results/analysis/stats.h"

#define ROOM   65536
#define PASSES 5
#define PAIRS  21

static struct tdcost_sample topups[ROOM], uses[ROOM];

static struct wanted {
	int variant, source, work;
	unsigned flags, splits;
	uint64_t units;
	bool account;
} wanted = { -1, -1, TDCOST_FAULT_STEADY, 0, 1, 2000, false };

static bool is_split(void)
{
	return wanted.work == TDCOST_SPLIT_REPEAT || wanted.work == TDCOST_SPLIT_WHOLE;
}

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
	else if (!strcmp(field, "account"))
		wanted.account = true;
	else {
		fprintf(stderr, "kmod_topup: '%s': write FIELD=VALUE\n", field);
		exit(2);
	}
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
	return kept ? stat_median_inplace(v, kept) : 0;
}

static struct tdcost_topup call_of(unsigned variant, unsigned source, unsigned flags)
{
	struct tdcost_topup t = { .variant = variant,
				  .source = source,
				  .work = wanted.work,
				  .flags = wanted.flags | flags,
				  .units = wanted.units };

	if (is_split())
		t.splits = wanted.splits;
	if (t.flags & TDCOST_TOPUP_TIMES) {
		t.n_topups = ROOM;
		t.n_uses = ROOM;
		t.topups = (uintptr_t)topups;
		t.uses = (uintptr_t)uses;
	}
	return t;
}

static bool call(const struct kmod *k, struct tdcost_topup *t)
{
	struct reason why = { "" };

	if (!kmod_topup(k, t, &why))
		return true;
	fprintf(stderr, "kmod_topup: %s\n", why.text);
	return false;
}

/* Each pass on a VM of its own. What else the kernel has to do meanwhile is not in all of them. */
static bool run_whole(const struct kmod *k, const struct tdcost_topup *whole, double *per_unit)
{
	double pass;

	for (unsigned i = 0; i < PASSES; i++) {
		struct tdcost_topup t = *whole;

		if (!call(k, &t))
			return false;
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

	return call(k, &warm) && call(k, t);
}

/* TIMES has no topups of splits, which are in the use. */
static bool run_split_topups(const struct kmod *k, unsigned variant, unsigned source,
			     struct tdcost_topup *timed)
{
	struct tdcost_topup t = call_of(variant, source, 0);

	t.meters = TDCOST_METER_CALLS;
	t.n_topups = ROOM;
	t.topups = (uintptr_t)topups;
	if (!run(k, &t))
		return false;
	timed->n_topups = t.n_topups;
	return true;
}

static bool show(const struct kmod *k, unsigned variant, unsigned source)
{
	struct tdcost_topup whole = call_of(variant, source, 0);
	struct tdcost_topup timed = call_of(variant, source, TDCOST_TOPUP_TIMES);
	double per_unit;

	if (!run_whole(k, &whole, &per_unit) || !run(k, &timed))
		return false;
	if (is_split() && !run_split_topups(k, variant, source, &timed))
		return false;
	printf("topup %-9s %5u %-14s %-18s %10.2f %8.1f %8.1f %8.1f %7llu %5llu\n",
	       kmod_works[wanted.work], wanted.flags, kmod_variants[variant], kmod_sources[source],
	       per_unit, median(topups, timed.n_topups, false),
	       median(topups, timed.n_topups, true), median(uses, timed.n_uses, false),
	       (unsigned long long)timed.allocs, (unsigned long long)timed.held);
	return true;
}

static bool show_sources(const struct kmod *k, unsigned variant)
{
	bool good = true;

	for (unsigned source = 0; source < TDCOST_SOURCE_MAX && good; source++)
		if (wanted.source < 0 || wanted.source == (int)source)
			good = show(k, variant, source);
	return good;
}

/* A schedule, for each page that it allocated: what took them, or with @flags 0 all of it. */
static bool per_page(const struct kmod *k, unsigned variant, unsigned source, unsigned flags,
		     double *ticks)
{
	struct tdcost_topup t = call_of(variant, source, flags);

	if (!call(k, &t))
		return false;
	*ticks = (double)(flags ? t.topup_ticks + t.use_ticks : t.end - t.start) / t.allocs;
	return true;
}

static bool show_account_of(const struct kmod *k, unsigned variant, unsigned flags)
{
	static const unsigned sources[] = { TDCOST_GFP_KERNEL, TDCOST_GFP_KERNEL_ACCOUNT };
	double more[PAIRS], ticks[2];
	struct interval interval;

	for (unsigned i = 0; i < PAIRS; i++) {
		for (unsigned j = 0; j < 2; j++) {
			unsigned which = (i + j) % 2;

			if (!per_page(k, variant, sources[which], flags, &ticks[which]))
				return false;
		}
		more[i] = ticks[1] - ticks[0];
	}
	if (stat_median_interval(more, PAIRS, 0.95, &interval))
		return false;
	printf("account %-14s %-10s %9.2f %9.2f %9.2f %4d\n", kmod_variants[variant],
	       flags ? "alloc" : "alloc+free", stat_median(more, PAIRS), interval.lo, interval.hi,
	       PAIRS);
	return true;
}

static bool show_account(const struct kmod *k, unsigned variant)
{
	return show_account_of(k, variant, TDCOST_TOPUP_TIMES) && show_account_of(k, variant, 0);
}

static bool there_is(unsigned variant)
{
	bool splits_only = variant == TDCOST_SPLIT_CACHE || variant == TDCOST_SPLIT_BATCH ||
			   variant == TDCOST_PER_VCPU_OR_VM;

	if (wanted.variant >= 0)
		return wanted.variant == (int)variant;
	if (splits_only)
		return is_split();
	if (wanted.work != TDCOST_PAMT_FAST && wanted.work != TDCOST_PAMT_LOCK)
		return true;
	return variant == TDCOST_PAMT_CACHE || variant == TDCOST_DIRECT;
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
	if (wanted.account)
		printf("account %-14s %-10s %9s %9s %9s %4s\n", "variant", "of", "median", "from",
		       "to", "n");
	else
		printf("topup %-9s %5s %-14s %-18s %10s %8s %8s %8s %7s %5s\n", "work", "flags",
		       "variant", "source", "whole/unit", "topup", "per page", "use", "allocs",
		       "held");
	for (unsigned variant = 0; variant < TDCOST_VARIANT_MAX && good; variant++)
		if (there_is(variant))
			good = (wanted.account ? show_account : show_sources)(&k, variant);
	kmod_close(&k);
	return !good;
}
