/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h: messages between the run and its invocations, over a stream socket pair. */
#ifndef TDC_RUN_WIRE_H
#define TDC_RUN_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"

enum wire_type {
	WIRE_JOB = 1, /* run to invocation: JSON */
	WIRE_RESULT,  /* JSON: flags, setup, varying, events */
	WIRE_SAMPLES, /* struct sample[] */
	WIRE_PARTS,   /* struct sampler_part[] */
	WIRE_ERROR,   /* struct wire_error: why there is no result */
};

struct wire_error {
	int32_t err; /* negative errno */
	struct reason why;
};

/* Both ends run the same binary on the same machine, so structs cross as they are. */
struct wire_head {
	uint32_t type;
	uint32_t reserved;
	uint64_t bytes;
};

/* No invocation makes more: what says otherwise is not ours. */
#define WIRE_MAX (1ull << 32)

/* Return: 0 or -errno (-EPIPE when the other end is gone; no signal is raised). */
int wire_send(int fd, enum wire_type type, const void *data, size_t bytes);

/**
 * wire_receive() - one whole message
 * @data: a new buffer with a NUL behind its @bytes; the caller frees it
 *
 * Return: the type; 0 at the end of the stream; -EPROTO for a torn or senseless message; -errno.
 */
int wire_receive(int fd, void **data, size_t *bytes);

#endif
