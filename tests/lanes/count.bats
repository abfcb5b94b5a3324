#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane count: two boots, whose runs are merged into one database.

bats_require_minimum_version 1.5.0
load lane.bash

# Closing a VM waits for grace periods of RCU, and the clock runs on while the CPU is idle. By default a grace period
# ends with a tick or several, 4 million instructions each, as where in a tick it began has it: of one boot 8.7 million
# for a VM, of the next 12.6. Expedited and with callbacks in a thread of their own, waits are short and the same.
VM=(--load kvm-amd --append "hugepages=16"
	--append "init_on_alloc=0" --append "rcu_nocbs=0 rcutree.jiffies_till_first_fqs=0 rcupdate.rcu_expedited=1")

setup_file() {
	boot_lane count first "${VM[@]}" --add "$KMOD_TOPUP"
	no_apt
	boot_lane count second "${VM[@]}" --add "$KMOD_TOPUP"
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "every check in the VM holds, in both boots" {
	all_ok first
	all_ok second
}

@test "the kernel log tells of no trouble" {
	quiet_kernel first
	quiet_kernel second
}

@test "two boots are two" {
	[ -n "$(fact first boot)" ]
	[ "$(fact first boot)" != "$(fact second boot)" ]
}

@test "the databases are sound, and hold a run of this kernel each" {
	for name in first second; do
		"$TDCOST" db check --db $name.db
		"$TDCOST" runs --json --db $name.db >list
		jq -e --arg kernel "$KERNEL." 'length == 8 and all(.[]; .state == "done" and .lane == "count" and
			.clock == "instructions" and .host == "tdcost-count" and (.kernel | startswith($kernel)))' list
	done
}

# medians LABEL NAME: the cells of a run and their instructions for each page.
medians() {
	"$TDCOST" show "label=$1" --db "$2.db" --json |
		jq -r '.cells[] | select(.summary) | "\(.factors.mode) quirk=\(.factors.quirk) \(.summary.median)"'
}

# Counts, not times: what differs between boots is what interrupted the benchmark.
@test "two boots of one kernel count the same, within 1 %" {
	for label in user kernel; do
		paste -d' ' <(medians $label first) <(medians $label second) >pairs
		[ -s pairs ]
		awk -v kernel="$KERNEL" '{
			spread = ($6 > $3 ? $6 - $3 : $3 - $6) / $3 * 100
			printf "# Linux %s, reset, mode=%s %s: %.2f and %.2f instructions for each page, spread %.3f %%\n",
				kernel, $1, $2, $3, $6, spread
			if ($1 != $4 || $2 != $5 || !($3 > 0) || spread > 1)
				bad = 1
		} END { exit bad }' pairs >&3
	done
	[ "$(wc -l <pairs)" = 1 ]
}

# The header is one of the rows: "topup work flags variant source whole/unit topup page use ...".
@test "two boots count the same instructions per topup, within 0.5 %" {
	paste -d' ' <(grep '^topup ' first.stdout) <(grep '^topup ' second.stdout) >rows
	# Faults by source; faults of zeroed pages; gets; splits.
	[ "$(grep -vc '^topup work' rows)" = $((4 * 3 + 4 + 4 * 2 + 7 * 2)) ]
	awk -v kernel="$KERNEL" '$2 != "work" {
		half = NF / 2
		worst = 0
		for (i = 2; i <= half; i++) {
			a = $i
			b = $(i + half)
			if (i < 6 || i > 9) { # names, and numbers of pages
				bad += a != b
				continue
			}
			spread = (a > b ? a - b : b - a) / (a + b > 0 ? (a + b) / 2 : 1) * 100
			worst = spread > worst ? spread : worst
		}
		printf "# Linux %s, %s%s, %s, %s: %s instructions a unit with its frees; a topup %s, for each page %s; a use %s; spread %.3f %%\n",
			kernel, $2, $3 == 32 ? " in one region" : $3 == 2 ? " zeroed" : "", $4, $5, $6, $7, $8, $9, worst
		# No topup is called where there is no cache; of splits its meter is in the caches.
		bad += !($6 > 0 && $9 > 0 && ($7 > 0 || ($4 == "direct" && $2 ~ /^split/))) || worst >= 0.5
		whole[$2, $3, $4, $5] = $6
	} END {
		for (row in whole) {
			split(row, f, SUBSEP)
			if (f[2] == 2) # the kernel does not zero what is not asked to be
				bad += whole[row] < whole[f[1], 0, f[3], f[4]] + 512
		}
		exit bad != 0
	}' rows >&3
}

# "account variant of median from to n"
@test "the accounting flag costs instructions, and how many" {
	paste -d' ' <(grep '^account ' first.stdout) <(grep '^account ' second.stdout) >rows
	[ "$(grep -vc '^account variant' rows)" = $((4 * 2)) ]
	awk -v kernel="$KERNEL" '$2 != "variant" {
		printf "# Linux %s, what gfp_kernel_account takes more than gfp_kernel, %s, %s: %s (%s to %s) and %s (%s to %s) instructions a page at 95 %%, n=%s\n",
			kernel, $2, $3, $4, $5, $6, $11, $12, $13, $7
		bad += !($5 > 0 && $12 > 0 && $4 >= $5 && $4 <= $6 && $11 >= $12 && $11 <= $13) || $7 != 21
	} END { exit bad != 0 }' rows >&3
}

