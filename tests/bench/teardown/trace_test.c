// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each path does, step by step, what a trace says that was derived by hand from the kernel's rules:
 * tests/bench/teardown/traces. Flush and reset are this test's, and look whether they are given what
 * the step before says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/teardown/replay.h"
#include "bench/topup/source_user.h"

#define EVENTS	   4096
#define LINE	   40
#define MAX_LEAVES 513
#define FOLDER	   "tests/bench/teardown/traces/"

struct lines {
	char line[EVENTS][LINE];
	unsigned n;
};

static struct td_entry entry[EVENTS];
static struct td_trace trace;
static struct lines expected;
static char *memory, *control, *pair;
static uint64_t flushed, reset, reset_pairs;

/* Up to the closing brace, or to the end; each line once, blocks as often as they say. */
static void read_block(FILE *f, struct lines *to)
{
	char text[256];
	unsigned times;

	while (fgets(text, sizeof(text), f)) {
		char *line = text + strspn(text, " \t");
		unsigned start = to->n, length;

		line[strcspn(line, "#\n")] = '\0';
		if (!*line)
			continue;
		if (*line == '}')
			return;
		if (sscanf(line, "%u {", &times) != 1) {
			assert_true(to->n < EVENTS && strlen(line) < LINE);
			strcpy(to->line[to->n++], line);
			continue;
		}
		read_block(f, to);
		length = to->n - start;
		assert_true(start + times * length <= EVENTS);
		for (unsigned i = 1; i < times; i++, to->n += length)
			memcpy(to->line[to->n], to->line[start], (size_t)length * LINE);
	}
}

static void read_expected(const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), FOLDER "%s.txt", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: cannot be read", path);
	expected.n = 0;
	read_block(f, &expected);
	fclose(f);
}

static void compare(const char *name)
{
	char line[LINE];

	read_expected(name);
	for (unsigned i = 0; i < expected.n && i < trace.n; i++) {
		const struct td_entry *e = &entry[i];

		snprintf(line, sizeof(line), "%s%s", td_steps[e->step].name,
			 !e->bytes	       ? ""
			 : e->bytes == TD_PAGE ? " 4K"
					       : " 2M");
		if (strcmp(line, expected.line[i]))
			fail_msg("%s, step %u: expected \"%s\", did \"%s\"", name, i + 1,
				 expected.line[i], line);
	}
	if (expected.n != trace.n)
		fail_msg("%s: expected %u steps, did %u", name, expected.n, trace.n);
}

/* Where a step's page is. */
static const char *page_of(const struct td_entry *e)
{
	return e->offset < TD_CONTROL_AT ? memory + e->offset
					 : control + (e->offset - TD_CONTROL_AT);
}

static void flush_one(const char *base, size_t bytes)
{
	const struct td_entry *e = &entry[trace.n - 1];

	assert_int_equal(e->step, TD_WBINVD);
	assert_ptr_equal(base, page_of(e));
	assert_int_equal(bytes, TD_PAGE);
	flushed += bytes;
}

static void reset_one(char *dst, size_t bytes, const char *src)
{
	const struct td_entry *e = &entry[trace.n - 1];

	assert_ptr_equal(src, pair);
	if (e->step == TD_PAMT_REMOVE) {
		assert_true(dst == pair || dst == pair + TD_PAGE);
		reset_pairs++;
		return;
	}
	assert_int_equal(e->step, TD_RESET);
	assert_ptr_equal(dst, page_of(e));
	assert_int_equal(bytes, e->bytes);
	reset += bytes;
}

static struct td_vcpu vcpu[2];
static uint32_t order[MAX_LEAVES];
static struct topup_pamt pamt;
static struct topup_pool pool;
static struct topup_source source;
static struct td_thread thread;

static struct td_replay replay_of(enum td_path path, size_t leaf)
{
	trace = (struct td_trace){ .entry = entry, .room = EVENTS };
	memset(&thread, 0, sizeof(thread));
	memset(vcpu, 0, sizeof(vcpu));
	topup_source_open(&source, &pool);
	thread.ctx.source = &source;
	thread.trace = &trace;
	thread.pair = pair;
	thread.rng = 1;
	flushed = reset = reset_pairs = 0;
	for (uint32_t i = 0; i < MAX_LEAVES; i++)
		order[i] = i;
	return (struct td_replay){
		.path = path,
		.mem = { .base = memory },
		.control = { .base = control },
		.leaf = leaf,
		.order = order,
		.vcpu = vcpu,
		.vcpus = 2,
		.packages = 2,
		.ops = { .flush = flush_one, .reset = reset_one, .source = pair },
		.reset_bytes = leaf,
		.pamt = &pamt,
	};
}

