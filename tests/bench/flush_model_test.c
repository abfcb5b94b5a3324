// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The measuring half of the flush detector on a cache that is made up, so that each verdict is exact: a
 * load of a cached line takes 76 ticks, of another one 332, and lines leave when the test says so.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/flush_detect.h"
#include "bench/ops/held.h"
#include "bench/ops/lines.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES	      (1ul << 20)
#define LINE	      64ul

enum flush { NOTHING, EVERY_LINE, EVERY_SECOND_LINE };

static char *region;
static bool cached[BYTES / LINE];
static enum flush what;
static bool lines_leave; /* by themselves, in any wait */
static bool blind;	 /* an emulator: each load takes as long */
static unsigned waits, flags[FLAG_MAX];

static void set(const char *base, size_t bytes, bool to)
{
	for (size_t at = 0; at < bytes; at += LINE)
		cached[(size_t)(base + at - region) / LINE] = to;
}

/* ---- in place of the real ones ---- */

void __wrap_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes);
void __wrap_lines_clean(const struct cpu_info *cpu, const char *base, size_t bytes);
void __wrap_lines_dirty(char *base, size_t bytes, const char *random);
void __wrap_probe_load(const struct probe *p);
void __wrap_probe_read(const struct probe *p, uint32_t *ticks);
void __wrap_probe_evict(const struct probe *p, const struct cpu_info *cpu);
void __wrap_probe_wait(uint64_t ticks);

void __wrap_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	(void)cpu;
	set(base, bytes, false);
}

void __wrap_lines_clean(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	(void)cpu;
	set(base, bytes, true);
}

void __wrap_lines_dirty(char *base, size_t bytes, const char *random)
{
	(void)random;
	set(base, bytes, true);
}

void __wrap_probe_load(const struct probe *p)
{
	for (unsigned i = 0; i < p->n; i++)
		set(p->base + p->line[i] * LINE, LINE, true);
}

void __wrap_probe_read(const struct probe *p, uint32_t *ticks)
{
	for (unsigned i = 0; i < p->n; i++) {
		const char *at = p->base + p->line[i] * LINE;

		ticks[i] = blind || cached[(size_t)(at - region) / LINE] ? 76 : 332;
		set(at, LINE, true);
	}
}

void __wrap_probe_evict(const struct probe *p, const struct cpu_info *cpu)
{
	(void)cpu;
	for (unsigned i = 0; i < p->n; i++)
		set(p->base + p->line[i] * LINE, LINE, false);
}

void __wrap_probe_wait(uint64_t ticks)
{
	assert_true(ticks > 0);
	waits++;
	if (lines_leave)
		set(region, BYTES, false);
}

/* ---- flushes ---- */

static void flush_part(void *ctx, size_t at, size_t bytes)
{
	(void)ctx;
	for (size_t done = 0; done < bytes && what; done += LINE * what)
		set(region + at + done, LINE, false);
	if (lines_leave)
		set(region, BYTES, false);
}

static int flush_all(void *ctx, uint64_t *ticks)
{
	(void)ticks;
	flush_part(ctx, 0, BYTES);
	return 0;
}

/* ---- what is made of them ---- */

static const struct {
	const char *name;
	enum flush what;
	bool leave, blind;
	enum flush_verdict part, whole;
	double left, lost;
} cases[] = {
	{ "a flush", EVERY_LINE, false, false, FLUSH_REAL, FLUSH_REAL, 1, 0 },
	{ "nothing", NOTHING, false, false, FLUSH_NOTHING, FLUSH_NOTHING, 0, 0 },
	{ "every second line", EVERY_SECOND_LINE, false, false, FLUSH_NOTHING, FLUSH_CANNOT_TELL,
	  -1, 0 },
	{ "a flush where lines leave", EVERY_LINE, true, false, FLUSH_CANNOT_TELL,
	  FLUSH_CANNOT_TELL, 1, 1 },
	{ "nothing where lines leave", NOTHING, true, false, FLUSH_CANNOT_TELL, FLUSH_CANNOT_TELL,
	  1, 1 },
	{ "a flush in an emulator", EVERY_LINE, false, true, FLUSH_CANNOT_TELL, FLUSH_CANNOT_TELL,
	  NAN, NAN },
	{ "nothing in an emulator", NOTHING, false, true, FLUSH_CANNOT_TELL, FLUSH_CANNOT_TELL, NAN,
	  NAN },
};

static void begin(size_t i)
{
	what = cases[i].what;
	lines_leave = cases[i].leave;
	blind = cases[i].blind;
	waits = 0;
	memset(cached, 0, sizeof(cached));
	memset(flags, 0, sizeof(flags));
}

static bool same(double a, double b)
{
	return isnan(b) ? isnan(a) : b < 0 ? a > 0.4 && a < 0.6 : a == b;
}

