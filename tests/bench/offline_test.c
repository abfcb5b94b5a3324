// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hooks of offline on a made-up machine: a synthetic topology, a /sys in which a CPU is as
 * offline as its file says, a module that is not there. What the benchmark does to the machine goes
 * through functions that the linker wraps; each writes a letter into a log.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/ops/flusher.h"
#include "bench/ops/lines.h"
#include "harness/machine/hotplug.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"
#include "tests/bench/kmod/fake_client.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CPU_DIR	      "/sys/devices/system/cpu/cpu"
/* CPUs 0 and 1, 2 and 3 are hyperthreads of a core. */
#define MACHINE	  "pack:1 l3:1(size=3145728) core:2 pu:2"
#define LLC	  3145728ul
#define SETTLE_NS 50000000

/* ---- the log ---- */

static struct {
	char log[64];
	size_t dirtied;
	int set_error;	   /* what setting it offline or online fails with */
	bool does_nothing; /* it succeeds, and the CPU stays as it is */
	int alloc_error, bind_error, examine_error;
	unsigned examined; /* arms that flush */
	bool elsewhere;	   /* another process takes CPUs offline */
	double value[2];
	int series[2], n_values;
} seen;

static struct tree tree;

static bool has_note(void)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/run/tdcost.offline", tree.root);
	return !access(path, F_OK);
}

static void note(char c)
{
	size_t n = strlen(seen.log);

	assert_true(n + 1 < sizeof(seen.log));
	seen.log[n] = c;
	seen.log[n + 1] = '\0';
}

int __real_hotplug_set(const struct hotplug *h, bool online);
int __wrap_hotplug_set(const struct hotplug *h, bool online);
int __wrap_topo_bind_thread(const struct topo *topo, unsigned cpu, struct reason *why);
int __wrap_topo_bind_memory(const struct topo *topo, unsigned cpu, void *addr, size_t bytes,
			    struct reason *why);
void __wrap_lines_dirty(char *base, size_t bytes, const char *random);
int __real_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
int __wrap_flusher_examine(struct flusher *f, struct bench_ctx *ctx, const struct flusher_arm *arms,
			   const struct tick_clock *clock, const struct level_info *names,
			   struct reason *why);
int __real_nanosleep(const struct timespec *want, struct timespec *left);
int __wrap_nanosleep(const struct timespec *want, struct timespec *left);
void __wrap_bench_value(struct bench_values *out, int series, double value);

int __wrap_hotplug_set(const struct hotplug *h, bool online)
{
	note(online ? '+' : '-');
	if (seen.set_error || seen.does_nothing)
		return seen.set_error;
	return __real_hotplug_set(h, online);
}

/* The number of the CPU to which the thread goes. */
int __wrap_topo_bind_thread(const struct topo *topo, unsigned cpu, struct reason *why)
{
	(void)topo;
	note((char)('0' + cpu));
	return seen.bind_error ? reason_set(why, seen.bind_error, "it is bound elsewhere") : 0;
}

/* Where the CPU that dirties it is. */
int __wrap_topo_bind_memory(const struct topo *topo, unsigned cpu, void *addr, size_t bytes,
			    struct reason *why)
{
	(void)topo;
	(void)addr;
	(void)why;
	assert_int_equal(cpu, 2);
	assert_int_equal(bytes % (2u << 20), 0);
	return 0;
}

void __wrap_lines_dirty(char *base, size_t bytes, const char *random)
{
	note('d');
	seen.dirtied = bytes;
	/* All of it is there. */
	for (size_t at = 0; at < bytes; at += 4096)
		base[at] = random[0];
}

int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why)
{
	if (seen.alloc_error)
		return reason_set(why, seen.alloc_error, "the memory is gone");
	return __real_mem_alloc(m, backing, bytes, offset, place, ctx, why);
}

