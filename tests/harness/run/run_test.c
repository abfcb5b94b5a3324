// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run_loop() with made-up benchmarks. It executes /proc/self/exe for each invocation, which is this
 * program: main() is the other end too.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/run/progress.h"
#include "harness/run/run.h"
#include "tests/harness/run/fake.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SEED	      2024
#define FATAL_ROUND   2
#define MAX_ROUNDS    32
#define MAX_GROUPS    8

/* ---- the benchmarks, of which the child knows nothing but the names ---- */

/* Round FATAL_ROUND's invocation of group 0, told by the seed that only it has. */
static bool is_fatal(const struct bench_ctx *ctx)
{
	return ctx->seed == seed_derive(SEED, FATAL_ROUND, 0, 2) >> 1;
}

static int segv_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	static bool fatal;

	fatal = is_fatal(ctx);
	*state = &fatal;
	(void)why;
	return 0;
}

static uint64_t segv_sample(void *state, unsigned arm, unsigned reps)
{
	(void)arm;
	if (*(bool *)state) {
		/* As the kernel does it: no handler of a sanitizer in between. */
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	return reps;
}

static int refusing_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	*state = NULL;
	return is_fatal(ctx) ? reason_set(why, -ENOMEM, "the paint is out: buy \"more\"") : 0;
}

static int leaving_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	(void)why;
	*state = NULL;
	if (is_fatal(ctx))
		_exit(3);
	return 0;
}

/* Waits for the signal that ends it, as a slow sample would. */
static uint64_t slow_sample(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	(void)arm;
	usleep(5000);
	return reps;
}

static uint64_t deaf_sample(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	(void)arm;
	for (;;)
		pause();
	return reps;
}

static int telling_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	const char *pad = getenv("TDCOST_PAD");
	cpu_set_t set;

	(void)why;
	*state = NULL;
	sched_getaffinity(0, sizeof(set), &set);
	json_object_set_new(ctx->facts, "pid", json_integer(getpid()));
	json_object_set_new(ctx->facts, "parent", json_integer(getppid()));
	json_object_set_new(ctx->facts, "pad", json_integer(pad ? (json_int_t)strlen(pad) : -1));
	json_object_set_new(ctx->facts, "cpus", json_integer(CPU_COUNT(&set)));
	json_object_set_new(ctx->facts, "pinned", json_integer(CPU_ISSET(ctx->cpu, &set)));
	json_object_set_new(ctx->facts, "seed", json_integer((json_int_t)ctx->seed));
	return 0;
}

static const struct bench_info benches[] = {
	{ FAKE("telling"), .setup = telling_setup, .sample = fake_sample },
	{ FAKE("segv"), .setup = segv_setup, .sample = segv_sample },
	{ FAKE("refusing"), .setup = refusing_setup, .sample = fake_sample },
	{ FAKE("leaving"), .setup = leaving_setup, .sample = fake_sample },
	{ FAKE("slow"), .setup = fake_setup, .sample = slow_sample },
	{ FAKE("deaf"), .setup = fake_setup, .sample = deaf_sample },
};

static const struct bench_info *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(benches); i++)
		if (!strcmp(benches[i].name, name))
			return &benches[i];
	return NULL;
}

/* ---- the sink ---- */

struct taken {
	unsigned round, position, group, cpu;
	int node;
	int64_t started;
	size_t n_samples;
	double overhead;
	json_t *setup;
};

static struct {
	struct taken at[MAX_ROUNDS][MAX_GROUPS];
	unsigned rounds;
	size_t groups;
	unsigned fail_at; /* round whose storing fails */
	unsigned stop_at; /* stop is set when this round is taken */
} sink_state;

static volatile sig_atomic_t stop;

