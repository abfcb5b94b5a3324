// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offline: take a CPU offline and bring it back, through sysfs.
 *
 * A CPU that goes offline executes WBINVD in play_dead(). KVM's callback has flushed it already
 * where it ran SEAMCALLs (tdx_cpu_flush_cache_for_kexec() of Linux 6.18): does the second flush,
 * of clean caches, cost anything? The CPU reports itself dead before it flushes, so whoever takes
 * it offline does not wait for that. Who brings it back does, for a CPU is not woken in the middle
 * of WBINVD: hence the action `cycle`. What a flush right after a flush takes by itself is told by
 * the kernel module, with flush=twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bench/kmod/client.h"
#include "bench/list.h"
#include "bench/ops/flusher.h"
#include "bench/ops/held.h"
#include "bench/ops/lines.h"
#include "bench/ops/region.h"
#include "harness/machine/hotplug.h"
#include "harness/machine/mem.h"
#include "harness/machine/play_dead.h"

#define PAGE	     4096ul
#define HUGE	     (2ul << 20)
#define MAX_DIRTY    150 /* per cent of the LLC */
#define MAX_CPUS     8192
#define CALIBRATE_MS 10
/*
 * Before each sample. Longer than any WBINVD that was heard of (14 ms, of a serial one with caches
 * disabled), so that a CPU which was taken offline has done its flush, and time for the kernel
 * threads and the device manager that each change wakes.
 */
#define SETTLE_MS 50

enum { F_ACTION, F_CPU, F_DIRTY, F_FLUSH, F_MAX };
enum { ACTION_OFFLINE, ACTION_ONLINE, ACTION_CYCLE };
enum { CPU_CORE, CPU_SIBLING, CPU_AUTO, CPU_WORDS };
enum { FLUSH_NONE, FLUSH_ONCE, FLUSH_TWICE };
enum { M_TIME, M_FIRST, M_SECOND, M_MAX };

static const struct level_info action_levels[] = {
	[ACTION_OFFLINE] = { "offline", "until the CPU has reported itself dead", false },
	[ACTION_ONLINE] = { "online", "of a CPU that has been offline for 50 ms", false },
	[ACTION_CYCLE] = { "cycle", "offline and online at once: waits for play_dead()'s flush",
			   false },
	{ NULL, NULL, false },
};

static const struct level_info cpu_levels[] = {
	[CPU_CORE] = { "core", "the first CPU of another core that may go", false },
	[CPU_SIBLING] = { "sibling", "the other hyperthread of the core that measures", false },
	[CPU_AUTO] = { "auto", "core where there is one, otherwise sibling", true },
	{ NULL, NULL, false },
};

static const struct level_info dirty_levels[] = {
	{ "0", "nothing on purpose", false },
	{ NULL, NULL, false },
};

static const struct level_info flush_levels[] = {
	[FLUSH_NONE] = { "none", "none: play_dead() meets what is dirty", false },
	[FLUSH_ONCE] = { "once", "WBINVD, as KVM's callback does (module)", false },
	[FLUSH_TWICE] = { "twice", "and at once again, to time it on clean caches (module)",
			  false },
	{ NULL, NULL, false },
};

static const struct factor_info offline_factors[] = {
	[F_ACTION] = { "action", "what is timed", FACTOR_WORD, action_levels,
		       "offline,online,cycle", true, EFFECT_DIFFERENCE },
	[F_CPU] = { "cpu", "which CPU goes, or its number", FACTOR_COUNT, cpu_levels, "auto", false,
		    EFFECT_DIFFERENCE },
	[F_DIRTY] = { "dirty", "per cent of its LLC that it has made dirty just before",
		      FACTOR_COUNT, dirty_levels, "0,100", true, EFFECT_DIFFERENCE },
	[F_FLUSH] = { "flush", "flushes of that CPU before it goes", FACTOR_WORD, flush_levels,
		      "none,twice", true, EFFECT_DIFFERENCE },
	[F_MAX] = { .name = NULL },
};

static const struct metric_info offline_metrics[] = {
	[M_TIME] = { "time", "duration", "action", 0 },
	[M_FIRST] = { "first", "duration", "flush", 0 },
	[M_SECOND] = { "second", "duration", "flush", 0 },
	[M_MAX] = { NULL, NULL, NULL, 0 },
};

struct offline_arm {
	unsigned action, flushes;
	size_t dirty; /* bytes */
};

struct offline_state {
	const struct machine *machine;
	unsigned cpu, target;
	struct hotplug *hotplug;
	struct mem mem;
	char random[PAGE];
	struct flusher flusher;
	struct flusher_arm once; /* WBINVD on the CPU that goes */
	int series[M_MAX];
	double flush[2];      /* ticks that those before the last sample took */
	struct reason failed; /* the first thing that did not work */
	struct offline_arm arms[];
};

