// SPDX-License-Identifier: GPL-2.0-or-later
/* A TD begun and ended as the benchmark vm does it, against the model of its interface. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/kvm/life.h"
#include "tdx_model.h"

static const struct kvm_host host = { .sys = &model_sys, .fd = -1 };

static const struct model_config machine = { .max_vcpus = 8, .leaves = 4 };

static struct life_spec spec(bool terminate)
{
	return (struct life_spec){
		.is_td = true,
		.trust = { .vcpus = 2,
			   .bytes = 2 << 20,
			   .initial = TD_PAGE,
			   .terminate = terminate },
	};
}

static void a_td_ends_phase_by_phase(void **state)
{
	const char *names[PHASES_MAX];
	struct life_spec s = spec(false);
	struct reason why = { "" };
	struct phases phases = { 0 };
	struct life_born born;
	struct life life;
	double sum = 0;

	(void)state;
	model_reset(&machine, NULL);
	if (life_begin(&life, &host, &s, &born, &why))
		fail_msg("%s", why.text);
	assert_true(born.create > 0 && born.populate > 0);
	assert_int_equal(model_pages(PAGE_PENDING), (2 << 20) / TD_PAGE - 1);
	assert_int_equal(td_check(&life.of.trust, &why), 0);
	phases.n = life_phases(true, names);
	assert_string_equal(names[0], "terminate");
	assert_string_equal(names[phases.n - 1], "kvm");
	phases_begin(&phases);
	if (life_end(&life, &phases, &why))
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < phases.n; i++)
		sum += phases.ticks[i];
	assert_true(sum > 0);
	assert_null(model_refusal());
	assert_null(model_leak());
	assert_int_equal(model_destroyed(), 1);
	life_reset(&life); /* nothing is there to clear */
}

static void termination_that_is_not_there_is_told(void **state)
{
	struct model_config with = machine;
	struct life_spec s = spec(true);
	struct reason why = { "" };
	struct life_born born;
	struct life life;

	(void)state;
	model_reset(&machine, NULL);
	assert_int_equal(life_begin(&life, &host, &s, &born, &why), 0);
	assert_int_equal(life_end(&life, NULL, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "terminate=off"));
	assert_null(model_leak());
	/* Nor is one that only has the number. */
	with.terminate = MODEL_TERMINATE_OTHER;
	model_reset(&with, NULL);
	assert_int_equal(life_begin(&life, &host, &s, &born, &why), 0);
	assert_int_equal(life_end(&life, NULL, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "left the VM alive"));
	assert_null(model_leak());
	with.terminate = MODEL_TERMINATE_DEAD;
	model_reset(&with, NULL);
	assert_int_equal(life_begin(&life, &host, &s, &born, &why), 0);
	assert_int_equal(life_end(&life, NULL, &why), 0);
	with.terminate = MODEL_TERMINATE_ANNOUNCED;
	model_reset(&with, NULL);
	assert_int_equal(life_begin(&life, &host, &s, &born, &why), 0);
	assert_int_equal(life_end(&life, NULL, &why), 0);
	assert_int_equal(model_terminated(), 1);
	assert_null(model_leak());
}

/* Those of the end alone: what was tried again before is in no figure of it. */
static void retries_of_the_end_are_counted(void **state)
{
	struct model_config with = machine;
	struct life_spec s = spec(true);
	struct reason why = { "" };
	struct life_born born;
	struct life life;

	(void)state;
	with.terminate = MODEL_TERMINATE_ANNOUNCED;
	with.hesitant = true;
	model_reset(&with, NULL);
	assert_int_equal(life_begin(&life, &host, &s, &born, &why), 0);
	assert_true(born.retries > 0);
	model_fail_next(3, -EBUSY);
	assert_int_equal(life_end(&life, NULL, &why), 0);
	assert_int_equal(life_retries(&life, &born), 3);
}

/* In any call: begun or not, nothing is left at the end. */
static void every_failure_leaves_nothing(void **state)
{
	struct life_spec s = spec(false);

	(void)state;
	for (unsigned at = 1; at < 1000; at++) {
		struct model_fault fault = { .at = at, .times = 1, .err = -EIO };
		struct reason why = { "" };
		struct life_born born;
		struct life life;
		int ret;

		model_reset(&machine, &fault);
		ret = life_begin(&life, &host, &s, &born, &why);
		if (!ret)
			ret = life_end(&life, NULL, &why);
		if (!model_faulted()) {
			assert_int_equal(ret, 0);
			return;
		}
		if (ret)
			assert_true(why.text[0]);
		/* What munmap() refuses to give back stays. */
		if (model_leak() && strcmp(model_call(at), "munmap"))
			fail_msg("call %u, %s: %s", at, model_call(at), model_leak());
	}
	fail_msg("it never ends");
}

static void the_phases_of_a_vm_are_its_own(void **state)
{
	const char *names[PHASES_MAX];

	(void)state;
	assert_int_equal(life_phases(false, names), VM_PHASES);
	assert_string_equal(names[VM_RESET], "reset");
	assert_string_equal(names[VM_CLOSE], "vm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_td_ends_phase_by_phase),
		cmocka_unit_test(termination_that_is_not_there_is_told),
		cmocka_unit_test(retries_of_the_end_are_counted),
		cmocka_unit_test(every_failure_leaves_nothing),
		cmocka_unit_test(the_phases_of_a_vm_are_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
