// SPDX-License-Identifier: GPL-2.0-or-later
/* Topups in the kernel: the counts that the caches' rules give, and that no page stays behind. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/measure/clock.h"

#define THREADS 4

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

static void topup(struct tdcost_topup *t)
{
	struct reason why = { "" };

	if (kmod_topup(&kmod, t, &why))
		fail_msg("%s, %s, %s: %s", kmod_variants[t->variant], kmod_sources[t->source],
			 kmod_works[t->work], why.text);
}

static bool is_split(unsigned work)
{
	return work == TDCOST_SPLIT_REPEAT || work == TDCOST_SPLIT_WHOLE;
}

static bool is_get(unsigned work)
{
	return work == TDCOST_PAMT_FAST || work == TDCOST_PAMT_LOCK;
}

/* Is there such a work? */
static bool there_is(unsigned variant, unsigned work, unsigned flags, unsigned meters)
{
	if (meters && flags & TDCOST_TOPUP_TIMES)
		return false;
	if (!is_get(work))
		return !(flags & TDCOST_TOPUP_BURST);
	return (variant == TDCOST_PAMT_CACHE || variant == TDCOST_DIRECT) &&
	       !(flags & (TDCOST_TOPUP_INDIRECT | TDCOST_TOPUP_NO_VCPU));
}

/* Everything by everything: what went in came out. */
static void every_page_comes_back(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < TDCOST_VARIANT_MAX * TDCOST_SOURCE_MAX * TDCOST_WORK_MAX * 64;
	     i++) {
		struct tdcost_topup t = {
			.flags = i % 64 & ~8u,
			.meters = i & 8 ? TDCOST_METER_ALL : 0,
			.variant = i / 64 % TDCOST_VARIANT_MAX,
			.source = i / 64 / TDCOST_VARIANT_MAX % TDCOST_SOURCE_MAX,
			.work = i / 64 / TDCOST_VARIANT_MAX / TDCOST_SOURCE_MAX,
			.units = 40,
		};

		t.splits = is_split(t.work) ? 3 : 0;
		if (!there_is(t.variant, t.work, t.flags, t.meters)) {
			assert_int_equal(kmod_topup(&kmod, &t, NULL), -EINVAL);
			continue;
		}
		topup(&t);
		assert_int_equal(t.done, 40);
		assert_int_equal(t.failures, 0);
		assert_int_equal(t.frees, t.allocs);
		assert_true(t.allocs > 0);
		assert_true(t.peak > 0 && (uint64_t)t.peak <= t.allocs);
		assert_true(t.start != 0 && t.end > t.start);
		assert_true(t.held <= (uint64_t)t.peak);
	}
}

/* Allocations refused one by one, then each second one, and so on until there is none to refuse. */
static void refuse_at_every_step(unsigned variant, unsigned work, unsigned flags)
{
	struct tdcost_topup t = { .variant = variant,
				  .work = work,
				  .flags = flags,
				  .meters = TDCOST_METER_ALL,
				  .splits = is_split(work) ? 3 : 0,
				  .units = 5 };

	do {
		t.fail_every++;
		topup(&t);
		assert_int_equal(t.frees, t.allocs);
		/* A unit that is given up met one at least. */
		assert_true(t.done <= t.units && t.done + t.failures >= t.units);
		assert_true(t.fail_every > 1 || !t.allocs);
	} while (t.failures);
	assert_true(t.fail_every > 2);
}

static void what_is_refused_leaves_the_caches_whole(void **unused)
{
	(void)unused;
	for (unsigned variant = 0; variant < TDCOST_VARIANT_MAX; variant++)
		for (unsigned work = 0; work < TDCOST_WORK_MAX; work++)
			for (unsigned i = 0; i < 4; i++) {
				unsigned flags = (i & 1 ? TDCOST_TOPUP_NO_VCPU : 0) |
						 (i & 2 ? TDCOST_TOPUP_BURST : 0);

				if (there_is(variant, work, flags, TDCOST_METER_ALL))
					refuse_at_every_step(variant, work, flags);
			}
}

/* The first topups of a vCPU by the kernel's rules: the array of 40, the lists of 15 and 10. */
static const struct {
	enum tdcost_variant variant;
	unsigned first, second; /* pages of the first topup, and of the one behind a steady fault */
} rules[] = {
	{ TDCOST_KVM_ARRAY, 40 + 40, 0 },
	{ TDCOST_TDX_PREALLOC, 15, 1 + 2 * 2 },
	{ TDCOST_PAMT_CACHE, 40 + 10, 2 * 2 },
	{ TDCOST_SPLIT_CACHE, 40 + 10, 2 * 2 },
	{ TDCOST_SPLIT_BATCH, 40 + 10, 2 * 2 },
	{ TDCOST_PER_VCPU_OR_VM, 40 + 10, 2 * 2 },
	{ TDCOST_DIRECT, 0, 0 },
};

