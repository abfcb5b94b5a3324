/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One vCPU of one VM with a pool, for tests in one thread. */
#ifndef TDC_TESTS_BENCH_TOPUP_RIG_H
#define TDC_TESTS_BENCH_TOPUP_RIG_H

#include "bench/topup/pamt.h"
#include "bench/topup/source_user.h"
#include "bench/topup/variant.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define RIG_PAGES     1024

struct rig {
	struct topup_pool pool;
	struct topup_source source;
	struct topup_meter meter;
	struct topup_vm vm;
	struct topup_vcpu vcpu;
	struct topup_hand hand;
	uint64_t stamp;
};

void rig_open(struct rig *r, enum topup_variant variant);

/* All locks are free, all counts right, and every page is in one place. */
void rig_check(struct rig *r);

/* Free the hand, drain the caches: every page is back in the pool. */
void rig_close(struct rig *r);

/* Every page of it is in its list, once. */
void pool_check(const struct topup_pool *pool);

#endif
