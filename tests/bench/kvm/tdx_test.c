// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's life of a TD against the model of the interface: right order, right end. */
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

#define PAGES	20u
#define INITIAL 7u

static const struct model_config usual = { .max_vcpus = 8, .leaves = 12, .stopped = -EINTR };

static struct td_config small(void)
{
	return (struct td_config){
		.vcpus = 2, .bytes = PAGES * TD_PAGE, .initial = INITIAL * TD_PAGE, .measure = true
	};
}

static void build(struct td *td, const struct td_config *config, const struct model_config *mc,
		  const struct model_fault *fault)
{
	struct reason why = { "" };

	model_reset(mc, fault);
	assert_int_equal(td_open(td, &model_sys, config, &why), 0);
	if (td_build(td, &why))
		fail_msg("%s", why.text);
	assert_true(model_runnable());
}

static void destroy(struct td *td)
{
	struct reason why = { "" };

	if (td_destroy(td, &why))
		fail_msg("%s", why.text);
	assert_true(td_is_gone(td));
	if (model_leak())
		fail_msg("left: %s", model_leak());
	if (model_refusal())
		fail_msg("refused: %s", model_refusal());
	assert_int_equal(model_destroyed(), 1);
}

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

/* From the documentation's creation flow; a TD of one vCPU, nothing that has to be tried twice. */
static void the_calls_are_in_the_documented_order(void **unused)
{
	static const char *const order[] = {
		"open",
		"KVM_GET_API_VERSION",
		"KVM_CHECK_EXTENSION",
		"KVM_CREATE_VM",
		"KVM_CHECK_EXTENSION",
		"KVM_ENABLE_CAP",
		"KVM_TDX_CAPABILITIES",
		"KVM_GET_SUPPORTED_CPUID",
		"KVM_TDX_INIT_VM",
		"KVM_CREATE_VCPU",
		"KVM_TDX_GET_CPUID",
		"KVM_SET_CPUID2",
		"KVM_TDX_INIT_VCPU",
		"mmap",
		"KVM_CREATE_GUEST_MEMFD",
		"KVM_SET_USER_MEMORY_REGION2",
		"KVM_SET_MEMORY_ATTRIBUTES",
		"mmap",
		"KVM_TDX_INIT_MEM_REGION",
		"KVM_TDX_FINALIZE_VM",
		"KVM_PRE_FAULT_MEMORY",
		/* and down: the vCPU, the slot, the guest_memfd, the VM, the memory, /dev/kvm */
		"close",
		"KVM_SET_USER_MEMORY_REGION2",
		"close",
		"munmap",
		"close",
	};
	struct td_config config = small();
	size_t at = 0;
	struct td td;

	(void)unused;
	config.vcpus = 1;
	build(&td, &config, &usual, NULL);
	destroy(&td);
	for (unsigned i = 1; i <= model_calls(); i++) {
		const char *name = model_call(i);

		if (i > 1 && strcmp(name, model_call(i - 1)) == 0)
			continue;
		assert_true(at < sizeof(order) / sizeof(*order));
		assert_string_equal(name, order[at]);
		at++;
	}
	assert_int_equal(at, sizeof(order) / sizeof(*order));
}

static void every_page_is_there_as_it_was_asked_for(void **unused)
{
	struct td_config config = small();
	struct td td;

	(void)unused;
	build(&td, &config, &usual, NULL);
	assert_int_equal(model_pages(PAGE_MEASURED), INITIAL);
	assert_int_equal(model_pages(PAGE_PENDING), PAGES - INITIAL);
	destroy(&td);
	config.measure = false;
	build(&td, &config, &usual, NULL);
	assert_int_equal(model_pages(PAGE_ADDED), INITIAL);
	destroy(&td);
	config.initial = 0;
	build(&td, &config, &usual, NULL);
	assert_int_equal(model_pages(PAGE_PENDING), PAGES);
	destroy(&td);
	config.initial = config.bytes;
	build(&td, &config, &usual, NULL);
	assert_int_equal(model_pages(PAGE_ADDED), PAGES);
	destroy(&td);
}

/* More than the source holds at once (2 MiB), and not a multiple of it. */
static void initial_memory_comes_in_pieces(void **unused)
{
	struct td_config config = { .vcpus = 1, .bytes = 6 << 20, .initial = (5 << 20) + TD_PAGE };
	struct td td;

	(void)unused;
	build(&td, &config, &usual, NULL);
	assert_int_equal(model_pages(PAGE_ADDED), config.initial / TD_PAGE);
	assert_int_equal(model_pages(PAGE_ABSENT), 0);
	destroy(&td);
}

static void partial_progress_is_taken_further(void **unused)
{
	static const int stops[] = { -EINTR, -EAGAIN, -EBUSY, 0 };
	struct td_config config = small();

	(void)unused;
	for (size_t i = 0; i < sizeof(stops) / sizeof(*stops); i++) {
		struct model_config mc = usual;
		struct td td;

		mc.at_once = 3;
		mc.stopped = stops[i];
		build(&td, &config, &mc, NULL);
		assert_int_equal(model_pages(PAGE_MEASURED), INITIAL);
		assert_int_equal(model_pages(PAGE_PENDING), PAGES - INITIAL);
		destroy(&td);
	}
}

/* Each try gets further, so that there may be more of them than a call that gets nowhere has. */
static void progress_has_no_limit(void **unused)
{
	struct td_config config = { .vcpus = 1, .bytes = 400 * TD_PAGE, .initial = 200 * TD_PAGE };
	struct model_config mc = usual;
	struct td td;

	(void)unused;
	mc.at_once = 1;
	mc.stopped = -EAGAIN;
	build(&td, &config, &mc, NULL);
	destroy(&td);
}

