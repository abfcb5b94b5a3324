// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hooks of stop, through the sampler, on the fake module and with threads. kmod_stop() is
 * wrapped by the linker, so that a test can make CPUs late.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/ops/stop_policy.h"
#include "harness/measure/design.h"
#include "harness/measure/sampler.h"
#include "tests/bench/kmod/fake_client.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND	      1000000000ull
#define BLOCKS	      3
#define FLUSH_TICKS   1000000

static struct machine machine;
static struct plan plan;
static struct sampler_result result;
static unsigned self;
static uint32_t lateness;   /* flags for the first CPU that is stopped */
static unsigned n_late = 1; /* how many are said to be late as it is */
static int stop_error;
static bool lagging; /* is that CPU's TSC */

int __real_kmod_stop(const struct kmod *k, struct tdcost_stop *s, const struct kmod_mask *flagged,
		     struct tdcost_cpu *cpus, unsigned *n, struct reason *why);
int __wrap_kmod_stop(const struct kmod *k, struct tdcost_stop *s, const struct kmod_mask *flagged,
		     struct tdcost_cpu *cpus, unsigned *n, struct reason *why);

int __wrap_kmod_stop(const struct kmod *k, struct tdcost_stop *s, const struct kmod_mask *flagged,
		     struct tdcost_cpu *cpus, unsigned *n, struct reason *why)
{
	int ret = __real_kmod_stop(k, s, flagged, cpus, n, why);

	if (stop_error)
		return reason_set(why, stop_error, "a CPU did not answer");
	if (!ret && *n) {
		cpus[0].flags |= lateness;
		if (lagging)
			cpus[0].start = cpus[0].end = cpus[0].request - 1000;
		s->late = lateness & TDCOST_CPU_LATE ? n_late : 0;
		s->late_nmi = lateness & TDCOST_CPU_LATE_NMI ? n_late : 0;
		s->polls = s->late ? s->max_polls : 7;
	}
	return ret;
}

static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	return machine_open(&machine, &why);
}

static int close_machine(void **state)
{
	(void)state;
	machine_close(&machine);
	return 0;
}

static int clean_slate(void **state)
{
	(void)state;
	topo_pick(machine.topo, TOPO_ONE, &self, 1);
	fake_reset(machine.topo);
	fake.self = self;
	fake.flush_ticks = FLUSH_TICKS;
	machine.check = false;
	lateness = 0;
	stop_error = 0;
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	sampler_result_free(&result);
	plan_free(&plan);
	assert_int_equal(fake.opened, 0);
	return 0;
}

#define PLAN(...)                                       \
	plan_with((const char *const[]){ __VA_ARGS__ }, \
		  ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static void plan_with(const char *const *settings, size_t n)
{
	struct reason why = { "" };

	if (plan_add(&plan, &machine, &stop_bench, settings, n, &why))
		fail_msg("%s", why.text);
}

static bool two_cpus(void)
{
	return topo_cpus(machine.topo) > 1;
}

/* All of the plan must be one group. */
static void run(void)
{
	struct sampler_job job = {
		.bench = &stop_bench,
		.arms = plan.groups[0].arms,
		.n_arms = plan.groups[0].n_arms,
		.cpu = self,
		.seed = 3,
		.slice_ns = SECOND / 100,
		.min_blocks = BLOCKS,
		.max_blocks = BLOCKS,
		.clock = { .hz = 1e9, .resolution = 1 },
	};
	static volatile sig_atomic_t stop;
	struct reason why = { "" };

	assert_int_equal(plan.n_groups, 1);
	if (sampler_run(&machine, &job, &result, &stop, &why))
		fail_msg("%s", why.text);
}

static bool raised(enum trust_flag flag, const char *detail)
{
	for (size_t i = 0; i < result.n_flags; i++)
		if (result.flags[i].flag == flag && strstr(result.flags[i].detail, detail))
			return true;
	return false;
}

/* Something is said of @arm's flush: that it does nothing, or that it cannot be told. */
static bool doubted(unsigned arm)
{
	for (size_t i = 0; i < result.n_flags; i++)
		if (result.flags[i].arm == (int)arm &&
		    (result.flags[i].flag == FLAG_NO_FLUSH || result.flags[i].flag == FLAG_BUSY))
			return true;
	return false;
}

/* Of a metric's values in the measured samples of @arm: how many, and their sum. */
static unsigned values(unsigned arm, const char *metric, double *sum)
{
	unsigned n = 0;

	*sum = 0;
	for (size_t i = 0; i < result.n_parts; i++) {
		const struct sampler_part *p = &result.parts[i];
		const struct sample *s = &result.samples[p->seq];

		if (s->arm != arm || s->block < 0 ||
		    strcmp(result.series[p->series].metric, metric))
			continue;
		*sum += p->value;
		n++;
	}
	return n;
}

static unsigned arm_of(const char *policy)
{
	for (unsigned i = 0; i < plan.groups[0].n_arms; i++)
		if (!strcmp(plan.groups[0].arms[i].levels[0].text, policy))
			return i;
	fail_msg("%s is not in the plan", policy);
	return 0;
}

static void policies_are_told_in_the_order_of_their_table(void **state)
{
	static const char *const words[] = {
		[STOP_SME_SUPPORTED] = "sme_supported",
		[STOP_SME_ACTIVE] = "sme_active",
		[STOP_PERCPU] = "percpu",
		[STOP_EARLY_REBOOT] = "early_reboot",
		[STOP_EARLY_VIRT] = "early_virt",
		[STOP_EARLY_SYSCORE] = "early_syscore",
		[STOP_NONE] = "none",
	};
	const struct factor_info *policy = &stop_bench.factors[0];
	struct reason why = { "" };

	(void)state;
	if (bench_check(&stop_bench, &why))
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < STOP_POLICIES; i++)
		assert_string_equal(policy->levels[i].name, words[i]);
	assert_null(policy->levels[STOP_POLICIES].name);
	assert_true(policy->paired);
	assert_int_equal(policy->effect, EFFECT_DIFFERENCE);
}

