// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * size: time of a whole shutdown against the memory that is given back, with the erratum, without
 * it, and of a plain VM, on the same axes; and what its absence saves, absolute and in percent.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "plots/along.h"
#include "plots/feeds.h"
#include "results/published/published.h"

static bool is_drawn(const struct published_row *row)
{
	return row->guest_gib > 0 && row->before_s > 0 && row->after_s > 0;
}

static void add_points(const struct published *p, bool before, struct along_apart *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct published_row *from = &p->rows[i];
		struct feed_row *row = &out->rows[out->n];

		if (!is_drawn(from))
			continue;
		*row = (struct feed_row){ .x = from->guest_gib,
					  .value = before ? from->before_s : from->after_s,
					  .lo = NAN,
					  .hi = NAN };
		snprintf(row->label, sizeof(row->label), "%s",
			 before ? "pages removed first" : "HKID released first");
		out->n++;
	}
}

/* vCPUs grow with the size, so that this is no curve of the size alone: the name says which. */
static void name_panel(const struct published *p, char *name, size_t n)
{
	size_t at = (size_t)snprintf(name, n, "PUBLISHED by others, measured nowhere here; vCPUs:");

	for (size_t i = 0; i < p->n && at < n; i++)
		if (is_drawn(&p->rows[i]))
			at += (size_t)snprintf(name + at, n - at, " %g", p->rows[i].vcpus);
	if (at < n)
		snprintf(name + at, n - at, "; hardware not stated; see `tdcost published`");
}

static int published_apart(struct along_apart *out, struct reason *why)
{
	struct published p;
	int ret = published_load(&p, why);

	if (ret)
		return ret;
	out->rows = calloc(2 * p.n + 1, sizeof(*out->rows));
	if (out->rows) {
		add_points(&p, true, out);
		add_points(&p, false, out);
		name_panel(&p, out->name, sizeof(out->name));
	} else {
		ret = reason_set(why, -ENOMEM, "out of memory");
	}
	out->x_name = "memory of the TD, GiB";
	out->y_name = "s per teardown";
	published_free(&p);
	return ret;
}

int size_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	static const char *const inside[] = {
		"path", "leaf", "quirk", "mem", "type", "exit", NULL
	};
	static const struct along_pair saved = {
		.factor = "quirk",
		.a = "on",
		.b = "off",
		.difference = "saving by quirk=off",
		.percent = "saving by quirk=off",
	};
	static const struct along size = {
		.factor = "size",
		.x_name = "memory",
		.bytes = true,
		.log = true,
		.together = true,
		.title = "shutdown time against size",
		.note = ALONG_POINTS " at each size; saving: paired difference on - off, median "
				     "over blocks, mean over invocations, its 95 % t interval; in "
				     "percent it is more than a real "
				     "TD's, whose SEAMCALLs take time, here only what seam says",
		.none = "no benchmark was measured with several sizes; try `tdcost run teardown "
			"-p size=64M,256M,1G`",
		.inside = inside,
		.apart = published_apart,
		.pair = &saved,
	};

	return along_feed(&size, data, runs, n, why);
}
