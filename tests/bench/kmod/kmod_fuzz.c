// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod_fuzz [CALLS [SEED]]: garbage for /dev/tdcost, 100,000 calls of it, from several threads.
 *
 * A third are commands at random, the rest are the real ones with fields of four kinds: good, on an
 * edge, at random, and good but for one. Pointers are good, cut off by the end of their mapping,
 * read-only, unmapped, or the kernel's. What is good is kept small, or the calls would take hours:
 * the limits themselves are tested by kmod_smoke. Ends with 0 where every call ended with an errno
 * that stands in the header; whether the kernel complained is for the caller to look up in its log.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/kmod/tdcost.h"
#include "bench/teardown/steps.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define THREADS	      4
#define CALLS	      100000
#define PAGE	      4096
#define CALL_BYTES    512 /* the longest struct, and more */
#define ROOM	      (16 * PAGE)

enum field_type { NUMBER, POINTER, MASK };

/* A field of a struct, and what is good for it. */
struct field {
	size_t at, bytes;
	enum field_type type;
	uint64_t most; /* good: 0 to this */
	uint64_t edge; /* the last number before it is refused */
};
#define FIELD(s, f, type, most, edge)                                                  \
	{                                                                              \
		offsetof(struct s, f), sizeof(((struct s *)NULL)->f), type, most, edge \
	}

