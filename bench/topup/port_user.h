/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port_user.h: user space's half of port.h: the kernel's interfaces with the kernel's meaning, as
 * far as the caches use them.
 */
#ifndef TDC_BENCH_TOPUP_PORT_USER_H
#define TDC_BENCH_TOPUP_PORT_USER_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/measure/clock.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Also where TSan looks: a plain access of 4 bytes that the compiler must not split or repeat. */
#define READ_ONCE(x)	   __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, val) __atomic_store_n(&(x), (val), __ATOMIC_RELAXED)

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/* A ring through the members, as the kernel's. */
struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline int list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
	entry->next = head->next;
	entry->prev = head;
	head->next->prev = entry;
	head->next = entry;
}

/* Poisons the entry, as the kernel does: the two stores belong to the cost. */
static inline void list_del(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
	entry->next = (struct list_head *)0x100;
	entry->prev = (struct list_head *)0x122;
}

/* All of @from, in its order, to the head of @to; @from is empty afterwards. */
static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	to->next = from->next;
	from->next->prev = to;
	INIT_LIST_HEAD(from);
}

#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))

/*
 * A page, or what stands for one: a line of its own, as a struct page is one. Lists go through it,
 * so that two in a line would halve the lines that a cache touches.
 */
struct topup_page {
	_Alignas(64) struct list_head lru;
	uint64_t owner; /* a test's */
};

struct topup_pool;

/* source_user.h */
struct topup_backing {
	struct topup_pool *pool; /* NULL: mmap() and munmap(), page by page */
	struct list_head local;	 /* what this thread has of the pool */
	unsigned int n_local;
};

struct topup_page *topup_page_alloc(struct topup_backing *b, enum topup_gfp gfp);
void topup_page_free(struct topup_backing *b, struct topup_page *page);

typedef struct {
	int counter;
} atomic_t;

static inline int atomic_read(const atomic_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline void atomic_set(atomic_t *v, int to)
{
	__atomic_store_n(&v->counter, to, __ATOMIC_RELAXED);
}

static inline void atomic_inc(atomic_t *v)
{
	__atomic_fetch_add(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline bool atomic_dec_and_test(atomic_t *v)
{
	return __atomic_sub_fetch(&v->counter, 1, __ATOMIC_SEQ_CST) == 0;
}

/* Add @a unless it holds @u. Return: was it added? */
static inline bool atomic_add_unless(atomic_t *v, int a, int u)
{
	int old = atomic_read(v);

	do {
		if (old == u)
			return false;
	} while (!__atomic_compare_exchange_n(&v->counter, &old, old + a, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return true;
}

static inline bool atomic_inc_not_zero(atomic_t *v)
{
	return atomic_add_unless(v, 1, 0);
}

/*
 * A kernel thread that holds a spinlock is not preempted; this one can be. Whoever waits for it
 * lets it run after a while, or the waiting would measure the scheduler's time slice.
 */
#define TOPUP_SPINS_BEFORE_YIELD 1000

static inline void topup_spin_wait(unsigned int *spins)
{
	cpu_relax();
	if (++*spins % TOPUP_SPINS_BEFORE_YIELD == 0)
		sched_yield();
}

/*
 * Test and test-and-set. Not pthread_spinlock_t, which never yields; nor a ticket lock, in which
 * all wait for the one preempted waiter whose turn it is. It is not fair, the kernel's is.
 */
typedef struct {
	int held;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *l)
{
	l->held = 0;
}

static inline void spin_lock(spinlock_t *l)
{
	unsigned int spins = 0;

	while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->held, __ATOMIC_RELAXED))
			topup_spin_wait(&spins);
}

static inline void spin_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

/* Readers count by twos, bit 0 is the writer: as the kernel's, it spins and does not sleep. */
typedef struct {
	unsigned int count;
} rwlock_t;

#define TOPUP_WRITER 1u
#define TOPUP_READER 2u

static inline void rwlock_init(rwlock_t *l)
{
	l->count = 0;
}

static inline void read_lock(rwlock_t *l)
{
	unsigned int spins = 0;

	while (__atomic_fetch_add(&l->count, TOPUP_READER, __ATOMIC_ACQUIRE) & TOPUP_WRITER) {
		__atomic_fetch_sub(&l->count, TOPUP_READER, __ATOMIC_RELAXED);
		while (__atomic_load_n(&l->count, __ATOMIC_RELAXED) & TOPUP_WRITER)
			topup_spin_wait(&spins);
	}
}

static inline void read_unlock(rwlock_t *l)
{
	__atomic_fetch_sub(&l->count, TOPUP_READER, __ATOMIC_RELEASE);
}

static inline void write_lock(rwlock_t *l)
{
	unsigned int spins = 0, none = 0;

	while (!__atomic_compare_exchange_n(&l->count, &none, TOPUP_WRITER, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		none = 0;
		topup_spin_wait(&spins);
	}
}

static inline void write_unlock(rwlock_t *l)
{
	__atomic_fetch_sub(&l->count, TOPUP_WRITER, __ATOMIC_RELEASE);
}

struct topup_mutex {
	pthread_mutex_t lock;
};

static inline void topup_mutex_init(struct topup_mutex *m)
{
	pthread_mutex_init(&m->lock, NULL);
}

static inline void topup_mutex_destroy(struct topup_mutex *m)
{
	pthread_mutex_destroy(&m->lock);
}

static inline void topup_mutex_lock(struct topup_mutex *m)
{
	pthread_mutex_lock(&m->lock);
}

static inline void topup_mutex_unlock(struct topup_mutex *m)
{
	pthread_mutex_unlock(&m->lock);
}

static inline uint64_t topup_ticks(void)
{
	return tick_start();
}

static inline void **topup_array_alloc(unsigned int n)
{
	return malloc(n * sizeof(void *));
}

static inline void *topup_lines_alloc(size_t bytes)
{
	size_t room = (bytes + TOPUP_APART - 1) / TOPUP_APART * TOPUP_APART;
	void *lines = aligned_alloc(TOPUP_APART, room);

	return lines ? memset(lines, 0, room) : NULL;
}

static inline void topup_array_free(void *array)
{
	free(array);
}

#endif
