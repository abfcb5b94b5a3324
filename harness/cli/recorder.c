// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/core/hash.h"

#define MAX_FINDINGS 64

static int64_t unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int put_host(struct recorder *rec, const struct machine *m, struct reason *why)
{
	struct store_host h = {
		.id = m->env.host,
		.name = m->env.hostname,
		.cpu = m->cpu.brand,
		.family = m->cpu.family,
		.model = m->cpu.model,
		.stepping = m->cpu.stepping,
		.packages = topo_packages(m->topo),
		.llcs = topo_llcs(m->topo),
		.cpus = topo_cpus(m->topo),
		.memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
	};

	return store_put_host(rec->store, &h, why);
}

/*
 * Under -icount, and in Bochs, the TSC moves by one with each instruction, whatever rate the guest
 * believes it to have; that rate only paces the run.
 */
static int put_boot(struct recorder *rec, const struct machine *m, const struct tick_clock *clock,
		    struct reason *why)
{
	enum clock_unit unit = lane_clock(m->lane);
	char *identity = json_canonical(m->env.identity);
	struct store_boot b = {
		.boot_id = m->env.boot,
		.host = m->env.host,
		.environment = m->env.hash,
		.identity = identity,
		.lane = m->lane,
		.clock = unit,
		.tick_hz = unit == CLOCK_UNIT_INSN ? 1e9 : clock->hz,
		.resolution = clock->resolution,
		.overhead = clock->overhead,
	};
	int ret = identity ? store_put_boot(rec->store, &b, &rec->boot, why)
			   : reason_set(why, -ENOMEM, "out of memory");

	free(identity);
	return ret;
}

static char *paired_json(const struct bench_info *b)
{
	json_t *list = json_array();
	char *text;

	for (unsigned i = 0; i < bench_factors(b); i++)
		if (bench_factor(b, i)->paired)
			json_array_append_new(list, json_string(bench_factor(b, i)->name));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static char *dump_and_release(json_t *j)
{
	char *text = json_canonical(j);

	json_decref(j);
	return text;
}

static void free_cells(struct store_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free((char *)cells[i].hash);
		free((char *)cells[i].factors);
		free((char *)cells[i].paired);
		free((char *)cells[i].asked);
	}
	free(cells);
}

static int fill_cell(const struct planned_cell *p, struct store_cell *c)
{
	char hash[HASH_TEXT];

	*c = (struct store_cell){
		.benchmark = p->cell.bench->name,
		.version = p->cell.bench->version,
		.factors = dump_and_release(cell_json(&p->cell)),
		.asked = dump_and_release(cell_asked_json(&p->cell)),
		.paired = paired_json(p->cell.bench),
		.arm_group = p->group,
		.arm = p->arm,
		.state = p->state,
		.kind = p->kind,
		.reason = *p->reason.text ? p->reason.text : NULL,
	};
	if (!c->factors || !c->asked || !c->paired)
		return -ENOMEM;
	hash_cell(c->benchmark, c->version, c->factors, hash);
	c->hash = strdup(hash);
	return c->hash ? 0 : -ENOMEM;
}

static size_t fill_metrics(const struct plan *plan, struct store_metric *metrics, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_cells; i++) {
		const struct bench_info *b = plan->cells[i].cell.bench;
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= plan->cells[k].cell.bench == b;
		for (unsigned m = 0; !seen && b->metrics[m].name && n < max; m++)
			metrics[n++] = (struct store_metric){ b->name,
							      b->version,
							      b->metrics[m].name,
							      b->metrics[m].quantity,
							      b->metrics[m].per,
							      b->metrics[m].bytes_per };
	}
	return n;
}

