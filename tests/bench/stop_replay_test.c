// SPDX-License-Identifier: GPL-2.0-or-later
/* One shutdown after the other on a module that is not there, and what is noticed of its faults. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/stop_replay.h"
#include "tests/bench/kmod/fake_client.h"

#define CPUS 16
#define SELF 5

static struct topo *topo;
static struct kmod kmod;
static struct stop_replay replay;
static struct kmod_mask flagged; /* CPUs 4 to 8 */

static int open_topo(void **state)
{
	struct reason why = { "" };

	(void)state;
	for (unsigned cpu = 4; cpu <= 8; cpu++)
		kmod_mask_set(&flagged, cpu);
	return topo_open(&topo, "pack:2 l3:2 core:2 pu:2", &why);
}

static int close_topo(void **state)
{
	(void)state;
	topo_close(topo);
	return 0;
}

static int open_replay(void **state)
{
	struct reason why = { "" };
	struct stop_executor ex;

	(void)state;
	fake_reset(topo);
	fake.self = SELF;
	/* There is room for CPUs that are not online. */
	fake.cpus = 2 * CPUS;
	assert_int_equal(kmod_open(&kmod, "", &why), 0);
	ex = stop_executor_kmod(&kmod);
	assert_int_equal(stop_replay_open(&replay, &ex, SELF, &why), 0);
	return 0;
}

static int close_replay(void **state)
{
	(void)state;
	stop_replay_close(&replay);
	kmod_close(&kmod);
	return 0;
}

static int shut_down(unsigned policy, bool behind, struct reason *why)
{
	int ret = stop_replay_count(&replay, why);

	if (!ret)
		ret = stop_replay_early(&replay, &stop_policies[policy], &flagged, behind, why);
	if (!ret)
		ret = stop_replay_settle(&replay, why);
	if (!ret)
		ret = stop_replay_stop(&replay, why);
	if (!ret)
		ret = stop_replay_own(&replay, why);
	return ret ? ret : stop_replay_verify(&replay, why);
}

static void the_roll_holds_those_that_answer(void **state)
{
	(void)state;
	assert_int_equal(replay.n_all, CPUS);
	for (unsigned cpu = 0; cpu < 2 * CPUS; cpu++)
		assert_int_equal(stop_mask_has(&replay.all, cpu), cpu < CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(fake.counters[cpu], 0);
}

/* How often each CPU flushes: whether it is flagged, and whether it is the kexec-ing one. */
static const struct {
	unsigned policy;
	bool behind;
	unsigned flagged, others, self; /* which is flagged too */
	bool early, own;
} flushes[] = {
	{ STOP_SME_SUPPORTED, false, 1, 1, 0, false, false },
	{ STOP_SME_ACTIVE, false, 1, 1, 1, false, true },
	{ STOP_PERCPU, false, 1, 0, 1, false, true },
	{ STOP_EARLY_REBOOT, false, 1, 1, 1, true, false },
	{ STOP_EARLY_REBOOT, true, 2, 1, 2, true, true },
	{ STOP_EARLY_VIRT, false, 1, 0, 1, true, false },
	{ STOP_EARLY_VIRT, true, 1, 0, 2, true, true },
	{ STOP_EARLY_SYSCORE, false, 1, 0, 1, true, false },
	{ STOP_EARLY_SYSCORE, true, 1, 0, 1, true, false },
	{ STOP_NONE, false, 0, 0, 0, false, false },
};

static void each_cpu_flushes_as_often_as_its_policy_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(flushes) / sizeof(flushes[0]); i++) {
		struct reason why = { "" };

		memset(fake.counters, 0, sizeof(fake.counters));
		fake.flush_ticks = 1000;
		if (shut_down(flushes[i].policy, flushes[i].behind, &why))
			fail_msg("case %zu: %s", i, why.text);
		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			unsigned n = stop_mask_has(&flagged, cpu) ? flushes[i].flagged
								  : flushes[i].others;

			assert_int_equal(fake.counters[cpu], cpu == SELF ? flushes[i].self : n);
		}
		assert_int_equal(replay.n_stop, CPUS - 1);
		assert_int_equal(replay.flushed_early, flushes[i].early);
		assert_int_equal(stop_replay_early_ticks(&replay) > 0, flushes[i].early);
		assert_int_equal(stop_replay_own_ticks(&replay), flushes[i].own ? 1000 : 0);
		assert_true(stop_replay_stop_ticks(&replay) > 0);
		assert_int_equal(replay.stop.max_polls, 1000000);
		assert_int_equal(replay.stop.flags, 0);
	}
}

