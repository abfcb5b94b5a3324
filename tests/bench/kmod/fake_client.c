// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/kmod/fake_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/measure/clock.h"

#define MAX_CPUS (KMOD_MASK_WORDS * 64)
#define PAGE	 4096ul

struct fake_kmod fake;

/* What kmod_pages_*() work on. */
static struct {
	unsigned order;
	uint64_t n;
	uint64_t *words;
} pages;

const char *const kmod_modes[] = { "one", "package", "llc", "core", "all", "turn", NULL };
const char *const kmod_ops[] = { "wbinvd", "wbnoinvd", "nothing", NULL };

void fake_reset(const struct topo *topo)
{
	fake = (struct fake_kmod){
		.topo = topo,
		.features = TDCOST_HAS_WBNOINVD | TDCOST_HAS_MOVDIR64B | TDCOST_HAS_CLFLUSHOPT,
	};
	if (topo)
		topo_pick(topo, TOPO_ONE, &fake.self, 1);
}

/* ---- opening ---- */

int kmod_open(struct kmod *k, const char *root, struct reason *why)
{
	(void)root;
	*k = (struct kmod){ .fd = -1 };
	if (fake.missing)
		return reason_set(why, -ENOTSUP, "%s", fake.missing);
	k->fd = (int)fake.opened;
	k->info = (struct tdcost_info){
		.abi = TDCOST_ABI,
		.features = fake.features,
		.cpus = fake.cpus ? fake.cpus : MAX_CPUS,
		.max_order = 10,
		.max_bytes = 1ull << 30,
		.max_delay_us = 5000000,
		.timeout_ms = 5000,
		.max_rounds = 1ull << 24,
		.version = "fake",
	};
	fake.opened++;
	return 0;
}

void kmod_close(struct kmod *k)
{
	if (k->fd >= 0)
		fake.opened--;
	k->fd = -1;
	if (!fake.opened)
		kmod_pages_free(k, NULL);
}

int kmod_supported(const struct machine *m, unsigned features, struct reason *why)
{
	(void)m;
	if (fake.missing)
		return reason_set(why, -ENOTSUP, "%s", fake.missing);
	if (features & ~fake.features)
		return reason_set(why, -ENOTSUP, "the module finds none of %#x on this CPU",
				  features & ~fake.features);
	return 0;
}

void kmod_mask_set(struct kmod_mask *mask, unsigned cpu)
{
	mask->words[cpu / 64] |= 1ull << cpu % 64;
}

static bool in_mask(const struct kmod_mask *mask, unsigned cpu)
{
	return mask->words[cpu / 64] >> cpu % 64 & 1;
}

/* ---- flushing ---- */

static int object_of(enum tdcost_mode mode, unsigned cpu)
{
	switch (mode) {
	case TDCOST_ONE:
		return 0;
	case TDCOST_PER_PACKAGE:
		return topo_package_of(fake.topo, cpu);
	case TDCOST_PER_LLC:
		return topo_llc_of(fake.topo, cpu);
	case TDCOST_PER_CORE:
		return topo_core_of(fake.topo, cpu);
	default:
		return (int)cpu;
	}
}

/* Return: how many CPUs the module asks of those of @mask, ascending in @asked. */
static unsigned narrow(enum tdcost_mode mode, const struct kmod_mask *mask, unsigned *asked)
{
	static unsigned online[MAX_CPUS];
	static bool seen[MAX_CPUS];
	size_t n = topo_pick(fake.topo, TOPO_ALL, online, MAX_CPUS);
	unsigned n_asked = 0;

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < n; i++) {
		int object = object_of(mode, online[i]);

		if (!in_mask(mask, online[i]) || seen[object])
			continue;
		seen[object] = true;
		asked[n_asked++] = online[i];
	}
	return n_asked;
}

static unsigned another_cpu(unsigned cpu)
{
	unsigned first, n = topo_cpus(fake.topo), all[2];

	topo_pick(fake.topo, TOPO_ALL, all, 2);
	first = all[0];
	return n == 1 ? cpu + 1 : first == cpu ? all[1] : first;
}

