// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plots of values besides the time, from a store to the picture. The runs are made up, and no
 * picture of them is without the word.
 */
#include "tests/plots/drawing.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plots/feed.h"
#include "tests/plots/fixture.h"
#include "tests/plots/synthetic.h"

enum { QUICK, SHARES, TURN, VICTIMS, POLICIES, REDIRTY, RESET, ONE, ONE_STOP, RUNS };

/* What is made, and the plots for which it holds data. */
static const struct {
	const char *benchmark, *levels;
	unsigned rounds, blocks;
	int fatal;
	const char *fits;
} made[RUNS] = {
	[QUICK] = { "wbinvd", "", 6, 6, -1, "cost, ecdf, rounds, dirty, cpus" },
	[SHARES] = { "wbinvd", "op=wbinvd,sweep dirty=50,100,150 by=local,all", 6, 3, 4,
		     "cost, ecdf, rounds, dirty, cpus" },
	[TURN] = { "wbinvd", "scope=one,package,llc,core,all,turn op=wbinvd,wbnoinvd", 2, 2, -1,
		   "cost, ecdf, rounds, dirty, cpus" },
	[VICTIMS] = { "wbinvd", "op=wbinvd dirty=50 victim=llc,remote set=8M", 7, 4, 1,
		      "cost, ecdf, rounds, victim, cpus" },
	[POLICIES] = { "stop", "", 6, 4, -1, "cost, ecdf, rounds, policy, cpus" },
	[REDIRTY] = { "stop",
		      "policy=early_reboot,early_virt flagged=25,100 dirty=0,100 "
		      "redirty=0,20",
		      6, 2, 2, "cost, ecdf, rounds, dirty, policy, cpus" },
	[RESET] = { "reset", "insn=movdir64b,clzero page=4K,2M", 6, 4, -1,
		    "cost, ecdf, saving, rounds" },
	[ONE] = { "wbinvd", "scope=one op=wbinvd dirty=50 victim=core set=8M", 1, 1, -1,
		  "cost, ecdf, rounds, victim, cpus" },
	[ONE_STOP] = { "stop", "policy=early_virt", 1, 1, 0, "cost, ecdf, rounds, policy, cpus" },
};

struct world {
	char dir[64];
	struct report run[RUNS];
};

static int make_runs(struct world *w, struct store *s, struct reason *why)
{
	for (unsigned i = 0; i < RUNS; i++) {
		char uuid[40], label[8];
		struct synthetic ask = { .benchmark = made[i].benchmark,
					 .levels = made[i].levels,
					 .uuid = uuid,
					 .label = label,
					 .rounds = made[i].rounds,
					 .blocks = made[i].blocks,
					 .fatal = made[i].fatal };
		int ret;

		snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-000000000000", 0xa0 + i);
		snprintf(label, sizeof(label), "run%u", i);
		ret = synthetic_run(s, &ask, why);
		if (!ret)
			ret = report_load(s, uuid, &w->run[i], why);
		if (ret)
			return ret;
	}
	return 0;
}

static int world_start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct reason why = { "" };
	struct store *s = NULL;
	char path[80];
	int ret;

	strcpy(w->dir, "/tmp/tdcost-test-synthetic-XXXXXX");
	*state = w;
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(path, sizeof(path), "%s/made-up.db", w->dir);
	ret = store_open(&s, path, STORE_CREATE, &why);
	if (!ret)
		ret = make_runs(w, s, &why);
	store_close(s);
	if (ret)
		print_error("%s\n", why.text);
	return ret;
}

static int world_end(void **state)
{
	struct world *w = *state;
	char command[128];

	for (unsigned i = 0; i < RUNS; i++)
		report_free(&w->run[i]);
	snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static const struct report_cell *cell_with(const struct report *r, const char *label)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (!strcmp(r->cells[i].label, label))
			return &r->cells[i];
	fail_msg("no cell %s", label);
	return NULL;
}

static double level_of(const struct report *r, const char *label, const char *metric)
{
	const struct report_value *v = report_value_of(r, cell_with(r, label), metric);

	assert_non_null(v);
	return v->level;
}

/* The numbers of the data file's line that holds @part; as many as @n, from its start. */
static void numbers_of(const char *text, const char *part, double *out, size_t n)
{
	const char *p = strstr(text, part);

	if (!p)
		fail_msg("\"%s\" is not in:\n%s", part, text);
	while (p > text && p[-1] != '\n')
		p--;
	for (size_t i = 0; i < n; i++) {
		char *end;

		out[i] = strtod(p, &end);
		assert_true(end != p);
		p = end + 1;
	}
}

