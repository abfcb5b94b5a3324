# SPDX-License-Identifier: GPL-2.0-or-later
# idle.gp: pages held idle. Usage: gnuplot -c idle.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("idle.gp")]
load HERE."style.gp"
ZERO = 0
load HERE."forest.gp"
