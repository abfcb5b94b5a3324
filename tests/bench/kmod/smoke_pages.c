// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages of the direct map: what a reset leaves in them, byte by byte, and the limits. */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <sys/ioctl.h>

#define PAGE	4096ull
#define PATTERN 0xa5c396f00f693c5aull /* no byte of it is zero */

static struct kmod kmod;

static int setup(void **unused)
{
	struct smoke_cpus online;

	(void)unused;
	smoke_online(&online);
	smoke_bind(online.cpu[0]);
	smoke_open(&kmod);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	kmod_close(&kmod); /* which frees what a test left */
	return 0;
}

static void must(int err, const struct reason *why)
{
	if (err)
		fail_msg("%s", why->text);
}

static void alloc(unsigned order, uint64_t pages)
{
	struct reason why = { "" };

	must(kmod_pages_alloc(&kmod, order, pages, -1, &why), &why);
}

static void fill(uint64_t pattern, enum tdcost_before before)
{
	struct reason why = { "" };

	must(kmod_pages_fill(&kmod, pattern, before, &why), &why);
}

static uint64_t wrong(uint64_t pattern, uint64_t *first)
{
	struct tdcost_check c = { .pattern = pattern };
	struct reason why = { "" };

	must(kmod_pages_check(&kmod, &c, &why), &why);
	if (first)
		*first = c.first;
	return c.wrong;
}

/* Sets of every kind of order, small enough for any machine. */
static const struct {
	unsigned order;
	uint64_t pages;
} sets[] = { { 0, 1 }, { 0, 700 }, { 3, 5 }, { 9, 2 }, { 10, 1 } };

static void pages_hold_what_they_are_filled_with(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		uint64_t bytes = (PAGE << sets[i].order) * sets[i].pages, first;

		alloc(sets[i].order, sets[i].pages);
		for (int before = 0; before < TDCOST_BEFORE_MAX; before++) {
			fill(PATTERN, before);
			assert_int_equal(wrong(PATTERN, NULL), 0);
			assert_int_equal(wrong(0, &first), bytes);
			assert_int_equal(first, 0);
			/* One byte of eight is as expected, one of eight is not. */
			assert_int_equal(wrong(PATTERN & 0xff, &first), bytes / 8 * 7);
			assert_int_equal(first, 1);
			assert_int_equal(wrong(PATTERN ^ 1ull << 63, &first), bytes / 8);
			assert_int_equal(first, 7);
			fill(~PATTERN, before);
		}
		assert_int_equal(kmod_pages_free(&kmod, NULL), 0);
	}
}

/* Without the erratum the function returns at once: every byte is as it was. */
static void a_reset_without_the_quirk_leaves_every_byte(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		alloc(sets[i].order, sets[i].pages);
		for (unsigned order = 0; order <= sets[i].order; order++) {
			struct tdcost_reset r = { .call_order = order, .rounds = 100 };
			struct reason why = { "" };

			fill(PATTERN, TDCOST_DIRTY);
			must(kmod_pages_reset(&kmod, &r, &why), &why);
			assert_int_equal(r.calls, 100 * (sets[i].pages << (sets[i].order - order)));
			assert_true(r.start != 0 && r.end > r.start);
			assert_int_equal(wrong(PATTERN, NULL), 0);
		}
		assert_int_equal(kmod_pages_free(&kmod, NULL), 0);
	}
}

static void reset_and_check(unsigned call_order, unsigned flags, uint64_t calls)
{
	struct tdcost_reset r = { .flags = TDCOST_RESET_QUIRK | flags,
				  .call_order = call_order,
				  .rounds = 1 };
	struct reason why = { "" };

	must(kmod_pages_reset(&kmod, &r, &why), &why);
	assert_int_equal(r.calls, calls);
	assert_int_equal(wrong(0, NULL), 0);
}

/* With it every byte is zero, from every state of the lines; a CPU that cannot says so. */
static void a_reset_with_the_quirk_zeroes_every_byte(void **unused)
{
	struct tdcost_reset r = { .flags = TDCOST_RESET_QUIRK, .rounds = 1 };

	(void)unused;
	if (!(kmod.info.features & TDCOST_HAS_MOVDIR64B)) {
		alloc(0, 1);
		fill(PATTERN, TDCOST_DIRTY);
		assert_int_equal(kmod_pages_reset(&kmod, &r, NULL), -ENOTSUP);
		assert_int_equal(wrong(PATTERN, NULL), 0);
		return;
	}
	print_message("MOVDIR64B is executed\n");
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		alloc(sets[i].order, sets[i].pages);
		for (unsigned order = 0; order <= sets[i].order; order++) {
			uint64_t calls = sets[i].pages << (sets[i].order - order);

			for (int before = 0; before < TDCOST_BEFORE_MAX; before++) {
				fill(PATTERN, before);
				reset_and_check(order, 0, calls);
				fill(PATTERN, before);
				reset_and_check(order, TDCOST_RESET_FENCE_ONCE, calls);
				fill(PATTERN, before);
				reset_and_check(order, TDCOST_RESET_UNROLL_4, calls);
				fill(PATTERN, before);
				reset_and_check(order,
						TDCOST_RESET_UNROLL_4 | TDCOST_RESET_FENCE_ONCE,
						calls);
			}
		}
		assert_int_equal(kmod_pages_free(&kmod, NULL), 0);
	}
}

