// SPDX-License-Identifier: GPL-2.0-or-later
/* What is exported and imported again is the same; what is no export is refused by its line. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/store/exchange.h"

static const char *const uuids[] = { "0a1b2c3d-run", "second" };

static int setup(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	OK(fixture_rich(f->s, uuids[0], 3, RUN_DONE, 9));
	OK(fixture_rich(f->s, uuids[1], 1, RUN_OPEN, 0));
	return 0;
}

static char *export_text(struct store *s, size_t n, enum store_format format)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	OK(store_export(s, uuids, n, format, out, &why));
	fclose(out);
	return text;
}

static int import_text(struct store *s, const char *text, size_t n, struct store_counts *counts)
{
	FILE *in = fmemopen((void *)text, n, "r");
	int err;

	assert_non_null(in);
	err = store_import(s, in, "input", counts, &why);
	fclose(in);
	return err;
}

static struct store *empty(const struct fixture *f, const char *name)
{
	char path[160];
	struct store *s;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	OK(store_open(&s, path, STORE_CREATE, &why));
	return s;
}

static void an_import_is_what_was_exported(void **state)
{
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_JSONL);
	struct store *s = empty(f, "new.db");
	struct store_counts n;
	char *theirs, *ours;

	OK(import_text(s, text, strlen(text), &n));
	assert_int_equal(n.runs, 2);
	assert_int_equal(n.rounds, 4);
	assert_int_equal(n.samples, 4 * 700);
	assert_int_equal(fixture_check(s), 0);
	theirs = fixture_dump(f->s);
	ours = fixture_dump(s);
	assert_string_equal(theirs, ours);
	OK(import_text(s, text, strlen(text), &n));
	assert_int_equal(n.same, 2);
	assert_int_equal(n.runs + n.rounds + n.grown, 0);
	free(ours);
	ours = fixture_dump(s);
	assert_string_equal(theirs, ours);
	free(ours);
	ours = export_text(s, 2, STORE_JSONL);
	assert_string_equal(text, ours);
	store_close(s);
	free(text);
	free(theirs);
	free(ours);
}

/* Text of schema 2: the same lines, without what later schemas added. */
static char *of_schema_2(const char *text)
{
	char *old = NULL, *line, *copy = strdup(text), *rest = copy;
	size_t size;
	FILE *out = open_memstream(&old, &size);

	assert_non_null(copy);
	assert_non_null(out);
	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *j = json_loads(line, 0, NULL);

		assert_non_null(j);
		json_object_set_new(j, "schema", json_integer(2));
		if (!strcmp(json_string_value(json_object_get(j, "type")), "invocation"))
			assert_int_equal(json_object_del(j, "overhead_ticks"), 0);
		if (!strcmp(json_string_value(json_object_get(j, "type")), "calibration"))
			assert_int_equal(json_object_del(j, "rounds") |
						 json_object_del(j, "blocks") |
						 json_object_del(j, "distance_ms"),
					 0);
		json_dumpf(j, out, JSON_COMPACT | JSON_REAL_PRECISION(17));
		putc('\n', out);
		json_decref(j);
	}
	fclose(out);
	free(copy);
	return old;
}

static void import_of_schema_2_takes_overhead_of_boot(void **state)
{
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_JSONL), *old = of_schema_2(text), *again;
	struct store *s = empty(f, "new.db");
	struct store_counts n;
	int64_t other;

	OK(import_text(s, old, strlen(old), &n));
	assert_int_equal(n.rounds, 4);
	assert_int_equal(fixture_check(s), 0);
	OK(sql_int(s,
		   "SELECT count(*) FROM invocation i JOIN boot b ON b.id = i.boot JOIN flat f ON"
		   " f.invocation = i.id WHERE i.overhead IS NOT NULL OR"
		   " f.net_ticks != f.raw_ticks - b.overhead",
		   NO_ARGS, &other, &why));
	assert_int_equal(other, 0);
	OK(sql_int(s,
		   "SELECT count(*) FROM calibration WHERE rounds IS NOT NULL OR blocks IS NOT NULL"
		   " OR distance IS NOT NULL",
		   NO_ARGS, &other, &why));
	assert_int_equal(other, 0);
	/* And out again, and in again, as what is not known. */
	again = export_text(s, 2, STORE_JSONL);
	assert_non_null(strstr(again, "\"overhead_ticks\":null"));
	OK(import_text(s, again, strlen(again), &n));
	assert_int_equal(n.same, 2);
	/* What is known and what is not are not the same calibration, nor the same round. */
	assert_int_equal(import_text(s, text, strlen(text), &n), -EEXIST);
	OK(sql_exec(s, "DELETE FROM calibration", &why));
	assert_int_equal(import_text(s, text, strlen(text), &n), -EEXIST);
	assert_non_null(strstr(why.text, "overhead is NULL"));
	store_close(s);
	free(again);
	free(old);
	free(text);
}

