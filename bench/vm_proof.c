// SPDX-License-Identifier: GPL-2.0-or-later
/* That a VM of vm did what it is timed for. */
#include <errno.h>
#include <string.h>

#include "bench/ops/reset_ops.h"
#include "bench/vm.h"

#define PROVED (64ul << 20)

/* Are all pages what the clearing leaves behind? */
static int check_cleared(const struct vm *vm, bool byte_wise, struct reason *why)
{
	char line[LINE];

	memcpy(line, vm->spec.source, LINE);
	if (byte_wise)
		memset(line, line[0], LINE);
	for (size_t at = 0; at < vm->memory.bytes; at += LINE)
		if (memcmp(vm->memory.view + at, line, LINE))
			return reason_set(why, -EFAULT, "byte %zu of the memory was not cleared",
					  at);
	return 0;
}

static int verify_vm(struct vm *vm, const struct reset_op *op, bool quirk, struct reason *why)
{
	int ret = vm_check(vm, why);

	if (ret || !vm->spec.reset)
		return ret;
	vm_reset(vm);
	return quirk ? check_cleared(vm, op->byte_wise, why) : vm_check(vm, why);
}

int vm_prove(const struct kvm_host *host, const struct life_spec *of, const struct reset_op *op,
	     bool quirk, struct reason *why)
{
	struct life_spec spec = *of;
	struct life_born born;
	struct life life;
	int ret, err;

	if (spec.vm.bytes > PROVED)
		spec.vm.bytes = spec.trust.bytes = PROVED;
	reset_bug_bits = quirk ? RESET_BUG_TDX_PW_MCE : 0;
	ret = life_begin(&life, host, &spec, &born, why);
	if (ret)
		return ret;
	if (life.is_td)
		ret = td_check(&life.of.trust, why);
	else
		ret = verify_vm(&life.of.vm, op, quirk, why);
	err = life_end(&life, NULL, ret ? NULL : why);
	return ret ? ret : err;
}
