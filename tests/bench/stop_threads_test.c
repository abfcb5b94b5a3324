// SPDX-License-Identifier: GPL-2.0-or-later
/* The stop sequence played by threads, on the CPUs of this machine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/stop_threads.h"

#define MAX 64

static struct topo *topo;
static struct team *team;
static struct stop_threads *threads;
static struct stop_executor ex;
static unsigned cpus[MAX], n_cpus; /* the first is the caller's */
static struct tdcost_cpu result[MAX * 64];
static unsigned n_results;

static int open_threads(void **state)
{
	struct reason why = { "" };
	unsigned all[MAX];

	(void)state;
	if (topo_open(&topo, NULL, &why))
		return -1;
	/* The last one calls, so that the order of members is not that of CPUs. */
	n_cpus = (unsigned)topo_pick(topo, TOPO_ALL, all, MAX);
	n_cpus = n_cpus < MAX ? n_cpus : MAX;
	n_cpus = (unsigned)topo_spread(topo, all[n_cpus - 1], cpus, n_cpus);
	n_cpus = n_cpus < MAX ? n_cpus : MAX;
	if (topo_bind_thread(topo, cpus[0], &why) || team_open(&team, topo, cpus, n_cpus, &why) ||
	    stop_threads_open(&threads, team, n_cpus, &why))
		return -1;
	ex = stop_executor_threads(threads);
	return ex.cpus > sizeof(result) / sizeof(result[0]);
}

static int close_threads(void **state)
{
	(void)state;
	stop_threads_close(threads);
	team_close(team);
	topo_close(topo);
	return 0;
}

static uint64_t flushes_of(unsigned cpu)
{
	uint64_t counters[MAX * 64];
	unsigned n = 0;

	assert_int_equal(ex.counters(ex.ctx, counters, &n, NULL), 0);
	assert_int_equal(n, ex.cpus);
	return counters[cpu];
}

static struct kmod_mask mask_of_members(unsigned bits)
{
	struct kmod_mask mask = { { 0 } };

	for (unsigned i = 0; i < n_cpus && i < 32; i++)
		if (bits >> i & 1)
			kmod_mask_set(&mask, cpus[i]);
	return mask;
}

static void assert_ascending(void)
{
	for (unsigned i = 1; i < n_results; i++)
		assert_true(result[i - 1].cpu < result[i].cpu);
}

static unsigned members(void)
{
	return n_cpus < 4 ? n_cpus : 4;
}

static void each_cpu_of_the_mask_flushes_once_and_no_other(void **state)
{
	(void)state;
	for (unsigned bits = 1; bits < 1u << members(); bits++) {
		struct kmod_mask mask = mask_of_members(bits);
		struct tdcost_flush f;
		uint64_t before[MAX];

		for (unsigned i = 0; i < n_cpus; i++)
			before[i] = flushes_of(cpus[i]);
		assert_int_equal(
			ex.flush(ex.ctx, TDCOST_WBINVD, &mask, result, &n_results, &f, NULL), 0);
		assert_int_equal(n_results, __builtin_popcount(bits));
		assert_int_equal(f.n, n_results);
		assert_ascending();
		for (unsigned i = 0; i < n_cpus; i++)
			assert_int_equal(flushes_of(cpus[i]) - before[i],
					 i < 32 ? bits >> i & 1 : 0);
		for (unsigned i = 0; i < n_results; i++) {
			assert_true(stop_mask_has(&mask, result[i].cpu));
			assert_int_equal(result[i].flags,
					 TDCOST_CPU_ANSWERED | TDCOST_CPU_FLUSHED |
						 (result[i].cpu == cpus[0] ? TDCOST_CPU_SELF : 0));
			assert_true(result[i].end > result[i].start);
			assert_true(f.end >= result[i].end);
		}
	}
}

static void a_flush_of_nothing_counts_nothing(void **state)
{
	struct kmod_mask mask = mask_of_members(~0u), nobody = { { 0 } };
	uint64_t before = flushes_of(cpus[0]);
	struct reason why = { "" };
	struct tdcost_flush f;

	(void)state;
	assert_int_equal(ex.flush(ex.ctx, TDCOST_NOTHING, &mask, result, &n_results, &f, NULL), 0);
	assert_int_equal(flushes_of(cpus[0]), before);
	assert_int_equal(ex.flush(ex.ctx, TDCOST_WBINVD, &nobody, result, &n_results, &f, &why),
			 -EINVAL);
	assert_string_not_equal(why.text, "");
}

