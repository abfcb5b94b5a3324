// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/core/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

int count_parse(const char *text, uint64_t *v)
{
	char *end;
	unsigned long long n;

	/* strtoull() takes "-1" and " 1"; people who type those meant something else. */
	if (!text || !isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end)
		return -EINVAL;
	*v = n;
	return 0;
}

int size_parse(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	char *end;
	unsigned long long n;
	unsigned shift = 0;

	if (!text || !isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end) {
		const char *at = strchr(suffixes, toupper((unsigned char)*end));

		if (at) {
			shift = 10 * (unsigned)(at - suffixes + 1);
			end++;
			if (*end == 'i' && end[1] == 'B')
				end++;
		}
		if (*end == 'B')
			end++;
	}
	if (*end)
		return -EINVAL;
	if (shift && n >> (64 - shift))
		return -ERANGE;
	*bytes = (uint64_t)n << shift;
	return 0;
}

char *size_format(uint64_t bytes, char *buf, size_t n)
{
	static const char suffixes[] = "KMGT";
	int at = -1;

	while (bytes && !(bytes & 1023) && at < 3) {
		bytes >>= 10;
		at++;
	}
	if (at < 0)
		snprintf(buf, n, "%llu", (unsigned long long)bytes);
	else
		snprintf(buf, n, "%llu%c", (unsigned long long)bytes, suffixes[at]);
	return buf;
}

int duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 },   { "s", 1e9 },
		{ "", 1e9 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 },
	};
	char *end;
	double v;

	if (!text || !(isdigit((unsigned char)*text) || *text == '.') || strpbrk(text, "xX"))
		return -EINVAL;
	v = strtod(text, &end);
	if (end == text || !isfinite(v) || v < 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (v * units[i].ns >= 9.2e18)
			return -ERANGE;
		*ns = (uint64_t)llround(v * units[i].ns);
		return 0;
	}
	return -EINVAL;
}

int percent_parse(const char *text, double *share)
{
	char *end;
	double v;

	if (!text || !(isdigit((unsigned char)*text) || *text == '.') || strpbrk(text, "xX"))
		return -EINVAL;
	v = strtod(text, &end);
	end += strspn(end, " ");
	if (*end == '%')
		end++;
	if (*end || !isfinite(v) || v < 0)
		return -EINVAL;
	if (v > 1000)
		return -ERANGE;
	*share = v / 100;
	return 0;
}

char *number_format(double v, int digits, char *buf, size_t n)
{
	int decimals;

	if (!isfinite(v)) {
		snprintf(buf, n, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
		return buf;
	}
	if (v == 0) {
		snprintf(buf, n, "0");
		return buf;
	}
	if (fabs(v) < 1e-3 || fabs(v) >= 1e7) {
		snprintf(buf, n, "%.*e", digits - 1, v);
		return buf;
	}
	decimals = digits - 1 - (int)floor(log10(fabs(v)));
	snprintf(buf, n, "%.*f", decimals > 0 ? decimals : 0, v);
	return buf;
}

char *duration_format(double ns, char *buf, size_t n)
{
	static const struct {
		double from, by;
		const char *name;
	} units[] = {
		{ 3600e9, 3600e9, "h" }, { 60e9, 60e9, "min" }, { 1e9, 1e9, "s" },
		{ 1e6, 1e6, "ms" },	 { 1e3, 1e3, "us" },	{ 0, 1, "ns" },
	};
	char number[64];

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (fabs(ns) < units[i].from)
			continue;
		snprintf(buf, n, "%s %s",
			 number_format(ns / units[i].by, 3, number, sizeof(number)), units[i].name);
		break;
	}
	return buf;
}
