# SPDX-License-Identifier: GPL-2.0-or-later
# calls.gp: a curve per cell, of single calls. Usage: gnuplot -c calls.gp DATA OUTPUT svg|png|pdf|dumb
# The data file is that of curves.gp; a curve's block: value, share.
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("calls.gp")]
load HERE."style.gp"
AREA = 14
AXES = "eval 'set xtics '.tics(XLOG[p], XLO[p], XHI[p]).TICS; eval 'set ytics 0.25 '.TICS"
CURVES = DUMB \
	? "plot for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:2 with lines lt c" \
	: "plot for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:2 with linespoints ls c pointnumber 7"
KEY = "plot for [c=1:COUNT[p]] DATA index 0 every ::0::1 using (KX + 4 * $0):(KY + c) with lines lt c"
load HERE."curves.gp"
