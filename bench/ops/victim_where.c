// SPDX-License-Identifier: GPL-2.0-or-later
/* Which CPU the victim of victim.h runs on. */
#include <errno.h>
#include <stdlib.h>

#include "bench/ops/victim.h"

static bool is_where(const struct topo *topo, enum victim_where where, unsigned self, unsigned cpu)
{
	bool core = topo_core_of(topo, cpu) == topo_core_of(topo, self);
	bool llc = topo_llc_of(topo, cpu) == topo_llc_of(topo, self);
	bool package = topo_package_of(topo, cpu) == topo_package_of(topo, self);

	switch (where) {
	case VICTIM_CORE:
		return core && cpu != self;
	case VICTIM_LLC:
		return llc && !core;
	case VICTIM_PACKAGE:
		return package && !llc;
	case VICTIM_REMOTE:
		return !package;
	case VICTIM_SAME:
		return cpu == self;
	default:
		return false;
	}
}

int victim_cpu(const struct topo *topo, enum victim_where where, unsigned self)
{
	unsigned n = topo_cpus(topo), *cpu = calloc(n, sizeof(*cpu));
	int found = -1;

	if (!cpu)
		return -1;
	topo_pick(topo, TOPO_ALL, cpu, n);
	for (unsigned i = 0; i < n && found < 0; i++)
		if (is_where(topo, where, self, cpu[i]))
			found = (int)cpu[i];
	free(cpu);
	return found;
}

/* How many CPUs each core, LLC and package has: with 8192 CPUs asking each about each takes long. */
struct crowd {
	unsigned *core, *llc, *package, all;
};

static unsigned neighbours(const struct crowd *c, const struct topo *topo, enum victim_where where,
			   unsigned cpu)
{
	unsigned core = c->core[topo_core_of(topo, cpu)], llc = c->llc[topo_llc_of(topo, cpu)];
	unsigned package = c->package[topo_package_of(topo, cpu)];

	switch (where) {
	case VICTIM_CORE:
		return core - 1;
	case VICTIM_LLC:
		return llc - core;
	case VICTIM_PACKAGE:
		return package - llc;
	case VICTIM_REMOTE:
		return c->all - package;
	default:
		return 1;
	}
}

static const char *const lonely[] = {
	[VICTIM_NONE] = "",
	[VICTIM_CORE] = "has no other hyperthread",
	[VICTIM_LLC] = "shares its LLC with no other core",
	[VICTIM_PACKAGE] = "has no other LLC in its package",
	[VICTIM_REMOTE] = "has no other package beside its own",
	[VICTIM_SAME] = "",
};

static int ask_equals(const struct crowd *c, const struct topo *topo, enum victim_where where,
		      unsigned *cpu, struct reason *why)
{
	unsigned n = (unsigned)topo_equals(topo, cpu, c->all);

	for (unsigned i = 0; i < n; i++)
		if (!neighbours(c, topo, where, cpu[i]))
			return reason_set(why, -ENOTSUP,
					  "no CPU for the victim: CPU %u %s that this process may "
					  "use",
					  cpu[i], lonely[where]);
	return 0;
}

int victim_supported(const struct topo *topo, enum victim_where where, struct reason *why)
{
	struct crowd c = { .all = topo_cpus(topo) };
	unsigned *cpu = calloc(c.all, sizeof(*cpu));
	int ret = -ENOMEM;

	c.core = calloc(topo_cores(topo), sizeof(*c.core));
	c.llc = calloc(topo_llcs(topo), sizeof(*c.llc));
	c.package = calloc(topo_packages(topo), sizeof(*c.package));
	if (!cpu || !c.core || !c.llc || !c.package) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	topo_pick(topo, TOPO_ALL, cpu, c.all);
	for (unsigned i = 0; i < c.all; i++) {
		c.core[topo_core_of(topo, cpu[i])]++;
		c.llc[topo_llc_of(topo, cpu[i])]++;
		c.package[topo_package_of(topo, cpu[i])]++;
	}
	ret = ask_equals(&c, topo, where, cpu, why);
out:
	free(cpu);
	free(c.core);
	free(c.llc);
	free(c.package);
	return ret;
}
