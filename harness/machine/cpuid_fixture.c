// SPDX-License-Identifier: GPL-2.0-or-later
/* A CPUID dump as a source; the format is documented in tests/fixtures/cpuid/README.md. */
#include "harness/machine/cpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint32_t leaf, sub, regs[4];
};

struct dump {
	size_t n, room;
	struct entry *entries;
	uint64_t xcr0;
	unsigned cpus; /* "CPU" headers seen */
};

static void dump_query(void *ctx, uint32_t leaf, uint32_t sub, uint32_t regs[4])
{
	const struct dump *d = ctx;

	memset(regs, 0, 4 * sizeof(regs[0]));
	for (size_t i = 0; i < d->n; i++) {
		if (d->entries[i].leaf != leaf || d->entries[i].sub != sub)
			continue;
		memcpy(regs, d->entries[i].regs, sizeof(d->entries[i].regs));
		return;
	}
}

static uint64_t dump_xgetbv(void *ctx)
{
	return ((const struct dump *)ctx)->xcr0;
}

static int dump_add(struct dump *d, const struct entry *e)
{
	if (d->n == d->room) {
		size_t room = d->room ? 2 * d->room : 64;
		struct entry *more = reallocarray(d->entries, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		d->entries = more;
		d->room = room;
	}
	d->entries[d->n++] = *e;
	return 0;
}

/* Nothing but blanks may follow what a line held. */
static int line_ends(const char *line, int at)
{
	return at > 0 && !line[at + (int)strspn(line + at, " \t\r\n")];
}

/* Return: 0, -EINVAL for a line of no known form, -ENOMEM. */
static int parse_line(struct dump *d, const char *line)
{
	struct entry e;
	unsigned long long xcr0;
	int at = 0;

	line += strspn(line, " \t");
	if (!strncmp(line, "CPU", 3)) {
		d->cpus++;
		return 0;
	}
	/* `cpuid -r` prints every CPU; the first one stands for the machine. */
	if (d->cpus > 1 || *line == '#' || line[strspn(line, "\r\n")] == '\0')
		return 0;
	if (sscanf(line, "xcr0=0x%llx%n", &xcr0, &at) == 1 && line_ends(line, at)) {
		d->xcr0 = xcr0;
		return 0;
	}
	at = 0;
	if (sscanf(line, "0x%x 0x%x: eax=0x%x ebx=0x%x ecx=0x%x edx=0x%x%n", &e.leaf, &e.sub,
		   &e.regs[0], &e.regs[1], &e.regs[2], &e.regs[3], &at) == 6 &&
	    line_ends(line, at))
		return dump_add(d, &e);
	return -EINVAL;
}

static int parse_file(struct dump *d, FILE *f, const char *path, struct reason *why)
{
	char line[256];
	unsigned number = 0;

	while (fgets(line, sizeof(line), f)) {
		int err = parse_line(d, line);

		number++;
		if (err == -EINVAL)
			return reason_set(why, err, "%s:%u: not a line of a CPUID dump: %.80s",
					  path, number, strtok(line, "\n") ? line : "");
		if (err)
			return reason_set(why, err, "%s: out of memory", path);
	}
	if (!d->n)
		return reason_set(why, -EINVAL, "%s:%u: the dump has no leaf", path, number);
	return 0;
}

static void dump_free(struct dump *d)
{
	if (d)
		free(d->entries);
	free(d);
}

int cpuid_fixture_open(struct cpuid_source *source, const char *path, struct reason *why)
{
	struct dump *d = NULL;
	FILE *f = fopen(path, "re");
	int err;

	if (!f)
		return reason_set(why, -errno, "%s: %s", path, strerror(errno));
	d = calloc(1, sizeof(*d));
	err = d ? parse_file(d, f, path, why) : reason_set(why, -ENOMEM, "out of memory");
	if (err)
		goto out;
	*source = (struct cpuid_source){ dump_query, dump_xgetbv, d };
	d = NULL;
out:
	dump_free(d);
	fclose(f);
	return err;
}

void cpuid_fixture_close(struct cpuid_source *source)
{
	dump_free(source->ctx);
	*source = (struct cpuid_source){ 0 };
}
