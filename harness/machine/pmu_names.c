// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/machine/pmu_names.h"

#include <ctype.h>
#include <errno.h>
#include <perfmon/pfmlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/nearest.h"

#define NAME_BYTES 96

/* "pmu::event:umask" without the umasks, in lower case. */
struct event_name {
	char pmu[NAME_BYTES];
	char event[NAME_BYTES];
};

struct names {
	size_t n, room;
	char **list;
};

static void lower(char *to, const char *from, size_t n)
{
	size_t i = 0;

	for (; from[i] && i + 1 < n; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[i] = '\0';
}

static struct event_name split(const char *name)
{
	struct event_name e = { "", "" };
	const char *colons = strstr(name, "::");

	if (colons) {
		lower(e.pmu, name, sizeof(e.pmu));
		e.pmu[(size_t)(colons - name) < sizeof(e.pmu) ? colons - name : 0] = '\0';
		name = colons + 2;
	}
	lower(e.event, name, sizeof(e.event));
	e.event[strcspn(e.event, ":")] = '\0';
	return e;
}

static void names_add(struct names *s, const char *name)
{
	char text[NAME_BYTES];

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 128;
		char **more = reallocarray(s->list, room, sizeof(*more));

		/* Out of memory: a suggestion from fewer names. */
		if (!more)
			return;
		s->list = more;
		s->room = room;
	}
	lower(text, name, sizeof(text));
	s->list[s->n] = strdup(text);
	if (s->list[s->n])
		s->n++;
}

static void names_free(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i]);
	free(s->list);
}

/* A PMU whose name holds @part ("zen4"), else the nearest by spelling. */
static const char *like_pmu(const struct names *pmus, const char *part)
{
	for (size_t i = 0; *part && i < pmus->n; i++)
		if (strstr(pmus->list[i], part))
			return pmus->list[i];
	return nearest_name(part, (const char *const *)pmus->list, pmus->n);
}

/* Add the PMU's events to @all. Return: does it have @event? */
static bool look_in_pmu(const pfm_pmu_info_t *pmu, const char *event, struct names *all)
{
	bool found = false;

	for (int i = pmu->first_event; i != -1; i = pfm_get_event_next(i)) {
		pfm_event_info_t info = { .size = sizeof(info) };

		if (pfm_get_event_info(i, PFM_OS_NONE, &info) != PFM_SUCCESS)
			break;
		if (!strcasecmp(info.name, event))
			found = true;
		if (all)
			names_add(all, info.name);
	}
	return found;
}

int pmu_name_explain(const char *name, struct reason *why)
{
	struct event_name e = split(name);
	struct names pmus = { 0 }, events = { 0 };
	char owner[NAME_BYTES] = "";
	const char *guess;
	bool pmu_known = false;
	int err = -EINVAL;
	pfm_pmu_t p;

	pfm_for_all_pmus(p)
	{
		pfm_pmu_info_t info = { .size = sizeof(info) };
		bool asked;

		if (pfm_get_pmu_info(p, &info) != PFM_SUCCESS)
			continue;
		names_add(&pmus, info.name);
		asked = !strcasecmp(info.name, e.pmu);
		pmu_known |= asked;
		if (e.pmu[0] && !asked)
			continue;
		if (look_in_pmu(&info, e.event, asked || info.is_present ? &events : NULL))
			snprintf(owner, sizeof(owner), "%s", info.name);
	}
	if (owner[0])
		err = reason_set(why, -ENOENT, "%s: an event of %s, which this machine is not",
				 name, owner);
	else if (e.pmu[0] && !pmu_known)
		reason_set(why, err, "event '%s': there is no PMU '%s'; did you mean '%s'?", name,
			   e.pmu, like_pmu(&pmus, e.pmu));
	else {
		guess = nearest_name(e.event, (const char *const *)events.list, events.n);
		reason_set(why, err, "there is no event '%s'; did you mean '%s'?", name,
			   guess ? guess : "page-faults");
	}
	names_free(&pmus);
	names_free(&events);
	return err;
}
