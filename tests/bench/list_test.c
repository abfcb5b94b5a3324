// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "harness/core/units.h"
#include "harness/measure/design.h"

static struct machine machine;

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

static void every_benchmark_is_sound(void **state)
{
	(void)state;
	assert_non_null(bench_list[0]);
	for (unsigned i = 0; bench_list[i]; i++) {
		const struct bench_info *b = bench_list[i];
		struct reason why = { "" };

		if (bench_check(b, &why))
			fail_msg("%s", why.text);
		assert_ptr_equal(bench_find(b->name), b);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(bench_list[k]->name, b->name);
		for (unsigned m = 0; b->metrics[m].name; m++) {
			assert_non_null(b->metrics[m].quantity);
			assert_non_null(b->metrics[m].per);
		}
	}
}

static void every_symbolic_level_has_somebody_to_resolve_it(void **state)
{
	(void)state;
	for (unsigned i = 0; bench_list[i]; i++)
		for (unsigned f = 0; f < bench_factors(bench_list[i]); f++) {
			const struct level_info *l = bench_factor(bench_list[i], f)->levels;

			for (; l && l->name; l++) {
				assert_non_null(l->summary);
				assert_true(strlen(l->name) < LEVEL_TEXT);
				assert_true(!l->symbolic || bench_list[i]->resolve);
			}
		}
}

/* What needs the kernel module may not. */
static void every_benchmark_runs_here_as_it_usually_does_or_says_why(void **state)
{
	(void)state;
	for (unsigned i = 0; bench_list[i]; i++) {
		struct reason why = { "" };
		struct plan plan = { 0 };

		if (plan_add(&plan, &machine, bench_list[i], NULL, 0, &why))
			fail_msg("%s: %s", bench_list[i]->name, why.text);
		assert_true(plan.n_cells > 0);
		for (size_t c = 0; c < plan.n_cells; c++)
			assert_true(plan.cells[c].state == CELL_PLANNED ||
				    *plan.cells[c].reason.text);
		plan_free(&plan);
	}
}

static void every_preset_can_be_planned(void **state)
{
	(void)state;
	for (unsigned i = 0; presets[i].name; i++) {
		struct plan plan = { 0 };
		uint64_t ns = 0;

		assert_ptr_equal(preset_find(presets[i].name), &presets[i]);
		assert_non_null(presets[i].summary);
		assert_int_equal(duration_parse(presets[i].budget, &ns), 0);
		assert_true(ns > 0);
		/* S7: a preset must be able to come to a verdict. */
		assert_true(presets[i].rounds >= 6);
		for (unsigned l = 0; presets[i].lines[l].bench; l++) {
			const struct preset_line *line = &presets[i].lines[l];
			const struct bench_info *b = bench_find(line->bench);
			struct reason why = { "" };
			size_t n = 0;

			assert_non_null(b);
			while (n < PRESET_SETTINGS && line->settings[n])
				n++;
			assert_true(n < PRESET_SETTINGS);
			if (plan_add(&plan, &machine, b, line->settings, n, &why))
				fail_msg("%s: %s", presets[i].name, why.text);
		}
		assert_true(plan.n_groups > 0);
		plan_free(&plan);
	}
	assert_non_null(preset_find("quick"));
	assert_non_null(preset_find("full"));
}

/* Is there a planned cell with these levels of `reset`? */
static bool plans(const struct plan *plan, const char *insn, const char *region)
{
	static const struct {
		const char *factor, *level;
	} others[] = { { "quirk", "on" }, { "fence", "sample" }, { "page", "2M" } };

	for (size_t c = 0; c < plan->n_cells; c++) {
		const struct cell *cell = &plan->cells[c].cell;
		bool same = plan->cells[c].state == CELL_PLANNED;

		for (size_t i = 0; i < 3; i++)
			same &= !strcmp(
				cell->levels[bench_find_factor(cell->bench, others[i].factor)].text,
				others[i].level);
		same &= !strcmp(cell->levels[bench_find_factor(cell->bench, "insn")].text, insn);
		same &= !strcmp(cell->asked[bench_find_factor(cell->bench, "region")], region);
		if (same)
			return true;
	}
	return false;
}

static void plan_quick(struct plan *plan, const struct machine *m)
{
	for (const struct preset_line *l = preset_find("quick")->lines; l->bench; l++) {
		struct reason why = { "" };
		size_t n = 0;

		while (l->settings[n])
			n++;
		if (plan_add(plan, m, bench_find(l->bench), l->settings, n, &why))
			fail_msg("%s", why.text);
	}
}

/* What the CPU has; the fastest store of such CPUs with one fence per range, as measured. */
static void quick_has_the_fastest_store_of_any_cpu(void **state)
{
	static const struct {
		uint32_t features;
		const char *fastest;
	} cases[] = {
		{ 1u << CPU_MOVDIR64B | 1u << CPU_AVX512F | 1u << CPU_AVX2, "ntstore512" },
		{ 1u << CPU_AVX512F | 1u << CPU_AVX2, "ntstore512" },
		{ 1u << CPU_MOVDIR64B | 1u << CPU_AVX2, "ntstore256" },
		{ 1u << CPU_CLZERO | 1u << CPU_AVX512F | 1u << CPU_AVX2, "clzero" },
		{ 1u << CPU_CLZERO | 1u << CPU_AVX2, "clzero" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine m = machine;
		struct plan plan = { 0 };

		m.cpu.features = cases[i].features;
		plan_quick(&plan, &m);
		if (!plans(&plan, cases[i].fastest, "small") ||
		    !plans(&plan, cases[i].fastest, "large"))
			fail_msg("case %zu: no %s", i, cases[i].fastest);
		plan_free(&plan);
	}
}

static void names_are_found_or_guessed(void **state)
{
	(void)state;
	assert_ptr_equal(bench_find("null"), &null_bench);
	assert_ptr_equal(bench_find("reset"), &reset_bench);
	assert_null(bench_find("Reset"));
	assert_null(bench_find(""));
	assert_null(preset_find("quic"));
	assert_string_equal(bench_nearest("rest"), "reset");
	assert_string_equal(bench_nearest("nul"), "null");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_benchmark_is_sound),
		cmocka_unit_test(every_symbolic_level_has_somebody_to_resolve_it),
		cmocka_unit_test(every_benchmark_runs_here_as_it_usually_does_or_says_why),
		cmocka_unit_test(every_preset_can_be_planned),
		cmocka_unit_test(quick_has_the_fastest_store_of_any_cpu),
		cmocka_unit_test(names_are_found_or_guessed),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
