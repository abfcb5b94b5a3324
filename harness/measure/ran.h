/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ran.h: what of a time the calling thread had of a CPU; the rest of it was waiting. */
#ifndef TDC_MEASURE_RAN_H
#define TDC_MEASURE_RAN_H

#include <stdint.h>
#include <time.h>

/* Of use as a difference only. Interrupts are in it where the kernel does not count them apart. */
static inline int64_t thread_ran_ns(void)
{
	struct timespec ran;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
	return ran.tv_sec * (int64_t)1000000000 + ran.tv_nsec;
}

#endif
