// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/cli/run_ask.h"
#include "results/analysis/report.h"

#define SETS	   20 /* comparisons of identical arms for each cell and design */
#define SET_ROUNDS 10 /* invocations in each: what `run` takes by default */

/* One run, cut into sets of rounds: each is a comparison of its own. */
struct sets {
	struct dataset *ds[SETS];
};

/* What identical arms gave: effects as shares, and how many intervals left zero. */
struct noise {
	double effect[SETS];
	unsigned pairs, different;
};

static int64_t unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int take(void *ctx, const struct store_invocation_row *inv, const struct sample *samples,
		size_t n)
{
	struct sets *s = ctx;
	unsigned set = inv->round / SET_ROUNDS;

	if (set >= SETS)
		return 0;
	return dataset_add(s->ds[set], inv->arm_group, inv->round, samples, n, inv->overhead,
			   inv->unit_per_tick);
}

static void add_effect(struct noise *n, const struct effect *e)
{
	if (!isfinite(e->value) || n->pairs == SETS)
		return;
	n->effect[n->pairs++] = fabs(e->value);
	n->different += e->lo > 0 || e->hi < 0;
}

static void paired_noise(const struct sets *s, const struct report_pair *p, struct noise *n)
{
	for (unsigned i = 0; i < SETS; i++) {
		struct pair_summary sum;

		if (!dataset_pair(s->ds[i], p->a->row->arm_group, p->a->row->arm, p->b->row->arm,
				  REPORT_CONF, &sum) &&
		    sum.ratio_valid && sum.ratio.n >= STAT_MIN_INVOCATIONS)
			add_effect(n, &sum.ratio);
	}
}

static double *log_medians(const struct dataset *ds, const struct report_cell *c, size_t *n)
{
	double *v;
	long count = dataset_medians(ds, c->row->arm_group, c->row->arm, &v);

	*n = count > 0 ? (size_t)count : 0;
	for (size_t i = 0; i < *n; i++)
		v[i] = v[i] > 0 ? log(v[i]) : NAN;
	return count > 0 ? v : NULL;
}

/* The same arm in one set of rounds and in the next: two runs made one after the other. */
static void unpaired_noise(const struct sets *s, const struct report_pair *p, struct noise *n)
{
	for (unsigned i = 0; i + 1 < SETS; i++) {
		size_t na, nb;
		double *a = log_medians(s->ds[i], p->a, &na),
		       *b = log_medians(s->ds[i + 1], p->a, &nb);
		struct effect e;

		if (na >= STAT_MIN_INVOCATIONS && nb >= STAT_MIN_INVOCATIONS &&
		    !stat_welch_effect(a, na, b, nb, REPORT_CONF, &e))
			add_effect(n, &e);
		free(a);
		free(b);
	}
}

/* The floor: what 95 % of the comparisons of identical arms stayed within. */
static double floor_of(struct noise *n)
{
	const double q = 0.95;
	double floor;

	stat_quantiles_inplace(n->effect, n->pairs, &q, 1, &floor);
	return expm1(floor);
}

static int keep(struct store *store, int64_t boot, const struct report_pair *p, const char *design,
		struct noise *n, json_t *list, struct reason *why)
{
	struct store_calibration c = { .cell = p->a->row->hash,
				       .design = design,
				       .taken = unix_ms(),
				       .pairs = n->pairs,
				       .false_positives = n->different };
	struct interval bounds;
	int ret;

	if (!n->pairs)
		return 0;
	c.floor = floor_of(n);
	stat_clopper_pearson(n->different, n->pairs, REPORT_CONF, &bounds);
	ret = store_put_calibration(store, boot, &c, why);
	if (ret)
		return ret;
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:f}", "cell", c.cell, "label",
				*p->label ? p->label : p->a->row->benchmark, "design", design,
				"comparisons", (int)n->pairs, "called_different", (int)n->different,
				"lo", bounds.lo, "hi", bounds.hi, "floor", c.floor));
	return 0;
}

