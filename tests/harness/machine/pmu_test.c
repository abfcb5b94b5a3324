// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/machine/pmu.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Without sanitizers: their shadow memory has page faults of its own. */
__attribute__((no_sanitize("address", "undefined"), noinline)) static void touch(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(volatile char *)(p + i * 4096) = 1;
}

static char *fresh_pages(size_t n)
{
	char *p = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	madvise(p, n * 4096, MADV_NOHUGEPAGE);
	return p;
}

static void open_one(struct pmu *pmu, const char *name)
{
	struct reason why = { "" };

	if (pmu_open(pmu, &name, 1, &why))
		fail_msg("%s: %s", name, why.text);
	if (!pmu->n && pmu->n_refused) {
		/* A container may forbid the call; then the reason must be there. */
		assert_true(pmu->refused[0].why.text[0]);
		print_message("%s\n", pmu->refused[0].why.text);
		skip();
	}
	assert_int_equal(pmu->n, 1);
}

static uint64_t count_touches(struct pmu *pmu, size_t pages)
{
	struct pmu_value v[PMU_MAX_EVENTS];
	char *p = fresh_pages(pages);

	assert_int_equal(pmu_enable(pmu), 0);
	touch(p, pages);
	assert_int_equal(pmu_disable(pmu), 0);
	assert_int_equal(pmu_read(pmu, v), 0);
	munmap(p, pages * 4096);
	assert_true(v[0].running > 0);
	assert_int_equal(v[0].running, v[0].enabled);
	return v[0].count;
}

static void page_faults(void **state)
{
	static const size_t pages[] = { 1, 64, 1000 };
	struct pmu pmu;

	(void)state;
	open_one(&pmu, "page-faults");
	assert_non_null(strstr(pmu.name[0], "PAGE_FAULTS"));
	count_touches(&pmu, 1); /* the code's own pages */
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		uint64_t n = count_touches(&pmu, pages[i]);

		/*
		 * A page of code that was taken away meanwhile may add one; a sanitizer's shadow
		 * memory adds its own.
		 */
		if (n < pages[i] || (!SANITIZED && n > pages[i] + 2))
			fail_msg("%zu pages touched, %llu faults counted", pages[i],
				 (unsigned long long)n);
	}
	pmu_close(&pmu);
}

/* Each enable starts from 0, in the count and in the times. */
static void enable_resets(void **state)
{
	struct pmu_value first[PMU_MAX_EVENTS], v[PMU_MAX_EVENTS];
	struct pmu pmu;

	(void)state;
	open_one(&pmu, "page-faults");
	count_touches(&pmu, 2000);
	assert_int_equal(pmu_read(&pmu, first), 0);
	assert_true(first[0].count >= 2000);
	/*
	 * Had it gone on from the first time, it could only be larger. A hypervisor that takes the CPU
	 * away for so long does not do so each time.
	 */
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(pmu_enable(&pmu), 0);
		assert_int_equal(pmu_disable(&pmu), 0);
		assert_int_equal(pmu_read(&pmu, v), 0);
		assert_true(v[0].count < 10);
		if (v[0].enabled < first[0].enabled)
			break;
	}
	assert_true(v[0].enabled < first[0].enabled);
	pmu_close(&pmu);
}

static void context_switches(void **state)
{
	struct pmu_value v[PMU_MAX_EVENTS];
	struct pmu pmu;

	(void)state;
	open_one(&pmu, "context-switches");
	assert_int_equal(pmu_enable(&pmu), 0);
	for (int i = 0; i < 20; i++)
		usleep(1000);
	assert_int_equal(pmu_disable(&pmu), 0);
	assert_int_equal(pmu_read(&pmu, v), 0);
	assert_true(v[0].count >= 20);
	pmu_close(&pmu);
}

static void task_clock(void **state)
{
	struct pmu_value v[PMU_MAX_EVENTS];
	struct pmu pmu;

	(void)state;
	open_one(&pmu, "task-clock");
	assert_int_equal(pmu_enable(&pmu), 0);
	for (volatile int i = 0; i < 1000000; i++)
		;
	assert_int_equal(pmu_disable(&pmu), 0);
	assert_int_equal(pmu_read(&pmu, v), 0);
	assert_true(v[0].count > 0);
	assert_true(v[0].count <= 2 * v[0].enabled);
	pmu_close(&pmu);
}

static void *touch_pages(void *pages)
{
	touch(pages, 2000);
	return NULL;
}

