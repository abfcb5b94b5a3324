// SPDX-License-Identifier: GPL-2.0-or-later
/* The stop sequence: who is asked, whose flag is respected, who is late. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define MAX_POLLS 1000000 /* the kernel's */
#define FEW_POLLS 20000	  /* emulated, a poll takes up to ten times its microsecond */
#define ATTEMPTS  20

static struct kmod kmod;
static struct smoke_cpus online;
static struct tdcost_cpu result[MAX_CPUS];
static unsigned n;

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

static void stop(struct tdcost_stop *s, const struct kmod_mask *flagged)
{
	struct reason why = { "" };

	if (kmod_stop(&kmod, s, flagged, result, &n, &why))
		fail_msg("%s", why.text);
	assert_true(s->start != 0 && s->end >= s->start);
}

static bool flag_set(const struct kmod_mask *flagged, unsigned cpu)
{
	return flagged->words[cpu / 64] >> cpu % 64 & 1;
}

/* One that is not the caller: it did its op if its flag was set, and its counter moved then. */
static void check_other(const struct tdcost_cpu *c, bool flagged, bool counts,
			const uint64_t *before, const uint64_t *after)
{
	unsigned flags = TDCOST_CPU_ANSWERED | (flagged ? TDCOST_CPU_FLUSHED : 0);

	assert_int_equal(c->flags & ~(TDCOST_CPU_LATE | TDCOST_CPU_LATE_NMI), flags);
	assert_true(c->start != 0 && c->end >= c->start);
	assert_int_equal(after[c->cpu], before[c->cpu] + (flagged && counts));
	assert_int_equal(c->flushes, after[c->cpu]);
}

static void stop_and_check(unsigned op, const struct kmod_mask *flagged, bool self)
{
	uint64_t before[MAX_CPUS], after[MAX_CPUS];
	struct tdcost_stop s = { .op = op,
				 .flags = self ? TDCOST_STOP_SELF : 0,
				 .max_polls = MAX_POLLS };
	unsigned first = online.cpu[0], i = 0;
	bool counts = op != TDCOST_NOTHING;

	smoke_counters(&kmod, before);
	stop(&s, flagged);
	smoke_counters(&kmod, after);
	assert_int_equal(n, online.n - 1 + self);
	assert_true(s.polls <= MAX_POLLS);
	if (self) {
		assert_int_equal(result[0].flags,
				 TDCOST_CPU_ANSWERED | TDCOST_CPU_FLUSHED | TDCOST_CPU_SELF);
		assert_int_equal(result[0].cpu, first);
		i = 1;
	}
	assert_int_equal(after[first], before[first] + (self && counts));
	for (unsigned j = 1; j < online.n; j++, i++) {
		assert_int_equal(result[i].cpu, online.cpu[j]);
		check_other(&result[i], flag_set(flagged, online.cpu[j]), counts, before, after);
	}
}

static void flags_are_respected(void **unused)
{
	(void)unused;
	for (unsigned op = TDCOST_WBINVD; op <= TDCOST_NOTHING; op += TDCOST_NOTHING) {
		struct kmod_mask none = { { 0 } }, all = { { 0 } };

		for (unsigned cpu = 0; cpu < kmod.info.cpus; cpu++)
			kmod_mask_set(&all, cpu); /* the caller's, too, which is not asked */
		for (int self = 0; self < 2; self++) {
			stop_and_check(op, &none, self);
			stop_and_check(op, &all, self);
			for (unsigned i = 0; i < online.n; i++) {
				struct kmod_mask one = { { 0 } };

				kmod_mask_set(&one, online.cpu[i]);
				stop_and_check(op, &one, self);
			}
		}
	}
}

static const struct tdcost_cpu *of_cpu(unsigned cpu)
{
	for (unsigned i = 0; i < n; i++)
		if (result[i].cpu == cpu)
			return &result[i];
	fail_msg("CPU %u is not among the results", cpu);
	return NULL;
}

static unsigned count_flag(unsigned flag)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += !!(result[i].flags & flag);
	return count;
}

