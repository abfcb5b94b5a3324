// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/ops/contender.h"

#define ROUNDS 1000

static struct topo *topo;
static unsigned cpu;

static struct {
	atomic_uint bursts[3];
	atomic_uint cpu;
	atomic_bool astray;
} seen;

static int open_topo(void **state)
{
	struct reason why = { "" };
	unsigned cpus[2];

	(void)state;
	if (topo_open(&topo, NULL, &why))
		return -1;
	topo_pick(topo, TOPO_ONE, cpus, 1);
	/* On a machine with one CPU the two take turns. */
	cpu = cpus[topo_spread(topo, cpus[0], cpus, 2) > 1];
	return 0;
}

static int close_topo(void **state)
{
	(void)state;
	topo_close(topo);
	return 0;
}

static void burst(void *arg, unsigned how)
{
	if (arg != &seen)
		atomic_store(&seen.astray, true);
	atomic_fetch_add(&seen.bursts[how], 1);
	atomic_store(&seen.cpu, (unsigned)sched_getcpu());
}

static void bursts_come_while_they_are_wanted(void **state)
{
	struct reason why = { "" };
	struct contender *c;

	(void)state;
	if (contender_open(&c, topo, cpu, burst, &seen, &why))
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned how = 1 + i % 2, was = atomic_load(&seen.bursts[how]), is;

		contender_set(c, how);
		is = atomic_load(&seen.bursts[how]);
		assert_true(is > was);
		assert_int_equal(atomic_load(&seen.cpu), cpu);
		contender_set(c, how);
		if (i % 3)
			continue;
		/* Asleep: what is counted now stays. */
		contender_set(c, 0);
		contender_set(c, 0);
		is = atomic_load(&seen.bursts[how]);
		sched_yield();
		assert_int_equal(atomic_load(&seen.bursts[how]), is);
	}
	assert_int_equal(atomic_load(&seen.bursts[0]), 0);
	assert_false(atomic_load(&seen.astray));
	contender_close(c);
}

static void it_can_be_closed_at_any_time(void **state)
{
	struct reason why = { "" };
	struct contender *c;

	(void)state;
	contender_close(NULL);
	for (unsigned how = 0; how < 3; how++) {
		assert_int_equal(contender_open(&c, topo, cpu, burst, &seen, &why), 0);
		contender_set(c, how);
		contender_close(c);
	}
	/* Never asked for anything. */
	assert_int_equal(contender_open(&c, topo, cpu, burst, &seen, &why), 0);
	contender_close(c);
}

static void a_cpu_that_is_not_there_is_refused(void **state)
{
	struct reason why = { "" };
	struct contender *c = (struct contender *)&why;

	(void)state;
	assert_int_equal(contender_open(&c, topo, 100000, burst, &seen, &why), -EINVAL);
	assert_null(c);
	assert_string_not_equal(why.text, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts_come_while_they_are_wanted),
		cmocka_unit_test(it_can_be_closed_at_any_time),
		cmocka_unit_test(a_cpu_that_is_not_there_is_refused),
	};

	return cmocka_run_group_tests(tests, open_topo, close_topo);
}
