// SPDX-License-Identifier: GPL-2.0-or-later
/* The model sees what is left over, what is used after its end, and steps in another order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/kvm/tdx_ask.h"

/* A descriptor is not given out twice: one that was closed is found out. */
static void a_stale_descriptor_is_found_out(void **unused)
{
	struct td td;
	int stale;

	(void)unused;
	stage(&td, "create-vcpus");
	stale = td.vcpus[0];
	assert_int_equal(model_sys.close(stale), 0);
	assert_int_equal(model_sys.close(stale), -EBADF);
	/* The vCPU itself lives on with its VM, so its id is taken. */
	assert_int_equal(ask(td.vm, KVM_CREATE_VCPU, NULL), -EEXIST);
	td.vcpus[0] = ask(td.vm, KVM_CREATE_VCPU, (void *)3);
	assert_true(td.vcpus[0] > 0 && td.vcpus[0] != stale);
	assert_int_equal(td_destroy(&td, NULL), 0);
	assert_null(model_leak());
}

static void after_terminate_the_td_is_dead(void **unused)
{
	static const struct {
		enum model_terminate kernel;
		int on_vm, on_vcpu;
	} cases[] = {
		{ MODEL_TERMINATE_DEAD, -EIO, -EIO },
		{ MODEL_TERMINATE_ANNOUNCED, -EINVAL, -EIO },
	};

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct model_config mc = ask_model;
		struct td td;

		mc.terminate = cases[i].kernel;
		model_reset(&mc, NULL);
		assert_int_equal(td_open(&td, &model_sys, &ask_config, NULL), 0);
		assert_int_equal(td_build(&td, NULL), 0);
		assert_int_equal(command(td.vm, TDC_KVM_TDX_TERMINATE_VM, 0, NULL), 0);
		assert_null(model_refusal());
		assert_int_equal(command(td.vm, TDC_KVM_TDX_TERMINATE_VM, 0, NULL), cases[i].on_vm);
		assert_int_equal(pre_fault(&td, TD_GPA, TD_PAGE, 0), cases[i].on_vcpu);
		td_destroy(&td, NULL);
		assert_null(model_leak());
	}
}

/* Each of what a VM is held by, left over alone. */
static void leaks_are_found(void **unused)
{
	static const char *const leave[] = { "vcpus", "guest_memfd", "vm", "kvm", "memory" };

	(void)unused;
	for (size_t i = 0; i < sizeof(leave) / sizeof(*leave); i++) {
		struct td td;

		stage(&td, "pre-fault");
		for (const struct td_step *step = td_teardown_steps; step->name; step++)
			if (strcmp(step->name, leave[i]) != 0)
				assert_int_equal(td_run(&td, step, NULL), 0);
		assert_non_null(model_leak());
		assert_int_equal(model_destroyed(), i > 2);
		assert_false(td_is_gone(&td));
		assert_int_equal(td_destroy(&td, NULL), 0);
		assert_null(model_leak());
	}
}

/* Build with the step @at left out, or changed with the one after it. Is the TD as it should be? */
static bool builds(size_t at, bool swap)
{
	struct td_step steps[32];
	size_t n = 0;
	bool ok = true;
	struct td td;

	while (td_build_steps[n].name) {
		steps[n] = td_build_steps[n];
		n++;
	}
	if (swap) {
		steps[at] = td_build_steps[at + 1];
		steps[at + 1] = td_build_steps[at];
	}
	model_reset(&ask_model, NULL);
	assert_int_equal(td_open(&td, &model_sys, &ask_config, NULL), 0);
	for (size_t i = 0; i < n && ok; i++)
		ok = (!swap && i == at) || !td_run(&td, &steps[i], NULL);
	ok = ok && model_runnable() && !model_refusal();
	td_destroy(&td, NULL);
	assert_null(model_leak());
	return ok;
}

/* The steps that the interface does not ask for, or not in this order; all others must show. */
static void another_order_of_the_steps_shows(void **unused)
{
	/* With the one after it: CHECK_EXTENSION may come late, and so may these. */
	static const char *const swaps[] = { "check", "enable-caps", "init-vcpus" };
	/* Less is asked of KVM, or less memory is there: no mistake that KVM could see. */
	static const char *const without[] = { "check", "initial-memory", "pre-fault" };

	(void)unused;
	for (size_t i = 0; td_build_steps[i].name; i++) {
		const char *name = td_build_steps[i].name;
		bool may_swap = false, may_omit = false;

		for (size_t k = 0; k < 3; k++) {
			may_swap |= strcmp(name, swaps[k]) == 0;
			may_omit |= strcmp(name, without[k]) == 0;
		}
		/* INIT_VM is made from the capabilities: without them the client cannot ask. */
		if (strcmp(name, "capabilities") == 0)
			continue;
		if (builds(i, false) != may_omit)
			fail_msg("without %s: %d expected", name, may_omit);
		if (td_build_steps[i + 1].name && builds(i, true) != may_swap)
			fail_msg("%s after the next: %d expected", name, may_swap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stale_descriptor_is_found_out),
		cmocka_unit_test(after_terminate_the_td_is_dead),
		cmocka_unit_test(leaks_are_found),
		cmocka_unit_test(another_order_of_the_steps_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
