/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm.h: which cells of the benchmark vm there are: its factors, and what of them can run. */
#ifndef TDC_BENCH_VM_H
#define TDC_BENCH_VM_H

#include "bench/kvm/life.h"
#include "harness/measure/bench.h"

enum {
	F_TYPE,
	F_MEM,
	F_SIZE,
	F_VCPUS,
	F_POPULATE,
	F_EXIT,
	F_TERMINATE,
	F_QUIRK,
	F_INSN,
	F_SOURCE,
	F_VICTIM,
	F_REALLOC,
	F_MAX
};

enum { TYPE_PLAIN, TYPE_SW_PROTECTED, TYPE_TDX };
enum { EXIT_ORDERED, EXIT_SIGKILL };
enum { QUIRK_ON, QUIRK_OFF, QUIRK_NONE };
enum { SOURCE_ZERO, SOURCE_PATTERN };
enum { WITHOUT, WITH, WITH_SAME }; /* of terminate, victim (which has the third) and realloc */

extern const struct factor_info vm_factors[];

int vm_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
	       struct level *level, struct reason *why);
int vm_supported(const struct machine *m, const struct cell *cell, struct reason *why);
enum kind vm_kind(const struct machine *m, const struct cell *cell, struct reason *why);

/*
 * The erratum mode of a TD's end, which is the kernel's: QUIRK_ON where it clears reclaimed pages.
 * Before Linux 6.18 it always does (tdx_clear_page()), from then on where it has found
 * X86_BUG_TDX_PW_MCE (tdx_quirk_reset_paddr()); if it does not say, the CPU decides.
 */
unsigned vm_td_quirk(const struct machine *m);

/* Can the erratum mode of a cell be had? Return: 0, -ENOTSUP with the reason. */
int vm_quirk_fits(const struct machine *m, const struct level *levels, struct reason *why);

/* @source: 64 bytes, aligned, for the clearing of pages. */
struct life_spec vm_spec_of(const struct cell *cell, const char *source);

/*
 * That the guest of one like @of ran and wrote, and that @op clears pages with the erratum (@quirk)
 * and not without. Return: 0; -EFAULT with what was found.
 */
int vm_prove(const struct kvm_host *host, const struct life_spec *of, const struct reset_op *op,
	     bool quirk, struct reason *why);

/* The CPU of the co-runner of a level of victim: @self, or the nearest other; -1: there is none. */
int vm_victim_cpu(const struct topo *topo, uint64_t victim, unsigned self);

#endif
