// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The benchmark vm on this machine's KVM. Where there is none the program says so and exits with
 * 77, which ctest shows as a skipped test and scripts/test takes as a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/kvm/guest.h"
#include "bench/kvm/holder.h"
#include "bench/list.h"
#include "bench/vm.h"
#include "harness/measure/design.h"
#include "tests/sanitized.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_SERIES    32
#define SETTINGS      6
#define SAMPLES	      3
#define MAX_REST      0.05 /* of a sample, in no phase */

static struct machine machine;

/* What the sampler would have kept of one sample. */
static struct {
	char name[MAX_SERIES][64]; /* "METRIC SUBJECT" */
	int n;
	double value[MAX_SERIES];
	unsigned given[MAX_SERIES];
	enum trust_flag flags[8];
	unsigned n_flags;
	double ticks;
} seen;

void __wrap_bench_value(struct bench_values *out, int series, double value);
double __wrap_bench_sample_ticks(const struct bench_values *out);

void __wrap_bench_value(struct bench_values *out, int series, double value)
{
	(void)out;
	assert_in_range(series, 0, seen.n - 1);
	seen.value[series] = value;
	seen.given[series]++;
}

double __wrap_bench_sample_ticks(const struct bench_values *out)
{
	(void)out;
	return seen.ticks;
}

/* A node that the machine is said to have its CPU on; -1: the machine is asked. */
static int pretended = -1;

int __real_topo_node_number(const struct topo *topo, unsigned cpu);
int __wrap_topo_node_number(const struct topo *topo, unsigned cpu);
int __real_topo_bind_allocations(const struct topo *topo, unsigned cpu, struct reason *why);
int __wrap_topo_bind_allocations(const struct topo *topo, unsigned cpu, struct reason *why);
static unsigned bound;

int __wrap_topo_node_number(const struct topo *topo, unsigned cpu)
{
	return pretended < 0 ? __real_topo_node_number(topo, cpu) : pretended;
}

int __wrap_topo_bind_allocations(const struct topo *topo, unsigned cpu, struct reason *why)
{
	bound++;
	return __real_topo_bind_allocations(topo, cpu, why);
}

static int new_series(struct bench_ctx *ctx, unsigned metric, const char *subject)
{
	char name[64];

	(void)ctx;
	snprintf(name, sizeof(name), "%s %s", vm_bench.metrics[metric].name, subject);
	for (int i = 0; i < seen.n; i++)
		if (!strcmp(seen.name[i], name))
			return i;
	assert_true(seen.n < MAX_SERIES);
	memcpy(seen.name[seen.n], name, sizeof(name));
	return seen.n++;
}

static void keep_flag(struct bench_ctx *ctx, enum trust_flag flag, int arm, const char *detail)
{
	(void)ctx;
	(void)arm;
	assert_true(strlen(detail) > 0);
	if (seen.n_flags < ARRAY_SIZE(seen.flags))
		seen.flags[seen.n_flags++] = flag;
}

static void no_failure(struct bench_ctx *ctx, int err, const struct reason *why)
{
	(void)ctx;
	fail_msg("%d: %s", err, why->text);
}

