/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smoke.h: what the tests that run as root beside the loaded module share. They are one program,
 * kmod_smoke, that the emulated lanes execute; nothing of it runs on the machine that builds.
 */
#ifndef TDC_TEST_KMOD_SMOKE_H
#define TDC_TEST_KMOD_SMOKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/kmod/client.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_CPUS      256
#define PAUSE_US      1000 /* between tries, for what runs on the same CPU */

/* The module as a file, NULL where it is loaded already and stays. */
extern const char *smoke_module;

/* CPUs that are online, ascending, and the one that the tests are bound to: the first. */
struct smoke_cpus {
	unsigned n;
	unsigned cpu[MAX_CPUS];
};
void smoke_online(struct smoke_cpus *c);
void smoke_bind(unsigned cpu);
void smoke_set_online(unsigned cpu, bool online);

/* By sysfs, not by the module: are @a and @b in one package, one last-level cache, one core? */
bool smoke_same_package(unsigned a, unsigned b);
bool smoke_same_llc(unsigned a, unsigned b);
bool smoke_same_core(unsigned a, unsigned b);

/* A line that says how many of each there are: where numbers are equal, so are the modes. */
void smoke_print_topology(const struct smoke_cpus *c);

/* Opens the device or fails the test. */
void smoke_open(struct kmod *k);

/* Wait until no CPU owes an answer. */
void smoke_settle(const struct kmod *k);

/* Each fails the test unless it answers as it should; @params are the module's. */
void smoke_load(const char *params);
void smoke_unload(void);
int smoke_try_load(const char *params); /* 0 or -errno */
int smoke_try_unload(void);

/* A good call with one field changed, and the errno that it must end with (0: none). */
struct smoke_bad {
	const char *what;
	size_t at, bytes;
	uint64_t value;
	int err;
};
#define BAD(type, field, value, err)                                                 \
	{                                                                            \
#type "." #field " = " #value, offsetof(struct type, field),         \
			sizeof(((struct type *)NULL)->field), (uint64_t)(value), err \
	}
void smoke_refused(const struct kmod *k, unsigned long cmd, const void *good, size_t size,
		   const struct smoke_bad *rows, size_t n);

/* The counter of each CPU number, zeros beyond. */
void smoke_counters(const struct kmod *k, uint64_t counters[MAX_CPUS]);

/* What the kernel has charged to the memory cgroup that this process is in, in bytes. */
uint64_t smoke_charged(void);

/* The tests, by what they are about; each array ends with a NULL name. */
extern const struct CMUnitTest smoke_flush_tests[];
extern const struct CMUnitTest smoke_pages_tests[];
extern const struct CMUnitTest smoke_teardown_tests[];
extern const struct CMUnitTest smoke_topup_tests[];
extern const struct CMUnitTest smoke_pamt_tests[];
extern const struct CMUnitTest smoke_life_tests[];
extern const struct CMUnitTest smoke_lone_tests[]; /* where there is one CPU */
extern const struct CMUnitTest smoke_stop_tests[]; /* these and the next, where there are more */
extern const struct CMUnitTest smoke_kick_tests[];
extern const struct CMUnitTest smoke_leave_tests[];
extern const struct CMUnitTest smoke_together_tests[];
extern const struct CMUnitTest smoke_load_tests[]; /* with the module as a file, not loaded */
extern const struct CMUnitTest smoke_timeout_tests[];
extern const struct CMUnitTest smoke_leak_tests[];

#endif