static int put_run(struct recorder *rec, const struct machine *m, const struct plan *plan,
		   const struct recorder_run *run, struct reason *why)
{
	struct store_cell *cells = calloc(plan->n_cells, sizeof(*cells));
	struct store_metric metrics[64];
	size_t n = fill_metrics(plan, metrics, 64);
	char *varying = json_canonical(m->env.varying);
	struct store_run r = {
		.uuid = rec->uuid,
		.boot = rec->boot,
		.label = run->label,
		.seed = run->seed,
		.argv = run->argv,
		.plan = run->plan,
		.tool = TDCOST_VERSION,
		.varying = varying,
		.started = unix_ms(),
	};
	int ret = cells && varying ? 0 : -ENOMEM;

	for (size_t i = 0; i < plan->n_cells && !ret; i++)
		ret = fill_cell(&plan->cells[i], &cells[i]);
	if (ret)
		reason_set(why, ret, "out of memory");
	else
		ret = store_begin_run(rec->store, &r, metrics, n, cells, plan->n_cells, why);
	free_cells(cells, cells ? plan->n_cells : 0);
	free(varying);
	return ret;
}

/*
 * What doctor says of things that a run judges better itself (steal while it samples, counters
 * when events are asked for, paging when a VM is measured) is not a remark on every run.
 */
static bool concerns_run(int flag)
{
	return flag >= 0 && flag != FLAG_STEAL && flag != FLAG_NO_COUNTERS &&
	       flag != FLAG_NO_TWO_DIMENSIONAL_PAGING;
}

static int put_findings(struct recorder *rec, const struct machine *m, struct reason *why)
{
	struct finding found[MAX_FINDINGS];
	struct store_flag flags[MAX_FINDINGS];
	size_t n = trust_check(m, found, MAX_FINDINGS), n_flags = 0;

	for (size_t i = 0; i < n && i < MAX_FINDINGS; i++)
		if (concerns_run(found[i].flag))
			flags[n_flags++] = (struct store_flag){ (enum trust_flag)found[i].flag,
								found[i].fatal, -1, -1,
								found[i].what };
	return n_flags ? store_put_flags(rec->store, rec->uuid, flags, n_flags, why) : 0;
}

int recorder_begin(struct recorder *rec, const struct machine *m, const struct plan *plan,
		   const struct recorder_run *run, const struct tick_clock *clock,
		   struct reason *why)
{
	int ret = put_host(rec, m, why);

	store_new_uuid(rec->uuid);
	if (!ret)
		ret = put_boot(rec, m, clock, why);
	if (!ret)
		ret = put_run(rec, m, plan, run, why);
	if (!ret)
		ret = put_findings(rec, m, why);
	return ret;
}

/* Is it still the plan that the run was begun with? Nothing is written before that is known. */
static int check_same(struct recorder *rec, const struct plan *plan, const char *uuid,
		      struct reason *why)
{
	struct store_cell *cells = calloc(plan->n_cells, sizeof(*cells));
	struct store_run_data data;
	int ret = cells ? store_load_run(rec->store, uuid, &data, why)
			: reason_set(why, -ENOMEM, "out of memory");

	if (ret) {
		free(cells);
		return ret;
	}
	for (size_t i = 0; i < plan->n_cells && !ret; i++)
		ret = fill_cell(&plan->cells[i], &cells[i]);
	if (ret)
		reason_set(why, ret, "out of memory");
	else if (strcmp(data.tool, TDCOST_VERSION))
		ret = reason_set(why, -ESTALE,
				 "run %.8s was begun by tdcost %s, this is %s; begin anew", uuid,
				 data.tool, TDCOST_VERSION);
	else
		ret = store_same_plan(&data, cells, plan->n_cells, why);
	free_cells(cells, plan->n_cells);
	store_free_run(&data);
	return ret;
}

int recorder_resume(struct recorder *rec, const struct machine *m, const struct plan *plan,
		    const char *uuid, const struct tick_clock *clock, unsigned *first_round,
		    struct reason *why)
{
	struct store_run_data data;
	int ret = check_same(rec, plan, uuid, why);