static void without_the_module_a_run_is_skipped_and_a_check_is_not(void **state)
{
	(void)state;
	if (!two_cpus())
		return;
	fake.missing = "there is no module";
	PLAN("policy=percpu");
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_non_null(strstr(plan.cells[0].reason.text, "there is no module"));
	assert_non_null(strstr(plan.cells[0].reason.text, "tdcost check stop"));
	plan_free(&plan);
	machine.check = true;
	PLAN("policy=percpu");
	assert_int_equal(plan.cells[0].state, CELL_PLANNED);
	assert_int_equal(plan.cells[0].kind, KIND_ANALOGUE);
	assert_non_null(strstr(plan.cells[0].reason.text, "threads"));
	plan_free(&plan);
	fake.missing = NULL;
	PLAN("policy=percpu");
	assert_int_equal(plan.cells[0].kind, KIND_MEASURED);
}

static void what_makes_no_sense_is_skipped_with_its_reason(void **state)
{
	static const char *const settings[][2] = {
		{ "flagged=101", "flagged=101 is more" },
		{ "dirty=200", "dirty=200 is more" },
		{ "redirty=4294967396", "redirty=4294967396 is more" },
	};
	struct machine small = machine;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		PLAN(settings[i][0], "policy=none");
		assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
		assert_non_null(strstr(plan.cells[0].reason.text, settings[i][1]));
		plan_free(&plan);
	}
	if (topo_open(&small.topo, "pack:1 core:1 pu:1", NULL))
		fail_msg("no topology");
	plan_add(&plan, &small, &stop_bench, (const char *const[]){ "policy=none" }, 1, NULL);
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_non_null(strstr(plan.cells[0].reason.text, "no other to stop"));
	plan_free(&plan);
	topo_close(small.topo);
	/* A synthetic machine without caches. */
	if (topo_open(&small.topo, "pack:1 core:2 pu:1", NULL))
		fail_msg("no topology");
	plan_add(&plan, &small, &stop_bench, (const char *const[]){ "policy=none", "dirty=50,0" },
		 2, NULL);
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_non_null(strstr(plan.cells[0].reason.text, "dirty=0"));
	assert_int_equal(plan.cells[1].state, CELL_PLANNED);
	topo_close(small.topo);
}

/* How many values of each metric a sample yields, n being the CPUs; all are flagged. */
static const struct {
	const char *policy;
	int own, early, flush_others, early_flush_all;
} yields[] = {
	{ "sme_supported", 0, 0, 1, 0 }, { "sme_active", 1, 0, 1, 0 },
	{ "percpu", 1, 0, 1, 0 },	 { "early_reboot", 0, 1, 0, 1 },
	{ "early_virt", 0, 1, 0, 1 },	 { "early_syscore", 0, 1, 0, 1 },
	{ "none", 0, 0, 0, 0 },
};

