# SPDX-License-Identifier: GPL-2.0-or-later
# size.gp: shutdown time and saving against size. Usage: gnuplot -c size.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("size.gp")]
load HERE."style.gp"
load HERE."along.gp"
