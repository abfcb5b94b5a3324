# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of scripts/vm without a VM: a kernel image that is none, and an emulator that does what
# the test says.

vm=$TOP/scripts/vm
build=${TDCOST%/harness/cli/tdcost}

fake() { # NAME, its body on standard input
	mkdir -p bin
	{
		echo '#!/usr/bin/env bash'
		cat
	} >"bin/$1"
	chmod +x "bin/$1"
}

# fake_kernel FILE RELEASE: what scripts/vm looks at in a bzImage.
fake_kernel() {
	{
		head -c $((0x202)) /dev/zero
		printf HdrS
		head -c 8 /dev/zero
		printf '\000\001' # the release is at 0x200 + 0x100
		head -c $((0xf0)) /dev/zero
		printf '%s (somebody@somewhere) #1 SMP\000' "$2"
		head -c 200 /dev/zero
	} >"$1"
}

# fake_qemu: the body gets $console and $parcel, the files behind the serial ports.
fake_qemu() {
	{
		cat <<-'END'
			while [ $# -gt 0 ]; do
				case $1 in
				file,id=console,path=*) console=${1##*path=} ;;
				file,id=parcel,path=*) parcel=${1##*path=} ;;
				esac
				shift
			done
			echo "tdcost-vm: running" >"$console"
		END
		cat
	} | fake qemu-system-x86_64
}

# pack DIR FILE [KIND]: as init sends it; KIND round: as it is sent after a round.
pack() {
	tar -C "$1" -cf - . | gzip >"$2.gz"
	{
		echo "tdcost-vm ${3:-1} $(stat -c %s "$2.gz") $(sha256sum "$2.gz" | cut -d ' ' -f 1)"
		cat "$2.gz"
		echo end
	} >"$2"
}

# run_vm OPTION...: with the fake kernel, and a database of its own unless the test names one.
run_vm() {
	run --separate-stderr "$vm" --kernel ./bzImage --build "$build" --db tdcost.db "$@"
}
