// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/store/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/store/merge.h"

static char dir[256];

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void tidy(void)
{
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_path(const char *name)
{
	static char path[300];

	if (!*dir) {
		snprintf(dir, sizeof(dir), "%s/tdcost-fuzz-XXXXXX", getenv("TMPDIR") ?: "/tmp");
		if (!mkdtemp(dir))
			abort();
		atexit(tidy);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void die(const char *what, const char *words)
{
	fprintf(stderr, "%s: %s\n", what, words);
	abort();
}

struct store *fuzz_store(void)
{
	struct reason why = { "" };
	struct store *s;

	if (store_open_scratch(&s, "scratch", &why))
		die("no store", why.text);
	return s;
}

void fuzz_refused(const struct reason *why, const char *culprit)
{
	if (!*why->text || strchr(why->text, '\n') || !strstr(why->text, culprit))
		die("words that do not help", why->text);
}

static void found(void *ctx, const char *text)
{
	(void)ctx;
	die("what was taken is not sound", text);
}

void fuzz_sound(struct store *s)
{
	struct reason why = { "" };
	struct store_run_row *rows = NULL;
	FILE *null = fopen("/dev/null", "w");
	int n;

	if (!null || store_check(s, found, NULL, &why) < 0)
		die("no check", why.text);
	n = store_runs(s, &rows, &why);
	for (int i = 0; i < n; i++) {
		const char *uuid = rows[i].uuid;
		struct store_run_data d;

		store_export(s, &uuid, 1, STORE_CSV, null, &why);
		store_export(s, &uuid, 1, STORE_JSONL, null, &why);
		if (!store_load_run(s, uuid, &d, &why))
			store_free_run(&d);
	}
	free(rows);
	fclose(null);
}

void fuzz_empty(struct store *s)
{
	static const char *const sql =
		"SELECT (SELECT count(*) FROM host) + (SELECT count(*) FROM cell) +"
		" (SELECT count(*) FROM run) + (SELECT count(*) FROM boot) +"
		" (SELECT count(*) FROM metric) + (SELECT count(*) FROM subject)";
	int64_t rows = -1;

	if (sql_int(s, sql, NO_ARGS, &rows, NULL) != 1 || rows)
		die("what was refused", "left something");
}
