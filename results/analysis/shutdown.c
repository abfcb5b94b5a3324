// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/shutdown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/units.h"
#include "results/analysis/comparison_rows.h"

/* ---- the same memory ---- */

enum key { KEY_SIZE, KEY_BACKING, KEY_PAGE, KEY_NODE, KEYS };

static bool same_key(const struct shutdown_memory *a, const struct shutdown_memory *b, enum key k)
{
	switch (k) {
	case KEY_SIZE:
		return a->bytes == b->bytes;
	case KEY_BACKING:
		return !strcmp(a->backing, b->backing);
	case KEY_PAGE:
		return a->page == b->page;
	default:
		return a->nodes == b->nodes;
	}
}

/* The first key in which they differ; KEYS: none. */
static enum key first_difference(const struct shutdown_memory *a, const struct shutdown_memory *b)
{
	enum key k = KEY_SIZE;

	while (k < KEYS && same_key(a, b, k))
		k++;
	return k;
}

static void key_text(const struct shutdown_arm *a, enum key k, char *buf, size_t n)
{
	char text[200];

	switch (k) {
	case KEY_SIZE:
		size_format(a->memory.bytes, text, sizeof(text));
		break;
	case KEY_BACKING:
		snprintf(text, sizeof(text), "%s", a->memory.backing);
		break;
	case KEY_PAGE:
		size_format(a->memory.page, text, sizeof(text));
		break;
	default:
		shutdown_nodes_text(a->memory.nodes, text, sizeof(text));
	}
	snprintf(buf, n, "%s of the %s", text, a->name);
}

static int refuse(const struct shutdown_arm *a, const struct shutdown_arm *b, enum key k,
		  struct reason *why)
{
	static const struct {
		const char *name, *cure;
	} keys[KEYS] = {
		[KEY_SIZE] = { "size", "measure both with one: `tdcost run --preset shutdown "
				       "-p size=64M`" },
		[KEY_BACKING] = { "backing", "teardown's backing=4k goes with vm's mem=anon, "
					     "backing=thp with mem=thp" },
		[KEY_PAGE] = { "page size", "teardown's leaf=4K goes with vm's mem=anon, leaf=2M "
					    "with mem=thp" },
		[KEY_NODE] = { "NUMA node",
			       "measure both on one CPU: `tdcost run --preset shutdown "
			       "--cpu N`" },
	};
	char x[360], y[360];

	key_text(a, k, x, sizeof(x));
	key_text(b, k, y, sizeof(y));
	return reason_set(why, -EINVAL, "the arms differ in %s: %s, %s; %s", keys[k].name, x, y,
			  keys[k].cure);
}

/* Where memory may be on several nodes it must be known on which it was. */
static int nodes_known(const struct shutdown *s, struct reason *why)
{
	for (size_t i = 0; i < s->n_arms; i++) {
		const struct shutdown_arm *a = &s->arms[i];

		if (a->memory.nodes || report_numa_nodes(a->report) == 1)
			continue;
		return reason_set(
			why, -EINVAL,
			"nobody knows on which NUMA node the %s of run %.8s was, and its "
			"machine may have several; measure on one CPU: `tdcost run --preset "
			"shutdown --cpu N`",
			a->name, a->report->data.run.uuid);
	}
	return 0;
}

/* Each replay and TD has a plain VM of its memory beside it, and each VM a replay or a TD. */
static bool may_stand_by(const struct shutdown_arm *a, const struct shutdown_arm *b)
{
	return a->what == SHUTDOWN_VM ? b->what != SHUTDOWN_VM : b->plain;
}

static int same_memory(const struct shutdown *s, struct reason *why)
{
	for (size_t i = 0; i < s->n_arms; i++) {
		const struct shutdown_arm *a = &s->arms[i], *nearest = NULL;
		enum key reached = KEY_SIZE;

		for (size_t k = 0; k < s->n_arms; k++) {
			const struct shutdown_arm *b = &s->arms[k];
			enum key at = first_difference(&a->memory, &b->memory);

			if (!may_stand_by(a, b))
				continue;
			if (!nearest || at > reached) {
				nearest = b;
				reached = at;
			}
		}
		if (nearest && reached < KEYS)
			return refuse(a, nearest, reached, why);
	}
	return 0;
}

