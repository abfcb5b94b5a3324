// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "harness/run/job.h"
#include "harness/run/run.h"
#include "harness/run/wire.h"

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/*
 * Ctrl-C reaches the whole foreground group. The run decides what becomes of the open round and
 * says so with SIGTERM; a run that dies takes its invocation with it.
 */
static void set_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, end = { .sa_handler = on_stop };

	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGTERM, &end, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* A run that died before set_signals() closed its end of the socket; it sends no signal any more. */
static bool is_alone(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* Without the environment record, which takes longer than many an invocation. */
static int look(struct machine *m, bool check, struct reason *why)
{
	int ret;

	*m = (struct machine){ .root = "", .check = check };
	ret = lane_detect(m->root, &m->lane, why);
	if (ret)
		return ret;
	cpu_detect(&m->cpu);
	return topo_open(&m->topo, NULL, why);
}

static void send_error(int fd, int err, const struct reason *why)
{
	struct wire_error e = { .err = err, .why = *why };

	if (!*why->text)
		reason_set(&e.why, err, "an invocation failed: %s", strerror(-err));
	wire_send(fd, WIRE_ERROR, &e, sizeof(e));
}

int run_child(int fd, const struct bench_info *(*find)(const char *name))
{
	struct sampler_result result = { 0 };
	struct reason why = { "" };
	struct sampler_job job;
	struct cell *arms = NULL;
	json_t *events = NULL;
	struct machine m = { 0 };
	int ret;

	set_signals();
	if (is_alone(fd))
		return EXIT_FAILURE;
	ret = job_receive(fd, find, &job, &arms, &events, &why);
	if (!ret)
		ret = look(&m, job.check, &why);
	if (!ret)
		ret = sampler_run(&m, &job, &result, &stop, &why);
	if (!ret)
		ret = result_send(fd, &result);
	else
		send_error(fd, ret, &why);
	sampler_result_free(&result);
	topo_close(m.topo);
	json_decref(events);
	free(arms);
	close(fd);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
