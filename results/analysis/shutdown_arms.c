// SPDX-License-Identifier: GPL-2.0-or-later
/* Which cells are arms of a shutdown, what memory each gives back, and how much work a whole one is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/units.h"
#include "results/analysis/shutdown.h"

#define REPLAY	      "teardown"
#define VM	      "vm"
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What memory a level means. Page size NULL: that of the replay's leaves. */
static const struct {
	const char *benchmark, *factor, *level, *backing, *page;
} backings[] = {
	{ REPLAY, "backing", "4k", "base pages", NULL },
	{ REPLAY, "backing", "thp", "transparent huge pages", NULL },
	{ VM, "mem", "anon", "base pages", "4K" },
	{ VM, "mem", "thp", "transparent huge pages", "2M" },
	{ VM, "mem", "hugetlb", "hugetlb pages", "2M" },
	{ VM, "mem", "guest_memfd", "a guest_memfd", "4K" },
};

/* What a benchmark's time may be told of, and of how many bytes that is; 0: of all there are. */
static const struct {
	const char *per;
	uint64_t bytes;
} pers[] = {
	{ "4 KiB page", 4096 },
	{ "teardown", 0 },
	{ "TD", 0 },
	{ "VM", 0 },
};

/*
 * The one place where a time becomes that of a whole shutdown: how many units of its benchmark's work
 * one of @bytes is. Return: 0, or -EINVAL for a unit that nobody declared here.
 */
static int units_of(const struct report *r, const struct report_cell *c, uint64_t bytes,
		    double *units, struct reason *why)
{
	const char *per = c->metric ? c->metric->per : "unit of work";

	for (size_t i = 0; i < ARRAY_SIZE(pers); i++) {
		if (strcmp(pers[i].per, per))
			continue;
		*units = pers[i].bytes ? (double)bytes / (double)pers[i].bytes : 1;
		return 0;
	}
	return reason_set(why, -EINVAL,
			  "%s of run %.8s tells its time per %s, of which nobody says how many a "
			  "shutdown has; measure again with this version",
			  c->row->benchmark, r->data.run.uuid, per);
}

static int memory_of(const struct report *r, const struct report_cell *c, struct shutdown_memory *m,
		     struct reason *why)
{
	const char *benchmark = c->row->benchmark;

	*m = (struct shutdown_memory){ .nodes = c->nodes };
	for (size_t i = 0; i < ARRAY_SIZE(backings) && !m->backing; i++) {
		const char *page = backings[i].page;

		if (strcmp(backings[i].benchmark, benchmark) ||
		    strcmp(report_level(c, backings[i].factor), backings[i].level))
			continue;
		if (!size_parse(page ? page : report_level(c, "leaf"), &m->page))
			m->backing = backings[i].backing;
	}
	if (m->backing && !size_parse(report_level(c, "size"), &m->bytes) && m->bytes)
		return 0;
	return reason_set(
		why, -EINVAL,
		"%s of run %.8s (%s) does not say what its memory was; measure again with "
		"this version",
		benchmark, r->data.run.uuid, c->label);
}

/* A replay that leaves a step out is no shutdown. */
static bool is_arm(const struct report_cell *c)
{
	const char *out = report_level(c, "leave_out");

	if (!c->has_data || c->row->state != CELL_PLANNED)
		return false;
	if (!strcmp(c->row->benchmark, REPLAY))
		return !*out || !strcmp(out, "none");
	return !strcmp(c->row->benchmark, VM);
}

static bool told_apart(const char *factor)
{
	static const char *const known[] = { "quirk", "size", "backing", "leaf", "mem", "type" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], factor))
			return true;
	return false;
}

