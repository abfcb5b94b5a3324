// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/run/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/measure/design.h"
#include "harness/run/wire.h"

static int send_json(int fd, enum wire_type type, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
	int ret = text ? wire_send(fd, type, text, strlen(text)) : -ENOMEM;

	free(text);
	json_decref(j);
	return ret;
}

int job_send(int fd, const struct sampler_job *job)
{
	json_t *arms = json_array(), *events = json_array();

	for (unsigned i = 0; i < job->n_arms; i++)
		json_array_append_new(arms, cell_json(&job->arms[i]));
	for (unsigned i = 0; i < job->n_events; i++)
		json_array_append_new(events, json_string(job->events[i]));
	return send_json(fd, WIRE_JOB,
			 json_pack("{s:s, s:o, s:o, s:i, s:I, s:I, s:i, s:i, s:f, s:f, s:b}",
				   "bench", job->bench->name, "arms", arms, "events", events, "cpu",
				   (int)job->cpu, "seed", (json_int_t)job->seed, "slice_ns",
				   (json_int_t)job->slice_ns, "min_blocks", (int)job->min_blocks,
				   "max_blocks", (int)job->max_blocks, "hz", job->clock.hz,
				   "resolution", job->clock.resolution, "check", job->check));
}

static int parse_arms(const json_t *list, struct sampler_job *job, struct cell **arms,
		      struct reason *why)
{
	size_t n = json_array_size(list);

	if (!n)
		return reason_set(why, -EPROTO, "the job names no arm");
	*arms = calloc(n, sizeof(**arms));
	if (!*arms)
		return reason_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int ret = cell_from_json(job->bench, json_array_get(list, i), &(*arms)[i], why);

		if (ret)
			return ret;
	}
	job->arms = *arms;
	job->n_arms = (unsigned)n;
	return 0;
}

static int parse_job(json_t *j, const struct bench_info *(*find)(const char *name),
		     struct sampler_job *job, struct cell **arms, json_t **events,
		     struct reason *why)
{
	json_t *list, *names;
	const char *bench;
	json_int_t seed, slice;
	int cpu, min_blocks, max_blocks, check;

	if (json_unpack(j, "{s:s, s:o, s:o, s:i, s:I, s:I, s:i, s:i, s:f, s:f, s:b}", "bench",
			&bench, "arms", &list, "events", &names, "cpu", &cpu, "seed", &seed,
			"slice_ns", &slice, "min_blocks", &min_blocks, "max_blocks", &max_blocks,
			"hz", &job->clock.hz, "resolution", &job->clock.resolution, "check",
			&check))
		return reason_set(why, -EPROTO, "the job cannot be read");
	job->bench = find(bench);
	if (!job->bench)
		return reason_set(why, -EPROTO, "there is no benchmark '%s'", bench);
	job->cpu = (unsigned)cpu;
	job->check = check;
	job->seed = (uint64_t)seed;
	job->slice_ns = (uint64_t)slice;
	job->min_blocks = (unsigned)min_blocks;
	job->max_blocks = (unsigned)max_blocks;
	*events = json_incref(names);
	for (size_t i = 0; i < json_array_size(names) && i < PMU_MAX_EVENTS; i++)
		job->events[job->n_events++] = json_string_value(json_array_get(names, i));
	return parse_arms(list, job, arms, why);
}

int job_receive(int fd, const struct bench_info *(*find)(const char *name), struct sampler_job *job,
		struct cell **arms, json_t **events, struct reason *why)
{
	size_t bytes;
	void *data;
	int ret = wire_receive(fd, &data, &bytes);
	json_t *j;

	*job = (struct sampler_job){ 0 };
	*arms = NULL;
	*events = NULL;
	if (ret != WIRE_JOB) {
		free(data);
		return reason_set(why, ret < 0 ? ret : -EPROTO, "no job came");
	}
	j = json_loadb(data, bytes, 0, NULL);
	free(data);
	ret = parse_job(j, find, job, arms, events, why);
	json_decref(j);
	return ret;
}

static json_t *result_json(const struct sampler_result *r)
{
	json_t *flags = json_array(), *series = json_array();

	for (size_t i = 0; i < r->n_flags; i++)
		json_array_append_new(
			flags, json_pack("{s:i, s:i, s:s}", "flag", (int)r->flags[i].flag, "arm",
					 r->flags[i].arm, "detail", r->flags[i].detail));
	for (size_t i = 0; i < r->n_series; i++)
		json_array_append_new(series, json_pack("{s:s, s:s}", "metric", r->series[i].metric,
							"subject", r->series[i].subject));
	return json_pack("{s:f, s:o, s:o, s:O, s:O}", "overhead", r->overhead, "flags", flags,
			 "series", series, "setup", r->setup, "varying", r->varying);
}