static void buffers_grow_until_the_leaves_fit(void **unused)
{
	struct td_config config = small();
	struct model_config mc = usual;
	struct td td;

	(void)unused;
	for (mc.leaves = 2; mc.leaves < 240; mc.leaves += 17) {
		build(&td, &config, &mc, NULL);
		destroy(&td);
	}
}

static void terminate_is_probed(void **unused)
{
	static const struct {
		enum model_terminate kernel;
		bool asked;
		enum td_terminate answer;
	} cases[] = {
		{ MODEL_NO_TERMINATE, false, TD_TERMINATE_UNTRIED },
		{ MODEL_NO_TERMINATE, true, TD_TERMINATE_ABSENT },
		{ MODEL_TERMINATE_DEAD, false, TD_TERMINATE_UNTRIED },
		{ MODEL_TERMINATE_DEAD, true, TD_TERMINATE_DONE },
		{ MODEL_TERMINATE_ANNOUNCED, false, TD_TERMINATE_UNTRIED },
		{ MODEL_TERMINATE_ANNOUNCED, true, TD_TERMINATE_DONE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct model_config mc = usual;
		struct td_config config = small();
		struct td td;

		mc.terminate = cases[i].kernel;
		config.terminate = cases[i].asked;
		build(&td, &config, &mc, NULL);
		assert_int_equal(td.announced, cases[i].kernel == MODEL_TERMINATE_ANNOUNCED);
		destroy(&td);
		assert_int_equal(td.terminate, cases[i].answer);
		assert_int_equal(model_terminated(), cases[i].answer == TD_TERMINATE_DONE);
	}
}

/* As bench/vm.c goes through them, a phase each. */
static void each_step_can_be_run_by_itself(void **unused)
{
	struct td_config config = small();
	struct reason why = { "" };
	struct td td;

	(void)unused;
	model_reset(&usual, NULL);
	assert_int_equal(td_open(&td, &model_sys, &config, &why), 0);
	for (const struct td_step *step = td_build_steps; step->name; step++) {
		assert_int_equal(td_run(&td, step, &why), 0);
		assert_string_equal(td.step, step->name);
	}
	for (const struct td_step *step = td_teardown_steps; step->name; step++) {
		assert_int_equal(model_destroyed(), strcmp(step->name, "memory") == 0 ||
							    strcmp(step->name, "kvm") == 0);
		assert_int_equal(td_run(&td, step, &why), 0);
		/* Twice does nothing. */
		assert_int_equal(td_run(&td, step, &why), 0);
	}
	assert_true(td_is_gone(&td));
	assert_null(model_leak());
	assert_null(model_refusal());
}

/* What KVM writes into hw_error is in the words, and is not there when KVM is asked again. */
static void status_codes_are_put_in_words(void **unused)
{
	static const char *const invalid[] = { "step init-vm", "KVM_TDX_INIT_VM",
					       "TDX_OPERAND_INVALID (0xc000010000000001, RCX)",
					       NULL };
	static const char *const unknown[] = { "step finalize", "0x8000123400000000", "no name",
					       NULL };
	struct td_config config = small();
	struct model_fault fault = { .times = 1 };
	struct td td;

	(void)unused;
	build(&td, &config, &usual, NULL);
	destroy(&td);
	for (unsigned i = 1; i <= model_calls(); i++) {
		if (strcmp(model_call(i), "KVM_TDX_INIT_VM") == 0)
			fault.at = i;
	}
	fault.err = -EINVAL;
	fault.status = 0xc000010000000001;
	fails(&config, &usual, &fault, invalid);

	build(&td, &config, &usual, NULL);
	destroy(&td);
	for (unsigned i = 1; i <= model_calls(); i++)
		if (strcmp(model_call(i), "KVM_TDX_FINALIZE_VM") == 0)
			fault.at = i;
	fault.err = -EIO;
	fault.status = 0x8000123400000000;
	fails(&config, &usual, &fault, unknown);

	fault.err = -EBUSY;
	fault.status = 0x8000020000000080;
	fault.times = 3;
	build(&td, &config, &usual, &fault);
	assert_int_equal(td.retries, 3);
	assert_true(model_nap_ns() > 0);
	destroy(&td);
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
	struct td_config config = small();

	(void)unused;
	for (size_t i = 0; i < sizeof(lacks) / sizeof(*lacks); i++) {
		const char *const words[] = { "TD, step c", lacks[i].words, NULL };
		struct model_config mc = usual;

		mc.lacking = lacks[i].cap;
		fails(&config, &mc, NULL, words);
	}
}

static void too_many_vcpus_are_refused_with_the_limit(void **unused)
{
	static const char *const words[] = { "at most 8 vCPUs", "9 are asked", NULL };
	struct td_config config = small();

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
		cmocka_unit_test(the_calls_are_in_the_documented_order),
		cmocka_unit_test(every_page_is_there_as_it_was_asked_for),
		cmocka_unit_test(initial_memory_comes_in_pieces),
		cmocka_unit_test(partial_progress_is_taken_further),
		cmocka_unit_test(progress_has_no_limit),
		cmocka_unit_test(buffers_grow_until_the_leaves_fit),
		cmocka_unit_test(terminate_is_probed),
		cmocka_unit_test(each_step_can_be_run_by_itself),
		cmocka_unit_test(status_codes_are_put_in_words),
		cmocka_unit_test(status_text_knows_the_kernels_names),
		cmocka_unit_test(what_a_host_lacks_is_named),
		cmocka_unit_test(too_many_vcpus_are_refused_with_the_limit),
		cmocka_unit_test(no_td_of_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
