// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hooks of teardown, called as the sampler does. The linker wraps what the test does badly: the
 * steps that follow the leaves, the flush, the freeing.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/ops/flush_ops.h"
#include "bench/teardown/replay.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"
#include "tests/sanitized.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SETTINGS      8
#define MAX_SERIES    64
#define TRIES	      5
#define MANY_TRIES    40
#define AWAY_MS	      40

static struct machine machine;
static struct plan plan;
static struct bench_ctx ctx;
static void *bench_state;
/* The TD's memory, and its control pages. */
static struct mem *region, *control;
static unsigned flags[FLAG_MAX];

/* ---- what is done badly ---- */

static enum {
	NOTHING,
	A_BYTE,
	A_CONTROL,
	A_GUARD,
	CONTROL_GUARD,
	A_STEP,
	NO_FLUSH,
	NO_FREE
} sabotage;

/* Where a thread is descheduled, once in a sample, and for so long that little else counts. */
static enum away_in { NOWHERE, IN_A_LEAF, IN_ANOTHERS_LEAF, IN_HKID, IN_FREE } away_in;
#define AWAY_LEAF 10 /* of each thread */
static unsigned samples;
static bool in_sample;
static pthread_t caller;

static void be_away(enum away_in where)
{
	struct timespec t = { .tv_nsec = AWAY_MS * 1000000 };

	if (where == away_in && in_sample)
		nanosleep(&t, NULL);
}

int __real_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *of,
		     struct reason *why);
int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *of,
		     struct reason *why);
void __real_td_release_hkid(const struct td_replay *r, struct td_thread *t);
void __wrap_td_release_hkid(const struct td_replay *r, struct td_thread *t);
void __real_td_release_control(const struct td_replay *r, struct td_thread *t);
void __wrap_td_release_control(const struct td_replay *r, struct td_thread *t);
flush_fn *__real_flush_op_fn(const struct flush_op *op, enum flush_fence fence);
flush_fn *__wrap_flush_op_fn(const struct flush_op *op, enum flush_fence fence);
int __real_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice);

int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *of,
		     struct reason *why)
{
	*(region ? &control : &region) = m;
	return __real_mem_alloc(m, backing, bytes, offset, place, of, why);
}

void __wrap_td_release_hkid(const struct td_replay *r, struct td_thread *t)
{
	__real_td_release_hkid(r, t);
	be_away(IN_HKID);
	if (sabotage == A_BYTE)
		region->base[region->bytes - 1] ^= 1;
	if (sabotage == A_GUARD)
		region->guard[1][0] ^= 1;
	if (sabotage == A_STEP)
		t->count[TD_REMOVE]++;
}

void __wrap_td_release_control(const struct td_replay *r, struct td_thread *t)
{
	__real_td_release_control(r, t);
	if (sabotage == A_CONTROL)
		control->base[TD_PAGE] ^= 1;
	if (sabotage == CONTROL_GUARD)
		control->guard[1][0] ^= 1;
}

static void no_flush(const char *base, size_t bytes)
{
	(void)base;
	(void)bytes;
}

static flush_fn *true_flush;

static void flush_and_be_away(const char *base, size_t bytes)
{
	static __thread unsigned of_sample, done;

	true_flush(base, bytes);
	done = of_sample == samples ? done + 1 : 1;
	of_sample = samples;
	if (done == AWAY_LEAF)
		be_away(pthread_equal(pthread_self(), caller) ? IN_A_LEAF : IN_ANOTHERS_LEAF);
}

flush_fn *__wrap_flush_op_fn(const struct flush_op *op, enum flush_fence fence)
{
	flush_fn *real = __real_flush_op_fn(op, fence);

	true_flush = real;
	if (away_in)
		return flush_and_be_away;
	return sabotage == NO_FLUSH ? no_flush : real;
}

int __wrap_madvise(void *at, size_t bytes, int advice)
{
	if (sabotage == NO_FREE && advice == MADV_DONTNEED)
		return 0;
	if (advice == MADV_DONTNEED)
		be_away(IN_FREE);
	return __real_madvise(at, bytes, advice);
}

/* ---- the sampler's part ---- */

static char series[MAX_SERIES][64]; /* "METRIC SUBJECT" */
static int n_series;

struct bench_values {
	double value[MAX_SERIES];
	unsigned given[MAX_SERIES];
};

void bench_value(struct bench_values *out, int number, double value)
{
	if (number < 0)
		return;
	assert_true(number < n_series);
	out->value[number] = value;
	out->given[number]++;
}

