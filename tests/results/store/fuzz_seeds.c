// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inputs for the fuzz targets to begin with, made by the store itself, so that none need to be kept.
 * Usage: fuzz_seeds DIR: makes DIR/import, DIR/merge and DIR/select.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/core/hash.h"
#include "results/store/exchange.h"
#include "results/store/record.h"

static const char *const selectors[] = { "@last",      "@last~1", "0a1b2c3d", "label=a label",
					 "kernel=6.1", "host=x",  "ffff" };

/* Small, for a fuzzer is quick with small inputs, but of every kind of row. */
static int make_run(struct store *s, const char *uuid, unsigned rounds, struct reason *why)
{
	const struct store_host host = { .id = "h", .name = "n", .cpu = "c", .memory = 1 };
	static const char facts[] = "{\"kernel\":\"6.1\"}", factors[] = "{\"quirk\":\"on\"}";
	char env[HASH_TEXT], hash[HASH_TEXT];
	const struct store_boot b = {
		.boot_id = "b", .host = "h", .environment = env, .identity = facts, .tick_hz = 2e9
	};
	const struct store_metric metric = { "reset", 1, "time", "duration", "page", 4096 };
	const struct store_cell cell = { .hash = hash,
					 .benchmark = "reset",
					 .version = 1,
					 .factors = factors,
					 .paired = "[]",
					 .asked = "{}" };
	struct store_run run = { .uuid = uuid, .argv = "[]", .plan = "{}", .tool = "t" };
	const struct sample samples[] = { { 0, 0, -1, 1, 90, 1 }, { 1, 0, 0, 1, 80, 2 } };
	const struct store_part part = { 1, "event", "x", 0.5 };
	const struct store_flag flag = { FLAG_STEAL, false, 0, 0, "d" };
	const struct store_calibration k = { .cell = hash, .design = "d", .pairs = 9 };
	int err;

	hash_text(facts, env);
	hash_cell("reset", 1, factors, hash);
	err = store_put_host(s, &host, why);
	err = err ?: store_put_boot(s, &b, &run.boot, why);
	err = err ?: store_begin_run(s, &run, &metric, 1, &cell, 1, why);
	err = err ?: store_put_flags(s, uuid, &flag, 1, why);
	if (!err && rounds)
		err = store_put_calibration(s, run.boot, &k, why);
	for (unsigned i = 0; !err && i < rounds; i++) {
		const struct store_invocation v = { .round = i,
						    .setup = "{}",
						    .samples = samples,
						    .n_samples = 2,
						    .flags = &flag,
						    .n_flags = 1,
						    .parts = &part,
						    .n_parts = 1 };

		err = store_put_round(s, uuid, run.boot, &v, 1, why);
	}
	return err ?: store_end_run(s, uuid, RUN_DONE, 9, why);
}

static int write_text(const char *dir, size_t i, const char *text)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/select/%zu", dir, i);
	out = fopen(path, "w");
	if (!out)
		return -1;
	fputs(text, out);
	return fclose(out);
}

static int write_import(struct store *s, const char *dir, const char *name,
			const char *const *uuids, size_t n, struct reason *why)
{
	char path[512];
	FILE *out;
	int err;

	snprintf(path, sizeof(path), "%s/import/%s", dir, name);
	out = fopen(path, "w");
	if (!out)
		return reason_set(why, -1, "%s cannot be written", path);
	err = store_export(s, uuids, n, STORE_JSONL, out, why);
	return fclose(out) ? -1 : err;
}

/* Words that no chance would put together: https://llvm.org/docs/LibFuzzer.html#dictionaries */
static int write_words(const char *dir)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/words", dir);
	out = fopen(path, "w");
	if (!out)
		return -1;
	for (int t = 0; t < R_MAX; t++)
		fprintf(out, "\"\\\"type\\\":\\\"%s\\\",\"\n", record_name(t));
	for (int t = 0; t < T_MAX; t++)
		for (int i = 0; tables[t].columns[i].name; i++)
			fprintf(out, "\",\\\"%s\\\":\"\n", tables[t].columns[i].key);
	return fclose(out);
}

static int write_merge(struct store *s, const char *dir, struct reason *why)
{
	char path[512];

	/* Small pages make a file of a third of the size. */
	snprintf(path, sizeof(path), "%s/merge/db", dir);
	unlink(path);
	return sql_exec(s, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM", why)
		       ?: sql_run(s, "VACUUM INTO ?", ARGS(TEXT(path)), why);
}

static int write_all(struct store *s, const char *dir, struct reason *why)
{
	static const char *const uuids[] = { "one", "two" };
	int err;

	err = make_run(s, uuids[0], 1, why);
	err = err ?: make_run(s, uuids[1], 0, why);
	err = err ?: write_import(s, dir, "one", uuids, 1, why);
	err = err ?: write_import(s, dir, "two", uuids + 1, 1, why);
	err = err ?: write_import(s, dir, "both", uuids, 2, why);
	for (size_t i = 0; !err && i < sizeof(selectors) / sizeof(selectors[0]); i++)
		err = write_text(dir, i, selectors[i]);
	err = err ?: write_words(dir);
	return err ?: write_merge(s, dir, why);
}

int main(int argc, char **argv)
{
	static const char *const folders[] = { "", "/import", "/merge", "/select" };
	struct reason why = { "" };
	struct store *s;
	char path[512];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: fuzz_seeds DIR\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", argv[1], folders[i]);
		mkdir(path, 0777);
	}
	snprintf(path, sizeof(path), "%s/make.db", argv[1]);
	unlink(path);
	err = store_open(&s, path, STORE_CREATE, &why);
	if (!err) {
		err = write_all(s, argv[1], &why);
		store_close(s);
		unlink(path);
	}
	if (err)
		fprintf(stderr, "fuzz_seeds: %s\n", why.text);
	return err ? 1 : 0;
}