static void assert_near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-6 * fabs(want)))
		fail_msg("%.9g is not %.9g", got, want);
}

/* ---- the word ---- */

/* The first line of both captions, which is the picture's title. */
static void assert_titles(const char *text, bool synthetic)
{
	const char *narrow = strstr(text, "0\t0\t\""), *wide = strstr(text, "\n1\t0\t\"");

	assert_ptr_equal(narrow, text);
	assert_non_null(wide);
	assert_int_equal(!strncmp(narrow + 5, "SYNTHETIC: ", 11), synthetic);
	assert_int_equal(!strncmp(wide + 6, "SYNTHETIC: ", 11), synthetic);
}

static void test_no_title_without_it(void **state)
{
	struct world *w = *state;
	unsigned titles = 0;

	for (unsigned i = 0; i < RUNS; i++) {
		const struct report *r = &w->run[i];

		for (const struct plot_info *p = plot_list; p->name; p++) {
			char *text;

			if (!strstr(made[i].fits, p->name))
				continue;
			text = drawing_feed(p->name, &r, 1);
			assert_titles(text, true);
			assert_holds(text, "\"SYNTHETIC: Invented CPU");
			assert_holds(text, "; made up\"");
			assert_lacks(text, "; measured");
			titles++;
			free(text);
		}
	}
	assert_true(titles > RUNS * 4);
}

/* One made-up run makes a made-up picture, whichever comes first; measured ones do not. */
static void test_one_of_two_is_enough(void **state)
{
	struct world *w = *state;
	const struct report *runs[2];
	struct fixture f;

	fixture_start(&f, "abcdef01-0000-4000-8000-000000000000", "measured");
	fixture_reset(&f, 1);
	fixture_measure(&f, 6, 3);
	for (const struct plot_info *p = plot_list; p->name; p++) {
		char *text;

		if (!strstr(made[RESET].fits, p->name))
			continue;
		runs[0] = &f.r;
		runs[1] = &w->run[RESET];
		text = drawing_feed(p->name, runs, 2);
		assert_titles(text, true);
		free(text);
		text = drawing_feed(p->name, runs, 1);
		assert_titles(text, false);
		assert_lacks(text, "SYNTHETIC");
		free(text);
	}
	fixture_end(&f);
}

static void test_the_file_is_called_so(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[POLICIES];
	struct reason why = { "" };
	char path[256], want[256];

	snprintf(want, sizeof(want), "%s/synthetic-stop-policy-000000a4.svg", w->dir);
	assert_int_equal(plot_draw(plot_find("policy"), &r, 1, PLOT_SVG, w->dir, NULL, path,
				   sizeof(path), &why),
			 0);
	assert_string_equal(path, want);
}

/* ---- what is drawn ---- */

/* ns are told in ms; the two panels share an axis; curves are as the levels came. */
static void test_dirty_rows(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[SHARES];
	const struct report_cell *c = cell_with(r, "by=local dirty=100 op=wbinvd scope=package");
	char *text = drawing_feed("dirty", &r, 1), line[160];

	assert_holds(text, "\"SYNTHETIC: wbinvd: time against the dirty share\"");
	assert_holds(text, "\"by=local\"\t\"dirty before, % of the LLC\"\t\"ms per request\"\t"
			   "\"op     scope\"");
	assert_holds(text, "\n0\t1\t\"wbinvd one     (measured) (!)\"\n"
			   "0\t2\t\"wbinvd package (measured)\"\n"
			   "0\t3\t\"wbinvd all     (measured)\"\n"
			   "0\t4\t\"sweep  one     (analogue)\"\n");
	snprintf(line, sizeof(line), "\t100\t%.9g\t%.9g\t%.9g\t0\n", c->sum.level / 1e6,
		 c->sum.interval.lo / 1e6, c->sum.interval.hi / 1e6);
	assert_holds(text, line);
	free(text);
}

/* The flag is drawn at its point, and its curve is called untrustworthy. */
static void test_dirty_tells_trust(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[SHARES];
	const struct report_cell *bad = NULL;
	char *text = drawing_feed("dirty", &r, 1), line[80];
	size_t marked = 0;

	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].fatal)
			bad = &r->cells[i];
	assert_non_null(bad);
	snprintf(line, sizeof(line), "\t%s\t%.9g\t%.9g\t%.9g\t1\n", report_level(bad, "dirty"),
		 bad->sum.level / 1e6, bad->sum.interval.lo / 1e6, bad->sum.interval.hi / 1e6);
	assert_holds(text, line);
	for (const char *p = text; (p = strstr(p, "(!)\"\n")); p++)
		marked++;
	assert_int_equal(marked, 1);
	assert_holds(text, "(!) UNTRUSTWORTHY");
	free(text);
}