	snprintf(rec->uuid, sizeof(rec->uuid), "%s", uuid);
	if (!ret)
		ret = put_host(rec, m, why);
	if (!ret)
		ret = put_boot(rec, m, clock, why);
	if (!ret)
		ret = store_resume_run(rec->store, uuid, rec->boot, &data, why);
	if (ret)
		return ret;
	*first_round = data.run.rounds;
	store_free_run(&data);
	return 0;
}

/* The rows of one invocation, with what they borrow. */
struct rows {
	struct store_flag *flags;
	struct store_part *parts;
	char *setup, *varying;
};

static int fill_rows(const struct run_invocation *inv, struct rows *rows,
		     struct store_invocation *out)
{
	const struct sampler_result *r = &inv->result;

	rows->flags = calloc(r->n_flags + 1, sizeof(*rows->flags));
	rows->parts = calloc(r->n_parts + 1, sizeof(*rows->parts));
	rows->setup = json_canonical(r->setup);
	rows->varying = json_canonical(r->varying);
	if (!rows->flags || !rows->parts || !rows->setup || !rows->varying)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_flags; i++)
		rows->flags[i] = (struct store_flag){ r->flags[i].flag,
						      trust_flag_info(r->flags[i].flag)->fatal,
						      (int)inv->group, r->flags[i].arm,
						      r->flags[i].detail };
	for (size_t i = 0; i < r->n_parts; i++)
		rows->parts[i] = (struct store_part){ r->parts[i].seq,
						      r->series[r->parts[i].series].metric,
						      r->series[r->parts[i].series].subject,
						      r->parts[i].value };
	*out = (struct store_invocation){
		.round = inv->round,
		.position = inv->position,
		.arm_group = inv->group,
		.cpu = inv->cpu,
		.node = inv->node,
		.overhead = r->overhead,
		.setup = rows->setup,
		.varying = rows->varying,
		.started = inv->started,
		.samples = r->samples,
		.n_samples = r->n_samples,
		.flags = rows->flags,
		.n_flags = r->n_flags,
		.parts = rows->parts,
		.n_parts = r->n_parts,
	};
	return 0;
}

int recorder_round(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why)
{
	struct recorder *rec = ctx;
	struct store_invocation *out = calloc(n, sizeof(*out));
	struct rows *rows = calloc(n, sizeof(*rows));
	int ret = out && rows ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++)
		ret = fill_rows(&inv[i], &rows[i], &out[i]);
	if (ret)
		reason_set(why, ret, "out of memory");
	else
		ret = store_put_round(rec->store, rec->uuid, rec->boot, out, n, why);
	for (size_t i = 0; rows && i < n; i++) {
		free(rows[i].flags);
		free(rows[i].parts);
		free(rows[i].setup);
		free(rows[i].varying);
	}
	free(rows);
	free(out);
	return ret;
}

/* A setting that changed under the run makes its figures those of no machine. */
static int flag_changes(struct recorder *rec, const struct machine *before, struct reason *why)
{
	struct store_flag flag = { FLAG_ENVIRONMENT_CHANGED, true, -1, -1, NULL };
	struct env after;
	char *detail;
	json_t *changes;
	int ret = env_record(&after, before->root, &before->cpu, before->topo, why);

	if (ret)
		return ret;
	changes = json_differences(before->env.identity, after.identity);
	if (json_array_size(changes)) {
		detail = json_dumps(changes, JSON_COMPACT);
		flag.detail = detail ? detail : "?";
		ret = store_put_flags(rec->store, rec->uuid, &flag, 1, why);
		free(detail);
	}
	json_decref(changes);
	env_free(&after);
	return ret;
}

int recorder_end(struct recorder *rec, const struct machine *before, enum run_state state,
		 struct reason *why)
{
	int ret = flag_changes(rec, before, why);

	return ret ? ret : store_end_run(rec->store, rec->uuid, state, unix_ms(), why);
}
