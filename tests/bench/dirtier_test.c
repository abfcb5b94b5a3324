// SPDX-License-Identifier: GPL-2.0-or-later
/* What is made dirty, seen in the memory itself: mem_alloc() is wrapped and tells where it is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/ops/dirtier.h"
#include "bench/ops/awake.h"
#include "harness/machine/mem.h"
#include "tests/harness/machine/tree.h"

#define MAX_REGIONS 64
#define MAX_CPUS    64

static struct mem *regions[MAX_REGIONS];
static unsigned n_regions;
static int alloc_error;

int __real_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);

int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why)
{
	if (alloc_error)
		return reason_set(why, alloc_error, "the memory is gone");
	if (n_regions < MAX_REGIONS)
		regions[n_regions++] = m;
	return __real_mem_alloc(m, backing, bytes, offset, place, ctx, why);
}

static struct machine machine;
static struct bench_ctx ctx;

/* A machine may hold less of its LLC than an arm asks for. */
static void raise_flag(struct bench_ctx *of, enum trust_flag flag, int arm, const char *detail)
{
	assert_ptr_equal(of, &ctx);
	assert_int_equal(flag, FLAG_NOT_HELD);
	assert_in_range(arm, 0, ctx.n_arms - 1);
	assert_non_null(strstr(detail, "were still cached when a sample began"));
}
static unsigned cpus[MAX_CPUS], n_cpus;
static struct dirtier *dirtier;
static struct reason why;

static int open_all(void **state)
{
	(void)state;
	if (machine_open(&machine, &why))
		return -1;
	n_cpus = (unsigned)topo_pick(machine.topo, TOPO_ALL, cpus, MAX_CPUS);
	n_cpus = n_cpus < MAX_CPUS ? n_cpus : MAX_CPUS;
	ctx = (struct bench_ctx){ .machine = &machine,
				  .n_arms = 4,
				  .cpu = cpus[0],
				  .seed = 4711,
				  .facts = json_object(),
				  .flag = raise_flag };
	return topo_bind_thread(machine.topo, cpus[0], &why);
}

static int close_all(void **state)
{
	(void)state;
	json_decref(ctx.facts);
	machine_close(&machine);
	return 0;
}

static int open_dirtier(void **state)
{
	(void)state;
	n_regions = 0;
	alloc_error = 0;
	return dirtier_open(&dirtier, &ctx, -1, &why);
}

static int close_dirtier(void **state)
{
	(void)state;
	dirtier_close(dirtier);
	return 0;
}

/* Lines that hold something: the pattern is random, a line of it is not all zero. */
static size_t written(void)
{
	static const char zero[64];
	size_t lines = 0;

	for (unsigned i = 0; i < n_regions; i++)
		for (size_t at = 0; at < regions[i]->bytes; at += sizeof(zero))
			lines += !!memcmp(regions[i]->base + at, zero, sizeof(zero));
	return lines * sizeof(zero);
}

static size_t share(unsigned percent)
{
	return topo_llc_bytes(machine.topo, cpus[0]) * percent / 100 / 4096 * 4096;
}

static void make_ready(void)
{
	int ret = dirtier_ready(dirtier, &ctx, &why);

	if (ret)
		fail_msg("%s", why.text);
	/* What was stored to see whether the caches hold it. */
	for (unsigned i = 0; i < n_regions; i++)
		memset(regions[i]->base, 0, regions[i]->bytes);
}

/* Asked for where anything is made dirty, and told where it cannot be had. */
static void idle_cpus_keep_what_they_made_dirty(void **state)
{
	static const struct {
		bool device;
		unsigned percent;
		const char *says;
	} cases[] = { { true, 1, "2 us at most" },
		      { true, 0, NULL },
		      { false, 1, "not held: No such file or directory" } };
	const char *root = machine.root;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t asked = -1;
		struct tree tree;
		char path[256];
		json_t *told;
		FILE *f;

		tree_make(&tree);
		tree_write(&tree, "/dev/null", "");
		if (cases[i].device)
			tree_write(&tree, "/dev/cpu_dma_latency", "");
		machine.root = tree.root;
		json_object_del(ctx.facts, "idle_states");
		if (i)
			assert_int_equal(dirtier_open(&dirtier, &ctx, -1, &why), 0);
		assert_int_equal(dirtier_add(dirtier, 0, cpus, 1, cases[i].percent, &why), 0);
		make_ready();
		told = json_object_get(ctx.facts, "idle_states");
		assert_int_equal(told != NULL, cases[i].says != NULL);
		if (told)
			assert_string_equal(json_string_value(told), cases[i].says);
		snprintf(path, sizeof(path), "%s/dev/cpu_dma_latency", tree.root);
		f = fopen(path, "re");
		assert_int_equal(f != NULL, cases[i].device);
		if (f) {
			bool any = fread(&asked, sizeof(asked), 1, f) == 1;

			fclose(f);
			assert_int_equal(any, cases[i].percent > 0);
			assert_int_equal(asked, cases[i].percent ? AWAKE_US : -1);
		}
		dirtier_close(dirtier);
		dirtier = NULL;
		n_regions = 0;
		tree_remove(&tree);
	}
	machine.root = root;
}

