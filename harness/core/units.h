/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.h: sizes, durations and percentages as people type and read them. K, M, G and T are
 * binary in sizes; GB/s is decimal.
 */
#ifndef TDC_CORE_UNITS_H
#define TDC_CORE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/**
 * size_parse() - "4K", "64M", "1G", "4096" to bytes
 *
 * One optional suffix K, M, G or T (either case, an "iB" or "B" after it is accepted).
 * Return: 0, -EINVAL for anything else, -ERANGE where it does not fit 64 bits.
 */
int size_parse(const char *text, uint64_t *bytes);

/* The shortest exact form: 4096 -> "4K", 4097 -> "4097". Return: @buf. */
char *size_format(uint64_t bytes, char *buf, size_t n);

/**
 * duration_parse() - "60s", "500ms", "2m", "1.5h" to nanoseconds
 *
 * Units ns, us, ms, s, m, h; a number alone is seconds. Return: 0, -EINVAL, -ERANGE.
 */
int duration_parse(const char *text, uint64_t *ns);

/* Three significant digits with the unit that fits: "812 ns", "3.41 us", "12.0 s". Return: @buf. */
char *duration_format(double ns, char *buf, size_t n);

/* A plain number with @digits significant digits and no exponent between 1e-3 and 1e7. */
char *number_format(double v, int digits, char *buf, size_t n);

/**
 * percent_parse() - "1%", "0.5", "3 %" to a share: 0.01, 0.005, 0.03
 *
 * Return: 0, -EINVAL for anything else or below 0, -ERANGE above 1000 %.
 */
int percent_parse(const char *text, double *share);

/* A non-negative decimal integer with nothing after it. Return: 0, -EINVAL, -ERANGE. */
int count_parse(const char *text, uint64_t *v);

#endif