/* What it is, and by which factors the arms of its benchmark differ. */
static void name_arm(struct shutdown_arm *a, bool several_runs)
{
	static const char *const what[] = {
		[SHUTDOWN_REPLAY] = "replay", [SHUTDOWN_VM] = "VM", [SHUTDOWN_TD] = "TD"
	};
	const char *always = a->what == SHUTDOWN_REPLAY ? "path" : "exit", *key;
	const char *type = report_level(a->cell, "type");
	size_t size = sizeof(a->name), at;
	json_t *value;

	snprintf(a->name, size, "%s%s", a->plain ? "plain " : "", what[a->what]);
	if (a->what == SHUTDOWN_VM && *type && strcmp(type, "plain"))
		snprintf(a->name, size, "VM type=%s", type);
	json_object_foreach(a->cell->factors, key, value) {
		at = strlen(a->name);
		if (!strcmp(key, always) ||
		    (!told_apart(key) && report_varies(a->report, a->cell->row->benchmark, key)))
			snprintf(a->name + at, size - at, " %s=%s", key, json_string_value(value));
	}
	at = strlen(a->name);
	if (several_runs)
		snprintf(a->name + at, size - at, " in %.8s", a->report->data.run.uuid);
}

static int make_arm(const struct report *r, const struct report_cell *c, bool several_runs,
		    struct shutdown_arm *a, struct reason *why)
{
	const char *type = report_level(c, "type");
	int ret;

	*a = (struct shutdown_arm){ .report = r,
				    .cell = c,
				    .mode = report_level(c, "quirk"),
				    .against_on = -1,
				    .against_plain = -1 };
	if (!strcmp(c->row->benchmark, VM)) {
		a->what = strcmp(type, "tdx") ? SHUTDOWN_VM : SHUTDOWN_TD;
		a->plain = !strcmp(type, "plain") && !strcmp(a->mode, "none");
	}
	if (a->what == SHUTDOWN_TD && !strcmp(a->mode, "none"))
		return reason_set(why, -EINVAL,
				  "the TD of run %.8s does not say whether its kernel cleared the "
				  "pages; measure again with quirk=auto",
				  r->data.run.uuid);
	ret = memory_of(r, c, &a->memory, why);
	if (!ret)
		ret = units_of(r, c, a->memory.bytes, &a->units, why);
	if (!ret)
		name_arm(a, several_runs);
	return ret;
}

/* Why a run that asked for @benchmark has none of it; NULL where it did not ask. */
static const char *why_skipped(const struct report *const *runs, size_t n, const char *benchmark)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < runs[i]->n_cells; k++) {
			const struct store_cell_row *row = runs[i]->cells[k].row;

			if (row->state == CELL_SKIPPED && row->reason &&
			    !strcmp(row->benchmark, benchmark))
				return row->reason;
		}
	return NULL;
}

/* What a case is made of. */
enum part { REPLAY_ON, REPLAY_OFF, A_TD, PLAIN_VM, PARTS };

static bool is_part(const struct shutdown_arm *a, enum part p)
{
	switch (p) {
	case REPLAY_ON:
		return a->what == SHUTDOWN_REPLAY && !strcmp(a->mode, "on");
	case REPLAY_OFF:
		return a->what == SHUTDOWN_REPLAY && !strcmp(a->mode, "off");
	case A_TD:
		return a->what == SHUTDOWN_TD;
	default:
		return a->plain;
	}
}

/* What measures the part that is missing: a plain VM like the first arm that needs one. */
static void command_for(const struct shutdown *s, enum part p, char *buf, size_t n)
{
	static const struct {
		const char *backing, *mem;
	} mems[] = {
		{ "transparent huge pages", "thp" },
		{ "hugetlb pages", "hugetlb" },
		{ "a guest_memfd", "guest_memfd" },
	};
	const struct shutdown_memory *like = s->n_arms ? &s->arms[0].memory : NULL;
	bool vm = p == PLAIN_VM;
	const char *extra = "";
	size_t at;

	for (size_t i = 0; like && i < ARRAY_SIZE(mems); i++)
		if (!strcmp(mems[i].backing, like->backing))
			extra = mems[i].mem;
	snprintf(buf, n, "tdcost run %s -p quirk=on,off%s", vm ? "vm" : REPLAY, vm ? ",none" : "");
	at = strlen(buf);
	if (vm && *extra)
		snprintf(buf + at, n - at, " -p mem=%s", extra);
	else if (!strcmp(extra, "thp"))
		snprintf(buf + at, n - at, " -p backing=thp -p leaf=2M");
	at = strlen(buf);
	if (like)
		snprintf(buf + at, n - at, " -p size=%s", report_level(s->arms[0].cell, "size"));
}

