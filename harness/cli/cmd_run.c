// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli/calibrate.h"
#include "harness/cli/cli.h"
#include "harness/cli/dry_run.h"
#include "harness/cli/precision.h"
#include "harness/cli/recorder.h"
#include "harness/cli/run_ask.h"
#include "harness/cli/show.h"
#include "harness/core/units.h"
#include "harness/run/progress.h"

#define CALIBRATE_MS 250

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

static int check_events(struct reason *why)
{
	struct pmu pmu;
	int ret = run_ask.n_events ? pmu_open(&pmu, run_ask.events, run_ask.n_events, why) : 0;

	if (run_ask.n_events && !ret)
		pmu_close(&pmu);
	return ret;
}

static int calibrate(const struct machine *m, struct tick_clock *clock, struct reason *why)
{
	int ret = run_calibrate(m, clock, CALIBRATE_MS, why);

	if (!ret && stop)
		ret = reason_set(why, -EINTR, "interrupted before anything was measured");
	return ret;
}

static char *argv_json(const struct cli *cli)
{
	json_t *list = json_array();
	char *text;

	json_array_append_new(list, json_string("tdcost"));
	json_array_append_new(list, json_string(cli->command->name));
	for (int i = 1; i < cli->argc; i++)
		json_array_append_new(list, json_string(cli->argv[i]));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static int show_run(const struct cli *cli, struct recorder *rec, enum run_state state,
		    unsigned rounds, unsigned planned)
{
	struct reason why = { "" };
	struct report report;
	int ret, status;

	if (state == RUN_INTERRUPTED)
		cli_error(cli, 0, "interrupted: %u of %u rounds are kept in %s%s%.8s", rounds,
			  planned, cli->db, rounds ? "; go on with: tdcost run --resume " : "",
			  rounds ? rec->uuid : "");
	if (!rounds)
		return EXIT_FAILED;
	ret = report_load(rec->store, rec->uuid, &report, &why);
	if (ret)
		return cli_fail(cli, ret, &why);
	status = show_report(cli, &report, false);
	report_free(&report);
	return state == RUN_INTERRUPTED ? EXIT_FAILED : status;
}

static void catch_signals(void)
{
	struct sigaction end = { .sa_handler = on_stop }, ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* What a round goes through: the store, and the stopping rule where one was declared. */
struct rounds {
	struct recorder rec;
	struct precision precision;
	const struct cli *cli;
	const struct run_config *config;
	uint64_t started_ns;
	bool said; /* how long it takes */
};

/* What of a preset is left out when @fits rounds are taken, and what to do about it. */
static char *reduced_to(const struct run_config *c, uint64_t each_ns, unsigned fits, char *buf,
			size_t n)
{
	unsigned left = c->rounds - c->first_round, all = c->first_round + fits;
	char budget[32], whole[32], verdict[80] = "", more[80] = "";

	*buf = '\0';
	duration_format((double)c->budget_ns, budget, sizeof(budget));
	if (fits >= left)
		return buf;
	/* A budget that somebody named ends it whatever --rounds says. */
	if (!run_ask.budget_given && !run_ask.resume)
		snprintf(more, sizeof(more), "; --rounds %u takes them all, in about %s", c->rounds,
			 duration_format((double)each_ns * left, whole, sizeof(whole)));
	if (all < STAT_MIN_INVOCATIONS)
		snprintf(verdict, sizeof(verdict), ", a verdict needs %d: take --budget %s",
			 STAT_MIN_INVOCATIONS,
			 duration_format((double)each_ns * STAT_MIN_INVOCATIONS, whole,
					 sizeof(whole)));
	if (all == c->least_rounds && each_ns * fits > c->budget_ns)
		snprintf(buf, n, ", %u of %u are taken, as a verdict needs, in more than %s%s", all,
			 c->rounds, budget, more);
	else if (each_ns > c->budget_ns)
		snprintf(buf, n, ", more than all of %s, and is the only one of %u%s%s", budget,
			 c->rounds, verdict, more);
	else
		snprintf(buf, n, ", %u of %u fit into %s%s%s", all, c->rounds, budget, verdict,
			 more);
	return buf;
}

/* How long a preset takes on this machine, by its first round: only that one knows all its parts. */
static void say_how_long(struct rounds *r)
{
	const struct run_config *c = r->config;
	uint64_t each = monotonic_ns() - r->started_ns;
	unsigned fits = run_rounds_that_fit(c, each, 1);
	char one[32], all[32], reduced[256];

	r->said = true;
	if (!run_ask.preset || !c->budget_ns || run_ask.precision > 0)
		return;
	if (c->progress)
		fputs("\r\033[K", c->progress);
	cli_error(r->cli, 0, "about %s on this machine: a round takes %s%s",
		  duration_format((double)each * fits, all, sizeof(all)),
		  duration_format((double)each, one, sizeof(one)),
		  reduced_to(c, each, fits, reduced, sizeof(reduced)));
}

/* The round is in the store, and nothing is measured until the command has ended. */
static void after_round(const struct cli *cli)
{
	const char *command = getenv("TDCOST_AFTER_ROUND");
	int status = command && *command ? system(command) : 0;

	/* system() ignores a Ctrl-C that the command got. */
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM))
		stop = 1;
	else if (status)
		cli_error(cli, 0, "TDCOST_AFTER_ROUND: '%s' failed; the run goes on without it",
			  command);
}

