// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/store/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"

#define SAMPLES 700 /* more than one line of an export holds */

static int put_rich_round(struct store *s, const char *uuid, int64_t boot, unsigned round)
{
	static const struct store_flag flags[] = {
		{ FLAG_STEAL, false, 0, -1, "3 ms, \"stolen\"\n" },
		{ FLAG_MOVED, true, 0, 1, NULL },
	};
	const struct store_part parts[] = {
		{ 2, "event", "page-faults", 0.1 + round },
		{ 2, "phase", "wb\"invd", 1e300 },
		{ 3, "event", "page-faults", -5e-324 },
		{ UINT32_MAX, "event", "instructions", 1.0 / 3 },
		{ UINT32_MAX, "event", "never", (double)INFINITY },
	};
	struct sample samples[SAMPLES];
	struct store_invocation v[2] = {
		{ .round = round,
		  .cpu = 5,
		  .node = -1,
		  .overhead = 20 + round,
		  .setup = "{\"offset\":64}",
		  .varying = "{ \"load\" : 0.10 }",
		  .started = 1000 + round,
		  .samples = samples,
		  .n_samples = SAMPLES,
		  .flags = flags,
		  .n_flags = ARRAY_SIZE(flags),
		  .parts = parts,
		  .n_parts = ARRAY_SIZE(parts) },
		{ .round = round, .position = 1, .arm_group = 1, .overhead = 1.0 / 3 }
	};

	for (unsigned i = 0; i < SAMPLES; i++)
		samples[i] = (struct sample){ .seq = i,
					      .arm = i & 1,
					      .block = (int32_t)i / 2 - 3,
					      .cpu = i % 7,
					      .ticks = i == 9 ? INT64_MAX : 1000 + i * round,
					      .work = 1 + i };
	return store_put_round(s, uuid, boot, v, 2, &why);
}

static int calibrate(struct store *s, int64_t boot)
{
	char hash[HASH_TEXT];
	const struct store_calibration c = { .cell = hash,
					     .design = "paired, 10 invocations",
					     .taken = 1234,
					     .pairs = 60,
					     .false_positives = 3,
					     .floor = 0.0123,
					     .rounds = 10,
					     .blocks = 40,
					     .distance_ms = 120000 };
	int64_t there;
	int ret;

	hash_cell("reset", 3, "{\"quirk\":\"off\"}", hash);
	ret = sql_int(s, "SELECT 1 FROM calibration WHERE cell = ?", ARGS(TEXT(hash)), &there,
		      &why);
	return ret ? (ret < 0 ? ret : 0) : store_put_calibration(s, boot, &c, &why);
}

int fixture_rich(struct store *s, const char *uuid, unsigned rounds, enum run_state state,
		 int64_t ended)
{
	const struct store_flag flag = { FLAG_VIRTUAL_MACHINE, false, -1, -1, "under KVM, é" };
	int64_t boots[2];
	int err;

	err = fixture_put_boot(s, "6.12.9", "boot-1", &boots[0]);
	err = err ?: fixture_put_boot(s, "6.12.9", "boot-2", &boots[1]);
	err = err ?: fixture_begin(s, uuid, "a \"label\", with\nall", boots[0], 1000);
	err = err
		      ?: sql_exec(s, "UPDATE run SET plan = '{ \"budget\": 0.10, \"x\": [1.5e3] }'",
				  &why);
	err = err ?: store_put_flags(s, uuid, &flag, 1, &why);
	err = err ?: calibrate(s, boots[0]);
	for (unsigned i = 0; !err && i < rounds; i++)
		err = put_rich_round(s, uuid, boots[i > 1], i);
	if (!err && state != RUN_OPEN)
		err = store_end_run(s, uuid, state, ended, &why);
	return err < 0 ? err : 0;
}

/* Every table by its natural keys; a real with all of its digits. */
static const char *const dumps[] = {
	"SELECT 'host', id, name, cpu, family, model, stepping, packages, llcs, cpus, memory"
	" FROM host",
	"SELECT 'environment', hash, facts FROM environment",
	"SELECT 'boot', boot_id, host, environment, lane, clock, tick_hz, resolution, overhead"
	" FROM boot",
	"SELECT 'metric', * FROM metric",
	"SELECT 'cell', * FROM cell",
	"SELECT 'calibration', b.boot_id, cell, design, taken, pairs, false_positives, floor,"
	" rounds, blocks, distance FROM calibration JOIN boot b ON b.id = boot",
	"SELECT 'run', uuid, label, seed, argv, plan, tool, varying, started, ended, state,"
	" b.boot_id, b.overhead FROM run LEFT JOIN boot b ON b.id = boot",
	"SELECT 'plan', uuid, ord, cell, arm_group, arm, c.state, kind, reason, paired, asked"
	" FROM run_cell c JOIN run r ON r.id = run",
	"SELECT 'invocation', uuid, round, position, b.boot_id, b.overhead, arm_group, cpu, node,"
	" setup, i.varying, i.started, samples, warm_up, i.overhead FROM invocation i JOIN run r "
	"ON r.id = run"
	" JOIN boot b ON b.id = i.boot",
	"SELECT 'sample', uuid, round, position, seq, arm, block, s.cpu, ticks, work FROM sample s"
	" JOIN invocation i ON i.id = invocation JOIN run r ON r.id = run",
	"SELECT 'part', uuid, round, position, seq, metric, name, value FROM part"
	" JOIN subject j ON j.id = subject JOIN invocation i ON i.id = invocation"
	" JOIN run r ON r.id = run",
	"SELECT 'subject', metric, name FROM subject",
	"SELECT 'flag', uuid, round, position, code, f.arm_group, arm, fatal, detail FROM flag f"
	" JOIN run r ON r.id = f.run LEFT JOIN invocation i ON i.id = invocation",
};

static void dump_row(sqlite3_stmt *st, FILE *out)
{
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		const char *text = (const char *)sqlite3_column_text(st, i);

		if (sqlite3_column_type(st, i) == SQLITE_FLOAT)
			fprintf(out, "|%.17g", sqlite3_column_double(st, i));
		else
			fprintf(out, "|%s", text ? text : "NULL");
	}
	putc('\n', out);
}

char *fixture_dump(struct store *s)
{
	char *text = NULL, sql[600];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		sqlite3_stmt *st;
		int used, n;

		OK(sql_query(s, &st, dumps[i], NO_ARGS, &why));
		n = sqlite3_column_count(st);
		sqlite3_finalize(st);
		used = snprintf(sql, sizeof(sql), "%s ORDER BY 1", dumps[i]);
		for (int c = 2; c <= n; c++)
			used += snprintf(sql + used, sizeof(sql) - (size_t)used, ", %d", c);
		OK(sql_query(s, &st, sql, NO_ARGS, &why));
		while (OK(sql_step(s, st, &why)) > 0)
			dump_row(st, out);
		sqlite3_finalize(st);
	}
	fclose(out);
	return text;
}
