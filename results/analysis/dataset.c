// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/dataset_rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dataset *dataset_new(void)
{
	return calloc(1, sizeof(struct dataset));
}

static void invocation_free(struct invocation *inv)
{
	free(inv->start);
	free(inv->tick);
	free(inv->value);
	free(inv->block);
}

void dataset_free(struct dataset *ds)
{
	if (!ds)
		return;
	for (unsigned g = 0; g < ds->groups; g++) {
		for (size_t i = 0; i < ds->group[g].n; i++)
			invocation_free(&ds->group[g].inv[i]);
		free(ds->group[g].inv);
	}
	free(ds->group);
	free(ds);
}

/* Of how many arms they are; -EINVAL for what no sampler makes. */
static int survey(const struct dataset_value *v, size_t n, unsigned *arms)
{
	*arms = 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].arm >= DATASET_MAX_ARMS || v[i].block < 0)
			return -EINVAL;
		if (v[i].arm >= *arms)
			*arms = v[i].arm + 1;
	}
	return 0;
}

static int invocation_alloc(struct invocation *inv, size_t n, unsigned arms)
{
	inv->arms = arms;
	inv->start = calloc((size_t)arms + 2, sizeof(*inv->start));
	inv->tick = calloc(arms, sizeof(*inv->tick));
	inv->value = malloc(n * sizeof(*inv->value));
	inv->block = malloc(n * sizeof(*inv->block));
	if (inv->start && inv->tick && inv->value && inv->block)
		return 0;
	invocation_free(inv);
	return -ENOMEM;
}

/*
 * Counting sort by arm, which keeps the order within an arm. While it runs start[a + 1] is where
 * the next sample of arm a goes, so that afterwards start[a] is where arm a begins.
 */
static int invocation_fill(struct invocation *inv, const struct dataset_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		inv->start[v[i].arm + 2]++;
	for (unsigned a = 2; a <= inv->arms; a++)
		inv->start[a] += inv->start[a - 1];

	for (size_t i = 0; i < n; i++) {
		size_t at = inv->start[v[i].arm + 1]++;

		inv->tick[v[i].arm] = v[i].tick;
		inv->value[at] = v[i].value;
		inv->block[at] = v[i].block;
	}
	/* pairs are found by walking both arms' blocks upwards */
	for (unsigned a = 0; a < inv->arms; a++)
		for (size_t i = inv->start[a] + 1; i < inv->start[a + 1]; i++)
			if (inv->block[i - 1] > inv->block[i])
				return -EINVAL;
	return 0;
}

/* Some TSCs count in twos, some in dozens: the values alone then say what the clock cannot. */
static uint64_t common_step(uint64_t step, const struct sample *s, size_t n)
{
	for (size_t i = 0; i < n && step != 1; i++) {
		uint64_t a = s[i].block < 0 ? 0 : s[i].ticks;

		while (a) {
			uint64_t rest = step % a;

			step = a;
			a = rest;
		}
	}
	return step;
}

