/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * awake.h: keep CPUs out of the idle states in which they write their caches back by themselves.
 * What a CPU made dirty and then slept on would be clean before the flush that is to be measured.
 */
#ifndef TDC_BENCH_OPS_AWAKE_H
#define TDC_BENCH_OPS_AWAKE_H

#include <jansson.h>

/*
 * What waking up may take. C1 and C1E, which keep the caches, are quicker on Sapphire Rapids (2 us)
 * and on Zen; C6, which does not, takes hundreds. Not 0: an idle CPU would spin then, and slow down
 * the hyperthread beside it, which may be the victim.
 */
#define AWAKE_US 2

/**
 * awake_hold() - ask the kernel for it, by /dev/cpu_dma_latency, until awake_release()
 * @facts: gets "idle_states": "2 us at most", or "not held: " with why not
 *
 * Return: what awake_release() takes.
 */
int awake_hold(const char *root, json_t *facts);
void awake_release(int fd);

#endif
