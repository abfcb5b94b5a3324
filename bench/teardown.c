// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * teardown: the teardown of a TD replayed step by step on ordinary memory, by KVM's two paths, and
 * told by phase. The steps are those of bench/teardown/replay.h; which of them are real, which have a
 * stand-in and which are not there says bench/ops/teardown_user.h.
 */
#include "bench/teardown.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/list.h"

static void teardown_teardown(void *state)
{
	struct td_user *u = state;

	td_user_close(u);
	free(u);
}

static int teardown_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct td_user *u = calloc(1, sizeof(*u));
	struct td_setting *settings = calloc(ctx->n_arms, sizeof(*settings));
	static const struct td_metrics metrics = { .phase = TEARDOWN_PHASE,
						   .page = TEARDOWN_PAGE,
						   .steps = TEARDOWN_STEPS_DONE };
	int ret;

	if (!u || !settings) {
		free(u);
		free(settings);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	for (unsigned i = 0; i < ctx->n_arms; i++)
		settings[i] = teardown_setting_of(&ctx->arms[i]);
	ret = td_user_open(u, ctx, settings, &metrics, why);
	free(settings);
	if (ret) {
		teardown_teardown(u);
		return ret;
	}
	*state = u;
	return 0;
}

static void teardown_prepare(void *state, unsigned arm)
{
	td_user_prepare(state, arm);
}

static uint64_t teardown_sample(void *state, unsigned arm, unsigned reps)
{
	(void)reps;
	return td_user_run(state, arm);
}

static void teardown_values(void *state, unsigned arm, struct bench_values *out)
{
	td_user_values(state, arm, out);
}

static int teardown_verify(void *state, unsigned arm, struct reason *why)
{
	return td_user_verify(state, arm, why);
}

static int teardown_finish(void *state, struct reason *why)
{
	return td_user_finish(state, why);
}

const struct bench_info teardown_bench = {
	.name = "teardown",
	.summary = "tear a TD down, step by step and phase by phase, replayed",
	.version = 2,
	.factors = teardown_factors,
	.metrics = teardown_metrics,
	.renews = true,
	.resolve = teardown_resolve,
	.supported = teardown_supported,
	.kind = teardown_kind,
	.setup = teardown_setup,
	.prepare = teardown_prepare,
	.sample = teardown_sample,
	.values = teardown_values,
	.verify = teardown_verify,
	.finish = teardown_finish,
	.teardown = teardown_teardown,
};
