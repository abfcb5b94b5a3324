// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cli_error(const struct cli *cli, int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "tdcost%s%s: ", cli->command ? " " : "",
		cli->command ? cli->command->name : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

int cli_status(int err)
{
	switch (err) {
	case 0:
		return EXIT_DONE;
	case -EINVAL:
	case -E2BIG:
	case -ERANGE:
		return EXIT_USAGE;
	case -ENOTSUP:
	case -ENOMEM:
		return EXIT_UNSUPPORTED;
	}
	return EXIT_FAILED;
}

int cli_fail(const struct cli *cli, int err, const struct reason *why)
{
	return cli_error(cli, cli_status(err), "%s", *why->text ? why->text : strerror(-err));
}

int cli_print_json(const struct cli *cli, json_t *j)
{
	int ret = j ? json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : -1;

	json_decref(j);
	if (ret)
		return cli_error(cli, EXIT_FAILED, "cannot write JSON: out of memory or disk");
	putchar('\n');
	return EXIT_DONE;
}

int cli_open_path(const struct cli *cli, const char *path, enum store_mode mode,
		  struct store **store)
{
	struct reason why = { "" };
	int ret = store_open(store, path, mode, &why);

	/* What is wrong with the file is never the command's usage. */
	return ret ? cli_error(cli, EXIT_FAILED, "%s", why.text) : 0;
}

int cli_open_store(const struct cli *cli, enum store_mode mode, struct store **store)
{
	return cli_open_path(cli, cli->db, mode, store);
}

int cli_finish(const struct cli *cli, int status)
{
	if (fflush(stdout) || ferror(stdout))
		return cli_error(cli, EXIT_FAILED, "cannot write to standard output: %s",
				 strerror(errno));
	return status;
}