/*
 * The arms without which there is no case: a plain VM, and beside it a replay in both modes or a TD,
 * whose mode is its kernel's, so that the other one is of another run.
 */
static int all_there(const struct report *const *runs, size_t n, const struct shutdown *s,
		     struct reason *why)
{
	static const struct {
		const char *benchmark, *what;
	} parts[PARTS] = {
		[REPLAY_ON] = { REPLAY, "replay with quirk=on" },
		[REPLAY_OFF] = { REPLAY, "replay with quirk=off" },
		[A_TD] = { VM, "TD" },
		[PLAIN_VM] = { VM, "plain VM (vm, quirk=none)" },
	};
	bool found[PARTS] = { false };

	for (size_t k = 0; k < s->n_arms; k++)
		for (enum part p = 0; p < PARTS; p++)
			found[p] |= is_part(&s->arms[k], p);
	for (enum part p = 0; p < PARTS; p++) {
		const char *skipped = why_skipped(runs, n, parts[p].benchmark);
		char command[200];

		if (found[p] || p == A_TD || (p != PLAIN_VM && found[A_TD]))
			continue;
		command_for(s, p, command, sizeof(command));
		return reason_set(
			why, -ENOENT,
			"run %.8s%s has no %s%s%s%s; `%s` measures it, `tdcost run --preset "
			"shutdown` all arms",
			runs[0]->data.run.uuid, n > 1 ? " and the other" : "", parts[p].what,
			skipped ? " (skipped: " : "", skipped ? skipped : "", skipped ? ")" : "",
			command);
	}
	return 0;
}

int shutdown_find_arms(const struct report *const *runs, size_t n, struct shutdown *out,
		       struct reason *why)
{
	size_t room = 1;

	for (size_t i = 0; i < n; i++)
		room += runs[i]->n_cells;
	*out = (struct shutdown){ .arms = calloc(room, sizeof(*out->arms)) };
	if (!out->arms)
		return reason_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < runs[i]->n_cells; k++) {
			int ret = 0;

			if (is_arm(&runs[i]->cells[k]))
				ret = make_arm(runs[i], &runs[i]->cells[k], n > 1,
					       &out->arms[out->n_arms++], why);
			if (ret)
				return ret;
		}
	return all_there(runs, n, out, why);
}

static bool same_factors_but_mode(const struct shutdown_arm *a, const struct shutdown_arm *b)
{
	const char *key;
	json_t *value;

	json_object_foreach(a->cell->factors, key, value) {
		if (strcmp(key, "quirk") &&
		    strcmp(json_string_value(value), report_level(b->cell, key)))
			return false;
	}
	return true;
}

bool shutdown_same_but_mode(const struct shutdown_arm *a, const struct shutdown_arm *b)
{
	/* Of a TD each mode has a kernel or machine of its own, and so a run. */
	if (a->what == SHUTDOWN_TD && a->report != b->report)
		return b->what == SHUTDOWN_TD && same_factors_but_mode(a, b);
	return a->report == b->report && a->cell->row->arm_group == b->cell->row->arm_group &&
	       same_factors_but_mode(a, b);
}

char *shutdown_nodes_text(uint64_t nodes, char *buf, size_t n)
{
	snprintf(buf, n, "%s", nodes ? "" : "unknown");
	for (unsigned i = 0; i < 64; i++) {
		size_t at = strlen(buf);

		if (nodes >> i & 1)
			snprintf(buf + at, n - at, "%s%u%s", at ? "," : "", i, i < 63 ? "" : "+");
	}
	return buf;
}

char *shutdown_memory_text(const struct shutdown_memory *m, char *buf, size_t n)
{
	char size[32], page[32], nodes[200];

	snprintf(buf, n, "%s in %s, page size %s, node %s",
		 size_format(m->bytes, size, sizeof(size)), m->backing,
		 size_format(m->page, page, sizeof(page)),
		 shutdown_nodes_text(m->nodes, nodes, sizeof(nodes)));
	return buf;
}
