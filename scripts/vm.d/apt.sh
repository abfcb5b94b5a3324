# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# Packages through this machine's apt sources, without installing them and without being root: apt
# gets a state folder of its own in the cache. Its settings (a proxy, say) are the machine's.

# apt_state NAME: makes $cache/apt/NAME and points apt_do at it; the caller holds the lock apt-host.
# The machine's hooks stay out (they are for its own lists), and so do indexes that are no packages.
apt_state() {
	apt_dir=$cache/apt/$1
	command -v apt-get >/dev/null ||
		fail 4 "there is no apt-get here: give a kernel of your own with --kernel BZIMAGE --modules DIR"
	[ "$(dpkg --print-architecture)" = amd64 ] || fail 4 "kernels are fetched on amd64 machines only"
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	: >"$apt_dir/status"
	{
		apt-config dump | grep -Ev '^(APT::Update|DPkg|APT::Architectures|APT::Default-Release|Acquire::Languages)\b' |
			grep -Ev '^Acquire::IndexTargets::deb::(DEP-11|Contents|CNF)' || true
		cat <<-CONF
			APT::Architectures:: "amd64";
			Acquire::Languages "none";
			Acquire::Retries "3";
			APT::Sandbox::User "$(id -un)";
			Dir::Etc::parts "/dev/null";
			Dir::Etc::main "/dev/null";
			Dir::State "$apt_dir";
			Dir::State::lists "$apt_dir/lists";
			Dir::State::status "$apt_dir/status";
			Dir::Cache "$apt_dir";
			Dir::Cache::archives "$apt_dir/archives";
		CONF
		cat # what the caller adds
	} >"$apt_dir/apt.conf.new"
	mv "$apt_dir/apt.conf.new" "$apt_dir/apt.conf"
}

apt_do() { # PROGRAM ARGUMENT...
	APT_CONFIG=$apt_dir/apt.conf "$@" </dev/null
}

# apt_update: an unreachable source is no end yet, for another one may hold what is wanted; whoever
# does not find it says $apt_trouble.
apt_update() {
	stage "fetching the lists of packages (${apt_dir##*/})"
	apt_do apt-get update >"$apt_dir/log" 2>&1 &
	stage_wait $! || true
	apt_trouble=$(sed -n 's/^[EW]: \(.*\)/ (apt: \1)/p' "$apt_dir/log" | head -1)
}

# apt_suite SUITE WHOM: another suite of the Debian archive that the machine's own sources name;
# apt_state host and apt_update come first. WHOM is who says that there is none.
apt_suite() {
	local archive keys=/usr/share/keyrings/debian-archive-keyring.gpg
	# shellcheck disable=SC2016  # for apt, not for the shell
	archive=$(apt_do apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' \
		'Created-By: Packages' | sed -n 's/^Debian|Debian|main|//p' | head -1)
	[ -n "$archive" ] || fail 4 "$2: apt's sources name no Debian archive to take $1 from$apt_trouble"
	apt_state "$1" <<-CONF
		Dir::Etc::sourcelist "$cache/apt/$1/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
	CONF
	[ -r "$keys" ] && keys="[signed-by=$keys]" || keys=
	echo "deb $keys $archive $1 main" >"$apt_dir/sources.list"
	apt_update
}

# apt_unpack DIR PACKAGE...: downloads (apt checks sizes and sums) and unpacks them into DIR.
apt_unpack() {
	local dir=$1 debs=$1.debs
	shift
	rm -rf "$debs"
	mkdir -p "$debs" "$dir"
	apt_do env -C "$debs" apt-get download "$@" >"$apt_dir/log" 2>&1 &
	stage_wait $! || fail 1 "apt cannot download what is needed: $(
		grep -m1 '^E:' "$apt_dir/log" || tail -1 "$apt_dir/log")"
	local deb
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$dir" || fail 1 "dpkg-deb cannot unpack ${deb##*/}"
	done
	rm -rf "$debs"
}
