// SPDX-License-Identifier: GPL-2.0-or-later
/* A run goes on under its own environment or not at all; calibrations are kept by cell. */
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"

static const char uuid[] = "0a1b2c3d-run";

/* The standard boot with something changed. */
static const struct other_boot {
	const char *boot_id, *host, *identity;
	enum lane lane;
	enum clock_unit clock;
	const char *words; /* NULL: the run may go on there */
} others[] = {
	{ "boot-1", "host-1", NULL, LANE_HOST, CLOCK_UNIT_NS, NULL },
	{ "boot-2", "host-1", NULL, LANE_HOST, CLOCK_UNIT_NS, NULL },
	{ "boot-2", "host-2", NULL, LANE_HOST, CLOCK_UNIT_NS, "host (was host-1, is host-2)" },
	{ "boot-1", "host-1", NULL, LANE_VM, CLOCK_UNIT_NS, "lane (was host, is vm)" },
	{ "boot-1", "host-1", NULL, LANE_HOST, CLOCK_UNIT_INSN, "clock (was ns, is instr" },
	{ "boot-1", "host-1", "{\"governor\":\"powersave\",\"kernel\":\"6.12.9\"}", LANE_HOST,
	  CLOCK_UNIT_NS, "governor (was \"performance\", is \"powersave\")" },
	{ "boot-1", "host-1", "{\"kernel\":\"6.13\",\"thp\":1}", LANE_HOST, CLOCK_UNIT_NS,
	  "governor (was \"performance\", is nothing), kernel (was \"6.12.9\", is \"6.13\"), thp "
	  "(was nothing, is 1)" },
};

static int64_t put_other(struct fixture *f, const struct other_boot *o)
{
	const char *identity = o->identity
				       ?: "{\"governor\":\"performance\",\"kernel\":\"6.12.9\"}";
	const struct store_host host = { .id = o->host, .name = "box", .cpu = "A CPU" };
	char hash[HASH_TEXT];
	struct store_boot b = { .boot_id = o->boot_id,
				.host = o->host,
				.environment = hash,
				.identity = identity,
				.lane = o->lane,
				.clock = o->clock,
				.tick_hz = 2e9,
				.resolution = 2,
				.overhead = 20 };
	int64_t boot;

	hash_text(identity, hash);
	OK(store_put_host(f->s, &host, &why));
	OK(store_put_boot(f->s, &b, &boot, &why));
	return boot;
}

static void only_the_same_environment_will_do(void **state)
{
	struct fixture *f = *state;
	unsigned rounds = 1;

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(fixture_put_round(f->s, uuid, f->boot, 0, 2, 8));
	OK(store_end_run(f->s, uuid, RUN_INTERRUPTED, 5, &why));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const struct other_boot *o = &others[i];
		int64_t boot = put_other(f, o);
		struct store_run_data d;
		int err = store_resume_run(f->s, uuid, boot, &d, &why);

		if (err != (o->words ? -ESTALE : 0) || (err && !strstr(why.text, o->words)))
			fail_msg("others[%zu]: %d: %s", i, err, why.text);
		if (!err) {
			assert_int_equal(d.run.state, RUN_OPEN);
			assert_int_equal(d.run.ended, 0);
			assert_int_equal(d.run.rounds, rounds);
			store_free_run(&d);
		}
		err = fixture_put_round(f->s, uuid, boot, rounds, 2, 8);
		if (err != (o->words ? -ESTALE : 0) || (err && !strstr(why.text, o->words)))
			fail_msg("others[%zu]: a round: %d: %s", i, err, why.text);
		rounds += !err;
		OK(store_end_run(f->s, uuid, RUN_INTERRUPTED, 5, &why));
	}
	assert_int_equal(rounds, 3);
	assert_int_equal(fixture_check(f->s), 0);
}

static void what_is_needed_to_go_on_is_there(void **state)
{
	struct fixture *f = *state;
	struct store_run_data d;
	struct store_run_row *rows;

	OK(fixture_begin(f->s, uuid, "mine", f->boot, 1));
	OK(fixture_put_round(f->s, uuid, f->boot, 0, 2, 8));
	/* Its process died: it is still open. */
	OK(store_resume_run(f->s, uuid, f->boot, &d, &why));
	assert_true(d.run.seed == UINT64_MAX - 1);
	assert_string_equal(d.plan, "{\"budget\":\"1s\"}");
	assert_string_equal(d.argv, "[\"tdcost\",\"run\"]");
	assert_string_equal(d.tool, "0.1");
	assert_string_equal(d.boot_id, "boot-1");
	assert_string_equal(d.host_id, "host-1");
	assert_int_equal(d.boot, f->boot);
	assert_int_equal(strlen(d.environment), 32);
	assert_non_null(strstr(d.identity, "\"governor\":\"performance\""));
	assert_int_equal(d.run.rounds, 1);
	assert_int_equal(d.n_cells, 4);
	store_free_run(&d);

	OK(store_end_run(f->s, uuid, RUN_DONE, 7, &why));
	assert_int_equal(store_resume_run(f->s, uuid, f->boot, &d, &why), -EALREADY);
	assert_non_null(strstr(why.text, "is done"));
	assert_int_equal(OK(store_select(f->s, uuid, &rows, &why)), 1);
	assert_int_equal(rows[0].state, RUN_DONE);
	assert_int_equal(rows[0].ended, 7);
	free(rows);
	assert_int_equal(store_resume_run(f->s, "none", f->boot, &d, &why), -ENOENT);
}

