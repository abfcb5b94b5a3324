// SPDX-License-Identifier: GPL-2.0-or-later
/* The running half; victim_judge.c has the deciding one. */
#include "bench/ops/victim.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/machine/mem.h"
#include "harness/measure/clock.h"
#include "harness/measure/design.h"

#define LINE   64
#define CHAINS 4 /* read at once, as a program that does not only wait */
#define ROOM   (1ul << 20)
/* Laps: the first one loads what the preparation drove out, two more make the pace. */
#define LAPS_BEFORE 3
/* The first one is cold; then it is seen to be warm, also after a disturbance of another kind. */
#define LAPS_AFTER 4
#define LIMIT_NS   10000000000ull
#define LOOK_NS	   50000 /* how often a caller that waits looks: it takes the line from the thread */

/* A line of the working set. */
struct line {
	struct line *next;
	char rest[LINE - sizeof(struct line *)];
};
_Static_assert(sizeof(struct line) == LINE, "one line each");

struct victim {
	_Alignas(LINE) atomic_size_t done; /* steps kept; the thread's own line */
	_Alignas(LINE) atomic_bool run;
	_Alignas(LINE) atomic_bool idle;
	const struct topo *topo;
	unsigned cpu;
	bool quit;
	int bound;
	struct reason why;
	sem_t wake;
	pthread_t thread;
	struct mem mem;
	struct line *at[CHAINS];
	uint64_t *end;
	size_t lap, room;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the thread ---- */

static void walk(struct victim *v)
{
	struct line *at[CHAINS];
	size_t n = 0;

	memcpy(at, v->at, sizeof(at));
	while (atomic_load_explicit(&v->run, memory_order_relaxed)) {
		uint64_t tick;

		for (unsigned i = 0; i < VICTIM_STEP_LINES / CHAINS; i++)
			for (unsigned c = 0; c < CHAINS; c++)
				at[c] = at[c]->next;
		tick = tick_start();
		if (n == v->room)
			continue;
		v->end[n++] = tick;
		atomic_store_explicit(&v->done, n, memory_order_release);
	}
	memcpy(v->at, at, sizeof(at));
}

static void *work(void *arg)
{
	struct victim *v = arg;

	v->bound = topo_bind_thread(v->topo, v->cpu, &v->why);
	for (;;) {
		atomic_store_explicit(&v->idle, true, memory_order_release);
		while (sem_wait(&v->wake))
			;
		if (v->quit)
			return NULL;
		walk(v);
	}
}

/* Spins: a thread that sleeps while it measures would be said to have been off its CPU. */
static void wait_until(struct victim *v, size_t steps)
{
	uint64_t start = now_ns(), look = start;

	while (atomic_load_explicit(&v->done, memory_order_acquire) < steps) {
		look += LOOK_NS;
		while (now_ns() < look)
			__builtin_ia32_pause();
		if (look - start > LIMIT_NS)
			return;
	}
}

static void wait_until_idle(struct victim *v)
{
	while (!atomic_load_explicit(&v->idle, memory_order_acquire))
		__builtin_ia32_pause();
}

/* ---- its working set ---- */

static int place(void *of, void *addr, size_t bytes, struct reason *why)
{
	const struct victim *v = of;

	return topo_bind_memory(v->topo, v->cpu, addr, bytes, why);
}

/* Every chain a ring over its share of the lines, so that a lap reads each line once. */
static int link_lines(struct victim *v, uint64_t seed)
{
	struct line *lines = (struct line *)(void *)v->mem.base;
	uint32_t n = (uint32_t)(v->mem.bytes / LINE), *order = malloc(n * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	shuffle_u32(order, n, seed_derive(seed, n, 0, 11));
	for (uint32_t i = 0; i < n; i++)
		lines[order[i]].next = &lines[order[(i + CHAINS) % n]];
	for (unsigned c = 0; c < CHAINS; c++)
		v->at[c] = &lines[order[c]];
	v->lap = n / VICTIM_STEP_LINES;
	free(order);
	return 0;
}

int victim_room(struct victim *v, size_t steps, struct reason *why)
{
	uint64_t *grown = realloc(v->end, steps * sizeof(*grown));

	if (!grown)
		return reason_set(why, -ENOMEM, "out of memory");
	v->end = grown;
	v->room = steps;
	/* Now, so that no page is faulted in between steps. */
	memset(v->end, 0, steps * sizeof(*v->end));
	return 0;
}

static int set_alloc(struct victim *v, size_t bytes, uint64_t seed, struct reason *why)
{
	enum mem_backing backing = mem_supported("", MEM_THP, bytes, NULL) ? MEM_4K : MEM_THP;
	int ret = mem_alloc(&v->mem, backing, bytes, 0, place, v, why);

	if (ret) {
		v->mem.base = NULL;
		return ret;
	}
	if (link_lines(v, seed))
		return reason_set(why, -ENOMEM, "out of memory");
	return victim_room(v, ROOM, why);
}

/* ---- the calls ---- */

static int thread_start(struct victim *v, struct reason *why)
{
	int err;

	sem_init(&v->wake, 0, 0);
	err = pthread_create(&v->thread, NULL, work, v);
	if (err) {
		sem_destroy(&v->wake);
		return reason_set(why, -err, "cannot make a thread for CPU %u: %s", v->cpu,
				  strerror(err));
	}
	wait_until_idle(v);
	return 0;
}

static void victim_free(struct victim *v)
{
	if (v->mem.base)
		mem_free(&v->mem);
	free(v->end);
	free(v);
}

int victim_open(struct victim **victim, const struct topo *topo, unsigned cpu, size_t bytes,
		uint64_t seed, struct reason *why)
{
	struct victim *v = aligned_alloc(LINE, sizeof(*v));
	int ret;

	*victim = NULL;
	if (!v)
		return reason_set(why, -ENOMEM, "out of memory");
	*v = (struct victim){ .topo = topo, .cpu = cpu };
	ret = set_alloc(v, bytes, seed, why);
	if (!ret)
		ret = thread_start(v, why);
	if (ret) {
		victim_free(v);
		return ret;
	}
	if (v->bound) {
		ret = reason_set(why, v->bound, "%s", v->why.text);
		victim_close(v);
		return ret;
	}
	*victim = v;
	return 0;
}

void victim_close(struct victim *v)
{
	if (!v)
		return;
	v->quit = true;
	atomic_store(&v->run, false);
	sem_post(&v->wake);
	pthread_join(v->thread, NULL);
	sem_destroy(&v->wake);
	victim_free(v);
}

void victim_start(struct victim *v)
{
	atomic_store(&v->done, 0);
	atomic_store(&v->run, true);
	atomic_store(&v->idle, false);
	sem_post(&v->wake);
	/* A record that ends before these laps do is full by then, and the thread at its end. */
	wait_until(v, LAPS_BEFORE * v->lap < v->room ? LAPS_BEFORE * v->lap : v->room);
}

struct victim_steps victim_stop(struct victim *v)
{
	size_t until = atomic_load(&v->done) + LAPS_AFTER * v->lap;

	wait_until(v, until < v->room ? until : v->room);
	atomic_store(&v->run, false);
	wait_until_idle(v);
	until = atomic_load(&v->done);
	return (struct victim_steps){ v->end, until, v->lap, until == v->room };
}
