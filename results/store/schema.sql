-- SPDX-License-Identifier: GPL-2.0-or-later
-- The schema of a tdcost database, version 4: its only definition. Built into the program, and
-- described for people who write SQL in docs/tdcost-db.5.
--
-- Whoever changes this raises SCHEMA_VERSION in history.c and adds there the step that brings an
-- older file here. Times are Unix milliseconds, ticks are raw.

CREATE TABLE host (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	cpu TEXT NOT NULL,
	family INTEGER NOT NULL,
	model INTEGER NOT NULL,
	stepping INTEGER NOT NULL,
	packages INTEGER NOT NULL,
	llcs INTEGER NOT NULL,
	cpus INTEGER NOT NULL,
	memory INTEGER NOT NULL -- bytes
) STRICT, WITHOUT ROWID;

CREATE TABLE environment (
	hash TEXT NOT NULL PRIMARY KEY,
	facts TEXT NOT NULL CHECK (json_valid(facts)),
	kernel TEXT NOT NULL AS (json_extract(facts, '$.kernel')) VIRTUAL
) STRICT;

CREATE TABLE boot (
	id INTEGER PRIMARY KEY,
	boot_id TEXT NOT NULL,
	host TEXT NOT NULL REFERENCES host,
	environment TEXT NOT NULL REFERENCES environment,
	lane TEXT NOT NULL,
	clock TEXT NOT NULL,
	tick_hz REAL NOT NULL,    -- ticks per second, or per 1e9 instructions
	resolution REAL NOT NULL, -- ticks
	overhead REAL NOT NULL,   -- ticks, in the process that calibrated; see invocation
	-- A run takes the calibration that its file recorded first. Two files of one boot have one
	-- each; where they are merged both stay, so that no figure changes.
	UNIQUE (boot_id, host, environment, lane, clock, tick_hz, resolution, overhead)
) STRICT;

CREATE TABLE run (
	id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE,
	label TEXT,
	seed INTEGER NOT NULL, -- 64 bits, to be read as unsigned
	argv TEXT NOT NULL CHECK (json_valid(argv)),
	plan TEXT NOT NULL CHECK (json_valid(plan)),
	tool TEXT NOT NULL,
	varying TEXT CHECK (json_valid(ifnull(varying, 0))),
	boot INTEGER REFERENCES boot, -- where it began; NULL: where its first invocation ran
	started INTEGER NOT NULL,
	ended INTEGER,
	state TEXT NOT NULL
) STRICT;

