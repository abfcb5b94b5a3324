// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast is the store: samples written in one transaction, and read back in one walk, through
 * the public functions; and runs from one file to another. Not a test: nothing here depends on a time.
 *
 * Usage: store_bench [FILE [SAMPLES [REPEATS]]]
 * FILE must not exist; it is removed at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/core/hash.h"
#include "results/store/exchange.h"

#define PER_INVOCATION 20000

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Figures as a benchmark makes them: a few bytes each as SQLite stores them. */
static struct sample *make_samples(size_t n)
{
	struct sample *p = calloc(n, sizeof(*p));
	uint64_t x = 88172645463325252u;

	for (size_t i = 0; p && i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (struct sample){ .seq = (uint32_t)(i % PER_INVOCATION),
					.arm = i & 1,
					.block = (int32_t)(i % PER_INVOCATION / 2),
					.cpu = 1,
					.ticks = 200000 + x % 50000,
					.work = 16384 };
	}
	return p;
}

static int begin(struct store *s, char uuid[37], int64_t *boot, struct reason *why)
{
	static const char facts[] = "{\"kernel\":\"k\"}";
	char env[HASH_TEXT], hash[HASH_TEXT];
	const struct store_host host = { .id = "h", .name = "h", .cpu = "c" };
	const struct store_boot b = { .boot_id = "b",
				      .host = "h",
				      .environment = env,
				      .identity = facts,
				      .clock = CLOCK_UNIT_NS,
				      .tick_hz = 2e9 };
	const struct store_metric metric = { "null", 1, "time", "duration", "page", 4096 };
	struct store_cell cells[2] = {
		{ .hash = hash,
		  .benchmark = "null",
		  .version = 1,
		  .factors = "{}",
		  .paired = "[]",
		  .asked = "{}" },
	};
	struct store_run run = { .argv = "[]", .plan = "{}", .tool = "bench", .uuid = uuid };
	int err;

	hash_text(facts, env);
	hash_cell("null", 1, "{}", hash);
	cells[1] = cells[0];
	cells[1].arm = 1;
	store_new_uuid(uuid);
	err = store_put_host(s, &host, why);
	if (!err)
		err = store_put_boot(s, &b, boot, why);
	if (err)
		return err;
	run.boot = *boot;
	return store_begin_run(s, &run, &metric, 1, cells, 2, why);
}

static int put(struct store *s, const char *uuid, int64_t boot, const struct sample *samples,
	       size_t n, struct reason *why)
{
	size_t n_inv = n / PER_INVOCATION;
	struct store_invocation *v = calloc(n_inv, sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n_inv; i++)
		v[i] = (struct store_invocation){ .position = (unsigned)i,
						  .samples = samples + i * PER_INVOCATION,
						  .n_samples = PER_INVOCATION };
	err = store_put_round(s, uuid, boot, v, n_inv, why);
	free(v);
	return err;
}

static int sum(void *ctx, const struct store_invocation_row *inv, const struct sample *samples,
	       size_t n)
{
	double *total = ctx;

	for (size_t i = 0; i < n; i++)
		*total += (double)samples[i].ticks - inv->overhead;
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *what, double *seconds, int n, size_t rows)
{
	qsort(seconds, (size_t)n, sizeof(*seconds), compare);
	printf("%s: %zu rows: best %.3f s (%.0f rows/s), median %.3f s (%.0f rows/s) of %d\n", what,
	       rows, seconds[0], (double)rows / seconds[0], seconds[n / 2],
	       (double)rows / seconds[n / 2], n);
}

static int measure(struct store *s, const struct sample *samples, size_t n, int repeats,
		   struct reason *why)
{
	double *written = calloc((size_t)repeats, sizeof(*written));
	double *read = calloc((size_t)repeats, sizeof(*read)), total = 0;
	int err = written && read ? 0 : -ENOMEM;

	for (int i = 0; !err && i < repeats; i++) {
		char uuid[37];
		int64_t boot;
		double t0, t1;

		err = begin(s, uuid, &boot, why);
		t0 = now();
		err = err ?: put(s, uuid, boot, samples, n, why);
		t1 = now();
		err = err ?: store_each_invocation(s, uuid, false, sum, &total, why);
		written[i] = t1 - t0;
		read[i] = now() - t1;
	}
	if (!err) {
		report("store_put_round", written, repeats, n);
		report("store_each_invocation", read, repeats, n);
	}
	free(written);
	free(read);
	return err;
}

/* ---- exchange: of a file with one run ---- */

