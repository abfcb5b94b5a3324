// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/core/units.h"
#include "harness/machine/hotplug.h"
#include "harness/run/job.h"
#include "harness/run/progress.h"

#define PAD_MAX	     4096 /* S4: a page's worth of environment shifts the stack */
#define TICK_MS	     200
#define PROCESS_NS   30000000ull /* start of a process, without its slice */
#define BUDGET_SLACK 1.02	 /* rounds differ: one that would end so little later is begun */
/* Far beyond what set-up and verification of the largest region take. */
#define HANG_NS	      600000000000ull
#define STOP_PATIENCE (5000 / TICK_MS)

/* What a run has under way. */
struct running {
	const struct plan *plan;
	const struct machine *m;
	const struct run_config *config;
	struct progress progress;
	unsigned fits; /* rounds that the budget leaves, as far as is known */
	unsigned *order;
	struct run_invocation *round; /* of the open round */
	uint64_t started_ns;
};

static int64_t unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned run_cpu(const struct machine *m, const struct bench_info *bench,
		 const struct run_config *config, unsigned round, unsigned group)
{
	unsigned cpus[1024];
	size_t n;

	if (config->cpu >= 0)
		return (unsigned)config->cpu;
	/* The first CPU is the one that is always there. */
	if (bench && bench->disruptive && topo_pick(m->topo, TOPO_ONE, cpus, 1))
		return cpus[0];
	n = topo_equals(m->topo, cpus, 1024);
	if (n > 1024)
		n = 1024;
	return cpus[seed_derive(config->seed, round, group, 6) % n];
}

unsigned run_rounds_that_fit(const struct run_config *config, uint64_t elapsed_ns, unsigned done)
{
	unsigned left = config->rounds - config->first_round, least = done;
	double fit;

	if (!config->budget_ns || !elapsed_ns)
		return left;
	fit = BUDGET_SLACK * (double)config->budget_ns * done / (double)elapsed_ns;
	if (config->least_rounds > config->first_round + least)
		least = config->least_rounds - config->first_round;
	if (fit < least)
		return least < left ? least : left;
	return fit < left ? (unsigned)fit : left;
}

uint64_t run_estimate_ns(const struct plan *plan, const struct run_config *config)
{
	return (uint64_t)config->rounds * plan->n_groups * (config->slice_ns + PROCESS_NS);
}

/* In the new process: the socket at its place, a padded environment, and the same binary again. */
static void become_invocation(int fd, uint64_t pad_seed)
{
	char pad[PAD_MAX];
	size_t n = pad_seed % (PAD_MAX - 1);
	char *argv[] = { (char *)"tdcost", (char *)RUN_CHILD_ARG, NULL };

	memset(pad, 'x', n);
	pad[n] = '\0';
	setenv("TDCOST_PAD", pad, 1);
	/* dup2() onto itself would leave close-on-exec set. */
	if (fd == RUN_CHILD_FD)
		fd = dup(fd);
	if (fd < 0 || dup2(fd, RUN_CHILD_FD) < 0)
		_exit(127);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int spawn(uint64_t pad_seed, pid_t *pid, int *fd, struct reason *why)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return reason_set(why, -errno, "cannot make a socket pair: %s", strerror(errno));
	*pid = fork();
	if (*pid < 0) {
		err = errno;
		close(pair[0]);
		close(pair[1]);
		return reason_set(why, -err, "cannot start a process: %s", strerror(err));
	}
	if (!*pid)
		become_invocation(pair[1], pad_seed);
	close(pair[1]);
	*fd = pair[0];
	return 0;
}

/* Wait until the invocation has something to say, showing progress; stop it when asked to. */
static int wait_for(struct running *r, int fd, pid_t pid, struct reason *why)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t limit = HANG_NS + 20 * r->config->slice_ns, began = monotonic_ns();
	unsigned asked = 0;
	bool hangs = false;

	while (poll(&p, 1, TICK_MS) <= 0) {
		progress_show(&r->progress);
		hangs = monotonic_ns() - began > limit;
		if (!*r->config->stop && !hangs)
			continue;
		/* It ends its open sample; one that hangs is killed. */
		if (!asked++)
			kill(pid, SIGTERM);
		else if (asked > STOP_PATIENCE)
			kill(pid, SIGKILL);
	}
	return hangs ? reason_set(why, -ETIMEDOUT,
				  "an invocation gave no result in %.0f minutes and was ended",
				  (double)limit / 60e9)
		     : 0;
}

static int reap(pid_t pid, int ret, struct reason *why)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ret;
	if (ret && ret != -ETIMEDOUT && WIFSIGNALED(status))
		return reason_set(why, -ECHILD, "an invocation was killed by signal %d (%s)%s",
				  WTERMSIG(status), strsignal(WTERMSIG(status)),
				  WTERMSIG(status) == SIGKILL
					  ? "; was memory short? try a smaller region"
					  : "");
	return ret;
}

/*
 * What a disruptive invocation took offline comes back through it or its guard, and through us
 * where both were killed: the next one, and the look at the environment at the end, want it there.
 */
static int undo_disruption(const struct running *r, const struct arm_group *g, int ret,
			   struct reason *why)
{
	struct reason found = { "" };
	int err = g->bench->disruptive ? hotplug_recover(r->m->root, &found) : 0;

	return ret || err >= 0 ? ret : reason_set(why, err, "%s", found.text);
}

static void fill_job(const struct running *r, const struct run_invocation *inv,
		     struct sampler_job *job)
{
	const struct run_config *c = r->config;
	const struct arm_group *g = &r->plan->groups[inv->group];

