// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/core/hash.h"
#include "harness/core/nearest.h"
#include "harness/core/reason.h"
#include "harness/core/units.h"
#include "harness/core/words.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define UNTOUCHED     0xdeadbeefu

struct parse_case {
	const char *text;
	int err;
	uint64_t value;
};

/* A failed parse must not write: the caller's default stays. */
static void run_parser(int (*parse)(const char *, uint64_t *), const struct parse_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;
		int err = parse(c[i].text, &v);

		if (err != c[i].err || v != (err ? UNTOUCHED : c[i].value))
			fail_msg("'%s': %d, %llu", c[i].text ? c[i].text : "(null)", err,
				 (unsigned long long)v);
	}
}

static void sizes(void **state)
{
	static const struct parse_case cases[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "4K", 0, 4096 },
		{ "4k", 0, 4096 },
		{ "4KiB", 0, 4096 },
		{ "4KB", 0, 4096 },
		{ "512B", 0, 512 },
		{ "64M", 0, 64ull << 20 },
		{ "1G", 0, 1ull << 30 },
		{ "1T", 0, 1ull << 40 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "1Kx", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1P", -EINVAL, 0 },
		{ "1BB", -EINVAL, 0 },
	};

	(void)state;
	run_parser(size_parse, cases, ARRAY_SIZE(cases));
}

static void counts(void **state)
{
	static const struct parse_case cases[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
	};

	(void)state;
	run_parser(count_parse, cases, ARRAY_SIZE(cases));
}

static void percents(void **state)
{
	static const struct {
		const char *text;
		int err;
		double share;
	} cases[] = {
		{ "1%", 0, 0.01 },	    { "0.5", 0, 0.005 },   { "3 %", 0, 0.03 },
		{ ".1%", 0, 0.001 },	    { "0", 0, 0 },	   { "1000", 0, 10 },
		{ "1001", -ERANGE, 0 },	    { "", -EINVAL, 0 },	   { NULL, -EINVAL, 0 },
		{ "%", -EINVAL, 0 },	    { "-1%", -EINVAL, 0 }, { "1%%", -EINVAL, 0 },
		{ "1percent", -EINVAL, 0 }, { "0x1", -EINVAL, 0 }, { "nan", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double share = -1;
		int err = percent_parse(cases[i].text, &share);

		if (err != cases[i].err || (!err && fabs(share - cases[i].share) > 1e-15))
			fail_msg("case %zu: %d, %g", i, err, share);
	}
}

static void durations(void **state)
{
	static const struct parse_case cases[] = {
		{ "60", 0, 60000000000ull },
		{ "60s", 0, 60000000000ull },
		{ "500ms", 0, 500000000 },
		{ "2m", 0, 120000000000ull },
		{ "2min", 0, 120000000000ull },
		{ "1.5h", 0, 5400000000000ull },
		{ ".5s", 0, 500000000 },
		{ "7us", 0, 7000 },
		{ "3ns", 0, 3 },
		{ "0", 0, 0 },
		{ "3000000h", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
		{ "1e999s", -EINVAL, 0 },
	};

	(void)state;
	run_parser(duration_parse, cases, ARRAY_SIZE(cases));
}

static void written_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 1023, "1023" },
		{ 1024, "1K" },
		{ 1536, "1536" },
		{ 4096, "4K" },
		{ 4097, "4097" },
		{ 2 << 20, "2M" },
		{ 3ull << 30, "3G" },
		{ 5ull << 40, "5T" },
		{ 1ull << 50, "1024T" },
		{ UINT64_MAX, "18446744073709551615" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t back = 0;

		assert_string_equal(size_format(cases[i].bytes, buf, sizeof(buf)), cases[i].text);
		assert_int_equal(size_parse(buf, &back), 0);
		assert_true(back == cases[i].bytes);
	}
}

