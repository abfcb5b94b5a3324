// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/region.h"
#include "harness/core/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      4096ul

static void machine_like(struct machine *m, const char *synthetic)
{
	struct reason why = { "" };

	*m = (struct machine){ .root = "" };
	if (topo_open(&m->topo, synthetic, &why))
		fail_msg("%s", why.text);
}

static struct level level_of(const char *text)
{
	struct level l;

	strcpy(l.text, text);
	assert_int_equal(size_parse(text, &l.number), 0);
	return l;
}

static void sizes_follow_the_llc(void **state)
{
	static const struct {
		const char *machine;
		uint64_t llc;
		const char *small, *large;
	} cases[] = {
		{ "pack:1 l3:1(size=8388608) core:2 pu:1", 8 << 20, "2M", "32M" },
		{ "pack:1 l3:1(size=33554432) core:2 pu:1", 32 << 20, "8M", "128M" },
		{ "pack:1 l3:1(size=31457280) core:2 pu:1", 30 << 20, "4M", "64M" },
		{ "pack:2 l3:2(size=12582912) core:2 pu:1", 12 << 20, "2M", "32M" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct level small, large;
		struct machine m;

		machine_like(&m, cases[i].machine);
		assert_int_equal(region_llc_bytes(&m), cases[i].llc);
		assert_int_equal(region_resolve(&m, false, &small, NULL), 0);
		assert_int_equal(region_resolve(&m, true, &large, NULL), 0);
		assert_string_equal(small.text, cases[i].small);
		assert_string_equal(large.text, cases[i].large);
		assert_true(small.number <= cases[i].llc / 4);
		assert_true(large.number > 2 * cases[i].llc);
		topo_close(m.topo);
	}
}

static void without_an_llc_somebody_has_to_name_a_size(void **state)
{
	struct reason why = { "" };
	struct level level;
	struct machine m;

	(void)state;
	machine_like(&m, "pack:1 core:2 pu:1");
	if (!region_llc_bytes(&m)) {
		assert_int_equal(region_resolve(&m, true, &level, &why), -ENOTSUP);
		assert_non_null(strstr(why.text, "name one"));
	}
	topo_close(m.topo);
}

static void calls_have_to_fit(void **state)
{
	static const struct {
		const char *region, *page;
		bool cached;
		uint64_t extra;
		const char *reason; /* "": they do */
	} cases[] = {
		{ "4M", "4K", true, 0, "" },
		{ "4M", "4M", true, 1, "" },
		{ "16M", "2M", false, 8, "" },
		{ "256K", "3K", false, 0, "page=3K is not a multiple of 4K" },
		{ "256K", "12K", false, 0, "region=256K is not a multiple of page=12K" },
		{ "1M", "2M", false, 0, "region=1M is not a multiple of page=2M" },
		{ "8M", "4K", true, 0,
		  "lines of 8M do not all stay in an LLC of 8 MiB; take half or less" },
		{ "16M", "2M", false, 9, "extra=9 is more than the region's 8 calls" },
	};
	struct machine m;

	(void)state;
	machine_like(&m, "pack:1 l3:1(size=8388608) core:2 pu:1");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct level region = level_of(cases[i].region), page = level_of(cases[i].page);
		struct reason why = { "" };
		int ret = region_calls_supported(&m, &region, &page, cases[i].cached,
						 cases[i].extra, &why);

		assert_int_equal(ret, *cases[i].reason ? -ENOTSUP : 0);
		assert_string_equal(why.text, cases[i].reason);
	}
	topo_close(m.topo);
}

static void memory_that_does_not_fit_ends_the_run(void **state)
{
	struct machine m;

	(void)state;
	machine_like(&m, "pack:1 l3:1 core:2 pu:1");
	assert_int_equal(region_supported(&m, MEM_4K, 4 << 20, NULL), 0);
	assert_int_equal(region_supported(&m, MEM_4K, 1ull << 53, NULL), -ENOMEM);
	/* Whatever the pool holds: half a page of it is no region. */
	assert_int_equal(region_supported(&m, MEM_HUGETLB_1G, 1 << 29, NULL), -ENOTSUP);
	assert_true(region_backing(&m, 4 << 20) == MEM_THP ||
		    region_backing(&m, 4 << 20) == MEM_4K);
	/* Less than a huge page cannot be one. */
	assert_int_equal(region_backing(&m, PAGE), MEM_4K);
	topo_close(m.topo);
}

static void an_order_visits_every_call_once(void **state)
{
	static const size_t sizes[] = { 1, 2, 64, 4096 };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned shuffled = 0; shuffled < 2; shuffled++) {
			uint32_t *order = region_order(sizes[s], shuffled, 9);
			unsigned char seen[4096] = { 0 };
			bool ascending = true;

			assert_non_null(order);
			for (size_t i = 0; i < sizes[s]; i++) {
				assert_true(order[i] < sizes[s]);
				assert_int_equal(seen[order[i]]++, 0);
				ascending &= order[i] == i;
			}
			assert_true(ascending == !shuffled || sizes[s] < 64);
			free(order);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_follow_the_llc),
		cmocka_unit_test(without_an_llc_somebody_has_to_name_a_size),
		cmocka_unit_test(calls_have_to_fit),
		cmocka_unit_test(memory_that_does_not_fit_ends_the_run),
		cmocka_unit_test(an_order_visits_every_call_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
