// SPDX-License-Identifier: GPL-2.0-or-later
/* store_check() finds what somebody broke by hand; store_remove() leaves nothing behind. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char uuid[] = "0a1b2c3d-run";

static int setup(void **state)
{
	const struct store_part part = { 3, "event", "page-faults", 1 };
	const struct sample sample = { .seq = 3, .ticks = 9, .work = 1 };
	const struct store_flag flag = { FLAG_STEAL, false, 0, 0, "x" };
	const struct store_invocation v = { .round = 1,
					    .samples = &sample,
					    .n_samples = 1,
					    .parts = &part,
					    .n_parts = 1,
					    .flags = &flag,
					    .n_flags = 1 };
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(fixture_put_round(f->s, uuid, f->boot, 0, 2, 8));
	OK(store_put_round(f->s, uuid, f->boot, &v, 1, &why));
	OK(fixture_put_round(f->s, uuid, f->boot, 2, 1, 8));
	return 0;
}

struct lines {
	char text[4096];
	int n;
};

static void keep(void *ctx, const char *text)
{
	struct lines *l = ctx;
	size_t used = strlen(l->text);

	l->n++;
	snprintf(l->text + used, sizeof(l->text) - used, "%s\n", text);
}

static const struct damage {
	const char *sql;
	const char *words;
} damages[] = {
	{ "DELETE FROM invocation WHERE round = 1; DELETE FROM sample WHERE invocation = 3;"
	  "DELETE FROM part; DELETE FROM flag",
	  "run 0a1b2c3d-run: rounds are missing: 2 of 3" },
	{ "UPDATE invocation SET round = round + 10", "rounds are missing: 3 of 13" },
	{ "DELETE FROM sample WHERE invocation = 1 AND seq = 7",
	  "round 0, position 0: 7 samples, 2 of them warm-up, where 8 and 2 were stored" },
	{ "UPDATE sample SET block = 3 WHERE invocation = 1", "8 samples, 0 of them warm-up" },
	{ "UPDATE sample SET arm = 7 WHERE invocation = 2",
	  "position 1: 8 samples of arm 7 in group 0, which the plan does not have" },
	{ "UPDATE run_cell SET state = 'skipped' WHERE arm_group = 0 AND arm = 1",
	  "samples of arm 1 in group 0" },
	{ "UPDATE sample SET ticks = 0 WHERE seq = 3", "1 samples without ticks" },
	{ "UPDATE sample SET work = -1 WHERE seq = 3", "1 samples without ticks" },
	{ "UPDATE part SET seq = 4", "1 values belong to samples that are not there" },
	{ "UPDATE cell SET factors = '{\"quirk\":\"maybe\"}' WHERE factors LIKE '%off%'",
	  "is not the hash of reset version 3 {\"quirk\":\"maybe\"}" },
	{ "UPDATE cell SET version = 4", "is not the hash of reset version 4" },
	{ "UPDATE environment SET facts = '{\"kernel\":\"7.0\"}'", "is not the hash of its facts" },
	{ "DELETE FROM metric", "declares no metric" },
	{ "UPDATE run SET state = 'asleep', ended = 1", "unknown state 'asleep'" },
	{ "UPDATE run SET state = 'done'", "done, but without an end" },
	{ "UPDATE boot SET lane = 'fast'", "unknown lane 'fast'" },
	{ "UPDATE boot SET clock = 'sun'", "clock 'sun'" },
	{ "UPDATE run_cell SET kind = 'guessed'", "kind 'guessed'" },
	{ "UPDATE flag SET code = 'odd'", "unknown flag 'odd'" },
	{ "INSERT INTO calibration SELECT b.id, c.hash, 'x', 1, 9, 0, 0.1, 10, NULL, NULL FROM"
	  " boot b, cell c LIMIT 1",
	  "10 rounds of no blocks, no ms apart" },
	{ "INSERT INTO calibration SELECT b.id, c.hash, 'x', 1, 9, 0, 0.1, 10, 40, -5 FROM boot b,"
	  " cell c LIMIT 1",
	  "10 rounds of 40 blocks, -5 ms apart" },
	{ "DELETE FROM boot", "table invocation: 4 rows refer to rows of boot" },
	{ "INSERT INTO sample VALUES (99, 0, 0, 0, 0, 1, 1)",
	  "table sample: 1 rows refer to rows of invocation" },
	{ "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'part'",
	  "damaged: " },
};

static void damage_is_found(void **state)
{
	struct fixture *f = *state;
	char copy[160];

	store_close(f->s);
	f->s = NULL;
	snprintf(copy, sizeof(copy), "%s/copy.db", f->dir);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct lines lines = { .n = 0 };
		struct store *s;
		int found;

		fixture_copy(f->path, copy);
		fixture_sql(copy, damages[i].sql);
		OK(store_open(&s, copy, STORE_WRITE, &why));
		found = store_check(s, keep, &lines, &why);
		store_close(s);
		if (found < 1 || found != lines.n || !strstr(lines.text, damages[i].words))
			fail_msg("%s: %d found, not '%s': %s%s", damages[i].sql, found,
				 damages[i].words, lines.text, found < 0 ? why.text : "");
	}
}

static void a_torn_file_is_found(void **state)
{
	struct fixture *f = *state;
	struct lines lines = { .n = 0 };
	FILE *file;

	OK(fixture_put_round(f->s, uuid, f->boot, 3, 1, 5000));
	store_close(f->s);
	/* The tail of the file becomes noise; header and schema stay. */
	file = fopen(f->path, "r+");
	assert_non_null(file);
	fseek(file, -3 * 4096, SEEK_END);
	for (int i = 0; i < 3 * 4096; i++)
		putc(i * 7 & 0xff, file);
	assert_int_equal(fclose(file), 0);
	OK(store_open(&f->s, f->path, STORE_READ, &why));
	assert_true(store_check(f->s, keep, &lines, &why) > 0);
	assert_non_null(strstr(lines.text, "damaged"));
}

