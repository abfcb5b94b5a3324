// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kmod/client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bench/kmod/why_not.h"
#include "bench/topup/variant.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define RELEASE	      "6.12.5-cloud-amd64"
#define LIB	      "/lib/modules/"

/* The module's answer to the next call, in the place of ioctl(). */
static struct module {
	int err; /* positive errno */
	unsigned abi;
	unsigned long cmd; /* out: what was called */
	void (*answer)(void *arg);
} module;

int __wrap_ioctl(int fd, unsigned long cmd, void *arg);
int __wrap_ioctl(int fd, unsigned long cmd, void *arg)
{
	(void)fd;
	module.cmd = cmd;
	if (cmd == TDCOST_INFO && !module.err)
		*(struct tdcost_info *)arg = (struct tdcost_info){ .abi = module.abi,
								   .cpus = 4,
								   .max_order = 10,
								   .max_bytes = 1 << 28,
								   .timeout_ms = 5000 };
	if (module.answer)
		module.answer(arg);
	errno = module.err;
	return module.err ? -1 : 0;
}

/* What stands in the way, by the files that show it; no file with "" ends a list. */
static const struct obstacle {
	const char *name;
	struct tree_file files[5];
	const char *says[3]; /* all of these */
} obstacles[] = {
	{ "a kernel without modules",
	  { { "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n" } },
	  { "CONFIG_MODULES", RELEASE } },
	{ "locked down",
	  { { "/proc/modules", "" },
	    { "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n" } },
	  { "locked down (integrity)", "sign tdcost.ko", "Secure Boot" } },
	{ "locked down entirely, though the module is installed",
	  { { "/proc/modules", "" },
	    { "/sys/kernel/security/lockdown", "none integrity [confidentiality]\n" },
	    { LIB RELEASE "/updates/dkms/tdcost.ko", "" } },
	  { "is installed for this kernel but not loaded; as root: modprobe tdcost. If that",
	    "locked down (confidentiality)", "sign tdcost.ko" } },
	{ "no more modules, though it is installed",
	  { { "/proc/modules", "" },
	    { "/proc/sys/kernel/modules_disabled", "1\n" },
	    { "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n" },
	    { LIB RELEASE "/updates/dkms/tdcost.ko", "" } },
	  { "no more modules until it is booted again", "modules_disabled is 1" } },
	{ "modules are taken",
	  { { "/proc/modules", "" },
	    { "/proc/sys/kernel/modules_disabled", "0\n" },
	    { LIB RELEASE "/updates/dkms/tdcost.ko", "" } },
	  { "modprobe tdcost" } },
	{ "not locked down, not built, no headers",
	  { { "/proc/modules", "" },
	    { "/sys/kernel/security/lockdown", "[none] integrity confidentiality\n" } },
	  { "not loaded", "apt-get install linux-headers-" RELEASE,
	    "make -C bench/kmod && insmod bench/kmod/tdcost.ko" } },
	{ "not built",
	  { { "/proc/modules", "ext4 1 0 - Live 0x0\n" }, { LIB RELEASE "/build/Makefile", "" } },
	  { "not loaded", "make -C bench/kmod && insmod bench/kmod/tdcost.ko" } },
	{ "installed and not loaded",
	  { { "/proc/modules", "" }, { LIB RELEASE "/updates/dkms/tdcost.ko.xz", "" } },
	  { "not loaded", "modprobe tdcost" } },
	{ "installed by hand and not loaded",
	  { { "/proc/modules", "" }, { LIB RELEASE "/extra/tdcost.ko", "" } },
	  { "not loaded", "modprobe tdcost" } },
	{ "installed for another kernel",
	  { { "/proc/modules", "" }, { LIB "6.1.0-9-amd64/updates/dkms/tdcost.ko", "" } },
	  { "for the kernel 6.1.0-9-amd64, and this is " RELEASE, "dkms install tdcost/",
	    "-k " RELEASE } },
	{ "loaded, without its node",
	  { { "/proc/modules", "tdcost 1 0 - Live 0x0\n" },
	    { "/sys/module/tdcost/refcnt", "0\n" },
	    { "/sys/class/misc/tdcost/dev", "10:124\n" } },
	  { "although tdcost.ko is loaded", "mknod -m 600 /dev/tdcost c 10 124" } },
	{ "loaded, and nobody knows its number",
	  { { "/sys/module/tdcost/refcnt", "0\n" } },
	  { "although tdcost.ko is loaded", "mknod -m 600 /dev/tdcost c 10 MINOR" } },
};

