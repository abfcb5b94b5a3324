// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/topup_series.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct metric_info topup_metrics[] = {
	[TOPUP_M_TIME] = { "time", "duration", "operation", 0 },
	[TOPUP_M_KERNEL] = { "kernel_time", "duration", "operation", 0 },
	[TOPUP_M_CALL] = { "topup", "duration", "call", 0 },
	[TOPUP_M_PAGES] = { "pages", "count", "call", 0 },
	[TOPUP_M_PAGE] = { "topup_page", "duration", "page", 0 },
	[TOPUP_M_GET] = { "get", "duration", "get", 0 },
	[TOPUP_M_WAIT] = { "wait", "duration", "lock round", 0 },
	[TOPUP_M_HOLD] = { "hold", "duration", "lock round", 0 },
	[TOPUP_M_ROUNDS] = { "rounds", "count", "operation", 0 },
	[TOPUP_M_RETRIES] = { "retries", "count", "operation", 0 },
	[TOPUP_M_IDLE] = { "idle", "count", "VM", 0 },
	[TOPUP_M_PEAK] = { "peak", "count", "VM", 0 },
	[TOPUP_M_MAX] = { .name = NULL },
};

static const struct {
	const char *name;
	double share;
} quantiles[TOPUP_QUANTILES] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 } };

static void add(struct bench_ctx *ctx, unsigned metric, const char *subject, int *series, int *ret)
{
	*series = *ret ? -1 : ctx->series(ctx, metric, subject);
	if (!*ret && *series < 0)
		*ret = *series;
}

/* ---- which passes there are ---- */

/* Can a round of lock @id happen in work of kind @kind? */
static bool takes(enum topup_kind kind, unsigned int id)
{
	static const bool taken[TOPUP_KINDS][TOPUP_LOCKS] = {
		[TOPUP_FAULT] = { [TOPUP_LOCK_MMU] = true },
		[TOPUP_SPLIT] = { [TOPUP_LOCK_MMU] = true,
				  [TOPUP_LOCK_SPLIT] = true,
				  [TOPUP_LOCK_VM] = true },
		[TOPUP_REFCOUNT] = { [TOPUP_LOCK_PAMT] = true },
	};

	return taken[kind][id];
}

/* And with this variant? */
static bool takes_here(const struct topup_setting *set, unsigned int id)
{
	bool of_vm = set->variant == TOPUP_SPLIT_CACHE || set->variant == TOPUP_SPLIT_BATCH;

	if (!takes(set->kind, id))
		return false;
	if (id == TOPUP_LOCK_SPLIT)
		return of_vm;
	return id != TOPUP_LOCK_VM || (set->variant == TOPUP_PER_VCPU_OR_VM && !set->by_vcpu);
}

static bool wanted(const struct topup_setting *set, unsigned int meters)
{
	if (meters & (TOPUP_METER_CALLS | TOPUP_METER_GETS))
		return true;
	for (unsigned int id = 0; id < TOPUP_LOCKS; id++)
		if (meters & TOPUP_METER_LOCK(id) && takes_here(set, id))
			return true;
	return false;
}

/* The mutex is held around rounds of the mmu_lock, and that around rounds of the split cache's. */
unsigned int topup_series_pass(const struct topup_setting *set, unsigned int i)
{
	static const unsigned int passes[] = {
		TOPUP_METER_CALLS,
		TOPUP_METER_GETS,
		TOPUP_METER_LOCK(TOPUP_LOCK_MMU),
		TOPUP_METER_LOCK(TOPUP_LOCK_VM),
		TOPUP_METER_LOCK(TOPUP_LOCK_SPLIT),
		TOPUP_METER_LOCK(TOPUP_LOCK_PAMT),
	};

	for (unsigned int k = 0; k < sizeof(passes) / sizeof(passes[0]); k++)
		if (wanted(set, passes[k]) && !i--)
			return passes[k];
	return 0;
}

/* ---- series ---- */

static void add_lock(struct topup_series *s, struct bench_ctx *ctx, unsigned int id, int *ret)
{
	static const char *const ends[] = { "", " max" };
	char subject[32];

	for (unsigned int i = 0; i < 2; i++) {
		snprintf(subject, sizeof(subject), "%s%s", topup_lock_names[id], ends[i]);
		add(ctx, TOPUP_M_WAIT, subject, &s->wait[id][i], ret);
		add(ctx, TOPUP_M_HOLD, subject, &s->hold[id][i], ret);
	}
	add(ctx, TOPUP_M_ROUNDS, topup_lock_names[id], &s->rounds[id], ret);
}

