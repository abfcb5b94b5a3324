# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# How many instructions INSN an iteration of the loops of a function holds. The disassembly of the
# function, without raw bytes, is on standard input. A loop is what a jump backwards spans: what the
# compiler has taken out of the first iteration is not in it.
in_loops() { # INSN
	LC_ALL=C awk -v insn="$1" '
		# Of two addresses the longer is the larger.
		function key(hex) { return sprintf("%16s", hex) }
		$1 ~ /^[0-9a-f]+:$/ {
			at = key(substr($1, 1, length($1) - 1))
			if ($2 == insn) { place[++n] = at }
			if ($2 ~ /^j/ && key($3) < at) { from[++jumps] = key($3); to[jumps] = at }
		}
		END {
			for (k = 1; k <= n; k++)
				for (i = 1; i <= jumps; i++)
					if (place[k] >= from[i] && place[k] < to[i]) { looped++; break }
			print looped + 0
		}'
}
