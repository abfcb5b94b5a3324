// SPDX-License-Identifier: GPL-2.0-or-later
/* From what was asked of `run` to a plan and its schedule's shape, and back from the store. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/run_ask.h"
#include "harness/core/units.h"
#include "harness/machine/hotplug.h"
#include "results/analysis/stats.h"

#define MIN_SLICE_NS 20000000ull
#define MIN_BLOCKS   5
/* Of a preset: where blocks are long, time is better spent on more processes, which are what n counts. */
#define FEW_BLOCKS     3
#define MAX_BLOCKS     1000
#define DEFAULT_ROUNDS 10
#define MAX_ROUNDS     100000
#define COUNT_SLOWNESS 10

/* Does @b have the factor that @setting names? Senseless settings count as known: plan_add() tells. */
static bool knows(const struct bench_info *b, const char *setting)
{
	const char *eq = strchr(setting, '=');
	char name[64];

	if (!eq || (size_t)(eq - setting) >= sizeof(name))
		return true;
	memcpy(name, setting, (size_t)(eq - setting));
	name[eq - setting] = '\0';
	return bench_find_factor(b, name) >= 0;
}

/* One benchmark with the settings of a preset line and, after them, those of the command line. */
static int plan_bench(struct plan *plan, const struct machine *m, const struct bench_info *b,
		      const char *const *line, bool all, struct reason *why)
{
	const char *settings[MAX_SETTINGS + PRESET_SETTINGS];
	size_t n = 0;

	for (; line && line[n]; n++)
		settings[n] = line[n];
	for (size_t i = 0; i < run_ask.n_settings; i++)
		if (all || knows(b, run_ask.settings[i]))
			settings[n++] = run_ask.settings[i];
	return plan_add(plan, m, b, settings, n, why);
}

/* A setting that no benchmark of this run knows is a mistake, not something to pass over. */
static bool all_known(const struct bench_info *const *benches, size_t n)
{
	for (size_t i = 0; i < run_ask.n_settings; i++) {
		bool known = false;

		for (size_t k = 0; k < n; k++)
			known |= knows(benches[k], run_ask.settings[i]);
		if (!known)
			return false;
	}
	return true;
}

static int plan_preset(struct plan *plan, const struct machine *m, struct reason *why)
{
	const struct bench_info *benches[64] = { NULL };
	const struct preset_line *lines = run_ask.preset->lines;
	size_t n = 0;
	bool known;

	for (; n < 64 && lines[n].bench; n++)
		benches[n] = bench_find(lines[n].bench);
	known = all_known(benches, n);
	for (size_t i = 0; i < n; i++) {
		int ret = plan_bench(plan, m, benches[i], lines[i].settings, !known, why);

		if (ret)
			return ret;
	}
	return 0;
}

static int plan_named(struct plan *plan, const struct machine *m, struct reason *why)
{
	const struct bench_info *benches[MAX_BENCHES] = { NULL };
	size_t n = run_ask.n_benches;
	bool known;

	for (size_t i = 0; i < n; i++) {
		benches[i] = bench_find(run_ask.benches[i]);
		if (!benches[i])
			return reason_set(why, -EINVAL,
					  "there is no benchmark '%s'; did you mean '%s'? "
					  "`tdcost list` shows them",
					  run_ask.benches[i], bench_nearest(run_ask.benches[i]));
	}
	known = all_known(benches, n);
	for (size_t i = 0; i < n; i++) {
		int ret = plan_bench(plan, m, benches[i], NULL, !known, why);

		if (ret)
			return ret;
	}
	return 0;
}

void run_recover(const struct cli *cli)
{
	struct reason why = { "" };

	if (hotplug_recover("", &why))
		cli_error(cli, 0, "%s", why.text);
}

int run_plan(struct plan *plan, const struct machine *m, struct reason *why)
{
	plan->allow_disruptive = run_ask.allow_disruptive;
	return run_ask.n_benches ? plan_named(plan, m, why) : plan_preset(plan, m, why);
}

