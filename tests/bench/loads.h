/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loads.h: ticks of single loads, recorded on an Emerald Rapids guest (2.1 GHz TSC, 1 MiB in huge pages,
 * 64 lines spread over it) with the rest of the machine at work, and the means of the same states that
 * were measured on another day on such a guest (2.3 GHz).
 */
#ifndef TDC_TESTS_LOADS_H
#define TDC_TESTS_LOADS_H

#include <stdint.h>

#define LOADS 64

static const uint32_t loads_cached[LOADS] = {
	78, 64, 64, 60, 68, 76, 72, 70, 68, 68, 64, 64, 58, 90, 78, 82, 80, 68, 68, 66, 66, 66,
	66, 64, 66, 70, 64, 76, 78, 80, 74, 66, 66, 78, 76, 70, 78, 76, 76, 66, 80, 78, 84, 78,
	78, 78, 82, 82, 74, 76, 78, 78, 78, 80, 80, 80, 80, 80, 76, 88, 78, 82, 78, 76,
};

static const uint32_t loads_evicted[LOADS] = {
	360, 290, 466, 582, 500, 356, 306, 424, 442, 286, 304, 268, 576, 372, 334, 550,
	362, 290, 568, 400, 346, 332, 322, 288, 322, 360, 308, 332, 286, 348, 290, 316,
	314, 944, 396, 308, 318, 354, 396, 510, 298, 314, 338, 340, 324, 278, 300, 312,
	282, 560, 302, 440, 310, 286, 296, 398, 296, 392, 518, 276, 328, 316, 440, 282,
};

/* After a flush that leaves every second line out: 24 of the 64 were flushed. */
static const uint32_t loads_half_flushed[LOADS] = {
	318, 320, 76, 84,  310, 88,  296, 86, 342, 88,	84, 90,	 82,  360, 88,	318,
	76,  304, 86, 312, 88,	84,  332, 88, 88,  82,	82, 502, 86,  88,  492, 556,
	626, 90,  82, 94,  84,	326, 84,  88, 358, 88,	90, 94,	 408, 86,  294, 90,
	304, 82,  84, 322, 308, 88,  288, 82, 90,  106, 76, 332, 82,  314, 76,	76,
};

/* No flush: 20 ms later, of which the thread did not have the CPU all the time. */
static const uint32_t loads_waited[LOADS] = {
	1342,  552, 586, 506, 546, 776,	 662, 1290, 814,  586, 364, 1058, 338, 534, 520,  7034,
	744,   332, 430, 742, 328, 570,	 322, 506,  630,  406, 708, 798,  568, 620, 6350, 576,
	500,   350, 592, 382, 560, 634,	 566, 560,  660,  340, 746, 594,  378, 318, 336,  348,
	53506, 670, 362, 362, 376, 1040, 334, 452,  1010, 574, 362, 326,  376, 608, 402,  328,
};

#endif
