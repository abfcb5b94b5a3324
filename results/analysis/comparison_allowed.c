// SPDX-License-Identifier: GPL-2.0-or-later
/* What may be compared: one decision, in one place. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "results/analysis/comparison.h"

/*
 * What a kernel's version or build decides where nobody sets it. Left out though a kernel may change
 * them: governor, frequencies, clocksource and turbo, which decide what a figure is.
 */
static const char *const kernel_keys[] = {
	/* the kernel itself */
	"kernel", "kernel_build", "kernel_flag", "preempt", "realtime", "mitigation*", "ftrace",
	/* defaults of the scheduler and the watchdogs */
	"sched_autogroup", "sched_rt_runtime_us", "timer_migration", "nmi_watchdog",
	"soft_watchdog", "perf_event_paranoid", "aslr", "mmap_rnd_bits",
	/* drivers and what they offer */
	"clocksources", "cpuidle_*", "pstate_status", "amd_pstate_status", "scaling_driver",
	/* defaults of memory management */
	"thp_*", "khugepaged_*", "numa_balancing", "compaction_proactiveness", "zone_reclaim_mode",
	"zswap",
	/* defaults of KVM, and parameters that older kernels lack */
	"kvm_tdp_mmu", "kvm_nx_huge_pages", "kvm_halt_poll_ns", "kvm_intel_tdx", "kvm_amd_sev_snp",
	"tdx_host_platform", NULL
};
static const char *const mitigations_keys[] = { "mitigation*", "boot_mitigations", "command_line",
						NULL };
/* "host": the machine itself, which is compared by its id. */
static const char *const host_keys[] = { "host",	 "cpu_*",	"microcode",   "topology",
					 "cpus*",	 "memory_mib",	"numa_nodes",  "system_*",
					 "bios_version", "mitigation*", "smt_*",       "kvm_*",
					 "scaling_*",	 "tdx_*",	"hypervisor*", NULL };

/* A part of the memory is the kernel's own: less than this share of it. */
#define KERNEL_MEMORY (1 / 32.)

static bool near_memory(const json_t *a, const json_t *b)
{
	double x = json_number_value(a), y = json_number_value(b);

	return x > 0 && y > 0 && fabs(x - y) < KERNEL_MEMORY * fmin(x, y);
}

/* The next word of a command line that is not the name of a kernel's file. */
static const char *next_word(const char **at, size_t *n)
{
	const char *word;

	do {
		word = *at + strspn(*at, " ");
		*n = strcspn(word, " ");
		*at = word + *n;
	} while (*n && (!strncmp(word, "BOOT_IMAGE=", 11) || !strncmp(word, "initrd=", 7)));
	return word;
}

static bool same_words(const json_t *a, const json_t *b)
{
	const char *x = json_string_value(a), *y = json_string_value(b), *v, *w;
	size_t n, m;

	if (!x || !y)
		return false;
	do {
		v = next_word(&x, &n);
		w = next_word(&y, &m);
	} while (n && n == m && !strncmp(v, w, n));
	return !n && !m;
}

/* Keys of which a kernel decides a part: it may differ in that part alone. */
static const struct {
	const char *key;
	bool (*in_part)(const json_t *a, const json_t *b);
} kernel_parts[] = { { "memory_mib", near_memory }, { "command_line", same_words } };

/* Keys that come and go together: one word after --across. A '*' ends a prefix. */
static const struct group {
	const char *name;
	const char *const *keys;
} groups[] = {
	{ "mitigations", mitigations_keys },
	{ "kernel", kernel_keys },
	{ "host", host_keys },
};

#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static bool key_matches(const char *pattern, const char *key)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return !strncmp(pattern, key, n - 1);
	return !strcmp(pattern, key);
}

static const char *key_of(const json_t *difference)
{
	return json_string_value(json_object_get(difference, "key"));
}

static bool group_covers(const struct group *g, const json_t *difference)
{
	const char *key = key_of(difference);

	for (size_t i = 0; g->keys[i]; i++)
		if (key_matches(g->keys[i], key))
			return true;
	for (size_t i = 0; i < sizeof(kernel_parts) / sizeof(kernel_parts[0]); i++)
		if (g->keys == kernel_keys && !strcmp(kernel_parts[i].key, key))
			return kernel_parts[i].in_part(json_object_get(difference, "a"),
						       json_object_get(difference, "b"));
	return false;
}

