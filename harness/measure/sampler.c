// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/sampler.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "harness/measure/design.h"
#include "harness/measure/timed.h"

#define WARM_MAX_BLOCKS	   64
#define MAX_REPS	   (1u << 24)
#define MAX_RESERVED	   (1u << 18) /* samples: 8 MiB */
#define MAX_RESERVED_PARTS (1u << 20) /* 16 MiB */
/* TSC and CLOCK_MONOTONIC_RAW part by a few parts per million; a step is far beyond. */
#define CLOCK_TOLERANCE	   1e-3
#define AWAY_TOLERANCE	   0.02
#define OVERHEAD_TOLERANCE 1e-3

/* The mean of the empty costs taken so far. */
struct empty_cost {
	double sum;
	unsigned n;
};

/* One invocation under way. */
struct sampling {
	struct bench_ctx ctx; /* first: flag() gets from it to the rest */
	const struct sampler_job *job;
	struct sampler_result *out;
	const volatile sig_atomic_t *stop;
	void *state;
	struct pmu pmu;
	unsigned *reps;		 /* per arm */
	uint32_t *order;	 /* of the arms in a block */
	bool *too_short, *moved; /* per arm: said already */
	size_t room, parts_room;
	struct empty_cost before, after; /* the blocks */
	uint64_t deadline;		 /* tick at which no new block starts */
	bool oom;
	int failed; /* what a hook gave to give_up(); 0: none did */
	struct reason failed_why;
};

static void flag_add(struct bench_ctx *ctx, enum trust_flag flag, int arm, const char *detail)
{
	struct sampling *s = (struct sampling *)ctx;
	struct sampler_result *out = s->out;
	struct sampler_flag *f = realloc(out->flags, (out->n_flags + 1) * sizeof(*f));

	if (!f) {
		s->oom = true;
		return;
	}
	out->flags = f;
	f += out->n_flags++;
	*f = (struct sampler_flag){ .flag = flag, .arm = arm };
	snprintf(f->detail, sizeof(f->detail), "%s", detail);
}