/* The plan of fixture_begin() with one thing changed. */
static void another_plan_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_run_data d;
	struct store_cell cells[5], changed[5];

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(store_load_run(f->s, uuid, &d, &why));
	for (size_t i = 0; i < 4; i++)
		cells[i] = (struct store_cell){ .hash = d.cells[i].hash,
						.benchmark = "reset",
						.version = 3,
						.factors = d.cells[i].factors,
						.arm_group = d.cells[i].arm_group,
						.arm = d.cells[i].arm,
						.state = d.cells[i].state };
	cells[4] = cells[0];
	OK(store_same_plan(&d, cells, 4, &why));
	assert_int_equal(store_same_plan(&d, cells, 3, &why), -ESTALE);
	assert_int_equal(store_same_plan(&d, cells, 5, &why), -ESTALE);
	assert_non_null(strstr(why.text, "4 cells"));
	for (int i = 0; i < 4; i++) {
		memcpy(changed, cells, sizeof(cells));
		if (i == 0)
			changed[1].hash = cells[0].hash;
		else if (i == 1)
			changed[1].arm_group = 3;
		else if (i == 2)
			changed[1].arm = 3;
		else
			changed[1].state = CELL_SKIPPED;
		assert_int_equal(store_same_plan(&d, changed, 4, &why), -ESTALE);
		assert_non_null(strstr(why.text, "cell 1 of its plan is reset version 3"));
	}
	changed[1] = cells[1];
	changed[3].arm = 7; /* a skipped cell has no place */
	OK(store_same_plan(&d, changed, 4, &why));
	store_free_run(&d);
}

static void calibrations_are_found_by_host_and_cell(void **state)
{
	struct fixture *f = *state;
	struct store_calibration c = { .design = "paired", .taken = 5, .pairs = 60, .floor = 0.01 };
	struct store_calibration bad[7];
	struct store_calibration_row *rows;
	struct store_run_data d;

	OK(fixture_begin(f->s, uuid, NULL, f->boot, 1));
	OK(store_load_run(f->s, uuid, &d, &why));
	c.cell = d.cells[0].hash;
	OK(store_put_calibration(f->s, f->boot, &c, &why));
	assert_int_equal(store_put_calibration(f->s, f->boot, &c, &why), -EEXIST);
	c.taken = 6;
	c.false_positives = 3;
	c.rounds = 10;
	c.blocks = 40;
	c.distance_ms = 120000;
	OK(store_put_calibration(f->s, put_other(f, &others[1]), &c, &why));
	c.cell = d.cells[1].hash;
	OK(store_put_calibration(f->s, f->boot, &c, &why));
	c.cell = "unknown";
	assert_int_equal(store_put_calibration(f->s, f->boot, &c, &why), -EINVAL);

	assert_int_equal(OK(store_calibrations(f->s, "host-1", d.cells[0].hash, &rows, &why)), 2);
	assert_int_equal(rows[0].taken, 6);
	assert_int_equal(rows[0].false_positives, 3);
	assert_int_equal(rows[0].pairs, 60);
	assert_true(rows[0].floor == 0.01);
	assert_int_equal(rows[0].rounds, 10);
	assert_int_equal(rows[0].blocks, 40);
	assert_int_equal(rows[0].distance_ms, 120000);
	assert_string_equal(rows[0].boot_id, "boot-2");
	assert_string_equal(rows[0].benchmark, "reset");
	assert_string_equal(rows[0].design, "paired");
	assert_string_equal(rows[0].kernel, "6.12.9");
	assert_int_equal(rows[0].lane, LANE_HOST);
	assert_int_equal(rows[1].taken, 5);
	assert_int_equal(rows[1].rounds + rows[1].blocks, 0);
	assert_int_equal(rows[1].distance_ms, 0);
	assert_int_equal(fixture_int(f->path,
				     "SELECT count(*) FROM calibration WHERE rounds IS NULL AND"
				     " blocks IS NULL AND distance IS NULL"),
			 1);
	free(rows);
	assert_int_equal(OK(store_calibrations(f->s, NULL, NULL, &rows, &why)), 3);
	free(rows);
	assert_int_equal(OK(store_calibrations(f->s, "host-2", NULL, &rows, &why)), 0);
	assert_null(rows);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bad[i] = c;
		bad[i].cell = d.cells[2].hash;
	}
	bad[0].pairs = 0;
	bad[1].false_positives = 61;
	bad[2].floor = -1;
	bad[3].floor = 0.0 / 0.0;
	bad[4].rounds = 0;
	bad[5].blocks = 0;
	bad[6].distance_ms = -1;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(store_put_calibration(f->s, f->boot, &bad[i], &why), -EINVAL);
	store_free_run(&d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(only_the_same_environment_will_do),
		TEST(what_is_needed_to_go_on_is_there),
		TEST(another_plan_is_refused),
		TEST(calibrations_are_found_by_host_and_cell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