static void add_of_calls(struct topup_of_calls *c, struct bench_ctx *ctx, unsigned metric, int *ret)
{
	for (unsigned int i = 0; i < TOPUP_QUANTILES; i++)
		add(ctx, metric, quantiles[i].name, &c->quantile[i], ret);
	add(ctx, metric, "drawn", &c->drawn, ret);
	add(ctx, metric, "mean", &c->mean, ret);
}

static void add_calls(struct topup_series *s, struct bench_ctx *ctx, int *ret)
{
	add_of_calls(&s->call, ctx, TOPUP_M_CALL, ret);
	add_of_calls(&s->pages, ctx, TOPUP_M_PAGES, ret);
	add_of_calls(&s->page, ctx, TOPUP_M_PAGE, ret);
	add_of_calls(&s->get, ctx, TOPUP_M_GET, ret);
	if (s->kind == TOPUP_SPLIT)
		add(ctx, TOPUP_M_RETRIES, "splits", &s->retries, ret);
	add(ctx, TOPUP_M_IDLE, "peak", &s->idle_peak, ret);
}

int topup_series_open(struct topup_series *s, struct bench_ctx *ctx, enum topup_kind kind,
		      size_t most)
{
	int ret = 0;

	/* Series that this kind of work has not are -1 bit by bit, and take no value. */
	memset(s, 0xff, sizeof(*s));
	s->kind = kind;
	s->room = most;
	s->all = calloc(most ? most : 1, sizeof(*s->all));
	if (!s->all)
		return -ENOMEM;
	s->random = ctx->seed | 1;
	add_calls(s, ctx, &ret);
	for (unsigned int id = 0; id < TOPUP_LOCKS; id++)
		if (takes(kind, id))
			add_lock(s, ctx, id, &ret);
	add(ctx, TOPUP_M_IDLE, "end", &s->idle, &ret);
	add(ctx, TOPUP_M_PEAK, "pages", &s->peak, &ret);
	return ret;
}

void topup_series_free(struct topup_series *s)
{
	free(s->all);
	s->all = NULL;
}

