// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm: the end of a real KVM VM, by what its memory is: what a TD's shutdown is compared with.
 *
 * A VM ends once, so each sample has one of its own: made and populated before it, destroyed while
 * the clock runs. Either step by step, each step a phase, or by killing the process that has it,
 * in the kernel's own order. With the erratum mode its pages are cleared first, so that what
 * skipping the clear saves is told against the destruction of a VM that is there.
 */
#include "bench/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "bench/kvm/holder.h"
#include "bench/list.h"
#include "bench/ops/victim.h"
#include "harness/core/units.h"
#include "harness/measure/ran.h"

#define PAGE	     4096ul
#define SET_BYTES    (1ul << 20) /* of the co-runner: beyond its L2 or near it, well inside an LLC */
#define SET_STEPS    (1ul << 20)
#define PAGE_STEPS   8 /* of the co-runner while a page is freed, 2 us at most */
#define TRIAL	     BACKING_STEP
#define CALIBRATE_MS 20
#define STAND_IN     "anonymous memory in place of a guest_memfd" /* realloc's */

enum {
	M_TIME,
	M_PHASE,
	M_PAGE,
	M_RAN,
	M_LIFE,
	M_GAP,
	M_SLOWDOWN,
	M_REALLOC,
	M_EMPTY,
	M_RETRIES,
	M_MAX
};
enum { KILL_RESET, KILL_KILL };

static const struct metric_info vm_metrics[] = {
	[M_TIME] = { "time", "duration", "VM", 0 },
	[M_PHASE] = { "phase", "duration", "sample", 0 },
	[M_PAGE] = { "page", "duration", "4 KiB page", 0 },
	[M_RAN] = { "ran", "duration", "sample", 0 },
	[M_LIFE] = { "life", "duration", "sample", 0 },
	[M_GAP] = { "victim-gap", "duration", "sample", 0 },
	[M_SLOWDOWN] = { "victim-slowdown-percent", "percent", "sample", 0 },
	[M_REALLOC] = { "realloc", "duration", "sample", 0 },
	[M_EMPTY] = { "empty-kill", "duration", "process", 0 },
	[M_RETRIES] = { "retries", "count", "sample", 0 },
	[M_MAX] = { NULL, NULL, NULL, 0 },
};

/* How an arm's end is told. */
enum { END_VM, END_TD, END_KILLED, ENDS };

struct vm_arm {
	struct life_spec spec;
	unsigned end;
	bool quirk;
};

struct vm_state {
	struct bench_ctx *ctx;
	struct kvm_host host;
	struct phases phases[ENDS];
	struct victim *victim; /* NULL: none */
	char *sources;	       /* lines that clearing stores: zeros, random */
	int page, create, populate, ran, gap, slowdown, realloc, empty,
		retries; /* series, -1: not asked for */
	double ticks_per_ns;
	unsigned ends, retried;	  /* samples of a TD, and those with calls tried again */
	unsigned watched, unseen; /* samples beside a victim, and those that say nothing of it */
	bool short_grant;

	/* the sample under way */
	struct life life;
	struct holder holder;
	struct life_born born;
	uint64_t from, to;
	int64_t ran_ns;

	struct vm_arm arms[];
};

/* ---- setting up ---- */

static void vm_teardown(void *state)
{
	struct vm_state *s = state;

	victim_close(s->victim);
	holder_kill(&s->holder); /* one of a sample that was not taken */
	kvm_host_close(&s->host);
	free(s->sources);
	free(s);
}

/* A line of zeros, and behind it one of random bytes. */
static int make_sources(struct vm_state *s, struct reason *why)
{
	s->sources = aligned_alloc(PAGE, PAGE);
	if (!s->sources)
		return reason_set(why, -ENOMEM, "out of memory");
	memset(s->sources, 0, PAGE);
	if (getrandom(s->sources + LINE, LINE, 0) != LINE)
		return reason_set(why, -EIO, "no random bytes");
	s->sources[LINE] = 0x5a; /* loops that store bytes repeat the first one */
	return 0;
}

static void fill_arm(struct vm_state *s, const struct cell *cell, struct vm_arm *arm)
{
	bool pattern = cell->levels[F_SOURCE].number == SOURCE_PATTERN;

	*arm = (struct vm_arm){
		.spec = vm_spec_of(cell, s->sources + (pattern ? LINE : 0)),
		.end = cell->levels[F_EXIT].number == EXIT_SIGKILL ? END_KILLED
		       : cell->levels[F_TYPE].number == TYPE_TDX   ? END_TD
								   : END_VM,
		.quirk = cell->levels[F_QUIRK].number == QUIRK_ON,
	};
}