static int take_round(void *ctx, const struct run_invocation *inv, size_t n, struct reason *why)
{
	struct rounds *r = ctx;
	int ret = recorder_round(&r->rec, inv, n, why);

	if (!ret && !r->said)
		say_how_long(r);
	if (!ret && r->precision.ds && precision_add(&r->precision, inv, n))
		ret = reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		after_round(r->cli);
	if (!ret && run_ask.between)
		run_ask.between(r->cli, r->config, inv->round + 1);
	return ret;
}

/* S8: which rule ended the run. */
static void say_why_stopped(const struct cli *cli, const struct precision *p,
			    const struct run_config *c, unsigned rounds)
{
	unsigned all = c->first_round + rounds;
	const char *rule = all == c->rounds ? "as --rounds says" : "by the budget";

	if (!p->ds || !rounds)
		return;
	if (p->until && all >= p->until)
		cli_error(cli, 0, "stopped after %u rounds: every interval is within +-%g %%", all,
			  p->target * 100);
	else if (p->until)
		cli_error(cli, 0,
			  "stopped after %u rounds, %s: every interval is within +-%g %%, but %u "
			  "rounds were to follow to keep their coverage",
			  all, rule, p->target * 100, p->until - all);
	else if (!isfinite(p->widest))
		cli_error(cli, 0, "stopped after %u round%s, %s: too few for an interval", all,
			  all == 1 ? "" : "s", rule);
	else
		cli_error(cli, 0,
			  "stopped after %u rounds, %s: the widest interval is +-%.2g %%, not "
			  "+-%g %% (%s)",
			  all, rule, p->widest * 100, p->target * 100, p->where);
}

static int begin(const struct cli *cli, const struct machine *m, const struct plan *plan,
		 struct run_config *c, struct recorder *rec, struct reason *why)
{
	struct recorder_run run = { .label = run_ask.label, .seed = c->seed };
	char *argv = argv_json(cli), *asked = run_ask_json(plan, c);
	int ret = argv && asked ? 0 : reason_set(why, -ENOMEM, "out of memory");

	run.argv = argv;
	run.plan = asked;
	if (!ret)
		ret = calibrate(m, &c->clock, why);
	if (!ret)
		ret = recorder_begin(rec, m, plan, &run, &c->clock, why);
	free(argv);
	free(asked);
	return ret;
}

/* What the finished rounds hold, for the stopping rule. */
static int take_stored(void *ctx, const struct store_invocation_row *inv,
		       const struct sample *samples, size_t n)
{
	return dataset_add(ctx, inv->arm_group, inv->round, samples, n, inv->overhead,
			   inv->unit_per_tick);
}

/* Rounds into an open store. Return: exit status. */
static int measure_into(const struct cli *cli, const struct machine *m, const struct plan *plan,
			struct run_config *c, struct rounds *r)
{
	struct run_sink sink = { take_round, r };
	struct reason why = { "" }, end_why = { "" };
	enum run_state state = RUN_FAILED;
	unsigned rounds = 0;
	int status = 0, end, ret = 0;