static int take_round(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why)
{
	assert_ptr_equal(ctx, &sink_state);
	assert_true(sink_state.rounds < MAX_ROUNDS && n <= MAX_GROUPS);
	if (sink_state.rounds == sink_state.fail_at)
		return reason_set(why, -ENOSPC, "no space left on device");
	for (size_t i = 0; i < n; i++) {
		assert_true(inv[i].result.n_samples > 0);
		sink_state.at[sink_state.rounds][i] = (struct taken){
			inv[i].round,
			inv[i].position,
			inv[i].group,
			inv[i].cpu,
			inv[i].node,
			inv[i].started,
			inv[i].result.n_samples,
			inv[i].result.overhead,
			json_incref(inv[i].result.setup),
		};
	}
	sink_state.groups = n;
	sink_state.rounds++;
	if (sink_state.rounds == sink_state.stop_at)
		stop = 1;
	return 0;
}

static const struct run_sink sink = { take_round, &sink_state };

static json_int_t told(unsigned round, unsigned position, const char *key)
{
	return json_integer_value(json_object_get(sink_state.at[round][position].setup, key));
}

/* ---- one run ---- */

static struct machine machine = { .root = "" };
static struct tick_clock ruler;

static struct run_config config_of(unsigned rounds)
{
	return (struct run_config){
		.seed = SEED,
		.rounds = rounds,
		.slice_ns = 1000000,
		.min_blocks = 2,
		.max_blocks = 4,
		.cpu = -1,
		.clock = ruler,
		.stop = &stop,
	};
}

static struct plan plan_of(const char *bench, const char *groups)
{
	const char *settings[] = { groups };
	struct plan plan = { 0 };
	struct reason why = { "" };

	if (plan_add(&plan, &machine, find(bench), settings, 1, &why))
		fail_msg("%s", why.text);
	return plan;
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

struct outcome {
	int ret;
	enum run_state state;
	unsigned rounds;
	struct reason why;
};

/* Runs; whatever happens, no process and no file is left behind. */
static struct outcome go(const struct plan *plan, const struct run_config *config)
{
	struct outcome o = { .rounds = 99 };
	unsigned files = open_files();

	o.ret = run_loop(plan, &machine, config, &sink, &o.state, &o.rounds, &o.why);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_files(), files);
	assert_int_equal(o.rounds, sink_state.rounds);
	return o;
}

static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	cpu_detect(&machine.cpu);
	if (topo_open(&machine.topo, NULL, &why) || clock_calibrate(&ruler, &machine.cpu, 20, &why))
		return -1;
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	topo_close(machine.topo);
	return 0;
}

static int fresh_sink(void **state)
{
	(void)state;
	memset(&sink_state, 0, sizeof(sink_state));
	sink_state.fail_at = UINT32_MAX;
	stop = 0;
	return 0;
}

static int empty_sink(void **state)
{
	struct itimerval never = { 0 };

	(void)state;
	setitimer(ITIMER_REAL, &never, NULL);
	for (unsigned r = 0; r < MAX_ROUNDS; r++)
		for (unsigned g = 0; g < MAX_GROUPS; g++)
			json_decref(sink_state.at[r][g].setup);
	return 0;
}

/* ---- rounds ---- */

static void rounds_arrive_whole_and_in_order(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2,3");
	struct run_config config = config_of(6);
	struct outcome o = go(&plan, &config);

	(void)state;
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.state, RUN_DONE);
	assert_int_equal(o.rounds, 6);
	assert_int_equal(sink_state.groups, 3);
	for (unsigned r = 0; r < 6; r++) {
		unsigned order[3];

		plan_order(&plan, SEED, r, order);
		for (unsigned i = 0; i < 3; i++) {
			const struct taken *t = &sink_state.at[r][i];

			assert_int_equal(t->round, r);
			assert_int_equal(t->position, i);
			assert_int_equal(t->group, order[i]);
			assert_int_equal(t->cpu, run_cpu(&machine, NULL, &config, r, t->group));
			assert_int_equal(t->node, topo_node_of(machine.topo, t->cpu));
			/* Two arms in warm-up and 2 to 4 blocks. */
			assert_true(t->n_samples >= 2 * 3);
			assert_true(t->started > 1500000000000);
		}
	}
	plan_free(&plan);
}

