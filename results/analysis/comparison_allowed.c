// SPDX-License-Identifier: GPL-2.0-or-later
/* What may be compared: one decision, in one place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/hash.h"
#include "results/analysis/comparison.h"

/* Keys that come and go together: one word behind --across. A '*' ends a prefix. */
static const struct {
	const char *group;
	const char *keys[16];
} groups[] = {
	{ "kernel",
	  { "kernel", "kernel_build", "kernel_flag", "preempt", "realtime", "mitigation*", "ftrace",
	    NULL } },
	{ "mitigations", { "mitigation*", "boot_mitigations", "command_line", NULL } },
	{ "host",
	  { "cpu_*", "microcode", "topology", "cpus*", "memory_mib", "numa_nodes", "system_*",
	    "bios_version", "mitigation*", "smt_*", "kvm_*", "scaling_*", "tdx_*", "hypervisor*",
	    NULL } },
};

static bool key_matches(const char *pattern, const char *key)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return !strncmp(pattern, key, n - 1);
	return !strcmp(pattern, key);
}

static bool named(const char *key, const char *const *across, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (key_matches(across[i], key))
			return true;
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
			if (strcmp(groups[g].group, across[i]))
				continue;
			for (size_t k = 0; groups[g].keys[k]; k++)
				if (key_matches(groups[g].keys[k], key))
					return true;
		}
	}
	return false;
}

static void value_text(const json_t *v, char *buf, size_t n)
{
	char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	snprintf(buf, n, "%.40s", text ? text : json_is_string(v) ? json_string_value(v) : "?");
	free(text);
}

/* Add the differences that @across does not name to @list. Return: how many were added. */
static size_t list_differences(const json_t *differences, const char *const *across, size_t n,
			       char *list, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(differences); i++) {
		const json_t *d = json_array_get(differences, i);
		const char *key = json_string_value(json_object_get(d, "key"));
		char a[48], b[48];
		size_t at = strlen(list);

		if (named(key, across, n))
			continue;
		value_text(json_object_get(d, "a"), a, sizeof(a));
		value_text(json_object_get(d, "b"), b, sizeof(b));
		snprintf(list + at, size - at, "%s%s (%s -> %s)", at ? "; " : "", key, a, b);
		count++;
	}
	return count;
}

static int same_environment(const struct report *x, const struct report *y,
			    const char *const *across, size_t n, struct reason *why)
{
	json_t *a = json_loads(x->data.identity, 0, NULL),
	       *b = json_loads(y->data.identity, 0, NULL);
	json_t *differences = a && b ? json_differences(a, b) : NULL;
	char list[720] = "";
	size_t count = 0;
	int ret = 0;

	if (!differences)
		ret = reason_set(why, -EINVAL,
				 "run %.8s or %.8s holds no environment; try `tdcost db check`",
				 x->data.run.uuid, y->data.run.uuid);
	else
		count = list_differences(differences, across, n, list, sizeof(list));
	if (count)
		ret = reason_set(
			why, -EINVAL,
			"the environments of %.8s and %.8s differ in %zu key%s: %s; if that is "
			"the question, name them with --across KEY[,KEY]",
			x->data.run.uuid, y->data.run.uuid, count, count == 1 ? "" : "s", list);
	json_decref(differences);
	json_decref(a);
	json_decref(b);
	return ret;
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

static int pair_allowed(const struct report *x, const struct report *y, const char *const *across,
			size_t n, struct reason *why)
{
	const struct store_run_row *a = &x->data.run, *b = &y->data.run;
	int ret;

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
	ret = same_benchmarks(x, y, why);
	return ret ? ret : same_environment(x, y, across, n, why);
}

int comparison_allowed(const struct report *const *a, size_t na, const struct report *const *b,
		       size_t nb, const char *const *across, size_t n_across, struct reason *why)
{
	int ret = 0;

	for (size_t i = 1; i < na && !ret; i++)
		ret = pair_allowed(a[0], a[i], across, n_across, why);
	for (size_t i = 0; i < nb && !ret; i++)
		ret = pair_allowed(a[0], b[i], across, n_across, why);
	return ret;
}
