#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154  # programs in quotes; a test is a subshell; $stderr
# The host's side of scripts/vm, without a VM: the command line, and what is made of what comes back.

bats_require_minimum_version 1.5.0
load fake.bash

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export PATH=$PWD/bin:$PATH TDCOST_CACHE=$PWD/cache TMPDIR=$PWD/tmp
	unset TDCOST_DB
	mkdir tmp in
	fake_kernel bzImage 6.1.99-test
	fake apt-get <<<'echo "apt-get was called" >&2; exit 100'
	echo 0 >in/status
	printf 'the output\n' >in/stdout
	: >in/stderr
	: >in/notes
	echo "the kernel log" >in/dmesg
}

# What a VM that works does with the parcel in ./in.
vm_works() {
	pack in parcel
	fake_qemu <<<"cp '$PWD/parcel' \"\$parcel\"; echo 'tdcost-vm: done' >>\"\$console\""
}

# gone PID: ended, whether or not anybody has asked for its status yet.
gone() {
	local i
	for ((i = 0; i < 600; i++)); do
		grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

refused() { # STATUS WORDS OPTION...
	local status_wanted=$1 words=$2
	shift 2
	run --separate-stderr "$vm" "$@"
	echo "$* -> $status: $stderr"
	[ "$status" = "$status_wanted" ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == "scripts/vm: "*$words* ]]
	[ -z "$output" ]
	[ ! -e cache ]
}

@test "bad options are refused in one line, before anything is fetched" {
	refused 2 "what shall run"
	refused 2 "--frobnicate" --frobnicate -- true
	refused 2 "needs a value" --lane
	refused 2 "count, smoke, vm or spr" --lane fast -- true
	refused 2 "whole number" --timeout soon -- true
	refused 2 "whole number" --boot-timeout 0 -- true
	refused 2 "whole number" --memory 0 -- true
	refused 2 "lane count has 1 at most" --cpus 2 -- true
	refused 2 "lane spr has 1 at most" --lane spr --cpus 2 -- true
	refused 2 "evenly" --lane smoke --cpus 4 --packages 3 -- true
	refused 2 "evenly" --lane smoke --cpus 4 --packages 2 --dies 3 -- true
	refused 2 "no whole number of cores" --lane smoke --cpus 4 --packages 2 --threads 4 -- true
	refused 2 "lane spr has one node" --lane spr --numa -- true
	refused 2 "+FEATURE or -FEATURE" --cpu-flags "svm off" -- true
	refused 2 "no such file" --add nowhere -- true
	refused 2 "/PATH/IN/THE/VM=FILE" --get here -- true
	refused 2 "no folder nowhere" --dmesg nowhere/dmesg -- true
	refused 2 "is a folder" --db . -- true
	refused 2 "leave out 'true'" --fetch 6.1 -- true
	refused 2 "a series (6.1) or a release" --headers ./bzImage
	refused 2 "--lane needs" --verbose --lane
}

@test "a kernel that is none is refused in one line" {
	echo "no kernel" >text
	mkdir -p 6.1.99-test other
	: >6.1.99-test/modules.dep
	for try in "./nowhere|no such file" "./text|no x86 kernel image"; do
		run --separate-stderr "$vm" --build "$build" --kernel "${try%|*}" -- true
		[ "$status" = 2 ]
		[[ $stderr == *"${try#*|}" || $stderr == *"${try#*|} ("* ]]
	done
	run_vm --modules nowhere -- true
	[ "$status" = 2 ]
	[[ $stderr == *"--modules nowhere: holds no modules.dep"* ]]
	mv 6.1.99-test 6.12.0-other
	run_vm --modules 6.12.0-other -- true
	[ "$status" = 2 ]
	[[ $stderr == *"is Linux 6.1.99-test, so its folder is .../6.1.99-test" ]]
	run_vm --load kvm-amd -- true
	[ "$status" = 2 ]
	[[ $stderr == *"--modules DIR"* ]]
	run_vm --module nowhere.ko -- true
	[ "$status" = 2 ]
	[[ $stderr == *"nowhere.ko: no such file"* ]]
}

@test "--help shows the options, and the manual tells of each" {
	run "$vm" --help
	[ "$status" = 0 ]
	sed 's/\\-/-/g; s/\\f[BIRP]//g' "$TOP/docs/tdcost-vm.8" >manual
	mapfile -t told < <(grep -o -- '--[a-z-]*[a-z]' <<<"$output" | sort -u)
	for option in "${told[@]}"; do
		grep -q -- "^\.\(BI\|B\|TP\|IR\|BR\|RB\|OP\) .*$option\b" manual || { echo "$option"; false; }
	done
	mapfile -t told < <(grep -o -- '--[a-z-]*[a-z]' <(sed 's/ -- .*//' manual) | sort -u)
	for option in "${told[@]}"; do
		grep -q -- "$option\b" <<<"$output" || { echo "the manual tells of $option"; false; }
	done
}

