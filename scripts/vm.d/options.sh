# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# The command line of scripts/vm. docs/tdcost-vm.8 tells more of each option; a test compares them.

usage() {
	cat <<'END'
Usage: scripts/vm [OPTION]... -- COMMAND [ARGUMENT]...
       scripts/vm --fetch WHAT | --headers KERNEL

Boots a kernel in an emulator, or in KVM, runs the command there, prints what it
printed, brings its database back and merges it into yours. The command is found
on the VM's PATH, which holds tdcost and busybox: `tdcost run null`, `sh -c '...'`.

  --lane LANE         count   QEMU's TCG, one CPU, executed instructions (default)
                      smoke   QEMU's TCG, several CPUs, stores no figure
                      vm      QEMU with KVM
                      spr     Bochs, a Sapphire Rapids with MOVDIR64B
  --kernel KERNEL     a series of Debian's kernels (6.1, 6.12: the default), a
                      release as uname -r prints it, or a bzImage: a path with /
  --modules DIR       with a bzImage: its /lib/modules/RELEASE
  --module KO         this tdcost.ko (default: built for the kernel from bench/kmod)
  --no-module         no tdcost.ko
  --insmod "ARGS"     arguments for tdcost.ko
  --load "MODULE..."  load these first, with what they depend on; X=Y after a
                      module is an argument of it
  --add FILE          put a program, with its libraries, or a script into the VM's PATH
  --get PATH=FILE     bring this file of the VM back as FILE
  --dmesg FILE        write the VM's kernel log there
  --db FILE           merge into this database (default: $TDCOST_DB, else tdcost.db)
  --build DIR         take tdcost from this build folder (default: build it first)
  --cpus N            N CPUs (default: smoke 4, else 1)
  --packages P        in P packages (default: smoke 2, else 1)
  --dies D            D dies in each, with an LLC of its own (default: 1); in lane
                      smoke the CPUs are Intel's then, and have no SVM
  --threads T         T hyperthreads in each core (default: 1)
  --numa              a NUMA node for each package, of equal memory (default: one)
  --cpu-flags +X,-Y   CPU features more or less than the lane's
  --memory MIB        default 1024
  --append "ARGS"     arguments for the kernel
  --timeout SECONDS   end the VM then, and merge the rounds that finished (default:
                      spr 1200, else 600)
  --boot-timeout SECONDS
                      end it when the kernel has printed nothing by then (default:
                      vm 20, else 300)
  --verbose           show the console, and there what the command prints

  --fetch WHAT        only download a KERNEL, or bochs, into the cache
  --headers KERNEL    print the folder for `make -C`, of which modules are built
  --update            look for a newer one than the cache holds
  --help              show this and exit

Exit status: the command's; 1 the VM failed or what came back was not whole, and
your database is as it was but for the rounds that finished before a time limit;
2 bad usage; 4 not supported here.
The cache is $TDCOST_CACHE, else $XDG_CACHE_HOME/tdcost, else ~/.cache/tdcost.
END
}

lane=count kernel=6.12 modules='' module='' insmod='' build='' dmesg='' db=${TDCOST_DB:-tdcost.db}
cpus='' packages='' dies=1 threads=1 numa=no memory=1024 timeout='' boot_timeout='' cpu_flags='' only='' update=no verbose=no
loads=() adds=() wanted=() append=()

# Where the value of an option goes, and what it must look like.
declare -A option_place=(
	[--lane]=lane [--kernel]=kernel [--modules]=modules [--module]=module [--insmod]=insmod
	[--load]=loads [--add]=adds [--get]=wanted [--dmesg]=dmesg [--db]=db [--build]=build
	[--cpus]=cpus [--packages]=packages [--dies]=dies [--threads]=threads [--cpu-flags]=cpu_flags [--memory]=memory
	[--append]=append [--timeout]=timeout [--boot-timeout]=boot_timeout [--fetch]=kernel [--headers]=kernel
)
declare -A option_check=(
	[--add]=a_file [--get]=a_pair [--dmesg]=a_place [--db]=a_place [--cpus]=a_number
	[--packages]=a_number [--dies]=a_number [--threads]=a_number [--memory]=a_number [--timeout]=a_number [--boot-timeout]=a_number
	[--cpu-flags]=some_flags
)

a_number() {
	[[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || fail 2 "$1 '$2': write a whole number from 1"
}

a_file() {
	[[ -f $2 && -r $2 ]] || fail 2 "$1 $2: no such file"
}

a_place() {
	[ -d "$(dirname "$2")" ] || fail 2 "$1 $2: there is no folder $(dirname "$2")"
	[ ! -d "$2" ] || fail 2 "$1 $2: is a folder"
}

a_pair() {
	[[ $2 == /*=?* ]] || fail 2 "$1 '$2': write /PATH/IN/THE/VM=FILE"
	a_place "$1" "${2#*=}"
}

some_flags() {
	[[ $2 =~ ^[-+][a-z0-9_.-]+(,[-+][a-z0-9_.-]+)*$ ]] ||
		fail 2 "$1 '$2': write +FEATURE or -FEATURE, with commas between"
}

option_take() { # OPTION VALUE
	local place=${option_place[$1]} words
	[ -z "${option_check[$1]:-}" ] || "${option_check[$1]}" "$1" "$2"
	case $place in
	loads)
		read -r -a words <<<"$2"
		loads+=("${words[@]}")
		;;
	adds | wanted | append)
		local -n list=$place
		list+=("$2")
		;;
	*) printf -v "$place" %s "$2" ;;
	esac
	case $1 in
	--fetch | --headers) only=${1#--} ;;
	esac
}

option_flag() {
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--update) update=yes ;;
	--verbose) verbose=yes ;;
	--no-module) module=none ;;
	--numa) numa=yes ;;
	*) fail 2 "'$1': there is no such option; see --help" ;;
	esac
}

# options_read ARGUMENT...: sets the variables that the options stand for, and the array command.
options_read() {
	local option
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		option=${1%%=*}
		if [ -z "${option_place[$option]:-}" ]; then
			option_flag "$1"
		elif [ "$option" != "$1" ]; then
			option_take "$option" "${1#*=}"
		else
			[ $# -gt 1 ] || fail 2 "$1 needs a value; see --help"
			option_take "$1" "$2"
			shift
		fi
		shift
	done
	[ $# = 0 ] || shift
	command=("$@")
	if [ -n "$only" ]; then
		[ $# = 0 ] || fail 2 "--$only runs nothing: leave out '$1'"
		[[ $kernel != */* ]] || fail 2 "--$only $kernel: write a series (6.1) or a release"
	else
		[ $# -gt 0 ] || fail 2 "what shall run there? write -- COMMAND; see --help"
	fi
}
