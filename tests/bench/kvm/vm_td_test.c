// SPDX-License-Identifier: GPL-2.0-or-later
/* The benchmark vm on a TD, as the sampler uses it, against the model of its interface. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/vm.h"
#include "tdx_model.h"

#define MAX_SERIES 32
#define SAMPLES	   4

static struct machine machine;

static struct {
	char name[MAX_SERIES][64]; /* "METRIC SUBJECT" */
	int n;
	double value[MAX_SERIES];
	unsigned given[MAX_SERIES];
	char retried[128]; /* the flag's detail */
} seen;

int __wrap_kvm_host_open(struct kvm_host *h, const struct kvm_sys *sys, const char *root,
			 struct reason *why);
void __wrap_bench_value(struct bench_values *out, int series, double value);
double __wrap_bench_sample_ticks(const struct bench_values *out);

int __wrap_kvm_host_open(struct kvm_host *h, const struct kvm_sys *sys, const char *root,
			 struct reason *why)
{
	(void)sys;
	(void)root;
	(void)why;
	*h = (struct kvm_host){ .sys = &model_sys, .fd = -1 };
	return 0;
}

void __wrap_bench_value(struct bench_values *out, int series, double value)
{
	(void)out;
	assert_in_range(series, 0, seen.n - 1);
	seen.value[series] = value;
	seen.given[series]++;
}

double __wrap_bench_sample_ticks(const struct bench_values *out)
{
	(void)out;
	return 1e6;
}

static int new_series(struct bench_ctx *ctx, unsigned metric, const char *subject)
{
	(void)ctx;
	assert_true(seen.n < MAX_SERIES);
	snprintf(seen.name[seen.n], sizeof(seen.name[0]), "%s %s", vm_bench.metrics[metric].name,
		 subject);
	return seen.n++;
}

static void keep_flag(struct bench_ctx *ctx, enum trust_flag flag, int arm, const char *detail)
{
	(void)ctx;
	(void)arm;
	if (flag == FLAG_RETRIED)
		snprintf(seen.retried, sizeof(seen.retried), "%s", detail);
}

static void no_failure(struct bench_ctx *ctx, int err, const struct reason *why)
{
	(void)ctx;
	fail_msg("%d: %s", err, why->text);
}

static double value(const char *name)
{
	for (int i = 0; i < seen.n; i++)
		if (!strcmp(seen.name[i], name) && seen.given[i] == SAMPLES)
			return seen.value[i];
	return -1;
}

/* Each end's first call answers -EBUSY so often. */
static void run_td(unsigned busy)
{
	const struct model_config kernel = { .max_vcpus = 8,
					     .leaves = 4,
					     .terminate = MODEL_TERMINATE_ANNOUNCED };
	struct cell cell = { 0 };
	struct bench_ctx ctx = { .machine = &machine,
				 .arms = &cell,
				 .n_arms = 1,
				 .seed = 1,
				 .facts = json_object(),
				 .flag = keep_flag,
				 .give_up = no_failure,
				 .series = new_series };
	struct reason why = { "" };
	void *state = NULL;

	memset(&seen, 0, sizeof(seen));
	model_reset(&kernel, NULL);
	cell.levels[F_TYPE].number = TYPE_TDX;
	cell.levels[F_MEM].number = BACKING_GUEST_MEMFD;
	cell.levels[F_SIZE].number = 4 << 20;
	cell.levels[F_VCPUS].number = 2;
	cell.levels[F_POPULATE].number = VM_BY_PREFAULT;
	cell.levels[F_TERMINATE].number = WITH;
	if (vm_bench.setup(&ctx, &state, &why) || vm_bench.verify(state, 0, &why))
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < SAMPLES; i++) {
		vm_bench.prepare(state, 0);
		model_fail_next(busy, -EBUSY);
		vm_bench.sample(state, 0, 1);
		vm_bench.values(state, 0, NULL);
	}
	assert_int_equal(vm_bench.finish(state, &why), 0);
	vm_bench.teardown(state);
	assert_null(model_leak());
	assert_null(model_refusal());
	json_decref(ctx.facts);
}

static void a_td_is_created_and_populated(void **state)
{
	(void)state;
	run_td(0);
	assert_true(value("life create") > 0);
	assert_true(value("life populate") > 0);
	assert_true(value("phase terminate") > 0 && value("phase vm") > 0);
	assert_true(value("retries calls") == 0);
	assert_string_equal(seen.retried, "");
}

static void what_was_tried_again_is_told(void **state)
{
	(void)state;
	run_td(2);
	assert_true(value("retries calls") == 2);
	assert_non_null(strstr(seen.retried, "in 4 of 4 ends of a TD"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_td_is_created_and_populated),
		cmocka_unit_test(what_was_tried_again_is_told),
	};
	struct reason why = { "" };
	int ret;

	if (machine_open(&machine, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	machine_close(&machine);
	return ret;
}