static const struct cpu_info cpu;

static struct flush_proof proof_of_region(void)
{
	return (struct flush_proof){ .base = region,
				     .bytes = BYTES,
				     .unit = 4096,
				     .flush = flush_part,
				     .cpu = &cpu,
				     .seed = 3 };
}

static void flush_of_memory_in_parts_has_its_verdict(void **state)
{
	const struct flush_proof proof = proof_of_region();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flush_look look;
		struct reason why = { "" };

		begin(i);
		if (flush_prove(&proof, &look, &why) != cases[i].part)
			fail_msg("%s: %s", cases[i].name, why.text);
		if (!same(look.left, cases[i].left) || !same(look.lost, cases[i].lost))
			fail_msg("%s: left %g, lost %g", cases[i].name, look.left, look.lost);
		assert_true(waits && *why.text && !strchr(why.text, '\n'));
	}
}

static void flush_of_caches_has_its_verdict(void **state)
{
	static const struct tick_clock clock = { .hz = 2e9 };
	const struct flush_job job = {
		.base = region,
		.bytes = BYTES,
		.flush = flush_all,
		.cpu = &cpu,
		.clock = &clock,
		.seed = 5,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flush_times t;
		struct flush_found f;

		begin(i);
		assert_int_equal(flush_detect(&job, &t, &f, NULL), 0);
		if (f.verdict != cases[i].whole)
			fail_msg("%s: %s: %s", cases[i].name, flush_verdict_name(f.verdict),
				 f.text);
		if (!same(f.look.left, cases[i].left) || !same(f.look.lost, cases[i].lost))
			fail_msg("%s: left %g, lost %g", cases[i].name, f.look.left, f.look.lost);
		assert_int_equal(waits, FLUSH_SHARES * t.tries);
		assert_int_equal(t.tries,
				 f.verdict == FLUSH_CANNOT_TELL ? FLUSH_MAX_TRIES : FLUSH_TRIES);
	}
}

static struct bench_ctx ctx;

static void raise_flag(struct bench_ctx *of, enum trust_flag flag, int arm, const char *detail)
{
	assert_ptr_equal(of, &ctx);
	assert_int_equal(arm, 2);
	assert_true(*detail);
	flags[flag]++;
}

static void check_of_a_flush_fails_remarks_or_passes(void **state)
{
	static struct machine machine = { .lane = LANE_HOST };
	struct flush_proof proof = proof_of_region(), small = proof;
	struct reason why = { "" };

	(void)state;
	ctx = (struct bench_ctx){ .machine = &machine, .flag = raise_flag };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool open = cases[i].part == FLUSH_CANNOT_TELL;

		begin(i);
		assert_int_equal(flush_check(&ctx, 2, &proof, &why),
				 cases[i].part == FLUSH_NOTHING ? -EFAULT : 0);
		assert_int_equal(flags[FLAG_NOT_PROVED], open);
	}
	small.bytes = small.unit = 512;
	assert_int_equal(flush_check(&ctx, 2, &small, &why), -EINVAL);
	assert_non_null(strstr(why.text, "too few lines for a probe; take 1 KiB or more"));
	machine.lane = LANE_COUNT;
	begin(1);
	assert_int_equal(flush_check(&ctx, 2, &proof, &why), 0);
	assert_int_equal(waits, 0);
}

/* ---- are lines held? ---- */

static size_t brought;

static void bring(void *state)
{
	(void)state;
	set(region, BYTES, false);
	set(region, brought, true);
}

static void share_of_lines_that_is_held_is_seen(void **state)
{
	static struct machine machine = { .lane = LANE_HOST };
	struct held h = { .asked = "dirty=50", .bytes = BYTES, .bring = bring };

	(void)state;
	ctx = (struct bench_ctx){ .machine = &machine, .flag = raise_flag };
	blind = lines_leave = false;
	probe_init(&h.lines, region);
	probe_add(&h.lines, 0, BYTES, PROBE_LINES, 1);
	for (unsigned quarters = 0; quarters <= 4; quarters++) {
		memset(flags, 0, sizeof(flags));
		brought = BYTES / 4 * quarters;
		assert_true(held_check(&ctx, 2, &h) == quarters / 4.);
		assert_int_equal(flags[FLAG_NOT_HELD], quarters < 3);
	}
}

static int set_up(void **state)
{
	(void)state;
	region = aligned_alloc(4096, BYTES);
	return region ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(region);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(flush_of_memory_in_parts_has_its_verdict),
		cmocka_unit_test(flush_of_caches_has_its_verdict),
		cmocka_unit_test(check_of_a_flush_fails_remarks_or_passes),
		cmocka_unit_test(share_of_lines_that_is_held_is_seen),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
