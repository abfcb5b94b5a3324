// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_counts FILE LABEL ARM...: add a run that nobody measured to a database: arms of one group of the
 * benchmark vm. An ARM is FACTOR=LEVEL[,FACTOR=LEVEL]... TICKS [METRIC.SUBJECT=VALUE]..., in one word with '/' between its parts,
 * as in exit=ordered/4000000/ran.thread=90000/phase.vm=3000000. Ticks and values are those of a sample, a
 * little above or below in each of eight processes. From the environment: LANE (count; its clock counts
 * instructions, that of the others ns), RELEASE (the kernel's), WORK (units of work of a sample).
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "results/store/store.h"

#define MAX_ARMS  8
#define MAX_PARTS 16
#define ROUNDS	  8
#define BLOCKS	  3

struct arm {
	char hash[HASH_TEXT], *factors;
	uint64_t ticks;
	struct {
		const char *metric, *subject;
		double value;
	} parts[MAX_PARTS];
	size_t n_parts;
};

static struct arm arms[MAX_ARMS];
static size_t n_arms;

static const char *env_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

static int take_factors(struct arm *a, char *text)
{
	json_t *factors = json_object();
	char *save = NULL;
	int ret = 0;

	for (char *at = strtok_r(text, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(at, '=');

		if (!eq) {
			ret = -1;
			break;
		}
		*eq = '\0';
		json_object_set_new(factors, at, json_string(eq + 1));
	}
	a->factors = json_canonical(factors);
	json_decref(factors);
	hash_cell("vm", 1, a->factors, a->hash);
	return ret;
}

static int take_part(struct arm *a, char *text)
{
	char *dot = strchr(text, '.'), *eq = dot ? strchr(dot, '=') : NULL;

	if (!eq || a->n_parts == MAX_PARTS)
		return -1;
	*dot = *eq = '\0';
	a->parts[a->n_parts].metric = text;
	a->parts[a->n_parts].subject = dot + 1;
	a->parts[a->n_parts++].value = strtod(eq + 1, NULL);
	return 0;
}

static int take_arm(char *text)
{
	struct arm *a = &arms[n_arms];
	char *save = NULL, *factors = strtok_r(text, "/", &save);
	char *ticks = strtok_r(NULL, "/", &save);
	int ret;

	if (n_arms == MAX_ARMS || !ticks)
		return -1;
	n_arms++;
	a->ticks = strtoull(ticks, NULL, 10);
	ret = a->ticks ? take_factors(a, factors) : -1;
	for (char *at; !ret && (at = strtok_r(NULL, "/", &save));)
		ret = take_part(a, at);
	return ret;
}

static int put_boot(struct store *s, int64_t *boot, struct reason *why)
{
	static const struct store_host host = { .id = "nowhere",
						.name = "nowhere",
						.cpu = "Made-up CPU" };
	const char *release = env_or("RELEASE", "6.18.0-invented");
	enum lane lane = (enum lane)lane_parse(env_or("LANE", "count"));
	char hash[HASH_TEXT], identity[128];
	const struct store_boot b = { .boot_id = env_or("BOOT", "one"),
				      .host = host.id,
				      .environment = hash,
				      .identity = identity,
				      .lane = lane,
				      .clock = lane == LANE_COUNT ? CLOCK_UNIT_INSN : CLOCK_UNIT_NS,
				      .tick_hz = 1e9,
				      .resolution = 1 };
	int ret;

	snprintf(identity, sizeof(identity), "{\"kernel\":\"%s\",\"synthetic\":true}", release);
	hash_text(identity, hash);
	ret = store_put_host(s, &host, why);
	return ret ? ret : store_put_boot(s, &b, boot, why);
}

static int put_run(struct store *s, const char *uuid, const char *label, int64_t boot,
		   struct reason *why)
{
	static const struct store_metric metrics[] = {
		{ "vm", 1, "time", "duration", "VM", 0 },
		{ "vm", 1, "phase", "duration", "sample", 0 },
		{ "vm", 1, "ran", "duration", "sample", 0 },
		{ "vm", 1, "cpu_time", "duration", "CPU", 0 },
		{ "vm", 1, "retries", "count", "sample", 0 },
		{ "vm", 1, "late", "occurrence", "sample", 0 },
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

	for (size_t i = 0; i < n_arms; i++)
		plan[i] = (struct store_cell){ .hash = arms[i].hash,
					       .benchmark = "vm",
					       .version = 1,
					       .factors = arms[i].factors,
					       .paired = "[\"exit\",\"quirk\"]",
					       .arm = (unsigned)i,
					       .state = CELL_PLANNED,
					       .kind = KIND_MEASURED,
					       .asked = arms[i].factors };
	return store_begin_run(s, &run, metrics, sizeof(metrics) / sizeof(metrics[0]), plan, n_arms,
			       why);
}

/* What a round, and a block of it, is above or below, in thousandths; the same in all arms. */
static double around(unsigned round, unsigned block)
{
	static const int rounds[ROUNDS] = { 0, 7, -4, 10, -9, 3, -6, 1 };
	static const int blocks[BLOCKS] = { -2, 0, 3 };

	return 1 + (rounds[round] + blocks[block]) / 1000.0;
}

static int put_round(struct store *s, const char *uuid, int64_t boot, unsigned round,
		     struct reason *why)
{
	struct store_part parts[BLOCKS * MAX_ARMS * MAX_PARTS];
	struct sample samples[BLOCKS * MAX_ARMS];
	struct store_invocation inv = { .round = round,
					.node = 0,
					.setup = "{}",
					.varying = "{}",
					.started = 1,
					.samples = samples,
					.parts = parts };

	for (unsigned block = 0; block < BLOCKS; block++)
		for (unsigned i = 0; i < n_arms; i++) {
			double by = around(round, block);
			uint32_t seq = (uint32_t)inv.n_samples++;

			samples[seq] =
				(struct sample){ .seq = seq,
						 .arm = i,
						 .block = (int32_t)block,
						 .ticks = (uint64_t)((double)arms[i].ticks * by),
						 .work = strtoull(env_or("WORK", "1"), NULL, 10) };
			for (size_t k = 0; k < arms[i].n_parts; k++)
				parts[inv.n_parts++] =
					(struct store_part){ seq, arms[i].parts[k].metric,
							     arms[i].parts[k].subject,
							     arms[i].parts[k].value * by };
		}
	return store_put_round(s, uuid, boot, &inv, 1, why);
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
			fprintf(stderr, "%s: '%s' is not an arm\n", argv[0], argv[i]);
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
