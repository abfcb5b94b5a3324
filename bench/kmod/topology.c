// SPDX-License-Identifier: GPL-2.0
/* Which CPUs a mode asks, by what the kernel knows of packages, caches and cores. */
#include <linux/topology.h>

#include <asm/apicdef.h>
#include <asm/processor.h>

#include "bench/kmod/module.h"

#if defined(TDCOST_PER_CPU_LLC_ID)
#define HAVE_LLC_ID 1
static u32 llc_id(unsigned int cpu)
{
	return per_cpu_llc_id(cpu);
}
#elif defined(TDCOST_GET_LLC_ID)
#define HAVE_LLC_ID 1
static u32 llc_id(unsigned int cpu)
{
	return get_llc_id(cpu);
}
#else
#define HAVE_LLC_ID 0
static u32 llc_id(unsigned int cpu)
{
	return BAD_APICID;
}
#endif

static bool same_package(unsigned int a, unsigned int b)
{
	return topology_physical_package_id(a) == topology_physical_package_id(b);
}

/* As match_llc() of arch/x86/kernel/smpboot.c: a CPU without an id shares its cache with nobody. */
static bool same_llc(unsigned int a, unsigned int b)
{
	return llc_id(a) != BAD_APICID && llc_id(a) == llc_id(b) && same_package(a, b);
}

static bool same_core(unsigned int a, unsigned int b)
{
	return cpumask_test_cpu(b, topology_sibling_cpumask(a));
}

static bool (*const same[TDCOST_MODE_MAX])(unsigned int a, unsigned int b) = {
	[TDCOST_PER_PACKAGE] = same_package,
	[TDCOST_PER_LLC] = same_llc,
	[TDCOST_PER_CORE] = same_core,
};

bool tdcost_mode_supported(u32 mode)
{
	return HAVE_LLC_ID || mode != TDCOST_PER_LLC;
}

/* Leave those of @cpus, all online, that @mode asks. */
void tdcost_mode_narrow(struct cpumask *cpus, u32 mode)
{
	unsigned int cpu, other;

	if (mode != TDCOST_ONE && !same[mode])
		return;
	for_each_cpu(cpu, cpus) {
		for (other = cpumask_next(cpu, cpus); other < nr_cpu_ids;
		     other = cpumask_next(other, cpus))
			if (mode == TDCOST_ONE || same[mode](cpu, other))
				cpumask_clear_cpu(other, cpus);
	}
}
