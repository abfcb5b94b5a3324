// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of a VM against a model of KVM: what is done in which order, and what every failure leaves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/kvm/guest.h"
#include "bench/kvm/life.h"
#include "fake_kvm.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_CALLS     200

#define SPEC(mem, how, n)                                                     \
	{                                                                     \
		.backing = mem, .bytes = 6 << 20, .vcpus = n, .populate = how \
	}

static const struct vm_spec specs[] = {
	SPEC(BACKING_ANON, VM_BY_GUEST, 1),
	SPEC(BACKING_ANON, VM_BY_HOST, 2),
	SPEC(BACKING_THP, VM_BY_GUEST, 3),
	SPEC(BACKING_HUGETLB, VM_BY_PREFAULT, 2),
	SPEC(BACKING_GUEST_MEMFD, VM_BY_GUEST, 8),
	SPEC(BACKING_GUEST_MEMFD, VM_BY_PREFAULT, 1),
	SPEC(BACKING_ANON, VM_BY_PREFAULT, 1),
	SPEC(BACKING_THP, VM_BY_PREFAULT, 1),
	{ .type = TDC_KVM_X86_SW_PROTECTED_VM,
	  .backing = BACKING_GUEST_MEMFD,
	  .bytes = 4 << 20,
	  .vcpus = 2,
	  .populate = VM_BY_PREFAULT },
};

static struct kvm_host host;

static int fresh(void **state)
{
	(void)state;
	fake_kvm_reset();
	return kvm_host_open(&host, &fake_sys, "", NULL);
}

static int nothing_left(void **state)
{
	(void)state;
	kvm_host_close(&host);
	return fake_kvm_left() ? -1 : 0;
}

static void assert_words(const struct reason *why)
{
	assert_true(strlen(why->text) > 10);
	assert_null(strchr(why->text, '\n'));
}

/* From nothing to nothing. Return: the first failure. */
static int live(const struct vm_spec *spec, struct reason *why)
{
	struct vm vm;
	int ret = vm_create(&vm, &host, spec, why), err;

	if (ret)
		return ret;
	ret = vm_provide(&vm, why);
	if (!ret)
		ret = vm_populate(&vm, why);
	if (!ret)
		ret = vm_check(&vm, why);
	err = vm_destroy(&vm, NULL, ret ? NULL : why);
	return ret ? ret : err;
}

static void every_kind_lives_and_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		struct reason why = { "" };

		fake_kvm.faulted = 0;
		if (live(&specs[i], &why))
			fail_msg("spec %u: %s", i, why.text);
		assert_int_equal(fake_kvm_left(), 1); /* /dev/kvm */
		if (specs[i].populate == VM_BY_PREFAULT)
			assert_int_equal(fake_kvm.faulted, specs[i].bytes);
	}
}

/* Calls that end a life are counted too: their failures must not keep the rest from being done. */
static void every_failure_is_told_and_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		for (int at = 0;; at++) {
			struct reason why = { "" };
			int ret;

			assert_true(at < MAX_CALLS);
			fake_kvm.calls = fake_kvm.failed = 0;
			fake_kvm.fail_at = at;
			fake_kvm.fail_with = EIO;
			ret = live(&specs[i], &why);
			if (fake_kvm_left() != 1)
				fail_msg("spec %u, call %d: %u left", i, at, fake_kvm_left());
			if (!fake_kvm.failed)
				break;
			assert_int_equal(ret, -EIO);
			assert_words(&why);
			assert_non_null(strstr(why.text, strerror(EIO)));
		}
	}
}

static void a_failed_step_of_the_end_is_named(void **state)
{
	struct reason why = { "" };
	struct vm vm;

	(void)state;
	assert_int_equal(vm_create(&vm, &host, &specs[4], &why), 0);
	fake_kvm.calls = 0;
	fake_kvm.fail_at = 8 * 2; /* behind munmap and close of eight vCPUs */
	fake_kvm.fail_with = EBUSY;
	assert_int_equal(vm_destroy(&vm, NULL, &why), -EBUSY);
	assert_non_null(strstr(why.text, "step memslot"));
	assert_int_equal(fake_kvm_left(), 1);
	/* And once more does nothing. */
	assert_int_equal(vm_destroy(&vm, NULL, &why), 0);
}