static void execute(enum tdcost_op op, unsigned cpu)
{
	if (op == TDCOST_NOTHING)
		return;
	fake.counters[cpu]++;
	if (fake.flush)
		fake.flush(fake.ctx, op, cpu);
}

static void answer(struct tdcost_cpu *r, enum tdcost_op op, unsigned cpu, uint64_t request)
{
	bool faulty = cpu == fake.fault_cpu;
	enum fake_fault fault = faulty ? fake.fault : FAKE_FINE;
	unsigned at = fault == FAKE_WRONG_CPU || fault == FAKE_ELSEWHERE ? another_cpu(cpu) : cpu;
	uint32_t aux;

	*r = (struct tdcost_cpu){ .cpu = fault == FAKE_WRONG_CPU ? at : cpu, .request = request };
	if (fault == FAKE_SILENT)
		return;
	r->start = tick_start();
	if (fault != FAKE_NOT)
		execute(op, at);
	if (fault == FAKE_TWICE)
		execute(op, at);
	r->end = fake.flush_ticks ? r->start + fake.flush_ticks : tick_stop(&aux);
	if (fault == FAKE_BACKWARDS) {
		r->start -= 1000000000;
		r->end -= 1000000000;
	}
	r->flags = TDCOST_CPU_ANSWERED | (fault == FAKE_NOT ? 0 : TDCOST_CPU_FLUSHED) |
		   (cpu == fake.self ? TDCOST_CPU_SELF : 0);
	r->flushes = fake.counters[r->cpu];
}

int kmod_flush(const struct kmod *k, enum tdcost_op op, enum tdcost_mode mode,
	       const struct kmod_mask *mask, struct tdcost_cpu *result, unsigned *n,
	       struct tdcost_flush *f, struct reason *why)
{
	static unsigned asked[MAX_CPUS];
	uint64_t start = tick_start();
	bool silent = false;
	uint32_t aux;

	(void)k;
	fake.calls++;
	fake.op = op;
	fake.mode = mode;
	fake.mask = *mask;
	if (fake.fault == FAKE_BROKEN)
		return reason_set(why, -EBUSY, "a CPU has not answered an earlier call");
	*n = narrow(mode, mask, asked);
	for (unsigned i = 0; i < *n; i++) {
		answer(&result[i], op, asked[i], mode == TDCOST_IN_TURN ? tick_start() : start);
		silent |= !(result[i].flags & TDCOST_CPU_ANSWERED);
	}
	if (fake.fault == FAKE_BEYOND)
		execute(op, fake.fault_cpu);
	if (f)
		*f = (struct tdcost_flush){
			.op = op, .mode = mode, .n = *n, .start = start, .end = tick_stop(&aux)
		};
	return silent ? reason_set(why, -ETIMEDOUT, "a CPU did not answer") : 0;
}

int kmod_counters(const struct kmod *k, uint64_t *counters, unsigned *n, struct reason *why)
{
	(void)why;
	*n = k->info.cpus;
	memcpy(counters, fake.counters, *n * sizeof(*counters));
	return 0;
}

/* ---- the stop sequence ---- */

/* A CPU that is delayed is late, and later than the NMI, by the polls it is asked to wait. */
static uint32_t lateness(const struct tdcost_stop *s, unsigned cpu)
{
	if (cpu != s->delay_cpu || s->delay_us <= s->max_polls)
		return 0;
	return TDCOST_CPU_LATE | (s->delay_us > s->max_polls + 10000 ? TDCOST_CPU_LATE_NMI : 0);
}

int kmod_stop(const struct kmod *k, struct tdcost_stop *s, const struct kmod_mask *flagged,
	      struct tdcost_cpu *result, unsigned *n, struct reason *why)
{
	static unsigned online[MAX_CPUS];
	size_t n_online = topo_pick(fake.topo, TOPO_ALL, online, MAX_CPUS);
	bool silent = false;
	uint32_t aux;