static void run(const struct td_replay *r, size_t leaves)
{
	if (r->path == TD_TEARDOWN)
		td_release_hkid(r, &thread);
	td_leaves(r, &thread, 0, leaves);
	if (r->path == TD_DYNAMIC)
		td_release_hkid(r, &thread);
	td_release_control(r, &thread);
}

/* Every byte once, in the order that was given, whatever the step. */
static void assert_all(const struct td_replay *r, size_t leaves)
{
	size_t next[TD_STEPS] = { 0 };

	assert_int_equal(reset, leaves * r->leaf);
	assert_int_equal(flushed, r->path == TD_DYNAMIC ? leaves * r->leaf : 0);
	for (unsigned i = 0; i < trace.n; i++) {
		const struct td_entry *e = &entry[i];

		if (!e->bytes || e->step == TD_PAMT_REMOVE)
			continue;
		assert_int_equal(e->offset, next[e->step]);
		next[e->step] += e->bytes;
	}
}

static void paths_do_what_the_traces_say(void **state)
{
	static const struct {
		const char *name;
		enum td_path path;
		size_t leaf, reset, leaves;
	} cases[] = {
		{ "dynamic-4K", TD_DYNAMIC, TD_PAGE, TD_PAGE, 3 },
		{ "dynamic-2M", TD_DYNAMIC, TD_REGION, TD_REGION, 2 },
		{ "dynamic-2M-call_fence", TD_DYNAMIC, TD_REGION, TD_PAGE, 2 },
		{ "teardown-4K", TD_TEARDOWN, TD_PAGE, TD_PAGE, 3 },
		{ "teardown-2M", TD_TEARDOWN, TD_REGION, TD_REGION, 2 },
	};

	(void)state;
	/* Marked or not, it is the same work. */
	for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned c = i / 2;
		struct td_replay r = replay_of(cases[c].path, cases[c].leaf);

		r.reset_bytes = cases[c].reset;
		r.timed = ~0u;
		r.every = i % 2 * 2;
		run(&r, cases[c].leaves);
		compare(cases[c].name);
		assert_all(&r, cases[c].leaves);
	}
}

static void a_vcpu_in_guest_mode_is_reached_by_each_kick(void **state)
{
	struct td_replay r = replay_of(TD_DYNAMIC, TD_PAGE);

	(void)state;
	r.skip_cache_wb = true;
	vcpu[1].mode = TD_IN_GUEST_MODE;
	run(&r, 3);
	compare("dynamic-4K-in_guest");
	assert_int_equal(vcpu[0].mode, TD_OUTSIDE_GUEST_MODE);
	assert_int_equal(vcpu[1].mode, TD_EXITING_GUEST_MODE);
}

static void the_last_put_of_a_region_removes_its_entry(void **state)
{
	(void)state;
	for (enum td_dpamt how = TD_DPAMT_FAST; how <= TD_DPAMT_LOCK; how++) {
		struct td_replay r = replay_of(TD_TEARDOWN, TD_PAGE);

		r.dpamt = how;
		for (unsigned i = 0; i < MAX_LEAVES; i++)
			assert_int_equal(topup_pamt_get(&pamt, &thread.ctx, i / 512, NULL), 0);
		run(&r, MAX_LEAVES);
		compare("teardown-4K-dpamt");
		assert_int_equal(reset_pairs, 4);
		topup_source_close(&source);
	}
}

/* Of three leaves of 4 KiB and two vCPUs: an S-EPT page of each level, 2 times 6, 6, and TDR. */
static void control_pages_are_reclaimed_and_reset_last(void **state)
{
	struct td_replay r = replay_of(TD_TEARDOWN, TD_PAGE);

	(void)state;
	r.skip_cache_wb = true;
	r.n_control = td_control_pages(3 * TD_PAGE, TD_PAGE, 2);
	assert_int_equal(r.n_control, 3 + 2 * 6 + 6 + 1);
	run(&r, 3);
	compare("teardown-4K-control");
	assert_int_equal(reset, (3 + 22) * TD_PAGE);
	assert_int_equal(flushed, TD_PAGE);
}