static double value(const char *name)
{
	for (int i = 0; i < seen.n; i++)
		if (!strcmp(seen.name[i], name))
			return seen.given[i] ? seen.value[i] : -1;
	return -1;
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
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

static bool no_child(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* ---- the benchmark, as the sampler uses it ---- */

static void take(void *state, unsigned arm)
{
	uint64_t start;

	memset(seen.given, 0, sizeof(seen.given));
	vm_bench.prepare(state, arm);
	start = tick_start();
	assert_int_equal(vm_bench.sample(state, arm, 1), 1);
	seen.ticks = (double)(tick_start() - start);
	vm_bench.values(state, arm, NULL);
}

/* Return: the share of the sample that is in no phase. */
static double assert_phases(const struct cell *cell)
{
	bool killed = cell->levels[F_EXIT].number == EXIT_SIGKILL;
	double all = 0;

	assert_true(value("life create") > 0 && value("life populate") > 0);
	assert_true(value(killed ? "phase kill" : "phase vm") > 0);
	assert_true(killed ? value("empty-kill holder") > 0 : value("empty-kill holder") < 0);
	/* The clocks are read apart, the CPU's time a little earlier and later. */
	assert_true(killed ? value("ran thread") < 0
			   : value("ran thread") > 0 &&
				     value("ran thread") < seen.ticks * 1.1 + 1e6);
	for (int i = 0; i < seen.n; i++)
		if (!strncmp(seen.name[i], "phase ", 6) && seen.given[i] &&
		    strcmp(seen.name[i], "phase " PHASE_UNEXPLAINED)) {
			assert_true(seen.value[i] >= 0);
			all += seen.value[i];
		}
	/* The marks lie inside the sample, so what they leave is never less than nothing. */
	assert_true(all > 0 && all <= seen.ticks);
	assert_true(fabs(seen.ticks - all - value("phase " PHASE_UNEXPLAINED)) < seen.ticks * 1e-6);
	return (seen.ticks - all) / seen.ticks;
}

static void run_cell(const struct cell *cells, unsigned n)
{
	struct bench_ctx ctx = { .machine = &machine,
				 .arms = cells,
				 .n_arms = n,
				 .seed = 1,
				 .facts = json_object(),
				 .flag = keep_flag,
				 .give_up = no_failure,
				 .series = new_series };
	struct reason why = { "" };
	void *state = NULL;
	double rest = 1;

	memset(&seen, 0, sizeof(seen));
	if (vm_bench.setup(&ctx, &state, &why))
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < n; i++)
		if (vm_bench.verify(state, i, &why))
			fail_msg("%s", why.text);
	for (unsigned k = 0; k < SAMPLES * n; k++) {
		take(state, k % n);
		rest = fmin(rest, assert_phases(&cells[k % n]));
		if (cells[0].levels[F_REALLOC].number == WITH)
			assert_true(value(cells[0].levels[F_MEM].number == BACKING_GUEST_MEMFD
						  ? "realloc anonymous memory in place of a "
						    "guest_memfd"
						  : "realloc memory") > 0);
	}
	/* Who interrupts a sample between the marks does not do so in all of them. */
	assert_true(rest < MAX_REST);
	if (vm_bench.finish(state, &why))
		fail_msg("%s", why.text);
	vm_bench.teardown(state);
	assert_non_null(json_object_get(ctx.facts, "kvm_module"));
	json_decref(ctx.facts);
	assert_true(no_child());
}

static size_t count(const char *const *settings)
{
	size_t n = 0;

	while (n < SETTINGS && settings[n])
		n++;
	return n;
}

static void lives_of_every_kind(void **state)
{
	static const char *const settings[][SETTINGS] = {
		{ "mem=anon,guest_memfd,thp", "size=16M", "exit=ordered,sigkill", NULL },
		{ "mem=anon,guest_memfd,thp,hugetlb", "size=4M", "vcpus=1,3,8", NULL },
		{ "mem=anon", "size=4M", "populate=guest,host,prefault", NULL },
		{ "mem=anon,guest_memfd", "size=4M", "quirk=on,off,none", "source=zero,pattern",
		  "insn=clzero,ntstore512,rep_stosb,memset,movdir64b", NULL },
		{ "mem=anon,guest_memfd", "size=8M", "quirk=on", "exit=ordered,sigkill",
		  "realloc=on", NULL },
		{ "type=plain,sw_protected,tdx", "mem=guest_memfd", "size=4M",
		  "populate=guest,prefault", NULL },
	};
	unsigned before = open_files();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		struct plan plan = { 0 };
		struct reason why = { "" };

		if (plan_add(&plan, &machine, &vm_bench, settings[i], count(settings[i]), &why))
			fail_msg("%s", why.text);
		assert_true(plan.n_groups > 0);
		for (unsigned g = 0; g < plan.n_groups; g++)
			run_cell(plan.groups[g].arms, plan.groups[g].n_arms);
		plan_free(&plan);
	}
	assert_int_equal(open_files(), before);
}

static void paging_that_is_not_two_dimensional_is_flagged(void **state)
{
	static const char *const settings[] = { "size=2M" };
	struct kvm_module module;
	struct plan plan = { 0 };
	bool flagged = false;

	(void)state;
	kvm_module_look("", &module);
	assert_int_equal(plan_add(&plan, &machine, &vm_bench, settings, 1, NULL), 0);
	run_cell(plan.groups[0].arms, 1);
	for (unsigned i = 0; i < seen.n_flags; i++)
		flagged |= seen.flags[i] == FLAG_NO_TWO_DIMENSIONAL_PAGING;
	assert_int_equal(flagged, module.tdp_known && !module.tdp);
	plan_free(&plan);
}

