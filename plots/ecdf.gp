# SPDX-License-Identifier: GPL-2.0-or-later
# ecdf.gp: a curve per cell. Usage: gnuplot -c ecdf.gp DATA OUTPUT svg|png|pdf|dumb
# Block 1, a line per panel: panel, first curve, curves, least and greatest x, log scale, width of
# names, name, name of the axis, names of the columns. Block 2, a line per curve: panel, place in it,
# name. A block per curve follows: value, share.
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("ecdf.gp")]
load HERE."style.gp"
stats DATA index 1 using (0) nooutput
PANELS = STATS_records
array FIRST[PANELS]; array CURVES[PANELS]; array XLO[PANELS]; array XHI[PANELS]; array LOG[PANELS]
stats DATA index 1 using (i = int($0) + 1, FIRST[i] = int($2), CURVES[i] = int($3), XLO[i] = $4, XHI[i] = $5, \
	LOG[i] = $6, NAMES = $7, 0) nooutput

LEFT = DUMB ? 7 : 10
UP = DUMB ? 1 : 1.2	# of the curves below the panel's name
RIGHT = NAMES + 8
PLOT = WIDE - LEFT - RIGHT - 2
# Beside the curves where that leaves them room, else below them.
BELOW = PLOT < (DUMB ? 36 : 50)
if (BELOW) { PLOT = DUMB ? 79 - LEFT - 3 : 70; RIGHT = 1 }
COLS = LEFT + PLOT + RIGHT + 2
if (DUMB) { COLS = 79 }
AREA = 14
STEP = AREA + 5
# Within two decades autofreq would name the powers of ten only.
mantissas(ratio) = ratio < 6 ? "1 1.2 1.5 2 2.5 3 4 5 6 7 8" : ratio < 25 ? "1 1.5 2 3 5 7" : "1 2 5"
named(ratio) = (t = "", sum [d=-4:7] sum [m=1:words(mantissas(ratio))] \
	(t = t.(strlen(t) ? "," : "(").sprintf("%g", real(word(mantissas(ratio), m)) * 10.0 ** d), 0), t.") ")
array Y0[PANELS]
LINES = CAPTION + 2.5
do for [p=1:PANELS] {
	Y0[p] = LINES
	LINES = LINES + STEP + (BELOW ? CURVES[p] + 1 : 0)
}
LINES = ceil(LINES)
load HERE."page.gp"

do for [p=1:PANELS] {
	set lmargin at screen SX(LEFT); set rmargin at screen SX(LEFT + PLOT)
	set tmargin at screen SY(Y0[p] + UP); set bmargin at screen SY(Y0[p] + UP + AREA)
	set xrange [XLO[p]:XHI[p]]
	set yrange [0:1]
	if (LOG[p] > 0) { set logscale x }
	eval "set border 3 ".FRAME
	eval "set xtics ".(LOG[p] > 0 && XHI[p] / XLO[p] < 200 ? named(XHI[p] / XLO[p]) : "autofreq ").TICS
	eval "set ytics 0.25 ".TICS
	if (DUMB) {
		plot for [c=1:CURVES[p]] DATA index 2 + FIRST[p] + c using 1:2 with lines lt c
	} else {
		set ylabel "share of samples" offset -1,0
		set grid xtics ytics ls 11
		plot for [c=1:CURVES[p]] DATA index 2 + FIRST[p] + c using 1:2 \
			with linespoints ls c pointnumber 7
	}
	unset ylabel
	eval GRID
	KX = BELOW ? LEFT : LEFT + PLOT + 2
	KY = Y0[p] + (BELOW ? AREA + 5 : 1.5)
	plot DATA index 1 every ::(p - 1)::(p - 1) using (1):(Y0[p]):8 \
		with labels left font BOLD noenhanced, \
	     DATA index 1 every ::(p - 1)::(p - 1) using (LEFT + PLOT / 2.0):(Y0[p] + UP + AREA + 2):9 \
		with labels center noenhanced, \
	     DATA index 1 every ::(p - 1)::(p - 1) using (KX + 6):(KY):10 \
		with labels left noenhanced textcolor rgb GREY, \
	     DATA index 2 using ($1 + 1 == p ? KX + 6 : NaN):(KY + $2):3 with labels left noenhanced
	if (DUMB) {
		plot for [c=1:CURVES[p]] DATA index 0 every ::0::1 using (KX + 4 * $0):(KY + c) with lines lt c
	} else {
		plot for [c=1:CURVES[p]] "+" every ::0::0 using (KX):(KY + c):(4.8):(0) with vectors nohead ls c, \
		     for [c=1:CURVES[p]] "+" every ::0::0 using (KX + 2.4):(KY + c) with points ls c
	}
}
unset multiplot
