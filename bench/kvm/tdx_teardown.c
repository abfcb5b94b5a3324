// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "bench/kvm/tdx_call.h"

/*
 * A kernel that does not know the command answers -EINVAL (tdx_vm_ioctl()), or -ENOTTY if it knows
 * none at all. One that announces it has no such excuse.
 */
static bool is_unknown(const struct td *td, int err)
{
	return (err == -EINVAL || err == -ENOTTY) && !td->announced;
}

/* Only of a TD that is final: what it does to another was still argued about when it was posted. */
static int terminate(struct td *td, struct reason *why)
{
	struct tdc_kvm_tdx_cmd command = { .id = TDC_KVM_TDX_TERMINATE_VM };
	struct reason words = { "" };
	int err;

	if (!td->config.terminate || !td->final || td->vm < 0 ||
	    td->terminate != TD_TERMINATE_UNTRIED)
		return 0;
	err = td_command(td, CALL_TERMINATE, td->vm, &command, &words);
	if (err && !is_unknown(td, err)) {
		td->terminate = TD_TERMINATE_FAILED;
		return reason_set(why, err, "%s", words.text);
	}
	td->terminate = err		? TD_TERMINATE_ABSENT
			: td->announced ? TD_TERMINATE_DONE
					: TD_TERMINATE_UNPROVEN;
	return 0;
}

/* Linux closes the descriptor even where close() fails. */
static int close_one(struct td *td, int *fd, struct reason *why)
{
	int err = *fd < 0 ? 0 : td->sys->close(*fd);

	*fd = -1;
	return err ? td_fail(CALL_CLOSE, err, 0, why) : 0;
}

static int close_vcpus(struct td *td, struct reason *why)
{
	int first = 0;

	for (unsigned i = 0; i < td->n_vcpus; i++) {
		int err = close_one(td, &td->vcpus[i], first ? NULL : why);

		if (!first)
			first = err;
	}
	td->n_vcpus = 0;
	return first;
}

/*
 * A terminated VM may refuse every ioctl with -EIO: it did as first posted (kvm_vm_dead()), and no
 * longer does as posted in July 2025. Its slots then go with it. So do those of a VM that KVM found
 * broken, but that is worth a word.
 */
static int remove_slot(struct td *td, struct reason *why)
{
	struct tdc_kvm_userspace_memory_region2 slot = { .guest_phys_addr = TD_GPA };
	int err;

	if (!td->slot || td->vm < 0)
		return 0;
	td->slot = false;
	err = td->sys->ioctl(td->vm, TDC_KVM_SET_USER_MEMORY_REGION2, (uintptr_t)&slot);
	if (err == -EIO && td->terminate == TD_TERMINATE_UNPROVEN)
		td->terminate = TD_TERMINATE_DONE;
	if (err == -EIO && td->terminate == TD_TERMINATE_DONE)
		return 0;
	return err < 0 ? td_fail(CALL_MEMSLOT, err, 0, why) : 0;
}

static int close_memfd(struct td *td, struct reason *why)
{
	return close_one(td, &td->memfd, why);
}

static int close_vm(struct td *td, struct reason *why)
{
	return close_one(td, &td->vm, why);
}

static int unmap(struct td *td, void **at, size_t bytes, struct reason *why)
{
	int err = *at ? td->sys->munmap(*at, bytes) : 0;

	if (err)
		return td_fail(CALL_MUNMAP, err, 0, why);
	*at = NULL;
	return 0;
}

static int unmap_memory(struct td *td, struct reason *why)
{
	int err = unmap(td, &td->shared, td->config.bytes, why);
	int other = unmap(td, &td->source, td->source_bytes, err ? NULL : why);

	return err ? err : other;
}

static int close_kvm(struct td *td, struct reason *why)
{
	free(td->capabilities);
	free(td->init);
	free(td->cpuid);
	td->capabilities = NULL;
	td->init = NULL;
	td->cpuid = NULL;
	return close_one(td, &td->kvm, why);
}

const struct td_step td_teardown_steps[] = {
	{ "terminate", terminate, false }, { "vcpus", close_vcpus, false },
	{ "memslot", remove_slot, false }, { "guest_memfd", close_memfd, false },
	{ "vm", close_vm, false },	   { "memory", unmap_memory, false },
	{ "kvm", close_kvm, false },	   { NULL, NULL, false },
};

int td_destroy(struct td *td, struct reason *why)
{
	int first = 0;

	for (const struct td_step *step = td_teardown_steps; step->name; step++) {
		int err = td_run(td, step, first ? NULL : why);

		if (!first)
			first = err;
	}
	return first;
}

bool td_is_gone(const struct td *td)
{
	return td->kvm < 0 && td->vm < 0 && td->memfd < 0 && !td->n_vcpus && !td->shared &&
	       !td->source;
}