int run_check_cpu(const struct machine *m, struct reason *why)
{
	if (run_ask.cpu >= 0 && topo_core_of(m->topo, (unsigned)run_ask.cpu) < 0)
		return reason_set(why, -EINVAL,
				  "--cpu %d: this process may not use it; there are %u CPUs",
				  run_ask.cpu, topo_cpus(m->topo));
	return 0;
}

#define MAX_CPUS 8192

int run_calibrate(const struct machine *m, struct tick_clock *clock, unsigned ms,
		  struct reason *why)
{
	struct run_config c = { .cpu = run_ask.cpu };
	size_t bytes = CPU_ALLOC_SIZE(MAX_CPUS);
	cpu_set_t *was = CPU_ALLOC(MAX_CPUS);
	int ret;

	if (!was)
		return reason_set(why, -ENOMEM, "out of memory");
	if (sched_getaffinity(0, bytes, was)) {
		ret = reason_set(why, -errno, "cannot read the CPU affinity: %s", strerror(errno));
	} else {
		ret = topo_bind_thread(m->topo, run_cpu(m, NULL, &c, 0, 0), why);
		if (!ret)
			ret = clock_calibrate(clock, &m->cpu, ms, why);
		sched_setaffinity(0, bytes, was);
	}
	CPU_FREE(was);
	return ret;
}

/* An emulator takes 10 to 50 ns for an instruction, which its clock counts as 1 ns. */
static void assume_budget(enum lane lane)
{
	duration_parse(run_ask.preset ? run_ask.preset->budget : "60s", &run_ask.budget_ns);
	if (lane_clock(lane) == CLOCK_UNIT_INSN)
		run_ask.budget_ns /= COUNT_SLOWNESS;
}

void run_fill_config(const struct plan *plan, enum lane lane, struct run_config *c)
{
	bool wide = run_ask.precision > 0 && !run_ask.rounds;
	/* S8: a preset declares its budget, unless somebody declares how many rounds there are. */
	bool declared = run_ask.preset && !run_ask.rounds;
	bool cut = !run_ask.budget_shapes &&
		   (run_ask.budget_given || run_ask.precision > 0 || declared);
	unsigned least = declared ? FEW_BLOCKS : MIN_BLOCKS;
	uint64_t each;

	if (!run_ask.rounds)
		run_ask.rounds = run_ask.preset ? run_ask.preset->rounds : DEFAULT_ROUNDS;
	if (!run_ask.budget_given && !run_ask.budget_shapes)
		assume_budget(lane);
	each = run_ask.budget_ns / (run_ask.rounds * (plan->n_groups ? plan->n_groups : 1));
	/* The other half is for set-up, verification, and blocks that are longer than a slice. */
	if (declared)
		each /= 2;
	*c = (struct run_config){
		.seed = run_ask.seed,
		/* A width is declared: as many rounds as it takes, slices as for the usual number. */
		.rounds = wide ? MAX_ROUNDS : (unsigned)run_ask.rounds,
		/* Starting a process is not sampling. */
		.slice_ns = each > 2 * MIN_SLICE_NS ? each - MIN_SLICE_NS : MIN_SLICE_NS,
		/* A budget that was only assumed shapes the slices and cuts nothing off. */
		.budget_ns = cut ? run_ask.budget_ns : 0,
		/* S7: a preset comes to a verdict, also on a machine for which it is too large. */
		.least_rounds = declared && !run_ask.budget_given ? STAT_MIN_INVOCATIONS : 0,
		.min_blocks = run_ask.blocks && run_ask.blocks < least ? (unsigned)run_ask.blocks
								       : least,
		.max_blocks = run_ask.blocks ? (unsigned)run_ask.blocks : MAX_BLOCKS,
		.cpu = run_ask.cpu,
		.events = run_ask.events,
		.n_events = run_ask.n_events,
	};
	if (run_ask.sets)
		c->rounds *= run_ask.sets;
}

