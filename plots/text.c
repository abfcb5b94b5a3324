// SPDX-License-Identifier: GPL-2.0-or-later
/* text.c: how text and numbers are written into a data file. */
#include "plots/feed.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "plots/labels.h"

#define RUN_NAME 20

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t feed_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += starts_character(*text);
	return n;
}

/*
 * gnuplot undoubles quotes inside a quoted field and reads backslashes as C does when it draws
 * labels. A control character has no picture; a tab or a newline would end the field.
 */
void feed_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fputc(c, out);
		fputc(c < 0x20 || c == 0x7f ? ' ' : c, out);
	}
	fputc('"', out);
}

void feed_number(FILE *out, double v)
{
	if (isfinite(v))
		fprintf(out, "%.9g\t", v);
	else
		fputs("NaN\t", out);
}

int feed_done(FILE *out, struct reason *why)
{
	if (fflush(out) || ferror(out))
		return reason_set(why, -EIO, "cannot write the plot's data: %s", strerror(errno));
	return 0;
}

double feed_nice_ceiling(double v)
{
	double p = pow(10, floor(log10(v)));

	/* 1.999999 for what was 2 must not become 3. */
	v /= p * 1.000001;
	return p * (v <= 1 ? 1 : v <= 2 ? 2 : v <= 3 ? 3 : v <= 5 ? 5 : 10);
}

char *feed_run_name(const struct report *run, char *buf, size_t n)
{
	const char *label = run->data.run.label;
	size_t bytes = 0, chars = 0;

	if (!*label) {
		snprintf(buf, n, "%.8s", run->data.run.uuid);
		return buf;
	}
	for (; bytes < n - 3 && label[bytes]; bytes++) {
		if (starts_character(label[bytes]) && ++chars > RUN_NAME - 2)
			break;
	}
	snprintf(buf, n, "%.*s%s", (int)bytes, label, label[bytes] ? ".." : "");
	return buf;
}

char *feed_axis(const struct feed *f, const struct feed_section *s, const char *what, char *buf,
		size_t size)
{
	bool several = strcmp(f->sections[0].benchmark, f->sections[f->n_sections - 1].benchmark);

	snprintf(buf, size, "%s%s%s [%s]", several ? s->benchmark : "", several ? ": " : "",
		 *s->title ? s->title : what, s->unit);
	return buf;
}

static bool has_benchmark(const struct report *const *runs, size_t n, const struct report *until,
			  size_t cell, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < runs[i]->n_cells; k++) {
			if (runs[i] == until && k == cell)
				return false;
			if (runs[i]->cells[k].has_data &&
			    !strcmp(runs[i]->cells[k].row->benchmark, name))
				return true;
		}
	}
	return false;
}

char *feed_benchmarks(const struct report *const *runs, size_t n, const char *between, char *buf,
		      size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < runs[i]->n_cells; k++) {
			const char *name = runs[i]->cells[k].row->benchmark;
			size_t at = strlen(buf);

			if (runs[i]->cells[k].has_data && !has_benchmark(runs, n, runs[i], k, name))
				snprintf(buf + at, size - at, "%s%s", at ? between : "", name);
		}
	}
	return buf;
}

char *feed_drawn(const struct feed *f, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t s = 0; s < f->n_sections; s++) {
		size_t at = strlen(buf);

		if (!s || strcmp(f->sections[s].benchmark, f->sections[s - 1].benchmark))
			snprintf(buf + at, size - at, "%s%s", at ? ", " : "",
				 f->sections[s].benchmark);
	}
	return buf;
}

/* One of the two captions: lines for a terminal, and longer ones for a picture. */
struct caption {
	FILE *out;
	int wide; /* as the template chooses them: 0 or 1 */
	size_t room, line;
};

static void caption_line(struct caption *c, const char *text)
{
	fprintf(c->out, "%d\t%zu\t", c->wide, c->line++);
	feed_text(c->out, text);
	fputc('\n', c->out);
}

/* Broken at spaces; what follows the first line is indented. */
static void wrapped(struct caption *c, const char *text)
{
	const char *indent = "";

	while (*text) {
		size_t room = c->room - strlen(indent), take = 0, at = 0;
		char line[4 * FEED_WIDE_LINE + 8];

		for (size_t chars = 0; text[at]; at++) {
			if (text[at] == ' ')
				take = at;
			if (starts_character(text[at]) && ++chars > room)
				break;
		}
		if (!text[at] || !take)
			take = at;
		snprintf(line, sizeof(line), "%s%.*s", indent, (int)take, text);
		caption_line(c, line);
		text += take;
		text += strspn(text, " ");
		indent = "    ";
	}
}

static void span(char *buf, size_t n, size_t lo, size_t hi)
{
	if (lo == hi)
		snprintf(buf, n, "%zu", lo);
	else
		snprintf(buf, n, "%zu to %zu", lo, hi);
}