static const struct command {
	const char *name;
	unsigned long cmd;
	size_t bytes;
	struct field fields[18]; /* ends with one of no bytes */
} commands[] = {
	{ "info", TDCOST_INFO, sizeof(struct tdcost_info), { { 0 } } },
	{ "flush",
	  TDCOST_FLUSH,
	  sizeof(struct tdcost_flush),
	  { FIELD(tdcost_flush, op, NUMBER, 2, 2), FIELD(tdcost_flush, mode, NUMBER, 5, 5),
	    FIELD(tdcost_flush, mask, MASK, 0, 0), FIELD(tdcost_flush, mask_words, NUMBER, 2, 1024),
	    FIELD(tdcost_flush, n, NUMBER, 64, UINT32_MAX),
	    FIELD(tdcost_flush, result, POINTER, 0, 0) } },
	{ "stop",
	  TDCOST_STOP,
	  sizeof(struct tdcost_stop),
	  { FIELD(tdcost_stop, op, NUMBER, 2, 2), FIELD(tdcost_stop, flags, NUMBER, 1, 1),
	    FIELD(tdcost_stop, mask, MASK, 0, 0), FIELD(tdcost_stop, mask_words, NUMBER, 2, 1024),
	    FIELD(tdcost_stop, max_polls, NUMBER, 100000, 1000000),
	    FIELD(tdcost_stop, delay_cpu, NUMBER, 3, 4095),
	    FIELD(tdcost_stop, delay_us, NUMBER, 200, 2000), FIELD(tdcost_stop, n, NUMBER, 64, 3),
	    FIELD(tdcost_stop, result, POINTER, 0, 0) } },
	{ "flag",
	  TDCOST_FLAG,
	  sizeof(struct tdcost_flag),
	  { FIELD(tdcost_flag, flags, NUMBER, 3, 3), FIELD(tdcost_flag, cpu, NUMBER, 3, 4095),
	    FIELD(tdcost_flag, rounds, NUMBER, 1000, 1 << 14) } },
	{ "counters",
	  TDCOST_COUNTERS,
	  sizeof(struct tdcost_counters),
	  { FIELD(tdcost_counters, n, NUMBER, 64, UINT32_MAX),
	    FIELD(tdcost_counters, reserved, NUMBER, 0, 0),
	    FIELD(tdcost_counters, counters, POINTER, 0, 0) } },
	{ "topup",
	  TDCOST_TOPUP,
	  sizeof(struct tdcost_topup),
	  { FIELD(tdcost_topup, variant, NUMBER, 6, 6), FIELD(tdcost_topup, source, NUMBER, 2, 2),
	    FIELD(tdcost_topup, work, NUMBER, 6, 6), FIELD(tdcost_topup, flags, NUMBER, 63, 63),
	    FIELD(tdcost_topup, splits, NUMBER, 8, 512),
	    FIELD(tdcost_topup, fail_every, NUMBER, 40, 1 << 20),
	    FIELD(tdcost_topup, meters, NUMBER, 63, 63), FIELD(tdcost_topup, vcpus, NUMBER, 1, 1),
	    FIELD(tdcost_topup, reserved, NUMBER, 0, 0),
	    FIELD(tdcost_topup, demote_loops, NUMBER, 10, 1000),
	    FIELD(tdcost_topup, units, NUMBER, 8, 64),
	    FIELD(tdcost_topup, n_topups, NUMBER, 16, 65536),
	    FIELD(tdcost_topup, n_uses, NUMBER, 16, 65536),
	    FIELD(tdcost_topup, topups, POINTER, 0, 0),
	    FIELD(tdcost_topup, uses, POINTER, 0, 0) } },
	{ "alloc",
	  TDCOST_PAGES_ALLOC,
	  sizeof(struct tdcost_pages),
	  { FIELD(tdcost_pages, order, NUMBER, 3, 10), FIELD(tdcost_pages, node, NUMBER, 0, 1023),
	    FIELD(tdcost_pages, n, NUMBER, 16, 64) } },
	{ "free", TDCOST_PAGES_FREE, 8, { { 0 } } },
	{ "fill",
	  TDCOST_PAGES_FILL,
	  sizeof(struct tdcost_fill),
	  { FIELD(tdcost_fill, before, NUMBER, 2, 2),
	    FIELD(tdcost_fill, reserved, NUMBER, 0, 0) } },
	{ "reset",
	  TDCOST_PAGES_RESET,
	  sizeof(struct tdcost_reset),
	  { FIELD(tdcost_reset, flags, NUMBER, 3, 3),
	    FIELD(tdcost_reset, call_order, NUMBER, 2, 10),
	    FIELD(tdcost_reset, rounds, NUMBER, 20, 1000) } },
	{ "check", TDCOST_PAGES_CHECK, sizeof(struct tdcost_check), { { 0 } } },
	{ "teardown_set",
	  TDCOST_TEARDOWN_SET,
	  sizeof(struct tdcost_teardown),
	  { FIELD(tdcost_teardown, path, NUMBER, 1, 1), FIELD(tdcost_teardown, flags, NUMBER, 3, 3),
	    FIELD(tdcost_teardown, leaf_order, NUMBER, 0, 9),
	    FIELD(tdcost_teardown, reset_order, NUMBER, 0, 9),
	    FIELD(tdcost_teardown, dpamt, NUMBER, 2, 2), FIELD(tdcost_teardown, op, NUMBER, 2, 2),
	    FIELD(tdcost_teardown, without, NUMBER, 0x7fff, 0x7fff),
	    FIELD(tdcost_teardown, timed, NUMBER, 0x7fff, 0x7fff),
	    FIELD(tdcost_teardown, every, NUMBER, 64, 65536),
	    FIELD(tdcost_teardown, vcpus, NUMBER, 8, 1024),
	    FIELD(tdcost_teardown, seam_ns[TD_SEAM_OTHER], NUMBER, 100, 500),
	    FIELD(tdcost_teardown, seam_ns[TD_SEAM_BLOCK], NUMBER, 100, 500),
	    FIELD(tdcost_teardown, seam_ns[TD_SEAM_RECLAIM], NUMBER, 100, 500),
	    FIELD(tdcost_teardown, pamt_loops, NUMBER, 100, 10000),
	    FIELD(tdcost_teardown, mask_words, NUMBER, 1, 1024),
	    FIELD(tdcost_teardown, mask, MASK, 0, 0),
	    FIELD(tdcost_teardown, order, NUMBER, 0, UINT64_MAX) } },
	{ "teardown", TDCOST_TEARDOWN, sizeof(struct tdcost_torn), { { 0 } } },
};

/* All that the header allows. */
static const int allowed[] = { 0,     EINVAL, EFAULT, ENOTTY,	 EOPNOTSUPP, ENOSPC,
			       EBUSY, ENOMEM, EEXIST, ETIMEDOUT, ENODATA };

/* Memory in every condition. */
static struct {
	char *good;   /* ROOM bytes, and nothing mapped behind */
	char *masks;  /* one a page and zeros: of CPUs 0 to 3 */
	char *frozen; /* read-only */
	char *gone;   /* unmapped */
} memory;

