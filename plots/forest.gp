# SPDX-License-Identifier: GPL-2.0-or-later
# forest.gp: a row per cell. Drawn by cost.gp, saving.gp, policy.gp, phases.gp, victim.gp
# and idle.gp.
# Block 1, a line per section: rows, least and greatest x, width of names, of numbers, of the
# figures with their intervals, name of the axis. Block 2, a line per row: section, row, what it is
# (0 a cell, 1 a panel's name, 2 the columns' names, 3 a bound's name), value, low, high, bound,
# untrustworthy, name, number, number with interval, width of the name. With PARTS, of what the value
# is made: low and high of the first, and where each of them ends; and block 3, a line per part:
# number, place of its name, name, the line of names that it stands in, how it looks.
if (!exists("PARTS")) { PARTS = 0 }
KEYROWS = 0	# beyond the first
if (PARTS > 0) { stats DATA index 3 using 4 nooutput; PARTS = STATS_records; KEYROWS = STATS_max }
if (PARTS > 0) {
	array LOOK[PARTS]
	stats DATA index 3 using (LOOK[int($0) + 1] = $5, 0) nooutput
}
stats DATA index 1 using (0) nooutput
SECTIONS = STATS_records
array ROWS[SECTIONS]; array XLO[SECTIONS]; array XHI[SECTIONS]; array Y0[SECTIONS]
NAMES = 0; NUMBERS = 0; FIGURES = 0; USED = 0
stats DATA index 1 using (i = int($0) + 1, ROWS[i] = $1, XLO[i] = $2, XHI[i] = $3, \
	NAMES = $4, NUMBERS = $5 > NUMBERS ? $5 : NUMBERS, FIGURES = $6 > FIGURES ? $6 : FIGURES, \
	Y0[i] = USED + (DUMB ? 0 : KEYROWS), USED = USED + ROWS[i] + 4 + KEYROWS, 0) nooutput
stats DATA index 2 using ($3 == 3 ? 1 : 0) nooutput
BOUNDS = STATS_sum > 0
stats DATA index 2 using ($3 == 1 ? 1 : 0) nooutput
PANELS = STATS_sum > 0

RIGHT = DUMB ? NUMBERS : FIGURES
FIGURE = DUMB ? 10 : 11
FREE = WIDE - NAMES - RIGHT - 5
PLOT = DUMB ? (FREE < 12 ? 12 : FREE) : (FREE < 48 ? 48 : FREE)
LEFT = DUMB && FREE < 12 ? 79 - 12 - RIGHT - 4 : NAMES + 2
COLS = LEFT + PLOT + RIGHT + 3
LINES = CAPTION + (DUMB ? 1 : 2) + USED - (DUMB ? (PARTS == 0) : 0.5)
load HERE."page.gp"

# Told apart by lightness.
array SHADE[27] = ["#2f4b7c", "#e08214", "#cfd4dc", "#5aa469", "#1a1a1a", "#f4d58d", "#8c510a", \
	"#7fb2e5", "#b03080", "#7f7f7f", "#dce7c8", "#a04000", "#1b7f8c", "#e6a3c4", "#3d5a1e", \
	"#c7b8ea", "#b8860b", "#58306b", "#ff9d8a", "#9ad1c4", "#4d4d80", "#d9c9a3", "#00a0a0", "#ffd23f", \
	"#8ab833", "#e05050", "#b0b0b0"]
array SIGN[27] = ["=", "+", "-", "%", "*", "~", "&", ":", "$", "/", ".", "^", "v", "g", "m", "c", "#", \
	"x", "t", "k", "a", "l", "w", "i", "o", "1", "2"]
from(k) = k == 1 ? 0 : column(13 + k)
till(k) = column(14 + k)

# A narrow axis has room for two or three numbers: half of the span, rounded up.
power(v) = 10 ** floor(log10(v))
few(v) = ceil(v / 2 / power(v / 2) * 0.8) * power(v / 2)

