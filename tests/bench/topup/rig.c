// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/topup/rig.h"

void rig_open(struct rig *r, enum topup_variant variant)
{
	memset(r, 0, sizeof(*r));
	r->meter.what = TOPUP_METER_ALL;
	assert_int_equal(topup_pool_open(&r->pool, RIG_PAGES, 1), 0);
	topup_source_open(&r->source, &r->pool);
	topup_vm_init(&r->vm, variant);
	topup_vcpu_init(&r->vcpu, &r->vm, &r->source, NULL);
	topup_hand_init(&r->hand);
}

static void see(struct rig *r, struct topup_page *page)
{
	assert_true(page >= r->pool.page && page < r->pool.page + r->pool.n);
	if (page->owner == r->stamp)
		fail_msg("page %td is in two places", page - r->pool.page);
	page->owner = r->stamp;
}

static unsigned walk(struct rig *r, struct list_head *head)
{
	struct list_head *at;
	unsigned n = 0;

	for (at = head->next; at != head; at = at->next, n++) {
		assert_ptr_equal(at->next->prev, at);
		see(r, container_of(at, struct topup_page, lru));
	}
	return n;
}

static unsigned walk_list(struct rig *r, struct topup_list *l)
{
	unsigned n = walk(r, &l->page_list);

	assert_int_equal(l->cnt, n);
	return n;
}

static unsigned walk_array(struct rig *r, struct topup_kvm_array *c)
{
	assert_true(c->nobjs <= c->capacity);
	for (int i = 0; i < c->nobjs; i++)
		see(r, c->objects[i]);
	return (unsigned)c->nobjs;
}

void rig_check(struct rig *r)
{
	struct topup_vcpu *v = &r->vcpu;
	unsigned held, hand, backing;

	r->stamp++;
	held = walk_array(r, &v->sept) + walk_array(r, &v->pamt_array);
	held += walk_list(r, &v->prealloc) + walk_list(r, &v->pamt) + walk_list(r, &v->spare);
	assert_int_equal(held, topup_vcpu_idle(v));
	held += walk_list(r, &r->vm.split.list) + walk_list(r, &r->vm.pamt);
	assert_int_equal(held, topup_vcpu_idle(v) + topup_vm_idle(&r->vm));
	hand = walk(r, &r->hand.pages);
	assert_int_equal(hand, r->hand.sept + r->hand.pamt);
	assert_int_equal(topup_source_live(&r->source), held + hand);
	backing = walk(r, &r->pool.free);
	assert_int_equal(backing, r->pool.n_free);
	backing += walk(r, &r->source.backing.local);
	assert_int_equal(backing + held + hand, r->pool.n);
	assert_int_equal(r->vm.mmu_lock.count, 0);
	assert_int_equal(r->vm.split.lock.held, 0);
	assert_int_equal(pthread_mutex_trylock(&r->vm.lock.lock), 0);
	pthread_mutex_unlock(&r->vm.lock.lock);
}

void pool_check(const struct topup_pool *pool)
{
	const struct list_head *at;
	unsigned n = 0;

	for (at = pool->free.next; at != &pool->free && n <= pool->n; at = at->next)
		n++;
	assert_int_equal(n, pool->n);
	assert_int_equal(pool->n_free, pool->n);
}

void rig_close(struct rig *r)
{
	topup_hand_free(&r->vcpu.ctx, &r->hand);
	topup_vcpu_drain(&r->vcpu);
	topup_vm_drain(&r->vm, &r->vcpu);
	rig_check(r);
	assert_int_equal(topup_source_live(&r->source), 0);
	topup_source_close(&r->source);
	pool_check(&r->pool);
	topup_vm_destroy(&r->vm);
	topup_pool_close(&r->pool);
}
