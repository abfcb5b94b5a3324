// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/plots.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plots/feed.h"
#include "plots/feeds.h"
#include "plots/gnuplot.h"

static const char *const format_names[] = {
	[PLOT_SVG] = "svg",
	[PLOT_PNG] = "png",
	[PLOT_PDF] = "pdf",
	[PLOT_DUMB] = "dumb",
};
static_assert(sizeof(format_names) / sizeof(format_names[0]) == PLOT_FORMAT_MAX,
	      "every format has a name");

const char *plot_format_name(enum plot_format f)
{
	return f < PLOT_FORMAT_MAX ? format_names[f] : "?";
}

int plot_format_parse(const char *name)
{
	for (int i = 0; i < PLOT_FORMAT_MAX; i++)
		if (!strcmp(name, format_names[i]))
			return i;
	return -1;
}

const struct plot_info plot_list[] = {
	{ "cost", "cost per unit of work of each cell, against the fastest stores measured",
	  cost_feed },
	{ "ecdf", "distribution of all samples of each cell", ecdf_feed },
	{ "saving", "what is saved where the erratum is absent: quirk=off against quirk=on",
	  saving_feed },
	{ "rounds", "each invocation's median, round by round: is there drift?", rounds_feed },
	{ "dirty", "time against the share of dirty lines, a curve per scope or policy",
	  dirty_feed },
	{ "policy", "time of a stop by who flushes when, the early flush beside it", policy_feed },
	{ "victim", "what a program beside a flush suffers: slowdown, longest gap, warm-up",
	  victim_feed },
	{ "threads", "contention: time and waiting for locks against threads at work at once",
	  threads_feed },
	{ "calls", "distribution of topup calls: pages, time, and the time of a get", calls_feed },
	{ "idle", "pages held ready and not used, by how they are held", idle_feed },
	{ "phases", "where a shutdown's time goes, phase by phase", phases_feed },
	{ "size", "shutdown time against size, and what quirk=off saves of it", size_feed },
	{ "vcpus", "cost per page against vCPUs", vcpus_feed },
	{ "cpus", "distribution of the times of single CPUs, and how near they come to 1 s",
	  cpus_feed },
	{ NULL, NULL, NULL },
};

const struct plot_info *plot_find(const char *name)
{
	for (const struct plot_info *p = plot_list; p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

char *plot_fitting(const struct report *const *runs, size_t n, char *buf, size_t size)
{
	FILE *nowhere = fopen("/dev/null", "w");

	buf[0] = '\0';
	for (const struct plot_info *p = plot_list; nowhere && p->name; p++) {
		struct reason why = { "" };
		size_t at = strlen(buf);

		if (!p->feed(nowhere, runs, n, &why))
			snprintf(buf + at, size - at, "%s%s", at ? ", " : "", p->name);
	}
	if (nowhere)
		fclose(nowhere);
	if (!*buf)
		snprintf(buf, size, "none");
	return buf;
}

/* A name that any file system and any shell takes: what else a name holds becomes "_". */
static void harmless(char *name)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_";

	for (; *name; name++)
		if (!strchr(fine, *name))
			*name = '_';
}

/* "reset-cost-1a2b3c4d", "synthetic-reset-cost-1a2b3c4d-5e6f7a8b-and-3-more" */
static void picture_name(const struct plot_info *plot, const struct report *const *runs, size_t n,
			 char *buf, size_t size)
{
	char benchmarks[100];
	size_t at;

	feed_benchmarks(runs, n, "-", benchmarks, sizeof(benchmarks));
	snprintf(buf, size, "%s%s-%s", feed_synthetic(runs, n) ? "synthetic-" : "",
		 *benchmarks ? benchmarks : "run", plot->name);
	for (size_t i = 0; i < n && i < 2; i++) {
		at = strlen(buf);
		snprintf(buf + at, size - at, "-%.8s", runs[i]->data.run.uuid);
	}
	at = strlen(buf);
	if (n > 2)
		snprintf(buf + at, size - at, "-and-%zu-more", n - 2);
	harmless(buf);
}

static int make_dir(const char *dir, struct reason *why)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return reason_set(why, -ENAMETOOLONG, "%s: the name is too long", dir);
	for (char *p = path + 1;; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0777) && errno != EEXIST)
			return reason_set(why, -errno, "cannot make %s: %s", path, strerror(errno));
		if (!was)
			return 0;
		*p = was;
	}
}