static void a_reset_out_of_bounds_is_refused(void **unused)
{
	const struct tdcost_reset good = { .call_order = 0, .rounds = 1 };
	const struct smoke_bad rows[] = {
		BAD(tdcost_reset, flags, 1u << 3, EINVAL),
		BAD(tdcost_reset, flags, UINT32_MAX, EINVAL),
		BAD(tdcost_reset, flags, TDCOST_RESET_FENCE_ONCE, 0),
		BAD(tdcost_reset, flags, TDCOST_RESET_UNROLL_4, 0),
		BAD(tdcost_reset, call_order, 2, 0),
		BAD(tdcost_reset, call_order, 3, EINVAL), /* more than the pages' */
		BAD(tdcost_reset, call_order, UINT32_MAX, EINVAL),
		BAD(tdcost_reset, rounds, 0, EINVAL),
		BAD(tdcost_reset, rounds, (1u << 28) / 4 + 1, EINVAL), /* 4 calls a round */
		BAD(tdcost_reset, rounds, UINT64_MAX, EINVAL),
	};
	struct tdcost_reset r = { .flags = TDCOST_RESET_QUIRK, .rounds = 2 };

	(void)unused;
	alloc(2, 1);
	smoke_refused(&kmod, TDCOST_PAGES_RESET, &good, sizeof(good), rows, ARRAY_SIZE(rows));
	assert_int_equal(kmod_pages_reset(&kmod, &r, NULL), -EINVAL);
}

static void a_set_out_of_bounds_is_refused(void **unused)
{
	const struct tdcost_pages good = { .order = 0, .node = -1, .n = 1 };
	const struct smoke_bad rows[] = {
		BAD(tdcost_pages, order, kmod.info.max_order + 1, EINVAL),
		BAD(tdcost_pages, order, 64, EINVAL),
		BAD(tdcost_pages, order, UINT32_MAX, EINVAL),
		BAD(tdcost_pages, node, -2, EINVAL),
		BAD(tdcost_pages, node, 1023, EINVAL),
		BAD(tdcost_pages, node, INT32_MAX, EINVAL),
		BAD(tdcost_pages, node, INT32_MIN, EINVAL),
		BAD(tdcost_pages, n, 0, EINVAL),
		BAD(tdcost_pages, n, kmod.info.max_bytes / PAGE + 1, EINVAL),
		BAD(tdcost_pages, n, UINT64_MAX, EINVAL),
		BAD(tdcost_pages, n, UINT64_MAX / 8 + 2, EINVAL),
		BAD(tdcost_pages, node, 0, 0),
		BAD(tdcost_pages, node, 0, EEXIST),
	};

	(void)unused;
	smoke_refused(&kmod, TDCOST_PAGES_ALLOC, &good, sizeof(good), rows, ARRAY_SIZE(rows));
}

static void without_pages_there_is_nothing_to_do(void **unused)
{
	struct tdcost_reset r = { .rounds = 1 };
	struct tdcost_check c = { .pattern = 0 };
	struct tdcost_fill f = { .before = TDCOST_BEFORE_MAX };

	(void)unused;
	assert_int_equal(kmod_pages_fill(&kmod, 0, TDCOST_DIRTY, NULL), -ENODATA);
	assert_int_equal(kmod_pages_reset(&kmod, &r, NULL), -ENODATA);
	assert_int_equal(kmod_pages_check(&kmod, &c, NULL), -ENODATA);
	assert_int_equal(kmod_pages_free(&kmod, NULL), 0);
	assert_int_equal(ioctl(kmod.fd, TDCOST_PAGES_FILL, &f), -1);
	assert_int_equal(errno, EINVAL);
	f = (struct tdcost_fill){ .reserved = 1 };
	assert_int_equal(ioctl(kmod.fd, TDCOST_PAGES_FILL, &f), -1);
	assert_int_equal(errno, EINVAL);
}

/* What one file holds, another one cannot: the bound is the machine's, not each file's. */
static void files_share_what_may_be_held(void **unused)
{
	uint64_t most = kmod.info.max_bytes / PAGE;
	struct kmod other;

	(void)unused;
	smoke_open(&other);
	alloc(0, most / 2);
	assert_int_equal(kmod_pages_alloc(&other, 0, most - most / 2 + 1, -1, NULL), -ENOMEM);
	/* What was refused is not held. */
	assert_int_equal(kmod_pages_alloc(&other, 0, most / 4, -1, NULL), 0);
	assert_int_equal(kmod_pages_free(&other, NULL), 0);
	kmod_close(&kmod);
	assert_int_equal(kmod_pages_alloc(&other, 0, most / 2 + 1, -1, NULL), 0);
	kmod_close(&other);
	smoke_open(&kmod);
}

/* All that a file may hold, over and over: were it not freed, the machine would run out of it. */
static void closing_frees_the_pages(void **unused)
{
	uint64_t pages = kmod.info.max_bytes / PAGE / 2;

	(void)unused;
	for (int i = 0; i < 12; i++) {
		alloc(0, pages);
		kmod_close(&kmod);
		smoke_open(&kmod);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

const struct CMUnitTest smoke_pages_tests[] = {
	TEST(pages_hold_what_they_are_filled_with),
	TEST(a_reset_without_the_quirk_leaves_every_byte),
	TEST(a_reset_with_the_quirk_zeroes_every_byte),
	TEST(a_reset_out_of_bounds_is_refused),
	TEST(a_set_out_of_bounds_is_refused),
	TEST(without_pages_there_is_nothing_to_do),
	TEST(files_share_what_may_be_held),
	TEST(closing_frees_the_pages),
	{ 0 },
};
