// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/kvm/tdx_model_state.h"

/* Descriptors are counted up and never given out twice: a stale one is found out. */
#define FIRST_FD  1000
#define MAX_CALLS 65536

struct model model;
static const char *names[MAX_CALLS];

int refuse(int err, const char *fmt, ...)
{
	va_list ap;

	if (model.refusal[0])
		return err;
	va_start(ap, fmt);
	vsnprintf(model.refusal, sizeof(model.refusal), fmt, ap);
	va_end(ap);
	return err;
}

/* Counts the call, and says whether it is one that is to fail. */
static bool is_faulty(const char *name)
{
	const struct model_fault *f = &model.fault;

	if (model.calls < MAX_CALLS)
		names[model.calls] = name;
	model.calls++;
	if (!f->at || model.faults >= f->times)
		return false;
	if (model.calls != f->at && (!model.faulted || strcmp(name, names[f->at - 1]) != 0))
		return false;
	if (!model.faulted)
		model.faulted = model.calls;
	model.faults++;
	model.vm.dead |= f->breaks;
	return true;
}

int file_new(enum file_kind kind)
{
	for (int i = 0; i < M_FILES; i++) {
		if (model.files[i].kind != FILE_FREE || model.files[i].id == ~0u)
			continue;
		model.files[i] = (struct file){ .kind = kind };
		return FIRST_FD + i;
	}
	return -EMFILE;
}

struct file *file_of(int fd)
{
	int i = fd - FIRST_FD;

	return i >= 0 && i < M_FILES && model.files[i].kind != FILE_FREE ? &model.files[i] : NULL;
}

/* The VM lives for as long as a descriptor of its own, of a vCPU or of a guest_memfd is open. */
static void put_vm(void)
{
	for (int i = 0; i < M_FILES; i++)
		if (model.files[i].kind > FILE_KVM)
			return;
	if (!model.vm.exists)
		return;
	free(model.vm.slot.pages);
	model.vm = (struct vm){ .exists = false };
	model.destroyed++;
}

static int model_open(const char *path, int flags)
{
	if (is_faulty("open"))
		return model.fault.err;
	if (strcmp(path, "/dev/kvm") != 0)
		return refuse(-ENOENT, "open: %s", path);
	if ((flags & O_ACCMODE) != O_RDWR || !(flags & O_CLOEXEC))
		return refuse(-EACCES, "open: flags %#x", (unsigned)flags);
	return file_new(FILE_KVM);
}

/* Linux closes the descriptor also where close() fails. */
static int model_close(int fd)
{
	bool faulty = is_faulty("close");
	struct file *file = file_of(fd);

	if (!file)
		return refuse(-EBADF, "close: descriptor %d is not open", fd);
	if (file->kind == FILE_GMEM && model.vm.slot.memfd == fd)
		model.vm.slot.memfd = -1;
	*file = (struct file){ .kind = FILE_FREE, .id = ~0u };
	put_vm();
	return faulty ? model.fault.err : 0;
}

static int model_mmap(void **at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	int i = 0;
	char *got;

	if (is_faulty("mmap"))
		return model.fault.err;
	if (fd != -1 || offset || !(flags & MAP_ANONYMOUS) || !bytes)
		return refuse(-EINVAL, "mmap: not anonymous memory");
	while (i < M_MAPPINGS && model.mappings[i].at)
		i++;
	if (i == M_MAPPINGS)
		return -ENOMEM;
	got = mmap(*at, bytes, prot, flags, fd, offset);
	if (got == MAP_FAILED)
		return -errno;
	model.mappings[i].at = got;
	model.mappings[i].bytes = bytes;
	*at = got;
	return 0;
}

static int model_munmap(void *at, size_t bytes)
{
	if (is_faulty("munmap"))
		return model.fault.err;
	for (int i = 0; i < M_MAPPINGS; i++) {
		if (model.mappings[i].at != at || model.mappings[i].bytes != bytes || !at)
			continue;
		model.mappings[i].at = NULL;
		return munmap(at, bytes) ? -errno : 0;
	}
	return refuse(-EINVAL, "munmap: %zu bytes that are no mapping", bytes);
}

bool is_mapped(uint64_t at, uint64_t bytes)
{
	for (int i = 0; i < M_MAPPINGS; i++) {
		uint64_t start = (uintptr_t)model.mappings[i].at;

		if (start && at >= start && at + bytes <= start + model.mappings[i].bytes)
			return true;
	}
	return false;
}

static int model_madvise(void *at, size_t bytes, int advice)
{
	(void)advice;
	if (is_faulty("madvise"))
		return model.fault.err;
	return is_mapped((uintptr_t)at, bytes) ? 0 : refuse(-ENOMEM, "madvise: not mapped");
}

static int model_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	(void)mode;
	(void)offset;
	(void)bytes;
	if (is_faulty("fallocate"))
		return model.fault.err;
	return file_of(fd) ? 0 : refuse(-EBADF, "fallocate: descriptor %d is not open", fd);
}

