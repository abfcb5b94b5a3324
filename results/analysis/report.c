// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/metric.h"
#include "results/analysis/report_values.h"

const char *report_level(const struct report_cell *cell, const char *factor)
{
	const char *text = json_string_value(json_object_get(cell->factors, factor));

	return text ? text : "";
}

static bool planned(const struct report_cell *c)
{
	return c->row->state == CELL_PLANNED;
}

bool report_varies(const struct report *r, const char *benchmark, const char *factor)
{
	const char *first = NULL;

	for (size_t i = 0; i < r->n_cells; i++) {
		const struct report_cell *c = &r->cells[i];

		if (!planned(c) || strcmp(c->row->benchmark, benchmark))
			continue;
		if (!first)
			first = report_level(c, factor);
		else if (strcmp(first, report_level(c, factor)))
			return true;
	}
	return false;
}

/* "insn=clzero page=4K": the factors that vary, by name; the stored JSON is sorted. */
static void make_label(const struct report *r, const struct report_cell *c, const char *without,
		       bool all, char *buf, size_t n)
{
	const char *key;
	json_t *value;

	buf[0] = '\0';
	json_object_foreach(c->factors, key, value) {
		size_t at = strlen(buf);

		if (without && !strcmp(key, without))
			continue;
		if (all || report_varies(r, c->row->benchmark, key))
			snprintf(buf + at, n - at, "%s%s=%s", at ? " " : "", key,
				 json_string_value(value));
	}
}

static void label_cells(struct report *r)
{
	for (size_t i = 0; i < r->n_cells; i++) {
		struct report_cell *c = &r->cells[i];

		make_label(r, c, NULL, !planned(c), c->label, sizeof(c->label));
		if (!*c->label)
			make_label(r, c, NULL, true, c->label, sizeof(c->label));
	}
}

static const struct store_metric_row *metric_of(const struct report *r,
						const struct store_cell_row *row)
{
	for (size_t i = 0; i < r->data.n_metrics; i++) {
		const struct store_metric_row *m = &r->data.metrics[i];

		if (m->version == row->version && !strcmp(m->benchmark, row->benchmark))
			return m;
	}
	return NULL;
}

static void apply_flags(struct report *r, struct report_cell *c)
{
	for (size_t i = 0; i < r->data.n_flags; i++) {
		const struct store_flag_row *f = &r->data.flags[i];

		if (!f->fatal)
			continue;
		if (f->arm_group < 0)
			r->fatal = c->fatal = true;
		else if (f->arm_group == (int)c->row->arm_group &&
			 (f->arm < 0 || f->arm == (int)c->row->arm))
			c->fatal = true;
	}
}

bool report_without_seamcalls(const struct report_cell *c)
{
	static const char *const seams[] = { "seam_block", "seam_track", "seam_remove",
					     "seam_wbinvd", "seam_reclaim" };

	if (strcmp(report_level(c, "seam"), "0"))
		return false;
	for (size_t i = 0; i < sizeof(seams) / sizeof(seams[0]); i++) {
		const char *level = report_level(c, seams[i]);

		/* "seam" is that level's again, and what a run of before has not is not there. */
		if (*level && strcmp(level, "0") && strcmp(level, "seam"))
			return false;
	}
	return true;
}

/* Are the lines of a reset flushed in its own time, whatever the erratum mode does behind that? */
static bool flushes_first(const struct report_cell *c)
{
	return !strcmp(report_level(c, "before"), "just_flushed");
}

bool report_returns_early(const struct report_cell *c)
{
	/* A teardown without the resets has all its other phases. */
	if (!strcmp(report_level(c, "quirk"), "off"))
		return !strcmp(c->row->benchmark, "reset") && !flushes_first(c);
	return !strcmp(report_level(c, "flush"), "off") &&
	       !strcmp(report_level(c, "store"), "none");
}

static int summarise(struct report *r, struct report_cell *c)
{
	int ret;

	c->metric = metric_of(r, c->row);
	if (!planned(c))
		return 0;
	apply_flags(r, c);
	ret = dataset_arm(r->ds, c->row->arm_group, c->row->arm, REPORT_CONF, &c->sum);
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return ret;
	c->has_data = true;
	if (c->executed)
		ret = dataset_arm(r->clock, c->row->arm_group, c->row->arm, REPORT_CONF, &c->clock);
	if (ret)
		return ret;
	/* Bytes per ns are GB per s, both decimal. */
	if (!report_returns_early(c) && !flushes_first(c) && r->data.run.clock == CLOCK_UNIT_NS &&
	    c->metric && c->metric->bytes_per && c->sum.level > 0)
		c->gb_s = (double)c->metric->bytes_per / c->sum.level;
	return 0;
}