@test "what the command printed, and nothing else, comes out; its status is that of the script" {
	printf 'an error\n' >in/stderr
	printf 'no newline' >>in/stdout
	echo 5 >in/status
	vm_works
	run_vm --dmesg log -- true
	[ "$status" = 5 ]
	[ "$output" = $'the output\nno newline' ]
	[[ $stderr == *"an error" ]]
	[ "$(cat log)" = "the kernel log" ]
	[ ! -e tdcost.db ]
	[ -z "$(ls tmp)" ]
}

@test "the initramfs holds the command word for word, and the programs that were added" {
	vm_works
	fake cpio <<-'END'
		cp lib/tdcost/command "$TMPDIR/../command"
		ls usr/bin >"$TMPDIR/../programs"
		exec /usr/bin/cpio "$@"
	END
	printf '#!/bin/sh\n' >"added here.sh"
	run_vm --add "added here.sh" -- sh -c "echo 'a b'; \$x" $'two\nlines' ''
	[ "$status" = 0 ]
	grep -qx "added here.sh" programs
	grep -qx tdcost programs
	sed -i 's/^exec//' command
	eval "set -- $(cat command)"
	[ $# = 5 ]
	[ "$3" = "echo 'a b'; \$x" ]
	[ "$4" = $'two\nlines' ]
	[ -z "$5" ]
}

@test "files that were asked for are brought back, and one that is missing is told" {
	echo wanted >in/wanted.0
	vm_works
	run_vm --get /tmp/a=a --get /tmp/b=b -- true
	[ "$status" = 1 ]
	[ "$(cat a)" = wanted ]
	[ ! -e b ]
	[[ $stderr == *"there was no file /tmp/b in the VM"* ]]
}

@test "the database is merged, once and again" {
	"$TDCOST" run null -p ops=1000 --rounds 1 --budget 1s --db in/tdcost.db >/dev/null || [ $? = 5 ]
	vm_works
	run_vm -- true
	[ "$status" = 0 ]
	run_vm -- true
	[ "$status" = 0 ]
	[ "$("$TDCOST" runs --db tdcost.db --json | jq length)" = 1 ]
	"$TDCOST" db check --db tdcost.db
	[ "$output" = "the output" ]
}

@test "lane smoke brings no figure back" {
	"$TDCOST" run null -p ops=1000 --rounds 1 --budget 1s --db in/tdcost.db >/dev/null || [ $? = 5 ]
	vm_works
	run_vm --lane smoke -- true
	[ "$status" = 0 ]
	[ ! -e tdcost.db ]
}

@test "a database that cannot be merged is kept, and yours is as it was" {
	echo "no database" >in/tdcost.db
	"$TDCOST" run null -p ops=1000 --rounds 1 --budget 1s --db tdcost.db >/dev/null || [ $? = 5 ]
	cp tdcost.db before
	vm_works
	run_vm -- true
	[ "$status" = 1 ]
	cmp tdcost.db before
	kept=$(sed -n "s/.* is kept as \([^ ,]*\),.*/\1/p" <<<"$stderr")
	cmp "$kept" in/tdcost.db
}

@test "what Ctrl-C says of the database is true" {
	mkdir -p own/harness/cli
	echo "a database" >in/tdcost.db
	vm_works
	for at in check merge; do
		printf '#!/bin/sh\n[ "$2" != %s ] || kill -INT $PPID\n' $at >own/harness/cli/tdcost
		chmod +x own/harness/cli/tdcost
		run --separate-stderr "$vm" --kernel ./bzImage --build own --db tdcost.db -- true
		echo "$stderr"
		[ "$status" = 130 ]
		case $at in
		check) [[ ${stderr_lines[-1]} == *"nothing was merged"* ]] ;;
		merge) [[ ${stderr_lines[-1]} == *"all of the samples were merged, or none"* ]] ;;
		esac
	done
}

# spoilt SED: the parcel, changed; nothing of it may be used.
spoilt() {
	"$TDCOST" run null -p ops=1000 --rounds 1 --budget 1s --db in/tdcost.db >/dev/null || [ $? = 5 ]
	cp in/tdcost.db tdcost.db
	"$TDCOST" db rm @last --db tdcost.db >/dev/null
	cp tdcost.db before
	pack in whole
	"$@" <whole >parcel
	fake_qemu <<<"cp '$PWD/parcel' \"\$parcel\"; seq 30 >>\"\$console\""
	run_vm --dmesg log --get /tmp/a=a -- true
	echo "$stderr"
	[ "$status" = 1 ]
	[ -z "$output" ]
	cmp tdcost.db before
	[ ! -e tdcost.db-wal ] && [ ! -e log ] && [ ! -e a ]
	[[ $stderr == *"The console's last lines:"*30 ]]
	[[ $stderr != *$'\n'"  10"$'\n'* ]]
	[ -z "$(ls tmp)" ]
}

