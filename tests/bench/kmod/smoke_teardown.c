// SPDX-License-Identifier: GPL-2.0-or-later
/* Teardowns in the kernel: the steps, what they leave in the pages, whom they interrupt, and who ends. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/teardown/replay.h"

#define PATTERN 0xa5c396f00f693c5aull /* no byte of it is zero */
#define HUGE	9
#define VCPUS	3

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
	kmod_close(&kmod);
	return 0;
}

static void must(int err, const struct reason *why)
{
	if (err)
		fail_msg("%s", why->text);
}

static void alloc(unsigned order, uint64_t pages)
{
	struct reason why = { "" };

	must(kmod_pages_alloc(&kmod, order, pages, -1, &why), &why);
	must(kmod_pages_fill(&kmod, PATTERN, TDCOST_DIRTY, &why), &why);
}

static void tear_down(const struct tdcost_teardown *t, struct tdcost_torn *torn)
{
	struct reason why = { "" };

	memset(torn, 0xff, sizeof(*torn));
	must(kmod_teardown_set(&kmod, t, &why), &why);
	must(kmod_teardown(&kmod, torn, &why), &why);
	assert_true(torn->end > torn->start);
}

static uint64_t wrong(uint64_t pattern)
{
	struct tdcost_check c = { .pattern = pattern };
	struct reason why = { "" };

	must(kmod_pages_check(&kmod, &c, &why), &why);
	return c.wrong;
}

static unsigned packages(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < online.n; i++) {
		bool first = true;

		for (unsigned j = 0; j < i; j++)
			first &= !smoke_same_package(online.cpu[i], online.cpu[j]);
		n += first;
	}
	return n;
}

/* ---- the steps ---- */

/* By hand: of each vCPU 6, TDCS 6 and TDR; S-EPT: below a GiB one page of each of two levels, and leaves'. */
static uint64_t control_pages(const struct tdcost_teardown *t, uint64_t bytes)
{
	uint64_t tables = t->leaf_order ? 0 : (bytes + TD_REGION - 1) / TD_REGION;

	return t->without & TDCOST_TEARDOWN_CONTROL ? 0 : tables + 2 + 6 * t->vcpus + 7;
}

static void assert_steps(const struct tdcost_teardown *t, const struct tdcost_torn *torn,
			 uint64_t bytes)
{
	bool dynamic = t->path == TDCOST_PATH_DYNAMIC;
	uint64_t leaves = bytes / TD_PAGE >> t->leaf_order, control = control_pages(t, bytes);
	uint64_t expected[TD_STEPS] = {
		[TD_BLOCK] = dynamic ? leaves : 0,
		[TD_TRACK] = dynamic ? leaves : 0,
		[TD_KICK] = dynamic && !(t->without & TDCOST_TEARDOWN_KICK) ? leaves : 0,
		[TD_REMOVE] = dynamic ? leaves : 0,
		[TD_WBINVD] =
			(dynamic && !(t->without & TDCOST_TEARDOWN_FLUSH) ? bytes / TD_PAGE : 0) +
			(control > 0),
		[TD_RECLAIM] = (dynamic ? 0 : leaves) + control,
		[TD_RESET] = (bytes / TD_PAGE >> t->reset_order) + control,
		[TD_PAMT_PUT] = t->dpamt ? leaves : 0,
		[TD_PAMT_REMOVE] = t->dpamt ? (bytes + TD_REGION - 1) / TD_REGION : 0,
		[TD_VP_FLUSH] = t->vcpus,
		[TD_VPFLUSHDONE] = 1,
		[TD_CACHE_WB] = t->flags & TDCOST_TEARDOWN_SKIP_CACHE_WB ? 0 : packages(),
		[TD_KEY_FREEID] = 1,
	};

	for (unsigned i = 0; i < TD_STEPS; i++)
		if (torn->steps[i] != expected[i])
			fail_msg("step %u: %llu, not %llu", i, (unsigned long long)torn->steps[i],
				 (unsigned long long)expected[i]);
}

static void a_teardown_of(unsigned order, uint64_t pages, struct tdcost_teardown *t)
{
	bool quirk = t->flags & TDCOST_TEARDOWN_QUIRK;
	struct tdcost_torn torn;

	alloc(order, pages);
	tear_down(t, &torn);
	assert_steps(t, &torn, (TD_PAGE << order) * pages);
	if (t->without & TDCOST_TEARDOWN_FREE)
		assert_int_equal(wrong(quirk ? 0 : PATTERN), 0);
	else
		assert_int_equal(kmod_pages_fill(&kmod, 0, TDCOST_DIRTY, NULL), -ENODATA);
	assert_int_equal(kmod_pages_free(&kmod, NULL), 0);
}