/* An empty cost that differs by process: each child reports its own, not that of its parent. */
static void child_with_another_overhead_than_the_parent_reports_its_own(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2");
	struct run_config config = config_of(2);
	struct outcome o;

	(void)state;
	config.clock.overhead = 1e9;
	o = go(&plan, &config);
	assert_int_equal(o.state, RUN_DONE);
	for (unsigned r = 0; r < 2; r++)
		for (unsigned i = 0; i < 2; i++) {
			double overhead = sink_state.at[r][i].overhead;

			/* 1e6 ticks are some 0.4 ms, which the middle of nine empty samples never reaches. */
			if (!(overhead > 0) || overhead > 1e6)
				fail_msg("round %u, position %u: %g ticks", r, i, overhead);
		}
	plan_free(&plan);
}

static void each_invocation_is_a_process_of_its_own(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2");
	struct run_config config = config_of(4);
	struct outcome o = go(&plan, &config);
	json_int_t pids[8], pads[8], same_pads = 0;
	size_t n = 0;

	(void)state;
	assert_int_equal(o.state, RUN_DONE);
	for (unsigned r = 0; r < 4; r++)
		for (unsigned i = 0; i < 2; i++, n++) {
			unsigned group = sink_state.at[r][i].group;

			pids[n] = told(r, i, "pid");
			pads[n] = told(r, i, "pad");
			assert_int_equal(told(r, i, "parent"), getpid());
			assert_int_equal(told(r, i, "cpus"), 1);
			assert_int_equal(told(r, i, "pinned"), 1);
			assert_int_equal(pads[n], told(r, i, "environment_pad"));
			assert_int_equal(told(r, i, "seed"), seed_derive(SEED, r, group, 2) >> 1);
			for (size_t k = 0; k < n; k++) {
				assert_int_not_equal(pids[k], pids[n]);
				same_pads += pads[k] == pads[n];
			}
		}
	/* S4: the environment's size is drawn anew. */
	assert_true(same_pads < 2);
	plan_free(&plan);
}

static void a_resumed_run_goes_on_where_it_ended(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2,3");
	struct run_config config = config_of(5);
	struct outcome o;
	unsigned order[3];

	(void)state;
	config.first_round = 3;
	o = go(&plan, &config);
	assert_int_equal(o.state, RUN_DONE);
	assert_int_equal(o.rounds, 2);
	for (unsigned r = 0; r < 2; r++) {
		plan_order(&plan, SEED, r + 3, order);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(sink_state.at[r][i].round, r + 3);
			assert_int_equal(sink_state.at[r][i].group, order[i]);
		}
	}
	plan_free(&plan);
}

static void a_named_cpu_is_used(void **state)
{
	struct plan plan = plan_of("telling", "n=1");
	struct run_config config = config_of(3);
	struct outcome o;

	(void)state;
	topo_pick(machine.topo, TOPO_ONE, (unsigned *)&config.cpu, 1);
	o = go(&plan, &config);
	assert_int_equal(o.state, RUN_DONE);
	for (unsigned r = 0; r < 3; r++)
		assert_int_equal(sink_state.at[r][0].cpu, config.cpu);
	plan_free(&plan);
}

static void the_drawn_cpus_are_equals(void **state)
{
	struct run_config config = config_of(1);
	unsigned cpus[1024], seen = 0;
	size_t n = topo_equals(machine.topo, cpus, 1024);

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		unsigned cpu = run_cpu(&machine, NULL, &config, round, 0), at = 0;

		while (at < n && cpus[at] != cpu)
			at++;
		assert_true(at < n);
		seen |= at < 2 ? 1u << at : 0;
	}
	assert_int_equal(seen, n > 1 ? 3 : 1);
}

static void what_disrupts_stays_on_the_first_cpu(void **state)
{
	static const struct bench_info rude = { .disruptive = "takes CPUs offline" };
	struct run_config config = config_of(1);
	unsigned first = UINT32_MAX;

	(void)state;
	topo_pick(machine.topo, TOPO_ONE, &first, 1);
	for (unsigned round = 0; round < 30; round++)
		assert_int_equal(run_cpu(&machine, &rude, &config, round, 0), first);
	config.cpu = 7;
	assert_int_equal(run_cpu(&machine, &rude, &config, 0, 0), 7);
}

