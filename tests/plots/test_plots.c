// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plots/feed.h"
#include "plots/gnuplot.h"
#include "plots/plots.h"
#include "plots/unit.h"
#include "tests/plots/drawing.h"
#include "tests/plots/fixture.h"

#define HOSTILE "a'b\"c\\`d{e}_f@g$(touch hostile)%d\\n<&"

struct world {
	char dir[64];
	struct fixture quick, hostile, one, null;
};

static int world_start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/tdcost-test-plots-XXXXXX");
	*state = w;
	if (!mkdtemp(w->dir))
		return -1;
	fixture_start(&w->quick, "1a2b3c4d-0000-4000-8000-000000000000", "");
	fixture_reset(&w->quick, 1);
	fixture_measure(&w->quick, 10, 16);
	fixture_start(&w->hostile, "5e6f7a8b-0000-4000-8000-000000000000", HOSTILE);
	fixture_reset(&w->hostile, 0.9);
	fixture_measure(&w->hostile, 10, 16);
	w->hostile.r.cells[0].fatal = true;
	fixture_start(&w->one, "99999999-0000-4000-8000-000000000000", "one");
	fixture_cell(&w->one, "reset", 0, 0, "insn=movdir64b page=4K quirk=on", KIND_MEASURED, 120,
		     0.02);
	fixture_measure(&w->one, 1, 1);
	fixture_start(&w->null, "77777777-0000-4000-8000-000000000000", "");
	w->null.r.data.run.clock = CLOCK_UNIT_INSN;
	fixture_cell(&w->null, "null", 0, 0, "ops=1000", KIND_MEASURED, 3, 0);
	fixture_cell(&w->null, "null", 0, 1, "ops=2000", KIND_MEASURED, 3, 0);
	fixture_measure(&w->null, 8, 4);
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;
	char command[128];

	fixture_end(&w->quick);
	fixture_end(&w->hostile);
	fixture_end(&w->one);
	fixture_end(&w->null);
	snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void test_words(void **state)
{
	(void)state;
	for (int i = 0; i < PLOT_FORMAT_MAX; i++)
		assert_int_equal(plot_format_parse(plot_format_name((enum plot_format)i)), i);
	assert_int_equal(plot_format_parse("jpeg"), -1);
	assert_null(plot_find("pie"));
	for (const struct plot_info *p = plot_list; p->name; p++) {
		assert_ptr_equal(plot_find(p->name), p);
		assert_true(strlen(p->summary) > 10);
	}
}

static void test_text_is_escaped(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	feed_text(f, "a\"b\\c\td\ne");
	fclose(f);
	assert_string_equal(text, "\"a\"\"b\\\\c d e\"");
	free(text);
	assert_int_equal(feed_width("\xc3\xa9t\xc3\xa9"), 3);
}

static void test_nice_ceiling(void **state)
{
	(void)state;
	assert_float_equal(feed_nice_ceiling(0.02), 0.02, 1e-7);
	assert_float_equal(feed_nice_ceiling(0.021), 0.03, 1e-7);
	assert_float_equal(feed_nice_ceiling(0.6), 1, 1e-5);
}