static void each_arm_dirties_its_share(void **state)
{
	(void)state;
	if (!share(1))
		skip(); /* an LLC of unknown size: supported() refuses any share but 0 */
	assert_int_equal(dirtier_add(dirtier, 0, cpus, 1, 0, &why), 0);
	assert_int_equal(dirtier_add(dirtier, 1, cpus, 1, 10, &why), 0);
	assert_int_equal(dirtier_add(dirtier, 2, cpus, n_cpus, 25, &why), 0);
	assert_int_equal(dirtier_add(dirtier, 3, cpus, 1, 20, &why), 0);
	make_ready();
	assert_int_equal(dirtier_bytes(dirtier, 0), 0);
	assert_int_equal(dirtier_bytes(dirtier, 1), share(10));
	dirtier_dirty(dirtier, 0);
	assert_int_equal(written(), 0);
	dirtier_dirty(dirtier, 1);
	assert_int_equal(written(), share(10));
	dirtier_dirty(dirtier, 3);
	assert_int_equal(written(), share(20));
	dirtier_dirty(dirtier, 2);
	assert_true(written() >= dirtier_bytes(dirtier, 2));
	assert_int_equal(dirtier_bytes(dirtier, 2) % share(25), 0);
}

static size_t evicted; /* bytes, since it was set to 0 */

void __real_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes);
void __wrap_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes);

void __wrap_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	__real_lines_evict(cpu, base, bytes);
	__atomic_fetch_add(&evicted, bytes, __ATOMIC_RELAXED);
}

static void what_is_dirtied_again_is_swept_out_with_the_rest(void **state)
{
	(void)state;
	if (!share(1))
		skip();
	assert_int_equal(dirtier_add(dirtier, 0, cpus, n_cpus, 10, &why), 0);
	assert_int_equal(dirtier_add(dirtier, 1, cpus, n_cpus, 5, &why), 0);
	assert_int_equal(dirtier_add(dirtier, 2, cpus, n_cpus, 20, &why), 0);
	assert_int_equal(dirtier_add(dirtier, 3, cpus, n_cpus, 0, &why), 0);
	make_ready();
	dirtier_dirty(dirtier, 0);
	evicted = 0;
	dirtier_again(dirtier, 1);
	assert_int_equal(evicted, 0);
	dirtier_dirty(dirtier, 3);
	assert_int_equal(evicted, dirtier_bytes(dirtier, 0));
	/* The larger one where more comes again than was there. */
	dirtier_dirty(dirtier, 0);
	dirtier_again(dirtier, 2);
	assert_int_equal(written(), dirtier_bytes(dirtier, 2));
	evicted = 0;
	dirtier_dirty(dirtier, 3);
	assert_int_equal(evicted, dirtier_bytes(dirtier, 2));
	dirtier_again(dirtier, 3);
	evicted = 0;
	dirtier_dirty(dirtier, 1);
	assert_int_equal(evicted, 0);
}

static void a_sweep_keeps_what_was_stored(void **state)
{
	(void)state;
	if (!share(1))
		skip();
	for (unsigned arm = 0; arm < 4; arm++) {
		assert_int_equal(dirtier_add(dirtier, arm, cpus, 1, 5 + arm, &why), 0);
		assert_int_equal(dirtier_add_sweep(dirtier, arm, cpus, n_cpus, &why), 0);
	}
	make_ready();
	for (unsigned arm = 0; arm < 4; arm++) {
		dirtier_dirty(dirtier, arm);
		dirtier_sweep_ready(dirtier, arm);
		dirtier_sweep(dirtier);
		assert_int_equal(written(), share(5 + arm));
		for (unsigned i = 0; i < n_cpus; i++) {
			const struct team_time *t = dirtier_sweep_time(dirtier, arm, i);

			assert_true(t->end > t->start);
			assert_int_equal(t->cpu, cpus[i]);
		}
	}
}

static void without_memory_it_says_so(void **state)
{
	(void)state;
	if (!share(1))
		skip();
	for (unsigned arm = 0; arm < 4; arm++)
		assert_int_equal(dirtier_add(dirtier, arm, cpus, 1, 50, &why), 0);
	alloc_error = -ENOMEM;
	assert_int_equal(dirtier_ready(dirtier, &ctx, &why), -ENOMEM);
	assert_string_equal(why.text, "the memory is gone");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_dirtier, close_dirtier)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(idle_cpus_keep_what_they_made_dirty),
		TEST(each_arm_dirties_its_share),
		TEST(what_is_dirtied_again_is_swept_out_with_the_rest),
		TEST(a_sweep_keeps_what_was_stored),
		TEST(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
