# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# A Debian kernel with its headers, unpacked side by side in $cache/kernel/RELEASE. `6.1` names a
# series: the newest of it that apt knew when it was first asked for, and the same one ever after
# (figures are compared across days), until --update.

kernel_dir='' kernel_modules=''

# kernel_find WHAT: sets $kernel_release and $kernel_dir; fetches if it has to.
kernel_find() {
	local what=$1 pin=$cache/kernel/series/$1
	[[ $what =~ ^[0-9][-+.~A-Za-z0-9]*$ ]] ||
		fail 2 "--kernel '$what': write a series (6.1), a release (as uname -r prints it) or a path with a slash"
	[ "$update" = no ] && kernel_pinned "$what" && return
	cache_lock "kernel-$what"
	# Another scripts/vm may have fetched it while this one waited.
	if [ "$update" = yes ] || ! kernel_pinned "$what"; then
		kernel_fetch "$what"
	fi
	mkdir -p "${pin%/*}"
	ln -sfn "../$kernel_release" "$pin"
	cache_unlock "kernel-$what"
	update=no
}

kernel_pinned() {
	kernel_release=$1
	[[ $1 =~ ^[0-9]+\.[0-9]+$ ]] && kernel_release=$(basename "$(readlink "$cache/kernel/series/$1")")
	[ -n "$kernel_release" ] || return 1
	kernel_dir=$cache/kernel/$kernel_release
	[ -d "$kernel_dir" ]
}

kernel_fetch() {
	cache_lock apt-host
	apt_state host </dev/null
	apt_update
	kernel_newest "$1"
	kernel_dir=$cache/kernel/$kernel_release
	if ! [ -d "$kernel_dir" ]; then
		stage "fetching Linux $kernel_release and its headers"
		cache_new "kernel-$1"
		# shellcheck disable=SC2046  # a list of names
		apt_unpack "$made" "linux-image-$kernel_release" $(kernel_headers_packages)
		kernel_mend
		cache_done "kernel-$1" "kernel/$kernel_release"
	fi
	cache_unlock apt-host
	stage_end
}

# The newest of a series that has headers too: an image may be in the archive before they are.
kernel_newest() {
	local names
	apt_do apt-cache pkgnames linux- >"$apt_dir/names"
	kernel_release=$1
	if [[ $1 =~ ^[0-9]+\.[0-9]+$ ]]; then
		names=$(sed -n "s/^linux-image-\(${1//./\\.}\.[0-9].*-cloud-amd64\)\$/\1/p" "$apt_dir/names")
		kernel_release=$(sort -V <<<"$names" | while read -r name; do
			grep -qxF "linux-headers-$name" "$apt_dir/names" && echo "$name"
		done | tail -1) || true
	fi
	grep -qxF "linux-image-${kernel_release:-none}" "$apt_dir/names" ||
		fail "$([ -n "$apt_trouble" ] && echo 1 || echo 4)" "apt knows no kernel $1 with headers; of series it knows: $(kernel_series)$apt_trouble"
}

kernel_series() {
	sed -n 's/^linux-image-\([0-9]*\.[0-9]*\)\.[0-9].*-cloud-amd64$/\1/p' "$apt_dir/names" |
		sort -Vu | paste -sd ' ' | sed 's/^$/none/'
}

# The headers of a release, and what of them is shared: linux-headers-*-common, linux-kbuild-*.
kernel_headers_packages() {
	local headers=linux-headers-$kernel_release
	echo "$headers"
	apt_do apt-cache show --no-all-versions "$headers" | sed -n 's/^Depends: //p' | tr ',' '\n' |
		sed 's/[(|].*//; s/ //g' | grep -E '^linux-(headers|kbuild)-'
}

# Headers name the place where dpkg would have put them: let them be found from the folder that
# they are in, wherever the cache lies. Without vmlinux no BTF is made, which needs pahole.
kernel_mend() {
	local headers=$made/usr/src/linux-headers-$kernel_release
	# shellcheck disable=SC2016  # for make, not for the shell
	sed -i 's,^include /usr/src/,include $(dir $(lastword $(MAKEFILE_LIST)))../,' "$headers/Makefile"
	rm -f "$headers/vmlinux"
	local file
	for file in "$made/boot/vmlinuz-$kernel_release" "$made/boot/config-$kernel_release" \
		"$made/lib/modules/$kernel_release/kernel" "$headers/Module.symvers"; do
		[ -e "$file" ] || fail 1 "the packages of Linux $kernel_release hold no ${file#"$made"}"
	done
	depmod -b "$made" "$kernel_release" || fail 1 "depmod fails on the modules of $kernel_release"
}

# kernel_use WHAT: sets $kernel_release, $kernel_image, and $kernel_modules, the folder that holds
# lib/modules/RELEASE (empty: there is none).
kernel_use() {
	case $1 in
	*/*) kernel_file "$1" ;;
	*)
		[ -z "$modules" ] || fail 2 "--modules belongs to a kernel that is a file; $1 brings its own"
		kernel_find "$1"
		kernel_image=$kernel_dir/boot/vmlinuz-$kernel_release
		kernel_modules=$kernel_dir
		;;
	esac
}

# A bzImage says at 0x202 that it is one, and where its release stands (the x86 boot protocol).
kernel_file() {
	local at
	kernel_image=$1
	[ -r "$1" ] || fail 2 "--kernel $1: no such file"
	[ "$(head -c $((0x206)) "$1" | tail -c 4 | tr -d '\0')" = HdrS ] ||
		fail 2 "--kernel $1: is no x86 kernel image (arch/x86/boot/bzImage)"
	at=$(od -An -j $((0x20e)) -N 2 -t u2 "$1")
	kernel_release=$(head -c $((at + 0x200 + 200)) "$1" | tail -c 200 | tr '\0' ' ' | cut -d ' ' -f 1)
	[ -n "$modules" ] || return 0
	[ -r "$modules/modules.dep" ] || fail 2 "--modules $modules: holds no modules.dep; depmod makes it"
	modules=$(cd "$modules" && pwd)
	[ "${modules##*/}" = "$kernel_release" ] ||
		fail 2 "--modules $modules: $1 is Linux $kernel_release, so its folder is .../$kernel_release"
	kernel_modules=$work/kernel
	mkdir -p "$kernel_modules/lib/modules"
	ln -s "$modules" "$kernel_modules/lib/modules/$kernel_release"
}

# kernel_headers: the folder for make -C, or nothing.
kernel_headers() {
	local build=$kernel_modules/lib/modules/$kernel_release/build
	if [ -n "$kernel_dir" ]; then
		echo "$kernel_dir/usr/src/linux-headers-$kernel_release"
	elif [ -n "$kernel_modules" ] && [ -e "$build/Makefile" ]; then
		echo "$build"
	fi
}