/* Both paths, leaves of either size in pages of either order, with the quirk where it can be had. */
static void each_path_does_its_steps(void **unused)
{
	unsigned flags = kmod.info.features & TDCOST_HAS_MOVDIR64B ? 4 : 2;

	(void)unused;
	for (unsigned i = 0; i < 2 * flags * 3 * 4; i++) {
		unsigned size = i / 2 / flags % 3; /* 4K, 4K of a huge page, 2M */
		struct tdcost_teardown t = {
			.path = i % 2,
			.flags = (i / 2 % flags & 1 ? TDCOST_TEARDOWN_SKIP_CACHE_WB : 0) |
				 (i / 2 % flags & 2 ? TDCOST_TEARDOWN_QUIRK : 0),
			.leaf_order = size == 2 ? HUGE : 0,
			.reset_order = size == 2 && i & 1 ? HUGE : 0,
			.op = TDCOST_WBINVD,
			.without = (i / 2 / flags / 3 & 1 ? TDCOST_TEARDOWN_FREE : 0) |
				   (i / 2 / flags / 3 & 2
					    ? TDCOST_TEARDOWN_KICK | TDCOST_TEARDOWN_FLUSH |
						      TDCOST_TEARDOWN_CONTROL
					    : 0),
			.vcpus = VCPUS,
		};

		a_teardown_of(size ? HUGE : 0, size ? 2 : 700, &t);
	}
}

static void dynamic_pamt_puts_each_reference(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 8; i++) {
		struct tdcost_teardown t = { .path = i % 2,
					     .dpamt = i / 2 % 2 ? TDCOST_DPAMT_FAST
								: TDCOST_DPAMT_LOCK,
					     .op = TDCOST_NOTHING,
					     .without = i & 4 ? TDCOST_TEARDOWN_FREE : 0,
					     .pamt_loops = 10 };

		a_teardown_of(0, 1300, &t);
	}
}

/* Descending, and again; what is no order of these leaves is refused. */
static void leaves_go_in_the_order_given(void **unused)
{
	struct tdcost_teardown t = { .without = TDCOST_TEARDOWN_FREE,
				     .dpamt = TDCOST_DPAMT_FAST,
				     .op = TDCOST_NOTHING };
	struct tdcost_torn torn;
	uint32_t order[600];

	(void)unused;
	alloc(0, ARRAY_SIZE(order));
	for (uint32_t i = 0; i < ARRAY_SIZE(order); i++)
		order[i] = ARRAY_SIZE(order) - 1 - i;
	t.order = (uintptr_t)order;
	tear_down(&t, &torn);
	assert_steps(&t, &torn, sizeof(order) / sizeof(*order) * TD_PAGE);
	order[7] = order[8];
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), -EINVAL);
	order[7] = ARRAY_SIZE(order);
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), -EINVAL);
	t.order = 8;
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), -EFAULT);
}

/* Each leaf is marked; no phase and no sum of them is longer than the whole. */
static void phases_are_parts_of_the_whole(void **unused)
{
	struct tdcost_teardown t = { .timed = TD_BIT(TD_P_TRACK) | TD_BIT(TD_P_FLUSH),
				     .every = 1,
				     .seam_ns = { [TD_SEAM_TRACK] = 1000 },
				     .op = TDCOST_NOTHING };
	struct tdcost_torn torn;
	uint64_t sum = 0;

	(void)unused;
	alloc(0, 100);
	tear_down(&t, &torn);
	assert_int_equal(torn.marked + torn.interrupted, 100);
	for (unsigned i = 0; i < TD_PHASES; i++) {
		bool told = i == TD_P_TRACK || i == TD_P_FLUSH || i == TD_P_HKID ||
			    i == TD_P_CONTROL || i == TD_P_FREE;

		assert_int_equal(torn.ticks[i] > 0, told);
		assert_int_equal(torn.count[i] > 0, told);
		sum += torn.ticks[i];
	}
	assert_true(sum < torn.end - torn.start);
	t.every = 0;
	alloc(0, 100);
	tear_down(&t, &torn);
	assert_true(torn.ticks[TD_P_LEAVES] > 0 && !torn.ticks[TD_P_FLUSH]);
}