static double sample_ticks;  /* what the sampler's clock showed */
static double stretched = 1; /* it was wrong by that factor */

double bench_sample_ticks(const struct bench_values *out)
{
	(void)out;
	return sample_ticks;
}

static int name_series(struct bench_ctx *of, unsigned metric, const char *subject)
{
	char name[64];

	(void)of;
	snprintf(name, sizeof(name), "%s %s", teardown_bench.metrics[metric].name, subject);
	for (int i = 0; i < n_series; i++)
		if (!strcmp(series[i], name))
			return i;
	assert_true(n_series < MAX_SERIES);
	strcpy(series[n_series], name);
	return n_series++;
}

static void raise_flag(struct bench_ctx *of, enum trust_flag flag, int arm, const char *detail)
{
	(void)of;
	(void)arm;
	assert_true(*detail);
	flags[flag]++;
}

static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	return machine_open(&machine, &why);
}

static int close_machine(void **state)
{
	(void)state;
	machine_close(&machine);
	return 0;
}

static int clean_slate(void **state)
{
	(void)state;
	sabotage = NOTHING;
	away_in = NOWHERE;
	stretched = 1;
	caller = pthread_self();
	memset(flags, 0, sizeof(flags));
	return 0;
}

#define OPEN(...)                                        \
	open_bench((const char *const[]){ __VA_ARGS__ }, \
		   ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static void open_bench(const char *const *settings, size_t n)
{
	struct reason why = { "" };

	if (plan_add(&plan, &machine, &teardown_bench, settings, n, &why))
		fail_msg("%s", why.text);
	assert_int_equal(plan.n_groups, 1);
	ctx = (struct bench_ctx){
		.machine = &machine,
		.arms = plan.groups[0].arms,
		.n_arms = plan.groups[0].n_arms,
		.seed = 11,
		.facts = json_object(),
		.flag = raise_flag,
		.series = name_series,
	};
	n_series = 0;
	topo_pick(machine.topo, TOPO_ONE, &ctx.cpu, 1);
	if (teardown_bench.setup(&ctx, &bench_state, &why))
		fail_msg("%s", why.text);
}

static int close_bench(void **state)
{
	(void)state;
	if (bench_state)
		teardown_bench.teardown(bench_state);
	bench_state = NULL;
	region = control = NULL;
	json_decref(ctx.facts);
	ctx.facts = NULL;
	plan_free(&plan);
	return 0;
}

static const char *level(unsigned arm, const char *factor)
{
	return ctx.arms[arm].levels[bench_find_factor(&teardown_bench, factor)].text;
}

static bool is(unsigned arm, const char *factor, const char *text)
{
	return !strcmp(level(arm, factor), text);
}

static void assert_arm(bool ok, unsigned arm, const char *what)
{
	char text[512];

	if (!ok)
		fail_msg("%s: %s", cell_text(&ctx.arms[arm], UINT32_MAX, text, sizeof(text)), what);
}

static double sample(unsigned arm, struct bench_values *out)
{
	uint64_t pages, start;

	memset(out, 0, sizeof(*out));
	teardown_bench.prepare(bench_state, arm);
	samples++;
	in_sample = true;
	start = td_ticks();
	pages = teardown_bench.sample(bench_state, arm, 1);
	sample_ticks = (double)(td_ticks() - start) * stretched;
	in_sample = false;
	teardown_bench.values(bench_state, arm, out);
	return (double)pages;
}

static double value(const struct bench_values *out, const char *name)
{
	for (int i = 0; i < n_series; i++)
		if (!strcmp(series[i], name))
			return out->given[i] ? out->value[i] : -1;
	return -1;
}

/* ---- doing the work ---- */

static void descriptor_is_sound(void **state)
{
	struct reason why = { "" };

	(void)state;
	if (bench_check(&teardown_bench, &why))
		fail_msg("%s", why.text);
}

/* verify() looks at contents, counts, lines and freed pages. */
static void every_arm_does_its_work(void **state)
{
	(void)state;
	OPEN("path=dynamic,teardown", "leaf=4K,2M", "quirk=on,off",
	     "reset=always,erratum,leaf_fence",
	     "leave_out=none,kick,flush,reset,free,all_but_reset,all_but_flush_reset",
	     "order=sequential,shuffled", "before=evicted,dirty", "size=4M");
	assert_true(ctx.n_arms > 100);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		struct reason why = { "" };
		struct bench_values out;

		assert_arm(!teardown_bench.verify(bench_state, arm, &why), arm, why.text);
		assert_arm(sample(arm, &out) == 1, arm, "work");
	}
	assert_int_equal(teardown_bench.finish(bench_state, NULL), 0);
}

