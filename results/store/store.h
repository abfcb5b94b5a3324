/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h: one SQLite file that keeps every raw sample and everything needed to judge it.
 *
 * The store knows nothing of benchmarks: it keeps what it is handed, and hands it back. A round is
 * one transaction, so a crash costs the open round and nothing else. Schema and views are
 * described in docs/tdcost-db.5; results/store/schema.sql is their only definition.
 */
#ifndef TDC_STORE_STORE_H
#define TDC_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/reason.h"
#include "harness/core/sample.h"
#include "harness/core/words.h"

struct store;

enum store_mode {
	STORE_READ,   /* must exist; never written, also in a read-only directory */
	STORE_WRITE,  /* must exist */
	STORE_CREATE, /* made when it is not there; an empty file counts as not there */
};

/**
 * store_open() - open @path, check that it is ours, migrate it forward
 *
 * Return: 0; -ENOENT; -EACCES (not readable, or read-only and @mode writes); -EINVAL (not a
 * database, or a database of something else: application_id); -EPROTO (written by a newer
 * version: user_version); -ENOSPC; -EIO (damaged); -EBUSY (another writer for a minute); -ENOMEM.
 * In every failure the file is untouched and @why names it and says what to do. An older file that
 * is only read is migrated in a temporary copy. Close with store_close(); NULL is fine. A store
 * belongs to one thread, and is not carried over a fork.
 */
int store_open(struct store **store, const char *path, enum store_mode mode, struct reason *why);
void store_close(struct store *store);

/* ---- writing: the order is host, environment, boot, run, cells, then rounds, then the end ---- */

struct store_host {
	const char *id; /* natural key */
	const char *name, *cpu;
	unsigned family, model, stepping, packages, llcs, cpus;
	uint64_t memory;
};

struct store_boot {
	const char *boot_id;	 /* the kernel's boot id */
	const char *host;	 /* store_host.id */
	const char *environment; /* hash */
	const char *identity;	 /* that environment's canonical JSON; must hold "kernel" */
	enum lane lane;
	enum clock_unit clock;
	double tick_hz;	   /* ticks per second (or per 1e9 instructions) */
	double resolution; /* ticks */
	double overhead;   /* ticks: the empty cost in the process that calibrated */
};

struct store_run {
	const char *uuid;
	const char *label; /* NULL for none */
	uint64_t seed;
	const char *argv;    /* JSON array */
	const char *plan;    /* JSON: what was asked, before auto levels were resolved */
	const char *tool;    /* version */
	const char *varying; /* JSON: load, uptime, ... at the start */
	int64_t boot;	 /* from store_put_boot(): where it begins; 0: where its first round ran */
	int64_t started; /* Unix time in ms */
};

/* One declared metric of a benchmark version; the first is the sample's own ticks. */
struct store_metric {
	const char *benchmark;
	unsigned version;
	const char *name;     /* "time" */
	const char *quantity; /* "duration", "count", "percent", "bytes", "occurrence" */
	const char *per;      /* what one unit of work is: "4 KiB page" */
	uint64_t bytes_per;   /* bytes of one unit of work, 0 where it is not bytes */
};

struct store_cell {
	const char *hash; /* natural key of (benchmark, version, factors) */
	const char *benchmark;
	unsigned version;
	const char *factors; /* canonical JSON object, level texts by factor name */
	const char *paired;  /* JSON array: names of the factors that are paired */
	unsigned arm_group, arm;
	enum cell_state state;
	enum kind kind;
	const char *reason; /* why skipped, or why analogue or modelled; NULL */
	const char *asked;  /* canonical JSON: the levels as typed ("auto") */
};

struct store_flag {
	enum trust_flag flag;
	bool fatal;
	int arm_group, arm; /* the cell it concerns, -1: the whole run */
	const char *detail;
};

/* A value that a sample yields besides its ticks, or an invocation's (seq = UINT32_MAX). */
struct store_part {
	uint32_t seq;
	const char *metric;  /* "event", "phase", ... */
	const char *subject; /* "page-faults", "cpu 3", ... */
	double value;
};

struct store_invocation {
	unsigned round, position; /* position: order within the round */
	unsigned arm_group;
	unsigned cpu;
	int node;
	double overhead;     /* ticks: the empty cost in this process, which the views subtract */
	const char *setup;   /* JSON: what was drawn anew: CPU, offset, environment size, seed */
	const char *varying; /* JSON: load, steal, warm-up blocks, empty cost seen */
	int64_t started;     /* Unix time in ms */
	const struct sample *samples;
	size_t n_samples;
	const struct store_flag *flags;
	size_t n_flags;
	const struct store_part *parts;
	size_t n_parts;
};

/*
 * Upserts by natural key: what is there already stays as it is. Return, here and below: 0;
 * -ENOENT (no such run); -EEXIST (there already); -EINVAL (refers to what is not there, or is
 * not what it should be); -EACCES (opened to read); -ENOSPC, -EBUSY, -EIO, -ENOMEM; with @why.
 */
