// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * References of Dynamic PAMT in the kernel: pages and lock rounds by the rules of the series, with
 * callers that share the counts, and with one of them killed.
 */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define WINDOW	512 /* gets, before the puts */
#define BURST	TDCOST_TOPUP_BURST

static struct kmod kmod;

static int setup(void **unused)
{
	struct smoke_cpus online;

	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_open(&kmod);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	kmod_close(&kmod);
	return 0;
}

static void get(struct tdcost_topup *t)
{
	struct reason why = { "" };

	if (kmod_topup(&kmod, t, &why))
		fail_msg("%s, %s: %s", kmod_variants[t->variant], kmod_works[t->work], why.text);
}

/*
 * An entry takes a pair, the cache is filled to 10 before each get. The fast path takes the lock
 * for the first get of a region and for the last put; the other one for each, and each get takes a
 * pair, which it frees unless it is the region's first.
 */
static const struct {
	enum tdcost_variant variant;
	enum tdcost_work work;
	unsigned flags, units;
	unsigned allocs, rounds, held, peak;
	unsigned topups[2], uses[2]; /* pages of the first two */
} rules[] = {
	{ TDCOST_PAMT_CACHE,
	  TDCOST_PAMT_FAST,
	  0,
	  5,
	  10 + 4 * 2,
	  5 + 5,
	  8,
	  18,
	  { 10, 2 },
	  { 2, 2 } },
	{ TDCOST_PAMT_CACHE,
	  TDCOST_PAMT_LOCK,
	  0,
	  5,
	  10 + 4 * 2,
	  5 + 5,
	  8,
	  18,
	  { 10, 2 },
	  { 2, 2 } },
	{ TDCOST_DIRECT, TDCOST_PAMT_FAST, 0, 5, 5 * 2, 5 + 5, 0, 10, { 0, 0 }, { 2, 2 } },
	{ TDCOST_DIRECT, TDCOST_PAMT_LOCK, 0, 5, 5 * 2, 5 + 5, 0, 10, { 0, 0 }, { 2, 2 } },
	{ TDCOST_PAMT_CACHE,
	  TDCOST_PAMT_FAST,
	  BURST,
	  WINDOW,
	  10 + 2,
	  2,
	  10,
	  12,
	  { 10, 2 },
	  { 2, 0 } },
	{ TDCOST_PAMT_CACHE,
	  TDCOST_PAMT_LOCK,
	  BURST,
	  WINDOW,
	  10 + 2 * (WINDOW - 1),
	  2 * WINDOW,
	  8,
	  12,
	  { 10, 2 },
	  { 2, 0 } },
	{ TDCOST_DIRECT, TDCOST_PAMT_FAST, BURST, WINDOW, 2, 2, 0, 2, { 0, 0 }, { 2, 0 } },
	{ TDCOST_DIRECT,
	  TDCOST_PAMT_LOCK,
	  BURST,
	  WINDOW,
	  2 * WINDOW,
	  2 * WINDOW,
	  0,
	  4,
	  { 0, 0 },
	  { 2, 0 } },
	/* The puts come behind 512 gets: then the region is a new one again. */
	{ TDCOST_DIRECT, TDCOST_PAMT_FAST, BURST, WINDOW + 1, 4, 4, 0, 2, { 0, 0 }, { 2, 0 } },
	{ TDCOST_DIRECT,
	  TDCOST_PAMT_FAST,
	  0,
	  2 * WINDOW,
	  4 * WINDOW,
	  4 * WINDOW,
	  0,
	  2 * WINDOW,
	  { 0, 0 },
	  { 2, 2 } },
};

static void check_samples(size_t i, const struct tdcost_sample *topups,
			  const struct tdcost_sample *uses)
{
	for (size_t j = 0; j < 2; j++) {
		assert_int_equal(topups[j].pages, rules[i].topups[j]);
		assert_int_equal(uses[j].pages, rules[i].uses[j]);
		assert_true(topups[j].ticks > 0 && uses[j].ticks > 0);
	}
}

