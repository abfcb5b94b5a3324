// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flag: what the per-CPU flag costs that says whose caches a kexec has to flush.
 *
 * Linux 6.18 stores one byte, cache_state_incoherent of the CPU, before each SEAMCALL, between
 * preempt_disable() and preempt_enable() (sc_retry() and __seamcall_dirty_cache() in
 * arch/x86/include/asm/tdx.h). Here are rounds of all that but the SEAMCALL, with the store and
 * without. In user space there is no preemption to disable: a byte in thread-local storage, which
 * is addressed through FS as the kernel's is through GS, stands in.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/kmod/client.h"
#include "bench/list.h"
#include "bench/ops/contender.h"

#define LINE 64

enum { F_STORE, F_CONTEND, F_FENCE, F_MODE, F_MAX };

enum { STORE_OFF, STORE_ON };
enum { CONTEND_NONE, CONTEND_READ, CONTEND_WRITE };
enum { FENCE_NONE, FENCE_MFENCE };
enum { MODE_USER, MODE_KERNEL };

static const struct level_info store_levels[] = {
	[STORE_OFF] = { "off", "as before the flag was there", false },
	[STORE_ON] = { "on", "one byte in every round", false },
	{ NULL, NULL, false },
};

static const struct level_info contend_levels[] = {
	[CONTEND_NONE] = { "none", "the line is this CPU's alone, as a per-CPU variable's", false },
	[CONTEND_READ] = { "read", "another CPU reads the byte all the time", false },
	[CONTEND_WRITE] = { "write", "another CPU stores to it all the time", false },
	{ NULL, NULL, false },
};

static const struct level_info fence_levels[] = {
	[FENCE_NONE] = { "none", "nothing waits for the store", false },
	[FENCE_MFENCE] = { "mfence", "each round waits until the store is done", false },
	{ NULL, NULL, false },
};

static const struct level_info mode_levels[] = {
	[MODE_USER] = { "user", "a byte in thread-local storage (analogue)", false },
	[MODE_KERNEL] = { "kernel", "the module's: this_cpu_write(), preemption disabled", false },
	{ NULL, NULL, false },
};

static const struct factor_info flag_factors[] = {
	/* Both sides cost next to nothing: what the store costs is a difference. */
	[F_STORE] = { "store", "is the flag set?", FACTOR_WORD, store_levels, "off,on", true,
		      EFFECT_DIFFERENCE },
	[F_CONTEND] = { "contend", "what another CPU does to the line", FACTOR_WORD, contend_levels,
			"none", true, EFFECT_RATIO },
	[F_FENCE] = { "fence", "does a round wait for its store?", FACTOR_WORD, fence_levels,
		      "none", true, EFFECT_RATIO },
	[F_MODE] = { "mode", "where the byte is", FACTOR_WORD, mode_levels, "user,kernel", false,
		     EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

static const struct metric_info flag_metrics[] = {
	{ "time", "duration", "round", 0 },
	{ NULL, NULL, NULL, 0 },
};

/* ---- the rounds ---- */

/* On a line of its own: what else lies beside it would contend, or be contended for. */
static _Thread_local struct {
	_Alignas(LINE) atomic_bool incoherent;
	char rest[LINE - sizeof(atomic_bool)];
} mine;

static inline void no_fence(void)
{
	__asm__ volatile("" : : : "memory");
}

static inline void mfence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

static inline void no_store(void)
{
}

static inline void store(void)
{
	atomic_store_explicit(&mine.incoherent, true, memory_order_relaxed);
}

#define ROUNDS(what, fence)                                                         \
	__attribute__((noinline, aligned(64))) static void rounds_##what##_##fence( \
		uint64_t rounds)                                                    \
	{                                                                           \
		while (rounds--) {                                                  \
			what();                                                     \
			fence();                                                    \
		}                                                                   \
	}

ROUNDS(no_store, no_fence)
ROUNDS(no_store, mfence)
ROUNDS(store, no_fence)
ROUNDS(store, mfence)

typedef void rounds_fn(uint64_t rounds);

static rounds_fn *const rounds_in_user_space[][2] = {
	[STORE_OFF] = { [FENCE_NONE] = rounds_no_store_no_fence,
			[FENCE_MFENCE] = rounds_no_store_mfence },
	[STORE_ON] = { [FENCE_NONE] = rounds_store_no_fence, [FENCE_MFENCE] = rounds_store_mfence },
};

/* ---- what can run here ---- */

static int other_cpu(const struct topo *topo, unsigned cpu, unsigned *other)
{
	unsigned cpus[2];

	if (topo_spread(topo, cpu, cpus, 2) < 2)
		return -ENOTSUP;
	*other = cpus[1];
	return 0;
}

static int flag_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	uint64_t contend = cell->levels[F_CONTEND].number;
	bool kernel = cell->levels[F_MODE].number == MODE_KERNEL;

	if (contend != CONTEND_NONE && topo_cpus(m->topo) < 2)
		return reason_set(why, -ENOTSUP, "contend=%s takes a second CPU",
				  cell->levels[F_CONTEND].text);
	if (!kernel)
		return 0;
	if (contend == CONTEND_READ)
		return reason_set(why, -ENOTSUP,
				  "the module's other CPU stores, it does not read; take "
				  "contend=write or mode=user");
	if (cell->levels[F_FENCE].number != FENCE_NONE)
		return reason_set(
			why, -ENOTSUP,
			"the module's rounds have no fence; take fence=none or mode=user");
	return kmod_supported(m, 0, why);
}

static enum kind flag_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	if (cell->levels[F_MODE].number == MODE_KERNEL)
		return KIND_MEASURED;
	reason_set(why, 0,
		   "thread-local storage stands in for the per-CPU variable, and no "
		   "preemption is disabled");
	return KIND_ANALOGUE;
}