static void a_stop_reaches_all_others_and_flushes_the_flagged(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1u << members(); bits++) {
		struct kmod_mask mask = mask_of_members(bits);
		struct tdcost_stop s = { .op = TDCOST_WBINVD, .max_polls = STOP_MAX_POLLS };
		uint64_t before[MAX];

		for (unsigned i = 0; i < n_cpus; i++)
			before[i] = flushes_of(cpus[i]);
		assert_int_equal(ex.stop(ex.ctx, &s, &mask, result, &n_results, NULL), 0);
		assert_int_equal(n_results, n_cpus - 1);
		assert_true(s.polls <= STOP_MAX_POLLS);
		assert_true(s.end > s.start);
		assert_ascending();
		for (unsigned i = 0; i < n_results; i++) {
			bool flagged = stop_mask_has(&mask, result[i].cpu);

			assert_int_not_equal(result[i].cpu, cpus[0]);
			assert_int_equal(!!(result[i].flags & TDCOST_CPU_FLUSHED), flagged);
			assert_int_equal(result[i].request, s.start);
		}
		/* Its own flag is not the stop's business. */
		for (unsigned i = 0; i < n_cpus; i++)
			assert_int_equal(flushes_of(cpus[i]) - before[i],
					 i && i < 32 ? bits >> i & 1 : 0);
	}
}

static void a_cpu_that_is_delayed_is_named_late(void **state)
{
	struct kmod_mask nobody = { { 0 } };
	struct tdcost_stop s;
	unsigned late = 0;

	(void)state;
	if (n_cpus < 2)
		return; /* there is nobody to delay */
	/* Again where this thread did not get its CPU until the delay was over. */
	for (unsigned i = 0; i < 10; i++) {
		s = (struct tdcost_stop){ .op = TDCOST_WBINVD,
					  .max_polls = 10,
					  .delay_us = 1200000,
					  .delay_cpu = cpus[1] };
		assert_int_equal(ex.stop(ex.ctx, &s, &nobody, result, &n_results, NULL), 0);
		if (s.late && s.late == s.late_nmi)
			break;
	}
	assert_int_equal(s.polls, 10);
	assert_int_equal(s.late, s.late_nmi);
	for (unsigned i = 0; i < n_results; i++) {
		bool is_late = result[i].flags & TDCOST_CPU_LATE;

		/* Others may be late too, on a machine that is busy elsewhere. */
		if (result[i].cpu == cpus[1])
			assert_true(is_late && result[i].flags & TDCOST_CPU_LATE_NMI);
		late += is_late;
	}
	assert_int_equal(late, s.late);
	/* Its answer is in the result all the same, and the next stop knows nothing of it. */
	s = (struct tdcost_stop){ .op = TDCOST_WBINVD, .max_polls = STOP_MAX_POLLS };
	assert_int_equal(ex.stop(ex.ctx, &s, &nobody, result, &n_results, NULL), 0);
	for (unsigned i = 0; i < n_results && s.polls < STOP_MAX_POLLS; i++)
		assert_int_equal(result[i].flags, TDCOST_CPU_ANSWERED);
}

static void what_makes_no_sense_is_refused(void **state)
{
	const struct tdcost_stop wrong[] = {
		{ .op = TDCOST_WBINVD, .max_polls = 0 },
		{ .op = TDCOST_WBINVD, .max_polls = STOP_MAX_POLLS + 1 },
		{ .op = TDCOST_WBINVD, .max_polls = 1, .flags = TDCOST_STOP_SELF },
		{ .op = TDCOST_WBINVD, .max_polls = 1, .delay_cpu = cpus[0], .delay_us = 1 },
	};
	struct kmod_mask nobody = { { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tdcost_stop s = wrong[i];
		struct reason why = { "" };

		assert_int_equal(ex.stop(ex.ctx, &s, &nobody, result, &n_results, &why), -EINVAL);
		assert_string_not_equal(why.text, "");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cpu_of_the_mask_flushes_once_and_no_other),
		cmocka_unit_test(a_flush_of_nothing_counts_nothing),
		cmocka_unit_test(a_stop_reaches_all_others_and_flushes_the_flagged),
		cmocka_unit_test(a_cpu_that_is_delayed_is_named_late),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, open_threads, close_threads);
}