static void each_policy_yields_what_it_spends(void **state)
{
	unsigned others = topo_cpus(machine.topo) - 1;

	(void)state;
	if (!two_cpus())
		return;
	PLAN("flagged=100", "dirty=1");
	run();
	assert_false(raised(FLAG_VERIFY, ""));
	for (size_t i = 0; i < ARRAY_SIZE(yields); i++) {
		unsigned arm = arm_of(yields[i].policy);
		double early, own, empty, total, sum;

		assert_int_equal(values(arm, "tail", &sum), BLOCKS * others);
		assert_int_equal(values(arm, "flush", &sum),
				 yields[i].flush_others * BLOCKS * others);
		assert_true(sum == (double)FLUSH_TICKS * yields[i].flush_others * BLOCKS * others);
		assert_int_equal(values(arm, "early_flush", &sum),
				 yields[i].early_flush_all * BLOCKS * (others + 1));
		assert_int_equal(values(arm, "own", &own), yields[i].own * BLOCKS);
		assert_true(own == (double)FLUSH_TICKS * yields[i].own * BLOCKS);
		assert_int_equal(values(arm, "early", &early), yields[i].early * BLOCKS);
		assert_int_equal(early > 0, yields[i].early);
		assert_int_equal(values(arm, "empty", &empty), BLOCKS);
		/* What is gained in the stop and spent before it is not hidden. */
		assert_int_equal(values(arm, "total", &total), BLOCKS);
		assert_true(total == early + empty + own);
		assert_int_equal(values(arm, "polls", &sum), BLOCKS);
		assert_true(sum == 7 * BLOCKS);
		assert_int_equal(values(arm, "late", &sum), BLOCKS);
		assert_true(sum == 0);
		assert_int_equal(values(arm, "late_nmi", &sum), BLOCKS);
		assert_true(sum == 0);
	}
}

/* Of the fake module nothing is flushed, and where it is asked to that is said. */
static void a_flush_that_does_nothing_is_noticed_where_there_is_one(void **state)
{
	(void)state;
	if (!two_cpus())
		return;
	PLAN("policy=sme_supported,percpu,early_syscore,none", "flagged=0,100", "dirty=0");
	run();
	for (unsigned arm = 0; arm < plan.groups[0].n_arms; arm++) {
		const struct level *l = plan.groups[0].arms[arm].levels;
		bool flushes = l[0].number == STOP_SME_SUPPORTED ||
			       (l[0].number != STOP_NONE && l[1].number);

		assert_int_equal(doubted(arm), flushes);
	}
}

/* Its tail would be 2^64 ticks less a few. */
static void a_tsc_that_lags_fails_the_stop(void **state)
{
	double sum;

	(void)state;
	if (!two_cpus())
		return;
	PLAN("policy=sme_supported", "dirty=0");
	lagging = true;
	run();
	lagging = false;
	assert_true(raised(FLAG_VERIFY, "its TSC is not that of the CPU that asked"));
	assert_int_equal(values(0, "tail", &sum), 0);
	assert_int_equal(values(0, "empty", &sum), 0);
}

static void seamcalls_behind_an_early_flush_bring_flushes_back(void **state)
{
	unsigned others = topo_cpus(machine.topo) - 1;
	double sum;

	(void)state;
	if (!two_cpus())
		return;
	PLAN("policy=early_reboot,early_virt,early_syscore", "redirty=1", "dirty=2");
	run();
	assert_false(raised(FLAG_VERIFY, ""));
	assert_int_equal(values(arm_of("early_reboot"), "flush", &sum), BLOCKS * others);
	assert_int_equal(values(arm_of("early_reboot"), "own", &sum), BLOCKS);
	assert_int_equal(values(arm_of("early_virt"), "flush", &sum), 0);
	assert_int_equal(values(arm_of("early_virt"), "own", &sum), BLOCKS);
	assert_int_equal(values(arm_of("early_syscore"), "flush", &sum), 0);
	assert_int_equal(values(arm_of("early_syscore"), "own", &sum), 0);
}

static void only_the_share_that_is_flagged_flushes(void **state)
{
	unsigned n = topo_cpus(machine.topo);
	double sum, own;

	(void)state;
	if (!two_cpus())
		return;
	PLAN("policy=percpu", "flagged=0,50,100", "dirty=0");
	run();
	assert_false(raised(FLAG_VERIFY, ""));
	assert_int_equal(values(0, "flush", &sum) + values(0, "own", &own), 0);
	assert_int_equal(values(1, "flush", &sum) + values(1, "own", &own), BLOCKS * ((n + 1) / 2));
	assert_int_equal(values(2, "flush", &sum) + values(2, "own", &own), BLOCKS * n);
}