/* Whether a flush flushes is told by real caches only. */
int __wrap_flusher_examine(struct flusher *f, struct bench_ctx *of, const struct flusher_arm *arms,
			   const struct tick_clock *clock, const struct level_info *names,
			   struct reason *why)
{
	assert_int_equal(f->k.fd >= 0, fake.opened);
	assert_true(clock->hz > 0);
	assert_string_equal(names[TDCOST_WBINVD].name, "wbinvd");
	/* No CPU is under guard meanwhile. */
	assert_int_equal(has_note(), seen.elsewhere);
	for (unsigned i = 0; i < of->n_arms; i++)
		if (arms[i].op == TDCOST_WBINVD)
			seen.examined++;
		else
			assert_int_equal(arms[i].op, TDCOST_NOTHING);
	return seen.examine_error ? reason_set(why, seen.examine_error, "nobody can tell") : 0;
}

int __wrap_nanosleep(const struct timespec *want, struct timespec *left)
{
	if (want->tv_nsec != SETTLE_NS)
		return __real_nanosleep(want, left);
	note('s');
	return 0;
}

void __wrap_bench_value(struct bench_values *out, int series, double value)
{
	(void)out;
	assert_true(seen.n_values < 2);
	seen.series[seen.n_values] = series;
	seen.value[seen.n_values++] = value;
}

static void flushed(void *ctx, enum tdcost_op op, unsigned cpu)
{
	(void)ctx;
	assert_int_equal(op, TDCOST_WBINVD);
	note('f');
	note((char)('0' + cpu));
}

/* ---- one process's worth ---- */

static struct machine machine;
static struct plan plan;
static struct bench_ctx ctx;
static void *bench_state;

static int tell_series(struct bench_ctx *of, unsigned metric, const char *subject)
{
	assert_ptr_equal(of, &ctx);
	assert_string_equal(subject, "cpu 2");
	return (int)metric * 10;
}

static void make_machine(const char *synthetic)
{
	struct reason why = { "" };

	topo_close(machine.topo);
	machine = (struct machine){ .root = tree.root };
	cpu_detect(&machine.cpu);
	if (topo_open(&machine.topo, synthetic, &why))
		fail_msg("%s", why.text);
	fake_reset(machine.topo);
	fake.flush = flushed;
	fake.flush_ticks = 4711;
}