/* One CPU of each package, once. */
static void caches_are_written_back_by_package(void **unused)
{
	struct tdcost_teardown t = { .op = TDCOST_WBINVD };
	uint64_t before[MAX_CPUS], after[MAX_CPUS];
	struct tdcost_torn torn;
	unsigned n = 0;

	(void)unused;
	smoke_counters(&kmod, before);
	alloc(0, 1);
	tear_down(&t, &torn);
	smoke_counters(&kmod, after);
	for (unsigned i = 0; i < online.n; i++) {
		unsigned cpu = online.cpu[i];

		assert_true(after[cpu] - before[cpu] <= 1);
		n += after[cpu] - before[cpu];
	}
	assert_int_equal(n, packages());
	assert_int_equal(after[online.cpu[0]] - before[online.cpu[0]], 1);
}

/* ---- limits ---- */

static void out_of_bounds_is_refused(void **unused)
{
	const struct tdcost_teardown good = { .vcpus = 1, .op = TDCOST_NOTHING };
	const struct smoke_bad rows[] = {
		BAD(tdcost_teardown, path, TDCOST_PATH_MAX, EINVAL),
		BAD(tdcost_teardown, flags, 1u << 2, EINVAL),
		BAD(tdcost_teardown, leaf_order, 1, EINVAL),
		BAD(tdcost_teardown, leaf_order, HUGE, EINVAL), /* more than the pages' */
		BAD(tdcost_teardown, reset_order, HUGE, EINVAL),
		BAD(tdcost_teardown, dpamt, TDCOST_DPAMT_MAX, EINVAL),
		BAD(tdcost_teardown, op, TDCOST_OP_MAX, EINVAL),
		BAD(tdcost_teardown, without, 1u << TD_PHASES, EINVAL),
		BAD(tdcost_teardown, timed, 1u << TD_PHASES, EINVAL),
		BAD(tdcost_teardown, every, 65536, 0),
		BAD(tdcost_teardown, every, 65537, EINVAL),
		BAD(tdcost_teardown, vcpus, 1024, 0),
		BAD(tdcost_teardown, vcpus, 1025, EINVAL),
		BAD(tdcost_teardown, seam_ns[0], TDCOST_TEARDOWN_SEAM_NS, 0),
		BAD(tdcost_teardown, seam_ns[0], TDCOST_TEARDOWN_SEAM_NS + 1, EINVAL),
		BAD(tdcost_teardown, seam_ns[TD_SEAM_RECLAIM], TDCOST_TEARDOWN_SEAM_NS + 1, EINVAL),
		BAD(tdcost_teardown, pamt_loops, 10001, EINVAL),
		BAD(tdcost_teardown, mask_words, 1025, EINVAL),
	};
	uint64_t two = 3;
	struct tdcost_teardown guests = { .vcpus = 1, .mask = (uintptr_t)&two, .mask_words = 1 };

	(void)unused;
	alloc(0, 1);
	smoke_refused(&kmod, TDCOST_TEARDOWN_SET, &good, sizeof(good), rows, ARRAY_SIZE(rows));
	if (online.n > 1)
		assert_int_equal(kmod_teardown_set(&kmod, &guests, NULL), -EINVAL);
}

/* It is made ready for the pages that there are, and for one time. */
static void what_is_not_ready_is_refused(void **unused)
{
	const struct tdcost_teardown t = { .op = TDCOST_NOTHING, .without = TDCOST_TEARDOWN_FREE };
	struct tdcost_teardown quirk = { .flags = TDCOST_TEARDOWN_QUIRK };
	struct tdcost_torn torn;

	(void)unused;
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), -ENODATA);
	assert_int_equal(kmod_teardown(&kmod, &torn, NULL), -ENODATA);
	alloc(0, 3);
	assert_int_equal(kmod_teardown(&kmod, &torn, NULL), -ENODATA);
	tear_down(&t, &torn);
	assert_int_equal(kmod_teardown(&kmod, &torn, NULL), -ENODATA);
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), 0);
	assert_int_equal(kmod_pages_free(&kmod, NULL), 0);
	assert_int_equal(kmod_teardown(&kmod, &torn, NULL), -ENODATA);
	alloc(0, 3);
	if (!(kmod.info.features & TDCOST_HAS_MOVDIR64B))
		assert_int_equal(kmod_teardown_set(&kmod, &quirk, NULL), -ENOTSUP);
	/* Closing the file with it ready is the end of it too. */
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), 0);
}

