// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "harness/cli/calibrate.h"
#include "harness/cli/cli.h"
#include "harness/cli/run_ask.h"
#include "harness/core/units.h"
#include "harness/machine/machine.h"
#include "harness/machine/mem.h"

#define MAX_FINDINGS 64

enum { OPT_CALIBRATE = 1, OPT_PARAM, OPT_ROUNDS, OPT_BLOCKS, OPT_BUDGET, OPT_APART };

static const struct poptOption options[] = {
	{ "calibrate", '\0', POPT_ARG_NONE, NULL, OPT_CALIBRATE,
	  "measure identical arms (of reset, or of the benchmark named), store how often they are "
	  "called different and the noise floor, and print it",
	  NULL },
	{ "param", 'p', POPT_ARG_STRING, NULL, OPT_PARAM | OPT_REPEATS,
	  "with --calibrate: settings of the cells, as for `run`", "FACTOR=LEVEL[,LEVEL]" },
	{ "rounds", '\0', POPT_ARG_STRING, NULL, OPT_ROUNDS,
	  "with --calibrate: processes per cell of one of the runs that it is for (default 10)",
	  "N" },
	{ "blocks", '\0', POPT_ARG_STRING, NULL, OPT_BLOCKS,
	  "with --calibrate: samples of each arm in a process, at most (default 1000)", "N" },
	{ "budget", '\0', POPT_ARG_STRING, NULL, OPT_BUDGET,
	  "with --calibrate: about how long one of those runs takes (default: 10s); all takes 20 "
	  "times as long",
	  "TIME" },
	{ "apart", '\0', POPT_ARG_STRING, NULL, OPT_APART,
	  "with --calibrate: least time from one run to the run that it is compared with (default: "
	  "2m)",
	  "TIME" },
	POPT_TABLEEND
};

static bool want_calibration, apart_given;

static int doctor_option(struct cli *cli, int val, const char *arg)
{
	switch (val) {
	case OPT_CALIBRATE:
		want_calibration = true;
		return 0;
	case OPT_PARAM:
		return run_take_setting(cli, arg);
	case OPT_ROUNDS:
		return run_take_rounds(cli, arg);
	case OPT_BLOCKS:
		return run_take_blocks(cli, arg);
	case OPT_BUDGET:
		return run_take_budget(cli, arg);
	case OPT_APART:
		apart_given = true;
		return calibrate_take_apart(cli, arg);
	}
	return -EINVAL;
}

static const char *level_of(const struct finding *f)
{
	return f->fatal ? "FATAL" : f->flag >= 0 ? "remark" : "note";
}

static void print_machine(const struct machine *m)
{
	char topo[160];

	printf("%s %s, family %u, model %u, stepping %u\n", m->cpu.vendor, m->cpu.brand,
	       m->cpu.family, m->cpu.model, m->cpu.stepping);
	printf("%s\nLinux %s\n", topo_describe(m->topo, topo, sizeof(topo)),
	       env_text(&m->env, "kernel"));
	printf("has:   ");
	for (int f = 0; f < CPU_FEATURE_MAX; f++)
		if (cpu_has(&m->cpu, (enum cpu_feature)f))
			printf(" %s", cpu_feature_name((enum cpu_feature)f));
	printf("\nhas not:");
	for (int f = 0; f < CPU_FEATURE_MAX; f++)
		if (!cpu_has(&m->cpu, (enum cpu_feature)f))
			printf(" %s", cpu_feature_name((enum cpu_feature)f));
	printf("\nerratum X86_BUG_TDX_PW_MCE: the CPU %s it\n",
	       m->cpu.cpu_affected ? "is of a model that has" : "is not of a model that has");
}

static void print_memory(const struct machine *m)
{
	static const uint64_t probe = 1ull << 30;
	char size[32];

	printf("memory: %s available\n",
	       size_format(mem_available(m->root) >> 20 << 20, size, sizeof(size)));
	for (int b = 0; b < MEM_BACKING_MAX; b++) {
		struct reason why = { "" };
		int ret = mem_supported(m->root, (enum mem_backing)b, probe, &why);

		printf("  %-11s %s\n", mem_backing_name((enum mem_backing)b),
		       ret ? why.text : "yes");
	}
}