static int open_machine(void **state)
{
	static const struct tree_file files[] = {
		{ CPU_DIR "0/online", "1\n" },
		{ CPU_DIR "1/online", "1\n" },
		{ CPU_DIR "2/online", "1\n" },
		{ CPU_DIR "3/online", "1\n" },
		{ "/proc/sys/kernel/random/boot_id", "b007\n" },
		{ "/proc/sys/kernel/osrelease", "6.12.1\n" },
		{ "/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: monitor clflush\n" },
		{ "/proc/meminfo", "MemAvailable:    1048576 kB\n" },
		{ "/run/.keep", "" },
	};

	(void)state;
	memset(&seen, 0, sizeof(seen));
	tree_make(&tree);
	tree_write_all(&tree, files, ARRAY_SIZE(files));
	machine.topo = NULL;
	make_machine(MACHINE);
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	if (bench_state)
		offline_bench.teardown(bench_state);
	bench_state = NULL;
	json_decref(ctx.facts);
	ctx.facts = NULL;
	plan_free(&plan);
	topo_close(machine.topo);
	tree_remove(&tree);
	/* Neither a guard nor a file of the module is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(fake.opened, 0);
	return 0;
}

static int online(unsigned cpu)
{
	char path[160], c = 0;
	int fd;

	snprintf(path, sizeof(path), "%s" CPU_DIR "%u/online", tree.root, cpu);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	return c == '1';
}

static int plan_with(const char *const *settings, size_t n, struct reason *why)
{
	plan_free(&plan);
	plan.allow_disruptive = true;
	return plan_add(&plan, &machine, &offline_bench, settings, n, why);
}

static int set_up(unsigned cpu, struct reason *why)
{
	assert_int_equal(plan.n_groups, 1);
	json_decref(ctx.facts);
	ctx = (struct bench_ctx){
		.machine = &machine,
		.arms = plan.groups[0].arms,
		.n_arms = plan.groups[0].n_arms,
		.cpu = cpu,
		.facts = json_object(),
		.series = tell_series,
	};
	return offline_bench.setup(&ctx, &bench_state, why);
}

static void open_bench(const char *action, const char *dirty, const char *flush)
{
	const char *settings[] = { action, dirty, flush };
	struct reason why = { "" };

	if (plan_with(settings, 3, &why) || set_up(0, &why))
		fail_msg("%s", why.text);
}

/* ---- a sample ---- */

static void a_sample_is_prepared_and_taken_in_order(void **state)
{
	/* CPU 0 measures, 2 goes: + and - set it, s settles, d dirties, f2 flushes. */
	static const struct {
		const char *action, *dirty, *flush;
		const char *first, *second; /* the CPU being online, and as the first left it */
		size_t dirtied;
	} cases[] = {
		{ "action=offline", "dirty=0", "flush=none", "s-", "+s-", 0 },
		{ "action=offline", "dirty=100", "flush=none", "s2d0-", "+s2d0-", LLC },
		{ "action=offline", "dirty=0", "flush=once", "sf2-", "+sf2-", 0 },
		{ "action=offline", "dirty=50", "flush=twice", "s2d0f2f2-", "+s2d0f2f2-", LLC / 2 },
		{ "action=online", "dirty=0", "flush=none", "-s+", "-s+", 0 },
		{ "action=cycle", "dirty=0", "flush=none", "s-+", "s-+", 0 },
		{ "action=cycle", "dirty=150", "flush=twice", "s2d0f2f2-+", "s2d0f2f2-+",
		  LLC / 2 * 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const want[] = { cases[i].first, cases[i].second };

		open_bench(cases[i].action, cases[i].dirty, cases[i].flush);
		for (int k = 0; k < 2; k++) {
			seen.log[0] = '\0';
			offline_bench.prepare(bench_state, 0);
			assert_int_equal(offline_bench.sample(bench_state, 0, 1), 1);
			if (strcmp(seen.log, want[k]))
				fail_msg("case %zu: %s", i, seen.log);
		}
		assert_int_equal(seen.dirtied, cases[i].dirtied);
		assert_int_equal(online(2), strcmp(cases[i].action, "action=offline") != 0);
		assert_int_equal(offline_bench.finish(bench_state, NULL), 0);
		offline_bench.teardown(bench_state);
		bench_state = NULL;
		assert_int_equal(online(2), 1);
		seen.dirtied = 0;
	}
	assert_false(offline_bench.repeatable);
}

static void flushes_become_values(void **state)
{
	static const struct {
		const char *flush;
		int n;
	} cases[] = { { "flush=none", 0 }, { "flush=once", 1 }, { "flush=twice", 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_bench("action=offline", "dirty=0", cases[i].flush);
		offline_bench.prepare(bench_state, 0);
		offline_bench.sample(bench_state, 0, 1);
		seen.n_values = 0;
		offline_bench.values(bench_state, 0, NULL);
		assert_int_equal(seen.n_values, cases[i].n);
		for (int k = 0; k < seen.n_values; k++) {
			/* first is metric 1, second metric 2. */
			assert_int_equal(seen.series[k], (k + 1) * 10);
			assert_true(seen.value[k] == 4711);
		}
		offline_bench.teardown(bench_state);
		bench_state = NULL;
	}
	assert_string_equal(offline_bench.metrics[1].name, "first");
	assert_string_equal(offline_bench.metrics[2].name, "second");
}

static void every_arm_proves_itself(void **state)
{
	struct reason why = { "" };

	(void)state;
	open_bench("action=offline,online,cycle", "dirty=0,100", "flush=none,once,twice");
	/* A CPU that comes online brings nothing along. */
	assert_int_equal(ctx.n_arms, 2 * 2 * 3 + 1);
	for (int round = 0; round < 2; round++)
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			seen.log[0] = '\0';
			if (offline_bench.verify(bench_state, arm, &why))
				fail_msg("arm %u: %s", arm, why.text);
		}
}

/* ---- what does not work is found ---- */

static void what_does_not_happen_is_found(void **state)
{
	static const struct {
		const char *action, *flush;
		bool nothing;
		int set_error, bind_error;
		enum fake_fault fault;
		const char *want;
	} cases[] = {
		{ "action=offline", "flush=none", true, 0, 0, FAKE_FINE,
		  "CPU 2 is online behind action=offline" },
		{ "action=offline", "flush=none", false, -EBUSY, 0, FAKE_FINE,
		  "CPU 2 is online behind action=offline" },
		{ "action=cycle", "flush=none", false, -EBUSY, 0, FAKE_FINE,
		  "CPU 2 did not go offline: Device or resource busy" },
		{ "action=cycle", "flush=once", false, 0, 0, FAKE_NOT,
		  "CPU 2 answered without executing it" },
		{ "action=cycle", "flush=once", false, 0, 0, FAKE_WRONG_CPU, "CPU 0 was asked" },
		{ "action=cycle", "flush=once", false, 0, 0, FAKE_SILENT, "a CPU did not answer" },
		{ "action=cycle", "flush=twice", false, 0, 0, FAKE_BROKEN,
		  "a CPU has not answered" },
		{ "action=cycle", "flush=none", false, 0, -EINVAL, FAKE_FINE,
		  "it is bound elsewhere" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		open_bench(cases[i].action, "dirty=100", cases[i].flush);
		seen.log[0] = '\0';
		seen.does_nothing = cases[i].nothing;
		seen.set_error = cases[i].set_error;
		seen.bind_error = cases[i].bind_error;
		fake.fault = cases[i].fault;
		fake.fault_cpu = 2;
		assert_int_equal(offline_bench.verify(bench_state, 0, &why), -EFAULT);
		if (!strstr(why.text, cases[i].want))
			fail_msg("case %zu: %s", i, why.text);
		/* What went wrong once is told again at the end. */
		if (!cases[i].nothing)
			assert_int_equal(offline_bench.finish(bench_state, &why), -EFAULT);
		offline_bench.teardown(bench_state);
		bench_state = NULL;
		seen.set_error = seen.bind_error = seen.does_nothing = 0;
		fake.fault = FAKE_FINE;
	}
}

/* ---- setting up ---- */

static void setup_says_which_cpu_goes_and_how(void **state)
{
	json_t *f;

	(void)state;
	open_bench("action=offline", "dirty=0", "flush=none");
	f = ctx.facts;
	assert_int_equal(json_integer_value(json_object_get(f, "offline_cpu")), 2);
	assert_int_equal(json_integer_value(json_object_get(f, "llc_bytes")), LLC);
	assert_string_equal(json_string_value(json_object_get(f, "play_dead")), "mwait_play_dead");
	assert_int_equal(json_integer_value(json_object_get(f, "play_dead_flushes")), 1);
	assert_non_null(strstr(json_string_value(json_object_get(f, "play_dead_from")), "6.12.1"));
	/* Nobody asked for the module. */
	assert_int_equal(fake.opened, 0);
	offline_bench.teardown(bench_state);
	bench_state = NULL;
	tree_write(&tree, "/proc/sys/kernel/osrelease", "6.15.3\n");
	open_bench("action=offline", "dirty=0", "flush=none");
	assert_string_equal(json_string_value(json_object_get(ctx.facts, "play_dead")), "unknown");
	assert_true(json_is_null(json_object_get(ctx.facts, "play_dead_flushes")));
}

static void a_setup_that_fails_leaves_nothing(void **state)
{
	static const char *const settings[] = { "action=offline", "dirty=100", "flush=once" };
	struct reason why = { "" };
	struct hotplug *other;

	(void)state;
	assert_int_equal(plan_with(settings, 3, &why), 0);
	seen.alloc_error = -ENOMEM;
	assert_int_equal(set_up(0, &why), -ENOMEM);
	assert_string_equal(why.text, "the memory is gone");
	assert_int_equal(seen.examined, 1);
	seen.alloc_error = 0;
	seen.examine_error = -ETIME;
	assert_int_equal(set_up(0, &why), -ETIME);
	assert_string_equal(why.text, "nobody can tell");
	seen.examine_error = 0;
	fake.missing = "the module went away";
	assert_int_equal(set_up(0, &why), -ENOTSUP);
	assert_string_equal(why.text, "the module went away");
	fake.missing = NULL;
	/* Seen from the CPU that --cpu names another one may go, or none. */
	assert_int_equal(hotplug_open(&other, tree.root, 1, &why), 0);
	seen.elsewhere = true;
	assert_int_equal(set_up(0, &why), -EBUSY);
	hotplug_close(other);
	seen.elsewhere = false;
	tree_write(&tree, CPU_DIR "1/online", "0\n");
	assert_int_equal(set_up(2, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "no CPU of another core that may go offline"));
	assert_null(bench_state);
	for (unsigned cpu = 2; cpu < 4; cpu++)
		assert_int_equal(online(cpu), 1);
}

static void a_number_that_measures_itself_is_refused(void **state)
{
	static const char *const settings[] = { "cpu=2", "flush=none", "dirty=0" };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(plan_with(settings, 3, &why), 0);
	assert_int_equal(set_up(2, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "CPU 2 is the one that measures"));
	assert_int_equal(set_up(1, &why), 0);
	assert_int_equal(json_integer_value(json_object_get(ctx.facts, "offline_cpu")), 2);
}

/* ---- what can run, and which CPU goes ---- */

static void what_cannot_be_done_is_skipped(void **state)
{
	static const struct {
		const char *machine, *settings[3];
		const char *missing; /* file that is removed before */
		const char *reason;
	} cases[] = {
		{ "pack:1 core:1 pu:1",
		  { "cpu=auto", "dirty=0", "flush=none" },
		  NULL,
		  "no CPU of another core that may go offline: there is none" },
		{ MACHINE, { "cpu=core", "dirty=0", "flush=none" }, NULL, NULL },
		{ MACHINE, { "cpu=sibling", "dirty=0", "flush=none" }, NULL, NULL },
		{ MACHINE,
		  { "cpu=sibling", "dirty=0", "flush=none" },
		  CPU_DIR "1/online",
		  "no other hyperthread that may go offline: CPU 1 cannot go offline" },
		{ "pack:1 core:2 pu:1",
		  { "cpu=sibling", "dirty=0", "flush=none" },
		  NULL,
		  "no other hyperthread that may go offline: there is none" },
		{ MACHINE, { "cpu=3", "dirty=0", "flush=none" }, NULL, NULL },
		{ MACHINE, { "cpu=4", "dirty=0", "flush=none" }, NULL, "CPU 4 is not there" },
		{ MACHINE,
		  { "cpu=10000", "dirty=0", "flush=none" },
		  NULL,
		  "CPU 10000 is not there" },
		{ MACHINE, { "dirty=150", "cpu=core", "flush=none" }, NULL, NULL },
		{ MACHINE,
		  { "dirty=151", "cpu=core", "flush=none" },
		  NULL,
		  "dirty=151: 150 % at most" },
		{ "pack:1 core:2 pu:1",
		  { "dirty=1", "cpu=core", "flush=none" },
		  NULL,
		  "the size of CPU 1's LLC is not known" },
		{ MACHINE,
		  { "action=online", "dirty=1", "flush=none" },
		  NULL,
		  "a CPU that comes online brings nothing in its caches" },
		{ MACHINE,
		  { "action=online", "dirty=0", "flush=once" },
		  NULL,
		  "a CPU that comes online brings nothing in its caches" },
		{ MACHINE, { "flush=once", "dirty=0", "cpu=core" }, "the module", "no module" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		make_machine(cases[i].machine);
		if (cases[i].missing && *cases[i].missing == '/')
			tree_unlink(&tree, cases[i].missing);
		else if (cases[i].missing)
			fake.missing = "no module";
		if (plan_with(cases[i].settings, 3, &why))
			fail_msg("case %zu: %s", i, why.text);
		if ((plan.cells[0].state == CELL_PLANNED) != !cases[i].reason)
			fail_msg("case %zu: %s", i, plan.cells[0].reason.text);
		if (cases[i].reason && !strstr(plan.cells[0].reason.text, cases[i].reason))
			fail_msg("case %zu: %s", i, plan.cells[0].reason.text);
		if (!cases[i].reason)
			assert_string_equal(plan.cells[0].reason.text, "");
		tree_write(&tree, CPU_DIR "1/online", "1\n");
	}
}

static void dirt_that_does_not_fit_refuses_the_run(void **state)
{
	static const char *const settings[] = { "dirty=100" };
	struct reason why = { "" };

	(void)state;
	make_machine("pack:1 l3:1(size=8589934592) core:2 pu:1");
	assert_int_equal(plan_with(settings, 1, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "do not fit"));
}

static void the_boot_cpu_has_no_number(void **state)
{
	static const char *const settings[] = { "cpu=0" };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(plan_with(settings, 1, &why), -EINVAL);
}

static void auto_is_another_core_where_there_is_one(void **state)
{
	static const struct {
		const char *machine, *gone, *level;
		unsigned cpu;
	} cases[] = {
		{ MACHINE, NULL, "core", 2 },
		{ MACHINE, CPU_DIR "2/online", "core", 3 },
		{ "pack:1 l3:1 core:1 pu:2", NULL, "sibling", 1 },
		{ "pack:2 l3:1 core:2 pu:1", NULL, "core", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const settings[] = { "cpu=auto", "dirty=0", "flush=none" };
		struct reason why = { "" };

		make_machine(cases[i].machine);
		if (cases[i].gone)
			tree_unlink(&tree, cases[i].gone);
		assert_int_equal(plan_with(settings, 3, &why), 0);
		if (set_up(0, &why))
			fail_msg("case %zu: %s", i, why.text);
		assert_string_equal(ctx.arms[0].levels[1].text, cases[i].level);
		assert_int_equal(json_integer_value(json_object_get(ctx.facts, "offline_cpu")),
				 cases[i].cpu);
		offline_bench.teardown(bench_state);
		bench_state = NULL;
		tree_write(&tree, CPU_DIR "2/online", "1\n");
	}
}

static void it_asks_for_permission(void **state)
{
	struct plan bare = { 0 };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(plan_add(&bare, &machine, &offline_bench, NULL, 0, &why), 0);
	assert_int_equal(bare.n_groups, 0);
	assert_string_equal(bare.cells[0].reason.text,
			    "it takes CPUs offline and brings them back; run with "
			    "--allow-disruptive");
	plan_free(&bare);
	assert_true(offline_bench.sleeps);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_machine, close_machine)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_sample_is_prepared_and_taken_in_order),
		TEST(flushes_become_values),
		TEST(every_arm_proves_itself),
		TEST(what_does_not_happen_is_found),
		TEST(setup_says_which_cpu_goes_and_how),
		TEST(a_setup_that_fails_leaves_nothing),
		TEST(a_number_that_measures_itself_is_refused),
		TEST(what_cannot_be_done_is_skipped),
		TEST(dirt_that_does_not_fit_refuses_the_run),
		TEST(the_boot_cpu_has_no_number),
		TEST(auto_is_another_core_where_there_is_one),
		TEST(it_asks_for_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