static int compare_cells(const void *a, const void *b)
{
	const struct store_cell_row *x = ((const struct report_cell *)a)->row;
	const struct store_cell_row *y = ((const struct report_cell *)b)->row;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	if (x->arm_group != y->arm_group)
		return x->arm_group < y->arm_group ? -1 : 1;
	return x->arm < y->arm ? -1 : x->arm > y->arm;
}

static void take_node(struct report *r, unsigned group, int node)
{
	for (size_t i = 0; i < r->n_cells && node >= 0; i++)
		if (r->cells[i].row->arm_group == group)
			r->cells[i].nodes |= 1ull << (node < 63 ? node : 63);
}

static int take_invocation(void *ctx, const struct store_invocation_row *inv,
			   const struct sample *samples, size_t n)
{
	struct report *r = ctx;
	int ret = loads_add(&r->loads, inv);

	if (ret)
		return ret;
	if (inv->round + 1 > r->rounds)
		r->rounds = inv->round + 1;
	take_node(r, inv->arm_group, inv->node);
	return dataset_add(r->ds, inv->arm_group, inv->round, samples, n, inv->overhead,
			   inv->unit_per_tick);
}

static int decode_cells(struct report *r, struct reason *why)
{
	r->n_cells = r->data.n_cells;
	r->cells = calloc(r->n_cells ? r->n_cells : 1, sizeof(*r->cells));
	if (!r->cells)
		return reason_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < r->n_cells; i++) {
		struct report_cell *c = &r->cells[i];

		c->row = &r->data.cells[i];
		c->factors = json_loads(c->row->factors, 0, NULL);
		if (!json_is_object(c->factors))
			return reason_set(why, -EINVAL,
					  "cell %s of run %s holds no JSON; try `tdcost db check`",
					  c->row->hash, r->data.run.uuid);
	}
	qsort(r->cells, r->n_cells, sizeof(*r->cells), compare_cells);
	return 0;
}

int report_load_samples(struct store *store, struct report *r, struct dataset **ds,
			struct reason *why)
{
	struct report into = *r;
	int ret;

	into.ds = dataset_new();
	into.loads = (struct loads){ 0 };
	ret = into.ds ? store_each_invocation(store, r->data.run.uuid, false, take_invocation,
					      &into, why)
		      : reason_set(why, -ENOMEM, "out of memory");
	if (ret) {
		dataset_free(into.ds);
		loads_free(&into.loads);
		return ret;
	}
	loads_free(&r->loads);
	r->loads = into.loads;
	r->rounds = into.rounds;
	*ds = into.ds;
	return 0;
}

int report_load(struct store *store, const char *uuid, struct report *r, struct reason *why)
{
	int ret;

	*r = (struct report){ 0 };
	ret = store_load_run(store, uuid, &r->data, why);
	if (ret)
		return ret;
	ret = decode_cells(r, why);
	if (!ret)
		ret = report_load_samples(store, r, &r->ds, why);
	if (!ret)
		ret = metric_count_executed(store, r, why);
	for (size_t i = 0; i < r->n_cells && !ret; i++) {
		ret = summarise(r, &r->cells[i]);
		if (ret)
			reason_set(why, ret, "cannot summarise run %s: %s", uuid, strerror(-ret));
	}
	if (!ret)
		ret = report_load_values(store, uuid, r, why);
	if (ret)
		report_free(r);
	else
		label_cells(r);
	return ret;
}

void report_free(struct report *r)
{
	for (size_t i = 0; i < r->n_cells; i++)
		json_decref(r->cells[i].factors);
	for (size_t i = 0; i < r->n_values; i++) {
		free(r->values[i].sorted);
		free(r->values[i].blocks);
	}
	free(r->cells);
	free(r->values);
	loads_free(&r->loads);
	dataset_free(r->ds);
	dataset_free(r->clock);
	store_free_run(&r->data);
	*r = (struct report){ 0 };
}

static bool is_paired(const struct report_cell *c, const char *factor)
{
	json_t *list = json_loads(c->row->paired, 0, NULL);
	bool found = false;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		found |= name && !strcmp(name, factor);
	}
	json_decref(list);
	return found;
}

static bool pairing_known(const struct report_pairing *known, size_t n, const char *factor,
			  const char *a, const char *b)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(known[i].factor, factor) && !strcmp(known[i].a, a) &&
		    !strcmp(known[i].b, b))
			return true;
	return false;
}

/* The benchmark's first planned cell: its levels are what the others are compared with. */
static const struct report_cell *base_of(const struct report *r, const char *benchmark)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (planned(&r->cells[i]) && !strcmp(r->cells[i].row->benchmark, benchmark))
			return &r->cells[i];
	return NULL;
}