static void the_end_has_its_order(void **state)
{
	static const struct {
		enum backing_kind backing;
		const char *log;
	} cases[] = {
		{ BACKING_ANON, "munmap vcpu\nclose vcpu\nremove slot\nremove slot\nclose vm\n"
				"munmap memory\nmunmap memory\n" },
		{ BACKING_GUEST_MEMFD,
		  "munmap vcpu\nclose vcpu\nremove slot\nremove slot\nmunmap memfd\nclose memfd\n"
		  "close vm\nmunmap memory\n" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vm_spec spec = SPEC(cases[i].backing, VM_BY_GUEST, 1);
		struct reason why = { "" };

		fake_kvm.log[0] = '\0';
		assert_int_equal(live(&spec, &why), 0);
		assert_string_equal(fake_kvm.log, cases[i].log);
	}
}

static void interrupted_calls_are_begun_anew(void **state)
{
	struct reason why = { "" };

	(void)state;
	fake_kvm.interrupted = 3;
	assert_int_equal(live(&specs[0], &why), 0);
	assert_int_equal(fake_kvm.interrupted, 0);
	fake_kvm.interrupted = 3;
	assert_int_equal(live(&specs[3], &why), 0);
	assert_int_equal(fake_kvm.interrupted, 0);
}

static void a_guest_that_does_something_else_is_found_out(void **state)
{
	struct reason why = { "" };

	(void)state;
	fake_kvm.exit_reason = KVM_EXIT_SHUTDOWN;
	assert_int_equal(live(&specs[0], &why), -EFAULT);
	assert_non_null(strstr(why.text, "exit reason 8"));
	fake_kvm.exit_reason = KVM_EXIT_HLT;
	fake_kvm.halts_short = 8192;
	assert_int_equal(live(&specs[0], &why), -EFAULT);
	assert_non_null(strstr(why.text, "halted"));
	fake_kvm.halts_short = 0;
	fake_kvm.prefault_stands = 1;
	assert_int_equal(live(&specs[3], &why), -EFAULT);
	assert_non_null(strstr(why.text, "stands still"));
}

static void prefaulting_that_comes_no_further_ends(void **state)
{
	static const int errors[] = { -EAGAIN, -EINTR };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		struct reason why = { "" };

		fake_kvm.prefault_stands = 1;
		fake_kvm.prefault_error = errors[i];
		fake_kvm.naps = 0;
		fake_kvm.napped_ns = 0;
		assert_int_equal(live(&specs[3], &why), errors[i]);
		assert_non_null(strstr(why.text, "at 0x100000000: "));
		assert_non_null(strstr(why.text, "again and again; is there"));
		/* Bounded, with pauses that grow: more than the first one each, less than a second. */
		assert_int_equal(fake_kvm.naps, 39);
		assert_in_range(fake_kvm.napped_ns, 39 * 50000ul, 1000000000ul);
	}
	/* What cannot be tried again is not. */
	fake_kvm.prefault_error = -ENOMEM;
	fake_kvm.naps = 0;
	assert_int_equal(live(&specs[3], NULL), -ENOMEM);
	assert_int_equal(fake_kvm.naps, 0);
}

static void clear_nothing(char *dst, size_t bytes, const char *src)
{
	(void)dst;
	(void)bytes;
	(void)src;
}

static bool provided(const struct vm_spec *spec)
{
	return spec->populate == VM_BY_PREFAULT &&
	       (spec->backing == BACKING_ANON || spec->backing == BACKING_THP);
}