int store_put_host(struct store *s, const struct store_host *h, struct reason *why);

/* The boot with its environment. */
int store_put_boot(struct store *s, const struct store_boot *b, int64_t *boot, struct reason *why);

/*
 * One transaction: the run, its metrics and its cells. State is RUN_OPEN. -EEXIST also for a metric
 * that the file holds with another meaning: its benchmark's version was not raised.
 */
int store_begin_run(struct store *s, const struct store_run *run,
		    const struct store_metric *metrics, size_t n_metrics,
		    const struct store_cell *cells, size_t n_cells, struct reason *why);

/*
 * One transaction: everything that one round made. On failure nothing of it is there. It is on the
 * disk when this returns. -EINVAL for a sample of an arm that is not planned, or without ticks or
 * work; -EEXIST for a round and position that are there; -ESTALE where @boot is of another host,
 * environment, lane or clock than the run's first, with what differs.
 */
int store_put_round(struct store *s, const char *uuid, int64_t boot,
		    const struct store_invocation *invocations, size_t n, struct reason *why);

int store_put_flags(struct store *s, const char *uuid, const struct store_flag *flags, size_t n,
		    struct reason *why);
int store_end_run(struct store *s, const char *uuid, enum run_state state, int64_t ended,
		  struct reason *why);

/* ---- reading ---- */

struct store_run_row {
	char uuid[40];
	char label[64];
	char kernel[128], host[80], host_id[40], benchmarks[160];
	enum run_state state;
	enum lane lane;
	enum clock_unit clock;
	int64_t started, ended; /* ms; ended 0 while open */
	uint64_t seed;
	unsigned rounds; /* finished rounds */
	unsigned invocations;
	uint64_t samples; /* warm-up left out */
	unsigned fatal_flags;
};

/* Every run, newest first. The caller frees *@rows. Return: how many, or -errno. */
int store_runs(struct store *s, struct store_run_row **rows, struct reason *why);

/**
 * store_select() - the runs that a selector means
 * @selector: NULL or "@last", "@last~N", a unique prefix of an id (4 characters at least),
 *	"label=TEXT", "kernel=TEXT" (that release, else its series: "6.1" is 6.1.9 and 6.1-rc3, not
 *	6.12), "host=TEXT" (all that match, newest first)
 *
 * Return: how many (>= 1), -ENOENT where nothing matches (with what there is), -ENOTUNIQ for an
 * ambiguous prefix (with what it matched), -EINVAL for a selector of no known form. The caller
 * frees *@rows.
 */
int store_select(struct store *s, const char *selector, struct store_run_row **rows,
		 struct reason *why);

/* What show and compare need of a run, whole. All memory belongs to the struct. */
struct store_cell_row {
	char hash[40], benchmark[32], *factors, *paired, *reason, *asked;
	unsigned version, arm_group, arm;
	enum cell_state state;
	enum kind kind;
};

struct store_flag_row {
	enum trust_flag flag;
	bool fatal;
	int arm_group, arm;
	unsigned count; /* invocations (or 1 for the run) that carry it */
	char *detail;	/* of the first */
};

struct store_metric_row {
	char benchmark[32], name[32], quantity[16], per[48];
	unsigned version;
	uint64_t bytes_per;
};

/* One arm's value in one block of one invocation. */
struct store_value {
	uint32_t round, block;
	double value; /* (ticks - overhead) in the clock's unit per unit of work */
};

struct store_run_data {
	struct store_run_row run;
	char *argv, *plan, *identity, *varying, *tool;
	int64_t boot; /* where it began; 0 where nobody said and no round is there */
	char boot_id[64], environment[40], host_id[40];
	double tick_hz, resolution, overhead; /* overhead: the mean over its invocations */
	char cpu[64];
	unsigned family, model, stepping, packages, llcs, cpus;
	uint64_t memory;
	struct store_cell_row *cells;
	size_t n_cells;
	struct store_flag_row *flags;
	size_t n_flags;
	struct store_metric_row *metrics;
	size_t n_metrics;
};

int store_load_run(struct store *s, const char *uuid, struct store_run_data *data,
		   struct reason *why);
void store_free_run(struct store_run_data *data);

/**
 * store_each_invocation() - the samples of a run, invocation by invocation, in order
 * @each: gets the invocation's round, arm group and its samples (warm-up left out unless @warmup);
 *	a non-zero return ends the walk and is returned
 *
 * One pass over the table; 1,000,000 samples take well under a second.
 */
struct store_invocation_row {
	int64_t id;
	unsigned round, position, arm_group, cpu;
	int node;
	int64_t started;      /* Unix time in ms */
	double overhead;      /* ticks: what to subtract from each sample */
	double unit_per_tick; /* ns (or instructions) per tick */
	const char *varying;  /* JSON; until @each returns */
	bool off_cpu;	      /* it carries a flag that begins with OFF_CPU_DETAIL */
};
int store_each_invocation(struct store *s, const char *uuid, bool warmup,
			  int (*each)(void *ctx, const struct store_invocation_row *inv,
				      const struct sample *samples, size_t n),
			  void *ctx, struct reason *why);

