// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/plots/drawing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plots/feed.h"
#include "plots/gnuplot.h"

char *drawing_slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	assert_non_null(f);
	/* No text file holds a NUL, so this takes all of it; of a binary file the start. */
	if (getdelim(&text, &room, '\0', f) < 0)
		assert_true(feof(f));
	fseek(f, 0, SEEK_END);
	*n = (size_t)ftell(f);
	fclose(f);
	return text;
}

char *drawing_feed(const char *plot, const struct report *const *runs, size_t n)
{
	struct reason why = { "" };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int ret = plot_find(plot)->feed(f, runs, n, &why);

	fclose(f);
	if (ret)
		fail_msg("%s: %s", plot, why.text);
	return text;
}

void assert_holds(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text ? text : "nothing");
}

void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

/* What gnuplot left is of the format, and a terminal's lines fit into one. */
static void check_file(const char *path, enum plot_format format)
{
	static const char *const magic[] = { "<?xml", "\x89PNG", "%PDF" };
	size_t size, column = 0;
	char *text = drawing_slurp(path, &size);

	if (format != PLOT_DUMB) {
		assert_true(size > 2000);
		assert_memory_equal(text, magic[format], strlen(magic[format]));
	}
	if (format == PLOT_SVG)
		assert_holds(text, "<svg");
	for (size_t i = 0; format == PLOT_DUMB && i < size; i++) {
		assert_true(strchr("\f\n", text[i]) || (text[i] >= ' ' && text[i] <= '~'));
		column = strchr("\f\n", text[i]) ? 0 : column + 1;
		assert_true(column <= 79);
	}
	free(text);
}

static void check_format(const struct plot_info *plot, const char *data, const char *dir,
			 enum plot_format format)
{
	char template[4096], picture[128], said[1024];
	struct reason why = { "" };

	snprintf(picture, sizeof(picture), "%s/picture", dir);
	assert_int_equal(gnuplot_template(plot->name, template, sizeof(template), &why), 0);
	if (gnuplot_run(template, data, picture, plot_format_name(format), said, sizeof(said),
			&why))
		fail_msg("%s: %s", plot->name, why.text);
	if (*said)
		fail_msg("%s, %s: gnuplot says: %s", plot->name, plot_format_name(format), said);
	check_file(picture, format);
}

static void check_plot(const struct plot_info *plot, const struct report *const *runs, size_t n,
		       const char *dir, bool all)
{
	struct reason why = { "" };
	char data[128];
	FILE *f;

	snprintf(data, sizeof(data), "%s/data", dir);
	f = fopen(data, "w");
	assert_int_equal(plot->feed(f, runs, n, &why), 0);
	fclose(f);
	for (int i = 0; i < PLOT_FORMAT_MAX; i++)
		if (all || i == PLOT_SVG || i == PLOT_DUMB)
			check_format(plot, data, dir, (enum plot_format)i);
}

void drawing_check(const struct report *const *runs, size_t n, const char *dir, const char *fits,
		   bool all)
{
	char found[256];

	assert_string_equal(plot_fitting(runs, n, found, sizeof(found)), fits);
	for (const struct plot_info *p = plot_list; p->name; p++) {
		struct reason why = { "" };

		if (!strstr(fits, p->name)) {
			assert_int_equal(p->feed(stderr, runs, n, &why), -ENODATA);
			continue;
		}
		check_plot(p, runs, n, dir, all);
	}
}
