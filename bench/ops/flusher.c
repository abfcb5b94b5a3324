// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/flusher.h"

#include <errno.h>
#include <stdlib.h>

int flusher_open(struct flusher *f, const char *root, bool module, struct reason *why)
{
	unsigned room = SCOPE_MAX_CPUS;

	*f = (struct flusher){ .k = { .fd = -1 } };
	if (module) {
		int ret = kmod_open(&f->k, root, why);

		if (ret)
			return ret;
		room = f->k.info.cpus;
	}
	f->result = calloc(room, sizeof(*f->result));
	f->counters[0] = calloc(room, sizeof(*f->counters[0]));
	f->counters[1] = calloc(room, sizeof(*f->counters[1]));
	if (!f->result || !f->counters[0] || !f->counters[1])
		return reason_set(why, -ENOMEM, "out of memory");
	return 0;
}

void flusher_close(struct flusher *f)
{
	kmod_close(&f->k);
	free(f->result);
	free(f->counters[0]);
	free(f->counters[1]);
}

void flusher_flush(struct flusher *f, const struct flusher_arm *a)
{
	if (a->op == FLUSHER_SWEEP)
		dirtier_sweep(f->dirtier);
	else
		f->ret = kmod_flush(&f->k, (enum tdcost_op)a->op, a->mode, &a->scope.mask,
				    f->result, &f->n, &f->call, &f->why);
}

void flusher_note(struct flusher *f, const char *what)
{
	if (!f->bad++)
		reason_set(&f->first, 0, "%s", what);
}

/* What a sweep did, as the module would report it of CPUs that need no interrupt. */
static void report_sweep(struct flusher *f, const struct flusher_arm *a)
{
	uint64_t start = UINT64_MAX, end = 0;

	f->ret = 0;
	f->n = a->scope.n;
	for (unsigned i = 0; i < f->n; i++) {
		const struct team_time *t = dirtier_sweep_time(f->dirtier, a->arm, i);

		f->result[i] = (struct tdcost_cpu){
			.cpu = a->scope.cpu[i],
			.flags = TDCOST_CPU_ANSWERED | TDCOST_CPU_FLUSHED | TDCOST_CPU_SELF,
			.start = t->start,
			.end = t->end,
		};
		start = t->start < start ? t->start : start;
		end = t->end > end ? t->end : end;
	}
	f->call = (struct tdcost_flush){ .start = start, .end = end };
}

void flusher_report(struct flusher *f, const struct flusher_arm *a)
{
	if (a->op == FLUSHER_SWEEP)
		report_sweep(f, a);
	if (f->ret || scope_check(&a->scope, f->result, f->n, &f->why))
		flusher_note(f, f->why.text);
}

int flusher_finish(const struct flusher *f, struct reason *why)
{
	if (!f->bad)
		return 0;
	return reason_set(why, -EFAULT, "in %u samples, the first: %s", f->bad, f->first.text);
}

int flusher_verify(struct flusher *f, const struct flusher_arm *a, struct reason *why)
{
	unsigned n;
	int ret;

	if (a->op == FLUSHER_SWEEP)
		return 0;
	ret = kmod_counters(&f->k, f->counters[0], &n, why);
	if (ret)
		return ret;
	flusher_flush(f, a);
	if (f->ret)
		return reason_set(why, f->ret, "%s", f->why.text);
	ret = kmod_counters(&f->k, f->counters[1], &n, why);
	if (!ret)
		ret = scope_check(&a->scope, f->result, f->n, why);
	if (!ret)
		ret = scope_check_counters(&a->scope, f->counters[0], f->counters[1], n,
					   a->op != TDCOST_NOTHING, why);
	return ret;
}
