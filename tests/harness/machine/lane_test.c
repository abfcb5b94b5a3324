// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine/machine.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CLOCK	      "/sys/devices/system/clocksource/clocksource0/"

static const struct {
	const char *line; /* NULL: there is none */
	int ret;
	enum lane lane;
} cases[] = {
	{ NULL, 0, LANE_HOST },
	{ "\n", 0, LANE_HOST },
	{ "BOOT_IMAGE=/vmlinuz root=/dev/vda1 quiet\n", 0, LANE_HOST },
	{ "console=ttyS0 tdcost.lane=count panic=-1\n", 0, LANE_COUNT },
	{ "tdcost.lane=spr\n", 0, LANE_SPR },
	{ "quiet tdcost.lane=smoke", 0, LANE_SMOKE },
	{ "tdcost.lane=vm\n", 0, LANE_VM },
	{ "tdcost.lane=host\n", 0, LANE_HOST },
	{ "not.tdcost.lane=vm\n", 0, LANE_HOST },
	/* as with the kernel's own parameters, the last one holds */
	{ "tdcost.lane=vm tdcost.lane=count\n", 0, LANE_COUNT },
	{ "tdcost.lane=metal\n", -EINVAL, LANE_HOST },
	{ "tdcost.lane=\n", -EINVAL, LANE_HOST },
};

static void the_command_line_names_the_lane(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		enum lane lane = LANE_MAX;
		struct tree t;

		tree_make(&t);
		if (cases[i].line)
			tree_write(&t, "/proc/cmdline", cases[i].line);
		if (lane_detect(t.root, &lane, &why) != cases[i].ret)
			fail_msg("case %zu: '%s'", i, why.text);
		tree_remove(&t);
		assert_int_equal(lane, cases[i].lane);
		if (cases[i].ret)
			assert_non_null(strstr(why.text, "host, vm, count, spr and smoke"));
	}
}

/* What distorts time says nothing about counts: there it is no finding. */
static void only_time_can_be_distorted(void **state)
{
	static const enum lane timed[] = { LANE_HOST, LANE_VM };
	static const enum lane counted[] = { LANE_COUNT, LANE_SPR, LANE_SMOKE };
	struct machine m = { 0 };
	struct finding f[32];
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, CLOCK "current_clocksource", "hpet\n");
	m.root = t.root;
	m.env.identity = json_pack("{s:s, s:s}", "clocksource", "hpet", "clocksources", "hpet");
	for (size_t i = 0; i < ARRAY_SIZE(timed); i++) {
		m.lane = timed[i];
		assert_true(trust_check(&m, f, ARRAY_SIZE(f)) > 0);
		assert_true(f[0].fatal);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		size_t n;

		m.lane = counted[i];
		n = trust_check(&m, f, ARRAY_SIZE(f));
		for (size_t k = 0; k < n; k++)
			assert_false(f[k].fatal);
	}
	json_decref(m.env.identity);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_line_names_the_lane),
		cmocka_unit_test(only_time_can_be_distorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
