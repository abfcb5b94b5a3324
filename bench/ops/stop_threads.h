/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stop_threads.h: the module's part of the stop sequence, played by pinned threads. A test of the
 * control flow where there is no module: who is asked, who flushes, who clears its bit, who is late.
 * No interrupt is sent and nothing is flushed (PAUSE stands there), so its times mean nothing.
 */
#ifndef TDC_BENCH_OPS_STOP_THREADS_H
#define TDC_BENCH_OPS_STOP_THREADS_H

#include "bench/ops/stop_replay.h"
#include "harness/measure/team.h"

struct stop_threads;

/* @team: @n members, borrowed; the caller of each call is the first. Return: 0, -ENOMEM. */
int stop_threads_open(struct stop_threads **threads, struct team *team, unsigned n,
		      struct reason *why);
void stop_threads_close(struct stop_threads *t);

struct stop_executor stop_executor_threads(struct stop_threads *t);

#endif