	(void)k;
	fake.calls++;
	fake.op = (enum tdcost_op)s->op;
	fake.mask = *flagged;
	if (fake.fault == FAKE_BROKEN)
		return reason_set(why, -EBUSY, "a CPU has not answered an earlier call");
	s->start = tick_start();
	s->late = s->late_nmi = *n = 0;
	for (size_t i = 0; i < n_online; i++) {
		bool self = online[i] == fake.self;
		bool flushes = self || in_mask(flagged, online[i]);
		struct tdcost_cpu *r = &result[*n];

		if (self && !(s->flags & TDCOST_STOP_SELF))
			continue;
		answer(r, flushes ? (enum tdcost_op)s->op : TDCOST_NOTHING, online[i], s->start);
		if (!flushes)
			r->flags &= ~TDCOST_CPU_FLUSHED;
		r->flags |= lateness(s, online[i]);
		s->late += !!(r->flags & TDCOST_CPU_LATE);
		s->late_nmi += !!(r->flags & TDCOST_CPU_LATE_NMI);
		silent |= !(r->flags & TDCOST_CPU_ANSWERED);
		++*n;
	}
	s->n = *n;
	s->polls = s->late ? s->max_polls : 1;
	s->end = tick_stop(&aux);
	return silent ? reason_set(why, -ETIMEDOUT, "a CPU did not answer") : 0;
}

int kmod_flag(const struct kmod *k, struct tdcost_flag *f, struct reason *why)
{
	volatile char flag = 0;
	uint32_t aux;

	(void)k;
	(void)why;
	f->start = tick_start();
	for (uint64_t i = 0; i < f->rounds; i++)
		if (f->flags & TDCOST_FLAG_STORE)
			flag = !flag;
	f->end = tick_stop(&aux);
	return 0;
}

/* ---- pages of the direct map ---- */

static uint64_t words_of_pages(void)
{
	return pages.n * (PAGE << pages.order) / sizeof(*pages.words);
}

char *fake_pages(uint64_t *bytes)
{
	*bytes = words_of_pages() * sizeof(*pages.words);
	return (char *)pages.words;
}

int kmod_pages_alloc(const struct kmod *k, unsigned order, uint64_t n, int node, struct reason *why)
{
	(void)node;
	if (order > k->info.max_order || n * (PAGE << order) > k->info.max_bytes)
		return reason_set(why, -EINVAL, "the module does not hold that many pages");
	if (pages.words)
		return reason_set(why, -EBUSY, "the file holds pages already");
	pages.order = order;
	pages.n = n;
	pages.words = calloc(words_of_pages(), sizeof(*pages.words));
	return pages.words ? 0 : reason_set(why, -ENOMEM, "out of memory");
}

int kmod_pages_free(const struct kmod *k, struct reason *why)
{
	(void)k;
	(void)why;
	free(pages.words);
	memset(&pages, 0, sizeof(pages));
	return 0;
}

int kmod_pages_fill(const struct kmod *k, uint64_t pattern, enum tdcost_before before,
		    struct reason *why)
{
	(void)k;
	(void)before;
	(void)why;
	for (uint64_t i = 0; i < words_of_pages(); i++)
		pages.words[i] = pattern;
	return 0;
}

int kmod_pages_reset(const struct kmod *k, struct tdcost_reset *r, struct reason *why)
{
	uint32_t aux;

	if (r->flags & TDCOST_RESET_QUIRK && !(k->info.features & TDCOST_HAS_MOVDIR64B))
		return reason_set(why, -EOPNOTSUPP, "this CPU has no MOVDIR64B");
	r->start = tick_start();
	r->calls = (pages.n << (pages.order - r->call_order)) * r->rounds;
	if (r->flags & TDCOST_RESET_QUIRK)
		memset(pages.words, 0, words_of_pages() * sizeof(*pages.words));
	r->end = tick_stop(&aux);
	return 0;
}

int kmod_pages_check(const struct kmod *k, struct tdcost_check *c, struct reason *why)
{
	const unsigned char *bytes = (const unsigned char *)pages.words;

	(void)k;
	if (!bytes)
		return reason_set(why, -ENODATA, "there are no pages: allocate them first");
	c->wrong = c->first = 0;
	for (uint64_t i = 0; i < words_of_pages() * sizeof(*pages.words); i++) {
		if (bytes[i] == (c->pattern >> i % 8 * 8 & 0xff))
			continue;
		if (!c->wrong++)
			c->first = i;
	}
	return 0;
}