static void samples_are_those_of_the_rules(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct tdcost_sample topups[4], uses[4];
		struct tdcost_topup t = { .variant = rules[i].variant,
					  .work = TDCOST_FAULT_STEADY,
					  .flags = TDCOST_TOPUP_TIMES,
					  .units = 100,
					  .n_topups = ARRAY_SIZE(topups),
					  .n_uses = ARRAY_SIZE(uses),
					  .topups = (uintptr_t)topups,
					  .uses = (uintptr_t)uses };

		memset(topups, 0xff, sizeof(topups));
		memset(uses, 0xff, sizeof(uses));
		topup(&t);
		assert_int_equal(t.n_topups, ARRAY_SIZE(topups));
		assert_int_equal(t.n_uses, ARRAY_SIZE(uses));
		assert_int_equal(topups[0].pages, rules[i].first);
		assert_int_equal(topups[1].pages, rules[i].second);
		/* A fault takes a page and a pair, the first of 512 a pair more. */
		assert_int_equal(uses[0].pages, 1 + 2 * 2);
		assert_int_equal(uses[1].pages, 1 + 2);
		for (size_t j = 0; j < ARRAY_SIZE(topups); j++) {
			assert_true(topups[j].ticks > 0 && uses[j].ticks > 0);
			assert_int_equal(topups[j].reserved, 0);
			assert_int_equal(uses[j].reserved, 0);
		}
		assert_true(t.topup_ticks > 0 && t.use_ticks > 0);
		assert_true(t.topup_ticks + t.use_ticks < t.end - t.start);
	}
}

/* The getting of pages is metered where there is something to get; a call is not metered in it. */
static void gets_are_metered_by_themselves(void **unused)
{
	struct tdcost_sample uses[4] = { 0 };
	struct tdcost_topup t = { .variant = TDCOST_PAMT_CACHE,
				  .work = TDCOST_FAULT_BURST,
				  .meters = TDCOST_METER_GETS,
				  .units = 1024,
				  .n_uses = ARRAY_SIZE(uses),
				  .uses = (uintptr_t)uses };

	(void)unused;
	topup(&t);
	assert_int_equal(t.n_uses, 2);
	assert_int_equal(uses[0].pages, 1 + 2 * 2);
	assert_int_equal(uses[1].pages, 1 + 2);
	assert_int_equal(t.lock[TDCOST_LOCK_MMU].rounds, 0);
	assert_int_equal(t.retries + t.idle_peak, 0);
	assert_true(t.empty > 0);
}

/* A lock for each of the 4 pages, and one to consume them; or one for all. */
static void lock_rounds_are_those_of_the_rules(void **unused)
{
	struct tdcost_topup t = {
		.work = TDCOST_SPLIT_REPEAT, .meters = TDCOST_METER_ALL, .splits = 1, .units = 1
	};

	(void)unused;
	t.variant = TDCOST_SPLIT_CACHE;
	topup(&t);
	assert_int_equal(t.lock[TDCOST_LOCK_SPLIT].rounds, 4 + 2);
	assert_int_equal(t.lock[TDCOST_LOCK_MMU].rounds, 2);
	assert_int_equal(t.retries, 1);
	assert_int_equal(t.idle_peak, 1 + 4);
	t.variant = TDCOST_SPLIT_BATCH;
	topup(&t);
	assert_int_equal(t.lock[TDCOST_LOCK_SPLIT].rounds, 1 + 2);
	assert_true(t.lock[TDCOST_LOCK_MMU].hold >= t.lock[TDCOST_LOCK_MMU].hold_max);
	assert_true(t.lock[TDCOST_LOCK_MMU].hold_max > 0);
	t.meters = TDCOST_METER_ALL & ~(1u << TDCOST_LOCK_SPLIT);
	topup(&t);
	assert_int_equal(t.lock[TDCOST_LOCK_SPLIT].rounds, 0);
	assert_int_equal(t.lock[TDCOST_LOCK_MMU].rounds, 2);
	t.meters = 0;
	topup(&t);
	assert_int_equal(t.lock[TDCOST_LOCK_SPLIT].rounds, 0);
}

struct caller {
	pthread_t id;
	unsigned cpu;
	struct tdcost_topup t;
	int err;
	bool ended;
};

