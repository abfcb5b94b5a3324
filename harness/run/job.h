/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.h: a sampler's job and its result as messages. */
#ifndef TDC_RUN_JOB_H
#define TDC_RUN_JOB_H

#include "harness/measure/sampler.h"

/* Send @job. Return: 0 or -errno. */
int job_send(int fd, const struct sampler_job *job);

/**
 * job_receive() - a job as it came
 * @arms: the cells, a new array that @job points into; the caller frees it
 * @events: likewise, a new JSON array that owns the names that @job points into
 */
int job_receive(int fd, const struct bench_info *(*find)(const char *name), struct sampler_job *job,
		struct cell **arms, json_t **events, struct reason *why);

/* Send what an invocation made. Return: 0 or -errno. */
int result_send(int fd, const struct sampler_result *result);

/* Take messages until the result is whole. Return: 0; what the other end said; -EPROTO. */
int result_receive(int fd, unsigned n_arms, struct sampler_result *result, struct reason *why);

#endif
