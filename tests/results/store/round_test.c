// SPDX-License-Identifier: GPL-2.0-or-later
/* What is put in comes out again, and what is wrong does not go in. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char uuid[] = "0a1b2c3d-run";

static const struct sample samples[] = {
	{ .seq = 0, .arm = 1, .block = -1, .cpu = 5, .ticks = 9000, .work = 4 },
	{ .seq = 1, .arm = 0, .block = -1, .cpu = 5, .ticks = 8000, .work = 4 },
	{ .seq = 2, .arm = 1, .block = 0, .cpu = 5, .ticks = 2020, .work = 4 },
	{ .seq = 3, .arm = 0, .block = 0, .cpu = 6, .ticks = 1020, .work = 4 },
	{ .seq = 4, .arm = 0, .block = 1, .cpu = 5, .ticks = INT64_MAX, .work = INT64_MAX },
};

static const struct store_part parts[] = {
	{ 2, "event", "page-faults", 3 },
	{ 2, "phase", "wbinvd", 1.5 },
	{ 3, "event", "page-faults", 4 },
	{ UINT32_MAX, "event", "page-faults", 99 },
};

static struct store_invocation invocation(unsigned round, unsigned position)
{
	static const struct store_flag flags[] = {
		{ FLAG_STEAL, false, 0, -1, "3 ms" },
		{ FLAG_MOVED, true, 0, 1, "CPU 6" },
	};

	return (struct store_invocation){ .round = round,
					  .position = position,
					  .cpu = 5,
					  .node = 1,
					  .overhead = 21,
					  .setup = "{}",
					  .started = 7,
					  .samples = samples,
					  .n_samples = ARRAY_SIZE(samples),
					  .flags = flags,
					  .n_flags = ARRAY_SIZE(flags),
					  .parts = parts,
					  .n_parts = ARRAY_SIZE(parts) };
}

struct seen {
	struct store_invocation_row inv[8];
	struct sample samples[64];
	size_t n_inv, n_samples, stop_after;
};

static int see(void *ctx, const struct store_invocation_row *inv, const struct sample *p, size_t n)
{
	struct seen *seen = ctx;

	seen->inv[seen->n_inv++] = *inv;
	memcpy(seen->samples + seen->n_samples, p, n * sizeof(*p));
	seen->n_samples += n;
	return seen->n_inv == seen->stop_after ? 77 : 0;
}

static void samples_come_back_in_order(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { .n_inv = 0 };
	struct store_invocation v[2] = { invocation(0, 1), invocation(0, 0) };

	v[0].arm_group = 0;
	v[0].overhead = 31.5; /* each process has its own, whatever the boot's was */
	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(store_put_round(f->s, uuid, f->boot, v, 2, &why));
	OK(store_each_invocation(f->s, uuid, true, see, &seen, &why));
	assert_int_equal(seen.n_inv, 2);
	assert_int_equal(seen.inv[0].position, 0);
	assert_int_equal(seen.inv[1].position, 1);
	assert_int_equal(seen.inv[1].cpu, 5);
	assert_int_equal(seen.inv[1].node, 1);
	assert_true(seen.inv[0].overhead == 21 && seen.inv[0].unit_per_tick == 0.5);
	assert_true(seen.inv[1].overhead == 31.5);
	assert_int_equal(fixture_int(f->path,
				     "SELECT count(*) FROM flat WHERE net_ticks != raw_ticks -"
				     " CASE position WHEN 0 THEN 21.0 ELSE 31.5 END"),
			 0);
	assert_int_equal(seen.n_samples, 2 * ARRAY_SIZE(samples));
	assert_memory_equal(seen.samples, samples, sizeof(samples));

	seen = (struct seen){ .stop_after = 1 };
	assert_int_equal(store_each_invocation(f->s, uuid, false, see, &seen, &why), 77);
	assert_int_equal(seen.n_inv, 1);
	assert_int_equal(seen.n_samples, 3);
	assert_memory_equal(seen.samples, samples + 2, 3 * sizeof(samples[0]));
	assert_int_equal(store_each_invocation(f->s, "none", false, see, &seen, &why), -ENOENT);
}

