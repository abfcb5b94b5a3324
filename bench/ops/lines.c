// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/lines.h"

#include <stdint.h>
#include <string.h>

#define LINE  64
#define CHUNK 4096

static inline void fence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

void lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	fence();
	if (cpu_has(cpu, CPU_CLFLUSHOPT))
		for (size_t at = 0; at < bytes; at += LINE)
			__asm__ volatile("clflushopt %0" : : "m"(base[at]) : "memory");
	else
		for (size_t at = 0; at < bytes; at += LINE)
			__asm__ volatile("clflush %0" : : "m"(base[at]) : "memory");
	fence();
}

void lines_dirty(char *base, size_t bytes, const char *random)
{
	/* Page by page: a large memcpy() would bypass the cache that is to hold the lines. */
	for (size_t at = 0; at < bytes; at += CHUNK)
		memcpy(base + at, random, CHUNK);
	fence();
}

void lines_clean(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	lines_evict(cpu, base, bytes);
	for (size_t at = 0; at < bytes; at += LINE)
		(void)*(const volatile uint64_t *)(base + at);
	fence();
}