struct exchange {
	const char *path; /* of that file */
	char other[300];  /* of a file that is made and removed */
	char text[300];	  /* its export */
	char uuid[37];
};

static int open_other(struct exchange *x, struct store **s, struct reason *why)
{
	unlink(x->other);
	return store_open(s, x->other, STORE_CREATE, why);
}

static int merge(struct exchange *x, struct store *s, struct reason *why)
{
	struct store *to;
	int err = open_other(x, &to, why);

	(void)s;
	err = err ?: store_merge(to, x->path, NULL, why);
	store_close(to);
	return err;
}

/* The file of merge() is there. */
static int merge_again(struct exchange *x, struct store *s, struct reason *why)
{
	struct store *to;
	int err = store_open(&to, x->other, STORE_WRITE, why);

	(void)s;
	err = err ?: store_merge(to, x->path, NULL, why);
	store_close(to);
	return err;
}

static int export_as(struct exchange *x, struct store *s, enum store_format format,
		     struct reason *why)
{
	const char *uuid = x->uuid;
	FILE *out = fopen(x->text, "w");
	int err = out ? store_export(s, &uuid, 1, format, out, why) : -errno;

	return out && fclose(out) ? -errno : err;
}

static int export_csv(struct exchange *x, struct store *s, struct reason *why)
{
	return export_as(x, s, STORE_CSV, why);
}

static int export_jsonl(struct exchange *x, struct store *s, struct reason *why)
{
	return export_as(x, s, STORE_JSONL, why);
}

static int import(struct exchange *x, struct store *s, struct reason *why)
{
	FILE *in = fopen(x->text, "r");
	struct store *to;
	int err = open_other(x, &to, why);

	(void)s;
	err = err ?: store_import(to, in, x->text, NULL, why);
	store_close(to);
	fclose(in);
	return err;
}

static int archive(struct exchange *x, struct store *s, struct reason *why)
{
	const char *uuid = x->uuid;

	unlink(x->other);
	return store_copy_evidence(s, &uuid, 1, x->other, why);
}

static int measure_exchange(struct exchange *x, struct store *s, size_t n, int repeats,
			    struct reason *why)
{
	static const struct {
		const char *name;
		int (*call)(struct exchange *x, struct store *s, struct reason *why);
	} steps[] = {
		{ "store_merge", merge },	    { "store_merge, again", merge_again },
		{ "store_export CSV", export_csv }, { "store_export JSON lines", export_jsonl },
		{ "store_import", import },	    { "store_copy_evidence", archive },
	};
	double *seconds = calloc((size_t)repeats, sizeof(*seconds));
	int err = seconds ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (int r = 0; !err && r < repeats; r++) {
			double t0 = now();

			err = steps[i].call(x, s, why);
			seconds[r] = now() - t0;
		}
		if (!err)
			report(steps[i].name, seconds, repeats, n);
	}
	unlink(x->other);
	unlink(x->text);
	free(seconds);
	return err;
}

static int exchange(const char *path, const struct sample *samples, size_t n, int repeats,
		    struct reason *why)
{
	struct exchange x = { .path = path };
	struct store *s;
	int64_t boot;
	int err;

	snprintf(x.other, sizeof(x.other), "%.250s.other", path);
	snprintf(x.text, sizeof(x.text), "%.250s.text", path);
	err = store_open(&s, path, STORE_CREATE, why);
	if (err)
		return err;
	err = begin(s, x.uuid, &boot, why);
	err = err ?: put(s, x.uuid, boot, samples, n, why);
	err = err ?: store_end_run(s, x.uuid, RUN_DONE, 1, why);
	err = err ?: measure_exchange(&x, s, n, repeats, why);
	store_close(s);
	unlink(path);
	return err;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "store_bench.db";
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
	int repeats = argc > 3 ? atoi(argv[3]) : 5;
	struct reason why = { "out of memory" };
	struct sample *samples;
	struct store *s;
	int err;

	n -= n % PER_INVOCATION;
	if (!access(path, F_OK) || !n || repeats < 1) {
		fprintf(stderr, "usage: store_bench [NEW_FILE [SAMPLES [REPEATS]]]\n");
		return 2;
	}
	samples = make_samples(n);
	err = samples ? store_open(&s, path, STORE_CREATE, &why) : -ENOMEM;
	if (!err) {
		err = measure(s, samples, n, repeats, &why);
		store_close(s);
		unlink(path);
	}
	if (!err)
		err = exchange(path, samples, n, repeats, &why);
	free(samples);
	if (err)
		fprintf(stderr, "store_bench: %s\n", why.text);
	return err ? 1 : 0;
}