static void pamt_threads_and_delays_do_too(void **state)
{
	(void)state;
	OPEN("path=dynamic,teardown", "dpamt=off,fast,lock", "leave_out=none,pamt", "seam=0,200",
	     "threads=1,2", "marks=none,7", "size=4M");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		struct reason why = { "" };
		struct bench_values out;

		assert_arm(!teardown_bench.verify(bench_state, arm, &why), arm, why.text);
		sample(arm, &out);
		assert_arm((value(&out, "phase pamt") >= 0) ==
				   (!is(arm, "dpamt", "off") && is(arm, "leave_out", "none") &&
				    !is(arm, "marks", "none")),
			   arm, "phase pamt");
		assert_arm((value(&out, "phase wait") >= 0) == is(arm, "threads", "2"), arm,
			   "phase wait");
		assert_arm(value(&out, "steps PHYMEM.CACHE.WB") > 0, arm, "CACHE.WB");
		if (is(arm, "seam", "200") && is(arm, "path", "dynamic") &&
		    !is(arm, "marks", "none"))
			assert_arm(value(&out, "phase track") > 0, arm, "phase track");
	}
}

/* The least of many: what others took of the CPU, if they share it, is in most of them. */
static double least(unsigned arm, const char *name)
{
	struct bench_values out;
	double best = INFINITY;

	for (unsigned i = 0; i < 5 * TRIES; i++) {
		sample(arm, &out);
		best = fmin(best, value(&out, name));
	}
	return best;
}

/* Ten times the delay, of that SEAMCALL and of no other; and left out it is not there. */
static void each_seamcall_has_a_delay_of_its_own(void **state)
{
	static const struct {
		const char *path, *factor, *out, *phase;
	} cases[] = {
		{ "path=dynamic", "seam_block", "leave_out=none,block", "phase block" },
		{ "path=dynamic", "seam_track", "leave_out=none,track", "phase track" },
		{ "path=dynamic", "seam_remove", "leave_out=none,remove", "phase remove" },
		{ "path=dynamic", "seam_wbinvd", "leave_out=none,flush", "phase flush" },
		{ "path=teardown", "seam_reclaim", "leave_out=none,reclaim", "phase reclaim" },
		{ "path=teardown", "seam", "leave_out=none,hkid", "phase hkid" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		double done[2] = { 0 };
		char levels[64];

		snprintf(levels, sizeof(levels), "%s=20000,200000", cases[i].factor);
		OPEN(cases[i].path, levels, cases[i].out, "quirk=off", "size=64K", "marks=1");
		assert_int_equal(ctx.n_arms, 4);
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			struct reason why = { "" };
			bool out = !is(arm, "leave_out", "none");
			double took;

			assert_arm(!teardown_bench.verify(bench_state, arm, &why), arm, why.text);
			took = least(arm, cases[i].phase);
			assert_arm((took < 0) == out, arm, cases[i].phase);
			if (!out)
				done[is(arm, cases[i].factor, "200000")] = took;
		}
		if (done[1] < 5 * done[0])
			fail_msg("%s: %g ticks, then %g", cases[i].factor, done[0], done[1]);
		close_bench(NULL);
	}
}

/* Of a REMOVE that takes a time, which no kick is hidden by, and of one that takes none. */
static void a_kick_is_told_whatever_takes_a_time_behind_it(void **state)
{
	double took[2];

	(void)state;
	OPEN("path=dynamic", "quirk=off", "vcpus=1024", "seam_remove=0,20000", "size=256K",
	     "marks=1");
	assert_int_equal(ctx.n_arms, 2);
	for (unsigned arm = 0; arm < 2; arm++)
		took[is(arm, "seam_remove", "20000")] = least(arm, "phase kick");
	if (!(took[1] > took[0] / 4 && took[1] < took[0] * 4))
		fail_msg("%g ticks, then %g", took[0], took[1]);
}