/* ---- against each other ---- */

/* Medians of its invocations, each told per shutdown. */
static int arm_values(const struct shutdown_arm *a, struct comparison_values *out)
{
	int ret = comparison_values(a->report, a->cell, out);

	for (size_t i = 0; i < out->n; i++)
		out->v[i] *= a->units;
	return ret;
}

static int fill_side(struct shutdown_arm *a)
{
	struct comparison_values x = { 0 };
	int ret = arm_values(a, &x);

	if (!ret) {
		comparison_fill_side(&a->side, a->report, a->cell, &x);
		a->side.samples = a->cell->sum.samples;
	}
	free(x.v);
	return ret;
}

/* In the same blocks of the same processes, where they share some. Return: 0, -ENOENT, -ENOMEM. */
static int effects_by_block(const struct shutdown_arm *a, const struct shutdown_arm *b,
			    struct pair_effects *e)
{
	if (a->cell->row->arm_group != b->cell->row->arm_group)
		return -ENOENT;
	return dataset_pair_effects(a->report->ds, a->cell->row->arm_group, a->cell->row->arm,
				    b->cell->row->arm, e);
}

/* Arms of one run share at least its rounds. Size is not a paired factor, so arms of a block have equal units. */
static int fill_paired(struct comparison_row *row, const struct shutdown_arm *a,
		       const struct shutdown_arm *b)
{
	struct pair_effects e;
	double units = a->units;
	int ret = a->report == b->report ? effects_by_block(a, b, &e) : -ENOENT;

	row->pairing = PAIRED_BLOCKS;
	if (ret == -ENOENT && a->report == b->report) {
		row->pairing = PAIRED_ROUNDS;
		units = 1;
		ret = dataset_round_effects(a->report->ds,
					    &(struct dataset_side){ a->cell->row->arm_group,
								    a->cell->row->arm, a->units },
					    &(struct dataset_side){ b->cell->row->arm_group,
								    b->cell->row->arm, b->units },
					    &e);
	}
	if (!ret)
		return comparison_fill_paired(row, &e, units);
	row->pairing = PAIRED_NOT;
	return ret;
}

static int fill_apart(struct comparison_row *row, const struct shutdown_arm *a,
		      const struct shutdown_arm *b)
{
	struct comparison_values x = { 0 }, y = { 0 };
	int ret = arm_values(a, &x);

	if (!ret)
		ret = arm_values(b, &y);
	if (!ret)
		comparison_fill_apart(row, &x, &y);
	row->lone_boots = comparison_lone_boots(&a->report, 1, &b->report, 1);
	free(x.v);
	free(y.v);
	return ret;
}

/* @b against @a. Return: the row's number, -ENOMEM. */
static long add_row(struct comparison *c, const struct shutdown_arm *a,
		    const struct shutdown_arm *b)
{
	struct comparison_row *row = comparison_new_row(c);
	int ret;

	if (!row)
		return -ENOMEM;
	row->a = a->side;
	row->b = b->side;
	row->form = EFFECT_BOTH;
	row->kind = kind_weakest(a->cell->row->kind, b->cell->row->kind);
	row->fatal = a->cell->fatal || b->cell->fatal;
	snprintf(row->label, sizeof(row->label), "%s quirk=%s", b->name, b->mode);
	ret = fill_paired(row, a, b);
	if (ret == -ENOENT)
		ret = fill_apart(row, a, b);
	return ret ? ret : (long)c->n_rows - 1;
}

/* The arm of mode @mode that shares all else with @a, or NULL. */
static const struct shutdown_arm *partner(const struct shutdown *s, const struct shutdown_arm *a,
					  const char *mode)
{
	for (size_t i = 0; i < s->n_arms; i++)
		if (!strcmp(s->arms[i].mode, mode) && shutdown_same_but_mode(a, &s->arms[i]))
			return &s->arms[i];
	return NULL;
}

/* The plain VM for @a: of its processes where there is one, else of its run, else of its memory. */
static const struct shutdown_arm *plain_of(const struct shutdown *s, const struct shutdown_arm *a)
{
	const struct shutdown_arm *p = partner(s, a, "none");

	if (p && p->plain)
		return p;
	p = NULL;
	for (size_t i = 0; i < s->n_arms; i++) {
		const struct shutdown_arm *b = &s->arms[i];

		if (!b->plain || first_difference(&a->memory, &b->memory) != KEYS)
			continue;
		if (b->report == a->report && b->cell->row->arm_group == a->cell->row->arm_group)
			return b;
		if (!p || (p->report != a->report && b->report == a->report))
			p = b;
	}
	return p;
}