/* Only of a guest_memfd that the process can see, and only where it is to be cleared. */
static void a_view_that_is_cleared_is_mapped_before(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(specs); i++) {
		struct vm_spec spec = specs[i / 2];
		bool clears = i % 2, shared = spec.backing == BACKING_GUEST_MEMFD && !spec.type;
		struct reason why = { "" };

		spec.reset = clears ? clear_nothing : NULL;
		fake_kvm.mapped = 0;
		assert_int_equal(live(&spec, &why), 0);
		/* What no fault for reading gives pages to has got them before. */
		assert_int_equal(fake_kvm.mapped,
				 (clears && shared) || provided(&spec) ? spec.bytes : 0);
	}
	/* Byte by byte where the kernel cannot, and what the guest wrote stays. */
	fake_kvm.no_populate = 1;
	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		struct vm_spec spec = specs[i];

		spec.reset = clear_nothing;
		assert_int_equal(live(&spec, NULL), 0);
	}
}

/* One page that the guest did not write to. */
static void an_untouched_page_is_found(void **state)
{
	struct reason why = { "" };
	struct vm vm;

	(void)state;
	assert_int_equal(vm_create(&vm, &host, &specs[0], &why), 0);
	assert_int_equal(vm_populate(&vm, &why), 0);
	assert_int_equal(vm_check(&vm, &why), 0);
	memset(vm.memory.view + 700 * GUEST_PAGE, 0, 8);
	assert_int_equal(vm_check(&vm, &why), -EFAULT);
	assert_non_null(strstr(why.text, "page 700"));
	vm_destroy(&vm, NULL, NULL);
}

/* KVM_PRE_FAULT_MEMORY by itself maps anonymous memory to the zero page, and the VM has nothing. */
static void a_vm_without_memory_is_found(void **state)
{
	struct vm_spec spec = SPEC(BACKING_ANON, VM_BY_PREFAULT, 1);
	struct reason why = { "" };
	struct vm vm;

	(void)state;
	assert_int_equal(vm_create(&vm, &host, &spec, &why), 0);
	assert_int_equal(vm_populate(&vm, &why), 0);
	assert_int_equal(vm_check(&vm, &why), -EFAULT);
	assert_non_null(strstr(why.text, "page 0 of the VM has no memory"));
	vm_destroy(&vm, NULL, NULL);
	spec.populate = VM_BY_HOST;
	assert_int_equal(vm_create(&vm, &host, &spec, &why), 0);
	assert_int_equal(vm_check(&vm, &why), -EFAULT);
	vm_destroy(&vm, NULL, NULL);
	/* Private memory has no view to look through, but a file that counts. */
	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		if (specs[i].backing != BACKING_GUEST_MEMFD || specs[i].populate != VM_BY_PREFAULT)
			continue;
		fake_kvm.prefault_skips = 1;
		assert_int_equal(live(&specs[i], &why), -EFAULT);
		assert_non_null(strstr(why.text, "the guest_memfd holds "));
	}
}

/* As the benchmark begins one. */
static void a_life_begins_with_memory(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		struct life_spec spec = { .vm = specs[i] };
		struct reason why = { "" };
		struct life_born born;
		struct life life;

		assert_int_equal(life_begin(&life, &host, &spec, &born, &why), 0);
		if (vm_check(&life.of.vm, &why))
			fail_msg("spec %u: %s", i, why.text);
		assert_true(born.create > 0 && born.populate > 0);
		assert_int_equal(life_end(&life, NULL, &why), 0);
	}
}

static void memory_elsewhere_is_found(void **state)
{
	struct vm_spec spec = SPEC(BACKING_ANON, VM_BY_GUEST, 1);
	struct reason why = { "" };

	(void)state;
	fake_kvm.strange_page = 300;
	fake_kvm.strange = 3;
	assert_int_equal(live(&spec, &why), 0); /* nobody asked for a node */
	spec.placed = true;
	spec.node = 0;
	fake_kvm.strange_page = 0;
	assert_int_equal(live(&spec, &why), 0);
	fake_kvm.strange_page = 300;
	assert_int_equal(live(&spec, &why), -EFAULT);
	assert_non_null(strstr(why.text, "page 300 of the VM is on NUMA node 3, not on 0"));
	/* Who may not ask is not refused for it. */
	fake_kvm.no_look = -EPERM;
	assert_int_equal(live(&spec, &why), 0);
	fake_kvm.no_look = -EIO;
	assert_int_equal(live(&spec, &why), -EIO);
}

