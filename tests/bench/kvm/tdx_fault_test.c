// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every call of a TD's life fails, with every error, once and for good: the reason names the step,
 * the call and the error, nothing is left, and nobody tries for ever.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/kvm/tdx.h"
#include "tests/bench/kvm/tdx_model.h"

/* Tries of a call that gets nowhere, and the naps between them: no more than this is patience. */
#define MANY_CALLS 100u
#define LONG_NS	   1000000000ull

static const int errors[] = { ENOTTY, EBUSY, EIO, E2BIG, EINVAL, EAGAIN, ENOMEM, EINTR, EACCES };

/* What may be tried again, or means something: from the documentation, not from the client. */
static const struct {
	const char *call;
	int err;
} forgiven[] = {
	{ "KVM_CREATE_VM", EINTR },
	{ "KVM_GET_SUPPORTED_CPUID", E2BIG },
	{ "KVM_TDX_CAPABILITIES", E2BIG },
	{ "KVM_TDX_INIT_VM", EAGAIN },
	{ "KVM_TDX_GET_CPUID", E2BIG },
	{ "KVM_TDX_INIT_MEM_REGION", EINTR },
	{ "KVM_TDX_INIT_MEM_REGION", EAGAIN },
	{ "KVM_TDX_INIT_MEM_REGION", EBUSY },
	{ "KVM_TDX_FINALIZE_VM", EBUSY },
	{ "KVM_PRE_FAULT_MEMORY", EINTR },
	{ "KVM_PRE_FAULT_MEMORY", EAGAIN },
	{ "KVM_PRE_FAULT_MEMORY", EBUSY },
	{ "KVM_TDX_TERMINATE_VM", EBUSY },
};

struct outcome {
	int built, destroyed;
	struct reason why;
	unsigned calls; /* until the first td_destroy() returned */
};

static bool is_forgiven(const char *call, int err, enum model_terminate kernel)
{
	for (size_t i = 0; i < sizeof(forgiven) / sizeof(*forgiven); i++)
		if (strcmp(call, forgiven[i].call) == 0 && err == forgiven[i].err)
			return true;
	/* A kernel that has not announced the command may not know it. */
	if (strcmp(call, "KVM_TDX_TERMINATE_VM") == 0 && kernel != MODEL_TERMINATE_ANNOUNCED)
		return err == EINVAL || err == ENOTTY;
	/* A terminated VM may refuse all. */
	return strcmp(call, "KVM_SET_USER_MEMORY_REGION2") == 0 && err == EIO && model_terminated();
}

static struct outcome live(enum model_terminate kernel, const struct model_fault *fault)
{
	const struct model_config mc = {
		.max_vcpus = 4, .leaves = 10, .stopped = -EINTR, .at_once = 4, .terminate = kernel
	};
	const struct td_config config = { .vcpus = 2,
					  .bytes = 12 * TD_PAGE,
					  .initial = 6 * TD_PAGE,
					  .measure = true,
					  .terminate = true };
	struct outcome o = { 0 };
	struct td td;

	model_reset(&mc, fault);
	assert_int_equal(td_open(&td, &model_sys, &config, &o.why), 0);
	o.built = td_build(&td, &o.why);
	o.destroyed = td_destroy(&td, o.built ? NULL : &o.why);
	o.calls = model_calls();
	/* What cannot be unmapped stays, to be tried again. */
	for (unsigned i = 0; i < INT16_MAX && !td_is_gone(&td); i++)
		td_destroy(&td, NULL);
	assert_true(td_is_gone(&td));
	return o;
}

static void nothing_is_left(const char *what)
{
	if (model_leak())
		fail_msg("%s: left is %s", what, model_leak());
	if (model_refusal())
		fail_msg("%s: the kernel refuses: %s", what, model_refusal());
}

static void reason_is_whole(const struct outcome *o, const char *call, int err)
{
	const char *words[] = { "TD, step ", call, strerror(err), "; " };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strstr(o->why.text, words[i]))
			fail_msg("%s fails with %s, but '%s' is not in: %s", call, strerror(err),
				 words[i], o->why.text);
}

