// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_replay FILE LABEL PER: add a run of the benchmark teardown that nobody measured to a database:
 * TDs of 1 MiB, 256 leaves, in which every leaf took 1000 ns by the clock and 800 ns by phase. PER is
 * what its time is told of: "4 KiB page" or "teardown".
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "results/store/store.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BENCHMARK     "teardown"
#define LEAVES	      256
#define WALL_NS	      1000
#define ROUNDS	      2
#define BLOCKS	      2
#define IDENTITY      "{\"kernel\":\"6.18.0-invented\",\"synthetic\":true}"

static const struct {
	const char *path, *quirk, *reset, *vcpus, *seam, *leave_out, *leaf;
	enum kind kind;
} cells[] = {
	/* What is as the published TDs were. */
	{ "dynamic", "on", "erratum", "4", "0", "none", "4K", KIND_ANALOGUE },
	{ "dynamic", "on", "erratum", "1", "0", "none", "4K", KIND_ANALOGUE },
	{ "teardown", "on", "erratum", "4", "0", "none", "4K", KIND_MEASURED },
	{ "teardown", "off", "always", "4", "0", "none", "4K", KIND_MEASURED },
	/* What is not: nothing cleared, a delay, a step left out, other leaves, nothing measured. */
	{ "teardown", "off", "erratum", "4", "0", "none", "4K", KIND_MEASURED },
	{ "dynamic", "on", "erratum", "4", "50", "none", "4K", KIND_MODELLED },
	{ "dynamic", "on", "erratum", "4", "0", "kick", "4K", KIND_ANALOGUE },
	{ "dynamic", "on", "erratum", "4", "0", "none", "2M", KIND_ANALOGUE },
	{ "teardown", "on", "erratum", "8", "0", "none", "4K", KIND_MODELLED },
};

#define CELLS  ARRAY_SIZE(cells)
#define PHASES ARRAY_SIZE(phases)
#define BATCH  (CELLS * BLOCKS)

static const struct {
	const char *name;
	unsigned ns; /* of a leaf */
} phases[] = {
	{ "away", 45 },	  { "flush", 300 }, { "free", 60 },	    { "kick", 40 },
	{ "reset", 400 }, { "timing", 5 },  { "unexplained", 150 },
};

static int put_boot(struct store *s, int64_t *boot, struct reason *why)
{
	static const struct store_host host = { .id = "nowhere",
						.name = "nowhere",
						.cpu = "Made-up CPU" };
	char hash[HASH_TEXT];
	const struct store_boot b = { .boot_id = "never",
				      .host = host.id,
				      .environment = hash,
				      .identity = IDENTITY,
				      .lane = LANE_HOST,
				      .clock = CLOCK_UNIT_NS,
				      .tick_hz = 1e9,
				      .resolution = 1 };
	int ret;

	hash_text(IDENTITY, hash);
	ret = store_put_host(s, &host, why);
	return ret ? ret : store_put_boot(s, &b, boot, why);
}

static char *factors_of(size_t i)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "path",
			      cells[i].path, "quirk", cells[i].quirk, "reset", cells[i].reset,
			      "vcpus", cells[i].vcpus, "seam", cells[i].seam, "leave_out",
			      cells[i].leave_out, "leaf", cells[i].leaf, "size", "1M", "in_guest",
			      "0", "dpamt", "off", "threads", "1");
	char *text = json_canonical(j);

	json_decref(j);
	return text;
}

static int put_run(struct store *s, const char *uuid, const char *label, const char *per,
		   int64_t boot, struct reason *why)
{
	const struct store_metric metrics[] = { { BENCHMARK, 1, "time", "duration", per, 0 },
						{ BENCHMARK, 1, "phase", "duration", "sample",
						  0 } };
	const struct store_run run = { .uuid = uuid,
				       .label = label,
				       .argv = "[\"nothing was run\"]",
				       .plan = "{\"rounds\":2}",
				       .tool = "made up",
				       .varying = "{}",
				       .boot = boot,
				       .started = 1 };
	char hashes[CELLS][HASH_TEXT], *factors[CELLS];
	struct store_cell plan[CELLS];
	int ret;

	for (size_t i = 0; i < CELLS; i++) {
		factors[i] = factors_of(i);
		hash_cell(BENCHMARK, 1, factors[i], hashes[i]);
		plan[i] = (struct store_cell){ .hash = hashes[i],
					       .benchmark = BENCHMARK,
					       .version = 1,
					       .factors = factors[i],
					       .paired = "[\"path\",\"quirk\"]",
					       .arm = (unsigned)i,
					       .kind = cells[i].kind,
					       .reason = cells[i].kind ? "made up" : NULL,
					       .asked = factors[i] };
	}
	ret = store_begin_run(s, &run, metrics, ARRAY_SIZE(metrics), plan, CELLS, why);
	for (size_t i = 0; i < CELLS; i++)
		free(factors[i]);
	return ret;
}

static int put_round(struct store *s, const char *uuid, int64_t boot, unsigned round, uint64_t work,
		     struct reason *why)
{
	struct sample samples[BATCH];
	struct store_part parts[BATCH * PHASES];
	const struct store_invocation inv = { .round = round,
					      .setup = "{}",
					      .varying = "{}",
					      .started = 1,
					      .samples = samples,
					      .n_samples = BATCH,
					      .parts = parts,
					      .n_parts = BATCH * PHASES };

	for (unsigned i = 0; i < BATCH; i++) {
		samples[i] = (struct sample){ .seq = i,
					      .arm = i % CELLS,
					      .block = (int32_t)(i / CELLS),
					      .ticks = LEAVES * WALL_NS,
					      .work = work };
		for (unsigned k = 0; k < PHASES; k++)
			parts[i * PHASES + k] = (struct store_part){ i, "phase", phases[k].name,
								     LEAVES * phases[k].ns };
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

	if (argc != 4) {
		fprintf(stderr, "usage: %s FILE LABEL PER\n", argv[0]);
		return 2;
	}
	store_new_uuid(uuid);
	ret = store_open(&s, argv[1], STORE_CREATE, &why);
	if (!ret)
		ret = put_boot(s, &boot, &why);
	if (!ret)
		ret = put_run(s, uuid, argv[2], argv[3], boot, &why);
	for (unsigned round = 0; round < ROUNDS && !ret; round++)
		ret = put_round(s, uuid, boot, round, strcmp(argv[3], "teardown") ? LEAVES : 1,
				&why);
	if (!ret)
		ret = store_end_run(s, uuid, RUN_DONE, 2, &why);
	store_close(s);
	if (ret)
		fprintf(stderr, "%s: %s\n", argv[0], why.text);
	return ret != 0;
}
