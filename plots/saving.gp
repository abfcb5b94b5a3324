# SPDX-License-Identifier: GPL-2.0-or-later
# saving.gp: what the early return saves. Usage: gnuplot -c saving.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("saving.gp")]
load HERE."style.gp"
ZERO = 1
load HERE."forest.gp"