/* ---- ends ---- */

static bool enough_at(void *ctx, unsigned rounds_done)
{
	return rounds_done == *(unsigned *)ctx;
}

static void enough_is_enough(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2");
	struct run_config config = config_of(20);
	unsigned at = 3;
	struct outcome o;

	(void)state;
	config.enough = enough_at;
	config.enough_ctx = &at;
	o = go(&plan, &config);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.state, RUN_DONE);
	assert_int_equal(o.rounds, 3);
	plan_free(&plan);
}

static void no_round_begins_that_would_end_beyond_the_budget(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2");
	struct run_config config = config_of(20);
	struct outcome o;

	(void)state;
	/* No process starts in a nanosecond: the first round is taken, and no other. */
	config.budget_ns = 1;
	o = go(&plan, &config);
	assert_int_equal(o.state, RUN_DONE);
	assert_int_equal(o.rounds, 1);
	/* And an hour is more than twenty of them need. */
	empty_sink(NULL);
	fresh_sink(NULL);
	config.rounds = 5;
	config.budget_ns = 3600000000000;
	o = go(&plan, &config);
	assert_int_equal(o.rounds, 5);
	plan_free(&plan);
}

static void rounds_that_fit_follow_from_budget_and_elapsed_time(void **state)
{
	static const struct {
		unsigned rounds, first, least;
		uint64_t budget_s, elapsed_s;
		unsigned done, fit;
	} cases[] = {
		{ 20, 0, 0, 0, 100, 1, 20 }, /* no budget */
		{ 20, 0, 0, 600, 100, 1, 6 },
		{ 20, 0, 0, 600, 102, 1, 6 }, /* 2 % beyond it is within it */
		{ 20, 0, 0, 600, 103, 1, 5 },
		{ 20, 0, 0, 600, 300, 4, 8 }, /* the mean of those that are done */
		{ 20, 0, 0, 600, 580, 6, 6 },
		{ 20, 0, 0, 600, 1, 1, 20 },  /* no more than there are */
		{ 20, 15, 0, 600, 1, 1, 5 },  /* that are left of a resumed run */
		{ 20, 0, 0, 60, 3600, 1, 1 }, /* what is done is done */
		{ 100000, 0, 0, 60, 0, 1, 100000 },
		{ 20, 0, 6, 60, 100, 1, 6 }, /* the least, whatever they take */
		{ 20, 4, 6, 60, 100, 1, 2 }, /* of which a resumed run has taken four */
		{ 20, 8, 6, 60, 100, 1, 1 },
		{ 3, 0, 6, 60, 100, 1, 3 }, /* no more than there are */
		{ 20, 0, 6, 600, 10, 1, 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run_config config = config_of(cases[i].rounds);
		unsigned fit;

		config.first_round = cases[i].first;
		config.least_rounds = cases[i].least;
		config.budget_ns = cases[i].budget_s * 1000000000;
		fit = run_rounds_that_fit(&config, cases[i].elapsed_s * 1000000000, cases[i].done);
		if (fit != cases[i].fit)
			fail_msg("case %zu: %u fit, not %u", i, fit, cases[i].fit);
	}
}

static void a_round_that_cannot_be_kept_ends_the_run(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2");
	struct run_config config = config_of(5);
	struct outcome o;

	(void)state;
	sink_state.fail_at = 2;
	o = go(&plan, &config);
	assert_int_equal(o.ret, -ENOSPC);
	assert_int_equal(o.state, RUN_FAILED);
	assert_int_equal(o.rounds, 2);
	assert_string_equal(o.why.text, "no space left on device");
	plan_free(&plan);
}

static void what_ends_an_invocation_ends_the_run_with_a_reason(void **state)
{
	static const struct {
		const char *bench, *parts[2];
	} cases[] = {
		{ "segv", { "killed by signal 11", "Segmentation fault" } },
		{ "refusing", { "the paint is out: buy \"more\"" } },
		{ "leaving", { "ended without a result" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan plan = plan_of(cases[i].bench, "n=1,2,3");
		struct run_config config = config_of(6);
		struct outcome o;

		fresh_sink(NULL);
		o = go(&plan, &config);
		if (o.ret >= 0 || o.state != RUN_FAILED)
			fail_msg("%s: %d, state %d", cases[i].bench, o.ret, o.state);
		/* The rounds before it are whole, the open one is gone. */
		assert_int_equal(o.rounds, FATAL_ROUND);
		for (unsigned p = 0; p < 2 && cases[i].parts[p]; p++)
			if (!strstr(o.why.text, cases[i].parts[p]))
				fail_msg("'%s' lacks '%s'", o.why.text, cases[i].parts[p]);
		empty_sink(NULL);
		plan_free(&plan);
	}
	fresh_sink(NULL);
}

/* ---- stopping ---- */

static void on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

static void stop_in_ms(unsigned ms)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval in = { .it_value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 } };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &in, NULL);
}

