// SPDX-License-Identifier: GPL-2.0-or-later
/* compare_tails.c: `compare --tails`: p90 and p99 in place of medians. */
#include <errno.h>

#include "harness/cli/compare.h"

void compare_tails_notes(const struct compare *cmp, FILE *to)
{
	for (unsigned at = 0; cmp->tails && at < TAILS_COMPARED; at++) {
		const struct tail_kind *kind = &tail_kinds[at];

		if (cmp->lack[at].rows)
			fprintf(to,
				"%s: not compared for %zu cell%s; a process needs %zu samples of "
				"each arm and has %zu at most: `tdcost run --blocks %zu`\n",
				kind->name, cmp->lack[at].rows, cmp->lack[at].rows == 1 ? "" : "s",
				kind->each, cmp->lack[at].had, kind->each);
	}
}

int compare_tails(const struct cli *cli, struct compare *cmp)
{
	int ret = comparison_tails(&cmp->c, cmp->lack);

	if (ret == -EINVAL)
		return cli_error(cli, EXIT_USAGE,
				 "--tails compares processes; name one run on each side");
	if (ret)
		return cli_error(cli, EXIT_FAILED, "out of memory");
	if (cmp->c.n_rows)
		return 0;
	return cli_error(
		cli, EXIT_USAGE,
		"--tails: p90 needs 2 processes with %zu samples of each arm, p99 with "
		"%zu, and a process has %zu at most; `tdcost run --rounds 10 --blocks %zu`",
		tail_kinds[TAIL_P90].each, tail_kinds[TAIL_P99].each, cmp->lack[TAIL_P90].had,
		tail_kinds[TAIL_P99].each);
}
