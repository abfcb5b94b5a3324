# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# From the start of the emulator to its end.

# What the VM is at, by the lines that its init leaves on the console.
declare -A vm_at=([boot]="booting Linux" [running]="running the command" [sending]="sending")

# vm_start EMULATOR ARGUMENT...: sets $emulator. The limit is held by a process of its own, so that a
# VM does not outlive a scripts/vm that was killed; the shell between turns an emulator's death by a
# signal into an exit status and a line of its log, and does not go before it.
vm_start() {
	# shellcheck disable=SC2016  # for that shell
	timeout --kill-after=5 "$timeout" sh -c 'trap : TERM; "$@"; exit $?' sh "$@" \
		</dev/null >"$work/emulator.log" 2>&1 &
	emulator=$!
}

vm_phase() {
	local last
	last=$(grep -ao 'tdcost-vm: [a-z]*' "$work/console" 2>/dev/null | tail -1) || true
	case ${last#tdcost-vm: } in
	running) phase=running ;;
	sending | done) phase=sending ;;
	*) phase=boot ;;
	esac
}

# vm_progress: shows how far `tdcost run` is, by the newest line of it on the console.
vm_progress() {
	local line
	line=$(grep -ao 'tdcost: progress [0-9]* [0-9]* [ -~]*' "$work/console" | tail -1) || return 0
	[[ $line =~ progress\ ([0-9]{1,9})\ ([1-9][0-9]{0,8})\ (.*) ]] || return 0
	stage_progress ": $((100 * 10#${BASH_REMATCH[1]} / BASH_REMATCH[2])) %, ${BASH_REMATCH[3]}"
}

# vm_gives_up: is the kernel silent for longer than any that boots? The emulator is ended then.
vm_gives_up() {
	[ ! -s "$work/console" ] && [ $((SECONDS - began)) -gt "$boot_timeout" ] || return 1
	silent=yes
	kill "$emulator" 2>/dev/null || true
}

# vm_watch: sets $emulator_status once the emulator has ended.
vm_watch() {
	local shown=boot began=$SECONDS
	silent=no
	stage "booting Linux $kernel_release in lane $lane (${lane_what[$lane]})"
	[ "$verbose" = no ] || {
		: >>"$work/console"
		tail -n +1 -f --pid="$emulator" "$work/console" >&2 &
	}
	while kill -0 "$emulator" 2>/dev/null; do
		vm_phase
		[ "$phase" = "$shown" ] || stage "${vm_at[$phase]}"
		shown=$phase
		[ "$phase" != running ] || vm_progress
		! vm_gives_up || break
		stage_tick
		sleep 0.2
	done
	emulator_status=0
	wait "$emulator" || emulator_status=$?
	emulator=
	stage_end
}

# vm_autopsy: nothing whole came back. Says why, in one line, and shows the end of the console. That a
# kernel does not boot under KVM is known where the emulator says so, or nothing at all is said.
vm_autopsy() {
	local why complaint panic kept advice='' status=1
	vm_phase
	complaint=$("${lane_emulator[$lane]}_complaint") || true
	panic=$(grep -aom1 'Kernel panic.*' "$work/console" 2>/dev/null) || true
	panic=${panic%%[$'\r\n']*}
	if [ "$silent" = yes ]; then
		why="it printed nothing for $boot_timeout s and was ended"
		advice="wait longer with --boot-timeout"
		complaint= # of being ended
	elif [ "$emulator_status" = 124 ] || [ "$emulator_status" = 137 ]; then
		rounds_merge
		why="the VM was still ${vm_at[$phase]} after $timeout s (--timeout) and was ended: $kept"
		advice="give it longer with --timeout, or less to do (--rounds, --blocks)"
		complaint= # of being ended
	else
		why="the VM ended while it was ${vm_at[$phase]}: $damage"
		[ "$rounds" = 0 ] || why+="; what a VM that failed had measured is not merged"
	fi
	[ -z "$complaint$panic" ] || why+=" (${complaint:-$panic})"
	[ "$silent" = no ] || [ "$lane" = vm ] || why="lane $lane: Linux $kernel_release does not boot: $why"
	if [ "$lane:$phase" = vm:boot ] && { [ -n "$complaint" ] || [ ! -s "$work/console" ]; }; then
		status=4
		why="lane vm: Linux $kernel_release does not boot under this machine's KVM: $why"
		advice="lane count needs no KVM${advice:+; or $advice}"
	fi
	stage_end
	echo "scripts/vm: $why${advice:+; $advice}" >&2
	if [ -s "$work/console" ]; then
		echo "The console's last lines:" >&2
		tr -d '\r' <"$work/console" | sed '/^tdcost: progress /d' | tail -20 | sed 's/^/  /' >&2
	fi
	exit $status
}
