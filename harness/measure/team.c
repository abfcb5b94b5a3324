// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/team.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/measure/clock.h"

#define LINE 64

/* On lines of its own, so that one member's end is not another's cache miss. */
struct member {
	_Alignas(LINE) struct team *team;
	pthread_t thread;
	sem_t wake;
	unsigned number, cpu;
	int bound; /* what binding said: 0 or -errno */
	struct reason why;
	_Alignas(LINE) struct team_time time;
};

struct team {
	const struct topo *topo;
	unsigned n;	 /* members */
	unsigned taking; /* of them, in the sample under way */
	team_fn *fn;	 /* NULL: go home */
	void *arg;
	_Alignas(LINE) atomic_uint go; /* number of the sample that may start */
	_Alignas(LINE) atomic_uint ready;
	_Alignas(LINE) atomic_uint done;
	struct member *members; /* n of them; the first is the caller */
};

static void spin_until(atomic_uint *v, unsigned value)
{
	while (atomic_load_explicit(v, memory_order_acquire) != value)
		__builtin_ia32_pause();
}

static void take_part(struct member *m)
{
	m->time.start = tick_start();
	m->team->fn(m->team->arg, m->number);
	m->time.end = tick_stop(&m->time.cpu);
}

static void *work(void *arg)
{
	struct member *m = arg;
	struct team *t = m->team;

	m->bound = topo_bind_thread(t->topo, m->cpu, &m->why);
	atomic_fetch_add_explicit(&t->ready, 1, memory_order_release);
	for (;;) {
		unsigned sample;

		while (sem_wait(&m->wake))
			;
		if (!t->fn)
			return NULL;
		sample = atomic_load_explicit(&t->go, memory_order_relaxed) + 1;
		atomic_fetch_add_explicit(&t->ready, 1, memory_order_release);
		spin_until(&t->go, sample);
		take_part(m);
		atomic_fetch_add_explicit(&t->done, 1, memory_order_release);
	}
}

static int start_members(struct team *t, const unsigned *cpus, unsigned n, struct reason *why)
{
	for (unsigned i = 0; i < n; i++) {
		struct member *m = &t->members[i];
		int ret = 0;

		*m = (struct member){ .team = t, .number = i, .cpu = cpus[i] };
		if (i) {
			sem_init(&m->wake, 0, 0);
			ret = pthread_create(&m->thread, NULL, work, m);
		}
		if (ret) {
			sem_destroy(&m->wake);
			return reason_set(why, -ret, "cannot make a thread for CPU %u: %s", cpus[i],
					  strerror(ret));
		}
		t->n++;
	}
	return 0;
}

static int check_members(struct team *t, struct reason *why)
{
	spin_until(&t->ready, t->n - 1);
	for (unsigned i = 1; i < t->n; i++)
		if (t->members[i].bound)
			return reason_set(why, t->members[i].bound, "%s", t->members[i].why.text);
	return 0;
}

int team_open(struct team **team, const struct topo *topo, const unsigned *cpus, unsigned n,
	      struct reason *why)
{
	struct team *t = aligned_alloc(LINE, sizeof(*t));
	int ret;

	*team = NULL;
	if (!t)
		return reason_set(why, -ENOMEM, "out of memory");
	*t = (struct team){ .topo = topo };
	t->members = aligned_alloc(LINE, n * sizeof(*t->members));
	ret = t->members ? start_members(t, cpus, n, why)
			 : reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		ret = check_members(t, why);
	if (ret) {
		team_close(t);
		return ret;
	}
	*team = t;
	return 0;
}

void team_close(struct team *team)
{
	if (!team)
		return;
	team->fn = NULL;
	for (unsigned i = 1; i < team->n; i++) {
		sem_post(&team->members[i].wake);
		pthread_join(team->members[i].thread, NULL);
		sem_destroy(&team->members[i].wake);
	}
	free(team->members);
	free(team);
}

void team_ready(struct team *team, unsigned n, team_fn *fn, void *arg)
{
	team->fn = fn;
	team->arg = arg;
	team->taking = n < team->n ? n : team->n;
	atomic_store_explicit(&team->ready, 0, memory_order_relaxed);
	atomic_store_explicit(&team->done, 0, memory_order_relaxed);
	for (unsigned i = 1; i < team->taking; i++)
		sem_post(&team->members[i].wake);
	spin_until(&team->ready, team->taking - 1);
}

void team_go(struct team *team)
{
	atomic_fetch_add_explicit(&team->go, 1, memory_order_release);
	take_part(&team->members[0]);
	spin_until(&team->done, team->taking - 1);
}

const struct team_time *team_time(const struct team *team, unsigned member)
{
	return &team->members[member].time;
}

unsigned team_cpu(const struct team *team, unsigned member)
{
	return team->members[member].cpu;
}
