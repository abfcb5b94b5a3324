// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever the input: it is taken whole and sound, or refused by line with nothing taken. */
#include "tests/results/store/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store *s; /* made again only when something is in it */
	struct reason why = { "" };
	FILE *in = size ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");

	if (!in)
		abort();
	if (!s)
		s = fuzz_store();
	if (store_import(s, in, "input", NULL, &why)) {
		fuzz_refused(&why, "input: line ");
		fuzz_empty(s);
	} else {
		fuzz_sound(s);
		store_close(s);
		s = NULL;
	}
	fclose(in);
	return 0;
}
