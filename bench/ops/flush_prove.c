// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/ops/flush_detect.h"

#define LEFT  0.75 /* of the lines; they read as if they had left */
#define TRIES 5

static double share_that_left(const struct flush_probe *probe, const struct cpu_info *cpu,
			      void (*flush)(void *), void *arg)
{
	struct flush_reads reads;

	flush_reads_reference(probe, cpu, &reads);
	flush_probe_load(probe);
	flush(arg);
	reads.after = flush_probe_read(probe);
	return flush_share_left(&reads);
}

/*
 * Noise makes reads slower: a flush that flushes cannot look like one that leaves lines behind unless
 * what a miss costs was overestimated, by a third, TRIES times in a row.
 */
int flush_prove(const char *base, size_t bytes, uint64_t seed, const struct cpu_info *cpu,
		void (*flush)(void *), void *arg, struct reason *why)
{
	struct flush_probe probe;
	double most = NAN;
	int ret = flush_probe_init(&probe, base, bytes, seed);

	if (ret)
		return reason_set(why, ret, "%s", strerror(-ret));
	/* fmax() leaves out a NAN, and a comparison with one is false. */
	for (unsigned i = 0; i < TRIES && !(most >= LEFT); i++)
		most = fmax(most, share_that_left(&probe, cpu, flush, arg));
	flush_probe_free(&probe);
	if (most < LEFT)
		return reason_set(why, -EFAULT,
				  "%.0f %% of the lines are still cached behind their flush",
				  100 * (1 - fmax(most, 0)));
	return 0;
}
