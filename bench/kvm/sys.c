// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_cachestat
#define SYS_cachestat 451 /* Linux 6.5 */
#endif

static int host_open(const char *path, int flags)
{
	int fd = open(path, flags);

	return fd < 0 ? -errno : fd;
}

/* Not tried again after EINTR: Linux has closed the descriptor by then. */
static int host_close(int fd)
{
	return close(fd) ? -errno : 0;
}

static int host_ioctl(int fd, unsigned long request, uintptr_t argument)
{
	int answer = ioctl(fd, request, argument);

	return answer < 0 ? -errno : answer;
}

static int host_mmap(void **at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	void *got = mmap(*at, bytes, prot, flags, fd, offset);

	if (got == MAP_FAILED)
		return -errno;
	*at = got;
	return 0;
}

static int host_munmap(void *at, size_t bytes)
{
	return munmap(at, bytes) ? -errno : 0;
}

static int host_madvise(void *at, size_t bytes, int advice)
{
	return madvise(at, bytes, advice) ? -errno : 0;
}

static int host_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return fallocate(fd, mode, offset, bytes) ? -errno : 0;
}

static void host_nap(uint64_t ns)
{
	struct timespec left = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int host_nodes_of(void **pages, unsigned n, int *nodes)
{
	return syscall(SYS_move_pages, 0, (unsigned long)n, pages, NULL, nodes, 0) ? -errno : 0;
}

static int host_cached(int fd, uint64_t bytes, uint64_t *pages)
{
	struct {
		uint64_t off, len;
	} range = { 0, bytes };
	struct {
		uint64_t cache, dirty, writeback, evicted, recently_evicted;
	} found = { 0 };

	if (syscall(SYS_cachestat, fd, &range, &found, 0))
		return -errno;
	*pages = found.cache;
	return 0;
}

const struct kvm_sys kvm_sys_host = {
	.open = host_open,
	.close = host_close,
	.ioctl = host_ioctl,
	.mmap = host_mmap,
	.munmap = host_munmap,
	.madvise = host_madvise,
	.fallocate = host_fallocate,
	.nap = host_nap,
	.nodes_of = host_nodes_of,
	.cached = host_cached,
};
