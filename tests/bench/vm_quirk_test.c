// SPDX-License-Identifier: GPL-2.0-or-later
/* The erratum mode of a TD is its kernel's: what is resolved, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/vm.h"

static const struct {
	const char *kernel, *flag; /* JSON */
	bool affected;
	unsigned quirk;
} machines[] = {
	{ "6.18.0", "true", true, QUIRK_ON },
	{ "6.18.0-9-generic", "false", false, QUIRK_OFF },
	{ "7.2.1", "false", false, QUIRK_OFF },
	{ "7.2.1", "true", false, QUIRK_ON },
	/* What the kernel does not say, the CPU does. */
	{ "7.2.1", "null", true, QUIRK_ON },
	{ "7.2.1", "null", false, QUIRK_OFF },
	/* Who has not found the erratum skips the clear, whatever the CPU is. */
	{ "7.2.1", "false", true, QUIRK_OFF },
	/* Before the skip each page was cleared. */
	{ "6.17.9", "false", false, QUIRK_ON },
	{ "6.16.0-rc1", "false", false, QUIRK_ON },
	{ "unknown", "false", false, QUIRK_OFF },
};

static void make_machine(struct machine *m, unsigned i)
{
	char facts[128];

	*m = (struct machine){ .root = "", .cpu.cpu_affected = machines[i].affected };
	snprintf(facts, sizeof(facts), "{\"kernel\":\"%s\",\"kernel_flag\":%s}", machines[i].kernel,
		 machines[i].flag);
	m->env.identity = json_loads(facts, 0, NULL);
	assert_non_null(m->env.identity);
}

static struct level quirk_level(unsigned quirk)
{
	static const char *const names[] = { "on", "off", "none" };
	struct level l = { .number = quirk };

	snprintf(l.text, sizeof(l.text), "%s", names[quirk]);
	return l;
}

static void auto_is_what_the_kernel_does(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		struct cell cell = { 0 };
		struct machine m;
		struct level l;

		make_machine(&m, i);
		cell.levels[F_TYPE].number = TYPE_TDX;
		assert_int_equal(vm_resolve(&m, &cell, F_QUIRK, &l, NULL), 0);
		assert_int_equal(l.number, machines[i].quirk);
		assert_string_equal(l.text, machines[i].quirk == QUIRK_ON ? "on" : "off");
		/* A plain VM's is staged, as the CPU has it. */
		cell.levels[F_TYPE].number = TYPE_PLAIN;
		assert_int_equal(vm_resolve(&m, &cell, F_QUIRK, &l, NULL), 0);
		assert_int_equal(l.number, machines[i].affected ? QUIRK_ON : QUIRK_OFF);
		json_decref(m.env.identity);
	}
}

static void the_contrary_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		for (unsigned quirk = QUIRK_ON; quirk <= QUIRK_NONE; quirk++) {
			struct level levels[F_MAX] = {
				[F_TYPE] = { .number = TYPE_TDX }, [F_QUIRK] = quirk_level(quirk)
			};
			bool fits = quirk == machines[i].quirk;
			struct reason why = { "" };
			struct machine m;

			make_machine(&m, i);
			assert_int_equal(vm_quirk_fits(&m, levels, &why), fits ? 0 : -ENOTSUP);
			assert_int_equal(strstr(why.text, "quirk=auto") != NULL, !fits);
			assert_true(fits || strstr(why.text, machines[i].kernel));
			json_decref(m.env.identity);
		}
}

static void other_vms_have_the_modes_that_can_be_staged(void **state)
{
	static const struct {
		unsigned type, quirk;
		int ret;
	} cases[] = {
		{ TYPE_PLAIN, QUIRK_ON, 0 },
		{ TYPE_PLAIN, QUIRK_NONE, 0 },
		{ TYPE_SW_PROTECTED, QUIRK_NONE, 0 },
		{ TYPE_SW_PROTECTED, QUIRK_OFF, -ENOTSUP },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct level levels[F_MAX] = { [F_TYPE] = { .number = cases[i].type },
					       [F_QUIRK] = quirk_level(cases[i].quirk) };
		struct machine m;

		make_machine(&m, 0);
		assert_int_equal(vm_quirk_fits(&m, levels, NULL), cases[i].ret);
		json_decref(m.env.identity);
	}
}

/* A call of the program's own would clear nothing that is the TD's. */
static void nobody_clears_a_td_from_here(void **state)
{
	struct cell cell = { 0 };

	(void)state;
	cell.levels[F_TYPE].number = TYPE_TDX;
	cell.levels[F_QUIRK].number = QUIRK_ON;
	assert_null(vm_spec_of(&cell, "").vm.reset);
	cell.levels[F_TYPE].number = TYPE_PLAIN;
	assert_non_null(vm_spec_of(&cell, "").vm.reset);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto_is_what_the_kernel_does),
		cmocka_unit_test(the_contrary_is_refused),
		cmocka_unit_test(other_vms_have_the_modes_that_can_be_staged),
		cmocka_unit_test(nobody_clears_a_td_from_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