static int model_cached(int fd, uint64_t bytes, uint64_t *pages)
{
	(void)bytes;
	*pages = model_pages(PAGE_ADDED) + model_pages(PAGE_MEASURED) + model_pages(PAGE_PENDING);
	return file_of(fd) ? 0 : refuse(-EBADF, "cachestat: descriptor %d is not open", fd);
}

static void model_nap(uint64_t ns)
{
	model.nap_ns += ns;
}

/*
 * A VM that is dead answers -EIO (kvm_vm_ioctl(), kvm_vcpu_ioctl()). That is no refusal where the
 * slot is to be removed: a client need not know that the VM is dead.
 */
static int dead_answer(const struct file *file, const char *name, unsigned long request)
{
	if (file->kind == FILE_KVM || !model.vm.dead)
		return 0;
	if (model.vm.terminated && model.config.terminate == MODEL_TERMINATE_ANNOUNCED &&
	    file->kind == FILE_VM)
		return 0;
	if (request == TDC_KVM_SET_USER_MEMORY_REGION2)
		return -EIO;
	return refuse(-EIO, "%s: the VM is dead", name);
}

static int model_ioctl(int fd, unsigned long request, uintptr_t argument)
{
	const struct kvm_ioctl *call = kvm_ioctl_of(request);
	struct tdc_kvm_tdx_cmd *cmd = NULL;
	const char *name = call ? call->name : "ioctl";
	struct file *file = file_of(fd);
	int err;

	if (request == KVM_MEMORY_ENCRYPT_OP && argument) {
		cmd = (struct tdc_kvm_tdx_cmd *)argument;
		name = command_name(cmd->id);
	}
	if (is_faulty(name)) {
		if (cmd)
			cmd->hw_error = model.fault.status;
		return model.fault.err;
	}
	if (!file)
		return refuse(-EBADF, "%s: descriptor %d is not open", name, fd);
	if (!call || !(call->kinds & 1u << file->kind))
		return refuse(-ENOTTY, "%s: on descriptor of kind %d", name, file->kind);
	err = dead_answer(file, name, request);
	return err ? err : call->run(file, argument);
}

const struct kvm_sys model_sys = {
	.open = model_open,
	.close = model_close,
	.ioctl = model_ioctl,
	.mmap = model_mmap,
	.munmap = model_munmap,
	.madvise = model_madvise,
	.fallocate = model_fallocate,
	.nap = model_nap,
	.cached = model_cached,
};

void model_fail_next(unsigned times, int err)
{
	model.fault = (struct model_fault){ .at = model.calls + 1, .times = times, .err = err };
	model.faults = model.faulted = 0;
}

void model_reset(const struct model_config *config, const struct model_fault *fault)
{
	for (int i = 0; i < M_MAPPINGS; i++)
		if (model.mappings[i].at)
			munmap(model.mappings[i].at, model.mappings[i].bytes);
	free(model.vm.slot.pages);
	memset(&model, 0, sizeof(model));
	model.config = *config;
	if (fault)
		model.fault = *fault;
}

unsigned model_calls(void)
{
	return model.calls;
}

const char *model_call(unsigned number)
{
	return number && number <= model.calls && number <= MAX_CALLS ? names[number - 1] : "none";
}

unsigned model_faulted(void)
{
	return model.faulted;
}

uint64_t model_nap_ns(void)
{
	return model.nap_ns;
}

const char *model_refusal(void)
{
	return model.refusal[0] ? model.refusal : NULL;
}

const char *model_leak(void)
{
	static char text[64];

	for (int i = 0; i < M_FILES; i++) {
		if (model.files[i].kind == FILE_FREE)
			continue;
		snprintf(text, sizeof(text), "descriptor %d of kind %d", FIRST_FD + i,
			 model.files[i].kind);
		return text;
	}
	for (int i = 0; i < M_MAPPINGS; i++) {
		if (!model.mappings[i].at)
			continue;
		snprintf(text, sizeof(text), "a mapping of %zu bytes", model.mappings[i].bytes);
		return text;
	}
	return model.vm.exists ? "a VM" : NULL;
}

unsigned model_destroyed(void)
{
	return model.destroyed;
}

unsigned model_terminated(void)
{
	return model.terminated;
}

uint64_t model_pages(enum model_page state)
{
	uint64_t n = 0;

	for (uint64_t i = 0; model.vm.slot.exists && i < model.vm.slot.bytes / M_PAGE; i++)
		n += model.vm.slot.pages[i] == state;
	return n;
}

unsigned model_vcpus(void)
{
	unsigned n = 0;

	for (int i = 0; i < M_FILES; i++)
		n += model.files[i].kind == FILE_VCPU && model.files[i].inited;
	return n;
}

bool model_runnable(void)
{
	return model.vm.exists && model.vm.state == TD_RUNNABLE && !model.vm.terminated;
}
