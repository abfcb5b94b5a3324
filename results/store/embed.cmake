# SPDX-License-Identifier: GPL-2.0-or-later
# cmake -DIN=schema.sql -DOUT=schema.c -P embed.cmake: the file as a C string.
# As bytes: a C compiler need not take a string literal as long as the schema.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){16})" "\\1\n\t" bytes "${bytes}")
file(WRITE ${OUT} "/* Made from schema.sql; do not edit. */
#include \"results/store/history.h\"

const char schema_sql[] = {
	${bytes}0x00
};
")
