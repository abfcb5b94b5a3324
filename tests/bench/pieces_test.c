// SPDX-License-Identifier: GPL-2.0-or-later
/* Who works on which bytes: each byte once, by somebody in the right cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/pieces.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	      64
#define LLC	      (8ul << 20)
#define MACHINE	      "pack:2 l3:2(size=8388608) core:4 pu:1"
#define CPUS	      16

static struct topo *topo;
static unsigned cpu[MAX];
static const struct pieces_team team = { cpu, CPUS };

static int open_topo(void **state)
{
	(void)state;
	for (unsigned m = 0; m < CPUS; m++)
		cpu[m] = (m * 7 + 5) % CPUS; /* members are not in the order of CPUs */
	return topo_open(&topo, MACHINE, NULL);
}

static int close_topo(void **state)
{
	(void)state;
	topo_close(topo);
	return 0;
}

static void take(bool *takes, unsigned mask)
{
	for (unsigned m = 0; m < CPUS; m++)
		takes[m] = mask >> cpu[m] & 1;
}

/* Every line of [0, extent of the cache) is in one piece, and members ascend. */
static void expect_partition(const struct pieces *p, unsigned cache, size_t extent)
{
	unsigned char *seen = calloc(extent / 64 + 1, 1);

	for (size_t i = 0; i < p->n; i++) {
		const struct piece *v = &p->v[i];

		assert_true(!i || p->v[i - 1].member <= v->member);
		assert_int_equal(v->offset % 64, 0);
		assert_int_equal(v->bytes % 64, 0);
		for (size_t at = v->offset; v->cache == cache && at < v->offset + v->bytes;
		     at += 64) {
			assert_true(at < extent);
			assert_int_equal(seen[at / 64]++, 0);
		}
	}
	for (size_t at = 0; at < extent; at += 64)
		assert_int_equal(seen[at / 64], 1);
	free(seen);
}

static void a_share_of_each_cache_is_dirtied_by_those_who_are_in_it(void **state)
{
	static const struct {
		unsigned mask, percent;
		bool cache[4];
	} cases[] = {
		{ 0x0001, 100, { true } },
		{ 0xffff, 100, { true, true, true, true } },
		{ 0xffff, 25, { true, true, true, true } },
		{ 0x1110, 150, { false, true, true, true } },
		{ 0x0707, 33, { true, false, true, false } },
		{ 0xffff, 0, { false } },
		{ 0x0000, 100, { false } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t bytes = LLC * cases[i].percent / 100 / 4096 * 4096, all = 0;
		bool takes[CPUS];
		struct pieces p;

		take(takes, cases[i].mask);
		assert_int_equal(pieces_dirty(&p, topo, &team, takes, cases[i].percent), 0);
		for (unsigned c = 0; c < 4; c++) {
			size_t extent = cases[i].cache[c] ? bytes : 0;

			assert_int_equal(pieces_extent(&p, c), extent);
			expect_partition(&p, c, extent);
			all += extent;
		}
		assert_int_equal(pieces_bytes(&p), all);
		for (size_t k = 0; k < p.n; k++) {
			assert_true(takes[p.v[k].member]);
			assert_int_equal(p.v[k].cache, topo_llc_of(topo, cpu[p.v[k].member]));
		}
		pieces_free(&p);
	}
}

static void a_sweep_takes_all_of_it_in_equal_shares(void **state)
{
	static const struct {
		unsigned dirty, sweep, percent;
	} cases[] = {
		{ 0xffff, 0x0001, 100 }, { 0xffff, 0xffff, 100 }, { 0x0001, 0xffff, 33 },
		{ 0x1111, 0x2222, 150 }, { 0xfff1, 0x00f7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool takes[CPUS];
		struct pieces dirty, sweep;
		size_t share;

		take(takes, cases[i].dirty);
		assert_int_equal(pieces_dirty(&dirty, topo, &team, takes, cases[i].percent), 0);
		take(takes, cases[i].sweep);
		assert_int_equal(pieces_sweep(&sweep, &dirty, &team, takes), 0);
		share = pieces_bytes(&dirty) / (unsigned)__builtin_popcount(cases[i].sweep);
		for (unsigned c = 0; c < 4; c++)
			expect_partition(&sweep, c, pieces_extent(&dirty, c));
		for (unsigned m = 0; m < CPUS; m++) {
			size_t n, bytes = 0;
			const struct piece *p = pieces_of(&sweep, m, &n);

			for (size_t k = 0; k < n; k++)
				bytes += p[k].bytes;
			assert_in_range(bytes, takes[m] ? share - 64 : 0,
					takes[m] ? share + 64 : 0);
		}
		pieces_free(&dirty);
		pieces_free(&sweep);
	}
}

static void who_made_it_dirty_sweeps_it_where_shares_are_alike(void **state)
{
	struct pieces dirty, sweep;
	bool takes[CPUS];

	(void)state;
	take(takes, 0xffff);
	assert_int_equal(pieces_dirty(&dirty, topo, &team, takes, 100), 0);
	assert_int_equal(pieces_sweep(&sweep, &dirty, &team, takes), 0);
	assert_int_equal(sweep.n, dirty.n);
	for (size_t i = 0; i < dirty.n; i++) {
		assert_int_equal(sweep.v[i].member, dirty.v[i].member);
		assert_int_equal(sweep.v[i].cache, dirty.v[i].cache);
		assert_int_equal(sweep.v[i].offset, dirty.v[i].offset);
		assert_int_equal(sweep.v[i].bytes, dirty.v[i].bytes);
	}
	assert_int_equal(pieces_members(&sweep), CPUS);
	pieces_free(&dirty);
	pieces_free(&sweep);
}

static void more_members_than_pages_leave_some_without(void **state)
{
	bool takes[CPUS];
	struct pieces p;
	size_t n;

	(void)state;
	topo_close(topo);
	assert_int_equal(topo_open(&topo, "pack:1 l3:1(size=65536) core:16 pu:1", NULL), 0);
	take(takes, 0xffff);
	assert_int_equal(pieces_dirty(&p, topo, &team, takes, 50), 0);
	assert_int_equal(p.n, 8);
	expect_partition(&p, 0, 32768);
	assert_true(pieces_members(&p) <= CPUS);
	for (unsigned m = 0; m < CPUS; m++) {
		pieces_of(&p, m, &n);
		assert_true(n <= 1);
	}
	pieces_free(&p);
	assert_int_equal(pieces_members(&p), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_topo, close_topo)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_share_of_each_cache_is_dirtied_by_those_who_are_in_it),
		TEST(a_sweep_takes_all_of_it_in_equal_shares),
		TEST(who_made_it_dirty_sweeps_it_where_shares_are_alike),
		TEST(more_members_than_pages_leave_some_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
