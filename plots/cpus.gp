# SPDX-License-Identifier: GPL-2.0-or-later
# cpus.gp: times of single CPUs. Usage: gnuplot -c cpus.gp DATA OUTPUT svg|png|pdf|dumb
# The data file is that of curves.gp; a curve's block: value, share. Where the scale of x is 2 it is in ns.
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("cpus.gp")]
load HERE."style.gp"
AREA = DUMB ? 14 : 16
BROAD = 110
# Each unit up, a tenth is left above. Nothing is left above the greatest value.
up(share) = share < 1 ? -log10(1 - share) : 99
# A point where a curve comes to 50 % and to each of the tics above.
LAST = 0
grade(y) = y < 0.301 ? 0 : 1 + floor(y)
passes(y) = (was = y > 0 ? LAST : 0, LAST = grade(y), LAST > was ? y : NaN)
SHARES = '("0 %%" 0, "50 %%" 0.30103, "90 %%" 1, "99 %%" 2, "99.9 %%" 3, "99.99 %%" 4, "99.999 %%" 5, "99.9999 %%" 6) '
# Times by name; within two or three decades also those between the powers of ten.
in_unit(v) = v < 1e3 ? sprintf("%g ns", v) : v < 1e6 ? sprintf("%g us", v / 1e3) : \
	v < 1e9 ? sprintf("%g ms", v / 1e6) : sprintf("%g s", v / 1e9)
between(ratio) = ratio < 5 ? "1 1.5 2 3 4 5 7" : ratio < 400 ? "1 2 5" : "1"
times(ratio) = (t = "", sum [d=0:12] sum [m=1:words(between(ratio))] \
	(v = real(word(between(ratio), m)) * 10.0 ** d, \
	 t = t.(strlen(t) ? "," : "(").sprintf("'%s' %g", in_unit(v), v), 0), t.") ")
AXES = "eval 'set xtics '.(XLOG[p] > 1 ? times(XHI[p] / XLO[p]) : 'autofreq ').TICS; eval 'set ytics '.SHARES.TICS"
CURVES = DUMB \
	? "plot for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:(up($2)) with lines lt c" \
	: "plot for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:(up($2)) with lines ls c, \
	   for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:(passes(up($2))) with points ls c"
KEY = "plot for [c=1:COUNT[p]] DATA index 0 every ::0::1 using (KX + 4 * $0):(KY + c) with lines lt c"
load HERE."curves.gp"