static void a_run_comes_back_whole(void **state)
{
	const struct store_flag flag = { FLAG_VIRTUAL_MACHINE, false, -1, -1, "under KVM" };
	struct fixture *f = *state;
	struct store_invocation v[2] = { invocation(0, 0), invocation(0, 1) };
	struct store_run_data d;

	OK(fixture_begin(f->s, uuid, "a label", f->boot, 1000));
	OK(store_put_round(f->s, uuid, f->boot, v, 2, &why));
	OK(store_put_flags(f->s, uuid, &flag, 1, &why));
	OK(store_put_flags(f->s, uuid, &flag, 1, &why)); /* said twice, true once */
	OK(store_end_run(f->s, uuid, RUN_INTERRUPTED, 2000, &why));
	OK(store_load_run(f->s, uuid, &d, &why));

	assert_string_equal(d.run.uuid, uuid);
	assert_string_equal(d.run.label, "a label");
	assert_string_equal(d.run.kernel, "6.12.9");
	assert_string_equal(d.run.host, "box");
	assert_string_equal(d.run.benchmarks, "reset");
	assert_int_equal(d.run.state, RUN_INTERRUPTED);
	assert_int_equal(d.run.lane, LANE_HOST);
	assert_int_equal(d.run.clock, CLOCK_UNIT_NS);
	assert_int_equal(d.run.started, 1000);
	assert_int_equal(d.run.ended, 2000);
	assert_true(d.run.seed == UINT64_MAX - 1);
	assert_int_equal(d.run.rounds, 1);
	assert_int_equal(d.run.invocations, 2);
	assert_int_equal(d.run.samples, 6);
	assert_int_equal(d.run.fatal_flags, 1);

	assert_string_equal(d.argv, "[\"tdcost\",\"run\"]");
	assert_string_equal(d.plan, "{\"budget\":\"1s\"}");
	assert_string_equal(d.varying, "{\"load\":0.5}");
	assert_string_equal(d.tool, "0.1");
	assert_non_null(strstr(d.identity, "\"kernel\":\"6.12.9\""));
	assert_true(d.tick_hz == 2e9 && d.resolution == 2 && d.overhead == 21);
	assert_string_equal(d.cpu, "A CPU");
	assert_int_equal(d.model, 143);
	assert_true(d.memory == 1ull << 37);

	assert_int_equal(d.n_cells, 4);
	assert_string_equal(d.cells[1].factors, "{\"quirk\":\"on\"}");
	assert_int_equal(d.cells[1].arm, 1);
	assert_int_equal(d.cells[1].kind, KIND_ANALOGUE);
	assert_int_equal(d.cells[1].version, 3);
	assert_null(d.cells[0].reason);
	assert_int_equal(d.cells[3].state, CELL_SKIPPED);
	assert_string_equal(d.cells[3].reason, "no 1G pages here");
	assert_string_equal(d.cells[3].asked, "{\"quirk\":\"auto\"}");
	assert_string_equal(d.cells[3].paired, "[\"quirk\"]");

	assert_int_equal(d.n_flags, 3);
	assert_int_equal(d.flags[0].flag, FLAG_MOVED);
	assert_true(d.flags[0].fatal);
	assert_int_equal(d.flags[0].arm, 1);
	assert_int_equal(d.flags[0].count, 2);
	assert_string_equal(d.flags[0].detail, "CPU 6");
	assert_int_equal(d.flags[1].flag, FLAG_STEAL);
	assert_int_equal(d.flags[1].arm, -1);
	assert_int_equal(d.flags[2].flag, FLAG_VIRTUAL_MACHINE);
	assert_int_equal(d.flags[2].arm_group, -1);
	assert_int_equal(d.flags[2].count, 1);

	assert_int_equal(d.n_metrics, 2);
	assert_string_equal(d.metrics[0].name, "time");
	assert_string_equal(d.metrics[0].per, "4 KiB page");
	assert_int_equal(d.metrics[0].bytes_per, 4096);
	assert_string_equal(d.metrics[1].name, "event");
	store_free_run(&d);

	assert_int_equal(store_load_run(f->s, "none", &d, &why), -ENOENT);
	assert_non_null(strstr(why.text, "tdcost runs"));
}

/* Every way in which a round can be wrong, and that nothing of it stays. */
static void a_wrong_round_leaves_nothing(void **state)
{
	static const struct sample bad_arm = { .arm = 2, .ticks = 1, .work = 1 };
	static const struct sample no_ticks = { .ticks = 0, .work = 1 };
	static const struct sample huge = { .ticks = UINT64_MAX, .work = 1 };
	static const struct sample no_work = { .ticks = 1, .work = 0 };
	static const struct sample twice[] = { { .ticks = 1, .work = 1 },
					       { .ticks = 1, .work = 1 } };
	static const struct store_part same[] = { { 2, "event", "x", 1 }, { 2, "event", "x", 2 } };
	struct store_invocation good = invocation(1, 0), bad[9];
	static const int errs[ARRAY_SIZE(bad)] = { -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EEXIST,
						   -EEXIST, -EEXIST, -EINVAL, -EINVAL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = invocation(1, 1);
	bad[0].samples = &bad_arm;
	bad[1].samples = &no_ticks;
	bad[2].samples = &huge;
	bad[3].samples = &no_work;
	bad[0].n_samples = bad[1].n_samples = bad[2].n_samples = bad[3].n_samples = 1;
	bad[4].samples = twice;
	bad[4].n_samples = 2;
	bad[5].parts = same;
	bad[5].n_parts = 2;
	bad[6].position = 0;
	bad[7].setup = "not JSON";
	bad[8].round = 2;

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(fixture_put_round(f->s, uuid, f->boot, 0, 2, 8));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct store_invocation v[2] = { good, bad[i] };

		if (store_put_round(f->s, uuid, f->boot, v, 2, &why) != errs[i])
			fail_msg("bad[%zu]: %s", i, why.text);
		assert_non_null(strstr(why.text, f->path));
		assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM invocation"), 2);
		assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM sample"), 16);
		assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM part"), 0);
	}
	assert_int_equal(store_put_round(f->s, "none", f->boot, &good, 1, &why), -ENOENT);
	assert_int_equal(store_put_round(f->s, uuid, 77, &good, 1, &why), -EINVAL);
	OK(store_put_round(f->s, uuid, f->boot, &good, 1, &why));
	assert_int_equal(fixture_put_round(f->s, uuid, f->boot, 1, 1, 8), -EEXIST);
	assert_int_equal(fixture_check(f->s), 0);
}

