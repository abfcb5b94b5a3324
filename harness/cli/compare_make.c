// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/calibrate.h"
#include "harness/cli/compare.h"
#include "harness/cli/effects.h"
#include "harness/core/nearest.h"
#include "results/analysis/metric.h"

#define MAX_PAIRINGS 64

/* Add the runs that @selector means to the reports. Return: 0 or exit status. */
static int load_side(const struct cli *cli, struct store *store, const char *selector,
		     struct compare *cmp, const struct report **side, size_t *n)
{
	struct store_run_row *rows = NULL;
	struct reason why = { "" };
	int found = store_select(store, selector, &rows, &why), status = 0;

	if (found < 0)
		return cli_error(cli, EXIT_USAGE, "%s", why.text);
	if (cmp->n_a + cmp->n_b + (size_t)found > COMPARE_MAX_RUNS) {
		free(rows);
		return cli_error(cli, EXIT_USAGE, "%s means %d runs; %d at most on both sides",
				 selector, found, COMPARE_MAX_RUNS);
	}
	for (int i = 0; i < found && !status; i++) {
		struct report *r = &cmp->reports[cmp->n_a + cmp->n_b];
		int ret = report_load(store, rows[i].uuid, r, &why);

		if (ret)
			status = cli_fail(cli, ret, &why);
		else
			side[(*n)++] = r;
	}
	free(rows);
	return status;
}

static int unknown_factor(const struct cli *cli, const struct report *r, const char *factor)
{
	struct report_pairing all[MAX_PAIRINGS];
	const char *names[MAX_PAIRINGS];
	size_t n = report_pairings(r, all, MAX_PAIRINGS);

	for (size_t i = 0; i < n; i++)
		names[i] = all[i].factor;
	if (!n)
		return cli_error(
			cli, EXIT_USAGE,
			"no paired factor varies in run %.8s; give one several levels, as in "
			"`tdcost run reset -p quirk=on,off`",
			r->data.run.uuid);
	return cli_error(cli, EXIT_USAGE,
			 "'%s' is no paired factor that varies in run %.8s; did you mean '%s'?",
			 factor, r->data.run.uuid, nearest_name(factor, names, n));
}

/* The pairings of "quirk" (every level against the first) or "page=4K,2M,1G" (those named). */
static size_t parse_by(const struct report *r, const char *by, struct report_pairing *mine)
{
	static char copy[512];
	struct report_pairing all[MAX_PAIRINGS];
	size_t n = 0, count = report_pairings(r, all, MAX_PAIRINGS);
	char *save = NULL, *base, *level, *eq;

	snprintf(copy, sizeof(copy), "%s", by);
	eq = strchr(copy, '=');
	if (!eq) {
		for (size_t i = 0; i < count; i++)
			if (!strcmp(all[i].factor, by))
				mine[n++] = all[i];
		return n;
	}
	*eq = '\0';
	base = strtok_r(eq + 1, ",", &save);
	while (base && n < MAX_PAIRINGS && (level = strtok_r(NULL, ",", &save)))
		mine[n++] = (struct report_pairing){ copy, base, level };
	return n;
}

/* What is compared, once or for each subject of a metric. */
struct asked {
	struct store *store;
	struct compare *cmp;
	const struct report_pairing *pairings; /* NULL: runs */
	size_t n;
};

static int compare_once(void *ctx, struct comparison *out, struct reason *why)
{
	const struct asked *a = ctx;
	const struct compare *cmp = a->cmp;

	if (a->pairings)
		return comparison_by(cmp->a[0], a->pairings, a->n, effect_form_of, cmp->sesoi, out,
				     why);
	return comparison_runs(cmp->a, cmp->n_a, cmp->b, cmp->n_b, cmp->sesoi, out, why);
}

static int compare_rows(struct asked *a, struct reason *why)
{
	struct compare *cmp = a->cmp;

	if (!cmp->metric)
		return compare_once(a, &cmp->c, why);
	return metric_compare(a->store, cmp->reports, cmp->n_a + cmp->n_b, cmp->metric,
			      compare_once, a, &cmp->c, why);
}

static int compare_by(const struct cli *cli, struct store *store, struct compare *cmp)
{
	struct report_pairing mine[MAX_PAIRINGS];
	const struct report *r = cmp->a[0];
	size_t n = parse_by(r, cmp->by, mine);
	struct asked ask = { store, cmp, mine, n };
	struct reason why = { "" };
	int ret;

	if (!n && strchr(cmp->by, '='))
		return cli_error(cli, EXIT_USAGE, "--by %s: write FACTOR or FACTOR=LEVEL,LEVEL",
				 cmp->by);
	if (!n)
		return unknown_factor(cli, r, cmp->by);
	ret = compare_rows(&ask, &why);
	if (ret)
		return cli_error(cli, EXIT_USAGE, "%s", why.text);
	snprintf(cmp->name_a, sizeof(cmp->name_a), "%s=%.30s", mine[0].factor, mine[0].a);
	snprintf(cmp->name_b, sizeof(cmp->name_b), n == 1 ? "%s=%.30s" : "%s", mine[0].factor,
		 mine[0].b);
	return 0;
}

