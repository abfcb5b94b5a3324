// SPDX-License-Identifier: GPL-2.0
/* What bench/teardown/port_kernel.h calls: the real operations of a teardown's replay. */
#include <asm/barrier.h>
#include <asm/special_insns.h>

#include "bench/kmod/module.h"
#include "bench/teardown/port.h"

#define LINE 64

/* What TDH.PHYMEM.PAGE.WBINVD does inside: CLFLUSHOPT of each line, then MFENCE. */
noinline void tdcost_flush_lines(const char *base, size_t bytes)
{
	const char *end = base + bytes;

	for (; base < end; base += LINE)
		clflushopt((void *)base);
	/* The flushes are weakly ordered. */
	mb();
}

/* on_each_cpu_mask() of one CPU per package, which work at once; the first failure stays. */
void tdcost_cache_wb(const struct td_ops *ops)
{
	int err = tdcost_flush_cpus(ops->round, ops->round->given);

	if (err)
		*ops->err = err;
}

/* On the CPU of a vCPU that was kicked out of the guest: it enters again. */
void tdcost_leave_guest(void *kicked)
{
	struct td_kicked *k = kicked;

	WRITE_ONCE(k->on[smp_processor_id()]->mode, TD_IN_GUEST_MODE);
}

/* In the place of TDH.VP.FLUSH: getting there is real. */
void tdcost_nothing(void *unused)
{
}