char *run_ask_json(const struct plan *plan, const struct run_config *c)
{
	json_t *benches = json_array(), *settings = json_array(), *events = json_array(), *j;
	char *text;

	for (size_t i = 0; i < run_ask.n_benches; i++)
		json_array_append_new(benches, json_string(run_ask.benches[i]));
	for (size_t i = 0; i < run_ask.n_settings; i++)
		json_array_append_new(settings, json_string(run_ask.settings[i]));
	for (unsigned i = 0; i < run_ask.n_events; i++)
		json_array_append_new(events, json_string(run_ask.events[i]));
	j = json_pack(
		"{s:s?, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:i, s:i, s:i, s:i, s:f, s:b, s:i}",
		"preset", run_ask.preset ? run_ask.preset->name : NULL, "benchmarks", benches,
		"settings", settings, "events", events, "groups", (int)plan->n_groups, "rounds",
		(int)c->rounds, "slice_ns", (json_int_t)c->slice_ns, "budget_ns",
		(json_int_t)c->budget_ns, "least_rounds", (int)c->least_rounds, "min_blocks",
		(int)c->min_blocks, "max_blocks", (int)c->max_blocks, "cpu", c->cpu, "precision",
		run_ask.precision, "allow_disruptive", run_ask.allow_disruptive, "sets",
		(int)run_ask.sets);
	text = json_canonical(j);
	json_decref(j);
	return text;
}

/* The strings of a JSON array, copied: they outlive it. */
static size_t take_strings(const json_t *list, const char **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < max; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text)
			out[n++] = strdup(text);
	}
	return n;
}

int run_ask_restore(const char *text, struct run_config *c, struct reason *why)
{
	json_t *j = json_loads(text, 0, NULL), *preset, *benches, *settings, *events;
	json_int_t slice, budget;
	int rounds, min_blocks, max_blocks, cpu, disruptive = 0, least_rounds = 0, sets = 0,
						 ret = 0;

	/* Older runs do not say whether anything disruptive was allowed, and lack some numbers. */
	if (json_unpack(j, "{s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:i, s:i, s:i, s:F, s?b, s?i, s?i}",
			"preset", &preset, "benchmarks", &benches, "settings", &settings, "events",
			&events, "rounds", &rounds, "slice_ns", &slice, "budget_ns", &budget,
			"min_blocks", &min_blocks, "max_blocks", &max_blocks, "cpu", &cpu,
			"precision", &run_ask.precision, "allow_disruptive", &disruptive,
			"least_rounds", &least_rounds, "sets", &sets) ||
	    sets < 0 || (sets && rounds % sets)) {
		ret = reason_set(why, -EINVAL,
				 "the run's plan cannot be read; it was made by another version; "
				 "begin anew");
		goto out;
	}
	run_ask.preset = json_is_string(preset) ? preset_find(json_string_value(preset)) : NULL;
	run_ask.n_benches = take_strings(benches, run_ask.benches, MAX_BENCHES);
	run_ask.n_settings = take_strings(settings, run_ask.settings, MAX_SETTINGS);
	run_ask.n_events = (unsigned)take_strings(events, run_ask.events, PMU_MAX_EVENTS);
	if (!run_ask.n_benches && !run_ask.preset) {
		ret = reason_set(why, -EINVAL,
				 "the run's plan names a preset that this version does not have; "
				 "begin anew");
		goto out;
	}
	run_ask.cpu = cpu;
	run_ask.sets = (unsigned)sets;
	run_ask.rounds = (uint64_t)(sets ? rounds / sets : rounds);
	run_ask.allow_disruptive = disruptive;
	*c = (struct run_config){
		.rounds = (unsigned)rounds,
		.slice_ns = (uint64_t)slice,
		.budget_ns = (uint64_t)budget,
		.least_rounds = (unsigned)least_rounds,
		.min_blocks = (unsigned)min_blocks,
		.max_blocks = (unsigned)max_blocks,
		.cpu = cpu,
		.events = run_ask.events,
		.n_events = run_ask.n_events,
	};
out:
	json_decref(j);
	return ret;
}