static void is_one_line(const char *text)
{
	assert_string_not_equal(text, "");
	assert_null(strchr(text, '\n'));
	assert_int_not_equal(text[strlen(text) - 1], '.');
}

static void says(const char *name, const struct reason *why, const char *const *words, size_t n)
{
	is_one_line(why->text);
	for (size_t i = 0; i < n && words[i]; i++)
		if (!strstr(why->text, words[i]))
			fail_msg("%s: no '%s' in: %s", name, words[i], why->text);
}

static void no_device_is_explained(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++) {
		const struct obstacle *o = &obstacles[i];
		struct reason opened = { "" }, asked = { "" };
		struct machine m = { .root = NULL };
		struct tree t;
		struct kmod k;

		tree_make(&t);
		tree_write(&t, "/proc/sys/kernel/osrelease", RELEASE "\n");
		for (size_t f = 0; f < ARRAY_SIZE(o->files) && o->files[f].path; f++)
			tree_write(&t, o->files[f].path, o->files[f].text);
		m.root = t.root;
		assert_int_equal(kmod_open(&k, t.root, &opened), -ENOTSUP);
		assert_int_equal(k.fd, -1);
		says(o->name, &opened, o->says, ARRAY_SIZE(o->says));
		assert_int_equal(kmod_supported(&m, 0, &asked), -ENOTSUP);
		assert_string_equal(asked.text, opened.text);
		kmod_close(&k);
		tree_remove(&t);
	}
}

static void a_machine_without_any_file_is_explained(void **unused)
{
	struct reason why = { "" };
	struct kmod k;

	(void)unused;
	assert_int_equal(kmod_open(&k, "/nonexistent", &why), -ENOTSUP);
	says("nothing", &why, (const char *const[]){ "the kernel unknown" }, 1);
}

/* A file in the place of the device, which opens; __wrap_ioctl() answers. */
static void device_make(struct tree *t)
{
	module = (struct module){ .abi = TDCOST_ABI };
	tree_make(t);
	tree_write(t, "/dev/tdcost", "");
}

static void opens_and_closes(void **unused)
{
	struct reason why = { "" };
	struct tree t;
	struct kmod k;

	(void)unused;
	device_make(&t);
	assert_int_equal(kmod_open(&k, t.root, &why), 0);
	assert_true(k.fd >= 0);
	assert_int_equal(k.info.cpus, 4);
	kmod_close(&k);
	assert_int_equal(k.fd, -1);
	kmod_close(&k);
	tree_remove(&t);
}

static void another_version_is_told_with_both_numbers(void **unused)
{
	char own[32], other[32];
	const char *const words[] = { other, own, "rmmod tdcost" };
	struct reason why = { "" };
	struct tree t;
	struct kmod k;

	(void)unused;
	snprintf(own, sizeof(own), "version %d", TDCOST_ABI);
	snprintf(other, sizeof(other), "version %d", TDCOST_ABI + 1);
	device_make(&t);
	module.abi = TDCOST_ABI + 1;
	assert_int_equal(kmod_open(&k, t.root, &why), -ENOTSUP);
	assert_int_equal(k.fd, -1);
	says("version", &why, words, ARRAY_SIZE(words));
	tree_remove(&t);
}

