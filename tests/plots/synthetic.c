// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/plots/synthetic.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "tests/plots/synthetic_draw.h"

#define MAX_LEVELS 16
#define MAX_CELLS  512
#define IDENTITY   "{\"kernel\":\"6.18.0-invented\",\"synthetic\":true}"

/* One factor's levels as asked. */
struct levels {
	const char *factor;
	bool paired;
	char text[256];
	const char *level[MAX_LEVELS]; /* in @text */
	unsigned n;
};

struct made_cell {
	unsigned group, arm;
	const char *level[SYNTHETIC_FACTORS];
	char *factors;
	char hash[HASH_TEXT];
};

struct made {
	const struct synthetic *ask;
	const struct synthetic_bench *bench;
	struct levels factor[SYNTHETIC_FACTORS];
	unsigned n_factors, n_groups;
	struct made_cell cell[MAX_CELLS];
	unsigned n_cells;
};

/* The word behind "NAME=" in @levels, else @usual. Return: is it named? */
static bool find_levels(const char *levels, const char *name, const char *usual, char *buf,
			size_t n)
{
	size_t len = strlen(name);

	for (const char *p = levels; *p; p += strspn(p, " ")) {
		size_t word = strcspn(p, " ");

		if (!strncmp(p, name, len) && p[len] == '=') {
			snprintf(buf, n, "%.*s", (int)(word - len - 1), p + len + 1);
			return true;
		}
		p += word;
	}
	snprintf(buf, n, "%s", usual);
	return false;
}

static int take_factors(struct made *m, struct reason *why)
{
	unsigned named = 0, words = 0;

	for (const struct synthetic_factor *f = m->bench->factors; f->name; f++) {
		struct levels *l = &m->factor[m->n_factors++];
		char *save = NULL;

		*l = (struct levels){ .factor = f->name, .paired = f->paired };
		named += find_levels(m->ask->levels, f->name, f->usual, l->text, sizeof(l->text));
		for (char *p = strtok_r(l->text, ",", &save); p && l->n < MAX_LEVELS;
		     p = strtok_r(NULL, ",", &save))
			l->level[l->n++] = p;
	}
	for (const char *p = m->ask->levels; *p; p++)
		words += *p == '=';
	if (named == words)
		return 0;
	return reason_set(why, -EINVAL, "%s: a factor that %s does not have", m->ask->levels,
			  m->bench->name);
}

/* The @i'th of all combinations, the last factor counting fastest. */
static void pick_levels(const struct made *m, unsigned i, struct made_cell *c)
{
	unsigned groups = 1;

	c->group = 0;
	for (unsigned f = m->n_factors; f-- > 0;) {
		unsigned at = i % m->factor[f].n;

		i /= m->factor[f].n;
		c->level[f] = m->factor[f].level[at];
		if (!m->factor[f].paired) {
			c->group += at * groups;
			groups *= m->factor[f].n;
		}
	}
}

static int make_cells(struct made *m, struct reason *why)
{
	unsigned n = 1;

	for (unsigned f = 0; f < m->n_factors; f++)
		n *= m->factor[f].n;
	if (n > MAX_CELLS)
		return reason_set(why, -EINVAL, "%u cells are too many", n);
	for (; m->n_cells < n; m->n_cells++) {
		struct made_cell *c = &m->cell[m->n_cells];
		json_t *factors = json_object();

		pick_levels(m, m->n_cells, c);
		for (unsigned i = 0; i < m->n_cells; i++)
			c->arm += m->cell[i].group == c->group;
		if (c->group >= m->n_groups)
			m->n_groups = c->group + 1;
		for (unsigned f = 0; f < m->n_factors; f++)
			json_object_set_new(factors, m->factor[f].factor, json_string(c->level[f]));
		c->factors = json_canonical(factors);
		json_decref(factors);
		if (!c->factors)
			return reason_set(why, -ENOMEM, "out of memory");
		hash_cell(m->bench->name, m->bench->metrics->version, c->factors, c->hash);
	}
	return 0;
}

