/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault_vfs.h: a shim over SQLite's default VFS, which becomes the default itself and lets the k-th
 * call of a kind fail. See https://sqlite.org/vfs.html, section 2.3.
 */
#ifndef TDC_TEST_FAULT_VFS_H
#define TDC_TEST_FAULT_VFS_H

#include <stdbool.h>

enum fault_call {
	FAULT_OPEN,
	FAULT_READ,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_TRUNCATE,
	FAULT_SHM, /* mapping the index of the -wal */
	FAULT_LOCK,
	FAULT_DELETE,
	FAULT_MAX
};

/* Register the shim. Once, before any connection. */
void fault_install(void);

/*
 * From now on, the @k-th call (from 1) of a kind fails with @code, an SQLite result; with @stays
 * every later one too. @k 0: none fails. Calls are counted anew.
 */
void fault_arm(enum fault_call call, unsigned k, int code, bool stays);

/* How many calls failed since fault_arm(). */
unsigned fault_hits(void);

#endif