@test "a transfer that ended early is rejected" {
	spoilt head -c 3000
	[[ $stderr == *"only "*" bytes came back"* ]]
}

@test "a transfer that lost its last line is rejected" {
	spoilt head -c -4
	[[ $stderr == *" bytes came back"* ]]
}

@test "a transfer with one bit turned is rejected" {
	flip() { cat >flipped && printf '\377' | dd of=flipped bs=1 seek=2000 conv=notrunc status=none && cat flipped; }
	spoilt flip
	[[ $stderr == *"damaged (checksum)"* ]]
}

@test "a transfer that does not begin as it should is rejected" {
	spoilt sed '1s/tdcost-vm 1/tdcost-vm 2/'
	[[ $stderr == *"does not begin"* ]]
}

@test "no transfer at all: the reason is the emulator's" {
	echo mine >tdcost.db
	fake_qemu <<<'echo "qemu-system-x86_64: warning: never mind" >&2; echo "qemu-system-x86_64: no such CPU" >&2; exit 1'
	run_vm -- true
	[ "$status" = 1 ]
	[[ $stderr == *"nothing came back (no such CPU)"* ]]
	[ "$(cat tdcost.db)" = mine ]
}

@test "at the time limit the VM is ended and the console's end shown" {
	fake_qemu <<<'echo $$ >"$TMPDIR/../pid"; echo "the last words" >>"$console"; exec sleep 60'
	run_vm --timeout 10 -- true
	[ "$status" = 1 ]
	[[ $stderr == *"was still running the command after 10 s"*"the last words" ]]
	gone "$(cat pid)"
}

@test "vm_boot_timeout_ends_a_kernel_that_prints_nothing" {
	fake_qemu <<<': >"$console"; echo $$ >"$TMPDIR/../pid"; exec sleep 600'
	run_vm --boot-timeout 1 -- true
	[ "$status" = 1 ]
	[ "${stderr_lines[-1]}" = "scripts/vm: lane count: Linux 6.1.99-test does not boot: it printed nothing for 1 s and was ended; wait longer with --boot-timeout" ]
	gone "$(cat pid)"
}

@test "vm_boot_timeout_spares_a_kernel_that_printed_a_byte" {
	vm_works
	sed -i '/^cp /i printf x >"$console"; sleep 4' bin/qemu-system-x86_64
	run_vm --boot-timeout 2 -- true
	[ "$status" = 0 ]
}

@test "vm_progress_of_the_command_is_shown_while_it_runs" {
	fake_qemu <<-'END'
		echo "tdcost: progress 3 40 round 1 of 10, vm mem=anon" >>"$console"
		for ((i = 0; i < 600; i++)); do
			grep -q "round 1 of 10" "$TMPDIR/../log" && exit
			sleep 0.1
		done
	END
	"$vm" --kernel ./bzImage --build "$build" --db tdcost.db -- true 2>log || true
	cat log
	grep -qx "scripts/vm: running the command: 7 %, round 1 of 10, vm mem=anon" log
}