static void check(enum model_terminate kernel, const struct model_fault *fault, unsigned usual)
{
	struct outcome o = live(kernel, fault);
	const char *call = model_call(fault->at);
	bool once = fault->times == 1;

	assert_int_equal(model_faulted(), fault->at);
	nothing_is_left(call);
	if (o.built || o.destroyed)
		reason_is_whole(&o, call, -fault->err);
	else if (!is_forgiven(call, -fault->err, kernel))
		fail_msg("%s fails with %s, and nobody says so", call, strerror(-fault->err));
	if (once && (o.built || o.destroyed) && is_forgiven(call, -fault->err, kernel))
		fail_msg("gave up: %s", o.why.text);
	if (o.calls > usual + MANY_CALLS || model_nap_ns() > LONG_NS)
		fail_msg("%s fails with %s: %u calls, %llu ns of naps", call, strerror(-fault->err),
			 o.calls, (unsigned long long)model_nap_ns());
}

static void sweep(unsigned times)
{
	for (int kernel = MODEL_NO_TERMINATE; kernel <= MODEL_TERMINATE_ANNOUNCED; kernel++) {
		struct outcome clean = live(kernel, NULL);

		assert_int_equal(clean.built, 0);
		assert_int_equal(clean.destroyed, 0);
		assert_true(clean.calls > 40);
		for (unsigned at = 1; at <= clean.calls; at++)
			for (size_t e = 0; e < sizeof(errors) / sizeof(*errors); e++) {
				struct model_fault fault = { .at = at,
							     .times = times,
							     .err = -errors[e] };

				check(kernel, &fault, clean.calls);
			}
	}
}

static void every_call_fails_once(void **unused)
{
	(void)unused;
	sweep(1);
}

/* For good: longer than anybody tries, short enough for what is unmapped in the end. */
static void every_call_fails_for_good(void **unused)
{
	(void)unused;
	sweep(1000);
}

/* The status is the TDX module's, and is in the words of whatever command failed. */
static void every_command_tells_its_status(void **unused)
{
	struct outcome clean = live(MODEL_TERMINATE_ANNOUNCED, NULL);
	unsigned commands = 0;

	(void)unused;
	for (unsigned at = 1; at <= clean.calls; at++) {
		struct model_fault fault = {
			.at = at, .times = 1000, .err = -EIO, .status = 0xc000030000000001
		};
		struct outcome o = live(MODEL_TERMINATE_ANNOUNCED, &fault);

		if (strncmp(model_call(at), "KVM_TDX_", 8) != 0)
			continue;
		commands++;
		assert_non_null(strstr(o.why.text, "TDX_PAGE_METADATA_INCORRECT"));
	}
	assert_true(commands > 8);
}

/* KVM found a mistake of its own: from then on the VM answers nothing but -EIO. */
static void a_broken_vm_is_released(void **unused)
{
	struct outcome clean = live(MODEL_NO_TERMINATE, NULL);
	unsigned broken = 0;

	(void)unused;
	for (unsigned at = 1; at <= clean.calls; at++) {
		struct model_fault fault = { .at = at, .times = 1, .err = -EIO, .breaks = true };
		const char *call;
		struct outcome o;

		live(MODEL_NO_TERMINATE, NULL);
		call = model_call(at);
		if (strncmp(call, "KVM_TDX_", 8) != 0 || strcmp(call, "KVM_TDX_TERMINATE_VM") == 0)
			continue;
		o = live(MODEL_NO_TERMINATE, &fault);
		broken++;
		assert_int_equal(o.built, -EIO);
		nothing_is_left(call);
	}
	assert_true(broken > 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_fails_once),
		cmocka_unit_test(every_call_fails_for_good),
		cmocka_unit_test(every_command_tells_its_status),
		cmocka_unit_test(a_broken_vm_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