static void a_sound_file_is_sound(void **state)
{
	struct fixture *f = *state;
	struct store *s;

	assert_int_equal(fixture_check(f->s), 0);
	OK(store_open(&s, f->path, STORE_READ, &why));
	assert_int_equal(fixture_check(s), 0);
	assert_int_equal(fixture_check(s), 0);
	store_close(s);
}

static const char *const tables[] = { "host",	  "environment", "boot",       "run",	 "cell",
				      "run_cell", "invocation",	 "sample",     "metric", "subject",
				      "part",	  "flag",	 "calibration" };

static int64_t rows_of(const struct fixture *f, const char *table)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return fixture_int(f->path, sql);
}

static void removing_the_only_run_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	OK(store_remove(f->s, uuid, &why));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (rows_of(f, tables[i]))
			fail_msg("%s is not empty", tables[i]);
	assert_int_equal(fixture_check(f->s), 0);
	assert_int_equal(store_remove(f->s, uuid, &why), -ENOENT);
}

static void removing_a_run_leaves_the_others_whole(void **state)
{
	struct fixture *f = *state;
	int64_t before[ARRAY_SIZE(tables)], boot;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		before[i] = rows_of(f, tables[i]);
	OK(fixture_put_boot(f->s, "7.1", "boot-2", &boot));
	OK(fixture_begin(f->s, "other", NULL, boot, 1));
	OK(fixture_put_round(f->s, "other", boot, 0, 2, 8));
	OK(store_remove(f->s, "other", &why));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (rows_of(f, tables[i]) != before[i])
			fail_msg("%s has changed", tables[i]);
	assert_int_equal(fixture_check(f->s), 0);
}

static void a_calibration_keeps_its_boot_and_cell(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f->path, "INSERT INTO calibration SELECT b.id, c.hash, 'paired', 1, 60, 3, "
			     "0.01, 10, 40, NULL FROM boot b,"
			     " (SELECT hash FROM cell LIMIT 1) c");
	OK(store_remove(f->s, uuid, &why));
	assert_int_equal(rows_of(f, "boot"), 1);
	assert_int_equal(rows_of(f, "cell"), 1);
	assert_int_equal(rows_of(f, "host"), 1);
	assert_int_equal(rows_of(f, "metric"), 2);
	assert_int_equal(rows_of(f, "subject"), 0);
	assert_int_equal(fixture_check(f->s), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_sound_file_is_sound),
		TEST(damage_is_found),
		TEST(a_torn_file_is_found),
		TEST(removing_the_only_run_leaves_nothing),
		TEST(removing_a_run_leaves_the_others_whole),
		TEST(a_calibration_keeps_its_boot_and_cell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
