# SPDX-License-Identifier: GPL-2.0-or-later
# rounds.gp: a strip per cell. Usage: gnuplot -c rounds.gp DATA OUTPUT svg|png|pdf|dumb
# Block 1: rows, rounds, width of names, half a strip in %. Block 2: row, what it is (0 a cell, 1 a
# panel's name, 2 the columns' names), name, extremes. Block 3: round, row of the point, row of the
# strip's middle, deviation, beyond the strip.
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("rounds.gp")]
load HERE."style.gp"
stats DATA index 1 using (ROWS = $1, ROUNDS = $2, NAMES = $3, 0) nooutput
stats DATA index 2 using ($2 == 1 ? 1 : 0) nooutput
PANELS = STATS_sum > 0
stats DATA index 3 using ($5 > 0 ? 1 : 0) nooutput
BEYOND = STATS_sum > 0

RIGHT = 14
# Of a strip, in characters: a terminal can show below, at and above the median.
TALL = DUMB ? 3 : 1.7
LEFT = NAMES + 2
PLOT = WIDE - NAMES - RIGHT - 5
if (PLOT < (DUMB ? 12 : 48)) { PLOT = DUMB ? 12 : 48 }
COLS = LEFT + PLOT + RIGHT + 3
if (DUMB) { COLS = 79; if (LEFT + PLOT + RIGHT + 3 > 79) { LEFT = 79 - 3 - PLOT - RIGHT } }
LINES = CAPTION + (DUMB ? 1 : 2) + ceil(ROWS * TALL) + 3
load HERE."page.gp"

set lmargin at screen SX(LEFT); set rmargin at screen SX(LEFT + PLOT)
set tmargin at screen SY(TOP + 1)
set bmargin at screen SY(TOP + ROWS * TALL + 0.5)
set xrange [0.5:ROUNDS + 0.5]
set yrange [0:1]
eval "set border 1 ".FRAME
eval "set xtics ".(ROUNDS < 12 && PLOT > 30 ? "1 " : "autofreq ").TICS
plot NaN

eval GRID
x(round) = LEFT + (round - 0.5) / ROUNDS * PLOT
y(row) = TOP + (row - 0.5) * TALL
at(line) = column(2) == line ? y(column(1)) : NaN
if (DUMB) {
	plot DATA index 3 using (x($1)):(y($3)):("-") with labels noenhanced, \
	     DATA index 3 using (x($1)):(y($2)):($5 > 0 ? "x" : "o") with labels noenhanced
} else {
	plot DATA index 2 using (LEFT):(at(0)):(PLOT):(0) with vectors nohead ls 11, \
	     DATA index 3 using (x($1)):(y($2)) with linespoints lc rgb "black" lw 1 dt solid pt 7 ps 0.45, \
	     for [k=1:BEYOND] DATA index 3 using (x($1)):($5 > 0 ? y($2) : NaN) \
		with points lc rgb "black" lw 1.4 pt 2 ps 1
}
plot DATA index 2 using (1):(at(0)):3 with labels left noenhanced, \
     DATA index 2 using (1):(at(2)):3 with labels left noenhanced textcolor rgb GREY, \
     for [k=1:PANELS] DATA index 2 using (1):(at(1)):3 with labels left font BOLD noenhanced, \
     DATA index 2 using (LEFT + PLOT + 2):(at(0)):4 with labels left noenhanced, \
     DATA index 2 using (LEFT + PLOT + 2):(at(2)):4 with labels left noenhanced textcolor rgb GREY, \
     DATA index 1 using (LEFT + PLOT / 2.0):(TOP + ROWS * TALL + 2.5):("round") with labels center noenhanced
unset multiplot
