/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TDC_CORE_NEAREST_H
#define TDC_CORE_NEAREST_H

#include <stddef.h>

/**
 * nearest_name() - the name that somebody who typed @typed most likely meant
 * @names: @n names, none NULL
 *
 * By optimal string alignment distance (Damerau-Levenshtein without overlapping edits), a
 * shared prefix breaking ties. Return: one of @names, NULL only when @n is 0.
 */
const char *nearest_name(const char *typed, const char *const *names, size_t n);

#endif