/* The answers to opening and to the first call that are not about a missing device. */
static void other_errors_of_the_device_are_told(void **unused)
{
	static const struct {
		int err;
		const char *says[2];
	} rows[] = {
		{ ENOTTY, { "does not answer as the device of tdcost.ko", "rm /dev/tdcost" } },
		{ EPERM, { "run as root", "CAP_SYS_ADMIN" } },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reason why = { "" };
		struct tree t;
		struct kmod k;

		device_make(&t);
		module.err = rows[i].err;
		assert_int_equal(kmod_open(&k, t.root, &why), -ENOTSUP);
		assert_int_equal(k.fd, -1);
		says(strerror(rows[i].err), &why, rows[i].says, 2);
		tree_remove(&t);
	}
}

static void a_device_that_cannot_be_opened_is_told(void **unused)
{
	struct reason why = { "" };
	struct tree t;
	struct kmod k;

	(void)unused;
	tree_make(&t);
	/* A folder: root, too, cannot open it for writing. */
	tree_write(&t, "/dev/tdcost/x", "");
	assert_int_equal(kmod_open(&k, t.root, &why), -ENOTSUP);
	says("folder", &why, (const char *const[]){ "/dev/tdcost: Is a directory" }, 1);
	tree_remove(&t);
}

static void every_refusal_is_explained(void **unused)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
		{ -EACCES, "run as root" },	   { -EPERM, "run as root" },
		{ -ENXIO, "no module behind it" }, { -ENODEV, "no module behind it" },
		{ -EIO, "Input/output error" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reason why = { "" };

		assert_int_equal(kmod_why_not("", rows[i].err, &why), -ENOTSUP);
		says(rows[i].says, &why, &rows[i].says, 1);
	}
}

static void missing_features_are_named(void **unused)
{
	static const struct {
		unsigned wanted;
		uint32_t features;
		bool affected;
		const char *says; /* NULL: supported */
	} rows[] = {
		{ 0, 0, false, NULL },
		{ TDCOST_HAS_WBNOINVD, 0, false, "no WBNOINVD" },
		{ TDCOST_HAS_WBNOINVD, 1u << CPU_WBNOINVD, false, NULL },
		{ TDCOST_HAS_MOVDIR64B, 1u << CPU_WBNOINVD, false, "no MOVDIR64B" },
		{ TDCOST_HAS_MOVDIR64B, 1u << CPU_MOVDIR64B, false, NULL },
		{ TDCOST_HAS_CLFLUSHOPT, 0, false, "no CLFLUSHOPT" },
		{ TDCOST_CPU_AFFECTED, 0, false, "X86_BUG_TDX_PW_MCE" },
		{ TDCOST_CPU_AFFECTED, 0, true, NULL },
		{ TDCOST_HAS_WBNOINVD | TDCOST_HAS_MOVDIR64B, 1u << CPU_WBNOINVD, false,
		  "no MOVDIR64B" },
	};
	struct tree t;

	(void)unused;
	device_make(&t);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m = { .root = t.root };
		struct reason why = { "" };

		m.cpu.features = rows[i].features;
		m.cpu.cpu_affected = rows[i].affected;
		assert_int_equal(kmod_supported(&m, rows[i].wanted, &why),
				 rows[i].says ? -ENOTSUP : 0);
		if (rows[i].says)
			says("feature", &why, &rows[i].says, 1);
	}
	/* It is asked who it is, and nothing else: what cannot be talked to supports nothing. */
	assert_int_equal(module.cmd, TDCOST_INFO);
	for (int i = 0; i < 2; i++) {
		struct machine m = { .root = t.root };
		struct reason why = { "" };

		module = (struct module){ .abi = TDCOST_ABI + !i, .err = i ? EPERM : 0 };
		assert_int_equal(kmod_supported(&m, 0, &why), -ENOTSUP);
		assert_true(*why.text);
	}
	tree_remove(&t);
}

