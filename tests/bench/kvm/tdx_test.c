// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's life of a TD against the model of the interface: right order, right end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/kvm/tdx.h"
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
	assert_int_equal(model_vcpus(), config->vcpus);
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
	mc.hesitant = true;
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

/*
 * The model lets leaf 0x102 be configured, but its host does not have it; it lets processor trace
 * be, and a TD that runs nothing needs none.
 */
static void a_td_gets_no_more_than_the_host_has(void **unused)
{
	struct td_config config = small();
	struct td td;

	(void)unused;
	build(&td, &config, &usual, NULL);
	assert_int_equal(td.init->cpuid.nent, usual.leaves - 1);
	for (unsigned i = 0; i < td.init->cpuid.nent; i++) {
		assert_int_not_equal(td.init->cpuid.entries[i].function, 0x102);
		if (td.init->cpuid.entries[i].function == 0x80000008)
			assert_int_equal(td.init->cpuid.entries[i].eax, 48 << 16);
		if (td.init->cpuid.entries[i].function == 7)
			assert_int_equal(td.init->cpuid.entries[i].ebx, 0x101);
	}
	destroy(&td);
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
		{ MODEL_TERMINATE_OTHER, true, TD_TERMINATE_UNPROVEN },
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

/* No order of the way down leaves anything. */
static void teardown_backwards_releases_all_too(void **unused)
{
	struct td_config config = small();
	size_t n = 0;
	struct td td;

	(void)unused;
	build(&td, &config, &usual, NULL);
	while (td_teardown_steps[n].name)
		n++;
	while (n--)
		assert_int_equal(td_run(&td, &td_teardown_steps[n], NULL), 0);
	assert_true(td_is_gone(&td));
	assert_null(model_leak());
	assert_null(model_refusal());
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* The real calls. With TDX this is a TD; elsewhere it ends at a step, with a word of why. */
static void on_this_machine_nothing_is_left(void **unused)
{
	struct td_config config = small();
	struct reason why = { "" };
	unsigned before = open_descriptors();
	struct td td;

	(void)unused;
	assert_int_equal(td_open(&td, &kvm_sys_host, &config, &why), 0);
	if (td_build(&td, &why))
		assert_non_null(strstr(why.text, "TD, step "));
	assert_int_equal(td_destroy(&td, NULL), 0);
	assert_true(td_is_gone(&td));
	assert_int_equal(open_descriptors(), before);
	print_message("%s\n", why.text);
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
		cmocka_unit_test(a_td_gets_no_more_than_the_host_has),
		cmocka_unit_test(terminate_is_probed),
		cmocka_unit_test(each_step_can_be_run_by_itself),
		cmocka_unit_test(teardown_backwards_releases_all_too),
		cmocka_unit_test(on_this_machine_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