# rounds_then_hang N: a VM that sends a database after each of N rounds, begins to send the next, and hangs.
rounds_then_hang() {
	local i
	mkdir -p rounds
	: >stream
	export TDCOST_AFTER_ROUND='i=$(($(ls rounds | wc -l) + 1)); mkdir rounds/$i
		for f in whole.db whole.db-wal; do [ ! -e $f ] || cp $f rounds/$i/tdcost${f#whole}; done'
	"$TDCOST" run null -p ops=1000 --rounds "$1" --budget 1s --db whole.db >/dev/null || [ $? = 5 ]
	unset TDCOST_AFTER_ROUND
	[ -d "rounds/$1" ] && [ ! -e "rounds/$(($1 + 1))" ]
	for ((i = 1; i <= $1; i++)); do
		pack rounds/$i one round
		cat one >>stream
	done
	head -c 1000 one >>stream
	fake_qemu <<<"cp '$PWD/stream' \"\$parcel\"; exec sleep 600"
}

@test "vm_time_limit_keeps_the_rounds_that_finished" {
	rounds_then_hang 3
	run_vm --timeout 10 -- true
	echo "$stderr"
	[ "$status" = 1 ]
	[[ $stderr == *"scripts/vm: the VM was still running the command after 10 s (--timeout) and was ended: 3 finished rounds merged into tdcost.db; give it longer with --timeout, or less to do"* ]]
	"$TDCOST" db check --db tdcost.db
	"$TDCOST" runs --db tdcost.db --json >list
	jq -e 'length == 1 and .[0].rounds == 3 and .[0].state != "done"' list
	[ -z "$(ls tmp)" ]
}

@test "vm_time_limit_without_a_finished_round_leaves_the_database" {
	rounds_then_hang 1
	head -c 1000 one >stream
	echo mine >tdcost.db
	run_vm --timeout 10 -- true
	[ "$status" = 1 ]
	[[ $stderr == *"and was ended: no round was finished, and nothing was merged; "* ]]
	[ "$(cat tdcost.db)" = mine ]
}

@test "vm_rounds_before_a_whole_result_are_not_merged_twice" {
	rounds_then_hang 2
	cp rounds/2/* in
	pack in last
	cat one one last >stream
	fake_qemu <<<"cp '$PWD/stream' \"\$parcel\"; echo 'tdcost-vm: done' >>\"\$console\""
	run_vm -- true
	[ "$status" = 0 ]
	[ "$output" = "the output" ]
	"$TDCOST" runs --db tdcost.db --json >list
	jq -e 'length == 1 and .[0].rounds == 2' list
}

@test "vm_that_dies_merges_no_round" {
	rounds_then_hang 2
	sed -i 's/exec sleep 600/exit 1/' bin/qemu-system-x86_64
	echo mine >tdcost.db
	run_vm -- true
	[ "$status" = 1 ]
	[[ $stderr == *"the VM ended while it was running the command: "*"; what a VM that failed had measured is not merged"* ]]
	[ "$(cat tdcost.db)" = mine ]
}

@test "who is ended ends the emulator, and leaves nothing" {
	fake_qemu <<<'echo $$ >"$TMPDIR/../pid"; exec sleep 60'
	"$vm" --kernel ./bzImage --build "$build" -- true 2>log &
	mine=$!
	for ((i = 0; i < 600; i++)); do
		[ -s pid ] && break
		sleep 0.1
	done
	kill -TERM $mine
	status=0
	wait $mine || status=$?
	[ $status = 143 ]
	gone "$(cat pid)"
	[ -z "$(ls tmp)" ]
}

# kvm_is_there: or lane vm says that it is not, whatever the emulator does.
kvm_is_there() {
	[ ! -w /dev/kvm ] || return 0
	run_vm --lane vm -- true
	[ "$status" = 4 ]
	[[ $stderr == *"/dev/kvm"* ]]
	return 1
}

@test "lane vm says when a VM does not boot under this machine's KVM, or that there is none" {
	fake_qemu <<<': >"$console"; echo "qemu-system-x86_64: KVM said no" >&2; exit 134'
	kvm_is_there || return 0
	run_vm --lane vm -- true
	[ "$status" = 4 ]
	[[ $stderr == *"does not boot under this machine's KVM: "*" (KVM said no);"* ]]
	[[ $stderr != *"The console's last lines"* ]]
	# With words of its own too: what the emulator says counts.
	fake_qemu <<<'echo "early words" >"$console"; echo "qemu-system-x86_64: KVM said no" >&2; exit 134'
	run_vm --lane vm -- true
	[ "$status" = 4 ]
	[[ $stderr == *"(KVM said no);"*"The console's last lines:"*"early words" ]]
	# Nothing is said until the time limit.
	fake_qemu <<<': >"$console"; exec sleep 60'
	run_vm --lane vm --timeout 2 -- true
	[ "$status" = 4 ]
	[[ $stderr == *"does not boot under this machine's KVM: the VM was still booting Linux after 2 s (--timeout)"* ]]
	# Nor is it waited for that long where no limit was given.
	fake_qemu <<<': >"$console"; echo $$ >"$TMPDIR/../pid"; exec sleep 600'
	run_vm --lane vm -- true
	[ "$status" = 4 ]
	[ "${stderr_lines[-1]}" = "scripts/vm: lane vm: Linux 6.1.99-test does not boot under this machine's KVM: it printed nothing for 20 s and was ended; lane count needs no KVM; or wait longer with --boot-timeout" ]
	gone "$(cat pid)"
}

@test "a kernel that fails in lane vm while it boots is shown, and is none of KVM's faults" {
	fake_qemu <<<'printf "one\r\nKernel panic - not syncing: no init\r\n" >"$console"'
	kvm_is_there || return 0
	run_vm --lane vm -- true
	[ "$status" = 1 ]
	[[ $stderr == *"ended while it was booting Linux: nothing came back (Kernel panic - not syncing: no init)"* ]]
	[[ $stderr == *"The console's last lines:"*"  one"* ]]
	[[ $stderr != *"under this machine's KVM"* ]]
	fake_qemu <<<'echo "the last words" >"$console"; exec sleep 60'
	run_vm --lane vm --timeout 2 -- true
	[ "$status" = 1 ]
	[[ $stderr == *"was still booting Linux after 2 s (--timeout) and was ended"*"the last words" ]]
}