static void words_fit_the_enums(void **unused)
{
	(void)unused;
	for (int i = 0; i < TDCOST_MODE_MAX; i++)
		assert_non_null(kmod_modes[i]);
	assert_null(kmod_modes[TDCOST_MODE_MAX]);
	for (int i = 0; i < TDCOST_OP_MAX; i++)
		assert_non_null(kmod_ops[i]);
	assert_null(kmod_ops[TDCOST_OP_MAX]);
	/* A word for the module is the word of the caches. */
	for (int i = 0; i < TDCOST_VARIANT_MAX; i++)
		assert_string_equal(kmod_variants[i], topup_variants[i].name);
	assert_null(kmod_variants[TDCOST_VARIANT_MAX]);
	for (int i = 0; i < TDCOST_SOURCE_MAX; i++)
		assert_non_null(kmod_sources[i]);
	assert_null(kmod_sources[TDCOST_SOURCE_MAX]);
	for (int i = 0; i < TDCOST_WORK_MAX; i++)
		assert_non_null(kmod_works[i]);
	assert_null(kmod_works[TDCOST_WORK_MAX]);
}

static void masks_hold_what_was_set(void **unused)
{
	struct kmod_mask mask = { { 0 } };

	(void)unused;
	kmod_mask_set(&mask, 0);
	kmod_mask_set(&mask, 63);
	kmod_mask_set(&mask, 64);
	kmod_mask_set(&mask, 64 * KMOD_MASK_WORDS - 1);
	kmod_mask_set(&mask, 64 * KMOD_MASK_WORDS); /* beyond: nothing */
	assert_int_equal(mask.words[0], 1ull << 63 | 1);
	assert_int_equal(mask.words[1], 1);
	assert_int_equal(mask.words[KMOD_MASK_WORDS - 1], 1ull << 63);
}

static const struct kmod fake = { .fd = 0, .info = { .cpus = 4, .timeout_ms = 5000 } };
static struct kmod_mask mask;
static struct tdcost_cpu result[4];

static void answer_flush(void *arg)
{
	struct tdcost_flush *f = arg;

	assert_int_equal(f->op, TDCOST_NOTHING);
	assert_int_equal(f->mode, TDCOST_PER_LLC);
	assert_int_equal(f->mask, (uintptr_t)mask.words);
	assert_int_equal(f->mask_words, KMOD_MASK_WORDS);
	assert_int_equal(f->n, 4);
	assert_int_equal(f->result, (uintptr_t)result);
	f->n = 2;
	f->start = 5;
	f->end = 9;
	result[0] = (struct tdcost_cpu){ .cpu = 1, .flags = TDCOST_CPU_ANSWERED };
	result[1] = (struct tdcost_cpu){ .cpu = 3 };
}

static void flush_brings_back_what_came(void **unused)
{
	struct tdcost_flush f;
	unsigned n = 77;

	(void)unused;
	module = (struct module){ .answer = answer_flush };
	assert_int_equal(
		kmod_flush(&fake, TDCOST_NOTHING, TDCOST_PER_LLC, &mask, result, &n, &f, NULL), 0);
	assert_int_equal(module.cmd, TDCOST_FLUSH);
	assert_int_equal(n, 2);
	assert_int_equal(f.end, 9);
	assert_int_equal(
		kmod_flush(&fake, TDCOST_NOTHING, TDCOST_PER_LLC, &mask, result, &n, NULL, NULL),
		0);
}

static void who_did_not_answer_is_named(void **unused)
{
	const char *const words[] = { "CPU 3 did not answer within 5000 ms" };
	struct reason why = { "" };
	unsigned n = 77;

	(void)unused;
	module = (struct module){ .err = ETIMEDOUT, .answer = answer_flush };
	assert_int_equal(
		kmod_flush(&fake, TDCOST_NOTHING, TDCOST_PER_LLC, &mask, result, &n, NULL, &why),
		-ETIMEDOUT);
	assert_int_equal(n, 2);
	says("timeout", &why, words, 1);
}

