// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/published/published.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "results/published/csv_line.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	F_ID,
	F_USE,
	F_QUANTITY,
	F_SETUP,
	F_VCPUS,
	F_GUEST_GIB,
	F_BEFORE,
	F_AFTER,
	F_VALUE,
	F_UNIT,
	F_SOURCE,
	FIELDS
};

static const char header[] =
	"id,use,quantity,setup,vcpus,guest_gib,before_s,after_s,value,unit,source";

static const char *const use_names[PUBLISHED_USES] = {
	[PUBLISHED_TOLD] = "",
	[PUBLISHED_FIT] = "fit",
	[PUBLISHED_PREDICT] = "predict",
};

const char *published_use_name(enum published_use v)
{
	return (unsigned)v < PUBLISHED_USES ? use_names[v] : "?";
}

/* ---- one field ---- */

static int take_text(const char *name, const char *field, char **out, struct reason *why)
{
	if (!*field)
		return reason_set(why, -EINVAL, "%s is empty", name);
	*out = strdup(field);
	return *out ? 0 : reason_set(why, -ENOMEM, "out of memory");
}

static int take_id(const char *field, char **out, struct reason *why)
{
	if (field[strspn(field, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return reason_set(why, -EINVAL, "id '%s': write lower-case letters, digits and '-'",
				  field);
	return take_text("id", field, out, why);
}

static int take_use(const char *field, enum published_use *out, struct reason *why)
{
	for (unsigned i = 0; i < PUBLISHED_USES; i++)
		if (!strcmp(field, use_names[i])) {
			*out = (enum published_use)i;
			return 0;
		}
	return reason_set(why, -EINVAL, "use '%s': write fit, predict or nothing", field);
}

static int take_number(const char *name, const char *field, double *out, struct reason *why)
{
	char *end;

	*out = NAN;
	if (!*field)
		return 0;
	*out = strtod(field, &end);
	/* strtod() takes blanks, "nan", "inf" and hexadecimal; a figure is written in digits. */
	if (field[strspn(field, "0123456789.eE+-")] || *end || !isfinite(*out) || *out <= 0)
		return reason_set(why, -EINVAL, "%s '%s': write a decimal number above 0", name,
				  field);
	return 0;
}

/* ---- one row ---- */

static void free_row(struct published_row *r)
{
	free(r->id);
	free(r->quantity);
	free(r->setup);
	free(r->source);
	free(r->unit);
}

static int take_numbers(char *const *f, struct published_row *r, struct reason *why)
{
	const struct {
		const char *name;
		int field;
		double *to;
	} numbers[] = {
		{ "vcpus", F_VCPUS, &r->vcpus },	{ "guest_gib", F_GUEST_GIB, &r->guest_gib },
		{ "before_s", F_BEFORE, &r->before_s }, { "after_s", F_AFTER, &r->after_s },
		{ "value", F_VALUE, &r->value },
	};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers) && !ret; i++)
		ret = take_number(numbers[i].name, f[numbers[i].field], numbers[i].to, why);
	if (!ret && !isnan(r->vcpus) && r->vcpus != floor(r->vcpus))
		return reason_set(why, -EINVAL, "vcpus '%s': write a whole number", f[F_VCPUS]);
	return ret;
}

/* What a row must have together. */
static int check_row(const struct published_row *r, struct reason *why)
{
	bool value = !isnan(r->value), before = !isnan(r->before_s), after = !isnan(r->after_s);

	if (before != after)
		return reason_set(why, -EINVAL, "%s: before_s and after_s go together", r->id);
	if (value == before)
		return reason_set(why, -EINVAL, "%s: write either a value, or before_s and after_s",
				  r->id);
	if (value != !!*r->unit)
		return reason_set(why, -EINVAL, "%s: a value and its unit go together", r->id);
	if (r->use != PUBLISHED_TOLD && (!before || isnan(r->vcpus) || isnan(r->guest_gib)))
		return reason_set(why, -EINVAL,
				  "%s: use '%s' needs vcpus, guest_gib, before_s and after_s",
				  r->id, use_names[r->use]);
	return 0;
}

static int make_row(char *const *f, struct published_row *r, struct reason *why)
{
	int ret = take_id(f[F_ID], &r->id, why);

	if (!ret)
		ret = take_use(f[F_USE], &r->use, why);
	if (!ret)
		ret = take_text("quantity", f[F_QUANTITY], &r->quantity, why);
	if (!ret)
		ret = take_text("setup", f[F_SETUP], &r->setup, why);
	if (!ret)
		ret = take_numbers(f, r, why);
	if (!ret)
		ret = take_text("source", f[F_SOURCE], &r->source, why);
	if (!ret && !(r->unit = strdup(f[F_UNIT])))
		ret = reason_set(why, -ENOMEM, "out of memory");
	return ret ? ret : check_row(r, why);
}

static int add_row(struct published *p, char *line, unsigned number, struct reason *why)
{
	struct published_row *r = &p->rows[p->n];
	char *fields[FIELDS];
	int ret, n = csv_line_split(line, fields, FIELDS, why);

	if (n < 0)
		return n;
	if (n != FIELDS)
		return reason_set(why, -EINVAL, "%d fields where the header has %d", n, FIELDS);
	if (p->n == PUBLISHED_ROWS)
		return reason_set(why, -EINVAL, "more than %d rows", PUBLISHED_ROWS);
	*r = (struct published_row){ .line = number };
	ret = make_row(fields, r, why);
	if (!ret) {
		const struct published_row *same = published_find(p, r->id);

		if (same)
			ret = reason_set(why, -EINVAL, "id '%s' is taken by line %u", r->id,
					 same->line);
	}
	if (ret)
		free_row(r);
	else
		p->n++;
	return ret;
}

/* ---- a file ---- */

/* Take the line end off, and refuse what a terminal would act on. */
static int tidy_line(char *line, size_t len, struct reason *why)
{
	if (strlen(line) != len)
		return reason_set(why, -EINVAL, "a NUL byte; this is no text");
	if (len && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len && line[len - 1] == '\r')
		line[--len] = '\0';
	if (len > PUBLISHED_LINE)
		return reason_set(why, -EINVAL, "longer than %d bytes", PUBLISHED_LINE);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return reason_set(why, -EINVAL, "a control character in column %zu", i + 1);
	return 0;
}

static int take_line(struct published *p, char *line, size_t len, unsigned number,
		     struct reason *why)
{
	int ret = tidy_line(line, len, why);

	if (ret)
		return ret;
	if (number > 1)
		return add_row(p, line, number, why);
	if (strcmp(line, header))
		return reason_set(why, -EINVAL, "the header is not '%s'", header);
	return 0;
}

int published_read(FILE *in, const char *name, struct published *out, struct reason *why)
{
	struct reason what = { "" };
	unsigned number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	*out = (struct published){ .rows = calloc(PUBLISHED_ROWS + 1, sizeof(*out->rows)) };
	if (!out->rows)
		return reason_set(why, -ENOMEM, "out of memory");
	while (!ret && (len = getline(&line, &room, in)) >= 0) {
		ret = take_line(out, line, (size_t)len, ++number, &what);
		if (ret)
			reason_set(why, ret, "%s:%u: %s", name, number, what.text);
	}
	if (!ret && ferror(in))
		ret = reason_set(why, -EIO, "cannot read %s: %s", name, strerror(errno));
	if (!ret && !out->n)
		ret = reason_set(why, -EINVAL, "%s:%u: the file holds no row", name, number);
	free(line);
	if (ret)
		published_free(out);
	return ret;
}

void published_free(struct published *p)
{
	for (size_t i = 0; i < p->n; i++)
		free_row(&p->rows[i]);
	free(p->rows);
	*p = (struct published){ 0 };
}

const struct published_row *published_find(const struct published *p, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->rows[i].id, id))
			return &p->rows[i];
	return NULL;
}
