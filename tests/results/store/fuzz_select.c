// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever the selector: it means runs, or the words say why not. */
#include "tests/results/store/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct store *with_runs(void)
{
	static const char *const uuids[] = { "0a1b2c3d-0000-4000-8000-000000000001",
					     "0a1b2c3d-0000-4000-8000-000000000002",
					     "ffffffff-0000-4000-8000-000000000003" };
	struct store *s = fuzz_store();

	for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
		const struct store_run run = { .uuid = uuids[i],
					       .label = i ? "a label" : NULL,
					       .argv = "[]",
					       .plan = "{}",
					       .tool = "t" };

		if (store_begin_run(s, &run, NULL, 0, NULL, 0, NULL))
			abort();
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store *s;
	struct store_run_row *rows = NULL;
	struct reason why = { "" };
	char *selector = strndup((const char *)data, size);
	int n;

	if (!s)
		s = with_runs();
	n = store_select(s, selector, &rows, &why);
	if (!n || n > 3 || (n > 0 && !rows) || (n < 0 && (rows || !*why.text)))
		abort();
	if (n < 0 && n != -ENOENT && n != -EINVAL && n != -ENOTUNIQ)
		abort();
	free(rows);
	free(selector);
	return 0;
}