static void pages_and_locks_are_those_of_the_rules(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct tdcost_sample topups[2] = { 0 }, uses[2] = { 0 };
		struct tdcost_topup t = { .variant = rules[i].variant,
					  .work = rules[i].work,
					  .flags = rules[i].flags | TDCOST_TOPUP_TIMES,
					  .units = rules[i].units,
					  .n_topups = 2,
					  .n_uses = 2,
					  .topups = (uintptr_t)topups,
					  .uses = (uintptr_t)uses };

		get(&t);
		assert_int_equal(t.done, t.units);
		assert_int_equal(t.allocs, rules[i].allocs);
		assert_int_equal(t.frees, rules[i].allocs);
		assert_int_equal(t.held, rules[i].held);
		assert_int_equal(t.peak, rules[i].peak);
		assert_int_equal(t.n_topups, 2);
		assert_int_equal(t.n_uses, 2);
		check_samples(i, topups, uses);
		assert_true(t.put_ticks > 0);
		assert_true(t.topup_ticks + t.use_ticks + t.put_ticks < t.end - t.start);
		t.flags = rules[i].flags;
		t.meters = TDCOST_METER_ALL;
		get(&t);
		assert_int_equal(t.lock[TDCOST_LOCK_PAMT].rounds, rules[i].rounds);
		assert_int_equal(t.lock[TDCOST_LOCK_MMU].rounds, 0);
		assert_int_equal(t.idle_peak, rules[i].variant == TDCOST_DIRECT ? 0 : 10);
	}
}

struct caller {
	pthread_t id;
	unsigned cpu;
	struct tdcost_topup t;
	int err;
};

static void *call(void *arg)
{
	struct caller *c = arg;

	smoke_bind(c->cpu);
	c->err = kmod_topup(&kmod, &c->t, NULL);
	return NULL;
}