# Its samples are whole passes, with the entry into the kernel and the making of the caches.
@test "two boots count the same instructions per operation of topup in the module, within 0.5 %" {
	for name in first second; do
		"$TDCOST" show label=topup --db $name.db --json | jq -r '.cells[] | select(.summary) |
			"\(.factors.variant) \(.factors.source) \(.summary.median)"' | sort >cells.$name
	done
	paste -d' ' cells.first cells.second >rows
	[ "$(wc -l <rows)" = $((4 * 2)) ]
	awk -v kernel="$KERNEL" '{
		spread = ($6 > $3 ? $6 - $3 : $3 - $6) / $3 * 100
		printf "# Linux %s, topup, mode=kernel, %s, %s: %.1f and %.1f instructions an operation, spread %.3f %%\n",
			kernel, $1, $2, $3, $6, spread
		bad += $1 != $4 || $2 != $5 || !($3 > 0) || spread >= 0.5
	} END { exit bad != 0 }' rows >&3
}

# told LABEL NAME FACTOR STATISTIC: what each cell of a run took and its phases: "FACTOR=LEVEL WHAT VALUE SAMPLES ROUNDS".
# The cell's level of FACTOR, or of several with commas between, is its name. Of the whole there is the median only.
told() {
	"$TDCOST" show "label=$1" --db "$2.db" --json | jq -r --arg by "$3" --arg of "$4" '
		.rounds as $rounds |
		(.cells | map({ (.cell): (.factors as $f | $by / "," | map("\(.)=\($f[.])") | join(",")) }) | add) as $name |
		(.cells[] | select(.summary and $of == "p50") | "\($name[.cell]) time \(.summary.median) \(.summary.samples) \($rounds)"),
		(.values[] | select(.subject and (.metric == "phase" or .metric == "ran")) |
			"\($name[.cell]) \(if .metric == "ran" then .metric else .subject end) \(.[$of]) \(.n) \($rounds)")'
}

# same LABEL FACTOR WHOLE [STATISTIC [PERCENT]]: prints the figures of both boots, and fails if one is not the same within 1 % (PERCENT). A phase that is
# next to nothing may instead differ by a five-hundredth of the cell's WHOLE: of a boot munmap() of huge pages
# is 42.7 thousand instructions, of another 43.9, in a destruction of a million.
same() {
	paste -d' ' <(told "$1" first "$2" "${4:-p50}" | sort) <(told "$1" second "$2" "${4:-p50}" | sort) >pairs
	[ -s pairs ]
	awk -v run="Linux $KERNEL, $1, ${4:-p50}" -v whole="$3" -v percent="${5:-1}" '
	function off(a, b) { return a > b ? a - b : b - a }
	FNR == NR { if ($2 == whole) all[$1] = $3 + 0; next }
	{
		far = off($3, $8)
		free = $2 == whole || $2 == "time" ? 0 : all[$1] / 500
		wrong = $1 != $6 || $2 != $7 || !all[$1] || (far > off($3, 0) / 100 * percent && far > free)
		bad += wrong
		printf "# %s, %s: %s %.0f and %.0f instructions, spread %.3f %%, n=%d and %d samples in %d processes each%s\n",
			run, $1, $2, $3, $8, far / ($3 ? off($3, 0) : 1) * 100, $4, $9, $5, wrong ? ": NOT THE SAME" : ""
	}
	END { exit bad != 0 }' pairs pairs >&3
}

@test "two boots destroy a VM in the same instructions, within 1 %, by every phase" {
	same vm mem ran
	for what in time ran vcpus memslot vm memory; do
		[ "$(grep -c " $what .* $what " pairs)" = 3 ]
	done
}

# In the kernel's own order, and with the end of the process that held it. "reset" is a mark and nothing else. Whoever
# waits for that end is woken by a tick or before it, and a tick is 4 million instructions: of one boot half of the
# samples have it, of the next fewer. So the least of them is compared, which has none. Twelve boots of 6.12 with mem=thp
# were 3.1 % apart at most, 2.2 to 2.3 million instructions: who else runs while the process ends differs by boot.
@test "two boots kill a VM in the same instructions, within 5 %" {
	same killed mem kill min 5
	[ "$(grep -c " kill .* kill " pairs)" = 3 ]
}

@test "a guest_memfd is skipped with its reason, and nothing else" {
	for name in first second; do
		"$TDCOST" show label=vm --db $name.db --json >vm.json
		jq -e '[.cells[] | select(.state == "skipped")] | length == 1 and .[0].factors.mem == "guest_memfd" and
			(.[0].reason | startswith("this kernel has no guest_memfd"))' vm.json
		jq -e '.cells | length == 4' vm.json
		# Nested paging, and no shadow pages.
		jq -e 'all(.flags[]; .flag != "no-two-dimensional-paging")' vm.json
	done
}

@test "two boots replay a teardown in the same instructions, within 1 %, by every phase" {
	same teardown path,quirk free
	for what in time:4 free:4 reset:2 kick:2 flush:2; do
		[ "$(grep -c " ${what%:*} .* ${what%:*} " pairs)" = "${what#*:}" ]
	done
}

@test "and in the kernel, with its write-back of caches and its frees" {
	same teardown-kernel path free
	for what in time:2 free:2 hkid:2 kick:1 flush:1; do
		[ "$(grep -c " ${what%:*} .* ${what%:*} " pairs)" = "${what#*:}" ]
	done
}

@test "one environment, two boots: their runs can be compared" {
	"$TDCOST" db merge second.db --db first.db
	"$TDCOST" runs --json --db first.db >list
	jq -e 'length == 16' list
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM environment')" = 1 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM boot')" = 2 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM host')" = 1 ]
}
