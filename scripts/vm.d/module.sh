# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# Kernel modules: tdcost.ko, built outside the tree, and those of the kernel that --load names.

# module_find: sets $module to a tdcost.ko for this kernel, or to nothing.
module_find() {
	local headers
	case $module in
	none) module= ;;
	?*) [ -r "$module" ] || fail 2 "--module $module: no such file" ;;
	*)
		[ -e "$top/bench/kmod/Makefile" ] || return 0
		headers=$(kernel_headers)
		if [ -n "$headers" ]; then
			module_build "$headers"
		else
			note "there are no headers of Linux $kernel_release here: without tdcost.ko (--module names one)"
		fi
		;;
	esac
}

module_sources() {
	(cd "$top" && find bench/kmod bench/teardown bench/topup -name '*.mod.c' -o -type f \
		\( -name '*.[chS]' -o -name Makefile -o -name Kbuild \) -print | LC_ALL=C sort)
}

# module_build HEADERS: a copy of the sources is built, and kept by what they and the kernel are.
module_build() {
	local sum name
	sum=$(cd "$top" && { module_sources | xargs -d '\n' sha256sum; sha256sum <"$1/Module.symvers"; } |
		sha256sum)
	name=$kernel_release-${sum:0:16}
	module=$cache/module/$name/tdcost.ko
	[ -e "$module" ] && return
	cache_lock module
	if ! [ -e "$module" ]; then
		stage "building tdcost.ko for Linux $kernel_release"
		cache_new module
		(cd "$top" && module_sources | xargs -d '\n' cp --parents -t "$made")
		make -C "$1" M="$made/bench/kmod" modules </dev/null >"$cache/module.log" 2>&1 &
		stage_wait $! || fail 1 "tdcost.ko does not build for Linux $kernel_release: $(
			grep -m1 -E 'error:|ERROR:|\*\*\*' "$cache/module.log") (all of it: $cache/module.log)"
		stage_end
		mv "$made/bench/kmod/tdcost.ko" "$made"
		cache_done module "module/$name"
	fi
	cache_unlock module
}

# modules_install: into the initramfs, with the list of what init loads, in order.
modules_install() {
	local word last=
	: >"$root/lib/tdcost/modules"
	for word in "${loads[@]}"; do
		case $word in
		*=*)
			[ -n "$last" ] || fail 2 "--load '$word': name the module before its argument"
			sed -i "\$s|\$| ${word//|/}|" "$root/lib/tdcost/modules"
			;;
		*)
			module_load "$word"
			last=$word
			;;
		esac
	done
	[ -n "$module" ] || return 0
	install -m 644 "$module" "$root/lib/tdcost/tdcost.ko"
	# Not a must: what says why it does not load can be what the VM is for.
	echo "-tdcost.ko $insmod" >>"$root/lib/tdcost/modules"
}

# module_load NAME: with all that it depends on, unpacked, since busybox knows no compression.
module_load() {
	local needs file name
	[ -n "$kernel_modules" ] ||
		fail 2 "--load $1: the kernel is a file; name its /lib/modules/RELEASE with --modules DIR"
	needs=$(modprobe -C /dev/null -d "$kernel_modules" -S "$kernel_release" --show-depends "$1" \
		2>"$work/modprobe.log") ||
		fail 4 "--load $1: $(sed 's/^modprobe: [A-Z]*: //; q' "$work/modprobe.log")"
	while read -r _ file _; do
		name=${file##*/}
		name=${name%%.ko*}.ko
		[ -e "$root/lib/tdcost/$name" ] && continue
		case $file in
		*.ko.xz) xz -dc "$file" >"$root/lib/tdcost/$name" ;;
		*.ko.zst) zstd -dcq "$file" >"$root/lib/tdcost/$name" ;;
		*.ko.gz) gzip -dc "$file" >"$root/lib/tdcost/$name" ;;
		*) cp "$file" "$root/lib/tdcost/$name" ;;
		esac
		echo "$name" >>"$root/lib/tdcost/modules"
	done < <(grep '^insmod ' <<<"$needs")
}