do for [s=1:SECTIONS] {
	# the axis, without anything on it
	Y = TOP + Y0[s]
	KEYS = DUMB ? Y + ROWS[s] + 3.5 : Y + 0.5 - KEYROWS
	set lmargin at screen SX(LEFT); set rmargin at screen SX(LEFT + PLOT)
	set tmargin at screen SY(Y + 1); set bmargin at screen SY(Y + ROWS[s] + 0.5)
	set xrange [XLO[s]:XHI[s]]
	set yrange [0:1]
	eval "set border 1 ".FRAME
	eval "set xtics ".(DUMB && PLOT < 40 ? sprintf("%g ", few(XHI[s] - XLO[s])) : "autofreq ").TICS
	plot NaN

	# all else, on the page's grid; x(v) is where a value lies on it
	eval GRID
	x(v) = LEFT + (v - XLO[s]) / (XHI[s] - XLO[s]) * PLOT
	is(line) = (column(1) + 1 == s && column(3) == line)
	row(line) = is(line) ? Y + column(2) - 0.5 : NaN
	fit(at, width) = at + width < COLS - 1 ? at : (COLS - 1 - width < 1 ? 1 : COLS - 1 - width)
	if (DUMB) {
		cell(c) = XLO[s] + (c + 0.5) * (XHI[s] - XLO[s]) / PLOT
		within(k, v) = v >= from(k) && v < till(k)
		do for [k=1:PARTS] {
			plot for [c=0:PLOT-1] DATA index 2 \
				using (LEFT + c):(within(k, cell(c)) ? row(0) : NaN):(SIGN[LOOK[k]]) with labels noenhanced, \
			     DATA index 3 using (LEFT + $2):($1 == k ? KEYS + $4 : NaN):(SIGN[LOOK[k]]) with labels noenhanced
		}
		plot for [k=1:BOUNDS] DATA index 2 using (x($7)):(row(0)):(":") with labels noenhanced, \
		     for [k=1:ZERO] DATA index 2 using (x(0)):(row(0)):("|") with labels noenhanced, \
		     DATA index 2 using (x($5)):(row(0)):("[") with labels noenhanced, \
		     DATA index 2 using (x($6)):(row(0)):("]") with labels noenhanced, \
		     DATA index 2 using (x($4)):(row(0)):($8 > 0 ? "?" : "o") with labels noenhanced
	} else {
		set style fill solid 1 noborder
		plot DATA index 2 using (LEFT):(row(0)):(PLOT):(0) with vectors nohead ls 11
		do for [k=1:PARTS] {
			plot DATA index 2 using (x(from(k))):(till(k) > from(k) ? row(0) : NaN): \
				(x(from(k))):(x(till(k))):(row(0) - 0.32):(row(0) + 0.32) \
				with boxxyerror fc rgb SHADE[LOOK[k]], \
			     DATA index 3 using (LEFT + $2):($1 == k ? KEYS + $4 : NaN): \
				(LEFT + $2):(LEFT + $2 + 1.5):(KEYS + $4 - 0.3):(KEYS + $4 + 0.3) with boxxyerror fc rgb SHADE[LOOK[k]]
		}
		if (PARTS > 0) {
			plot DATA index 2 using (x($15)):($13 == $13 ? row(0) : NaN):(x($13)):(x($14)) \
				with xerrorbars lc rgb "black" lw 1.4 pt -1
		}
		if (BOUNDS) { plot DATA index 2 using (x($7)):(row(0) - 0.5):(0):(1) with vectors nohead ls 12 }
		if (ZERO) { plot "+" every ::0::0 using (x(0)):(Y + 1):(0):(ROWS[s] - 0.5) with vectors nohead ls 10 }
		plot DATA index 2 using (x($4)):(row(0)):(x($5)):(x($6)) \
			with xerrorbars lc rgb "black" lw 1.4 pt -1, \
		     DATA index 2 using (x($4)):(row(0)):($8 > 0 ? 6 : 7) \
			with points pt variable ps 0.6 lw 1.4 lc rgb "black"
	}
	if (PARTS > 0) { plot DATA index 3 using (LEFT + $2 + 2):(KEYS + $4):3 with labels left noenhanced }
	plot DATA index 2 using (1):(row(0)):9 with labels left noenhanced, \
	     DATA index 2 using (1):(row(2)):9 with labels left noenhanced textcolor rgb GREY, \
	     for [k=1:PANELS] DATA index 2 using (1):(row(1)):9 with labels left font BOLD noenhanced, \
	     for [k=1:BOUNDS] DATA index 2 using (fit(x($7), $12)):(row(3)):9 \
		with labels left noenhanced textcolor rgb BOUND, \
	     for [c=FIGURE:FIGURE] DATA index 2 using (LEFT + PLOT + 2):(row(0)):c \
		with labels left noenhanced, \
	     for [c=FIGURE:FIGURE] DATA index 2 using (LEFT + PLOT + 2):(row(2)):c \
		with labels left noenhanced textcolor rgb GREY, \
	     DATA index 1 every ::(s - 1)::(s - 1) using (LEFT + PLOT / 2.0):(Y + ROWS[s] + 2.5):7 \
		with labels center noenhanced
}
unset multiplot