/* What holds of every stop, however long anything took. */
static void check_late(const struct tdcost_stop *s)
{
	for (unsigned i = 0; i < n; i++) {
		assert_true(result[i].flags & TDCOST_CPU_ANSWERED);
		if (result[i].flags & TDCOST_CPU_LATE_NMI)
			assert_true(result[i].flags & TDCOST_CPU_LATE);
	}
	assert_int_equal(count_flag(TDCOST_CPU_LATE), s->late);
	assert_int_equal(count_flag(TDCOST_CPU_LATE_NMI), s->late_nmi);
	assert_true(s->polls <= s->max_polls);
	if (s->late)
		assert_int_equal(s->polls, s->max_polls);
}

/*
 * A stop in which @cpu is away. Return: did it go as the test means it? On a machine that has more
 * to do, a poll may take longer than the delay, or another CPU may be late in earnest: then the
 * stop is repeated.
 */
static bool as_meant(struct tdcost_stop *s, unsigned late, unsigned late_nmi)
{
	struct kmod_mask all = { { 0 } };
	uint64_t before[MAX_CPUS], after[MAX_CPUS];

	for (unsigned i = 1; i < online.n; i++)
		kmod_mask_set(&all, online.cpu[i]);
	smoke_counters(&kmod, before);
	stop(s, &all);
	smoke_counters(&kmod, after);
	check_late(s);
	for (unsigned i = 0; i < n; i++)
		check_other(&result[i], true, true, before, after);
	return s->late == late && s->late_nmi == late_nmi;
}

static void until_as_meant(struct tdcost_stop *s, unsigned late, unsigned late_nmi)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++)
		if (as_meant(s, late, late_nmi))
			return;
	fail_msg("CPU %u away for %u us, %u polls: %u late, %u past the NMI; expected %u and %u",
		 s->delay_cpu, s->delay_us, s->max_polls, s->late, s->late_nmi, late, late_nmi);
}

/* Each other CPU in its turn is away for 1.2 s: it is late, past both limits, and nobody else is. */
static void a_delayed_cpu_is_named_late(void **unused)
{
	unsigned late = TDCOST_CPU_LATE | TDCOST_CPU_LATE_NMI;

	(void)unused;
	for (unsigned i = 1; i < online.n; i++) {
		struct tdcost_stop s = { .max_polls = FEW_POLLS,
					 .delay_cpu = online.cpu[i],
					 .delay_us = 1200000 };

		until_as_meant(&s, 1, 1);
		for (unsigned j = 1; j < online.n; j++)
			assert_int_equal(of_cpu(online.cpu[j])->flags & late, i == j ? late : 0);
		/* It was waited for: its times are there, and behind the end of the polls. */
		assert_true(of_cpu(online.cpu[i])->start > s.end);
	}
}

/*
 * A million polls, as the kernel makes: who is away for longer is late, and nobody else. Emulated
 * they take two seconds or three, hence the delay; on a machine that is so busy that they take five
 * nobody is late.
 */
static void a_cpu_is_late_past_the_kernels_polls(void **unused)
{
	struct tdcost_stop s = { .max_polls = MAX_POLLS,
				 .delay_cpu = online.cpu[online.n - 1],
				 .delay_us = kmod.info.max_delay_us };

	(void)unused;
	until_as_meant(&s, 1, 1);
	assert_int_equal(s.polls, MAX_POLLS);
	assert_true(of_cpu(s.delay_cpu)->flags & TDCOST_CPU_LATE);
	assert_true(of_cpu(s.delay_cpu)->start > s.end);
}

/*
 * One poll, and the CPU is late; it is there before the 10 ms are up, so it is not late twice. How
 * long 10 ms of polls take depends on the emulator: delays from none to 2 ms are tried.
 */
static void polls_end_where_they_are_told(void **unused)
{
	(void)unused;
	for (unsigned attempt = 0; attempt < 10 * ATTEMPTS; attempt++) {
		struct tdcost_stop s = { .max_polls = 1,
					 .delay_cpu = online.cpu[1],
					 .delay_us = attempt % 20 * 100 };

		if (as_meant(&s, 1, 0)) {
			assert_int_equal(s.polls, 1);
			return;
		}
	}
	fail_msg("nobody was late past the polls alone in any of %d stops", 10 * ATTEMPTS);
}

