// SPDX-License-Identifier: GPL-2.0-or-later
/* Plausible and invented: nothing here is the cost of anything. */
#include "tests/plots/synthetic_draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLEAN_NS 900e3	/* to look through a cache in which nothing is dirty */
#define DIRTY_NS 5200e3 /* to write back all of it */
#define IRQ_NS	 1800.0

/* ---- chance ---- */

static double uniform(struct synthetic_draw *d)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (double)(d->state >> 11) / 9007199254740992.0;
}

double synthetic_noise(struct synthetic_draw *d)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += uniform(d);
	return sum - 6;
}

/* Around @ns, with one in two hundred far out, as timings have. */
static double around(struct synthetic_draw *d, double ns, double spread)
{
	double tail = uniform(d) < 0.005 ? 1 + 6 * uniform(d) * uniform(d) : 1;

	return ns * d->place * tail * exp(spread * synthetic_noise(d));
}

/* ---- what is asked, and what is yielded ---- */

static const char *level(const struct synthetic_draw *d, const char *factor)
{
	for (unsigned i = 0; i < d->n_factors; i++)
		if (!strcmp(d->factor[i], factor))
			return d->level[i];
	return "";
}

static bool is(const struct synthetic_draw *d, const char *factor, const char *name)
{
	return !strcmp(level(d, factor), name);
}

static double share(const struct synthetic_draw *d, const char *factor)
{
	return fmin(1, strtod(level(d, factor), NULL) / 100);
}

static void yield(struct synthetic_draw *d, const char *metric, const char *subject, double value)
{
	if (d->n_parts < SYNTHETIC_PARTS)
		d->part[d->n_parts++] = (struct store_part){ d->seq, metric, subject, value };
}

static void yield_time(struct synthetic_draw *d, const char *metric, const char *subject, double ns)
{
	yield(d, metric, subject, ns * SYNTHETIC_HZ / 1e9);
}

static const char *cpu_name(unsigned cpu)
{
	static char names[SYNTHETIC_CPUS][12];

	snprintf(names[cpu], sizeof(names[cpu]), "cpu %u", cpu);
	return names[cpu];
}

static double flush_ns(struct synthetic_draw *d, double dirty, double crowd)
{
	return around(d, (CLEAN_NS + DIRTY_NS * dirty) * crowd, 0.03);
}

/* ---- wbinvd ---- */

static const struct synthetic_factor wbinvd_factors[] = {
	{ "scope", "one,package,all", true },
	{ "op", "wbinvd,none", true },
	{ "dirty", "0,100", true },
	{ "by", "local", true },
	{ "victim", "none", false },
	{ "set", "none", false },
	{ NULL, NULL, false },
};

static const struct store_metric wbinvd_metrics[] = {
	{ "wbinvd", 2, "time", "duration", "request", 0 },
	{ "wbinvd", 2, "flush", "duration", "request", 0 },
	{ "wbinvd", 2, "tail", "duration", "CPU", 0 },
	{ "wbinvd", 2, "instruction", "duration", "CPU", 0 },
	{ "wbinvd", 2, "interrupt", "duration", "CPU", 0 },
	{ "wbinvd", 2, "over-1s", "occurrence", "request", 0 },
	{ "wbinvd", 2, "victim-gap", "duration", "request", 0 },
	{ "wbinvd", 2, "victim-slowdown-percent", "percent", "request", 0 },
	{ "wbinvd", 2, "victim-warm-up", "duration", "request", 0 },
	{ "wbinvd", 2, "victim-lost", "duration", "request", 0 },
	{ "wbinvd", 2, "victim-still-cold", "occurrence", "request", 0 },
	{ 0 },
};

/* Whom a scope asks, and how much they stand in each other's way. */
static const struct {
	const char *scope;
	unsigned cpus;
	double crowd, felt; /* share of a victim's work that is lost */
} scopes[] = {
	{ "one", 1, 1, 0.35 },	  { "package", 2, 1.03, 0.38 }, { "llc", 2, 1.04, 0.38 },
	{ "core", 32, 1.3, 0.7 }, { "all", 64, 1.6, 0.88 },	{ "turn", 64, 1, 0.3 },
};

