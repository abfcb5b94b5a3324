// SPDX-License-Identifier: GPL-2.0-or-later
/* The measuring half; flush_judge.c has the deciding one. */
#include "bench/ops/flush_detect.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ops/lines.h"
#include "harness/measure/design.h"

#define LINE	  64ul
#define PAGE	  4096ul
#define MAX_LINES 2048
#define GROUPS	  32
#define MIN_GROUP 16

int flush_probe_init(struct flush_probe *p, const char *base, size_t bytes, uint64_t seed)
{
	size_t lines = bytes / LINE, stride;

	if (lines < MIN_GROUP)
		return -EINVAL;
	p->base = base;
	p->n = lines < MAX_LINES ? (unsigned)lines : MAX_LINES;
	p->line = malloc(p->n * sizeof(*p->line));
	if (!p->line)
		return -ENOMEM;
	stride = lines / p->n;
	for (unsigned i = 0; i < p->n; i++)
		p->line[i] = (uint32_t)(i * stride + seed_derive(seed, i, 0, 6) % stride);
	shuffle_u32(p->line, p->n, seed_derive(seed, p->n, 0, 7));
	return 0;
}

void flush_probe_free(struct flush_probe *p)
{
	free(p->line);
	p->line = NULL;
}

/*
 * Each address hangs on the value read before, though it does not change it: the compiler cannot
 * know that @zero is.
 */
static uint64_t read_lines(const struct flush_probe *p, unsigned from, unsigned to)
{
	static volatile uint64_t zero;
	uint64_t value = 0, mask = zero;

	for (unsigned i = from; i < to; i++)
		value = *(const volatile uint64_t *)(p->base + p->line[i] * LINE + (value & mask));
	return value;
}

void flush_probe_load(const struct flush_probe *p)
{
	read_lines(p, 0, p->n);
	read_lines(p, 0, p->n);
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double flush_probe_read(const struct flush_probe *p)
{
	unsigned size = p->n / GROUPS < MIN_GROUP ? MIN_GROUP : p->n / GROUPS;
	unsigned n = p->n / size;
	double ticks[GROUPS] = { 0 };

	for (unsigned g = 0; g < n; g++) {
		uint32_t cpu;
		uint64_t start = tick_start();

		read_lines(p, g * size, (g + 1) * size);
		ticks[g] = (double)(tick_stop(&cpu) - start) / size;
	}
	qsort(ticks, n, sizeof(ticks[0]), compare_double);
	return ticks[n / 2];
}

static void evict_all(const struct flush_probe *p, const struct cpu_info *cpu)
{
	for (unsigned i = 0; i < p->n; i++)
		lines_evict(cpu, p->base + p->line[i] * LINE, LINE);
}

/* Noise makes a read longer, never shorter: the shortest of three is nearest to what it costs. */
void flush_reads_reference(const struct flush_probe *p, const struct cpu_info *cpu,
			   struct flush_reads *r)
{
	r->cached = r->evicted = INFINITY;
	for (unsigned i = 0; i < 3; i++) {
		flush_probe_load(p);
		r->cached = fmin(r->cached, flush_probe_read(p));
		evict_all(p, cpu);
		r->evicted = fmin(r->evicted, flush_probe_read(p));
	}
	/* The last read has brought them back. */
	evict_all(p, cpu);
}

/*
 * The same lines are cached whatever the share, the rest of them clean: what differs between two
 * shares is what has to be written back, not who was driven out of the cache by the preparation.
 */
static void prepare(const struct flush_job *job, double share, const char *random)
{
	size_t dirty = (size_t)(share * (double)job->bytes) / PAGE * PAGE;

	lines_clean(job->cpu, job->base, job->bytes);
	lines_dirty(job->base, dirty, random);
}

static int flush_once(const struct flush_job *job, double *ticks)
{
	uint64_t told = 0, start = tick_start(), taken;
	uint32_t cpu;
	int ret = job->flush(job->ctx, &told);

	taken = tick_stop(&cpu) - start;
	*ticks = (double)(told ? told : taken);
	return ret;
}

static double control_once(const struct flush_job *job)
{
	uint64_t start = tick_start();
	uint32_t cpu;

	lines_evict(job->cpu, job->base, job->bytes);
	return (double)(tick_stop(&cpu) - start);
}

/* Each share once, in random order: what drifts meets all of them. */
static int one_try(const struct flush_job *job, const struct flush_probe *p, const char *random,
		   unsigned k, struct flush_times *t)
{
	uint32_t order[FLUSH_SHARES];
	int ret = 0;

	for (uint32_t i = 0; i < FLUSH_SHARES; i++)
		order[i] = i;
	shuffle_u32(order, FLUSH_SHARES, seed_derive(job->seed, k, 0, 8));
	flush_reads_reference(p, job->cpu, &t->reads[k]);
	for (unsigned i = 0; i < FLUSH_SHARES && !ret; i++) {
		double share = flush_shares[order[i]];

		prepare(job, share, random);
		flush_probe_load(p);
		ret = flush_once(job, &t->ticks[order[i]][k]);
		if (share == 1)
			t->reads[k].after = flush_probe_read(p);
		if (!job->keeps)
			continue;
		prepare(job, share, random);
		t->control[order[i]][k] = control_once(job);
	}
	return ret;
}

/* More tries while the first ones leave it unclear: a noisy neighbour costs time, not the verdict. */
static int measure_and_judge(const struct flush_job *job, const struct flush_probe *p,
			     const char *random, struct flush_times *t, struct flush_found *found)
{
	unsigned enough = job->tries ? job->tries : FLUSH_TRIES;

	while (t->tries < FLUSH_MAX_TRIES) {
		int ret = one_try(job, p, random, t->tries, t);

		if (ret)
			return ret;
		t->tries++;
		if (t->tries < enough)
			continue;
		flush_judge(t, found);
		if (found->verdict != FLUSH_UNCLEAR)
			break;
	}
	return 0;
}

static int examine(const struct flush_job *job, struct flush_times *t, struct flush_found *found)
{
	struct flush_probe p = { NULL, NULL, 0 };
	char *random = aligned_alloc(PAGE, PAGE);
	int ret = random ? flush_probe_init(&p, job->base, job->bytes, job->seed) : -ENOMEM;

	for (size_t i = 0; !ret && i < PAGE / sizeof(uint64_t); i++)
		((uint64_t *)(void *)random)[i] = seed_derive(job->seed, i, 0, 9);
	if (!ret)
		ret = measure_and_judge(job, &p, random, t, found);
	flush_probe_free(&p);
	free(random);
	return ret;
}

int flush_detect(const struct flush_job *job, struct flush_times *times, struct flush_found *found,
		 struct reason *why)
{
	struct flush_times own = { 0 }, *t = times ? times : &own;
	int ret;

	if (job->bytes < 1ul << 20 || job->bytes % PAGE || job->tries > FLUSH_MAX_TRIES)
		return reason_set(why, -EINVAL,
				  "a flush is examined on whole pages, 1 MiB or more, in %d tries "
				  "at most",
				  FLUSH_MAX_TRIES);
	*t = (struct flush_times){
		.bytes = job->bytes,
		.hz = job->clock->hz,
		.keeps = job->keeps,
	};
	ret = examine(job, t, found);
	if (ret)
		return reason_set(why, ret, "cannot examine the flush: %s", strerror(-ret));
	return 0;
}
