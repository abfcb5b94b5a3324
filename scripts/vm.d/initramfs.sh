# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# The initramfs: busybox, init, programs with their libraries, modules, and the command as a file.

# initramfs_program FILE PLACE: a program, with each library that it is linked with, or a script.
initramfs_program() {
	local library
	install -D -m 755 "$1" "$root/$2"
	{ ldd "$1" 2>/dev/null || true; } | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p' | while read -r library; do
		[ -e "$root$library" ] || install -D "$library" "$root$library"
	done
}

# quoted WORD...: as a line for the shell of the VM.
quoted() {
	local word
	for word; do
		printf " '%s'" "${word//\'/\'\\\'\'}"
	done
}

# initramfs_make COMMAND ARGUMENT...: $work/initrd.
initramfs_make() {
	local busybox file
	root=$work/root
	busybox=$(command -v busybox)
	mkdir -p "$root"/{dev,proc,sys,lib/tdcost,bin,sbin,etc,usr/bin,usr/sbin}
	install "$busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install "$pieces/init" "$root/init"
	install -m 644 "$pieces/send.sh" "$root/lib/tdcost/send.sh"
	echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
	echo root:x:0: >"$root/etc/group"
	initramfs_program "$tdcost" usr/bin/tdcost
	for file in "${adds[@]}"; do
		initramfs_program "${file%%=*}" "usr/bin/${file##*[/=]}"
	done
	modules_install
	lane_identity
	echo "$verbose" >"$root/lib/tdcost/verbose"
	printf '%s\n' "${wanted[@]%%=*}" >"$root/lib/tdcost/wanted"
	echo "exec$(quoted "$@")" >"$root/lib/tdcost/command"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$work/initrd"
}