__attribute__((format(printf, 4, 5))) static void
flag_printf(struct sampling *s, enum trust_flag flag, int arm, const char *fmt, ...)
{
	char detail[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	flag_add(&s->ctx, flag, arm, detail);
}

/* The first one counts. -EINTR is kept for whoever asks the run to stop. */
static void bench_give_up(struct bench_ctx *ctx, int err, const struct reason *why)
{
	struct sampling *s = (struct sampling *)ctx;

	if (s->failed)
		return;
	s->failed = err == -EINTR ? -EIO : err;
	s->failed_why = *why;
}

static int reserve(struct sampling *s, size_t more)
{
	struct sampler_result *out = s->out;
	struct sample *grown;

	if (out->n_samples + more <= s->room)
		return 0;
	s->room = out->n_samples * 2 + more;
	grown = realloc(out->samples, s->room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	/* Touch it now, so that no page is faulted in between samples. */
	memset(grown + out->n_samples, 0, (s->room - out->n_samples) * sizeof(*grown));
	out->samples = grown;
	return 0;
}

static int reserve_parts(struct sampling *s, size_t room)
{
	struct sampler_part *grown = realloc(s->out->parts, room * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	memset(grown + s->out->n_parts, 0, (room - s->out->n_parts) * sizeof(*grown));
	s->out->parts = grown;
	s->parts_room = room;
	return 0;
}

static void add_empty(struct empty_cost *e)
{
	e->sum += clock_empty_cost();
	e->n++;
}

static double mean_empty(const struct empty_cost *e)
{
	return e->sum / e->n;
}

static void keep_value(struct sampling *s, uint32_t seq, uint32_t series, double value)
{
	struct sampler_result *out = s->out;

	if (out->n_parts == s->parts_room && reserve_parts(s, s->parts_room * 2 + 1024)) {
		s->oom = true;
		return;
	}
	out->parts[out->n_parts++] = (struct sampler_part){ seq, series, value };
}

/* What the events counted during the sample that was just taken. Their series are the first. */
static void keep_events(struct sampling *s, uint32_t seq)
{
	struct pmu_value values[PMU_MAX_EVENTS];

	if (!s->pmu.n || pmu_read(&s->pmu, values))
		return;
	for (unsigned i = 0; i < s->pmu.n; i++)
		if (values[i].running)
			keep_value(s, seq, i, (double)values[i].count);
}

struct bench_values {
	struct sampling *s;
	uint32_t seq;
};

void bench_value(struct bench_values *out, int series, double value)
{
	/* A benchmark that ignored what series() said of its memory has none to give. */
	if (series >= 0 && (size_t)series < out->s->out->n_series)
		keep_value(out->s, out->seq, (uint32_t)series, value);
}

double bench_sample_ticks(const struct bench_values *out)
{
	const struct sampling *s = out->s;

	return (double)s->out->samples[out->seq].ticks - mean_empty(&s->before);
}

static int add_series(struct sampling *s, const char *metric, const char *subject)
{
	struct sampler_result *out = s->out;
	struct sampler_series *grown;

	for (size_t i = 0; i < out->n_series; i++)
		if (!strcmp(out->series[i].metric, metric) &&
		    !strcmp(out->series[i].subject, subject))
			return (int)i;
	grown = realloc(out->series, (out->n_series + 1) * sizeof(*grown));
	if (!grown) {
		s->oom = true;
		return -ENOMEM;
	}
	out->series = grown;
	grown += out->n_series;
	*grown = (struct sampler_series){ 0 };
	snprintf(grown->metric, sizeof(grown->metric), "%s", metric);
	snprintf(grown->subject, sizeof(grown->subject), "%s", subject);
	return (int)out->n_series++;
}

static int bench_series(struct bench_ctx *ctx, unsigned metric, const char *subject)
{
	struct sampling *s = (struct sampling *)ctx;

	return add_series(s, s->job->bench->metrics[metric].name, subject);
}

static struct timed take(struct sampling *s, unsigned arm)
{
	const struct bench_info *b = s->job->bench;
	struct timed t;

	b->prepare(s->state, arm);
	if (s->failed)
		return (struct timed){ 0 };
	if (s->pmu.n)
		pmu_enable(&s->pmu);
	t = timed_sample(b->sample, s->state, arm, s->reps[arm]);
	if (s->pmu.n)
		pmu_disable(&s->pmu);
	return t;
}

static void judge_sample(struct sampling *s, unsigned arm, const struct timed *t)
{
	const struct sampler_job *job = s->job;

	if (t->cpu != job->cpu && !s->moved[arm]) {
		s->moved[arm] = true;
		flag_printf(s, FLAG_MOVED, (int)arm, "pinned to CPU %u, ran on CPU %u", job->cpu,
			    t->cpu);
	}
	if ((double)t->ticks < MIN_RESOLUTIONS * job->clock.resolution && !s->too_short[arm] &&
	    !job->bench->short_samples) {
		s->too_short[arm] = true;
		flag_printf(s, FLAG_SHORT_SAMPLE, (int)arm,
			    "%llu ticks, the clock's resolution is %.0f; take a larger region",
			    (unsigned long long)t->ticks, job->clock.resolution);
	}
}

/* Of one arm. Where a hook fails there is none: see s->failed. Return: its ticks. */
static uint64_t take_sample(struct sampling *s, unsigned arm, int32_t block)
{
	const struct bench_info *b = s->job->bench;
	struct sampler_result *out = s->out;
	struct timed t = take(s, arm);

	if (s->failed)
		return 0;
	if (block >= 0)
		judge_sample(s, arm, &t);
	out->samples[out->n_samples] = (struct sample){
		.seq = (uint32_t)out->n_samples,
		.arm = arm,
		.block = block,
		.cpu = t.cpu,
		.ticks = t.ticks,
		.work = t.work,
	};
	if (block >= 0)
		keep_events(s, (uint32_t)out->n_samples);
	if (b->values)
		b->values(s->state, arm, &(struct bench_values){ s, (uint32_t)out->n_samples });
	out->n_samples++;
	return t.ticks;
}

/*
 * One block: every arm once, in random order. Return: its ticks; 0 when stopped, failed or out of
 * memory, and the block is dropped.
 */
static uint64_t take_block(struct sampling *s, int32_t block)
{
	const struct sampler_job *job = s->job;
	struct sampler_result *out = s->out;
	size_t before = out->n_samples, parts_before = out->n_parts;
	uint64_t total = 0;

	if (reserve(s, job->n_arms)) {
		s->oom = true;
		return 0;
	}
	/* From the same start each time: the order hangs on seed and block, not on the blocks before. */
	for (unsigned i = 0; i < job->n_arms; i++)
		s->order[i] = i;
	shuffle_u32(s->order, job->n_arms, seed_derive(job->seed, (uint64_t)(int64_t)block, 0, 3));
	for (unsigned i = 0; i < job->n_arms && !*s->stop && !s->failed; i++)
		total += take_sample(s, s->order[i], block);
	/* Stopped during the last sample, the block is whole. */
	if (!s->failed && out->n_samples == before + job->n_arms)
		return total;
	out->n_samples = before;
	out->n_parts = parts_before;
	return 0;
}

/* Net ticks of the shortest of three samples: one that an interrupt made long says nothing. */
static double shortest(struct sampling *s, unsigned arm)
{
	uint64_t ticks = UINT64_MAX;

	for (unsigned i = 0; i < 3 && !s->failed; i++) {
		struct timed t = take(s, arm);

		if (t.ticks < ticks)
			ticks = t.ticks;
	}
	return (double)ticks - mean_empty(&s->before);
}

/* How often an arm is repeated inside one sample: until it is long enough to be timed. */
static void find_reps(struct sampling *s, unsigned arm)
{
	const struct sampler_job *job = s->job;
	const struct bench_info *b = job->bench;
	double want = MIN_RESOLUTIONS * job->clock.resolution;
	double batch = BATCH_NS * job->clock.hz / 1e9;

	s->reps[arm] = 1;
	if (!b->repeatable || !b->repeatable(s->state, arm))
		return;
	if (batch > want)
		want = batch;
	while (s->reps[arm] < MAX_REPS && !s->failed) {
		double net = shortest(s, arm);

		if (net >= want)
			break;
		if (net < want / 16)
			s->reps[arm] *= 8;
		else
			s->reps[arm] = (unsigned)ceil(s->reps[arm] * 1.25 * want / net);
	}
}

static uint64_t now_tick(void)
{
	return tick_start();
}

/* Blocks numbered from -1 downwards, until steady or a quarter of the slice is gone. */
static unsigned warm_up(struct sampling *s)
{
	double ticks[WARM_MAX_BLOCKS];
	uint64_t start = now_tick();
	uint64_t limit = s->deadline > start ? start + (s->deadline - start) / 4 : start;
	unsigned n = 0;

	for (unsigned arm = 0; arm < s->job->n_arms && !*s->stop && !s->failed; arm++)
		find_reps(s, arm);
	while (n < WARM_MAX_BLOCKS) {
		ticks[n] = (double)take_block(s, -1 - (int32_t)n);
		if (!ticks[n])
			return n;
		n++;
		if (warm_up_steady(ticks, n))
			return n;
		if (now_tick() > limit)
			break;
	}
	flag_printf(s, FLAG_WARM_UP, -1, "ended after %u block%s; a larger --budget gives it more",
		    n, n == 1 ? "" : "s");
	return n;
}

static int verify_all(struct sampling *s)
{
	const struct bench_info *b = s->job->bench;

	for (unsigned arm = 0; b->verify && arm < s->job->n_arms && !*s->stop; arm++) {
		struct reason why = { "" };

		if (b->verify(s->state, arm, &why))
			flag_add(&s->ctx, FLAG_VERIFY, (int)arm, why.text);
	}
	return *s->stop ? -EINTR : 0;
}

static int sample_all(struct sampling *s)
{
	const struct sampler_job *job = s->job;

	for (unsigned block = 0; block < job->max_blocks; block++) {
		if (block >= job->min_blocks && now_tick() > s->deadline)
			break;
		add_empty(&s->before);
		if (!take_block(s, (int32_t)block))
			return s->oom ? -ENOMEM : *s->stop ? -EINTR : s->failed;
		add_empty(&s->after);
	}
	return 0;
}

/* What can go wrong around the samples, looked at before and after them. */
struct surroundings {
	struct tick_moment moment;
	uint64_t steal, ran_ns;
	long faults, switches;
};

static struct surroundings look_around(const struct sampling *s)
{
	struct surroundings now;
	struct timespec ran;
	struct rusage use;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
	now.ran_ns = (uint64_t)ran.tv_sec * 1000000000u + (uint64_t)ran.tv_nsec;
	getrusage(RUSAGE_THREAD, &use);
	now.moment = tick_moment(20);
	now.steal = steal_ticks(s->ctx.machine->root, s->job->cpu);
	now.faults = use.ru_minflt + use.ru_majflt;
	now.switches = use.ru_nivcsw;
	return now;
}

/*
 * What the thread did not run while it was sampling, others did, or a cgroup's quota held it: both
 * leave holes in samples.
 */
static void check_share(struct sampling *s, const struct surroundings *was,
			const struct surroundings *is)
{
	double wall = (double)(is->moment.raw_ns - was->moment.raw_ns);
	double away = wall > 0 ? 1 - (double)(is->ran_ns - was->ran_ns) / wall : 0;

	json_object_set_new(s->out->varying, "away_share", json_real(away));
	json_object_set_new(s->out->varying, "wall_ns", json_integer((json_int_t)wall));
	if (away > AWAY_TOLERANCE && !s->job->bench->sleeps)
		flag_printf(s, FLAG_BUSY, -1, OFF_CPU_DETAIL "%.1f %% of the time", away * 100);
}

static void compare_surroundings(struct sampling *s, const struct surroundings *was)
{
	struct surroundings is = look_around(s);
	double apart = clock_disagreement(&s->job->clock, &was->moment, &is.moment);
	json_t *v = s->out->varying;

	json_object_set_new(v, "steal_ticks", json_integer((json_int_t)(is.steal - was->steal)));
	json_object_set_new(v, "page_faults", json_integer(is.faults - was->faults));
	json_object_set_new(v, "involuntary_switches", json_integer(is.switches - was->switches));
	json_object_set_new(v, "clock_disagreement", json_real(apart));
	if (apart > CLOCK_TOLERANCE)
		flag_printf(s, FLAG_CLOCK_STEP, -1,
			    "the TSC and CLOCK_MONOTONIC_RAW differ by %.2f %%", apart * 100);
	check_share(s, was, &is);
	if (is.steal != was->steal)
		flag_printf(s, FLAG_STEAL, -1, "%llu ticks of 10 ms",
			    (unsigned long long)(is.steal - was->steal));
	if (is.faults != was->faults && !s->job->bench->renews)
		flag_printf(s, FLAG_PAGE_FAULT, -1, "%ld page faults", is.faults - was->faults);
}

bool overhead_moved(double before, double after, double resolution, double shortest)
{
	double matters = OVERHEAD_TOLERANCE * shortest;

	return fabs(after - before) > (matters > resolution ? matters : resolution);
}

static double shortest_sample(const struct sampler_result *r)
{
	uint64_t ticks = UINT64_MAX;

	for (size_t i = 0; i < r->n_samples; i++)
		if (r->samples[i].block >= 0 && r->samples[i].ticks < ticks)
			ticks = r->samples[i].ticks;
	return (double)ticks;
}

/*
 * What is subtracted was measured before each block. What was measured after each had no part in
 * it, so it shows whether the subtraction is right in this process.
 */
static void settle_overhead(struct sampling *s)
{
	struct sampler_result *out = s->out;
	double after = mean_empty(&s->after);

	out->overhead = mean_empty(&s->before);
	json_object_set_new(out->varying, "empty_cost_ticks", json_real(after));
	if (overhead_moved(out->overhead, after, s->job->clock.resolution, shortest_sample(out)))
		flag_printf(s, FLAG_OVERHEAD, -1,
			    "%.1f ticks are subtracted, %.1f were measured after the blocks",
			    out->overhead, after);
}

static int open_events(struct sampling *s, struct reason *why)
{
	const struct sampler_job *job = s->job;
	struct sampler_result *out = s->out;
	json_t *refused;
	int ret;

	if (!job->n_events)
		return 0;
	ret = pmu_open(&s->pmu, job->events, job->n_events, why);
	if (ret)
		return ret;
	for (unsigned i = 0; i < s->pmu.n; i++)
		if (add_series(s, "event", s->pmu.name[i]) < 0)
			return reason_set(why, -ENOMEM, "out of memory");
	refused = json_object();
	for (unsigned i = 0; i < s->pmu.n_refused; i++) {
		json_object_set_new(refused, s->pmu.refused[i].name,
				    json_string(s->pmu.refused[i].why.text));
		flag_printf(s, FLAG_NO_COUNTERS, -1, "%s: %s", s->pmu.refused[i].name,
			    s->pmu.refused[i].why.text);
	}
	return json_object_set_new(out->varying, "refused_events", refused) ? -ENOMEM : 0;
}

static int sampling_alloc(struct sampling *s)
{
	size_t n = s->job->n_arms, blocks;

	s->reps = calloc(n, sizeof(*s->reps));
	s->order = calloc(n, sizeof(*s->order));
	s->too_short = calloc(n, sizeof(*s->too_short));
	s->moved = calloc(n, sizeof(*s->moved));
	s->out->setup = json_object();
	s->out->varying = json_object();
	if (!s->reps || !s->order || !s->too_short || !s->moved || !s->out->setup ||
	    !s->out->varying)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->reps[i] = 1;
	/* Room for the whole invocation, so that growing it is the exception. */
	blocks = s->job->max_blocks + WARM_MAX_BLOCKS;
	return reserve(s, n * (blocks < MAX_RESERVED / n ? blocks : MAX_RESERVED / n));
}

/* As for the samples: of all series, so that no page is faulted in between them. */
static int reserve_values(struct sampling *s)
{
	size_t n = s->room * s->out->n_series;

	return n ? reserve_parts(s, n < MAX_RESERVED_PARTS ? n : MAX_RESERVED_PARTS) : 0;
}

/* From verification to the last sample, in the state that setup() made. */
static int measure(struct sampling *s)
{
	const struct bench_info *b = s->job->bench;
	struct surroundings was;
	struct reason found = { "" };
	json_t *reps;
	unsigned warm;
	int ret = verify_all(s);

	if (ret)
		return ret;
	/* The warm-up needs one; the blocks have their own. */
	add_empty(&s->before);
	warm = warm_up(s);
	json_object_set_new(s->out->varying, "warm_up_blocks", json_integer(warm));
	/* Twice: the first look faults in what looking needs. */
	look_around(s);
	was = look_around(s);
	ret = sample_all(s);
	if (ret)
		return ret;
	compare_surroundings(s, &was);
	settle_overhead(s);
	if (b->finish && b->finish(s->state, &found))
		flag_add(&s->ctx, FLAG_VERIFY, -1, found.text);
	reps = json_array();
	for (unsigned i = 0; i < s->job->n_arms; i++)
		json_array_append_new(reps, json_integer(s->reps[i]));
	return json_object_set_new(s->out->setup, "reps", reps) ? -ENOMEM : 0;
}

int sampler_run(const struct machine *m, const struct sampler_job *job,
		struct sampler_result *result, const volatile sig_atomic_t *stop,
		struct reason *why)
{
	struct sampling s = { .job = job, .out = result, .stop = stop };
	int ret;

	*result = (struct sampler_result){ 0 };
	s.deadline = now_tick() + (uint64_t)((double)job->slice_ns * job->clock.hz / 1e9);
	ret = sampling_alloc(&s);
	if (ret)
		goto out;
	s.ctx = (struct bench_ctx){
		.machine = m,
		.arms = job->arms,
		.n_arms = job->n_arms,
		.cpu = job->cpu,
		.seed = job->seed,
		.facts = result->setup,
		.flag = flag_add,
		.give_up = bench_give_up,
		.series = bench_series,
	};
	ret = topo_bind_thread(m->topo, job->cpu, why);
	if (ret)
		goto out;
	ret = open_events(&s, why);
	if (ret)
		goto out;
	ret = job->bench->setup(&s.ctx, &s.state, why);
	if (ret)
		goto out;
	ret = reserve_values(&s);
	if (!ret)
		ret = measure(&s);
	job->bench->teardown(s.state);
	if (ret && ret == s.failed && why)
		*why = s.failed_why;
	if (!ret && s.oom)
		ret = -ENOMEM;
out:
	pmu_close(&s.pmu);
	free(s.reps);
	free(s.order);
	free(s.too_short);
	free(s.moved);
	if (ret == -ENOMEM && why && !*why->text)
		reason_set(why, ret, "out of memory");
	return ret;
}

void sampler_result_free(struct sampler_result *result)
{
	free(result->samples);
	free(result->flags);
	free(result->parts);
	free(result->series);
	json_decref(result->setup);
	json_decref(result->varying);
	*result = (struct sampler_result){ 0 };
}