struct thread {
	pthread_t id;
	uint64_t seed, calls, state;
	int fd;
	unsigned long done[ARRAY_SIZE(commands)]; /* calls that returned 0 */
	unsigned long errors[ARRAY_SIZE(allowed)];
	unsigned long made; /* ioctls */
	bool bad;
};

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). */
static uint64_t draw(struct thread *t)
{
	uint64_t z = t->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t below(struct thread *t, uint64_t n)
{
	return draw(t) % n;
}

static uint64_t bad_pointer(struct thread *t)
{
	switch (below(t, 8)) {
	case 0:
		return 0;
	case 1:
		return below(t, PAGE);
	case 2: /* a few bytes, then nothing */
		return (uintptr_t)memory.good + ROOM - below(t, 256);
	case 3:
		return (uintptr_t)memory.frozen;
	case 4:
		return (uintptr_t)memory.gone;
	case 5: /* the kernel's direct map */
		return 0xffff888000000000ull + below(t, 1 << 30);
	case 6: /* its text and modules */
		return 0xffffffff81000000ull + below(t, 1 << 30);
	default:
		return draw(t);
	}
}

/* The threads share it: it is theirs to spoil. */
static uint64_t good_pointer(struct thread *t)
{
	return (uintptr_t)memory.good + 8 * below(t, ROOM / 16);
}

static uint64_t bad_number(struct thread *t, const struct field *f)
{
	switch (below(t, 6)) {
	case 0:
		return f->edge;
	case 1:
		return f->edge + 1;
	case 2:
		return UINT64_MAX;
	case 3:
		return 1ull << below(t, 64) | 1ull << 31;
	case 4: /* signed and negative */
		return -below(t, 4096);
	default:
		return draw(t) | 1ull << 31;
	}
}

static void put_field(struct thread *t, char *call, const struct field *f, bool good)
{
	uint64_t v;

	if (f->type == POINTER)
		v = good ? good_pointer(t) : bad_pointer(t);
	else if (f->type == MASK)
		v = good ? (uintptr_t)memory.masks + below(t, 16) * PAGE : bad_pointer(t);
	else
		v = good ? below(t, f->most + 1) : bad_number(t, f);
	memcpy(call + f->at, &v, f->bytes);
}

static unsigned count_fields(const struct command *c)
{
	unsigned n = 0;

	while (n < ARRAY_SIZE(c->fields) && c->fields[n].bytes)
		n++;
	return n;
}

/* Good; good but for one field; each field by the toss of a coin. */
static void put_call(struct thread *t, char *call, const struct command *c)
{
	unsigned n = count_fields(c), kind = below(t, 3), one = n ? below(t, n) : 0;

	memset(call, 0, CALL_BYTES);
	/* Out fields, patterns: never looked at. */
	if (below(t, 2))
		for (size_t i = 0; i < c->bytes; i++)
			call[i] = draw(t);
	for (unsigned i = 0; i < n; i++) {
		bool good = kind == 0 || (kind == 1 && i != one) || (kind == 2 && below(t, 2));

		put_field(t, call, &c->fields[i], good);
	}
}

/* What a call may ask for, whatever was drawn: seconds with interrupts off are not garbage. */
static void keep_short(char *call, const struct command *c)
{
	if (c->cmd == TDCOST_FLAG) {
		struct tdcost_flag *f = (void *)call;

		if (f->rounds <= 1 << 24)
			f->rounds %= 1 << 14;
	} else if (c->cmd == TDCOST_STOP) {
		struct tdcost_stop *s = (void *)call;

		if (s->delay_us <= 5000000)
			s->delay_us %= 2000;
	} else if (c->cmd == TDCOST_PAGES_RESET) {
		struct tdcost_reset *r = (void *)call;

		if (r->rounds <= 1 << 28)
			r->rounds %= 1 << 10;
	} else if (c->cmd == TDCOST_TOPUP) {
		struct tdcost_topup *u = (void *)call;

		if (u->units <= 1 << 20)
			u->units %= 1 << 7;
	}
}

static int call_real(struct thread *t)
{
	size_t i = below(t, ARRAY_SIZE(commands));
	const struct command *c = &commands[i];
	char call[CALL_BYTES];
	void *arg = call;
	int err;

	put_call(t, call, c);
	keep_short(call, c);
	if (!below(t, 10))
		arg = (void *)(uintptr_t)bad_pointer(t);
	err = ioctl(t->fd, c->cmd, arg) ? errno : 0;
	t->made++;
	t->done[i] += !err;
	return err;
}

/* A real one would keep nothing short: it is drawn again. */
static bool is_command(unsigned long cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cmd == (uint32_t)cmd)
			return true;
	return false;
}

