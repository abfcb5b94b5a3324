// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/machine/files.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define API_VERSION   12
#define MAX_CPUID     256 /* entries; KVM has about 80 */

static int open_failed(const char *path, int err, struct reason *why)
{
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		return reason_set(
			why, -ENOTSUP,
			"no KVM (%s: %s): modprobe kvm_intel or kvm_amd, turn "
			"virtualization on in the firmware, or nesting in the host of this "
			"virtual machine",
			path, strerror(-err));
	if (err == -EACCES || err == -EPERM)
		return reason_set(why, -ENOTSUP,
				  "no permission for %s: usermod -aG kvm $USER and log in anew, or "
				  "run as root",
				  path);
	return reason_set(why, -ENOTSUP, "cannot open %s: %s", path, strerror(-err));
}

static unsigned capability(const struct kvm_host *h, unsigned number)
{
	int answer = h->sys->ioctl(h->fd, KVM_CHECK_EXTENSION, number);

	return answer > 0 ? (unsigned)answer : 0;
}

static void ask_capabilities(struct kvm_host *h)
{
	h->types = capability(h, TDC_KVM_CAP_VM_TYPES) | 1u << TDC_KVM_X86_DEFAULT_VM;
	h->max_vcpus = capability(h, KVM_CAP_MAX_VCPUS);
	h->guest_memfd = capability(h, TDC_KVM_CAP_GUEST_MEMFD);
	h->attributes = capability(h, TDC_KVM_CAP_MEMORY_ATTRIBUTES);
	h->prefault = capability(h, TDC_KVM_CAP_PRE_FAULT_MEMORY);
	h->memfd_flags = capability(h, TDC_KVM_CAP_GUEST_MEMFD_FLAGS);
}

static int ask(struct kvm_host *h, struct reason *why)
{
	int version = h->sys->ioctl(h->fd, KVM_GET_API_VERSION, 0), ret;

	if (version != API_VERSION)
		return reason_set(why, -ENOTSUP, "/dev/kvm speaks version %d, not %d: is it KVM's?",
				  version, API_VERSION);
	ret = h->sys->ioctl(h->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < (int)sizeof(struct kvm_run))
		return reason_set(why, -ENOTSUP, "KVM_GET_VCPU_MMAP_SIZE answers %d", ret);
	h->run_bytes = (size_t)ret;
	h->cpuid = calloc(1, sizeof(*h->cpuid) + MAX_CPUID * sizeof(h->cpuid->entries[0]));
	if (!h->cpuid)
		return reason_set(why, -ENOMEM, "out of memory");
	h->cpuid->nent = MAX_CPUID;
	ret = h->sys->ioctl(h->fd, KVM_GET_SUPPORTED_CPUID, (uintptr_t)h->cpuid);
	if (ret)
		return reason_set(why, -ENOTSUP, "KVM_GET_SUPPORTED_CPUID: %s", strerror(-ret));
	ask_capabilities(h);
	return 0;
}

int kvm_host_open(struct kvm_host *h, const struct kvm_sys *sys, const char *root,
		  struct reason *why)
{
	char path[256];
	int ret;

	*h = (struct kvm_host){ .sys = sys, .fd = -1 };
	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	ret = sys->open(path, O_RDWR | O_CLOEXEC);
	if (ret < 0)
		return open_failed(path, ret, why);
	h->fd = ret;
	ret = ask(h, why);
	if (ret)
		kvm_host_close(h);
	return ret;
}

void kvm_host_close(struct kvm_host *h)
{
	if (h->fd >= 0)
		h->sys->close(h->fd);
	h->fd = -1;
	free(h->cpuid);
	h->cpuid = NULL;
}

bool kvm_host_has_type(const struct kvm_host *h, unsigned type)
{
	return type < 32 && h->types >> type & 1;
}

void kvm_module_look(const char *root, struct kvm_module *module)
{
	static const struct {
		const char *name, *dir, *paging;
	} modules[] = {
		{ "kvm_intel", "/sys/module/kvm_intel", "/sys/module/kvm_intel/parameters/ept" },
		{ "kvm_amd", "/sys/module/kvm_amd", "/sys/module/kvm_amd/parameters/npt" },
		/* It has neither; KVM clears tdp_mmu where paging is not two-dimensional. */
		{ "kvm_pvm", "/sys/module/kvm_pvm", "/sys/module/kvm/parameters/tdp_mmu" },
	};
	char text[16];

	*module = (struct kvm_module){ .name = "" };
	if (file_text(root, "/sys/module/kvm/parameters/tdp_mmu", module->tdp_mmu,
		      sizeof(module->tdp_mmu)))
		module->tdp_mmu[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (!file_exists(root, modules[i].dir))
			continue;
		module->name = modules[i].name;
		module->tdp_known = !file_text(root, modules[i].paging, text, sizeof(text));
		module->tdp = module->tdp_known && (text[0] == 'Y' || text[0] == '1');
		return;
	}
}