static void each_kick_reaches_a_vcpu_in_guest_mode(void **state)
{
	struct bench_values out;
	struct reason why = { "" };

	(void)state;
	if (topo_cpus(machine.topo) < 2)
		fail_msg("one CPU: nobody can be in guest mode");
	OPEN("path=dynamic", "in_guest=0,1", "quirk=off", "size=1M");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		bool guest = is(arm, "in_guest", "1");

		if (teardown_bench.verify(bench_state, arm, &why))
			fail_msg("%s", why.text);
		sample(arm, &out);
		assert_true(value(&out, "steps IPI") == (guest ? 256 : -1));
		assert_true(value(&out, "steps kick") == 256);
	}
}

static void phases_and_what_they_leave_add_up_to_the_time(void **state)
{
	(void)state;
	OPEN("path=dynamic,teardown", "leaf=4K,2M", "quirk=on,off", "leave_out=none,free",
	     "marks=auto,none", "size=4M");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		bool marked = !is(arm, "marks", "none");
		struct bench_values out;
		double sum = 0;

		sample(arm, &out);
		for (int i = 0; i < n_series; i++)
			if (!strncmp(series[i], "phase ", 6)) {
				assert_arm(out.given[i] <= 1, arm, series[i]);
				sum += out.value[i];
			}
		assert_arm(fabs(sum - sample_ticks) < 1, arm, "the sum");
		assert_arm((value(&out, "phase free") > 0) == is(arm, "leave_out", "none"), arm,
			   "phase free");
		assert_arm((value(&out, "phase flush") > 0) ==
				   (marked && is(arm, "path", "dynamic")),
			   arm, "phase flush");
		/* The early return takes less than a mark can tell. */
		assert_arm((value(&out, "phase reset") > 0) == (marked && is(arm, "quirk", "on")),
			   arm, "phase reset");
		assert_arm((value(&out, "phase leaves") > 0) ==
				   (!marked ||
				    (is(arm, "path", "teardown") && is(arm, "quirk", "off"))),
			   arm, "phase leaves");
	}
}

/*
 * Of the sample; the smallest until one is below @most, because what others do to one of them is not of
 * interest: a caller that is descheduled in a kick is away, and in the kick's tail too.
 */
static double share_unexplained(unsigned arm, double most)
{
	struct bench_values out;
	double least = HUGE_VAL;

	for (unsigned i = 0; i < MANY_TRIES && fabs(least) >= most; i++) {
		double share;

		sample(arm, &out);
		share = value(&out, "phase unexplained") / sample_ticks;
		least = fabs(share) < fabs(least) ? share : least;
	}
	return least;
}

/* Between the marks lie the loop's own instructions, which a sanitizer multiplies. */
#define BOUND(share) (SANITIZED ? 0.95 : (share))

static void assert_explained(unsigned arm, double most)
{
	double share = share_unexplained(arm, most);
	char what[64];

	snprintf(what, sizeof(what), "%.1f %% unexplained", 100 * share);
	assert_arm(share > -most && share < most, arm, what);
}

static void phases_leave_little_and_count_nothing_twice(void **state)
{
	(void)state;
	OPEN("path=dynamic,teardown", "leaf=4K,2M", "quirk=on,off", "threads=1,2", "marks=1,none",
	     "size=16M");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++)
		assert_explained(arm, BOUND(0.15));
	close_bench(NULL);
	OPEN("path=dynamic", "in_guest=1", "quirk=on,off", "marks=1,none", "size=4M");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++)
		assert_explained(arm, BOUND(0.25));
}

/* The sample is all but off the CPU: what is counted twice is most of it. */
static void who_is_descheduled_is_away_once(void **state)
{
	static const struct {
		const char *team;
		enum away_in where;
	} cases[] = {
		{ "threads=1", IN_A_LEAF }, { "threads=1", IN_HKID },
		{ "threads=1", IN_FREE },   { "threads=2", IN_A_LEAF },
		{ "threads=2", IN_HKID },   { "threads=2", IN_ANOTHERS_LEAF },
		{ "threads=2", IN_FREE },   { "in_guest=1", IN_A_LEAF },
		{ "in_guest=1", IN_HKID },  { "in_guest=1", IN_FREE },
	};

	(void)state;
	if (topo_cpus(machine.topo) < 2)
		fail_msg("one CPU: there is no team");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		away_in = cases[i].where;
		OPEN("path=dynamic", "marks=1,none", "quirk=on", cases[i].team, "size=1M");
		for (unsigned arm = 0; arm < ctx.n_arms; arm++)
			assert_explained(arm, BOUND(0.25));
		close_bench(NULL);
	}
}