/* ---- which CPU ---- */

/* The CPU that goes, seen from the one that measures. */
static int pick(const struct machine *m, unsigned from, const struct level *l, unsigned *target,
		struct reason *why)
{
	for (unsigned word = 0; word < CPU_WORDS; word++)
		if (!strcmp(l->text, cpu_levels[word].name))
			return hotplug_pick(m->root, m->topo, from, word == CPU_SIBLING, target,
					    why);
	*target = (unsigned)l->number;
	if (l->number == from)
		return reason_set(why, -ENOTSUP,
				  "CPU %u is the one that measures; name another one with --cpu",
				  from);
	if (l->number >= MAX_CPUS || topo_core_of(m->topo, *target) < 0)
		return reason_set(why, -ENOTSUP, "CPU %s is not there, or not for this process",
				  l->text);
	return hotplug_supported(m->root, *target, why);
}

static unsigned first_cpu(const struct machine *m)
{
	unsigned cpu = 0;

	topo_pick(m->topo, TOPO_ONE, &cpu, 1);
	return cpu;
}

/* ---- planning ---- */

static int offline_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
			   struct level *level, struct reason *why)
{
	unsigned target, word = CPU_CORE, from = first_cpu(m);

	(void)cell;
	(void)factor;
	if (hotplug_pick(m->root, m->topo, from, false, &target, NULL)) {
		if (hotplug_pick(m->root, m->topo, from, true, &target, NULL))
			return hotplug_pick(m->root, m->topo, from, false, &target, why);
		word = CPU_SIBLING;
	}
	level->number = word;
	snprintf(level->text, LEVEL_TEXT, "%s", cpu_levels[word].name);
	return 0;
}

static size_t dirty_bytes(const struct machine *m, unsigned target, const struct level *l)
{
	return topo_llc_bytes(m->topo, target) * l->number / 100 / PAGE * PAGE;
}

/* Whole huge pages, so that they can be had. */
static size_t room_for(size_t bytes)
{
	return (bytes + HUGE - 1) / HUGE * HUGE;
}

static int dirty_supported(const struct machine *m, unsigned target, const struct level *l,
			   struct reason *why)
{
	if (!l->number)
		return 0;
	if (l->number > MAX_DIRTY)
		return reason_set(why, -ENOTSUP, "dirty=%s: %d %% at most", l->text, MAX_DIRTY);
	if (!topo_llc_bytes(m->topo, target))
		return reason_set(why, -ENOTSUP, "the size of CPU %u's LLC is not known", target);
	return region_supported(m, MEM_4K, room_for(dirty_bytes(m, target, l)), why);
}

static int offline_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	unsigned target;
	int ret = pick(m, first_cpu(m), &l[F_CPU], &target, why);

	if (ret)
		return ret;
	if (l[F_ACTION].number == ACTION_ONLINE &&
	    (l[F_DIRTY].number || l[F_FLUSH].number != FLUSH_NONE))
		return reason_set(why, -ENOTSUP,
				  "a CPU that comes online brings nothing in its caches: "
				  "action=online goes with dirty=0 and flush=none");
	ret = dirty_supported(m, target, &l[F_DIRTY], why);
	if (!ret && l[F_FLUSH].number != FLUSH_NONE)
		ret = kmod_supported(m, 0, why);
	return ret;
}

static enum kind offline_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	(void)cell;
	(void)why;
	return KIND_MEASURED;
}

/* ---- setting up ---- */

static void offline_teardown(void *state)
{
	struct offline_state *s = state;

	hotplug_close(s->hotplug);
	flusher_close(&s->flusher);
	scope_free(&s->once.scope);
	mem_free(&s->mem);
	free(s);
}

static int place(void *ctx, void *addr, size_t bytes, struct reason *why)
{
	const struct offline_state *s = ctx;

	return topo_bind_memory(s->machine->topo, s->target, addr, bytes, why);
}

static int setup_memory(struct offline_state *s, size_t bytes, struct reason *why)
{
	size_t room = room_for(bytes);

	if (!room)
		return 0;
	if (getrandom(s->random, sizeof(s->random), 0) != sizeof(s->random))
		return reason_set(why, -EIO, "no random bytes");
	return mem_alloc(&s->mem, region_backing(s->machine, room), room, 0, place, s, why);
}

