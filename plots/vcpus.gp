# SPDX-License-Identifier: GPL-2.0-or-later
# vcpus.gp: cost per page against vCPUs. Usage: gnuplot -c vcpus.gp DATA OUTPUT svg|png|pdf|dumb
DATA = ARG1; OUTPUT = ARG2; FORMAT = ARG3
HERE = ARG0[1:strlen(ARG0) - strlen("vcpus.gp")]
load HERE."style.gp"
load HERE."along.gp"