/* Last before the stop, so that no policy finds the others more awake than another does. */
static void everybody_is_interrupted_before_the_stop(void **state)
{
	struct reason why = { "" };

	(void)state;
	for (unsigned i = 0; i < STOP_POLICIES; i++) {
		const struct stop_policy *policy = &stop_policies[i];
		uint64_t before;

		assert_int_equal(stop_replay_early(&replay, policy, &flagged, false, &why), 0);
		before = fake.counters[SELF];
		assert_int_equal(stop_replay_settle(&replay, &why), 0);
		assert_int_equal(fake.op, TDCOST_NOTHING);
		assert_int_equal(fake.mode, TDCOST_ALL);
		assert_memory_equal(&fake.mask, &replay.all, sizeof(fake.mask));
		assert_int_equal(fake.counters[SELF], before);
	}
}

static void what_the_shutdown_before_left_is_gone(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_int_equal(shut_down(STOP_EARLY_REBOOT, true, &why), 0);
	assert_int_equal(shut_down(STOP_NONE, false, &why), 0);
	assert_false(replay.flushed_early);
	assert_int_equal(replay.n_early, 0);
	assert_int_equal(stop_replay_early_ticks(&replay), 0);
	assert_int_equal(stop_replay_own_ticks(&replay), 0);
}

static const struct {
	enum fake_fault fault;
	unsigned cpu; /* flagged */
	int ret;
	const char *text;
} faults[] = {
	{ FAKE_TWICE, 4, -EFAULT, "CPU 4 flushed 2 times, the policy says 1" },
	{ FAKE_NOT, 8, -EFAULT, "CPU 8 flushed 0 times, the policy says 1" },
	{ FAKE_NOT, SELF, -EFAULT, "CPU 5 flushed 0 times, the policy says 1" },
	{ FAKE_ELSEWHERE, 4, -EFAULT, "CPU 0 flushed 1 times, the policy says 0" },
	{ FAKE_BACKWARDS, 4, -EFAULT, "CPU 4 began before it was asked" },
	{ FAKE_SILENT, 4, -ETIMEDOUT, "did not answer" },
	{ FAKE_BROKEN, 0, -EBUSY, "earlier call" },
};

static void a_fault_of_the_module_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct reason why = { "" };
		int ret;

		fake.fault = faults[i].fault;
		fake.fault_cpu = faults[i].cpu;
		ret = shut_down(STOP_PERCPU, false, &why);
		fake.fault = FAKE_FINE;
		if (ret != faults[i].ret || !strstr(why.text, faults[i].text))
			fail_msg("fault %zu: %d, %s", i, ret, why.text);
	}
}

/* The counters are right, but the stop reports another story. */
static void a_report_that_contradicts_the_plan_is_noticed(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_int_equal(shut_down(STOP_PERCPU, false, &why), 0);
	replay.stop_cpu[4].flags &= ~TDCOST_CPU_FLUSHED;
	assert_int_equal(stop_replay_verify(&replay, &why), -EFAULT);
	assert_string_equal(why.text, "CPU 4 did not flush in the stop");
	replay.stop_cpu[4].flags |= TDCOST_CPU_FLUSHED;
	replay.stop_cpu[0].flags |= TDCOST_CPU_FLUSHED;
	assert_int_equal(stop_replay_verify(&replay, &why), -EFAULT);
	assert_string_equal(why.text, "CPU 0 flushed in the stop");
	replay.stop_cpu[0].flags &= ~TDCOST_CPU_FLUSHED;
	replay.n_stop--;
	assert_int_equal(stop_replay_verify(&replay, &why), -EFAULT);
	assert_string_equal(why.text, "CPU 15 was not stopped");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_replay, close_replay)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_roll_holds_those_that_answer),
		TEST(each_cpu_flushes_as_often_as_its_policy_says),
		TEST(everybody_is_interrupted_before_the_stop),
		TEST(what_the_shutdown_before_left_is_gone),
		TEST(a_fault_of_the_module_is_noticed),
		TEST(a_report_that_contradicts_the_plan_is_noticed),
	};

	return cmocka_run_group_tests(tests, open_topo, close_topo);
}