/* Twelve curves are two panels of six; where most lie far below the highest the axis is a log. */
static void test_dirty_scales(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[TURN];
	char *text = drawing_feed("dirty", &r, 1);
	double turn[9], quick[9];

	numbers_of(text, "\"part 1 of 2\"", turn, 9);
	assert_int_equal(turn[2], 6);
	assert_int_equal(turn[8], 1);
	numbers_of(text, "\"part 2 of 2\"", quick, 9);
	assert_memory_equal(&turn[6], &quick[6], 3 * sizeof(double));
	free(text);
	r = &w->run[QUICK];
	text = drawing_feed("dirty", &r, 1);
	numbers_of(text, "\"dirty before", quick, 9);
	assert_true(quick[6] == 0 && quick[8] == 0);
	free(text);
}

/* What a policy does early is in the total that is drawn. */
static void test_dirty_of_a_stop_is_its_total(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[REDIRTY];
	char *text = drawing_feed("dirty", &r, 1), line[80];

	assert_holds(text, "\"total, ms per stop\"");
	snprintf(line, sizeof(line), "\t0\t%.9g\t",
		 level_of(r, "dirty=0 flagged=25 policy=early_virt redirty=0", "total") / 1e6);
	assert_holds(text, line);
	free(text);
}

static void test_cpus(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[POLICIES];
	const struct report_value *v = report_value_of(r, cell_with(r, "policy=percpu"), "tail");
	char *text = drawing_feed("cpus", &r, 1), line[120];
	double panel[10];

	/* 63 CPUs are stopped in each of 24 stops. */
	assert_int_equal(v->n, 63 * 24);
	assert_holds(text, "n = 6 invocations x 252 values");
	numbers_of(text,
		   "\"stop: tail per CPU, from the request until its bit is clear, log scale\"",
		   panel, 10);
	assert_int_equal(panel[2], 7);
	assert_true(panel[4] > 1e9 && panel[5] == 2);
	assert_near(panel[9], 1e9);
	snprintf(line, sizeof(line), "\n%.9g\t0\n", v->sorted[0]);
	assert_holds(text, line);
	snprintf(line, sizeof(line), "\t1\n\n\n");
	assert_holds(text, line);
	/* n, p50, p99.9, max, above 1 s. */
	assert_holds(text, "\"none              1512 2.");
	assert_lacks(text, "flush");
	free(text);
}

/* Of fewer than a thousand values no thousandth is known. */
static void test_cpus_of_few_values(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[ONE];
	char *text = drawing_feed("cpus", &r, 1);

	assert_holds(text, "n = 1 invocation x 1 value;");
	assert_holds(text, "\"wbinvd           1 3.");
	assert_holds(text, "       - 3.");
	free(text);
}

/* Executed instructions are not held against a second. */
static void test_cpus_of_counts(void **state)
{
	struct world *w = *state;
	struct report copy = w->run[POLICIES];
	const struct report *r = &copy;
	char *text;
	double panel[10];

	copy.data.run.clock = CLOCK_UNIT_INSN;
	text = drawing_feed("cpus", &r, 1);
	numbers_of(text, "\"stop: tail in instructions per CPU, log scale\"", panel, 10);
	assert_int_equal(panel[5], 1);
	assert_int_equal(panel[9], 0);
	assert_lacks(text, "1 s");
	free(text);
}

