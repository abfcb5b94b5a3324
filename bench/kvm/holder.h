/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holder.h: a process that holds a VM or TD and does nothing else, to be killed: what remains then is
 * the kernel's to take down, in its own order.
 */
#ifndef TDC_BENCH_KVM_HOLDER_H
#define TDC_BENCH_KVM_HOLDER_H

#include <sys/types.h>

#include "bench/kvm/life.h"

/* Behind the words for who it was, where one did that nobody had killed. */
#define HOLDER_DIED "died: look for the OOM killer in dmesg, take a smaller size"

struct holder {
	pid_t pid; /* 0: none */
	int fd;	   /* of the socket to it */
};

/**
 * holder_start() - a child that begins a life and then waits
 * @spec: NULL: it holds nothing, so that its end is that of the process alone
 *
 * It dies with the thread that calls this. Return: 0; -errno with the child's own reason, and no
 * child left. End it with holder_kill().
 */
int holder_start(struct holder *h, const struct kvm_host *host, const struct life_spec *spec,
		 struct life_born *born, struct reason *why);

/* Is it still there? Return: 0; -EPIPE with HOLDER_DIED in @why, to be followed by holder_kill(). */
int holder_alive(const struct holder *h, struct reason *why);

/* Let it clear the VM's pages, and wait until it has. Return: 0, -EPIPE where it died, -errno. */
int holder_reset(struct holder *h);

/*
 * SIGKILL, and wait until it is gone; then nothing is left of the VM. Takes one without a child.
 * Return: 0; -EPIPE where it ended in another way before; -errno.
 */
int holder_kill(struct holder *h);

#endif
