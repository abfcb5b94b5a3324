// SPDX-License-Identifier: GPL-2.0-or-later
/* A round: its invocations, their samples, parts and flags, all or nothing. */
#include <errno.h>
#include <stdlib.h>

#include "results/store/round.h"

/* The statements of one round, prepared once: a sample costs a microsecond, preparing costs ten. */
struct round {
	struct store *s;
	struct reason *why;
	int64_t run;
	int64_t boot;
	sqlite3_stmt *sample, *part, *subject;
};

int arms_load(struct store *s, int64_t run, unsigned arm_group, struct arms *arms,
	      struct reason *why)
{
	static const char *const sql =
		"SELECT arm, max(arm) OVER () FROM run_cell WHERE run = ? AND"
		" arm_group = ? AND state = 'planned'";
	sqlite3_stmt *st;
	int ret;

	arms_free(arms);
	ret = sql_query(s, &st, sql, ARGS(INT(run), INT(arm_group)), why);
	if (ret)
		return ret;
	while ((ret = sql_step(s, st, why)) > 0) {
		int64_t arm = sqlite3_column_int64(st, 0), max = sqlite3_column_int64(st, 1);

		if (!arms->planned && max < ARMS_MAX) {
			arms->n = (size_t)max + 1;
			arms->planned = calloc(arms->n, sizeof(*arms->planned));
		}
		if (!arms->planned) {
			ret = reason_set(why, -ENOMEM, "%s: out of memory", s->path);
			break;
		}
		arms->planned[arm] = true;
	}
	sqlite3_finalize(st);
	return ret;
}

void arms_free(struct arms *arms)
{
	free(arms->planned);
	*arms = (struct arms){ 0 };
}

const char *sample_fault(const struct sample *p, const struct arms *arms)
{
	if (p->arm >= arms->n || !arms->planned[p->arm])
		return "is of an arm that the plan does not have";
	if (!p->ticks || p->ticks > INT64_MAX)
		return "took no ticks";
	if (!p->work || p->work > INT64_MAX)
		return "did no work";
	return NULL;
}

/* What the schema leaves to us, because a CHECK costs on each of a million rows. */
static int check_samples(struct round *r, const struct store_invocation *v, const struct arms *arms)
{
	for (size_t i = 0; i < v->n_samples; i++) {
		const struct sample *p = &v->samples[i];
		const char *bad = sample_fault(p, arms);

		if (bad)
			return reason_set(
				r->why, -EINVAL,
				"%s: round %u, position %u: sample %u of arm %u in group %u %s",
				r->s->path, v->round, v->position, p->seq, p->arm, v->arm_group,
				bad);
	}
	return 0;
}

static int put_samples(struct round *r, int64_t id, const struct sample *p, size_t n)
{
	sqlite3_stmt *st = r->sample;

	sqlite3_bind_int64(st, 1, id);
	for (; n; n--, p++) {
		sqlite3_bind_int64(st, 2, p->seq);
		sqlite3_bind_int64(st, 3, p->arm);
		sqlite3_bind_int64(st, 4, p->block);
		sqlite3_bind_int64(st, 5, p->cpu);
		sqlite3_bind_int64(st, 6, (int64_t)p->ticks);
		sqlite3_bind_int64(st, 7, (int64_t)p->work);
		if (sqlite3_step(st) != SQLITE_DONE)
			return sql_fail(r->s, r->why);
		sqlite3_reset(st);
	}
	return 0;
}

int subject_prepare(struct store *s, sqlite3_stmt **find, struct reason *why)
{
	return sql_query(s, find, "SELECT id FROM subject WHERE metric = ? AND name = ?", NO_ARGS,
			 why);
}

int subject_put(struct store *s, sqlite3_stmt *find, const char *metric, const char *name,
		int64_t *id, struct reason *why)
{
	int ret;

	ret = sql_bind(s, find, ARGS(TEXT(metric), TEXT(name)), why);
	if (ret)
		return ret;
	ret = sql_step(s, find, why);
	if (ret > 0)
		*id = sqlite3_column_int64(find, 0);
	sqlite3_reset(find);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = sql_run(s, "INSERT INTO subject (metric, name) VALUES (?,?)",
		      ARGS(TEXT(metric), TEXT(name)), why);
	*id = sqlite3_last_insert_rowid(s->db);
	return ret;
}

