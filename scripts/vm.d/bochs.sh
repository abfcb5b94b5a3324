# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# Bochs 3, the one emulator here that executes MOVDIR64B. Debian 12 has an older one, so it comes
# from the suite trixie with its own C library, unpacked in $cache/bochs and started through that
# library's loader. It boots from a CD.
bochs_suite=trixie

bochs_find() {
	bochs_dir=$cache/bochs/$bochs_suite
	[ "$update" = no ] && [ -d "$bochs_dir" ] && return
	cache_lock "bochs"
	if [ "$update" = yes ] || ! [ -d "$bochs_dir" ]; then
		bochs_fetch
	fi
	cache_unlock bochs
	update=no
}

bochs_fetch() {
	local packages
	cache_lock apt-host
	apt_state host </dev/null
	apt_update
	apt_suite "$bochs_suite" "lane spr"
	stage "fetching Bochs and its libraries from $bochs_suite"
	apt_do apt-get install --simulate --no-install-recommends bochs bochs-term bochsbios vgabios \
		>"$apt_dir/packages" 2>"$apt_dir/log" ||
		fail 1 "apt finds no Bochs in $bochs_suite: $(grep -m1 '^E:' "$apt_dir/log")$apt_trouble"
	# Its libraries want desktops and daemons around them, which a program that only opens a
	# terminal does not.
	packages=$(sed -n 's/^Inst \(\(bochs\|vgabios\|lib\|zlib\)[^ ]*\) .*/\1/p' "$apt_dir/packages")
	cache_new bochs
	# shellcheck disable=SC2086  # a list of names
	apt_unpack "$made" $packages
	bochs_dir=$made
	bochs_words
	"${bochs[@]}" --help cpu >"$apt_dir/log" 2>&1 || true
	grep -q sapphire_rapids "$apt_dir/log" ||
		fail 1 "the Bochs of $bochs_suite does not start, or knows no sapphire_rapids: $(tail -1 "$apt_dir/log")"
	cache_done bochs "bochs/$bochs_suite"
	bochs_dir=$cache/bochs/$bochs_suite
	cache_unlock apt-host
	stage_end
}

# bochs_words: sets the array bochs to what starts it.
bochs_words() {
	local libraries=$bochs_dir/usr/lib/x86_64-linux-gnu
	bochs=(env "LTDL_LIBRARY_PATH=$libraries/bochs/plugins" "BXSHARE=$bochs_dir/usr/share/bochs"
		TERM=xterm "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries"
		"$bochs_dir/usr/bin/bochs-bin")
}

bochs_prepare() {
	local cd=$work/cd
	bochs_find
	mkdir -p "$cd/isolinux"
	cp "$kernel_image" "$cd/vmlinuz"
	cp "$work/initrd" "$cd/initrd"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$cd/isolinux"
	printf '%s\n' 'default tdcost' 'label tdcost' 'kernel /vmlinuz' \
		"append initrd=/initrd $(lane_arguments)" >"$cd/isolinux/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$work/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table "$cd" >"$work/emulator.log" 2>&1 ||
		fail 1 "xorriso makes no CD: $(tail -1 "$work/emulator.log")"
	bochs_settings >"$work/bochsrc"
	echo c >"$work/debugger" # Debian's build starts in its debugger: continue
}

# bochs_features SIGN: of --cpu-flags, the features with this sign.
bochs_features() {
	tr ',' '\n' <<<"$cpu_flags" | sed -n "s/^$1//p" | paste -sd ' '
}

bochs_settings() {
	local add remove
	add=$(bochs_features +)
	remove=$(bochs_features -)
	cat <<-END
		cpu: model=${lane_cpu[$lane]}, count=1, ips=100000000${add:+, add_features="$add"}${remove:+, exclude_features="$remove"}
		memory: guest=$memory, host=$memory
		romimage: file=$bochs_dir/usr/share/bochs/BIOS-bochs-latest
		vgaromimage: file=$bochs_dir/usr/share/vgabios/vgabios.bin
		display_library: term
		ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
		boot: cdrom
		com1: enabled=1, mode=file, dev=$work/console
		com2: enabled=1, mode=file, dev=$work/parcel
		clock: sync=none, time0=utc
		log: $work/bochs.log
		panic: action=fatal
		mouse: enabled=0
	END
}

# Its display is a terminal, which script(1) makes.
bochs_start() {
	bochs_words
	SHELL=/bin/sh vm_start script -qfc \
		"exec$(quoted "${bochs[@]}" -q -f "$work/bochsrc" -rc "$work/debugger")" /dev/null
}

bochs_complaint() { # powering off is one of its panics: the normal end
	sed -n 's/.*>>PANIC<< //p' "$work/bochs.log" 2>/dev/null | grep -v 'soft power off' | head -1
}