/* A value that a sample yielded besides its ticks; durations in units of the clock. */
struct store_part_row {
	unsigned arm_group, arm;
	int64_t invocation; /* store_invocation_row.id of its sample's */
	uint32_t sample;    /* its sample.seq */
	char metric[32], subject[96];
	double value;
	unsigned round;
	int32_t block; /* of its sample */
	uint64_t work; /* of its sample */
};

/**
 * store_each_part() - those of a run's samples, warm-up left out
 * @each: gets them ordered by group, arm, metric and subject, and then ascending by value; a
 *	non-zero return ends the walk and is returned
 */
int store_each_part(struct store *s, const char *uuid,
		    int (*each)(void *ctx, const struct store_part_row *part), void *ctx,
		    struct reason *why);

/**
 * store_each_part_of() - those of one metric
 * @subject: of one subject; NULL: of all
 * @each: gets them ordered by invocation and, within one, by sample
 */
int store_each_part_of(struct store *s, const char *uuid, const char *metric, const char *subject,
		       int (*each)(void *ctx, const struct store_part_row *part), void *ctx,
		       struct reason *why);

/* ---- going on ---- */

/**
 * store_resume_run() - one transaction: open a run again that is not done
 * @boot: from store_put_boot(): where it goes on. Another boot will do, on the same host with the
 *	same environment, lane and clock
 * @data: set to all that is known of it, as by store_load_run(): seed, plan, argv, tool, the
 *	cells in order, and in run.rounds how many rounds are finished, which is the next one's
 *	number; free it with store_free_run(), after a success only
 *
 * Return: 0; -ENOENT; -EALREADY where it is done; -ESTALE for an environment that is not the same,
 * with what differs; -errno. It is for the caller to compare tool and plan; see store_same_plan().
 */
int store_resume_run(struct store *s, const char *uuid, int64_t boot, struct store_run_data *data,
		     struct reason *why);

/* Are these the run's cells, in its order. Return: 0, or -ESTALE with the first that differs. */
int store_same_plan(const struct store_run_data *data, const struct store_cell *cells, size_t n,
		    struct reason *why);

/* ---- calibration: what identical arms gave ---- */

struct store_calibration {
	const char *cell;	  /* hash; the cell must be in the file, so calibrate by a run */
	const char *design;	  /* what was compared how: "paired" */
	int64_t taken;		  /* Unix time in ms */
	unsigned pairs;		  /* how often two identical arms were compared, > 0 */
	unsigned false_positives; /* how often they were called different, <= pairs */
	double floor;		  /* fraction of the level, >= 0: 0.01 is 1 % */
	unsigned rounds;	  /* processes of each arm in one comparison; 0: unknown */
	unsigned blocks;	  /* of a process, the median; 0 where rounds is */
	int64_t distance_ms;	  /* between the starts of both sides; 0: they took turns */
};

/* All of them are kept. -EEXIST for one of the same boot, cell, design and time. */
int store_put_calibration(struct store *s, int64_t boot, const struct store_calibration *c,
			  struct reason *why);

struct store_calibration_row {
	char cell[40], benchmark[32], design[96];
	char host[40], boot_id[64], environment[40], kernel[128];
	enum lane lane;
	enum clock_unit clock;
	int64_t taken;
	unsigned pairs, false_positives;
	double floor;
	unsigned rounds, blocks; /* 0: stored before version 4, so nobody knows */
	int64_t distance_ms;	 /* 0: both sides took turns */
};

/**
 * store_calibrations() - those of a cell on a host, newest first
 * @host: store_host.id; @cell: hash; NULL for any
 *
 * A calibration speaks for its benchmark, region and design, hence the cell; its boot and
 * environment are given because it speaks of others with less weight. Return: how many (0: none),
 * or -errno. The caller frees *@rows.
 */
int store_calibrations(struct store *s, const char *host, const char *cell,
		       struct store_calibration_row **rows, struct reason *why);

/* ---- looking after the file; merging and exchange are in exchange.h ---- */

/**
 * store_check() - SQLite's integrity and foreign keys, and what must hold above them: rounds
 * without gaps, arms that exist, ticks and work above zero, hashes that match their JSON
 * @line: called with each thing found, in words
 *
 * Return: 0 when it is sound, otherwise how many things were found, or -errno.
 */
int store_check(struct store *s, void (*line)(void *ctx, const char *text), void *ctx,
		struct reason *why);

/* Remove one run and what only it used. Return: 0, -ENOENT, -errno. */
int store_remove(struct store *s, const char *uuid, struct reason *why);

/* A new random UUID (version 4) as text. */
void store_new_uuid(char out[37]);

#endif
