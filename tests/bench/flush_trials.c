// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the flush detector makes of flushes that are known, many times over: how often a flush that does
 * nothing is called real, a real one "does nothing", and how often it cannot tell. Fails on the first
 * two; the third depends on what else the machine does, so it is printed only.
 *
 * Usage: flush_trials [TRIALS]     (10 of each kind)
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ops/examine.h"
#include "bench/ops/flush_ops.h"
#include "bench/ops/lines.h"
#include "harness/machine/mem.h"

#define REGION (8ul << 20)
#define PAGE   4096ul

static struct machine machine;
static struct tick_clock ruler;
static struct mem mem;
static struct bench_ctx ctx;

/* ---- flushes of memory, as of a benchmark's pages ---- */

static void flush_nothing(const char *base, size_t bytes)
{
	(void)base;
	(void)bytes;
}

static void flush_half(const char *base, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 128)
		__asm__ volatile("clflush %0" : : "m"(base[at]) : "memory");
	__asm__ volatile("mfence" : : : "memory");
}

static void flush_part(void *of, size_t at, size_t bytes)
{
	flush_fn *const *flush = of;

	for (size_t done = 0; done < bytes; done += PAGE)
		(*flush)(mem.base + at + done, PAGE);
}

static const struct flush_op *op_named(const char *name)
{
	const struct flush_op *op = flush_ops;

	while (strcmp(op->name, name))
		op++;
	return op;
}

/* ---- flushes of whole caches ---- */

static int sweep(void *of, char *base, size_t bytes, uint64_t *ticks)
{
	(void)of;
	(void)ticks;
	lines_evict(&machine.cpu, base, bytes);
	return 0;
}

static int write_back(void *of, char *base, size_t bytes, uint64_t *ticks)
{
	(void)of;
	(void)ticks;
	flush_features0 = FLUSH_CLFLUSH_BEFORE_ALLOC;
	op_named("clwb")->flush[FLUSH_MFENCE](base, bytes);
	return 0;
}

static int nothing(void *of, char *base, size_t bytes, uint64_t *ticks)
{
	(void)of;
	(void)base;
	(void)bytes;
	(void)ticks;
	return 0;
}

/* CPUID leaves a guest for its hypervisor, as an intercepted WBINVD does. */
static int leave_guest(void *of, char *base, size_t bytes, uint64_t *ticks)
{
	uint32_t a, b, c, d;

	(void)of;
	(void)base;
	(void)bytes;
	(void)ticks;
	__cpuid(0, a, b, c, d);
	return 0;
}

/* As long as a WBINVD that does something. */
static int wait_2ms(void *of, char *base, size_t bytes, uint64_t *ticks)
{
	uint64_t start = tick_start();

	(void)of;
	(void)base;
	(void)bytes;
	(void)ticks;
	while ((double)(tick_start() - start) < 2e-3 * ruler.hz)
		__builtin_ia32_pause();
	return 0;
}

/* An exit that takes long, and not always as long. */
static int leave_guest_long(void *of, char *base, size_t bytes, uint64_t *ticks)
{
	uint64_t start = tick_start();

	do
		leave_guest(of, base, bytes, ticks);
	while ((double)(tick_start() - start) < 200e-6 * ruler.hz);
	return 0;
}

/* ---- trials ---- */

struct flush_kind {
	const char *name;
	bool real;
	flush_fn *part; /* of memory; NULL: of whole caches */
	int (*whole)(void *of, char *base, size_t bytes, uint64_t *ticks);
	bool keeps;
};

static enum flush_verdict prove(const struct flush_kind *k, uint64_t seed, struct reason *why)
{
	flush_fn *flush = k->part;
	const struct flush_proof p = {
		.base = mem.base,
		.bytes = mem.bytes,
		.unit = PAGE,
		.flush = flush_part,
		.ctx = &flush,
		.cpu = &machine.cpu,
		.seed = seed,
	};

	return flush_prove(&p, NULL, why);
}

static enum flush_verdict examine(const struct flush_kind *k, uint64_t seed, struct reason *why)
{
	const struct examined e = { .name = k->name, .keeps = k->keeps, .flush = k->whole };
	struct flush_found found;

