// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/life.h"

#include <errno.h>
#include <string.h>

#include "harness/machine/files.h"

static uint64_t huge_bytes(const struct life_spec *spec)
{
	int64_t kib;

	if (spec->vm.backing != BACKING_THP ||
	    file_field_number("", "/proc/self/smaps_rollup", "AnonHugePages", &kib) || kib < 0)
		return 0;
	return (uint64_t)kib << 10;
}

static int begin_td(struct life *life, const struct kvm_host *host, const struct life_spec *spec,
		    struct life_born *born, struct reason *why)
{
	struct td *td = &life->of.trust;
	int ret = td_open(td, host->sys, &spec->trust, why);

	/* td_build(), with the time of each step where it belongs. */
	for (const struct td_step *step = td_build_steps; step->name && !ret; step++) {
		uint64_t start = tick_start();

		ret = td_run(td, step, why);
		*(step->populates ? &born->populate : &born->create) +=
			(double)(tick_start() - start);
		if (ret)
			td_destroy(td, NULL);
	}
	born->retries = td->retries;
	return ret;
}

static int begin_vm(struct life *life, const struct kvm_host *host, const struct life_spec *spec,
		    struct life_born *born, struct reason *why)
{
	struct vm *vm = &life->of.vm;
	/* What the process has in huge pages besides is not the VM's. */
	uint64_t huge = huge_bytes(spec), start = tick_start(), made;
	int ret = vm_create(vm, host, &spec->vm, why);

	if (ret)
		return ret;
	born->create = (double)(tick_start() - start);
	ret = vm_provide(vm, why);
	made = tick_start();
	if (!ret)
		ret = vm_populate(vm, why);
	born->populate = (double)(tick_start() - made);
	born->huge = huge_bytes(spec) - huge;
	if (ret)
		vm_destroy(vm, NULL, NULL);
	return ret;
}

int life_begin(struct life *life, const struct kvm_host *host, const struct life_spec *spec,
	       struct life_born *born, struct reason *why)
{
	*born = (struct life_born){ 0 };
	life->is_td = spec->is_td;
	return spec->is_td ? begin_td(life, host, spec, born, why)
			   : begin_vm(life, host, spec, born, why);
}

static int end_td(struct td *td, struct phases *phases, struct reason *why)
{
	int ret = 0;

	for (unsigned i = 0; td_teardown_steps[i].name; i++) {
		int err = td_run(td, &td_teardown_steps[i], ret ? NULL : why);

		if (phases)
			phases_mark(phases, i);
		ret = ret ? ret : err;
	}
	if (!ret && td->terminate == TD_TERMINATE_UNPROVEN)
		ret = reason_set(
			why, -ENOTSUP,
			"this kernel announces no KVM_TDX_TERMINATE_VM, and its command %d "
			"answered 0 and left the VM alive, so it is another one: take "
			"terminate=off",
			TDC_KVM_TDX_TERMINATE_VM);
	/* Asked for and not there: the figure would be that of the other order. */
	if (!ret && td->config.terminate && td->terminate != TD_TERMINATE_DONE)
		ret = reason_set(why, -ENOTSUP,
				 "this kernel has no KVM_TDX_TERMINATE_VM: take terminate=off");
	return ret;
}

int life_end(struct life *life, struct phases *phases, struct reason *why)
{
	return life->is_td ? end_td(&life->of.trust, phases, why)
			   : vm_destroy(&life->of.vm, phases, why);
}

unsigned life_retries(const struct life *life, const struct life_born *born)
{
	return life->is_td ? life->of.trust.retries - born->retries : 0;
}

unsigned life_phases(bool td, const char *names[PHASES_MAX])
{
	unsigned n = 0;

	if (!td) {
		memcpy(names, vm_phase_names, sizeof(vm_phase_names));
		return VM_PHASES;
	}
	for (; n < PHASES_MAX && td_teardown_steps[n].name; n++)
		names[n] = td_teardown_steps[n].name;
	return n;
}

void life_reset(struct life *life)
{
	if (!life->is_td)
		vm_reset(&life->of.vm);
}
