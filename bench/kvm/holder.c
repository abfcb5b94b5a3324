// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/holder.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child says when the VM is there, or is not. */
struct hello {
	int ret;
	struct life_born born;
	struct reason why;
};

/* ---- the child ---- */

/* Until it is killed, or the parent is gone. Each byte asks for a reset and is sent back. */
__attribute__((noreturn)) static void serve(int fd, struct life *life)
{
	char byte;

	while (recv(fd, &byte, 1, 0) == 1) {
		if (life)
			life_reset(life);
		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

__attribute__((noreturn)) static void hold(int fd, pid_t parent, const struct kvm_host *host,
					   const struct life_spec *spec)
{
	struct hello hello = { 0 };
	struct life life;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before that */
		_exit(1);
	/* What asks the run to end is the parent's to answer. */
	signal(SIGTERM, SIG_IGN);
	if (spec)
		hello.ret = life_begin(&life, host, spec, &hello.born, &hello.why);
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello) || hello.ret)
		_exit(1);
	serve(fd, spec ? &life : NULL);
}

/* ---- the parent ---- */

static ssize_t receive(int fd, void *to, size_t bytes)
{
	ssize_t n;

	do
		n = recv(fd, to, bytes, MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	return n;
}

int holder_start(struct holder *h, const struct kvm_host *host, const struct life_spec *spec,
		 struct life_born *born, struct reason *why)
{
	struct hello hello;
	pid_t parent = getpid();
	int pair[2];

	*h = (struct holder){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return reason_set(why, -errno, "socketpair: %s", strerror(errno));
	h->fd = pair[0];
	h->pid = fork();
	if (!h->pid) {
		close(pair[0]);
		hold(pair[1], parent, host, spec);
	}
	close(pair[1]);
	if (h->pid < 0) {
		int err = -errno;

		h->pid = 0;
		holder_kill(h);
		return reason_set(why, err, "cannot make a process for the VM: %s", strerror(-err));
	}
	if (receive(h->fd, &hello, sizeof(hello)) != (ssize_t)sizeof(hello)) {
		holder_kill(h);
		return reason_set(why, -EPIPE, "the process that makes the VM " HOLDER_DIED);
	}
	*born = hello.born;
	if (!hello.ret)
		return 0;
	holder_kill(h);
	return reason_set(why, hello.ret, "%s", hello.why.text);
}

int holder_reset(struct holder *h)
{
	char byte = 0;

	if (send(h->fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return -errno; /* -EPIPE: it is gone */
	return receive(h->fd, &byte, 1) == 1 ? 0 : -EPIPE;
}

int holder_alive(const struct holder *h, struct reason *why)
{
	siginfo_t ended = { 0 };

	if (!waitid(P_PID, (id_t)h->pid, &ended, WEXITED | WNOHANG | WNOWAIT) && !ended.si_pid)
		return 0;
	return reason_set(why, -EPIPE, "the VM's process " HOLDER_DIED);
}

/* Return: 0; -EPIPE: it was not SIGKILL that ended it. */
static int bury(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -EPIPE;
}

int holder_kill(struct holder *h)
{
	int ret = 0;

	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		ret = bury(h->pid);
	}
	if (h->fd >= 0)
		close(h->fd);
	*h = (struct holder){ .fd = -1 };
	return ret;
}
