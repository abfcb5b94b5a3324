// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the victim runs, and that it runs: its thread, on this machine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/victim.h"
#include "harness/measure/clock.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct topo *topo;

static int close_topo(void **state)
{
	(void)state;
	topo_close(topo);
	topo = NULL;
	return 0;
}

static void open_topo(const char *machine)
{
	struct reason why = { "" };

	if (topo_open(&topo, machine, &why))
		fail_msg("%s", why.text);
}

static void it_runs_where_it_is_asked_to(void **state)
{
	static const struct {
		enum victim_where where;
		unsigned self;
		int cpu;
	} cases[] = {
		{ VICTIM_NONE, 0, -1 },	   { VICTIM_CORE, 0, 1 }, { VICTIM_CORE, 7, 6 },
		{ VICTIM_LLC, 0, 2 },	   { VICTIM_LLC, 6, 4 },  { VICTIM_PACKAGE, 0, 4 },
		{ VICTIM_PACKAGE, 9, 12 }, { VICTIM_SAME, 9, 9 }, { VICTIM_REMOTE, 0, 8 },
		{ VICTIM_REMOTE, 12, 0 },
	};

	(void)state;
	open_topo("pack:2 l3:2 core:2 pu:2");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(victim_cpu(topo, cases[i].where, cases[i].self), cases[i].cpu);
}

static void where_there_is_no_such_cpu_it_says_why(void **state)
{
	static const struct {
		const char *machine;
		enum victim_where where;
		const char *complaint; /* NULL: there is one */
	} cases[] = {
		{ "pack:1 l3:1 core:2 pu:1", VICTIM_NONE, NULL },
		{ "pack:1 l3:1 core:2 pu:1", VICTIM_CORE, "no other hyperthread" },
		{ "pack:1 l3:1 core:2 pu:1", VICTIM_LLC, NULL },
		{ "pack:1 l3:1 core:2 pu:1", VICTIM_PACKAGE, "no other LLC in its package" },
		{ "pack:1 l3:1 core:2 pu:1", VICTIM_REMOTE, "no other package" },
		{ "pack:2 l3:1 core:1 pu:2", VICTIM_CORE, NULL },
		{ "pack:2 l3:1 core:1 pu:2", VICTIM_LLC, "shares its LLC with no other core" },
		{ "pack:2 l3:1 core:1 pu:2", VICTIM_REMOTE, NULL },
		{ "pack:1 l3:2 core:1 pu:1", VICTIM_PACKAGE, NULL },
		{ "pack:1 l3:1 core:1 pu:1", VICTIM_LLC, "CPU 0 shares" },
		{ "pack:16 l3:16 core:16 pu:2", VICTIM_LLC, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		open_topo(cases[i].machine);
		assert_int_equal(victim_supported(topo, cases[i].where, &why),
				 cases[i].complaint ? -ENOTSUP : 0);
		if (cases[i].complaint && !strstr(why.text, cases[i].complaint))
			fail_msg("%s: %s", cases[i].machine, why.text);
		close_topo(NULL);
	}
}

/* Its times ascend, there are enough of them before and behind, and it can be started again. */
static void its_steps_are_kept(void **state)
{
	static const size_t sets[] = { VICTIM_MIN_BYTES, 1ul << 20 };
	struct reason why = { "" };
	unsigned cpu[2] = { 0 };

	(void)state;
	open_topo(NULL);
	topo_pick(topo, TOPO_ALL, cpu, 2);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct victim *v;

		if (victim_open(&v, topo, cpu[topo_cpus(topo) > 1], sets[i], 4711, &why))
			fail_msg("%s", why.text);
		for (unsigned round = 0; round < 3; round++) {
			uint64_t start = tick_start();
			struct victim_steps s;

			victim_start(v);
			s = victim_stop(v);
			assert_int_equal(s.lap, sets[i] / 64 / VICTIM_STEP_LINES);
			/* A CPU that somebody else has gives it no time: then there are fewer. */
			for (size_t k = 0; k < s.n; k++)
				assert_true(s.end[k] > (k ? s.end[k - 1] : start));
		}
		victim_close(v);
	}
}

/* A record that is full says so, and the victim runs on: it is not taken for one that stood still. */
static void a_record_that_is_full_says_so(void **state)
{
	struct reason why = { "" };
	struct victim *v;
	unsigned cpu[2] = { 0 };
	size_t lap = VICTIM_MIN_BYTES / 64 / VICTIM_STEP_LINES;

	(void)state;
	open_topo(NULL);
	topo_pick(topo, TOPO_ALL, cpu, 2);
	assert_int_equal(victim_open(&v, topo, cpu[topo_cpus(topo) > 1], VICTIM_MIN_BYTES, 1, &why),
			 0);
	for (unsigned round = 0; round < 2; round++) {
		size_t room = round ? 1ul << 20 : 5 * lap;
		struct victim_steps s;

		assert_int_equal(victim_room(v, room, &why), 0);
		victim_start(v);
		s = victim_stop(v);
		assert_int_equal(s.full, !round);
		assert_int_equal(s.n == room, !round);
	}
	victim_close(v);
}

static void a_cpu_that_is_not_there_is_refused(void **state)
{
	struct reason why = { "" };
	struct victim *v;

	(void)state;
	open_topo(NULL);
	assert_int_equal(victim_open(&v, topo, 100000, VICTIM_MIN_BYTES, 1, &why), -EINVAL);
	assert_non_null(strstr(why.text, "CPU 100000"));
	assert_null(v);
	victim_close(v);
}

#define TEST(f) cmocka_unit_test_teardown(f, close_topo)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(it_runs_where_it_is_asked_to),
		TEST(where_there_is_no_such_cpu_it_says_why),
		TEST(its_steps_are_kept),
		TEST(a_record_that_is_full_says_so),
		TEST(a_cpu_that_is_not_there_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
