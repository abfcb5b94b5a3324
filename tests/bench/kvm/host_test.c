// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said where there is no KVM, or not what is needed of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../harness/machine/tree.h"
#include "bench/kvm/backing.h"
#include "fake_kvm.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int fresh(void **state)
{
	(void)state;
	fake_kvm_reset();
	return 0;
}

static void what_keeps_kvm_from_being_opened_is_told(void **state)
{
	static const struct {
		int error, version;
		const char *culprit, *todo;
	} cases[] = {
		{ -ENOENT, 12, "/dev/kvm", "modprobe" },
		{ -ENODEV, 12, "/dev/kvm", "firmware" },
		{ -EACCES, 12, "permission", "usermod -aG kvm" },
		{ -EPERM, 12, "permission", "run as root" },
		{ -EMFILE, 12, "/dev/kvm", "Too many open files" },
		{ 0, 11, "version 11", "12" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct kvm_host h;

		fake_kvm_reset();
		fake_kvm.open_error = cases[i].error;
		fake_kvm.version = cases[i].version;
		assert_int_equal(kvm_host_open(&h, &fake_sys, "", &why), -ENOTSUP);
		assert_non_null(strstr(why.text, cases[i].culprit));
		assert_non_null(strstr(why.text, cases[i].todo));
		assert_null(strchr(why.text, '\n'));
		assert_int_equal(fake_kvm_left(), 0);
		kvm_host_close(&h);
	}
}

static void every_question_may_fail(void **state)
{
	(void)state;
	for (int at = 0;; at++) {
		struct reason why = { "" };
		struct kvm_host h;
		int ret;

		fake_kvm_reset();
		fake_kvm.fail_at = at;
		fake_kvm.fail_with = EIO;
		ret = kvm_host_open(&h, &fake_sys, "", &why);
		if (!fake_kvm.failed) {
			assert_int_equal(ret, 0);
			assert_true(at > 3);
			kvm_host_close(&h);
			return;
		}
		assert_int_equal(ret, -ENOTSUP);
		assert_true(why.text[0]);
		assert_int_equal(fake_kvm_left(), 0);
	}
}

static void memory_that_this_kvm_has_not_is_refused(void **state)
{
	static const struct {
		int guest_memfd, attributes;
		unsigned flags;
		enum backing_kind kind;
		bool private;
		const char *culprit; /* NULL: it is there */
	} cases[] = {
		{ 1, 8, 3, BACKING_GUEST_MEMFD, false, NULL },
		{ 1, 8, 0, BACKING_GUEST_MEMFD, true, NULL },
		{ 0, 0, 0, BACKING_ANON, false, NULL },
		{ 0, 8, 3, BACKING_GUEST_MEMFD, false, "no guest_memfd" },
		{ 1, 8, 1, BACKING_GUEST_MEMFD, false, "KVM_CAP_GUEST_MEMFD_FLAGS is 1" },
		{ 1, 0, 3, BACKING_GUEST_MEMFD, true, "KVM_CAP_MEMORY_ATTRIBUTES" },
		{ 1, 8, 3, BACKING_ANON, true, "mem=guest_memfd" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct kvm_host h;
		int ret;

		fake_kvm_reset();
		fake_kvm.guest_memfd = cases[i].guest_memfd;
		fake_kvm.attributes = cases[i].attributes;
		fake_kvm.memfd_flags = cases[i].flags;
		assert_int_equal(kvm_host_open(&h, &fake_sys, "", &why), 0);
		ret = backing_supported(&h, cases[i].kind, cases[i].private, &why);
		assert_int_equal(ret, cases[i].culprit ? -ENOTSUP : 0);
		if (cases[i].culprit)
			assert_non_null(strstr(why.text, cases[i].culprit));
		kvm_host_close(&h);
	}
}

static void how_the_module_pages_is_read(void **state)
{
	static const struct {
		const char *file, *text, *tdp_mmu, *name;
		bool known, tdp;
	} cases[] = {
		{ "/sys/module/kvm_intel/parameters/ept", "Y\n", "Y\n", "kvm_intel", true, true },
		{ "/sys/module/kvm_intel/parameters/ept", "N\n", "N\n", "kvm_intel", true, false },
		/* NPT with the older MMU is two-dimensional all the same. */
		{ "/sys/module/kvm_amd/parameters/npt", "1\n", "N\n", "kvm_amd", true, true },
		{ "/sys/module/kvm_pvm/parameters/x", "", "N\n", "kvm_pvm", true, false },
		{ "/sys/module/other/x", "", "Y\n", "", false, false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kvm_module m;
		struct tree t;

		tree_make(&t);
		tree_write(&t, cases[i].file, cases[i].text);
		tree_write(&t, "/sys/module/kvm/parameters/tdp_mmu", cases[i].tdp_mmu);
		kvm_module_look(t.root, &m);
		assert_string_equal(m.name, cases[i].name);
		assert_int_equal(m.tdp_known, cases[i].known);
		assert_int_equal(m.tdp, cases[i].tdp);
		assert_int_equal(m.tdp_mmu[0], cases[i].tdp_mmu[0]);
		tree_remove(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_keeps_kvm_from_being_opened_is_told, fresh),
		cmocka_unit_test_setup(every_question_may_fail, fresh),
		cmocka_unit_test_setup(memory_that_this_kvm_has_not_is_refused, fresh),
		cmocka_unit_test(how_the_module_pages_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
