/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sanitized.h: is this a build with a sanitizer? Those keep books of their own, whose pages are
 * faulted in at any time, and multiply the instructions of whatever lies between two marks.
 */
#ifndef TDC_TESTS_SANITIZED_H
#define TDC_TESTS_SANITIZED_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#endif