/* ---- a group of arms ---- */

#define BURST_USER   1024
#define BURST_KERNEL 4096

struct flag_arm {
	bool store;
	unsigned contend;
	rounds_fn *rounds; /* of mode=user */
};

struct flag_state {
	unsigned cpu;
	struct kmod kmod; /* fd -1 with mode=user */
	atomic_bool *byte;
	struct contender *contender; /* NULL where no arm wants it */
	/* What failed first, on either CPU; told when all samples are taken. */
	atomic_bool failing;
	struct reason failed;
	struct flag_arm arms[];
};

static void ask_kernel(struct flag_state *s, struct tdcost_flag f, uint64_t rounds)
{
	struct reason why = { "" };
	int ret = 0;

	for (; rounds && !ret; rounds -= f.rounds) {
		f.rounds = rounds < s->kmod.info.max_rounds ? rounds : s->kmod.info.max_rounds;
		ret = kmod_flag(&s->kmod, &f, &why);
	}
	if (ret && !atomic_exchange(&s->failing, true))
		s->failed = why;
}

static void contend(void *arg, unsigned how)
{
	struct flag_state *s = arg;

	if (s->kmod.fd >= 0) {
		ask_kernel(s,
			   (struct tdcost_flag){ .flags = TDCOST_FLAG_STORE | TDCOST_FLAG_REMOTE,
						 .cpu = s->cpu },
			   BURST_KERNEL);
		return;
	}
	for (unsigned i = 0; i < BURST_USER; i++) {
		if (how == CONTEND_WRITE)
			atomic_store_explicit(s->byte, true, memory_order_relaxed);
		else
			(void)atomic_load_explicit(s->byte, memory_order_relaxed);
	}
}

static void flag_teardown(void *state)
{
	struct flag_state *s = state;

	contender_close(s->contender);
	kmod_close(&s->kmod);
	free(s);
}

static int contender_setup(struct flag_state *s, const struct bench_ctx *ctx, struct reason *why)
{
	unsigned other;
	bool wanted = false;

	for (unsigned i = 0; i < ctx->n_arms; i++)
		wanted |= s->arms[i].contend != CONTEND_NONE;
	if (!wanted)
		return 0;
	if (other_cpu(ctx->machine->topo, ctx->cpu, &other))
		return reason_set(why, -ENOTSUP, "there is no other CPU to contend with");
	json_object_set_new(ctx->facts, "contender_cpu", json_integer(other));
	return contender_open(&s->contender, ctx->machine->topo, other, contend, s, why);
}

static int flag_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct flag_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret = 0;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->cpu = ctx->cpu;
	s->kmod.fd = -1;
	s->byte = &mine.incoherent;
	for (unsigned i = 0; i < ctx->n_arms; i++) {
		const struct level *l = ctx->arms[i].levels;

		s->arms[i].store = l[F_STORE].number == STORE_ON;
		s->arms[i].contend = (unsigned)l[F_CONTEND].number;
		s->arms[i].rounds = rounds_in_user_space[l[F_STORE].number][l[F_FENCE].number];
	}
	if (ctx->arms[0].levels[F_MODE].number == MODE_KERNEL)
		ret = kmod_open(&s->kmod, ctx->machine->root, why);
	if (!ret)
		ret = contender_setup(s, ctx, why);
	if (ret) {
		flag_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

static void flag_prepare(void *state, unsigned arm)
{
	struct flag_state *s = state;

	if (s->contender)
		contender_set(s->contender, s->arms[arm].contend);
}

static uint64_t flag_sample(void *state, unsigned arm, unsigned reps)
{
	struct flag_state *s = state;
	const struct flag_arm *a = &s->arms[arm];
	struct tdcost_flag f = { .flags = a->store ? TDCOST_FLAG_STORE : 0 };

	if (s->kmod.fd >= 0)
		ask_kernel(s, f, reps);
	else
		a->rounds(reps);
	return reps;
}

static bool flag_repeatable(void *state, unsigned arm)
{
	(void)state;
	(void)arm;
	return true;
}

static int flag_finish(void *state, struct reason *why)
{
	struct flag_state *s = state;

	/* Its last burst is over: nobody writes what failed any more. */
	if (s->contender)
		contender_set(s->contender, CONTEND_NONE);
	return atomic_load(&s->failing) ? reason_set(why, -EFAULT, "%s", s->failed.text) : 0;
}

/* Is the byte stored to, or left alone? The kernel's cannot be seen; there the call must succeed. */
static int flag_verify(void *state, unsigned arm, struct reason *why)
{
	struct flag_state *s = state;
	bool stores = s->arms[arm].store;

	if (s->contender)
		contender_set(s->contender, CONTEND_NONE);
	atomic_store(s->byte, false);
	flag_sample(state, arm, 1);
	if (s->kmod.fd >= 0)
		return flag_finish(state, why);
	if (atomic_load(s->byte) != stores)
		return reason_set(why, -EFAULT, "the byte was %s", stores ? "not set" : "set");
	return 0;
}

const struct bench_info flag_bench = {
	.name = "flag",
	.summary = "store one byte before each SEAMCALL: the flag that stop goes by",
	.version = 1,
	.factors = flag_factors,
	.metrics = flag_metrics,
	.supported = flag_supported,
	.kind = flag_kind,
	.setup = flag_setup,
	.prepare = flag_prepare,
	.sample = flag_sample,
	.repeatable = flag_repeatable,
	.verify = flag_verify,
	.finish = flag_finish,
	.teardown = flag_teardown,
};