static unsigned long draw_command(struct thread *t)
{
	unsigned long cmd = draw(t);

	if (below(t, 2)) /* with the right letter, which leaves direction, size and number */
		cmd = (uint32_t)_IOC(cmd >> 30 & 3, TDCOST_MAGIC, cmd & (below(t, 2) ? 31 : 255),
				     cmd >> 16 & 255);
	return cmd;
}

static int call_random(struct thread *t)
{
	unsigned long cmd;
	void *arg = (void *)(uintptr_t)(below(t, 2) ? good_pointer(t) : bad_pointer(t));

	do
		cmd = draw_command(t);
	while (is_command(cmd));
	t->made++;
	return ioctl(t->fd, cmd, arg) ? errno : 0;
}

static bool count_error(struct thread *t, int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (allowed[i] != err)
			continue;
		t->errors[i]++;
		return true;
	}
	return false;
}

static void *run(void *arg)
{
	struct thread *t = arg;

	t->state = t->seed;
	t->fd = open(TDCOST_DEVICE, O_RDWR | O_CLOEXEC);
	for (uint64_t i = 0; i < t->calls && t->fd >= 0; i++) {
		int err = below(t, 3) ? call_real(t) : call_random(t);

		if (!count_error(t, err)) {
			fprintf(stderr, "kmod_fuzz: call %llu of seed %#llx: %s\n",
				(unsigned long long)i, (unsigned long long)t->seed, strerror(err));
			t->bad = true;
		}
		if (!below(t, 100)) {
			close(t->fd);
			t->fd = open(TDCOST_DEVICE, O_RDWR | O_CLOEXEC);
		}
	}
	if (t->fd < 0) {
		perror("kmod_fuzz: " TDCOST_DEVICE);
		t->bad = true;
	} else {
		close(t->fd);
	}
	return NULL;
}

static char *map(size_t bytes, int prot)
{
	char *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("kmod_fuzz: mmap");
		exit(1);
	}
	return p;
}

static void make_memory(void)
{
	memory.good = map(ROOM + PAGE, PROT_READ | PROT_WRITE);
	munmap(memory.good + ROOM, PAGE);
	memory.masks = map(18 * PAGE, PROT_READ | PROT_WRITE);
	for (uint64_t mask = 0; mask < 16; mask++)
		memcpy(memory.masks + mask * PAGE, &mask, sizeof(mask));
	memory.frozen = map(PAGE, PROT_READ);
	memory.gone = map(PAGE, PROT_NONE);
}

/* What was reached: a run in which nothing was good tests little. */
static bool report(struct thread *t)
{
	unsigned long total, idle = 0, made = 0;
	bool bad = false;

	printf("returned 0:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		total = 0;
		for (unsigned j = 0; j < THREADS; j++)
			total += t[j].done[i];
		printf(" %s %lu", commands[i].name, total);
		idle += !total;
	}
	printf("\nended with:");
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		total = 0;
		for (unsigned j = 0; j < THREADS; j++)
			total += t[j].errors[i];
		printf(" '%s' %lu", allowed[i] ? strerror(allowed[i]) : "done", total);
	}
	printf("\n");
	for (unsigned j = 0; j < THREADS; j++) {
		bad |= t[j].bad;
		made += t[j].made;
	}
	printf("%lu ioctls\n", made);
	if (idle)
		fprintf(stderr, "kmod_fuzz: %lu commands never did anything\n", idle);
	return bad || idle;
}

int main(int argc, char **argv)
{
	uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 0) : CALLS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	struct thread threads[THREADS] = { 0 };
	bool bad;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("kmod_fuzz: %llu calls, seed %llu\n", (unsigned long long)calls,
	       (unsigned long long)seed);
	make_memory();
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].seed = seed * THREADS + i;
		threads[i].calls = calls / THREADS;
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]))
			return 1;
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	bad = report(threads);
	printf("kmod_fuzz: %s\n", bad ? "failed" : "every call ended as it may");
	return bad;
}
