// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/contender.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define QUIT UINT_MAX

struct contender {
	const struct topo *topo;
	unsigned cpu;
	contender_fn *fn;
	void *arg;
	pthread_t thread;
	sem_t wake;    /* when it sleeps, which is after 0 was wanted */
	sem_t changed; /* what is wanted has begun, or the thread is bound */
	atomic_uint want;
	int bound;
	struct reason why;
};

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void *work(void *arg)
{
	struct contender *c = arg;
	unsigned was = 0;

	c->bound = topo_bind_thread(c->topo, c->cpu, &c->why);
	sem_post(&c->changed);
	wait_for(&c->wake);
	for (;;) {
		unsigned how = atomic_load(&c->want);

		if (how == QUIT)
			return NULL;
		if (how)
			c->fn(c->arg, how);
		if (how != was)
			sem_post(&c->changed);
		was = how;
		if (!how)
			wait_for(&c->wake);
	}
}

int contender_open(struct contender **contender, const struct topo *topo, unsigned cpu,
		   contender_fn *fn, void *arg, struct reason *why)
{
	struct contender *c = calloc(1, sizeof(*c));
	int ret;

	*contender = NULL;
	if (!c)
		return reason_set(why, -ENOMEM, "out of memory");
	*c = (struct contender){ .topo = topo, .cpu = cpu, .fn = fn, .arg = arg };
	sem_init(&c->wake, 0, 0);
	sem_init(&c->changed, 0, 0);
	ret = pthread_create(&c->thread, NULL, work, c);
	if (ret) {
		free(c);
		return reason_set(why, -ret, "cannot make a thread for CPU %u: %s", cpu,
				  strerror(ret));
	}
	wait_for(&c->changed);
	ret = c->bound;
	if (ret) {
		reason_set(why, ret, "%s", c->why.text);
		contender_close(c);
		return ret;
	}
	*contender = c;
	return 0;
}

void contender_close(struct contender *c)
{
	unsigned was;

	if (!c)
		return;
	was = atomic_exchange(&c->want, QUIT);
	if (!was)
		sem_post(&c->wake);
	pthread_join(c->thread, NULL);
	sem_destroy(&c->wake);
	sem_destroy(&c->changed);
	free(c);
}

void contender_set(struct contender *c, unsigned how)
{
	unsigned was = atomic_exchange(&c->want, how);

	if (was == how)
		return;
	if (!was)
		sem_post(&c->wake);
	wait_for(&c->changed);
}
