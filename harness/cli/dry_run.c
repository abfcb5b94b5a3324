// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/dry_run.h"

#include <stdlib.h>
#include <string.h>

#include "harness/core/units.h"

#define SHOWN_ROUNDS 100

/* The budget, where there is one: what the schedule takes is less only where all blocks are short. */
static uint64_t most_ns(const struct plan *plan, const struct run_config *c)
{
	return c->budget_ns ? c->budget_ns : run_estimate_ns(plan, c);
}

static json_t *dry_group(const struct arm_group *g)
{
	json_t *arms = json_array();

	for (unsigned i = 0; i < g->n_arms; i++)
		json_array_append_new(arms, cell_json(&g->arms[i]));
	return json_pack("{s:s, s:s?, s:o}", "benchmark", g->bench->name, "disruptive",
			 g->bench->disruptive, "arms", arms);
}

static int dry_json(const struct cli *cli, const struct machine *m, const struct plan *plan,
		    const struct run_config *c, const struct detectable *d)
{
	json_t *groups = json_array(), *rounds = json_array(), *skipped = json_array();
	unsigned order[PLAN_MAX_CELLS];

	for (unsigned g = 0; g < plan->n_groups; g++)
		json_array_append_new(groups, dry_group(&plan->groups[g]));
	for (unsigned r = 0; r < c->rounds && r < SHOWN_ROUNDS; r++) {
		json_t *one = json_array();

		plan_order(plan, c->seed, r, order);
		for (unsigned g = 0; g < plan->n_groups; g++)
			json_array_append_new(
				one, json_pack("{s:i, s:i}", "group", (int)order[g], "cpu",
					       (int)run_cpu(m, plan->groups[order[g]].bench, c, r,
							    order[g])));
		json_array_append_new(rounds, one);
	}
	for (size_t i = 0; i < plan->n_cells; i++)
		if (plan->cells[i].state == CELL_SKIPPED)
			json_array_append_new(skipped,
					      json_pack("{s:o, s:s}", "cell",
							cell_json(&plan->cells[i].cell), "reason",
							plan->cells[i].reason.text));
	return cli_print_json(
		cli, json_pack("{s:I, s:f, s:I, s:o, s:o, s:o, s:o}", "seed", (json_int_t)c->seed,
			       "seconds", (double)most_ns(plan, c) / 1e9, "slice_ns",
			       (json_int_t)c->slice_ns, "groups", groups, "rounds", rounds,
			       "skipped", skipped, "detectable",
			       d->pairs ? json_pack("{s:f, s:s, s:s}", "share", d->share, "where",
						    d->where, "run", d->run)
					: json_null()));
}

static bool said_before(const struct plan *plan, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (plan->cells[k].state == CELL_SKIPPED &&
		    !strcmp(plan->cells[k].reason.text, plan->cells[i].reason.text))
			return true;
	return false;
}

void dry_print_skipped(const struct plan *plan, FILE *to, const char *indent)
{
	for (size_t i = 0; i < plan->n_cells; i++) {
		const struct planned_cell *p = &plan->cells[i];
		size_t n = 0;

		if (p->state != CELL_SKIPPED || said_before(plan, i))
			continue;
		for (size_t k = i; k < plan->n_cells; k++)
			n += plan->cells[k].state == CELL_SKIPPED &&
			     !strcmp(plan->cells[k].reason.text, p->reason.text);
		fprintf(to, "%sskipped: %zu cell%s of %s: %s\n", indent, n, n == 1 ? "" : "s",
			p->cell.bench->name, p->reason.text);
	}
}

int dry_run(const struct cli *cli, const struct machine *m, const struct plan *plan,
	    const struct run_config *c, const struct detectable *d)
{
	unsigned order[PLAN_MAX_CELLS];
	char took[32], slice[32], least[48] = "", text[256];

	if (cli->json)
		return dry_json(cli, m, plan, c, d);
	for (unsigned g = 0; g < plan->n_groups; g++) {
		const struct arm_group *group = &plan->groups[g];

		printf("group %u: %s, %u arm%s in one process%s%s\n", g, group->bench->name,
		       group->n_arms, group->n_arms == 1 ? "" : "s",
		       group->bench->disruptive ? "; it " : "",
		       group->bench->disruptive ? group->bench->disruptive : "");
		for (unsigned i = 0; i < group->n_arms; i++)
			printf("  %s\n",
			       cell_text(&group->arms[i], UINT32_MAX, text, sizeof(text)));
	}
	dry_print_skipped(plan, stdout, "");
	printf("\nseed %llu, %u rounds of %u group%s:\n", (unsigned long long)c->seed, c->rounds,
	       plan->n_groups, plan->n_groups == 1 ? "" : "s");
	for (unsigned r = 0; r < c->rounds && r < SHOWN_ROUNDS; r++) {
		printf("  round %u:", r + 1);
		plan_order(plan, c->seed, r, order);
		for (unsigned g = 0; g < plan->n_groups; g++)
			printf(" %u@cpu%u", order[g],
			       run_cpu(m, plan->groups[order[g]].bench, c, r, order[g]));
		putchar('\n');
	}
	if (c->rounds > SHOWN_ROUNDS)
		printf("  and so on: the stopping rule or the budget ends it\n");
	if (c->least_rounds)
		snprintf(least, sizeof(least), ", but %u rounds in any case", c->least_rounds);
	printf("\n%s, %s%s: %s in each process, %u to %u blocks\n",
	       duration_format((double)most_ns(plan, c), took, sizeof(took)),
	       c->budget_ns ? "as no round is begun that would end later"
			    : "if no block is longer than its slice",
	       least, duration_format((double)c->slice_ns, slice, sizeof(slice)), c->min_blocks,
	       c->max_blocks);
	if (d->pairs)
		printf("judging by run %s, a change of %.2g %% or more would be found with 80 %% "
		       "power "
		       "(%s)\n",
		       d->run, d->share * 100, d->where);
	return EXIT_DONE;
}