static void answer_stop(void *arg)
{
	struct tdcost_stop *s = arg;

	assert_int_equal(s->flags, TDCOST_STOP_SELF);
	assert_int_equal(s->max_polls, 1000);
	assert_int_equal(s->mask, (uintptr_t)mask.words);
	assert_int_equal(s->mask_words, KMOD_MASK_WORDS);
	assert_int_equal(s->n, 4);
	assert_int_equal(s->result, (uintptr_t)result);
	s->n = 3;
	s->late = 1;
}

static void stop_brings_back_what_came(void **unused)
{
	struct tdcost_stop s = { .flags = TDCOST_STOP_SELF, .max_polls = 1000 };
	unsigned n = 77;

	(void)unused;
	module = (struct module){ .answer = answer_stop };
	assert_int_equal(kmod_stop(&fake, &s, &mask, result, &n, NULL), 0);
	assert_int_equal(module.cmd, TDCOST_STOP);
	assert_int_equal(n, 3);
	assert_int_equal(s.late, 1);
}

static void answer_counters(void *arg)
{
	struct tdcost_counters *c = arg;

	assert_int_equal(c->n, 4);
	assert_int_equal(c->reserved, 0);
	c->n = 3;
}

static void counters_bring_back_what_came(void **unused)
{
	uint64_t counters[4];
	unsigned n = 77;

	(void)unused;
	module = (struct module){ .answer = answer_counters };
	assert_int_equal(kmod_counters(&fake, counters, &n, NULL), 0);
	assert_int_equal(module.cmd, TDCOST_COUNTERS);
	assert_int_equal(n, 3);
}

static int do_flush(struct reason *why)
{
	unsigned n;

	return kmod_flush(&fake, TDCOST_WBNOINVD, TDCOST_ALL, &mask, result, &n, NULL, why);
}

static int do_flush_per_llc(struct reason *why)
{
	unsigned n;

	return kmod_flush(&fake, TDCOST_WBINVD, TDCOST_PER_LLC, &mask, result, &n, NULL, why);
}

static int do_stop(struct reason *why)
{
	struct tdcost_stop s = { .op = TDCOST_WBINVD };
	unsigned n;

	return kmod_stop(&fake, &s, &mask, result, &n, why);
}

static int do_flag(struct reason *why)
{
	struct tdcost_flag f = { .rounds = 1 };

	return kmod_flag(&fake, &f, why);
}

static int do_topup(struct reason *why)
{
	struct tdcost_topup t = { .units = 9 };

	return kmod_topup(&fake, &t, why);
}

static int do_alloc(struct reason *why)
{
	return kmod_pages_alloc(&fake, 9, 100, -1, why);
}

static int do_free(struct reason *why)
{
	return kmod_pages_free(&fake, why);
}

static int do_fill(struct reason *why)
{
	return kmod_pages_fill(&fake, 1, TDCOST_DIRTY, why);
}

static int do_reset(struct reason *why)
{
	struct tdcost_reset r = { .rounds = 1 };

	return kmod_pages_reset(&fake, &r, why);
}

static int do_check(struct reason *why)
{
	struct tdcost_check c = { .pattern = 0 };

	return kmod_pages_check(&fake, &c, why);
}

static int do_teardown_set(struct reason *why)
{
	struct tdcost_teardown t = { .flags = TDCOST_TEARDOWN_QUIRK };

	return kmod_teardown_set(&fake, &t, why);
}

static int do_teardown_set_off(struct reason *why)
{
	struct tdcost_teardown t = { .op = TDCOST_WBNOINVD };

	return kmod_teardown_set(&fake, &t, why);
}

static int do_teardown(struct reason *why)
{
	struct tdcost_torn t;

	return kmod_teardown(&fake, &t, why);
}