static size_t cleared;

static void count_reset(char *dst, size_t bytes, const char *src)
{
	assert_int_equal(bytes, 4096);
	*dst = *src;
	cleared++;
}

static void every_page_is_cleared_once(void **state)
{
	struct vm_spec spec = SPEC(BACKING_ANON, VM_BY_GUEST, 1);
	struct reason why = { "" };

	(void)state;
	cleared = 0;
	spec.reset = count_reset;
	spec.source = "x";
	assert_int_equal(live(&spec, &why), 0);
	assert_int_equal(cleared, spec.bytes / 4096);
}

/* Walks what the guest would walk. Return: the physical address; -1: none. */
static int64_t translate(const char *boot, uint64_t address)
{
	uint64_t table = 4096, entry = 0;

	for (int shift = 39; shift >= 21; shift -= 9) {
		memcpy(&entry, boot + table + (address >> shift & 511) * 8, sizeof(entry));
		if ((entry & 3) != 3)
			return -1;
		table = entry & 0xffffffffff000;
	}
	return entry & 0x80 ? (int64_t)(table | (address & 0x1fffff)) : -1;
}

static void the_guest_sees_all_of_its_memory(void **state)
{
	static const uint64_t sizes[] = { 2ull << 20, 64ull << 20, 5ull << 30, 700ull << 30 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t bytes = guest_boot_bytes(sizes[i]);
		char *boot = test_calloc(1, bytes);

		guest_boot_fill(boot, sizes[i]);
		assert_int_equal(translate(boot, 0), 0);
		for (uint64_t at = GUEST_MEMORY; at < GUEST_MEMORY + sizes[i]; at += 2 << 20)
			if (translate(boot, at + 4096) != (int64_t)(at + 4096))
				fail_msg("0x%llx is not mapped to itself", (unsigned long long)at);
		/* The slot ends before the memory begins. */
		assert_true(bytes < GUEST_MEMORY);
		test_free(boot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind_lives_and_leaves_nothing, fresh,
						nothing_left),
		cmocka_unit_test_setup_teardown(every_failure_is_told_and_leaves_nothing, fresh,
						nothing_left),
		cmocka_unit_test_setup_teardown(a_failed_step_of_the_end_is_named, fresh,
						nothing_left),
		cmocka_unit_test_setup_teardown(the_end_has_its_order, fresh, nothing_left),
		cmocka_unit_test_setup_teardown(interrupted_calls_are_begun_anew, fresh,
						nothing_left),
		cmocka_unit_test_setup_teardown(a_guest_that_does_something_else_is_found_out,
						fresh, nothing_left),
		cmocka_unit_test_setup_teardown(prefaulting_that_comes_no_further_ends, fresh,
						nothing_left),
		cmocka_unit_test_setup_teardown(a_view_that_is_cleared_is_mapped_before, fresh,
						nothing_left),
		cmocka_unit_test_setup_teardown(an_untouched_page_is_found, fresh, nothing_left),
		cmocka_unit_test_setup_teardown(a_vm_without_memory_is_found, fresh, nothing_left),
		cmocka_unit_test_setup_teardown(a_life_begins_with_memory, fresh, nothing_left),
		cmocka_unit_test_setup_teardown(memory_elsewhere_is_found, fresh, nothing_left),
		cmocka_unit_test_setup_teardown(every_page_is_cleared_once, fresh, nothing_left),
		cmocka_unit_test(the_guest_sees_all_of_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