static void name_side(const struct report *const *runs, size_t n, const char *selector, char *buf,
		      size_t size)
{
	const char *label = runs[0]->data.run.label;

	if (n > 1)
		snprintf(buf, size, "%.40s (%zu runs)", selector ? selector : "", n);
	else if (*label)
		snprintf(buf, size, "%.8s \"%.40s\"", runs[0]->data.run.uuid, label);
	else
		snprintf(buf, size, "%.8s", runs[0]->data.run.uuid);
}

static int refused(const struct cli *cli, int err, const struct reason *why)
{
	return cli_error(cli, err == -ENOMEM ? EXIT_FAILED : EXIT_REFUSED, "%s",
			 *why->text ? why->text : "out of memory");
}

/* Clock and executed instructions are never set against each other. */
static int one_level(const struct compare *cmp, struct reason *why)
{
	const struct report *runs[COMPARE_MAX_RUNS];
	size_t n = 0;

	for (size_t i = 0; i < cmp->n_a; i++)
		runs[n++] = cmp->a[i];
	for (size_t i = 0; i < cmp->n_b; i++)
		runs[n++] = cmp->b[i];
	return metric_same_level(runs, n, why);
}

static int compare_sides(const struct cli *cli, struct store *store, struct compare *cmp)
{
	struct asked ask = { store, cmp, NULL, 0 };
	struct reason why = { "" };
	int ret = comparison_allowed(cmp->a, cmp->n_a, cmp->b, cmp->n_b, cmp->across, cmp->n_across,
				     &why);

	if (ret)
		return refused(cli, ret, &why);
	if (!cmp->metric)
		ret = one_level(cmp, &why);
	if (!ret)
		ret = compare_rows(&ask, &why);
	if (ret)
		return cli_error(cli, ret == -ENOMEM ? EXIT_FAILED : EXIT_USAGE, "%s", why.text);
	name_side(cmp->a, cmp->n_a, cmp->select_a, cmp->name_a, sizeof(cmp->name_a));
	name_side(cmp->b, cmp->n_b, cmp->select_b, cmp->name_b, sizeof(cmp->name_b));
	return 0;
}

/* One run or two, each whole: what is said of a shutdown is said of processes, not of boots. */
static int compare_shutdown(const struct cli *cli, struct compare *cmp)
{
	const struct report *runs[SHUTDOWN_MAX_RUNS] = { cmp->a[0], cmp->b[0] };
	struct reason why = { "" };
	int ret = 0;

	if (cmp->n_a > 1 || cmp->n_b > 1)
		return cli_error(cli, EXIT_USAGE,
				 "--shutdown takes one run or two, and '%s' means %zu",
				 cmp->n_a > 1 ? cmp->select_a : cmp->select_b,
				 cmp->n_a > 1 ? cmp->n_a : cmp->n_b);
	if (cmp->n_b)
		ret = comparison_allowed(cmp->a, 1, cmp->b, 1, cmp->across, cmp->n_across, &why);
	if (ret)
		return refused(cli, ret, &why);
	ret = shutdown_make(runs, cmp->n_a + cmp->n_b, cmp->sesoi, &cmp->s, &cmp->c, &why);
	if (ret)
		return cli_error(cli, ret == -ENOMEM ? EXIT_FAILED : EXIT_USAGE, "%s", why.text);
	return 0;
}

int compare_make(const struct cli *cli, struct store *a, struct store *b, struct compare *cmp)
{
	int status;

	cmp->reports = calloc(COMPARE_MAX_RUNS, sizeof(*cmp->reports));
	if (!cmp->reports)
		return cli_error(cli, EXIT_FAILED, "out of memory");
	status = load_side(cli, a, cmp->select_a, cmp, cmp->a, &cmp->n_a);
	if (!status && cmp->by && cmp->n_a > 1)
		return cli_error(cli, EXIT_USAGE, "--by looks into one run, and '%s' means %zu",
				 cmp->select_a, cmp->n_a);
	if (!status && !cmp->by && (!cmp->shutdown || cmp->select_b))
		status = load_side(cli, b, cmp->select_b, cmp, cmp->b, &cmp->n_b);
	if (status)
		return status;
	if (cmp->shutdown)
		status = compare_shutdown(cli, cmp);
	else
		status = cmp->by ? compare_by(cli, a, cmp) : compare_sides(cli, a, cmp);
	if (status)
		return status;
	/* Nobody calibrates tails or metrics. */
	if (cmp->tails)
		status = compare_tails(cli, cmp);
	else if (!cmp->metric)
		calibrate_floors(a, &cmp->c);
	if (status)
		return status;
	floor_withhold(&cmp->c);
	return 0;
}

void compare_free(struct compare *cmp)
{
	comparison_free(&cmp->c);
	shutdown_free(&cmp->s);
	for (size_t i = 0; cmp->reports && i < cmp->n_a + cmp->n_b; i++)
		report_free(&cmp->reports[i]);
	free(cmp->reports);
}
