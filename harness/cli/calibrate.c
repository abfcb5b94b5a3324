// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/calibrate.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/cli/run_ask.h"
#include "harness/core/units.h"
#include "harness/run/progress.h"
#include "results/analysis/report.h"

#define SETS	  20	       /* as many runs in one */
#define PAIRS	  (SETS / 2)   /* a run of the first half and one of the second */
#define BUDGET_NS 10000000000u /* of one of them */
#define APART_NS  120000000000u
#define ROUNDS	  10

static uint64_t apart_ns = APART_NS;

/* One run, cut into sets of rounds: each is a run of its own. */
struct sets {
	struct dataset *ds[SETS];
	int64_t started[SETS]; /* Unix time in ms */
};

/* What identical arms gave: log ratios, and how many intervals left zero. */
struct noise {
	const char *design;
	double effect[SETS];
	unsigned pairs, different;
	int64_t distance_ms;
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
	unsigned set = inv->round / (unsigned)run_ask.rounds;
	struct sets *s = ctx;

	if (set >= SETS)
		return 0;
	if (!s->started[set])
		s->started[set] = inv->started;
	return dataset_add(s->ds[set], inv->arm_group, inv->round, samples, n, inv->overhead,
			   inv->unit_per_tick);
}

static void add_effect(struct noise *n, const struct effect *e)
{
	if (!isfinite(e->value) || n->pairs == SETS)
		return;
	n->effect[n->pairs++] = e->value;
	n->different += e->lo > 0 || e->hi < 0;
}

static void paired_noise(const struct sets *s, const struct report_pair *p, struct noise *n)
{
	*n = (struct noise){ .design = FLOOR_PAIRED };
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

static int64_t median_distance(const struct sets *s)
{
	double ms[PAIRS];

	for (unsigned i = 0; i < PAIRS; i++)
		ms[i] = (double)(s->started[i + PAIRS] - s->started[i]);
	return (int64_t)stat_median(ms, PAIRS);
}

/* The same arm in a set of the first half and in one of the second: no two effects share a set. */
static void sequential_noise(const struct sets *s, const struct report_pair *p, struct noise *n)
{
	*n = (struct noise){ .design = FLOOR_SEQUENTIAL, .distance_ms = median_distance(s) };
	for (unsigned i = 0; i < PAIRS; i++) {
		size_t na, nb;
		double *a = log_medians(s->ds[i], p->a, &na),
		       *b = log_medians(s->ds[i + PAIRS], p->a, &nb);
		struct effect e;

		if (na >= STAT_MIN_INVOCATIONS && nb >= STAT_MIN_INVOCATIONS &&
		    !stat_welch_effect(a, na, b, nb, REPORT_CONF, &e))
			add_effect(n, &e);
		free(a);
		free(b);
	}
}

static int keep(struct store *store, int64_t boot, const struct report *r,
		const struct report_pair *p, const struct noise *n, json_t *list,
		struct reason *why)
{
	const struct store_cell_row *row = p->a->row;
	struct store_calibration c = { .cell = row->hash,
				       .design = n->design,
				       .taken = unix_ms(),
				       .pairs = n->pairs,
				       .false_positives = n->different,
				       .floor = floor_of_effects(n->effect, n->pairs),
				       .rounds = (unsigned)run_ask.rounds,
				       .blocks = dataset_blocks(r->ds, row->arm_group, row->arm),
				       .distance_ms = n->distance_ms };
	struct interval bounds;
	int ret;

	if (!n->pairs)
		return 0;
	stat_clopper_pearson(n->different, n->pairs, REPORT_CONF, &bounds);
	ret = store_put_calibration(store, boot, &c, why);
	if (ret)
		return ret;
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:i, s:i, s:f, s:f, s:f}", "cell",
				c.cell, "label", *p->label ? p->label : row->benchmark, "design",
				c.design, "rounds", (int)c.rounds, "blocks", (int)c.blocks,
				"distance_ms", (json_int_t)c.distance_ms, "comparisons",
				(int)n->pairs, "called_different", (int)n->different, "lo",
				bounds.lo, "hi", bounds.hi, "floor", c.floor));
	return 0;
}

static void print_list(const json_t *list)
{
	static const char *const columns[] = { "cell",	       "design",       ">rounds x blocks",
					       ">apart",       ">comparisons", ">called different",
					       ">95 % bounds", ">noise floor" };
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t i = 0; t && i < json_array_size(list); i++) {
		const json_t *j = json_array_get(list, i);

		double apart = (double)json_integer_value(json_object_get(j, "distance_ms"));
		char time[32];

		table_row(t);
		table_cell(t, "%s", json_string_value(json_object_get(j, "label")));
		table_cell(t, "%s", json_string_value(json_object_get(j, "design")));
		table_cell(t, "%lld x %lld", json_integer_value(json_object_get(j, "rounds")),
			   json_integer_value(json_object_get(j, "blocks")));
		table_cell(t, "%s",
			   apart > 0 ? duration_format(apart * 1e6, time, sizeof(time)) : "");
		table_cell(t, "%lld", json_integer_value(json_object_get(j, "comparisons")));
		table_cell(t, "%lld", json_integer_value(json_object_get(j, "called_different")));
		table_cell(t, "[%.1f %%, %.1f %%]", 100 * json_real_value(json_object_get(j, "lo")),
			   100 * json_real_value(json_object_get(j, "hi")));
		table_cell(t, "%.2g %%", 100 * json_real_value(json_object_get(j, "floor")));
	}
	printf("Identical arms, in runs of %" PRIu64 " processes each; another comparison of "
	       "identical arms lies within the floor in 95 %% of the cases\n\n",
	       run_ask.rounds);
	if (t)
		table_print(t, stdout);
}

