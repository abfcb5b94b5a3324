// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls at the same time as others, and as CPUs that come and go. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define THREADS 4
#define ROUNDS	200
#define CYCLES	6

static struct kmod kmod;
static struct smoke_cpus online;
static struct kmod_mask all;

static int setup(void **unused)
{
	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_open(&kmod);
	memset(&all, 0, sizeof(all));
	for (unsigned cpu = 0; cpu < kmod.info.cpus; cpu++)
		kmod_mask_set(&all, cpu);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	for (unsigned i = 1; i < online.n; i++)
		smoke_set_online(online.cpu[i], true);
	kmod_close(&kmod);
	return 0;
}

static unsigned flush_all(enum tdcost_mode mode, struct tdcost_cpu *result)
{
	struct reason why = { "" };
	unsigned n;

	if (kmod_flush(&kmod, TDCOST_WBINVD, mode, &all, result, &n, NULL, &why))
		fail_msg("%s", why.text);
	return n;
}

/* A CPU that is offline is left out of everything, and comes back into it. */
static void an_offline_cpu_is_left_out(void **unused)
{
	unsigned gone = online.cpu[online.n - 1];
	struct tdcost_stop s = { .max_polls = 1000000 };
	uint64_t before[MAX_CPUS], after[MAX_CPUS];
	struct tdcost_cpu result[MAX_CPUS];
	struct kmod_mask only = { { 0 } };
	unsigned n;

	(void)unused;
	kmod_mask_set(&only, gone);
	smoke_set_online(gone, false);
	smoke_counters(&kmod, before);
	for (int mode = TDCOST_ALL; mode <= TDCOST_IN_TURN; mode++) {
		assert_int_equal(flush_all(mode, result), online.n - 1);
		for (unsigned i = 0; i < online.n - 1; i++)
			assert_int_equal(result[i].cpu, online.cpu[i]);
	}
	assert_int_equal(kmod_stop(&kmod, &s, &all, result, &n, NULL), 0);
	assert_int_equal(n, online.n - 2);
	assert_int_equal(
		kmod_flush(&kmod, TDCOST_WBINVD, TDCOST_ALL, &only, result, &n, NULL, NULL), 0);
	assert_int_equal(n, 0);
	s.delay_us = 1;
	s.delay_cpu = gone;
	assert_int_equal(kmod_stop(&kmod, &s, &all, result, &n, NULL), -EINVAL);
	smoke_counters(&kmod, after);
	assert_int_equal(after[gone], before[gone]);
	smoke_set_online(gone, true);
	assert_int_equal(flush_all(TDCOST_ALL, result), online.n);
}

static atomic_bool done;

/* All but the first CPU go and come back, over and over. */
static void *hotplug(void *unused)
{
	(void)unused;
	for (int i = 0; i < CYCLES; i++)
		for (unsigned j = 1; j < online.n; j++) {
			smoke_set_online(online.cpu[j], false);
			smoke_set_online(online.cpu[j], true);
		}
	atomic_store(&done, true);
	return NULL;
}

static void calls_go_on_while_cpus_come_and_go(void **unused)
{
	struct tdcost_cpu result[MAX_CPUS];
	unsigned rounds = 0, fewer = 0, n;
	pthread_t thread;

	(void)unused;
	atomic_store(&done, false);
	assert_int_equal(pthread_create(&thread, NULL, hotplug, NULL), 0);
	while (!atomic_load(&done)) {
		struct tdcost_stop s = { .flags = TDCOST_STOP_SELF, .max_polls = 1000000 };

		for (int mode = 0; mode < TDCOST_MODE_MAX; mode++) {
			n = flush_all(mode, result);
			assert_true(n >= 1 && n <= online.n);
			fewer += mode == TDCOST_ALL && n < online.n;
			for (unsigned i = 0; i < n; i++)
				assert_true(result[i].flags & TDCOST_CPU_ANSWERED);
		}
		assert_int_equal(kmod_stop(&kmod, &s, &all, result, &n, NULL), 0);
		assert_true(n >= 1 && n <= online.n);
		rounds++;
	}
	pthread_join(thread, NULL);
	print_message("%u rounds, in %u of them a CPU was away\n", rounds, fewer);
	assert_true(rounds > 0);
	assert_int_equal(flush_all(TDCOST_ALL, result), online.n);
}

/* Each with pages of its own, all with one another's flushes in between. */
static void *caller(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	struct tdcost_cpu result[MAX_CPUS];
	struct tdcost_check c = { .pattern = i + 1 };
	struct tdcost_reset r = { .rounds = 1 };
	struct kmod k;
	intptr_t bad = 0;
	unsigned n;

	smoke_bind(online.cpu[i % online.n]);
	smoke_open(&k);
	bad |= kmod_pages_alloc(&k, 0, 64, -1, NULL);
	for (unsigned round = 0; round < ROUNDS && !bad; round++) {
		enum tdcost_mode mode = round % TDCOST_MODE_MAX;

		bad |= kmod_flush(&k, TDCOST_WBINVD, mode, &all, result, &n, NULL, NULL);
		bad |= kmod_pages_fill(&k, i + 1, round % TDCOST_BEFORE_MAX, NULL);
		bad |= kmod_pages_reset(&k, &r, NULL);
		bad |= kmod_pages_check(&k, &c, NULL) || c.wrong;
	}
	kmod_close(&k);
	return (void *)bad;
}

static void callers_do_not_disturb_each_other(void **unused)
{
	uint64_t before[MAX_CPUS], after[MAX_CPUS];
	pthread_t threads[THREADS];
	uint64_t in_all = 0;

	(void)unused;
	smoke_counters(&kmod, before);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, caller, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *bad;

		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	smoke_counters(&kmod, after);
	for (unsigned round = 0; round < ROUNDS; round++)
		in_all += THREADS * (round % TDCOST_MODE_MAX >= TDCOST_ALL);
	/* The last CPU stands for nobody but itself: at least its part of the calls to all. */
	assert_true(after[online.cpu[online.n - 1]] - before[online.cpu[online.n - 1]] >= in_all);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_together_tests[] = {
	TEST(callers_do_not_disturb_each_other),
	TEST(an_offline_cpu_is_left_out),
	TEST(calls_go_on_while_cpus_come_and_go),
	{ 0 },
};