static void print_list(const json_t *list)
{
	static const char *const columns[] = { "cell",	       "design",
					       ">comparisons", ">called different",
					       ">95 % bounds", ">noise floor" };
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t i = 0; t && i < json_array_size(list); i++) {
		const json_t *j = json_array_get(list, i);

		table_row(t);
		table_cell(t, "%s", json_string_value(json_object_get(j, "label")));
		table_cell(t, "%s", json_string_value(json_object_get(j, "design")));
		table_cell(t, "%lld", json_integer_value(json_object_get(j, "comparisons")));
		table_cell(t, "%lld", json_integer_value(json_object_get(j, "called_different")));
		table_cell(t, "[%.1f %%, %.1f %%]", 100 * json_real_value(json_object_get(j, "lo")),
			   100 * json_real_value(json_object_get(j, "hi")));
		table_cell(t, "%.2g %%", 100 * json_real_value(json_object_get(j, "floor")));
	}
	printf("Identical arms, %d processes in each comparison; the floor is what 95 %% of the "
	       "comparisons stayed within\n\n",
	       SET_ROUNDS);
	if (t)
		table_print(t, stdout);
}

static int judge(struct store *store, const char *uuid, int64_t boot, json_t *list,
		 struct reason *why)
{
	static const struct report_pairing twins = { "twin", "a", "b" };
	struct report_pair *pairs = NULL;
	struct sets sets = { { NULL } };
	struct report r;
	int ret = report_load(store, uuid, &r, why);
	long n;

	if (ret)
		return ret;
	n = report_pairs(&r, twins.factor, twins.a, twins.b, &pairs);
	for (unsigned i = 0; i < SETS && !ret; i++)
		ret = (sets.ds[i] = dataset_new()) ? 0 : reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		ret = store_each_invocation(store, uuid, false, take, &sets, why);
	for (long i = 0; i < n && !ret; i++) {
		struct noise paired = { .pairs = 0 }, unpaired = { .pairs = 0 };

		paired_noise(&sets, &pairs[i], &paired);
		unpaired_noise(&sets, &pairs[i], &unpaired);
		ret = keep(store, boot, &pairs[i], DESIGN_PAIRED, &paired, list, why);
		if (!ret)
			ret = keep(store, boot, &pairs[i], DESIGN_UNPAIRED, &unpaired, list, why);
	}
	for (unsigned i = 0; i < SETS; i++)
		dataset_free(sets.ds[i]);
	free(pairs);
	report_free(&r);
	return ret;
}

static int after(const struct cli *cli, struct store *store, const char *uuid, int64_t boot)
{
	json_t *list = json_array();
	struct reason why = { "" };
	int status, ret = judge(store, uuid, boot, list, &why);

	if (ret)
		status = cli_fail(cli, ret, &why);
	else if (!json_array_size(list))
		status = cli_error(cli, EXIT_FAILED,
				   "too few rounds for a comparison; give it a longer --budget");
	else if (cli->json)
		return cli_print_json(cli, list);
	else
		status = EXIT_DONE;
	if (!status)
		print_list(list);
	json_decref(list);
	return status;
}

int calibrate_run(struct cli *cli)
{
	if (!run_ask.n_benches)
		run_ask.benches[run_ask.n_benches++] = "reset";
	/* The quirk's off arm executes nothing: its noise is that of a loop, not of a reset. */
	if (!run_ask.n_settings && !strcmp(run_ask.benches[0], "reset"))
		run_ask.settings[run_ask.n_settings++] = "quirk=on";
	for (size_t i = 0; i < run_ask.n_settings; i++)
		if (!strncmp(run_ask.settings[i], "twin=", 5))
			return cli_error(cli, EXIT_USAGE,
					 "--calibrate compares twins by itself; leave "
					 "-p %s out",
					 run_ask.settings[i]);
	run_ask.settings[run_ask.n_settings++] = "twin=a,b";
	run_ask.rounds = SETS * SET_ROUNDS;
	if (!run_ask.budget_ns)
		run_ask.budget_ns = 120000000000ull;
	/* It shapes the slices; what it cuts off would be missing from the last sets. */
	run_ask.budget_shapes = true;
	run_ask.label = "calibration";
	run_ask.after = after;
	return run_asked(cli);
}

static void set_floor(struct store *store, struct comparison *c, struct comparison_row *row)
{
	const char *design = c->paired ? DESIGN_PAIRED : DESIGN_UNPAIRED;
	struct store_calibration_row *rows;
	int n = store_calibrations(store, row->a.report->data.host_id, row->a.cell->row->hash,
				   &rows, NULL);

	/* Newest first. */
	for (int i = n - 1; i >= 0; i--)
		if (!strcmp(rows[i].design, design))
			row->floor = rows[i].floor;
	if (n >= 0)
		free(rows);
}

void calibrate_floors(struct store *store, struct comparison *c)
{
	for (size_t i = 0; i < c->n_rows; i++)
		set_floor(store, c, &c->rows[i]);
}