static void stopping_between_rounds_keeps_them(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2,3");
	struct run_config config = config_of(10);
	struct outcome o;

	(void)state;
	sink_state.stop_at = 2;
	o = go(&plan, &config);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.state, RUN_INTERRUPTED);
	assert_int_equal(o.rounds, 2);
	plan_free(&plan);
}

static void stopping_in_mid_round_keeps_whole_rounds_only(void **state)
{
	struct plan plan = plan_of("slow", "n=1,2,3");
	struct run_config config = config_of(10);
	struct outcome o;

	(void)state;
	/* Each invocation would take an hour. */
	config.slice_ns = 3600000000000;
	config.max_blocks = 1000000;
	stop_in_ms(300);
	o = go(&plan, &config);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.state, RUN_INTERRUPTED);
	assert_int_equal(o.rounds, 0);
	plan_free(&plan);
}

static void an_invocation_that_does_not_listen_is_killed(void **state)
{
	struct plan plan = plan_of("deaf", "n=1");
	struct run_config config = config_of(10);
	struct outcome o;

	(void)state;
	stop_in_ms(100);
	o = go(&plan, &config);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.state, RUN_INTERRUPTED);
	plan_free(&plan);
}

static void nothing_starts_once_stopped(void **state)
{
	struct plan plan = plan_of("deaf", "n=1");
	struct run_config config = config_of(10);
	struct outcome o;

	(void)state;
	stop = 1;
	o = go(&plan, &config);
	assert_int_equal(o.state, RUN_INTERRUPTED);
	assert_int_equal(o.rounds, 0);
	plan_free(&plan);
}

/* Is there a process whose parent is @parent? /proc/PID/task/TID/children is not everywhere. */
static bool has_child(pid_t parent)
{
	DIR *dir = opendir("/proc");
	bool found = false;
	struct dirent *d;

	assert_non_null(dir);
	while (!found && (d = readdir(dir))) {
		char path[300];
		int ppid = -1;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		found = fscanf(f, "%*d (%*[^)]) %*c %d", &ppid) == 1 && ppid == parent;
		fclose(f);
	}
	closedir(dir);
	return found;
}

/*
 * LeakSanitizer looks at an invocation that exits from a process of its own, which SIGKILL of the
 * invocation may leave behind, asleep for good: another orphan, and not one of ours.
 */
static void without_leak_checks(void)
{
	const char *options = getenv("ASAN_OPTIONS");
	char text[512];

	snprintf(text, sizeof(text), "%s%sdetect_leaks=0", options ? options : "",
		 options ? ":" : "");
	setenv("ASAN_OPTIONS", text, 1);
}