static int compare_arm(struct shutdown *s, struct comparison *c, struct shutdown_arm *a,
		       struct reason *why)
{
	const struct shutdown_arm *on = partner(s, a, "on"), *plain = plain_of(s, a);
	bool replay = a->what == SHUTDOWN_REPLAY;

	if (replay && (!on || !partner(s, a, "off")))
		return reason_set(
			why, -ENOENT,
			"the %s of run %.8s has no arm with quirk=%s in its processes; `tdcost run "
			"teardown -p quirk=on,off` measures it",
			a->name, a->report->data.run.uuid, on ? "off" : "on");
	if (on && !strcmp(a->mode, "off"))
		a->against_on = add_row(c, on, a);
	if (plain && plain != a) {
		a->plain_arm = (size_t)(plain - s->arms);
		a->against_plain = add_row(c, plain, a);
	}
	if (a->against_on == -ENOMEM || a->against_plain == -ENOMEM)
		return reason_set(why, -ENOMEM, "out of memory");
	return 0;
}

/* Arms of the same memory behind the first of it, otherwise in their order. */
static void group_by_memory(struct shutdown *s)
{
	for (size_t i = 0; i + 1 < s->n_arms; i++) {
		size_t k = i + 1;

		while (k < s->n_arms &&
		       first_difference(&s->arms[i].memory, &s->arms[k].memory) < KEYS)
			k++;
		if (k < s->n_arms) {
			struct shutdown_arm next = s->arms[k];

			memmove(&s->arms[i + 2], &s->arms[i + 1], (k - i - 1) * sizeof(next));
			s->arms[i + 1] = next;
		}
	}
}

/* Without its SEAMCALLs a replay is a lower bound of a TD: only that it is slower says something. */
static void withhold(const struct shutdown *s, struct comparison *c)
{
	for (size_t i = 0; i < s->n_arms; i++) {
		const struct shutdown_arm *a = &s->arms[i];
		struct comparison_row *row;

		if (!shutdown_is_lower_bound(a) || a->against_plain < 0)
			continue;
		row = &c->rows[a->against_plain];
		if (row->verdict.verdict == VERDICT_FASTER ||
		    row->verdict.verdict == VERDICT_EQUIVALENT) {
			row->verdict.verdict = VERDICT_INCONCLUSIVE;
			row->new_run = 0;
		}
	}
}

bool shutdown_is_lower_bound(const struct shutdown_arm *a)
{
	return a->what == SHUTDOWN_REPLAY && report_without_seamcalls(a->cell);
}

int shutdown_make(const struct report *const *runs, size_t n, double sesoi, struct shutdown *out,
		  struct comparison *c, struct reason *why)
{
	int ret = shutdown_find_arms(runs, n, out, why);

	*c = (struct comparison){ .sesoi = sesoi, .min_n = STAT_MIN_INVOCATIONS };
	c->sequential = n > 1 && comparison_sequential(&runs[0], 1, &runs[1], n - 1);
	if (!ret)
		ret = same_memory(out, why);
	if (!ret)
		ret = nodes_known(out, why);
	if (!ret)
		group_by_memory(out);
	for (size_t i = 0; i < out->n_arms && !ret; i++)
		if (fill_side(&out->arms[i]))
			ret = reason_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < out->n_arms && !ret; i++)
		ret = compare_arm(out, c, &out->arms[i], why);
	if (ret) {
		shutdown_free(out);
		comparison_free(c);
		return ret;
	}
	comparison_judge(c);
	load_withhold(c);
	withhold(out, c);
	return 0;
}

void shutdown_free(struct shutdown *s)
{
	free(s->arms);
	*s = (struct shutdown){ 0 };
}

size_t shutdown_next(const struct shutdown *s, size_t i)
{
	size_t k = i;

	while (k < s->n_arms && first_difference(&s->arms[i].memory, &s->arms[k].memory) == KEYS)
		k++;
	return k;
}
