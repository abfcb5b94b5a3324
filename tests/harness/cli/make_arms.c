// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_arms FILE LABEL ARM...: add a run that nobody measured to a database. An ARM is
 * BENCH:GROUP:NODE:NS:FACTOR=LEVEL,..., whose time per unit of work lies around NS in each of eight
 * processes; a NODE below zero is unknown. NS 0 makes it one that was skipped. From the environment:
 * LANE; AWAY, the share of its time that each process was off the CPU, "0.5" or one for each after
 * commas, of a benchmark other than vm, which sleeps, with the sampler's flag; STEAL, ticks of 10 ms
 * that the hypervisor took from each process's second; SKEW, a level ("none") whose arms have two processes that took ten times as long; PER, the unit of teardown's work, a 4 KiB page without it; NUMA, how many nodes there are; RELEASE, the kernel's.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "results/store/store.h"

#define MAX_ARMS   16
#define MAX_GROUPS 8
#define ROUNDS	   8
#define BLOCKS	   2

struct arm {
	char bench[16], hash[HASH_TEXT], *factors;
	unsigned group, arm;
	int node;
	unsigned long ns;
};

static struct arm arms[MAX_ARMS];
static size_t n_arms;

static int take_arm(const char *text)
{
	struct arm *a = &arms[n_arms];
	json_t *factors = json_object();
	char levels[512], *save = NULL;

	if (n_arms == MAX_ARMS || sscanf(text, "%15[^:]:%u:%d:%lu:%511s", a->bench, &a->group,
					 &a->node, &a->ns, levels) != 5)
		return -1;
	for (char *at = strtok_r(levels, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(at, '=');

		if (!eq)
			return -1;
		*eq = '\0';
		json_object_set_new(factors, at, json_string(eq + 1));
	}
	for (size_t i = 0; i < n_arms; i++)
		a->arm += arms[i].group == a->group;
	a->factors = json_canonical(factors);
	json_decref(factors);
	hash_cell(a->bench, 1, a->factors, a->hash);
	n_arms++;
	return a->group < MAX_GROUPS ? 0 : -1;
}

/* NUMA: how many nodes the machine has; not said without it. */
static const char *identity(void)
{
	static char text[128];
	const char *nodes = getenv("NUMA"), *release = getenv("RELEASE");

	snprintf(text, sizeof(text), "{\"kernel\":\"%s\",\"synthetic\":true%s%s}",
		 release ? release : "6.18.0-invented", nodes ? ",\"numa_nodes\":" : "",
		 nodes ? nodes : "");
	return text;
}

static int put_boot(struct store *s, int64_t *boot, struct reason *why)
{
	static const struct store_host host = { .id = "nowhere",
						.name = "nowhere",
						.cpu = "Made-up CPU" };
	const char *lane = getenv("LANE");
	char hash[HASH_TEXT];
	const char *release = getenv("RELEASE");
	const struct store_boot b = { .boot_id = lane	   ? lane
						 : release ? release
							   : "never",
				      .host = host.id,
				      .environment = hash,
				      .identity = identity(),
				      .lane = lane ? (enum lane)lane_parse(lane) : LANE_HOST,
				      .clock = CLOCK_UNIT_NS,
				      .tick_hz = 1e9,
				      .resolution = 1 };
	int ret;

	hash_text(identity(), hash);
	ret = store_put_host(s, &host, why);
	return ret ? ret : store_put_boot(s, &b, boot, why);
}

static int put_run(struct store *s, const char *uuid, const char *label, int64_t boot,
		   struct reason *why)
{
	const char *per = getenv("PER");
	const struct store_metric metrics[] = {
		{ "teardown", 1, "time", "duration", per ? per : "4 KiB page", 0 },
		{ "vm", 1, "time", "duration", "VM", 0 },
	};
	const struct store_run run = { .uuid = uuid,
				       .label = label,
				       .argv = "[\"nothing\",\"was\",\"run\"]",
				       .plan = "{\"rounds\":8}",
				       .tool = "made up",
				       .varying = "{}",
				       .boot = boot,
				       .started = 1 };
	struct store_cell plan[MAX_ARMS];

	for (size_t i = 0; i < n_arms; i++) {
		bool replay = !strcmp(arms[i].bench, "teardown");

		plan[i] = (struct store_cell){
			.hash = arms[i].hash,
			.benchmark = arms[i].bench,
			.version = 1,
			.factors = arms[i].factors,
			.paired = "[\"path\",\"quirk\"]",
			.arm_group = arms[i].group,
			.arm = arms[i].arm,
			.state = arms[i].ns ? CELL_PLANNED : CELL_SKIPPED,
			.kind = replay ? KIND_ANALOGUE : KIND_MEASURED,
			.reason = !arms[i].ns ? "it cannot be here"
				  : replay    ? "made up"
					      : NULL,
			.asked = arms[i].factors,
		};
	}
	return store_begin_run(s, &run, metrics, 2, plan, n_arms, why);
}

/* Each round a little above or below: a spread of 1 %, the same in all arms. */
static size_t fill(unsigned group, unsigned round, struct sample *samples)
{
	static const int usual[ROUNDS] = { 0, 7, -4, 10, -9, 3, -6, 1 };
	/* A few processes that took much longer: the mean goes where the median does not. */
	static const int skewed[ROUNDS] = { 0, 7, -4, 10, -9, 3, 9000, 9000 };
	const char *skew = getenv("SKEW");
	uint32_t n = 0;

	for (int block = 0; block < BLOCKS; block++)
		for (size_t i = 0; i < n_arms; i++) {
			const int *spread = skew && strstr(arms[i].factors, skew) ? skewed : usual;

			if (arms[i].group != group || !arms[i].ns)
				continue;
			samples[n] = (struct sample){
				.seq = n, .arm = arms[i].arm, .block = block, .work = 1
			};
			samples[n].ticks =
				arms[i].ns + (uint64_t)((long)arms[i].ns * spread[round] / 1000);
			n++;
		}
	return n;
}

/* The share of AWAY that the process of a round has. */
static double away_of(unsigned round)
{
	const char *at = getenv("AWAY");

	for (unsigned i = 0; at && i < round && strchr(at, ','); i++)
		at = strchr(at, ',') + 1;
	return at ? strtod(at, NULL) : 0;
}

/* What the sampler says of a process's time. */
struct around {
	char varying[128], detail[64];
	struct store_flag flags[2];
	size_t n_flags;
};

static void look_around(unsigned group, unsigned round, struct around *out)
{
	const char *steal = getenv("STEAL");
	double away = away_of(round);
	bool sleeps = false;

	for (size_t i = 0; i < n_arms; i++)
		sleeps |= arms[i].group == group && !strcmp(arms[i].bench, "vm");
	out->n_flags = 0;
	snprintf(out->varying, sizeof(out->varying),
		 "{\"away_share\":%.4f,\"steal_ticks\":%d,\"wall_ns\":1000000000}", away,
		 steal ? atoi(steal) : 0);
	snprintf(out->detail, sizeof(out->detail), OFF_CPU_DETAIL "%.1f %% of the time",
		 away * 100);
	if (away > 0.02 && !sleeps)
		out->flags[out->n_flags++] =
			(struct store_flag){ FLAG_BUSY, false, (int)group, -1, out->detail };
	if (steal)
		out->flags[out->n_flags++] =
			(struct store_flag){ FLAG_STEAL, false, (int)group, -1, "made up" };
}

static int put_round(struct store *s, const char *uuid, int64_t boot, unsigned round,
		     struct reason *why)
{
	struct sample samples[MAX_GROUPS][MAX_ARMS * BLOCKS];
	struct store_invocation inv[MAX_GROUPS];
	struct around around[MAX_GROUPS];
	unsigned n = 0;

	for (unsigned g = 0; g < MAX_GROUPS; g++) {
		size_t count = fill(g, round, samples[g]);
		int node = 0;

		for (size_t i = 0; i < n_arms; i++)
			node = arms[i].group == g ? arms[i].node : node;
		if (!count)
			continue;
		look_around(g, round, &around[g]);
		inv[n] = (struct store_invocation){ .round = round,
						    .position = n,
						    .arm_group = g,
						    .node = node,
						    .setup = "{}",
						    .varying = around[g].varying,
						    .flags = around[g].flags,
						    .n_flags = around[g].n_flags,
						    .started = 1,
						    .samples = samples[g],
						    .n_samples = count };
		n++;
	}
	return store_put_round(s, uuid, boot, inv, n, why);
}

int main(int argc, char **argv)
{
	struct reason why = { "" };
	struct store *s = NULL;
	int64_t boot = 0;
	char uuid[37];
	int ret;

	for (int i = 3; i < argc; i++)
		if (take_arm(argv[i])) {
			fprintf(stderr, "%s: '%s' is no arm\n", argv[0], argv[i]);
			return 2;
		}
	if (!n_arms)
		return 2;
	store_new_uuid(uuid);
	ret = store_open(&s, argv[1], STORE_CREATE, &why);
	if (!ret)
		ret = put_boot(s, &boot, &why);
	if (!ret)
		ret = put_run(s, uuid, argv[2], boot, &why);
	for (unsigned round = 0; round < ROUNDS && !ret; round++)
		ret = put_round(s, uuid, boot, round, &why);
	if (!ret)
		ret = store_end_run(s, uuid, RUN_DONE, 2, &why);
	store_close(s);
	for (size_t i = 0; i < n_arms; i++)
		free(arms[i].factors);
	if (ret)
		fprintf(stderr, "%s: %s\n", argv[0], why.text);
	return ret != 0;
}
