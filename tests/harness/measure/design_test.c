// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/measure/design.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a benchmark that has every kind of factor ---- */

enum { F_COLOR, F_SIZE, F_COUNT, F_SHAPE, F_TWIN };

static const struct level_info color_levels[] = {
	{ "red", "red", false },   { "green", "green", false },
	{ "blue", "blue", false }, { "auto", "whatever is there: green", true },
	{ NULL, NULL, false },
};

static const struct level_info size_levels[] = {
	{ "small", "64K, when the count is not 77", true },
	{ NULL, NULL, false },
};

static const struct level_info count_levels[] = {
	{ "none", "nothing", false },
	{ NULL, NULL, false },
};

static const struct level_info shape_levels[] = {
	{ "round", "round", false },
	{ "square", "square", false },
	{ NULL, NULL, false },
};

/* By name, so that a field more in bench.h changes nothing here. */
#define FACTOR(called, of_type, of_levels, usually, is_paired)                                    \
	{                                                                                         \
		.name = (called), .summary = "made up", .type = (of_type), .levels = (of_levels), \
		.usual = (usually), .paired = (is_paired),                                        \
	}

static const struct factor_info factors[] = {
	[F_COLOR] = FACTOR("color", FACTOR_WORD, color_levels, "red", true),
	[F_SIZE] = FACTOR("size", FACTOR_SIZE, size_levels, "4K", false),
	[F_COUNT] = FACTOR("count", FACTOR_COUNT, count_levels, "1", false),
	[F_SHAPE] = FACTOR("shape", FACTOR_WORD, shape_levels, "round,square", true),
	{ .name = NULL },
};

static const struct metric_info metrics[] = {
	{ "time", "duration", "thing", 0 },
	{ NULL, NULL, NULL, 0 },
};

static int resolve(const struct machine *m, const struct cell *cell, unsigned factor,
		   struct level *level, struct reason *why)
{
	(void)m;
	if (factor == F_COLOR) {
		strcpy(level->text, "green");
		level->number = 1;
		return 0;
	}
	if (cell->levels[F_COUNT].number == 77)
		return reason_set(why, -ENOTSUP, "nothing is small today");
	if (cell->levels[F_COUNT].number == 78)
		return reason_set(why, -EIO, "the ruler broke");
	strcpy(level->text, "64K");
	level->number = 65536;
	return 0;
}

static int supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	if (cell->levels[F_COUNT].number == 99)
		return reason_set(why, -ENOMEM, "99 do not fit: 98 would");
	if (cell->levels[F_COLOR].number == 2 && cell->levels[F_SIZE].number >= 1 << 20)
		return reason_set(why, -ENOTSUP, "blue comes in small sizes only");
	return 0;
}

static enum kind kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	if (cell->levels[F_COLOR].number != 1)
		return KIND_MEASURED;
	reason_set(why, 0, "green stands in for red");
	return KIND_ANALOGUE;
}

static int no_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	(void)ctx;
	(void)state;
	(void)why;
	return 0;
}

static void no_prepare(void *state, unsigned arm)
{
	(void)state;
	(void)arm;
}

static uint64_t no_sample(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	(void)arm;
	return reps;
}

static void no_teardown(void *state)
{
	(void)state;
}

#define PAINT                                                                                   \
	{                                                                                       \
		.name = "paint", .summary = "every kind of factor", .version = 3,               \
		.factors = factors, .metrics = metrics, .resolve = resolve,                     \
		.supported = supported, .kind = kind, .setup = no_setup, .prepare = no_prepare, \
		.sample = no_sample, .teardown = no_teardown,                                   \
	}

static const struct bench_info paint = PAINT;
static const struct machine nowhere = { .root = "" };

static int add(struct plan *plan, const char *const *settings, size_t n, struct reason *why)
{
	why->text[0] = '\0';
	return plan_add(plan, &nowhere, &paint, settings, n, why);
}

#define ADD(plan, why, ...)                               \
	add((plan), (const char *const[]){ __VA_ARGS__ }, \
	    ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })), (why))

/* ---- levels ---- */