static void written_durations(void **state)
{
	static const struct {
		double ns;
		const char *text;
	} cases[] = {
		{ 0, "0 ns" },	      { 0.25, "0.250 ns" },  { 812, "812 ns" },
		{ 3411, "3.41 us" },  { 12e9, "12.0 s" },    { 999, "999 ns" },
		{ 1000, "1.00 us" },  { 1.5e6, "1.50 ms" },  { 60e9, "1.00 min" },
		{ 5400e9, "1.50 h" }, { -3411, "-3.41 us" }, { 123456, "123 us" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(duration_format(cases[i].ns, buf, sizeof(buf)), cases[i].text);
}

static void written_numbers(void **state)
{
	static const struct {
		double v;
		int digits;
		const char *text;
	} cases[] = {
		{ 0, 3, "0" },
		{ 1, 3, "1.00" },
		{ 12.345, 3, "12.3" },
		{ 123.45, 3, "123" },
		{ 12345, 3, "12345" },
		{ 0.0012345, 3, "0.00123" },
		{ 0.00012345, 3, "1.23e-04" },
		{ 12345678, 3, "1.23e+07" },
		{ -2.5, 2, "-2.5" },
		{ 3.14159, 1, "3" },
		{ INFINITY, 3, "inf" },
		{ -INFINITY, 3, "-inf" },
		{ NAN, 3, "nan" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(number_format(cases[i].v, cases[i].digits, buf, sizeof(buf)),
				    cases[i].text);
}

static void nearest(void **state)
{
	static const char *const benches[] = { "reset", "wbinvd", "stop",     "offline",
					       "topup", "vm",	  "teardown", "capacity" };
	static const struct {
		const char *typed, *meant;
	} cases[] = {
		{ "reset", "reset" },	     { "rest", "reset" },  { "tearodwn", "teardown" },
		{ "wbindv", "wbinvd" },	     { "toppu", "topup" }, { "stp", "stop" },
		{ "ofline", "offline" },     { "mv", "vm" },	   { "capacty", "capacity" },
		{ "teardowns", "teardown" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(nearest_name(cases[i].typed, benches, ARRAY_SIZE(benches)),
				    cases[i].meant);
	assert_null(nearest_name("reset", benches, 0));
	/* Anything is somebody's nearest name, an empty one included. */
	assert_non_null(nearest_name("", benches, ARRAY_SIZE(benches)));
}

/* A swap of neighbours is one mistake, and a shared beginning decides between equals. */
static void nearest_rules(void **state)
{
	static const char *const swapped[] = { "ba", "xb" };
	static const char *const ties[] = { "xbcd", "abcx" };
	static char many[300];
	const char *longs[] = { many, "short" };

	(void)state;
	assert_string_equal(nearest_name("ab", swapped, 2), "ba");
	assert_string_equal(nearest_name("abcd", ties, 2), "abcx");
	memset(many, 'a', sizeof(many) - 1);
	assert_string_equal(nearest_name("shirt", longs, 2), "short");
	assert_ptr_equal(nearest_name(many, longs, 2), many);
}

#define WORD(type, last)                                                              \
	{                                                                             \
		for (unsigned v = 0; v < (last); v++) {                               \
			assert_string_not_equal(type##_name((enum type)v), "?");      \
			assert_int_equal(type##_parse(type##_name((enum type)v)), v); \
		}                                                                     \
		assert_string_equal(type##_name((enum type)(last)), "?");             \
		assert_int_equal(type##_parse("?"), -1);                              \
		assert_int_equal(type##_parse(""), -1);                               \
		assert_int_equal(type##_parse(NULL), -1);                             \
	}

static void words(void **state)
{
	(void)state;
	WORD(lane, LANE_MAX)
	WORD(clock_unit, CLOCK_UNIT_MAX)
	WORD(kind, KIND_MAX)
	WORD(run_state, RUN_STATE_MAX)
	WORD(cell_state, CELL_STATE_MAX)
}

/* Databases hold these words: a renamed one would orphan them. */
static void words_that_are_stored(void **state)
{
	static const char *const lanes[] = { "host", "vm", "count", "spr", "smoke" };
	static const char *const units[] = { "ns", "instructions", "none" };
	static const char *const kinds[] = { "measured", "analogue", "modelled" };

	(void)state;
	assert_int_equal(ARRAY_SIZE(lanes), LANE_MAX);
	assert_int_equal(ARRAY_SIZE(units), CLOCK_UNIT_MAX);
	assert_int_equal(ARRAY_SIZE(kinds), KIND_MAX);
	for (unsigned i = 0; i < ARRAY_SIZE(lanes); i++)
		assert_string_equal(lane_name((enum lane)i), lanes[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(units); i++)
		assert_string_equal(clock_unit_name((enum clock_unit)i), units[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_string_equal(kind_name((enum kind)i), kinds[i]);
}

static void weakest_kind(void **state)
{
	static const enum kind table[KIND_MAX][KIND_MAX] = {
		{ KIND_MEASURED, KIND_ANALOGUE, KIND_MODELLED },
		{ KIND_ANALOGUE, KIND_ANALOGUE, KIND_MODELLED },
		{ KIND_MODELLED, KIND_MODELLED, KIND_MODELLED },
	};

	(void)state;
	for (enum kind a = 0; a < KIND_MAX; a++)
		for (enum kind b = 0; b < KIND_MAX; b++)
			assert_int_equal(kind_weakest(a, b), table[a][b]);
}

static void flags(void **state)
{
	static const struct {
		enum trust_flag flag;
		const char *code;
		bool fatal;
	} cases[] = {
		{ FLAG_VIRTUAL_MACHINE, "virtual-machine", false },
		{ FLAG_NO_INVARIANT_TSC, "no-invariant-tsc", true },
		{ FLAG_HUGE_PAGES, "huge-pages", true },
		{ FLAG_STEAL, "steal", false },
		{ FLAG_VERIFY, "verify", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(trust_flag_info(cases[i].flag)->code, cases[i].code);
		assert_int_equal(trust_flag_info(cases[i].flag)->fatal, cases[i].fatal);
	}
	for (enum trust_flag f = 0; f < FLAG_MAX; f++) {
		const struct trust_flag_info *info = trust_flag_info(f);

		assert_int_equal(trust_flag_parse(info->code), f);
		assert_true(info->meaning[0]);
		/* kebab-case */
		assert_int_equal(strspn(info->code, "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(info->code));
	}
	assert_non_null(trust_flag_info(FLAG_MAX));
	assert_int_equal(trust_flag_parse("no such flag"), -1);
	assert_int_equal(trust_flag_parse(NULL), -1);
}

static void reasons(void **state)
{
	struct reason why = { "" };
	char word[sizeof(why.text) + 100];

	(void)state;
	assert_int_equal(reason_set(&why, -ENOENT, "no level '%s'", "4X"), -ENOENT);
	assert_string_equal(why.text, "no level '4X'");
	assert_int_equal(reason_prefix(&why, -EIO, "factor %s", "page"), -EIO);
	assert_string_equal(why.text, "factor page: no level '4X'");
	/* Who does not want the words still gets the number. */
	assert_int_equal(reason_set(NULL, -EPERM, "lost"), -EPERM);
	assert_int_equal(reason_prefix(NULL, -EPERM, "lost"), -EPERM);
	/* Too long: the culprit at the front survives, and the text stays a string. */
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	reason_set(&why, -EIO, "%s", word);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	reason_prefix(&why, -EIO, "culprit");
	assert_memory_equal(why.text, "culprit: xxx", 12);
	assert_true(strlen(why.text) < sizeof(why.text));
}

static void hashes(void **state)
{
	char a[HASH_TEXT], b[HASH_TEXT];

	(void)state;
	/* XXH3 128 of nothing, as its reference implementation prints it: keys of old databases
	 * must stay the keys of new ones.
	 */
	hash_text("", a);
	assert_string_equal(a, "99aa06d3014798d86001c324468d497f");
	hash_text("reset", a);
	hash_text("reset", b);
	assert_string_equal(a, b);
	hash_text("reseT", b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), HASH_TEXT - 1);
	assert_int_equal(strspn(a, "0123456789abcdef"), HASH_TEXT - 1);
}

/* Each part of a cell's key counts, and the parts cannot run into each other. */
static void cells(void **state)
{
	static const struct {
		const char *benchmark;
		unsigned version;
		const char *factors;
	} keys[] = {
		{ "reset", 1, "{\"page\":\"4K\"}" },  { "reset", 2, "{\"page\":\"4K\"}" },
		{ "reset", 1, "{\"page\":\"2M\"}" },  { "rese", 1, "{\"page\":\"4K\"}" },
		{ "reset", 11, "{\"page\":\"4K\"}" }, { "reset/1", 1, "{\"page\":\"4K\"}" },
	};
	char hash[ARRAY_SIZE(keys)][HASH_TEXT], again[HASH_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		hash_cell(keys[i].benchmark, keys[i].version, keys[i].factors, hash[i]);
		hash_cell(keys[i].benchmark, keys[i].version, keys[i].factors, again);
		assert_string_equal(hash[i], again);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(hash[i], hash[k]);
	}
}

static void canonical(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{ \"b\" : 1, \"a\" : [ 1, 2 ] }", "{\"a\":[1,2],\"b\":1}" },
		{ "{\"a\":{\"z\":null,\"y\":true}}", "{\"a\":{\"y\":true,\"z\":null}}" },
		{ "\"only a string\"", "\"only a string\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *j = json_loads(cases[i].text, JSON_DECODE_ANY, NULL);
		char *text = json_canonical(j);

		assert_string_equal(text, cases[i].want);
		free(text);
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(counts),
		cmocka_unit_test(durations),
		cmocka_unit_test(percents),
		cmocka_unit_test(written_sizes),
		cmocka_unit_test(written_durations),
		cmocka_unit_test(written_numbers),
		cmocka_unit_test(nearest),
		cmocka_unit_test(nearest_rules),
		cmocka_unit_test(words),
		cmocka_unit_test(words_that_are_stored),
		cmocka_unit_test(weakest_kind),
		cmocka_unit_test(flags),
		cmocka_unit_test(reasons),
		cmocka_unit_test(hashes),
		cmocka_unit_test(cells),
		cmocka_unit_test(canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