/* In the arm that is timed as a whole nothing can be. */
static void too_much_unexplained_is_remarked(void **state)
{
	static const double clocks[] = { 2, 0.5 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct bench_values out;

		clean_slate(NULL);
		stretched = clocks[i];
		OPEN("path=dynamic", "quirk=on", "leave_out=none,all_but_reset", "size=1M");
		assert_int_equal(ctx.n_arms, 2);
		for (unsigned k = 0; k < 2 * TRIES; k++)
			sample(k % 2, &out);
		assert_int_equal(teardown_bench.finish(bench_state, NULL), 0);
		assert_int_equal(flags[FLAG_UNEXPLAINED], 1);
		assert_false(trust_flag_info(FLAG_UNEXPLAINED)->fatal);
		close_bench(NULL);
	}
}

/* ---- work that is not done ---- */

static void sabotage_is_found(void **state)
{
	static const struct {
		int what;
		const char *quirk, *want;
	} cases[] = {
		{ A_BYTE, "quirk=on", "offset 1044480 was not reset" },
		{ A_BYTE, "quirk=off", "was changed though nothing resets it" },
		{ A_CONTROL, "quirk=on", "the control page at offset 4096 was not reset" },
		{ A_CONTROL, "quirk=off", "was changed though nothing resets it" },
		{ A_GUARD, "quirk=on", "wrote past the end" },
		{ CONTROL_GUARD, "quirk=on", "wrote past the end" },
		{ A_STEP, "quirk=on", "MEM.PAGE.REMOVE was done 257 times, not 256" },
		{ NO_FREE, "quirk=on", "offset 0 was not freed" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		sabotage = NOTHING;
		OPEN("path=dynamic", cases[i].quirk, "size=1M");
		assert_int_equal(teardown_bench.verify(bench_state, 0, &why), 0);
		sabotage = cases[i].what;
		assert_int_equal(teardown_bench.verify(bench_state, 0, &why), -EFAULT);
		if (!strstr(why.text, cases[i].want))
			fail_msg("'%s' is not '%s'", why.text, cases[i].want);
		close_bench(NULL);
	}
}

/* Where it cannot be decided (emulators, a busy machine) a remark says so. */
static void lines_that_stay_are_found(void **state)
{
	struct reason why = { "" };

	(void)state;
	sabotage = NO_FLUSH;
	OPEN("path=dynamic", "quirk=off", "size=1M");
	flags[FLAG_NOT_PROVED] = 0;
	if (teardown_bench.verify(bench_state, 0, &why))
		assert_non_null(strstr(why.text, "are still cached after their flush"));
	else
		assert_int_equal(flags[FLAG_NOT_PROVED], 1);
}

/* ---- which cells there are ---- */

static void what_makes_no_sense_is_skipped(void **state)
{
	static const struct {
		const char *settings[SETTINGS];
		const char *reason;
	} cases[] = {
		{ { "path=teardown", "leave_out=kick" }, "path=teardown has no kick" },
		{ { "path=teardown", "leave_out=flush" }, "path=teardown has no flush" },
		{ { "path=teardown", "in_guest=1" }, "path=teardown kicks nobody" },
		{ { "quirk=off", "leave_out=reset" }, "quirk=off resets nothing" },
		{ { "quirk=off", "leave_out=all_but_reset" }, "quirk=off resets nothing" },
		{ { "path=teardown", "leave_out=all_but_flush_reset" },
		  "path=teardown has no flush" },
		{ { "path=teardown", "leave_out=block", "seam=500" },
		  "path=teardown has no block" },
		{ { "path=dynamic", "leave_out=reclaim", "seam=500" },
		  "path=dynamic has no reclaim" },
		{ { "path=dynamic", "leave_out=track" }, "seam_track=0: track takes no time" },
		{ { "path=dynamic", "leave_out=hkid" }, "seam=0: hkid takes no time" },
		{ { "path=dynamic", "leave_out=all_but_flush_reset", "before=dirty" },
		  "is for before=evicted" },
		{ { "path=dynamic", "leave_out=all_but_flush_reset", "leaf=2M", "reset=erratum" },
		  "with leaf=2M reset=leaf_fence" },
		{ { "leave_out=pamt" }, "dpamt=off has no pamt" },
		{ { "leaf=2M", "dpamt=fast" }, "leaf=2M has no Dynamic PAMT entry" },
		{ { "leaf=2M", "size=5M" }, "size=5M is not a multiple of leaf=2M" },
		{ { "size=4K", "threads=2" }, "size=4K has fewer leaves than threads=2" },
		{ { "threads=5000" }, "threads=5000: there are" },
		{ { "path=dynamic", "in_guest=9" }, "in_guest=9 is more than vcpus=4" },
		{ { "path=dynamic", "threads=2", "in_guest=1" },
		  "in_guest=1 with threads=2: TRACK and its kick are serialised" },
		{ { "skip_cache_wb=on" }, "nothing to skip: mode=kernel" },
		{ { "path=dynamic", "vcpus=1024", "in_guest=1024" },
		  "in_guest=1024 and threads=1" },
		{ { "vcpus=5000" }, "vcpus=5000: 1024 at most" },
		{ { "seam=2000000" }, "seam=2000000: 1000000 ns at most" },
		{ { "seam_reclaim=2000000" }, "seam_reclaim=2000000: 1000000 ns at most" },
		{ { "seam=99" }, "seam=99: 0 or 100 ns at least" },
		{ { "seam_track=99" }, "seam_track=99: 0 or 100 ns at least" },
		{ { "marks=100000" }, "marks=100000: 65536 at most" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		size_t n = 0;

		while (n < SETTINGS && cases[i].settings[n])
			n++;
		if (plan_add(&plan, &machine, &teardown_bench, cases[i].settings, n, &why))
			fail_msg("%s", why.text);
		assert_true(plan.n_cells > 0);
		for (size_t c = 0; c < plan.n_cells; c++) {
			assert_int_equal(plan.cells[c].state, CELL_SKIPPED);
			if (!strstr(plan.cells[c].reason.text, cases[i].reason))
				fail_msg("'%s' is not '%s'", plan.cells[c].reason.text,
					 cases[i].reason);
		}
		plan_free(&plan);
	}
}

static void a_size_that_does_not_fit_refuses_the_run(void **state)
{
	static const char *const settings[] = { "size=8T", "backing=4k" };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(plan_add(&plan, &machine, &teardown_bench, settings, 2, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "would"));
}

static void what_stands_in_is_named(void **state)
{
	static const struct {
		const char *setting, *part;
		enum kind kind;
	} cases[] = {
		{ "seam=0", "madvise() stands in for the freeing of guest_memfd", KIND_ANALOGUE },
		{ "insn=memset", "memset stands in for MOVDIR64B", KIND_ANALOGUE },
		{ "in_guest=1", "membarrier() for the IPIs of a kick", KIND_ANALOGUE },
		{ "leave_out=free", "no SEAMCALL is executed", KIND_ANALOGUE },
		{ "marks=none", "what quirk=off saves in percent is at most that", KIND_ANALOGUE },
		{ "threads=2", "in one, under its mmu_lock and with TRACK serialised",
		  KIND_ANALOGUE },
		{ "seam=500", "a delay of 500 ns is in its place", KIND_MODELLED },
		{ "seam_wbinvd=700", "seam_wbinvd=700", KIND_MODELLED },
		{ "seam_reclaim=0", "no SEAMCALL is executed: they take no time", KIND_ANALOGUE },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[] = { "path=dynamic", "quirk=on", cases[i].setting };

		assert_int_equal(plan_add(&plan, &machine, &teardown_bench, settings, 3, NULL), 0);
		assert_int_equal(plan.n_cells, 1);
		assert_int_equal(plan.cells[0].state, CELL_PLANNED);
		assert_int_equal(plan.cells[0].kind, cases[i].kind);
		if (!strstr(plan.cells[0].reason.text, cases[i].part))
			fail_msg("'%s' is not in '%s'", cases[i].part, plan.cells[0].reason.text);
		plan_free(&plan);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean_slate, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(descriptor_is_sound),
		TEST(every_arm_does_its_work),
		TEST(pamt_threads_and_delays_do_too),
		TEST(each_seamcall_has_a_delay_of_its_own),
		TEST(a_kick_is_told_whatever_takes_a_time_behind_it),
		TEST(each_kick_reaches_a_vcpu_in_guest_mode),
		TEST(phases_and_what_they_leave_add_up_to_the_time),
		TEST(phases_leave_little_and_count_nothing_twice),
		TEST(who_is_descheduled_is_away_once),
		TEST(too_much_unexplained_is_remarked),
		TEST(sabotage_is_found),
		TEST(lines_that_stay_are_found),
		TEST(what_makes_no_sense_is_skipped),
		TEST(a_size_that_does_not_fit_refuses_the_run),
		TEST(what_stands_in_is_named),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