static void levels_are_parsed(void **state)
{
	static const struct {
		unsigned factor;
		const char *typed, *text; /* NULL: refused */
		uint64_t number;
	} cases[] = {
		{ F_COLOR, "red", "red", 0 },
		{ F_COLOR, "blue", "blue", 2 },
		{ F_COLOR, "auto", "auto", 3 },
		{ F_COLOR, "Red", NULL, 0 },
		{ F_COLOR, "", NULL, 0 },
		{ F_SIZE, "4K", "4K", 4096 },
		{ F_SIZE, "4096", "4K", 4096 },
		{ F_SIZE, "4097", "4097", 4097 },
		{ F_SIZE, "2048k", "2M", 2 << 20 },
		{ F_SIZE, "1GiB", "1G", 1 << 30 },
		{ F_SIZE, "small", "small", 0 },
		{ F_SIZE, "0", NULL, 0 },
		{ F_SIZE, "-4K", NULL, 0 },
		{ F_SIZE, "4 K", NULL, 0 },
		{ F_SIZE, "large", NULL, 0 },
		{ F_SIZE, "18446744073709551616", NULL, 0 },
		{ F_SIZE, "16777216T", NULL, 0 },
		{ F_COUNT, "1", "1", 1 },
		{ F_COUNT, "007", "7", 7 },
		{ F_COUNT, "18446744073709551615", "18446744073709551615", UINT64_MAX },
		{ F_COUNT, "none", "none", 0 },
		{ F_COUNT, "0", NULL, 0 },
		{ F_COUNT, "1K", NULL, 0 },
		{ F_COUNT, "1.5", NULL, 0 },
		{ F_COUNT, "00000000000000000000000000000001", NULL, 0 }, /* LEVEL_TEXT */
		{ F_TWIN, "b", "b", 1 },
		{ F_TWIN, "c", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct level level = { "", 0 };
		int ret = level_parse(&paint, cases[i].factor, cases[i].typed, &level, &why);

		if (!cases[i].text && ret == -EINVAL && *why.text)
			continue;
		if (!cases[i].text || ret || strcmp(level.text, cases[i].text) ||
		    level.number != cases[i].number)
			fail_msg("'%s': %d, '%s' %llu, %s", cases[i].typed, ret, level.text,
				 (unsigned long long)level.number, why.text);
	}
}

static void refusals_name_the_culprit_and_the_way_out(void **state)
{
	static const char long_word[] = "cyan-that-is-a-good-deal-longer-than-any-level-may-be";
	static const struct {
		const char *setting;
		int err;
		const char *parts[5];
	} cases[] = {
		{ "colour=red",
		  -EINVAL,
		  { "paint", "no factor 'colour'", "did you mean 'color'", "tdcost list paint" } },
		{ "cuont=2", -EINVAL, { "no factor 'cuont'", "did you mean 'count'" } },
		{ "twn=a", -EINVAL, { "no factor 'twn'", "did you mean 'twin'" } },
		{ "color=grene",
		  -EINVAL,
		  { "paint", "color", "no level 'grene'", "did you mean 'green'",
		    "(red, green, blue, auto)" } },
		{ "color=red,bleu", -EINVAL, { "no level 'bleu'", "did you mean 'blue'" } },
		{ long_word, -EINVAL, { "no setting", "cyan-that", "FACTOR=LEVEL[,LEVEL]" } },
		{ "shape=", -EINVAL, { "paint", "no level behind 'shape='" } },
		{ "shape=,", -EINVAL, { "empty level in shape=," } },
		{ "shape=dot,,line", -EINVAL, { "empty level in shape=dot,,line" } },
		{ "color", -EINVAL, { "'color' is no setting", "FACTOR=LEVEL[,LEVEL]" } },
		{ "=red", -EINVAL, { "'=red' is no setting" } },
		{ "", -EINVAL, { "'' is no setting" } },
		{ "size=many",
		  -EINVAL,
		  { "paint", "'many' is no size for size", "64K, 128M or 1G", "one of small" } },
		{ "size=0", -EINVAL, { "'0' is no size" } },
		{ "count=-1",
		  -EINVAL,
		  { "'-1' is no count for count", "a number from 1", "none" } },
		{ "twin=c", -EINVAL, { "twin", "no level 'c'", "(a, b)" } },
		/* Refused by the benchmark: the whole run, with the benchmark's words. */
		{ "count=99", -ENOMEM, { "paint", "99 do not fit: 98 would" } },
		{ "count=1,99", -ENOMEM, { "99 do not fit: 98 would" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why;
		struct plan plan = { 0 };
		int ret = ADD(&plan, &why, cases[i].setting);

		if (ret != cases[i].err)
			fail_msg("'%s': %d, %s", cases[i].setting, ret, why.text);
		for (size_t p = 0; p < ARRAY_SIZE(cases[i].parts) && cases[i].parts[p]; p++)
			if (!strstr(why.text, cases[i].parts[p]))
				fail_msg("'%s': '%s' lacks '%s'", cases[i].setting, why.text,
					 cases[i].parts[p]);
		if (strchr(why.text, '\n'))
			fail_msg("'%s': more than one line", cases[i].setting);
		plan_free(&plan);
	}
}

static void a_level_too_long_to_keep_is_refused(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(ADD(&plan, &why, "color=cyan-that-is-longer-than-any-level-may-be"),
			 -EINVAL);
	assert_non_null(strstr(why.text, "no level 'cyan-that-is-longer"));
	plan_free(&plan);
}

/* "count=1,2,...,@n" */
static char *many_counts(unsigned n)
{
	char *text = calloc(1, 16 + n * 6);

	assert_non_null(text);
	strcpy(text, "count=");
	for (unsigned i = 1; i <= n; i++)
		sprintf(text + strlen(text), "%s%u", i > 1 ? "," : "", i);
	return text;
}

static void lists_and_plans_have_an_end(void **state)
{
	struct {
		unsigned counts;
		const char *sizes;
		int err;
		const char *part;
	} cases[] = {
		{ 64, "size=4K", 0, "" },
		{ 65, "size=4K", -E2BIG, "more than 64 levels of count" },
		{ 400, "size=4K", -EINVAL, "too long" },
		/* 64 x 32 x 2 shapes is 4096, the most there may be. */
		{ 64,
		  "size=1K,2K,3K,4K,5K,6K,7K,8K,9K,10K,11K,12K,13K,14K,15K,16K,17K,18K,19K,20K,"
		  "21K,22K,23K,24K,25K,26K,27K,28K,29K,30K,31K,32K",
		  0, "" },
		{ 64,
		  "size=1K,2K,3K,4K,5K,6K,7K,8K,9K,10K,11K,12K,13K,14K,15K,16K,17K,18K,19K,20K,"
		  "21K,22K,23K,24K,25K,26K,27K,28K,29K,30K,31K,32K,33K",
		  -E2BIG, "more than 4096 combinations" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *counts = many_counts(cases[i].counts);
		struct reason why;
		struct plan plan = { 0 };
		int ret = ADD(&plan, &why, counts, cases[i].sizes);

		if (ret != cases[i].err || !strstr(why.text, cases[i].part))
			fail_msg("case %zu: %d, '%s'", i, ret, why.text);
		plan_free(&plan);
		free(counts);
	}
}

/* ---- cells, groups ---- */

static void assert_cells(const struct plan *plan, const char *const *texts, size_t n)
{
	assert_int_equal(plan->n_cells, n);
	for (size_t i = 0; i < n; i++) {
		char text[256];

		cell_text(&plan->cells[i].cell, UINT32_MAX, text, sizeof(text));
		assert_string_equal(text, texts[i]);
	}
}

static void the_usual_levels_are_planned(void **state)
{
	static const char *const expected[] = {
		"color=red size=4K count=1 shape=round twin=a",
		"color=red size=4K count=1 shape=square twin=a",
	};
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(add(&plan, NULL, 0, &why), 0);
	assert_cells(&plan, expected, ARRAY_SIZE(expected));
	assert_int_equal(plan.n_groups, 1);
	plan_free(&plan);
	assert_null(plan.cells);
	assert_int_equal(plan.n_groups, 0);
}

static void combinations_turn_like_an_odometer(void **state)
{
	static const char *const expected[] = {
		"color=green size=8K count=1 shape=square twin=a",
		"color=green size=8K count=1 shape=square twin=b",
		"color=green size=4K count=1 shape=square twin=a",
		"color=green size=4K count=1 shape=square twin=b",
		"color=red size=8K count=1 shape=square twin=a",
		"color=red size=8K count=1 shape=square twin=b",
		"color=red size=4K count=1 shape=square twin=a",
		"color=red size=4K count=1 shape=square twin=b",
	};
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	/* The order of the levels is as typed; that of the settings does not matter. */
	assert_int_equal(
		ADD(&plan, &why, "twin=a,b", "size=8K,4K", "shape=square", "color=green,red"), 0);
	assert_cells(&plan, expected, ARRAY_SIZE(expected));
	plan_free(&plan);
}

static void the_last_setting_of_a_factor_counts(void **state)
{
	static const char *const expected[] = { "color=blue size=4K count=1 shape=round twin=a" };
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(ADD(&plan, &why, "color=red,green", "shape=round", "color=blue"), 0);
	assert_cells(&plan, expected, ARRAY_SIZE(expected));
	plan_free(&plan);
}

static void groups_differ_in_unpaired_factors(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(ADD(&plan, &why, "size=4K,8K", "count=1,2,3", "color=red,green"), 0);
	assert_int_equal(plan.n_cells, 24);
	assert_int_equal(plan.n_groups, 6);
	for (unsigned g = 0; g < plan.n_groups; g++)
		assert_int_equal(plan.groups[g].n_arms, 4);
	for (size_t i = 0; i < plan.n_cells; i++) {
		const struct planned_cell *p = &plan.cells[i];
		const struct cell *arm = &plan.groups[p->group].arms[p->arm];
		const struct cell *first = &plan.groups[p->group].arms[0];

		/* The cell is where it says, among cells that share every unpaired level. */
		assert_memory_equal(arm->levels, p->cell.levels, sizeof(arm->levels));
		assert_string_equal(first->levels[F_SIZE].text, p->cell.levels[F_SIZE].text);
		assert_string_equal(first->levels[F_COUNT].text, p->cell.levels[F_COUNT].text);
		for (size_t k = 0; k < i; k++)
			assert_false(plan.cells[k].group == p->group &&
				     plan.cells[k].arm == p->arm);
	}
	plan_free(&plan);
}

static void benchmarks_do_not_share_a_process(void **state)
{
	static const struct bench_info other = PAINT;
	struct reason why = { "" };
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(add(&plan, NULL, 0, &why), 0);
	assert_int_equal(plan_add(&plan, &nowhere, &other, NULL, 0, &why), 0);
	assert_int_equal(plan.n_cells, 4);
	assert_int_equal(plan.n_groups, 2);
	plan_free(&plan);
}

static struct bench_info rude(void)
{
	struct bench_info b = PAINT;

	b.disruptive = "paints others";
	return b;
}

static void what_disrupts_others_needs_permission(void **state)
{
	static const char *const settings[] = { "color=red,blue", "size=1M", "shape=round" };
	const struct bench_info b = rude();
	struct plan plan = { 0 };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(plan_add(&plan, &nowhere, &b, settings, 3, &why), 0);
	assert_int_equal(plan.n_groups, 0);
	assert_int_equal(plan.n_cells, 2);
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_string_equal(plan.cells[0].reason.text,
			    "it paints others; run with --allow-disruptive");
	/* What cannot run anyway is not offered for a permission. */
	assert_string_equal(plan.cells[1].reason.text, "blue comes in small sizes only");
	plan_free(&plan);
	plan.allow_disruptive = true;
	assert_int_equal(plan_add(&plan, &nowhere, &b, settings, 3, &why), 0);
	assert_int_equal(plan.cells[0].state, CELL_PLANNED);
	assert_string_equal(plan.cells[0].reason.text, "");
	plan_free(&plan);
}

static void what_is_there_already_is_added_once(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	/* auto is green; 4096 is 4K. */
	assert_int_equal(ADD(&plan, &why, "color=auto,green", "size=4K,4096", "shape=round,round"),
			 0);
	assert_int_equal(plan.n_cells, 1);
	assert_int_equal(plan.groups[0].n_arms, 1);
	assert_string_equal(plan.cells[0].cell.asked[F_COLOR], "auto");
	assert_string_equal(plan.cells[0].cell.levels[F_COLOR].text, "green");
	/* A second line of a preset adds what is new to the group that is there. */
	assert_int_equal(ADD(&plan, &why, "color=red,green", "shape=round"), 0);
	assert_int_equal(plan.n_cells, 2);
	assert_int_equal(plan.n_groups, 1);
	assert_int_equal(plan.groups[0].n_arms, 2);
	plan_free(&plan);
}

static void what_cannot_run_is_skipped_with_its_reason(void **state)
{
	static const struct {
		const char *settings[3];
		size_t planned, skipped;
		const char *reason;
	} cases[] = {
		{ { "color=red,blue", "size=1M", "shape=round" },
		  1,
		  1,
		  "blue comes in small sizes only" },
		{ { "color=blue", "size=4K,2M", "shape=round" },
		  1,
		  1,
		  "blue comes in small sizes only" },
		{ { "color=blue", "size=2M", "shape=round" },
		  0,
		  1,
		  "blue comes in small sizes only" },
		/* A symbolic level that nothing can be put in the place of. */
		{ { "size=small,8K", "count=77", "shape=round" }, 1, 1, "nothing is small today" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t planned = 0, skipped = 0;
		struct reason why;
		struct plan plan = { 0 };

		assert_int_equal(add(&plan, cases[i].settings, 3, &why), 0);
		for (size_t c = 0; c < plan.n_cells; c++) {
			if (plan.cells[c].state == CELL_PLANNED) {
				planned++;
				continue;
			}
			skipped++;
			assert_string_equal(plan.cells[c].reason.text, cases[i].reason);
		}
		assert_int_equal(planned, cases[i].planned);
		assert_int_equal(skipped, cases[i].skipped);
		assert_int_equal(plan.n_groups, planned ? 1 : 0);
		plan_free(&plan);
	}
}

static void a_resolver_that_breaks_refuses_the_run(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(ADD(&plan, &why, "size=small", "count=78"), -EIO);
	assert_non_null(strstr(why.text, "the ruler broke"));
	plan_free(&plan);
}

static void the_kind_comes_with_its_reason(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(ADD(&plan, &why, "color=red,green", "shape=round"), 0);
	assert_int_equal(plan.cells[0].kind, KIND_MEASURED);
	assert_string_equal(plan.cells[0].reason.text, "");
	assert_int_equal(plan.cells[1].kind, KIND_ANALOGUE);
	assert_string_equal(plan.cells[1].reason.text, "green stands in for red");
	plan_free(&plan);
}

static void every_benchmark_has_the_twin(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(bench_factors(&paint), F_TWIN + 1);
	assert_ptr_equal(bench_factor(&paint, F_TWIN), &bench_twin);
	assert_int_equal(bench_find_factor(&paint, "twin"), F_TWIN);
	assert_int_equal(bench_find_factor(&paint, "shape"), F_SHAPE);
	assert_int_equal(bench_find_factor(&paint, "nothing"), -1);
	/* Identical arms share the process and the blocks, and differ in name alone. */
	assert_int_equal(ADD(&plan, &why, "twin=a,b", "shape=round"), 0);
	assert_int_equal(plan.n_groups, 1);
	assert_int_equal(plan.groups[0].n_arms, 2);
	assert_memory_equal(plan.cells[0].cell.levels, plan.cells[1].cell.levels,
			    F_TWIN * sizeof(struct level));
	assert_string_not_equal(plan.cells[0].cell.levels[F_TWIN].text,
				plan.cells[1].cell.levels[F_TWIN].text);
	plan_free(&plan);
}

/* ---- JSON and text ---- */

static void cells_survive_json(void **state)
{
	struct reason why;
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(ADD(&plan, &why, "color=auto,red,blue", "size=small,12345,2M",
			     "count=none,18446744073709551615", "twin=a,b"),
			 0);
	assert_true(plan.n_cells > 30);
	for (size_t i = 0; i < plan.n_cells; i++) {
		const struct cell *was = &plan.cells[i].cell;
		struct cell is;
		json_t *j = cell_json(was);
		char *text = json_canonical(j);

		json_decref(j);
		j = json_loads(text, 0, NULL);
		assert_int_equal(cell_from_json(&paint, j, &is, &why), 0);
		assert_ptr_equal(is.bench, &paint);
		for (unsigned f = 0; f <= F_TWIN; f++) {
			assert_string_equal(is.levels[f].text, was->levels[f].text);
			assert_int_equal(is.levels[f].number, was->levels[f].number);
		}
		json_decref(j);
		free(text);
	}
	plan_free(&plan);
}

static void what_was_asked_is_kept_beside_what_it_became(void **state)
{
	struct reason why;
	struct plan plan = { 0 };
	json_t *asked, *is;

	(void)state;
	assert_int_equal(ADD(&plan, &why, "color=auto", "size=small", "shape=round"), 0);
	asked = cell_asked_json(&plan.cells[0].cell);
	is = cell_json(&plan.cells[0].cell);
	assert_string_equal(json_string_value(json_object_get(asked, "color")), "auto");
	assert_string_equal(json_string_value(json_object_get(is, "color")), "green");
	assert_string_equal(json_string_value(json_object_get(asked, "size")), "small");
	assert_string_equal(json_string_value(json_object_get(is, "size")), "64K");
	assert_int_equal(json_object_size(is), bench_factors(&paint));
	json_decref(asked);
	json_decref(is);
	plan_free(&plan);
}

static void broken_json_is_refused(void **state)
{
	static const struct {
		const char *json, *part;
	} cases[] = {
		{ "{}", "no level of color" },
		{ "[]", "no level of color" },
		{ "{\"color\":\"red\",\"size\":\"4K\",\"count\":\"1\",\"shape\":\"round\"}",
		  "no level of twin" },
		{ "{\"color\":\"red\",\"size\":4096,\"count\":\"1\",\"shape\":\"round\",\"twin\":"
		  "\"a\"}",
		  "no level of size" },
		{ "{\"color\":\"pink\",\"size\":\"4K\",\"count\":\"1\",\"shape\":\"round\","
		  "\"twin\":\"a\"}",
		  "no level 'pink'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct cell cell;
		json_t *j = json_loads(cases[i].json, 0, NULL);

		assert_int_equal(cell_from_json(&paint, j, &cell, &why), -EINVAL);
		if (!strstr(why.text, cases[i].part))
			fail_msg("'%s' lacks '%s'", why.text, cases[i].part);
		json_decref(j);
	}
}

static void text_shows_the_factors_asked_for(void **state)
{
	struct reason why;
	struct plan plan = { 0 };
	char text[256], little[12];

	(void)state;
	assert_int_equal(ADD(&plan, &why, "size=4K,1M", "color=red,blue", "count=5"), 0);
	/* Blue at 1M is skipped; what is planned differs in color, size and shape. */
	assert_int_equal(plan_varying(&plan, &paint), 1u << F_COLOR | 1u << F_SIZE | 1u << F_SHAPE);
	cell_text(&plan.cells[0].cell, plan_varying(&plan, &paint), text, sizeof(text));
	assert_string_equal(text, "color=red size=4K shape=round");
	assert_string_equal(cell_text(&plan.cells[0].cell, 0, text, sizeof(text)), "");
	cell_text(&plan.cells[0].cell, UINT32_MAX, little, sizeof(little));
	assert_string_equal(little, "color=red s");
	plan_free(&plan);
}

/* ---- the schedule ---- */

static void plan_of(struct plan *plan, unsigned groups)
{
	char *counts = many_counts(groups);
	struct reason why;

	*plan = (struct plan){ 0 };
	assert_int_equal(ADD(plan, &why, counts, "shape=round"), 0);
	assert_int_equal(plan->n_groups, groups);
	free(counts);
}

static bool is_permutation(const unsigned *order, unsigned n)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < n; i++)
		if (order[i] < n)
			seen |= 1ull << order[i];
	return n == 64 ? seen == UINT64_MAX : seen == (1ull << n) - 1;
}

static void every_round_is_a_permutation(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 7, 64 };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct plan plan;
		unsigned order[64];

		plan_of(&plan, sizes[s]);
		for (uint64_t seed = 0; seed < 20; seed++)
			for (unsigned round = 0; round < 20; round++) {
				memset(order, 0xff, sizeof(order));
				plan_order(&plan, seed, round, order);
				assert_true(is_permutation(order, sizes[s]));
			}
		plan_free(&plan);
	}
}

static void the_order_hangs_on_seed_and_round_alone(void **state)
{
	unsigned a[8], b[8], same_round = 0, same_seed = 0;
	struct plan plan, again;

	(void)state;
	plan_of(&plan, 8);
	plan_of(&again, 8);
	for (unsigned i = 0; i < 200; i++) {
		plan_order(&plan, 5, i, a);
		/* Asked in any order, of any plan with as many groups. */
		plan_order(&again, 1234, 199 - i, b);
		plan_order(&again, 5, i, b);
		assert_memory_equal(a, b, sizeof(a));
		plan_order(&plan, 5, i + 1, b);
		same_round += !memcmp(a, b, sizeof(a));
		plan_order(&plan, 6, i, b);
		same_seed += !memcmp(a, b, sizeof(a));
	}
	/* Of 40320 orders, 200 pairs meet by chance once in 200 times; never thrice. */
	assert_true(same_round < 3);
	assert_true(same_seed < 3);
	plan_free(&plan);
	plan_free(&again);
}

static void no_group_has_a_favourite_place(void **state)
{
	unsigned at[6][6] = { { 0 } }, order[6];
	struct plan plan;

	(void)state;
	plan_of(&plan, 6);
	for (unsigned round = 0; round < 6000; round++) {
		plan_order(&plan, 99, round, order);
		for (unsigned i = 0; i < 6; i++)
			at[i][order[i]]++;
	}
	/* 1000 expected, standard deviation 29: the draw is fixed by the seed, so this never flakes. */
	for (unsigned i = 0; i < 6; i++)
		for (unsigned g = 0; g < 6; g++)
			assert_in_range(at[i][g], 850, 1150);
	plan_free(&plan);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void derived_seeds_do_not_meet(void **state)
{
	enum { ROUNDS = 40, GROUPS = 40, PURPOSES = 8, N = ROUNDS * GROUPS * PURPOSES };
	uint64_t *all = calloc(N, sizeof(*all));
	size_t n = 0;

	(void)state;
	assert_non_null(all);
	for (unsigned r = 0; r < ROUNDS; r++)
		for (unsigned g = 0; g < GROUPS; g++)
			for (unsigned p = 0; p < PURPOSES; p++)
				all[n++] = seed_derive(1, r, g, p);
	assert_int_equal(seed_derive(1, 2, 3, 4), seed_derive(1, 2, 3, 4));
	assert_int_not_equal(seed_derive(1, 2, 3, 4), seed_derive(2, 2, 3, 4));
	qsort(all, N, sizeof(*all), compare_u64);
	for (size_t i = 1; i < N; i++)
		assert_int_not_equal(all[i], all[i - 1]);
	free(all);
}

static void a_shuffle_keeps_what_it_shuffles(void **state)
{
	uint32_t v[50], w[50];
	unsigned seen[50] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 50; i++)
		v[i] = w[i] = i;
	shuffle_u32(v, 50, 7);
	assert_memory_not_equal(v, w, sizeof(v));
	shuffle_u32(w, 50, 7);
	assert_memory_equal(v, w, sizeof(v));
	for (unsigned i = 0; i < 50; i++)
		seen[v[i]]++;
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(seen[i], 1);
	shuffle_u32(v, 0, 7);
	shuffle_u32(v, 1, 7);
	assert_int_equal(v[0], w[0]);
}

/* ---- bench_check() ---- */

static const struct factor_info twice[] = {
	FACTOR("color", FACTOR_WORD, color_levels, "red", true),
	FACTOR("color", FACTOR_WORD, color_levels, "red", true),
	{ .name = NULL },
};
static const struct factor_info own_twin[] = {
	FACTOR("twin", FACTOR_WORD, color_levels, "red", true),
	{ .name = NULL },
};
static const struct factor_info bad_usual[] = {
	FACTOR("color", FACTOR_WORD, color_levels, "red,pink", true),
	{ .name = NULL },
};
static const struct factor_info no_usual[] = {
	FACTOR("color", FACTOR_WORD, color_levels, NULL, true),
	{ .name = NULL },
};
static const struct factor_info as_many_as_fit[] = {
#define N(x) FACTOR("f" #x, FACTOR_COUNT, NULL, "1", true)
	N(0),  N(1),  N(2),  N(3),  N(4),
	N(5),  N(6),  N(7),  N(8),  N(9),
	N(10), N(11), N(12), N(13), N(14),
	N(15), N(16), N(17), N(18), N(19),
	N(20), N(21), N(22), N(23), { .name = NULL },
#undef N
};

static void unsound_descriptors_are_found(void **state)
{
	struct bench_info no_name = PAINT, no_version = PAINT, no_metric = PAINT, no_hook = PAINT,
			  twice_bench = PAINT, twin_bench = PAINT, usual_bench = PAINT,
			  none_bench = PAINT, too_many = PAINT;
	struct reason why = { "" };
	const struct {
		const struct bench_info *b;
		const char *part;
	} cases[] = {
		{ &no_name, "missing" },
		{ &no_version, "missing" },
		{ &no_metric, "missing" },
		{ &no_hook, "hook" },
		{ &twice_bench, "color stands twice" },
		{ &twin_bench, "twin stands twice" },
		{ &usual_bench, "no level 'pink'" },
		{ &none_bench, "no usual level" },
		{ &too_many, "25 factors, 24 fit" },
	};

	(void)state;
	no_name.name = NULL;
	no_version.version = 0;
	no_metric.metrics = metrics + 1;
	no_hook.prepare = NULL;
	twice_bench.factors = twice;
	twin_bench.factors = own_twin;
	usual_bench.factors = bad_usual;
	none_bench.factors = no_usual;
	too_many.factors = as_many_as_fit;
	assert_int_equal(bench_check(&paint, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(bench_check(cases[i].b, &why), -EINVAL);
		if (!strstr(why.text, cases[i].part))
			fail_msg("case %zu: '%s' lacks '%s'", i, why.text, cases[i].part);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_are_parsed),
		cmocka_unit_test(refusals_name_the_culprit_and_the_way_out),
		cmocka_unit_test(a_level_too_long_to_keep_is_refused),
		cmocka_unit_test(lists_and_plans_have_an_end),
		cmocka_unit_test(the_usual_levels_are_planned),
		cmocka_unit_test(combinations_turn_like_an_odometer),
		cmocka_unit_test(the_last_setting_of_a_factor_counts),
		cmocka_unit_test(groups_differ_in_unpaired_factors),
		cmocka_unit_test(benchmarks_do_not_share_a_process),
		cmocka_unit_test(what_disrupts_others_needs_permission),
		cmocka_unit_test(what_is_there_already_is_added_once),
		cmocka_unit_test(what_cannot_run_is_skipped_with_its_reason),
		cmocka_unit_test(a_resolver_that_breaks_refuses_the_run),
		cmocka_unit_test(the_kind_comes_with_its_reason),
		cmocka_unit_test(every_benchmark_has_the_twin),
		cmocka_unit_test(cells_survive_json),
		cmocka_unit_test(what_was_asked_is_kept_beside_what_it_became),
		cmocka_unit_test(broken_json_is_refused),
		cmocka_unit_test(text_shows_the_factors_asked_for),
		cmocka_unit_test(every_round_is_a_permutation),
		cmocka_unit_test(the_order_hangs_on_seed_and_round_alone),
		cmocka_unit_test(no_group_has_a_favourite_place),
		cmocka_unit_test(derived_seeds_do_not_meet),
		cmocka_unit_test(a_shuffle_keeps_what_it_shuffles),
		cmocka_unit_test(unsound_descriptors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
