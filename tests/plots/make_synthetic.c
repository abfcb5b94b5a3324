// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_synthetic FILE BENCHMARK LABEL ROUNDS BLOCKS [LEVELS [FATAL_ARM]]: add a run that nobody
 * measured to a database, to look at pictures of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/plots/synthetic.h"

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct reason why = { "" };
	struct store *s = NULL;
	char uuid[37];
	int ret;

	if (argc < 6) {
		fprintf(stderr,
			"usage: %s FILE BENCHMARK LABEL ROUNDS BLOCKS [LEVELS [FATAL_ARM]]\n",
			argv[0]);
		return 2;
	}
	store_new_uuid(uuid);
	ret = store_open(&s, argv[1], STORE_CREATE, &why);
	if (!ret)
		ret = synthetic_run(s,
				    &(struct synthetic){ .benchmark = argv[2],
							 .levels = argc > 6 ? argv[6] : "",
							 .uuid = uuid,
							 .label = argv[3],
							 .rounds = number(argv[4]),
							 .blocks = number(argv[5]),
							 .fatal = argc > 7 ? atoi(argv[7]) : -1 },
				    &why);
	store_close(s);
	if (ret)
		fprintf(stderr, "%s: %s\n", argv[0], why.text);
	return ret != 0;
}