/* An S-EPT page maps 2 MiB, 1 GiB or 512 GiB; the one above is part of TDCS. */
static void s_ept_pages_are_as_many_as_was_counted_by_hand(void **state)
{
	static const struct {
		uint64_t bytes, leaf, pages;
	} cases[] = {
		{ TD_PAGE, TD_PAGE, 3 },
		{ 2ull << 20, TD_PAGE, 3 },
		{ (2ull << 20) + TD_PAGE, TD_PAGE, 4 },
		{ 1ull << 30, TD_PAGE, 512 + 2 },
		{ 1ull << 40, TD_PAGE, 512 * 1024 + 1024 + 2 },
		{ 2ull << 20, TD_REGION, 2 },
		{ 1ull << 30, TD_REGION, 2 },
		{ 1ull << 40, TD_REGION, 1024 + 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(td_control_pages(cases[i].bytes, cases[i].leaf, 0),
				 cases[i].pages + 6 + 1);
}

static void what_is_left_out_is_not_done(void **state)
{
	static const struct {
		enum td_phase phase;
		enum td_step step;
	} cases[] = {
		{ TD_P_KICK, TD_KICK },
		{ TD_P_FLUSH, TD_WBINVD },
		{ TD_P_RESET, TD_RESET },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct td_replay r = replay_of(TD_DYNAMIC, TD_PAGE);

		r.without = TD_BIT(cases[i].phase);
		run(&r, 3);
		for (unsigned step = 0; step < TD_VP_FLUSH; step++)
			assert_int_equal(
				thread.count[step],
				step == cases[i].step || step == TD_IPI || step == TD_RECLAIM ||
						step == TD_PAMT_PUT || step == TD_PAMT_REMOVE
					? 0
					: 3);
	}
}

/* kernel.md, section 4: SEAMCALLs per GiB. */
static void a_gib_takes_as_many_seamcalls_as_was_counted_by_hand(void **state)
{
	const uint64_t gib = 1ull << 30;

	(void)state;
	assert_int_equal(gib / TD_PAGE * td_seamcalls_per_leaf(TD_DYNAMIC, TD_PAGE), 1048576);
	assert_int_equal(gib / TD_REGION * td_seamcalls_per_leaf(TD_DYNAMIC, TD_REGION), 263680);
	assert_int_equal(gib / TD_PAGE * td_seamcalls_per_leaf(TD_TEARDOWN, TD_PAGE), 262144);
	assert_int_equal(gib / TD_REGION * td_seamcalls_per_leaf(TD_TEARDOWN, TD_REGION), 512);
}

static void flush_nothing(const char *base, size_t bytes)
{
	(void)base;
	(void)bytes;
}

static void reset_nothing(char *dst, size_t bytes, const char *src)
{
	(void)dst;
	(void)bytes;
	(void)src;
}

/* And the loop makes them: a GiB of nothing, counted. */
static void the_loop_makes_as_many(void **state)
{
	static const uint64_t want[TD_PATHS][2] = { { 1048576, 263680 }, { 262144, 512 } };
	uint32_t *all = malloc((1u << 18) * sizeof(*all));

	(void)state;
	assert_non_null(all);
	for (uint32_t i = 0; i < 1u << 18; i++)
		all[i] = i;
	for (unsigned i = 0; i < 4; i++) {
		size_t leaf = i % 2 ? TD_REGION : TD_PAGE;
		struct td_replay r = replay_of(i / 2 ? TD_TEARDOWN : TD_DYNAMIC, leaf);

		thread.trace = NULL;
		r.order = all;
		r.ops.flush = flush_nothing;
		r.ops.reset = reset_nothing;
		r.every = 32;
		td_leaves(&r, &thread, 0, (1ul << 30) / leaf);
		assert_int_equal(td_seamcalls_counted(thread.count), want[i / 2][i % 2]);
	}
	free(all);
}

static int open_all(void **state)
{
	(void)state;
	/* Never touched: addresses alone. */
	memory = aligned_alloc(TD_PAGE, (size_t)MAX_LEAVES * TD_PAGE);
	control = aligned_alloc(TD_PAGE, 64 * TD_PAGE);
	pair = aligned_alloc(TD_PAGE, 2 * TD_PAGE);
	return !memory || !control || !pair || topup_pool_open(&pool, 8, 1) ||
	       topup_pamt_init(&pamt, 2);
}

static int close_all(void **state)
{
	(void)state;
	topup_pamt_destroy(&pamt, &thread.ctx);
	topup_pool_close(&pool);
	free(memory);
	free(control);
	free(pair);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_do_what_the_traces_say),
		cmocka_unit_test(a_vcpu_in_guest_mode_is_reached_by_each_kick),
		cmocka_unit_test(the_last_put_of_a_region_removes_its_entry),
		cmocka_unit_test(control_pages_are_reclaimed_and_reset_last),
		cmocka_unit_test(s_ept_pages_are_as_many_as_was_counted_by_hand),
		cmocka_unit_test(what_is_left_out_is_not_done),
		cmocka_unit_test(a_gib_takes_as_many_seamcalls_as_was_counted_by_hand),
		cmocka_unit_test(the_loop_makes_as_many),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
