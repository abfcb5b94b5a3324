// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may call, and what becomes of a call whose caller goes away. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY	 65534
#define LONG_US	 1900000
#define ALL_GOOD 0

static struct kmod kmod;
static struct smoke_cpus online;

static int setup(void **unused)
{
	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_open(&kmod);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	smoke_settle(&kmod);
	kmod_close(&kmod);
	return 0;
}

static void sleep_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

/* In a child, where failing an assertion would not be seen: its exit status is the answer. */
static int in_child(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* How many calls on the descriptor of before end otherwise than with EPERM. */
static int calls_that_pass(void)
{
	static const unsigned long calls[] = {
		TDCOST_INFO,	    TDCOST_FLUSH,	TDCOST_STOP,	   TDCOST_FLAG,
		TDCOST_COUNTERS,    TDCOST_PAGES_ALLOC, TDCOST_PAGES_FREE, TDCOST_PAGES_FILL,
		TDCOST_PAGES_RESET, TDCOST_PAGES_CHECK, _IO('x', 1),
	};
	char zeros[256] = { 0 };
	int passed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		passed += ioctl(kmod.fd, calls[i], zeros) != -1 || errno != EPERM;
	return passed;
}

static int drop_user(void)
{
	if (setgid(NOBODY) || setuid(NOBODY))
		return 101;
	if (open(TDCOST_DEVICE, O_RDWR) >= 0 || errno != EACCES)
		return 102;
	return calls_that_pass();
}

/* Still root by its number. */
static int drop_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return 101;
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	if (syscall(SYS_capset, &header, data))
		return 102;
	if (open(TDCOST_DEVICE, O_RDWR) >= 0 || errno != EPERM)
		return 103;
	return calls_that_pass();
}

static void a_call_without_the_capability_is_refused(void **unused)
{
	(void)unused;
	assert_int_equal(in_child(drop_user), ALL_GOOD);
	assert_int_equal(in_child(drop_capability), ALL_GOOD);
}

static void other_calls_are_no_calls(void **unused)
{
	char zeros[256] = { 0 };

	(void)unused;
	for (unsigned nr = 0; nr < 256; nr++) {
		assert_int_equal(ioctl(kmod.fd, _IO('x', nr), zeros), -1);
		assert_int_equal(errno, ENOTTY);
		assert_int_equal(ioctl(kmod.fd, _IOWR(TDCOST_MAGIC, nr, char[7]), zeros), -1);
		assert_int_equal(errno, ENOTTY);
	}
	assert_int_equal(read(kmod.fd, zeros, 1), -1);
	assert_int_equal(write(kmod.fd, zeros, 1), -1);
}

/* A stop in which the last CPU is away for longer than anybody here waits. */
static int long_stop(const struct kmod *k)
{
	static struct tdcost_cpu result[MAX_CPUS];
	struct tdcost_stop s = { .op = TDCOST_NOTHING,
				 .max_polls = 1,
				 .delay_cpu = online.cpu[online.n - 1],
				 .delay_us = LONG_US };
	struct kmod_mask none = { { 0 } };
	unsigned n;

	return kmod_stop(k, &s, &none, result, &n, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* A caller that is killed in the midst of a stop. Return: ms until all that it began was over. */
static uint64_t kill_a_caller(void)
{
	uint64_t from = now_ms();
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(long_stop(&kmod) != -EINTR);
	sleep_ms(150);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	smoke_settle(&kmod);
	return now_ms() - from;
}

/*
 * It does not live to the end of the delay; that ends too, for nobody waits for it any more, and
 * the next call goes on. A busy machine may be late with all that, but not time after time.
 */
static void a_killed_caller_leaves_nothing(void **unused)
{
	unsigned at_once = 0;

	(void)unused;
	for (int i = 0; i < 10 && at_once < 3; i++)
		at_once += kill_a_caller() < LONG_US / 1000;
	assert_int_equal(at_once, 3);
}

static int store_flags(void)
{
	struct tdcost_flag f = { .flags = TDCOST_FLAG_STORE, .rounds = kmod.info.max_rounds };

	return kmod_flag(&kmod, &f, NULL);
}

/* It and who kills it share a CPU: it gives it up, and then it ends. Return: ms. */
static uint64_t kill_who_stores_flags(void)
{
	uint64_t from = now_ms();
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(store_flags() != 0);
	sleep_ms(5);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return now_ms() - from;
}

static void a_killed_caller_stores_no_more(void **unused)
{
	uint64_t from = now_ms(), whole;
	unsigned at_once = 0;

	(void)unused;
	assert_int_equal(store_flags(), 0);
	whole = now_ms() - from;
	for (int i = 0; i < 10 && at_once < 3; i++)
		at_once += kill_who_stores_flags() < whole / 2;
	print_message("all of it takes %llu ms\n", (unsigned long long)whole);
	assert_int_equal(at_once, 3);
}

/* The same with a signal that is caught: it does not end the call. */
static void on_signal(int sig)
{
	(void)sig;
}

static void *send_signal(void *thread)
{
	sleep_ms(100);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return NULL;
}

static void a_caught_signal_does_not_end_a_call(void **unused)
{
	struct sigaction act = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), sender;

	(void)unused;
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	assert_int_equal(pthread_create(&sender, NULL, send_signal, &self), 0);
	assert_int_equal(long_stop(&kmod), 0);
	pthread_join(sender, NULL);
}

static void *stop_thread(void *k)
{
	return (void *)(intptr_t)long_stop(k);
}

/* The descriptor is closed under a call: the call ends as it would have, then the file goes. */
static void a_call_outlives_its_descriptor(void **unused)
{
	struct kmod other;
	pthread_t caller;
	void *err;

	(void)unused;
	smoke_open(&other);
	assert_int_equal(kmod_pages_alloc(&other, 0, 16, -1, NULL), 0);
	assert_int_equal(pthread_create(&caller, NULL, stop_thread, &other), 0);
	sleep_ms(150);
	assert_int_equal(close(other.fd), 0);
	assert_int_equal(pthread_join(caller, &err), 0);
	assert_int_equal((intptr_t)err, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_life_tests[] = {
	TEST(a_call_without_the_capability_is_refused),
	TEST(other_calls_are_no_calls),
	{ 0 },
};

const struct CMUnitTest smoke_leave_tests[] = {
	TEST(a_killed_caller_leaves_nothing),
	TEST(a_killed_caller_stores_no_more),
	TEST(a_caught_signal_does_not_end_a_call),
	TEST(a_call_outlives_its_descriptor),
	{ 0 },
};