/* The stop first, then what is behind it and before it; the point is the total's own level. */
static void test_policy_parts(void **state)
{
	static const struct {
		const char *policy, *shown;
		bool own, early;
	} rows[] = {
		{ "sme_supported", "sme_supported 100     50", false, false },
		{ "sme_active", "sme_active    100     50", true, false },
		{ "percpu", "percpu        100     50", true, false },
		{ "early_reboot", "early_reboot  100     50", false, true },
		{ "none", "none          100     50", false, false },
	};
	struct world *w = *state;
	const struct report *r = &w->run[POLICIES];
	char *text = drawing_feed("policy", &r, 1);

	assert_holds(text, "\"time [ms per stop]\"");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char label[48], part[64];
		double n[17], own = 0, early = 0, empty;
		const char *ends;

		snprintf(label, sizeof(label), "policy=%s", rows[i].policy);
		snprintf(part, sizeof(part), "\"%s\"", rows[i].shown);
		numbers_of(text, part, n, 8);
		empty = level_of(r, label, "empty");
		own = rows[i].own ? level_of(r, label, "own") : 0;
		early = rows[i].early ? level_of(r, label, "early") : 0;
		assert_near(n[3], level_of(r, label, "total") / 1e6);
		/* Low, high and ends of the parts stand behind the width of the name. */
		ends = strchr(strstr(text, part), '\n');
		for (int tabs = 0; tabs < 3; ends--)
			tabs += ends[-1] == '\t';
		assert_int_equal(sscanf(ends + 1, "%lf\t%lf\t%lf", &n[0], &n[1], &n[2]), 3);
		assert_near(n[0], empty / 1e6);
		assert_near(n[1], (empty + own) / 1e6);
		assert_near(n[2], (empty + own + early) / 1e6);
	}
	assert_holds(text, "      -");
	assert_holds(text, "0/24 <39 %\"");
	free(text);
}

static void test_policy_of_one_stop(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[ONE_STOP];
	char *text = drawing_feed("policy", &r, 1);

	assert_holds(text, "\"early_virt 100     50    (!)\"");
	assert_holds(text, "n = 1 ");
	assert_holds(text, "0/1 <95 %\"");
	free(text);
}

static void test_victim_sections(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->run[VICTIMS];
	char *text = drawing_feed("victim", &r, 1);
	double n[6];

	assert_holds(text, "\t\"slowdown while the flush lasts [%]\"\n");
	assert_holds(text, "\t\"longest gap [us per request]\"\n");
	assert_holds(text, "\t\"from the flush until it is warm again [us per request]\"\n");
	assert_holds(text, "\"victim=llc\"");
	assert_holds(text, "\"victim=remote\"");
	/* The second arm of the first group has a fatal flag; it is so in all three sections. */
	numbers_of(text, "\"wbinvd package 50    (!)\"", n, 6);
	assert_near(n[3], level_of(r, "scope=package victim=llc", "victim-slowdown-percent"));
	assert_holds(text, "\n2\t");
	assert_holds(text, "\"in all: by=local set=8M\"\n");
	free(text);
}

/* ---- the pictures ---- */

static void test_pictures(void **state)
{
	struct world *w = *state;
	const struct report *two[] = { &w->run[QUICK], &w->run[SHARES] };
	const struct report *both[] = { &w->run[POLICIES], &w->run[VICTIMS] };

	for (unsigned i = 0; i < RUNS; i++) {
		const struct report *r = &w->run[i];

		drawing_check(&r, 1, w->dir, made[i].fits, i == VICTIMS || i == POLICIES);
	}
	drawing_check(two, 2, w->dir, "cost, ecdf, rounds, dirty, cpus", true);
	drawing_check(both, 2, w->dir, "cost, ecdf, rounds, policy, victim, cpus", false);
}

static void test_nothing_to_draw(void **state)
{
	static const struct {
		const char *plot;
		unsigned run;
		const char *said;
	} cases[] = {
		{ "dirty", POLICIES, "try `tdcost run wbinvd -p dirty=0,50,100`" },
		{ "dirty", RESET, "several shares of dirty lines" },
		{ "cpus", RESET, "`tdcost run wbinvd` and `tdcost run stop`" },
		{ "policy", QUICK, "no cell holds a stop; try `tdcost run stop`" },
		{ "victim", QUICK,
		  "no cell holds a victim; try `tdcost run wbinvd -p victim=llc`" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct report *r = &w->run[cases[i].run];
		struct reason why = { "" };

		assert_int_equal(plot_find(cases[i].plot)->feed(stderr, &r, 1, &why), -ENODATA);
		assert_holds(why.text, cases[i].said);
		assert_null(strchr(why.text, '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_title_without_it),
		cmocka_unit_test(test_one_of_two_is_enough),
		cmocka_unit_test(test_the_file_is_called_so),
		cmocka_unit_test(test_dirty_rows),
		cmocka_unit_test(test_dirty_tells_trust),
		cmocka_unit_test(test_dirty_scales),
		cmocka_unit_test(test_dirty_of_a_stop_is_its_total),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_cpus_of_few_values),
		cmocka_unit_test(test_cpus_of_counts),
		cmocka_unit_test(test_policy_parts),
		cmocka_unit_test(test_policy_of_one_stop),
		cmocka_unit_test(test_victim_sections),
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_nothing_to_draw),
	};

	return cmocka_run_group_tests(tests, world_start, world_end);
}
