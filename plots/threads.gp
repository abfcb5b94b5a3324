# SPDX-License-Identifier: GPL-2.0-or-later
# threads.gp: time and waiting against threads. Usage: gnuplot -c threads.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("threads.gp")]
load HERE."style.gp"
load HERE."along.gp"
