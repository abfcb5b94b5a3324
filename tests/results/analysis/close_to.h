/* SPDX-License-Identifier: GPL-2.0-or-later */
/* close_to.h: comparing doubles with a tolerance that the golden value's digits justify. */
#ifndef TDC_TEST_CLOSE_TO_H
#define TDC_TEST_CLOSE_TO_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

/* cmocka 1.1.5 compares floats only, which is too coarse here; NaN is close to nothing. */
#define assert_close(got, want, tolerance)                                          \
	do {                                                                        \
		double got_ = (got), want_ = (want);                                \
		if (!(fabs(got_ - want_) <= (tolerance))) {                         \
			print_error("%s is %.12g, not %.12g\n", #got, got_, want_); \
			fail();                                                     \
		}                                                                   \
	} while (0)

#endif