static int put_part(struct round *r, int64_t id, const struct store_part *p)
{
	int64_t subject = 0, seq = p->seq == UINT32_MAX ? -1 : (int64_t)p->seq;
	int err;

	err = subject_put(r->s, r->subject, p->metric, p->subject, &subject, r->why);
	if (!err)
		err = sql_bind(r->s, r->part, ARGS(INT(id), INT(seq), INT(subject), REAL(p->value)),
			       r->why);
	if (!err)
		err = sql_step(r->s, r->part, r->why);
	sqlite3_reset(r->part);
	return err;
}

static int put_flag(struct store *s, int64_t run, int64_t invocation, const struct store_flag *f,
		    struct reason *why)
{
	return sql_run(s,
		       "INSERT INTO flag (run, invocation, arm_group, arm, code, fatal, detail)"
		       " VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
		       ARGS(INT(run), INDEX(invocation), INDEX(f->arm_group), INDEX(f->arm),
			    TEXT(trust_flag_info(f->flag)->code), INT(f->fatal), TEXT(f->detail)),
		       why);
}

static int put_invocation_row(struct round *r, const struct store_invocation *v, int64_t *id)
{
	size_t warm_up = 0;
	int err;

	for (size_t i = 0; i < v->n_samples; i++)
		warm_up += v->samples[i].block < 0;
	err = sql_run(
		r->s,
		"INSERT INTO invocation (run, boot, round, position, arm_group, cpu, node, setup,"
		" varying, started, samples, warm_up, overhead)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
		ARGS(INT(r->run), INT(r->boot), INT(v->round), INT(v->position), INT(v->arm_group),
		     INT(v->cpu), INT(v->node), TEXT(v->setup), TEXT(v->varying), INT(v->started),
		     INT(v->n_samples), INT(warm_up), REAL(v->overhead)),
		r->why);
	*id = sqlite3_last_insert_rowid(r->s->db);
	return err;
}

static int put_invocation(struct round *r, const struct store_invocation *v)
{
	struct arms arms = { 0 };
	int64_t id = 0;
	int err;

	err = arms_load(r->s, r->run, v->arm_group, &arms, r->why);
	if (!err)
		err = check_samples(r, v, &arms);
	arms_free(&arms);
	if (!err)
		err = put_invocation_row(r, v, &id);
	if (!err)
		err = put_samples(r, id, v->samples, v->n_samples);
	for (size_t i = 0; !err && i < v->n_parts; i++)
		err = put_part(r, id, &v->parts[i]);
	for (size_t i = 0; !err && i < v->n_flags; i++)
		err = put_flag(r->s, r->run, id, &v->flags[i], r->why);
	return err;
}

static int prepare(struct round *r)
{
	int err;

	err = sql_query(r->s, &r->sample, "INSERT INTO sample VALUES (?,?,?,?,?,?,?)", NO_ARGS,
			r->why);
	if (!err)
		err = sql_query(r->s, &r->part, "INSERT INTO part VALUES (?,?,?,?)", NO_ARGS,
				r->why);
	if (!err)
		err = subject_prepare(r->s, &r->subject, r->why);
	return err;
}

static int put_all(struct round *r, const char *uuid, const struct store_invocation *v, size_t n)
{
	int err;

	err = sql_find_run(r->s, uuid, &r->run, r->why);
	if (!err)
		err = same_environment(r->s, r->run, r->boot, r->why);
	if (!err)
		err = prepare(r);
	for (size_t i = 0; !err && i < n; i++) {
		if (v[i].round != v[0].round)
			return reason_set(r->why, -EINVAL,
					  "%s: rounds %u and %u in one call: store them one by one",
					  r->s->path, v[0].round, v[i].round);
		err = put_invocation(r, &v[i]);
	}
	return err;
}

int store_put_round(struct store *s, const char *uuid, int64_t boot,
		    const struct store_invocation *invocations, size_t n, struct reason *why)
{
	struct round r = { .s = s, .why = why, .boot = boot };
	int err;

	err = sql_begin(s, why);
	if (err)
		return err;
	err = put_all(&r, uuid, invocations, n);
	sqlite3_finalize(r.sample);
	sqlite3_finalize(r.part);
	sqlite3_finalize(r.subject);
	return sql_end(s, err, why);
}

int store_put_flags(struct store *s, const char *uuid, const struct store_flag *flags, size_t n,
		    struct reason *why)
{
	int64_t run;
	int err;

	err = sql_begin(s, why);
	if (err)
		return err;
	err = sql_find_run(s, uuid, &run, why);
	for (size_t i = 0; !err && i < n; i++)
		err = put_flag(s, run, -1, &flags[i], why);
	return sql_end(s, err, why);
}
