/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h: a database in a directory of its own, and runs small enough to be known by heart. */
#ifndef TDC_TEST_STORE_FIXTURE_H
#define TDC_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "results/store/sql.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A call that must succeed: what it returns, after printing its reason when it is negative. */
#define OK(call) fixture_ok((call), __FILE__, __LINE__)

struct fixture {
	char dir[64];
	char path[96]; /* of test.db in it */
	struct store *s;
	int64_t boot;
};

extern struct reason why; /* of the last call */

int fixture_ok(int ret, const char *file, int line);

/* cmocka setup and teardown: an empty store, a host and a boot; and everything away again. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The standard host, environment and boot: 2 GHz, an overhead of 20 ticks where it was calibrated. */
int fixture_put_boot(struct store *s, const char *kernel, const char *boot_id, int64_t *boot);

/*
 * A run of benchmark "reset" with two paired arms in group 0 (quirk=off, quirk=on), one in group
 * 1, and a skipped cell. Its parts of a hash are right, so store_check() is content with it.
 */
int fixture_begin(struct store *s, const char *uuid, const char *label, int64_t boot,
		  int64_t started);

/*
 * A round of @n_inv invocations of @n samples: every fourth sample is warm-up, arms alternate,
 * ticks are 1000 + seq, the overhead is 20.
 */
int fixture_put_round(struct store *s, const char *uuid, int64_t boot, unsigned round,
		      unsigned n_inv, size_t n);

/* By another connection than the store's: SQL that must succeed, and its first integer. */
void fixture_sql(const char *path, const char *sql);
int64_t fixture_int(const char *path, const char *sql);

/*
 * A run that has something of everything: two boots, parts, flags, awkward texts and numbers, a
 * calibration. @rounds of it (2 invocations each), and @state.
 */
int fixture_rich(struct store *s, const char *uuid, unsigned rounds, enum run_state state,
		 int64_t ended);

/* All that a store holds, one row a line, row ids left out, sorted. The caller frees it. */
char *fixture_dump(struct store *s);

void fixture_write(const char *path, const void *data, size_t n);
void fixture_copy(const char *from, const char *to);
uint64_t fixture_digest(const char *path); /* of size and contents; 0 when it is not there */

/* Lines that store_check() finds, printed when there are any that nobody expects. */
int fixture_check(struct store *s);

#endif