/* Return: rounds of the lock, of all of them. */
static uint64_t share(unsigned work, unsigned flags)
{
	struct caller c[THREADS] = { 0 };
	struct smoke_cpus online;
	uint64_t allocs = 0, frees = 0, rounds = 0;

	smoke_online(&online);
	for (unsigned i = 0; i < THREADS; i++) {
		c[i].cpu = online.cpu[i % online.n];
		c[i].t = (struct tdcost_topup){ .variant = TDCOST_DIRECT,
						.work = work,
						.flags = flags,
						.meters = TDCOST_METER_ALL,
						.units = 10 * WINDOW };
		assert_int_equal(pthread_create(&c[i].id, NULL, call, &c[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(c[i].id, NULL), 0);
		assert_int_equal(c[i].err, 0);
		assert_int_equal(c[i].t.done, c[i].t.units);
		allocs += c[i].t.allocs;
		frees += c[i].t.frees;
		rounds += c[i].t.lock[TDCOST_LOCK_PAMT].rounds;
	}
	assert_int_equal(frees, allocs);
	return rounds;
}

/* Without the fast path each get and each put takes the lock, whoever is there; with it, fewer. */
static void callers_share_the_counts(void **unused)
{
	const uint64_t all = 2 * THREADS * 10 * WINDOW;

	(void)unused;
	assert_int_equal(share(TDCOST_PAMT_LOCK, 0), all);
	assert_int_equal(share(TDCOST_PAMT_LOCK, BURST), all);
	assert_true(share(TDCOST_PAMT_FAST, 0) <= all);
	assert_true(share(TDCOST_PAMT_FAST, BURST) < all / 4);
}

static void *call_by_its_own(void *arg)
{
	struct caller *c = arg;
	struct kmod own;

	smoke_bind(c->cpu);
	smoke_open(&own);
	c->err = kmod_topup(&own, &c->t, NULL);
	kmod_close(&own);
	return NULL;
}

/* Who shares no count shares the lock: it is held by one at a time. */
static void files_share_the_lock(void **unused)
{
	struct caller c[2] = { 0 };
	struct smoke_cpus online;
	uint64_t hold = 0;

	(void)unused;
	smoke_online(&online);
	for (unsigned i = 0; i < 2; i++) {
		c[i].cpu = online.cpu[i % online.n];
		c[i].t = (struct tdcost_topup){ .variant = TDCOST_DIRECT,
						.work = TDCOST_PAMT_FAST,
						.meters = TDCOST_METER_ALL,
						.demote_loops = 1000,
						.units = 2 * WINDOW };
		assert_int_equal(pthread_create(&c[i].id, NULL, call_by_its_own, &c[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(c[i].id, NULL), 0);
		assert_int_equal(c[i].err, 0);
		assert_int_equal(c[i].t.lock[TDCOST_LOCK_PAMT].rounds, 4 * WINDOW);
		hold += c[i].t.lock[TDCOST_LOCK_PAMT].hold;
	}
	assert_true(hold <= (c[0].t.end > c[1].t.end ? c[0].t.end : c[1].t.end) -
				    (c[0].t.start < c[1].t.start ? c[0].t.start : c[1].t.start));
}

/* For as long as it takes to be killed; ends on its own after a while. */
static const struct tdcost_topup endless = { .variant = TDCOST_DIRECT,
					     .source = TDCOST_GFP_KERNEL_ACCOUNT,
					     .work = TDCOST_PAMT_LOCK,
					     .demote_loops = 1000,
					     .units = 1 << 20 };

/* Has a caller of other work on this file to wait? */
static bool busy(void)
{
	struct tdcost_topup t = { .units = 1 };
	int err = kmod_topup(&kmod, &t, NULL);

	assert_true(!err || err == -EBUSY);
	return err;
}

static pid_t get_until_killed(void)
{
	struct tdcost_topup t = endless;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		/* The other one's call may be there first. */
		while (kmod_topup(&kmod, &t, NULL) == -EBUSY)
			;
		_exit(0);
	}
	/* Asleep between the calls, or on one CPU the other one finds a call of this one each time. */
	while (!busy() && !waitpid(pid, NULL, WNOHANG))
		usleep(PAUSE_US);
	return pid;
}

static void kill_it(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* Who shares its counts goes on; with the last one all pages are gone, 1024 of them at a time. */
static void a_killed_get_is_put(void **unused)
{
	const uint64_t half = 2ull << 20;
	uint64_t before = smoke_charged();
	struct caller c = { .t = endless };
	pid_t pid;

	(void)unused;
	c.t.units = 4 * WINDOW;
	pid = get_until_killed();
	assert_int_equal(pthread_create(&c.id, NULL, call, &c), 0);
	kill_it(pid);
	assert_int_equal(pthread_join(c.id, NULL), 0);
	assert_int_equal(c.err, 0);
	assert_int_equal(c.t.done, c.t.units);
	assert_false(busy());
	assert_true(smoke_charged() < before + half);
	kill_it(get_until_killed());
	assert_false(busy());
	assert_true(smoke_charged() < before + half);
}

static void a_get_out_of_bounds_is_refused(void **unused)
{
	const struct tdcost_topup good = {
		.variant = TDCOST_DIRECT, .work = TDCOST_PAMT_FAST, .flags = BURST, .units = 1
	};
	const struct smoke_bad rows[] = {
		BAD(tdcost_topup, variant, TDCOST_KVM_ARRAY, EINVAL),
		BAD(tdcost_topup, variant, TDCOST_SPLIT_CACHE, EINVAL),
		BAD(tdcost_topup, variant, TDCOST_PAMT_CACHE, 0),
		BAD(tdcost_topup, work, TDCOST_FAULT_STEADY, EINVAL), /* with BURST */
		BAD(tdcost_topup, work, TDCOST_WORK_MAX, EINVAL),
		BAD(tdcost_topup, work, TDCOST_PAMT_LOCK, 0),
		BAD(tdcost_topup, flags, TDCOST_TOPUP_INDIRECT, EINVAL),
		BAD(tdcost_topup, flags, TDCOST_TOPUP_NO_VCPU, EINVAL),
		BAD(tdcost_topup, flags, 0, 0),
		BAD(tdcost_topup, splits, 1, EINVAL),
		BAD(tdcost_topup, units, (1u << 20) + 1, EINVAL),
		BAD(tdcost_topup, n_uses, 1, EINVAL), /* without TIMES */
	};

	(void)unused;
	smoke_refused(&kmod, TDCOST_TOPUP, &good, sizeof(good), rows, ARRAY_SIZE(rows));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_pamt_tests[] = {
	TEST(pages_and_locks_are_those_of_the_rules),
	TEST(callers_share_the_counts),
	TEST(files_share_the_lock),
	TEST(a_killed_get_is_put),
	TEST(a_get_out_of_bounds_is_refused),
	{ 0 },
};
