# SPDX-License-Identifier: GPL-2.0-or-later
# curves.gp: panels of curves with legends. Drawn by ecdf.gp, cpus.gp and along.gp, which set AXES
# (statements that make tics and a grid, for panel p) and CURVES (the plot command for panel p), and
# KEY: what a legend's entry looks like.
# Block 1, a line per panel: panel, first curve, curves; of x and of y least, greatest, log scale (1,
# 0); the place of a mark on x or 0; width of names, name, names of both axes, names of the columns.
# Block 2, a line per curve: panel, place in it, name. A block per curve follows.
stats DATA index 1 using (0) nooutput
PANELS = STATS_records
array FIRST[PANELS]; array COUNT[PANELS]
array XLO[PANELS]; array XHI[PANELS]; array XLOG[PANELS]
array YLO[PANELS]; array YHI[PANELS]; array YLOG[PANELS]; array MARK[PANELS]
stats DATA index 1 using (i = int($0) + 1, FIRST[i] = int($2), COUNT[i] = int($3), \
	XLO[i] = $4, XHI[i] = $5, XLOG[i] = $6, YLO[i] = $7, YHI[i] = $8, YLOG[i] = $9, \
	MARK[i] = $10, NAMES = $11, 0) nooutput

if (!exists("BROAD")) { BROAD = 70 }
LEFT = DUMB ? 8 : 11
UP = DUMB ? 1 : 1.2	# of the curves below the panel's name
RIGHT = NAMES + 8
PLOT = WIDE - LEFT - RIGHT - 2
# Beside the curves where that leaves them room, else below them.
BELOW = PLOT < (DUMB ? 36 : 50)
if (BELOW) { PLOT = DUMB ? 79 - LEFT - 3 : BROAD; RIGHT = 1 }
COLS = LEFT + PLOT + RIGHT + 2
if (BELOW && COLS < NAMES + LEFT + 8) { COLS = NAMES + LEFT + 8 }
# The caption's lines are made for this.
if (COLS < 124) { COLS = 124 }
if (DUMB) { COLS = 79 }
STEP = AREA + 5
array Y0[PANELS]
LINES = CAPTION + 2.5
do for [p=1:PANELS] {
	Y0[p] = LINES
	LINES = LINES + STEP + (BELOW ? COUNT[p] + 2 : 0)
}
LINES = ceil(LINES)
load HERE."page.gp"

# Within two decades autofreq would name the powers of ten only.
mantissas(ratio) = ratio < 6 ? "1 1.2 1.5 2 2.5 3 4 5 6 7 8" : ratio < 25 ? "1 1.5 2 3 5 7" : "1 2 5"
named(ratio) = (t = "", sum [d=-4:7] sum [m=1:words(mantissas(ratio))] \
	(t = t.(strlen(t) ? "," : "(").sprintf("%g", real(word(mantissas(ratio), m)) * 10.0 ** d), 0), t.") ")
tics(log, lo, hi) = log > 0 && hi / lo < 200 ? named(hi / lo) : "autofreq "

do for [p=1:PANELS] {
	set lmargin at screen SX(LEFT); set rmargin at screen SX(LEFT + PLOT)
	set tmargin at screen SY(Y0[p] + UP); set bmargin at screen SY(Y0[p] + UP + AREA)
	set xrange [XLO[p]:XHI[p]]
	set yrange [YLO[p]:YHI[p]]
	if (XLOG[p] > 0) { set logscale x }
	if (YLOG[p] > 0) { set logscale y }
	eval "set border 3 ".FRAME
	if (!DUMB) { set grid xtics ytics ls 11 }
	eval AXES
	if (MARK[p] > 0) { set arrow 1 from MARK[p], graph 0 to MARK[p], graph 1 nohead ls 13 }
	eval CURVES
	unset arrow
	eval GRID
	KX = BELOW ? LEFT : LEFT + PLOT + 2
	if (KX + 6 + NAMES > COLS - 1) { KX = COLS - 7 - NAMES < 0 ? 0 : COLS - 7 - NAMES }
	KY = Y0[p] + (BELOW ? AREA + 5 : 1.5)
	plot DATA index 1 every ::(p - 1)::(p - 1) using (1):(Y0[p]):12 \
		with labels left font BOLD noenhanced, \
	     DATA index 1 every ::(p - 1)::(p - 1) using (LEFT + PLOT / 2.0):(Y0[p] + UP + AREA + 2):13 \
		with labels center noenhanced, \
	     DATA index 1 every ::(p - 1)::(p - 1) using (KX + 6):(KY):15 \
		with labels left noenhanced textcolor rgb GREY, \
	     DATA index 2 using ($1 + 1 == p ? KX + 6 : NaN):(KY + $2):3 with labels left noenhanced
	if (DUMB) {
		eval KEY
		plot DATA index 1 every ::(p - 1)::(p - 1) \
			using (LEFT + PLOT / 2.0):(Y0[p] + UP + AREA + 3):(sprintf("up: %s", strcol(14))) \
			with labels center noenhanced
	} else {
		plot DATA index 1 every ::(p - 1)::(p - 1) using (1.5):(Y0[p] + UP + AREA / 2.0):14 \
			with labels center rotate by 90 noenhanced, \
		     for [c=1:COUNT[p]] "+" every ::0::0 using (KX):(KY + c):(4.8):(0) with vectors nohead ls c, \
		     for [c=1:COUNT[p]] "+" every ::0::0 using (KX + 2.4):(KY + c) with points ls c
	}
}
unset multiplot