CREATE TABLE metric (
	benchmark TEXT NOT NULL,
	version INTEGER NOT NULL,
	ord INTEGER NOT NULL, -- 0 is what the ticks of a sample measure
	name TEXT NOT NULL,
	quantity TEXT NOT NULL,
	per TEXT NOT NULL,
	bytes_per INTEGER NOT NULL,
	PRIMARY KEY (benchmark, version, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE cell (
	hash TEXT NOT NULL PRIMARY KEY,
	benchmark TEXT NOT NULL,
	version INTEGER NOT NULL,
	factors TEXT NOT NULL CHECK (json_valid(factors))
) STRICT, WITHOUT ROWID;

-- One cell may be in a run twice: two identical arms are how the noise floor is found.
CREATE TABLE run_cell (
	run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	ord INTEGER NOT NULL, -- its place in the plan
	cell TEXT NOT NULL REFERENCES cell,
	arm_group INTEGER NOT NULL,
	arm INTEGER NOT NULL,
	state TEXT NOT NULL,
	kind TEXT NOT NULL,
	reason TEXT,
	paired TEXT NOT NULL CHECK (json_valid(paired)),
	asked TEXT NOT NULL CHECK (json_valid(asked)),
	PRIMARY KEY (run, ord)
) STRICT, WITHOUT ROWID;
-- Only what takes part needs a place of its own: a skipped cell yields no sample.
CREATE UNIQUE INDEX run_cell_arm ON run_cell (run, arm_group, arm) WHERE state = 'planned';

CREATE TABLE invocation (
	id INTEGER PRIMARY KEY,
	run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	boot INTEGER NOT NULL REFERENCES boot,
	round INTEGER NOT NULL,
	position INTEGER NOT NULL,
	arm_group INTEGER NOT NULL,
	cpu INTEGER NOT NULL, -- the one it was pinned to
	node INTEGER NOT NULL,
	setup TEXT CHECK (json_valid(ifnull(setup, 0))),
	varying TEXT CHECK (json_valid(ifnull(varying, 0))),
	started INTEGER NOT NULL,
	samples INTEGER NOT NULL, -- how many it holds, so that listing runs need not count them
	warm_up INTEGER NOT NULL, -- how many of those are warm-up
	overhead REAL, -- ticks, in this process; NULL before version 3: the boot's is subtracted
	UNIQUE (run, round, position)
) STRICT;

-- Clustered by invocation, for that is how they are read; a rowid and an index over it would be
-- twice the size.
CREATE TABLE sample (
	invocation INTEGER NOT NULL REFERENCES invocation ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	arm INTEGER NOT NULL,
	block INTEGER NOT NULL, -- negative: warm-up
	cpu INTEGER NOT NULL,   -- where it ended
	ticks INTEGER NOT NULL,
	work INTEGER NOT NULL,
	PRIMARY KEY (invocation, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE subject (
	id INTEGER PRIMARY KEY,
	metric TEXT NOT NULL,
	name TEXT NOT NULL,
	UNIQUE (metric, name)
) STRICT;

CREATE TABLE part (
	invocation INTEGER NOT NULL REFERENCES invocation ON DELETE CASCADE,
	seq INTEGER NOT NULL, -- of the sample; -1: of the invocation as a whole
	subject INTEGER NOT NULL REFERENCES subject,
	value REAL NOT NULL,
	PRIMARY KEY (invocation, seq, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE flag (
	id INTEGER PRIMARY KEY,
	run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
	invocation INTEGER REFERENCES invocation ON DELETE CASCADE, -- NULL: the run
	arm_group INTEGER, -- NULL: all
	arm INTEGER,       -- NULL: all
	code TEXT NOT NULL,
	fatal INTEGER NOT NULL,
	detail TEXT
) STRICT;
-- NULLs are distinct to UNIQUE, so they are named here.
CREATE UNIQUE INDEX flag_once ON flag
	(run, ifnull(invocation, -1), code, ifnull(arm_group, -1), ifnull(arm, -1));
CREATE INDEX flag_invocation ON flag (invocation);

-- What identical arms gave: of a cell, in a boot, by a design; each time it was looked for. A floor
-- without rounds is of version 3 or older: nobody knows which comparisons it applies to.
CREATE TABLE calibration (
	boot INTEGER NOT NULL REFERENCES boot,
	cell TEXT NOT NULL REFERENCES cell,
	design TEXT NOT NULL,
	taken INTEGER NOT NULL,
	pairs INTEGER NOT NULL,           -- how often two identical arms were compared
	false_positives INTEGER NOT NULL, -- how often they were called different
	floor REAL NOT NULL,              -- fraction of the level: 0.01 is 1 %
	rounds INTEGER,                   -- processes of each arm in one comparison
	blocks INTEGER,                   -- of a process, the median
	distance INTEGER,                 -- ms from the start of one side to the other's; NULL: paired
	PRIMARY KEY (boot, cell, design, taken)
) STRICT, WITHOUT ROWID;

-- Views have plural names, or flat ones. From here on, words for people.

CREATE VIEW runs AS
SELECT r.id, r.uuid, r.label, r.state, h.name AS host, h.id AS host_id, e.kernel, b.lane, b.clock,
	r.tool, r.seed, r.started AS started_ms, r.ended AS ended_ms,
	datetime(r.started / 1000, 'unixepoch') AS started_utc,
	(SELECT group_concat(benchmark, ' ') FROM (SELECT c.benchmark
		FROM run_cell rc JOIN cell c ON c.hash = rc.cell
		WHERE rc.run = r.id AND rc.state = 'planned'
		GROUP BY c.benchmark ORDER BY min(rc.ord))) AS benchmarks,
	(SELECT count(DISTINCT i.round) FROM invocation i WHERE i.run = r.id) AS rounds,
	(SELECT count(*) FROM invocation i WHERE i.run = r.id) AS invocations,
	(SELECT total(i.samples - i.warm_up) FROM invocation i WHERE i.run = r.id) AS samples,
	(SELECT count(*) FROM (SELECT DISTINCT f.code, f.arm_group, f.arm
		FROM flag f WHERE f.run = r.id AND f.fatal)) AS fatal_flags
FROM run r
LEFT JOIN boot b ON b.id = ifnull(r.boot, (SELECT i.boot FROM invocation i
	WHERE i.run = r.id ORDER BY i.round, i.position LIMIT 1))
LEFT JOIN host h ON h.id = b.host
LEFT JOIN environment e ON e.hash = b.environment;

CREATE VIEW cells AS
SELECT r.uuid AS run, r.label, c.hash AS cell, c.benchmark, c.version, c.factors, rc.paired,
	rc.asked, rc.arm_group, rc.arm, rc.state, rc.kind, rc.reason,
	(SELECT count(DISTINCT s.invocation) FROM invocation i JOIN sample s ON s.invocation = i.id
		WHERE i.run = rc.run AND i.arm_group = rc.arm_group AND s.arm = rc.arm
		AND s.block >= 0 AND rc.state = 'planned') AS invocations,
	(SELECT count(*) FROM invocation i JOIN sample s ON s.invocation = i.id
		WHERE i.run = rc.run AND i.arm_group = rc.arm_group AND s.arm = rc.arm
		AND s.block >= 0 AND rc.state = 'planned') AS samples
FROM run_cell rc JOIN run r ON r.id = rc.run JOIN cell c ON c.hash = rc.cell;

-- The arithmetic of a figure, once: net = raw - overhead, unit per tick = 1e9 / tick_hz.
CREATE VIEW flat AS
SELECT r.uuid AS run, r.label, h.name AS host, e.kernel, b.lane, b.clock, r.tool,
	c.benchmark, c.version, c.factors, rc.kind,
	i.round, i.position, i.id AS invocation, i.cpu AS pinned_cpu, i.node,
	s.seq, s.cpu, s.block, s.block < 0 AS warm_up, i.arm_group, s.arm,
	s.ticks AS raw_ticks, s.work, i.overhead_ticks, s.ticks - i.overhead_ticks AS net_ticks,
	(s.ticks - i.overhead_ticks) * (1e9 / b.tick_hz) AS value, b.clock AS unit,
	(s.ticks - i.overhead_ticks) * (1e9 / b.tick_hz) / s.work AS value_per_work, m.per AS work_unit,
	CASE WHEN b.clock = 'ns' AND m.bytes_per > 0 AND s.ticks > i.overhead_ticks THEN
		s.work * m.bytes_per / ((s.ticks - i.overhead_ticks) * (1e9 / b.tick_hz))
	END AS gb_per_s
FROM sample s
JOIN (SELECT i.*, ifnull(i.overhead, b.overhead) AS overhead_ticks
	FROM invocation i JOIN boot b ON b.id = i.boot) i ON i.id = s.invocation
JOIN run r ON r.id = i.run
JOIN boot b ON b.id = i.boot
JOIN host h ON h.id = b.host
JOIN environment e ON e.hash = b.environment
JOIN run_cell rc ON rc.run = i.run AND rc.arm_group = i.arm_group AND rc.arm = s.arm
	AND rc.state = 'planned'
JOIN cell c ON c.hash = rc.cell
LEFT JOIN metric m ON m.benchmark = c.benchmark AND m.version = c.version AND m.ord = 0;

-- What samples and invocations yielded besides ticks, durations in units of the clock; arm and
-- block are NULL where the value is that of the whole invocation.
CREATE VIEW parts AS
SELECT r.uuid AS run, r.label, i.round, i.position, i.id AS invocation, i.arm_group,
	CASE WHEN p.seq >= 0 THEN p.seq END AS seq, s.arm, s.block, s.block < 0 AS warm_up,
	j.metric, j.name AS subject, p.value AS raw_value,
	CASE m.quantity WHEN 'duration' THEN p.value * (1e9 / b.tick_hz) ELSE p.value END AS value,
	CASE m.quantity WHEN 'duration' THEN b.clock ELSE ifnull(m.quantity, 'count') END AS unit
FROM part p
JOIN subject j ON j.id = p.subject
JOIN invocation i ON i.id = p.invocation
JOIN run r ON r.id = i.run
JOIN boot b ON b.id = i.boot
LEFT JOIN sample s ON s.invocation = p.invocation AND s.seq = p.seq
LEFT JOIN run_cell rc ON rc.run = i.run AND rc.arm_group = i.arm_group AND rc.arm = s.arm
	AND rc.state = 'planned'
LEFT JOIN cell c ON c.hash = rc.cell
LEFT JOIN metric m ON m.benchmark = c.benchmark AND m.version = c.version AND m.name = j.metric;