/* Every call passes the errno on, and says it in words. */
static void errors_of_the_calls_are_told(void **unused)
{
	static const struct {
		int (*call)(struct reason *why);
		unsigned long cmd;
		int err;
		const char *says;
	} rows[] = {
		{ do_flush, TDCOST_FLUSH, EOPNOTSUPP, "no WBNOINVD" },
		{ do_flush_per_llc, TDCOST_FLUSH, EOPNOTSUPP, "share a cache" },
		{ do_flush, TDCOST_FLUSH, EBUSY, "has not answered an earlier call" },
		{ do_flush, TDCOST_FLUSH, EPERM, "run as root" },
		{ do_stop, TDCOST_STOP, EINVAL, "stop: an argument is out of bounds" },
		{ do_stop, TDCOST_STOP, EINTR, "interrupted" },
		{ do_flag, TDCOST_FLAG, EINVAL, "flag: an argument is out of bounds" },
		{ do_topup, TDCOST_TOPUP, ENOMEM, "behind 0 of 9 units" },
		{ do_topup, TDCOST_TOPUP, EBUSY, "another variant or work" },
		{ do_topup, TDCOST_TOPUP, EINVAL, "topup: an argument is out of bounds" },
		{ do_teardown_set, TDCOST_TEARDOWN_SET, EOPNOTSUPP, "no MOVDIR64B" },
		{ do_teardown_set_off, TDCOST_TEARDOWN_SET, EOPNOTSUPP, "no WBNOINVD" },
		{ do_teardown_set, TDCOST_TEARDOWN_SET, ENODATA, "there are no pages" },
		{ do_teardown_set, TDCOST_TEARDOWN_SET, EINVAL,
		  "teardown: an argument is out of bounds" },
		{ do_teardown, TDCOST_TEARDOWN, ENODATA, "made ready for each time anew" },
		{ do_teardown, TDCOST_TEARDOWN, EINVAL, "is the caller's" },
		{ do_teardown, TDCOST_TEARDOWN, ETIMEDOUT, "did not answer within" },
		{ do_teardown, TDCOST_TEARDOWN, EBUSY, "has not answered an earlier call" },
		{ do_alloc, TDCOST_PAGES_ALLOC, ENOMEM, "100 free pages of order 9" },
		{ do_alloc, TDCOST_PAGES_ALLOC, EINVAL, "order" },
		{ do_alloc, TDCOST_PAGES_ALLOC, EEXIST, "free them first" },
		{ do_free, TDCOST_PAGES_FREE, EINTR, "interrupted" },
		{ do_fill, TDCOST_PAGES_FILL, ENODATA, "allocate them first" },
		{ do_reset, TDCOST_PAGES_RESET, EOPNOTSUPP, "no MOVDIR64B" },
		{ do_reset, TDCOST_PAGES_RESET, ENODATA, "reset: there are no pages" },
		{ do_check, TDCOST_PAGES_CHECK, EIO, "check: Input/output error" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reason why = { "" };

		module = (struct module){ .err = rows[i].err };
		assert_int_equal(rows[i].call(&why), -rows[i].err);
		assert_int_equal(module.cmd, rows[i].cmd);
		says(rows[i].says, &why, &rows[i].says, 1);
		module.err = 0;
		assert_int_equal(rows[i].call(NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_device_is_explained),
		cmocka_unit_test(a_machine_without_any_file_is_explained),
		cmocka_unit_test(opens_and_closes),
		cmocka_unit_test(another_version_is_told_with_both_numbers),
		cmocka_unit_test(other_errors_of_the_device_are_told),
		cmocka_unit_test(a_device_that_cannot_be_opened_is_told),
		cmocka_unit_test(every_refusal_is_explained),
		cmocka_unit_test(missing_features_are_named),
		cmocka_unit_test(words_fit_the_enums),
		cmocka_unit_test(masks_hold_what_was_set),
		cmocka_unit_test(flush_brings_back_what_came),
		cmocka_unit_test(who_did_not_answer_is_named),
		cmocka_unit_test(stop_brings_back_what_came),
		cmocka_unit_test(counters_bring_back_what_came),
		cmocka_unit_test(errors_of_the_calls_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
