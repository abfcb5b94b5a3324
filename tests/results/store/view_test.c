// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of the views, against rows worked out by hand. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NOT_THERE NAN /* SQL NULL */

struct boot_case {
	const char *id;
	enum lane lane;
	enum clock_unit clock;
	double tick_hz, overhead;
};

/* Ticks of half a nanosecond and an empty cost of 20; instructions one to one, without. */
static const struct boot_case ns_2ghz = { "ns", LANE_HOST, CLOCK_UNIT_NS, 2e9, 20 };
static const struct boot_case insn = { "insn", LANE_COUNT, CLOCK_UNIT_INSN, 1e9, 0 };

static const struct view_case {
	const struct boot_case *boot;
	unsigned arm_group; /* 0: a page of 4096 bytes is one unit of work; 1: a call, no bytes */
	uint64_t ticks, work;
	double net, value, per_work, gb_per_s;
} cases[] = {
	/* (2020 - 20) * 0.5 = 1000 ns for 4 pages: 250 ns each, 16384 B / 1000 ns */
	{ &ns_2ghz, 0, 2020, 4, 2000, 1000, 250, 16.384 },
	{ &ns_2ghz, 0, 21, 1, 1, 0.5, 0.5, 8192 },
	/* no time left: a rate would be infinite, or negative */
	{ &ns_2ghz, 0, 20, 1, 0, 0, 0, NOT_THERE },
	{ &ns_2ghz, 0, 10, 2, -10, -5, -2.5, NOT_THERE },
	{ &ns_2ghz, 1, 2020, 4, 2000, 1000, 250, NOT_THERE },
	{ &insn, 0, 2020, 4, 2020, 2020, 505, NOT_THERE },
	{ &insn, 1, 7, 2, 7, 7, 3.5, NOT_THERE },
};

static int64_t put_boot(struct fixture *f, const struct boot_case *c)
{
	const struct store_boot b = { .boot_id = c->id,
				      .host = "host-1",
				      .environment = "e",
				      .identity = "{\"kernel\":\"6.12-rc1\"}",
				      .lane = c->lane,
				      .clock = c->clock,
				      .tick_hz = c->tick_hz,
				      .resolution = 1,
				      /* no figure shows it: each invocation has its own */
				      .overhead = 1000 };
	int64_t boot;

	OK(store_put_boot(f->s, &b, &boot, &why));
	return boot;
}

/* A run stays with its clock, so each has its own. */
static void begin(struct fixture *f, const struct boot_case *boot)
{
	const struct store_run run = { .uuid = boot->id,
				       .label = "l",
				       .argv = "[]",
				       .plan = "{}",
				       .tool = "0.1",
				       .started = 1700000000123 };
	const struct store_metric metrics[] = {
		{ "reset", 1, "time", "duration", "4 KiB page", 4096 },
		{ "reset", 1, "event", "count", "byte", 1 }, /* not what ticks measure */
		{ "topup", 2, "time", "duration", "call", 0 },
	};
	const struct store_cell cells[] = {
		{ "h0", "reset", 1, "{\"quirk\":\"on\"}", "[]", 0, 0, CELL_PLANNED, KIND_ANALOGUE,
		  NULL, "{}" },
		{ "h1", "topup", 2, "{\"cache\":\"list\"}", "[]", 1, 0, CELL_PLANNED, KIND_MEASURED,
		  NULL, "{}" },
		/* skipped, so its place means nothing */
		{ "h2", "reset", 1, "{\"quirk\":\"off\"}", "[]", 0, 0, CELL_SKIPPED, KIND_MEASURED,
		  "not here", "{}" },
	};

	OK(store_begin_run(f->s, &run, metrics, 3, cells, 3, &why));
}

static void put_case(struct fixture *f, const struct view_case *c, unsigned round)
{
	const struct sample samples[2] = {
		{ .seq = 0, .block = -1, .cpu = 3, .ticks = 12345, .work = 1 },
		{ .seq = 1, .block = 0, .cpu = 4, .ticks = c->ticks, .work = c->work },
	};
	const struct store_part parts[2] = { { 1, "event", "page-faults", 2.5 },
					     { UINT32_MAX, "phase", "unmap", 8 } };
	const struct store_invocation v = { .round = round,
					    .position = 0,
					    .cpu = 4,
					    .node = 1,
					    .overhead = c->boot->overhead,
					    .arm_group = c->arm_group,
					    .samples = samples,
					    .n_samples = 2,
					    .parts = parts,
					    .n_parts = 2 };

	OK(store_put_round(f->s, c->boot->id, put_boot(f, c->boot), &v, 1, &why));
}

static void assert_column(sqlite3_stmt *st, int col, double expected)
{
	double got = sqlite3_column_double(st, col);

	if (isnan(expected))
		assert_int_equal(sqlite3_column_type(st, col), SQLITE_NULL);
	else if (sqlite3_column_type(st, col) == SQLITE_NULL ||
		 fabs(got - expected) > 1e-12 * fabs(expected))
		fail_msg("%s: %.17g, not %.17g", sqlite3_column_name(st, col), got, expected);
}