int result_send(int fd, const struct sampler_result *r)
{
	int ret = wire_send(fd, WIRE_SAMPLES, r->samples, r->n_samples * sizeof(*r->samples));

	if (!ret && r->n_parts)
		ret = wire_send(fd, WIRE_PARTS, r->parts, r->n_parts * sizeof(*r->parts));
	/* Last: it says that the result is whole. */
	return ret ? ret : send_json(fd, WIRE_RESULT, result_json(r));
}

static int parse_flags(const json_t *list, struct sampler_result *r)
{
	size_t n = json_array_size(list);

	r->flags = calloc(n ? n : 1, sizeof(*r->flags));
	if (!r->flags)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *detail;
		int flag, arm;

		if (json_unpack(json_array_get(list, i), "{s:i, s:i, s:s}", "flag", &flag, "arm",
				&arm, "detail", &detail) ||
		    flag < 0 || flag >= FLAG_MAX)
			return -EPROTO;
		r->flags[i] = (struct sampler_flag){ .flag = (enum trust_flag)flag, .arm = arm };
		snprintf(r->flags[i].detail, sizeof(r->flags[i].detail), "%s", detail);
		r->n_flags++;
	}
	return 0;
}

static int parse_series(const json_t *list, struct sampler_result *r)
{
	size_t n = json_array_size(list);

	r->series = calloc(n ? n : 1, sizeof(*r->series));
	if (!r->series)
		return -ENOMEM;
	for (; r->n_series < n; r->n_series++) {
		struct sampler_series *s = &r->series[r->n_series];
		const char *metric, *subject;

		if (json_unpack(json_array_get(list, r->n_series), "{s:s, s:s}", "metric", &metric,
				"subject", &subject))
			return -EPROTO;
		snprintf(s->metric, sizeof(s->metric), "%s", metric);
		snprintf(s->subject, sizeof(s->subject), "%s", subject);
	}
	return 0;
}

static int parse_result(const char *text, size_t bytes, struct sampler_result *r)
{
	json_t *j = json_loadb(text, bytes, 0, NULL), *flags, *series, *setup, *varying;
	int ret = -EPROTO;

	if (json_unpack(j, "{s:F, s:o, s:o, s:o, s:o}", "overhead", &r->overhead, "flags", &flags,
			"series", &series, "setup", &setup, "varying", &varying))
		goto out;
	ret = parse_flags(flags, r);
	if (!ret)
		ret = parse_series(series, r);
	r->setup = json_incref(setup);
	r->varying = json_incref(varying);
out:
	json_decref(j);
	return ret;
}

/* Samples and parts index into tables: what points outside is not from our own sampler. */
static int check_result(const struct sampler_result *r, unsigned n_arms)
{
	for (size_t i = 0; i < r->n_samples; i++)
		if (r->samples[i].arm >= n_arms || !r->samples[i].ticks || !r->samples[i].work)
			return -EPROTO;
	for (size_t i = 0; i < r->n_parts; i++)
		if (r->parts[i].series >= r->n_series)
			return -EPROTO;
	return 0;
}

/* Pass on what the other end said. Frees @data. */
static int take_error(void *data, size_t bytes, struct reason *why)
{
	const struct wire_error *e = data;
	int ret = -EPROTO;

	reason_set(why, ret, "an invocation failed and did not say why");
	if (bytes == sizeof(*e) && e->err < 0) {
		ret = e->err;
		if (*e->why.text)
			reason_set(why, ret, "%.*s", (int)sizeof(e->why.text) - 1, e->why.text);
	}
	free(data);
	return ret;
}

int result_receive(int fd, unsigned n_arms, struct sampler_result *r, struct reason *why)
{
	size_t bytes;
	void *data;
	int type;

	*r = (struct sampler_result){ 0 };
	while ((type = wire_receive(fd, &data, &bytes)) > 0) {
		int ret;

		switch (type) {
		case WIRE_SAMPLES:
			free(r->samples);
			r->samples = data;
			r->n_samples = bytes / sizeof(*r->samples);
			continue;
		case WIRE_PARTS:
			free(r->parts);
			r->parts = data;
			r->n_parts = bytes / sizeof(*r->parts);
			continue;
		case WIRE_ERROR:
			return take_error(data, bytes, why);
		}
		ret = type == WIRE_RESULT ? parse_result(data, bytes, r) : -EPROTO;
		free(data);
		if (!ret)
			ret = check_result(r, n_arms);
		return ret ? reason_set(why, ret, "an invocation's result cannot be read") : 0;
	}
	return reason_set(why, type ? type : -EPROTO, "an invocation ended without a result");
}
