// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said when a TD cannot be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/kvm/tdx.h"
#include "bench/kvm/tdx_status.h"
#include "tests/bench/kvm/tdx_model.h"

static const struct model_config usual = { .max_vcpus = 8, .leaves = 12, .stopped = -EINTR };
static const struct td_config small = { .vcpus = 2, .bytes = 20 * TD_PAGE, .initial = 7 * TD_PAGE };

/* A build that fails, with all of these words in the reason. */
static void fails(const struct td_config *config, const struct model_config *mc,
		  const struct model_fault *fault, const char *const *words)
{
	struct reason why = { "" };
	struct td td;

	model_reset(mc, fault);
	assert_int_equal(td_open(&td, &model_sys, config, &why), 0);
	assert_true(td_build(&td, &why) < 0);
	for (; *words; words++)
		if (!strstr(why.text, *words))
			fail_msg("'%s' is not in: %s", *words, why.text);
	assert_true(td_is_gone(&td));
	assert_null(model_leak());
	assert_null(model_refusal());
}

/* Which call of a clean build it is. */
static unsigned number_of(const char *call)
{
	const struct td_config config = small;
	unsigned number = 0;
	struct td td;

	model_reset(&usual, NULL);
	assert_int_equal(td_open(&td, &model_sys, &config, NULL), 0);
	assert_int_equal(td_build(&td, NULL), 0);
	assert_int_equal(td_destroy(&td, NULL), 0);
	for (unsigned i = 1; i <= model_calls() && !number; i++)
		if (strcmp(model_call(i), call) == 0)
			number = i;
	assert_true(number > 0);
	return number;
}

static void status_codes_are_put_in_words(void **unused)
{
	static const char *const invalid[] = { "step init-vm", "KVM_TDX_INIT_VM",
					       "TDX_OPERAND_INVALID (0xc000010000000001, RCX)",
					       NULL };
	static const char *const unknown[] = { "step finalize", "0x8000123400000000", "no name",
					       NULL };
	const struct model_fault on_init = { .at = number_of("KVM_TDX_INIT_VM"),
					     .times = 1,
					     .err = -EINVAL,
					     .status = 0xc000010000000001 };
	const struct model_fault on_finalize = { .at = number_of("KVM_TDX_FINALIZE_VM"),
						 .times = 1,
						 .err = -EIO,
						 .status = 0x8000123400000000 };

	(void)unused;
	fails(&small, &usual, &on_init, invalid);
	fails(&small, &usual, &on_finalize, unknown);
}

/* What KVM writes into hw_error is not there when it is asked again: it would refuse that. */
static void a_busy_td_is_asked_again(void **unused)
{
	const struct model_fault busy = { .at = number_of("KVM_TDX_FINALIZE_VM"),
					  .times = 3,
					  .err = -EBUSY,
					  .status = 0x8000020000000080 };
	struct td td;

	(void)unused;
	model_reset(&usual, &busy);
	assert_int_equal(td_open(&td, &model_sys, &small, NULL), 0);
	assert_int_equal(td_build(&td, NULL), 0);
	assert_int_equal(td.retries, 3);
	assert_true(model_nap_ns() > 0);
	assert_int_equal(td_destroy(&td, NULL), 0);
	assert_null(model_refusal());
}

static void status_text_knows_the_kernels_names(void **unused)
{
	char text[160];

	(void)unused;
	assert_string_equal(tdx_status_text(0x8000020000000092, text, sizeof(text)),
			    "TDX_OPERAND_BUSY (0x8000020000000092, SEPT): somebody else holds an "
			    "operand");
	assert_non_null(strstr(tdx_status_text(0x8000082400000000, text, sizeof(text)),
			       "TDX_FLUSHVP_NOT_DONE"));
	assert_non_null(strstr(tdx_status_text(0x123, text, sizeof(text)), "0x123"));
}

static void what_a_host_lacks_is_named(void **unused)
{
	static const struct {
		int cap;
		const char *words;
	} lacks[] = {
		{ 235, "KVM offers no TDs" },	 { 231, "KVM_SET_USER_MEMORY_REGION2" },
		{ 236, "KVM_PRE_FAULT_MEMORY" }, { 121, "split irqchip" },
		{ 129, "32-bit APIC ids" },	 { 233, "private memory attribute" },
	};
	(void)unused;
	for (size_t i = 0; i < sizeof(lacks) / sizeof(*lacks); i++) {
		const char *const words[] = { "TD, step c", lacks[i].words, NULL };
		struct model_config mc = usual;

		mc.lacking = lacks[i].cap;
		fails(&small, &mc, NULL, words);
	}
}

static void too_many_vcpus_are_refused_with_the_limit(void **unused)
{
	static const char *const words[] = { "at most 8 vCPUs", "9 are asked", NULL };
	struct td_config config = small;

	(void)unused;
	config.vcpus = 9;
	fails(&config, &usual, NULL, words);
}

static void no_td_of_no_sense(void **unused)
{
	const struct td_config bad[] = {
		{ .vcpus = 0, .bytes = TD_PAGE },
		{ .vcpus = TD_MAX_VCPUS + 1, .bytes = TD_PAGE },
		{ .vcpus = 1, .bytes = 0 },
		{ .vcpus = 1, .bytes = TD_PAGE + 1 },
		{ .vcpus = 1, .bytes = TD_PAGE, .initial = 1 },
		{ .vcpus = 1, .bytes = TD_PAGE, .initial = 2 * TD_PAGE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct reason why = { "" };
		struct td td;

		assert_int_equal(td_open(&td, &model_sys, &bad[i], &why), -EINVAL);
		assert_string_not_equal(why.text, "");
		assert_true(td_is_gone(&td));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_codes_are_put_in_words),
		cmocka_unit_test(a_busy_td_is_asked_again),
		cmocka_unit_test(status_text_knows_the_kernels_names),
		cmocka_unit_test(what_a_host_lacks_is_named),
		cmocka_unit_test(too_many_vcpus_are_refused_with_the_limit),
		cmocka_unit_test(no_td_of_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