static int group_ensure(struct dataset *ds, unsigned group)
{
	struct group *grown;

	if (group < ds->groups)
		return 0;
	grown = realloc(ds->group, ((size_t)group + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + ds->groups, 0, (group + 1 - ds->groups) * sizeof(*grown));
	ds->group = grown;
	ds->groups = group + 1;
	return 0;
}

static int group_insert(struct group *g, const struct invocation *inv)
{
	size_t at = g->n;

	if (g->n == g->room) {
		size_t room = g->room ? 2 * g->room : 16;
		struct invocation *grown = realloc(g->inv, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		g->inv = grown;
		g->room = room;
	}
	while (at && g->inv[at - 1].round > inv->round)
		at--;
	memmove(g->inv + at + 1, g->inv + at, (g->n - at) * sizeof(*g->inv));
	g->inv[at] = *inv;
	g->n++;
	if (inv->arms > g->arms)
		g->arms = inv->arms;
	return 0;
}

int dataset_add_values(struct dataset *ds, unsigned group, unsigned round,
		       const struct dataset_value *values, size_t n)
{
	struct invocation inv = { .round = round };
	unsigned arms;
	int ret;

	if (group >= DATASET_MAX_GROUPS)
		return -EINVAL;
	ret = survey(values, n, &arms);
	if (ret)
		return ret;
	ret = group_ensure(ds, group);
	if (ret || !n)
		return ret;
	ret = invocation_alloc(&inv, n, arms);
	if (ret)
		return ret;
	ret = invocation_fill(&inv, values, n);
	if (!ret)
		ret = group_insert(&ds->group[group], &inv);
	if (ret)
		invocation_free(&inv);
	return ret;
}

int dataset_add(struct dataset *ds, unsigned group, unsigned round, const struct sample *samples,
		size_t n, double overhead, double unit_per_tick)
{
	struct dataset_value *values = calloc(n + 1, sizeof(*values));
	size_t kept = 0;
	int ret = values ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++) {
		const struct sample *s = &samples[i];
		double tick;

		if (s->block < 0)
			continue;
		if (!s->work) {
			ret = -EINVAL;
			break;
		}
		tick = unit_per_tick / (double)s->work;
		values[kept++] = (struct dataset_value){ s->arm, s->block,
							 ((double)s->ticks - overhead) * tick,
							 tick };
	}
	if (!ret)
		ret = dataset_add_values(ds, group, round, values, kept);
	if (!ret)
		ds->step = common_step(ds->step, samples, n);
	free(values);
	return ret;
}

int dataset_exchange(struct dataset *a, struct dataset *b, unsigned group)
{
	struct group kept;
	int ret = group < DATASET_MAX_GROUPS ? group_ensure(a, group) : -EINVAL;

	if (!ret)
		ret = group_ensure(b, group);
	if (ret)
		return ret;
	kept = a->group[group];
	a->group[group] = b->group[group];
	b->group[group] = kept;
	return 0;
}

unsigned dataset_groups(const struct dataset *ds)
{
	return ds->groups;
}

unsigned dataset_arms(const struct dataset *ds, unsigned group)
{
	return group < ds->groups ? ds->group[group].arms : 0;
}

struct view dataset_view(const struct invocation *inv, unsigned arm)
{
	struct view v = { 0 };
	size_t start;

	if (arm >= inv->arms)
		return v;
	start = inv->start[arm];
	v.value = inv->value + start;
	v.block = inv->block + start;
	v.n = inv->start[arm + 1] - start;
	return v;
}

struct extent dataset_extent(const struct dataset *ds, unsigned group, unsigned arm)
{
	struct extent e = { 0 };

	for (size_t i = 0; group < ds->groups && i < ds->group[group].n; i++) {
		struct view v = dataset_view(&ds->group[group].inv[i], arm);

		e.invocations += v.n > 0;
		e.samples += v.n;
		if (v.n > e.longest)
			e.longest = v.n;
	}
	return e;
}

long dataset_values(const struct dataset *ds, unsigned group, unsigned arm, double **out)
{
	struct extent e = dataset_extent(ds, group, arm);
	size_t at = 0;

	*out = NULL;
	if (!e.samples)
		return 0;
	*out = malloc(e.samples * sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < ds->group[group].n; i++) {
		struct view v = dataset_view(&ds->group[group].inv[i], arm);

		if (v.n)
			memcpy(*out + at, v.value, v.n * sizeof(**out));
		at += v.n;
	}
	return (long)at;
}

long dataset_medians(const struct dataset *ds, unsigned group, unsigned arm, double **out)
{
	struct extent e = dataset_extent(ds, group, arm);
	double *scratch;
	size_t at = 0;

	*out = NULL;
	if (!e.samples)
		return 0;
	*out = malloc(e.invocations * sizeof(**out));
	scratch = malloc(e.longest * sizeof(*scratch));
	if (!*out || !scratch) {
		free(scratch);
		free(*out);
		*out = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < ds->group[group].n; i++) {
		struct view v = dataset_view(&ds->group[group].inv[i], arm);

		if (!v.n)
			continue;
		memcpy(scratch, v.value, v.n * sizeof(*scratch));
		(*out)[at++] = stat_median_inplace(scratch, v.n);
	}
	free(scratch);
	return (long)at;
}

/* A block may hold several samples of an arm; blocks ascend. */
static unsigned count_blocks(const struct view *v)
{
	unsigned n = v->n > 0;

	for (size_t i = 1; i < v->n; i++)
		n += v->block[i] != v->block[i - 1];
	return n;
}

unsigned dataset_blocks(const struct dataset *ds, unsigned group, unsigned arm)
{
	struct extent e = dataset_extent(ds, group, arm);
	double *blocks = e.samples ? malloc(e.invocations * sizeof(*blocks)) : NULL;
	unsigned median = 0;
	size_t n = 0;

	if (!blocks)
		return 0;
	for (size_t i = 0; i < ds->group[group].n; i++) {
		struct view v = dataset_view(&ds->group[group].inv[i], arm);

		if (v.n)
			blocks[n++] = count_blocks(&v);
	}
	median = (unsigned)stat_median_inplace(blocks, n);
	free(blocks);
	return median;
}
