// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/store/fault_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

/* A file of ours is followed in memory by the one of the VFS below. */
struct file {
	sqlite3_file base;
	sqlite3_file *below;
};

static struct {
	enum fault_call call;
	unsigned k, seen, hits;
	int code;
	bool stays;
} plan;

static sqlite3_vfs *below; /* the default VFS before us */

void fault_arm(enum fault_call call, unsigned k, int code, bool stays)
{
	plan.call = call;
	plan.k = k;
	plan.code = code;
	plan.stays = stays;
	plan.seen = plan.hits = 0;
}

unsigned fault_hits(void)
{
	return plan.hits;
}

/* Return: SQLITE_OK where the call may go on. */
static int judge(enum fault_call call)
{
	if (!plan.k || call != plan.call)
		return SQLITE_OK;
	plan.seen++;
	if (plan.seen != plan.k && !(plan.stays && plan.seen > plan.k))
		return SQLITE_OK;
	plan.hits++;
	return plan.code;
}

static sqlite3_file *below_of(sqlite3_file *f)
{
	return ((struct file *)f)->below;
}

/* A method that passes its call on, unless it is its turn to fail. */
#define PASS(name, call, params, args)                                \
	static int pass_##name params                                 \
	{                                                             \
		int rc = judge(call);                                 \
                                                                      \
		return rc ? rc : below_of(f)->pMethods->x##name args; \
	}

PASS(Read, FAULT_READ, (sqlite3_file * f, void *p, int n, sqlite3_int64 at),
     (below_of(f), p, n, at))
PASS(Write, FAULT_WRITE, (sqlite3_file * f, const void *p, int n, sqlite3_int64 at),
     (below_of(f), p, n, at))
PASS(Truncate, FAULT_TRUNCATE, (sqlite3_file * f, sqlite3_int64 n), (below_of(f), n))
PASS(Sync, FAULT_SYNC, (sqlite3_file * f, int flags), (below_of(f), flags))
PASS(FileSize, FAULT_MAX, (sqlite3_file * f, sqlite3_int64 *n), (below_of(f), n))
PASS(Lock, FAULT_LOCK, (sqlite3_file * f, int level), (below_of(f), level))
PASS(Unlock, FAULT_MAX, (sqlite3_file * f, int level), (below_of(f), level))
PASS(CheckReservedLock, FAULT_MAX, (sqlite3_file * f, int *out), (below_of(f), out))
PASS(FileControl, FAULT_MAX, (sqlite3_file * f, int op, void *arg), (below_of(f), op, arg))
PASS(SectorSize, FAULT_MAX, (sqlite3_file * f), (below_of(f)))
PASS(DeviceCharacteristics, FAULT_MAX, (sqlite3_file * f), (below_of(f)))
PASS(ShmMap, FAULT_SHM, (sqlite3_file * f, int page, int size, int extend, void volatile **p),
     (below_of(f), page, size, extend, p))
PASS(ShmLock, FAULT_MAX, (sqlite3_file * f, int at, int n, int flags), (below_of(f), at, n, flags))
PASS(ShmUnmap, FAULT_MAX, (sqlite3_file * f, int delete_it), (below_of(f), delete_it))

static void pass_ShmBarrier(sqlite3_file *f)
{
	below_of(f)->pMethods->xShmBarrier(below_of(f));
}

static int pass_Close(sqlite3_file *f)
{
	return below_of(f)->pMethods ? below_of(f)->pMethods->xClose(below_of(f)) : SQLITE_OK;
}

/* Version 2: without memory-mapped reading, which would pass us by. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = pass_Close,
	.xRead = pass_Read,
	.xWrite = pass_Write,
	.xTruncate = pass_Truncate,
	.xSync = pass_Sync,
	.xFileSize = pass_FileSize,
	.xLock = pass_Lock,
	.xUnlock = pass_Unlock,
	.xCheckReservedLock = pass_CheckReservedLock,
	.xFileControl = pass_FileControl,
	.xSectorSize = pass_SectorSize,
	.xDeviceCharacteristics = pass_DeviceCharacteristics,
	.xShmMap = pass_ShmMap,
	.xShmLock = pass_ShmLock,
	.xShmBarrier = pass_ShmBarrier,
	.xShmUnmap = pass_ShmUnmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct file *file = (struct file *)f;
	int rc = judge(FAULT_OPEN);

	(void)vfs;
	file->base.pMethods = NULL; /* not opened: SQLite will not close it */
	file->below = (sqlite3_file *)(file + 1);
	if (rc)
		return rc;
	rc = below->xOpen(below, name, file->below, flags, out);
	if (file->below->pMethods)
		file->base.pMethods = &methods;
	return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	int rc = judge(FAULT_DELETE);

	(void)vfs;
	return rc ? rc : below->xDelete(below, name, sync);
}

/* The rest, such as the errno of the last failure, comes from below with its own state. */
static sqlite3_vfs shim;

void fault_install(void)
{
	below = sqlite3_vfs_find(NULL);
	shim = *below;
	shim.pNext = NULL;
	shim.zName = "fault";
	shim.szOsFile = (int)sizeof(struct file) + below->szOsFile;
	shim.xOpen = shim_open;
	shim.xDelete = shim_delete;
	sqlite3_vfs_register(&shim, 1);
}
