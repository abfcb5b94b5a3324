// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/labels.h"

#include <string.h>

#define LEAD_COLUMNS 3

/* What the reader asks first. Other factors follow in the order in which they came. */
static const char *const lead[] = { "insn",  "page",   "fence",	  "op",
				    "scope", "policy", "flagged", "dirty" };

struct keys {
	const char *name[FEED_FACTORS]; /* borrowed from a row's factors */
	bool varies[FEED_FACTORS];
	bool panel[FEED_FACTORS]; /* it tells panels apart, not rows */
	size_t n;
};

static bool is_lead(const char *name)
{
	for (size_t i = 0; i < sizeof(lead) / sizeof(lead[0]); i++)
		if (!strcmp(lead[i], name))
			return true;
	return false;
}

static bool is_paired(const struct report_cell *c, const char *factor)
{
	json_t *paired = json_loads(c->row->paired, 0, NULL), *value;
	bool found = false;
	size_t i;

	json_array_foreach(paired, i, value) {
		const char *name = json_string_value(value);

		found |= name && !strcmp(name, factor);
	}
	json_decref(paired);
	return found;
}

static bool is_among(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* Does a factor tell rows apart inside a panel? */
static bool is_inside(const struct feed *f, const struct report_cell *c, const char *name)
{
	return f->inside ? is_among(f->inside, name) : is_paired(c, name);
}

/* What a row compares already, or what an axis shows, is in no name. */
static bool is_shown(const struct feed *f, const char *name)
{
	return (f->compared && !strcmp(f->compared, name)) || (f->along && !strcmp(f->along, name));
}

static bool has_key(const struct feed_row *row, const char *name)
{
	return json_object_get(row->cell->factors, name);
}

/* Among the rows that have it, of @benchmark where there is one. */
static bool key_varies_in(const struct feed *f, size_t section, const char *name,
			  const char *benchmark)
{
	const char *first = NULL;

	for (size_t i = 0; i < f->n; i++) {
		const struct feed_row *row = &f->rows[i];

		if (row->section != section || !has_key(row, name) ||
		    (benchmark && strcmp(row->cell->row->benchmark, benchmark)))
			continue;
		if (!first)
			first = report_level(row->cell, name);
		else if (strcmp(first, report_level(row->cell, name)))
			return true;
	}
	return false;
}

static bool key_varies(const struct feed *f, size_t section, const char *name)
{
	return key_varies_in(f, section, name, NULL);
}

/* Of two benchmarks: what differs between them alone names a row and parts no panels. */
static bool varies_only_across(const struct feed *f, size_t section, const char *name)
{
	if (!f->sections[section].together || !key_varies(f, section, name))
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (f->rows[i].section == section &&
		    key_varies_in(f, section, name, f->rows[i].cell->row->benchmark))
			return false;
	return true;
}

/* The first row that has it, or any. */
static const struct feed_row *row_with(const struct feed *f, size_t section, const char *name)
{
	const struct feed_row *any = NULL;

	for (size_t i = 0; i < f->n; i++) {
		if (f->rows[i].section != section)
			continue;
		if (!name || has_key(&f->rows[i], name))
			return &f->rows[i];
		any = any ? any : &f->rows[i];
	}
	return any;
}

static void add_key(const struct feed *f, struct keys *keys, const char *name)
{
	for (size_t k = 0; k < keys->n; k++)
		if (!strcmp(keys->name[k], name))
			return;
	if (keys->n < FEED_FACTORS && !is_shown(f, name))
		keys->name[keys->n++] = name;
}

static void add_keys(const struct feed *f, struct keys *keys, const struct report_cell *cell)
{
	const char *name;
	json_t *value;

	json_object_foreach(cell->factors, name, value) {
		if (!is_lead(name))
			add_key(f, keys, name);
	}
}

static void find_keys(const struct feed *f, size_t section, const char *split, struct keys *keys)
{
	const struct feed_row *first = row_with(f, section, NULL);
	const char *last = first->cell->row->benchmark;

	*keys = (struct keys){ .n = 0 };
	for (size_t i = 0; i < sizeof(lead) / sizeof(lead[0]); i++)
		if (has_key(row_with(f, section, lead[i]), lead[i]))
			add_key(f, keys, lead[i]);
	add_keys(f, keys, first->cell);
	for (size_t i = 0; f->sections[section].together && i < f->n; i++) {
		const struct report_cell *cell = f->rows[i].cell;

		if (f->rows[i].section != section || !strcmp(cell->row->benchmark, last))
			continue;
		last = cell->row->benchmark;
		add_keys(f, keys, cell);
	}
	for (size_t k = 0; k < keys->n; k++) {
		const char *name = keys->name[k];
		bool inside = is_inside(f, row_with(f, section, name)->cell, name);

		keys->varies[k] = key_varies(f, section, name) || is_among(f->always, name);
		keys->panel[k] = (!inside || (split && !strcmp(split, name))) &&
				 !varies_only_across(f, section, name);
	}
}

/* Position of the row's level among those of the section, in the order in which they came. */
static unsigned rank_of(const struct feed *f, const struct feed_row *row, const char *name)
{
	const char *level = report_level(row->cell, name);
	const struct feed_row *other = f->rows;

	while (other->section != row->section || strcmp(report_level(other->cell, name), level))
		other++;
	return (unsigned)(other - f->rows);
}

void label_rank(struct feed *f, size_t section, const char *split)
{
	struct keys keys;

	find_keys(f, section, split, &keys);
	for (size_t i = 0; i < f->n; i++) {
		if (f->rows[i].section != section)
			continue;
		for (size_t k = 0; k < keys.n; k++)
			f->rows[i].rank[k] = rank_of(f, &f->rows[i], keys.name[k]);
	}
}

static void append(char *buf, size_t n, const char *key, const char *level)
{
	size_t at = strlen(buf);

	snprintf(buf + at, n - at, "%s%s=%s", at ? " " : "", key, level);
}

/* Sections of one benchmark share most of this. */
static void append_once(char *buf, size_t n, const char *key, const char *level)
{
	char word[80] = "";
	size_t len;

	append(word, sizeof(word), key, level);
	len = strlen(word);
	for (const char *p = strstr(buf, word); p; p = strstr(p + 1, word))
		if ((p == buf || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return;
	append(buf, n, key, level);
}

void label_panel(const struct feed *f, const struct feed_row *row, const char *split, char *buf,
		 size_t n)
{
	struct keys keys;

	buf[0] = '\0';
	find_keys(f, row->section, split, &keys);
	for (size_t k = 0; k < keys.n; k++)
		if (keys.varies[k] && keys.panel[k] && has_key(row, keys.name[k]))
			append(buf, n, keys.name[k], report_level(row->cell, keys.name[k]));
}

/* The level that most rows of the section have; of several the one that came first. */
static const char *usual_level(const struct feed *f, const struct feed_section *s, const char *name)
{
	const char *best = "";
	size_t most = 0;

	for (size_t i = s->first; i < s->first + s->n; i++) {
		const char *level = report_level(f->rows[i].cell, name);
		size_t same = 0;

		if (!has_key(&f->rows[i], name))
			continue;
		for (size_t k = s->first; k < s->first + s->n; k++)
			same += !strcmp(level, report_level(f->rows[k].cell, name));
		if (same > most) {
			most = same;
			best = level;
		}
	}
	return best;
}

/* Columns beyond the leading ones would be wide and mostly equal: only what differs is said. */
static void rest_column(struct feed *f, const struct feed_section *s, const char *name, size_t col)
{
	const char *usual = usual_level(f, s, name);

	append_once(f->usual, sizeof(f->usual), name, usual);
	for (size_t i = s->first; i < s->first + s->n; i++) {
		struct feed_row *r = &f->rows[i];
		const char *level = report_level(r->cell, name);

		if (has_key(r, name) && strcmp(level, usual))
			append(r->column[col], sizeof(r->column[col]), name, level);
	}
}

static void level_column(struct feed *f, const struct feed_section *s, const char *name, size_t col)
{
	for (size_t i = s->first; i < s->first + s->n; i++)
		snprintf(f->rows[i].column[col], sizeof(f->rows[i].column[col]), "%.39s",
			 report_level(f->rows[i].cell, name));
}

bool label_any_fatal(const struct feed *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rows[i].fatal)
			return true;
	return false;
}

/* What is no factor: the run, where there are several; the kind, where they differ; trust. */
static size_t other_columns(struct feed *f, const struct feed_section *s, size_t col,
			    const char **head)
{
	size_t run = f->n_runs > 1 ? col++ : FEED_COLUMNS;
	size_t kind = f->mixed ? col++ : FEED_COLUMNS;
	size_t trust = label_any_fatal(f) ? col++ : FEED_COLUMNS;

	if (run < FEED_COLUMNS)
		head[run] = "run";
	for (size_t i = s->first; i < s->first + s->n; i++) {
		struct feed_row *r = &f->rows[i];

		if (run < FEED_COLUMNS)
			feed_run_name(r->run, r->column[run], sizeof(r->column[run]));
		if (kind < FEED_COLUMNS)
			snprintf(r->column[kind], sizeof(r->column[kind]), "(%s)",
				 kind_name(r->kind));
		if (trust < FEED_COLUMNS && r->fatal)
			strcpy(r->column[trust], "(!)");
	}
	return col;
}

static void pad(char *buf, size_t size, const char *text, size_t width)
{
	size_t at = strlen(buf), spaces = width - feed_width(text) + 1;

	snprintf(buf + at, size - at, "%s%*s", text, (int)spaces, "");
}

static void trim(char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == ' ')
		text[--n] = '\0';
}

static void join_columns(struct feed *f, struct feed_section *s, size_t cols, const char **head)
{
	for (size_t c = 0; c < cols; c++) {
		size_t width = feed_width(head[c]);

		for (size_t i = s->first; i < s->first + s->n; i++)
			if (feed_width(f->rows[i].column[c]) > width)
				width = feed_width(f->rows[i].column[c]);
		for (size_t i = s->first; i < s->first + s->n; i++)
			pad(f->rows[i].label, sizeof(f->rows[i].label), f->rows[i].column[c],
			    width);
		pad(s->head, sizeof(s->head), head[c], width);
	}
	trim(s->head);
	if (feed_width(s->head) > f->width)
		f->width = feed_width(s->head);
	for (size_t i = s->first; i < s->first + s->n; i++) {
		trim(f->rows[i].label);
		if (feed_width(f->rows[i].label) > f->width)
			f->width = feed_width(f->rows[i].label);
	}
}

/* Nothing varies: a row is still called by something. */
static size_t fallback_column(struct feed *f, const struct feed_section *s, const char **head)
{
	bool insn = *report_level(f->rows[s->first].cell, "insn");

	for (size_t i = s->first; i < s->first + s->n; i++)
		snprintf(f->rows[i].column[0], sizeof(f->rows[i].column[0]), "%.39s",
			 insn ? report_level(f->rows[i].cell, "insn") : s->benchmark);
	head[0] = insn ? "insn" : "benchmark";
	return 1;
}

/* Sections of one benchmark share a caption: what one of them has one level of may vary in another. */
static bool varies_elsewhere(const struct feed *f, size_t section, const char *name)
{
	for (size_t s = 0; s < f->n_sections; s++)
		if ((f->sections[s].together ||
		     !strcmp(f->sections[s].benchmark, f->sections[section].benchmark)) &&
		    key_varies(f, s, name))
			return true;
	return false;
}

/* What a shutdown is of, as `compare --shutdown` calls it. */
static const char *arm_of(const struct report_cell *c)
{
	const char *type = report_level(c, "type");

	if (!*type)
		return "replay";
	if (!strcmp(type, "tdx"))
		return "TD";
	return strcmp(type, "plain") || strcmp(report_level(c, "quirk"), "none") ? "VM"
										 : "plain VM";
}

static size_t arm_column(struct feed *f, const struct feed_section *s, const char **head)
{
	head[0] = "of";
	for (size_t i = s->first; i < s->first + s->n; i++)
		snprintf(f->rows[i].column[0], sizeof(f->rows[i].column[0]), "%s",
			 arm_of(f->rows[i].cell));
	return 1;
}

void label_rows(struct feed *f, size_t section, const char *split)
{
	struct feed_section *s = &f->sections[section];
	const char *head[FEED_COLUMNS] = { "" };
	size_t cols = s->together ? arm_column(f, s, head) : 0, rest = 0;
	size_t leads = LEAD_COLUMNS + cols;
	struct keys keys;

	find_keys(f, section, split, &keys);
	for (size_t k = 0; k < keys.n; k++) {
		if (!keys.varies[k]) {
			if (!varies_elsewhere(f, section, keys.name[k]))
				append_once(f->common, sizeof(f->common), keys.name[k],
					    report_level(row_with(f, section, keys.name[k])->cell,
							 keys.name[k]));
		} else if (!keys.panel[k] && cols < leads) {
			head[cols] = keys.name[k];
			level_column(f, s, keys.name[k], cols++);
		} else if (!keys.panel[k]) {
			rest = leads;
			rest_column(f, s, keys.name[k], rest);
		}
	}
	if (rest)
		head[cols++] = "otherwise";
	if (!cols)
		cols = fallback_column(f, s, head);
	for (size_t c = cols; c < FEED_COLUMNS; c++)
		head[c] = "";
	cols = other_columns(f, s, cols, head);
	join_columns(f, s, cols, head);
}