/* Nobody said where it began, and it has neither a round nor a label. */
static void a_bare_run_is_exported_too(void **state)
{
	const char *bare = "bare";
	struct fixture *f = *state;
	struct store *s = empty(f, "new.db");
	struct store_run_row *rows;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	OK(fixture_begin(f->s, bare, NULL, 0, 2));
	OK(store_export(f->s, &bare, 1, STORE_JSONL, out, &why));
	fclose(out);
	assert_non_null(strstr(text, "\"run\":\"bare\",\"host\":null"));
	OK(import_text(s, text, size, NULL));
	assert_int_equal(OK(store_runs(s, &rows, &why)), 1);
	assert_string_equal(rows[0].host, "");
	free(rows);
	free(text);
	out = open_memstream(&text, &size);
	OK(store_export(f->s, &bare, 1, STORE_CSV, out, &why));
	fclose(out);
	assert_int_equal(text[size - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + size - 1); /* a header and no row */
	free(text);
	store_close(s);
}

static void every_line_says_what_it_is(void **state)
{
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_JSONL), *line = text, *end;
	bool seen_seed = false;
	int lines = 0;

	for (; (end = strchr(line, '\n')); line = end + 1, lines++) {
		json_t *j = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(j);
		assert_int_equal(json_integer_value(json_object_get(j, "schema")), 4);
		assert_string_equal(json_string_value(json_object_get(j, "host")), "host-1");
		assert_non_null(json_string_value(json_object_get(j, "type")));
		if (!strcmp(json_string_value(json_object_get(j, "type")), "run")) {
			assert_true((uint64_t)json_integer_value(json_object_get(j, "seed")) ==
				    UINT64_MAX - 1);
			seen_seed = true;
		}
		json_decref(j);
	}
	assert_int_equal(*line, '\0');
	assert_true(lines > 40 && seen_seed);
	free(text);
}

/* ---- what is refused ---- */