	*job = (struct sampler_job){
		.bench = g->bench,
		.arms = g->arms,
		.n_arms = g->n_arms,
		.cpu = inv->cpu,
		/* JSON integers are signed. */
		.seed = seed_derive(c->seed, inv->round, inv->group, 2) >> 1,
		.slice_ns = c->slice_ns,
		.min_blocks = c->min_blocks,
		.max_blocks = c->max_blocks,
		.clock = c->clock,
		.check = c->check,
		.n_events = c->n_events,
	};
	for (unsigned i = 0; i < c->n_events; i++)
		job->events[i] = c->events[i];
}

static int invoke(struct running *r, struct run_invocation *inv, struct reason *why)
{
	struct sampler_job job;
	pid_t pid = -1;
	int fd = -1, ret;

	fill_job(r, inv, &job);
	inv->started = unix_ms();
	ret = spawn(seed_derive(r->config->seed, inv->round, inv->group, 7), &pid, &fd, why);
	if (ret)
		return ret;
	ret = job_send(fd, &job);
	if (ret)
		reason_set(why, ret, "an invocation did not start: %s", strerror(-ret));
	else
		ret = wait_for(r, fd, pid, why);
	if (!ret)
		ret = result_receive(fd, job.n_arms, &inv->result, why);
	close(fd);
	ret = reap(pid, ret, why);
	ret = undo_disruption(r, &r->plan->groups[inv->group], ret, why);
	if (!ret)
		json_object_set_new(
			inv->result.setup, "environment_pad",
			json_integer((json_int_t)(seed_derive(r->config->seed, inv->round,
							      inv->group, 7) %
						  (PAD_MAX - 1))));
	return ret;
}

static void say_what(struct running *r, const struct run_invocation *inv)
{
	const struct arm_group *g = &r->plan->groups[inv->group];
	uint32_t mask = plan_varying(r->plan, g->bench);
	char text[64];

	for (unsigned i = 0; i < bench_factors(g->bench); i++)
		if (bench_factor(g->bench, i)->paired)
			mask &= ~(1u << i);
	snprintf(r->progress.what, sizeof(r->progress.what), "round %u of %u, %s %s",
		 inv->round + 1, r->config->first_round + r->fits, g->bench->name,
		 cell_text(&g->arms[0], mask, text, sizeof(text)));
	progress_show(&r->progress);
}

static int one_round(struct running *r, unsigned round, const struct run_sink *sink,
		     struct reason *why)
{
	unsigned n = r->plan->n_groups, done = 0;
	int ret = 0;

	plan_order(r->plan, r->config->seed, round, r->order);
	for (unsigned i = 0; i < n && !ret; i++) {
		struct run_invocation *inv = &r->round[i];

		*inv = (struct run_invocation){ .round = round,
						.position = i,
						.group = r->order[i] };
		inv->cpu = run_cpu(r->m, r->plan->groups[inv->group].bench, r->config, round,
				   inv->group);
		inv->node = topo_node_of(r->m->topo, inv->cpu);
		say_what(r, inv);
		ret = *r->config->stop ? -EINTR : invoke(r, inv, why);
		done = i + 1;
		progress_step(&r->progress);
		/* A check is one such loop for each of its groups, and logs those. */
		if (!ret && !r->config->check)
			progress_log(r->progress.done, r->progress.total, r->progress.what);
	}
	if (!ret)
		ret = sink->round(sink->ctx, r->round, n, why);
	for (unsigned i = 0; i < done; i++)
		sampler_result_free(&r->round[i].result);
	return ret;
}

static int all_rounds(struct running *r, const struct run_sink *sink, unsigned *done,
		      struct reason *why)
{
	const struct run_config *c = r->config;

	for (unsigned round = c->first_round; round < c->rounds; round++) {
		int ret = one_round(r, round, sink, why);

		if (ret)
			return ret;
		(*done)++;
		r->fits = run_rounds_that_fit(c, monotonic_ns() - r->started_ns, *done);
		r->progress.total = (uint64_t)r->fits * r->plan->n_groups;
		r->progress.budget_ns = 0; /* the total says it better from now on */
		if ((c->enough && c->enough(c->enough_ctx, round + 1)) || *done >= r->fits)
			return 0;
	}
	return 0;
}

int run_loop(const struct plan *plan, const struct machine *m, const struct run_config *config,
	     const struct run_sink *sink, enum run_state *state, unsigned *rounds_done,
	     struct reason *why)
{
	struct running r = { .plan = plan, .m = m, .config = config, .started_ns = monotonic_ns() };
	int ret = -ENOMEM;

	*rounds_done = 0;
	*state = RUN_FAILED;
	r.order = calloc(plan->n_groups, sizeof(*r.order));
	r.round = calloc(plan->n_groups, sizeof(*r.round));
	if (!r.order || !r.round) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	r.fits = config->rounds - config->first_round;
	progress_begin(&r.progress, config->progress, (uint64_t)r.fits * plan->n_groups,
		       config->slice_ns + PROCESS_NS);
	r.progress.budget_ns = config->budget_ns;
	ret = all_rounds(&r, sink, rounds_done, why);
	progress_end(&r.progress);
	if (ret && *config->stop)
		ret = -EINTR;
	*state = !ret ? RUN_DONE : ret == -EINTR ? RUN_INTERRUPTED : RUN_FAILED;
	if (ret == -EINTR)
		ret = 0;
out:
	free(r.order);
	free(r.round);
	return ret;
}