/* Its pages are asked for: they lie on the only node that there is, and not on another. */
static void memory_on_another_node_is_found_out(void **state)
{
	static const char *const settings[] = { "size=4M", "mem=anon,thp,guest_memfd" };
	struct plan plan = { 0 };

	(void)state;
	assert_int_equal(plan_add(&plan, &machine, &vm_bench, settings, 2, NULL), 0);
	for (unsigned g = 0; g < plan.n_groups; g++) {
		struct bench_ctx ctx = { .machine = &machine,
					 .arms = plan.groups[g].arms,
					 .n_arms = plan.groups[g].n_arms,
					 .seed = 1,
					 .facts = json_object(),
					 .flag = keep_flag,
					 .give_up = no_failure,
					 .series = new_series };
		struct reason why = { "" };
		void *of = NULL;

		memset(&seen, 0, sizeof(seen));
		bound = 0;
		pretended = 63;
		if (vm_bench.setup(&ctx, &of, &why))
			fail_msg("%s", why.text);
		assert_int_equal(bound, 1);
		assert_int_equal(vm_bench.verify(of, 0, &why), -EFAULT);
		assert_non_null(strstr(why.text, ", not on 63"));
		pretended = -1;
		vm_bench.teardown(of);
		json_decref(ctx.facts);
	}
	plan_free(&plan);
}

/* ---- the clearing of pages ---- */

static long minor_faults(void)
{
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	return use.ru_minflt;
}

static void clear_page(char *dst, size_t bytes, const char *src)
{
	memset(dst, *src, bytes);
}

/* Whoever made the guest's mapping, the process has its own of all that it clears. */
static void assert_no_faults(const struct kvm_host *host, const struct vm_spec *spec)
{
	struct reason why = { "" };
	struct vm vm;
	long before;

	if (vm_create(&vm, host, spec, &why) || vm_populate(&vm, &why))
		fail_msg("%s", why.text);
	minor_faults(); /* what looking takes */
	before = minor_faults();
	vm_reset(&vm);
	/* A sanitizer has shadows of the pages, which are faulted in too. */
	assert_true(SANITIZED || minor_faults() == before);
	assert_int_equal(vm_destroy(&vm, NULL, &why), 0);
}

static void clearing_faults_nothing_in(void **state)
{
	char source[64] = "x";
	struct vm_spec spec = {
		.bytes = 8 << 20, .vcpus = 1, .reset = clear_page, .source = source
	};
	unsigned looked = 0;
	struct kvm_host host;

	(void)state;
	assert_int_equal(kvm_host_open(&host, &kvm_sys_host, "", NULL), 0);
	for (unsigned b = 0; b < BACKING_MAX; b++)
		for (unsigned p = VM_BY_GUEST; p <= VM_BY_HOST; p++) {
			spec.backing = (enum backing_kind)b;
			spec.populate = (enum vm_populate)p;
			if (b == BACKING_HUGETLB || (p == VM_BY_PREFAULT && !host.prefault) ||
			    backing_supported(&host, spec.backing, false, NULL))
				continue;
			assert_no_faults(&host, &spec);
			/* With EPT or NPT no vCPU maps a guest_memfd here; with none it is so anywhere. */
			spec.vcpus = 0;
			if (b == BACKING_GUEST_MEMFD && p == VM_BY_GUEST)
				assert_no_faults(&host, &spec);
			spec.vcpus = 1;
			looked++;
		}
	assert_true(looked > 0);
	kvm_host_close(&host);
}

/* ---- the process that holds a VM ---- */

static const struct life_spec small = {
	.vm = { .backing = BACKING_ANON, .bytes = 8 << 20, .vcpus = 2, .populate = VM_BY_GUEST },
};

