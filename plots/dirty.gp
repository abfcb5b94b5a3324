# SPDX-License-Identifier: GPL-2.0-or-later
# dirty.gp: time against the dirty share. Usage: gnuplot -c dirty.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("dirty.gp")]
load HERE."style.gp"
load HERE."along.gp"
