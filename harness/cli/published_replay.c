// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fit against a replay that was measured: what of the modelled time per leaf is spent on this
 * machine too, and what would be left for SEAM. Two machines stand side by side here, so everything
 * but the replay's own figures is modelled.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/effects.h"
#include "harness/cli/published_replay.h"
#include "harness/core/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BENCHMARK     "teardown"
#define PER_LEAF      "4 KiB page"
#define PHASE	      "phase"
#define LEAF_BYTES    4096

static const struct replay_path paths[] = {
	{ "dynamic", MODEL_BEFORE, 4 }, /* BLOCK, TRACK, REMOVE, PAGE.WBINVD */
	{ "teardown", MODEL_AFTER, 1 }, /* RECLAIM */
};

/* What the published TDs were, as far as it is known; and nothing made up, nothing left out. */
static const struct {
	const char *factor, *level;
} needed[] = {
	{ "leaf", "4K" },
	{ "dpamt", "off" },
	{ "threads", "1" },
	{ "leave_out", "none" },
};

/* ---- which cells ---- */

static const struct replay_path *path_of(const struct report_cell *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!strcmp(report_level(c, "path"), paths[i].level))
			return &paths[i];
	return NULL;
}

/* The published kernels cleared every page. */
static bool clears(const struct report_cell *c)
{
	return !strcmp(report_level(c, "quirk"), "on") ||
	       !strcmp(report_level(c, "reset"), "always");
}

/* What a benchmark of this version does not have yet cannot be set wrongly. */
static bool as_needed(const struct report_cell *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		const char *level = report_level(c, needed[i].factor);

		if (*level && strcmp(level, needed[i].level))
			return false;
	}
	return true;
}

static bool fits(const struct report_cell *c)
{
	return c->row->state == CELL_PLANNED && c->has_data &&
	       !strcmp(c->row->benchmark, BENCHMARK) && c->metric && path_of(c) && clears(c) &&
	       as_needed(c) && report_without_seamcalls(c) && c->row->kind != KIND_MODELLED;
}

/* ---- its phases ---- */

const struct report_value *replay_phase(const struct report *r, const struct report_cell *c,
					size_t i)
{
	for (size_t k = 0; k < r->n_values; k++)
		if (r->values[k].cell == c && !strcmp(r->values[k].name, PHASE) && !i--)
			return &r->values[k];
	return NULL;
}

static const struct report_value *phase_named(const struct report *r, const struct report_cell *c,
					      const char *name)
{
	const struct report_value *v;

	for (size_t i = 0; (v = replay_phase(r, c, i)); i++)
		if (!strcmp(v->subject, name))
			return v;
	return NULL;
}

/*
 * Is it a step of a teardown? The marks' own time is not, nor are waiting and being off the CPU; what
 * no mark covers is explained by nothing.
 */
bool replay_explains(const struct report_value *v)
{
	static const char *const steps[] = { "block", "track",	 "kick",  "remove",
					     "flush", "reclaim", "reset", "pamt",
					     "hkid",  "control", "free" };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (!strcmp(v->subject, steps[i]))
			return true;
	return false;
}

static double explained(const struct report *r, const struct replay_line *l)
{
	const struct report_value *v;
	double sum = 0;

	if (!replay_phase(r, l->cell, 0))
		return l->wall_ns;
	for (size_t i = 0; (v = replay_phase(r, l->cell, i)); i++)
		sum += replay_explains(v) ? v->level / l->pages : 0;
	return sum;
}

static bool make_line(const struct published_replay *p, const struct report_cell *c,
		      struct replay_line *l)
{
	const struct model *m = &p->fit->model;
	uint64_t vcpus, bytes;

	if (count_parse(report_level(c, "vcpus"), &vcpus) ||
	    size_parse(report_level(c, "size"), &bytes) || !vcpus || !bytes)
		return false;
	*l = (struct replay_line){ .cell = c,
				   .path = path_of(c),
				   .vcpus = (double)vcpus,
				   .pages = (double)bytes / LEAF_BYTES };
	/* Of a page, or of a whole teardown. */
	l->wall_ns = c->sum.level / (strcmp(c->metric->per, PER_LEAF) ? l->pages : 1);
	l->explained_ns = explained(p->report, l);
	l->fitted_ns = model_us(m, l->vcpus, l->path->of) * 1e3;
	l->beyond = l->path->of == MODEL_BEFORE &&
		    (l->vcpus < m->vcpus_lo || l->vcpus > m->vcpus_hi);
	return true;
}

/* ---- what follows from a line ---- */

double replay_remains(const struct replay_line *l)
{
	return l->fitted_ns - l->explained_ns;
}

double replay_delay_ns(const struct replay_line *l)
{
	return replay_remains(l) > 0 ? replay_remains(l) / l->path->seamcalls : NAN;
}

/* ---- what to keep in mind ---- */

/* The line of @of with the most vCPUs that has the phase. */
static const struct report_value *phase_of(const struct published_replay *p, enum model_path of,
					   const char *name, const struct replay_line **line)
{
	const struct report_value *found = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct replay_line *l = &p->lines[i];
		const struct report_value *v = phase_named(p->report, l->cell, name);

		if (!v || l->path->of != of || (found && l->vcpus <= (*line)->vcpus))
			continue;
		found = v;
		*line = l;
	}
	return found;
}

