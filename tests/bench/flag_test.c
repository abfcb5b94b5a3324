// SPDX-License-Identifier: GPL-2.0-or-later
/* The hooks of flag; kmod_flag() is wrapped by the linker, which sees what it is asked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "harness/measure/design.h"
#include "tests/bench/kmod/fake_client.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct machine machine;
static struct plan plan;
static struct bench_ctx ctx;
static void *bench_state;

/* Of the CPU that is measured, and of the other one. */
static struct {
	unsigned calls, flags;
	uint64_t rounds, most;
	atomic_uint remote_calls, remote_cpu;
	atomic_int remote_ret;
	int ret;
} asked;

int __wrap_kmod_flag(const struct kmod *k, struct tdcost_flag *f, struct reason *why);

int __wrap_kmod_flag(const struct kmod *k, struct tdcost_flag *f, struct reason *why)
{
	int ret;

	(void)k;
	if (f->flags & TDCOST_FLAG_REMOTE) {
		atomic_fetch_add(&asked.remote_calls, 1);
		atomic_store(&asked.remote_cpu, f->cpu);
		ret = atomic_load(&asked.remote_ret);
	} else {
		asked.calls++;
		asked.flags = f->flags;
		asked.rounds += f->rounds;
		asked.most = f->rounds > asked.most ? f->rounds : asked.most;
		ret = asked.ret;
	}
	return ret ? reason_set(why, ret, "the module is gone") : 0;
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
	fake_reset(machine.topo);
	memset(&asked, 0, sizeof(asked));
	return 0;
}

static int close_bench(void **state)
{
	(void)state;
	if (bench_state)
		flag_bench.teardown(bench_state);
	bench_state = NULL;
	json_decref(ctx.facts);
	ctx.facts = NULL;
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

	if (plan_add(&plan, &machine, &flag_bench, settings, n, &why))
		fail_msg("%s", why.text);
}

static void open_bench(void)
{
	struct reason why = { "" };

	assert_int_equal(plan.n_groups, 1);
	ctx = (struct bench_ctx){ .machine = &machine,
				  .arms = plan.groups[0].arms,
				  .n_arms = plan.groups[0].n_arms,
				  .facts = json_object() };
	topo_pick(machine.topo, TOPO_ONE, &ctx.cpu, 1);
	assert_int_equal(topo_bind_thread(machine.topo, ctx.cpu, &why), 0);
	if (flag_bench.setup(&ctx, &bench_state, &why))
		fail_msg("%s", why.text);
}

static bool two_cpus(void)
{
	return topo_cpus(machine.topo) > 1;
}

static void the_store_is_a_paired_difference(void **state)
{
	struct reason why = { "" };
	int store = bench_find_factor(&flag_bench, "store");

	(void)state;
	if (bench_check(&flag_bench, &why))
		fail_msg("%s", why.text);
	assert_true(flag_bench.factors[store].paired);
	assert_int_equal(flag_bench.factors[store].effect, EFFECT_DIFFERENCE);
	assert_string_equal(flag_bench.factors[store].usual, "off,on");
}

static void user_space_is_an_analogue_and_the_kernel_is_measured(void **state)
{
	(void)state;
	PLAN("store=on");
	assert_int_equal(plan.n_cells, 2);
	assert_int_equal(plan.cells[0].kind, KIND_ANALOGUE);
	assert_non_null(strstr(plan.cells[0].reason.text, "thread-local"));
	assert_int_equal(plan.cells[1].kind, KIND_MEASURED);
	plan_free(&plan);
	fake.missing = "there is no module";
	PLAN("store=on");
	assert_int_equal(plan.cells[0].state, CELL_PLANNED);
	assert_int_equal(plan.cells[1].state, CELL_SKIPPED);
	assert_string_equal(plan.cells[1].reason.text, "there is no module");
}

static void what_cannot_be_done_is_skipped(void **state)
{
	struct machine small = machine;

	(void)state;
	PLAN("store=on", "contend=read", "mode=kernel");
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_non_null(strstr(plan.cells[0].reason.text, "contend=write"));
	plan_free(&plan);
	PLAN("store=on", "fence=mfence", "mode=kernel");
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_non_null(strstr(plan.cells[0].reason.text, "fence=none"));
	plan_free(&plan);
	if (topo_open(&small.topo, "pack:1 core:1 pu:1", NULL))
		fail_msg("no topology");
	plan_add(&plan, &small, &flag_bench,
		 (const char *const[]){ "contend=none,read,write", "mode=user", "store=on" }, 3,
		 NULL);
	assert_int_equal(plan.cells[0].state, CELL_PLANNED);
	assert_int_equal(plan.cells[1].state, CELL_SKIPPED);
	assert_int_equal(plan.cells[2].state, CELL_SKIPPED);
	assert_non_null(strstr(plan.cells[2].reason.text, "second CPU"));
	topo_close(small.topo);
}

