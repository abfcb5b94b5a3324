# SPDX-License-Identifier: GPL-2.0-or-later
# page.gp: open a page of COLS x LINES characters and write the caption onto it.
W = COLS * CW
H = LINES * RH
if (FORMAT eq "svg") {
	set terminal svg size W,H font "DejaVu Sans Mono,monospace,12" noenhanced \
		background rgb "white"
}
if (FORMAT eq "png") {
	set terminal pngcairo size 1.5*W,1.5*H fontscale 1.5 linewidth 1.5 pointscale 1.5 \
		font "monospace,9" noenhanced
}
# A point of pdfcairo is a pixel of the others.
if (FORMAT eq "pdf") {
	set terminal pdfcairo size W/96.0 in,H/96.0 in fontscale 0.75 \
		font "monospace,9" noenhanced
}
if (DUMB) {
	set terminal dumb mono size COLS,LINES noenhanced
}
set output OUTPUT
# In SVG gnuplot takes a weight for a part of the family's name, which no reader has: size alone.
BOLD = FORMAT eq "svg" ? ",13" : "monospace:Bold"
TITLE = FORMAT eq "svg" ? ",15" : "monospace:Bold,13"

# A terminal's characters are places, not areas: the first is at 0 and the last at 1.
SX(x) = DUMB ? x / (COLS - 1.0) : x / real(COLS)
SY(y) = DUMB ? 1 - (y - 0.5) / (LINES - 1.0) : 1 - y / real(LINES)
# Before drawing on the page's own grid, and before drawing a frame at a place on it.
GRID = "unset border; unset tics; unset grid; unset logscale; \
	set lmargin at screen 0; set rmargin at screen 1; \
	set tmargin at screen 1; set bmargin at screen 0; \
	set xrange [0:DUMB ? COLS - 1 : COLS]; \
	set yrange [DUMB ? LINES - 0.5 : LINES:DUMB ? 0.5 : 0]"
TICS = DUMB ? "nomirror out scale 0.5" : "nomirror out scale 0.5 textcolor rgb '#333333'"
FRAME = DUMB ? "lt -1" : "ls 10"

set multiplot
unset key
eval GRID
line(first, last) = (column(1) == !DUMB && column(2) >= first && column(2) <= last) ? column(2) : NaN
if (DUMB) {
	plot DATA index 0 using (1):(line(0, CAPTION) + 0.5):3 with labels left noenhanced
} else {
	plot DATA index 0 using (1):(line(0, 0) + 1):3 with labels left font TITLE noenhanced, \
	     DATA index 0 using (1):(line(1, CAPTION) + 1.5):3 with labels left noenhanced
}
TOP = CAPTION + (DUMB ? 1 : 2)
