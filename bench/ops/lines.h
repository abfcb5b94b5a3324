/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h: bring the cache lines of a range into a known state before a sample. Not timed. */
#ifndef TDC_BENCH_OPS_LINES_H
#define TDC_BENCH_OPS_LINES_H

#include <stddef.h>

#include "harness/machine/cpu.h"

/**
 * lines_evict() - write back and drop every line, as clflush_cache_range() of Linux
 *
 * CLFLUSHOPT where the CPU has it, CLFLUSH otherwise, between two full fences.
 */
void lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes);

/* Store to every line through the cache, from @random (4 KiB). Dirty as far as the cache holds. */
void lines_dirty(char *base, size_t bytes, const char *random);

/* Evict, then load every line: resident and clean as far as the cache holds. */
void lines_clean(const struct cpu_info *cpu, const char *base, size_t bytes);

#endif