static void note(struct published_replay *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct published_replay *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(p->notes, json_string(text));
}

static void note_phases(struct published_replay *p)
{
	const struct replay_line *l = NULL;
	const struct report_value *v = phase_of(p, MODEL_AFTER, "reset", &l);

	if (v && !isnan(p->fit->clear_us))
		note(p,
		     "phase reset takes %.0f ns per leaf here (%s); the hypothesis above says %.0f "
		     "ns "
		     "there",
		     v->level / l->pages, kind_name(l->cell->row->kind), p->fit->clear_us * 1e3);
	v = phase_of(p, MODEL_BEFORE, "kick", &l);
	if (v && !isnan(p->fit->model.us[MODEL_KICK]))
		note(p,
		     "phase kick takes %.1f ns per leaf and vCPU here (%g vCPUs, %s of them in "
		     "guest "
		     "mode); the fit says %.0f ns there",
		     v->level / l->pages / l->vcpus, l->vcpus, report_level(l->cell, "in_guest"),
		     p->fit->model.us[MODEL_KICK] * 1e3);
}

/* The delay of the first line of @of that has one, NAN where none has. */
static double delay_of(const struct published_replay *p, enum model_path of)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->lines[i].path->of == of && !isnan(replay_delay_ns(&p->lines[i])))
			return replay_delay_ns(&p->lines[i]);
	return NAN;
}

/* One fit, so both ways in one run: RECLAIM is the only SEAMCALL of a leaf in the one, and not in the other. */
static void note_delays(struct published_replay *p)
{
	double dynamic = delay_of(p, MODEL_BEFORE), teardown = delay_of(p, MODEL_AFTER);

	if (!isnan(dynamic) && !isnan(teardown))
		note(p,
		     "`tdcost run " BENCHMARK
		     " -p seam=%.0f -p seam_reclaim=%.0f` replays both ways "
		     "with these delays in one run; its figures are modelled, fitted to published "
		     "rows, and validate nothing",
		     dynamic, teardown);
}

static void make_notes(struct published_replay *p)
{
	bool beyond = false, over = false;

	for (size_t i = 0; i < p->n; i++) {
		beyond |= p->lines[i].beyond;
		over |= replay_remains(&p->lines[i]) <= 0;
	}
	note(p, "the published hardware is not stated and is not this machine: wall and explained "
		"were measured here, fitted is of there, and a difference of the two is no "
		"measurement");
	note(p,
	     "explained is the time of the phases that are steps of a teardown; where a run has no "
	     "phases, its wall time");
	note(p, "remains is all that the replay leaves out or does faster: SEAMCALLs, those of "
		"S-EPT and control pages among them, but also locks, KVM's walk and other memory; "
		"divided by the SEAMCALLs of a leaf it is a delay for `tdcost run " BENCHMARK
		" -p seam=N`, or seam_reclaim=N of path=teardown, and no cost of a SEAMCALL");
	note_delays(p);
	if (beyond)
		note(p, "*: no fitted row has as few or as many vCPUs; fitted is extrapolated");
	if (over)
		note(p, "where the replay takes as long as the fitted time or longer, no delay "
			"follows");
	note_phases(p);
}

/* ---- making it ---- */

static int no_cell(const struct report *r, struct reason *why)
{
	return reason_set(why, -EINVAL,
			  "run %.8s holds no cell of " BENCHMARK " with leaf=4K, quirk=on (or "
			  "reset=always), dpamt=off, threads=1, seam=0, leave_out=none; "
			  "`tdcost run " BENCHMARK " -p quirk=on` makes some",
			  r->data.run.uuid);
}

int published_replay_make(const struct published_fit *f, const struct report *r,
			  struct published_replay **out, struct reason *why)
{
	struct published_replay *p;

	if (r->data.run.clock != CLOCK_UNIT_NS)
		return reason_set(why, -EINVAL,
				  "run %.8s counts %s, and published figures are times: name a run "
				  "of lane host or vm",
				  r->data.run.uuid, clock_unit_name(r->data.run.clock));
	p = calloc(1, sizeof(*p));
	if (p) {
		*p = (struct published_replay){ .fit = f, .report = r, .notes = json_array() };
		p->lines = calloc(r->n_cells + 1, sizeof(*p->lines));
	}
	if (!p || !p->lines) {
		published_replay_free(p);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < r->n_cells; i++)
		if (fits(&r->cells[i]))
			p->n += make_line(p, &r->cells[i], &p->lines[p->n]);
	if (!p->n) {
		published_replay_free(p);
		return no_cell(r, why);
	}
	make_notes(p);
	*out = p;
	return 0;
}

void published_replay_free(struct published_replay *p)
{
	if (!p)
		return;
	json_decref(p->notes);
	free(p->lines);
	free(p);
}

bool published_replay_fatal(const struct published_replay *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->lines[i].cell->fatal)
			return true;
	return false;
}