static void *call(void *arg)
{
	struct caller *c = arg;

	smoke_bind(c->cpu);
	c->err = kmod_topup(&kmod, &c->t, NULL);
	__atomic_store_n(&c->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * On one VM, each on a CPU of its own as far as there are some. A page of one may be freed by
 * another: the sums are equal. Allocations of the second and fourth are refused at times.
 */
static void threads_share_a_vm(const struct smoke_cpus *online, unsigned variant, unsigned work,
			       unsigned flags)
{
	/* On one CPU, which is Bochs's and slow, they meet only where one is preempted. */
	const uint64_t units = online->n == 1 ? 200 : 1000;
	struct caller c[THREADS] = { 0 };
	uint64_t allocs = 0, frees = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		c[i].cpu = online->cpu[i % online->n];
		c[i].t = (struct tdcost_topup){ .variant = variant,
						.source = TDCOST_GFP_KERNEL_ACCOUNT,
						.work = work,
						.flags = flags,
						.meters = i % 2 ? TDCOST_METER_ALL : 0,
						.splits = is_split(work) ? 4 : 0,
						.fail_every = i % 2 ? 7 + 4 * i : 0,
						.units = units };
		assert_int_equal(pthread_create(&c[i].id, NULL, call, &c[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(c[i].id, NULL), 0);
		assert_int_equal(c[i].err, 0);
		assert_true(c[i].t.done + c[i].t.failures >= units);
		assert_true(i % 2 || (c[i].t.done == units && !c[i].t.failures));
		allocs += c[i].t.allocs;
		frees += c[i].t.frees;
	}
	assert_int_equal(frees, allocs);
}

static void vcpus_of_a_vm_lose_no_page(void **unused)
{
	struct smoke_cpus online;

	(void)unused;
	smoke_online(&online);
	for (unsigned variant = 0; variant < TDCOST_VARIANT_MAX; variant++)
		for (unsigned work = 0; work < TDCOST_WORK_MAX; work++) {
			if (there_is(variant, work, 0, 0))
				threads_share_a_vm(&online, variant, work, 0);
			if (there_is(variant, work, TDCOST_TOPUP_BURST, 0))
				threads_share_a_vm(&online, variant, work, TDCOST_TOPUP_BURST);
		}
}

/* Short calls, which would be over one by one: each has the VM, and starts when all are there. */
static void vcpus_begin_together(void **unused)
{
	struct smoke_cpus online;
	struct caller c[THREADS] = { 0 };
	uint64_t before = 0;
	uint32_t aux;

	(void)unused;
	smoke_online(&online);
	for (unsigned i = 0; i < THREADS; i++) {
		c[i].cpu = online.cpu[i % online.n];
		c[i].t = (struct tdcost_topup){
			.work = TDCOST_SPLIT_REPEAT, .splits = 1, .units = 1, .vcpus = THREADS
		};
		if (i == THREADS - 1) {
			usleep(100000);
			before = tick_stop(&aux);
		}
		assert_int_equal(pthread_create(&c[i].id, NULL, call, &c[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(c[i].id, NULL), 0);
		assert_int_equal(c[i].err, 0);
		assert_true(c[i].t.start > before);
	}
}

/* Ends on its own after half a minute, if the kernel does not end it. */
static void work_until_killed(void)
{
	struct tdcost_topup t = { .source = TDCOST_GFP_KERNEL_ACCOUNT,
				  .work = TDCOST_SPLIT_WHOLE,
				  .splits = 512,
				  .demote_loops = 1000,
				  .units = 2048 };

	/* The other one's call may be there first. */
	while (kmod_topup(&kmod, &t, NULL) == -EBUSY)
		;
	_exit(0);
}

/* Another one with the same file has to agree with it, until it is gone. */
static void a_killed_topup_leaves_no_page(void **unused)
{
	struct tdcost_topup t = { .units = 1 };
	int status, err;
	pid_t pid = fork();

	(void)unused;
	assert_true(pid >= 0);
	if (!pid)
		work_until_killed();
	/*
	 * Asleep between the calls: on one CPU the kernel preempts inside a call, where it reschedules, and
	 * the other one would find this one's call there each time.
	 */
	do {
		usleep(PAUSE_US);
		err = kmod_topup(&kmod, &t, NULL);
	} while (!err && !waitpid(pid, &status, WNOHANG));
	assert_int_equal(err, -EBUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	topup(&t);
	assert_int_equal(t.frees, t.allocs);
}

/* The most that is charged while @source is topped up for 512 splits at a time, above before. */
static uint64_t charged_by(unsigned source)
{
	struct smoke_cpus online;
	struct caller c = {
		.t = { .source = source, .work = TDCOST_SPLIT_WHOLE, .splits = 512, .units = 40 }
	};
	uint64_t before = smoke_charged(), now, most = before;

	smoke_online(&online);
	c.cpu = online.cpu[online.n - 1];
	assert_int_equal(pthread_create(&c.id, NULL, call, &c), 0);
	while (!__atomic_load_n(&c.ended, __ATOMIC_ACQUIRE)) {
		now = smoke_charged();
		if (now > most)
			most = now;
	}
	assert_int_equal(pthread_join(c.id, NULL), 0);
	assert_int_equal(c.err, 0);
	assert_int_equal(c.t.frees, c.t.allocs);
	return most - before;
}

/* 1024 pages and more are held at every moment: with __GFP_ACCOUNT by this cgroup. */
static void the_flag_charges_the_caller(void **unused)
{
	const uint64_t half = 2ull << 20;
	uint64_t before = smoke_charged();

	(void)unused;
	assert_true(charged_by(TDCOST_GFP_KERNEL) < half);
	assert_true(charged_by(TDCOST_GFP_ATOMIC) < half);
	assert_true(charged_by(TDCOST_GFP_KERNEL_ACCOUNT) > half);
	assert_true(smoke_charged() < before + half);
}

static void a_topup_out_of_bounds_is_refused(void **unused)
{
	struct tdcost_sample room[2];
	const struct tdcost_topup good = { .units = 1,
					   .flags = TDCOST_TOPUP_TIMES,
					   .topups = (uintptr_t)room,
					   .uses = (uintptr_t)room };
	const struct tdcost_topup split = { .units = 1, .work = TDCOST_SPLIT_WHOLE, .splits = 2 };
	const struct smoke_bad rows[] = {
		BAD(tdcost_topup, variant, TDCOST_VARIANT_MAX, EINVAL),
		BAD(tdcost_topup, variant, UINT32_MAX, EINVAL),
		BAD(tdcost_topup, source, TDCOST_SOURCE_MAX, EINVAL),
		BAD(tdcost_topup, work, TDCOST_WORK_MAX, EINVAL),
		BAD(tdcost_topup, flags, TDCOST_TOPUP_BURST, EINVAL), /* of a fault */
		BAD(tdcost_topup, flags, 1u << 3, EINVAL),
		BAD(tdcost_topup, flags, 1u << 6, EINVAL),
		BAD(tdcost_topup, flags, 1u << 31, EINVAL),
		BAD(tdcost_topup, splits, 1, EINVAL),		      /* of a fault */
		BAD(tdcost_topup, work, TDCOST_SPLIT_REPEAT, EINVAL), /* of no pages */
		BAD(tdcost_topup, work, TDCOST_PAMT_FAST, EINVAL),    /* of kvm_array */
		BAD(tdcost_topup, demote_loops, 1001, EINVAL),
		BAD(tdcost_topup, fail_every, (1u << 20) + 1, EINVAL),
		BAD(tdcost_topup, fail_every, 1u << 20, 0),
		BAD(tdcost_topup, meters, 1, EINVAL), /* with TIMES */
		BAD(tdcost_topup, vcpus, 1, 0),
		BAD(tdcost_topup, vcpus, 1025, EINVAL),
		BAD(tdcost_topup, reserved, 1, EINVAL),
		BAD(tdcost_topup, units, 0, EINVAL),
		BAD(tdcost_topup, units, (1u << 20) + 1, EINVAL),
		BAD(tdcost_topup, units, UINT64_MAX, EINVAL),
		BAD(tdcost_topup, n_topups, 65537, EINVAL),
		BAD(tdcost_topup, n_uses, 65537, EINVAL),
		BAD(tdcost_topup, n_uses, 2, 0),
	};
	const struct smoke_bad split_rows[] = {
		BAD(tdcost_topup, splits, 513, EINVAL),
		BAD(tdcost_topup, splits, 512, 0),
		BAD(tdcost_topup, units, (1u << 19) + 1, EINVAL),
		BAD(tdcost_topup, n_topups, 1, EINVAL), /* without TIMES */
		BAD(tdcost_topup, n_uses, 1, EINVAL),
		BAD(tdcost_topup, meters, TDCOST_METER_ALL, 0),
		BAD(tdcost_topup, meters, TDCOST_METER_ALL + 1, EINVAL),
	};

	(void)unused;
	smoke_refused(&kmod, TDCOST_TOPUP, &good, sizeof(good), rows, ARRAY_SIZE(rows));
	smoke_refused(&kmod, TDCOST_TOPUP, &split, sizeof(split), split_rows,
		      ARRAY_SIZE(split_rows));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_topup_tests[] = {
	TEST(every_page_comes_back),
	TEST(what_is_refused_leaves_the_caches_whole),
	TEST(samples_are_those_of_the_rules),
	TEST(gets_are_metered_by_themselves),
	TEST(lock_rounds_are_those_of_the_rules),
	TEST(vcpus_of_a_vm_lose_no_page),
	TEST(vcpus_begin_together),
	TEST(a_killed_topup_leaves_no_page),
	TEST(the_flag_charges_the_caller),
	TEST(a_topup_out_of_bounds_is_refused),
	{ 0 },
};