/* Of a stop: was somebody late, and how many; of a CPU: was it. Past the polls, and past the NMI. */
static void stops_in_which_a_cpu_was_late_are_counted(void **state)
{
	static const struct {
		uint32_t flags;
		unsigned late, late_nmi;
	} cases[] = {
		{ 0, 0, 0 },
		{ TDCOST_CPU_LATE, 1, 0 },
		{ TDCOST_CPU_LATE | TDCOST_CPU_LATE_NMI, 1, 1 },
	};
	unsigned others = topo_cpus(machine.topo) - 1;
	double sum;

	(void)state;
	if (!two_cpus())
		return;
	n_late = 3;
	PLAN("policy=none", "dirty=0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		lateness = cases[i].flags;
		run();
		assert_int_equal(values(0, "late", &sum), BLOCKS);
		assert_true(sum == BLOCKS * cases[i].late);
		assert_int_equal(values(0, "late_nmi", &sum), BLOCKS);
		assert_true(sum == BLOCKS * cases[i].late_nmi);
		assert_int_equal(values(0, "cpus_late", &sum), BLOCKS);
		assert_true(sum == 3 * BLOCKS * cases[i].late);
		assert_int_equal(values(0, "cpus_late_nmi", &sum), BLOCKS);
		assert_true(sum == 3 * BLOCKS * cases[i].late_nmi);
		assert_int_equal(values(0, "cpu_late", &sum), BLOCKS * others);
		assert_true(sum == BLOCKS * cases[i].late);
		assert_int_equal(values(0, "cpu_late_nmi", &sum), BLOCKS * others);
		assert_true(sum == BLOCKS * cases[i].late_nmi);
		assert_int_equal(values(0, "polls", &sum), BLOCKS);
		assert_true(sum == (cases[i].late ? 1000000.0 : 7) * BLOCKS);
		/* To be late is a result, not a fault. */
		assert_false(raised(FLAG_VERIFY, ""));
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			sampler_result_free(&result);
	}
}

static void a_cpu_that_flushes_though_it_should_not_is_noticed(void **state)
{
	(void)state;
	if (!two_cpus())
		return;
	fake.fault = FAKE_TWICE;
	fake.fault_cpu = self;
	PLAN("policy=sme_active", "dirty=0");
	run();
	assert_true(raised(FLAG_VERIFY, "flushed 2 times, the policy says 1"));
}

static void a_call_that_fails_makes_the_figures_untrustworthy(void **state)
{
	(void)state;
	if (!two_cpus())
		return;
	stop_error = -ETIMEDOUT;
	PLAN("policy=none", "dirty=0");
	run();
	assert_true(raised(FLAG_VERIFY, "a CPU did not answer"));
}

static void a_module_that_fails_at_once_ends_the_invocation(void **state)
{
	struct bench_ctx ctx = { .machine = &machine, .n_arms = 1, .cpu = self };
	struct reason why = { "" };
	void *unused;

	(void)state;
	if (!two_cpus())
		return;
	fake.fault = FAKE_BROKEN;
	PLAN("policy=none", "dirty=0");
	ctx.arms = plan.groups[0].arms;
	ctx.facts = json_object();
	assert_int_equal(stop_bench.setup(&ctx, &unused, &why), -EBUSY);
	assert_non_null(strstr(why.text, "earlier call"));
	json_decref(ctx.facts);
}

static void threads_play_every_policy(void **state)
{
	double sum;

	(void)state;
	if (!two_cpus())
		return;
	fake.missing = "there is no module";
	machine.check = true;
	PLAN("dirty=1", "redirty=0,1", "flagged=50,100");
	run();
	assert_false(raised(FLAG_VERIFY, ""));
	assert_string_equal(json_string_value(json_object_get(result.setup, "executor")),
			    "threads");
	for (unsigned arm = 0; arm < plan.groups[0].n_arms; arm++) {
		assert_int_equal(values(arm, "polls", &sum), BLOCKS);
		assert_true(sum <= 1e6 * BLOCKS);
		assert_int_equal(values(arm, "tail", &sum), BLOCKS * (topo_cpus(machine.topo) - 1));
	}
	assert_int_equal(fake.calls, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean_slate, clean_up)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(policies_are_told_in_the_order_of_their_table),
		TEST(without_the_module_a_run_is_skipped_and_a_check_is_not),
		TEST(what_makes_no_sense_is_skipped_with_its_reason),
		TEST(each_policy_yields_what_it_spends),
		TEST(a_flush_that_does_nothing_is_noticed_where_there_is_one),
		TEST(a_tsc_that_lags_fails_the_stop),
		TEST(seamcalls_behind_an_early_flush_bring_flushes_back),
		TEST(only_the_share_that_is_flagged_flushes),
		TEST(stops_in_which_a_cpu_was_late_are_counted),
		TEST(a_cpu_that_flushes_though_it_should_not_is_noticed),
		TEST(a_call_that_fails_makes_the_figures_untrustworthy),
		TEST(a_module_that_fails_at_once_ends_the_invocation),
		TEST(threads_play_every_policy),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
