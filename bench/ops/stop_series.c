// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/stop_series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct metric_info stop_metrics[] = {
	[STOP_M_TIME] = { "time", "duration", "stop", 0 },
	[STOP_M_EMPTY] = { "empty", "duration", "stop", 0 },
	[STOP_M_TAIL] = { "tail", "duration", "CPU", 0 },
	[STOP_M_FLUSH] = { "flush", "duration", "CPU", 0 },
	[STOP_M_CPU_LATE] = { "cpu_late", "occurrence", "CPU", 0 },
	[STOP_M_POLLS] = { "polls", "count", "stop", 0 },
	[STOP_M_LATE] = { "late", "occurrence", "stop", 0 },
	[STOP_M_LATE_NMI] = { "late_nmi", "occurrence", "stop", 0 },
	[STOP_M_OWN] = { "own", "duration", "stop", 0 },
	[STOP_M_EARLY] = { "early", "duration", "stop", 0 },
	[STOP_M_EARLY_FLUSH] = { "early_flush", "duration", "CPU", 0 },
	[STOP_M_TOTAL] = { "total", "duration", "stop", 0 },
	[STOP_M_CPU_LATE_NMI] = { "cpu_late_nmi", "occurrence", "CPU", 0 },
	[STOP_M_CPUS_LATE] = { "cpus_late", "count", "stop", 0 },
	[STOP_M_CPUS_LATE_NMI] = { "cpus_late_nmi", "count", "stop", 0 },
	[STOP_M_MAX] = { .name = NULL },
};

static int open_metric(struct stop_series *s, struct bench_ctx *ctx, const struct stop_replay *r,
		       unsigned metric)
{
	bool per_cpu = !strcmp(stop_metrics[metric].per, "CPU");
	unsigned n = per_cpu ? s->cpus : 1;
	int *of = calloc(n, sizeof(*of));
	char subject[32] = "stop";

	s->of[metric] = of;
	if (!of)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < n; cpu++) {
		of[cpu] = -1;
		if (per_cpu && !stop_mask_has(&r->all, cpu))
			continue;
		if (per_cpu)
			snprintf(subject, sizeof(subject), "cpu %u", cpu);
		of[cpu] = ctx->series(ctx, metric, subject);
		if (of[cpu] < 0)
			return of[cpu];
	}
	return 0;
}

int stop_series_open(struct stop_series *s, struct bench_ctx *ctx, const struct stop_replay *r)
{
	int ret = 0;

	*s = (struct stop_series){ .cpus = r->ex.cpus };
	for (unsigned m = STOP_M_TIME + 1; m < STOP_M_MAX && !ret; m++)
		ret = open_metric(s, ctx, r, m);
	return ret;
}

void stop_series_free(struct stop_series *s)
{
	for (unsigned m = 0; m < STOP_M_MAX; m++)
		free(s->of[m]);
	memset(s, 0, sizeof(*s));
}

static void stopped_values(const struct stop_series *s, const struct stop_replay *r,
			   struct bench_values *out)
{
	for (unsigned i = 0; i < r->n_stop; i++) {
		const struct tdcost_cpu *c = &r->stop_cpu[i];

		if (!(c->flags & TDCOST_CPU_ANSWERED))
			continue;
		bench_value(out, s->of[STOP_M_TAIL][c->cpu], (double)(c->end - c->request));
		bench_value(out, s->of[STOP_M_CPU_LATE][c->cpu], !!(c->flags & TDCOST_CPU_LATE));
		bench_value(out, s->of[STOP_M_CPU_LATE_NMI][c->cpu],
			    !!(c->flags & TDCOST_CPU_LATE_NMI));
		if (c->flags & TDCOST_CPU_FLUSHED)
			bench_value(out, s->of[STOP_M_FLUSH][c->cpu], (double)(c->end - c->start));
	}
}

static void early_values(const struct stop_series *s, const struct stop_replay *r,
			 struct bench_values *out)
{
	for (unsigned i = 0; i < r->n_early; i++) {
		const struct tdcost_cpu *c = &r->early_cpu[i];

		if (c->flags & TDCOST_CPU_ANSWERED)
			bench_value(out, s->of[STOP_M_EARLY_FLUSH][c->cpu],
				    (double)(c->end - c->start));
	}
}

void stop_series_values(const struct stop_series *s, const struct stop_replay *r,
			struct bench_values *out)
{
	uint64_t early = stop_replay_early_ticks(r), stop = stop_replay_stop_ticks(r);
	uint64_t own = stop_replay_own_ticks(r);

	stopped_values(s, r, out);
	early_values(s, r, out);
	bench_value(out, s->of[STOP_M_EMPTY][0], (double)stop);
	bench_value(out, s->of[STOP_M_POLLS][0], r->stop.polls);
	bench_value(out, s->of[STOP_M_LATE][0], r->stop.late > 0);
	bench_value(out, s->of[STOP_M_LATE_NMI][0], r->stop.late_nmi > 0);
	bench_value(out, s->of[STOP_M_CPUS_LATE][0], r->stop.late);
	bench_value(out, s->of[STOP_M_CPUS_LATE_NMI][0], r->stop.late_nmi);
	bench_value(out, s->of[STOP_M_TOTAL][0], (double)(early + stop + own));
	if (r->flushed_early)
		bench_value(out, s->of[STOP_M_EARLY][0], (double)early);
	if (r->plan.self)
		bench_value(out, s->of[STOP_M_OWN][0], (double)own);
}
