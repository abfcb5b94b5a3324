// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four runs; c and d began in the same millisecond, so the later stored is the newer. */
static const struct {
	const char *uuid, *label, *kernel;
	int64_t started;
} runs[] = {
	{ "aaaa1111-0", "before", "6.1", 300 },
	{ "aaaa2222-0", "after", "6.12", 100 },
	{ "bbbb3333-0", "before", "6.12", 200 },
	{ "bbbb3333-0-1", NULL, "6.12", 200 },
};

static int setup(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		int64_t boot;

		OK(fixture_put_boot(f->s, runs[i].kernel, "boot-1", &boot));
		OK(fixture_begin(f->s, runs[i].uuid, runs[i].label, boot, runs[i].started));
	}
	return 0;
}

static const struct select_case {
	const char *selector;
	int ret;
	const char *first; /* id of the first row */
	const char *words; /* of the reason */
} cases[] = {
	{ NULL, 1, "aaaa1111-0", NULL },
	{ "@last", 1, "aaaa1111-0", NULL },
	{ "@last~0", 1, "aaaa1111-0", NULL },
	{ "@last~1", 1, "bbbb3333-0-1", NULL },
	{ "@last~2", 1, "bbbb3333-0", NULL },
	{ "@last~3", 1, "aaaa2222-0", NULL },
	{ "@last~4", -ENOENT, NULL, "holds 4 runs: the oldest is @last~3" },
	{ "@last~18446744073709551615", -ENOENT, NULL, "holds 4 runs" },
	{ "@last~", -EINVAL, NULL, "use @last" },
	{ "@last~x", -EINVAL, NULL, "use @last" },
	{ "@last~-1", -EINVAL, NULL, "use @last" },
	{ "@latest", -EINVAL, NULL, "use @last" },
	{ "@first", -EINVAL, NULL, "'@first'" },
	{ "", -EINVAL, NULL, "use @last" },
	{ "aaa", -EINVAL, NULL, "4 or more" },
	{ "a b c d", -EINVAL, NULL, "use @last" },
	{ "aaa%", -EINVAL, NULL, "use @last" },
	{ "colour=red", -EINVAL, NULL, "label=, kernel= or host=" },
	{ "aaaa1", 1, "aaaa1111-0", NULL },
	{ "AAAA2", 1, "aaaa2222-0", NULL },
	{ "aaaa", -ENOTUNIQ, NULL, "2 runs begin so: aaaa1111-0, aaaa2222-0" },
	{ "bbbb3333-0-", 1, "bbbb3333-0-1", NULL },
	{ "bbbb3333-0", 1, "bbbb3333-0", NULL }, /* whole, though another begins with it */
	{ "cccc", -ENOENT, NULL, "the newest: aaaa1111, bbbb3333" },
	{ "label=before", 2, "aaaa1111-0", NULL },
	{ "label=after", 1, "aaaa2222-0", NULL },
	{ "label=never", -ENOENT, NULL, "has after, before" },
	{ "label=", -ENOENT, NULL, "has after, before" },
	{ "kernel=6.12", 3, "bbbb3333-0-1", NULL },
	{ "kernel=6.1", 1, "aaaa1111-0", NULL },
	{ "kernel=6", 4, "aaaa1111-0", NULL },
	{ "kernel=6.", -ENOENT, NULL, "has 6.1, 6.12" },
	{ "kernel=", -ENOENT, NULL, "has 6.1, 6.12" },
	{ "host=box", 4, "aaaa1111-0", NULL },
	{ "host=host-1", 4, "aaaa1111-0", NULL },
	{ "host=fox", -ENOENT, NULL, "has box" },
};

static void selectors_mean_what_they_say(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct select_case *c = &cases[i];
		struct store_run_row *rows = (struct store_run_row *)1;
		int ret = store_select(f->s, c->selector, &rows, &why);

		if (ret != c->ret)
			fail_msg("%s: %d, not %d: %s", c->selector, ret, c->ret, why.text);
		if (ret > 0)
			assert_string_equal(rows[0].uuid, c->first);
		else if (rows || !strstr(why.text, c->words) || strchr(why.text, '\n'))
			fail_msg("%s: '%s' does not say '%s'", c->selector, why.text, c->words);
		if (ret > 0)
			free(rows);
	}
}

/* A release is itself; else it is a series, which ends where its number does. */
static void select_kernel_series_not_a_longer_number(void **state)
{
	static const char *const kernels[] = { "6.1.0-48-cloud-amd64",
					       "6.1.117+deb12-cloud-amd64",
					       "6.12.0",
					       "6.12.0-rc1",
					       "6.12.43+deb13-amd64",
					       "6.10-rc3",
					       "6.18.44-fc",
					       "16.1.0" };
	static const struct {
		const char *selector;
		int n;
	} series[] = {
		{ "kernel=6.1", 2 },
		{ "kernel=6.1.0", 1 },
		{ "kernel=6.1.0-48", 1 },
		{ "kernel=6.1.117+deb12-cloud-amd64", 1 },
		{ "kernel=6.12", 3 },
		{ "kernel=6.12.0", 1 }, /* exact: not 6.12.0-rc1 */
		{ "kernel=6.12.43", 1 },
		{ "kernel=6.10", 1 },
		{ "kernel=6.18", 1 },
		{ "kernel=6.18.4", -ENOENT },
		{ "kernel=6", 7 },
		{ "kernel=16.1", 1 },
		{ "kernel=1", -ENOENT },
		{ "kernel=6.1.", -ENOENT },
		{ "kernel=6.1.0-4", -ENOENT },
		{ "kernel=6_1", -ENOENT },
		{ "kernel=6.%", -ENOENT },
		{ "kernel=6.1*", -ENOENT },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		char uuid[16];
		int64_t boot;

		snprintf(uuid, sizeof(uuid), "cccc%04zu-0", i);
		OK(fixture_put_boot(f->s, kernels[i], "boot-1", &boot));
		OK(fixture_begin(f->s, uuid, NULL, boot, 400));
	}
	for (size_t i = 0; i < ARRAY_SIZE(series); i++) {
		struct store_run_row *rows;
		int n = store_select(f->s, series[i].selector, &rows, &why);

		if (n != series[i].n)
			fail_msg("%s: %d, not %d", series[i].selector, n, series[i].n);
		free(rows);
	}
}

static void all_runs_newest_first(void **state)
{
	static const char *const order[] = { "aaaa1111-0", "bbbb3333-0-1", "bbbb3333-0",
					     "aaaa2222-0" };
	struct fixture *f = *state;
	struct store_run_row *rows;

	assert_int_equal(OK(store_runs(f->s, &rows, &why)), ARRAY_SIZE(order));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		assert_string_equal(rows[i].uuid, order[i]);
	free(rows);
}

static void an_empty_file_says_so(void **state)
{
	static const char *const selectors[] = { NULL,	    "@last",	"@last~1", "aaaa",
						 "label=x", "kernel=x", "host=x" };
	struct fixture *f = *state;
	struct store_run_row *rows;

	assert_int_equal(store_runs(f->s, &rows, &why), 0);
	assert_null(rows);
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		assert_int_equal(store_select(f->s, selectors[i], &rows, &why), -ENOENT);
		assert_null(rows);
		assert_non_null(strstr(why.text, f->path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(selectors_mean_what_they_say, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(select_kernel_series_not_a_longer_number,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(all_runs_newest_first, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_empty_file_says_so, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