/* A WBINVD that does nothing is flagged, for the arms that execute it. */
static int examine(struct offline_state *s, struct bench_ctx *ctx, struct reason *why)
{
	static const struct level_info names[] = {
		[TDCOST_WBINVD] = { "wbinvd", "what the module executes", false },
	};
	struct flusher_arm *arms = calloc(ctx->n_arms, sizeof(*arms));
	struct tick_clock clock;
	int ret;

	if (!arms)
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < ctx->n_arms; i++)
		arms[i].op = s->arms[i].flushes ? TDCOST_WBINVD : TDCOST_NOTHING;
	ret = clock_calibrate(&clock, &s->machine->cpu, CALIBRATE_MS, why);
	if (!ret)
		ret = flusher_examine(&s->flusher, ctx, arms, &clock, names, why);
	free(arms);
	return ret;
}

static int setup_module(struct offline_state *s, struct bench_ctx *ctx, unsigned flushes,
			struct reason *why)
{
	char subject[32];
	int ret = flushes ? flusher_open(&s->flusher, s->machine->root, true, why) : 0;

	if (ret || !flushes)
		return ret;
	s->once.op = TDCOST_WBINVD;
	s->once.mode = TDCOST_ONE;
	if (scope_pick(&s->once.scope, s->machine->topo, TDCOST_ONE, s->target, -1))
		return reason_set(why, -ENOMEM, "out of memory");
	snprintf(subject, sizeof(subject), "cpu %u", s->target);
	for (unsigned i = 0; i < flushes; i++)
		s->series[M_FIRST + i] = ctx->series(ctx, M_FIRST + i, subject);
	return examine(s, ctx, why);
}

static void tell(const struct offline_state *s, struct bench_ctx *ctx)
{
	struct play_dead dead;

	play_dead_find(&dead, s->machine->root, s->target);
	json_object_set_new(ctx->facts, "offline_cpu", json_integer(s->target));
	json_object_set_new(ctx->facts, "play_dead", json_string(dead.function));
	json_object_set_new(ctx->facts, "play_dead_flushes",
			    dead.flushes < 0 ? json_null() : json_integer(dead.flushes));
	json_object_set_new(ctx->facts, "play_dead_from", json_string(dead.from));
	json_object_set_new(ctx->facts, "llc_bytes",
			    json_integer((json_int_t)topo_llc_bytes(s->machine->topo, s->target)));
}

/* Return: the most bytes that one makes dirty; @flushes: the most that one asks for. */
static size_t arms_setup(struct offline_state *s, const struct bench_ctx *ctx, unsigned *flushes)
{
	size_t most = 0;

	*flushes = 0;
	for (unsigned i = 0; i < ctx->n_arms; i++) {
		const struct level *l = ctx->arms[i].levels;
		struct offline_arm *a = &s->arms[i];

		a->action = (unsigned)l[F_ACTION].number;
		a->flushes = (unsigned)l[F_FLUSH].number;
		a->dirty = dirty_bytes(s->machine, s->target, &l[F_DIRTY]);
		most = a->dirty > most ? a->dirty : most;
		*flushes = a->flushes > *flushes ? a->flushes : *flushes;
	}
	return most;
}

struct bringing {
	struct offline_state *s;
	size_t bytes;
};

static void bring(void *arg)
{
	const struct bringing *b = arg;

	lines_dirty(b->s->mem.base, b->bytes, b->s->random);
}

/* On the CPU that goes, in whose caches the lines are. */
static int check_held(struct offline_state *s, struct bench_ctx *ctx, struct reason *why)
{
	int ret = 0;

	for (unsigned i = 0; i < ctx->n_arms && !ret; i++) {
		struct bringing bringing = { s, s->arms[i].dirty };
		struct held h = { .bytes = s->arms[i].dirty, .bring = bring, .state = &bringing };
		char asked[LEVEL_TEXT + 8];

		if (!h.bytes || lane_clock(s->machine->lane) != CLOCK_UNIT_NS)
			continue;
		snprintf(asked, sizeof(asked), "dirty=%s", ctx->arms[i].levels[F_DIRTY].text);
		h.asked = asked;
		probe_init(&h.lines, s->mem.base);
		probe_add(&h.lines, 0, h.bytes, PROBE_LINES, i);
		ret = topo_bind_thread(s->machine->topo, s->target, why);
		if (!ret)
			held_check(ctx, (int)i, &h);
		if (!ret)
			ret = topo_bind_thread(s->machine->topo, s->cpu, why);
	}
	return ret;
}

