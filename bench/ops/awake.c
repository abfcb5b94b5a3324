// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/awake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int awake_hold(const char *root, json_t *facts)
{
	const int32_t us = AWAKE_US;
	char path[4096];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/dev/cpu_dma_latency", root);
	errno = 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &us, sizeof(us)) != sizeof(us))
		err = errno ? errno : EIO;
	if (err)
		json_object_set_new(facts, "idle_states",
				    json_sprintf("not held: %s", strerror(err)));
	else
		json_object_set_new(facts, "idle_states", json_sprintf("%d us at most", us));
	return fd;
}

void awake_release(int fd)
{
	if (fd >= 0)
		close(fd);
}
