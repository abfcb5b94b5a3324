// SPDX-License-Identifier: GPL-2.0-or-later
/* What all caches that are lists share. */
#include "bench/topup/hooks.h"

void topup_list_drain(struct topup_ctx *ctx, struct topup_list *l)
{
	struct topup_page *page;

	while ((page = topup_list_get(ctx, l)))
		topup_free(ctx, page);
}

int topup_spare_topup(struct topup_vcpu *v, unsigned int splits)
{
	struct topup_page *page;

	while (v->spare.cnt < TDX_SPLIT_SEPT_PAGES * splits) {
		page = topup_alloc(&v->ctx, TOPUP_SLEEP);
		if (!page)
			return -ENOMEM;
		topup_list_put(&v->ctx, &v->spare, page);
	}
	return 0;
}

struct topup_page *topup_spare_get(struct topup_vcpu *v)
{
	return topup_list_get(&v->ctx, &v->spare);
}