static unsigned scope_of(const struct synthetic_draw *d)
{
	unsigned i = 0;

	while (i + 1 < sizeof(scopes) / sizeof(scopes[0]) && !is(d, "scope", scopes[i].scope))
		i++;
	return i;
}

static double instruction_ns(struct synthetic_draw *d, unsigned scope, bool first)
{
	double dirty = is(d, "scope", "turn") && !first ? 0 : share(d, "dirty");

	if (is(d, "op", "none"))
		return around(d, 25, 0.1);
	if (is(d, "op", "sweep"))
		return around(d, 1.4 * DIRTY_NS * dirty, 0.02);
	return flush_ns(d, dirty, scopes[scope].crowd) * (is(d, "op", "wbnoinvd") ? 0.7 : 1);
}

static void draw_victim(struct synthetic_draw *d, unsigned scope, double flush)
{
	static const struct {
		const char *where;
		double felt, cold;
	} places[] = { { "core", 1, 180e3 }, { "llc", 0.8, 150e3 }, { "remote", 0.25, 2e3 } };

	if (is(d, "victim", "none"))
		return;
	for (unsigned i = 0; i < 3; i++) {
		double felt = places[i].felt * scopes[scope].felt;

		if (!is(d, "victim", places[i].where))
			continue;
		if (is(d, "op", "none"))
			felt = 0.01;
		yield_time(d, "victim-gap", "victim", around(d, 300 + 0.08 * felt * flush, 0.15));
		yield(d, "victim-slowdown-percent", "victim",
		      100 * felt + 1.5 * synthetic_noise(d));
		yield(d, "victim-still-cold", "victim", 0);
		yield_time(d, "victim-warm-up", "victim", around(d, felt * places[i].cold, 0.2));
		yield_time(d, "victim-lost", "victim", around(d, felt * flush, 0.1));
	}
}

static void draw_wbinvd(struct synthetic_draw *d)
{
	unsigned scope = scope_of(d), step = SYNTHETIC_CPUS / scopes[scope].cpus;
	double longest = 0, sum = 0;

	for (unsigned i = 0; i < scopes[scope].cpus; i++) {
		double ns = instruction_ns(d, scope, !i), irq = i ? around(d, IRQ_NS, 0.2) : 0;

		yield_time(d, "tail", cpu_name(i * step), ns + irq);
		yield_time(d, "instruction", cpu_name(i * step), ns);
		if (i)
			yield_time(d, "interrupt", cpu_name(i * step), irq);
		longest = fmax(longest, ns + irq);
		sum += ns + irq;
	}
	d->ns = is(d, "scope", "turn") ? sum : longest;
	yield_time(d, "flush", "request", d->ns);
	yield(d, "over-1s", "request", d->ns > 1e9);
	draw_victim(d, scope, d->ns);
	d->ns += 400;
}

/* ---- stop ---- */

static const struct synthetic_factor stop_factors[] = {
	{ "policy", "sme_supported,sme_active,percpu,early_reboot,early_virt,early_syscore,none",
	  true },
	{ "flagged", "100", true },
	{ "dirty", "50", true },
	{ "redirty", "0", true },
	{ NULL, NULL, false },
};

static const struct store_metric stop_metrics[] = {
	{ "stop", 1, "time", "duration", "stop", 0 },
	{ "stop", 1, "empty", "duration", "stop", 0 },
	{ "stop", 1, "tail", "duration", "CPU", 0 },
	{ "stop", 1, "flush", "duration", "CPU", 0 },
	{ "stop", 1, "cpu_late", "occurrence", "CPU", 0 },
	{ "stop", 1, "polls", "count", "stop", 0 },
	{ "stop", 1, "late", "occurrence", "stop", 0 },
	{ "stop", 1, "late_nmi", "occurrence", "stop", 0 },
	{ "stop", 1, "own", "duration", "stop", 0 },
	{ "stop", 1, "early", "duration", "stop", 0 },
	{ "stop", 1, "early_flush", "duration", "CPU", 0 },
	{ "stop", 1, "total", "duration", "stop", 0 },
	{ "stop", 1, "cpu_late_nmi", "occurrence", "CPU", 0 },
	{ "stop", 1, "cpus_late", "count", "stop", 0 },
	{ "stop", 1, "cpus_late_nmi", "count", "stop", 0 },
	{ 0 },
};

