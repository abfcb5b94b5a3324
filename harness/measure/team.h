/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * team.h: samples that start on several CPUs at once. A team has one thread pinned to each CPU;
 * the caller is its first member. Between samples the others sleep, so that they disturb nothing
 * that is prepared; from team_ready() on they spin at the start line.
 */
#ifndef TDC_MEASURE_TEAM_H
#define TDC_MEASURE_TEAM_H

#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"
#include "harness/machine/topo.h"

struct team;

/* What a member did: raw ticks from its start to its end. */
struct team_time {
	uint64_t start, end;
	uint32_t cpu; /* where it ended */
};

/* The share of @member, from 0, the caller. */
typedef void team_fn(void *arg, unsigned member);

/**
 * team_open() - a thread on each of @cpus
 * @cpus: @n of them, the first one the caller's own, to which it is bound already
 *
 * Return: 0; -errno of the thread that could not be made or bound. Free with team_close().
 */
int team_open(struct team **team, const struct topo *topo, const unsigned *cpus, unsigned n,
	      struct reason *why);
void team_close(struct team *team);

/* Bring the first @n members to the start line for @fn. Not timed; team_go() must follow. */
void team_ready(struct team *team, unsigned n, team_fn *fn, void *arg);

/* Start them at once, do the caller's share, wait for the last one. The timed part. */
void team_go(struct team *team);

/* Of the members of the last team_go(), for @member below its n. */
const struct team_time *team_time(const struct team *team, unsigned member);
unsigned team_cpu(const struct team *team, unsigned member);

#endif