static void print_caches(const struct machine *m)
{
	static const char *const scopes[] = {
		[WBINVD_SCOPE_UNKNOWN] = "not said",
		[WBINVD_SCOPE_ALL] = "reaches the caches below it of all threads that share it",
		[WBINVD_SCOPE_NOT_SURE] = "not sure to reach those of the other threads",
	};

	for (unsigned i = 0; i < m->cpu.n_caches; i++) {
		const struct cpu_cache *c = &m->cpu.caches[i];
		char size[32];

		printf("cache: L%u%c %s, %u thread%s%s; WBINVD: %s\n", c->level,
		       c->type == 'u' ? ' ' : c->type, size_format(c->bytes, size, sizeof(size)),
		       c->sharing, c->sharing == 1 ? "" : "s", c->inclusive ? ", inclusive" : "",
		       scopes[c->wbinvd]);
	}
}

static int print_findings(const struct finding *found, size_t n)
{
	size_t fatal = 0;

	putchar('\n');
	for (size_t i = 0; i < n; i++) {
		const struct finding *f = &found[i];

		fatal += f->fatal;
		printf("%-6s %s\n", level_of(f), f->what);
		if (*f->note)
			printf("       %s\n", f->note);
		if (*f->fix)
			printf("       fix: %s\n", f->fix);
	}
	printf("\n%zu fatal, %zu in all; nothing was changed\n", fatal, n);
	return fatal ? EXIT_UNTRUSTWORTHY : EXIT_DONE;
}

static json_t *features_json(const struct machine *m)
{
	json_t *j = json_object();

	for (int f = 0; f < CPU_FEATURE_MAX; f++)
		json_object_set_new(j, cpu_feature_name((enum cpu_feature)f),
				    json_boolean(cpu_has(&m->cpu, (enum cpu_feature)f)));
	return j;
}

static json_t *memory_json(const struct machine *m)
{
	json_t *j = json_object();

	for (int b = 0; b < MEM_BACKING_MAX; b++) {
		struct reason why = { "" };
		int ret = mem_supported(m->root, (enum mem_backing)b, 1ull << 30, &why);

		json_object_set_new(j, mem_backing_name((enum mem_backing)b),
				    ret ? json_string(why.text) : json_true());
	}
	return j;
}

static int print_json(const struct cli *cli, const struct machine *m, const struct finding *found,
		      size_t n)
{
	json_t *list = json_array();
	int status, fatal = 0;

	for (size_t i = 0; i < n; i++) {
		const struct finding *f = &found[i];

		fatal |= f->fatal;
		json_array_append_new(
			list, json_pack("{s:s, s:s*, s:s, s:s, s:s}", "level", level_of(f), "flag",
					f->flag < 0 ? NULL : trust_flag_info(f->flag)->code, "what",
					f->what, "note", f->note, "fix", f->fix));
	}
	status = cli_print_json(cli, json_pack("{s:s, s:s, s:O, s:O, s:o, s:o, s:o}", "cpu",
					       m->cpu.brand, "environment_hash", m->env.hash,
					       "environment", m->env.identity, "varying",
					       m->env.varying, "features", features_json(m),
					       "memory", memory_json(m), "findings", list));
	return status ? status : fatal ? EXIT_UNTRUSTWORTHY : EXIT_DONE;
}

static int doctor_main(struct cli *cli, const char *const *args, size_t n)
{
	struct finding found[MAX_FINDINGS];
	struct reason why = { "" };
	struct machine m;
	size_t count;
	int status;

	if (want_calibration && n == 1)
		run_ask.benches[run_ask.n_benches++] = args[0];
	if (want_calibration && n <= 1)
		return calibrate_run(cli);
	if (run_ask.n_settings || run_ask.budget_given || run_ask.rounds || run_ask.blocks ||
	    apart_given)
		return cli_error(
			cli, EXIT_USAGE,
			"-p, --rounds, --blocks, --budget and --apart go with --calibrate");
	if (n)
		return cli_error(cli, EXIT_USAGE, "takes no argument such as '%s'", args[0]);
	status = machine_open(&m, &why);
	if (status)
		return cli_fail(cli, status, &why);
	count = trust_check(&m, found, MAX_FINDINGS);
	if (count > MAX_FINDINGS)
		count = MAX_FINDINGS;
	if (cli->json) {
		status = print_json(cli, &m, found, count);
	} else {
		print_machine(&m);
		print_caches(&m);
		print_memory(&m);
		status = print_findings(found, count);
	}
	machine_close(&m);
	return status;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "[--calibrate [BENCHMARK]] [OPTION]...",
	.summary = "say what on this machine makes figures untrustworthy, and how to mend it",
	.help = "Changes nothing, but for --calibrate, which adds a run to the database. Exit "
		"status 0 when nothing fatal stands in the way, else 5.\n",
	.options = options,
	.main = doctor_main,
	.option = doctor_option,
};