/* How many invocations and samples stand behind the rows of one run. */
static void n_of_run(const struct feed *f, size_t run_no, char *buf, size_t n)
{
	size_t inv[2] = { SIZE_MAX, 0 }, each[2] = { SIZE_MAX, 0 };
	const struct store_metric_row *m = f->rows[0].of ? f->rows[0].of->metric : NULL;
	/* A sample yields a value of each CPU. */
	const char *what = m && !strcmp(m->per, "CPU") ? "value" : "sample";
	char a[48], b[48];

	for (size_t i = 0; i < f->n; i++) {
		const struct feed_row *r = &f->rows[i];
		size_t per = r->n ? (r->samples + r->n / 2) / r->n : 0;

		if (r->run_no != run_no)
			continue;
		inv[0] = r->n < inv[0] ? r->n : inv[0];
		inv[1] = r->n > inv[1] ? r->n : inv[1];
		each[0] = per < each[0] ? per : each[0];
		each[1] = per > each[1] ? per : each[1];
	}
	if (inv[0] > inv[1]) {
		snprintf(buf, n, "nothing drawn");
		return;
	}
	span(a, sizeof(a), inv[0], inv[1]);
	span(b, sizeof(b), each[0], each[1]);
	snprintf(buf, n, "n = %s invocation%s x %s %s%s", a, inv[1] == 1 ? "" : "s", b, what,
		 each[1] == 1 ? "" : "s");
}

/* Other programs or the hypervisor took time from it: what is drawn may be too long. */
static void caption_load(struct caption *out, const struct report *run)
{
	char remarks[LOAD_REMARKS][160];
	size_t n = load_remarks(run, remarks);

	for (size_t i = 0; i < n; i++)
		wrapped(out, remarks[i]);
}

static void caption_run(struct caption *out, const struct feed *f, size_t i)
{
	const struct store_run_row *run = &f->runs[i]->data.run;
	char machine[400], n[160], line[800];

	report_machine(f->runs[i], machine, sizeof(machine));
	/* One machine is said once; runs of the same one follow it. */
	if (i) {
		char before[400];

		report_machine(f->runs[i - 1], before, sizeof(before));
		if (strcmp(before, machine))
			wrapped(out, machine);
	} else {
		wrapped(out, machine);
	}
	n_of_run(f, i, n, sizeof(n));
	snprintf(line, sizeof(line), "run %.8s%s%s%s: %s; %s%s%s", run->uuid,
		 *run->label ? " \"" : "", run->label, *run->label ? "\"" : "", n,
		 report_synthetic(f->runs[i]) ? "made up"
		 : f->mixed		      ? "mixed: each row says its kind"
					      : kind_name(f->kind),
		 run->state == RUN_DONE ? "" : "; ",
		 run->state == RUN_DONE ? "" : run_state_name(run->state));
	wrapped(out, line);
	if (f->runs[i]->fatal)
		wrapped(out,
			"UNTRUSTWORTHY: a fatal flag concerns this whole run; see `tdcost show`");
	caption_load(out, f->runs[i]);
}

bool feed_synthetic(const struct report *const *runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (report_synthetic(runs[i]))
			return true;
	return false;
}

/* Of so few values not even the extremes enclose the median in 95 % of the cases (S5). */
static bool any_below_95(const struct feed *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rows[i].n > 1 && f->rows[i].n < STAT_MIN_INVOCATIONS)
			return true;
	return false;
}

static void caption_text(struct caption *c, const struct feed *f, const char *title,
			 const char *note)
{
	char line[700];

	snprintf(line, sizeof(line), "%s%s",
		 feed_synthetic(f->runs, f->n_runs) ? "SYNTHETIC: " : "", title);
	caption_line(c, line);
	for (size_t i = 0; i < f->n_runs; i++)
		caption_run(c, f, i);
	if (label_any_fatal(f))
		wrapped(c, "(!) UNTRUSTWORTHY: a fatal flag concerns it; `tdcost show` says which");
	if (*note)
		wrapped(c, note);
	if (any_below_95(f))
		wrapped(c, "n below 6: an interval of a median is then of less than 95 %; `tdcost "
			   "show` says of how much");
	if (*f->common) {
		snprintf(line, sizeof(line), "in all: %s", f->common);
		wrapped(c, line);
	}
	if (*f->usual) {
		snprintf(line, sizeof(line), "unless a row says otherwise: %s", f->usual);
		wrapped(c, line);
	}
	if (f->left_out) {
		snprintf(line, sizeof(line), "left out for want of room: the last %zu cells",
			 f->left_out);
		wrapped(c, line);
	}
}

void feed_caption(FILE *out, const struct feed *f, const char *title, const char *note)
{
	struct caption narrow = { .out = out, .room = FEED_NARROW_LINE };
	struct caption wide = { .out = out, .wide = 1, .room = FEED_WIDE_LINE };

	caption_text(&narrow, f, title, note);
	caption_text(&wide, f, title, note);
	fputs("\n\n", out);
}
