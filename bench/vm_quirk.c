// SPDX-License-Identifier: GPL-2.0-or-later
/* The erratum mode of vm: staged for a plain VM, the kernel's own for a TD. */
#include <errno.h>
#include <stdio.h>

#include "bench/vm.h"

/* Source: arch/x86/kvm/vmx/tdx.c of 6.16 against arch/x86/virt/vmx/tdx/tdx.c of 6.18. */
static bool always_clears(const struct machine *m)
{
	unsigned major, minor;

	return sscanf(env_text(&m->env, "kernel"), "%u.%u", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 18));
}

unsigned vm_td_quirk(const struct machine *m)
{
	const json_t *flag = json_object_get(m->env.identity, "kernel_flag");
	bool found = json_is_boolean(flag) ? json_is_true(flag) : m->cpu.cpu_affected;

	return always_clears(m) || found ? QUIRK_ON : QUIRK_OFF;
}

static int td_fits(const struct machine *m, const struct level *quirk, struct reason *why)
{
	unsigned is = vm_td_quirk(m);

	if (quirk->number == is)
		return 0;
	return reason_set(
		why, -ENOTSUP,
		"quirk=%s: a TD's pages are the kernel's to clear, and this one (%s, the "
		"erratum %s) %s: take quirk=auto, and for the other mode another kernel or "
		"machine",
		quirk->text, env_text(&m->env, "kernel"),
		m->cpu.cpu_affected ? "present" : "absent",
		is == QUIRK_ON ? "clears them" : "does not");
}

int vm_quirk_fits(const struct machine *m, const struct level *levels, struct reason *why)
{
	const struct level *quirk = &levels[F_QUIRK];

	if (levels[F_TYPE].number == TYPE_TDX)
		return td_fits(m, quirk, why);
	if (quirk->number == QUIRK_NONE || levels[F_TYPE].number == TYPE_PLAIN)
		return 0;
	return reason_set(why, -ENOTSUP,
			  "quirk=%s: private memory cannot be cleared from here, and without TDX "
			  "nobody else does it, so take quirk=none",
			  quirk->text);
}
