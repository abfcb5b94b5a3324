// SPDX-License-Identifier: GPL-2.0-or-later
/* Walking over a run's samples. */
#include <errno.h>
#include <stdlib.h>

#include "results/store/sql.h"

struct walk {
	struct store *s;
	struct reason *why;
	sqlite3_stmt *invocations, *samples;
	struct sample *buf; /* of one invocation; grows to the largest */
	size_t room;
};

static int reserve(struct walk *w, size_t n)
{
	struct sample *more;

	if (n <= w->room)
		return 0;
	more = realloc(w->buf, n * sizeof(*more));
	if (!more)
		return reason_set(w->why, -ENOMEM, "%s: out of memory", w->s->path);
	w->buf = more;
	w->room = n;
	return 0;
}

static void read_invocation(sqlite3_stmt *st, struct store_invocation_row *inv)
{
	double tick_hz = sqlite3_column_double(st, 7);

	*inv = (struct store_invocation_row){
		.id = sqlite3_column_int64(st, 0),
		.round = (unsigned)sqlite3_column_int64(st, 1),
		.position = (unsigned)sqlite3_column_int64(st, 2),
		.arm_group = (unsigned)sqlite3_column_int64(st, 3),
		.cpu = (unsigned)sqlite3_column_int64(st, 4),
		.node = sqlite3_column_int(st, 5),
		.started = sqlite3_column_int64(st, 9),
		.overhead = sqlite3_column_double(st, 6),
		.unit_per_tick = tick_hz > 0 ? 1e9 / tick_hz : 0,
		.varying = (const char *)sqlite3_column_text(st, 10),
		.off_cpu = sqlite3_column_int(st, 11),
	};
}

static void read_sample(sqlite3_stmt *st, struct sample *p)
{
	p->seq = (uint32_t)sqlite3_column_int64(st, 0);
	p->arm = (uint32_t)sqlite3_column_int64(st, 1);
	p->block = sqlite3_column_int(st, 2);
	p->cpu = (uint32_t)sqlite3_column_int64(st, 3);
	p->ticks = (uint64_t)sqlite3_column_int64(st, 4);
	p->work = (uint64_t)sqlite3_column_int64(st, 5);
}

/* Fill the buffer with one invocation's samples. Return: 0 or -errno. */
static int fetch(struct walk *w, int64_t id, size_t *n)
{
	int ret;

	*n = 0;
	sqlite3_bind_int64(w->samples, 1, id);
	while ((ret = sql_step(w->s, w->samples, w->why)) > 0) {
		/* The count of the row above fits, unless somebody wrote by hand. */
		if (*n == w->room)
			ret = reserve(w, 2 * w->room + 1024);
		if (ret < 0)
			break;
		read_sample(w->samples, &w->buf[(*n)++]);
	}
	sqlite3_reset(w->samples);
	return ret;
}

static int prepare(struct walk *w, int64_t run, bool warmup)
{
	static const char *const invocations =
		"SELECT i.id, i.round, i.position, i.arm_group, i.cpu, i.node, " OVERHEAD
		", b.tick_hz, i.samples, i.started, i.varying,"
		" EXISTS (SELECT 1 FROM flag f WHERE f.invocation = i.id AND f.code = 'busy'"
		"  AND f.detail LIKE '" OFF_CPU_DETAIL "%')"
		" FROM invocation i JOIN boot b ON b.id = i.boot WHERE i.run = ?"
		" ORDER BY i.round, i.position";
	static const char *const samples[] = {
		"SELECT seq, arm, block, cpu, ticks, work FROM sample WHERE invocation = ?"
		" AND block >= 0 ORDER BY seq",
		"SELECT seq, arm, block, cpu, ticks, work FROM sample WHERE invocation = ?"
		" ORDER BY seq",
	};
	int err;

	err = sql_query(w->s, &w->invocations, invocations, ARGS(INT(run)), w->why);
	return err ?: sql_query(w->s, &w->samples, samples[warmup], NO_ARGS, w->why);
}

int store_each_invocation(struct store *s, const char *uuid, bool warmup,
			  int (*each)(void *ctx, const struct store_invocation_row *inv,
				      const struct sample *samples, size_t n),
			  void *ctx, struct reason *why)
{
	struct walk w = { .s = s, .why = why };
	int64_t run;
	int ret;

	ret = sql_find_run(s, uuid, &run, why);
	if (!ret)
		ret = prepare(&w, run, warmup);
	/* The open outer statement holds one snapshot for the whole walk. */
	while (!ret && (ret = sql_step(s, w.invocations, why)) > 0) {
		struct store_invocation_row inv;
		size_t n;

		read_invocation(w.invocations, &inv);
		ret = reserve(&w, (size_t)sqlite3_column_int64(w.invocations, 8) + 1);
		if (!ret)
			ret = fetch(&w, inv.id, &n);
		if (!ret)
			ret = each(ctx, &inv, w.buf, n);
	}
	sqlite3_finalize(w.invocations);
	sqlite3_finalize(w.samples);
	free(w.buf);
	return ret;
}