/* ---- into the store ---- */

static int put_boot(struct store *s, int64_t *boot, struct reason *why)
{
	char hash[HASH_TEXT];
	const struct store_host host = { .id = "nowhere",
					 .name = "nowhere",
					 .cpu = "Invented CPU, 2 x 32",
					 .family = 6,
					 .packages = SYNTHETIC_PACKAGES,
					 .llcs = SYNTHETIC_PACKAGES,
					 .cpus = SYNTHETIC_CPUS,
					 .memory = 1ull << 39 };
	const struct store_boot b = { .boot_id = "never",
				      .host = host.id,
				      .environment = hash,
				      .identity = IDENTITY,
				      .lane = LANE_HOST,
				      .clock = CLOCK_UNIT_NS,
				      .tick_hz = SYNTHETIC_HZ,
				      .resolution = 2,
				      .overhead = 0 };
	int ret;

	hash_text(IDENTITY, hash);
	ret = store_put_host(s, &host, why);
	return ret ? ret : store_put_boot(s, &b, boot, why);
}

static char *paired_names(const struct made *m)
{
	json_t *list = json_array();
	char *text;

	for (unsigned f = 0; f < m->n_factors; f++)
		if (m->factor[f].paired)
			json_array_append_new(list, json_string(m->factor[f].factor));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

/* What another instruction stands in for. */
static enum kind kind_of(const struct made *m, const struct made_cell *c)
{
	for (unsigned f = 0; f < m->n_factors; f++)
		if (!strcmp(c->level[f], "sweep") || !strcmp(c->level[f], "clzero"))
			return KIND_ANALOGUE;
	return KIND_MEASURED;
}

static int put_run(struct store *s, const struct made *m, int64_t boot, struct reason *why)
{
	struct store_cell *cells = calloc(m->n_cells, sizeof(*cells));
	char *paired = paired_names(m), plan[64];
	const struct store_run run = { .uuid = m->ask->uuid,
				       .label = m->ask->label,
				       .argv = "[\"nothing was run\"]",
				       .plan = plan,
				       .tool = "synthetic",
				       .varying = "{}",
				       .boot = boot,
				       .started = 1 };
	size_t n_metrics = 0;
	int ret;

	snprintf(plan, sizeof(plan), "{\"rounds\":%u}", m->ask->rounds);
	while (m->bench->metrics[n_metrics].name)
		n_metrics++;
	for (unsigned i = 0; cells && i < m->n_cells; i++)
		cells[i] =
			(struct store_cell){ .hash = m->cell[i].hash,
					     .benchmark = m->bench->name,
					     .version = m->bench->metrics->version,
					     .factors = m->cell[i].factors,
					     .paired = paired,
					     .arm_group = m->cell[i].group,
					     .arm = m->cell[i].arm,
					     .kind = kind_of(m, &m->cell[i]),
					     .reason = kind_of(m, &m->cell[i]) ? "made up" : NULL,
					     .asked = m->cell[i].factors };
	ret = cells && paired ? store_begin_run(s, &run, m->bench->metrics, n_metrics, cells,
						m->n_cells, why)
			      : reason_set(why, -ENOMEM, "out of memory");
	free(paired);
	free(cells);
	return ret;
}

/* What one process made. */
struct batch {
	struct sample *samples;
	struct store_part *parts;
	size_t n_samples, n_parts;
};

static void draw_sample(const struct made *m, const struct made_cell *c, unsigned block,
			struct synthetic_draw *d, struct batch *b)
{
	d->n_factors = m->n_factors;
	for (unsigned f = 0; f < m->n_factors; f++) {
		d->factor[f] = m->factor[f].factor;
		d->level[f] = c->level[f];
	}
	d->seq = (uint32_t)b->n_samples;
	d->work = 1;
	d->n_parts = 0;
	m->bench->draw(d);
	b->samples[b->n_samples++] = (struct sample){
		.seq = d->seq,
		.arm = c->arm,
		.block = (int32_t)block,
		.ticks = (uint64_t)(d->ns * SYNTHETIC_HZ / 1e9) + 1,
		.work = d->work,
	};
	memcpy(b->parts + b->n_parts, d->part, d->n_parts * sizeof(*d->part));
	b->n_parts += d->n_parts;
}

static int put_invocation(struct store *s, const struct made *m, int64_t boot, unsigned round,
			  struct synthetic_draw *d, struct reason *why)
{
	struct store_invocation *inv = calloc(m->n_groups, sizeof(*inv));
	struct batch *b = calloc(m->n_groups, sizeof(*b));
	size_t most = (size_t)m->n_cells * m->ask->blocks;
	int ret = inv && b ? 0 : -ENOMEM;

	for (unsigned g = 0; g < m->n_groups && !ret; g++) {
		b[g].samples = calloc(most, sizeof(*b[g].samples));
		b[g].parts = calloc(most * SYNTHETIC_PARTS, sizeof(*b[g].parts));
		if (!b[g].samples || !b[g].parts) {
			ret = -ENOMEM;
			break;
		}
		d->place = exp(0.01 * synthetic_noise(d));
		for (unsigned block = 0; block < m->ask->blocks; block++)
			for (unsigned c = 0; c < m->n_cells; c++)
				if (m->cell[c].group == g)
					draw_sample(m, &m->cell[c], block, d, &b[g]);
		inv[g] = (struct store_invocation){ .round = round,
						    .position = g,
						    .arm_group = g,
						    .setup = "{}",
						    .varying = "{}",
						    .started = 1,
						    .samples = b[g].samples,
						    .n_samples = b[g].n_samples,
						    .parts = b[g].parts,
						    .n_parts = b[g].n_parts };
	}
	ret = ret ? reason_set(why, ret, "out of memory")
		  : store_put_round(s, m->ask->uuid, boot, inv, m->n_groups, why);
	for (unsigned g = 0; b && g < m->n_groups; g++) {
		free(b[g].samples);
		free(b[g].parts);
	}
	free(b);
	free(inv);
	return ret;
}

static int put_all(struct store *s, const struct made *m, struct reason *why)
{
	const struct store_flag bad = { FLAG_VERIFY, true, 0, m->ask->fatal, "made up as well" };
	struct synthetic_draw *d = calloc(1, sizeof(*d));
	int64_t boot = 0;
	int ret = d ? put_boot(s, &boot, why) : reason_set(why, -ENOMEM, "out of memory");

	if (!ret)
		ret = put_run(s, m, boot, why);
	if (!ret && m->ask->fatal >= 0)
		ret = store_put_flags(s, m->ask->uuid, &bad, 1, why);
	for (unsigned round = 0; round < m->ask->rounds && !ret; round++) {
		d->state = 977 * round + 1;
		ret = put_invocation(s, m, boot, round, d, why);
	}
	free(d);
	return ret ? ret : store_end_run(s, m->ask->uuid, RUN_DONE, 2, why);
}

int synthetic_run(struct store *s, const struct synthetic *ask, struct reason *why)
{
	struct made *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return reason_set(why, -ENOMEM, "out of memory");
	m->ask = ask;
	for (m->bench = synthetic_benches; m->bench->name; m->bench++)
		if (!strcmp(m->bench->name, ask->benchmark))
			break;
	ret = m->bench->name ? take_factors(m, why)
			     : reason_set(why, -EINVAL, "%s: not a benchmark that is made up here",
					  ask->benchmark);
	if (!ret)
		ret = make_cells(m, why);
	if (!ret)
		ret = put_all(s, m, why);
	for (unsigned i = 0; i < m->n_cells; i++)
		free(m->cell[i].factors);
	free(m);
	return ret;
}