size_t topup_rank(size_t n, double share)
{
	size_t rank = (size_t)ceil(share * (double)n);

	return rank ? rank - 1 : 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- calls and gets ---- */

static double without(uint64_t ticks, uint64_t empty)
{
	return ticks > empty ? (double)(ticks - empty) : 0;
}

static double ticks_of(const struct topup_sample *s, uint64_t empty)
{
	return without(s->ticks, empty);
}

static double pages_of(const struct topup_sample *s, uint64_t empty)
{
	(void)empty;
	return s->pages;
}

static double ticks_of_page(const struct topup_sample *s, uint64_t empty)
{
	return s->pages ? without(s->ticks, empty) / s->pages : -1;
}

static size_t add_samples(struct topup_series *s, size_t n, const struct topup_sample *sample,
			  uint64_t kept, uint64_t empty,
			  double (*value)(const struct topup_sample *s, uint64_t empty))
{
	double v;

	for (uint64_t k = 0; k < kept && n < s->room; k++) {
		v = value(&sample[k], empty);
		if (v >= 0)
			s->all[n++] = v;
	}
	return n;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What @value says of each sample of all threads; -1: nothing. */
static size_t gather(struct topup_series *s, const struct topup_pass *pass, bool gets,
		     double (*value)(const struct topup_sample *s, uint64_t empty))
{
	size_t n = 0;

	for (unsigned int i = 0; i < pass->threads; i++) {
		const struct topup_meter *m = pass->seen[i].meter;

		n = add_samples(s, n, gets ? m->get : m->sample,
				gets ? least(m->gets, m->get_room) : least(m->topups, m->room),
				pass->empty, value);
	}
	return n;
}

/* xorshift64: which call of a pass stands for it is not a matter of cryptography. */
static uint64_t draw(struct topup_series *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/*
 * A sample of the benchmark has room for one value of a subject, and a pass has a thousand calls.
 * So it keeps their quantiles, and one call that is drawn: over the samples those are distributed
 * as calls are.
 */
static void tell(struct topup_series *s, const struct topup_of_calls *c, size_t n,
		 struct bench_values *out)
{
	double sum = 0;

	if (!n)
		return;
	bench_value(out, c->drawn, s->all[draw(s) % n]);
	qsort(s->all, n, sizeof(*s->all), ascending);
	for (unsigned int i = 0; i < TOPUP_QUANTILES; i++)
		bench_value(out, c->quantile[i], s->all[topup_rank(n, quantiles[i].share)]);
	for (size_t i = 0; i < n; i++)
		sum += s->all[i];
	bench_value(out, c->mean, sum / (double)n);
}

static void call_values(struct topup_series *s, const struct topup_pass *pass,
			struct bench_values *out)
{
	tell(s, &s->call, gather(s, pass, false, ticks_of), out);
	tell(s, &s->pages, gather(s, pass, false, pages_of), out);
	tell(s, &s->page, gather(s, pass, false, ticks_of_page), out);
}

static void get_values(struct topup_series *s, const struct topup_pass *pass,
		       struct bench_values *out)
{
	tell(s, &s->get, gather(s, pass, true, ticks_of_page), out);
}

/* ---- locks and pages ---- */

static struct topup_lock_meter lock_sum(const struct topup_pass *pass, unsigned int id)
{
	struct topup_lock_meter sum = { 0 };

	for (unsigned int i = 0; i < pass->threads; i++) {
		const struct topup_lock_meter *m = &pass->seen[i].meter->lock[id];

		sum.rounds += m->rounds;
		sum.wait += m->wait;
		sum.hold += m->hold;
		if (m->wait_max > sum.wait_max)
			sum.wait_max = m->wait_max;
		if (m->hold_max > sum.hold_max)
			sum.hold_max = m->hold_max;
	}
	return sum;
}

static void lock_values(const struct topup_series *s, const struct topup_pass *pass,
			unsigned int id, struct bench_values *out)
{
	double ops = (double)pass->ops * pass->threads;
	struct topup_lock_meter sum = lock_sum(pass, id);

	bench_value(out, s->rounds[id], (double)sum.rounds / ops);
	if (!sum.rounds)
		return;
	bench_value(out, s->wait[id][0],
		    without(sum.wait, sum.rounds * pass->empty) / (double)sum.rounds);
	bench_value(out, s->wait[id][1], without(sum.wait_max, pass->empty));
	bench_value(out, s->hold[id][0],
		    without(sum.hold, sum.rounds * pass->empty) / (double)sum.rounds);
	bench_value(out, s->hold[id][1], without(sum.hold_max, pass->empty));
}

/* Of locks that this pass metered, and once of those that this work does not take at all. */
static void locks_values(const struct topup_series *s, const struct topup_setting *set,
			 unsigned int meters, const struct topup_pass *pass,
			 struct bench_values *out)
{
	for (unsigned int id = 0; id < TOPUP_LOCKS; id++) {
		if (!takes(s->kind, id))
			continue;
		if (takes_here(set, id) ? meters & TOPUP_METER_LOCK(id)
					: meters & TOPUP_METER_CALLS)
			lock_values(s, pass, id, out);
	}
}

/* Of VM 0. With several vCPUs the peak is a bound: theirs need not have been at the same time. */
static void page_values(const struct topup_series *s, const struct topup_pass *pass,
			struct bench_values *out)
{
	double retries = 0, most = 0, ops = (double)pass->ops * pass->threads;
	int64_t peak = (int64_t)pass->idle_before;

	for (unsigned int i = 0; i < pass->threads; i++) {
		const struct topup_meter *m = pass->seen[i].meter;

		retries += (double)m->retries;
		if ((double)m->idle_peak > most)
			most = (double)m->idle_peak;
	}
	for (unsigned int i = 0; i < pass->threads; i += pass->n_vms)
		peak += pass->seen[i].peak;
	bench_value(out, s->retries, retries / ops);
	bench_value(out, s->idle_peak, most);
	bench_value(out, s->idle, (double)pass->idle);
	bench_value(out, s->peak, (double)peak);
}

void topup_series_values(struct topup_series *s, const struct topup_setting *set,
			 unsigned int meters, const struct topup_pass *pass,
			 struct bench_values *out)
{
	locks_values(s, set, meters, pass, out);
	if (meters & TOPUP_METER_GETS)
		get_values(s, pass, out);
	if (!(meters & TOPUP_METER_CALLS))
		return;
	call_values(s, pass, out);
	page_values(s, pass, out);
}
