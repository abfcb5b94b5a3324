// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
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

#include "harness/run/wire.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

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

static void hang_up(unsigned end)
{
	close(pair[end]);
	pair[end] = -1;
}

static void put(const void *data, size_t n)
{
	assert_int_equal(write(pair[0], data, n), n);
}

static void messages_arrive_as_they_were_sent(void **state)
{
	static const struct {
		enum wire_type type;
		const char *text;
	} cases[] = {
		{ WIRE_JOB, "{}" },  { WIRE_RESULT, "" },	{ WIRE_SAMPLES, "a\nb" },
		{ WIRE_PARTS, "x" }, { WIRE_ERROR, "no room" },
	};
	size_t bytes;
	void *data;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			wire_send(pair[0], cases[i].type, cases[i].text, strlen(cases[i].text)), 0);
	hang_up(0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(wire_receive(pair[1], &data, &bytes), cases[i].type);
		assert_int_equal(bytes, strlen(cases[i].text));
		/* Text may be used as it is: a NUL stands behind it. */
		assert_string_equal(data, cases[i].text);
		free(data);
	}
	assert_int_equal(wire_receive(pair[1], &data, &bytes), 0);
	assert_null(data);
	assert_int_equal(bytes, 0);
}

#define BIG (8u << 20) /* more than any socket buffer holds */

static void *send_big(void *arg)
{
	static int ret;

	ret = wire_send(pair[0], WIRE_SAMPLES, arg, BIG);
	return &ret;
}

static void large_messages_pass_in_pieces(void **state)
{
	unsigned char *big = malloc(BIG);
	pthread_t sender;
	size_t bytes;
	void *data, *ret;

	(void)state;
	assert_non_null(big);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (unsigned char)(i * 131 >> 3);
	assert_int_equal(pthread_create(&sender, NULL, send_big, big), 0);
	assert_int_equal(wire_receive(pair[1], &data, &bytes), WIRE_SAMPLES);
	pthread_join(sender, &ret);
	assert_int_equal(*(int *)ret, 0);
	assert_int_equal(bytes, BIG);
	assert_int_equal(memcmp(data, big, BIG), 0);
	free(data);
	free(big);
}

static void senseless_heads_are_refused(void **state)
{
	static const struct wire_head heads[] = {
		{ 0, 0, 4 },
		{ WIRE_ERROR + 1, 0, 4 },
		{ UINT32_MAX, 0, 4 },
		{ WIRE_JOB, 0, WIRE_MAX + 1 },
		{ WIRE_JOB, 0, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		size_t bytes = 1;
		void *data = &bytes;

		put(&heads[i], sizeof(heads[i]));
		assert_int_equal(wire_receive(pair[1], &data, &bytes), -EPROTO);
		assert_null(data);
		assert_int_equal(bytes, 0);
	}
}

static void torn_messages_are_refused(void **state)
{
	static const struct wire_head head = { WIRE_RESULT, 0, 100 };
	char body[100] = "";
	/* Bytes that arrive before the other end is gone; 0 is a clean end. */
	static const size_t torn[] = { 1, sizeof(head) - 1, sizeof(head), sizeof(head) + 1,
				       sizeof(head) + 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(torn); i++) {
		size_t in_head = torn[i] < sizeof(head) ? torn[i] : sizeof(head), bytes;
		void *data;

		close_pair(NULL);
		assert_int_equal(make_pair(NULL), 0);
		put(&head, in_head);
		if (torn[i] > in_head)
			put(body, torn[i] - in_head);
		hang_up(0);
		if (wire_receive(pair[1], &data, &bytes) != -EPROTO || data)
			fail_msg("%zu bytes", torn[i]);
	}
}

/* A process that dies with unread data before it resets the connection. */
static void a_reset_is_an_end(void **state)
{
	size_t bytes;
	void *data;

	(void)state;
	assert_int_equal(wire_send(pair[1], WIRE_JOB, "never read", 10), 0);
	hang_up(0);
	assert_int_equal(wire_receive(pair[1], &data, &bytes), 0);
	assert_null(data);
}

static void sending_to_nobody_is_an_error_and_no_signal(void **state)
{
	(void)state;
	hang_up(1);
	assert_int_equal(wire_send(pair[0], WIRE_RESULT, "x", 1), -EPIPE);
}

static void a_bad_descriptor_is_an_error(void **state)
{
	size_t bytes;
	void *data;

	(void)state;
	assert_int_equal(wire_send(-1, WIRE_RESULT, "x", 1), -EBADF);
	assert_int_equal(wire_receive(-1, &data, &bytes), -EBADF);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pair, close_pair)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(messages_arrive_as_they_were_sent),
		TEST(large_messages_pass_in_pieces),
		TEST(senseless_heads_are_refused),
		TEST(torn_messages_are_refused),
		TEST(a_reset_is_an_end),
		TEST(sending_to_nobody_is_an_error_and_no_signal),
		TEST(a_bad_descriptor_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
