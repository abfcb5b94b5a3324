// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/measure/design.h"
#include "harness/run/job.h"
#include "harness/run/wire.h"
#include "tests/harness/run/fake.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct bench_info fake = { FAKE("fake"), .setup = fake_setup, .sample = fake_sample };

static const struct bench_info *find(const char *name)
{
	return strcmp(name, fake.name) ? NULL : &fake;
}

static int pair[2];

static int make_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	return 0;
}

/* ---- jobs ---- */

static void jobs_arrive_as_they_were_sent(void **state)
{
	static const char *const settings[] = { "n=7" };
	struct plan plan = { 0 };
	struct reason why = { "" };
	struct sampler_job got, sent;
	struct cell *arms;
	json_t *events;

	(void)state;
	assert_int_equal(plan_add(&plan, NULL, &fake, settings, 1, &why), 0);
	sent = (struct sampler_job){
		.bench = &fake,
		.arms = plan.groups[0].arms,
		.n_arms = 2,
		.cpu = 1023,
		.seed = UINT64_MAX >> 1,
		.slice_ns = 123456789012345,
		.min_blocks = 3,
		.max_blocks = 100000000,
		/* Doubles that decimals of the usual length would not bring back. */
		.clock = { .hz = 2596123456.7891235, .resolution = 1.0 / 3 },
		.check = true,
		.events = { "page-faults", "amd64_fam19h_zen4::RETIRED_OPS" },
		.n_events = 2,
	};
	assert_int_equal(job_send(pair[0], &sent), 0);
	if (job_receive(pair[1], find, &got, &arms, &events, &why))
		fail_msg("%s", why.text);
	assert_ptr_equal(got.bench, &fake);
	assert_int_equal(got.n_arms, 2);
	assert_ptr_equal(got.arms, arms);
	for (unsigned i = 0; i < 2; i++)
		assert_memory_equal(got.arms[i].levels, sent.arms[i].levels,
				    sizeof(sent.arms[i].levels));
	assert_int_equal(got.cpu, sent.cpu);
	assert_int_equal(got.seed, sent.seed);
	assert_int_equal(got.slice_ns, sent.slice_ns);
	assert_int_equal(got.min_blocks, sent.min_blocks);
	assert_int_equal(got.max_blocks, sent.max_blocks);
	assert_true(got.clock.hz == sent.clock.hz);
	assert_true(got.clock.resolution == sent.clock.resolution);
	assert_true(got.check);
	assert_int_equal(got.n_events, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_string_equal(got.events[i], sent.events[i]);
	json_decref(events);
	free(arms);
	plan_free(&plan);
}

#define ARM "{\"n\":\"1\",\"arm\":\"x\",\"twin\":\"a\"}"
#define TAIL                                                                      \
	",\"cpu\":0,\"seed\":1,\"slice_ns\":1,\"min_blocks\":1,\"max_blocks\":1," \
	"\"hz\":1.0,\"resolution\":1.0,\"check\":false}"

static void senseless_jobs_are_refused(void **state)
{
	static const struct {
		enum wire_type type;
		const char *text;
		int err;
		const char *part;
	} cases[] = {
		{ WIRE_RESULT, "{}", -EPROTO, "no job came" },
		{ WIRE_JOB, "", -EPROTO, "cannot be read" },
		{ WIRE_JOB, "not json", -EPROTO, "cannot be read" },
		{ WIRE_JOB, "[]", -EPROTO, "cannot be read" },
		{ WIRE_JOB, "{\"bench\":\"fake\"}", -EPROTO, "cannot be read" },
		{ WIRE_JOB, "{\"bench\":\"gone\",\"arms\":[" ARM "],\"events\":[]" TAIL, -EPROTO,
		  "no benchmark 'gone'" },
		{ WIRE_JOB, "{\"bench\":\"fake\",\"arms\":[],\"events\":[]" TAIL, -EPROTO,
		  "no arm" },
		{ WIRE_JOB, "{\"bench\":\"fake\",\"arms\":[{}],\"events\":[]" TAIL, -EINVAL,
		  "no level of n" },
		{ WIRE_JOB, "{\"bench\":\"fake\",\"arms\":[" ARM ",7],\"events\":[]" TAIL, -EINVAL,
		  "no level of n" },
		{ WIRE_JOB, "{\"bench\":\"fake\",\"arms\":[" ARM "],\"events\":[]" TAIL, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct sampler_job job;
		struct cell *arms;
		json_t *events;
		int ret;

		wire_send(pair[0], cases[i].type, cases[i].text, strlen(cases[i].text));
		ret = job_receive(pair[1], find, &job, &arms, &events, &why);
		if (ret != cases[i].err || !strstr(why.text, cases[i].part))
			fail_msg("case %zu: %d, '%s'", i, ret, why.text);
		json_decref(events);
		free(arms);
	}
}

static void no_job_is_said_so(void **state)
{
	struct reason why = { "" };
	struct sampler_job job;
	struct cell *arms;
	json_t *events;

	(void)state;
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(job_receive(pair[1], find, &job, &arms, &events, &why), -EPROTO);
	assert_string_equal(why.text, "no job came");
	assert_null(arms);
	assert_null(events);
}

/* ---- results ---- */

static struct sample samples[] = {
	{ 0, 1, -1, 0, 100, 1 },
	{ 1, 0, 0, 1, UINT64_MAX, UINT64_MAX },
	{ 2, 1, 0, 4095, 7, 3 },
};
static struct sampler_part parts[] = { { 1, 0, 12.5 }, { 2, 1, 1e300 } };
static struct sampler_flag flags[] = {
	{ FLAG_MOVED, 1, "pinned to CPU 0, ran on CPU 1" },
	{ FLAG_VERIFY, -1, "\"quotes\" and\ttabs" },
};

static struct sampler_series series[] = { { "event", "page-faults" }, { "cpu_time", "cpu 3" } };

static void results_arrive_as_they_were_made(void **state)
{
	struct sampler_result sent = {
		.overhead = 52.000000000000007,
		.samples = samples,
		.n_samples = ARRAY_SIZE(samples),
		.flags = flags,
		.n_flags = ARRAY_SIZE(flags),
		.parts = parts,
		.n_parts = ARRAY_SIZE(parts),
		.series = series,
		.n_series = ARRAY_SIZE(series),
		.setup = json_pack("{s:i}", "offset", 4096),
		.varying = json_pack("{s:f}", "steal", 1.5),
	};
	struct reason why = { "" };
	struct sampler_result got;

	(void)state;
	assert_int_equal(result_send(pair[0], &sent), 0);
	if (result_receive(pair[1], 2, &got, &why))
		fail_msg("%s", why.text);
	assert_true(got.overhead == sent.overhead);
	assert_int_equal(got.n_samples, sent.n_samples);
	assert_memory_equal(got.samples, samples, sizeof(samples));
	assert_int_equal(got.n_parts, sent.n_parts);
	assert_memory_equal(got.parts, parts, sizeof(parts));
	assert_int_equal(got.n_flags, sent.n_flags);
	for (size_t i = 0; i < got.n_flags; i++) {
		assert_int_equal(got.flags[i].flag, flags[i].flag);
		assert_int_equal(got.flags[i].arm, flags[i].arm);
		assert_string_equal(got.flags[i].detail, flags[i].detail);
	}
	assert_int_equal(got.n_series, ARRAY_SIZE(series));
	assert_memory_equal(got.series, series, sizeof(series));
	assert_true(json_equal(got.setup, sent.setup));
	assert_true(json_equal(got.varying, sent.varying));
	sampler_result_free(&got);
	json_decref(sent.setup);
	json_decref(sent.varying);
}

#define WHOLE                                                                                 \
	"{\"overhead\":1,\"flags\":[],\"series\":[{\"metric\":\"event\",\"subject\":\"e\"}]," \
	"\"setup\":{},"                                                                       \
	"\"varying\":{}}"

/* One message, or two, and the end. */
static void senseless_results_are_refused(void **state)
{
	static const struct sample wrong_arm = { 0, 2, 0, 0, 1, 1 },
				   no_ticks = { 0, 0, 0, 0, 0, 1 }, no_work = { 0, 0, 0, 0, 1, 0 };
	static const struct sampler_part wrong_event = { 0, 1, 1 };
	static const struct {
		enum wire_type type;
		const void *data;
		size_t bytes;
		const char *result; /* text of WIRE_RESULT behind it; NULL: the end */
		const char *part;
	} cases[] = {
		{ WIRE_SAMPLES, samples, sizeof(samples), NULL, "ended without a result" },
		{ WIRE_SAMPLES, &wrong_arm, sizeof(wrong_arm), WHOLE, "cannot be read" },
		{ WIRE_SAMPLES, &no_ticks, sizeof(no_ticks), WHOLE, "cannot be read" },
		{ WIRE_SAMPLES, &no_work, sizeof(no_work), WHOLE, "cannot be read" },
		{ WIRE_PARTS, &wrong_event, sizeof(wrong_event), WHOLE, "cannot be read" },
		{ WIRE_SAMPLES, samples, sizeof(samples), "junk", "cannot be read" },
		{ WIRE_SAMPLES, samples, sizeof(samples), "{\"overhead\":1,\"flags\":[]}",
		  "cannot be read" },
		{ WIRE_SAMPLES, samples, sizeof(samples),
		  "{\"flags\":[],\"series\":[],\"setup\":{},\"varying\":{}}", "cannot be read" },
		{ WIRE_SAMPLES, samples, sizeof(samples),
		  "{\"overhead\":1,\"flags\":[{\"flag\":999,\"arm\":0,\"detail\":\"\"}],\"series\":"
		  "[],\"setup\":{}"
		  ","
		  "\"varying\":{}}",
		  "cannot be read" },
		{ WIRE_SAMPLES, samples, sizeof(samples),
		  "{\"overhead\":1,\"flags\":[{\"flag\":-1,\"arm\":0,\"detail\":\"\"}],\"series\":["
		  "],\"setup\":{},"
		  "\"varying\":{}}",
		  "cannot be read" },
		{ WIRE_SAMPLES, samples, sizeof(samples),
		  "{\"overhead\":1,\"flags\":[{}],\"series\":[],\"setup\":{},\"varying\":{}}",
		  "cannot be read" },
		{ WIRE_JOB, "{}", 2, NULL, "cannot be read" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sampler_result got;
		struct reason why = { "" };
		int ret;

		close_pair(NULL);
		assert_int_equal(make_pair(NULL), 0);
		wire_send(pair[0], cases[i].type, cases[i].data, cases[i].bytes);
		if (cases[i].result)
			wire_send(pair[0], WIRE_RESULT, cases[i].result, strlen(cases[i].result));
		shutdown(pair[0], SHUT_WR);
		ret = result_receive(pair[1], 2, &got, &why);
		if (ret != -EPROTO || !strstr(why.text, cases[i].part))
			fail_msg("case %zu: %d, '%s'", i, ret, why.text);
		sampler_result_free(&got);
	}
}

static void a_result_that_comes_twice_is_not_leaked(void **state)
{
	struct sampler_result got;
	struct reason why = { "" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		wire_send(pair[0], WIRE_SAMPLES, samples, sizeof(samples));
		wire_send(pair[0], WIRE_PARTS, parts, sizeof(parts[0]));
	}
	wire_send(pair[0], WIRE_RESULT, WHOLE, strlen(WHOLE));
	assert_int_equal(result_receive(pair[1], 2, &got, &why), 0);
	assert_int_equal(got.n_samples, ARRAY_SIZE(samples));
	assert_int_equal(got.n_parts, 1);
	sampler_result_free(&got);
}

static void what_the_invocation_says_is_passed_on(void **state)
{
	static const struct wire_error words = { -ENOMEM, { "128G do not fit: 20G would" } },
				       no_error = { 0, { "hm" } };
	static const struct {
		const void *data;
		size_t bytes;
		int err; /* 0: any */
		const char *text;
	} cases[] = {
		{ &words, sizeof(words), -ENOMEM, "128G do not fit: 20G would" },
		{ &no_error, sizeof(no_error), 0, NULL },
		{ &words, sizeof(words) - 1, 0, NULL },
		{ "torn", 4, 0, NULL },
		{ "", 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sampler_result got;
		struct reason why = { "" };
		int ret;

		wire_send(pair[0], WIRE_ERROR, cases[i].data, cases[i].bytes);
		ret = result_receive(pair[1], 2, &got, &why);
		/* Whatever came, there is an error and a line of words. */
		if (ret >= 0 || !*why.text || (cases[i].err && ret != cases[i].err) ||
		    (cases[i].text && strcmp(why.text, cases[i].text)))
			fail_msg("case %zu: %d, '%s'", i, ret, why.text);
		sampler_result_free(&got);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pair, close_pair)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(jobs_arrive_as_they_were_sent),
		TEST(senseless_jobs_are_refused),
		TEST(no_job_is_said_so),
		TEST(results_arrive_as_they_were_made),
		TEST(senseless_results_are_refused),
		TEST(a_result_that_comes_twice_is_not_leaked),
		TEST(what_the_invocation_says_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
