// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What stays behind: objects of the slab allocator that the module asked for, by the stacks that
 * slub_debug=U keeps, and pages, by how many are free.
 */
#include "tests/bench/kmod/smoke.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/machine/files.h"

#define TRACES "/sys/kernel/debug/slab/kmalloc*/alloc_traces"
#define OURS   "[tdcost]"
/* What the module's stacks become when it is gone: addresses that belong to nothing. */
#define NOBODYS "0xffffffffc"
#define CYCLES	2000
#define LOADS	40
#define TRIES	20

/* ---- objects ---- */

/* Objects by their stacks; a record is their number, lines with the stack, and an empty line. */
static unsigned long count_file(FILE *f, const char *word)
{
	unsigned long total = 0, n = 0;
	bool ours = false, others = false;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '\n') {
			total += ours && !others ? n : 0;
			n = 0;
			ours = others = false;
			continue;
		}
		if (!n)
			n = strtoul(line, NULL, 10);
		ours |= strstr(line, word) != NULL;
		/* Whom an object is charged to is kept by the slab that it is in. */
		others |= strstr(line, "slab_cgroups") || strstr(line, "slab_obj_exts");
	}
	return total + (ours && !others ? n : 0);
}

/* -1 where no stacks are kept. */
static long objects(const char *word)
{
	unsigned long total = 0;
	glob_t g;

	if (glob(TRACES, 0, NULL, &g))
		return -1;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "re");

		assert_non_null(f);
		total += count_file(f, word);
		fclose(f);
	}
	globfree(&g);
	return (long)total;
}

/* What is freed behind a grace period is still there for a while. */
static long objects_at_last(const char *word, long expected)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	long n = objects(word);

	for (int i = 0; i < TRIES && n > expected; i++) {
		nanosleep(&pause, NULL);
		n = objects(word);
	}
	return n;
}

static bool stacks_are_kept(void)
{
	char line[4096];

	if (!file_text("", "/proc/cmdline", line, sizeof(line)) && strstr(line, "slub_debug=") &&
	    objects(OURS) >= 0)
		return true;
	print_message("without slub_debug=U what stays behind is not seen\n");
	return false;
}

/* ---- everything once ---- */

static void flushes(const struct kmod *k)
{
	struct tdcost_stop s = { .op = TDCOST_WBINVD, .max_polls = 1000000 };
	struct tdcost_flag f = { .flags = TDCOST_FLAG_STORE, .rounds = 10 };
	struct tdcost_cpu result[MAX_CPUS];
	struct kmod_mask all = { { 0 } };
	uint64_t counters[MAX_CPUS];
	unsigned n;

	for (unsigned cpu = 0; cpu < k->info.cpus; cpu++)
		kmod_mask_set(&all, cpu);
	assert_int_equal(kmod_flush(k, TDCOST_WBINVD, TDCOST_ALL, &all, result, &n, NULL, NULL), 0);
	assert_int_equal(kmod_stop(k, &s, &all, result, &n, NULL), 0);
	assert_int_equal(kmod_flag(k, &f, NULL), 0);
	smoke_counters(k, counters);
}

static void topups(const struct kmod *k, unsigned i)
{
	struct tdcost_sample topups[8], uses[8];
	struct tdcost_topup t = {
		.variant = i % TDCOST_VARIANT_MAX,
		.source = i % TDCOST_SOURCE_MAX,
		.work = TDCOST_FAULT_STEADY,
		.flags = TDCOST_TOPUP_TIMES,
		.units = 4,
		.fail_every = i % 3,
		.n_topups = 8,
		.n_uses = 8,
		.topups = (uintptr_t)topups,
		.uses = (uintptr_t)uses,
	};

	assert_int_equal(kmod_topup(k, &t, NULL), 0);
	assert_int_equal(t.frees, t.allocs);
}

