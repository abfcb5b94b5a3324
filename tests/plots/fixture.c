// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/plots/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK	 4096 /* pages in a sample */
#define PER_UNIT 1000 /* ticks in a nanosecond */

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void fixture_start(struct fixture *f, const char *uuid, const char *label)
{
	struct store_run_data *d;

	*f = (struct fixture){ .state = 1 };
	d = &f->r.data;
	snprintf(d->run.uuid, sizeof(d->run.uuid), "%s", uuid);
	snprintf(d->run.label, sizeof(d->run.label), "%s", label);
	snprintf(d->run.kernel, sizeof(d->run.kernel), "6.18.2-tdcost");
	snprintf(d->cpu, sizeof(d->cpu), "Example EPYC 9999");
	d->family = 26;
	d->model = 2;
	d->stepping = 1;
	d->run.lane = LANE_HOST;
	d->run.clock = CLOCK_UNIT_NS;
	d->run.state = RUN_DONE;
	d->metrics = must(calloc(2, sizeof(*d->metrics)));
	d->n_metrics = 2;
	d->metrics[0] =
		(struct store_metric_row){ "reset", "time", "duration", "4 KiB page", 1, 4096 };
	d->metrics[1] =
		(struct store_metric_row){ "null", "time", "duration", "multiplication", 1, 0 };
	f->r.ds = must(dataset_new());
}

static json_t *parse(const char *factors)
{
	json_t *object = json_object();
	char copy[512], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", factors);
	for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(p, '=');

		*eq = '\0';
		json_object_set_new(object, p, json_string(eq + 1));
	}
	return object;
}

void fixture_cell(struct fixture *f, const char *benchmark, unsigned group, unsigned arm,
		  const char *factors, enum kind kind, double level, double spread)
{
	size_t n = f->r.n_cells++;
	struct report_cell *c;
	struct store_cell_row *row = must(calloc(1, sizeof(*row)));

	f->r.cells = must(realloc(f->r.cells, (n + 1) * sizeof(*f->r.cells)));
	f->level = must(realloc(f->level, (n + 1) * sizeof(double)));
	f->spread = must(realloc(f->spread, (n + 1) * sizeof(double)));
	f->level[n] = level;
	f->spread[n] = spread;
	c = &f->r.cells[n];
	*c = (struct report_cell){ .row = row, .factors = parse(factors) };
	c->metric = &f->r.data.metrics[strcmp(benchmark, "reset") != 0];
	snprintf(row->benchmark, sizeof(row->benchmark), "%s", benchmark);
	row->paired = must(strdup("[\"quirk\",\"insn\",\"page\",\"fence\",\"barrier\",\"order\","
				  "\"before\",\"source\",\"twin\",\"ops\"]"));
	row->version = 1;
	row->arm_group = group;
	row->arm = arm;
	row->kind = kind;
}

/* Numerical Recipes' LCG, its high bits: enough to look like noise. */
static double uniform(struct fixture *f)
{
	f->state = f->state * 6364136223846793005u + 1442695040888963407u;
	return (double)(f->state >> 11) / 9007199254740992.0;
}

static double noise(struct fixture *f)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += uniform(f);
	return sum - 6;
}

static void add_invocation(struct fixture *f, unsigned group, unsigned round, unsigned blocks)
{
	struct sample *s = must(calloc((size_t)blocks * f->r.n_cells + 1, sizeof(*s)));
	double moment = 1 + 0.004 * noise(f);
	size_t n = 0;

	for (size_t c = 0; c < f->r.n_cells; c++) {
		double place = 1 + 0.006 * noise(f);

		if (f->r.cells[c].row->arm_group != group)
			continue;
		for (unsigned b = 0; b < blocks; b++) {
			double tail = uniform(f) < 0.01 ? 1 + 2 * uniform(f) : 1;
			double v =
				f->level[c] * moment * place * tail * exp(f->spread[c] * noise(f));

			s[n] = (struct sample){
				.seq = (uint32_t)n,
				.arm = f->r.cells[c].row->arm,
				.block = (int32_t)b,
				.ticks = (uint64_t)(v * WORK * PER_UNIT) + 1,
				.work = WORK,
			};
			n++;
		}
	}
	if (dataset_add(f->r.ds, group, round, s, n, 0, 1.0 / PER_UNIT))
		abort();
	free(s);
}

void fixture_measure(struct fixture *f, unsigned invocations, unsigned blocks)
{
	unsigned groups = 0;

	for (size_t i = 0; i < f->r.n_cells; i++)
		if (f->r.cells[i].row->arm_group >= groups)
			groups = f->r.cells[i].row->arm_group + 1;
	for (unsigned round = 0; round < invocations; round++)
		for (unsigned g = 0; g < groups; g++)
			add_invocation(f, g, round, blocks);
	f->r.rounds = invocations;
	for (size_t i = 0; i < f->r.n_cells; i++) {
		struct report_cell *c = &f->r.cells[i];

		if (dataset_arm(f->r.ds, c->row->arm_group, c->row->arm, REPORT_CONF, &c->sum))
			abort();
		c->has_data = true;
		if (c->metric->bytes_per && f->r.data.run.clock == CLOCK_UNIT_NS)
			c->gb_s = (double)c->metric->bytes_per / c->sum.level;
	}
}

void fixture_reset(struct fixture *f, double factor)
{
	static const char *const insns[] = { "clzero", "ntstore512", "rep_stosb" };
	static const double base[] = { 190, 118, 92 };
	static const char *const pages[] = { "4K", "2M" }, *const fences[] = { "call", "sample" };
	static const char *const regions[] = { "8M", "128M" };

	for (unsigned g = 0; g < 2; g++) {
		unsigned arm = 0;

		for (unsigned i = 0; i < 3 * 2 * 2 * 2; i++) {
			unsigned off = i / 12, insn = i / 4 % 3, page = i / 2 % 2, fence = i % 2;
			double level = off ? 0.7 + 0.05 * page + 0.02 * insn
					   : (base[insn] - (page || fence ? 45 : 0) -
					      6 * (page && fence)) *
						       (g ? 1.2 : 1) * factor;
			char factors[256];

			/* The quick preset varies page and fence for the first instruction only. */
			if (insn && (page || fence))
				continue;
			snprintf(factors, sizeof(factors),
				 "backing=thp barrier=mfence before=evicted fence=%s insn=%s "
				 "order=sequential page=%s quirk=%s region=%s source=zero",
				 fences[fence], insns[insn], pages[page], off ? "off" : "on",
				 regions[g]);
			fixture_cell(f, "reset", g, arm++, factors,
				     off ? KIND_MEASURED : KIND_ANALOGUE, level, off ? 0.03 : 0.02);
		}
	}
}

void fixture_end(struct fixture *f)
{
	for (size_t i = 0; i < f->r.n_cells; i++) {
		free(f->r.cells[i].row->paired);
		free((void *)f->r.cells[i].row);
		json_decref(f->r.cells[i].factors);
	}
	free(f->r.cells);
	dataset_free(f->r.ds);
	free(f->r.data.metrics);
	free(f->level);
	free(f->spread);
	*f = (struct fixture){ 0 };
}
