/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tdx_ask.h: single calls to the model, right or wrong, of a TD that has come so far. */
#ifndef TDC_TESTS_BENCH_KVM_TDX_ASK_H
#define TDC_TESTS_BENCH_KVM_TDX_ASK_H

#include "bench/kvm/tdx.h"
#include "tests/bench/kvm/tdx_model.h"

#define ASK_PAGES 8u

extern const struct model_config ask_model;
extern const struct td_config ask_config;

/* A TD after the step @last; NULL: of which there is nothing. */
void stage(struct td *td, const char *last);

int ask(int fd, unsigned long request, const void *argument);
int command(int fd, uint32_t id, uint32_t flags, const void *data);
int region(struct td *td, uint32_t flags, uint64_t source, uint64_t gpa, uint64_t pages);
int pre_fault(struct td *td, uint64_t gpa, uint64_t size, uint64_t flags);
int slot(struct td *td, uint32_t flags, uint64_t size, int memfd);
int attributes(struct td *td, uint64_t size, uint64_t bits, uint64_t flags);
int guest_memfd(struct td *td, uint64_t size, uint64_t flags);
int enable(struct td *td, uint32_t cap, uint64_t argument);

#endif
