// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever the file: it is taken whole and sound, or refused by name with nothing taken. */
#include "tests/results/store/fuzz.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_path("input.db");
	static struct store *s; /* made again only when something is in it */
	struct reason why = { "" };
	FILE *out = fopen(path, "w");

	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		abort();
	if (!s)
		s = fuzz_store();
	if (store_merge(s, path, NULL, &why)) {
		fuzz_refused(&why, "input.db");
		fuzz_empty(s);
	} else {
		fuzz_sound(s);
		store_close(s);
		s = NULL;
	}
	unlink(path);
	unlink(fuzz_path("input.db-wal"));
	unlink(fuzz_path("input.db-shm"));
	return 0;
}
