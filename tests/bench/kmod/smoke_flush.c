// SPDX-License-Identifier: GPL-2.0-or-later
/* Who flushes, in every mode, and who does not. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "harness/machine/cpu.h"

static struct kmod kmod;
static struct smoke_cpus online;

static int setup(void **unused)
{
	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_open(&kmod);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	kmod_close(&kmod);
	return 0;
}

static void info_says_what_the_machine_is(void **unused)
{
	static const struct {
		unsigned feature;
		enum cpu_feature cpu;
	} rows[] = {
		{ TDCOST_HAS_WBNOINVD, CPU_WBNOINVD },
		{ TDCOST_HAS_MOVDIR64B, CPU_MOVDIR64B },
		{ TDCOST_HAS_CLFLUSHOPT, CPU_CLFLUSHOPT },
	};
	const struct tdcost_info *info = &kmod.info;
	struct cpu_info cpu;

	(void)unused;
	cpu_detect(&cpu);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(!!(info->features & rows[i].feature), cpu_has(&cpu, rows[i].cpu));
	assert_int_equal(!!(info->features & TDCOST_CPU_AFFECTED), cpu.cpu_affected);
	assert_true(info->cpus > online.cpu[online.n - 1]);
	assert_true(info->max_order >= 9);
	assert_true(info->max_bytes >= 1 << 20);
	assert_true(info->max_delay_us >= 1200000);
	assert_true(info->timeout_ms && info->max_rounds);
	assert_string_not_equal(info->version, "");
	print_message("tdcost.ko %s, features %#x, %u CPUs\n", info->version, info->features,
		      online.n);
}

/* A program of another version asks with a struct of another size. */
static void info_is_answered_at_any_size(void **unused)
{
	uint32_t longer[64] = { 0 }, shorter = 0;

	(void)unused;
	assert_int_equal(ioctl(kmod.fd, _IOC(_IOC_READ, TDCOST_MAGIC, 0, sizeof(longer)), longer),
			 0);
	assert_int_equal(longer[0], TDCOST_ABI);
	assert_int_equal(longer[63], 0);
	assert_int_equal(ioctl(kmod.fd, _IOC(_IOC_READ, TDCOST_MAGIC, 0, 4), &shorter), 0);
	assert_int_equal(shorter, TDCOST_ABI);
}

static bool (*const same[])(unsigned a, unsigned b) = {
	[TDCOST_PER_PACKAGE] = smoke_same_package,
	[TDCOST_PER_LLC] = smoke_same_llc,
	[TDCOST_PER_CORE] = smoke_same_core,
	[TDCOST_MODE_MAX] = NULL,
};

/* Is an earlier one than the @i-th of those asked there, that stands for it? */
static bool stood_for(enum tdcost_mode mode, const struct smoke_cpus *asked, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (mode == TDCOST_ONE || (same[mode] && same[mode](asked->cpu[j], asked->cpu[i])))
			return true;
	return false;
}

/* Whom the mode should choose from @asked. */
static void expected(enum tdcost_mode mode, const struct smoke_cpus *asked, struct smoke_cpus *who)
{
	who->n = 0;
	for (unsigned i = 0; i < asked->n; i++)
		if (!stood_for(mode, asked, i))
			who->cpu[who->n++] = asked->cpu[i];
}

/* What one CPU brought back, and how its counter moved. */
static void check_cpu(const struct tdcost_cpu *c, unsigned cpu, enum tdcost_op op,
		      const uint64_t *before, const uint64_t *after)
{
	unsigned flags = TDCOST_CPU_ANSWERED | TDCOST_CPU_FLUSHED;

	if (cpu == online.cpu[0])
		flags |= TDCOST_CPU_SELF;
	assert_int_equal(c->cpu, cpu);
	assert_int_equal(c->flags, flags);
	assert_true(c->request != 0 && c->start != 0 && c->end >= c->start);
	assert_int_equal(after[cpu], before[cpu] + (op != TDCOST_NOTHING));
	assert_int_equal(c->flushes, after[cpu]);
}