static void every_arm_in_user_space_does_its_work(void **state)
{
	(void)state;
	PLAN("mode=user", "fence=none,mfence",
	     two_cpus() ? "contend=none,read,write" : "contend=none");
	open_bench();
	for (unsigned round = 0; round < 3; round++)
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			struct reason why = { "" };

			if (flag_bench.verify(bench_state, arm, &why))
				fail_msg("arm %u: %s", arm, why.text);
			flag_bench.prepare(bench_state, arm);
			assert_true(flag_bench.repeatable(bench_state, arm));
			assert_int_equal(flag_bench.sample(bench_state, arm, 100000), 100000);
		}
	assert_int_equal(flag_bench.finish(bench_state, NULL), 0);
	assert_int_equal(asked.calls + atomic_load(&asked.remote_calls), 0);
}

static void the_module_is_asked_for_every_round(void **state)
{
	const unsigned reps = (1u << 24) + 5;
	struct reason why = { "" };

	(void)state;
	PLAN("mode=kernel");
	open_bench();
	assert_int_equal(fake.opened, 1);
	for (unsigned arm = 0; arm < 2; arm++) {
		bool on = !strcmp(ctx.arms[arm].levels[0].text, "on");

		asked.rounds = asked.calls = 0;
		flag_bench.prepare(bench_state, arm);
		assert_int_equal(flag_bench.sample(bench_state, arm, reps), reps);
		assert_int_equal(asked.rounds, reps);
		assert_int_equal(asked.calls, 2);
		assert_true(asked.most <= 1u << 24);
		assert_int_equal(asked.flags, on ? TDCOST_FLAG_STORE : 0);
		assert_int_equal(flag_bench.verify(bench_state, arm, &why), 0);
	}
	assert_int_equal(atomic_load(&asked.remote_calls), 0);
	assert_int_equal(flag_bench.finish(bench_state, &why), 0);
}

static void another_cpu_stores_to_the_byte_that_is_measured(void **state)
{
	unsigned after;

	(void)state;
	if (!two_cpus())
		return;
	PLAN("mode=kernel", "contend=none,write", "store=on");
	open_bench();
	flag_bench.prepare(bench_state, 0);
	assert_int_equal(atomic_load(&asked.remote_calls), 0);
	flag_bench.prepare(bench_state, 1);
	assert_true(atomic_load(&asked.remote_calls) > 0);
	assert_int_equal(atomic_load(&asked.remote_cpu), ctx.cpu);
	flag_bench.prepare(bench_state, 0);
	after = atomic_load(&asked.remote_calls);
	flag_bench.sample(bench_state, 0, 1000);
	assert_int_equal(atomic_load(&asked.remote_calls), after);
}

static void a_call_that_fails_is_told_at_the_end(void **state)
{
	struct reason why = { "" };

	(void)state;
	PLAN("mode=kernel", two_cpus() ? "contend=none,write" : "contend=none", "store=on");
	open_bench();
	asked.ret = -EPERM;
	assert_int_equal(flag_bench.sample(bench_state, 0, 10), 10);
	assert_int_equal(flag_bench.finish(bench_state, &why), -EFAULT);
	assert_string_equal(why.text, "the module is gone");
}

static void a_call_of_the_other_cpu_that_fails_too(void **state)
{
	struct reason why = { "" };

	(void)state;
	if (!two_cpus())
		return;
	PLAN("mode=kernel", "contend=write", "store=on");
	open_bench();
	atomic_store(&asked.remote_ret, -EPERM);
	flag_bench.prepare(bench_state, 0);
	assert_int_equal(flag_bench.sample(bench_state, 0, 10), 10);
	assert_int_equal(flag_bench.finish(bench_state, &why), -EFAULT);
	assert_string_equal(why.text, "the module is gone");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean_slate, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_store_is_a_paired_difference),
		TEST(user_space_is_an_analogue_and_the_kernel_is_measured),
		TEST(what_cannot_be_done_is_skipped),
		TEST(every_arm_in_user_space_does_its_work),
		TEST(the_module_is_asked_for_every_round),
		TEST(another_cpu_stores_to_the_byte_that_is_measured),
		TEST(a_call_that_fails_is_told_at_the_end),
		TEST(a_call_of_the_other_cpu_that_fails_too),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