static int judge(struct store *store, const char *uuid, int64_t boot, json_t *list,
		 struct reason *why)
{
	static const struct report_pairing twins = { "twin", "a", "b" };
	struct report_pair *pairs = NULL;
	struct sets sets = { .ds = { NULL } };
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
		struct noise noise;

		paired_noise(&sets, &pairs[i], &noise);
		ret = keep(store, boot, &r, &pairs[i], &noise, list, why);
		if (ret)
			break;
		sequential_noise(&sets, &pairs[i], &noise);
		ret = keep(store, boot, &r, &pairs[i], &noise, list, why);
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
		status = cli_error(cli, EXIT_FAILED, "no two identical arms were measured");
	else if (cli->json)
		return cli_print_json(cli, list);
	else
		status = EXIT_DONE;
	if (!status)
		print_list(list);
	json_decref(list);
	return status;
}

/* ---- the two halves ---- */

static uint64_t first_ns; /* when the first round was done */

static void say_how_long(const struct cli *cli, const struct run_config *c, unsigned rounds_done)
{
	double each = (double)(monotonic_ns() - first_ns), half = each * run_ask.rounds * PAIRS;
	double left = each * (c->rounds - rounds_done);
	char all[32], text[96] = "", apart[32];

	if (rounds_done < run_ask.rounds * PAIRS) {
		double pause = half < (double)apart_ns ? (double)apart_ns - half : 0;

		left += pause;
		snprintf(text, sizeof(text), "; the second half begins %s after the first",
			 duration_format(half + pause, apart, sizeof(apart)));
	}
	if (c->progress)
		fputs("\r\033[K", c->progress);
	cli_error(cli, 0, "about %s on this machine: %u runs of %u rounds in one%s",
		  duration_format(left, all, sizeof(all)), SETS, (unsigned)run_ask.rounds, text);
}

/* Runs that are compared one after the other lie minutes apart, and so do the halves here. */
static void wait_between_halves(const struct run_config *c)
{
	static const struct timespec tick = { .tv_nsec = 200000000 };

	while (!*c->stop && monotonic_ns() - first_ns < apart_ns) {
		char left[32];

		if (c->progress) {
			fprintf(c->progress, "\r\033[Kpausing between the halves, %s left",
				duration_format((double)(apart_ns - (monotonic_ns() - first_ns)),
						left, sizeof(left)));
			fflush(c->progress);
		}
		nanosleep(&tick, NULL);
	}
}

/* Every round before is in the store, so to interrupt the pause loses none. */
static void between(const struct cli *cli, const struct run_config *c, unsigned rounds_done)
{
	static bool said;

	/* The clock was calibrated before the first round: it says less than the second. */
	if (!first_ns)
		first_ns = monotonic_ns();
	else if (!said) {
		said = true;
		say_how_long(cli, c, rounds_done);
	}
	if (rounds_done == run_ask.rounds * PAIRS)
		wait_between_halves(c);
}

void calibrate_hooks(void)
{
	run_ask.between = between;
	run_ask.after = after;
}

int calibrate_take_apart(struct cli *cli, const char *arg)
{
	if (!duration_parse(arg, &apart_ns))
		return 0;
	cli_error(cli, EXIT_USAGE, "--apart '%s': write a time, such as 2m, or 0", arg);
	return -EINVAL;
}

static int check_usage(struct cli *cli)
{
	if (run_ask.rounds && run_ask.rounds < STAT_MIN_INVOCATIONS)
		return cli_error(cli, EXIT_USAGE,
				 "--rounds %" PRIu64 ": a comparison needs %d or more",
				 run_ask.rounds, STAT_MIN_INVOCATIONS);
	if (run_ask.rounds > 100000 / SETS)
		return cli_error(cli, EXIT_USAGE, "--rounds %" PRIu64 ": %d at most",
				 run_ask.rounds, 100000 / SETS);
	for (size_t i = 0; i < run_ask.n_settings; i++)
		if (!strncmp(run_ask.settings[i], "twin=", 5))
			return cli_error(cli, EXIT_USAGE,
					 "--calibrate compares twins by itself; leave "
					 "-p %s out",
					 run_ask.settings[i]);
	return 0;
}

int calibrate_run(struct cli *cli)
{
	int status = check_usage(cli);

	if (status)
		return status;
	if (!run_ask.n_benches)
		run_ask.benches[run_ask.n_benches++] = "reset";
	/* The quirk's off arm executes nothing: its noise is that of a loop, not of a reset. */
	if (!run_ask.n_settings && !strcmp(run_ask.benches[0], "reset"))
		run_ask.settings[run_ask.n_settings++] = "quirk=on";
	run_ask.settings[run_ask.n_settings++] = "twin=a,b";
	run_ask.sets = SETS;
	if (!run_ask.rounds)
		run_ask.rounds = ROUNDS;
	if (!run_ask.budget_ns)
		run_ask.budget_ns = BUDGET_NS;
	/* It shapes the slices; what it cuts off would be missing from the last sets. */
	run_ask.budget_shapes = true;
	run_ask.label = "calibration";
	calibrate_hooks();
	return run_asked(cli);
}

/* ---- for comparisons ---- */

void calibrate_floors(struct store *store, struct comparison *c)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		struct comparison_row *row = &c->rows[i];
		struct store_calibration_row *k = NULL;
		int n = store_calibrations(store, row->a.report->data.host_id,
					   row->a.cell->row->hash, &k, NULL);

		floor_set(c, row, k, n > 0 ? (size_t)n : 0);
		if (n >= 0)
			free(k);
	}
}
