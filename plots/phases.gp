# SPDX-License-Identifier: GPL-2.0-or-later
# phases.gp: a shutdown, phase by phase. Usage: gnuplot -c phases.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("phases.gp")]
load HERE."style.gp"
ZERO = 0
PARTS = 1
load HERE."forest.gp"
