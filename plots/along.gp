# SPDX-License-Identifier: GPL-2.0-or-later
# along.gp: values against a factor's levels. Drawn by dirty.gp, threads.gp, size.gp and vcpus.gp. The
# data file is that of curves.gp; a curve's block: place beside the level, level, value, low, high,
# untrustworthy.
AREA = DUMB ? 16 : 15

# Tics at the levels, where these are few.
LEVELS = ","
new(x) = strstrt(LEVELS, sprintf(",%g,", x)) ? 0 : (LEVELS = LEVELS.sprintf("%g,", x), 1)
XTICS = "LEVELS = ','; N = 0; do for [c=1:COUNT[p]] { \
	stats DATA index 2 + FIRST[p] + c using (N = N + new($2), YHI[p]) nooutput }; \
	eval 'set xtics '.(N > 12 ? 'autofreq ' : '('.LEVELS[2:strlen(LEVELS) - 1].') ').TICS"
AXES = XTICS."; eval 'set ytics '.tics(YLOG[p], YLO[p], YHI[p]).TICS"

mark(c, bad) = bad > 0 ? "?" : "abcdefgh"[c:c]
CURVES = DUMB \
	? "plot for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:3:(mark(c, $6)) with labels noenhanced" \
	: "plot for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:3:4:5 with yerrorlines ls c, \
	   for [c=1:COUNT[p]] DATA index 2 + FIRST[p] + c using 1:3:($6 > 0 ? '(!)' : '') \
		with labels offset 0,0.9 noenhanced"
KEY = "plot for [c=1:COUNT[p]] '+' every ::0::0 using (KX + 3):(KY + c):(mark(c, 0)) with labels noenhanced"
load HERE."curves.gp"