/* Of the last ones the file's end is left to clean up. */
static void pages(const struct kmod *k, unsigned i)
{
	struct tdcost_teardown t = { .path = i % TDCOST_PATH_MAX,
				     .dpamt = TDCOST_DPAMT_FAST,
				     .op = TDCOST_NOTHING,
				     .vcpus = 3 };
	struct tdcost_reset r = { .rounds = 1 };
	struct tdcost_torn torn;
	struct reason why = { "" };

	assert_int_equal(kmod_pages_alloc(k, 0, 8, -1, NULL), 0);
	assert_int_equal(kmod_pages_alloc(k, 0, 8, -1, NULL), -EEXIST);
	assert_int_equal(kmod_pages_fill(k, 1, TDCOST_EVICTED, NULL), 0);
	assert_int_equal(kmod_pages_reset(k, &r, NULL), 0);
	for (unsigned again = 0; again < 2; again++)
		if (kmod_teardown_set(k, &t, &why))
			fail_msg("%s", why.text);
	if (i & 1)
		assert_int_equal(kmod_teardown(k, &torn, NULL), 0);
	if (i & 2)
		assert_int_equal(kmod_pages_free(k, NULL), 0);
}

static void everything(unsigned i)
{
	struct kmod k;

	smoke_open(&k);
	flushes(&k);
	topups(&k, i);
	pages(&k, i);
	kmod_close(&k);
}

/* ---- the tests ---- */

static void calls_leave_no_object(void **unused)
{
	long idle, busy;
	struct kmod k;

	(void)unused;
	smoke_load("");
	if (stacks_are_kept()) {
		everything(0);
		idle = objects(OURS);
		/* It is seen that there is something. */
		smoke_open(&k);
		pages(&k, 0);
		busy = objects(OURS);
		assert_true(idle > 0 && busy > idle);
		kmod_close(&k);
		for (unsigned i = 0; i < 100; i++)
			everything(i);
		assert_int_equal(objects_at_last(OURS, idle), idle);
		print_message("objects: %ld idle, %ld open, %ld after 100 cycles\n", idle, busy,
			      idle);
	}
	smoke_unload();
}

static unsigned long free_pages(void)
{
	unsigned long kib = 0;
	char text[4096], *at;

	assert_int_equal(file_text("", "/proc/meminfo", text, sizeof(text)), 0);
	at = strstr(text, "MemFree:");
	assert_true(at && sscanf(at, "MemFree: %lu", &kib) == 1);
	return kib / 4;
}

/* A page of each cycle would be as many as there are cycles; CPUs keep some hundreds for themselves. */
static void calls_leave_no_page(void **unused)
{
	unsigned long before, after;

	(void)unused;
	smoke_load("");
	if (stacks_are_kept()) {
		for (unsigned i = 0; i < CYCLES / 4; i++)
			everything(i);
		before = free_pages();
		for (unsigned i = 0; i < CYCLES; i++)
			everything(i);
		after = free_pages();
		print_message("pages: %lu free, %lu after %d cycles\n", before, after, CYCLES);
		assert_true(before < after + CYCLES / 4);
	}
	smoke_unload();
}

static void unloaded_nothing_is_left(void **unused)
{
	long before, after, loaded;

	(void)unused;
	if (!stacks_are_kept())
		return;
	before = objects(NOBODYS);
	for (unsigned i = 0; i < LOADS; i++) {
		smoke_load("");
		everything(i);
		loaded = objects(NOBODYS) + objects(OURS);
		assert_true(loaded > before);
		smoke_unload();
		assert_int_equal(smoke_try_load("timeout_ms=0"), -EINVAL);
	}
	after = objects_at_last(NOBODYS, before);
	assert_int_equal(objects(OURS), 0);
	print_message("objects of nobody: %ld, %ld after %d loads\n", before, after, LOADS);
	assert_true(after <= before);
}

const struct CMUnitTest smoke_leak_tests[] = {
	cmocka_unit_test(calls_leave_no_object),
	cmocka_unit_test(calls_leave_no_page),
	cmocka_unit_test(unloaded_nothing_is_left),
	{ 0 },
};