static void flush_and_check(enum tdcost_op op, enum tdcost_mode mode,
			    const struct smoke_cpus *asked)
{
	uint64_t before[MAX_CPUS], after[MAX_CPUS];
	struct tdcost_cpu result[MAX_CPUS];
	struct kmod_mask mask = { { 0 } };
	struct smoke_cpus who;
	struct tdcost_flush f;
	struct reason why = { "" };
	unsigned n, i = 0;

	for (unsigned j = 0; j < asked->n; j++)
		kmod_mask_set(&mask, asked->cpu[j]);
	expected(mode, asked, &who);
	smoke_counters(&kmod, before);
	if (kmod_flush(&kmod, op, mode, &mask, result, &n, &f, &why))
		fail_msg("%s %s: %s", kmod_modes[mode], kmod_ops[op], why.text);
	smoke_counters(&kmod, after);
	if (n != who.n)
		fail_msg("%s of %u: %u CPUs, expected %u", kmod_modes[mode], asked->n, n, who.n);
	assert_true(f.start != 0 && f.end >= f.start);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (i < n && who.cpu[i] == cpu)
			check_cpu(&result[i++], cpu, op, before, after);
		else
			assert_int_equal(after[cpu], before[cpu]);
	}
	assert_int_equal(i, n);
}

/* All; every second one; all but the caller's; each alone. */
static void each_mask(enum tdcost_op op, enum tdcost_mode mode)
{
	struct smoke_cpus some;

	flush_and_check(op, mode, &online);
	some.n = 0;
	for (unsigned i = 0; i < online.n; i += 2)
		some.cpu[some.n++] = online.cpu[i];
	flush_and_check(op, mode, &some);
	some.n = online.n - 1;
	memcpy(some.cpu, online.cpu + 1, some.n * sizeof(some.cpu[0]));
	if (some.n)
		flush_and_check(op, mode, &some);
	for (unsigned i = 0; i < online.n; i++) {
		some.n = 1;
		some.cpu[0] = online.cpu[i];
		flush_and_check(op, mode, &some);
	}
}

static void each_masked_cpu_flushes_once_and_no_other_does(void **unused)
{
	(void)unused;
	for (int mode = 0; mode < TDCOST_MODE_MAX; mode++)
		for (int op = 0; op < TDCOST_OP_MAX; op++)
			if (op != TDCOST_WBNOINVD || kmod.info.features & TDCOST_HAS_WBNOINVD)
				each_mask(op, mode);
}

static void wbnoinvd_is_refused_without_its_bit(void **unused)
{
	struct kmod_mask mask = { { 1 } };
	struct tdcost_cpu result[MAX_CPUS];
	unsigned n;
	int err = kmod_flush(&kmod, TDCOST_WBNOINVD, TDCOST_ONE, &mask, result, &n, NULL, NULL);

	(void)unused;
	assert_int_equal(err, kmod.info.features & TDCOST_HAS_WBNOINVD ? 0 : -ENOTSUP);
}

static void what_is_out_of_bounds_is_refused(void **unused)
{
	static uint64_t one[1024] = { 1 }, none[2], beyond[1024];
	struct tdcost_cpu result[MAX_CPUS];
	const struct tdcost_flush good = { .op = TDCOST_NOTHING,
					   .mask = (uintptr_t)one,
					   .mask_words = 2,
					   .n = MAX_CPUS,
					   .result = (uintptr_t)result };
	const struct smoke_bad rows[] = {
		BAD(tdcost_flush, op, TDCOST_NOTHING, 0),
		BAD(tdcost_flush, op, TDCOST_OP_MAX, EINVAL),
		BAD(tdcost_flush, op, UINT32_MAX, EINVAL),
		BAD(tdcost_flush, mode, TDCOST_MODE_MAX, EINVAL),
		BAD(tdcost_flush, mode, UINT32_MAX, EINVAL),
		BAD(tdcost_flush, mask, (uintptr_t)none, EINVAL),
		BAD(tdcost_flush, mask, 8, EFAULT),
		BAD(tdcost_flush, mask, UINT64_MAX - 7, EFAULT),
		BAD(tdcost_flush, mask_words, 0, EINVAL),
		BAD(tdcost_flush, mask_words, 1024, 0), /* longer than the machine, zero there */
		BAD(tdcost_flush, mask_words, UINT32_MAX, EINVAL),
		BAD(tdcost_flush, n, 0, ENOSPC),
		BAD(tdcost_flush, n, UINT32_MAX, 0),
		BAD(tdcost_flush, result, 8, EFAULT),
		BAD(tdcost_flush, result, UINT64_MAX, EFAULT),
	};
	struct tdcost_flush f = good;

	(void)unused;
	smoke_refused(&kmod, TDCOST_FLUSH, &good, sizeof(good), rows, ARRAY_SIZE(rows));
	beyond[kmod.info.cpus / 64] = 1ull << kmod.info.cpus % 64;
	f.mask = (uintptr_t)beyond;
	f.mask_words = 1024;
	assert_int_equal(ioctl(kmod.fd, TDCOST_FLUSH, &f), -1);
	assert_int_equal(errno, EINVAL);
}

