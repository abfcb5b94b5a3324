// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading and unloading, and a CPU that does not answer in time. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <time.h>

#define LOADS	20
#define WAIT_MS 10

static void it_loads_and_unloads_again_and_again(void **unused)
{
	(void)unused;
	for (int i = 0; i < LOADS; i++) {
		struct tdcost_cpu result[MAX_CPUS];
		struct kmod_mask all = { { 1 } };
		uint64_t counters[MAX_CPUS];
		struct kmod k;
		unsigned n;

		smoke_load("");
		smoke_open(&k);
		smoke_counters(&k, counters);
		assert_int_equal(counters[0], 0);
		assert_int_equal(
			kmod_flush(&k, TDCOST_WBINVD, TDCOST_ALL, &all, result, &n, NULL, NULL), 0);
		assert_int_equal(kmod_pages_alloc(&k, 0, 4, -1, NULL), 0);
		assert_int_equal(smoke_try_load(""), -EEXIST);
		assert_int_equal(smoke_try_unload(), -EAGAIN); /* it is open */
		kmod_close(&k);
		smoke_unload();
	}
}

static void what_it_cannot_do_it_refuses_at_load(void **unused)
{
	static const char *const bad[] = { "timeout_ms=0", "timeout_ms=9", "timeout_ms=10001",
					   "timeout_ms=x" };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reason why = { "" };
		struct kmod k;

		assert_int_equal(smoke_try_load(bad[i]), -EINVAL);
		assert_int_equal(kmod_open(&k, "", &why), -ENOTSUP);
		print_message("%s\n", why.text);
	}
}

/*
 * The time limit is shorter than the delay: the call ends, says who did not answer, and until that
 * CPU has, nothing else is begun and the module stays.
 */
static void a_cpu_that_does_not_answer_hangs_nobody(void **unused)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	struct tdcost_stop s = { .max_polls = 1, .delay_us = 1500000 };
	struct tdcost_cpu result[MAX_CPUS];
	struct kmod_mask all = { { 0 } };
	struct smoke_cpus online;
	struct reason why = { "" };
	struct kmod k;
	unsigned n;

	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_load("timeout_ms=10");
	smoke_open(&k);
	assert_int_equal(k.info.timeout_ms, WAIT_MS);
	s.delay_cpu = online.cpu[online.n - 1];
	kmod_mask_set(&all, s.delay_cpu);
	assert_int_equal(kmod_stop(&k, &s, &all, result, &n, &why), -ETIMEDOUT);
	print_message("%s\n", why.text);
	assert_int_equal(n, online.n - 1);
	assert_int_equal(result[n - 1].cpu, s.delay_cpu);
	assert_int_equal(result[n - 1].flags, TDCOST_CPU_LATE | TDCOST_CPU_LATE_NMI);
	assert_true(result[n - 1].start == 0 && result[n - 1].request == s.start);
	assert_int_equal(kmod_stop(&k, &s, &all, result, &n, NULL), -EBUSY);
	assert_int_equal(kmod_flush(&k, TDCOST_WBINVD, TDCOST_ALL, &all, result, &n, NULL, &why),
			 -EBUSY);
	print_message("%s\n", why.text);
	kmod_close(&k);
	/* It is not open, but somebody still has to come back into its code. */
	assert_int_equal(smoke_try_unload(), -EAGAIN);
	while (smoke_try_unload() == -EAGAIN)
		nanosleep(&pause, NULL);
	assert_int_equal(smoke_try_unload(), -ENOENT);
}

/* The same with the descriptor kept: it goes on when the CPU is back. */
static void it_goes_on_when_the_cpu_is_back(void **unused)
{
	struct tdcost_stop s = { .max_polls = 1, .delay_us = 1000000 };
	struct tdcost_cpu result[MAX_CPUS];
	struct kmod_mask none = { { 0 } };
	uint64_t counters[MAX_CPUS];
	struct smoke_cpus online;
	struct kmod k;
	unsigned n;

	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_load("timeout_ms=10");
	smoke_open(&k);
	s.delay_cpu = online.cpu[1];
	assert_int_equal(kmod_stop(&k, &s, &none, result, &n, NULL), -ETIMEDOUT);
	smoke_settle(&k);
	s.delay_us = 0;
	s.max_polls = 1000000;
	assert_int_equal(kmod_stop(&k, &s, &none, result, &n, NULL), 0);
	smoke_counters(&k, counters);
	assert_int_equal(counters[s.delay_cpu], 0);
	kmod_close(&k);
	smoke_unload();
}

const struct CMUnitTest smoke_load_tests[] = {
	cmocka_unit_test(it_loads_and_unloads_again_and_again),
	cmocka_unit_test(what_it_cannot_do_it_refuses_at_load),
	{ 0 },
};

const struct CMUnitTest smoke_timeout_tests[] = {
	cmocka_unit_test(a_cpu_that_does_not_answer_hangs_nobody),
	cmocka_unit_test(it_goes_on_when_the_cpu_is_back),
	{ 0 },
};