/* A file of our own in $TMPDIR; gnuplot needs a plain path, so only an absolute one counts. */
static int temp_file(char *path, size_t n, FILE **file, struct reason *why)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (!dir || dir[0] != '/')
		dir = "/tmp";
	if (snprintf(path, n, "%s/tdcost-plot-XXXXXX", dir) >= (int)n) {
		path[0] = '\0';
		return reason_set(why, -ENAMETOOLONG, "TMPDIR is too long; choose a shorter one");
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		path[0] = '\0';
		return reason_set(why, -errno, "cannot write to %s: %s; set TMPDIR", dir,
				  strerror(errno));
	}
	*file = fdopen(fd, "w+");
	if (*file)
		return 0;
	close(fd);
	return reason_set(why, -ENOMEM, "out of memory");
}

static int write_data(const struct plot_info *plot, const struct report *const *runs, size_t n,
		      char *path, size_t size, struct reason *why)
{
	FILE *data = NULL;
	int ret = temp_file(path, size, &data, why);

	if (ret)
		return ret;
	ret = plot->feed(data, runs, n, why);
	if (fclose(data) && !ret)
		ret = reason_set(why, -EIO, "cannot write %s", path);
	return ret;
}

/* Without the form feed that gnuplot puts before a page, and the blanks that fill its lines. */
static int copy_out(FILE *from, FILE *out, struct reason *why)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, from) >= 0) {
		size_t start = strspn(line, "\f"), n = strlen(line + start);

		while (n && strchr(" \n", line[start + n - 1]))
			n--;
		fprintf(out, "%.*s\n", (int)n, line + start);
	}
	free(line);
	if (ferror(from) || ferror(out) || fflush(out))
		return reason_set(why, -EIO, "cannot write the picture: %s", strerror(errno));
	return 0;
}

static int draw_to_terminal(const char *template, const char *data, FILE *out, struct reason *why)
{
	char text[PATH_MAX] = "";
	FILE *picture = NULL;
	int ret = temp_file(text, sizeof(text), &picture, why);

	if (!ret) {
		char said[1024];

		ret = gnuplot_run(template, data, text, format_names[PLOT_DUMB], said, sizeof(said),
				  why);
	}
	if (!ret)
		ret = copy_out(picture, out, why);
	if (picture)
		fclose(picture);
	if (*text)
		unlink(text);
	return ret;
}

/* Drawn beside its final name and then moved there: no half picture ever bears that name. */
static int draw_to_file(const char *template, const char *data, enum plot_format format,
			const char *path, struct reason *why)
{
	char draft[PATH_MAX], said[1024];
	struct stat st;
	int ret;

	snprintf(draft, sizeof(draft), "%s%s.%d.part", path[0] == '/' ? "" : "./", path,
		 (int)getpid());
	ret = gnuplot_run(template, data, draft, format_names[format], said, sizeof(said), why);
	if (!ret && (stat(draft, &st) || !st.st_size))
		ret = reason_set(why, -EIO, "gnuplot drew nothing; %s",
				 *said ? said : "is its disk full?");
	if (!ret && rename(draft, path))
		ret = reason_set(why, -errno, "cannot write %s: %s", path, strerror(errno));
	if (ret)
		unlink(draft);
	return ret;
}

int plot_draw(const struct plot_info *plot, const struct report *const *runs, size_t n,
	      enum plot_format format, const char *dir, FILE *out, char *path, size_t path_size,
	      struct reason *why)
{
	char template[PATH_MAX], data[PATH_MAX] = "", name[256];
	int ret = gnuplot_template(plot->name, template, sizeof(template), why);

	if (path_size)
		path[0] = '\0';
	if (!ret)
		ret = write_data(plot, runs, n, data, sizeof(data), why);
	if (ret)
		goto out;
	if (format == PLOT_DUMB) {
		ret = draw_to_terminal(template, data, out, why);
		goto out;
	}
	ret = make_dir(dir, why);
	if (ret)
		goto out;
	picture_name(plot, runs, n, name, sizeof(name));
	/* Room for the draft's suffix is kept free. */
	if (snprintf(path, path_size, "%s/%s.%s", dir, name, format_names[format]) >=
		    (int)path_size ||
	    strlen(path) > PATH_MAX - 32)
		ret = reason_set(why, -ENAMETOOLONG, "%s: the name is too long", dir);
	else
		ret = draw_to_file(template, data, format, path, why);
out:
	if (*data)
		unlink(data);
	return ret;
}