	if (run_ask.precision > 0) {
		r->precision = (struct precision){ .plan = plan,
						   .clock = &c->clock,
						   .target = run_ask.precision,
						   .widest = INFINITY,
						   .ds = dataset_new() };
		c->enough = precision_reached;
		c->enough_ctx = &r->precision;
		if (c->first_round)
			ret = store_each_invocation(r->rec.store, r->rec.uuid, false, take_stored,
						    r->precision.ds, &why);
	}
	if (ret)
		return cli_fail(cli, ret, &why);
	run_warn_busy(cli, m, plan, c);
	r->cli = cli;
	r->config = c;
	r->started_ns = monotonic_ns();
	ret = run_loop(plan, m, c, &sink, &state, &rounds, &why);
	if (ret)
		status = cli_error(cli,
				   cli_status(ret) == EXIT_USAGE ? EXIT_FAILED : cli_status(ret),
				   "%s (%u of %u rounds are kept in %s)", why.text,
				   c->first_round + rounds, c->rounds, cli->db);
	end = recorder_end(&r->rec, m, state, &end_why);
	if (!ret && end)
		status = cli_fail(cli, end, &end_why);
	if (!status && state == RUN_DONE)
		say_why_stopped(cli, &r->precision, c, rounds);
	dataset_free(r->precision.ds);
	if (!status && run_ask.after && state == RUN_DONE)
		return run_ask.after(cli, r->rec.store, r->rec.uuid, r->rec.boot);
	return status ? status : show_run(cli, &r->rec, state, c->first_round + rounds, c->rounds);
}

static int measure(const struct cli *cli, const struct machine *m, const struct plan *plan,
		   struct run_config *c)
{
	struct rounds r = { 0 };
	struct reason why = { "" };
	int status, ret;

	catch_signals();
	status = cli_open_store(cli, STORE_CREATE, &r.rec.store);
	if (status)
		return status;
	ret = begin(cli, m, plan, c, &r.rec, &why);
	status = ret ? cli_fail(cli, ret, &why) : measure_into(cli, m, plan, c, &r);
	store_close(r.rec.store);
	return status;
}

/* ---- --resume ---- */

/* The run that --resume means: its uuid, and what was asked for it. Return: exit status. */
static int find_interrupted(const struct cli *cli, struct store *store, char uuid[40],
			    struct run_config *c)
{
	struct store_run_row *rows = NULL;
	struct store_run_data data;
	struct reason why = { "" };
	int n = store_select(store, run_ask.resume, &rows, &why), ret;

	if (n < 0)
		return cli_error(cli, EXIT_USAGE, "%s", why.text);
	snprintf(uuid, 40, "%s", rows[0].uuid);
	c->seed = rows[0].seed;
	free(rows);
	if (n > 1)
		return cli_error(cli, EXIT_USAGE,
				 "'%s' means %d runs; name one of them, such as %.8s",
				 run_ask.resume, n, uuid);
	ret = store_load_run(store, uuid, &data, &why);
	if (ret)
		return cli_fail(cli, ret, &why);
	ret = run_ask_restore(data.plan, c, &why);
	c->seed = data.run.seed;
	c->first_round = data.run.rounds;
	if (!ret && data.run.state == RUN_DONE)
		ret = reason_set(&why, -EALREADY,
				 "run %.8s is done; there is nothing to go on with", uuid);
	store_free_run(&data);
	return ret ? cli_error(cli, EXIT_USAGE, "%s", why.text) : 0;
}

static int resume_with(const struct cli *cli, const struct machine *m, const char *uuid,
		       struct plan *plan, struct run_config *c, struct rounds *r)
{
	struct reason why = { "" };
	int ret = run_plan(plan, m, &why);

	c->progress = isatty(STDERR_FILENO) ? stderr : NULL;
	c->stop = &stop;
	if (!ret)
		ret = calibrate(m, &c->clock, &why);
	if (!ret)
		ret = recorder_resume(&r->rec, m, plan, uuid, &c->clock, &c->first_round, &why);
	if (ret == -ESTALE || ret == -EALREADY)
		return cli_error(cli, EXIT_USAGE, "%s", why.text);
	return ret ? cli_fail(cli, ret, &why) : measure_into(cli, m, plan, c, r);
}

/* All comes from the run: what is typed beside it would be passed over. */
static int check_resume(const struct cli *cli, size_t n_args)
{
	if (n_args || run_ask.preset || run_ask.n_settings || run_ask.seed_given ||
	    run_ask.rounds || run_ask.blocks || run_ask.label || run_ask.n_events ||
	    run_ask.cpu >= 0 || run_ask.precision > 0 || run_ask.budget_given || run_ask.dry ||
	    run_ask.allow_disruptive)
		return cli_error(cli, EXIT_USAGE,
				 "--resume takes all from the run; no other option goes with it");
	return 0;
}

static int resume(const struct cli *cli, const struct machine *m)
{
	struct rounds r = { 0 };
	struct plan plan = { 0 };
	struct run_config c = { 0 };
	char uuid[40];
	int status;

	catch_signals();
	status = cli_open_store(cli, STORE_WRITE, &r.rec.store);
	if (!status)
		status = find_interrupted(cli, r.rec.store, uuid, &c);
	if (run_ask.sets)
		calibrate_hooks();
	if (!status)
		status = resume_with(cli, m, uuid, &plan, &c, &r);
	plan_free(&plan);
	store_close(r.rec.store);
	return status;
}