static void counters_are_as_many_as_there_is_room_for(void **unused)
{
	uint64_t counters[2] = { 77, 77 };
	const struct tdcost_counters good = { .n = 1, .counters = (uintptr_t)counters };
	const struct smoke_bad rows[] = {
		BAD(tdcost_counters, n, 0, 0),
		BAD(tdcost_counters, reserved, 1, EINVAL),
		BAD(tdcost_counters, counters, 8, EFAULT),
	};
	struct tdcost_counters c = good;

	(void)unused;
	assert_int_equal(ioctl(kmod.fd, TDCOST_COUNTERS, &c), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(counters[1], 77);
	smoke_refused(&kmod, TDCOST_COUNTERS, &good, sizeof(good), rows, ARRAY_SIZE(rows));
}

static void the_flag_can_be_stored_to_in_every_way(void **unused)
{
	const struct tdcost_flag good = { .flags = TDCOST_FLAG_STORE, .rounds = 1000 };
	const struct smoke_bad rows[] = {
		BAD(tdcost_flag, flags, 0, 0),
		BAD(tdcost_flag, flags, TDCOST_FLAG_STORE, 0),
		BAD(tdcost_flag, flags, TDCOST_FLAG_STORE | TDCOST_FLAG_REMOTE, 0),
		BAD(tdcost_flag, flags, TDCOST_FLAG_REMOTE, EINVAL),
		BAD(tdcost_flag, flags, 1u << 2, EINVAL),
		BAD(tdcost_flag, flags, UINT32_MAX, EINVAL),
		BAD(tdcost_flag, cpu, UINT32_MAX, 0), /* not asked for */
		BAD(tdcost_flag, rounds, 0, EINVAL),
		BAD(tdcost_flag, rounds, kmod.info.max_rounds + 1, EINVAL),
		BAD(tdcost_flag, rounds, UINT64_MAX, EINVAL),
	};
	struct tdcost_flag f = good;

	(void)unused;
	smoke_refused(&kmod, TDCOST_FLAG, &good, sizeof(good), rows, ARRAY_SIZE(rows));
	assert_int_equal(kmod_flag(&kmod, &f, NULL), 0);
	assert_true(f.start != 0 && f.end > f.start);
	f.flags |= TDCOST_FLAG_REMOTE;
	f.cpu = online.cpu[online.n - 1];
	assert_int_equal(kmod_flag(&kmod, &f, NULL), 0);
	f.cpu = kmod.info.cpus;
	assert_int_equal(kmod_flag(&kmod, &f, NULL), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_flush_tests[] = {
	TEST(info_says_what_the_machine_is),
	TEST(info_is_answered_at_any_size),
	TEST(each_masked_cpu_flushes_once_and_no_other_does),
	TEST(wbnoinvd_is_refused_without_its_bit),
	TEST(what_is_out_of_bounds_is_refused),
	TEST(counters_are_as_many_as_there_is_room_for),
	TEST(the_flag_can_be_stored_to_in_every_way),
	{ 0 },
};
