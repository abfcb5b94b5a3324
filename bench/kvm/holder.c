// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kvm/holder.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/machine/files.h"

/* What the child says when the VM is there, or is not. */
struct hello {
	int ret;
	struct vm_born born;
	struct reason why;
};

static uint64_t huge_bytes(void)
{
	int64_t kib;

	if (file_field_number("", "/proc/self/smaps_rollup", "AnonHugePages", &kib) || kib < 0)
		return 0;
	return (uint64_t)kib << 10;
}

int vm_bear(struct vm *vm, const struct kvm_host *host, const struct vm_spec *spec,
	    struct vm_born *born, struct reason *why)
{
	/* What the process has in huge pages besides is not the VM's. */
	uint64_t huge = spec->backing == BACKING_THP ? huge_bytes() : 0, start, made;
	int ret;

	start = tick_start();
	ret = vm_create(vm, host, spec, why);
	if (ret)
		return ret;
	made = tick_start();
	born->create = (double)(made - start);
	ret = vm_populate(vm, why);
	born->populate = (double)(tick_start() - made);
	born->huge = spec->backing == BACKING_THP ? huge_bytes() - huge : 0;
	if (ret)
		vm_destroy(vm, NULL, NULL);
	return ret;
}

/* ---- the child ---- */

/* Until it is killed, or the parent is gone. Each byte asks for a reset and is sent back. */
__attribute__((noreturn)) static void serve(int fd, struct vm *vm)
{
	char byte;

	while (recv(fd, &byte, 1, 0) == 1) {
		vm_reset(vm);
		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

__attribute__((noreturn)) static void hold(int fd, pid_t parent, const struct kvm_host *host,
					   const struct vm_spec *spec)
{
	struct hello hello = { 0 };
	struct vm vm;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before that */
		_exit(1);
	/* What asks the run to end is the parent's to answer. */
	signal(SIGTERM, SIG_IGN);
	hello.ret = vm_bear(&vm, host, spec, &hello.born, &hello.why);
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello) || hello.ret)
		_exit(1);
	serve(fd, &vm);
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

int holder_start(struct holder *h, const struct kvm_host *host, const struct vm_spec *spec,
		 struct vm_born *born, struct reason *why)
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
		return reason_set(why, -EPIPE,
				  "the process that makes the VM died: look for the OOM killer in "
				  "dmesg, take a smaller size");
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
		return -errno;
	return receive(h->fd, &byte, 1) == 1 ? 0 : -EPIPE;
}

int holder_kill(struct holder *h)
{
	int ret = 0;

	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, 0) < 0 && !ret)
			ret = errno == EINTR ? 0 : -errno;
	}
	if (h->fd >= 0)
		close(h->fd);
	*h = (struct holder){ .fd = -1 };
	return ret;
}