/* The first @from of the text, from the start of line @line on, becomes @to. */
static const struct bad_line {
	const char *from, *to;
	const char *words;
} bad_lines[] = {
	{ "{\"type\":\"host\"", "{\"type\":\"guest\"", "line 1: no line of an export" },
	{ "{\"type\":\"host\"", "[\"type\",\"host\"", "line 1: not JSON" },
	{ "{\"type\":\"host\"", "{\"a\":{},\"type\":\"host\"", "line 1: host has keys" },
	{ "\"schema\":4,", "\"schema\":5,", "line 1: written by a newer tdcost" },
	{ "\"schema\":4,", "\"schema\":0,", "line 1: no line of an export" },
	{ "\"schema\":4,", "", "line 1: no line of an export" },
	{ "\"overhead_ticks\":0.33333333333333331", "\"overhead_ticks\":true",
	  "invocation: overhead_ticks is no number" },
	{ "\"family\":6", "\"family\":-6", "line 1: host: family is out of range" },
	{ "\"family\":6", "\"family\":\"6\"", "line 1: host: family is no whole number" },
	{ "\"family\":6", "\"family\":null", "line 1: host: family is null" },
	{ "\"family\":6", "\"familiy\":6", "line 1: host: family is missing" },
	{ "\"family\":6", "\"family\":6,\"family\":7", "line 1: not JSON" },
	{ "\"governor\":\"performance\"", "\"governor\":\"schedutil\"",
	  "line 2: environment: facts is not what its" },
	{ "\"boot_host\":\"host-1\"", "\"boot_host\":\"other\"", "line 3: FOREIGN KEY" },
	{ "\"lane\":\"host\"", "\"lane\":\"moon\"", "line 3: boot: lane is no word" },
	{ "\"tick_hz\":2000000000.0", "\"tick_hz\":true", "line 3: boot: tick_hz is no number" },
	{ "\"boot\":0}", "\"boot\":1}", "line 3: boot: boot is not the next place" },
	{ "\"factors\":{\"quirk\":\"off\"}", "\"factors\":{\"quirk\":\"no\"}",
	  "cell: factors is not what its hash says" },
	{ "\"factors\":{\"quirk\":\"off\"}", "\"factors\":\"{\"",
	  "cell: factors is not what its hash" },
	{ "{\"type\":\"run\"", "{\"type\":\"plan\"", "comes before its run" },
	{ "\"state\":\"done\"", "\"state\":\"dead\"", "run: state is no word" },
	{ "\"state\":\"done\"", "\"state\":\"open\"", NULL },
	{ "\"code\":\"steal\"", "\"code\":\"theft\"", "flag: code is no word" },
	{ "\"samples\":700", "\"samples\":701",
	  "the invocation before this line has other samples" },
	{ "\"warm_up\":6", "\"warm_up\":5", "the invocation before this line has other samples" },
	{ "[0,0,-3,0,1000,1]", "[0,2,-3,0,1000,1]", "a sample is of an arm that the plan" },
	{ "[0,0,-3,0,1000,1]", "[0,0,-3,0,0,1]", "a sample took no ticks" },
	{ "[0,0,-3,0,1000,1]", "[0,0,-3,0,1000,-1]", "a sample did no work" },
	{ "[0,0,-3,0,1000,1]", "[1,0,-3,0,1000,1]", "samples has a row twice" },
	{ "[0,0,-3,0,1000,1]", "[0,0,-3,0,1000]", "samples has a row of another length" },
	{ "[0,0,-3,0,1000,1]", "[0,0,-3,0,1e3,1]", "samples: ticks is no whole number" },
	{ "\"clock\":\"ns\",\"tick_hz\":2", "\"clock\":\"ns\",\"tick_hz\":3", "clock and tick_hz" },
	{ "\"columns\":[\"seq\",\"arm\"", "\"columns\":[\"arm\",\"seq\"", "columns are not those" },
	{ "[2,\"event\",", "[2,5,", "parts: metric is no text" },
	{ "[2,\"event\",", "[7000,\"event\",", "values belong to samples that are not there" },
	{ "\"records\":", "\"records\":1", "lines are missing" },
	{ "\"more\":1", "\"more\":0", NULL },
	{ "\"more\":1", "\"more\":2", "end: more does not follow" },
	{ "\"more\":0", "\"more\":1", "end: more does not follow" },
	{ "{\"type\":\"end\"", "{\"type\":\"end\",\"x\":1", "end has keys" },
	{ "\"position\":1,", "\"position\":0,", "invocation is there twice" },
	{ "\"run\":\"0a1b2c3d-run\"", "\"run\":\"x\"",
	  "line 2: the section of run: x ends without" },
	{ "\"host\":\"host-1\"", "\"host\":null", "line 2: host is not the one of the lines" },
	{ "\"host\":\"host-1\"", "\"host\":7", "line 1: no line of an export" },
	{ "\"round\":2", "\"round\":7", "line" },
};

static char *replace(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *out = NULL;

	if (!at)
		fail_msg("the export has no %s", from);
	else if (asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < 0)
		fail_msg("no memory");
	return out;
}

static void a_wrong_line_is_named(void **state)
{
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_JSONL), *before;
	struct store *s = empty(f, "new.db");

	before = fixture_dump(s);
	for (size_t i = 0; i < ARRAY_SIZE(bad_lines); i++) {
		const struct bad_line *b = &bad_lines[i];
		char *bad = replace(text, b->from, b->to), *after;
		struct store *good = b->words ? NULL : empty(f, b->to[1] == 's' ? "a.db" : "b.db");
		int err = import_text(good ? good : s, bad, strlen(bad), NULL);

		free(bad);
		store_close(good);
		if (!b->words) {
			OK(err);
			continue;
		}
		if ((err != -EINVAL && err != -EPROTO) || !strstr(why.text, b->words) ||
		    strncmp(why.text, "input: line ", 12))
			fail_msg("%s: %d: %s", b->to, err, err ? why.text : "taken");
		after = fixture_dump(s);
		assert_string_equal(before, after);
		free(after);
	}
	store_close(s);
	free(before);
	free(text);
}