static void flat_figures_are_right(void **state)
{
	struct fixture *f = *state;
	sqlite3_stmt *st;

	begin(f, &ns_2ghz);
	begin(f, &insn);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		put_case(f, &cases[i], (unsigned)i);
	OK(sql_query(
		f->s, &st,
		"SELECT net_ticks, value, value_per_work, gb_per_s, unit, work_unit, raw_ticks,"
		" work, benchmark, kind FROM flat WHERE NOT warm_up ORDER BY round",
		NO_ARGS, &why));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct view_case *c = &cases[i];
		const char *const text[] = { clock_unit_name(c->boot->clock),
					     c->arm_group ? "call" : "4 KiB page" };

		assert_int_equal(OK(sql_step(f->s, st, &why)), 1);
		assert_column(st, 0, c->net);
		assert_column(st, 1, c->value);
		assert_column(st, 2, c->per_work);
		assert_column(st, 3, c->gb_per_s);
		assert_string_equal(sqlite3_column_text(st, 4), text[0]);
		assert_string_equal(sqlite3_column_text(st, 5), text[1]);
		assert_int_equal(sqlite3_column_int64(st, 6), c->ticks);
		assert_int_equal(sqlite3_column_int64(st, 7), c->work);
		assert_string_equal(sqlite3_column_text(st, 8), c->arm_group ? "topup" : "reset");
		assert_string_equal(sqlite3_column_text(st, 9),
				    c->arm_group ? "measured" : "analogue");
	}
	assert_int_equal(sql_step(f->s, st, &why), 0); /* a row a sample, no more */
	sqlite3_finalize(st);
	assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM flat"), 2 * ARRAY_SIZE(cases));
}

/* SQL that yields 1 when what it says is so. */
static const char *const truths[] = {
	"SELECT count(*) = 1 FROM flat WHERE run = 'ns' AND label = 'l' AND host = 'box'"
	" AND kernel = '6.12-rc1' AND lane = 'host' AND clock = 'ns' AND tool = '0.1'"
	" AND version = 1 AND factors ->> 'quirk' = 'on' AND round = 0 AND position = 0"
	" AND pinned_cpu = 4 AND cpu = 4 AND node = 1 AND seq = 1 AND block = 0 AND arm_group = 0"
	" AND arm = 0 AND raw_ticks = 2020",
	"SELECT count(*) = 7 FROM flat WHERE warm_up AND block = -1 AND cpu = 3",
	"SELECT count(*) = 14 FROM flat WHERE overhead_ticks = CASE run WHEN 'ns' THEN 20 ELSE 0 "
	"END",
	"SELECT sum(invocations) = 5 AND sum(samples) = 5 AND min(state) = 'planned' FROM cells"
	" WHERE cell = 'h0'",
	"SELECT sum(invocations) = 2 AND sum(samples) = 2 FROM cells WHERE cell = 'h1'",
	"SELECT invocations = 0 AND samples = 0 AND reason = 'not here' FROM cells WHERE cell = "
	"'h2'",
	"SELECT count(DISTINCT cell) = 3 AND count(*) = 6 FROM cells",
	"SELECT sum(rounds) = 7 AND sum(invocations) = 7 AND sum(samples) = 7 AND max(benchmarks) "
	"= 'reset topup'"
	" AND max(started_utc) = '2023-11-14 22:13:20' AND max(lane) = 'host' AND max(host_id) = "
	"'host-1' FROM "
	"runs",
	"SELECT count(*) = 7 AND sum(value) = 17.5 FROM parts WHERE metric = 'event'"
	" AND subject = 'page-faults' AND seq = 1 AND arm = 0 AND block = 0 AND NOT warm_up",
	"SELECT count(*) = 7 FROM parts WHERE subject = 'unmap' AND seq IS NULL AND arm IS NULL",
	"SELECT count(*) = 2 FROM subject",
	"SELECT kernel = '6.12-rc1' FROM environment WHERE hash = 'e'",
};

static void the_other_columns_are_right(void **state)
{
	struct fixture *f = *state;

	begin(f, &ns_2ghz);
	begin(f, &insn);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		put_case(f, &cases[i], (unsigned)i);
	for (size_t i = 0; i < ARRAY_SIZE(truths); i++)
		if (fixture_int(f->path, truths[i]) != 1)
			fail_msg("not so: %s", truths[i]);
}

/* Invocations that were stored before each had its own. */
static void invocation_without_overhead_takes_that_of_its_boot(void **state)
{
	struct fixture *f = *state;
	struct store_run_data d;

	begin(f, &ns_2ghz);
	put_case(f, &cases[0], 0);
	put_case(f, &cases[0], 1);
	OK(sql_exec(f->s, "UPDATE invocation SET overhead = NULL WHERE round = 1", &why));
	assert_int_equal(fixture_int(f->path,
				     "SELECT count(*) FROM flat WHERE raw_ticks = 2020 AND"
				     " net_ticks = CASE round WHEN 0 THEN 2000 ELSE 1020 END"
				     " AND value = net_ticks / 2 AND value_per_work = value / 4"
				     " AND gb_per_s = 16384 / value"),
			 2);
	OK(store_load_run(f->s, "ns", &d, &why));
	assert_true(d.overhead == (20 + 1000) / 2.0);
	store_free_run(&d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(flat_figures_are_right),
		TEST(the_other_columns_are_right),
		TEST(invocation_without_overhead_takes_that_of_its_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