static void arms_of_another_group_are_not_ours(void **state)
{
	struct fixture *f = *state;
	struct store_invocation v = invocation(0, 0); /* has arms 0 and 1 */

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	v.arm_group = 1; /* has arm 0 only */
	assert_int_equal(store_put_round(f->s, uuid, f->boot, &v, 1, &why), -EINVAL);
	v.arm_group = 2; /* is not there */
	assert_int_equal(store_put_round(f->s, uuid, f->boot, &v, 1, &why), -EINVAL);
}

static void the_first_boot_recorded_stays(void **state)
{
	struct fixture *f = *state;
	struct store_boot b = { .boot_id = "b",
				.host = "host-1",
				.environment = "e",
				.identity = "{\"kernel\":\"k\"}",
				.lane = LANE_COUNT,
				.clock = CLOCK_UNIT_INSN,
				.tick_hz = 1e9,
				.overhead = 30 };
	int64_t first, again, other;

	OK(store_put_boot(f->s, &b, &first, &why));
	b.overhead = 31;
	OK(store_put_boot(f->s, &b, &again, &why));
	assert_int_equal(again, first);
	assert_int_equal(fixture_int(f->path, "SELECT overhead FROM boot WHERE boot_id = 'b'"), 30);
	b.lane = LANE_VM;
	OK(store_put_boot(f->s, &b, &other, &why));
	assert_int_not_equal(other, first);
	b.host = "nowhere";
	assert_int_equal(store_put_boot(f->s, &b, &other, &why), -EINVAL);
	b.host = "host-1";
	b.environment = "f";
	b.identity = "{\"governor\":\"x\"}"; /* whose kernel? */
	assert_int_equal(store_put_boot(f->s, &b, &other, &why), -EINVAL);
	assert_non_null(strstr(why.text, "kernel"));
	assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM environment"), 2);
}

static void a_metric_keeps_its_meaning(void **state)
{
	const struct store_run run = { .uuid = "x", .argv = "[]", .plan = "{}", .tool = "t" };
	struct store_metric m = { "reset", 3, "time", "duration", "4 KiB page", 64 };
	struct fixture *f = *state;

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	assert_int_equal(store_begin_run(f->s, &run, &m, 1, NULL, 0, &why), -EEXIST);
	assert_non_null(strstr(why.text, "raise the benchmark's version"));
	assert_int_equal(fixture_int(f->path, "SELECT count(*) FROM run"), 1);
	m.version = 4;
	OK(store_begin_run(f->s, &run, &m, 1, NULL, 0, &why));
	assert_int_equal(fixture_begin(f->s, uuid, NULL, f->boot, 1), -EEXIST);
}

static void a_run_without_rounds_is_listed(void **state)
{
	struct fixture *f = *state;
	struct store_run_row *rows;

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(fixture_begin(f->s, "later", NULL, 0, 2));
	assert_int_equal(OK(store_runs(f->s, &rows, &why)), 2);
	assert_string_equal(rows[0].kernel, ""); /* nobody said where it began */
	assert_string_equal(rows[1].kernel, "6.12.9");
	assert_int_equal(rows[1].state, RUN_OPEN);
	assert_int_equal(rows[1].ended, 0);
	free(rows);
	OK(fixture_put_round(f->s, "later", f->boot, 0, 1, 8));
	assert_int_equal(OK(store_runs(f->s, &rows, &why)), 2);
	assert_string_equal(rows[0].kernel, "6.12.9"); /* where its first round ran */
	free(rows);
	assert_int_equal(store_end_run(f->s, "none", RUN_DONE, 1, &why), -ENOENT);
	assert_int_equal(store_put_flags(f->s, "none", NULL, 0, &why), -ENOENT);
}

static void uuids_are_random_and_well_formed(void **state)
{
	char a[37], b[37];

	(void)state;
	for (int i = 0; i < 100; i++) {
		store_new_uuid(a);
		store_new_uuid(b);
		assert_string_not_equal(a, b);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(samples_come_back_in_order),
		TEST(a_run_comes_back_whole),
		TEST(a_wrong_round_leaves_nothing),
		TEST(arms_of_another_group_are_not_ours),
		TEST(the_first_boot_recorded_stays),
		TEST(a_metric_keeps_its_meaning),
		TEST(a_run_without_rounds_is_listed),
		cmocka_unit_test(uuids_are_random_and_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
