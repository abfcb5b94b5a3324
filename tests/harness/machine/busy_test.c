// SPDX-License-Identifier: GPL-2.0-or-later
/* How much of a CPU is in use, from a made-up /proc/stat that is read twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "harness/machine/busy.h"
#include "tests/harness/machine/tree.h"

/* cpu11 before cpu1: the name must fit as a whole. */
#define BEFORE \
	"cpu  9 9 9 9 9 9 9 9 0 0\ncpu11 1 2 3 4 5 6 7 8 0 0\ncpu1 100 10 20 500 30 4 5 6 0 0\n"

static void near(double v, double want)
{
	assert_true(v > want - 1e-9 && v < want + 1e-9);
}

/* What CPU 1 was in use for while its line became @line. */
static double used_until(const char *line)
{
	const unsigned cpus[] = { 1 };
	struct cpu_time was, is;
	struct tree t;

	tree_make(&t);
	tree_write(&t, "/proc/stat", BEFORE);
	assert_int_equal(cpu_times(t.root, cpus, 1, &was), 0);
	tree_write(&t, "/proc/stat", line);
	assert_int_equal(cpu_times(t.root, cpus, 1, &is), 0);
	tree_remove(&t);
	return cpu_use(&was, &is);
}

static void cpu_use_busy_counts_user_nice_system_irq_and_steal(void **state)
{
	(void)state;
	/* Of 20 ticks 17: user 5, nice 4, system 2, irq 1, softirq 2, steal 3; idle 2, iowait 1. */
	near(used_until("cpu \ncpu1 105 14 22 502 31 5 7 9 0 0\n"), 0.85);
	near(used_until("cpu \ncpu1 120 10 20 500 30 4 5 6 0 0\n"), 1);
	/* A guest's time is in user already. */
	near(used_until("cpu \ncpu1 110 10 20 510 30 4 5 6 10 0\n"), 0.5);
}

static void cpu_use_idle_is_zero(void **state)
{
	(void)state;
	near(used_until("cpu \ncpu1 100 10 20 519 31 4 5 6 0 0\n"), 0);
}

static void cpu_use_without_ticks_or_backwards_is_zero(void **state)
{
	(void)state;
	near(used_until(BEFORE), 0);
	near(used_until("cpu \ncpu1 100 10 20 400 30 4 5 6 0 0\n"), 0);
	near(used_until("cpu \ncpu1 90 10 20 520 30 4 5 6 0 0\n"), 0);
	/* iowait that runs backwards must not make more than all. */
	near(used_until("cpu \ncpu1 120 10 20 500 25 4 5 6 0 0\n"), 1);
}

static void cpu_use_cpu_not_listed_is_zero(void **state)
{
	(void)state;
	near(used_until("cpu 1 2 3 4 5 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"), 0);
	near(used_until("cpu \ncpu1 200 20 nonsense\n"), 0);
}

static void cpu_times_several_cpus_in_their_order(void **state)
{
	const unsigned cpus[] = { 1, 7, 11 };
	struct cpu_time out[3];
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, "/proc/stat", BEFORE);
	assert_int_equal(cpu_times(t.root, cpus, 3, out), 0);
	tree_remove(&t);
	assert_int_equal(out[0].used, 145);
	assert_int_equal(out[0].all, 675);
	assert_int_equal(out[1].all, 0);
	assert_int_equal(out[2].used, 27);
	assert_int_equal(out[2].all, 36);
}

static void cpu_times_no_file_is_an_error(void **state)
{
	const unsigned cpus[] = { 0 };
	struct cpu_time out;
	struct tree t;

	(void)state;
	tree_make(&t);
	assert_int_equal(cpu_times(t.root, cpus, 1, &out), -ENOENT);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_use_busy_counts_user_nice_system_irq_and_steal),
		cmocka_unit_test(cpu_use_idle_is_zero),
		cmocka_unit_test(cpu_use_without_ticks_or_backwards_is_zero),
		cmocka_unit_test(cpu_use_cpu_not_listed_is_zero),
		cmocka_unit_test(cpu_times_several_cpus_in_their_order),
		cmocka_unit_test(cpu_times_no_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
