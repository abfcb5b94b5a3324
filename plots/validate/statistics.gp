# SPDX-License-Identifier: GPL-2.0-or-later
# gnuplot -c statistics.gp TABLE OUTPUT.png MACHINE: how often each way called its trials so.
# TABLE, by tabs: part question way k n share low high wrong target outcome line text
set datafile separator tab
set terminal pngcairo size 1000,720 font "DejaVu Sans,12"
set output ARG2
set label 1 "Share of the trials (bars: Clopper-Pearson, 95 %; grey: the target)" at screen 0.5,0.97 center noenhanced
set label 2 ARG3 at screen 0.5,0.94 center noenhanced
set tmargin 5
set xrange [-3:103]
set yrange [13.6:0.4]
set xtics 0,20,100
set xlabel "percent of the trials" noenhanced
set grid xtics lc rgb "#d0d0d0"
set border 3
set tics nomirror out
set ytics noenhanced
set lmargin 44
set bmargin 8
set key at screen 0.99,0.01 right bottom Left reverse samplen 2 maxrows 2
row(way, wanted, off) = (strcol(3) eq wanted && column(5) > 0 ? column(12) + off : NaN)
target(c) = (strcol(10) eq "-" ? NaN : real(word(strcol(10), 2)))
plot ARG1 using (-50):12:ytic(13) with points notitle, \
	ARG1 using (100*$6):(row(3, "ours", -0.15)):(100*$7):(100*$8) with xerrorbars pt 7 ps 1.2 lw 2 lc rgb "black" title "the 95 % interval leaves 0", \
	ARG1 using (100*$6):(row(3, "verdict", 0.05)):(100*$7):(100*$8) with xerrorbars pt 5 ps 1.2 lw 2 lc rgb "#0060a0" title "verdict", \
	ARG1 using (100*$6):(row(3, "gate", 0.05)):(100*$7):(100*$8) with xerrorbars pt 9 ps 1.4 lw 2 lc rgb "#008060" title "compare --gate exits with 3", \
	ARG1 using (100*$6):(row(3, "usual", 0.25)):(100*$7):(100*$8) with xerrorbars pt 4 ps 1.2 lw 2 lc rgb "#b05000" title "one process an arm, Mann-Whitney", \
	ARG1 using (target(0)):($12-0.35):(0):(0.7) with vectors nohead lw 3 lc rgb "#a0a0a0" notitle
