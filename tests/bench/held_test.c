// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines that were to be cached and are not: a remark; those that are: none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/held.h"
#include "bench/ops/lines.h"

#define BYTES (256ul << 10)

static struct machine machine;
static struct bench_ctx ctx;
static char *region;
static unsigned brought, flagged;
static char said[200];

static void raise_flag(struct bench_ctx *of, enum trust_flag flag, int arm, const char *detail)
{
	assert_ptr_equal(of, &ctx);
	assert_int_equal(flag, FLAG_NOT_HELD);
	assert_int_equal(arm, 3);
	snprintf(said, sizeof(said), "%s", detail);
	flagged++;
}

static int set_up(void **state)
{
	struct reason why = { "" };

	(void)state;
	region = aligned_alloc(4096, BYTES);
	if (!region || machine_open(&machine, &why))
		return -1;
	memset(region, 1, BYTES);
	topo_equals(machine.topo, &ctx.cpu, 1);
	ctx.machine = &machine;
	ctx.flag = raise_flag;
	return topo_bind_thread(machine.topo, ctx.cpu, &why);
}

static int tear_down(void **state)
{
	(void)state;
	machine_close(&machine);
	free(region);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	machine.lane = LANE_HOST;
	brought = flagged = 0;
	return 0;
}

static void evict(void *state)
{
	(void)state;
	brought++;
	lines_evict(&machine.cpu, region, BYTES);
}

static void load(void *state)
{
	(void)state;
	brought++;
	lines_clean(&machine.cpu, region, BYTES);
}

static double check(void (*bring)(void *), unsigned lines)
{
	struct held h = { .asked = "before=dirty", .bytes = BYTES, .bring = bring };

	probe_init(&h.lines, region);
	probe_add(&h.lines, 0, BYTES, lines, 5);
	return held_check(&ctx, 3, &h);
}

static void lines_that_are_not_held_are_remarked(void **state)
{
	double share = NAN;

	(void)state;
	/* A machine that others use may make loads from memory so slow that no scale fits. */
	for (unsigned i = 0; i < 20 && !flagged; i++) {
		brought = 0;
		share = check(evict, PROBE_LINES);
		assert_int_equal(brought, 3);
		assert_int_equal(flagged, !isnan(share) && share < 0.75);
	}
	/* In an emulator nothing shows. */
	assert_true(flagged || isnan(share));
	if (!flagged)
		return;
	assert_non_null(strstr(said, "before=dirty: "));
	assert_non_null(strstr(said, "of 256K were still cached when a sample began, about "));
}

static void lines_that_are_held_are_not(void **state)
{
	double share = 0;

	(void)state;
	/* Somebody else may drive them out, and does not bring them in. */
	for (unsigned i = 0; i < 20 && share < 0.75; i++) {
		flagged = 0;
		share = check(load, PROBE_LINES);
		assert_int_equal(flagged, share < 0.75);
	}
	if (!isnan(share) && share < 0.75)
		print_message("lines do not stay on this machine: %s\n", said);
}

static void no_line_is_no_question(void **state)
{
	(void)state;
	assert_true(isnan(check(evict, 0)));
	assert_int_equal(brought + flagged, 0);
}

static void an_emulator_is_not_asked(void **state)
{
	(void)state;
	machine.lane = LANE_COUNT;
	assert_true(isnan(check(evict, PROBE_LINES)));
	assert_int_equal(brought + flagged, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_that_are_not_held_are_remarked, clear),
		cmocka_unit_test_setup(lines_that_are_held_are_not, clear),
		cmocka_unit_test_setup(no_line_is_no_question, clear),
		cmocka_unit_test_setup(an_emulator_is_not_asked, clear),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
