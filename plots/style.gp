# SPDX-License-Identifier: GPL-2.0-or-later
# style.gp: how data files are read and what all pictures look like. Loaded first by each template,
# which has set DATA, OUTPUT, FORMAT and HERE (`load` clears ARG1 and so on).
#
# A page is a grid of characters: COLS wide, LINES high. Every place on it is counted in them, so
# that a picture and a terminal have the same layout. Text comes from the data file and is drawn
# `with labels` only: gnuplot changes it nowhere on that way.
DUMB = FORMAT eq "dumb"
CW = 7.4	# width and height of a character cell in pixels at 96 dpi
RH = 19.0

set encoding utf8
set datafile separator tab
set datafile commentschars ""
set format x "%h"
set format y "%h"
set errorbars 1.3

stats DATA index 0 using ($1 == !DUMB ? $2 : 0) nooutput
CAPTION = STATS_max + 1

# Columns of the picture to the right of which nothing is written, in a terminal and elsewhere.
WIDE = DUMB ? 79 : 128

# Told apart by lightness, dashes and symbols, so that colour is never needed.
set style line 1 lc rgb "#000000" lw 1.3 dt solid pt 7 ps 0.7
set style line 2 lc rgb "#d55e00" lw 1.3 dt (10,4) pt 5 ps 0.7
set style line 3 lc rgb "#0072b2" lw 1.3 dt (3,3) pt 9 ps 0.8
set style line 4 lc rgb "#4d4d4d" lw 1.3 dt (12,3,2,3) pt 4 ps 0.8
set style line 5 lc rgb "#b03080" lw 1.3 dt solid pt 6 ps 0.8
set style line 6 lc rgb "#009e73" lw 1.3 dt (6,3) pt 11 ps 0.8
set style line 7 lc rgb "#8a6d00" lw 1.3 dt (2,2) pt 13 ps 0.9
set style line 8 lc rgb "#7f7f7f" lw 1.3 dt (8,3,2,3,2,3) pt 8 ps 0.8
set style line 10 lc rgb "#555555" lw 1 dt solid	# frames and tics
set style line 11 lc rgb "#d0d0d0" lw 0.6 dt solid	# guides
set style line 12 lc rgb "#d55e00" lw 1.6 dt (6,3)	# bounds
set style line 13 lc rgb "#900000" lw 2.2 dt solid	# a limit
GREY = "#666666"
BOUND = "#a04000"