static bool named(const json_t *difference, const char *const *across, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (key_matches(across[i], key_of(difference)))
			return true;
		for (size_t g = 0; g < N_GROUPS; g++)
			if (!strcmp(groups[g].name, across[i]) &&
			    group_covers(&groups[g], difference))
				return true;
	}
	return false;
}

/* ---- what differs, and the option that allows it ---- */

/* Between the first run and every other one, less what --across names. */
struct differences {
	json_t *list;		    /* of {key, a, b}; a key may be there more than once */
	const struct report *other; /* the first run that differs */
	size_t runs;		    /* how many differ */
};

/* Is this the first difference in its key? */
static bool first_in_key(const json_t *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(key_of(json_array_get(list, k)), key_of(json_array_get(list, i))))
			return false;
	return true;
}

static bool in_set(const json_t *difference, unsigned set)
{
	for (size_t g = 0; g < N_GROUPS; g++)
		if (set & 1u << g && group_covers(&groups[g], difference))
			return true;
	return false;
}

/* Is there a difference in this key that the groups of @set do not cover? */
static bool key_left(const json_t *list, const char *key, unsigned set)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);

		if (!strcmp(key_of(d), key) && !in_set(d, set))
			return true;
	}
	return false;
}

/* Write "kernel,governor". Return: how many words it has. */
static size_t write_words(const json_t *list, unsigned set, char *buf, size_t size)
{
	size_t words = 0, used = 0;

	*buf = '\0';
	for (size_t g = 0; g < N_GROUPS; g++)
		if (set & 1u << g && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s",
						 words++ ? "," : "", groups[g].name);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *key = key_of(json_array_get(list, i));

		if (!first_in_key(list, i) || !key_left(list, key, set))
			continue;
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", words ? "," : "",
						 key);
		words++;
	}
	if (used >= size)
		snprintf(buf, size, "'*'");
	return words;
}

/* What to write after --across: the fewest words, and the fewest groups among them. */
static void write_option(const json_t *list, char *buf, size_t size)
{
	unsigned best = 0;
	size_t least = write_words(list, 0, buf, size);

	for (unsigned set = 1; set < 1u << N_GROUPS; set++) {
		size_t words = write_words(list, set, buf, size);

		if (words < least) {
			least = words;
			best = set;
		}
	}
	write_words(list, best, buf, size);
}

static void value_text(const json_t *v, char *buf, size_t n)
{
	char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	snprintf(buf, n, "%.40s", text ? text : json_is_string(v) ? json_string_value(v) : "?");
	free(text);
}

/* Write "key (a -> b); ..." as far as there is room. Return: how many keys there are. */
static size_t write_keys(const json_t *list, char *buf, size_t size)
{
	size_t keys = 0, used = 0;

	*buf = '\0';
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);
		char a[48], b[48], one[192];

		if (!first_in_key(list, i))
			continue;
		value_text(json_object_get(d, "a"), a, sizeof(a));
		value_text(json_object_get(d, "b"), b, sizeof(b));
		snprintf(one, sizeof(one), "%s (%s -> %s)", key_of(d), a, b);
		if (used + strlen(one) + sizeof("; ...") < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", keys ? "; " : "",
						 one);
		else if (used + sizeof("; ...") < size) {
			snprintf(buf + used, size - used, "; ...");
			used = size;
		}
		keys++;
	}
	return keys;
}

static int refuse_differences(const struct report *x, const struct differences *d,
			      struct reason *why)
{
	char list[400], option[400], others[40] = "";
	size_t keys = write_keys(d->list, list, sizeof(list));

	write_option(d->list, option, sizeof(option));
	if (d->runs > 1)
		snprintf(others, sizeof(others), " and %zu more", d->runs - 1);
	return reason_set(why, -EINVAL,
			  "the environments of %.8s and %.8s%s differ in %zu key%s: %s; if that is "
			  "the question, add --across %s",
			  x->data.run.uuid, d->other->data.run.uuid, others, keys,
			  keys == 1 ? "" : "s", list, option);
}

/* Another machine is a difference of its own, also where all that is known of it agrees. */
static void add_hosts(json_t *list, const struct report *x, const struct report *y)
{
	const struct store_run_data *a = &x->data, *b = &y->data;
	bool names = strcmp(a->run.host, b->run.host);

	if (strcmp(a->host_id, b->host_id))
		json_array_insert_new(list, 0,
				      json_pack("{s:s, s:s, s:s}", "key", "host", "a",
						names ? a->run.host : a->host_id, "b",
						names ? b->run.host : b->host_id));
}

