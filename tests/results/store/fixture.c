// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/store/fixture.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/core/hash.h"

struct reason why;

int fixture_ok(int ret, const char *file, int line)
{
	if (ret < 0) {
		print_error("%s:%d: %d: %s\n", file, line, ret, why.text);
		_assert_true(0, "the call succeeds", file, line);
	}
	return ret;
}

int fixture_put_boot(struct store *s, const char *kernel, const char *boot_id, int64_t *boot)
{
	const struct store_host host = { .id = "host-1",
					 .name = "box",
					 .cpu = "A CPU",
					 .family = 6,
					 .model = 143,
					 .stepping = 8,
					 .packages = 2,
					 .llcs = 4,
					 .cpus = 64,
					 .memory = 1ull << 37 };
	char identity[128], hash[HASH_TEXT];
	struct store_boot b = { .boot_id = boot_id,
				.host = "host-1",
				.environment = hash,
				.identity = identity,
				.lane = LANE_HOST,
				.clock = CLOCK_UNIT_NS,
				.tick_hz = 2e9,
				.resolution = 2,
				.overhead = 20 };
	int err;

	snprintf(identity, sizeof(identity), "{\"governor\":\"performance\",\"kernel\":\"%s\"}",
		 kernel);
	hash_text(identity, hash);
	err = store_put_host(s, &host, &why);
	if (!err)
		err = store_put_boot(s, &b, boot, &why);
	return err;
}

int fixture_begin(struct store *s, const char *uuid, const char *label, int64_t boot,
		  int64_t started)
{
	const struct store_run run = { .uuid = uuid,
				       .label = label,
				       .seed = UINT64_MAX - 1,
				       .argv = "[\"tdcost\",\"run\"]",
				       .plan = "{\"budget\":\"1s\"}",
				       .tool = "0.1",
				       .varying = "{\"load\":0.5}",
				       .boot = boot,
				       .started = started };
	const struct store_metric metrics[] = {
		{ "reset", 3, "time", "duration", "4 KiB page", 4096 },
		{ "reset", 3, "event", "count", "4 KiB page", 0 },
	};
	struct store_cell cells[] = {
		{ .factors = "{\"quirk\":\"off\"}", .arm_group = 0, .arm = 0 },
		{ .factors = "{\"quirk\":\"on\"}",
		  .arm_group = 0,
		  .arm = 1,
		  .kind = KIND_ANALOGUE,
		  .reason = "CLZERO stands in for MOVDIR64B" },
		{ .factors = "{\"quirk\":\"on\",\"size\":\"2M\"}", .arm_group = 1, .arm = 0 },
		{ .factors = "{\"quirk\":\"on\",\"size\":\"1G\"}",
		  .state = CELL_SKIPPED,
		  .reason = "no 1G pages here" },
	};
	char hashes[ARRAY_SIZE(cells)][HASH_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		hash_cell("reset", 3, cells[i].factors, hashes[i]);
		cells[i].hash = hashes[i];
		cells[i].benchmark = "reset";
		cells[i].version = 3;
		cells[i].paired = "[\"quirk\"]";
		cells[i].asked = "{\"quirk\":\"auto\"}";
	}
	return store_begin_run(s, &run, metrics, ARRAY_SIZE(metrics), cells, ARRAY_SIZE(cells),
			       &why);
}

int fixture_put_round(struct store *s, const char *uuid, int64_t boot, unsigned round,
		      unsigned n_inv, size_t n)
{
	struct store_invocation v[8];
	struct sample *samples = calloc(n, sizeof(*samples));
	int err;

	assert_true(n_inv <= ARRAY_SIZE(v));
	assert_non_null(samples);
	for (size_t i = 0; i < n; i++)
		samples[i] = (struct sample){ .seq = (uint32_t)i,
					      .arm = i & 1,
					      .cpu = 5,
					      .block = i < n / 4 ? -1 : (int32_t)(i / 2),
					      .ticks = 1000 + i,
					      .work = 4 };
	for (unsigned i = 0; i < n_inv; i++)
		v[i] = (struct store_invocation){ .round = round,
						  .position = i,
						  .cpu = 5,
						  .overhead = 20,
						  .setup = "{\"offset\":64}",
						  .varying = "{}",
						  .started = 1000,
						  .samples = samples,
						  .n_samples = n };
	err = store_put_round(s, uuid, boot, v, n_inv, &why);
	free(samples);
	return err;
}

int fixture_setup(void **state)
{
	const char *tmp = getenv("TMPDIR") ?: "/tmp";
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "%.40s/tdcost-XXXXXX", tmp);
	assert_non_null(mkdtemp(f->dir));
	/* Some tests go on as another user. */
	assert_int_equal(chmod(f->dir, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/test.db", f->dir);
	OK(store_open(&f->s, f->path, STORE_CREATE, &why));
	OK(fixture_put_boot(f->s, "6.12.9", "boot-1", &f->boot));
	*state = f;
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	nftw(f->dir, drop, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static sqlite3 *other_connection(const char *path)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	return db;
}

void fixture_sql(const char *path, const char *sql)
{
	sqlite3 *db = other_connection(path);
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
	sqlite3_close(db);
}

int64_t fixture_int(const char *path, const char *sql)
{
	sqlite3 *db = other_connection(path);
	sqlite3_stmt *st;
	int64_t value;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

void fixture_write(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

void fixture_copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	int c;

	assert_non_null(in);
	assert_non_null(out);
	while ((c = getc(in)) != EOF)
		putc(c, out);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* FNV-1a: this must not agree by accident, nobody attacks it. */
uint64_t fixture_digest(const char *path)
{
	uint64_t h = 14695981039346656037u;
	FILE *f = fopen(path, "r");
	int c;

	if (!f)
		return 0;
	while ((c = getc(f)) != EOF)
		h = (h ^ (unsigned char)c) * 1099511628211u;
	fclose(f);
	return h;
}

static void print_line(void *ctx, const char *text)
{
	(void)ctx;
	print_message("check: %s\n", text);
}

int fixture_check(struct store *s)
{
	return store_check(s, print_line, NULL, &why);
}
