/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h: what the fuzz targets share. An abort is a finding. */
#ifndef TDC_TEST_FUZZ_H
#define TDC_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "results/store/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* @name in a folder of this process's own, which goes away with it. */
const char *fuzz_path(const char *name);

/* An empty store, or abort. */
struct store *fuzz_store(void);

/* Its words, where there must be some and they must name @culprit. */
void fuzz_refused(const struct reason *why, const char *culprit);

/* What was taken is sound, and can be exported. */
void fuzz_sound(struct store *s);

/* Nothing is in it. */
void fuzz_empty(struct store *s);

#endif