size_t report_pairings(const struct report *r, struct report_pairing *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_cells && n < max; i++) {
		const struct report_cell *c = &r->cells[i];
		const char *factor;
		json_t *value;

		if (!planned(c))
			continue;
		json_object_foreach(c->factors, factor, value) {
			const char *a = report_level(base_of(r, c->row->benchmark), factor);
			const char *b = json_string_value(value);

			if (n == max || !strcmp(a, b) || pairing_known(out, n, factor, a, b) ||
			    !is_paired(c, factor))
				continue;
			out[n++] = (struct report_pairing){ factor, a, b };
		}
	}
	return n;
}

/* Do two arms of a group differ in @factor and nothing else? */
static bool only_differ_in(const struct report_cell *a, const struct report_cell *b,
			   const char *factor)
{
	const char *key;
	json_t *value;

	if (!a->has_data || !b->has_data || a->row->arm_group != b->row->arm_group ||
	    strcmp(a->row->benchmark, b->row->benchmark))
		return false;
	json_object_foreach(a->factors, key, value) {
		if (strcmp(key, factor) && strcmp(json_string_value(value), report_level(b, key)))
			return false;
	}
	return true;
}

static bool make_pair(const struct report *r, const struct report_cell *a,
		      const struct report_cell *b, const char *factor, struct report_pair *p)
{
	*p = (struct report_pair){ .a = a, .b = b };
	if (dataset_pair(r->ds, a->row->arm_group, a->row->arm, b->row->arm, REPORT_CONF, &p->sum))
		return false;
	p->kind = kind_weakest(a->row->kind, b->row->kind);
	p->fatal = a->fatal || b->fatal;
	make_label(r, a, factor, false, p->label, sizeof(p->label));
	return true;
}

long report_pairs(const struct report *r, const char *factor, const char *a, const char *b,
		  struct report_pair **pairs)
{
	long n = 0, room = 0;

	*pairs = NULL;
	for (size_t i = 0; i < r->n_cells; i++) {
		for (size_t k = 0; k < r->n_cells; k++) {
			const struct report_cell *x = &r->cells[i], *y = &r->cells[k];
			struct report_pair *grown;

			if (strcmp(report_level(x, factor), a) ||
			    strcmp(report_level(y, factor), b) || !only_differ_in(x, y, factor))
				continue;
			if (n == room) {
				room = room * 2 + 16;
				grown = realloc(*pairs, (size_t)room * sizeof(*grown));
				if (!grown) {
					free(*pairs);
					*pairs = NULL;
					return -ENOMEM;
				}
				*pairs = grown;
			}
			n += make_pair(r, x, y, factor, &(*pairs)[n]);
		}
	}
	return n;
}

const struct arm_summary *report_clock(const struct report_cell *cell)
{
	return cell->executed ? &cell->clock : &cell->sum;
}

double report_waited(const struct report_cell *cell)
{
	if (!cell->executed || !(cell->clock.level > 0))
		return NAN;
	/* What the thread executed is read around the sample, a few instructions apart from it. */
	return fmax(0, 1 - cell->sum.level / cell->clock.level);
}

static bool is_duration(const struct report_cell *cell)
{
	return !cell->metric || !strcmp(cell->metric->quantity, "duration");
}

bool report_is_time(const struct report *r, const struct report_cell *cell)
{
	return r->data.run.clock == CLOCK_UNIT_NS && is_duration(cell);
}

const char *report_word(const struct report *r, const struct report_cell *cell)
{
	return is_duration(cell) ? clock_unit_name(r->data.run.clock) : cell->metric->quantity;
}

char *report_unit(const struct report *r, const struct report_cell *cell, char *buf, size_t n)
{
	snprintf(buf, n, "%s%s per %s", report_word(r, cell), cell->executed ? " executed" : "",
		 cell->metric ? cell->metric->per : "unit of work");
	return buf;
}

bool report_synthetic(const struct report *r)
{
	json_t *identity = r->data.identity ? json_loads(r->data.identity, 0, NULL) : NULL;
	bool synthetic = json_is_true(json_object_get(identity, "synthetic"));

	json_decref(identity);
	return synthetic;
}

unsigned report_numa_nodes(const struct report *r)
{
	json_t *identity = r->data.identity ? json_loads(r->data.identity, 0, NULL) : NULL;
	json_int_t nodes = json_integer_value(json_object_get(identity, "numa_nodes"));

	json_decref(identity);
	return nodes > 0 ? (unsigned)nodes : 0;
}

char *report_machine(const struct report *r, char *buf, size_t n)
{
	snprintf(buf, n, "%s%s (family %u, model %u, stepping %u), Linux %s, lane %s",
		 report_synthetic(r) ? "SYNTHETIC: " : "", r->data.cpu, r->data.family,
		 r->data.model, r->data.stepping, r->data.run.kernel, lane_name(r->data.run.lane));
	return buf;
}
