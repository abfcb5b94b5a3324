// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int send_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = send(fd, data, bytes, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* Return: bytes read, fewer only at the end of the stream, or -errno. */
static ssize_t receive_all(int fd, char *data, size_t bytes)
{
	size_t got = 0;

	while (got < bytes) {
		ssize_t n = read(fd, data + got, bytes - got);

		if (n < 0 && errno == EINTR)
			continue;
		/* An invocation that was killed with unread data behind it. */
		if (n < 0 && errno == ECONNRESET)
			break;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int wire_send(int fd, enum wire_type type, const void *data, size_t bytes)
{
	struct wire_head head = { .type = type, .bytes = bytes };
	int ret = send_all(fd, (const char *)&head, sizeof(head));

	return ret ? ret : send_all(fd, data, bytes);
}

int wire_receive(int fd, void **data, size_t *bytes)
{
	struct wire_head head;
	ssize_t n = receive_all(fd, (char *)&head, sizeof(head));
	char *buffer;

	*data = NULL;
	*bytes = 0;
	if (n <= 0)
		return (int)n;
	if (n < (ssize_t)sizeof(head) || head.type < WIRE_JOB || head.type > WIRE_ERROR ||
	    head.bytes > WIRE_MAX)
		return -EPROTO;
	buffer = malloc(head.bytes + 1);
	if (!buffer)
		return -ENOMEM;
	n = receive_all(fd, buffer, head.bytes);
	if (n != (ssize_t)head.bytes) {
		free(buffer);
		return n < 0 ? (int)n : -EPROTO;
	}
	buffer[head.bytes] = '\0';
	*data = buffer;
	*bytes = head.bytes;
	return (int)head.type;
}
