// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/store/history.h"

#define SCHEMA_VERSION 4

/* 2: benchmarks yield durations besides the sample's; the view gives them in units of the clock. */
static const char to_2[] =
	"DROP VIEW parts;\n"
	"CREATE VIEW parts AS\n"
	"SELECT r.uuid AS run, r.label, i.round, i.position, i.id AS invocation, i.arm_group,\n"
	"\tCASE WHEN p.seq >= 0 THEN p.seq END AS seq, s.arm, s.block, s.block < 0 AS warm_up,\n"
	"\tj.metric, j.name AS subject, p.value AS raw_value,\n"
	"\tCASE m.quantity WHEN 'duration' THEN p.value * (1e9 / b.tick_hz) ELSE p.value END AS "
	"value,\n"
	"\tCASE m.quantity WHEN 'duration' THEN b.clock ELSE ifnull(m.quantity, 'count') END AS "
	"unit\n"
	"FROM part p\n"
	"JOIN subject j ON j.id = p.subject\n"
	"JOIN invocation i ON i.id = p.invocation\n"
	"JOIN run r ON r.id = i.run\n"
	"JOIN boot b ON b.id = i.boot\n"
	"LEFT JOIN sample s ON s.invocation = p.invocation AND s.seq = p.seq\n"
	"LEFT JOIN run_cell rc ON rc.run = i.run AND rc.arm_group = i.arm_group AND rc.arm = "
	"s.arm\n"
	"\tAND rc.state = 'planned'\n"
	"LEFT JOIN cell c ON c.hash = rc.cell\n"
	"LEFT JOIN metric m ON m.benchmark = c.benchmark AND m.version = c.version AND m.name = "
	"j.metric";

/* 3: an invocation has an empty cost of its own; those of before keep that of their boot. */
static const char to_3[] =
	"ALTER TABLE invocation ADD COLUMN overhead REAL;\n"
	"DROP VIEW flat;\n"
	"CREATE VIEW flat AS\n"
	"SELECT r.uuid AS run, r.label, h.name AS host, e.kernel, b.lane, b.clock, r.tool,\n"
	"\tc.benchmark, c.version, c.factors, rc.kind,\n"
	"\ti.round, i.position, i.id AS invocation, i.cpu AS pinned_cpu, i.node,\n"
	"\ts.seq, s.cpu, s.block, s.block < 0 AS warm_up, i.arm_group, s.arm,\n"
	"\ts.ticks AS raw_ticks, s.work, i.overhead_ticks, s.ticks - i.overhead_ticks AS "
	"net_ticks,\n"
	"\t(s.ticks - i.overhead_ticks) * (1e9 / b.tick_hz) AS value, b.clock AS unit,\n"
	"\t(s.ticks - i.overhead_ticks) * (1e9 / b.tick_hz) / s.work AS value_per_work, m.per AS "
	"work_unit,\n"
	"\tCASE WHEN b.clock = 'ns' AND m.bytes_per > 0 AND s.ticks > i.overhead_ticks THEN\n"
	"\t\ts.work * m.bytes_per / ((s.ticks - i.overhead_ticks) * (1e9 / b.tick_hz))\n"
	"\tEND AS gb_per_s\n"
	"FROM sample s\n"
	"JOIN (SELECT i.*, ifnull(i.overhead, b.overhead) AS overhead_ticks\n"
	"\tFROM invocation i JOIN boot b ON b.id = i.boot) i ON i.id = s.invocation\n"
	"JOIN run r ON r.id = i.run\n"
	"JOIN boot b ON b.id = i.boot\n"
	"JOIN host h ON h.id = b.host\n"
	"JOIN environment e ON e.hash = b.environment\n"
	"JOIN run_cell rc ON rc.run = i.run AND rc.arm_group = i.arm_group AND rc.arm = s.arm\n"
	"\tAND rc.state = 'planned'\n"
	"JOIN cell c ON c.hash = rc.cell\n"
	"LEFT JOIN metric m ON m.benchmark = c.benchmark AND m.version = c.version AND m.ord = 0";

/* 4: a noise floor says of which design it is; of those of before nobody knows. */
static const char to_4[] = "ALTER TABLE calibration ADD COLUMN rounds INTEGER;\n"
			   "ALTER TABLE calibration ADD COLUMN blocks INTEGER;\n"
			   "ALTER TABLE calibration ADD COLUMN distance INTEGER";

static const char *const steps[] = { to_2, to_3, to_4, NULL };
static_assert(sizeof(steps) / sizeof(steps[0]) == SCHEMA_VERSION,
	      "a step for each version after the first, and the NULL");

const struct schema_history store_history = {
	.current = schema_sql,
	.version = SCHEMA_VERSION,
	.steps = steps,
};