static void a_holder_is_killed_and_leaves_nothing(void **state)
{
	struct reason why = { "" };
	struct life_born born;
	struct kvm_host host;
	struct holder h;
	pid_t pid;

	(void)state;
	assert_int_equal(kvm_host_open(&host, &kvm_sys_host, "", &why), 0);
	if (holder_start(&h, &host, &small, &born, &why))
		fail_msg("%s", why.text);
	pid = h.pid;
	assert_true(born.create > 0 && born.populate > 0);
	assert_int_equal(holder_reset(&h), 0);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(holder_kill(&h), 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_true(no_child());
	assert_int_equal(holder_kill(&h), 0); /* nothing to do */
	kvm_host_close(&host);
}

static void a_holder_may_hold_nothing(void **state)
{
	struct reason why = { "" };
	struct life_born born;
	struct kvm_host host;
	struct holder h;

	(void)state;
	assert_int_equal(kvm_host_open(&host, &kvm_sys_host, "", &why), 0);
	assert_int_equal(holder_start(&h, &host, NULL, &born, &why), 0);
	assert_true(born.create == 0 && born.populate == 0);
	assert_int_equal(holder_reset(&h), 0);
	assert_int_equal(holder_kill(&h), 0);
	assert_true(no_child());
	kvm_host_close(&host);
}

/* As the OOM killer does it, and by a signal that nobody here sends. */
static void a_holder_that_died_is_found_out(void **state)
{
	static const int signals[] = { SIGKILL, SIGABRT };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		struct reason why = { "" };
		struct life_born born;
		struct kvm_host host;
		struct holder h;
		siginfo_t ended;

		assert_int_equal(kvm_host_open(&host, &kvm_sys_host, "", &why), 0);
		assert_int_equal(holder_start(&h, &host, &small, &born, &why), 0);
		assert_int_equal(holder_alive(&h, &why), 0);
		assert_int_equal(kill(h.pid, signals[i]), 0);
		assert_int_equal(waitid(P_PID, (id_t)h.pid, &ended, WEXITED | WNOWAIT), 0);
		assert_int_equal(holder_alive(&h, &why), -EPIPE);
		assert_non_null(strstr(why.text, "OOM killer"));
		assert_int_equal(holder_reset(&h), -EPIPE);
		assert_int_equal(holder_kill(&h), signals[i] == SIGKILL ? 0 : -EPIPE);
		assert_true(no_child());
		kvm_host_close(&host);
	}
}

static void what_fails_in_a_holder_is_told(void **state)
{
	struct life_spec spec = small;
	struct reason why = { "" };
	struct life_born born;
	struct kvm_host host;
	struct holder h;

	(void)state;
	assert_int_equal(kvm_host_open(&host, &kvm_sys_host, "", &why), 0);
	spec.vm.type = 99;
	assert_true(holder_start(&h, &host, &spec, &born, &why) < 0);
	assert_non_null(strstr(why.text, "KVM_CREATE_VM"));
	assert_true(no_child());
	spec.vm.type = TDC_KVM_X86_DEFAULT_VM;
	spec.vm.backing = BACKING_HUGETLB;
	spec.vm.bytes = 1ull << 40;
	assert_int_equal(holder_start(&h, &host, &spec, &born, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "hugetlb pool"));
	assert_true(no_child());
	kvm_host_close(&host);
}

/* A process that starts a holder, says who it is, and is killed. */
__attribute__((noreturn)) static void start_and_wait(int fd)
{
	struct reason why = { "" };
	struct life_born born;
	struct kvm_host host;
	struct holder h;

	if (!kvm_host_open(&host, &kvm_sys_host, "", &why) &&
	    !holder_start(&h, &host, &small, &born, &why) &&
	    write(fd, &h.pid, sizeof(h.pid)) == (ssize_t)sizeof(h.pid))
		for (;;)
			pause();
	_exit(1);
}

static void a_holder_dies_with_its_parent(void **state)
{
	int fd[2], tries = 0;
	pid_t parent, child;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	parent = fork();
	if (!parent)
		start_and_wait(fd[1]);
	close(fd[1]);
	assert_int_equal(read(fd[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	/* It is init's child now, which may take its time to bury it: the pipe has no writer then. */
	while (read(fd[0], &child, 1) != 0 && tries++ < 10)
		;
	assert_true(tries < 10);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_of_every_kind),
		cmocka_unit_test(paging_that_is_not_two_dimensional_is_flagged),
		cmocka_unit_test(memory_on_another_node_is_found_out),
		cmocka_unit_test(clearing_faults_nothing_in),
		cmocka_unit_test(a_holder_is_killed_and_leaves_nothing),
		cmocka_unit_test(a_holder_may_hold_nothing),
		cmocka_unit_test(a_holder_that_died_is_found_out),
		cmocka_unit_test(what_fails_in_a_holder_is_told),
		cmocka_unit_test(a_holder_dies_with_its_parent),
	};
	struct reason why = { "" };
	struct kvm_host host;

	if (kvm_host_open(&host, &kvm_sys_host, "", &why)) {
		printf("not tested: %s\n", why.text);
		return 77;
	}
	kvm_host_close(&host);
	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
