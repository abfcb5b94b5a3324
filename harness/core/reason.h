/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reason.h: why something cannot be done, in one line for the person who asked.
 *
 * Functions return 0 or a negative errno; the errno says what kind of failure it was and the
 * reason says, in words, what the culprit is and what to do about it.
 */
#ifndef TDC_CORE_REASON_H
#define TDC_CORE_REASON_H

struct reason {
	char text[1024];
};

/**
 * reason_set() - record why a call fails
 * @why: where the words go; NULL drops them
 * @err: the negative errno that the caller is about to return
 * @fmt: printf format of one line, no newline, naming the culprit and what to do
 *
 * Return: @err, so that callers can write `return reason_set(why, -ENOENT, ...)`.
 */
int reason_set(struct reason *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * reason_prefix() - put the place of a failure before its words
 *
 * Turns "no such level" into "reset: no such level". Return: @err.
 */
int reason_prefix(struct reason *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