/* At every length that is not all of it. */
static void a_cut_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_JSONL), *before, *after;
	struct store *s = empty(f, "new.db");
	size_t n = strlen(text), step;

	before = fixture_dump(s);
	for (size_t i = 1; i < n - 1; i += step) {
		char line[16];

		/* Each line's end, and somewhere in each line. */
		step = text[i] == '\n' || text[i - 1] == '\n' ? 1 : strcspn(text + i, "\n");
		if (!import_text(s, text, i, NULL))
			fail_msg("%zu of %zu bytes were taken", i, n);
		snprintf(line, sizeof(line), "input: line ");
		assert_int_equal(strncmp(why.text, line, strlen(line)), 0);
	}
	assert_int_equal(import_text(s, "\n", 1, NULL), -EINVAL);
	after = fixture_dump(s);
	assert_string_equal(before, after);
	OK(import_text(s, text, n - 1, NULL)); /* the last newline is no news */
	store_close(s);
	free(before);
	free(after);
	free(text);
}

static void a_line_without_end_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(STORE_LINE_MAX + 10);

	assert_non_null(text);
	memset(text, '[', STORE_LINE_MAX + 10);
	assert_int_equal(import_text(f->s, text, STORE_LINE_MAX + 10, NULL), -EINVAL);
	assert_non_null(strstr(why.text, "line 1: longer than"));
	assert_int_equal(import_text(f->s, text, STORE_LINE_MAX - 10, NULL), -EINVAL);
	assert_non_null(strstr(why.text, "line 1: not JSON"));
	free(text);
}

static void a_run_that_differs_is_named_by_its_line(void **state)
{
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_JSONL), words[64];
	int lines = 0;

	for (char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	OK(sql_exec(f->s,
		    "UPDATE sample SET ticks = 7 WHERE seq = 5 AND invocation ="
		    " (SELECT max(id) - 1 FROM invocation)",
		    &why));
	assert_int_equal(import_text(f->s, text, strlen(text), NULL), -EEXIST);
	snprintf(words, sizeof(words), "input: line %d: run second: round 0, position 0: ticks",
		 lines);
	if (strncmp(why.text, words, strlen(words)))
		fail_msg("%s", why.text);
	free(text);
}

/* ---- CSV ---- */

static void csv_has_a_row_a_sample(void **state)
{
	static const char *const header =
		"schema,run,label,host,host_id,kernel,lane,clock,tool,benchmark,version,factors,";
	static const char *const row =
		"4,0a1b2c3d-run,\"a \"\"label\"\", with\nall\",box,host-1,6.12.9,host,ns,0.1,reset,"
		"3,\"{\"\"quirk\"\":\"\"off\"\"}\",measured,0,0,0,0,5,-1,0,0,-3,1,1000,2000000000."
		"0,"
		"20.0,980.0,490.0,,1,4 KiB page,490.0,,8.35918367346939\n";
	struct fixture *f = *state;
	char *text = export_text(f->s, 2, STORE_CSV);
	int rows = 0;

	assert_int_equal(strncmp(text, header, strlen(header)), 0);
	if (strncmp(strchr(text, '\n') + 1, row, strlen(row)))
		fail_msg("%.300s", strchr(text, '\n') + 1);
	for (char *p = text; (p = strstr(p, ",6.12.9,host,ns,")); p++)
		rows++;
	assert_int_equal(rows, 4 * 700);
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	static const enum store_format formats[] = { STORE_CSV, STORE_JSONL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		assert_int_equal(store_export(f->s, uuids, 2, formats[i], full, &why), -ENOSPC);
		assert_non_null(strstr(why.text, "No space left"));
		fclose(full);
	}
	assert_int_equal(store_export(f->s, (const char *[]){ "none" }, 1, STORE_CSV, stderr, &why),
			 -ENOENT);
}

static void what_json_cannot_hold_is_said(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	OK(sql_exec(f->s, "UPDATE run SET label = CAST(x'ff41' AS TEXT)", &why));
	assert_int_equal(store_export(f->s, uuids, 1, STORE_JSONL, out, &why), -EILSEQ);
	assert_non_null(strstr(why.text, "label of a run is not UTF-8"));
	fclose(out);
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_import_is_what_was_exported),
		TEST(import_of_schema_2_takes_overhead_of_boot),
		TEST(a_bare_run_is_exported_too),
		TEST(every_line_says_what_it_is),
		TEST(a_wrong_line_is_named),
		TEST(a_cut_file_is_refused),
		TEST(a_line_without_end_is_refused),
		TEST(a_run_that_differs_is_named_by_its_line),
		TEST(csv_has_a_row_a_sample),
		TEST(a_full_disk_is_an_error),
		TEST(what_json_cannot_hold_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