/* A small one to its end, so that what this machine refuses is told before anything is measured. */
static int try_arm(struct vm_state *s, const struct vm_arm *arm, struct reason *why)
{
	struct life_spec spec = arm->spec;
	struct life_born born;
	struct life life;
	int ret;

	spec.vm.bytes = spec.trust.bytes = TRIAL;
	ret = life_begin(&life, &s->host, &spec, &born, why);
	return ret ? ret : life_end(&life, NULL, why);
}

static int open_end(struct vm_state *s, struct bench_ctx *ctx, unsigned end)
{
	const char *names[PHASES_MAX] = { "reset", "kill" };
	unsigned n = end == END_KILLED ? 2 : life_phases(end == END_TD, names);

	/* Who is killed can no longer be asked. */
	if (end != END_KILLED)
		s->ran = ctx->series(ctx, M_RAN, "thread");
	else
		s->empty = ctx->series(ctx, M_EMPTY, "holder");
	if (end == END_TD)
		s->retries = ctx->series(ctx, M_RETRIES, "calls");
	/* Of two arms that end alike the series are the same. */
	return phases_open(&s->phases[end], ctx, M_PHASE, names, n);
}

static int make_series(struct vm_state *s, struct bench_ctx *ctx, struct reason *why)
{
	const struct level *l = ctx->arms[0].levels;
	int ret = 0;

	s->page = ctx->series(ctx, M_PAGE, "all");
	s->ran = s->gap = s->slowdown = s->realloc = s->empty = s->retries = -1;
	s->create = ctx->series(ctx, M_LIFE, "create");
	s->populate = ctx->series(ctx, M_LIFE, "populate");
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++)
		ret = open_end(s, ctx, s->arms[i].end);
	if (l[F_VICTIM].number != WITHOUT) {
		s->gap = ctx->series(ctx, M_GAP, "victim");
		s->slowdown = ctx->series(ctx, M_SLOWDOWN, "victim");
	}
	if (l[F_REALLOC].number == WITH)
		s->realloc =
			ctx->series(ctx, M_REALLOC,
				    l[F_MEM].number == BACKING_GUEST_MEMFD ? STAND_IN : "memory");
	return ret ? reason_set(why, ret, "out of memory") : 0;
}

/* CPU time is in nanoseconds, all else in ticks. */
static int learn_rate(struct vm_state *s, struct bench_ctx *ctx, struct reason *why)
{
	struct tick_clock clock = { 0 };
	int ret = clock_calibrate(&clock, &ctx->machine->cpu, CALIBRATE_MS, why);

	s->ticks_per_ns = clock.hz / 1e9;
	return ret;
}

static int watch(struct vm_state *s, struct bench_ctx *ctx, struct reason *why)
{
	uint64_t pages = ctx->arms[0].levels[F_SIZE].number / PAGE;
	int cpu, ret;

	if (ctx->arms[0].levels[F_VICTIM].number == WITHOUT)
		return 0;
	cpu = vm_victim_cpu(ctx->machine->topo, ctx->arms[0].levels[F_VICTIM].number, ctx->cpu);
	if (cpu < 0)
		return reason_set(why, -ENOTSUP, "victim=on: there is no other CPU");
	json_object_set_new(ctx->facts, "victim", json_integer(cpu));
	ret = victim_open(&s->victim, ctx->machine->topo, (unsigned)cpu, SET_BYTES, ctx->seed, why);
	return ret ? ret : victim_room(s->victim, SET_STEPS + pages * PAGE_STEPS, why);
}

/* How this KVM pages decides what its figures are of. */
static void tell_module(struct bench_ctx *ctx)
{
	struct kvm_module module;
	char detail[64];

	kvm_module_look(ctx->machine->root, &module);
	json_object_set_new(ctx->facts, "kvm_module", json_string(module.name));
	json_object_set_new(ctx->facts, "tdp_mmu", json_string(module.tdp_mmu));
	if (!module.tdp_known || module.tdp)
		return;
	snprintf(detail, sizeof(detail), "%s, tdp_mmu=%s: shadow paging", module.name,
		 module.tdp_mmu);
	ctx->flag(ctx, FLAG_NO_TWO_DIMENSIONAL_PAGING, -1, detail);
}

/*
 * What memory a VM has decides its end. The policy is the thread's, since a guest_memfd has no mapping
 * to bind where it is private; the process that holds a VM inherits it.
 */
static int place(struct vm_state *s, struct bench_ctx *ctx, struct reason *why)
{
	int ret = topo_bind_allocations(ctx->machine->topo, ctx->cpu, why);
	int node = topo_node_number(ctx->machine->topo, ctx->cpu);

	for (unsigned i = 0; i < ctx->n_arms; i++) {
		s->arms[i].spec.vm.placed = node >= 0;
		s->arms[i].spec.vm.node = node;
	}
	return ret;
}