/* Counts are this thread's alone. */
static void other_threads_do_not_count(void **state)
{
	struct pmu_value v[PMU_MAX_EVENTS];
	char *p = fresh_pages(2000);
	struct pmu pmu;
	pthread_t thread;

	(void)state;
	open_one(&pmu, "page-faults");
	assert_int_equal(pmu_enable(&pmu), 0);
	assert_int_equal(pthread_create(&thread, NULL, touch_pages, p), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pmu_disable(&pmu), 0);
	assert_int_equal(pmu_read(&pmu, v), 0);
	/* Making a thread faults in a few pages of its own. */
	assert_true(v[0].count < 1000);
	pmu_close(&pmu);
	munmap(p, 2000 * 4096);
}

static void unknown_names(void **state)
{
	static const struct {
		const char *name, *guess;
	} cases[] = {
		{ "page-fualts", "page-faults" },
		{ "instrutcions", "instructions" },
		{ "zen4::RETIRED_OPS", "amd64_fam19h_zen4" },
		{ "amd64_fam19h_zen4::RETIRED_OSP", "retired_ops" },
		{ "", "did you mean" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct pmu pmu;

		if (pmu_open(&pmu, &cases[i].name, 1, &why) != -EINVAL)
			fail_msg("'%s' was taken", cases[i].name);
		if (!strstr(why.text, cases[i].guess) || !strstr(why.text, cases[i].name))
			fail_msg("'%s': %s", cases[i].name, why.text);
		assert_int_equal(pmu.n, 0);
	}
}

/* No machine is a Nehalem and a Zen 1 at once: one of these is on another machine. */
static void events_of_another_machine(void **state)
{
	static const char *const names[] = { "page-faults", "nhm::UNHALTED_CORE_CYCLES",
					     "amd64_fam17h_zen1::RETIRED_INSTRUCTIONS" };
	struct reason why = { "" };
	struct pmu pmu;

	(void)state;
	if (pmu_open(&pmu, names, ARRAY_SIZE(names), &why))
		fail_msg("%s", why.text);
	assert_true(pmu.n_refused >= 1);
	assert_int_equal(pmu.n + pmu.n_refused, ARRAY_SIZE(names));
	for (unsigned i = 0; i < pmu.n_refused; i++)
		assert_true(pmu.refused[i].name[0] && pmu.refused[i].why.text[0]);
	pmu_close(&pmu);
}

/* Hardware events are counted, or refused for the reason that pmu_hardware() gives. */
static void hardware_events(void **state)
{
	static const char *const names[] = { "instructions", "page-faults" };
	struct reason why = { "" };
	struct pmu pmu;
	int hardware = pmu_hardware(&why);

	(void)state;
	assert_int_equal(pmu_open(&pmu, names, 2, &why), 0);
	if (hardware) {
		assert_true(why.text[0]);
		assert_true(pmu.n_refused >= 1);
		assert_string_equal(pmu.refused[0].name, "instructions");
		assert_true(pmu.refused[0].why.text[0]);
	} else {
		struct pmu_value v[PMU_MAX_EVENTS];

		assert_non_null(strstr(pmu.name[0], "INSTRUCTIONS"));
		assert_int_equal(pmu_enable(&pmu), 0);
		assert_int_equal(pmu_disable(&pmu), 0);
		assert_int_equal(pmu_read(&pmu, v), 0);
		assert_true(v[0].count > 0);
	}
	pmu_close(&pmu);
}

static void too_many(void **state)
{
	const char *names[PMU_MAX_EVENTS + 1];
	struct reason why = { "" };
	struct pmu pmu;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = "page-faults";
	assert_int_equal(pmu_open(&pmu, names, ARRAY_SIZE(names), &why), -E2BIG);
	assert_int_equal(pmu_open(&pmu, names, PMU_MAX_EVENTS, &why), 0);
	assert_int_equal(pmu.n + pmu.n_refused, PMU_MAX_EVENTS);
	pmu_close(&pmu);
	assert_int_equal(pmu_open(&pmu, names, 0, &why), 0);
	assert_int_equal(pmu.n, 0);
	pmu_close(&pmu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_faults),
		cmocka_unit_test(enable_resets),
		cmocka_unit_test(context_switches),
		cmocka_unit_test(task_clock),
		cmocka_unit_test(other_threads_do_not_count),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(events_of_another_machine),
		cmocka_unit_test(hardware_events),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