/* The longest flush of the CPUs that do it; each yields its own to @metric. */
static double all_flush(struct synthetic_draw *d, const char *metric, double cpus, double dirty)
{
	double longest = 0;

	for (unsigned i = 0; i < SYNTHETIC_CPUS * cpus; i++) {
		double ns = flush_ns(d, dirty, 1.6);

		yield_time(d, metric, cpu_name(i), ns);
		longest = fmax(longest, ns);
	}
	return longest;
}

/* Until the mask is empty; @cpus is the share of those that flush on the way. */
static double stop_ns(struct synthetic_draw *d, double cpus, double dirty)
{
	double longest = 0;

	for (unsigned i = 1; i < SYNTHETIC_CPUS; i++) {
		double ns = around(d, IRQ_NS + 20 * i, 0.15), flush = 0;

		if (i < SYNTHETIC_CPUS * cpus) {
			flush = flush_ns(d, dirty, 1.6);
			yield_time(d, "flush", cpu_name(i), flush);
		}
		yield_time(d, "tail", cpu_name(i), ns + flush);
		longest = fmax(longest, ns + flush);
	}
	return longest;
}

static void draw_stop(struct synthetic_draw *d)
{
	bool sme = is(d, "policy", "sme_supported") || is(d, "policy", "sme_active");
	bool early = !strncmp(level(d, "policy"), "early", 5), none = is(d, "policy", "none");
	double flagged = share(d, "flagged"), again = share(d, "redirty");
	/* Behind an early flush SEAMCALLs set flags again: of all, of the own CPU, of none. */
	bool all_again = is(d, "policy", "early_reboot") && again > 0;
	bool own_again = all_again || (is(d, "policy", "early_virt") && again > 0);
	double in_stop = sme ? 1 : none ? 0 : early && !all_again ? 0 : flagged;
	bool own = early ? own_again : !none && !is(d, "policy", "sme_supported");
	double early_ns = 0, own_ns = 0, empty;

	if (early)
		early_ns = all_flush(d, "early_flush",
				     is(d, "policy", "early_reboot") ? 1 : flagged,
				     share(d, "dirty"));
	empty = stop_ns(d, in_stop, early ? again : share(d, "dirty"));
	if (own)
		own_ns = flush_ns(d, 0, 1);
	d->ns = empty + 300;
	yield_time(d, "empty", "stop", empty);
	yield(d, "polls", "stop", floor(empty / 1000));
	yield(d, "late", "stop", empty > 1e9);
	yield(d, "late_nmi", "stop", 0);
	yield_time(d, "total", "stop", early_ns + empty + own_ns);
	if (early)
		yield_time(d, "early", "stop", early_ns);
	if (own)
		yield_time(d, "own", "stop", own_ns);
}

/* ---- reset ---- */

static const struct synthetic_factor reset_factors[] = {
	{ "quirk", "on,off", true },	{ "insn", "movdir64b", true }, { "page", "4K", true },
	{ "region", "8M,512M", false }, { NULL, NULL, false },
};

static const struct store_metric reset_metrics[] = {
	{ "reset", 1, "time", "duration", "4 KiB page", 4096 },
	{ 0 },
};

static void draw_reset(struct synthetic_draw *d)
{
	d->work = 4096;
	d->ns = 4096 * around(d,
			      is(d, "quirk", "off") ? 0.8
			      : is(d, "page", "2M") ? 120
						    : 190,
			      0.02);
}

const struct synthetic_bench synthetic_benches[] = {
	{ "wbinvd", wbinvd_factors, wbinvd_metrics, draw_wbinvd },
	{ "stop", stop_factors, stop_metrics, draw_stop },
	{ "reset", reset_factors, reset_metrics, draw_reset },
	{ 0 },
};