/* A stop is over when the last bit is cleared: nobody is late, and polls are left. */
static void polls_end_with_the_last_cpu(void **unused)
{
	struct tdcost_stop s = { .max_polls = MAX_POLLS,
				 .delay_cpu = online.cpu[1],
				 .delay_us = 20000 };

	(void)unused;
	until_as_meant(&s, 0, 0);
	assert_true(s.polls > 0 && s.polls < MAX_POLLS);
}

static void what_is_out_of_bounds_is_refused(void **unused)
{
	static uint64_t mask[1024];
	const struct tdcost_stop good = { .op = TDCOST_NOTHING,
					  .mask = (uintptr_t)mask,
					  .mask_words = 2,
					  .max_polls = MAX_POLLS,
					  .delay_cpu = online.cpu[1],
					  .delay_us = 1,
					  .n = MAX_CPUS,
					  .result = (uintptr_t)result };
	const struct smoke_bad rows[] = {
		BAD(tdcost_stop, op, TDCOST_OP_MAX, EINVAL),
		BAD(tdcost_stop, op, TDCOST_WBNOINVD,
		    kmod.info.features & TDCOST_HAS_WBNOINVD ? 0 : EOPNOTSUPP),
		BAD(tdcost_stop, flags, 1u << 1, EINVAL),
		BAD(tdcost_stop, flags, TDCOST_STOP_SELF, 0),
		BAD(tdcost_stop, mask, 8, EFAULT),
		BAD(tdcost_stop, mask_words, 0, 0),
		BAD(tdcost_stop, mask_words, 1024, 0),
		BAD(tdcost_stop, mask_words, UINT32_MAX, EINVAL),
		BAD(tdcost_stop, max_polls, 0, EINVAL),
		BAD(tdcost_stop, max_polls, MAX_POLLS + 1, EINVAL),
		BAD(tdcost_stop, delay_us, kmod.info.max_delay_us + 1, EINVAL),
		BAD(tdcost_stop, delay_us, UINT32_MAX, EINVAL),
		BAD(tdcost_stop, delay_cpu, online.cpu[0], EINVAL), /* the caller */
		BAD(tdcost_stop, delay_cpu, kmod.info.cpus, EINVAL),
		BAD(tdcost_stop, delay_cpu, UINT32_MAX, EINVAL),
		BAD(tdcost_stop, n, online.n - 2, ENOSPC),
		BAD(tdcost_stop, n, online.n - 1, 0),
		BAD(tdcost_stop, result, 8, EFAULT),
	};

	(void)unused;
	smoke_refused(&kmod, TDCOST_STOP, &good, sizeof(good), rows, ARRAY_SIZE(rows));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_stop_tests[] = {
	TEST(flags_are_respected),
	TEST(a_delayed_cpu_is_named_late),
	TEST(a_cpu_is_late_past_the_kernels_polls),
	TEST(polls_end_where_they_are_told),
	TEST(polls_end_with_the_last_cpu),
	TEST(what_is_out_of_bounds_is_refused),
	{ 0 },
};

static void alone_a_stop_is_over_at_once(void **unused)
{
	struct kmod_mask all = { { 1 } };
	struct tdcost_stop s = { .max_polls = MAX_POLLS };

	(void)unused;
	stop(&s, &all);
	assert_int_equal(n, 0);
	assert_int_equal(s.polls, 0);
	assert_int_equal(s.late + s.late_nmi, 0);
	stop_and_check(TDCOST_WBINVD, &all, true);
	/* There is nobody to delay. */
	s.delay_us = 1;
	assert_int_equal(kmod_stop(&kmod, &s, &all, result, &n, NULL), -EINVAL);
}

const struct CMUnitTest smoke_lone_tests[] = {
	TEST(alone_a_stop_is_over_at_once),
	{ 0 },
};