	ctx.seed = seed;
	if (examine_flush(&ctx, &e, &ruler, &found, why)) {
		fprintf(stderr, "flush_trials: %s: %s\n", k->name, why->text);
		exit(1);
	}
	reason_set(why, 0, "%s", found.text);
	return found.verdict;
}

/* Return: wrong verdicts. */
static unsigned try_kind(const struct flush_kind *k, unsigned trials)
{
	enum flush_verdict wrong = k->real ? FLUSH_NOTHING : FLUSH_REAL;
	unsigned n[3] = { 0 };
	uint64_t start = tick_start();
	struct reason why, last = { "" };

	for (unsigned i = 0; i < trials; i++) {
		enum flush_verdict v = k->part ? prove(k, i, &why) : examine(k, i, &why);

		n[v]++;
		if (v == wrong)
			printf("# wrong: %s: %s\n", k->name, why.text);
		if (v == FLUSH_CANNOT_TELL)
			last = why;
	}
	printf("%-40s %6u %6u %13u %12u %9.1f\n", k->name, trials, n[FLUSH_REAL], n[FLUSH_NOTHING],
	       n[FLUSH_CANNOT_TELL], (double)(tick_start() - start) / ruler.hz * 1e3 / trials);
	if (n[FLUSH_CANNOT_TELL])
		printf("# the last that cannot be decided: %s\n", last.text);
	fflush(stdout);
	return n[wrong];
}

static int set_up(struct reason *why)
{
	int ret = machine_open(&machine, why);

	if (ret)
		return ret;
	ctx = (struct bench_ctx){ .machine = &machine, .facts = json_object() };
	topo_equals(machine.topo, &ctx.cpu, 1);
	flush_features0 = FLUSH_CLFLUSH_BEFORE_ALLOC;
	ret = topo_bind_thread(machine.topo, ctx.cpu, why);
	if (!ret)
		ret = clock_calibrate(&ruler, &machine.cpu, 50, why);
	return ret ? ret : mem_alloc(&mem, MEM_4K, REGION, 0, NULL, NULL, why);
}

int main(int argc, char **argv)
{
	unsigned trials = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10, wrong = 0;
	struct reason why = { "" };

	if (!trials) {
		fprintf(stderr, "flush_trials: '%s': not a number of trials; write one from 1 on\n",
			argv[1]);
		return 2;
	}
	if (set_up(&why)) {
		fprintf(stderr, "flush_trials: %s\n", why.text);
		return 1;
	}
	const struct flush_kind kinds[] = {
		{ "memory: CLFLUSHOPT", true,
		  .part = flush_op_fn(op_named("clflushopt"), FLUSH_MFENCE) },
		{ "memory: CLFLUSH", true, .part = flush_op_fn(op_named("clflush"), FLUSH_MFENCE) },
		{ "memory: nothing", false, .part = flush_nothing },
		{ "memory: every second line", false, .part = flush_half },
		{ "caches: CLFLUSHOPT", true, .whole = sweep },
		{ "caches: nothing", false, .whole = nothing },
		{ "caches: an exit to the hypervisor", false, .whole = leave_guest },
		{ "caches: 200 us of exits", false, .whole = leave_guest_long },
		{ "caches: 2 ms of nothing", false, .whole = wait_2ms },
		{ "caches, may keep lines: CLWB", true, .whole = write_back, .keeps = true },
		{ "caches, may keep lines: CLFLUSHOPT", true, .whole = sweep, .keeps = true },
		{ "caches, may keep lines: nothing", false, .whole = nothing, .keeps = true },
		{ "caches, may keep lines: an exit", false, .whole = leave_guest, .keeps = true },
	};

	printf("%-40s %6s %6s %13s %12s %9s\n", "# flush", "trials", "real", "does nothing",
	       "cannot tell", "ms each");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool clwb = kinds[i].whole == write_back;

		if (!clwb || cpu_has(&machine.cpu, CPU_CLWB))
			wrong += try_kind(&kinds[i], trials);
	}
	mem_free(&mem);
	json_decref(ctx.facts);
	machine_close(&machine);
	if (wrong)
		fprintf(stderr, "flush_trials: %u wrong verdicts\n", wrong);
	return wrong > 0;
}
