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
	[TOPUP_M_GET] = { "get", "duration", "page", 0 },
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

static void add_calls(struct topup_series *s, struct bench_ctx *ctx, int *ret)
{
	for (unsigned int i = 0; i < TOPUP_QUANTILES; i++) {
		add(ctx, TOPUP_M_CALL, quantiles[i].name, &s->call[i], ret);
		add(ctx, TOPUP_M_PAGES, quantiles[i].name, &s->pages[i], ret);
	}
	add(ctx, TOPUP_M_PAGE, "mean", &s->page, ret);
	if (s->kind == TOPUP_FAULT)
		add(ctx, TOPUP_M_GET, "mean", &s->get, ret);
	else
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
	if (kind != TOPUP_REFCOUNT)
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

static int by_ticks(const void *a, const void *b)
{
	uint64_t x = ((const struct topup_sample *)a)->ticks;
	uint64_t y = ((const struct topup_sample *)b)->ticks;

	return (x > y) - (x < y);
}

static int by_pages(const void *a, const void *b)
{
	uint32_t x = ((const struct topup_sample *)a)->pages;
	uint32_t y = ((const struct topup_sample *)b)->pages;

	return (x > y) - (x < y);
}

static size_t gather(struct topup_series *s, const struct topup_pass *pass)
{
	size_t n = 0;

	for (unsigned int i = 0; i < pass->threads; i++) {
		const struct topup_meter *m = pass->seen[i].meter;
		uint64_t kept = m->topups < m->room ? m->topups : m->room;

		for (uint64_t k = 0; k < kept && n < s->room; k++)
			s->all[n++] = m->sample[k];
	}
	return n;
}

static void call_values(struct topup_series *s, const struct topup_pass *pass,
			struct bench_values *out)
{
	size_t n = gather(s, pass);
	double ticks = 0, pages = 0;

	if (!n || s->kind == TOPUP_REFCOUNT)
		return;
	qsort(s->all, n, sizeof(*s->all), by_ticks);
	for (unsigned int i = 0; i < TOPUP_QUANTILES; i++)
		bench_value(out, s->call[i],
			    (double)s->all[topup_rank(n, quantiles[i].share)].ticks);
	qsort(s->all, n, sizeof(*s->all), by_pages);
	for (unsigned int i = 0; i < TOPUP_QUANTILES; i++)
		bench_value(out, s->pages[i], s->all[topup_rank(n, quantiles[i].share)].pages);
	for (size_t i = 0; i < n; i++) {
		ticks += (double)s->all[i].ticks;
		pages += s->all[i].pages;
	}
	if (pages > 0)
		bench_value(out, s->page, ticks / pages);
}

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
	bench_value(out, s->wait[id][0], (double)sum.wait / (double)sum.rounds);
	bench_value(out, s->wait[id][1], (double)sum.wait_max);
	bench_value(out, s->hold[id][0], (double)sum.hold / (double)sum.rounds);
	bench_value(out, s->hold[id][1], (double)sum.hold_max);
}

/* Under the mmu_lock a fault does nothing but take its pages. */
static void get_value(const struct topup_series *s, const struct topup_pass *pass,
		      struct bench_values *out)
{
	double pages = 0;

	for (unsigned int i = 0; i < pass->threads; i++)
		pages += (double)pass->seen[i].pages;
	if (pages > 0)
		bench_value(out, s->get, (double)lock_sum(pass, TOPUP_LOCK_MMU).hold / pages);
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

void topup_series_values(struct topup_series *s, const struct topup_pass *pass,
			 struct bench_values *out)
{
	call_values(s, pass, out);
	for (unsigned int id = 0; id < TOPUP_LOCKS; id++)
		if (takes(s->kind, id))
			lock_values(s, pass, id, out);
	get_value(s, pass, out);
	page_values(s, pass, out);
}