static int add_differences(struct differences *out, const struct report *x, const struct report *y,
			   const char *const *across, size_t n, struct reason *why)
{
	json_t *a = json_loads(x->data.identity, 0, NULL),
	       *b = json_loads(y->data.identity, 0, NULL);
	json_t *list = a && b ? json_differences(a, b) : NULL;
	size_t before = json_array_size(out->list);

	if (list)
		add_hosts(list, x, y);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!named(json_array_get(list, i), across, n))
			json_array_append(out->list, json_array_get(list, i));
	if (json_array_size(out->list) > before) {
		out->other = out->runs ? out->other : y;
		out->runs++;
	}
	json_decref(a);
	json_decref(b);
	json_decref(list);
	return list ? 0
		    : reason_set(why, -EINVAL,
				 "run %.8s or %.8s holds no environment; try `tdcost db check`",
				 x->data.run.uuid, y->data.run.uuid);
}

static const struct report_cell *cell_of(const struct report *r, const char *benchmark)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (!strcmp(r->cells[i].row->benchmark, benchmark))
			return &r->cells[i];
	return NULL;
}

static int same_benchmarks(const struct report *x, const struct report *y, struct reason *why)
{
	for (size_t i = 0; i < x->n_cells; i++) {
		const struct report_cell *a = &x->cells[i], *b = cell_of(y, a->row->benchmark);

		if (!b)
			continue;
		if (a->row->version != b->row->version)
			return reason_set(
				why, -EINVAL,
				"%s is version %u in run %.8s and %u in %.8s: its figures changed "
				"their meaning; measure again with one version",
				a->row->benchmark, a->row->version, x->data.run.uuid,
				b->row->version, y->data.run.uuid);
		if (a->metric && b->metric &&
		    (strcmp(a->metric->quantity, b->metric->quantity) ||
		     strcmp(a->metric->per, b->metric->per)))
			return reason_set(
				why, -EINVAL,
				"%s measures a %s per %s in run %.8s and a %s per %s in %.8s",
				a->row->benchmark, a->metric->quantity, a->metric->per,
				x->data.run.uuid, b->metric->quantity, b->metric->per,
				y->data.run.uuid);
	}
	return 0;
}

static int pair_allowed(const struct report *x, const struct report *y, struct reason *why)
{
	const struct store_run_row *a = &x->data.run, *b = &y->data.run;

	if (a->clock != b->clock)
		return reason_set(
			why, -EINVAL,
			"run %.8s counts %s and run %.8s %s: different clocks are never compared",
			a->uuid, clock_unit_name(a->clock), b->uuid, clock_unit_name(b->clock));
	if (a->lane != b->lane)
		return reason_set(
			why, -EINVAL,
			"run %.8s is of lane %s and run %.8s of lane %s: lanes are never mixed",
			a->uuid, lane_name(a->lane), b->uuid, lane_name(b->lane));
	if (report_synthetic(x) != report_synthetic(y))
		return reason_set(why, -EINVAL,
				  "run %.8s is synthetic and run %.8s was measured: what was made "
				  "up is never "
				  "compared with what was not",
				  report_synthetic(x) ? a->uuid : b->uuid,
				  report_synthetic(x) ? b->uuid : a->uuid);
	return same_benchmarks(x, y, why);
}

/* One run is one sample: it cannot speak for both sides. */
static int no_overlap(const struct report *const *a, size_t na, const struct report *const *b,
		      size_t nb, struct reason *why)
{
	for (size_t i = 0; i < na; i++)
		for (size_t k = 0; k < nb; k++)
			if (!strcmp(a[i]->data.run.uuid, b[k]->data.run.uuid))
				return reason_set(why, -EINVAL,
						  "run %.8s is on both sides; name runs that are "
						  "on one side only",
						  a[i]->data.run.uuid);
	return 0;
}

int comparison_allowed(const struct report *const *a, size_t na, const struct report *const *b,
		       size_t nb, const char *const *across, size_t n_across, struct reason *why)
{
	struct differences d = { .list = json_array() };
	int ret = d.list ? no_overlap(a, na, b, nb, why) : -ENOMEM;

	/* What is never allowed comes first: no option helps there. */
	for (size_t i = 1; i < na + nb && !ret; i++)
		ret = pair_allowed(a[0], i < na ? a[i] : b[i - na], why);
	for (size_t i = 1; i < na + nb && !ret; i++)
		ret = add_differences(&d, a[0], i < na ? a[i] : b[i - na], across, n_across, why);
	if (!ret && d.runs)
		ret = refuse_differences(a[0], &d, why);
	json_decref(d.list);
	return ret;
}