/* A second of it at least, were it not killed. */
static void who_is_killed_ends(void **unused)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	struct tdcost_teardown t = { .dpamt = TDCOST_DPAMT_FAST,
				     .seam_ns = { [TD_SEAM_BLOCK] = TDCOST_TEARDOWN_SEAM_NS,
						  [TD_SEAM_TRACK] = TDCOST_TEARDOWN_SEAM_NS,
						  [TD_SEAM_REMOVE] = TDCOST_TEARDOWN_SEAM_NS,
						  [TD_SEAM_WBINVD] = TDCOST_TEARDOWN_SEAM_NS },
				     .op = TDCOST_NOTHING };
	struct tdcost_torn torn;
	int status;
	pid_t pid;

	(void)unused;
	alloc(0, 16384);
	must(kmod_teardown_set(&kmod, &t, NULL), &(struct reason){ "set" });
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(kmod_teardown(&kmod, &torn, NULL) ? 1 : 0);
	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* The pages are there still, what was ready is not. */
	assert_int_equal(wrong(PATTERN), 0);
	assert_int_equal(kmod_teardown(&kmod, &torn, NULL), -ENODATA);
}

/* ---- kicks ---- */

/* "CAL: 12 34": function call interrupts of a CPU so far. */
static unsigned long calls_of(unsigned cpu)
{
	char line[4096];
	unsigned long n = 0;
	FILE *f = fopen("/proc/interrupts", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "CAL:");

		if (!at)
			continue;
		at += 4;
		for (unsigned i = 0; i < online.n; i++) {
			n = strtoul(at, &at, 10);
			if (online.cpu[i] == cpu)
				break;
		}
		break;
	}
	fclose(f);
	return n;
}

static void *be_guest(void *done)
{
	smoke_bind(online.cpu[1]);
	while (!__atomic_load_n((int *)done, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	return NULL;
}

static void each_kick_interrupts_who_is_in_guest_mode(void **unused)
{
	struct tdcost_teardown t = { .vcpus = VCPUS, .op = TDCOST_NOTHING, .mask_words = 1 };
	uint64_t mask = 1ull << online.cpu[1];
	unsigned long before;
	struct tdcost_torn torn;
	pthread_t guest;
	int done = 0;

	(void)unused;
	t.mask = (uintptr_t)&mask;
	alloc(0, 500);
	assert_int_equal(pthread_create(&guest, NULL, be_guest, &done), 0);
	before = calls_of(online.cpu[1]);
	tear_down(&t, &torn);
	assert_true(calls_of(online.cpu[1]) - before >= 500);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(guest, NULL), 0);
	assert_int_equal(torn.steps[TD_KICK], 500);
	assert_int_equal(torn.steps[TD_IPI], 500);
	/* The path of a TD whose HKID is gone kicks nobody. */
	alloc(0, 500);
	t.path = TDCOST_PATH_TEARDOWN;
	tear_down(&t, &torn);
	assert_int_equal(torn.steps[TD_IPI], 0);
}

static void a_guest_on_the_own_cpu_is_refused(void **unused)
{
	struct tdcost_teardown t = { .vcpus = VCPUS, .op = TDCOST_NOTHING, .mask_words = 1 };
	uint64_t mask = 1ull << online.cpu[0];
	struct tdcost_torn torn;

	(void)unused;
	t.mask = (uintptr_t)&mask;
	alloc(0, 2);
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), 0);
	assert_int_equal(kmod_teardown(&kmod, &torn, NULL), -EINVAL);
	assert_int_equal(wrong(PATTERN), 0);
}

static void a_guest_on_a_cpu_that_is_away_is_refused(void **unused)
{
	unsigned away = online.cpu[online.n - 1];
	struct tdcost_teardown t = { .vcpus = VCPUS, .op = TDCOST_NOTHING, .mask_words = 1 };
	uint64_t mask = 1ull << away;
	struct tdcost_torn torn;
	int err;

	(void)unused;
	t.mask = (uintptr_t)&mask;
	alloc(0, 2);
	assert_int_equal(kmod_teardown_set(&kmod, &t, NULL), 0);
	smoke_set_online(away, false);
	err = kmod_teardown(&kmod, &torn, NULL);
	smoke_set_online(away, true);
	assert_int_equal(err, -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_teardown_tests[] = {
	TEST(each_path_does_its_steps),
	TEST(dynamic_pamt_puts_each_reference),
	TEST(leaves_go_in_the_order_given),
	TEST(phases_are_parts_of_the_whole),
	TEST(caches_are_written_back_by_package),
	TEST(out_of_bounds_is_refused),
	TEST(what_is_not_ready_is_refused),
	TEST(who_is_killed_ends),
	{ 0 },
};

const struct CMUnitTest smoke_kick_tests[] = {
	TEST(each_kick_interrupts_who_is_in_guest_mode),
	TEST(a_guest_on_the_own_cpu_is_refused),
	TEST(a_guest_on_a_cpu_that_is_away_is_refused),
	{ 0 },
};
