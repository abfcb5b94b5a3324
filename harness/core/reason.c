// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/core/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int reason_set(struct reason *why, int err, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return err;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return err;
}

int reason_prefix(struct reason *why, int err, const char *fmt, ...)
{
	char was[sizeof(why->text)], head[128];
	va_list ap;

	if (!why)
		return err;
	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	memcpy(was, why->text, sizeof(was));
	/* Cut the tail, never the culprit's name: the head comes first. */
	snprintf(why->text, sizeof(why->text), "%s: %.*s", head,
		 (int)(sizeof(why->text) - sizeof(head) - 3), was);
	return err;
}