static int vm_setup_all(struct vm_state *s, struct bench_ctx *ctx, struct reason *why)
{
	int ret = kvm_host_open(&s->host, &kvm_sys_host, ctx->machine->root, why);

	if (!ret)
		ret = make_sources(s, why);
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++)
		fill_arm(s, &ctx->arms[i], &s->arms[i]);
	if (!ret)
		ret = place(s, ctx, why);
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++)
		ret = try_arm(s, &s->arms[i], why);
	if (!ret)
		ret = make_series(s, ctx, why);
	if (!ret)
		ret = learn_rate(s, ctx, why);
	if (!ret)
		ret = watch(s, ctx, why);
	if (!ret)
		tell_module(ctx);
	return ret;
}

static int vm_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct vm_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->ctx = ctx;
	s->host.fd = -1;
	s->holder.fd = -1;
	ret = vm_setup_all(s, ctx, why);
	if (ret) {
		vm_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

/* ---- a sample ---- */

static void judge_grant(struct vm_state *s, const struct vm_spec *spec)
{
	char detail[96];

	if (spec->backing != BACKING_THP || s->short_grant || s->born.huge >= spec->bytes)
		return;
	s->short_grant = true;
	snprintf(detail, sizeof(detail), "%llu of %zu MiB as huge pages",
		 (unsigned long long)(s->born.huge >> 20), spec->bytes >> 20);
	s->ctx->flag(s->ctx, FLAG_HUGE_PAGES, -1, detail);
}

/* A sample of a VM that is not there, or was not ended, is none. */
static void failed(struct vm_state *s, const struct vm_arm *a, int ret, const struct reason *why)
{
	bool advised = strstr(why->text, "smaller size") || strstr(why->text, "terminate=off");
	struct reason told;
	char size[32];

	reason_set(&told, ret, "vm size=%s: %s%s",
		   size_format(a->spec.vm.bytes, size, sizeof(size)), why->text,
		   advised ? "" : "; look at dmesg, or take a smaller size");
	s->ctx->give_up(s->ctx, ret, &told);
}

static void vm_prepare(void *state, unsigned arm)
{
	struct vm_state *s = state;
	const struct vm_arm *a = &s->arms[arm];
	struct reason why = { "" };
	int ret;

	/* Before the child is made, which has its own copy. */
	reset_bug_bits = a->quirk ? RESET_BUG_TDX_PW_MCE : 0;
	if (a->end == END_KILLED)
		ret = holder_start(&s->holder, &s->host, &a->spec, &s->born, &why);
	else
		ret = life_begin(&s->life, &s->host, &a->spec, &s->born, &why);
	if (ret) {
		failed(s, a, ret, &why);
		return;
	}
	/* Behind the child's making, which shares this page: the first mark would take it apart. */
	phases_clear(&s->phases[a->end]);
	judge_grant(s, &a->spec.vm);
	if (s->victim)
		victim_start(s->victim);
	/* The OOM killer may have come while the memory was populated, or for the co-runner. */
	if (a->end == END_KILLED && holder_alive(&s->holder, &why))
		failed(s, a, -EPIPE, &why);
	s->ran_ns = -thread_ran_ns();
}

static int end_killed(struct vm_state *s, const struct vm_arm *a, struct reason *why)
{
	int ret = a->spec.vm.reset ? holder_reset(&s->holder) : 0, err;

	phases_mark(&s->phases[END_KILLED], KILL_RESET);
	err = holder_kill(&s->holder);
	phases_mark(&s->phases[END_KILLED], KILL_KILL);
	ret = ret ? ret : err;
	if (ret == -EPIPE)
		return reason_set(why, ret, "the VM's process " HOLDER_DIED);
	return ret ? reason_set(why, ret, "killing the VM's process: %s", strerror(-ret)) : 0;
}

static uint64_t vm_sample(void *state, unsigned arm, unsigned reps)
{
	struct vm_state *s = state;
	const struct vm_arm *a = &s->arms[arm];
	struct phases *p = &s->phases[a->end];
	struct reason why = { "" };
	int ret;

	(void)reps; /* never repeated: a VM ends once */
	phases_begin(p);
	s->from = p->last;
	if (a->end == END_KILLED)
		ret = end_killed(s, a, &why);
	else
		ret = life_end(&s->life, p, &why);
	s->to = p->last;
	if (ret)
		failed(s, a, ret, &why);
	return 1;
}

static void victim_values(struct vm_state *s, struct bench_values *out)
{
	struct victim_steps steps = victim_stop(s->victim);
	struct victim_found f;

	s->watched++;
	if (victim_judge(&steps, s->from, s->to, &f)) {
		s->unseen++;
		return;
	}
	bench_value(out, s->gap, f.gap);
	bench_value(out, s->slowdown, f.slowdown);
}

/* Memory of the same kind of pages: what was freed last is likely to be had first. */
static void realloc_values(struct vm_state *s, const struct vm_arm *a, struct bench_values *out)
{
	enum backing_kind kind = a->spec.vm.backing == BACKING_GUEST_MEMFD ? BACKING_ANON
									   : a->spec.vm.backing;
	struct reason why = { "" };
	struct backing again;
	uint64_t start = tick_start();
	int ret = backing_open(&again, &s->host, -1, kind, a->spec.vm.bytes, false, &why);

	if (ret) {
		failed(s, a, ret, &why);
		return;
	}
	backing_touch(&again);
	bench_value(out, s->realloc, (double)(tick_start() - start));
	backing_unmap(&again, s->host.sys);
}

/*
 * The end of the process that held the VM, without the VM: the same fork of this process, killed
 * and waited for in the same way.
 */
static void empty_values(struct vm_state *s, const struct vm_arm *a, struct bench_values *out)
{
	struct reason why = { "" };
	struct life_born born;
	struct holder empty;
	uint64_t start;
	uint32_t cpu;
	int ret = holder_start(&empty, &s->host, NULL, &born, &why);

	if (ret) {
		failed(s, a, ret, &why);
		return;
	}
	start = tick_start();
	ret = holder_kill(&empty);
	bench_value(out, s->empty, (double)(tick_stop(&cpu) - start));
	if (ret) {
		reason_set(&why, ret, "killing an empty process: %s", strerror(-ret));
		failed(s, a, ret, &why);
	}
}

/* A call that met another's lock was tried again behind naps, which are in the time. */
static void retry_values(struct vm_state *s, struct bench_values *out)
{
	unsigned n = life_retries(&s->life, &s->born);

	bench_value(out, s->retries, n);
	s->ends++;
	s->retried += n > 0;
}

static void vm_values(void *state, unsigned arm, struct bench_values *out)
{
	struct vm_state *s = state;
	const struct vm_arm *a = &s->arms[arm];

	s->ran_ns += thread_ran_ns();
	if (a->end != END_KILLED)
		bench_value(out, s->ran, (double)s->ran_ns * s->ticks_per_ns);
	if (s->realloc >= 0)
		realloc_values(s, a, out);
	if (s->victim)
		victim_values(s, out);
	if (a->end == END_KILLED)
		empty_values(s, a, out);
	if (a->end == END_TD)
		retry_values(s, out);
	phases_values(&s->phases[a->end], out);
	bench_value(out, s->page,
		    bench_sample_ticks(out) /
			    ((double)s->ctx->arms[0].levels[F_SIZE].number / PAGE));
	bench_value(out, s->create, s->born.create);
	bench_value(out, s->populate, s->born.populate);
}

/* ---- was it done? ---- */

static int vm_verify(void *state, unsigned arm, struct reason *why)
{
	struct vm_state *s = state;
	const struct vm_arm *a = &s->arms[arm];

	return vm_prove(&s->host, &a->spec, &reset_ops[s->ctx->arms[arm].levels[F_INSN].number],
			a->quirk, why);
}

static int judge_victim(const struct vm_state *s, struct reason *why)
{
	char detail[160];

	if (!s->unseen)
		return 0;
	if (s->unseen == s->watched)
		return reason_set(why, -EFAULT,
				  "the co-runner's record covers none of %u ends: others had its "
				  "CPU, or the end took longer than it can record; take a smaller "
				  "size",
				  s->watched);
	snprintf(detail, sizeof(detail), "in %u of %u samples the co-runner did not get its CPU",
		 s->unseen, s->watched);
	s->ctx->flag(s->ctx, FLAG_BUSY, -1, detail);
	return 0;
}

static void judge_retries(const struct vm_state *s)
{
	char detail[96];

	if (!s->retried)
		return;
	snprintf(detail, sizeof(detail), "in %u of %u ends of a TD; see the metric retries",
		 s->retried, s->ends);
	s->ctx->flag(s->ctx, FLAG_RETRIED, -1, detail);
}

static int vm_finish(void *state, struct reason *why)
{
	judge_retries(state);
	return judge_victim(state, why);
}

const struct bench_info vm_bench = {
	.name = "vm",
	.summary = "the end of a KVM VM, phase by phase or killed",
	/*
	 * 1 cleared a guest_memfd with page faults; 2 did not tell the erratum mode of a TD, and its
	 * pre-faulted anonymous memory was the zero page.
	 */
	.version = 3,
	.factors = vm_factors,
	.metrics = vm_metrics,
	.sleeps = true, /* while a process is killed it is waited for */
	.renews = true, /* a VM is populated before each sample */
	.resolve = vm_resolve,
	.supported = vm_supported,
	.kind = vm_kind,
	.setup = vm_setup,
	.prepare = vm_prepare,
	.sample = vm_sample,
	.values = vm_values,
	.verify = vm_verify,
	.finish = vm_finish,
	.teardown = vm_teardown,
};
