# SPDX-License-Identifier: GPL-2.0-or-later
# gnuplot -c statistics.gp TABLE OUTPUT.png MACHINE: how often each way calls arms different.
# TABLE: way question called n share low high wrong
set terminal pngcairo size 1000,480 font "DejaVu Sans,13"
set output ARG2
set title "Called different, share of the trials (bars: Clopper-Pearson, 95 %)\n".ARG3 noenhanced
set xrange [-3:172]
set xtics 0,20,100
set yrange [0.4:3.6]
set xlabel "percent of the trials" noenhanced
set ytics ("identical arms\n(5 %% or less is right)" 3, "1 %% injected\n(more is better)" 2, \
	"0.5 %% injected\n(more is better)" 1)
set grid xtics lc rgb "#d0d0d0"
set border 3
set tics nomirror out
set key at first 104, first 2.3 left top Left reverse samplen 2
set arrow from 5,2.6 to 5,3.4 nohead dt 2 lc rgb "#606060"
line(q) = (q eq "same" ? 3 : q eq "one" ? 2 : 1)
ours(w, q) = (w eq "ours" ? line(q) + 0.12 : NaN)
usual(w, q) = (w eq "usual" ? line(q) - 0.12 : NaN)
plot ARG1 using (100*$5):(ours(strcol(1),strcol(2))):(100*$6):(100*$7) with xerrorbars pt 7 ps 1.4 lw 2 lc rgb "black" title "tdcost, paired", \
	ARG1 using (100*$5):(usual(strcol(1),strcol(2))):(100*$6):(100*$7) with xerrorbars pt 4 ps 1.4 lw 2 lc rgb "#b05000" title "unpaired, Mann-Whitney"