/* A run that is killed, at whatever moment, takes its invocation with it. */
static void no_invocation_outlives_its_run(void **state)
{
	struct plan plan = plan_of("deaf", "n=1");
	struct run_config config = config_of(1);

	(void)state;
	/* Orphans become ours, so that waiting for them proves that they end. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	/* From when it is forked to when it samples. */
	for (unsigned delay_us = 0; delay_us < 40000; delay_us += 2000) {
		pid_t run = fork();
		enum run_state how;
		unsigned rounds;

		if (!run) {
			without_leak_checks();
			run_loop(&plan, &machine, &config, &sink, &how, &rounds, NULL);
			_exit(0);
		}
		while (!has_child(run)) {
			/* It has no end of its own: what it could not start would never be seen. */
			assert_int_equal(waitpid(run, NULL, WNOHANG), 0);
			usleep(100);
		}
		usleep(delay_us);
		assert_int_equal(kill(run, SIGKILL), 0);
		/* ctest's time limit is that of an invocation that stays. */
		while (waitpid(-1, NULL, 0) > 0)
			;
		assert_int_equal(errno, ECHILD);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	plan_free(&plan);
}

/* ---- progress ---- */

static void progress_is_one_line_and_is_wiped(void **state)
{
	struct plan plan = plan_of("telling", "n=1,2");
	struct run_config config = config_of(3);
	char *text = NULL;
	size_t bytes = 0;
	struct outcome o;

	(void)state;
	config.progress = tmpfile();
	assert_non_null(config.progress);
	o = go(&plan, &config);
	assert_int_equal(o.state, RUN_DONE);
	rewind(config.progress);
	assert_true(getdelim(&text, &bytes, '\0', config.progress) > 0);
	assert_non_null(strstr(text, "round 1 of 3, telling n="));
	assert_non_null(strstr(text, "round 3 of 3, telling n="));
	assert_non_null(strstr(text, " left: "));
	assert_null(strchr(text, '\n'));
	/* The last thing is the wiping. */
	assert_string_equal(text + strlen(text) - 4, "\r\033[K");
	free(text);
	fclose(config.progress);
	plan_free(&plan);
}

static void time_left_is_no_more_than_the_budget_leaves(void **state)
{
	struct progress p;
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = tmpfile();

	(void)state;
	assert_non_null(to);
	/* 1000 steps of an hour each. */
	progress_begin(&p, to, 1000, 3600000000000);
	p.budget_ns = 1;
	progress_show(&p);
	rewind(to);
	assert_true(getdelim(&text, &bytes, '\0', to) > 0);
	assert_non_null(strstr(text, " 0 ns left: "));
	free(text);
	fclose(to);
}

static void an_estimate_counts_every_invocation(void **state)
{
	struct plan one = plan_of("telling", "n=1"), four = plan_of("telling", "n=1,2,3,4");
	struct run_config config = config_of(10);

	(void)state;
	assert_int_equal(run_estimate_ns(&four, &config), 4 * run_estimate_ns(&one, &config));
	assert_true(run_estimate_ns(&one, &config) > 10 * config.slice_ns);
	plan_free(&one);
	plan_free(&four);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh_sink, empty_sink)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(rounds_arrive_whole_and_in_order),
		TEST(child_with_another_overhead_than_the_parent_reports_its_own),
		TEST(each_invocation_is_a_process_of_its_own),
		TEST(a_resumed_run_goes_on_where_it_ended),
		TEST(a_named_cpu_is_used),
		TEST(the_drawn_cpus_are_equals),
		TEST(what_disrupts_stays_on_the_first_cpu),
		TEST(enough_is_enough),
		TEST(no_round_begins_that_would_end_beyond_the_budget),
		TEST(rounds_that_fit_follow_from_budget_and_elapsed_time),
		TEST(time_left_is_no_more_than_the_budget_leaves),
		TEST(a_round_that_cannot_be_kept_ends_the_run),
		TEST(what_ends_an_invocation_ends_the_run_with_a_reason),
		TEST(stopping_between_rounds_keeps_them),
		TEST(stopping_in_mid_round_keeps_whole_rounds_only),
		TEST(an_invocation_that_does_not_listen_is_killed),
		TEST(nothing_starts_once_stopped),
		TEST(no_invocation_outlives_its_run),
		TEST(progress_is_one_line_and_is_wiped),
		TEST(an_estimate_counts_every_invocation),
	};

	if (argc == 2 && !strcmp(argv[1], RUN_CHILD_ARG))
		return run_child(RUN_CHILD_FD, find);
	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
