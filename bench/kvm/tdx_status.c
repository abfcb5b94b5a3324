// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The codes that Linux 7.3 names: all of arch/x86/include/asm/shared/tdx_errno.h, and from
 * arch/x86/include/asm/tdx.h TDX_RND_NO_ENTROPY and TDX_SW_ERROR. The TDX module knows many more
 * (its ABI specification), which are printed in hex.
 */
#include "bench/kvm/tdx_status.h"

#include <stdio.h>

struct status_info {
	uint32_t code; /* the upper half: the lower one is a detail */
	const char *name, *words;
};

static const struct status_info statuses[] = {
	{ 0x40000001, "TDX_NON_RECOVERABLE_VCPU", "the vCPU is beyond use" },
	{ 0x40000002, "TDX_NON_RECOVERABLE_TD", "the TD is beyond use" },
	{ 0x60000005, "TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE",
	  "the TD is beyond use and cannot be looked into" },
	{ 0x60000007, "TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE",
	  "the TD is beyond use: wrong APIC mode" },
	{ 0x80000003, "TDX_INTERRUPTED_RESUMABLE", "interrupted, to be called again" },
	{ 0x80000202, "TDX_SYS_BUSY", "the TDX module is busy" },
	{ 0xc0000100, "TDX_OPERAND_INVALID", "the TDX module refused an operand" },
	{ 0x80000200, "TDX_OPERAND_BUSY", "somebody else holds an operand" },
	{ 0x80000201, "TDX_PREVIOUS_TLB_EPOCH_BUSY", "a vCPU is still in the previous TLB epoch" },
	{ 0xc0000300, "TDX_PAGE_METADATA_INCORRECT", "a page is not in the state asked for" },
	{ 0x80000702, "TDX_VCPU_NOT_ASSOCIATED", "the vCPU belongs to no CPU" },
	{ 0x80000203, "TDX_RND_NO_ENTROPY", "out of random numbers for the moment" },
	{ 0x8000ff00, "TDX_SW_ERROR", "the SEAMCALL itself failed: no TDX module answers" },
	{ 0x80000800, "TDX_KEY_GENERATION_FAILED", "no key could be made, for lack of entropy" },
	{ 0xc0000811, "TDX_KEY_STATE_INCORRECT", "the HKID is not in the state asked for" },
	{ 0x00000815, "TDX_KEY_CONFIGURED", "the key is there already" },
	{ 0x00000821, "TDX_NO_HKID_READY_TO_WBCACHE", "no HKID waits for its cache write-back" },
	{ 0x80000824, "TDX_FLUSHVP_NOT_DONE", "a vCPU was not flushed" },
	{ 0xc0000b00, "TDX_EPT_WALK_FAILED", "the secure EPT does not reach the page" },
	{ 0xc0000b0d, "TDX_EPT_ENTRY_STATE_INCORRECT",
	  "an entry of the secure EPT is in another state" },
	{ 0xc0000c02, "TDX_METADATA_FIELD_NOT_READABLE", "the field cannot be read" },
};

/* What the lower half names, in TDX_OPERAND_* and the like. */
static const struct status_info operands[] = {
	{ 0x01, "RCX", NULL },
	{ 0x80, "TDR", NULL },
	{ 0x92, "SEPT", NULL },
	{ 0xa9, "TD_EPOCH", NULL },
};

static const struct status_info *find(const struct status_info *table, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

const char *tdx_status_text(uint64_t status, char *text, size_t bytes)
{
	const struct status_info *s, *operand;

	s = find(statuses, sizeof(statuses) / sizeof(*statuses), (uint32_t)(status >> 32));
	operand = find(operands, sizeof(operands) / sizeof(*operands), (uint32_t)status);
	if (s)
		snprintf(text, bytes, "%s (%#llx%s%s): %s", s->name, (unsigned long long)status,
			 operand ? ", " : "", operand ? operand->name : "", s->words);
	else
		snprintf(text, bytes, "TDX status %#llx (%s), which the kernel has no name for",
			 (unsigned long long)status, status >> 63 ? "an error" : "no error");
	return text;
}
