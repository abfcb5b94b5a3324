// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * On a fixed schedule each variant does, step by step, what a trace says that was derived by hand
 * from the kernel's rules: tests/bench/topup/traces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/topup/rig.h"

#define EVENTS 1024
#define LINE   40
#define FOLDER "tests/bench/topup/traces/"

struct lines {
	char line[EVENTS][LINE];
	unsigned n;
};

static struct rig rig;
static struct topup_entry entry[EVENTS];
static struct topup_trace trace;
static struct lines expected, actual;

/* Read up to the closing brace, or to the end; each line once, blocks as often as they say. */
static void read_block(FILE *f, const char *path, struct lines *to)
{
	char text[256], word[LINE];
	unsigned start, length, times;

	while (fgets(text, sizeof(text), f)) {
		text[strcspn(text, "#\n")] = '\0';
		start = (unsigned)strspn(text, " \t");
		if (!text[start])
			continue;
		if (text[start] == '}')
			return;
		if (sscanf(text + start, "%u {", &times) == 1) {
			start = to->n;
			read_block(f, path, to);
			length = to->n - start;
			if (to->n + (times - 1) * length > EVENTS)
				fail_msg("%s: more than %u events", path, EVENTS);
			for (unsigned i = 1; i < times; i++, to->n += length)
				memcpy(to->line[to->n], to->line[start], length * LINE);
			continue;
		}
		assert_true(sscanf(text + start, "%39[^\n]", word) == 1 && to->n < EVENTS);
		memcpy(to->line[to->n++], word, LINE);
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
	memset(expected.line, 0, sizeof(expected.line));
	read_block(f, path, &expected);
	fclose(f);
}

static const struct {
	const char *name;
	bool n;
} events[TOPUP_EVENTS] = {
	[TOPUP_BEGIN] = { "topup", true },
	[TOPUP_END] = { "topped", true },
	[TOPUP_ARRAY] = { "kvmalloc", true },
	[TOPUP_ALLOC] = { "alloc", false },
	[TOPUP_FAIL] = { "fail", false },
	[TOPUP_FREE] = { "free", false },
	[TOPUP_PUT] = { "put", false },
	[TOPUP_GET] = { "get", false },
	[TOPUP_FALLBACK] = { "fallback", false },
	[TOPUP_LOCK] = { "lock", false },
	[TOPUP_UNLOCK] = { "unlock", false },
	[TOPUP_CHECK] = { "check", false },
	[TOPUP_ADD] = { "PAMT.ADD", false },
	[TOPUP_REMOVE] = { "PAMT.REMOVE", false },
	[TOPUP_DEMOTE] = { "PAGE.DEMOTE", false },
};

static void print_actual(void)
{
	const struct topup_entry *e;
	char *to;
	int at;

	assert_true(trace.n <= trace.room);
	actual.n = trace.n;
	for (unsigned i = 0; i < actual.n; i++) {
		e = &entry[i];
		to = actual.line[i];
		at = snprintf(to, LINE, "%s%s%s", events[e->event].name, *e->what ? " " : "",
			      e->what);
		if (events[e->event].n)
			snprintf(to + at, LINE - (size_t)at, " %d", e->n);
	}
}

static void compare(const char *name)
{
	print_actual();
	read_expected(name);
	for (unsigned i = 0; i < expected.n && i < actual.n; i++)
		if (strcmp(expected.line[i], actual.line[i]))
			fail_msg("%s, event %u: expected \"%s\", did \"%s\"", name, i + 1,
				 expected.line[i], actual.line[i]);
	if (expected.n != actual.n)
		fail_msg("%s: expected %u events, did %u", name, expected.n, actual.n);
}

static void open_traced(enum topup_variant variant)
{
	rig_open(&rig, variant);
	trace = (struct topup_trace){ .entry = entry, .room = EVENTS };
	rig.vcpu.ctx.trace = &trace;
}

/* The schedule that stands at the head of each trace. */
static void run_schedule(const struct topup_work *work)
{
	static const struct topup_need cold = { 4, 5 }, warm = { 1, 1 };
	static const struct topup_need split[] = { { 1, 2 }, { 1, 2 } };
	struct topup_vcpu *v = &rig.vcpu;

	assert_int_equal(work->fault(v, &cold, &rig.hand), 0);
	assert_int_equal(work->fault(v, &warm, &rig.hand), 0);
	assert_int_equal(work->split(v, 2, TOPUP_REPEAT, split, &rig.hand), 0);
	assert_int_equal(work->split(v, 2, TOPUP_WHOLE, split, &rig.hand), 0);
	assert_int_equal(topup_hand_free(&v->ctx, &rig.hand), 37);
	topup_vcpu_drain(v);
	topup_vm_drain(&rig.vm, v);
}

static void check_variant(enum topup_variant variant, bool has_vcpu, const char *name)
{
	for (unsigned indirect = 0; indirect < 2; indirect++) {
		open_traced(variant);
		rig.vm.ahead = 2;
		rig.vm.has_vcpu = has_vcpu;
		run_schedule(&topup_variants[variant].work[indirect]);
		compare(name);
		rig_close(&rig);
	}
}

static void test_variants(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TOPUP_VARIANTS; i++)
		check_variant(i, false, topup_variants[i].name);
	check_variant(TOPUP_PER_VCPU_OR_VM, true, "per_vcpu_or_vm-vcpu");
}

static void test_array(void **state)
{
	struct topup_kvm_array array = { 0 };
	struct topup_ctx *ctx = &rig.vcpu.ctx;

	(void)state;
	open_traced(TOPUP_KVM_ARRAY);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(topup_kvm_array_topup(ctx, &array,
						       KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE,
						       PT64_ROOT_MAX_LEVEL),
				 0);
		for (unsigned page = 0; page < 4; page++, rig.hand.sept++)
			list_add(&topup_kvm_array_get(ctx, &array)->lru, &rig.hand.pages);
	}
	topup_kvm_array_drain(ctx, &array);
	compare("array");
	assert_int_equal(topup_hand_free(ctx, &rig.hand), 40);
	rig_close(&rig);
}

static void check_pamt(const char *name,
		       int (*get)(struct topup_pamt *, struct topup_ctx *, unsigned int,
				  struct topup_list *),
		       void (*put)(struct topup_pamt *, struct topup_ctx *, unsigned int))
{
	struct topup_ctx *ctx = &rig.vcpu.ctx;
	struct topup_pamt pamt;

	open_traced(TOPUP_DIRECT);
	assert_int_equal(topup_pamt_init(&pamt, 4), 0);
	assert_int_equal(get(&pamt, ctx, 3, NULL), 0);
	assert_int_equal(get(&pamt, ctx, 3, NULL), 0);
	put(&pamt, ctx, 3);
	put(&pamt, ctx, 3);
	compare(name);
	topup_pamt_destroy(&pamt, ctx);
	rig_close(&rig);
}

static void test_pamt(void **state)
{
	(void)state;
	check_pamt("pamt_refcount", topup_pamt_get, topup_pamt_put);
	check_pamt("pamt_locked", topup_pamt_get_locked, topup_pamt_put_locked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_pamt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