static void test_units(void **state)
{
	static const struct {
		double v;
		enum clock_unit clock;
		const char *want;
	} cases[] = {
		{ 0, CLOCK_UNIT_NS, "0.00 ns" },      { 999.4, CLOCK_UNIT_NS, "999 ns" },
		{ 999.6, CLOCK_UNIT_NS, "1.00 us" },  { 12345, CLOCK_UNIT_NS, "12.3 us" },
		{ 999.6e6, CLOCK_UNIT_NS, "1.00 s" }, { 2e12, CLOCK_UNIT_NS, "2000 s" },
		{ -2500, CLOCK_UNIT_NS, "-2.50 us" }, { 12345.4, CLOCK_UNIT_INSN, "12345" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(unit_number(cases[i].v, cases[i].clock, buf, sizeof(buf)),
				    cases[i].want);
	/* In the unit of the value beside it, with as many digits. */
	unit_interval(999e3, 998e3, 1001e3, CLOCK_UNIT_NS, buf, sizeof(buf));
	assert_string_equal(buf, "[998, 1001]");
	unit_interval(7, 6, 8, CLOCK_UNIT_INSN, buf, sizeof(buf));
	assert_string_equal(buf, "[6, 8]");
	unit_interval(1, NAN, NAN, CLOCK_UNIT_NS, buf, sizeof(buf));
	assert_string_equal(buf, "n = 1");
}

/* Times of six digits are told in a larger unit, and the axis says so; counts never are. */
static void test_long_times(void **state)
{
	struct world *w = *state;
	const struct report *runs[] = { &w->null.r };
	const struct report *r;
	struct fixture f;
	char *text;

	fixture_start(&f, "abcdef01-0000-4000-8000-000000000000", "");
	fixture_cell(&f, "null", 0, 0, "ops=1000", KIND_MEASURED, 250e3, 0);
	fixture_measure(&f, 6, 1);
	r = &f.r;
	text = drawing_feed("cost", &r, 1);
	assert_holds(text, "\"null: cost in us per multiplication\"");
	assert_holds(text, "\"cost [us per multiplication]\"");
	free(text);
	fixture_end(&f);
	text = drawing_feed("cost", runs, 1);
	assert_holds(text, "cost [instructions per multiplication]");
	free(text);
}

/* Equal samples make rows whose every number is known. */
static void exact(struct fixture *f)
{
	struct sample s[] = {
		{ 0, 0, 0, 0, 100000, 1 },
		{ 1, 1, 0, 0, 200000, 1 },
		{ 2, 2, 0, 0, 1000, 1 },
	};

	fixture_start(f, "abcdef01-0000-4000-8000-000000000000", "");
	fixture_cell(f, "reset", 0, 0, "insn=movdir64b quirk=on", KIND_MEASURED, 0, 0);
	fixture_cell(f, "reset", 0, 1, "insn=clzero quirk=on", KIND_ANALOGUE, 0, 0);
	fixture_cell(f, "reset", 0, 2, "insn=clzero quirk=off", KIND_MEASURED, 0, 0);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(dataset_add(f->r.ds, 0, i, s, 3, 0, 0.001), 0);
	for (size_t i = 0; i < 3; i++) {
		struct report_cell *c = &f->r.cells[i];

		assert_int_equal(dataset_arm(f->r.ds, 0, (unsigned)i, 0.95, &c->sum), 0);
		c->has_data = true;
		c->gb_s = 4096 / c->sum.level;
	}
}

static void test_cost_rows(void **state)
{
	const struct report *r;
	struct fixture f;
	char *text;

	(void)state;
	exact(&f);
	r = &f.r;
	text = drawing_feed("cost", &r, 1);
	assert_holds(text, "0\t0\t\"reset: cost in ns per 4 KiB page\"\n");
	assert_holds(text,
		     "run abcdef01: n = 7 invocations x 1 sample; mixed: each row says its kind");
	assert_holds(text, "\"in all: quirk=on\"");
	assert_holds(text, "\n0\t2\t3\tNaN\tNaN\tNaN\t100\t0\t"
			   "\"fastest stores 41.0 GB/s: movdir64b (measured)\"\t\"\"\t\"\"\t46\n");
	assert_holds(text, "\n0\t3\t0\t100\t100\t100\t100\t0\t\"movdir64b (measured)\"\t"
			   "\"100.0\"\t\"100.0 [100.0, 100.0]   41.0\"\t20\n");
	assert_holds(text, "\n0\t4\t0\t200\t200\t200\t100\t0\t\"clzero    (analogue)\"\t"
			   "\"200.0\"\t\"200.0 [200.0, 200.0]   20.5\"\t20\n");
	assert_lacks(text, "off");
	free(text);
	fixture_end(&f);
}

static void test_saving_rows(void **state)
{
	const struct report *r;
	struct fixture f;
	char *text;

	(void)state;
	exact(&f);
	r = &f.r;
	text = drawing_feed("saving", &r, 1);
	assert_holds(text, "run abcdef01: n = 7 invocations x 1 sample; analogue\"");
	assert_holds(text, "\n0\t2\t0\t199\t199\t199\tNaN\t0\t\"clzero\"\t\"199.0\"\t"
			   "\"199.0 [199.0, 199.0]\"\t6\n");
	free(text);
	fixture_end(&f);
}

static void test_rounds_rows(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->null.r;
	char *text = drawing_feed("rounds", &r, 1);

	assert_holds(text, "\"null: each invocation's median, round by round\"");
	assert_holds(text, "up is more");
	assert_holds(text, "\n1\t2\t\"ops\"\t\"spread\"\n2\t0\t\"1000\"\t");
	free(text);
}

/* The strips lie around the median whatever unit the picture is in: no point is beyond its strip. */
static void rounds_drawn_in_us_deviates_by_percents(void **state)
{
	static const uint32_t us[] = { 975, 990, 995, 1000, 1005, 1010, 1025 };
	const struct report *r;
	struct fixture f;
	char *text;

	(void)state;
	fixture_start(&f, "abcdef01-0000-4000-8000-000000000000", "");
	fixture_cell(&f, "null", 0, 0, "ops=1000", KIND_MEASURED, 0, 0);
	for (unsigned i = 0; i < 7; i++) {
		struct sample s = { .ticks = us[i] * 1000, .work = 1 };

		assert_int_equal(dataset_add(f.r.ds, 0, i, &s, 1, 0, 1), 0);
	}
	assert_int_equal(dataset_arm(f.r.ds, 0, 0, 0.95, &f.r.cells[0].sum), 0);
	f.r.cells[0].has_data = true;
	r = &f.r;
	text = drawing_feed("cost", &r, 1);
	assert_holds(text, "null: cost in us per multiplication");
	free(text);
	text = drawing_feed("rounds", &r, 1);
	assert_holds(text, "\"-2.5 +2.5 %\"");
	assert_holds(text, "\n1\t2.35\t2\t-0.025\t0\n");
	assert_holds(text, "\n7\t1.65\t2\t0.025\t0\n");
	free(text);
	fixture_end(&f);
}

/* A million samples become about a thousand steps, and the extremes are among them. */
static void test_ecdf_is_thinned(void **state)
{
	enum { N = 1000000 };
	struct sample *s = calloc(N, sizeof(*s));
	const struct report *r;
	struct fixture f;
	size_t lines = 0;
	char *text;

	(void)state;
	fixture_start(&f, "abcdef01-0000-4000-8000-000000000000", "");
	fixture_cell(&f, "reset", 0, 0, "insn=clzero", KIND_MEASURED, 0, 0);
	for (uint32_t i = 0; i < N; i++)
		s[i] = (struct sample){ i, 0, (int32_t)i, 0, 1000000 + i, 1 };
	s[17].ticks = 7;
	s[18].ticks = 99000000;
	assert_int_equal(dataset_add(f.r.ds, 0, 0, s, N, 0, 1), 0);
	assert_int_equal(dataset_arm(f.r.ds, 0, 0, 0.95, &f.r.cells[0].sum), 0);
	f.r.cells[0].has_data = true;
	r = &f.r;
	text = drawing_feed("ecdf", &r, 1);
	/* The median is 1.5 ms, so they are told in us. */
	assert_holds(text, "\n0.007\t0\n0.007\t1e-06\n");
	assert_holds(text, "\n99000\t1\n");
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_in_range(lines, 2000, 2300);
	free(text);
	free(s);
	fixture_end(&f);
}

static void test_ecdf_panels_hold_eight(void **state)
{
	struct world *w = *state;
	const struct report *runs[] = { &w->quick.r, &w->hostile.r };
	char *text = drawing_feed("ecdf", runs, 2);

	/* 6 cells of 2 runs are 12 in each region and quirk: two panels of 6. */
	assert_holds(text, "\n0\t0\t6\t");
	assert_holds(text, "\"quirk=on region=8M, part 1 of 2\"");
	assert_holds(text, "\"quirk=off region=128M, part 2 of 2\"");
	free(text);
}

static void test_two_runs_stand_side_by_side(void **state)
{
	struct world *w = *state;
	const struct report *runs[] = { &w->quick.r, &w->hostile.r };
	char *text = drawing_feed("cost", runs, 2), *first, *second;

	first = strstr(text, "\"clzero     4K   call   1a2b3c4d\"");
	second = strstr(text, "\"clzero     4K   call   a'b\"\"c\\\\`d{e}_f@g$(t.. (!)\"");
	assert_non_null(first);
	assert_non_null(second);
	assert_true(strchr(strchr(first, '\n'), '\n') < second);
	assert_holds(text, "(!) UNTRUSTWORTHY");
	assert_holds(text, "rep_stosb 4K call 1a2b3c4d\"");
	free(text);
}

static void test_clocks_are_not_mixed(void **state)
{
	struct world *w = *state;
	const struct report *runs[] = { &w->quick.r, &w->null.r };
	struct reason why = { "" };

	for (const struct plot_info *p = plot_list; p->name; p++)
		assert_int_equal(p->feed(stderr, runs, 2, &why), -EINVAL);
	assert_holds(why.text, "instructions");
}

static void test_nothing_to_draw(void **state)
{
	struct world *w = *state;
	const struct report *one = &w->one.r, *none;
	struct reason why = { "" };
	struct fixture f;

	assert_int_equal(plot_find("saving")->feed(stderr, &one, 1, &why), -ENODATA);
	assert_holds(why.text, "quirk=on,off");
	fixture_start(&f, "abcdef01-0000-4000-8000-000000000000", "");
	none = &f.r;
	for (const struct plot_info *p = plot_list; p->name; p++)
		assert_int_equal(p->feed(stderr, &none, 1, &why), -ENODATA);
	fixture_end(&f);
}

static void test_pictures(void **state)
{
	struct world *w = *state;
	const struct report *quick = &w->quick.r, *one = &w->one.r, *null = &w->null.r;
	const struct report *two[] = { &w->quick.r, &w->hostile.r };

	drawing_check(&quick, 1, w->dir, "cost, ecdf, saving, rounds", true);
	drawing_check(two, 2, w->dir, "cost, ecdf, saving, rounds", true);
	drawing_check(&one, 1, w->dir, "cost, ecdf, rounds", true);
	drawing_check(&null, 1, w->dir, "cost, ecdf, rounds", true);
}

static void test_names_say_what_is_in_them(void **state)
{
	struct world *w = *state;
	const struct report *runs[] = { &w->quick.r, &w->hostile.r };
	struct reason why = { "" };
	char dir[128], path[256], want[256];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/made/for it", w->dir);
	snprintf(want, sizeof(want), "%s/reset-cost-1a2b3c4d-5e6f7a8b.svg", dir);
	assert_int_equal(plot_draw(plot_find("cost"), runs, 2, PLOT_SVG, dir, NULL, path,
				   sizeof(path), &why),
			 0);
	assert_string_equal(path, want);
	assert_int_equal(stat(path, &st), 0);
}

static void test_hostile_label_is_only_text(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->hostile.r;
	struct reason why = { "" };
	char path[256], *text;
	size_t n;

	assert_int_equal(plot_draw(plot_find("cost"), &r, 1, PLOT_SVG, w->dir, NULL, path,
				   sizeof(path), &why),
			 0);
	text = drawing_slurp(path, &n);
	assert_holds(text, "a'b\"c\\`d{e}_f@g$(touch hostile)%d\\n&lt;&amp;");
	free(text);
	assert_int_equal(access("hostile", F_OK), -1);
}

static void test_terminal(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->quick.r;
	struct reason why = { "" };
	char path[16], *text = NULL;
	size_t size, column = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(plot_draw(plot_find("cost"), &r, 1, PLOT_DUMB, w->dir, out, path,
				   sizeof(path), &why),
			 0);
	fclose(out);
	assert_string_equal(path, "");
	/* Every cell has its line, none is drawn over another. */
	assert_holds(text, "\n clzero     4K   call ");
	assert_holds(text, "\n clzero     2M   call ");
	assert_holds(text, "\n ntstore512 4K   call ");
	assert_holds(text, "cost [ns per 4 KiB page]");
	for (size_t i = 0; i < size; i++) {
		assert_true(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
		column = text[i] == '\n' ? 0 : column + 1;
		assert_true(column <= 79);
	}
	free(text);
}

static void test_missing_gnuplot(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->quick.r;
	char *path_was = strdup(getenv("PATH")), path[256];
	struct reason why = { "" };

	setenv("PATH", w->dir, 1);
	assert_int_equal(plot_draw(plot_find("cost"), &r, 1, PLOT_SVG, w->dir, NULL, path,
				   sizeof(path), &why),
			 -ENOENT);
	setenv("PATH", path_was, 1);
	free(path_was);
	assert_holds(why.text, "apt-get install gnuplot-nox");
}

/* The environment's folder comes first; what gnuplot says of a bad template is passed on. */
static void test_bad_template(void **state)
{
	struct world *w = *state;
	const struct report *r = &w->quick.r;
	struct reason why = { "" };
	char path[256], file[128];
	FILE *f;

	snprintf(file, sizeof(file), "%s/cost.gp", w->dir);
	f = fopen(file, "w");
	fputs("plot nonsense(\n", f);
	fclose(f);
	setenv("TDCOST_PLOT_DIR", w->dir, 1);
	assert_int_equal(plot_draw(plot_find("cost"), &r, 1, PLOT_SVG, w->dir, NULL, path,
				   sizeof(path), &why),
			 -EIO);
	unsetenv("TDCOST_PLOT_DIR");
	assert_holds(why.text, "line 1:");
	assert_int_equal(gnuplot_template("pie", path, sizeof(path), &why), -ENOENT);
	assert_holds(why.text, "TDCOST_PLOT_DIR");
	assert_int_equal(gnuplot_run(file, "<touch x", file, "svg", path, sizeof(path), &why),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_text_is_escaped),
		cmocka_unit_test(test_nice_ceiling),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_long_times),
		cmocka_unit_test(test_cost_rows),
		cmocka_unit_test(test_saving_rows),
		cmocka_unit_test(test_rounds_rows),
		cmocka_unit_test(rounds_drawn_in_us_deviates_by_percents),
		cmocka_unit_test(test_ecdf_is_thinned),
		cmocka_unit_test(test_ecdf_panels_hold_eight),
		cmocka_unit_test(test_two_runs_stand_side_by_side),
		cmocka_unit_test(test_clocks_are_not_mixed),
		cmocka_unit_test(test_nothing_to_draw),
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_names_say_what_is_in_them),
		cmocka_unit_test(test_hostile_label_is_only_text),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_missing_gnuplot),
		cmocka_unit_test(test_bad_template),
	};

	return cmocka_run_group_tests(tests, world_start, world_end);
}