static int offline_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct offline_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	unsigned flushes;
	size_t bytes;
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->machine = ctx->machine;
	s->cpu = ctx->cpu;
	s->flusher.k.fd = -1;
	memset(s->series, -1, sizeof(s->series));
	ret = pick(s->machine, s->cpu, &ctx->arms[0].levels[F_CPU], &s->target, why);
	if (ret)
		goto out;
	bytes = arms_setup(s, ctx, &flushes);
	tell(s, ctx);
	ret = setup_module(s, ctx, flushes, why);
	/* Before there is memory that its guard would share, which the first store then copies. */
	if (!ret)
		ret = hotplug_open(&s->hotplug, s->machine->root, s->target, why);
	if (!ret)
		ret = setup_memory(s, bytes, why);
	if (!ret)
		ret = check_held(s, ctx, why);
out:
	if (ret)
		offline_teardown(s);
	else
		*state = s;
	return ret;
}

/* ---- sampling ---- */

static void fail(struct offline_state *s, const struct reason *why)
{
	if (!*s->failed.text)
		s->failed = *why;
}

static void set_online(struct offline_state *s, bool online)
{
	int err = hotplug_set(s->hotplug, online);
	struct reason why;

	if (!err)
		return;
	reason_set(&why, err, "CPU %u did not go %s: %s", s->target, online ? "online" : "offline",
		   strerror(-err));
	fail(s, &why);
}

/*
 * By the CPU itself: this thread goes there and comes back. What an arm before left of it is out of
 * the caches first.
 */
static void make_dirty(struct offline_state *s, size_t bytes)
{
	struct reason why = { "" };

	if (s->mem.base)
		lines_evict(&s->machine->cpu, s->mem.base, s->mem.bytes);
	if (!bytes)
		return;
	if (topo_bind_thread(s->machine->topo, s->target, &why))
		fail(s, &why);
	lines_dirty(s->mem.base, bytes, s->random);
	if (topo_bind_thread(s->machine->topo, s->cpu, &why))
		fail(s, &why);
}

static void flush(struct offline_state *s, unsigned nth)
{
	const struct tdcost_cpu *r = s->flusher.result;

	flusher_flush(&s->flusher, &s->once);
	flusher_report(&s->flusher, &s->once);
	s->flush[nth] = s->flusher.ret || !s->flusher.n ? 0 : (double)(r->end - r->start);
}

static void settle(void)
{
	struct timespec t = { 0, SETTLE_MS * 1000000l };

	nanosleep(&t, NULL);
}

static void offline_prepare(void *state, unsigned arm)
{
	struct offline_state *s = state;
	const struct offline_arm *a = &s->arms[arm];
	bool online = a->action != ACTION_ONLINE;

	if (hotplug_is_online(s->hotplug) != online)
		set_online(s, online);
	settle();
	make_dirty(s, a->dirty);
	for (unsigned i = 0; i < a->flushes; i++)
		flush(s, i);
}

static uint64_t offline_sample(void *state, unsigned arm, unsigned reps)
{
	struct offline_state *s = state;
	unsigned action = s->arms[arm].action;

	(void)reps;
	if (action != ACTION_ONLINE)
		set_online(s, false);
	if (action != ACTION_OFFLINE)
		set_online(s, true);
	return 1;
}

static void offline_values(void *state, unsigned arm, struct bench_values *out)
{
	const struct offline_state *s = state;

	for (unsigned i = 0; i < s->arms[arm].flushes; i++)
		bench_value(out, s->series[M_FIRST + i], s->flush[i]);
}

static int offline_finish(void *state, struct reason *why)
{
	const struct offline_state *s = state;

	if (*s->failed.text)
		return reason_set(why, -EFAULT, "%s", s->failed.text);
	return flusher_finish(&s->flusher, why);
}

static int offline_verify(void *state, unsigned arm, struct reason *why)
{
	struct offline_state *s = state;
	int want = s->arms[arm].action != ACTION_OFFLINE;

	offline_prepare(state, arm);
	offline_sample(state, arm, 1);
	if (hotplug_is_online(s->hotplug) != want)
		return reason_set(why, -EFAULT, "CPU %u is %s behind action=%s", s->target,
				  want ? "offline" : "online",
				  action_levels[s->arms[arm].action].name);
	return offline_finish(state, why);
}

const struct bench_info offline_bench = {
	.name = "offline",
	.summary = "take a CPU offline and bring it back; what a second flush costs there",
	.version = 1,
	.factors = offline_factors,
	.metrics = offline_metrics,
	.sleeps = true,
	.disruptive = "takes CPUs offline and brings them back",
	.resolve = offline_resolve,
	.supported = offline_supported,
	.kind = offline_kind,
	.setup = offline_setup,
	.prepare = offline_prepare,
	.sample = offline_sample,
	.values = offline_values,
	.verify = offline_verify,
	.finish = offline_finish,
	.teardown = offline_teardown,
};