static int prepare(const struct cli *cli, const char *const *args, size_t n)
{
	if (n && run_ask.preset)
		return cli_error(cli, EXIT_USAGE, "name benchmarks or a preset, not both");
	if (n > MAX_BENCHES)
		return cli_error(cli, EXIT_USAGE, "%d benchmarks at most", MAX_BENCHES);
	for (size_t i = 0; i < n; i++)
		run_ask.benches[run_ask.n_benches++] = args[i];
	if (!n && !run_ask.preset)
		run_ask.preset = preset_find("quick");
	return 0;
}

#define LOOK_BACK 20 /* runs */

/*
 * What effect the plan could detect, judging by the newest run on this host that knows its cells.
 * Nothing is said where there is none.
 */
static void look_back(const struct cli *cli, const struct machine *m, const struct plan *plan,
		      const struct run_config *c, struct detectable *out)
{
	struct store_run_row *rows = NULL;
	struct store *store;
	int n;

	*out = (struct detectable){ 0 };
	if (store_open(&store, cli->db, STORE_READ, NULL))
		return;
	n = store_runs(store, &rows, NULL);
	for (int i = 0; i < n && i < LOOK_BACK && !out->pairs; i++) {
		struct report r;

		if (strcmp(rows[i].host, m->env.hostname) ||
		    report_load(store, rows[i].uuid, &r, NULL))
			continue;
		out->pairs = precision_detectable(plan, &r, c->rounds, &out->share, out->where,
						  sizeof(out->where));
		snprintf(out->run, sizeof(out->run), "%.8s", rows[i].uuid);
		report_free(&r);
	}
	free(rows);
	store_close(store);
}

static int run_dry(const struct cli *cli, const struct machine *m, const struct plan *plan,
		   const struct run_config *c)
{
	struct detectable d;

	look_back(cli, m, plan, c, &d);
	return dry_run(cli, m, plan, c, &d);
}

static int run_planned(const struct cli *cli, const struct machine *m)
{
	struct reason why = { "" };
	struct plan plan = { 0 };
	struct run_config c;
	int status, ret;

	/* Before anything else: no cell of such a lane has a figure. */
	if (lane_clock(m->lane) == CLOCK_UNIT_NONE)
		return cli_error(cli, EXIT_UNSUPPORTED,
				 "lane %s has no clock worth storing; `tdcost check` runs the same "
				 "and stores nothing",
				 lane_name(m->lane));
	ret = run_check_cpu(m, &why);

	if (!ret)
		ret = check_events(&why);
	if (!ret)
		ret = run_plan(&plan, m, &why);
	run_fill_config(&plan, m->lane, &c);
	c.progress = isatty(STDERR_FILENO) ? stderr : NULL;
	c.stop = &stop;
	if (ret) {
		status = cli_fail(cli, ret, &why);
	} else if (!plan.n_groups) {
		dry_print_skipped(&plan, stderr, "tdcost run: ");
		status = cli_error(cli, EXIT_UNSUPPORTED, "nothing of this can run here");
	} else if (run_ask.dry) {
		status = run_dry(cli, m, &plan, &c);
	} else {
		status = measure(cli, m, &plan, &c);
	}
	plan_free(&plan);
	return status;
}

static void draw_seed(void)
{
	if (!run_ask.seed_given &&
	    getrandom(&run_ask.seed, sizeof(run_ask.seed), 0) == sizeof(run_ask.seed))
		/* 53 bits, which every reader of JSON keeps. */
		run_ask.seed >>= 11;
}

int run_asked(const struct cli *cli)
{
	struct reason why = { "" };
	struct machine m;
	int status, ret;

	run_recover(cli);
	ret = machine_open(&m, &why);
	if (ret)
		return cli_fail(cli, ret, &why);
	draw_seed();
	status = run_ask.resume ? resume(cli, &m) : run_planned(cli, &m);
	machine_close(&m);
	return status;
}

static int run_main(struct cli *cli, const char *const *args, size_t n)
{
	int status = run_ask.resume ? check_resume(cli, n) : prepare(cli, args, n);

	return status ? status : run_asked(cli);
}

const struct command cmd_run = {
	.name = "run",
	.usage = "[BENCHMARK]... [OPTION]...",
	.summary = "measure, store every sample, print what came of it",
	.help = "Without a benchmark it is the quick preset. A factor that is not named keeps its\n"
		"default level. K, M and G are binary. Ctrl-C keeps every finished round.\n",
	.options = run_options,
	.main = run_main,
	.option = run_take_option,
};
