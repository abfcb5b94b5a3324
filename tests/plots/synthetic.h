/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * synthetic.h: runs of wbinvd, stop and reset that nobody measured, on a machine that is nowhere:
 * two packages of 32 CPUs. Every figure is invented, to see what pictures look like and to test
 * them. The environment says so ("synthetic": true), and nothing here can leave that out.
 */
#ifndef TDC_TESTS_PLOTS_SYNTHETIC_H
#define TDC_TESTS_PLOTS_SYNTHETIC_H

#include "results/store/store.h"

struct synthetic {
	const char *benchmark;
	/* "scope=one,all dirty=0,100"; a factor that is not named has its usual level. May be "" */
	const char *levels;
	const char *uuid, *label;
	unsigned rounds, blocks;
	int fatal; /* an arm of group 0 that gets a fatal flag; -1: none */
};

/* Put a finished run into @s. Return: 0; -EINVAL for a benchmark or factor it does not know. */
int synthetic_run(struct store *s, const struct synthetic *ask, struct reason *why);

#endif
